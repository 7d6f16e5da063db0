/*
 * A host that loads the library as a module: dlopen, a call, dlclose, in threads that go on after dlclose.
 * argv: the library.
 */
#include "host_module.h"
#include "host_resolver.h"

enum { THREADS = 100, ONE_BY_ONE = 50 };

static const char *library;
static const char *url;
static counter unloaded, calls;
static pthread_barrier_t end;

/* Loads the library, makes a client, calls once, and unloads the library. */
static void load_call_unload(itnio_result expected, uint32_t timeout_ms)
{
    void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    const struct api api = api_of(module);
    itnio_config config = config_with(url, getenv("HOST_CA"), "", timeout_ms, timeout_ms);
    itnio_sip_request request = request_to("8613000000001");
    itnio_client *client;
    char *reason;
    CHECK(api.client_new(&config, &client, NULL) == ITNIO_OK);
    CHECK(api.send(client, &request, NULL, NULL, &reason) == expected);
    api.free_string(reason);
    api.free(client);
    CHECK(dlclose(module) == 0);
    add(&calls, 1);
    add(&unloaded, 1);
}

/* Whether the library is still mapped after dlclose(). */
static int stays_mapped(void)
{
    void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    CHECK(module != NULL && dlclose(module) == 0);
    module = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    return module != NULL && dlclose(module) == 0;
}

/* A lookup goes on after its call has returned, the client is freed and the library unloaded. */
static void *leave_lookup(void *unused)
{
    (void)unused;
    resolve_to(NULL);
    load_call_unload(ITNIO_RESOLVE_FAILED, 50);
    while (lookups_running() != 1)
        sleep_ms(1);
    return NULL;
}

static void *call_and_wait(void *unused)
{
    (void)unused;
    load_call_unload(ITNIO_OK, 20000);
    pthread_barrier_wait(&end);
    return NULL; /* here the library's thread-local values are destroyed */
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    unsigned i;
    pid_t forked;
    watchdog(100);
    CHECK(argc == 2);
    library = argv[1];
    ZERO(pthread_barrier_init(&end, NULL, THREADS + 1));

    url = "https://gateway.test/voice";
    start(&threads[0], leave_lookup, NULL);
    join(threads[0]);
    CHECK(count_threads() == 2 && stays_mapped());
    resolve_to("");
    while (count_threads() > 1)
        sleep_ms(1);
    CHECK(stays_mapped());

    url = url_from_env();
    for (i = 0; i < THREADS; i++) {
        start(&threads[i], call_and_wait, NULL);
        while (i < ONE_BY_ONE && read_counter(&unloaded) < i + 2)
            sleep_ms(1);
    }
    while (read_counter(&unloaded) < THREADS + 1)
        sleep_ms(1);
    pthread_barrier_wait(&end);
    join_all(threads, THREADS);
    CHECK(stays_mapped());
    forked = fork_watched(); /* a fork handler of the library must still be mapped */
    if (forked == 0)
        _exit(0);
    reap(forked);
    printf("threads=%d loads=%lu calls=%lu crashed=0 lost=0\n", THREADS, unloaded, calls);
    return 0;
}
