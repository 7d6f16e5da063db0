/* Many threads use one client. argv: the number of threads, and of calls in each. */
#include "host.h"

static itnio_client *client;
static pthread_barrier_t together;
static unsigned calls;

static void *work(void *number)
{
    unsigned caller = (unsigned)(size_t)number, call;
    char callee[16];
    pthread_barrier_wait(&together);
    for (call = 0; call < calls; call++)
        expect(client, callee_of(callee, caller, call), ITNIO_OK);
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned count;
    pthread_t *threads;
    watchdog(100);
    CHECK(argc == 3);
    count = (unsigned)atoi(argv[1]);
    calls = (unsigned)atoi(argv[2]);
    client = client_from_env();
    threads = calloc(count, sizeof *threads);
    CHECK(threads != NULL);
    ZERO(pthread_barrier_init(&together, NULL, count));
    start_all(threads, count, work);
    join_all(threads, count);
    free(threads);
    itnio_client_free(client);
    printf("threads=%u calls=%u wrong=0 lost=0\n", count, count * calls);
    return 0;
}
