/*
 * What calls leave behind: descriptors, threads, memory. argv: one of the modes at the end of this file.
 * A way to fail: result|connect_timeout_ms|timeout_ms|proxy|url, with a ! in front where the client is to be
 * shut down meanwhile.
 */
#include "host_names.h"

#include <stdarg.h>
#include <sys/socket.h>

enum { ROUNDS = 40, SETTLED = 8, THREADS = 8 };

static counter opened;

/* Everything that the library opens comes by here, and is never without close-on-exec, not even for a
   moment: another thread may fork and exec in that moment. */
int socket(int domain, int type, int protocol)
{
    CHECK(type & SOCK_CLOEXEC);
    add(&opened, 1);
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
    CHECK(type & SOCK_CLOEXEC);
    add(&opened, 2);
    return (int)syscall(SYS_socketpair, domain, type, protocol, pair);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    int mode;
    CHECK(flags & O_CLOEXEC);
    add(&opened, 1);
    va_start(rest, flags);
    mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* A way to fail. */
struct way {
    int shut_down;
    itnio_result result;
    uint32_t connect_ms, timeout_ms;
    const char *proxy, *url;
};

static struct way read_way(char *text)
{
    struct way way;
    way.shut_down = text[0] == '!';
    text += way.shut_down;
    way.result = (itnio_result)atoi(strsep(&text, "|"));
    way.connect_ms = (uint32_t)atoi(strsep(&text, "|"));
    way.timeout_ms = (uint32_t)atoi(strsep(&text, "|"));
    way.proxy = strsep(&text, "|");
    way.url = text;
    CHECK(way.url != NULL);
    return way;
}

static counter calls, busy;

static void *shut_down(void *client)
{
    sleep_ms(20);
    itnio_client_shutdown(client);
    return NULL;
}

static void *fail(void *of_way)
{
    const struct way *way = of_way;
    itnio_client *client =
        client_with(way->url, getenv("HOST_CA"), way->proxy, way->connect_ms, way->timeout_ms);
    double began = now_ms();
    int i;
    pthread_t other;
    char said[256];
    if (way->shut_down)
        start(&other, shut_down, client);
    /* A second time with the same client, unless that would take long. */
    for (i = 0; i < 2 && now_ms() - began < 40; i++) {
        itnio_result result = place_said(client, "8613000000001", said);
        add(&calls, 1);
        if (way->shut_down)
            CHECK(result == ITNIO_SHUT_DOWN || result == ITNIO_CONNECTION_LOST);
        else if (result != way->result)
            FAIL("%s by %s: %d (%s), not %d", way->url, way->proxy, (int)result, said,
                 (int)way->result);
    }
    if (way->shut_down)
        join(other);
    itnio_client_free(client);
    add(&busy, (counter)-1);
    return NULL;
}

/* What had been open before, valgrind's own among it, and how many others were looked at. */
static char inherited[1 << 16];
static counter seen;

static void mark(int descriptor, void *unused)
{
    (void)unused;
    CHECK(descriptor < (int)sizeof inherited);
    inherited[descriptor] = 1;
}

static void close_on_exec(int descriptor, void *unused)
{
    int flags = fcntl(descriptor, F_GETFD);
    (void)unused;
    if (descriptor < (int)sizeof inherited && inherited[descriptor])
        return;
    if (flags < 0)
        return; /* closed meanwhile */
    CHECK(flags & FD_CLOEXEC);
    add(&seen, 1);
}

/* Nothing the caller can do wrong leaves anything behind, either. */
static void misuse(void)
{
    itnio_config config = {0};
    itnio_client *client;
    char *reason;
    int i;
    for (i = 0; i < 3; i++) {
        config.api_key = i == 0 ? NULL : KEY;
        config.api_secret = SECRET;
        config.base_url = i == 1 ? "http://example.com" : NULL;
        config.ca_file = i == 2 ? "/nowhere" : NULL;
        CHECK(itnio_client_new(&config, &client, &reason) == ITNIO_INVALID_ARGUMENT);
        CHECK(client == NULL && reason != NULL);
        itnio_free_string(reason);
        itnio_client_free(client);
    }
    CHECK(itnio_send_sip(NULL, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    itnio_client_shutdown(NULL);
    itnio_free_string(NULL);
}

static void wait_for_threads(int count)
{
    int i;
    for (i = 0; tasks() > count; i++) {
        CHECK(i < 5000);
        sleep_ms(1);
    }
}

/* Every failure at once, again and again. The arguments: the ways to fail. */
static void rounds(int count, char **arguments)
{
    struct way *ways = calloc((size_t)count, sizeof *ways);
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    int descriptors_before, threads_before = tasks(), round, i;
    long settled = 0, grown, resident = 0;
    CHECK(count > 0 && ways != NULL && threads != NULL);
    for (i = 0; i < count; i++)
        ways[i] = read_way(arguments[i]);
    for_each_descriptor(mark, NULL);
    descriptors_before = descriptors();
    for (round = 0; round < ROUNDS; round++) {
        add(&busy, (counter)count);
        for (i = 0; i < count; i++)
            start(&threads[i], fail, &ways[i]);
        misuse();
        while (read_counter(&busy) > 0) {
            for_each_descriptor(close_on_exec, NULL);
            sleep_ms(1);
        }
        join_all(threads, (unsigned)count);
        wait_for_threads(threads_before);
        if (descriptors() != descriptors_before)
            FAIL("%d descriptors, %d before", descriptors(), descriptors_before);
        if (round == SETTLED) {
            settled = allocated();
            resident = resident_kib();
        }
    }
    grown = allocated() - settled;
    free(threads);
    free(ways);
    CHECK(seen > 0);
    printf("ways=%d rounds=%d calls=%lu opened=%lu without_cloexec=0 descriptors_left=0 "
           "threads_left=0 allocated=%ld grown=%ld resident_grown_kib=%ld\n",
           count, ROUNDS, calls, opened, allocated(), grown, resident_kib() - resident);
}

static itnio_client *client;
static unsigned calls_each;
static pthread_barrier_t halfway;

static void *call_often(void *number)
{
    unsigned who = (unsigned)(size_t)number, i;
    char callee[16];
    for (i = 0; i < calls_each; i++) {
        /* All at rest, while the main thread weighs the process. */
        if (i == calls_each / 5 || i == calls_each - 1) {
            pthread_barrier_wait(&halfway);
            pthread_barrier_wait(&halfway);
        }
        expect(client, callee_of(callee, who, i), ITNIO_OK);
    }
    return NULL;
}

/* Many calls on one client. The argument: how many. */
static void many(int count, char **arguments)
{
    pthread_t threads[THREADS];
    long allocated_at[2], resident_at[2];
    int descriptors_at[2], descriptors_before = descriptors();
    double began = now_ms();
    unsigned i;
    CHECK(count == 1);
    calls_each = (unsigned)atoi(arguments[0]) / THREADS;
    client = client_given();
    ZERO(pthread_barrier_init(&halfway, NULL, THREADS + 1));
    start_all(threads, THREADS, call_often);
    for (i = 0; i < 2; i++) {
        pthread_barrier_wait(&halfway);
        allocated_at[i] = allocated();
        resident_at[i] = resident_kib();
        descriptors_at[i] = descriptors();
        pthread_barrier_wait(&halfway);
    }
    join_all(threads, THREADS);
    itnio_client_free(client);
    printf("calls=%u seconds=%.1f allocated=%ld grown=%ld resident_kib=%ld resident_grown_kib=%ld "
           "descriptors_grown=%d descriptors_left=%d lost=0\n",
           calls_each * THREADS, (now_ms() - began) / 1000, allocated_at[1],
           allocated_at[1] - allocated_at[0], resident_at[1], resident_at[1] - resident_at[0],
           descriptors_at[1] - descriptors_at[0], descriptors() - descriptors_before);
}

/* More descriptors than select() can take, and then none at all. */
static void crowded(void)
{
    enum { LIMIT = 1500 };
    struct rlimit limit;
    int taken[LIMIT], count = 0, i;
    itnio_client *fresh, *none;
    char *reason;
    itnio_config config = config_with("http://127.0.0.1:1", NULL, NULL, 0, 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = LIMIT;
    CHECK(limit.rlim_max >= LIMIT && setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 1200)
        CHECK((taken[count++] = dup(0)) >= 0);
    client = client_given();
    fresh = client_given();
    expect(client, "8600000000001", ITNIO_OK);
    while (count < LIMIT && (taken[count] = dup(0)) >= 0)
        count++;
    CHECK(errno == EMFILE);
    expect(client, "8600000000002", ITNIO_OK); /* over the kept connection */
    expect(fresh, "8600000000003", ITNIO_CONNECT_FAILED);
    CHECK(!itnio_may_have_dialed(ITNIO_CONNECT_FAILED));
    CHECK(itnio_client_new(&config, &none, &reason) == ITNIO_CONNECT_FAILED);
    CHECK(none == NULL && reason != NULL);
    itnio_free_string(reason);
    for (i = 0; i < count; i++)
        close(taken[i]);
    expect(fresh, "8600000000004", ITNIO_OK);
    itnio_client_free(fresh);
    itnio_client_free(client);
    printf("descriptors=%d calls=4 lost=0\n", count);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"rounds", NULL, rounds},
        {"many", NULL, many},
        {"crowded", crowded, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
