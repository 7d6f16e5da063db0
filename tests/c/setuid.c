/*
 * A program that may have more rights than its caller. Prints whether it has. With a base URL as argument, it
 * also makes a client and places a call, configured by the environment, and prints the results.
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

    /* Gives the extra rights up. AT_SECURE stays set: the start of the program decides. */
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
