/*
 * A host that forks. argv: one of the modes at the end of this file.
 *
 * Each call has a number of its own and tells the gateway which process placed it. So the gateway's diary
 * shows calls that were lost or placed twice, and connections that two processes used.
 */
#include "host.h"

enum { WORKERS = 8, CHILDREN = 24, PARALLEL = 12 };

static itnio_client *client;
/* Shared by all processes: the accepted calls of the parent and those of the children. */
static counter *accepted;
enum { PARENT, CHILD };
static counter stop;

static void call(unsigned caller, unsigned number, int process)
{
    char callee[16];
    expect(client, callee_of(callee, caller, number), ITNIO_OK);
    add(&accepted[process], 1);
}

/* Places calls until `stop` is set. */
static void *work(void *caller)
{
    unsigned number;
    for (number = 0; !read_counter(&stop); number++)
        call((unsigned)(size_t)caller, number, PARENT);
    return NULL;
}

static void *work_in_child(void *caller)
{
    unsigned number;
    for (number = 0; number < 3; number++)
        call((unsigned)(size_t)caller, number, CHILD);
    return NULL;
}

/* Every child places calls at once, from two threads. Then each ends in another way. */
static void call_and_end(unsigned child)
{
    unsigned caller = 100 + child * 10;
    pthread_t other;
    start(&other, work_in_child, (void *)(size_t)(caller + 1));
    work_in_child((void *)(size_t)caller);
    join(other);
    switch (child % 4) {
    case 0: /* without freeing the client */
        _exit(0);
    case 1:
        itnio_client_free(client);
        _exit(0);
    case 2: /* with exit handlers and destructors */
        itnio_client_free(client);
        exit(0);
    default:
        itnio_client_shutdown(client);
        expect(client, "860000000", ITNIO_SHUT_DOWN);
        itnio_client_free(client);
        exit(0);
    }
}

static void fork_while_threads_call(void)
{
    pthread_t workers[WORKERS];
    pid_t children[CHILDREN];
    counter before, after;
    unsigned i;
    client = client_from_env();
    start_all(workers, WORKERS, work);
    while (read_counter(&accepted[PARENT]) < 5 * WORKERS)
        sleep_ms(1);
    before = read_counter(&accepted[PARENT]);
    for (i = 0; i < CHILDREN; i++) {
        children[i] = fork_watched();
        if (children[i] == 0)
            call_and_end(i);
        sleep_ms(5);
    }
    for (i = 0; i < CHILDREN; i++)
        reap(children[i]);
    /* The threads of the parent placed calls meanwhile, and still do. */
    after = read_counter(&accepted[PARENT]);
    CHECK(after > before);
    while (read_counter(&accepted[PARENT]) < after + 5 * WORKERS)
        sleep_ms(1);
    add(&stop, 1);
    join_all(workers, WORKERS);
    itnio_client_free(client);
    printf("children=%d parent_calls=%lu child_calls=%lu lost=0\n", CHILDREN,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

static void fork_before_first_call(void)
{
    pid_t children[WORKERS];
    unsigned i;
    client = client_from_env();
    for (i = 0; i < WORKERS; i++)
        if ((children[i] = fork_watched()) == 0)
            call_and_end(i);
    for (i = 0; i < 5; i++)
        call(0, i, PARENT);
    for (i = 0; i < WORKERS; i++)
        reap(children[i]);
    call(0, i, PARENT);
    itnio_client_free(client);
    printf("children=%d parent_calls=%lu child_calls=%lu lost=0\n", WORKERS,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* Forks so long after another thread has begun the first call, which sets up the library. */
static void fork_after(long microseconds, unsigned round)
{
    pthread_t worker;
    pid_t forked;
    struct timespec pause = {0, microseconds * 1000};
    client = client_from_env();
    start(&worker, work, (void *)(size_t)round);
    nanosleep(&pause, NULL);
    if ((forked = fork_watched()) == 0) {
        call(round, 8000, CHILD);
        itnio_client_free(client);
        _exit(0);
    }
    reap(forked);
    add(&stop, 1);
    join(worker);
    call(round, 9000, PARENT);
    itnio_client_free(client);
}

/* Each time in a process that has not used the library yet. */
static void fork_during_first_call(void)
{
    enum { ROUNDS = 100 };
    unsigned round;
    for (round = 0; round < ROUNDS; round++) {
        pid_t first = fork_watched();
        if (first == 0) {
            fork_after(20L * round, round);
            _exit(0);
        }
        reap(first);
    }
    printf("children=%d parent_calls=%lu child_calls=%lu lost=0\n", ROUNDS,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* Each generation forks the next one, and places calls before and after that. Every second one places none
   before. */
static void generations(unsigned generation, unsigned last)
{
    pid_t next;
    int process = generation == 0 ? PARENT : CHILD;
    if (generation % 2 == 0) {
        call(generation, 0, process);
        call(generation, 1, process);
    }
    if (generation < last) {
        if ((next = fork_watched()) == 0) {
            generations(generation + 1, last);
            _exit(0);
        }
        call(generation, 2, process);
        reap(next);
    }
    call(generation, 3, process);
    itnio_client_free(client);
}

static void fork_in_children(void)
{
    client = client_from_env();
    generations(0, 6);
    printf("generations=7 parent_calls=%lu child_calls=%lu lost=0\n",
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* A daemon: forks twice, and the first process exits, with or without freeing its client. The daemon
   prints the figures. The test waits for it, since stdout stays open. */
static void daemonise(int frees)
{
    unsigned i;
    pid_t second, leader;
    client = client_from_env();
    call(0, 0, PARENT);
    call(0, 1, PARENT);
    second = fork_watched();
    if (second != 0) {
        if (frees)
            itnio_client_free(client);
        else
            ignore_leaks();
        reap(second);
        exit(0);
    }
    CHECK(setsid() >= 0);
    leader = getpid();
    if (fork_watched() != 0)
        exit(0);
    while (getppid() == leader)
        sleep_ms(1);
    for (i = 3; i < 1024; i++)
        close((int)i); /* as daemons do */
    CHECK(chdir("/") == 0);
    for (i = 0; i < 10; i++)
        call(1, i, CHILD);
    itnio_client_free(client);
    printf("parent_calls=%lu child_calls=%lu lost=0\n", read_counter(&accepted[PARENT]),
           read_counter(&accepted[CHILD]));
    exit(0);
}

static pthread_barrier_t together;

static void *call_once(void *number)
{
    pthread_barrier_wait(&together);
    call((unsigned)(size_t)number / 10000, (unsigned)(size_t)number % 10000, PARENT);
    return NULL;
}

/* Places so many calls at once. In the diary `caller` is the first part of their numbers. */
static void call_in_parallel(pthread_t *threads, unsigned count, unsigned caller)
{
    unsigned i;
    ZERO(pthread_barrier_init(&together, NULL, count));
    for (i = 0; i < count; i++)
        start(&threads[i], call_once, (void *)(size_t)(caller * 10000 + i));
}

/* Shuts down or frees the inherited client, in a way of each child's own. */
static void end_client(unsigned child)
{
    switch (child % 6) {
    case 0:
        itnio_client_shutdown(client);
        exit(0);
    case 1:
        itnio_client_free(client);
        exit(0);
    case 2:
        itnio_client_shutdown(client);
        expect(client, "860000000", ITNIO_SHUT_DOWN);
        itnio_client_shutdown(client);
        itnio_client_free(client);
        exit(0);
    case 3:
        call(500 + child, 0, CHILD);
        itnio_client_shutdown(client);
        itnio_client_free(client);
        exit(0);
    case 4: /* and a child of this child does the same */
        if (fork_watched() != 0) {
            itnio_client_free(client);
            _exit(0);
        }
        itnio_client_shutdown(client);
        itnio_client_free(client);
        exit(0);
    default: { /* and makes a new client first */
        itnio_client *own = client_from_env();
        itnio_client_free(client);
        client = own;
        call(500 + child, 0, CHILD);
        itnio_client_free(client);
        exit(0);
    }
    }
}

/* Children shut down or free the inherited client: first while the parent has calls in progress and idle
   connections, then while it has only idle connections. */
static void end_client_in_children(void)
{
    const unsigned rounds = 12;
    pthread_t threads[PARALLEL];
    unsigned round;
    client = client_from_env();
    call_in_parallel(threads, PARALLEL, 1); /* leaves so many idle connections */
    join_all(threads, PARALLEL);
    for (round = 0; round < 2 * rounds; round++) {
        pid_t forked;
        int calls_in_progress = round < rounds;
        if (calls_in_progress) {
            call_in_parallel(threads, WORKERS, 10 + round);
            sleep_ms(40); /* the gateway takes longer */
        }
        if ((forked = fork_watched()) == 0)
            end_client(round);
        reap(forked);
        if (calls_in_progress)
            join_all(threads, WORKERS);
    }
    call_in_parallel(threads, PARALLEL, 2);
    join_all(threads, PARALLEL);
    itnio_client_free(client);
    printf("children=%u parent_calls=%lu child_calls=%lu lost=0\n", 2 * rounds,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

static itnio_result timed_out_with;

static void *call_with_timeout(void *unused)
{
    (void)unused;
    timed_out_with = place(client, "8600000000001");
    return NULL;
}

/* A call times out while its request is being sent: it is longer than the receive buffer of a gateway
   that does not read yet. With `forks`, a child has a copy of the descriptor meanwhile. */
static void time_out_while_sending(int forks)
{
    enum { LENGTH = 64 * 1024 };
    pthread_t caller;
    pid_t forked = 0;
    char *text = escaped_text(LENGTH);
    called_info = text;
    client = client_with(url_from_env(), getenv("HOST_CA"), "", 20000, 500);
    start(&caller, call_with_timeout, NULL);
    sleep_ms(200);
    if (forks && (forked = fork_watched()) == 0) {
        sleep_ms(4000);
        _exit(0);
    }
    join(caller);
    itnio_client_free(client);
    if (forks)
        reap(forked);
    free(text);
    printf("calls=1 result=%d\n", (int)timed_out_with);
}

static void become_daemon(void)
{
    daemonise(0);
}

static void free_client_and_become_daemon(void)
{
    daemonise(1);
}

static void time_out_alone(void)
{
    time_out_while_sending(0);
}

static void time_out_beside_child(void)
{
    time_out_while_sending(1);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"threads-calling", fork_while_threads_call, NULL},
        {"before-first-call", fork_before_first_call, NULL},
        {"during-first-call", fork_during_first_call, NULL},
        {"generations", fork_in_children, NULL},
        {"daemon", become_daemon, NULL},
        {"free-and-daemon", free_client_and_become_daemon, NULL},
        {"time-out", time_out_alone, NULL},
        {"time-out-beside-child", time_out_beside_child, NULL},
        {"end-client", end_client_in_children, NULL},
    };
    watchdog(100);
    accepted = shared_counters(2);
    return run_mode(argc, argv, modes, COUNT(modes));
}
