/* A host with signals. argv: one of the modes at the end of this file. */
#include "host_resolver.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { THREADS = 4, INTERVAL_US = 500 };

/* Whether this thread is one of the host's, and how many signals it has handled. */
static __thread int own;
static __thread unsigned long interrupted;
/* Signals that another thread has handled. */
static volatile sig_atomic_t on_other_threads;

static void count_signal(int signal_number)
{
    (void)signal_number;
    if (own)
        interrupted++;
    else
        on_other_threads++;
}

static void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {0};
    action.sa_handler = handler; /* no SA_RESTART */
    sigfillset(&action.sa_mask);
    CHECK(sigaction(signal_number, &action, NULL) == 0);
}

/* Blocks or unblocks SIGALRM for the calling thread and those that it starts. */
static void set_alarm_mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    ZERO(pthread_sigmask(how, &set, NULL));
}

/* Interrupts the calling thread every 500 us from now on. */
static void interrupt_this_thread(void)
{
    struct sigevent event = {0};
    struct itimerspec every = {{0, INTERVAL_US * 1000L}, {0, INTERVAL_US * 1000L}};
    timer_t timer;
    own = 1;
    set_alarm_mask(SIG_UNBLOCK);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &every, NULL) == 0);
}

static counter calls, interrupts;
static pthread_barrier_t together;

static void *work_interrupted(void *number)
{
    unsigned caller = (unsigned)(size_t)number, round, i;
    interrupt_this_thread();
    pthread_barrier_wait(&together);
    for (round = 0; round < 5; round++) {
        itnio_client *client = client_from_env();
        itnio_client *unanswered = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 300);
        char callee[16];
        double began;
        for (i = 0; i < 10; i++)
            expect(client, callee_of(callee, caller, round * 10 + i), ITNIO_OK);
        /* A signal neither ends a wait early nor starts it again. */
        began = now_ms();
        expect(unanswered, callee_of(callee, caller, 0), ITNIO_TIMED_OUT);
        CHECK(now_ms() - began >= 299);
        CHECK(now_ms() - began < 10000);
        itnio_client_free(unanswered);
        itnio_client_free(client);
        add(&calls, i + 1);
    }
    set_alarm_mask(SIG_BLOCK);
    CHECK(interrupted > 100);
    add(&interrupts, interrupted);
    return NULL;
}

/* A timer of each thread and one of the process interrupt system calls every 500 us. */
static void timer(void)
{
    struct itimerval every = {{0, INTERVAL_US}, {0, INTERVAL_US}};
    struct itimerval never = {{0, 0}, {0, 0}};
    pthread_t threads[THREADS];
    unsigned i;
    handle(SIGALRM, count_signal);
    set_alarm_mask(SIG_BLOCK);
    ZERO(pthread_barrier_init(&together, NULL, THREADS));
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    for (i = 1; i < THREADS; i++)
        start(&threads[i], work_interrupted, (void *)(size_t)i);
    work_interrupted(0);
    for (i = 1; i < THREADS; i++)
        join(threads[i]);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(on_other_threads == 0);
    printf("calls=%lu interrupts=%lu on_other_threads=0 lost=0\n", calls, interrupts);
}

/* Calls gateways that reset the connection at each step, with SIGPIPE at its default. The argument:
   their URLs, separated by spaces. */
static void sigpipe(int count, char **arguments)
{
    char *urls = arguments[0], *url;
    unsigned long made = 0, failed = 0;
    char *text = calloc(1, 5000001);
    CHECK(count == 1 && text != NULL);
    memset(text, 'x', 5000000);
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    while ((url = strtok_r(urls, " ", &urls)) != NULL) {
        unsigned i;
        itnio_client *client = client_with(url, getenv("HOST_CA"), "", 20000, 20000);
        for (i = 0; i < 30; i++) {
            itnio_sip_request request = request_to("8613000000001");
            request.called_info = i % 6 == 5 ? text : NULL;
            failed += itnio_send_sip(client, &request, NULL, NULL, NULL) != ITNIO_OK;
            made++;
            sleep_ms(3); /* the reset comes while the connection is idle */
        }
        itnio_client_free(client);
    }
    free(text);
    printf("calls=%lu failed=%lu sigpipes=0\n", made, failed);
}

/* The signal state of a process. */
struct state {
    struct sigaction actions[65];
    sigset_t mask;
    stack_t stack;
};

static void read_state(struct state *state)
{
    int i;
    memset(state, 0, sizeof *state);
    for (i = 1; i <= 64; i++)
        sigaction(i, NULL, &state->actions[i]); /* fails for the two signals that libc reserves */
    ZERO(pthread_sigmask(SIG_SETMASK, NULL, &state->mask));
    CHECK(sigaltstack(NULL, &state->stack) == 0);
}

static void check_unchanged(const struct state *before)
{
    struct state now;
    int i;
    read_state(&now);
    for (i = 1; i <= 64; i++) {
        CHECK(now.actions[i].sa_handler == before->actions[i].sa_handler);
        CHECK(now.actions[i].sa_flags == before->actions[i].sa_flags);
        CHECK(sigismember(&now.mask, i) == sigismember(&before->mask, i));
    }
    CHECK(now.stack.ss_sp == before->stack.ss_sp && now.stack.ss_flags == before->stack.ss_flags);
}

/* Compares the signal state before and after calls with all kinds of results. */
static void dispositions(void)
{
    struct state before;
    sigset_t some;
    int i;
    handle(SIGUSR1, count_signal);
    handle(SIGCHLD, SIG_IGN);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGTERM);
    ZERO(pthread_sigmask(SIG_BLOCK, &some, NULL));
    for (i = 0; i < 2; i++) {
        itnio_client *client, *unresolved, *silent;
        CHECK(signal(SIGPIPE, i == 0 ? SIG_DFL : SIG_IGN) != SIG_ERR);
        read_state(&before);
        client = client_from_env();
        check_unchanged(&before);
        expect(client, "8613000000001", ITNIO_OK);
        check_unchanged(&before);
        resolve_to("");
        unresolved = client_from_env();
        expect(unresolved, "8613000000002", ITNIO_RESOLVE_FAILED);
        check_unchanged(&before);
        resolve_to("127.0.0.1");
        silent = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 300);
        expect(silent, "8613000000003", ITNIO_TIMED_OUT);
        itnio_client_shutdown(client);
        expect(client, "8613000000004", ITNIO_SHUT_DOWN);
        itnio_client_free(silent);
        itnio_client_free(unresolved);
        itnio_client_free(client);
        check_unchanged(&before);
    }
    printf("signals=64 rounds=2 changed=0\n");
}

static void *call_by_name(void *client)
{
    own = 1;
    expect(client, "8613000000001", ITNIO_OK);
    add(&interrupts, interrupted);
    return NULL;
}

/* Whether a program may block and handle it. */
static int can_be_handled(int signal_number)
{
    return signal_number != SIGKILL && signal_number != SIGSTOP && signal_number != 32 &&
           signal_number != 33;
}

/* Sends the process every signal while a lookup runs. The thread that waits for the lookup handles them all,
   and the library's thread none. */
static void signals_during_lookup(void)
{
    sigset_t all;
    pthread_t caller;
    int i, sent = 0;
    itnio_client *client = client_from_env();
    for (i = 1; i <= 64; i++)
        if (can_be_handled(i))
            handle(i, count_signal);
    resolve_to(NULL);
    start(&caller, call_by_name, client);
    sigfillset(&all);
    ZERO(pthread_sigmask(SIG_SETMASK, &all, NULL));
    while (lookups_running() == 0)
        sleep_ms(1);
    for (i = 1; i <= 64; i++)
        if (can_be_handled(i)) {
            CHECK(sigismember(&resolver.blocked, i));
            if (i == SIGCONT) /* the next stop signal would discard it */
                continue;
            CHECK(kill(getpid(), i) == 0);
            sent++;
        }
    sleep_ms(50);
    resolve_to("127.0.0.1");
    join(caller);
    itnio_client_free(client);
    if (on_other_threads != 0 || interrupts != (counter)sent)
        FAIL("of %d signals %d on other threads, %lu on the caller's", sent, (int)on_other_threads,
             interrupts);
    printf("signals=%d on_other_threads=0\n", sent);
}

static itnio_client *silent;
static counter returned, not_cancelled;

/* Waits for a response that never comes, and is cancelled meanwhile. */
static void *work_cancelled(void *unused)
{
    (void)unused;
    if (place(silent, "8613000000001") == ITNIO_TIMED_OUT)
        add(&returned, 1);
    pthread_testcancel();
    add(&not_cancelled, 1);
    return NULL;
}

/* Cancels threads in a call: the call returns its result, and then the thread ends. */
static void cancel_in_call(void)
{
    pthread_t threads[2 * THREADS];
    void *end;
    int i;
    silent = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 700 * (uint32_t)slowdown());
    for (i = 0; i < 2 * THREADS; i++)
        start(&threads[i], work_cancelled, NULL);
    sleep_ms(350 * slowdown());
    for (i = 0; i < 2 * THREADS; i++)
        ZERO(pthread_cancel(threads[i]));
    for (i = 0; i < 2 * THREADS; i++) {
        ZERO(pthread_join(threads[i], &end));
        CHECK(end == PTHREAD_CANCELED);
    }
    CHECK(not_cancelled == 0);
    itnio_client_free(silent);
    printf("threads=%d returned=%lu lost=%lu\n", 2 * THREADS, returned, 2 * THREADS - returned);
}

/* The system call that always fails as if a signal had interrupted it; "": none. */
static const char *volatile interrupted_call = "";

static int interrupt(const char *name)
{
    if (strcmp(interrupted_call, name) != 0)
        return 0;
    errno = EINTR;
    return 1;
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags)
{
    return interrupt("send")
               ? -1
               : syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    return interrupt("send") ? -1 : syscall(SYS_sendmsg, descriptor, message, flags);
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags)
{
    return interrupt("recv")
               ? -1
               : syscall(SYS_recvfrom, descriptor, bytes, count, flags, NULL, NULL);
}

int poll(struct pollfd *events, nfds_t count, int timeout)
{
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    return interrupt("poll") ? -1 : ppoll(events, count, timeout < 0 ? NULL : &limit, NULL);
}

static itnio_client *interrupted_client;
static itnio_result result_of_call;

static void *call_interrupted(void *unused)
{
    (void)unused;
    result_of_call = place(interrupted_client, "8613000000001");
    return NULL;
}

/* A call over a reused connection ends at its time limit, and when its client is shut down, although one
   system call is always interrupted. The argument: which. */
static void always_interrupted(int count, char **arguments)
{
    const double limit = 600 * slowdown();
    const char *name = arguments[0];
    const int sends = count == 1 && strcmp(name, "send") == 0;
    double began, late = 0;
    int shuts_down;
    CHECK(count == 1);
    for (shuts_down = 0; shuts_down <= 1; shuts_down++) {
        pthread_t caller;
        uint32_t timeout = shuts_down ? 60000 : (uint32_t)limit;
        interrupted_client = client_with(url_from_env(), getenv("HOST_CA"), "", timeout, timeout);
        expect(interrupted_client, "8613000000000", ITNIO_OK);
        interrupted_call = name;
        began = now_ms();
        start(&caller, call_interrupted, NULL);
        if (shuts_down) {
            sleep_ms((int)limit);
            itnio_client_shutdown(interrupted_client);
        }
        join(caller);
        interrupted_call = "";
        if (now_ms() - began - limit > late)
            late = now_ms() - began - limit;
        if (sends)
            CHECK(result_of_call == (shuts_down ? ITNIO_SHUT_DOWN : ITNIO_CONNECT_FAILED));
        else
            CHECK(result_of_call == (shuts_down ? ITNIO_CONNECTION_LOST : ITNIO_TIMED_OUT));
        itnio_client_free(interrupted_client);
    }
    printf("calls=2 late_ms=%.1f\n", late);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"timer", timer, NULL},
        {"sigpipe", NULL, sigpipe},
        {"dispositions", dispositions, NULL},
        {"during-lookup", signals_during_lookup, NULL},
        {"cancel-in-call", cancel_in_call, NULL},
        {"always-interrupted", NULL, always_interrupted},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
