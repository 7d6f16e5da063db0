/* A host on a machine that sleeps, or whose wall clock is set, in the middle of what it does. argv: one of the
   modes at the end of this file. HOST_URL, HOST_CA: the gateway. */
#include "host.h"

/* How long the machine has slept, and by how much the wall clock was set, in seconds. */
static counter asleep_s;
static long wall_s;

/* The library's clocks. Linux: CLOCK_BOOTTIME goes on while the machine sleeps, CLOCK_MONOTONIC stands still. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_BOOTTIME)
        now->tv_sec += (time_t)read_counter(&asleep_s);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += (time_t)(__atomic_load_n(&wall_s, __ATOMIC_SEQ_CST));
    return result;
}

static itnio_client *client;
static counter calls;

static void call(itnio_result expected)
{
    char callee[16];
    expect(client, callee_of(callee, 1, (unsigned)++calls), expected);
}

/* Sleeps for a minute between two calls, and for less between the next two. */
static void idle(void)
{
    client = client_from_env();
    call(ITNIO_OK);
    add(&asleep_s, 60);
    call(ITNIO_OK);
    add(&asleep_s, 10);
    call(ITNIO_OK);
    itnio_client_free(client);
    printf("calls=%lu lost=0\n", calls);
}

static itnio_result expected_result;

static void *call_once(void *unused)
{
    (void)unused;
    call(expected_result);
    return NULL;
}

/* Sleeps for an hour while a call waits, after HOST_AFTER_MS, and wakes up. The call has 20 seconds. */
static void waiting(itnio_result expected)
{
    pthread_t caller;
    double began, took;
    expected_result = expected;
    client = client_from_env();
    began = now_ms();
    start(&caller, call_once, NULL);
    sleep_ms(atoi(getenv("HOST_AFTER_MS")));
    add(&asleep_s, 3600);
    join(caller);
    took = now_ms() - began;
    if (took > 15000)
        FAIL("the call took %.0f ms", took);
    itnio_client_free(client);
    printf("calls=%lu took_ms=%.0f lost=0\n", calls, took);
}

static void connecting(void)
{
    waiting(ITNIO_CONNECT_FAILED);
}

static void response_lost(void)
{
    waiting(ITNIO_TIMED_OUT);
}

/* The wall clock jumps, between calls and while one waits (the gateway takes its time). */
static void wall(void)
{
    static const long jumps[] = {0, 86400, -86400, 500000000, -900000000};
    size_t i;
    client = client_from_env();
    for (i = 0; i < COUNT(jumps); i++) {
        pthread_t caller;
        double began = now_ms(), took;
        __atomic_store_n(&wall_s, jumps[i], __ATOMIC_SEQ_CST);
        expected_result = ITNIO_OK;
        start(&caller, call_once, NULL);
        sleep_ms(50);
        __atomic_store_n(&wall_s, -jumps[i], __ATOMIC_SEQ_CST);
        join(caller);
        took = now_ms() - began;
        if (took > 10000)
            FAIL("after a jump of %ld s the call took %.0f ms", jumps[i], took);
    }
    itnio_client_free(client);
    printf("calls=%lu lost=0\n", calls);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"idle", idle, NULL},
        {"connecting", connecting, NULL},
        {"response-lost", response_lost, NULL},
        {"wall", wall, NULL},
    };
    watchdog(60);
    return run_mode(argc, argv, modes, COUNT(modes));
}
