/*
 * What the header says of memory: how many bytes a client, an idle connection and a call take.
 *
 *   memory_use URL CA_FILE
 *
 * Prints client=N connection=N call=N largest=N, in bytes. `call` and `largest` are the most that was
 * allocated at any moment of a call, beyond what was there before it: of an ordinary call, and of one whose
 * fields are as long as they may be, of characters that take the most room in JSON.
 */
#define _GNU_SOURCE

#include <itnio.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own, under the names that it has for programs that replace malloc(). */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static long now, most;

static void *count(void *block)
{
    if (block != NULL) {
        long sum = __atomic_add_fetch(&now, (long)malloc_usable_size(block), __ATOMIC_RELAXED);
        if (sum > most)
            most = sum;
    }
    return block;
}

static void forget(void *block)
{
    if (block != NULL)
        __atomic_sub_fetch(&now, (long)malloc_usable_size(block), __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
    return count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return count(__libc_calloc(number, size));
}

void *realloc(void *block, size_t size)
{
    forget(block);
    return count(__libc_realloc(block, size));
}

void *memalign(size_t alignment, size_t size)
{
    return count(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = memalign(alignment, size);
    return *block == NULL ? 12 /* ENOMEM */ : 0;
}

void free(void *block)
{
    forget(block);
    __libc_free(block);
}

/* Places a call; gives the most that it took. */
static long call(itnio_client *client, const char *text)
{
    itnio_sip_request request = {0};
    char *id, *reason;
    long before = now;
    itnio_result result;
    most = before;
    request.callee = text != NULL ? text : "4915112345678";
    request.account = text != NULL ? text : "1001";
    request.app_id = text != NULL ? text : "my-app";
    request.display_num = text;
    request.called_info = text;
    result = itnio_send_sip(client, &request, NULL, &id, &reason);
    if (result != ITNIO_OK) {
        fprintf(stderr, "%d: %s\n", (int)result, reason);
        exit(1);
    }
    itnio_free_string(id);
    return most - before;
}

int main(int argc, char **argv)
{
    static char longest[64 * 1024 + 1];
    itnio_config config = {0};
    itnio_client *client, *other;
    char *reason;
    long start, made, connected, remembered, ordinary, i;
    if (argc != 3)
        return 64;
    config.api_key = "bDqJFiq9";
    config.api_secret = "7bz1lzh9";
    config.base_url = argv[1];
    config.ca_file = argv[2];
    config.proxy = "";
    /* What a process has once, whatever the number of clients. */
    if (itnio_client_new(&config, &other, &reason) != ITNIO_OK)
        return 1;
    call(other, NULL);

    start = now;
    if (itnio_client_new(&config, &client, &reason) != ITNIO_OK)
        return 1;
    made = now;
    call(client, NULL);
    connected = now;
    /* Until it remembers as many recording IDs as it ever does, room for them is made now and then. */
    for (i = 0; i < 2000; i++)
        call(client, NULL);
    remembered = now - connected;
    ordinary = 0;
    for (i = 0; i < 10; i++) {
        long took = call(client, NULL);
        if (took > ordinary)
            ordinary = took;
    }
    memset(longest, '\1', sizeof longest - 1);
    printf("client=%ld connection=%ld call=%ld largest=%ld\n", made - start + remembered,
           connected - made, ordinary, call(client, longest));
    itnio_client_free(client);
    itnio_client_free(other);
    return 0;
}
