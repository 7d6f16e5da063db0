/*
 * A slow system, for LD_PRELOAD. SLOW_CONNECT_MS: connect() returns that much later, so that the first data
 * of the server has arrived. SLOW_RECV_MS: the same for a recv() of 2 KiB or more. SLOW_ROUND_TRIP_US: the
 * round-trip time in TCP_INFO. SLOW_ASKED: a file for the number of TIOCOUTQ requests, written at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void wait_for(const char *name)
{
    const char *value = getenv(name);
    long ms = value ? atol(value) : 0;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    int error = errno;
    nanosleep(&time, NULL);
    errno = error;
}

/* In glibc with _GNU_SOURCE the first is a union. */
#ifdef __GLIBC__
typedef __CONST_SOCKADDR_ARG address_argument;
typedef unsigned long ioctl_request;
#else
typedef const struct sockaddr *address_argument;
typedef int ioctl_request;
#endif

int connect(int fd, address_argument address, socklen_t length)
{
    static int (*next)(int, address_argument, socklen_t);
    int result;
    if (next == NULL)
        *(void **)&next = real("connect");
    result = next(fd, address, length);
    wait_for("SLOW_CONNECT_MS");
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
        wait_for("SLOW_RECV_MS");
    return result;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    static int (*next)(int, int, int, void *, socklen_t *);
    const char *round_trip = getenv("SLOW_ROUND_TRIP_US");
    int result;
    if (next == NULL)
        *(void **)&next = real("getsockopt");
    result = next(fd, level, name, value, length);
    if (round_trip != NULL && level == IPPROTO_TCP && name == TCP_INFO)
        ((struct tcp_info *)value)->tcpi_rtt = (unsigned)atol(round_trip);
    return result;
}

static int asked;

int ioctl(int fd, ioctl_request request, ...)
{
    static int (*next)(int, ioctl_request, void *);
    void *argument;
    va_list list;
    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (next == NULL)
        *(void **)&next = real("ioctl");
    asked += request == TIOCOUTQ;
    return next(fd, request, argument);
}

__attribute__((destructor)) static void end(void)
{
    const char *name = getenv("SLOW_ASKED");
    FILE *file = name != NULL ? fopen(name, "w") : NULL;
    if (file != NULL) {
        fprintf(file, "%d\n", asked);
        fclose(file);
    }
}
