/*
 * Checks of the C API from C. argv: the check, one of those at the end of this file, and the gateway's URL.
 */
#include <itnio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        bool known = n <= 7 || (n >= 10 && n <= 14);
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
    printf("version=%s ", ITNIO_VERSION);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*check)(void);
    } all[] = {
        {"null", null},   {"out-parameters", out_parameters}, {"copies", copies},
        {"texts", texts}, {"versions", versions},
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
