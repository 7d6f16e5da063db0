/*
 * A host that cancels threads of the asynchronous type: one that may be cancelled at any instruction, also
 * of the library's. argv: one of the lives at the end of this file. HOST_SILENT: a gateway that answers
 * nothing.
 */
#include "host.h"

#include <poll.h>
#include <sched.h>

enum stage { BEFORE, IN_NEW, IN_SEND, IN_SHUTDOWN, IN_FREE, AFTER };

/* What a thread does; the thread may end at any step of it. */
struct work {
    itnio_client *volatile client;
    volatile enum stage stage, cancel_in;
    volatile int cancelled, closed, survived;
    char *id, *reason;
    double began;
};

static __thread struct work *mine;

/* The library is at a system call. */
static void inside(enum stage stage)
{
    if (mine != NULL && mine->stage == stage && mine->cancel_in == stage && !mine->cancelled) {
        mine->cancelled = 1;
        ZERO(pthread_cancel(pthread_self()));
    }
}

/* In itnio_client_new(), which only reads. */
int open(const char *path, int flags, ...)
{
    inside(IN_NEW);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* In itnio_send_sip(). */
int poll(struct pollfd *events, nfds_t count, int timeout)
{
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    inside(IN_SEND);
    return ppoll(events, count, timeout < 0 ? NULL : &limit, NULL);
}

/* In itnio_client_shutdown() and itnio_client_free(). */
int close(int descriptor)
{
    inside(IN_SHUTDOWN);
    inside(IN_FREE);
    if (mine != NULL && mine->stage == IN_FREE)
        mine->closed = 1;
    return (int)syscall(SYS_close, descriptor);
}

static void set(int state, int type)
{
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    ZERO(pthread_setcanceltype(type, NULL));
    ZERO(pthread_setcancelstate(state, NULL));
}

static const char *url;
static int unsent; /* calls with a mistake, which return at once */
static uint32_t timeout_ms = 20000;

/* A whole life, again and again where nobody ends it. Nothing of the host's own but stores. */
static void *live(void *work)
{
    struct work *me = work;
    const char *ca = strncmp(url, "https", 5) == 0 ? getenv("HOST_CA") : NULL;
    itnio_config config = config_with(url, ca, "", timeout_ms, timeout_ms);
    itnio_sip_request request = request_to("8613000000001");
    mine = me;
    me->began = now_ms();
    set(PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS);
    do {
        me->stage = IN_NEW;
        if (itnio_client_new(&config, (itnio_client **)&me->client, NULL) != ITNIO_OK)
            break;
        me->stage = IN_SEND;
        itnio_send_sip(me->client, unsent ? NULL : &request, NULL, &me->id, &me->reason);
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
    me->survived = 1;
    return NULL;
}

/* The thread has ended where it had to, and the process goes on. */
static void end(pthread_t thread, struct work *work)
{
    void *result;
    ZERO(pthread_join(thread, &result));
    CHECK(!work->survived && work->stage != BEFORE);
    CHECK(result == PTHREAD_CANCELED);
    if (work->client != NULL && work->stage != AFTER && !work->closed)
        itnio_client_free(work->client);
}

/* Cancelled inside each function: it does all that it has to do, and the thread ends with it. */
static void inside_each(void)
{
    enum stage stage;
    int before, rounds = 0;
    pthread_t thread;
    for (stage = IN_NEW; stage <= IN_FREE; stage++) {
        struct work work = {0};
        before = descriptors();
        url = url_given();
        work.cancel_in = stage;
        start(&thread, live, &work);
        end(thread, &work);
        CHECK(work.cancelled && work.stage == stage);
        CHECK(work.client != NULL);                /* written before the thread ended */
        CHECK(stage != IN_SEND || work.id != NULL);
        CHECK(work.closed == (stage == IN_FREE));
        if (stage == IN_SEND)
            itnio_free_string(work.id);
        CHECK(descriptors() == before);
        rounds++;
    }
    {
        /* A call that waits until its time is over all the same. */
        struct work work = {0};
        url = getenv("HOST_SILENT");
        timeout_ms = 300;
        work.cancel_in = IN_SEND;
        start(&thread, live, &work);
        end(thread, &work);
        CHECK(work.cancelled && now_ms() - work.began >= 299);
        CHECK(work.id == NULL && work.reason != NULL && strstr(work.reason, "timed out") != NULL);
        itnio_free_string(work.reason);
        rounds++;
    }
    printf("threads=%d aborted=0\n", rounds);
}

static counter escaped;

/* Cancelled before the calls, which are to be whole, and the state and the type as they were. */
static void *live_cancelled(void *deferred)
{
    static const int states[] = {PTHREAD_CANCEL_DISABLE, PTHREAD_CANCEL_ENABLE};
    int state = states[deferred != NULL], type, before;
    itnio_client *client;
    type = deferred != NULL ? PTHREAD_CANCEL_DEFERRED : PTHREAD_CANCEL_ASYNCHRONOUS;
    set(state, type);
    ZERO(pthread_cancel(pthread_self()));
    client = client_given();
    expect(client, "8613000000001", ITNIO_OK);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    CHECK(before == state);
    ZERO(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &before));
    CHECK(before == type);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
    pthread_testcancel();
    add(&escaped, 1);
    return NULL;
}

/* Not cancelled at all: the type is the thread's still. */
static void *live_on(void *unused)
{
    itnio_client *client;
    int before;
    (void)unused;
    set(PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_ASYNCHRONOUS);
    client = client_given();
    expect(client, "8613000000001", ITNIO_OK);
    itnio_client_free(client);
    ZERO(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    CHECK(before == PTHREAD_CANCEL_ENABLE);
    ZERO(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before));
    CHECK(before == PTHREAD_CANCEL_ASYNCHRONOUS);
    return NULL;
}

static void pending(void)
{
    pthread_t thread;
    void *result;
    int deferred;
    for (deferred = 0; deferred <= 1; deferred++) {
        start(&thread, live_cancelled, deferred ? &escaped : NULL);
        ZERO(pthread_join(thread, &result));
        CHECK(result == PTHREAD_CANCELED);
    }
    CHECK(escaped == 0);
    start(&thread, live_on, NULL);
    ZERO(pthread_join(thread, &result));
    CHECK(result == NULL);
    printf("threads=3 aborted=0\n");
}

/* Cancelled at any moment. The arguments: the number of threads, and "unsent" for calls with a mistake. */
static void any(int count, char **arguments)
{
    enum { AT_ONCE = 4, LONGEST_US = 4000 };
    unsigned threads, i, j, at[AFTER + 1] = {0};
    int before = descriptors(), tasks_before = tasks();
    CHECK(count == 1 || (count == 2 && strcmp(arguments[1], "unsent") == 0));
    threads = (unsigned)atoi(arguments[0]);
    srand(1);
    unsent = count == 2;
    url = url_given();
    for (i = 0; i < threads; i += AT_ONCE) {
        pthread_t thread[AT_ONCE];
        struct work work[AT_ONCE] = {{0}};
        for (j = 0; j < AT_ONCE; j++)
            start(&thread[j], live, &work[j]);
        for (j = 0; j < AT_ONCE; j++) {
            struct timespec pause = {0, rand() % LONGEST_US * 1000L};
            while (work[j].stage == BEFORE)
                sched_yield();
            nanosleep(&pause, NULL);
            ZERO(pthread_cancel(thread[j]));
        }
        for (j = 0; j < AT_ONCE; j++) {
            end(thread[j], &work[j]);
            at[work[j].stage]++;
        }
    }
    CHECK(descriptors() == before);
    CHECK(tasks() == tasks_before);
    printf("threads=%u in_new=%u in_send=%u in_shutdown=%u in_free=%u aborted=0 "
           "descriptors_left=0\n",
           threads, at[IN_NEW], at[IN_SEND], at[IN_SHUTDOWN], at[IN_FREE]);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"inside", inside_each, NULL},
        {"pending", pending, NULL},
        {"any", NULL, any},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
