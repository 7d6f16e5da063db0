/* This is a generated file, edit the .stub.php file instead.
 * Stub hash: 71fd798d6262e35c075f95c63120913758167b4f */

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Itnio_Exception_mayHaveDialed, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Itnio_RefusedException___construct, 0, 0, 1)
	ZEND_ARG_TYPE_INFO(0, status, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, reason, IS_STRING, 0, "\"\"")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Itnio_RefusedException_getStatus, 0, 0, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Itnio_RefusedException_getStatusMessage, 0, 0, IS_STRING, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Itnio_RefusedException_mayHaveDialed arginfo_class_Itnio_Exception_mayHaveDialed

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Itnio_FailureException___construct, 0, 0, 1)
	ZEND_ARG_TYPE_INFO(0, result, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, reason, IS_STRING, 0, "\"\"")
ZEND_END_ARG_INFO()

#define arginfo_class_Itnio_FailureException_mayHaveDialed arginfo_class_Itnio_Exception_mayHaveDialed

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Itnio_Recording___construct, 0, 0, 1)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Itnio_Record___construct, 0, 0, 1)
	ZEND_ARG_TYPE_INFO(0, recordingId, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, callee, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, displayNum, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, phoneName, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, phoneGroup, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, region, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, submitTime, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, callTime, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, ringingTime, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, answerTime, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, hangupTime, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, submittedAt, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, calledAt, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, ringingAt, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, answeredAt, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, hungUpAt, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, callDuration, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, chargedDuration, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, terminationCode, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, terminationReason, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, cost, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, rate, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, billingPeriod, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, currency, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, recordingFileId, IS_STRING, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Itnio_Client___construct, 0, 0, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, apiKey, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, apiSecret, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, baseUrl, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, caFile, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, proxy, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, connectTimeout, IS_DOUBLE, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Itnio_Client_sendSip, 0, 3, Itnio\\Recording, 0)
	ZEND_ARG_TYPE_INFO(0, callee, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, account, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, appId, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, displayNum, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, calledInfo, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Itnio_Client_findCall, 0, 5, Itnio\\Recording, 0)
	ZEND_ARG_TYPE_INFO(0, since, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, patience, IS_DOUBLE, 0)
	ZEND_ARG_TYPE_INFO(0, callee, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, account, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, appId, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, displayNum, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, calledInfo, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Itnio_Client_getRecord, 0, 1, Itnio\\Record, 0)
	ZEND_ARG_TYPE_INFO(0, recordingId, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Itnio_Client_findRecords, 0, 1, IS_ARRAY, 0)
	ZEND_ARG_TYPE_INFO(0, since, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, until, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, callee, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, displayNum, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, phoneName, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, phoneGroup, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, maxRecords, IS_LONG, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

#define arginfo_class_Itnio_Client_version arginfo_class_Itnio_RefusedException_getStatusMessage


ZEND_METHOD(Itnio_RefusedException, __construct);
ZEND_METHOD(Itnio_RefusedException, getStatus);
ZEND_METHOD(Itnio_RefusedException, getStatusMessage);
ZEND_METHOD(Itnio_RefusedException, mayHaveDialed);
ZEND_METHOD(Itnio_FailureException, __construct);
ZEND_METHOD(Itnio_FailureException, mayHaveDialed);
ZEND_METHOD(Itnio_Recording, __construct);
ZEND_METHOD(Itnio_Record, __construct);
ZEND_METHOD(Itnio_Client, __construct);
ZEND_METHOD(Itnio_Client, sendSip);
ZEND_METHOD(Itnio_Client, findCall);
ZEND_METHOD(Itnio_Client, getRecord);
ZEND_METHOD(Itnio_Client, findRecords);
ZEND_METHOD(Itnio_Client, version);


static const zend_function_entry class_Itnio_Exception_methods[] = {
	ZEND_ABSTRACT_ME_WITH_FLAGS(Itnio_Exception, mayHaveDialed, arginfo_class_Itnio_Exception_mayHaveDialed, ZEND_ACC_PUBLIC|ZEND_ACC_ABSTRACT)
	ZEND_FE_END
};


static const zend_function_entry class_Itnio_RefusedException_methods[] = {
	ZEND_ME(Itnio_RefusedException, __construct, arginfo_class_Itnio_RefusedException___construct, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_RefusedException, getStatus, arginfo_class_Itnio_RefusedException_getStatus, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_RefusedException, getStatusMessage, arginfo_class_Itnio_RefusedException_getStatusMessage, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_RefusedException, mayHaveDialed, arginfo_class_Itnio_RefusedException_mayHaveDialed, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Itnio_FailureException_methods[] = {
	ZEND_ME(Itnio_FailureException, __construct, arginfo_class_Itnio_FailureException___construct, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_FailureException, mayHaveDialed, arginfo_class_Itnio_FailureException_mayHaveDialed, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Itnio_Recording_methods[] = {
	ZEND_ME(Itnio_Recording, __construct, arginfo_class_Itnio_Recording___construct, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Itnio_Record_methods[] = {
	ZEND_ME(Itnio_Record, __construct, arginfo_class_Itnio_Record___construct, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Itnio_Client_methods[] = {
	ZEND_ME(Itnio_Client, __construct, arginfo_class_Itnio_Client___construct, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, sendSip, arginfo_class_Itnio_Client_sendSip, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, findCall, arginfo_class_Itnio_Client_findCall, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, getRecord, arginfo_class_Itnio_Client_getRecord, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, findRecords, arginfo_class_Itnio_Client_findRecords, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, version, arginfo_class_Itnio_Client_version, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_FE_END
};

static zend_class_entry *register_class_Itnio_Exception(zend_class_entry *class_entry_RuntimeException)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "Exception", class_Itnio_Exception_methods);
	class_entry = zend_register_internal_class_ex(&ce, class_entry_RuntimeException);
	class_entry->ce_flags |= ZEND_ACC_ABSTRACT;

	return class_entry;
}

static zend_class_entry *register_class_Itnio_RefusedException(zend_class_entry *class_entry_Itnio_Exception)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "RefusedException", class_Itnio_RefusedException_methods);
	class_entry = zend_register_internal_class_ex(&ce, class_entry_Itnio_Exception);
	class_entry->ce_flags |= ZEND_ACC_FINAL;

	zval const_REJECTED_value;
	ZVAL_LONG(&const_REJECTED_value, ITNIO_REJECTED);
	zend_string *const_REJECTED_name = zend_string_init_interned("REJECTED", sizeof("REJECTED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_REJECTED_name, &const_REJECTED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_REJECTED_name);
	ZEND_ASSERT(ITNIO_REJECTED == 1);

	zval property_status_default_value;
	ZVAL_UNDEF(&property_status_default_value);
	zend_string *property_status_name = zend_string_init("status", sizeof("status") - 1, 1);
	zend_declare_typed_property(class_entry, property_status_name, &property_status_default_value, ZEND_ACC_PRIVATE, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG));
	zend_string_release(property_status_name);

	zval property_isLook_default_value;
	ZVAL_FALSE(&property_isLook_default_value);
	zend_string *property_isLook_name = zend_string_init("isLook", sizeof("isLook") - 1, 1);
	zend_declare_typed_property(class_entry, property_isLook_name, &property_isLook_default_value, ZEND_ACC_PRIVATE, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_BOOL));
	zend_string_release(property_isLook_name);

	return class_entry;
}

static zend_class_entry *register_class_Itnio_FailureException(zend_class_entry *class_entry_Itnio_Exception)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "FailureException", class_Itnio_FailureException_methods);
	class_entry = zend_register_internal_class_ex(&ce, class_entry_Itnio_Exception);
	class_entry->ce_flags |= ZEND_ACC_FINAL;

	zval const_RESOLVE_FAILED_value;
	ZVAL_LONG(&const_RESOLVE_FAILED_value, ITNIO_RESOLVE_FAILED);
	zend_string *const_RESOLVE_FAILED_name = zend_string_init_interned("RESOLVE_FAILED", sizeof("RESOLVE_FAILED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_RESOLVE_FAILED_name, &const_RESOLVE_FAILED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_RESOLVE_FAILED_name);
	ZEND_ASSERT(ITNIO_RESOLVE_FAILED == 3);

	zval const_CONNECT_FAILED_value;
	ZVAL_LONG(&const_CONNECT_FAILED_value, ITNIO_CONNECT_FAILED);
	zend_string *const_CONNECT_FAILED_name = zend_string_init_interned("CONNECT_FAILED", sizeof("CONNECT_FAILED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_CONNECT_FAILED_name, &const_CONNECT_FAILED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_CONNECT_FAILED_name);
	ZEND_ASSERT(ITNIO_CONNECT_FAILED == 4);

	zval const_TLS_FAILED_value;
	ZVAL_LONG(&const_TLS_FAILED_value, ITNIO_TLS_FAILED);
	zend_string *const_TLS_FAILED_name = zend_string_init_interned("TLS_FAILED", sizeof("TLS_FAILED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_TLS_FAILED_name, &const_TLS_FAILED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_TLS_FAILED_name);
	ZEND_ASSERT(ITNIO_TLS_FAILED == 5);

	zval const_PROXY_FAILED_value;
	ZVAL_LONG(&const_PROXY_FAILED_value, ITNIO_PROXY_FAILED);
	zend_string *const_PROXY_FAILED_name = zend_string_init_interned("PROXY_FAILED", sizeof("PROXY_FAILED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_PROXY_FAILED_name, &const_PROXY_FAILED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_PROXY_FAILED_name);
	ZEND_ASSERT(ITNIO_PROXY_FAILED == 6);

	zval const_SHUT_DOWN_value;
	ZVAL_LONG(&const_SHUT_DOWN_value, ITNIO_SHUT_DOWN);
	zend_string *const_SHUT_DOWN_name = zend_string_init_interned("SHUT_DOWN", sizeof("SHUT_DOWN") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_SHUT_DOWN_name, &const_SHUT_DOWN_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_SHUT_DOWN_name);
	ZEND_ASSERT(ITNIO_SHUT_DOWN == 7);

	zval const_TIMED_OUT_value;
	ZVAL_LONG(&const_TIMED_OUT_value, ITNIO_TIMED_OUT);
	zend_string *const_TIMED_OUT_name = zend_string_init_interned("TIMED_OUT", sizeof("TIMED_OUT") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_TIMED_OUT_name, &const_TIMED_OUT_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_TIMED_OUT_name);
	ZEND_ASSERT(ITNIO_TIMED_OUT == 10);

	zval const_CONNECTION_LOST_value;
	ZVAL_LONG(&const_CONNECTION_LOST_value, ITNIO_CONNECTION_LOST);
	zend_string *const_CONNECTION_LOST_name = zend_string_init_interned("CONNECTION_LOST", sizeof("CONNECTION_LOST") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_CONNECTION_LOST_name, &const_CONNECTION_LOST_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_CONNECTION_LOST_name);
	ZEND_ASSERT(ITNIO_CONNECTION_LOST == 11);

	zval const_HTTP_ERROR_value;
	ZVAL_LONG(&const_HTTP_ERROR_value, ITNIO_HTTP_ERROR);
	zend_string *const_HTTP_ERROR_name = zend_string_init_interned("HTTP_ERROR", sizeof("HTTP_ERROR") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_HTTP_ERROR_name, &const_HTTP_ERROR_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_HTTP_ERROR_name);
	ZEND_ASSERT(ITNIO_HTTP_ERROR == 12);

	zval const_BAD_RESPONSE_value;
	ZVAL_LONG(&const_BAD_RESPONSE_value, ITNIO_BAD_RESPONSE);
	zend_string *const_BAD_RESPONSE_name = zend_string_init_interned("BAD_RESPONSE", sizeof("BAD_RESPONSE") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_BAD_RESPONSE_name, &const_BAD_RESPONSE_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_BAD_RESPONSE_name);
	ZEND_ASSERT(ITNIO_BAD_RESPONSE == 13);

	zval const_INTERNAL_ERROR_value;
	ZVAL_LONG(&const_INTERNAL_ERROR_value, ITNIO_INTERNAL_ERROR);
	zend_string *const_INTERNAL_ERROR_name = zend_string_init_interned("INTERNAL_ERROR", sizeof("INTERNAL_ERROR") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_INTERNAL_ERROR_name, &const_INTERNAL_ERROR_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_INTERNAL_ERROR_name);
	ZEND_ASSERT(ITNIO_INTERNAL_ERROR == 14);

	zval const_NO_RECORD_value;
	ZVAL_LONG(&const_NO_RECORD_value, ITNIO_NO_RECORD);
	zend_string *const_NO_RECORD_name = zend_string_init_interned("NO_RECORD", sizeof("NO_RECORD") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_NO_RECORD_name, &const_NO_RECORD_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_NO_RECORD_name);
	ZEND_ASSERT(ITNIO_NO_RECORD == 15);

	zval const_SEVERAL_RECORDS_value;
	ZVAL_LONG(&const_SEVERAL_RECORDS_value, ITNIO_SEVERAL_RECORDS);
	zend_string *const_SEVERAL_RECORDS_name = zend_string_init_interned("SEVERAL_RECORDS", sizeof("SEVERAL_RECORDS") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_SEVERAL_RECORDS_name, &const_SEVERAL_RECORDS_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_SEVERAL_RECORDS_name);
	ZEND_ASSERT(ITNIO_SEVERAL_RECORDS == 16);

	zval const_RECORDS_FAILED_value;
	ZVAL_LONG(&const_RECORDS_FAILED_value, ITNIO_RECORDS_FAILED);
	zend_string *const_RECORDS_FAILED_name = zend_string_init_interned("RECORDS_FAILED", sizeof("RECORDS_FAILED") - 1, 1);
	zend_declare_class_constant_ex(class_entry, const_RECORDS_FAILED_name, &const_RECORDS_FAILED_value, ZEND_ACC_PUBLIC, NULL);
	zend_string_release(const_RECORDS_FAILED_name);
	ZEND_ASSERT(ITNIO_RECORDS_FAILED == 17);

	zval property_isLook_default_value;
	ZVAL_FALSE(&property_isLook_default_value);
	zend_string *property_isLook_name = zend_string_init("isLook", sizeof("isLook") - 1, 1);
	zend_declare_typed_property(class_entry, property_isLook_name, &property_isLook_default_value, ZEND_ACC_PRIVATE, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_BOOL));
	zend_string_release(property_isLook_name);

	return class_entry;
}

static zend_class_entry *register_class_Itnio_Recording(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "Recording", class_Itnio_Recording_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL;

	zval property_id_default_value;
	ZVAL_UNDEF(&property_id_default_value);
	zend_string *property_id_name = zend_string_init("id", sizeof("id") - 1, 1);
	zend_declare_typed_property(class_entry, property_id_name, &property_id_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING));
	zend_string_release(property_id_name);

	return class_entry;
}

static zend_class_entry *register_class_Itnio_Record(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "Record", class_Itnio_Record_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL;

	zval property_recordingId_default_value;
	ZVAL_UNDEF(&property_recordingId_default_value);
	zend_string *property_recordingId_name = zend_string_init("recordingId", sizeof("recordingId") - 1, 1);
	zend_declare_typed_property(class_entry, property_recordingId_name, &property_recordingId_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING));
	zend_string_release(property_recordingId_name);

	zval property_callee_default_value;
	ZVAL_UNDEF(&property_callee_default_value);
	zend_string *property_callee_name = zend_string_init("callee", sizeof("callee") - 1, 1);
	zend_declare_typed_property(class_entry, property_callee_name, &property_callee_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_callee_name);

	zval property_displayNum_default_value;
	ZVAL_UNDEF(&property_displayNum_default_value);
	zend_string *property_displayNum_name = zend_string_init("displayNum", sizeof("displayNum") - 1, 1);
	zend_declare_typed_property(class_entry, property_displayNum_name, &property_displayNum_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_displayNum_name);

	zval property_phoneName_default_value;
	ZVAL_UNDEF(&property_phoneName_default_value);
	zend_string *property_phoneName_name = zend_string_init("phoneName", sizeof("phoneName") - 1, 1);
	zend_declare_typed_property(class_entry, property_phoneName_name, &property_phoneName_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_phoneName_name);

	zval property_phoneGroup_default_value;
	ZVAL_UNDEF(&property_phoneGroup_default_value);
	zend_string *property_phoneGroup_name = zend_string_init("phoneGroup", sizeof("phoneGroup") - 1, 1);
	zend_declare_typed_property(class_entry, property_phoneGroup_name, &property_phoneGroup_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_phoneGroup_name);

	zval property_region_default_value;
	ZVAL_UNDEF(&property_region_default_value);
	zend_string *property_region_name = zend_string_init("region", sizeof("region") - 1, 1);
	zend_declare_typed_property(class_entry, property_region_name, &property_region_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_region_name);

	zval property_submitTime_default_value;
	ZVAL_UNDEF(&property_submitTime_default_value);
	zend_string *property_submitTime_name = zend_string_init("submitTime", sizeof("submitTime") - 1, 1);
	zend_declare_typed_property(class_entry, property_submitTime_name, &property_submitTime_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_submitTime_name);

	zval property_callTime_default_value;
	ZVAL_UNDEF(&property_callTime_default_value);
	zend_string *property_callTime_name = zend_string_init("callTime", sizeof("callTime") - 1, 1);
	zend_declare_typed_property(class_entry, property_callTime_name, &property_callTime_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_callTime_name);

	zval property_ringingTime_default_value;
	ZVAL_UNDEF(&property_ringingTime_default_value);
	zend_string *property_ringingTime_name = zend_string_init("ringingTime", sizeof("ringingTime") - 1, 1);
	zend_declare_typed_property(class_entry, property_ringingTime_name, &property_ringingTime_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_ringingTime_name);

	zval property_answerTime_default_value;
	ZVAL_UNDEF(&property_answerTime_default_value);
	zend_string *property_answerTime_name = zend_string_init("answerTime", sizeof("answerTime") - 1, 1);
	zend_declare_typed_property(class_entry, property_answerTime_name, &property_answerTime_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_answerTime_name);

	zval property_hangupTime_default_value;
	ZVAL_UNDEF(&property_hangupTime_default_value);
	zend_string *property_hangupTime_name = zend_string_init("hangupTime", sizeof("hangupTime") - 1, 1);
	zend_declare_typed_property(class_entry, property_hangupTime_name, &property_hangupTime_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_hangupTime_name);

	zval property_submittedAt_default_value;
	ZVAL_UNDEF(&property_submittedAt_default_value);
	zend_string *property_submittedAt_name = zend_string_init("submittedAt", sizeof("submittedAt") - 1, 1);
	zend_declare_typed_property(class_entry, property_submittedAt_name, &property_submittedAt_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_submittedAt_name);

	zval property_calledAt_default_value;
	ZVAL_UNDEF(&property_calledAt_default_value);
	zend_string *property_calledAt_name = zend_string_init("calledAt", sizeof("calledAt") - 1, 1);
	zend_declare_typed_property(class_entry, property_calledAt_name, &property_calledAt_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_calledAt_name);

	zval property_ringingAt_default_value;
	ZVAL_UNDEF(&property_ringingAt_default_value);
	zend_string *property_ringingAt_name = zend_string_init("ringingAt", sizeof("ringingAt") - 1, 1);
	zend_declare_typed_property(class_entry, property_ringingAt_name, &property_ringingAt_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_ringingAt_name);

	zval property_answeredAt_default_value;
	ZVAL_UNDEF(&property_answeredAt_default_value);
	zend_string *property_answeredAt_name = zend_string_init("answeredAt", sizeof("answeredAt") - 1, 1);
	zend_declare_typed_property(class_entry, property_answeredAt_name, &property_answeredAt_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_answeredAt_name);

	zval property_hungUpAt_default_value;
	ZVAL_UNDEF(&property_hungUpAt_default_value);
	zend_string *property_hungUpAt_name = zend_string_init("hungUpAt", sizeof("hungUpAt") - 1, 1);
	zend_declare_typed_property(class_entry, property_hungUpAt_name, &property_hungUpAt_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_hungUpAt_name);

	zval property_callDuration_default_value;
	ZVAL_UNDEF(&property_callDuration_default_value);
	zend_string *property_callDuration_name = zend_string_init("callDuration", sizeof("callDuration") - 1, 1);
	zend_declare_typed_property(class_entry, property_callDuration_name, &property_callDuration_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_callDuration_name);

	zval property_chargedDuration_default_value;
	ZVAL_UNDEF(&property_chargedDuration_default_value);
	zend_string *property_chargedDuration_name = zend_string_init("chargedDuration", sizeof("chargedDuration") - 1, 1);
	zend_declare_typed_property(class_entry, property_chargedDuration_name, &property_chargedDuration_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_LONG|MAY_BE_NULL));
	zend_string_release(property_chargedDuration_name);

	zval property_terminationCode_default_value;
	ZVAL_UNDEF(&property_terminationCode_default_value);
	zend_string *property_terminationCode_name = zend_string_init("terminationCode", sizeof("terminationCode") - 1, 1);
	zend_declare_typed_property(class_entry, property_terminationCode_name, &property_terminationCode_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_terminationCode_name);

	zval property_terminationReason_default_value;
	ZVAL_UNDEF(&property_terminationReason_default_value);
	zend_string *property_terminationReason_name = zend_string_init("terminationReason", sizeof("terminationReason") - 1, 1);
	zend_declare_typed_property(class_entry, property_terminationReason_name, &property_terminationReason_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_terminationReason_name);

	zval property_cost_default_value;
	ZVAL_UNDEF(&property_cost_default_value);
	zend_string *property_cost_name = zend_string_init("cost", sizeof("cost") - 1, 1);
	zend_declare_typed_property(class_entry, property_cost_name, &property_cost_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_cost_name);

	zval property_rate_default_value;
	ZVAL_UNDEF(&property_rate_default_value);
	zend_string *property_rate_name = zend_string_init("rate", sizeof("rate") - 1, 1);
	zend_declare_typed_property(class_entry, property_rate_name, &property_rate_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_rate_name);

	zval property_billingPeriod_default_value;
	ZVAL_UNDEF(&property_billingPeriod_default_value);
	zend_string *property_billingPeriod_name = zend_string_init("billingPeriod", sizeof("billingPeriod") - 1, 1);
	zend_declare_typed_property(class_entry, property_billingPeriod_name, &property_billingPeriod_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_billingPeriod_name);

	zval property_currency_default_value;
	ZVAL_UNDEF(&property_currency_default_value);
	zend_string *property_currency_name = zend_string_init("currency", sizeof("currency") - 1, 1);
	zend_declare_typed_property(class_entry, property_currency_name, &property_currency_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_currency_name);

	zval property_recordingFileId_default_value;
	ZVAL_UNDEF(&property_recordingFileId_default_value);
	zend_string *property_recordingFileId_name = zend_string_init("recordingFileId", sizeof("recordingFileId") - 1, 1);
	zend_declare_typed_property(class_entry, property_recordingFileId_name, &property_recordingFileId_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING|MAY_BE_NULL));
	zend_string_release(property_recordingFileId_name);

	return class_entry;
}

static zend_class_entry *register_class_Itnio_Client(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Itnio", "Client", class_Itnio_Client_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;


	zend_add_parameter_attribute(zend_hash_str_find_ptr(&class_entry->function_table, "__construct", sizeof("__construct") - 1), 0, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);

	zend_add_parameter_attribute(zend_hash_str_find_ptr(&class_entry->function_table, "__construct", sizeof("__construct") - 1), 1, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);

	zend_add_parameter_attribute(zend_hash_str_find_ptr(&class_entry->function_table, "__construct", sizeof("__construct") - 1), 4, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);

	return class_entry;
}
