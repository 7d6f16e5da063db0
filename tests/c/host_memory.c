/* A host without memory for a call with the longest fields. */
#include "host.h"

static unsigned long address_space_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

int main(void)
{
    enum { LONGEST = 64 * 1024 };
    itnio_sip_request request = request_to("8600000000002");
    itnio_client *client;
    char *text;
    struct rlimit limit;
    char *reason;
    itnio_result result;
    watchdog(30);
    text = escaped_text(LONGEST);
    client = client_from_env();
    expect(client, "8600000000001", ITNIO_OK);
    ZERO(getrlimit(RLIMIT_AS, &limit));
    limit.rlim_cur = address_space_bytes() + 512 * 1024;
    ZERO(setrlimit(RLIMIT_AS, &limit));
    request.display_num = request.account = request.app_id = request.called_info = text;
    result = itnio_send_sip(client, &request, NULL, NULL, &reason);
    FAIL("the call returned %d (%s)", (int)result, reason != NULL ? reason : "");
    return 1;
}
