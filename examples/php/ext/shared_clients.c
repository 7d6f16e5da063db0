/*
 * The library's clients of this process, by their settings. Requests come and go; a client stays, and
 * with it its connections. A process that is forked inherits them, and the library gives it
 * connections of its own.
 *
 * No more than itnio.max_persistent clients stay when they are not in use, those that were used last: a
 * script that makes up a new setting per request (the time left until a deadline, say) fills no worker.
 */
#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php_itnio.h"

#include <ext/hash/php_hash.h>
#include <ext/hash/php_hash_sha.h>

enum { KEY_LENGTH = 32 };

struct itnio_shared_client {
    itnio_client *client;
    uint32_t users; /* how many Itnio\Client objects have it */
    char key[KEY_LENGTH];
};

/* The one that was used least recently comes first. */
static HashTable clients;

#ifdef ZTS
static MUTEX_T mutex;
# define LOCK() tsrm_mutex_lock(mutex)
# define UNLOCK() tsrm_mutex_unlock(mutex)
#else
# define LOCK() ((void)0)
# define UNLOCK() ((void)0)
#endif

void itnio_shared_clients_startup(void)
{
#ifdef ZTS
    mutex = tsrm_mutex_alloc();
#endif
    zend_hash_init(&clients, 0, NULL, NULL, true);
}

static void forget(itnio_shared_client *shared)
{
    zend_hash_str_del(&clients, shared->key, KEY_LENGTH);
    itnio_client_free(shared->client);
    free(shared);
}

void itnio_shared_clients_shutdown(void)
{
    itnio_shared_client *shared;

    ZEND_HASH_FOREACH_PTR(&clients, shared) {
        forget(shared);
    } ZEND_HASH_FOREACH_END();
    zend_hash_destroy(&clients);
#ifdef ZTS
    tsrm_mutex_free(mutex);
#endif
}

uint32_t itnio_shared_clients_count(void)
{
    LOCK();
    uint32_t count = zend_hash_num_elements(&clients);
    UNLOCK();
    return count;
}

/* Lengths go first, so that no two lists of texts are the same bytes; NULL is not "". */
static void add_text(PHP_SHA256_CTX *context, const char *text)
{
    size_t length = text ? strlen(text) : SIZE_MAX;

    PHP_SHA256Update(context, (const unsigned char *)&length, sizeof(length));
    if (text) {
        PHP_SHA256Update(context, (const unsigned char *)text, length);
    }
}

/* A digest, and so no second copy of the secret that would have to be wiped. */
static void key_of(const itnio_config *config, char key[KEY_LENGTH])
{
    /* What the library takes from the environment when it makes a client: a script may have changed
     * it with putenv() until the end of its request. */
    static const char *const variables[] = {
        "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR",
    };
    PHP_SHA256_CTX context;

    PHP_SHA256InitArgs(&context, NULL);
    add_text(&context, config->api_key);
    add_text(&context, config->api_secret);
    add_text(&context, config->base_url);
    add_text(&context, config->ca_file);
    add_text(&context, config->proxy);
    PHP_SHA256Update(&context, (const unsigned char *)&config->connect_timeout_ms,
                     sizeof(config->connect_timeout_ms));
    PHP_SHA256Update(&context, (const unsigned char *)&config->timeout_ms,
                     sizeof(config->timeout_ms));
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        add_text(&context, getenv(variables[i]));
    }
    PHP_SHA256Final((unsigned char *)key, &context);
    ZEND_SECURE_ZERO(&context, sizeof(context));
}

/* Frees clients that are not in use, from the least recently used on, down to the limit. */
static void trim(void)
{
    zend_ulong limit = (zend_ulong)ITNIO_G(max_persistent);
    itnio_shared_client *shared;

    ZEND_HASH_FOREACH_PTR(&clients, shared) {
        if (zend_hash_num_elements(&clients) <= limit) {
            break;
        }
        if (shared->users == 0) {
            forget(shared);
        }
    } ZEND_HASH_FOREACH_END();
}

itnio_result itnio_shared_client_acquire(const itnio_config *config, itnio_shared_client **shared,
                                         char **reason)
{
    char key[KEY_LENGTH];
    itnio_result result = ITNIO_OK;

    LOCK();
    /* No other thread calls putenv() while the environment is read. */
    tsrm_env_lock();
    key_of(config, key);
    itnio_shared_client *found = zend_hash_str_find_ptr(&clients, key, KEY_LENGTH);
    if (found) {
        *reason = NULL;
        /* To the end: it is now the one that was used last. */
        zend_hash_str_del(&clients, key, KEY_LENGTH);
    } else {
        itnio_client *client;
        result = itnio_client_new(config, &client, reason);
        if (result == ITNIO_OK) {
            found = pecalloc(1, sizeof(*found), true);
            found->client = client;
            memcpy(found->key, key, KEY_LENGTH);
        }
    }
    tsrm_env_unlock();
    if (found) {
        found->users++;
        zend_hash_str_add_new_ptr(&clients, key, KEY_LENGTH, found);
        *shared = found;
    }
    UNLOCK();
    return result;
}

void itnio_shared_client_release(itnio_shared_client *shared)
{
    LOCK();
    shared->users--;
    trim();
    UNLOCK();
}

const itnio_client *itnio_shared_client_get(const itnio_shared_client *shared)
{
    return shared->client;
}
