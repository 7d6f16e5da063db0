/* The module: php.ini, start and end, phpinfo(). */
#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php_itnio.h"

#include <math.h>

#include <SAPI.h>
#include <ext/spl/spl_exceptions.h>
#include <ext/standard/info.h>
#include <zend_attributes.h>

#include "itnio_arginfo.h"

ZEND_DECLARE_MODULE_GLOBALS(itnio)

#if defined(ZTS) && defined(COMPILE_DL_ITNIO)
ZEND_TSRMLS_CACHE_DEFINE()
#endif

bool itnio_milliseconds(double seconds, uint32_t *milliseconds)
{
    double rounded = ceil(seconds * 1000);

    /* 0 is the library's default; and NaN is in no range. */
    if (!(rounded >= 1 && rounded <= UINT32_MAX)) {
        return false;
    }
    *milliseconds = (uint32_t)rounded;
    return true;
}

/* A number of seconds; empty is the library's default. */
static ZEND_INI_MH(on_update_seconds)
{
    uint32_t milliseconds = 0;

    if (new_value && ZSTR_LEN(new_value) > 0) {
        zend_long integer;
        double seconds;
        uint8_t type = is_numeric_string(ZSTR_VAL(new_value), ZSTR_LEN(new_value), &integer,
                                         &seconds, false);
        if (type == IS_LONG) {
            seconds = (double)integer;
        }
        if (type == 0 || !itnio_milliseconds(seconds, &milliseconds)) {
            zend_error(E_WARNING, "%s must be a number of seconds that is greater than 0, \"%s\" given",
                       ZSTR_VAL(entry->name), ZSTR_VAL(new_value));
            return FAILURE;
        }
    }
    *(uint32_t *)ZEND_INI_GET_ADDR() = milliseconds;
    return SUCCESS;
}

/* phpinfo() pages get around. */
static ZEND_INI_DISP(display_secret)
{
    const zend_string *value = type == ZEND_INI_DISPLAY_ORIG && ini_entry->modified
        ? ini_entry->orig_value : ini_entry->value;

    if (value && ZSTR_LEN(value) > 0) {
        PUTS("(not shown)");
    } else {
        PUTS(sapi_module.phpinfo_as_text ? "no value" : "<i>no value</i>");
    }
}

/* Who calls, and by which way, is the administrator's: scripts have the constructor. */
PHP_INI_BEGIN()
    STD_PHP_INI_ENTRY_EX("itnio.api_key", NULL, PHP_INI_SYSTEM, OnUpdateString, api_key,
                         zend_itnio_globals, itnio_globals, display_secret)
    STD_PHP_INI_ENTRY_EX("itnio.api_secret", NULL, PHP_INI_SYSTEM, OnUpdateString, api_secret,
                         zend_itnio_globals, itnio_globals, display_secret)
    STD_PHP_INI_ENTRY("itnio.base_url", NULL, PHP_INI_SYSTEM, OnUpdateString, base_url,
                      zend_itnio_globals, itnio_globals)
    STD_PHP_INI_ENTRY("itnio.ca_file", NULL, PHP_INI_SYSTEM, OnUpdateString, ca_file,
                      zend_itnio_globals, itnio_globals)
    STD_PHP_INI_ENTRY_EX("itnio.proxy", NULL, PHP_INI_SYSTEM, OnUpdateString, proxy,
                         zend_itnio_globals, itnio_globals, display_secret)
    STD_PHP_INI_ENTRY("itnio.connect_timeout", NULL, PHP_INI_ALL, on_update_seconds,
                      connect_timeout_ms, zend_itnio_globals, itnio_globals)
    STD_PHP_INI_ENTRY("itnio.timeout", NULL, PHP_INI_ALL, on_update_seconds, timeout_ms,
                      zend_itnio_globals, itnio_globals)
    STD_PHP_INI_ENTRY("itnio.max_persistent", "16", PHP_INI_SYSTEM, OnUpdateLongGEZero,
                      max_persistent, zend_itnio_globals, itnio_globals)
PHP_INI_END()

static PHP_GINIT_FUNCTION(itnio)
{
#if defined(ZTS) && defined(COMPILE_DL_ITNIO)
    ZEND_TSRMLS_CACHE_UPDATE();
#endif
    memset(itnio_globals, 0, sizeof(*itnio_globals));
}

static PHP_MINIT_FUNCTION(itnio)
{
    (void)type;
    REGISTER_INI_ENTRIES();
    itnio_shared_clients_startup();

    zend_class_entry *base = register_class_Itnio_Exception(spl_ce_RuntimeException);
    itnio_set_up_exception_classes(register_class_Itnio_RefusedException(base),
                                   register_class_Itnio_FailureException(base));
    itnio_set_up_client_class(register_class_Itnio_Client(), register_class_Itnio_Recording());
    itnio_set_up_record_class(register_class_Itnio_Record());
    return SUCCESS;
}

static PHP_MSHUTDOWN_FUNCTION(itnio)
{
    (void)type;
    itnio_shared_clients_shutdown();
    UNREGISTER_INI_ENTRIES();
    return SUCCESS;
}

static PHP_MINFO_FUNCTION(itnio)
{
    char count[16];

    snprintf(count, sizeof(count), "%u", itnio_shared_clients_count());
    php_info_print_table_start();
    php_info_print_table_row(2, "Itniotech voice API", "enabled");
    php_info_print_table_row(2, "Library", itnio_version());
    php_info_print_table_row(2, "Header", ITNIO_VERSION);
    php_info_print_table_row(2, "Clients of this process", count);
    php_info_print_table_end();
    DISPLAY_INI_ENTRIES();
}

static const zend_module_dep dependencies[] = {
    ZEND_MOD_REQUIRED("hash")
    ZEND_MOD_REQUIRED("spl")
    ZEND_MOD_END
};

zend_module_entry itnio_module_entry = {
    STANDARD_MODULE_HEADER_EX,
    NULL,
    dependencies,
    "itnio",
    NULL,
    PHP_MINIT(itnio),
    PHP_MSHUTDOWN(itnio),
    NULL,
    NULL,
    PHP_MINFO(itnio),
    PHP_ITNIO_VERSION,
    PHP_MODULE_GLOBALS(itnio),
    PHP_GINIT(itnio),
    NULL,
    NULL,
    STANDARD_MODULE_PROPERTIES_EX
};

#ifdef COMPILE_DL_ITNIO
ZEND_GET_MODULE(itnio)
#endif
