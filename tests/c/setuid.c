/*
 * A program that may have more rights than its caller. Says whether it has, and, given a base URL, what
 * comes of a client and of a call with it: everything else is as the environment says.
 */
#define _DEFAULT_SOURCE

#include <itnio.h>

#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    itnio_config config = {0};
    itnio_sip_request request = {0};
    itnio_client *client = NULL;
    itnio_result result;
    char *reason = NULL;

    /* What it was started with counts, not what it still has: nobody is to make use of that. */
    if (seteuid(getuid()) != 0)
        return 1;
    fprintf(stderr, "%s\n", getauxval(AT_SECURE) != 0 ? "more rights" : "the caller's rights");
    if (argc < 2)
        return 0;

    config.api_key = "bDqJFiq9";
    config.api_secret = "7bz1lzh9";
    config.base_url = argv[1];
    result = itnio_client_new(&config, &client, &reason);
    printf("client: %d %s\n", (int)result, reason != NULL ? reason : "");
    itnio_free_string(reason);
    if (result == ITNIO_OK) {
        request.callee = "7000001";
        request.account = "1001";
        request.app_id = "setuid";
        result = itnio_send_sip(client, &request, NULL, NULL, &reason);
        printf("call: %d %s\n", (int)result, reason != NULL ? reason : "");
        itnio_free_string(reason);
    }
    itnio_client_free(client);
    return 0;
}
