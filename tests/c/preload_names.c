/*
 * A name service for LD_PRELOAD: getaddrinfo() that logs each lookup and resolves the names of the tests.
 * NAMES_LOG: a file that gets a line with the name for each lookup. Of the names that end in .test, the
 * lookup of hang.test never ends, dual.test is ::1 and then 127.0.0.1, and all others are 127.0.0.1. A name in
 * NAMES_OTHER ("name address address ...") has these addresses. With NAMES_LOCALHOST, localhost has that one. Any
 * other name goes to the real getaddrinfo().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static lookup *real_getaddrinfo(void)
{
    union {
        void *object;
        lookup *function;
    } found;
    found.object = dlsym(RTLD_NEXT, "getaddrinfo");
    return found.function;
}

static void log_lookup(const char *name)
{
    const char *path = getenv("NAMES_LOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0) {
        char line[300];
        int length = snprintf(line, sizeof line, "%s\n", name);
        if (write(file, line, (size_t)length) != length)
            abort();
        close(file);
    }
}

/* By the real getaddrinfo(), so that the real freeaddrinfo() can free it. */
static int resolve_to(const char *address, const char *service, const struct addrinfo *hints,
                   struct addrinfo **found)
{
    return real_getaddrinfo()(address, service, hints, found);
}

/* These addresses, separated by spaces, in their order. */
static int resolve_to_all(const char *addresses, const char *service, const struct addrinfo *hints,
                          struct addrinfo **found)
{
    char list[200];
    char *address, *rest = list;
    *found = NULL;
    snprintf(list, sizeof list, "%s", addresses);
    while ((address = strtok_r(rest, " ", &rest)) != NULL) {
        while (*found != NULL)
            found = &(*found)->ai_next;
        if (resolve_to(address, service, hints, found) != 0)
            return EAI_FAIL;
    }
    return 0;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    const char *localhost = getenv("NAMES_LOCALHOST");
    const char *other = getenv("NAMES_OTHER");
    size_t length = strlen(name);
    log_lookup(name);
    if (other != NULL && strncmp(other, name, length) == 0 && other[length] == ' ')
        return resolve_to_all(other + length, service, hints, found);
    if (localhost != NULL && strcmp(name, "localhost") == 0)
        return resolve_to(localhost, service, hints, found);
    /* A dot behind it says that it is a whole name. */
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length < 5 || strncmp(name + length - 5, ".test", 5) != 0)
        return real_getaddrinfo()(name, service, hints, found);
    if (strcmp(name, "hang.test") == 0)
        for (;;)
            pause();
    if (strcmp(name, "dual.test") == 0)
        return resolve_to_all("::1 127.0.0.1", service, hints, found);
    return resolve_to("127.0.0.1", service, hints, found);
}
