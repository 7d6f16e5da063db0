/*
 * What the hosts share. A host is a program that uses the library as telephony software does, and
 * counts what it tried. It ends with 0 and one line of figures, or at the first check that fails. So a
 * line with lost=0 is printed only if nothing was lost.
 *
 * The test names the gateway in the environment: HOST_URL, HOST_CA, HOST_PROXY.
 */
#ifndef HOST_H
#define HOST_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HOST_VALGRIND
#include <valgrind/memcheck.h>
#endif

#include "itnio.h"

#define KEY "bDqJFiq9"
#define SECRET "7bz1lzh9"

/* Ends this process, the first one or a child, with a message. */
#define FAIL(...)                                                            \
    do {                                                                     \
        fprintf(stderr, "%s:%d: [%d] ", __FILE__, __LINE__, (int)getpid());  \
        fprintf(stderr, __VA_ARGS__);                                        \
        fprintf(stderr, "\n");                                               \
        fflush(stderr);                                                      \
        _exit(1);                                                            \
    } while (0)

#define CHECK(condition)                 \
    do {                                 \
        if (!(condition))                \
            FAIL("check failed: %s", #condition); \
    } while (0)

/* For functions that return 0 or an error number. */
#define ZERO(call)                                          \
    do {                                                    \
        int error_ = (call);                                \
        if (error_ != 0)                                    \
            FAIL("%s: %s", #call, strerror(error_));        \
    } while (0)

/* By which factor time limits are longer under an instrument. */
static inline int slowdown(void)
{
    const char *times = getenv("HOST_SLOWDOWN");
    return times != NULL ? atoi(times) : 1;
}

/* Kills this process after so many seconds, even if it blocks every signal. A child does not inherit the
   timer. alarm() and setitimer() stay free for the tests. */
static inline void watchdog(int seconds)
{
    struct sigevent kill_me = {0};
    struct itimerspec at = {0};
    timer_t timer;
    kill_me.sigev_notify = SIGEV_SIGNAL;
    kill_me.sigev_signo = SIGKILL;
    at.it_value.tv_sec = seconds * slowdown();
    CHECK(timer_create(CLOCK_MONOTONIC, &kill_me, &timer) == 0);
    CHECK(timer_settime(timer, 0, &at, NULL) == 0);
}

/* Not clock_gettime(): a host may replace that for the library. */
static inline double now_ms(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Processor time of this process. */
static inline double processor_ms(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static inline void sleep_ms(int milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* A counter that threads and forked processes share. */
typedef unsigned long counter;

static inline counter *shared_counters(size_t count)
{
    counter *shared = mmap(NULL, count * sizeof *shared, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

static inline counter add(counter *to, counter amount)
{
    return __atomic_add_fetch(to, amount, __ATOMIC_SEQ_CST);
}

static inline counter read_counter(const counter *from)
{
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}

static inline itnio_config config_with(const char *url, const char *ca, const char *proxy,
                                       uint32_t connect_ms, uint32_t timeout_ms)
{
    itnio_config config = {0};
    config.api_key = KEY;
    config.api_secret = SECRET;
    config.base_url = url;
    config.ca_file = ca;
    config.proxy = proxy;
    config.connect_timeout_ms = connect_ms;
    config.timeout_ms = timeout_ms;
    return config;
}

static inline itnio_client *client_with(const char *url, const char *ca, const char *proxy,
                                        uint32_t connect_ms, uint32_t timeout_ms)
{
    itnio_config config = config_with(url, ca, proxy, connect_ms, timeout_ms);
    itnio_client *client;
    char *reason;
    if (itnio_client_new(&config, &client, &reason) != ITNIO_OK)
        FAIL("no client for %s: %s", url, reason);
    CHECK(client != NULL && reason == NULL);
    return client;
}

static inline const char *url_from_env(void)
{
    const char *url = getenv("HOST_URL");
    CHECK(url != NULL);
    return url;
}

static inline const char *proxy_from_env(void)
{
    const char *proxy = getenv("HOST_PROXY");
    return proxy != NULL ? proxy : "";
}

/* Its time limits are long enough for a busy machine. */
static inline itnio_client *client_from_env(void)
{
    return client_with(url_from_env(), getenv("HOST_CA"), proxy_from_env(), 20000, 20000);
}

/* A number that no other call has, made of the numbers of the caller and of the call. */
static inline const char *callee_of(char callee[16], unsigned caller, unsigned number)
{
    snprintf(callee, 16, "86%04u%07u", caller % 10000, number % 10000000);
    return callee;
}

static inline itnio_sip_request request_to(const char *callee)
{
    itnio_sip_request request = {0};
    request.callee = callee;
    request.account = "1001";
    request.app_id = "host";
    return request;
}

/* A text that takes six times this length in JSON. The caller frees it. */
static inline char *escaped_text(size_t length)
{
    char *text = calloc(length + 1, 1);
    CHECK(text != NULL);
    return memset(text, '\1', length);
}

/* The called_info of the calls; NULL: the process that places them. */
static const char *called_info;

/* Places a call, and checks what the header promises for every result. The recording ID has to be the one
   that the gateway made for this callee: four digits, then the callee. The request's called_info is the
   process ID, for the gateway's diary. */
static inline itnio_result place_with_reason(const itnio_client *client, const char *callee, char text[256])
{
    itnio_sip_request request = request_to(callee);
    itnio_result result;
    int32_t status = 12345;
    char info[24], own[32];
    char *id = own, *reason = own;
    snprintf(info, sizeof info, "%d", (int)getpid());
    request.called_info = called_info != NULL ? called_info : info;
    result = itnio_send_sip(client, &request, &status, &id, &reason);
    CHECK((result == ITNIO_OK) == (id != NULL));
    CHECK((result == ITNIO_OK) == (reason == NULL));
    CHECK(status == (result == ITNIO_OK ? 0 : status) && status != 12345);
    snprintf(own, sizeof own, "%015lld", atoll(callee));
    if (id != NULL && (strlen(id) != 19 || strcmp(id + 4, own) != 0))
        FAIL("wrong recording ID: %s for %s", id, callee);
    snprintf(text, 256, "%s", reason != NULL ? reason : "");
    itnio_free_string(id);
    itnio_free_string(reason);
    return result;
}

static inline itnio_result place(const itnio_client *client, const char *callee)
{
    char text[256];
    return place_with_reason(client, callee, text);
}

/* Places a call that has to end with this result. */
static inline void expect(const itnio_client *client, const char *callee, itnio_result expected)
{
    char text[256];
    itnio_result result = place_with_reason(client, callee, text);
    if (result != expected)
        FAIL("call to %s: %d (%s), not %d", callee, (int)result, text, (int)expected);
}

static inline void start(pthread_t *thread, void *(*work)(void *), void *with)
{
    ZERO(pthread_create(thread, NULL, work, with));
}

static inline void join(pthread_t thread)
{
    ZERO(pthread_join(thread, NULL));
}

/* Starts threads that get their number, from 0, as argument. */
static inline void start_all(pthread_t *threads, unsigned count, void *(*work)(void *))
{
    size_t i;
    for (i = 0; i < count; i++)
        start(&threads[i], work, (void *)i);
}

static inline void join_all(const pthread_t *threads, unsigned count)
{
    unsigned i;
    for (i = 0; i < count; i++)
        join(threads[i]);
}

static int leaks_ignored;

#ifdef __SANITIZE_ADDRESS__
int __lsan_is_turned_off(void);

/* LeakSanitizer calls it. */
int __lsan_is_turned_off(void)
{
    return leaks_ignored;
}
#endif

/* From now on no instrument looks for leaks in this process. */
static inline void ignore_leaks(void)
{
    leaks_ignored = 1;
#ifdef HOST_VALGRIND
    VALGRIND_CLO_CHANGE("--leak-check=no");
#endif
}

/* Forks. The child has a watchdog of its own. It has none of the other threads, so what these had allocated
   looks like a leak there. */
static inline pid_t fork_watched(void)
{
    pid_t child;
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        ignore_leaks();
        watchdog(30);
    }
    return child;
}

/* Waits for a child that has to end with 0. */
static inline void reap(pid_t child)
{
    int status = 0;
    pid_t reaped;
    do
        reaped = waitpid(child, &status, 0);
    while (reaped < 0 && errno == EINTR);
    CHECK(reaped == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        FAIL("child %d ended with status %#x%s", (int)child, status,
             WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? ": by its watchdog" : "");
}

/* Calls `seen` with each open descriptor, except the one that this function opens. */
static inline void for_each_descriptor(void (*seen)(int descriptor, void *with), void *with)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
            seen(atoi(entry->d_name), with);
    closedir(directory);
}

static inline void count_one(int descriptor, void *with)
{
    (void)descriptor;
    ++*(int *)with;
}

static inline int count_descriptors(void)
{
    int count = 0;
    for_each_descriptor(count_one, &count);
    return count;
}

/* The threads of this process. ThreadSanitizer has one more for itself, from the first pthread_create(). */
static inline int count_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
#ifdef __SANITIZE_THREAD__
    if (count > 1)
        count--;
#endif
    return count;
}

/* Bytes that the host and the library have allocated and not freed. */
static inline long allocated(void)
{
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();
    return (long)(info.uordblks + info.hblkhd);
#else
    FAIL("this libc does not count");
#endif
}

static inline long resident_kib(void)
{
    long size, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* One of the things that a host can do. One of the functions is set: `run`, or `run_with` for a mode that
   takes the arguments after its name. */
struct host_mode {
    const char *name;
    void (*run)(void);
    void (*run_with)(int count, char **arguments);
};

#define COUNT(array) (sizeof (array) / sizeof *(array))

/* Runs the mode that argv resolver. Returns what main() has to return. */
static inline int run_mode(int argc, char **argv, const struct host_mode *modes, size_t count)
{
    const struct host_mode *mode = NULL;
    size_t i;
    for (i = 0; i < count; i++) {
        CHECK(modes[i].name != NULL && (modes[i].run != NULL) != (modes[i].run_with != NULL));
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0) {
            CHECK(mode == NULL); /* no name twice */
            mode = &modes[i];
        }
    }
    if (mode == NULL) {
        fprintf(stderr, "modes:");
        for (i = 0; i < count; i++)
            fprintf(stderr, " %s", modes[i].name);
        fprintf(stderr, "\n");
        FAIL("no such mode: %s", argc > 1 ? argv[1] : "");
    }
    if (mode->run != NULL) {
        CHECK(argc == 2);
        mode->run();
    } else {
        mode->run_with(argc - 2, argv + 2);
    }
    return 0;
}

#endif
