/* The library's functions, as a module that is loaded at run time has them. */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include "host.h"

#include <dlfcn.h>

struct api {
    __typeof__(&itnio_client_new) client_new;
    __typeof__(&itnio_client_shutdown) shutdown;
    __typeof__(&itnio_client_free) free;
    __typeof__(&itnio_send_sip) send;
    __typeof__(&itnio_free_string) free_string;
};

static inline void *symbol_of(void *module, const char *name)
{
    void *found = dlsym(module, name);
    CHECK(found != NULL);
    return found;
}

/* `module`: from dlopen() or dlmopen(), or NULL where that failed. */
static inline struct api api_of(void *module)
{
    struct api api;
    if (module == NULL)
        FAIL("%s", dlerror());
    *(void **)&api.client_new = symbol_of(module, "itnio_client_new");
    *(void **)&api.shutdown = symbol_of(module, "itnio_client_shutdown");
    *(void **)&api.free = symbol_of(module, "itnio_client_free");
    *(void **)&api.send = symbol_of(module, "itnio_send_sip");
    *(void **)&api.free_string = symbol_of(module, "itnio_free_string");
    return api;
}

#endif
