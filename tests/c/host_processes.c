/*
 * A host that makes processes in every way that the system has, and uses its client in each. argv: the
 * way (at the end of this file), and for dlmopen the library.
 *
 * HOST_ADVICE, for the library's madvise(): "refused" as by an old kernel, "ignored" as by some versions
 * of qemu-user. HOST_SAME_ID: getpid() is the same in every process, as it is where a process ID comes
 * back or begins anew in a namespace.
 */
#include "host.h"

#include <dlfcn.h>
#include <sys/resource.h>

enum { CALLS = 3 };

/* The library: linked, or loaded once more into a namespace of its own. */
static struct {
    __typeof__(&itnio_client_new) client_new;
    __typeof__(&itnio_client_shutdown) shutdown;
    __typeof__(&itnio_client_free) free;
    __typeof__(&itnio_send_sip) send;
    __typeof__(&itnio_free_string) free_string;
} api = {itnio_client_new, itnio_client_shutdown, itnio_client_free, itnio_send_sip,
         itnio_free_string};

static itnio_client *client;
/* Shared by all processes. */
static counter *counts;
enum { PARENT, CHILD, ARRIVED, CHILDREN };

pid_t getpid(void)
{
    return getenv("HOST_SAME_ID") != NULL ? 7 : (pid_t)syscall(SYS_getpid);
}

int madvise(void *address, size_t length, int advice)
{
    const char *how = getenv("HOST_ADVICE");
    if (how != NULL && strcmp(how, "ignored") == 0)
        return 0;
    if (how != NULL && advice == 18 /* MADV_WIPEONFORK */) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, address, length, advice);
}

static void *in_namespace(void *module, const char *name)
{
    void *found = dlsym(module, name);
    CHECK(found != NULL);
    return found;
}

static void load_once_more(const char *library)
{
    void *module = dlmopen(LM_ID_NEWLM, library, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        FAIL("%s", dlerror());
    *(void **)&api.client_new = in_namespace(module, "itnio_client_new");
    *(void **)&api.shutdown = in_namespace(module, "itnio_client_shutdown");
    *(void **)&api.free = in_namespace(module, "itnio_client_free");
    *(void **)&api.send = in_namespace(module, "itnio_send_sip");
    *(void **)&api.free_string = in_namespace(module, "itnio_free_string");
    CHECK(api.send != itnio_send_sip);
}

static void make_client(void)
{
    itnio_config config = {0};
    char *reason;
    config.api_key = KEY;
    config.api_secret = SECRET;
    config.base_url = url_given();
    config.ca_file = getenv("HOST_CA");
    config.proxy = "";
    config.timeout_ms = config.connect_timeout_ms = 20000;
    if (api.client_new(&config, &client, &reason) != ITNIO_OK)
        FAIL("no client: %s", reason);
}

/* Calls a number that nobody else calls: its answer is this call's. */
static void call(counter who, unsigned number, itnio_result expected)
{
    itnio_sip_request request = {0};
    char callee[16], info[24], own[32];
    char *id, *reason;
    itnio_result result;
    snprintf(info, sizeof info, "%d", (int)syscall(SYS_getpid));
    request.callee = callee_of(callee, (unsigned)who, number);
    request.account = "1001";
    request.app_id = "host";
    request.called_info = info;
    result = api.send(client, &request, NULL, &id, &reason);
    if (result != expected)
        FAIL("call to %s: %d (%s), not %d", callee, (int)result, reason, (int)expected);
    snprintf(own, sizeof own, "2203%015lld", atoll(callee));
    if (id != NULL && strcmp(id, own) != 0)
        FAIL("another's answer: %s for %s", id, callee);
    api.free_string(id);
    api.free_string(reason);
    if (result == ITNIO_OK)
        add(&counts[who == 0 ? PARENT : CHILD], 1);
}

/* Waits until parent and child are both here. */
static void meet(counter turn)
{
    add(&counts[ARRIVED], 1);
    while (read_counter(&counts[ARRIVED]) < 2 * (turn + 1))
        sleep_ms(1);
}

/* What a child does: calls at the same time as its parent, and then ends what it inherited. */
static void child(counter turn)
{
    unsigned i;
    let_leak();
    watchdog(30);
    meet(turn);
    for (i = 0; i < CALLS; i++)
        call(turn + 1, i, ITNIO_OK);
    if (turn % 2 == 1) {
        api.shutdown(client);
        call(turn + 1, i, ITNIO_SHUT_DOWN);
    }
    if (turn >= 2) {
        api.free(client);
        client = NULL;
    }
}

/* Ends what it inherited, unused. */
static void child_without_a_call(counter turn)
{
    let_leak();
    watchdog(30);
    meet(turn);
    api.shutdown(client);
    if (turn % 2 == 1)
        api.free(client);
}

enum { WITH_CALLS = 4, TURNS = 6 };
static counter turn_now;

static void live_as_child(void)
{
    if (turn_now < WITH_CALLS)
        child(turn_now);
    else
        child_without_a_call(turn_now);
}

static pid_t (*underscore_fork)(void);

static pid_t fork_and_live(void)
{
    pid_t forked = fork();
    if (forked == 0)
        live_as_child();
    return forked;
}

static pid_t underscore_fork_and_live(void)
{
    pid_t forked = underscore_fork();
    if (forked == 0)
        live_as_child();
    return forked;
}

static pid_t clone_and_live(void)
{
    pid_t forked = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (forked == 0)
        live_as_child();
    return forked;
}

/* The child has lived, in its handler, before fork() returns. */
static pid_t fork_with_handler(void)
{
    return fork();
}

static double processor_ms(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    pid_t (*make_process)(void) = fork_and_live;
    unsigned number = 0, i;
    double used;
    watchdog(100);
    counts = shared_counters(CHILDREN + 1);
    if (strcmp(way, "_Fork") == 0) {
        *(void **)&underscore_fork = dlsym(RTLD_DEFAULT, "_Fork");
        if (underscore_fork == NULL) {
            printf("lacking=1\n");
            return 0;
        }
        make_process = underscore_fork_and_live;
    } else if (strcmp(way, "clone") == 0) {
        make_process = clone_and_live;
    } else if (strcmp(way, "handler") == 0) {
        /* Before the library has any of its own, which would run after it. */
        ZERO(pthread_atfork(NULL, NULL, live_as_child));
        make_process = fork_with_handler;
    } else if (strcmp(way, "dlmopen") == 0) {
        CHECK(argc == 3);
        load_once_more(argv[2]);
    } else {
        CHECK(strcmp(way, "fork") == 0);
    }
    make_client();
    call(0, number++, ITNIO_OK);
    for (turn_now = 0; turn_now < TURNS; turn_now++) {
        pid_t forked;
        fflush(stdout);
        forked = make_process();
        CHECK(forked >= 0);
        if (forked == 0)
            _exit(0);
        meet(turn_now);
        for (i = 0; i < CALLS; i++)
            call(0, number++, ITNIO_OK);
        reap(forked);
        add(&counts[CHILDREN], 1);
        call(0, number++, ITNIO_OK);
    }
    used = processor_ms();
    call(0, 9000000, ITNIO_OK); /* its answer takes a second */
    used = processor_ms() - used;
    api.free(client);
    printf("lacking=0 children=%lu parent_calls=%lu child_calls=%lu lost=0 wait_processor_ms=%.1f\n",
           counts[CHILDREN], counts[PARENT], counts[CHILD], used);
    return 0;
}
