/*
 * itnio_client_shutdown() at any moment, while eight threads place calls. argv: the number of rounds, and a
 * file for the callee and the result of each call.
 */
#include "host.h"

enum { THREADS = 8 };

static itnio_client *client;
static FILE *results;
static counter calls, connection_lost;

/* Places calls until the client is shut down. */
static void *work(void *number)
{
    unsigned caller = (unsigned)(size_t)number, i;
    itnio_result result = ITNIO_OK;
    for (i = 0; result == ITNIO_OK; i++) {
        char callee[16];
        result = place(client, callee_of(callee, caller, i));
        fprintf(results, "%s %d\n", callee, (int)result); /* stdio locks */
        add(&calls, 1);
    }
    CHECK(result == ITNIO_SHUT_DOWN || result == ITNIO_CONNECTION_LOST);
    add(&connection_lost, result == ITNIO_CONNECTION_LOST);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    unsigned round, rounds, i;
    watchdog(100);
    CHECK(argc == 3);
    rounds = (unsigned)atoi(argv[1]);
    results = fopen(argv[2], "we");
    CHECK(results != NULL);
    for (round = 0; round < rounds; round++) {
        struct timespec pause = {0, 0};
        client = client_from_env();
        for (i = 0; i < THREADS; i++)
            start(&threads[i], work, (void *)(size_t)(round * THREADS + i));
        pause.tv_nsec = (long)(round % 40) * 250000;
        nanosleep(&pause, NULL);
        itnio_client_shutdown(client);
        join_all(threads, THREADS);
        itnio_client_free(client);
    }
    CHECK(fclose(results) == 0);
    printf("rounds=%u calls=%lu connection_lost=%lu wrong_results=0\n", rounds, calls, connection_lost);
    return 0;
}
