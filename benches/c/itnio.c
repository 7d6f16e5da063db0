/* libitnio, as a C program uses it: one client for all threads. */

#include <stdio.h>

#include <itnio.h>

#include "worker.h"

static itnio_client *client;

static int set_up(const char *base_url, const char *ca_file) {
    itnio_config config = {0};
    config.api_key = API_KEY;
    config.api_secret = API_SECRET;
    config.base_url = base_url;
    config.ca_file = ca_file;
    config.proxy = "";
    config.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    config.timeout_ms = TIMEOUT_MS;
    char *reason;
    if (itnio_client_new(&config, &client, &reason) == ITNIO_OK)
        return 0;
    fprintf(stderr, "libitnio: %s\n", reason);
    itnio_free_string(reason);
    return 1;
}

static void *open_handle(void) { return client; }

static int place_call(void *handle) {
    itnio_sip_request request = {0};
    request.callee = CALLEE;
    request.display_num = DISPLAY_NUM;
    request.account = ACCOUNT;
    request.app_id = APP_ID;
    int32_t status;
    char *recording_id, *reason;
    itnio_result result = itnio_send_sip(handle, &request, &status, &recording_id, &reason);
    if (result != ITNIO_OK)
        fprintf(stderr, "libitnio: %s: %s\n", itnio_result_message(result), reason);
    itnio_free_string(recording_id);
    itnio_free_string(reason);
    return result != ITNIO_OK;
}

int main(int argc, char **argv) {
    const struct contender itnio = {itnio_version, set_up, open_handle, place_call};
    return argc == 3 ? worker_main(&itnio, argv[1], argv[2]) : 2;
}
