/*
 * A name service: it replaces getaddrinfo() for the library (link with -rdynamic). It resolves, fails or
 * hangs as the host says. nowhere.test never has an address, and slow.test takes 300 ms.
 */
#ifndef HOST_RESOLVER_H
#define HOST_RESOLVER_H

#include "host.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Separated by spaces; "": lookups fail; NULL: lookups hang. */
    const char *addresses;
    int lookups, running;
    /* The signals that were blocked in the thread of the last lookup. */
    sigset_t blocked;
} resolver = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "127.0.0.1", 0, 0, {{0}}};

static inline void resolve_to(const char *addresses)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.addresses = addresses;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
}

/* One of the counts. */
static inline int read_count(const int *of)
{
    int count;
    pthread_mutex_lock(&resolver.lock);
    count = *of;
    pthread_mutex_unlock(&resolver.lock);
    return count;
}

/* How many lookups have begun so far. */
static inline int lookups(void)
{
    return read_count(&resolver.lookups);
}

static inline int lookups_running(void)
{
    return read_count(&resolver.running);
}

static inline struct addrinfo *address_entry(const char *address)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *entry = calloc(1, sizeof *entry);
    CHECK(entry != NULL && inet_pton(AF_INET, address, &entry->address.sin_addr) == 1);
    entry->address.sin_family = AF_INET;
    entry->info.ai_family = AF_INET;
    entry->info.ai_socktype = SOCK_STREAM;
    entry->info.ai_addr = (struct sockaddr *)&entry->address;
    entry->info.ai_addrlen = sizeof entry->address;
    return &entry->info;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    char addresses[128];
    char *address, *rest = addresses;
    struct addrinfo **end = found;
    (void)service, (void)hints;
    if (strcmp(name, "nowhere.test") == 0)
        return EAI_NONAME;
    if (strcmp(name, "slow.test") == 0)
        sleep_ms(300 * slowdown());
    pthread_mutex_lock(&resolver.lock);
    resolver.lookups++;
    resolver.running++;
    pthread_sigmask(SIG_SETMASK, NULL, &resolver.blocked);
    while (resolver.addresses == NULL)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    resolver.running--;
    snprintf(addresses, sizeof addresses, "%s", resolver.addresses);
    pthread_mutex_unlock(&resolver.lock);
    *found = NULL;
    while ((address = strtok_r(rest, " ", &rest)) != NULL) {
        *end = address_entry(address);
        end = &(*end)->ai_next;
    }
    return *found != NULL ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;
        free(found);
        found = next;
    }
}

#endif
