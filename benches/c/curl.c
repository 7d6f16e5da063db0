/*
 * libcurl, used well: one easy handle per thread, set up once and reused, and its header list, too. Features
 * that cost time and are not needed are off. JSON is written and read by the few lines that this API needs,
 * which is faster than any JSON library.
 */

#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "worker.h"

#define MD5_LENGTH 16
/* The headers that each call writes again, with room for their values. */
#define SIGN "Sign: "
#define SIGN_HEADER SIGN "00000000000000000000000000000000"
#define TIMESTAMP "Timestamp: "
#define TIMESTAMP_HEADER TIMESTAMP "0000000000"

struct handle {
    CURL *easy;
    EVP_MD_CTX *digest;
    char *sign;
    char *timestamp;
    char body[2048];
    char response[4096];
    size_t response_length;
};

static const char *url_of_api;
static const char *file_of_ca;
static EVP_MD *md5;

static const char *version(void) {
    static char text[64];
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    snprintf(text, sizeof text, "%s, %s", info->version, info->ssl_version);
    return text;
}

static int set_up(const char *base_url, const char *ca_file) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    /* Fetched once: with EVP_md5(), each digest would fetch it again. */
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    static char url[256];
    snprintf(url, sizeof url, "%s/sendSip", base_url);
    url_of_api = url;
    file_of_ca = ca_file;
    return md5 == NULL;
}

static size_t receive(char *data, size_t size, size_t count, void *user) {
    struct handle *handle = user;
    size_t length = size * count;
    if (length >= sizeof handle->response - handle->response_length)
        return 0;
    memcpy(handle->response + handle->response_length, data, length);
    handle->response_length += length;
    return length;
}

static char *add_header(struct curl_slist **list, const char *header) {
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer == NULL)
        return NULL;
    *list = longer;
    while (longer->next != NULL)
        longer = longer->next;
    return longer->data;
}

static void *open_handle(void) {
    struct handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL)
        return NULL;
    handle->easy = curl_easy_init();
    handle->digest = EVP_MD_CTX_new();
    struct curl_slist *headers = NULL;
    char *sign = add_header(&headers, SIGN_HEADER);
    char *timestamp = add_header(&headers, TIMESTAMP_HEADER);
    if (handle->easy == NULL || handle->digest == NULL || sign == NULL || timestamp == NULL ||
        add_header(&headers, "Api-Key: " API_KEY) == NULL ||
        add_header(&headers, "Content-Type: application/json;charset=UTF-8") == NULL ||
        add_header(&headers, "Expect:") == NULL)
        return NULL;
    handle->sign = sign + strlen(SIGN);
    handle->timestamp = timestamp + strlen(TIMESTAMP);

    CURL *easy = handle->easy;
    curl_easy_setopt(easy, CURLOPT_URL, url_of_api);
    curl_easy_setopt(easy, CURLOPT_CAINFO, file_of_ca);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, handle);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return handle;
}

static int sign(struct handle *handle) {
    char timestamp[24];
    int length = snprintf(timestamp, sizeof timestamp, "%lld", (long long)time(NULL));
    if ((size_t)length != strlen(TIMESTAMP_HEADER) - strlen(TIMESTAMP))
        return 1;
    unsigned char sum[MD5_LENGTH];
    if (!EVP_DigestInit_ex2(handle->digest, md5, NULL) ||
        !EVP_DigestUpdate(handle->digest, API_KEY, strlen(API_KEY)) ||
        !EVP_DigestUpdate(handle->digest, API_SECRET, strlen(API_SECRET)) ||
        !EVP_DigestUpdate(handle->digest, timestamp, (size_t)length) ||
        !EVP_DigestFinal_ex(handle->digest, sum, NULL))
        return 1;
    for (size_t i = 0; i < MD5_LENGTH; i++) {
        handle->sign[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        handle->sign[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    memcpy(handle->timestamp, timestamp, (size_t)length);
    return 0;
}

/* Writes `"name":"text"`, escaped for JSON; returns the end, or NULL if there is no room. */
static char *write_member(char *to, const char *end, const char *name, const char *text) {
    if ((size_t)(end - to) < strlen(name) + 6 * strlen(text) + 6)
        return NULL;
    *to++ = '"';
    to = stpcpy(to, name);
    to = stpcpy(to, "\":\"");
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20) {
            to += sprintf(to, "\\u%04x", (unsigned)*text);
        } else {
            if (*text == '"' || *text == '\\')
                *to++ = '\\';
            *to++ = *text;
        }
    }
    *to++ = '"';
    return to;
}

static size_t write_body(struct handle *handle) {
    static const char *const members[][2] = {{"callee", CALLEE},
                                             {"displayNum", DISPLAY_NUM},
                                             {"account", ACCOUNT},
                                             {"appId", APP_ID}};
    char *to = handle->body;
    const char *end = handle->body + sizeof handle->body;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        *to++ = i == 0 ? '{' : ',';
        to = write_member(to, end, members[i][0], members[i][1]);
        if (to == NULL)
            return 0;
    }
    *to++ = '}';
    return (size_t)(to - handle->body);
}

static char *skip_space(char *at) {
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* The closing quote of the string that starts at `at`, or NULL. */
static char *string_end(char *at) {
    if (*at != '"')
        return NULL;
    for (at++; *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (*at == '\0')
            return NULL;
    }
    return at;
}

/* The values of `status` and `data` in a flat JSON object of strings, numbers and null. */
static int read_response(char *at, char **status, char **data) {
    *status = *data = NULL;
    at = skip_space(at);
    if (*at != '{')
        return 1;
    do {
        char *name = skip_space(at + 1);
        char *end = string_end(name);
        if (end == NULL)
            return 1;
        *end = '\0';
        at = skip_space(end + 1);
        if (*at != ':')
            return 1;
        char *value = skip_space(at + 1);
        if (*value == '"') {
            end = string_end(value++);
            if (end == NULL)
                return 1;
            *end = '\0';
            at = skip_space(end + 1);
        } else {
            at = value + strcspn(value, ",} \t\r\n");
            at = skip_space(at);
        }
        if (strcmp(name + 1, "status") == 0)
            *status = value;
        else if (strcmp(name + 1, "data") == 0)
            *data = value;
    } while (*at == ',');
    return *at != '}';
}

static int place_call(void *argument) {
    struct handle *handle = argument;
    size_t length = write_body(handle);
    if (length == 0 || sign(handle) != 0)
        return 1;
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, handle->body);
    handle->response_length = 0;
    CURLcode code = curl_easy_perform(handle->easy);
    if (code != CURLE_OK) {
        fprintf(stderr, "libcurl: %s\n", curl_easy_strerror(code));
        return 1;
    }
    long http_status = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &http_status);
    handle->response[handle->response_length] = '\0';
    char *status, *data;
    if (http_status != 200 || read_response(handle->response, &status, &data) != 0 || status == NULL ||
        strcmp(status, "0") != 0 || data == NULL || *data == '\0') {
        fprintf(stderr, "libcurl: HTTP status %ld, not an accepted call\n", http_status);
        return 1;
    }
    /* A caller would keep a copy. */
    char *recording_id = strdup(data);
    int failed = recording_id == NULL;
    free(recording_id);
    return failed;
}

int main(int argc, char **argv) {
    const struct contender curl = {version, set_up, open_handle, place_call};
    return argc == 3 ? worker_main(&curl, argv[1], argv[2]) : 2;
}
