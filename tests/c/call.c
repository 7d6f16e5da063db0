/*
 * Places calls with one client, and prints a line for each. For tests of the environment, the loader and the
 * name service, which need a process of their own.
 *
 *   call [--url U] [--ca F] [--proxy P] [--timeout MS] [--connect-timeout MS] [--times N] [--pause MS]
 *        [--unset NAME] CALLEE...
 *
 * --times: how often the list of callees is called. --pause: the time between calls. --unset: removes a
 * variable from the environment after the client was made.
 */
#define _POSIX_C_SOURCE 200809L

#include <itnio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void print(int result, int32_t status, const char *id, const char *reason, long ms)
{
    printf("result=%d ", result);
    if (status == ITNIO_NO_STATUS)
        printf("status=none ");
    else
        printf("status=%ld ", (long)status);
    printf("ms=%ld id=%s reason=%s\n", ms, id ? id : "-", reason ? reason : "-");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    itnio_config config = {0};
    long times = 1, pause = 0;
    const char *unset = NULL;
    int first = 1;

    config.api_key = "bDqJFiq9";
    config.api_secret = "7bz1lzh9";
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        const char *name = argv[first] + 2, *value = argv[first + 1];
        if (strcmp(name, "url") == 0)
            config.base_url = value;
        else if (strcmp(name, "ca") == 0)
            config.ca_file = value;
        else if (strcmp(name, "proxy") == 0)
            config.proxy = value;
        else if (strcmp(name, "timeout") == 0)
            config.timeout_ms = (uint32_t)atol(value);
        else if (strcmp(name, "connect-timeout") == 0)
            config.connect_timeout_ms = (uint32_t)atol(value);
        else if (strcmp(name, "times") == 0)
            times = atol(value);
        else if (strcmp(name, "pause") == 0)
            pause = atol(value);
        else if (strcmp(name, "unset") == 0)
            unset = value;
        else {
            fprintf(stderr, "unknown option --%s\n", name);
            return 2;
        }
    }

    itnio_client *client;
    char *id, *reason;
    int32_t status;
    itnio_result result = itnio_client_new(&config, &client, &reason);
    if (result != ITNIO_OK) {
        print(result, ITNIO_NO_STATUS, NULL, reason, 0);
        itnio_free_string(reason);
        return 0;
    }
    if (unset)
        unsetenv(unset);
    for (; times > 0; times--) {
        for (int arg = first; arg < argc; arg++) {
            itnio_sip_request request = {0};
            long start = milliseconds();
            request.callee = argv[arg];
            request.account = "8001";
            request.app_id = "4";
            result = itnio_send_sip(client, &request, &status, &id, &reason);
            print(result, status, id, reason, milliseconds() - start);
            itnio_free_string(id);
            itnio_free_string(reason);
            if (pause)
                wait_ms(pause);
        }
    }
    itnio_client_free(client);
    return 0;
}
