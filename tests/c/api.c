/*
 * Checks of the C API from C. argv: the check, one of those at the end of this file, and the gateway's URL.
 */
#include <itnio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        checks++;                                                                                 \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                       \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

static unsigned long checks;
static const char *url;

/* The value of an out-parameter before the call: not NULL, and must not be freed. */
static char unwritten_text[] = "unwritten";
#define UNWRITTEN_STATUS 4711

static itnio_config good_config(void)
{
    itnio_config config = {0};
    config.api_key = "bDqJFiq9";
    config.api_secret = "7bz1lzh9";
    config.base_url = url;
    config.proxy = "";
    return config;
}

static itnio_sip_request good_request(void)
{
    itnio_sip_request request = {0};
    request.callee = "4915112345678";
    request.account = "8001";
    request.app_id = "4";
    return request;
}

static itnio_client *good_client(void)
{
    itnio_config config = good_config();
    itnio_client *client = NULL;
    char *reason = unwritten_text;
    CHECK(itnio_client_new(&config, &client, &reason) == ITNIO_OK);
    CHECK(client != NULL && reason == NULL);
    return client;
}

/* Checks that the reason contains `word`, and frees it. */
static void check_reason(char *reason, const char *word)
{
    CHECK(reason != NULL && reason != unwritten_text);
    CHECK(strlen(reason) > 0 && strlen(reason) <= 1024);
    CHECK(strpbrk(reason, "\r\n\t") == NULL);
    if (strstr(reason, word) == NULL)
        fprintf(stderr, "\"%s\" does not contain \"%s\"\n", reason, word);
    CHECK(strstr(reason, word) != NULL);
    itnio_free_string(reason);
}

/* NULL for a required pointer is an invalid argument, and the reason names it. */
static void null(void)
{
    itnio_config config = good_config(), empty = {0};
    itnio_sip_request request = good_request(), no_request = {0};
    itnio_client *client = (itnio_client *)(void *)unwritten_text;
    char *reason = unwritten_text, *id = unwritten_text;
    int32_t status = UNWRITTEN_STATUS;

    CHECK(itnio_client_new(NULL, &client, &reason) == ITNIO_INVALID_ARGUMENT);
    CHECK(client == NULL);
    check_reason(reason, "config");

    reason = unwritten_text;
    CHECK(itnio_client_new(&config, NULL, &reason) == ITNIO_INVALID_ARGUMENT);
    check_reason(reason, "client");

    client = (itnio_client *)(void *)unwritten_text;
    CHECK(itnio_client_new(NULL, &client, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(client == NULL);
    CHECK(itnio_client_new(NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_client_new(&config, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_client_new(&empty, NULL, NULL) == ITNIO_INVALID_ARGUMENT);

    client = (itnio_client *)(void *)unwritten_text;
    reason = unwritten_text;
    CHECK(itnio_client_new(&empty, &client, &reason) == ITNIO_INVALID_ARGUMENT);
    CHECK(client == NULL);
    check_reason(reason, "api_key");

    reason = unwritten_text;
    CHECK(itnio_send_sip(NULL, &request, &status, &id, &reason) == ITNIO_INVALID_ARGUMENT);
    CHECK(status == ITNIO_NO_STATUS && id == NULL);
    check_reason(reason, "client");

    client = good_client();
    status = UNWRITTEN_STATUS;
    id = reason = unwritten_text;
    CHECK(itnio_send_sip(client, NULL, &status, &id, &reason) == ITNIO_INVALID_ARGUMENT);
    CHECK(status == ITNIO_NO_STATUS && id == NULL);
    check_reason(reason, "request");

    status = UNWRITTEN_STATUS;
    id = reason = unwritten_text;
    CHECK(itnio_send_sip(client, &no_request, &status, &id, &reason) == ITNIO_INVALID_ARGUMENT);
    CHECK(status == ITNIO_NO_STATUS && id == NULL);
    check_reason(reason, "callee");

    reason = unwritten_text;
    CHECK(itnio_send_sip(NULL, NULL, NULL, NULL, &reason) == ITNIO_INVALID_ARGUMENT);
    check_reason(reason, "client");
    CHECK(itnio_send_sip(NULL, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_send_sip(client, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    itnio_client_free(client);

    itnio_client_free(NULL);
    itnio_client_shutdown(NULL);
    itnio_free_string(NULL);
}

/* Each out-parameter may be NULL; the others are written, whatever the result. The gateway refuses callees
   that begin with 9, with status -10, and resets the connection at those that begin with 8. */
static void out_parameters(void)
{
    static const struct {
        const char *callee;
        itnio_result result;
        int32_t status;
    } cases[] = {
        {"4915112345678", ITNIO_OK, 0},
        {"9915112345678", ITNIO_REJECTED, -10},
        {"8915112345678", ITNIO_CONNECTION_LOST, ITNIO_NO_STATUS},
        {"", ITNIO_INVALID_ARGUMENT, ITNIO_NO_STATUS},
        {NULL, ITNIO_INVALID_ARGUMENT, ITNIO_NO_STATUS},
        {"\xff", ITNIO_INVALID_ARGUMENT, ITNIO_NO_STATUS},
    };
    itnio_client *client = good_client();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int wanted = 0; wanted < 8; wanted++) {
            itnio_sip_request request = good_request();
            int32_t status = UNWRITTEN_STATUS;
            char *id = unwritten_text, *reason = unwritten_text;
            request.callee = cases[i].callee;
            itnio_result result = itnio_send_sip(client, &request, wanted & 1 ? &status : NULL,
                                                 wanted & 2 ? &id : NULL, wanted & 4 ? &reason : NULL);
            CHECK(result == cases[i].result);
            CHECK(status == (wanted & 1 ? cases[i].status : UNWRITTEN_STATUS));
            if (!(wanted & 2))
                CHECK(id == unwritten_text);
            else if (result == ITNIO_OK)
                /* Each call has an ID of its own, which ends with the number. */
                CHECK(id != NULL && strlen(id) == 19 && strcmp(id + 4, "004915112345678") == 0);
            else
                CHECK(id == NULL);
            if (!(wanted & 4))
                CHECK(reason == unwritten_text);
            else if (result == ITNIO_OK)
                CHECK(reason == NULL);
            else
                CHECK(reason != NULL && reason != unwritten_text && *reason != '\0');
            if (wanted & 2)
                itnio_free_string(id);
            if (wanted & 4)
                itnio_free_string(reason);
        }
    }
    itnio_client_free(client);

    /* The same for a client that has been shut down. */
    client = good_client();
    itnio_client_shutdown(client);
    itnio_sip_request request = good_request();
    int32_t status = UNWRITTEN_STATUS;
    char *id = unwritten_text, *reason = unwritten_text;
    CHECK(itnio_send_sip(client, &request, &status, &id, &reason) == ITNIO_SHUT_DOWN);
    CHECK(status == ITNIO_NO_STATUS && id == NULL && reason != NULL);
    itnio_free_string(reason);
    CHECK(itnio_send_sip(client, &request, NULL, NULL, NULL) == ITNIO_SHUT_DOWN);
    itnio_client_free(client);
}

/* The library copies the strings that it keeps, and changes none of its arguments. */
static void copies(void)
{
    char key[] = "bDqJFiq9", secret[] = "7bz1lzh9", proxy[] = "", callee[] = "4915112345678";
    char base[256];
    itnio_config config = {0};
    itnio_client *client = NULL, *second = NULL;
    snprintf(base, sizeof base, "%s", url);
    config.api_key = key;
    config.api_secret = secret;
    config.base_url = base;
    config.proxy = proxy;
    itnio_config before = config;
    CHECK(itnio_client_new(&config, &client, NULL) == ITNIO_OK);
    CHECK(memcmp(&before, &config, sizeof config) == 0);
    CHECK(strcmp(key, "bDqJFiq9") == 0 && strcmp(secret, "7bz1lzh9") == 0 && strcmp(base, url) == 0);
    CHECK(itnio_client_new(&config, &second, NULL) == ITNIO_OK);
    memset(key, 'x', sizeof key - 1);
    memset(secret, 'x', sizeof secret - 1);
    memset(base, 'x', sizeof base - 1);
    memset(&config, 0, sizeof config);

    itnio_sip_request request = good_request(), as_given;
    request.callee = callee;
    as_given = request;
    char *id = NULL;
    CHECK(itnio_send_sip(client, &request, NULL, &id, NULL) == ITNIO_OK);
    CHECK(memcmp(&request, &as_given, sizeof request) == 0 && strcmp(callee, "4915112345678") == 0);
    memset(callee, '0', sizeof callee - 1);
    /* The caller owns the ID: it stays valid after the client is freed. */
    itnio_client_free(client);
    CHECK(strcmp(id, "2203004915112345678") == 0);
    id[0] = 'X';
    itnio_free_string(id);
    CHECK(itnio_send_sip(second, &request, NULL, NULL, NULL) == ITNIO_OK);
    itnio_client_free(second);
}

/* An address that is a list of records for the compiler only: it must not be freed. */
#define UNWRITTEN_RECORDS ((itnio_records *)(void *)unwritten_text)

static itnio_record_query good_query(void)
{
    itnio_record_query query = {0};
    query.since = (int64_t)time(NULL) - 3600;
    return query;
}

/* NULL is no record and no list; what is wrong is named; the out-parameters are written all the same. */
static void null_records(void)
{
    itnio_record_query query = good_query(), no_query = {0};
    itnio_sip_request request = good_request(), no_request = {0};
    itnio_client *client = good_client();
    itnio_records *records;
    char *reason, *id;
    int32_t status;

    CHECK(itnio_records_count(NULL) == 0);
    CHECK(itnio_records_get(NULL, 0) == NULL && itnio_records_get(NULL, SIZE_MAX) == NULL);
    itnio_records_free(NULL);

#define FAILS(call, word)                                                                         \
    do {                                                                                          \
        status = UNWRITTEN_STATUS;                                                                \
        records = UNWRITTEN_RECORDS;                                                              \
        reason = unwritten_text;                                                                  \
        CHECK((call) == ITNIO_INVALID_ARGUMENT);                                                  \
        CHECK(status == ITNIO_NO_STATUS && records == NULL);                                      \
        check_reason(reason, word);                                                               \
    } while (0)
    FAILS(itnio_get_record(NULL, "1", &status, &records, &reason), "client");
    FAILS(itnio_get_record(client, NULL, &status, &records, &reason), "recording_id");
    FAILS(itnio_get_record(client, "", &status, &records, &reason), "recording_id");
    FAILS(itnio_get_record(client, "\xff", &status, &records, &reason), "recording_id");
    FAILS(itnio_find_records(NULL, &query, &status, &records, &reason), "client");
    FAILS(itnio_find_records(client, NULL, &status, &records, &reason), "query");
    FAILS(itnio_find_records(client, &no_query, &status, &records, &reason), "since");
    query.phone_group = "\xff";
    FAILS(itnio_find_records(client, &query, &status, &records, &reason), "phone_group");
    query = good_query();
    query.reserved[3] = &query;
    FAILS(itnio_find_records(client, &query, &status, &records, &reason), "query");
#undef FAILS
    CHECK(itnio_get_record(NULL, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_get_record(client, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_find_records(NULL, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);
    CHECK(itnio_find_records(client, NULL, NULL, NULL, NULL) == ITNIO_INVALID_ARGUMENT);

    /* A mistake proves nothing of the call that is looked for. */
#define UNKNOWN(call, word)                                                                       \
    do {                                                                                          \
        status = UNWRITTEN_STATUS;                                                                \
        id = reason = unwritten_text;                                                             \
        CHECK((call) == ITNIO_RECORDS_FAILED && itnio_may_have_dialed(ITNIO_RECORDS_FAILED));     \
        CHECK(status == ITNIO_NO_STATUS && id == NULL);                                           \
        check_reason(reason, word);                                                               \
    } while (0)
    UNKNOWN(itnio_find_call(NULL, &request, 1, 0, &status, &id, &reason), "client");
    UNKNOWN(itnio_find_call(client, NULL, 1, 0, &status, &id, &reason), "request");
    UNKNOWN(itnio_find_call(client, &no_request, 1, 0, &status, &id, &reason), "callee");
    UNKNOWN(itnio_find_call(client, &request, 0, UINT32_MAX, &status, &id, &reason), "since");
    UNKNOWN(itnio_find_call(client, &request, INT64_MIN, 0, &status, &id, &reason), "since");
    UNKNOWN(itnio_find_call(client, &request, INT64_MAX, 0, &status, &id, &reason), "since");
#undef UNKNOWN
    CHECK(itnio_find_call(NULL, NULL, 0, 0, NULL, NULL, NULL) == ITNIO_RECORDS_FAILED);
    CHECK(itnio_find_call(client, NULL, 0, 0, NULL, NULL, NULL) == ITNIO_RECORDS_FAILED);
    itnio_client_free(client);
}

/* The gateway knows the recordings 1 and 2: all fields of 1, and none but the ID of 2,
   which so is the last one of a list. */
static void records(void)
{
    static const struct {
        const char *id;
        itnio_result result;
        int32_t status;
    } cases[] = {
        {"1", ITNIO_OK, 0},
        {"3", ITNIO_REJECTED, -24},
        {"", ITNIO_INVALID_ARGUMENT, ITNIO_NO_STATUS},
    };
    itnio_client *client = good_client();
    itnio_record_query query = good_query();
    itnio_records *found = NULL, *one = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int wanted = 0; wanted < 8; wanted++) {
            int32_t status = UNWRITTEN_STATUS;
            itnio_records *list = UNWRITTEN_RECORDS;
            char *reason = unwritten_text;
            CHECK(itnio_get_record(client, cases[i].id, wanted & 1 ? &status : NULL, wanted & 2 ? &list : NULL,
                                   wanted & 4 ? &reason : NULL) == cases[i].result);
            CHECK(status == (wanted & 1 ? cases[i].status : UNWRITTEN_STATUS));
            if (!(wanted & 2))
                CHECK(list == UNWRITTEN_RECORDS);
            else
                CHECK(itnio_records_count(list) == (cases[i].result == ITNIO_OK) &&
                      (list != NULL) == (cases[i].result == ITNIO_OK));
            if (!(wanted & 4))
                CHECK(reason == unwritten_text);
            else
                CHECK((reason == NULL) == (cases[i].result == ITNIO_OK));
            if (wanted & 2)
                itnio_records_free(list);
            if (wanted & 4)
                itnio_free_string(reason);
        }
    }

    char id[] = "1", group[] = "g\xc3\xa9";
    query.phone_group = group;
    itnio_record_query as_given = query;
    CHECK(itnio_get_record(client, id, NULL, &one, NULL) == ITNIO_OK);
    CHECK(itnio_find_records(client, &query, NULL, NULL, NULL) == ITNIO_OK);
    query.phone_group = NULL;
    CHECK(itnio_find_records(client, &query, NULL, &found, NULL) == ITNIO_OK);
    query.phone_group = group;
    CHECK(memcmp(&query, &as_given, sizeof query) == 0 && strcmp(id, "1") == 0 && strcmp(group, "g\xc3\xa9") == 0);
    memset(id, 'x', sizeof id - 1);
    /* The caller owns them: they stay valid after the client is freed, and after another list is. */
    itnio_client_free(client);
    CHECK(itnio_records_count(found) == 4);
    CHECK(itnio_records_get(found, 4) == NULL && itnio_records_get(found, SIZE_MAX) == NULL);
    const itnio_record *first = itnio_records_get(one, 0);
    CHECK(first == itnio_records_get(one, 0) && itnio_records_get(one, 1) == NULL);
    const char *texts[] = {first->recording_id, first->callee, first->display_num, first->phone_name,
                           first->phone_group, first->region, first->submit_time, first->call_time,
                           first->ringing_time, first->answer_time, first->hangup_time,
                           first->termination_code, first->termination_reason, first->cost, first->rate,
                           first->billing_period, first->currency, first->recording_file_id};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(texts[i] != NULL && strlen(texts[i]) > 0);
    CHECK(strcmp(first->recording_id, "1") == 0 && strcmp(first->cost, "0.10") == 0);
    CHECK(first->submitted_at > 0 && first->hung_up_at > first->answered_at);
    CHECK(first->call_duration_s == 5 && first->charged_duration_s == 60);
    itnio_records_free(one);
    const itnio_record *second = itnio_records_get(found, 3);
    CHECK(strcmp(itnio_records_get(found, 0)->recording_id, "1") == 0);
    CHECK(strcmp(second->recording_id, "2") == 0);
    CHECK(second->callee == NULL && second->display_num == NULL && second->phone_name == NULL &&
          second->phone_group == NULL && second->region == NULL && second->submit_time == NULL &&
          second->call_time == NULL && second->ringing_time == NULL && second->answer_time == NULL &&
          second->hangup_time == NULL && second->termination_code == NULL &&
          second->termination_reason == NULL && second->cost == NULL && second->rate == NULL &&
          second->billing_period == NULL && second->currency == NULL && second->recording_file_id == NULL);
    CHECK(second->submitted_at == 0 && second->called_at == 0 && second->ringing_at == 0 &&
          second->answered_at == 0 && second->hung_up_at == 0);
    CHECK(second->call_duration_s == -1 && second->charged_duration_s == -1);
    itnio_records_free(found);
}

/* The gateway has a record of a call to 4915112345678, none of one to 5, and two of one to 7. */
static void find_call(void)
{
    static const struct {
        const char *callee;
        itnio_result result;
        int32_t status;
    } cases[] = {
        {"4915112345678", ITNIO_OK, 0},
        {"5", ITNIO_NO_RECORD, 0},
        {"7", ITNIO_SEVERAL_RECORDS, 0},
        {"", ITNIO_RECORDS_FAILED, ITNIO_NO_STATUS},
        {NULL, ITNIO_RECORDS_FAILED, ITNIO_NO_STATUS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int wanted = 0; wanted < 8; wanted++) {
            /* A new one each time: a client finds a call once. */
            itnio_client *client = good_client();
            itnio_sip_request request = good_request();
            int32_t status = UNWRITTEN_STATUS;
            char *id = unwritten_text, *reason = unwritten_text;
            request.callee = cases[i].callee;
            itnio_result result =
                itnio_find_call(client, &request, (int64_t)time(NULL) - 3600, 0, wanted & 1 ? &status : NULL,
                                wanted & 2 ? &id : NULL, wanted & 4 ? &reason : NULL);
            CHECK(result == cases[i].result && itnio_may_have_dialed(result));
            CHECK(status == (wanted & 1 ? cases[i].status : UNWRITTEN_STATUS));
            if (!(wanted & 2))
                CHECK(id == unwritten_text);
            else
                CHECK(result == ITNIO_OK ? strcmp(id, "1") == 0 : id == NULL);
            if (!(wanted & 4))
                CHECK(reason == unwritten_text);
            else
                CHECK((reason == NULL) == (result == ITNIO_OK));
            itnio_client_shutdown(client);
            CHECK(itnio_find_call(client, &request, 1, UINT32_MAX, NULL, NULL, NULL) == ITNIO_RECORDS_FAILED);
            itnio_client_free(client);
            if (wanted & 2)
                itnio_free_string(id);
            if (wanted & 4)
                itnio_free_string(reason);
        }
    }
}

static void check_line(const char *text)
{
    CHECK(text != NULL && *text != '\0' && strlen(text) < 200);
    for (; *text; text++)
        CHECK(*text >= ' ' && *text <= '~');
}

/* Every number has a text: static, and one line. */
static void texts(void)
{
    static const struct {
        int32_t status;
        const char *meaning;
    } documented[] = {
        {0, "success"},
        {-1, "authentication error"},
        {-2, "restricted IP access"},
        {-10, "the customer's balance is insufficient"},
        {-16, "timestamp expires"},
        {-18, "port program unusual"},
        {-22, "parameter exception"},
        {-26, "getting fee failed"},
        /* Of the other pages of the API's family. */
        {-15, "query too frequent"},
        {-20, "data exists already"},
        {-21, "data validation failed"},
        {-23, "data cap reached"},
        {-24, "data does not exist"},
        {-25, "out of the time range"},
        {-27, "the period's send limit is reached"},
        {-28, "the number's send limit of the period is reached"},
    };
    static const int32_t ends[] = {INT32_MIN, INT32_MIN + 1, INT32_MAX - 1, INT32_MAX};
    const char *unknown = itnio_result_message(99);
    for (int32_t n = -3000; n < 3000; n++) {
        check_line(itnio_result_message(n));
        check_line(itnio_status_message(n));
        CHECK(itnio_result_message(n) == itnio_result_message(n));
        CHECK(itnio_status_message(n) == itnio_status_message(n));
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        check_line(itnio_result_message(ends[i]));
        check_line(itnio_status_message(ends[i]));
        CHECK(itnio_may_have_dialed(ends[i]));
    }
    /* Each result has a text of its own; the numbers between have the one for unknown results. */
    for (int32_t n = 0; n <= 20; n++) {
        bool known = n <= 7 || (n >= 10 && n <= 17);
        CHECK((strcmp(itnio_result_message(n), unknown) != 0) == known);
        for (int32_t other = 0; known && other < n; other++)
            CHECK(strcmp(itnio_result_message(n), itnio_result_message(other)) != 0);
    }
    for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
        CHECK(strcmp(itnio_status_message(documented[i].status), documented[i].meaning) == 0);
    CHECK(strcmp(itnio_status_message(-3), itnio_status_message(12345)) == 0);
    CHECK(strcmp(itnio_status_message(-3), itnio_status_message(-10)) != 0);
    check_line(itnio_version());
    CHECK(itnio_version() == itnio_version());
}

/* The header has the version of the library, as a string and as numbers; the results have the documented
   numbers. */
static void versions(void)
{
    char built[64];
    snprintf(built, sizeof built, "%d.%d.%d", ITNIO_VERSION_MAJOR, ITNIO_VERSION_MINOR, ITNIO_VERSION_PATCH);
    CHECK(strcmp(built, ITNIO_VERSION) == 0);
    CHECK(strcmp(itnio_version(), ITNIO_VERSION) == 0);
    CHECK(ITNIO_NO_STATUS == INT32_MIN);
    CHECK(ITNIO_OK == 0 && ITNIO_REJECTED == 1 && ITNIO_INVALID_ARGUMENT == 2);
    CHECK(ITNIO_RESOLVE_FAILED == 3 && ITNIO_CONNECT_FAILED == 4 && ITNIO_TLS_FAILED == 5);
    CHECK(ITNIO_PROXY_FAILED == 6 && ITNIO_SHUT_DOWN == 7);
    CHECK(ITNIO_TIMED_OUT == 10 && ITNIO_CONNECTION_LOST == 11 && ITNIO_HTTP_ERROR == 12);
    CHECK(ITNIO_BAD_RESPONSE == 13 && ITNIO_INTERNAL_ERROR == 14);
    CHECK(ITNIO_NO_RECORD == 15 && ITNIO_SEVERAL_RECORDS == 16 && ITNIO_RECORDS_FAILED == 17);
    printf("version=%s ", ITNIO_VERSION);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*check)(void);
    } all[] = {
        {"null", null},   {"out-parameters", out_parameters}, {"copies", copies},
        {"texts", texts}, {"versions", versions}, {"null-records", null_records},
        {"records", records}, {"find-call", find_call},
    };
    if (argc != 3)
        return 2;
    url = argv[2];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(argv[1], all[i].name) == 0) {
            all[i].check();
            printf("checks=%lu\n", checks);
            return 0;
        }
    }
    fprintf(stderr, "no such check: %s\n", argv[1]);
    return 2;
}
