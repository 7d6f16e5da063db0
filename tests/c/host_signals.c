/* A host with signals. argv: one of the lives at the end of this file. */
#include "host_names.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { THREADS = 4, INTERVAL_US = 500 };

/* Whether this thread is the host's own, and how often it was interrupted. */
static __thread int own;
static __thread unsigned long interrupted;
static volatile sig_atomic_t strays;

static void interrupt_call(int signal_number)
{
    (void)signal_number;
    if (own)
        interrupted++;
    else
        strays++;
}

static void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {0};
    action.sa_handler = handler; /* no SA_RESTART */
    sigfillset(&action.sa_mask);
    CHECK(sigaction(signal_number, &action, NULL) == 0);
}

/* Blocks or unblocks SIGALRM for the calling thread and those that it starts. */
static void alarms(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    ZERO(pthread_sigmask(how, &set, NULL));
}

/* Interrupts the calling thread every 500 us from now on. */
static void interrupt_me(void)
{
    struct sigevent me = {0};
    struct itimerspec every = {{0, INTERVAL_US * 1000L}, {0, INTERVAL_US * 1000L}};
    timer_t timer;
    own = 1;
    alarms(SIG_UNBLOCK);
    me.sigev_notify = SIGEV_THREAD_ID;
    me.sigev_signo = SIGALRM;
    me._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    CHECK(timer_create(CLOCK_MONOTONIC, &me, &timer) == 0);
    CHECK(timer_settime(timer, 0, &every, NULL) == 0);
}

static counter calls, interrupts;
static pthread_barrier_t together;

static void *work_interrupted(void *number)
{
    unsigned who = (unsigned)(size_t)number, round, i;
    interrupt_me();
    pthread_barrier_wait(&together);
    for (round = 0; round < 5; round++) {
        itnio_client *client = client_given();
        itnio_client *ignored = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 300);
        char callee[16];
        double began;
        for (i = 0; i < 10; i++)
            expect(client, callee_of(callee, who, round * 10 + i), ITNIO_OK);
        /* Neither is a wait cut short, nor does it begin anew. */
        began = now_ms();
        expect(ignored, callee_of(callee, who, 0), ITNIO_TIMED_OUT);
        CHECK(now_ms() - began >= 299);
        CHECK(now_ms() - began < 10000);
        itnio_client_free(ignored);
        itnio_client_free(client);
        add(&calls, i + 1);
    }
    alarms(SIG_BLOCK);
    CHECK(interrupted > 100);
    add(&interrupts, interrupted);
    return NULL;
}

/* Every thread's system calls are interrupted every 500 us, and the process's, too. */
static void timer(void)
{
    struct itimerval every = {{0, INTERVAL_US}, {0, INTERVAL_US}};
    struct itimerval never = {{0, 0}, {0, 0}};
    pthread_t threads[THREADS];
    unsigned i;
    handle(SIGALRM, interrupt_call);
    alarms(SIG_BLOCK);
    ZERO(pthread_barrier_init(&together, NULL, THREADS));
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    for (i = 1; i < THREADS; i++)
        start(&threads[i], work_interrupted, (void *)(size_t)i);
    work_interrupted(0);
    for (i = 1; i < THREADS; i++)
        join(threads[i]);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(strays == 0);
    printf("calls=%lu interrupts=%lu strays=0 lost=0\n", calls, interrupts);
}

/* Calls gateways that reset the connection at each step, with SIGPIPE at its default. The argument:
   their URLs, separated by spaces. */
static void pipes(int count, char **arguments)
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
            sleep_ms(3); /* the reset is to find the connection idle */
        }
        itnio_client_free(client);
    }
    free(text);
    printf("calls=%lu failed=%lu sigpipes=0\n", made, failed);
}

/* What a process has of signals. */
struct state {
    struct sigaction actions[65];
    sigset_t mask;
    stack_t stack;
};

static void take_down(struct state *state)
{
    int i;
    memset(state, 0, sizeof *state);
    for (i = 1; i <= 64; i++)
        sigaction(i, NULL, &state->actions[i]); /* fails for the two that libc keeps to itself */
    ZERO(pthread_sigmask(SIG_SETMASK, NULL, &state->mask));
    CHECK(sigaltstack(NULL, &state->stack) == 0);
}

static void unchanged(const struct state *before)
{
    struct state now;
    int i;
    take_down(&now);
    for (i = 1; i <= 64; i++) {
        CHECK(now.actions[i].sa_handler == before->actions[i].sa_handler);
        CHECK(now.actions[i].sa_flags == before->actions[i].sa_flags);
        CHECK(sigismember(&now.mask, i) == sigismember(&before->mask, i));
    }
    CHECK(now.stack.ss_sp == before->stack.ss_sp && now.stack.ss_flags == before->stack.ss_flags);
}

/* Uses all of the library, and looks whether it has changed anything. */
static void manners(void)
{
    struct state before;
    sigset_t some;
    int i;
    handle(SIGUSR1, interrupt_call);
    handle(SIGCHLD, SIG_IGN);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGTERM);
    ZERO(pthread_sigmask(SIG_BLOCK, &some, NULL));
    for (i = 0; i < 2; i++) {
        itnio_client *client, *lost, *silent;
        CHECK(signal(SIGPIPE, i == 0 ? SIG_DFL : SIG_IGN) != SIG_ERR);
        take_down(&before);
        client = client_given();
        unchanged(&before);
        expect(client, "8613000000001", ITNIO_OK);
        unchanged(&before);
        names_answer("");
        lost = client_given();
        expect(lost, "8613000000002", ITNIO_RESOLVE_FAILED);
        unchanged(&before);
        names_answer("127.0.0.1");
        silent = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 300);
        expect(silent, "8613000000003", ITNIO_TIMED_OUT);
        itnio_client_shutdown(client);
        expect(client, "8613000000004", ITNIO_SHUT_DOWN);
        itnio_client_free(silent);
        itnio_client_free(lost);
        itnio_client_free(client);
        unchanged(&before);
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

/* Those that a program may block and handle. */
static int is_ours(int signal_number)
{
    return signal_number != SIGKILL && signal_number != SIGSTOP && signal_number != 32 &&
           signal_number != 33;
}

/* Sends the process every signal while a look-up runs. The thread that waits for it takes them, and
   the library's takes none. */
static void blocked(void)
{
    sigset_t all;
    pthread_t caller;
    int i, sent = 0;
    itnio_client *client = client_given();
    for (i = 1; i <= 64; i++)
        if (is_ours(i))
            handle(i, interrupt_call);
    names_answer(NULL);
    start(&caller, call_by_name, client);
    sigfillset(&all);
    ZERO(pthread_sigmask(SIG_SETMASK, &all, NULL));
    while (names_asking() == 0)
        sleep_ms(1);
    for (i = 1; i <= 64; i++)
        if (is_ours(i)) {
            CHECK(sigismember(&names.blocked, i));
            if (i == SIGCONT) /* the next stop signal would take it back */
                continue;
            CHECK(kill(getpid(), i) == 0);
            sent++;
        }
    sleep_ms(50);
    names_answer("127.0.0.1");
    join(caller);
    itnio_client_free(client);
    if (strays != 0 || interrupts != (counter)sent)
        FAIL("of %d signals %d on a stranger, %lu on ours", sent, (int)strays, interrupts);
    printf("signals=%d strays=%d\n", sent, (int)strays);
}

static itnio_client *silent;
static counter returned, escaped;

/* Waits for an answer that never comes, and is cancelled meanwhile. */
static void *work_cancelled(void *unused)
{
    (void)unused;
    if (place(silent, "8613000000001") == ITNIO_TIMED_OUT)
        add(&returned, 1);
    pthread_testcancel();
    add(&escaped, 1);
    return NULL;
}

/* Cancels threads inside the library: the call returns as ever, and then the thread ends. */
static void cancel(void)
{
    pthread_t threads[2 * THREADS];
    void *end;
    int i;
    silent = client_with(getenv("HOST_SILENT"), NULL, "", 20000, 700 * (uint32_t)slower());
    for (i = 0; i < 2 * THREADS; i++)
        start(&threads[i], work_cancelled, NULL);
    sleep_ms(350 * slower());
    for (i = 0; i < 2 * THREADS; i++)
        ZERO(pthread_cancel(threads[i]));
    for (i = 0; i < 2 * THREADS; i++) {
        ZERO(pthread_join(threads[i], &end));
        CHECK(end == PTHREAD_CANCELED);
    }
    CHECK(escaped == 0);
    itnio_client_free(silent);
    printf("threads=%d returned=%lu lost=%lu\n", 2 * THREADS, returned, 2 * THREADS - returned);
}

/* The system call of the library that a signal interrupts each time, or none. */
static const char *volatile interrupted_call = "";

static int interrupts_call(const char *name)
{
    if (strcmp(interrupted_call, name) != 0)
        return 0;
    errno = EINTR;
    return 1;
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags)
{
    return interrupts_call("send")
               ? -1
               : syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    return interrupts_call("send") ? -1 : syscall(SYS_sendmsg, descriptor, message, flags);
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags)
{
    return interrupts_call("recv")
               ? -1
               : syscall(SYS_recvfrom, descriptor, bytes, count, flags, NULL, NULL);
}

int poll(struct pollfd *events, nfds_t count, int timeout)
{
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    return interrupts_call("poll") ? -1 : ppoll(events, count, timeout < 0 ? NULL : &limit, NULL);
}

static itnio_client *endless;
static itnio_result ended_with;

static void *call_endlessly(void *unused)
{
    char said[256];
    (void)unused;
    ended_with = place_said(endless, "8613000000001", said);
    return NULL;
}

/* Calls, by a connection that has served one, end in time and when the client is shut down, though a
   system call of theirs, the argument, is interrupted for ever. */
static void endlessly(int count, char **arguments)
{
    const double limit = 600 * slower();
    const char *name = arguments[0];
    const int sends = count == 1 && strcmp(name, "send") == 0;
    double began, late = 0;
    int shuts_down;
    CHECK(count == 1);
    for (shuts_down = 0; shuts_down <= 1; shuts_down++) {
        pthread_t caller;
        uint32_t timeout = shuts_down ? 60000 : (uint32_t)limit;
        endless = client_with(url_given(), getenv("HOST_CA"), "", timeout, timeout);
        expect(endless, "8613000000000", ITNIO_OK);
        interrupted_call = name;
        began = now_ms();
        start(&caller, call_endlessly, NULL);
        if (shuts_down) {
            sleep_ms((int)limit);
            itnio_client_shutdown(endless);
        }
        join(caller);
        interrupted_call = "";
        if (now_ms() - began - limit > late)
            late = now_ms() - began - limit;
        if (sends)
            CHECK(ended_with == (shuts_down ? ITNIO_SHUT_DOWN : ITNIO_CONNECT_FAILED));
        else
            CHECK(ended_with == (shuts_down ? ITNIO_CONNECTION_LOST : ITNIO_TIMED_OUT));
        itnio_client_free(endless);
    }
    printf("calls=2 late_ms=%.1f\n", late);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"timer", timer, NULL},
        {"pipes", NULL, pipes},
        {"manners", manners, NULL},
        {"blocked", blocked, NULL},
        {"cancel", cancel, NULL},
        {"endlessly", NULL, endlessly},
    };
    watchdog(100);
    return run_mode(argc, argv, modes, COUNT(modes));
}
