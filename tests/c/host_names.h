/*
 * A name service of the host's own: getaddrinfo() as the library finds it (link with -rdynamic). It
 * answers, fails or hangs as it is told; but nowhere.test has no address, and slow.test takes 300 ms.
 */
#ifndef HOST_NAMES_H
#define HOST_NAMES_H

#include "host.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Addresses to answer with, separated by spaces; "": there is none; NULL: no answer at all. */
    const char *answer;
    int asked;
    int asking;
    /* The signals that were blocked as it was last asked. */
    sigset_t blocked;
} names = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "127.0.0.1", 0, 0, {{0}}};

static inline void names_answer(const char *answer)
{
    pthread_mutex_lock(&names.lock);
    names.answer = answer;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.lock);
}

/* One of the counts. */
static inline int names_count(const int *of)
{
    int count;
    pthread_mutex_lock(&names.lock);
    count = *of;
    pthread_mutex_unlock(&names.lock);
    return count;
}

/* How often it has been asked so far. */
static inline int names_asked(void)
{
    return names_count(&names.asked);
}

/* How many wait for its answer now. */
static inline int names_asking(void)
{
    return names_count(&names.asking);
}

static inline struct addrinfo *names_entry(const char *address)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *entry = calloc(1, sizeof *entry);
    CHECK(entry != NULL && inet_pton(AF_INET, address, &entry->address.sin_addr) == 1);
    entry->address.sin_family = AF_INET;
    entry->info.ai_family = AF_INET;
    entry->info.ai_socktype = SOCK_STREAM;
    entry->info.ai_addr = (struct sockaddr *)&entry->address;
    entry->info.ai_addrlen = sizeof entry->address;
    return &entry->info;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    char addresses[128];
    char *address, *rest = addresses;
    struct addrinfo **end = found;
    (void)service, (void)hints;
    if (strcmp(name, "nowhere.test") == 0)
        return EAI_NONAME;
    if (strcmp(name, "slow.test") == 0)
        sleep_ms(300 * slower());
    pthread_mutex_lock(&names.lock);
    names.asked++;
    names.asking++;
    pthread_sigmask(SIG_SETMASK, NULL, &names.blocked);
    while (names.answer == NULL)
        pthread_cond_wait(&names.changed, &names.lock);
    names.asking--;
    snprintf(addresses, sizeof addresses, "%s", names.answer);
    pthread_mutex_unlock(&names.lock);
    *found = NULL;
    while ((address = strtok_r(rest, " ", &rest)) != NULL) {
        *end = names_entry(address);
        end = &(*end)->ai_next;
    }
    return *found != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

#endif
