/*
 * A host that cancels threads with the asynchronous cancellation type: they may be cancelled at any
 * instruction, also inside the library. argv: one of the modes at the end of this file. HOST_SILENT: a
 * gateway that sends no response.
 */
#include "host.h"

#include <poll.h>
#include <sched.h>

enum stage { BEFORE, IN_NEW, IN_SEND, IN_SHUTDOWN, IN_FREE, AFTER };

/* What a thread does. It may be cancelled at any step. */
struct work {
    itnio_client *volatile client;
    volatile enum stage stage, cancel_in;
    volatile int cancelled, closed, not_cancelled;
    char *id, *reason;
    double began;
};

static __thread struct work *mine;

/* Called at the library's system calls. */
static void cancel_if_in(enum stage stage)
{
    if (mine != NULL && mine->stage == stage && mine->cancel_in == stage && !mine->cancelled) {
        mine->cancelled = 1;
        ZERO(pthread_cancel(pthread_self()));
    }
}

/* Called by itnio_client_new(), which creates no file. */
int open(const char *path, int flags, ...)
{
    cancel_if_in(IN_NEW);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* Called by itnio_send_sip(). */
int poll(struct pollfd *events, nfds_t count, int timeout)
{
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    cancel_if_in(IN_SEND);
    return ppoll(events, count, timeout < 0 ? NULL : &limit, NULL);
}

/* Called by itnio_client_shutdown() and itnio_client_free(). */
int close(int descriptor)
{
    cancel_if_in(IN_SHUTDOWN);
    cancel_if_in(IN_FREE);
    if (mine != NULL && mine->stage == IN_FREE)
        mine->closed = 1;
    return (int)syscall(SYS_close, descriptor);
}

static void set_cancellation(int state, int type)
{
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    ZERO(pthread_setcanceltype(type, NULL));
    ZERO(pthread_setcancelstate(state, NULL));
}

static const char *url;
static int invalid_calls; /* calls without a request, which return at once */
static uint32_t timeout_ms = 20000;

/* All functions of the library, once, or until the thread is cancelled at any moment. The host itself only
   stores here: nothing of its own is interrupted halfway. */
static void *use_library(void *work)
{
    struct work *me = work;
    const char *ca = strncmp(url, "https", 5) == 0 ? getenv("HOST_CA") : NULL;
    itnio_config config = config_with(url, ca, "", timeout_ms, timeout_ms);
    itnio_sip_request request = request_to("8613000000001");
    mine = me;
    me->began = now_ms();
    set_cancellation(PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS);
    do {
        me->stage = IN_NEW;
        if (itnio_client_new(&config, (itnio_client **)&me->client, NULL) != ITNIO_OK)
            break;
        me->stage = IN_SEND;
        itnio_send_sip(me->client, invalid_calls ? NULL : &request, NULL, &me->id, &me->reason);
        me->stage = IN_SHUTDOWN;
        itnio_free_string(me->id);
        itnio_free_string(me->reason);
        itnio_may_have_dialed(ITNIO_OK);
        itnio_result_message(ITNIO_OK);
        itnio_status_message(0);
        itnio_version();
        itnio_client_shutdown(me->client);
        me->stage = IN_FREE;
        itnio_client_free(me->client);
        me->stage = AFTER;
        me->client = NULL;
        me->closed = 0;
    } while (me->cancel_in == BEFORE);
    me->not_cancelled = 1;
    return NULL;
}

/* Checks that the thread was cancelled, and frees what it left. */
static void check_cancelled(pthread_t thread, struct work *work)
{
    void *result;
    ZERO(pthread_join(thread, &result));
    CHECK(!work->not_cancelled && work->stage != BEFORE);
    CHECK(result == PTHREAD_CANCELED);
    if (work->client != NULL && work->stage != AFTER && !work->closed)
        itnio_client_free(work->client);
}

/* Cancelled inside each function: the function finishes its work, and then the thread ends. */
static void inside_each(void)
{
    enum stage stage;
    int before, rounds = 0;
    pthread_t thread;
    for (stage = IN_NEW; stage <= IN_FREE; stage++) {
        struct work work = {0};
        before = count_descriptors();
        url = url_from_env();
        work.cancel_in = stage;
        start(&thread, use_library, &work);
        check_cancelled(thread, &work);
        CHECK(work.cancelled && work.stage == stage);
        CHECK(work.client != NULL);                /* written before the thread ended */
        CHECK(stage != IN_SEND || work.id != NULL);
        CHECK(work.closed == (stage == IN_FREE));
        if (stage == IN_SEND)
            itnio_free_string(work.id);
        CHECK(count_descriptors() == before);
        rounds++;
    }
    {
        /* A call that waits: it still waits until its time limit. */
        struct work work = {0};
        url = getenv("HOST_SILENT");
        timeout_ms = 300;
        work.cancel_in = IN_SEND;
        start(&thread, use_library, &work);
        check_cancelled(thread, &work);
        CHECK(work.cancelled && now_ms() - work.began >= 299);
        CHECK(work.id == NULL && work.reason != NULL && strstr(work.reason, "timed out") != NULL);
        itnio_free_string(work.reason);
        rounds++;
    }
    printf("threads=%d aborted=0\n", rounds);
}

static counter not_cancelled;

/* Cancelled before the calls: they still do their work, and do not change cancellation state and type. */
static void *call_cancelled(void *deferred)
{
    static const int states[] = {PTHREAD_CANCEL_DISABLE, PTHREAD_CANCEL_ENABLE};
    int state = states[deferred != NULL], type, before;
    itnio_client *client;
    type = deferred != NULL ? PTHREAD_CANCEL_DEFERRED : PTHREAD_CANCEL_ASYNCHRONOUS;
    set_cancellation(state, type);
    ZERO(pthread_cancel(pthread_self()));
    client = client_from_env();
    expect(client, "8613000000001", ITNIO_OK);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    CHECK(before == state);
    ZERO(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &before));
    CHECK(before == type);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
    pthread_testcancel();
    add(&not_cancelled, 1);
    return NULL;
}

/* Not cancelled: the calls do not change cancellation state and type. */
static void *call_uncancelled(void *unused)
{
    itnio_client *client;
    int before;
    (void)unused;
    set_cancellation(PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS);
    client = client_from_env();
    expect(client, "8613000000001", ITNIO_OK);
    itnio_client_free(client);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    CHECK(before == PTHREAD_CANCEL_ENABLE);
    ZERO(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before));
    CHECK(before == PTHREAD_CANCEL_ASYNCHRONOUS);
    return NULL;
}

static void before_calls(void)
{
    pthread_t thread;
    void *result;
    int deferred;
    for (deferred = 0; deferred <= 1; deferred++) {
        start(&thread, call_cancelled, deferred ? &not_cancelled : NULL);
        ZERO(pthread_join(thread, &result));
        CHECK(result == PTHREAD_CANCELED);
    }
    CHECK(not_cancelled == 0);
    start(&thread, call_uncancelled, NULL);
    ZERO(pthread_join(thread, &result));
    CHECK(result == NULL);
    printf("threads=3 aborted=0\n");
}

static volatile pid_t waiting;

/* A call without a response, in a thread of the asynchronous type. */
static void *wait_for_response(void *client)
{
    itnio_sip_request request = request_to("8613000000001");
    set_cancellation(PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS);
    waiting = (pid_t)syscall(SYS_gettid);
    itnio_send_sip(client, &request, NULL, NULL, NULL);
    FAIL("not cancelled");
}

/* glibc's signal arrives late: pthread_cancel() looked at the type before the call, and was interrupted
   before it sent the signal. The call still waits until its time limit. */
static void late_signal(void)
{
    enum { SIGCANCEL = 32, /* of glibc */ TIMEOUT_MS = 1000 };
    struct timespec pause = {0, 100000000L};
    itnio_client *client = client_with(getenv("HOST_SILENT"), NULL, "", TIMEOUT_MS, TIMEOUT_MS);
    pthread_t thread;
    void *result;
    double began;
    /* From here on, glibc handles its signal. */
    start(&thread, call_cancelled, NULL);
    ZERO(pthread_join(thread, &result));
    began = now_ms();
    start(&thread, wait_for_response, client);
    while (waiting == 0)
        sched_yield();
    nanosleep(&pause, NULL);
    ZERO(syscall(SYS_tgkill, getpid(), waiting, SIGCANCEL));
    nanosleep(&pause, NULL);
    ZERO(pthread_cancel(thread));
    ZERO(pthread_join(thread, &result));
    CHECK(result == PTHREAD_CANCELED);
    CHECK(now_ms() - began >= TIMEOUT_MS - 1);
    itnio_client_free(client);
    printf("threads=1 aborted=0\n");
}

/* Cancelled at any moment. The arguments: the number of threads, and "invalid-calls". */
static void any_moment(int count, char **arguments)
{
    enum { AT_ONCE = 4, LONGEST_US = 4000 };
    unsigned threads, i, j, at[AFTER + 1] = {0};
    int before = count_descriptors(), threads_before = count_threads();
    CHECK(count == 1 || (count == 2 && strcmp(arguments[1], "invalid-calls") == 0));
    threads = (unsigned)atoi(arguments[0]);
    srand(1);
    invalid_calls = count == 2;
    url = url_from_env();
    for (i = 0; i < threads; i += AT_ONCE) {
        pthread_t thread[AT_ONCE];
        struct work work[AT_ONCE] = {{0}};
        for (j = 0; j < AT_ONCE; j++)
            start(&thread[j], use_library, &work[j]);
        for (j = 0; j < AT_ONCE; j++) {
            struct timespec pause = {0, rand() % LONGEST_US * 1000L};
            while (work[j].stage == BEFORE)
                sched_yield();
            nanosleep(&pause, NULL);
            ZERO(pthread_cancel(thread[j]));
        }
        for (j = 0; j < AT_ONCE; j++) {
            check_cancelled(thread[j], &work[j]);
            at[work[j].stage]++;
        }
    }
    CHECK(count_descriptors() == before);
    CHECK(count_threads() == threads_before);
    printf("threads=%u in_new=%u in_send=%u in_shutdown=%u in_free=%u aborted=0 "
           "descriptors_left=0\n",
           threads, at[IN_NEW], at[IN_SEND], at[IN_SHUTDOWN], at[IN_FREE]);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"inside-each", inside_each, NULL},
        {"before-calls", before_calls, NULL},
        {"late-signal", late_signal, NULL},
        {"any-moment", NULL, any_moment},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
