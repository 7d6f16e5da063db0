/* A client is made, used and freed in a thread with a small stack. argv: its size in KiB, the expected result,
   and the length of the calls' called_info. */
#include "host.h"

enum { FILL = 0xa5, GUARD = 64 * 1024 };

static itnio_result expected;
static char *text;

static void *use_client(void *unused)
{
    itnio_client *client = client_from_env();
    int number;
    (void)unused;
    for (number = 0; number < 2; number++) {
        itnio_sip_request request = request_to(number == 0 ? "8613000000001" : "8613000000002");
        char *reason;
        itnio_result result;
        request.called_info = text;
        result = itnio_send_sip(client, &request, NULL, NULL, &reason);
        if (result != expected)
            FAIL("%d (%s), not %d", (int)result, reason != NULL ? reason : "", (int)expected);
        itnio_free_string(reason);
    }
    itnio_client_free(client);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t size, untouched = 0;
    unsigned char *stack;
    pthread_attr_t attributes;
    pthread_t thread;
    watchdog(30);
    CHECK(argc == 4);
    size = (size_t)atoi(argv[1]) * 1024;
    expected = (itnio_result)atoi(argv[2]);
    text = escaped_text((size_t)atoi(argv[3]));
    /* Below the stack no access is allowed. */
    stack = mmap(NULL, GUARD + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack != MAP_FAILED);
    stack += GUARD;
    CHECK(mprotect(stack, size, PROT_READ | PROT_WRITE) == 0);
    memset(stack, FILL, size);
    ZERO(pthread_attr_init(&attributes));
    ZERO(pthread_attr_setstack(&attributes, stack, size));
    ZERO(pthread_create(&thread, &attributes, use_client, NULL));
    join(thread);
#ifdef HOST_VALGRIND
    VALGRIND_MAKE_MEM_DEFINED(stack, size); /* memcheck takes the stack of an ended thread for freed */
#endif
    free(text);
    while (untouched < size && stack[untouched] == FILL)
        untouched++;
    printf("stack=%zu peak=%zu\n", size, size - untouched);
    return 0;
}
