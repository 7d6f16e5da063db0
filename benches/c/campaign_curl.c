/*
 * The fault campaign's calls with libcurl, used carefully: one easy handle per thread, so that its connection
 * is reused; both time limits; no signals; the certificate is checked; no `Expect: 100-continue`.
 *
 *     campaign_curl CA_FILE TIMEOUT_MS KEY TIMESTAMP SIGN [fresh] < groups > diary
 *
 * Each line of `groups` is a thread: its URL, the prefix of the numbers that it calls, the number of calls,
 * and the number of control characters in each other field of the request (0: a plain request). In JSON, one
 * takes six bytes. The diary's first line is libcurl's version. Each other line is a call, with tabs between: callee, CURLcode, HTTP status,
 * microseconds, the text of the CURLcode, response. The campaign signs, and reads the JSON: that is not part
 * of the comparison. With `fresh`, no connection is reused.
 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_GROUPS = 1024, MAX_RESPONSE = 4096 };

static const char *ca_file;
static long timeout_ms;
static int fresh;
static char sign_header[128], timestamp_header[64], key_header[128];

struct group {
    char url[256];
    char prefix[32];
    long calls;
    long bulk;
    pthread_t thread;
};

struct response {
    char bytes[MAX_RESPONSE];
    size_t length;
};

static void fail(const char *what)
{
    fprintf(stderr, "campaign_curl: %s\n", what);
    exit(1);
}

static size_t store(char *bytes, size_t size, size_t count, void *user)
{
    struct response *response = user;
    size_t more = size * count;
    if (more >= MAX_RESPONSE - response->length)
        return 0;
    memcpy(response->bytes + response->length, bytes, more);
    response->length += more;
    response->bytes[response->length] = '\0';
    return more;
}

static long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void *call_all(void *user)
{
    struct group *group = user;
    struct response response;
    size_t filled = 6 * (size_t)group->bulk, room = 4 * filled + 512;
    char *body = malloc(room), *field = malloc(filled + 1);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    if (body == NULL || field == NULL || curl == NULL)
        fail("no memory");
    for (long i = 0; i < group->bulk; i++)
        memcpy(field + 6 * i, "\\u0001", 6);
    field[filled] = '\0';

    headers = curl_slist_append(headers, "Content-Type: application/json;charset=UTF-8");
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, key_header);
    headers = curl_slist_append(headers, timestamp_header);
    headers = curl_slist_append(headers, sign_header);
    curl_easy_setopt(curl, CURLOPT_URL, group->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, store);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
    if (fresh) {
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    }

    for (long call = 0; call < group->calls; call++) {
        char callee[64];
        long status = 0;
        if (call % 4 == 3)
            usleep((useconds_t)(call * 7919 % 3000));
        snprintf(callee, sizeof callee, "%s%06ld", group->prefix, call);
        int length;
        if (group->bulk > 0)
            length = snprintf(body, room,
                              "{\"callee\":\"%s\",\"displayNum\":\"%s\",\"account\":\"%s\",\"appId\":\"%s\","
                              "\"calledInfo\":\"%s\"}",
                              callee, field, field, field, field);
        else
            length = snprintf(body, room, "{\"callee\":\"%s\",\"account\":\"8001\",\"appId\":\"4\"}", callee);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        response.length = 0;
        response.bytes[0] = '\0';

        long long before = microseconds();
        CURLcode code = curl_easy_perform(curl);
        long long elapsed = microseconds() - before;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        printf("%s\t%d\t%ld\t%lld\t%s\t%s\n", callee, (int)code, status, elapsed, curl_easy_strerror(code),
               response.bytes);
    }

    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(field);
    free(body);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct group groups[MAX_GROUPS];
    int count = 0;
    if (argc < 6)
        fail("arguments: CA_FILE TIMEOUT_MS KEY TIMESTAMP SIGN [fresh]");
    ca_file = argv[1];
    timeout_ms = atol(argv[2]);
    snprintf(key_header, sizeof key_header, "Api-Key: %s", argv[3]);
    snprintf(timestamp_header, sizeof timestamp_header, "Timestamp: %s", argv[4]);
    snprintf(sign_header, sizeof sign_header, "Sign: %s", argv[5]);
    fresh = argc > 6 && strcmp(argv[6], "fresh") == 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    printf("%s\n", curl_version());

    while (count < MAX_GROUPS && scanf("%255s %31s %ld %ld", groups[count].url, groups[count].prefix,
                                       &groups[count].calls, &groups[count].bulk) == 4)
        count++;
    for (int i = 0; i < count; i++)
        if (pthread_create(&groups[i].thread, NULL, call_all, &groups[i]) != 0)
            fail("no thread");
    for (int i = 0; i < count; i++)
        pthread_join(groups[i].thread, NULL);
    curl_global_cleanup();
    return 0;
}
