/* A host with a name service that hangs, fails and changes its mind. argv: one of the lives at the end
   of this file. */
#include "host_names.h"

#include <dlfcn.h>

enum { CALLERS = 200 };

/* The library's clock. It starts behind the system's and is put forward until it is right, so that a
   wait that it reckons with never ends too late by the system's. */
static double offset_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_MONOTONIC)
        now->tv_sec += (time_t)offset_s;
    return result;
}

static itnio_client *client;
static unsigned number;
static counter calls;

static void call(itnio_result expected)
{
    char callee[16];
    expect(client, callee_of(callee, 1, ++number), expected);
    calls++;
}

static void call_timed(itnio_result expected, double at_least_ms, double at_most_ms)
{
    double took = now_ms();
    call(expected);
    took = now_ms() - took;
    if (took < at_least_ms || took > at_most_ms)
        FAIL("call %u took %.0f ms, not %.0f to %.0f", number, took, at_least_ms, at_most_ms);
}

static void asked_so_far(int expected)
{
    if (names_asked() != expected)
        FAIL("after call %u: asked %d times, not %d", number, names_asked(), expected);
}

static void *call_in_vain(void *who)
{
    char callee[16];
    double *took = who;
    *took = now_ms();
    expect(client, callee_of(callee, 2, 0), ITNIO_RESOLVE_FAILED);
    *took = now_ms() - *took;
    return NULL;
}

/* Hangs, and later answers. */
static void hang(void)
{
    enum { LIMIT = 300, SLACK = 3000 };
    pthread_t threads[CALLERS];
    double took[CALLERS], longest = 0;
    int i, most_tasks = 0;
    names_answer(NULL);
    /* The time to connect holds, and so does the whole call's. */
    client = client_with(url_given(), getenv("HOST_CA"), "", LIMIT, 20000);
    call_timed(ITNIO_RESOLVE_FAILED, LIMIT, LIMIT + SLACK);
    itnio_client_free(client);
    client = client_with(url_given(), getenv("HOST_CA"), "", 20000, LIMIT);
    call_timed(ITNIO_RESOLVE_FAILED, LIMIT, LIMIT + SLACK);
    itnio_client_free(client);
    asked_so_far(2);
    /* Many wait for one look-up. */
    client = client_with(url_given(), getenv("HOST_CA"), "", 2 * LIMIT, 20000);
    for (i = 0; i < CALLERS; i++)
        start(&threads[i], call_in_vain, &took[i]);
    most_tasks = tasks();
    for (i = 0; i < CALLERS; i++) {
        join(threads[i]);
        CHECK(took[i] >= 2 * LIMIT && took[i] < 2 * LIMIT + SLACK);
        if (took[i] > longest)
            longest = took[i];
    }
    asked_so_far(3);
    CHECK(names_asking() == 3);
    CHECK(tasks() == 1 + 3 && most_tasks <= 1 + CALLERS + 3);
    itnio_client_free(client);
    /* Once it answers, calls go on. */
    client = client_given();
    names_answer("");
    call(ITNIO_RESOLVE_FAILED);
    names_answer("127.0.0.1");
    call(ITNIO_OK);
    asked_so_far(5);
    itnio_client_free(client);
    while (tasks() > 1)
        sleep_ms(1);
    printf("callers=%d look_up_threads=1 limit_ms=%d longest_ms=%.0f lost=0\n", CALLERS, 2 * LIMIT,
           longest);
}

/* Whether the system has no thread to give. */
static int no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                   void *with)
{
    static __typeof__(&pthread_create) real;
    if (no_threads)
        return EAGAIN;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, work, with);
}

/* No thread to look up with. */
static void without_threads(void)
{
    client = client_given();
    no_threads = 1;
    call(ITNIO_RESOLVE_FAILED);
    no_threads = 0;
    call(ITNIO_OK);
    no_threads = 1;
    call(ITNIO_OK); /* there is nothing to look up */
    asked_so_far(1);
    itnio_client_free(client);
    printf("calls=%lu lost=0\n", calls);
}

/* No thread to look up with, once the addresses are known. The gateway closes each connection after its
   answer. */
static void without_threads_later(void)
{
    offset_s = -300;
    client = client_given();
    call(ITNIO_OK);
    offset_s += 61;
    no_threads = 1;
    call(ITNIO_OK);
    call(ITNIO_OK);
    asked_so_far(1);
    no_threads = 0;
    offset_s += 6;
    call(ITNIO_OK);
    asked_so_far(2);
    itnio_client_free(client);
    printf("calls=%lu asked=2 lost=0\n", calls);
}

static void *call_once(void *unused)
{
    (void)unused;
    expect(client, "8600020000001", ITNIO_OK);
    return NULL;
}

/* Forks while a look-up runs, which the child does not have. */
static void fork_meanwhile(void)
{
    pthread_t caller;
    pid_t forked;
    client = client_given();
    names_answer(NULL);
    start(&caller, call_once, NULL);
    while (names_asking() == 0)
        sleep_ms(1);
    if ((forked = fork_watched()) == 0) {
        names_answer("127.0.0.1");
        call(ITNIO_OK);
        call(ITNIO_OK);
        asked_so_far(2);
        itnio_client_free(client);
        _exit(0);
    }
    reap(forked);
    names_answer("127.0.0.1");
    join(caller);
    call(ITNIO_OK);
    asked_so_far(1);
    itnio_client_free(client);
    printf("calls=4 lost=0\n");
}

/* Fails and hangs while a connection is warm; longer than its answer is good for. */
static void outage(void)
{
    int minute, i;
    offset_s = -200;
    client = client_given();
    call(ITNIO_OK);
    for (minute = 0; minute < 10; minute++) {
        names_answer(minute % 2 == 0 ? "" : NULL);
        for (i = 0; i < 20; i++)
            call_timed(ITNIO_OK, 0, 5000);
        offset_s += 20;
    }
    asked_so_far(1);
    itnio_client_free(client);
    printf("calls=%lu seconds_of_outage=200 asked=1 lost=0\n", calls);
}

/* Fails and hangs when new connections are needed. The gateway closes each after its answer. */
static void last_known(void)
{
    offset_s = -300;
    client = client_with(url_given(), getenv("HOST_CA"), "", 4000, 20000);
    call(ITNIO_OK);
    asked_so_far(1);
    names_answer("");
    call(ITNIO_OK); /* still good */
    asked_so_far(1);
    offset_s += 61;
    call(ITNIO_OK); /* no longer, but there is no better */
    asked_so_far(2);
    call(ITNIO_OK); /* and not asked again for a while */
    asked_so_far(2);
    offset_s += 6;
    call(ITNIO_OK);
    asked_so_far(3);
    names_answer("127.0.0.1");
    offset_s += 6;
    call(ITNIO_OK);
    asked_so_far(4);
    offset_s = 0;
    names_answer(NULL);
    call_timed(ITNIO_OK, 1900, 3900); /* half of the time is kept for the connection */
    asked_so_far(5);
    call_timed(ITNIO_OK, 0, 1900);
    asked_so_far(5);
    names_answer("127.0.0.1");
    itnio_client_free(client);
    while (tasks() > 1)
        sleep_ms(1);
    printf("calls=%lu asked=5 lost=0\n", calls);
}

/* Changes its answer. Where each call went, the gateways' diaries tell: those of numbers 1, 2 and 4 to
   the first, those of 3, 5, 7 and 8 to the second, and 6 nowhere. */
static void moves(void)
{
    itnio_client *control = client_with(getenv("HOST_CONTROL"), getenv("HOST_CA"), "", 20000, 20000);
    offset_s = -200;
    client = client_given();
    names_answer("127.0.0.2");
    call(ITNIO_OK);
    names_answer("127.0.0.1");
    call(ITNIO_OK); /* not known yet */
    asked_so_far(1);
    offset_s += 61;
    call(ITNIO_OK); /* the answer's time was over */
    asked_so_far(2);

    names_answer("127.0.0.2");
    offset_s += 61;
    call(ITNIO_OK);
    asked_so_far(3);
    expect(control, "8699999999999", ITNIO_OK); /* shuts the first address */
    names_answer("127.0.0.1");
    call(ITNIO_OK); /* asked again within the call */
    asked_so_far(4);

    names_answer("127.0.0.2");
    offset_s += 61;
    call(ITNIO_CONNECT_FAILED);
    asked_so_far(5);
    names_answer("127.0.0.1");
    call(ITNIO_OK); /* nor is that answer trusted any longer */
    asked_so_far(6);
    call(ITNIO_OK);
    asked_so_far(6);
    itnio_client_free(client);
    itnio_client_free(control);
    printf("calls=%lu asked=6 lost=0\n", calls);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"hang", hang, NULL},
        {"outage", outage, NULL},
        {"last-known", last_known, NULL},
        {"moves", moves, NULL},
        {"no-threads", without_threads, NULL},
        {"no-threads-later", without_threads_later, NULL},
        {"fork", fork_meanwhile, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
