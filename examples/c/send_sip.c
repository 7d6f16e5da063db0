/*
 * send_sip: places one phone call through the Itniotech API and gives its result.
 *
 *     send_sip [--patience S] CALLEE ACCOUNT APP_ID [DISPLAY_NUM [CALLED_INFO]]
 *
 * Where the response was lost, it looks for the call in the API's records: at once, and where there is no
 * record yet, again for S seconds (default 10; 0: once). That it finds none proves nothing.
 *
 * An empty DISPLAY_NUM or CALLED_INFO is left out of the request. It takes from the environment
 *     ITNIO_API_KEY, ITNIO_API_SECRET   the credentials (required)
 *     ITNIO_BASE_URL                    where the API is, if not at Itniotech's own address
 *     ITNIO_CA_FILE                     a PEM file to trust instead of the system's trust store
 * The last two are how it talks to the sandbox gateway of this repository.
 *
 * It prints status=N and, if the call was placed, recording_id=ID on standard output; what went
 * wrong on standard error. Its exit status is the point of the library:
 *     0   the API accepted the call, or has a record of it: it was placed
 *     1   the API refused the call: no phone rings; the same call would be refused again
 *     2   nothing was sent: no phone rings; safe to try again
 *     3   the call may have been placed, and the records do not show it: look before you redial
 *    64   used wrongly (EX_USAGE): nothing was sent
 *
 * Build: cc -std=c99 -I../../include send_sip.c -L../../target/release -litnio -o send_sip
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "itnio.h"

enum { EXIT_ACCEPTED = 0, EXIT_REFUSED = 1, EXIT_NOT_SENT = 2, EXIT_UNKNOWN = 3, EXIT_USAGE = 64 };

/* What a dialer does next depends on the class of the result, and there are four. */
static int report(itnio_result result, int32_t status, const char *recording_id,
                  const char *reason)
{
    /* The API's own status, where it gave one. Print it: their support asks for it. */
    if (status != ITNIO_NO_STATUS)
        printf("status=%ld\n", (long)status);

    /* 1. Accepted. There is a recording ID if and only if the result is ITNIO_OK. */
    if (result == ITNIO_OK) {
        printf("recording_id=%s\n", recording_id);
        return EXIT_ACCEPTED;
    }

    /* `reason` says what failed in one line, fit for a log. It is NULL only with ITNIO_OK, or when
     * memory is that short; itnio_result_message() always has the general words. */
    fprintf(stderr, "send_sip: %s: %s\n", itnio_result_message(result), reason ? reason : "-");

    /* 2. Refused: the API has understood and said no. Some statuses are about the request (-22),
     * some about the account (-1, -2, -10); a dialer stops on those and calls for help. */
    if (result == ITNIO_REJECTED) {
        fprintf(stderr, "send_sip: documented meaning of status %ld: %s\n", (long)status,
                itnio_status_message(status));
        return EXIT_REFUSED;
    }

    /* 3. It may be ringing: the request was sent, and no response says whether the call was placed.
     * Redialing now may ring the phone twice; look_up() comes first. Ask this function rather than
     * compare numbers: it knows the results of later versions, too. */
    if (itnio_may_have_dialed(result)) {
        fprintf(stderr, "send_sip: it may be ringing; looking for it in the API's records\n");
        return EXIT_UNKNOWN;
    }

    /* 4. Not sent. A mistake in our arguments comes back every time, but anything else (DNS, the
     * network, a certificate, the proxy) may be gone next time, and to try again is safe. */
    if (result != ITNIO_INVALID_ARGUMENT)
        fprintf(stderr, "send_sip: nothing was sent; it is safe to try again\n");
    return EXIT_NOT_SENT;
}

/* Was the call placed, of which report() could not say it? `since` is the time before it. */
static int look_up(const itnio_client *client, const itnio_sip_request *request, int64_t since,
                   uint32_t patience)
{
    char *recording_id = NULL;
    char *reason = NULL;
    int exit_status = EXIT_UNKNOWN;
    itnio_result result;

    /* This only reads: it never places a call. */
    result = itnio_find_call(client, request, since, patience * 1000, NULL, &recording_id, &reason);
    if (result == ITNIO_OK) {
        fprintf(stderr, "send_sip: placed after all, recording ID %s\n", recording_id);
        printf("recording_id=%s\n", recording_id);
        exit_status = EXIT_ACCEPTED;
    } else if (result == ITNIO_NO_RECORD) {
        /* Nobody says how soon a record appears, so that it may still have been placed. */
        fprintf(stderr, "send_sip: no record after %lu s; look before you redial\n",
                (unsigned long)patience);
    } else {
        /* Several records, or they could not be read. */
        fprintf(stderr, "send_sip: %s: %s; look before you redial\n", itnio_result_message(result),
                reason ? reason : "-");
    }
    itnio_free_string(recording_id);
    itnio_free_string(reason);
    return exit_status;
}

/* Reads a number of seconds, up to a day. */
static int parse_seconds(const char *text, uint32_t *seconds)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value > 24UL * 60 * 60)
        return 0;
    *seconds = (uint32_t)value;
    return 1;
}

int main(int argc, char **argv)
{
    /* Both structs start as zeros: a zero field means its default, or "not given". */
    itnio_config config = {0};
    itnio_sip_request request = {0};
    itnio_client *client = NULL;
    itnio_result result;
    int32_t status = ITNIO_NO_STATUS;
    char *recording_id = NULL;
    char *reason = NULL;
    int64_t since;
    uint32_t patience = 10;
    int understood = 1;
    int exit_status;

    if (argc > 2 && strcmp(argv[1], "--patience") == 0) {
        understood = parse_seconds(argv[2], &patience);
        argc -= 2;
        argv += 2;
    }
    if (!understood || argc < 4 || argc > 6) {
        fprintf(stderr, "usage: send_sip CALLEE ACCOUNT APP_ID [DISPLAY_NUM [CALLED_INFO]]\n"
                        "  before CALLEE: --patience S, for how many seconds a call in doubt is"
                        " looked for (0 to 86400; default 10)\n");
        return EXIT_USAGE;
    }
    request.callee = argv[1];
    request.account = argv[2];
    request.app_id = argv[3];
    request.display_num = argc > 4 && *argv[4] ? argv[4] : NULL;
    request.called_info = argc > 5 && *argv[5] ? argv[5] : NULL;

    /* getenv() gives NULL for what is not set, and NULL is how to leave a field out. */
    config.api_key = getenv("ITNIO_API_KEY");
    config.api_secret = getenv("ITNIO_API_SECRET");
    config.base_url = getenv("ITNIO_BASE_URL");
    config.ca_file = getenv("ITNIO_CA_FILE");
    if (config.api_key == NULL || config.api_secret == NULL) {
        fprintf(stderr, "send_sip: set ITNIO_API_KEY and ITNIO_API_SECRET in the environment\n");
        return EXIT_USAGE;
    }

    /* One client serves a whole program, all its threads included, and keeps its connections:
     * make it once, not per call. */
    result = itnio_client_new(&config, &client, &reason);

    /* The time before the call, by this host's clock: look_up() needs it. */
    since = (int64_t)time(NULL);

    /* This waits until the API has answered or 30 s are over (config.timeout_ms changes that). */
    if (result == ITNIO_OK)
        result = itnio_send_sip(client, &request, &status, &recording_id, &reason);

    exit_status = report(result, status, recording_id, reason);
    if (exit_status == EXIT_UNKNOWN)
        exit_status = look_up(client, &request, since, patience);

    /* Each string that the library hands out goes back to it; all of these accept NULL. */
    itnio_free_string(recording_id);
    itnio_free_string(reason);
    itnio_client_free(client);
    return exit_status;
}
