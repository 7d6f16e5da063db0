/* Itnio\Client and Itnio\Recording. */
#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php_itnio.h"

#include <zend_exceptions.h>

typedef struct client_object {
    itnio_shared_client *shared; /* NULL until the constructor is done */
    zend_object std;
} client_object;

static zend_class_entry *recording_class;
static zend_object_handlers client_handlers;

static client_object *client_object_from(zend_object *object)
{
    return (client_object *)((char *)object - offsetof(client_object, std));
}

static zend_object *create_client_object(zend_class_entry *class_entry)
{
    client_object *client = zend_object_alloc(sizeof(client_object), class_entry);

    client->shared = NULL;
    zend_object_std_init(&client->std, class_entry);
    object_properties_init(&client->std, class_entry);
    client->std.handlers = &client_handlers;
    return &client->std;
}

static void let_go(client_object *client)
{
    if (client->shared) {
        itnio_shared_client_release(client->shared);
        client->shared = NULL;
    }
}

static void free_client_object(zend_object *object)
{
    let_go(client_object_from(object));
    zend_object_std_dtor(object);
}

void itnio_set_up_client_class(zend_class_entry *client, zend_class_entry *recording)
{
    recording_class = recording;
    client->create_object = create_client_object;
    client_handlers = std_object_handlers;
    client_handlers.offset = offsetof(client_object, std);
    client_handlers.free_obj = free_client_object;
    client_handlers.clone_obj = NULL;
}

/* An argument, else php.ini's, where empty is the same as nothing. */
static const char *or_ini(const char *argument, const char *ini)
{
    if (argument) {
        return argument;
    }
    return ini && *ini ? ini : NULL;
}

/* A time-out in seconds, where it is given. False: an exception has been thrown. */
static bool read_timeout(uint32_t position, double seconds, bool is_absent, uint32_t *milliseconds)
{
    if (!is_absent && !itnio_milliseconds(seconds, milliseconds)) {
        zend_argument_value_error(position, "must be a number of seconds that is greater than 0");
        return false;
    }
    return true;
}

ZEND_METHOD(Itnio_Client, __construct)
{
    char *api_key = NULL, *api_secret = NULL, *base_url = NULL, *ca_file = NULL, *proxy = NULL;
    size_t length;
    double connect_timeout = 0, timeout = 0;
    bool no_connect_timeout = true, no_timeout = true;

    ZEND_PARSE_PARAMETERS_START(0, 7)
        Z_PARAM_OPTIONAL
        /* PATH is a string without null bytes. */
        Z_PARAM_PATH_OR_NULL(api_key, length)
        Z_PARAM_PATH_OR_NULL(api_secret, length)
        Z_PARAM_PATH_OR_NULL(base_url, length)
        Z_PARAM_PATH_OR_NULL(ca_file, length)
        Z_PARAM_PATH_OR_NULL(proxy, length)
        Z_PARAM_DOUBLE_OR_NULL(connect_timeout, no_connect_timeout)
        Z_PARAM_DOUBLE_OR_NULL(timeout, no_timeout)
    ZEND_PARSE_PARAMETERS_END();
    (void)length;

    itnio_config config = {
        .api_key = or_ini(api_key, ITNIO_G(api_key)),
        .api_secret = or_ini(api_secret, ITNIO_G(api_secret)),
        .base_url = or_ini(base_url, ITNIO_G(base_url)),
        .ca_file = or_ini(ca_file, ITNIO_G(ca_file)),
        /* Here, empty is "no proxy". */
        .proxy = proxy ? proxy : ITNIO_G(proxy),
        .connect_timeout_ms = ITNIO_G(connect_timeout_ms),
        .timeout_ms = ITNIO_G(timeout_ms),
    };
    if (!config.api_key) {
        zend_argument_value_error(1, "must be given, or itnio.api_key in php.ini");
        RETURN_THROWS();
    }
    if (!config.api_secret) {
        zend_argument_value_error(2, "must be given, or itnio.api_secret in php.ini");
        RETURN_THROWS();
    }
    if (ca_file && php_check_open_basedir_ex(ca_file, 0) != 0) {
        zend_argument_value_error(4, "must be within open_basedir");
        RETURN_THROWS();
    }
    if (!read_timeout(6, connect_timeout, no_connect_timeout, &config.connect_timeout_ms)
        || !read_timeout(7, timeout, no_timeout, &config.timeout_ms)) {
        RETURN_THROWS();
    }

    itnio_shared_client *shared;
    char *reason;
    itnio_result result = itnio_shared_client_acquire(&config, &shared, &reason);
    if (result != ITNIO_OK) {
        itnio_throw(result, ITNIO_NO_STATUS, reason);
        RETURN_THROWS();
    }
    client_object *client = client_object_from(Z_OBJ_P(ZEND_THIS));
    /* The constructor may have been called by hand before. */
    let_go(client);
    client->shared = shared;
}

/* A method's client; NULL: an exception has been thrown. */
static const itnio_client *client_of(zval *this)
{
    const client_object *client = client_object_from(Z_OBJ_P(this));

    if (!client->shared) {
        zend_throw_error(NULL, "The Itnio\\Client object has not been constructed");
        return NULL;
    }
    return itnio_shared_client_get(client->shared);
}

/* Takes `recording_id` over. */
static void recording_object(char *recording_id, zval *object)
{
    object_init_ex(object, recording_class);
    zend_update_property_string(recording_class, Z_OBJ_P(object), ZEND_STRL("id"), recording_id);
    itnio_free_string(recording_id);
}

ZEND_METHOD(Itnio_Client, sendSip)
{
    char *callee, *account, *app_id, *display_num = NULL, *called_info = NULL;
    size_t length;
    double timeout = 0;
    bool no_timeout = true;

    ZEND_PARSE_PARAMETERS_START(3, 6)
        Z_PARAM_PATH(callee, length)
        Z_PARAM_PATH(account, length)
        Z_PARAM_PATH(app_id, length)
        Z_PARAM_OPTIONAL
        Z_PARAM_PATH_OR_NULL(display_num, length)
        Z_PARAM_PATH_OR_NULL(called_info, length)
        Z_PARAM_DOUBLE_OR_NULL(timeout, no_timeout)
    ZEND_PARSE_PARAMETERS_END();
    (void)length;

    const itnio_client *client = client_of(ZEND_THIS);
    itnio_sip_request request = {
        .callee = callee,
        .display_num = display_num,
        .account = account,
        .app_id = app_id,
        .called_info = called_info,
    };
    if (!client || !read_timeout(6, timeout, no_timeout, &request.timeout_ms)) {
        RETURN_THROWS();
    }

    int32_t status;
    char *recording_id, *reason;
    itnio_result result = itnio_send_sip(client, &request, &status, &recording_id, &reason);
    if (result != ITNIO_OK) {
        itnio_throw(result, status, reason);
        RETURN_THROWS();
    }
    recording_object(recording_id, return_value);
}

ZEND_METHOD(Itnio_Client, findCall)
{
    zend_long since;
    char *callee, *account, *app_id, *display_num = NULL, *called_info = NULL;
    size_t length;
    double patience, timeout = 0;
    bool no_timeout = true;

    ZEND_PARSE_PARAMETERS_START(5, 8)
        Z_PARAM_LONG(since)
        Z_PARAM_DOUBLE(patience)
        Z_PARAM_PATH(callee, length)
        Z_PARAM_PATH(account, length)
        Z_PARAM_PATH(app_id, length)
        Z_PARAM_OPTIONAL
        Z_PARAM_PATH_OR_NULL(display_num, length)
        Z_PARAM_PATH_OR_NULL(called_info, length)
        Z_PARAM_DOUBLE_OR_NULL(timeout, no_timeout)
    ZEND_PARSE_PARAMETERS_END();
    (void)length;

    const itnio_client *client = client_of(ZEND_THIS);
    itnio_sip_request request = {
        .callee = callee,
        .display_num = display_num,
        .account = account,
        .app_id = app_id,
        .called_info = called_info,
    };
    uint32_t patience_ms = 0;
    if (!client || !read_timeout(8, timeout, no_timeout, &request.timeout_ms)) {
        RETURN_THROWS();
    }
    if (patience != 0 && !itnio_milliseconds(patience, &patience_ms)) {
        zend_argument_value_error(2, "must be a number of seconds that is not negative");
        RETURN_THROWS();
    }

    int32_t status;
    char *recording_id, *reason;
    itnio_result result = itnio_find_call(client, &request, since, patience_ms, &status, &recording_id, &reason);
    if (result != ITNIO_OK) {
        itnio_throw(result, status, reason);
        RETURN_THROWS();
    }
    recording_object(recording_id, return_value);
}

ZEND_METHOD(Itnio_Client, getRecord)
{
    char *recording_id;
    size_t length;

    ZEND_PARSE_PARAMETERS_START(1, 1)
        Z_PARAM_PATH(recording_id, length)
    ZEND_PARSE_PARAMETERS_END();
    (void)length;

    const itnio_client *client = client_of(ZEND_THIS);
    if (!client) {
        RETURN_THROWS();
    }

    int32_t status;
    itnio_records *records;
    char *reason;
    itnio_result result = itnio_get_record(client, recording_id, &status, &records, &reason);
    if (result != ITNIO_OK) {
        itnio_throw_of_look(result, status, reason);
        RETURN_THROWS();
    }
    itnio_record_to_object(itnio_records_get(records, 0), return_value);
    itnio_records_free(records);
}

ZEND_METHOD(Itnio_Client, findRecords)
{
    zend_long since, until = 0, max_records = 0;
    char *callee = NULL, *display_num = NULL, *phone_name = NULL, *phone_group = NULL;
    size_t length;
    double timeout = 0;
    bool no_until = true, no_max_records = true, no_timeout = true;

    ZEND_PARSE_PARAMETERS_START(1, 8)
        Z_PARAM_LONG(since)
        Z_PARAM_OPTIONAL
        Z_PARAM_LONG_OR_NULL(until, no_until)
        Z_PARAM_PATH_OR_NULL(callee, length)
        Z_PARAM_PATH_OR_NULL(display_num, length)
        Z_PARAM_PATH_OR_NULL(phone_name, length)
        Z_PARAM_PATH_OR_NULL(phone_group, length)
        Z_PARAM_LONG_OR_NULL(max_records, no_max_records)
        Z_PARAM_DOUBLE_OR_NULL(timeout, no_timeout)
    ZEND_PARSE_PARAMETERS_END();
    (void)length;
    (void)no_until;

    const itnio_client *client = client_of(ZEND_THIS);
    itnio_record_query query = {
        .since = since,
        .until = until,
        .callee = callee,
        .display_num = display_num,
        .phone_name = phone_name,
        .phone_group = phone_group,
        .max_records = (uint32_t)max_records,
    };
    if (!client || !read_timeout(8, timeout, no_timeout, &query.timeout_ms)) {
        RETURN_THROWS();
    }
    if (!no_max_records && (max_records < 1 || max_records > UINT32_MAX)) {
        zend_argument_value_error(7, "must be between 1 and %u", UINT32_MAX);
        RETURN_THROWS();
    }

    int32_t status;
    itnio_records *records;
    char *reason;
    itnio_result result = itnio_find_records(client, &query, &status, &records, &reason);
    if (result != ITNIO_OK) {
        itnio_throw_of_look(result, status, reason);
        RETURN_THROWS();
    }
    /* Many records may be more than memory_limit allows, which ends the request here. */
    zend_try {
        size_t count = itnio_records_count(records);
        array_init_size(return_value, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
            zval record;
            itnio_record_to_object(itnio_records_get(records, i), &record);
            add_next_index_zval(return_value, &record);
        }
    } zend_catch {
        itnio_records_free(records);
        zend_bailout();
    } zend_end_try();
    itnio_records_free(records);
}

ZEND_METHOD(Itnio_Client, version)
{
    ZEND_PARSE_PARAMETERS_NONE();
    RETURN_STRING(itnio_version());
}

ZEND_METHOD(Itnio_Recording, __construct)
{
    zend_string *id;

    ZEND_PARSE_PARAMETERS_START(1, 1)
        Z_PARAM_STR(id)
    ZEND_PARSE_PARAMETERS_END();

    /* A second time it throws, as for any readonly property. */
    zend_update_property_str(recording_class, Z_OBJ_P(ZEND_THIS), ZEND_STRL("id"), id);
}
