/*
 * A slow system, for LD_PRELOAD. SLOW_CONNECT_MS: connect() returns that much later, so that what the
 * other side says first is there. SLOW_RECV_MS: likewise recv(), where it has brought 2 KiB or more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

/* As <sys/socket.h> has them, but for the union that glibc makes of the address there. */
int connect(int fd, const void *address, unsigned length);
ssize_t recv(int fd, void *buffer, size_t size, int flags);

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void rest(const char *name)
{
    const char *value = getenv(name);
    long ms = value ? atol(value) : 0;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    int error = errno;
    nanosleep(&time, NULL);
    errno = error;
}

int connect(int fd, const void *address, unsigned length)
{
    static int (*next)(int, const void *, unsigned);
    int result;
    if (next == NULL)
        *(void **)&next = real("connect");
    result = next(fd, address, length);
    rest("SLOW_CONNECT_MS");
    return result;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    static ssize_t (*next)(int, void *, size_t, int);
    ssize_t result;
    if (next == NULL)
        *(void **)&next = real("recv");
    result = next(fd, buffer, size, flags);
    if (result >= 2048)
        rest("SLOW_RECV_MS");
    return result;
}
