/*
 * itnio_client_shutdown() at any moment of calls that begin, go on and end in eight threads. argv: the
 * number of rounds, and a file for what each call was told: number and result.
 */
#include "host.h"

enum { THREADS = 8 };

static itnio_client *client;
static FILE *told;
static counter calls, ended;

/* Calls until the client is shut down. */
static void *work(void *number)
{
    unsigned who = (unsigned)(size_t)number, i;
    itnio_result result = ITNIO_OK;
    for (i = 0; result == ITNIO_OK; i++) {
        char callee[16];
        result = place(client, callee_of(callee, who, i));
        fprintf(told, "%s %d\n", callee, (int)result); /* stdio locks */
        add(&calls, 1);
    }
    CHECK(result == ITNIO_SHUT_DOWN || result == ITNIO_CONNECTION_LOST);
    add(&ended, result == ITNIO_CONNECTION_LOST);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    unsigned round, rounds, i;
    watchdog(100);
    CHECK(argc == 3);
    rounds = (unsigned)atoi(argv[1]);
    told = fopen(argv[2], "we");
    CHECK(told != NULL);
    for (round = 0; round < rounds; round++) {
        struct timespec pause = {0, 0};
        client = client_given();
        for (i = 0; i < THREADS; i++)
            start(&threads[i], work, (void *)(size_t)(round * THREADS + i));
        pause.tv_nsec = (long)(round % 40) * 250000;
        nanosleep(&pause, NULL);
        itnio_client_shutdown(client);
        join_all(threads, THREADS);
        itnio_client_free(client);
    }
    CHECK(fclose(told) == 0);
    printf("rounds=%u calls=%lu connection_lost=%lu untrue=0\n", rounds, calls, ended);
    return 0;
}
