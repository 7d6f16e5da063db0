/*
 * itnio_client_shutdown() from another thread. argv: the result that the waiting calls have to end with, the
 * milliseconds after which all calls wait, and the number of rounds. HOST_LOOKUPS_HANG: name lookups hang.
 * HOST_TEXT_LENGTH: the length of the called_info of each call. HOST_REQUESTS_ARRIVED: a file that the test
 * creates in each round when the requests of all calls have arrived; the milliseconds begin then.
 */
#include "host_resolver.h"

enum { WAITING = 8 };

static itnio_client *client;
static itnio_result expected;
static double returned[WAITING];

static void *place_waiting(void *number)
{
    unsigned caller = (unsigned)(size_t)number;
    char callee[16];
    expect(client, callee_of(callee, caller, 0), expected);
    returned[caller] = now_ms();
    return NULL;
}

static void wait_for_file(const char *file)
{
    while (unlink(file) != 0) {
        CHECK(errno == ENOENT);
        sleep_ms(1);
    }
}

int main(int argc, char **argv)
{
    double longest = 0, longest_after = 0;
    int round, rounds, waiting_after_ms;
    unsigned i;
    char *text = NULL;
    watchdog(100);
    CHECK(argc == 4);
    expected = (itnio_result)atoi(argv[1]);
    waiting_after_ms = atoi(argv[2]);
    rounds = atoi(argv[3]);
    if (getenv("HOST_LOOKUPS_HANG") != NULL)
        resolve_to(NULL);
    if (getenv("HOST_TEXT_LENGTH") != NULL)
        text = escaped_text((size_t)atoi(getenv("HOST_TEXT_LENGTH")));
    for (round = 0; round < rounds; round++) {
        pthread_t threads[WAITING];
        double began, took;
        client = client_from_env();
        called_info = text;
        start_all(threads, WAITING, place_waiting);
        if (getenv("HOST_REQUESTS_ARRIVED") != NULL)
            wait_for_file(getenv("HOST_REQUESTS_ARRIVED"));
        sleep_ms(waiting_after_ms);
        began = now_ms();
        itnio_client_shutdown(client);
        join_all(threads, WAITING);
        for (i = 0; i < WAITING; i++)
            if (returned[i] - began > longest)
                longest = returned[i] - began;
        called_info = NULL;
        took = now_ms();
        expect(client, "8613000000001", ITNIO_SHUT_DOWN);
        took = now_ms() - took;
        if (took > longest_after)
            longest_after = took;
        itnio_client_free(client);
    }
    free(text);
    resolve_to("");
    while (count_threads() > 1) /* a lookup may go on after its call */
        sleep_ms(1);
    printf("calls=%d result=%d longest_ms=%.1f then_refused=%d longest_ms_refused=%.1f\n",
           rounds * WAITING, (int)expected, longest, rounds, longest_after);
    return 0;
}
