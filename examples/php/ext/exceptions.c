/* Itnio\RefusedException and Itnio\FailureException. */
#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php_itnio.h"

#include <zend_exceptions.h>

static zend_class_entry *refused_class;
static zend_class_entry *failure_class;

void itnio_set_up_exception_classes(zend_class_entry *refused, zend_class_entry *failure)
{
    refused_class = refused;
    failure_class = failure;
}

/* Takes the message over. */
static void set_message_and_code(zend_object *exception, zend_string *message, zend_long code)
{
    zval value;

    ZVAL_STR(&value, message);
    zend_update_property_ex(zend_ce_exception, exception, ZSTR_KNOWN(ZEND_STR_MESSAGE), &value);
    zval_ptr_dtor(&value);
    ZVAL_LONG(&value, code);
    zend_update_property_ex(zend_ce_exception, exception, ZSTR_KNOWN(ZEND_STR_CODE), &value);
}

static void set_up_refused(zend_object *exception, zend_long status, const char *reason)
{
    zend_string *message = zend_strpprintf(0, "the API refused the call with status " ZEND_LONG_FMT ": %s",
                                           status, reason);

    set_message_and_code(exception, message, ITNIO_REJECTED);
    zend_update_property_long(refused_class, exception, ZEND_STRL("status"), status);
}

static void set_up_failure(zend_object *exception, zend_long result, const char *reason)
{
    set_message_and_code(exception, zend_string_init(reason, strlen(reason), false), result);
}

/* Numbers that are no int32_t are no status and no result; what they mean is for the library to say. */
static int32_t narrowed(zend_long number)
{
    return number >= INT32_MIN && number <= INT32_MAX ? (int32_t)number : INT32_MIN;
}

static void throw_result(itnio_result result, int32_t status, char *reason, bool is_look)
{
    /* NULL where memory was too short for it. */
    const char *text = reason ? reason : itnio_result_message(result);

    if (result == ITNIO_INVALID_ARGUMENT) {
        zend_string *function = get_active_function_or_method_name();
        zend_value_error("%s(): %s", ZSTR_VAL(function), text);
        zend_string_release(function);
    } else {
        zend_class_entry *class_entry = result == ITNIO_REJECTED ? refused_class : failure_class;
        zval exception;
        object_init_ex(&exception, class_entry);
        if (result == ITNIO_REJECTED) {
            set_up_refused(Z_OBJ(exception), status, text);
        } else {
            set_up_failure(Z_OBJ(exception), result, text);
        }
        zend_update_property_bool(class_entry, Z_OBJ(exception), ZEND_STRL("isLook"), is_look);
        zend_throw_exception_object(&exception);
    }
    itnio_free_string(reason);
}

void itnio_throw(itnio_result result, int32_t status, char *reason)
{
    throw_result(result, status, reason, false);
}

void itnio_throw_of_look(itnio_result result, int32_t status, char *reason)
{
    throw_result(result, status, reason, true);
}

static bool is_of_look(zend_class_entry *class_entry, zend_object *exception)
{
    zval buffer;

    return zend_is_true(zend_read_property(class_entry, exception, ZEND_STRL("isLook"), true, &buffer));
}

/* Reads the arguments of a constructor: a number, and a reason, which may be left out. An empty reason
 * becomes the meaning of the number. False: an exception has been thrown. */
static bool read_arguments(zend_execute_data *execute_data, const char *(*meaning)(int32_t),
                           zend_long *number, const char **reason)
{
    char *given = "";
    size_t length = 0;

    ZEND_PARSE_PARAMETERS_START(1, 2)
        Z_PARAM_LONG(*number)
        Z_PARAM_OPTIONAL
        Z_PARAM_PATH(given, length)
    ZEND_PARSE_PARAMETERS_END_EX(return false);

    *reason = length ? given : meaning(narrowed(*number));
    return true;
}

ZEND_METHOD(Itnio_RefusedException, __construct)
{
    zend_long status;
    const char *reason;

    if (read_arguments(execute_data, itnio_status_message, &status, &reason)) {
        set_up_refused(Z_OBJ_P(ZEND_THIS), status, reason);
    }
}

static zend_long status_of(zend_object *exception)
{
    zval buffer;

    return zval_get_long(zend_read_property(refused_class, exception, ZEND_STRL("status"), true, &buffer));
}

ZEND_METHOD(Itnio_RefusedException, getStatus)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_LONG(status_of(Z_OBJ_P(ZEND_THIS)));
}

ZEND_METHOD(Itnio_RefusedException, getStatusMessage)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_STRING(itnio_status_message(narrowed(status_of(Z_OBJ_P(ZEND_THIS)))));
}

ZEND_METHOD(Itnio_RefusedException, mayHaveDialed)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_BOOL(is_of_look(refused_class, Z_OBJ_P(ZEND_THIS)) || itnio_may_have_dialed(ITNIO_REJECTED));
}

ZEND_METHOD(Itnio_FailureException, __construct)
{
    zend_long result;
    const char *reason;

    if (read_arguments(execute_data, itnio_result_message, &result, &reason)) {
        set_up_failure(Z_OBJ_P(ZEND_THIS), result, reason);
    }
}

ZEND_METHOD(Itnio_FailureException, mayHaveDialed)
{
    zval buffer;

    ZEND_PARSE_PARAMETERS_NONE();
    zend_long result = zval_get_long(zend_read_property_ex(
        zend_ce_exception, Z_OBJ_P(ZEND_THIS), ZSTR_KNOWN(ZEND_STR_CODE), true, &buffer));
    RETURN_BOOL(is_of_look(failure_class, Z_OBJ_P(ZEND_THIS)) || itnio_may_have_dialed(narrowed(result)));
}
