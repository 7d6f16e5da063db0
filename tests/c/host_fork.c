/*
 * A host that forks. argv: one of the lives at the end of this file.
 *
 * Each call has a number of its own and tells the gateway the process that it is from, so that the
 * gateway's diary shows what was lost, doubled or sent on somebody else's connection.
 */
#include "host.h"

enum { WORKERS = 8, CHILDREN = 24, CROWD = 12 };

static itnio_client *client;
/* Shared by all processes: accepted calls of the parent, those of the children. */
static counter *accepted;
enum { PARENT, CHILD };
static counter stop;

static void call(unsigned who, unsigned number, int whose)
{
    char callee[16];
    expect(client, callee_of(callee, who, number), ITNIO_OK);
    add(&accepted[whose], 1);
}

/* Calls until told to stop. */
static void *work(void *who)
{
    unsigned number;
    for (number = 0; !read_counter(&stop); number++)
        call((unsigned)(size_t)who, number, PARENT);
    return NULL;
}

/* A few calls of a child's thread. */
static void *work_in_child(void *who)
{
    unsigned number;
    for (number = 0; number < 3; number++)
        call((unsigned)(size_t)who, number, CHILD);
    return NULL;
}

/* What the children do, by turns. All call at once, from two threads. */
static void child(unsigned turn)
{
    unsigned who = 100 + turn * 10;
    pthread_t other;
    start(&other, work_in_child, (void *)(size_t)(who + 1));
    work_in_child((void *)(size_t)who);
    join(other);
    switch (turn % 4) {
    case 0: /* gone without a word */
        _exit(0);
    case 1:
        itnio_client_free(client);
        _exit(0);
    case 2: /* the orderly way, with destructors */
        itnio_client_free(client);
        exit(0);
    default:
        itnio_client_shutdown(client);
        expect(client, "860000000", ITNIO_SHUT_DOWN);
        itnio_client_free(client);
        exit(0);
    }
}

/* Forks while eight threads are inside the library. */
static void inside(void)
{
    pthread_t workers[WORKERS];
    pid_t children[CHILDREN];
    counter before, after;
    unsigned i;
    client = client_given();
    start_all(workers, WORKERS, work);
    while (read_counter(&accepted[PARENT]) < 5 * WORKERS)
        sleep_ms(1);
    before = read_counter(&accepted[PARENT]);
    for (i = 0; i < CHILDREN; i++) {
        children[i] = fork_watched();
        if (children[i] == 0)
            child(i);
        sleep_ms(5);
    }
    for (i = 0; i < CHILDREN; i++)
        reap(children[i]);
    /* The parent has gone on meanwhile, and goes on. */
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

/* Forks with a client that has not been used yet. */
static void unused(void)
{
    pid_t children[WORKERS];
    unsigned i;
    client = client_given();
    for (i = 0; i < WORKERS; i++)
        if ((children[i] = fork_watched()) == 0)
            child(i);
    for (i = 0; i < 5; i++)
        call(0, i, PARENT);
    for (i = 0; i < WORKERS; i++)
        reap(children[i]);
    call(0, i, PARENT);
    itnio_client_free(client);
    printf("children=%d parent_calls=%lu child_calls=%lu lost=0\n", WORKERS,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* Forks this long after another thread has begun its very first call, with all that is set up by
   that. */
static void fork_during_first_call(unsigned round, long microseconds)
{
    pthread_t worker;
    pid_t forked;
    struct timespec pause = {0, microseconds * 1000};
    client = client_given();
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

/* Each time in a process that has not used the library. */
static void first(void)
{
    enum { ROUNDS = 100 };
    unsigned round;
    for (round = 0; round < ROUNDS; round++) {
        pid_t fresh = fork_watched();
        if (fresh == 0) {
            fork_during_first_call(round, 20L * round);
            _exit(0);
        }
        reap(fresh);
    }
    printf("children=%d parent_calls=%lu child_calls=%lu lost=0\n", ROUNDS,
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* Forks of forks. In each generation before and after; every second one has not used the client
   before it forks. */
static void generations(unsigned generation, unsigned last)
{
    pid_t next;
    int whose = generation == 0 ? PARENT : CHILD;
    if (generation % 2 == 0) {
        call(generation, 0, whose);
        call(generation, 1, whose);
    }
    if (generation < last) {
        if ((next = fork_watched()) == 0) {
            generations(generation + 1, last);
            _exit(0);
        }
        call(generation, 2, whose);
        reap(next);
    }
    call(generation, 3, whose);
    itnio_client_free(client);
}

static void fork_of_fork(void)
{
    client = client_given();
    generations(0, 6);
    printf("generations=7 parent_calls=%lu child_calls=%lu lost=0\n",
           read_counter(&accepted[PARENT]), read_counter(&accepted[CHILD]));
}

/* A daemon: forks twice, and the first process goes, with or without freeing its client. The daemon
   prints the figures; the test waits for it, since it keeps stdout open. */
static void daemonise(int freed)
{
    unsigned i;
    pid_t second, leader;
    client = client_given();
    call(0, 0, PARENT);
    call(0, 1, PARENT);
    second = fork_watched();
    if (second != 0) {
        if (freed)
            itnio_client_free(client);
        else
            let_leak();
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

static void *call_once(void *who)
{
    pthread_barrier_wait(&together);
    call((unsigned)(size_t)who / 10000, (unsigned)(size_t)who % 10000, PARENT);
    return NULL;
}

/* So many calls at once. `who` is their first number, that the diary knows them by. */
static void crowd(pthread_t *threads, unsigned count, unsigned who)
{
    unsigned i;
    ZERO(pthread_barrier_init(&together, NULL, count));
    for (i = 0; i < count; i++)
        start(&threads[i], call_once, (void *)(size_t)(who * 10000 + i));
}

/* What a child does with what it inherited, at once. */
static void end(unsigned turn)
{
    switch (turn % 6) {
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
        call(500 + turn, 0, CHILD);
        itnio_client_shutdown(client);
        itnio_client_free(client);
        exit(0);
    case 4: /* and so does a child of its own */
        if (fork_watched() != 0) {
            itnio_client_free(client);
            _exit(0);
        }
        itnio_client_shutdown(client);
        itnio_client_free(client);
        exit(0);
    default: { /* and makes a client of its own of it */
        itnio_client *own = client_given();
        itnio_client_free(client);
        client = own;
        call(500 + turn, 0, CHILD);
        itnio_client_free(client);
        exit(0);
    }
    }
}

/* Children end what they inherited, while the parent has calls in flight and connections kept; or, the
   second time, while it only has connections kept. */
static void ends(void)
{
    const unsigned rounds = 12;
    pthread_t threads[CROWD];
    unsigned i, round;
    client = client_given();
    crowd(threads, CROWD, 1); /* so many connections are kept then */
    for (i = 0; i < CROWD; i++)
        join(threads[i]);
    for (round = 0; round < 2 * rounds; round++) {
        pid_t forked;
        int in_flight = round < rounds;
        if (in_flight) {
            crowd(threads, WORKERS, 10 + round);
            sleep_ms(40); /* the gateway takes longer */
        }
        if ((forked = fork_watched()) == 0)
            end(round);
        reap(forked);
        if (in_flight)
            join_all(threads, WORKERS);
    }
    crowd(threads, CROWD, 2);
    join_all(threads, CROWD);
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
    text_of_calls = text;
    client = client_with(url_given(), getenv("HOST_CA"), "", 20000, 500);
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
        {"inside", inside, NULL},
        {"unused", unused, NULL},
        {"first", first, NULL},
        {"fork-of-fork", fork_of_fork, NULL},
        {"daemon", become_daemon, NULL},
        {"free-and-daemon", free_client_and_become_daemon, NULL},
        {"time-out", time_out_alone, NULL},
        {"time-out-beside-child", time_out_beside_child, NULL},
        {"ends", ends, NULL},
    };
    watchdog(100);
    accepted = shared_counters(2);
    return run_mode(argc, argv, modes, COUNT(modes));
}
