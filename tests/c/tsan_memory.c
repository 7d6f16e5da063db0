/* Three functions that Rust's ThreadSanitizer calls and the runtime of gcc 12 does not have. The runtime's
   memcpy(), memmove() and memset() check each byte. */
#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

__attribute__((no_sanitize("thread"))) void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    return memcpy(to, from, size);
}

__attribute__((no_sanitize("thread"))) void *__tsan_memmove(void *to, const void *from, size_t size)
{
    return memmove(to, from, size);
}

__attribute__((no_sanitize("thread"))) void *__tsan_memset(void *to, int byte, size_t size)
{
    return memset(to, byte, size);
}
