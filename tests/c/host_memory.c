/* A host whose system has no memory left for a call with the longest fields. */
#include "host.h"

/* Of address space, in bytes. */
static unsigned long taken(void)
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
    client = client_given();
    expect(client, "8600000000001", ITNIO_OK);
    ZERO(getrlimit(RLIMIT_AS, &limit));
    limit.rlim_cur = taken() + 512 * 1024;
    ZERO(setrlimit(RLIMIT_AS, &limit));
    request.display_num = request.account = request.app_id = request.called_info = text;
    result = itnio_send_sip(client, &request, NULL, NULL, &reason);
    FAIL("the call came back with %d (%s)", (int)result, reason != NULL ? reason : "");
    return 1;
}
