/* Three functions that Rust's ThreadSanitizer calls and the runtime of gcc 12 lacks: they do what its
   own memcpy and the like do, which look at each byte. */
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
