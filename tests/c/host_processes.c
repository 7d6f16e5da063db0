/*
 * A host that makes processes in every way that the system has, and uses its client in each. argv: one of the
 * modes at the end of this file, and for dlmopen the library.
 *
 * HOST_MADVISE, for the library's madvise(): "refused" as by an old kernel, "ignored" as by some versions
 * of qemu-user. HOST_SAME_PID: getpid() is the same in every process, as when a process ID is used again, or
 * in another PID namespace.
 */
#include "host_module.h"

enum { CALLS = 3, ROUNDS_WITH_CALLS = 4, ROUNDS = 6 };

/* The linked library, or a second copy of it in a linker namespace of its own. */
static struct api api = {itnio_client_new, itnio_client_shutdown, itnio_client_free, itnio_send_sip,
                         itnio_free_string};

static itnio_client *client;
static counter round_now;
/* Shared by all processes. */
static counter *counts;
enum { PARENT, CHILD, ARRIVED, CHILDREN };

pid_t getpid(void)
{
    return getenv("HOST_SAME_PID") != NULL ? 7 : (pid_t)syscall(SYS_getpid);
}

int madvise(void *address, size_t length, int advice)
{
    const char *behaviour = getenv("HOST_MADVISE");
    if (behaviour != NULL && strcmp(behaviour, "ignored") == 0)
        return 0;
    if (behaviour != NULL && advice == 18 /* MADV_WIPEONFORK */) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, address, length, advice);
}

static void make_client(void)
{
    itnio_config config = config_with(url_from_env(), getenv("HOST_CA"), "", 20000, 20000);
    char *reason;
    if (api.client_new(&config, &client, &reason) != ITNIO_OK)
        FAIL("no client: %s", reason);
}

/* Places a call to a number of its own, and checks that the recording ID is for that number. */
static void call(counter caller, unsigned number, itnio_result expected)
{
    char callee[16], info[24], own[32];
    itnio_sip_request request = request_to(callee_of(callee, (unsigned)caller, number));
    char *id, *reason;
    itnio_result result;
    snprintf(info, sizeof info, "%d", (int)syscall(SYS_getpid));
    request.called_info = info;
    result = api.send(client, &request, NULL, &id, &reason);
    if (result != expected)
        FAIL("call to %s: %d (%s), not %d", callee, (int)result, reason, (int)expected);
    snprintf(own, sizeof own, "2203%015lld", atoll(callee));
    if (id != NULL && strcmp(id, own) != 0)
        FAIL("wrong recording ID: %s for %s", id, callee);
    api.free_string(id);
    api.free_string(reason);
    if (result == ITNIO_OK)
        add(&counts[caller == 0 ? PARENT : CHILD], 1);
}

/* Waits until parent and child have both called this. */
static void meet(counter round)
{
    add(&counts[ARRIVED], 1);
    while (read_counter(&counts[ARRIVED]) < 2 * (round + 1))
        sleep_ms(1);
}

/* A child places calls at the same time as its parent, and then shuts down or frees the inherited client. */
static void call_and_end(void)
{
    unsigned i;
    for (i = 0; i < CALLS; i++)
        call(round_now + 1, i, ITNIO_OK);
    if (round_now % 2 == 1) {
        api.shutdown(client);
        call(round_now + 1, i, ITNIO_SHUT_DOWN);
    }
    if (round_now >= 2) {
        api.free(client);
        client = NULL;
    }
}

/* A child shuts down or frees the inherited client without a call. */
static void end_without_call(void)
{
    api.shutdown(client);
    if (round_now % 2 == 1)
        api.free(client);
}

static void run_child(void)
{
    ignore_leaks();
    watchdog(30);
    meet(round_now);
    if (round_now < ROUNDS_WITH_CALLS)
        call_and_end();
    else
        end_without_call();
}

static pid_t (*underscore_fork)(void);

static pid_t fork_and_run(void)
{
    pid_t forked = fork();
    if (forked == 0)
        run_child();
    return forked;
}

static pid_t underscore_fork_and_run(void)
{
    pid_t forked = underscore_fork();
    if (forked == 0)
        run_child();
    return forked;
}

static pid_t clone_and_run(void)
{
    pid_t forked = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (forked == 0)
        run_child();
    return forked;
}

/* One child after the other, each made by `make_process`. */
static void make_children(pid_t (*make_process)(void))
{
    unsigned number = 0, i;
    double used;
    make_client();
    call(0, number++, ITNIO_OK);
    for (round_now = 0; round_now < ROUNDS; round_now++) {
        pid_t forked;
        fflush(stdout);
        forked = make_process();
        CHECK(forked >= 0);
        if (forked == 0)
            _exit(0);
        meet(round_now);
        for (i = 0; i < CALLS; i++)
            call(0, number++, ITNIO_OK);
        reap(forked);
        add(&counts[CHILDREN], 1);
        call(0, number++, ITNIO_OK);
    }
    used = processor_ms();
    call(0, 9000000, ITNIO_OK); /* the response comes after a second */
    used = processor_ms() - used;
    api.free(client);
    printf("unsupported=0 children=%lu parent_calls=%lu child_calls=%lu lost=0 wait_processor_ms=%.1f\n",
           counts[CHILDREN], counts[PARENT], counts[CHILD], used);
}

static void by_fork(void)
{
    make_children(fork_and_run);
}

static void by_underscore_fork(void)
{
    *(void **)&underscore_fork = dlsym(RTLD_DEFAULT, "_Fork");
    if (underscore_fork != NULL)
        make_children(underscore_fork_and_run);
    else
        printf("unsupported=1\n");
}

static void by_clone(void)
{
    make_children(clone_and_run);
}

static void by_fork_with_handler(void)
{
    /* Registered before the library's handler, so that it runs before that. */
    ZERO(pthread_atfork(NULL, NULL, run_child));
    make_children(fork);
}

/* The argument: the library. */
static void with_second_copy(int count, char **arguments)
{
    CHECK(count == 1);
#ifdef LM_ID_NEWLM
    api = api_of(dlmopen(LM_ID_NEWLM, arguments[0], RTLD_NOW | RTLD_LOCAL));
    CHECK(api.send != itnio_send_sip);
    make_children(fork_and_run);
#else
    (void)arguments;
    printf("unsupported=1\n");
#endif
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
