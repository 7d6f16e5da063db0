/* A host with a name service that hangs, fails and changes addresses. argv: one of the modes at the end of
   this file. */
#include "host_resolver.h"

#include <dlfcn.h>

enum { CALLERS = 200 };

/* The library's clock, which goes on while a machine sleeps. It starts behind the system's clock and is put forward during the test, and never
   ahead of it: a wait until a time of this clock then never ends late by the system's clock. */
static double offset_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_BOOTTIME)
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

static void expect_lookups(int expected)
{
    if (lookups() != expected)
        FAIL("after call %u: %d lookups, not %d", number, lookups(), expected);
}

static void *call_unresolved(void *time)
{
    char callee[16];
    double *took = time;
    *took = now_ms();
    expect(client, callee_of(callee, 2, 0), ITNIO_RESOLVE_FAILED);
    *took = now_ms() - *took;
    return NULL;
}

/* Lookups hang, and later work. */
static void hang(void)
{
    enum { LIMIT = 300, SLACK = 3000 };
    pthread_t threads[CALLERS];
    double took[CALLERS], longest = 0;
    int i, most_tasks = 0;
    resolve_to(NULL);
    /* The limit for connecting, then the limit for the whole call. */
    client = client_with(url_from_env(), getenv("HOST_CA"), "", LIMIT, 20000);
    call_timed(ITNIO_RESOLVE_FAILED, LIMIT, LIMIT + SLACK);
    itnio_client_free(client);
    client = client_with(url_from_env(), getenv("HOST_CA"), "", 20000, LIMIT);
    call_timed(ITNIO_RESOLVE_FAILED, LIMIT, LIMIT + SLACK);
    itnio_client_free(client);
    expect_lookups(2);
    /* Many calls wait for one lookup. */
    client = client_with(url_from_env(), getenv("HOST_CA"), "", 2 * LIMIT, 20000);
    for (i = 0; i < CALLERS; i++)
        start(&threads[i], call_unresolved, &took[i]);
    most_tasks = count_threads();
    for (i = 0; i < CALLERS; i++) {
        join(threads[i]);
        CHECK(took[i] >= 2 * LIMIT && took[i] < 2 * LIMIT + SLACK);
        if (took[i] > longest)
            longest = took[i];
    }
    expect_lookups(3);
    CHECK(lookups_running() == 3);
    CHECK(count_threads() == 1 + 3 && most_tasks <= 1 + CALLERS + 3);
    itnio_client_free(client);
    /* Once lookups end, calls work. */
    client = client_from_env();
    resolve_to("");
    call(ITNIO_RESOLVE_FAILED);
    resolve_to("127.0.0.1");
    call(ITNIO_OK);
    expect_lookups(5);
    itnio_client_free(client);
    while (count_threads() > 1)
        sleep_ms(1);
    printf("callers=%d lookup_threads=1 limit_ms=%d longest_ms=%.0f lost=0\n", CALLERS, 2 * LIMIT,
           longest);
}

/* Whether pthread_create() fails. */
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

/* No thread for the lookup. */
static void without_threads(void)
{
    client = client_from_env();
    no_threads = 1;
    call(ITNIO_RESOLVE_FAILED);
    no_threads = 0;
    call(ITNIO_OK);
    no_threads = 1;
    call(ITNIO_OK); /* over the idle connection */
    expect_lookups(1);
    itnio_client_free(client);
    printf("calls=%lu lost=0\n", calls);
}

/* No thread for a lookup, but the addresses are in the cache. The gateway closes each connection after its
   response. */
static void without_threads_cached(void)
{
    offset_s = -300;
    client = client_from_env();
    call(ITNIO_OK);
    offset_s += 61;
    no_threads = 1;
    call(ITNIO_OK);
    call(ITNIO_OK);
    expect_lookups(1);
    no_threads = 0;
    offset_s += 6;
    call(ITNIO_OK);
    expect_lookups(2);
    itnio_client_free(client);
    printf("calls=%lu lookups=2 lost=0\n", calls);
}

static void *call_once(void *unused)
{
    (void)unused;
    expect(client, "8600020000001", ITNIO_OK);
    return NULL;
}

/* Forks while a lookup runs; the child does not have its thread. */
static void fork_during_lookup(void)
{
    pthread_t caller;
    pid_t forked;
    client = client_from_env();
    resolve_to(NULL);
    start(&caller, call_once, NULL);
    while (lookups_running() == 0)
        sleep_ms(1);
    if ((forked = fork_watched()) == 0) {
        resolve_to("127.0.0.1");
        call(ITNIO_OK);
        call(ITNIO_OK);
        expect_lookups(2);
        itnio_client_free(client);
        _exit(0);
    }
    reap(forked);
    resolve_to("127.0.0.1");
    join(caller);
    call(ITNIO_OK);
    expect_lookups(1);
    itnio_client_free(client);
    printf("calls=4 lost=0\n");
}

/* Lookups fail and hang for longer than addresses stay in the cache. There is an idle connection. */
static void outage(void)
{
    int minute, i;
    offset_s = -200;
    client = client_from_env();
    call(ITNIO_OK);
    for (minute = 0; minute < 10; minute++) {
        resolve_to(minute % 2 == 0 ? "" : NULL);
        for (i = 0; i < 20; i++)
            call_timed(ITNIO_OK, 0, 5000);
        offset_s += 20;
    }
    expect_lookups(1);
    itnio_client_free(client);
    printf("calls=%lu seconds_of_outage=200 lookups=1 lost=0\n", calls);
}

/* Lookups fail and hang, and each call needs a new connection: the gateway closes them after its response. */
static void last_known(void)
{
    offset_s = -300;
    client = client_with(url_from_env(), getenv("HOST_CA"), "", 4000, 20000);
    call(ITNIO_OK);
    expect_lookups(1);
    resolve_to("");
    call(ITNIO_OK); /* still in the cache */
    expect_lookups(1);
    offset_s += 61;
    call(ITNIO_OK); /* expired, but still the last known address */
    expect_lookups(2);
    call(ITNIO_OK); /* no new lookup for a while */
    expect_lookups(2);
    offset_s += 6;
    call(ITNIO_OK);
    expect_lookups(3);
    resolve_to("127.0.0.1");
    offset_s += 6;
    call(ITNIO_OK);
    expect_lookups(4);
    offset_s = 0;
    resolve_to(NULL);
    call_timed(ITNIO_OK, 1900, 3900); /* half of the time is left for connecting */
    expect_lookups(5);
    call_timed(ITNIO_OK, 0, 1900);
    expect_lookups(5);
    resolve_to("127.0.0.1");
    itnio_client_free(client);
    while (count_threads() > 1)
        sleep_ms(1);
    printf("calls=%lu lookups=5 lost=0\n", calls);
}

/* The name gets another address. The gateways' diaries show where each call went: 1, 2 and 4 to the first
   gateway; 3, 5, 7 and 8 to the second; 6 to none. */
static void change_address(void)
{
    itnio_client *control = client_with(getenv("HOST_CONTROL"), getenv("HOST_CA"), "", 20000, 20000);
    offset_s = -200;
    client = client_from_env();
    resolve_to("127.0.0.2");
    call(ITNIO_OK);
    resolve_to("127.0.0.1");
    call(ITNIO_OK); /* the cache has the old address */
    expect_lookups(1);
    offset_s += 61;
    call(ITNIO_OK); /* it has expired */
    expect_lookups(2);

    resolve_to("127.0.0.2");
    offset_s += 61;
    call(ITNIO_OK);
    expect_lookups(3);
    expect(control, "8699999999999", ITNIO_OK); /* closes the first address */
    resolve_to("127.0.0.1");
    call(ITNIO_OK); /* a new lookup within the call */
    expect_lookups(4);

    resolve_to("127.0.0.2");
    offset_s += 61;
    call(ITNIO_CONNECT_FAILED);
    expect_lookups(5);
    resolve_to("127.0.0.1");
    call(ITNIO_OK); /* nor is that address used again */
    expect_lookups(6);
    call(ITNIO_OK);
    expect_lookups(6);
    itnio_client_free(client);
    itnio_client_free(control);
    printf("calls=%lu lookups=6 lost=0\n", calls);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"hang", hang, NULL},
        {"outage", outage, NULL},
        {"last-known", last_known, NULL},
        {"change-address", change_address, NULL},
        {"no-threads", without_threads, NULL},
        {"no-threads-cached", without_threads_cached, NULL},
        {"fork", fork_during_lookup, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
