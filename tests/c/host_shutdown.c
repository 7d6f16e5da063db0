/*
 * itnio_client_shutdown() from another thread. argv: the result that the calls which wait have to end
 * with, the milliseconds after which they surely wait there, and the number of rounds. HOST_HANG:
 * look-ups of names hang. HOST_TEXT: the length of the text that goes with each call.
 */
#include "host_names.h"

enum { WAITING = 8 };

static itnio_client *client;
static itnio_result expected;
static double returned[WAITING];

static void *wait_for_answer(void *number)
{
    unsigned who = (unsigned)(size_t)number;
    char callee[16];
    expect(client, callee_of(callee, who, 0), expected);
    returned[who] = now_ms();
    return NULL;
}

int main(int argc, char **argv)
{
    double longest = 0, longest_refusal = 0;
    int round, rounds, patience_ms;
    unsigned i;
    char *text = NULL;
    watchdog(100);
    CHECK(argc == 4);
    expected = (itnio_result)atoi(argv[1]);
    patience_ms = atoi(argv[2]);
    rounds = atoi(argv[3]);
    if (getenv("HOST_HANG") != NULL)
        names_answer(NULL);
    if (getenv("HOST_TEXT") != NULL)
        text = escaped_text((size_t)atoi(getenv("HOST_TEXT")));
    for (round = 0; round < rounds; round++) {
        pthread_t threads[WAITING];
        double began, refused;
        client = client_given();
        text_of_calls = text;
        start_all(threads, WAITING, wait_for_answer);
        sleep_ms(patience_ms);
        began = now_ms();
        itnio_client_shutdown(client);
        join_all(threads, WAITING);
        for (i = 0; i < WAITING; i++)
            if (returned[i] - began > longest)
                longest = returned[i] - began;
        text_of_calls = NULL;
        refused = now_ms();
        expect(client, "8613000000001", ITNIO_SHUT_DOWN);
        refused = now_ms() - refused;
        if (refused > longest_refusal)
            longest_refusal = refused;
        itnio_client_free(client);
    }
    free(text);
    names_answer("");
    while (tasks() > 1) /* look-ups outlive their calls */
        sleep_ms(1);
    printf("calls=%d result=%d longest_ms=%.1f then_refused=%d longest_ms_refused=%.1f\n",
           rounds * WAITING, (int)expected, longest, rounds, longest_refusal);
    return 0;
}
