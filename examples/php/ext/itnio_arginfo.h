/* This is a generated file, edit the .stub.php file instead.
 * Stub hash: 03e9e3c3a1d59315d5dc5141cdb952b22557780a */

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
ZEND_END_ARG_INFO()

#define arginfo_class_Itnio_Client_version arginfo_class_Itnio_RefusedException_getStatusMessage


ZEND_METHOD(Itnio_RefusedException, __construct);
ZEND_METHOD(Itnio_RefusedException, getStatus);
ZEND_METHOD(Itnio_RefusedException, getStatusMessage);
ZEND_METHOD(Itnio_RefusedException, mayHaveDialed);
ZEND_METHOD(Itnio_FailureException, __construct);
ZEND_METHOD(Itnio_FailureException, mayHaveDialed);
ZEND_METHOD(Itnio_Recording, __construct);
ZEND_METHOD(Itnio_Client, __construct);
ZEND_METHOD(Itnio_Client, sendSip);
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


static const zend_function_entry class_Itnio_Client_methods[] = {
	ZEND_ME(Itnio_Client, __construct, arginfo_class_Itnio_Client___construct, ZEND_ACC_PUBLIC)
	ZEND_ME(Itnio_Client, sendSip, arginfo_class_Itnio_Client_sendSip, ZEND_ACC_PUBLIC)
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
