/*
 * A host that makes processes in every way that the system has, and uses its client in each. argv: the
 * way (at the end of this file), and for dlmopen the library.
 *
 * HOST_ADVICE, for the library's madvise(): "refused" as by an old kernel, "ignored" as by some versions
 * of qemu-user. HOST_SAME_ID: getpid() is the same in every process, as it is where a process ID comes
 * back or begins anew in a namespace.
 */
#include "host_module.h"

enum { CALLS = 3 };

/* The library: linked, or loaded once more into a namespace of its own. */
static struct api api = {itnio_client_new, itnio_client_shutdown, itnio_client_free, itnio_send_sip,
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

static void make_client(void)
{
    itnio_config config = config_with(url_given(), getenv("HOST_CA"), "", 20000, 20000);
    char *reason;
    if (api.client_new(&config, &client, &reason) != ITNIO_OK)
        FAIL("no client: %s", reason);
}

/* Calls a number that nobody else calls: its answer is this call's. */
static void call(counter who, unsigned number, itnio_result expected)
{
    char callee[16], info[24], own[32];
    itnio_sip_request request = request_to(callee_of(callee, (unsigned)who, number));
    char *id, *reason;
    itnio_result result;
    snprintf(info, sizeof info, "%d", (int)syscall(SYS_getpid));
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

/* One child after the other, each made by `make_process`. */
static void live(pid_t (*make_process)(void))
{
    unsigned number = 0, i;
    double used;
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
}

static void by_fork(void)
{
    live(fork_and_live);
}

static void by_underscore_fork(void)
{
    *(void **)&underscore_fork = dlsym(RTLD_DEFAULT, "_Fork");
    if (underscore_fork != NULL)
        live(underscore_fork_and_live);
    else
        printf("lacking=1\n");
}

static void by_clone(void)
{
    live(clone_and_live);
}

static void by_fork_with_handler(void)
{
    /* Before the library has any of its own, which would run after it. */
    ZERO(pthread_atfork(NULL, NULL, live_as_child));
    live(fork);
}

/* The argument: the library. */
static void with_second_copy(int count, char **arguments)
{
    CHECK(count == 1);
    api = api_of(dlmopen(LM_ID_NEWLM, arguments[0], RTLD_NOW | RTLD_LOCAL));
    CHECK(api.send != itnio_send_sip);
    live(fork_and_live);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"fork", by_fork, NULL},
        {"_Fork", by_underscore_fork, NULL},
        {"clone", by_clone, NULL},
        {"handler", by_fork_with_handler, NULL},
        {"dlmopen", NULL, with_second_copy},
    };
    watchdog(100);
    counts = shared_counters(CHILDREN + 1);
    return run_mode(argc, argv, modes, COUNT(modes));
}
