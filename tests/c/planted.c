/*
 * Faults for an instrument to find: each a mistake that a host can make with the library. argv: one of
 * them, as named at the end of this file; or `none`, which does the same things as one should.
 */
#include "host.h"

/* A call that ends at once, having written its out-parameters. */
static void call_in_vain(const itnio_client *client, int32_t *status, char **reason)
{
    itnio_sip_request request = {0};
    CHECK(itnio_send_sip(client, &request, status, NULL, reason) == ITNIO_INVALID_ARGUMENT);
}

static itnio_client *new_client(void)
{
    return client_with("http://127.0.0.1:1", NULL, "", 1000, 1000);
}

/* A client is used after it was freed. */
static void freed_client(void)
{
    itnio_client *client = new_client();
    itnio_client_free(client);
    place(client, "8613000000001");
}

/* A client is freed twice. */
static void twice_freed_client(void)
{
    itnio_client *client = new_client();
    itnio_client_free(client);
    itnio_client_free(client);
}

/* A string is read after it was freed. */
static void freed_string(void)
{
    char *reason;
    volatile char first;
    call_in_vain(NULL, NULL, &reason);
    itnio_free_string(reason);
    first = reason[0];
    (void)first;
}

/* A string is freed twice. */
static void twice_freed_string(void)
{
    char *reason;
    call_in_vain(NULL, NULL, &reason);
    itnio_free_string(reason);
    itnio_free_string(reason);
}

/* The library is to write a status where there is no room for one. */
static void small_status(void)
{
    int16_t *status = malloc(sizeof *status);
    CHECK(status != NULL);
    call_in_vain(NULL, (int32_t *)(void *)status, NULL);
    free(status);
}

/* The library is to read a string that has no end. */
static void endless_string(void)
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

/* Nobody frees a string, or a client. */
static void forget(int client_too)
{
    char *reason;
    itnio_client *client = new_client();
    call_in_vain(client, NULL, &reason);
    if (client_too)
        itnio_free_string(reason);
    else
        itnio_client_free(client);
    reason = NULL;
    client = NULL;
}

static itnio_client *shared;
static int32_t status;
static counter stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int locked;

static void *call_all_the_time(void *unused)
{
    (void)unused;
    while (!read_counter(&stop)) {
        if (locked)
            pthread_mutex_lock(&lock);
        call_in_vain(shared, &status, NULL);
        if (locked)
            pthread_mutex_unlock(&lock);
        sleep_ms(1);
    }
    return NULL;
}

/* A thread reads an out-parameter while another's call writes it. */
static void status_read_meanwhile(int with_lock)
{
    pthread_t caller;
    int i, seen = 0;
    shared = new_client();
    locked = with_lock;
    start(&caller, call_all_the_time, NULL);
    for (i = 0; i < 200; i++) {
        if (locked)
            pthread_mutex_lock(&lock);
        seen += status != 0;
        if (locked)
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

/* A client is freed though nothing says that the other thread's call has returned. */
static void freed_meanwhile(void)
{
    pthread_t caller;
    shared = new_client();
    start(&caller, place_one, NULL);
    sleep_ms(500); /* it has, but that is luck */
    itnio_client_free(shared);
    join(caller);
}

/* All of it, as it should be. */
static void none(void)
{
    pthread_t caller;
    char *reason;
    shared = new_client();
    start(&caller, place_one, NULL);
    place(shared, "8613000000002");
    call_in_vain(shared, NULL, &reason);
    CHECK(reason[0] != 0);
    itnio_free_string(reason);
    join(caller);
    itnio_client_free(shared);
    status_read_meanwhile(1);
}

static void forgotten_string(void)
{
    forget(0);
}

static void forgotten_client(void)
{
    forget(1);
}

static void status_read_without_lock(void)
{
    status_read_meanwhile(0);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"none", none, NULL},
        {"freed-client", freed_client, NULL},
        {"twice-freed-client", twice_freed_client, NULL},
        {"freed-string", freed_string, NULL},
        {"twice-freed-string", twice_freed_string, NULL},
        {"small-status", small_status, NULL},
        {"endless-string", endless_string, NULL},
        {"forgotten-string", forgotten_string, NULL},
        {"forgotten-client", forgotten_client, NULL},
        {"status-read-meanwhile", status_read_without_lock, NULL},
        {"freed-meanwhile", freed_meanwhile, NULL},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
