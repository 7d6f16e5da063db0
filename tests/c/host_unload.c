/*
 * A host that loads the library as a module: dlopen, a life, dlclose, in threads that outlive the
 * unload. argv: the library.
 */
#include "host_names.h"

#include <dlfcn.h>

enum { THREADS = 100, ONE_BY_ONE = 50 };

static const char *library;
static const char *url;
static counter unloaded, calls;
static pthread_barrier_t end;

static void *symbol(void *module, const char *name)
{
    void *found = dlsym(module, name);
    CHECK(found != NULL);
    return found;
}

/* Loads the library, makes a client, calls once, and unloads the library. */
static void live(itnio_result expected, uint32_t timeout_ms)
{
    __typeof__(&itnio_client_new) new_client;
    __typeof__(&itnio_send_sip) send_sip;
    __typeof__(&itnio_free_string) free_string;
    __typeof__(&itnio_client_free) free_client;
    itnio_config config = {0};
    itnio_sip_request request = {0};
    itnio_client *client;
    char *reason;
    void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        FAIL("%s", dlerror());
    *(void **)&new_client = symbol(module, "itnio_client_new");
    *(void **)&send_sip = symbol(module, "itnio_send_sip");
    *(void **)&free_string = symbol(module, "itnio_free_string");
    *(void **)&free_client = symbol(module, "itnio_client_free");
    config.api_key = KEY;
    config.api_secret = SECRET;
    config.base_url = url;
    config.ca_file = getenv("HOST_CA");
    config.proxy = "";
    config.timeout_ms = timeout_ms;
    config.connect_timeout_ms = timeout_ms;
    CHECK(new_client(&config, &client, NULL) == ITNIO_OK);
    request.callee = "8613000000001";
    request.account = "1001";
    request.app_id = "host";
    CHECK(send_sip(client, &request, NULL, NULL, &reason) == expected);
    free_string(reason);
    free_client(client);
    CHECK(dlclose(module) == 0);
    add(&calls, 1);
    add(&unloaded, 1);
}

/* Whether the library is still mapped, though nobody has it loaded. */
static int stays(void)
{
    void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    CHECK(module != NULL && dlclose(module) == 0);
    module = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    return module != NULL && dlclose(module) == 0;
}

/* A look-up outlives its call, the client and the unload. */
static void *live_without_names(void *unused)
{
    (void)unused;
    names_answer(NULL);
    live(ITNIO_RESOLVE_FAILED, 50);
    while (names_asking() != 1)
        sleep_ms(1);
    return NULL;
}

static void *live_and_stay(void *unused)
{
    (void)unused;
    live(ITNIO_OK, 20000);
    pthread_barrier_wait(&end);
    return NULL; /* what the library left to the thread is destroyed here */
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
    start(&threads[0], live_without_names, NULL);
    join(threads[0]);
    CHECK(tasks() == 2 && stays());
    names_answer("");
    while (tasks() > 1)
        sleep_ms(1);
    CHECK(stays());

    url = url_given();
    for (i = 0; i < THREADS; i++) {
        start(&threads[i], live_and_stay, NULL);
        while (i < ONE_BY_ONE && read_counter(&unloaded) < i + 2)
            sleep_ms(1);
    }
    while (read_counter(&unloaded) < THREADS + 1)
        sleep_ms(1);
    pthread_barrier_wait(&end);
    for (i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(stays());
    forked = fork_watched(); /* the library still tells processes apart */
    if (forked == 0)
        _exit(0);
    reap(forked);
    printf("threads=%d loads=%lu calls=%lu crashed=0 lost=0\n", THREADS, unloaded, calls);
    return 0;
}
