/*
 * Places calls and measures them. Reads commands from its standard input, one per line, and prints one line
 * for each:
 *
 *   version      -> the name and version of what is measured
 *   threads N    Starts N threads instead of those before, each with its own handle; each places a call.
 *                -> 0
 *   run MS       All threads place calls for so many milliseconds.
 *   calls N      Each thread places so many calls.
 *                -> calls, elapsed ns, CPU ns of the process, median ns, 99th percentile ns
 *   fresh        Opens a handle and places two calls.
 *                -> the monotonic clock in ns: before, after the first call, after the second
 *   keep C T     T threads at once place a call each over C handles, which then stay open.
 *                -> 0
 *
 * Ends at the end of its input, or at the first call that fails.
 */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "worker.h"

/* How many times of calls are stored, over all threads. Further calls are counted, not timed. */
#define SAMPLES ((size_t)1 << 21)
#define STACK_SIZE ((size_t)256 * 1024)

static const struct contender *contender;

static void die(const char *what) {
    fprintf(stderr, "worker: %s failed\n", what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL)
        die("calloc");
    return memory;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t cpu_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t seconds = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
    uint64_t micros = (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return seconds * 1000000000u + micros * 1000u;
}

static void *open_handle(void) {
    void *handle = contender->open();
    if (handle == NULL)
        die("open");
    return handle;
}

static void place_call(void *handle) {
    if (contender->call(handle) != 0)
        die("a call");
}

static void start(pthread_t *thread, void *(*work)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(thread, &attributes, work, argument) != 0)
        die("pthread_create");
    pthread_attr_destroy(&attributes);
}

/* The threads that measure. They wait at `barrier` before and after each round. */

struct member {
    pthread_t thread;
    uint64_t calls;
    uint32_t *samples;
    size_t sampled;
};

static struct {
    struct member *members;
    size_t size;
    size_t samples_each;
    pthread_barrier_t barrier;
    /* The round ends at this time, or after so many calls. If both are 0, the threads end. */
    uint64_t until;
    uint64_t calls;
} group;

static void *work(void *argument) {
    struct member *member = argument;
    void *handle = open_handle();
    place_call(handle);
    pthread_barrier_wait(&group.barrier);
    for (;;) {
        pthread_barrier_wait(&group.barrier);
        if (group.until == 0 && group.calls == 0)
            return NULL;
        member->calls = 0;
        member->sampled = 0;
        uint64_t time = now();
        while (group.calls != 0 ? member->calls < group.calls : time < group.until) {
            place_call(handle);
            uint64_t after = now();
            uint64_t took = after - time;
            if (member->sampled < group.samples_each)
                member->samples[member->sampled++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
            member->calls++;
            time = after;
        }
        pthread_barrier_wait(&group.barrier);
    }
}

static void end_group(void) {
    if (group.size == 0)
        return;
    group.until = group.calls = 0;
    pthread_barrier_wait(&group.barrier);
    for (size_t i = 0; i < group.size; i++) {
        pthread_join(group.members[i].thread, NULL);
        free(group.members[i].samples);
    }
    free(group.members);
    pthread_barrier_destroy(&group.barrier);
    group.size = 0;
}

static void start_group(size_t size) {
    end_group();
    group.size = size;
    group.samples_each = SAMPLES / size;
    group.members = allocate(size, sizeof *group.members);
    pthread_barrier_init(&group.barrier, NULL, (unsigned)size + 1);
    for (size_t i = 0; i < size; i++) {
        group.members[i].samples = allocate(group.samples_each, sizeof *group.members[i].samples);
        start(&group.members[i].thread, work, &group.members[i]);
    }
    pthread_barrier_wait(&group.barrier);
}

static int compare_samples(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(uint64_t nanoseconds, uint64_t calls) {
    if (group.size == 0)
        die("measuring without threads");
    uint64_t cpu = cpu_time(), began = now();
    group.until = nanoseconds == 0 ? 0 : began + nanoseconds;
    group.calls = calls;
    pthread_barrier_wait(&group.barrier);
    pthread_barrier_wait(&group.barrier);
    uint64_t elapsed = now() - began;
    cpu = cpu_time() - cpu;

    uint64_t placed = 0;
    size_t count = 0;
    uint32_t *samples = allocate(SAMPLES, sizeof *samples);
    for (size_t i = 0; i < group.size; i++) {
        const struct member *member = &group.members[i];
        placed += member->calls;
        memcpy(samples + count, member->samples, member->sampled * sizeof *samples);
        count += member->sampled;
    }
    if (count == 0)
        die("measuring no call");
    qsort(samples, count, sizeof *samples, compare_samples);
    printf("%llu %llu %llu %lu %lu\n", (unsigned long long)placed, (unsigned long long)elapsed,
           (unsigned long long)cpu, (unsigned long)samples[count / 2],
           (unsigned long)samples[count - 1 - count / 100]);
    free(samples);
}

/* The handles that stay open. A thread uses one for a call, and waits while another thread uses it. */

struct slot {
    pthread_mutex_t lock;
    void *handle;
};

static pthread_barrier_t all_started;

static void *use_slot(void *argument) {
    struct slot *slot = argument;
    pthread_barrier_wait(&all_started);
    pthread_mutex_lock(&slot->lock);
    if (slot->handle == NULL)
        slot->handle = open_handle();
    place_call(slot->handle);
    pthread_mutex_unlock(&slot->lock);
    return NULL;
}

static void keep(size_t handles, size_t threads) {
    /* Not freed: in use until the process ends. */
    struct slot *slots = allocate(handles, sizeof *slots);
    for (size_t i = 0; i < handles; i++)
        pthread_mutex_init(&slots[i].lock, NULL);
    pthread_t *users = allocate(threads, sizeof *users);
    pthread_barrier_init(&all_started, NULL, (unsigned)threads);
    for (size_t i = 0; i < threads; i++)
        start(&users[i], use_slot, &slots[i % handles]);
    for (size_t i = 0; i < threads; i++)
        pthread_join(users[i], NULL);
    pthread_barrier_destroy(&all_started);
    free(users);
}

static void fresh(void) {
    uint64_t before = now();
    void *handle = open_handle();
    place_call(handle);
    uint64_t first = now();
    place_call(handle);
    printf("%llu %llu %llu\n", (unsigned long long)before, (unsigned long long)first,
           (unsigned long long)now());
}

int worker_main(const struct contender *given, const char *base_url, const char *ca_file) {
    contender = given;
    if (contender->set_up(base_url, ca_file) != 0)
        die("set_up");
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned long a, b;
        if (strcmp(line, "version\n") == 0) {
            puts(contender->version());
        } else if (sscanf(line, "threads %lu", &a) == 1 && a > 0) {
            start_group(a);
            puts("0");
        } else if (sscanf(line, "run %lu", &a) == 1 && a > 0) {
            measure(a * 1000000u, 0);
        } else if (sscanf(line, "calls %lu", &a) == 1 && a > 0) {
            measure(0, a);
        } else if (strcmp(line, "fresh\n") == 0) {
            fresh();
        } else if (sscanf(line, "keep %lu %lu", &a, &b) == 2 && a > 0 && b >= a) {
            keep(a, b);
            puts("0");
        } else {
            die(line);
        }
        fflush(stdout);
    }
    end_group();
    return 0;
}
