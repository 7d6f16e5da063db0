/*
 * A host that closes descriptors which are not its own, and opens others under the same numbers; one that
 * begins without standard input, output and error. argv: one of the lives at the end of this file.
 */
#include "host.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Those from LIMIT up are the host's own, and of the instrument that this runs under. */
enum { MOST = 64, LIMIT = 100 };

static itnio_client *client;

static int is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0;
}

static int unnamed_file(void)
{
    char path[] = "/tmp/itnio-test-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && unlink(path) == 0);
    return file;
}

/* A call in a thread of its own. */
struct waiting {
    pthread_t thread;
    const char *callee;
    itnio_result result;
    double took_ms;
};

static void *wait_for_answer(void *with)
{
    struct waiting *waiting = with;
    char said[256];
    double began = now_ms();
    waiting->result = place_said(client, waiting->callee, said);
    waiting->took_ms = now_ms() - began;
    return NULL;
}

static void begin(struct waiting *waiting, const char *callee)
{
    waiting->callee = callee;
    start(&waiting->thread, wait_for_answer, waiting);
}

/* Descriptors of the host under numbers that were the library's. */
static struct {
    int number, far; /* a blocking socket, and the other end of it */
    struct stat stat;
} taken[MOST];
static int count_taken;

static void note_number(int descriptor, void *unused)
{
    (void)unused;
    if (descriptor >= 3 && descriptor < LIMIT) {
        CHECK(count_taken < MOST);
        taken[count_taken++].number = descriptor;
    }
}

/* The host's own socket, blocking, in place of whatever has this number. */
static void take(int i)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    taken[i].far = fcntl(pair[1], F_DUPFD, LIMIT);
    CHECK(taken[i].far >= LIMIT && close(pair[1]) == 0);
    if (pair[0] != taken[i].number) {
        CHECK(dup2(pair[0], taken[i].number) == taken[i].number);
        close(pair[0]);
    }
    CHECK(fstat(taken[i].number, &taken[i].stat) == 0);
}

/* As closefrom(3), and then opens as many sockets of its own. */
static void take_all(void)
{
    int i;
    count_taken = 0;
    for_each_descriptor(note_number, NULL);
    for (i = 3; i < LIMIT; i++)
        close(i);
    for (i = 0; i < count_taken; i++)
        take(i);
}

/* Whether the host's socket is as it was: neither closed nor shut down. Gives the bytes that somebody has
   written to it. */
static long untouched(int i)
{
    struct stat stat;
    char bytes[4096], byte;
    long written = 0, some;
    CHECK(fstat(taken[i].number, &stat) == 0);
    CHECK(stat.st_dev == taken[i].stat.st_dev && stat.st_ino == taken[i].stat.st_ino);
    CHECK(!(fcntl(taken[i].number, F_GETFL) & O_NONBLOCK));
    while ((some = recv(taken[i].far, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        written += some;
    CHECK(some < 0 && errno == EAGAIN); /* and not the end */
    CHECK(send(taken[i].far, "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(recv(taken[i].number, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x');
    return written;
}

static long all_untouched(void)
{
    long written = 0;
    int i;
    for (i = 0; i < count_taken; i++)
        written += untouched(i);
    return written;
}

/* While a call waits; its answer begins later. */
static void waiting(void)
{
    const double limit = 1500 * slower();
    struct waiting call;
    client = client_with(url_given(), getenv("HOST_CA"), "", (uint32_t)limit, (uint32_t)limit);
    begin(&call, "8600000000001");
    sleep_ms(400 * slower());
    take_all();
    join(call.thread);
    CHECK(call.result == ITNIO_TIMED_OUT || call.result == ITNIO_CONNECTION_LOST);
    CHECK(call.took_ms < limit + 1000 * slower());
    CHECK(all_untouched() == 0);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    CHECK(all_untouched() == 0);
    printf("descriptors=%d result=%d took_ms=%.0f bytes_written=0\n", count_taken,
           (int)call.result, call.took_ms);
}

/* So many calls at once, and so many connections after that. */
static void connect_some(void)
{
    enum { CONNECTIONS = 4 };
    struct waiting calls[CONNECTIONS];
    static const char *callees[] = {"8600000000001", "8600000000002", "8600000000003",
                                    "8600000000004"};
    int i, before = descriptors();
    for (i = 0; i < CONNECTIONS; i++)
        begin(&calls[i], callees[i]);
    for (i = 0; i < CONNECTIONS; i++) {
        join(calls[i].thread);
        CHECK(calls[i].result == ITNIO_OK);
    }
    CHECK(descriptors() > before);
}

/* While connections are kept: the client ends, unused. */
static void kept(void)
{
    client = client_given();
    connect_some();
    take_all();
    itnio_client_shutdown(client);
    CHECK(all_untouched() == 0);
    itnio_client_free(client);
    CHECK(all_untouched() == 0);
    printf("descriptors=%d bytes_written=0\n", count_taken);
}

/* While connections are kept: the client is used on. What a host's socket is taken for gets a request;
   nothing else happens to it, and the call ends in time. */
static void kept_and_used(void)
{
    const double limit = 1500 * slower();
    struct waiting call;
    long written;
    int i, used = 0;
    client = client_with(url_given(), getenv("HOST_CA"), "", (uint32_t)limit, (uint32_t)limit);
    connect_some();
    take_all();
    begin(&call, "8600000000005");
    join(call.thread);
    CHECK(call.result == ITNIO_TIMED_OUT);
    CHECK(call.took_ms < limit + 1000 * slower());
    for (i = 0; i < count_taken; i++) {
        written = untouched(i);
        used += written > 0;
    }
    CHECK(used == 1);
    itnio_client_free(client);
    CHECK(all_untouched() == 0);
    printf("descriptors=%d used=%d took_ms=%.0f\n", count_taken, used, call.took_ms);
}

/* While connections are kept, by sockets with something to read for the host: that stays there. */
static void kept_with_data(void)
{
    char bytes[8];
    int i;
    client = client_given();
    connect_some();
    take_all();
    for (i = 0; i < count_taken; i++)
        CHECK(send(taken[i].far, "host", 4, MSG_NOSIGNAL) == 4);
    expect(client, "8600000000005", ITNIO_OK);
    itnio_client_free(client);
    for (i = 0; i < count_taken; i++)
        CHECK(recv(taken[i].number, bytes, sizeof bytes, MSG_DONTWAIT) == 4 &&
              memcmp(bytes, "host", 4) == 0);
    CHECK(all_untouched() == 0);
    printf("descriptors=%d bytes_read=0 bytes_written=0\n", count_taken);
}

/* While connections are kept, by files: they are no connections, and the call makes a new one. */
static void kept_files(void)
{
    struct stat stat;
    int i, file, there = 0;
    client = client_given();
    connect_some();
    count_taken = 0;
    for_each_descriptor(note_number, NULL);
    file = unnamed_file();
    CHECK(write(file, "host", 4) == 4 && lseek(file, 0, SEEK_SET) == 0);
    for (i = 0; i < count_taken; i++)
        if (taken[i].number != file)
            CHECK(dup2(file, taken[i].number) == taken[i].number);
    expect(client, "8600000000005", ITNIO_OK);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    for (i = 0; i < count_taken; i++)
        there += is_open(taken[i].number);
    CHECK(there == count_taken);
    CHECK(fstat(file, &stat) == 0 && stat.st_size == 4);
    CHECK(lseek(file, 0, SEEK_CUR) == 0); /* nothing was read from it */
    printf("descriptors=%d bytes_written=0 bytes_read=0\n", count_taken);
}

/* Closes the descriptors below `end`. This host's own output goes on through copies. */
static void close_below(int end)
{
    int i, output = fcntl(1, F_DUPFD, LIMIT), errors = fcntl(2, F_DUPFD, LIMIT);
    CHECK(output >= LIMIT && errors >= LIMIT);
    for (i = 0; i < end; i++)
        close(i);
    stdout = fdopen(output, "w");
    stderr = fdopen(errors, "w");
    CHECK(stdout != NULL && stderr != NULL);
}

/* Processor time of a call whose answer takes a second. */
static double waiting_call_ms(void)
{
    double used = processor_ms();
    expect(client, "8600009000000", ITNIO_OK);
    return processor_ms() - used;
}

/* Descriptors 0, 1 and 2 are still the host's, and the library has written nothing to `file`. */
static void end_standard(int calls, double used, int file)
{
    struct stat stat;
    itnio_client_shutdown(client);
    itnio_client_free(client);
    CHECK(is_open(0) && is_open(1) && is_open(2));
    CHECK(fstat(file, &stat) == 0 && stat.st_size == 0);
    printf("calls=%d wait_processor_ms=%.1f bytes_written=0\n", calls, used);
    fclose(stdout);
    fclose(stderr);
}

/* Begins without standard input, output and error, and gives itself some later, as daemons do. */
static void standard(void)
{
    int i;
    close_below(3);
    client = client_given();
    expect(client, "8600000000001", ITNIO_OK);
    for (i = 0; i < 3; i++)
        if (is_open(i))
            FAIL("the library has descriptor %d", i);
    CHECK(open("/dev/null", O_RDWR) == 0);
    CHECK(unnamed_file() == 1);
    CHECK(dup2(1, 2) == 2);
    expect(client, "8600000000002", ITNIO_OK);
    end_standard(3, waiting_call_ms(), 1);
}

/* The same with the daemon's descriptors put over whatever is there. */
static void standard_replaced(void)
{
    int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, LIMIT);
    int file = fcntl(unnamed_file(), F_DUPFD, LIMIT);
    CHECK(null >= LIMIT && file >= LIMIT);
    close_below(LIMIT);
    client = client_given();
    expect(client, "8600000000001", ITNIO_OK);
    CHECK(dup2(null, 0) == 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2);
    end_standard(2, waiting_call_ms(), file);
}

static int newest = -1;

static void note_newest(int descriptor, void *before)
{
    int *known = before;
    if (descriptor < LIMIT && !known[descriptor])
        newest = descriptor;
}

static void note_known(int descriptor, void *before)
{
    int *known = before;
    if (descriptor < LIMIT)
        known[descriptor] = 1;
}

/* The descriptor that a client wakes its calls by is closed, or replaced by one of the host's, as the
   argument says. */
static void event(int count, char **arguments)
{
    static int known[LIMIT];
    const char *by = arguments[0];
    struct waiting call;
    double used, began, took;
    uint64_t value = 0;
    int own = -1, far = -1, pipes[2];
    CHECK(count == 1);
    for_each_descriptor(note_known, known);
    client = client_given();
    for_each_descriptor(note_newest, known);
    CHECK(newest >= 3);
    expect(client, "8600000000001", ITNIO_OK);
    if (strcmp(by, "readable") == 0) {
        CHECK(pipe(pipes) == 0 && write(pipes[1], "x", 1) == 1);
        own = pipes[0];
    } else if (strcmp(by, "ended") == 0) {
        CHECK(pipe(pipes) == 0 && close(pipes[1]) == 0);
        own = pipes[0];
    } else if (strcmp(by, "eventfd") == 0) {
        own = eventfd(0, EFD_NONBLOCK);
    } else if (strcmp(by, "quiet") == 0) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pipes) == 0);
        own = pipes[0];
        far = pipes[1];
    } else {
        CHECK(strcmp(by, "closed") == 0);
    }
    if (own >= 0)
        CHECK(dup2(own, newest) == newest && close(own) == 0);
    else
        CHECK(close(newest) == 0);
    used = waiting_call_ms();
    begin(&call, "8600009000001"); /* and this one never comes */
    sleep_ms(300 * slower());
    began = now_ms();
    itnio_client_shutdown(client);
    join(call.thread);
    took = now_ms() - began;
    CHECK(call.result == ITNIO_CONNECTION_LOST);
    itnio_client_free(client);
    if (own >= 0)
        CHECK(is_open(newest));
    if (strcmp(by, "eventfd") == 0)
        CHECK(read(newest, &value, sizeof value) < 0 && errno == EAGAIN);
    if (far >= 0)
        CHECK(recv(far, &value, sizeof value, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    printf("calls=3 wait_processor_ms=%.1f shutdown_ms=%.1f\n", used, took);
}

static void note_stream(int descriptor, void *found)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    if (getpeername(descriptor, (struct sockaddr *)&peer, &length) == 0 &&
        peer.sin_family == AF_INET)
        *(int *)found = descriptor;
}

/* A socket that is always ready, and of which nothing can ever be read: an error waits in its queue. */
static int restless_socket(void)
{
    struct sockaddr_in nowhere = {0};
    socklen_t length = sizeof nowhere;
    int one = 1, error = 0, closed, restless;
    closed = socket(AF_INET, SOCK_DGRAM, 0);
    nowhere.sin_family = AF_INET;
    nowhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(closed, (struct sockaddr *)&nowhere, sizeof nowhere) == 0);
    CHECK(getsockname(closed, (struct sockaddr *)&nowhere, &length) == 0 && close(closed) == 0);
    restless = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(setsockopt(restless, IPPROTO_IP, IP_RECVERR, &one, sizeof one) == 0);
    CHECK(connect(restless, (struct sockaddr *)&nowhere, sizeof nowhere) == 0);
    CHECK(send(restless, "x", 1, 0) == 1);
    length = sizeof error;
    while (error == 0)
        CHECK(getsockopt(restless, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    CHECK(recv(restless, &one, 1, 0) < 0 && errno == EAGAIN);
    return restless;
}

/* A call's socket becomes one that is always ready and never gives anything. */
static void restless(void)
{
    const double limit = 2000 * slower();
    struct waiting call;
    int stream = -1, own = restless_socket();
    double used;
    client = client_with(url_given(), NULL, "", (uint32_t)limit, (uint32_t)limit);
    begin(&call, "8600000000001");
    sleep_ms(400 * slower());
    for_each_descriptor(note_stream, &stream);
    if (stream == own)
        FAIL("no connection");
    used = processor_ms();
    CHECK(stream >= 3 && dup2(own, stream) == stream);
    join(call.thread);
    used = processor_ms() - used;
    CHECK(call.result == ITNIO_TIMED_OUT);
    CHECK(call.took_ms < limit + 1000 * slower());
    itnio_client_free(client);
    CHECK(is_open(stream));
    printf("calls=1 took_ms=%.0f wait_processor_ms=%.1f\n", call.took_ms, used);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"waiting", waiting, NULL},
        {"kept", kept, NULL},
        {"kept-and-used", kept_and_used, NULL},
        {"kept-with-data", kept_with_data, NULL},
        {"kept-files", kept_files, NULL},
        {"standard", standard, NULL},
        {"standard-replaced", standard_replaced, NULL},
        {"event", NULL, event},
        {"restless", restless, NULL},
    };
    watchdog(20);
    return run_mode(argc, argv, modes, COUNT(modes));
}
