/* What the files of the extension share. */
#ifndef PHP_ITNIO_H
#define PHP_ITNIO_H

#include <php.h>
#include <itnio.h>

#define PHP_ITNIO_VERSION "0.2.0"

#if PHP_VERSION_ID < 80200
# error "PHP 8.2 or later is needed: earlier ones show a constructor's arguments, secret included, in stack traces"
#endif

extern zend_module_entry itnio_module_entry;
#define phpext_itnio_ptr &itnio_module_entry

/* php.ini: what a client is made from where its constructor does not say. */
ZEND_BEGIN_MODULE_GLOBALS(itnio)
    char *api_key;
    char *api_secret;
    char *base_url;
    char *ca_file;
    char *proxy;
    uint32_t connect_timeout_ms;
    uint32_t timeout_ms;
    zend_long max_persistent;
ZEND_END_MODULE_GLOBALS(itnio)
ZEND_EXTERN_MODULE_GLOBALS(itnio)
#define ITNIO_G(name) ZEND_MODULE_GLOBALS_ACCESSOR(itnio, name)

#if defined(ZTS) && defined(COMPILE_DL_ITNIO)
ZEND_TSRMLS_CACHE_EXTERN()
#endif

/* A time-out in seconds as the library counts it. False where it cannot be one. */
bool itnio_milliseconds(double seconds, uint32_t *milliseconds);

/* client.c */
void itnio_set_up_client_class(zend_class_entry *client, zend_class_entry *recording);

/* record.c */
void itnio_set_up_record_class(zend_class_entry *record);

/* Makes `object` an Itnio\Record with what this one has. */
void itnio_record_to_object(const itnio_record *record, zval *object);

/* exceptions.c */
void itnio_set_up_exception_classes(zend_class_entry *refused, zend_class_entry *failure);

/* Throws what `result`, which is not ITNIO_OK, is in PHP. Takes `reason` over. */
void itnio_throw(itnio_result result, int32_t status, char *reason);
/* The same for what a look at the records ends with: it says nothing about a phone. */
void itnio_throw_of_look(itnio_result result, int32_t status, char *reason);

/* shared_clients.c: the library's clients, which outlive requests. */
typedef struct itnio_shared_client itnio_shared_client;

void itnio_shared_clients_startup(void);
void itnio_shared_clients_shutdown(void);
uint32_t itnio_shared_clients_count(void);

/* The client with these settings, made if there is none. Every one is to be released. `*shared` is
 * written on ITNIO_OK only. */
itnio_result itnio_shared_client_acquire(const itnio_config *config, itnio_shared_client **shared,
                                         char **reason);
void itnio_shared_client_release(itnio_shared_client *shared);

/* For as long as it is not released. */
const itnio_client *itnio_shared_client_get(const itnio_shared_client *shared);

#endif
