/*
 * Descriptors, threads and memory that calls may leak. argv: one of the modes at the end of this file.
 * A failure is described by result|connect_timeout_ms|timeout_ms|proxy|url; after a ! the client is shut down
 * during the call.
 */
#include "host_resolver.h"

#include <stdarg.h>
#include <sys/socket.h>

/* Memory is compared from round WARM_UP on. */
enum { ROUNDS = 40, WARM_UP = 8, THREADS = 8 };

static counter opened;

/* Every descriptor that the library opens needs close-on-exec from the start: another thread may fork and
   exec at any moment. */
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

struct failure {
    int shut_down;
    itnio_result result;
    uint32_t connect_ms, timeout_ms;
    const char *proxy, *url;
};

static struct failure read_failure(char *text)
{
    struct failure failure;
    failure.shut_down = text[0] == '!';
    text += failure.shut_down;
    failure.result = (itnio_result)atoi(strsep(&text, "|"));
    failure.connect_ms = (uint32_t)atoi(strsep(&text, "|"));
    failure.timeout_ms = (uint32_t)atoi(strsep(&text, "|"));
    failure.proxy = strsep(&text, "|");
    failure.url = text;
    CHECK(failure.url != NULL);
    return failure;
}

static counter calls, busy;

static void *shut_down(void *client)
{
    sleep_ms(20);
    itnio_client_shutdown(client);
    return NULL;
}

static void *fail(void *with)
{
    const struct failure *failure = with;
    itnio_client *client =
        client_with(failure->url, getenv("HOST_CA"), failure->proxy, failure->connect_ms, failure->timeout_ms);
    double began = now_ms();
    int i;
    pthread_t other;
    char reason[256];
    if (failure->shut_down)
        start(&other, shut_down, client);
    /* A second time with the same client, unless that would take long. */
    for (i = 0; i < 2 && now_ms() - began < 40; i++) {
        itnio_result result = place_with_reason(client, "8613000000001", reason);
        add(&calls, 1);
        if (failure->shut_down)
            CHECK(result == ITNIO_SHUT_DOWN || result == ITNIO_CONNECTION_LOST);
        else if (result != failure->result)
            FAIL("%s by %s: %d (%s), not %d", failure->url, failure->proxy, (int)result, reason,
                 (int)failure->result);
    }
    if (failure->shut_down)
        join(other);
    itnio_client_free(client);
    add(&busy, (counter)-1);
    return NULL;
}

/* The descriptors that were open at the start, also valgrind's; and how many others were checked. */
static char open_before[1 << 16];
static counter checked;

static void note_open(int descriptor, void *unused)
{
    (void)unused;
    CHECK(descriptor < (int)sizeof open_before);
    open_before[descriptor] = 1;
}

static void check_close_on_exec(int descriptor, void *unused)
{
    int flags = fcntl(descriptor, F_GETFD);
    (void)unused;
    if (descriptor < (int)sizeof open_before && open_before[descriptor])
        return;
    if (flags < 0)
        return; /* closed meanwhile */
    CHECK(flags & FD_CLOEXEC);
    add(&checked, 1);
}

/* Invalid arguments leak nothing, either. */
static void pass_invalid_arguments(void)
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
    for (i = 0; count_threads() > count; i++) {
        CHECK(i < 5000);
        sleep_ms(1);
    }
}

/* All failures at once, in many rounds. The arguments: the failures. */
static void rounds(int count, char **arguments)
{
    struct failure *failures = calloc((size_t)count, sizeof *failures);
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    int descriptors_before, threads_before = count_threads(), round, i;
    long allocated_before = 0, grown, resident_before = 0;
    CHECK(count > 0 && failures != NULL && threads != NULL);
    for (i = 0; i < count; i++)
        failures[i] = read_failure(arguments[i]);
    for_each_descriptor(note_open, NULL);
    descriptors_before = count_descriptors();
    for (round = 0; round < ROUNDS; round++) {
        add(&busy, (counter)count);
        for (i = 0; i < count; i++)
            start(&threads[i], fail, &failures[i]);
        pass_invalid_arguments();
        while (read_counter(&busy) > 0) {
            for_each_descriptor(check_close_on_exec, NULL);
            sleep_ms(1);
        }
        join_all(threads, (unsigned)count);
        wait_for_threads(threads_before);
        if (count_descriptors() != descriptors_before)
            FAIL("%d descriptors, %d before", count_descriptors(), descriptors_before);
        if (round == WARM_UP) {
            allocated_before = allocated();
            resident_before = resident_kib();
        }
    }
    grown = allocated() - allocated_before;
    free(threads);
    free(failures);
    CHECK(checked > 0);
    printf("failures=%d rounds=%d calls=%lu opened=%lu without_cloexec=0 descriptors_left=0 "
           "threads_left=0 allocated=%ld grown=%ld resident_grown_kib=%ld\n",
           count, ROUNDS, calls, opened, allocated(), grown, resident_kib() - resident_before);
}

static itnio_client *client;
static unsigned calls_each;
static pthread_barrier_t measuring;

static void *call_often(void *number)
{
    unsigned caller = (unsigned)(size_t)number, i;
    char callee[16];
    for (i = 0; i < calls_each; i++) {
        /* No thread is in a call while the main thread measures memory. */
        if (i == calls_each / 5 || i == calls_each - 1) {
            pthread_barrier_wait(&measuring);
            pthread_barrier_wait(&measuring);
        }
        expect(client, callee_of(callee, caller, i), ITNIO_OK);
    }
    return NULL;
}

/* The argument: how many. */
static void many_calls(int count, char **arguments)
{
    pthread_t threads[THREADS];
    long allocated_at[2], resident_at[2];
    int descriptors_at[2], descriptors_before = count_descriptors();
    double began = now_ms();
    unsigned i;
    CHECK(count == 1);
    calls_each = (unsigned)atoi(arguments[0]) / THREADS;
    client = client_from_env();
    ZERO(pthread_barrier_init(&measuring, NULL, THREADS + 1));
    start_all(threads, THREADS, call_often);
    for (i = 0; i < 2; i++) {
        pthread_barrier_wait(&measuring);
        allocated_at[i] = allocated();
        resident_at[i] = resident_kib();
        descriptors_at[i] = count_descriptors();
        pthread_barrier_wait(&measuring);
    }
    join_all(threads, THREADS);
    itnio_client_free(client);
    printf("calls=%u seconds=%.1f allocated=%ld grown=%ld resident_kib=%ld resident_grown_kib=%ld "
           "descriptors_grown=%d descriptors_left=%d lost=0\n",
           calls_each * THREADS, (now_ms() - began) / 1000, allocated_at[1],
           allocated_at[1] - allocated_at[0], resident_at[1], resident_at[1] - resident_at[0],
           descriptors_at[1] - descriptors_at[0], count_descriptors() - descriptors_before);
}

/* More descriptors than select() can take, and then none left. */
static void many_descriptors(void)
{
    enum { LIMIT = 1500 };
    struct rlimit limit;
    int copies[LIMIT], count = 0, i;
    itnio_client *unused, *none;
    char *reason;
    itnio_config config = config_with("http://127.0.0.1:1", NULL, NULL, 0, 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = LIMIT;
    CHECK(limit.rlim_max >= LIMIT && setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 1200)
        CHECK((copies[count++] = dup(0)) >= 0);
    client = client_from_env();
    unused = client_from_env();
    expect(client, "8600000000001", ITNIO_OK);
    while (count < LIMIT && (copies[count] = dup(0)) >= 0)
        count++;
    CHECK(errno == EMFILE);
    expect(client, "8600000000002", ITNIO_OK); /* over the idle connection */
    expect(unused, "8600000000003", ITNIO_CONNECT_FAILED);
    CHECK(!itnio_may_have_dialed(ITNIO_CONNECT_FAILED));
    CHECK(itnio_client_new(&config, &none, &reason) == ITNIO_CONNECT_FAILED);
    CHECK(none == NULL && reason != NULL);
    itnio_free_string(reason);
    for (i = 0; i < count; i++)
        close(copies[i]);
    expect(unused, "8600000000004", ITNIO_OK);
    itnio_client_free(unused);
    itnio_client_free(client);
    printf("descriptors=%d calls=4 lost=0\n", count);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"rounds", NULL, rounds},
        {"many-calls", NULL, many_calls},
        {"many-descriptors", many_descriptors, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
