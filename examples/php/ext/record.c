/* Itnio\Record. */
#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php_itnio.h"

static zend_class_entry *record_class;

void itnio_set_up_record_class(zend_class_entry *record)
{
    record_class = record;
}

/* How a field is in C: a text or NULL, Unix seconds or 0, seconds or -1. */
typedef enum field_kind { TEXT, TIME, SECONDS } field_kind;

#define FIELD(property, member, kind) {ZEND_STRL(#property), offsetof(itnio_record, member), kind}

/* In the order of the constructor's arguments. The first is always there. */
static const struct field {
    const char *name;
    size_t length;
    size_t offset;
    field_kind kind;
} fields[] = {
    FIELD(recordingId, recording_id, TEXT),
    FIELD(callee, callee, TEXT),
    FIELD(displayNum, display_num, TEXT),
    FIELD(phoneName, phone_name, TEXT),
    FIELD(phoneGroup, phone_group, TEXT),
    FIELD(region, region, TEXT),
    FIELD(submitTime, submit_time, TEXT),
    FIELD(callTime, call_time, TEXT),
    FIELD(ringingTime, ringing_time, TEXT),
    FIELD(answerTime, answer_time, TEXT),
    FIELD(hangupTime, hangup_time, TEXT),
    FIELD(submittedAt, submitted_at, TIME),
    FIELD(calledAt, called_at, TIME),
    FIELD(ringingAt, ringing_at, TIME),
    FIELD(answeredAt, answered_at, TIME),
    FIELD(hungUpAt, hung_up_at, TIME),
    FIELD(callDuration, call_duration_s, SECONDS),
    FIELD(chargedDuration, charged_duration_s, SECONDS),
    FIELD(terminationCode, termination_code, TEXT),
    FIELD(terminationReason, termination_reason, TEXT),
    FIELD(cost, cost, TEXT),
    FIELD(rate, rate, TEXT),
    FIELD(billingPeriod, billing_period, TEXT),
    FIELD(currency, currency, TEXT),
    FIELD(recordingFileId, recording_file_id, TEXT),
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(*fields) };

static void set(zend_object *object, const struct field *field, zval *value)
{
    zend_update_property(record_class, object, field->name, field->length, value);
}

static void read_field(const itnio_record *record, const struct field *field, zval *value)
{
    const void *member = (const char *)record + field->offset;

    ZVAL_NULL(value);
    if (field->kind == TEXT) {
        const char *text = *(const char *const *)member;
        if (text) {
            ZVAL_STRING(value, text);
        }
    } else if (field->kind == TIME) {
        int64_t time = *(const int64_t *)member;
        if (time != 0) {
            ZVAL_LONG(value, time);
        }
    } else {
        int32_t seconds = *(const int32_t *)member;
        if (seconds >= 0) {
            ZVAL_LONG(value, seconds);
        }
    }
}

void itnio_record_to_object(const itnio_record *record, zval *object)
{
    object_init_ex(object, record_class);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        zval value;
        read_field(record, &fields[i], &value);
        set(Z_OBJ_P(object), &fields[i], &value);
        zval_ptr_dtor(&value);
    }
}

/* False: an exception has been thrown. */
static bool read_argument(zval *argument, uint32_t position, field_kind kind, zval *value)
{
    bool may_be_null = position > 1, is_null = false;
    zend_expected_type expected;

    if (kind == TEXT) {
        zend_string *text;
        if (zend_parse_arg_str(argument, &text, may_be_null, position)) {
            if (text) {
                ZVAL_STR_COPY(value, text);
            } else {
                ZVAL_NULL(value);
            }
            return true;
        }
        expected = may_be_null ? Z_EXPECTED_STRING_OR_NULL : Z_EXPECTED_STRING;
    } else {
        zend_long number;
        if (zend_parse_arg_long(argument, &number, &is_null, may_be_null, position)) {
            if (is_null) {
                ZVAL_NULL(value);
            } else {
                ZVAL_LONG(value, number);
            }
            return true;
        }
        expected = Z_EXPECTED_LONG_OR_NULL;
    }
    zend_wrong_parameter_type_error(position, expected, argument);
    return false;
}

/* By the table, where the macros for arguments would need a line and a variable for each of them. */
ZEND_METHOD(Itnio_Record, __construct)
{
    uint32_t count = ZEND_NUM_ARGS();

    if (count < 1 || count > FIELD_COUNT) {
        zend_wrong_parameters_count_error(1, FIELD_COUNT);
        RETURN_THROWS();
    }
    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        zval value;
        ZVAL_NULL(&value);
        if (i < count && !read_argument(ZEND_CALL_ARG(execute_data, i + 1), i + 1, fields[i].kind, &value)) {
            RETURN_THROWS();
        }
        /* A second time it throws, as for any readonly property. */
        set(Z_OBJ_P(ZEND_THIS), &fields[i], &value);
        zval_ptr_dtor(&value);
        if (EG(exception)) {
            RETURN_THROWS();
        }
    }
}
