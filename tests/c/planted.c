/*
 * Faults that an instrument has to find: mistakes that a host can make with the library. argv: one of the
 * modes at the end of this file; `none` does the same without a fault.
 */
#include "host.h"

/* A call that fails at once, and writes its out-parameters. */
static void call_invalid(const itnio_client *client, int32_t *status, char **reason)
{
    itnio_sip_request request = {0};
    CHECK(itnio_send_sip(client, &request, status, NULL, reason) == ITNIO_INVALID_ARGUMENT);
}

static itnio_client *new_client(void)
{
    return client_with("http://127.0.0.1:1", NULL, "", 1000, 1000);
}

static void use_freed_client(void)
{
    itnio_client *client = new_client();
    itnio_client_free(client);
    place(client, "8613000000001");
}

static void free_client_twice(void)
{
    itnio_client *client = new_client();
    itnio_client_free(client);
    itnio_client_free(client);
}

static void read_freed_string(void)
{
    char *reason;
    volatile char first;
    call_invalid(NULL, NULL, &reason);
    itnio_free_string(reason);
    first = reason[0];
    (void)first;
}

static void free_string_twice(void)
{
    char *reason;
    call_invalid(NULL, NULL, &reason);
    itnio_free_string(reason);
    itnio_free_string(reason);
}

/* The status does not fit where the library has to write it. */
static void overflow_status(void)
{
    int16_t *status = malloc(sizeof *status);
    CHECK(status != NULL);
    call_invalid(NULL, (int32_t *)(void *)status, NULL);
    free(status);
}

/* The library has to read a string without a NUL. */
static void pass_unterminated_string(void)
{
    char *key = malloc(8);
    itnio_config config = {0};
    itnio_client *client;
    CHECK(key != NULL);
    memset(key, 'x', 8);
    config.api_key = key;
    config.api_secret = SECRET;
    (void)itnio_client_new(&config, &client, NULL);
    itnio_client_free(client);
    free(key);
}

/* Frees the string and not the client, or the other way round. */
static void leak(int leaks_client)
{
    char *reason;
    itnio_client *client = new_client();
    call_invalid(client, NULL, &reason);
    if (leaks_client)
        itnio_free_string(reason);
    else
        itnio_client_free(client);
    /* Or else the stack still points to it. */
    reason = NULL;
    client = NULL;
}

static itnio_client *shared;
static int32_t status;
static counter stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int uses_lock;

static void *call_repeatedly(void *unused)
{
    (void)unused;
    while (!read_counter(&stop)) {
        if (uses_lock)
            pthread_mutex_lock(&lock);
        call_invalid(shared, &status, NULL);
        if (uses_lock)
            pthread_mutex_unlock(&lock);
        sleep_ms(1);
    }
    return NULL;
}

/* A thread reads an out-parameter that another thread's calls write. */
static void share_status(int with_lock)
{
    pthread_t caller;
    int i, seen = 0;
    shared = new_client();
    uses_lock = with_lock;
    start(&caller, call_repeatedly, NULL);
    for (i = 0; i < 200; i++) {
        if (uses_lock)
            pthread_mutex_lock(&lock);
        seen += status != 0;
        if (uses_lock)
            pthread_mutex_unlock(&lock);
        sleep_ms(1);
    }
    add(&stop, 1);
    join(caller);
    itnio_client_free(shared);
    CHECK(seen > 0);
}

static void *place_one(void *unused)
{
    (void)unused;
    place(shared, "8613000000001");
    return NULL;
}

/* A client is freed without any synchronisation with another thread's call. */
static void free_unsynchronised(void)
{
    pthread_t caller;
    shared = new_client();
    start(&caller, place_one, NULL);
    sleep_ms(500); /* the call has returned, but nothing orders that before the free */
    itnio_client_free(shared);
    join(caller);
}

/* The same without a fault. */
static void none(void)
{
    pthread_t caller;
    char *reason;
    shared = new_client();
    start(&caller, place_one, NULL);
    place(shared, "8613000000002");
    call_invalid(shared, NULL, &reason);
    CHECK(reason[0] != 0);
    itnio_free_string(reason);
    join(caller);
    itnio_client_free(shared);
    share_status(1);
}

static void leak_string(void)
{
    leak(0);
}

static void leak_client(void)
{
    leak(1);
}

static void share_status_without_lock(void)
{
    share_status(0);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"none", none, NULL},
        {"client-use-after-free", use_freed_client, NULL},
        {"client-double-free", free_client_twice, NULL},
        {"string-use-after-free", read_freed_string, NULL},
        {"string-double-free", free_string_twice, NULL},
        {"status-overflow", overflow_status, NULL},
        {"unterminated-string", pass_unterminated_string, NULL},
        {"string-leak", leak_string, NULL},
        {"client-leak", leak_client, NULL},
        {"status-data-race", share_status_without_lock, NULL},
        {"free-data-race", free_unsynchronised, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
