/*
 * A host that closes the library's descriptors and opens its own under the same numbers; and one that starts
 * without standard input, output and error. argv: one of the modes at the end of this file.
 */
#include "host.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Descriptors from LIMIT up are the host's own, or those of the instrument. */
enum { MAX_REPLACED = 64, LIMIT = 100 };

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

static void *place_waiting(void *with)
{
    struct waiting *waiting = with;
    double began = now_ms();
    waiting->result = place(client, waiting->callee);
    waiting->took_ms = now_ms() - began;
    return NULL;
}

static void begin(struct waiting *waiting, const char *callee)
{
    waiting->callee = callee;
    start(&waiting->thread, place_waiting, waiting);
}

/* The host's sockets, under numbers that were the library's. */
static struct {
    int number, peer; /* a blocking socket, and the other end of the pair */
    struct stat stat;
} replaced[MAX_REPLACED];
static int count_replaced;

static void note_number(int descriptor, void *unused)
{
    (void)unused;
    if (descriptor >= 3 && descriptor < LIMIT) {
        CHECK(count_replaced < MAX_REPLACED);
        replaced[count_replaced++].number = descriptor;
    }
}

/* Puts a blocking socket of the host under this number. */
static void replace(int i)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    replaced[i].peer = fcntl(pair[1], F_DUPFD, LIMIT);
    CHECK(replaced[i].peer >= LIMIT && close(pair[1]) == 0);
    if (pair[0] != replaced[i].number) {
        CHECK(dup2(pair[0], replaced[i].number) == replaced[i].number);
        close(pair[0]);
    }
    CHECK(fstat(replaced[i].number, &replaced[i].stat) == 0);
}

/* Does what closefrom(3) does, and then opens a socket under each of the numbers. */
static void replace_all(void)
{
    int i;
    count_replaced = 0;
    for_each_descriptor(note_number, NULL);
    for (i = 3; i < LIMIT; i++)
        close(i);
    for (i = 0; i < count_replaced; i++)
        replace(i);
}

/* Checks that the host's socket is neither closed, nor shut down, nor changed. Returns the number of bytes
   that the library has written to it. */
static long check_untouched(int i)
{
    struct stat stat;
    char bytes[4096], byte;
    long written = 0, some;
    CHECK(fstat(replaced[i].number, &stat) == 0);
    CHECK(stat.st_dev == replaced[i].stat.st_dev && stat.st_ino == replaced[i].stat.st_ino);
    CHECK(!(fcntl(replaced[i].number, F_GETFL) & O_NONBLOCK));
    while ((some = recv(replaced[i].peer, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        written += some;
    CHECK(some < 0 && errno == EAGAIN); /* and not EOF */
    CHECK(send(replaced[i].peer, "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(recv(replaced[i].number, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x');
    return written;
}

static long check_all_untouched(void)
{
    long written = 0;
    int i;
    for (i = 0; i < count_replaced; i++)
        written += check_untouched(i);
    return written;
}

/* Replaces the descriptors while a call waits for the beginning of its response. */
static void replace_while_waiting(void)
{
    const double limit = 1500 * slowdown();
    struct waiting call;
    client = client_with(url_from_env(), getenv("HOST_CA"), "", (uint32_t)limit, (uint32_t)limit);
    begin(&call, "8600000000001");
    sleep_ms(400 * slowdown());
    replace_all();
    join(call.thread);
    CHECK(call.result == ITNIO_TIMED_OUT || call.result == ITNIO_CONNECTION_LOST);
    CHECK(call.took_ms < limit + 1000 * slowdown());
    CHECK(check_all_untouched() == 0);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    CHECK(check_all_untouched() == 0);
    printf("descriptors=%d result=%d took_ms=%.0f bytes_written=0\n", count_replaced,
           (int)call.result, call.took_ms);
}

/* Places calls at once, so that the pool has several idle connections after that. */
static void make_idle_connections(void)
{
    enum { CONNECTIONS = 4 };
    struct waiting calls[CONNECTIONS];
    static const char *callees[] = {"8600000000001", "8600000000002", "8600000000003",
                                    "8600000000004"};
    int i, before = count_descriptors();
    for (i = 0; i < CONNECTIONS; i++)
        begin(&calls[i], callees[i]);
    for (i = 0; i < CONNECTIONS; i++) {
        join(calls[i].thread);
        CHECK(calls[i].result == ITNIO_OK);
    }
    CHECK(count_descriptors() > before);
}

/* Replaces idle connections; then the client is freed. */
static void replace_idle(void)
{
    client = client_from_env();
    make_idle_connections();
    replace_all();
    itnio_client_shutdown(client);
    CHECK(check_all_untouched() == 0);
    itnio_client_free(client);
    CHECK(check_all_untouched() == 0);
    printf("descriptors=%d bytes_written=0\n", count_replaced);
}

/* Replaces idle connections; then the client is used. One of the host's sockets gets the request. Nothing
   else happens to the sockets, and the call ends in time. */
static void replace_idle_then_call(void)
{
    const double limit = 1500 * slowdown();
    struct waiting call;
    long written;
    int i, used = 0;
    client = client_with(url_from_env(), getenv("HOST_CA"), "", (uint32_t)limit, (uint32_t)limit);
    make_idle_connections();
    replace_all();
    begin(&call, "8600000000005");
    join(call.thread);
    CHECK(call.result == ITNIO_TIMED_OUT);
    CHECK(call.took_ms < limit + 1000 * slowdown());
    for (i = 0; i < count_replaced; i++) {
        written = check_untouched(i);
        used += written > 0;
    }
    CHECK(used == 1);
    itnio_client_free(client);
    CHECK(check_all_untouched() == 0);
    printf("descriptors=%d used=%d took_ms=%.0f\n", count_replaced, used, call.took_ms);
}

/* Replaces idle connections by sockets with data for the host, which the library must not read. */
static void replace_idle_with_data(void)
{
    char bytes[8];
    int i;
    client = client_from_env();
    make_idle_connections();
    replace_all();
    for (i = 0; i < count_replaced; i++)
        CHECK(send(replaced[i].peer, "host", 4, MSG_NOSIGNAL) == 4);
    expect(client, "8600000000005", ITNIO_OK);
    itnio_client_free(client);
    for (i = 0; i < count_replaced; i++)
        CHECK(recv(replaced[i].number, bytes, sizeof bytes, MSG_DONTWAIT) == 4 &&
              memcmp(bytes, "host", 4) == 0);
    CHECK(check_all_untouched() == 0);
    printf("descriptors=%d bytes_read=0 bytes_written=0\n", count_replaced);
}

/* Replaces idle connections by files. The library sees that and makes a new connection. */
static void replace_idle_by_files(void)
{
    struct stat stat;
    int i, file, still_open = 0;
    client = client_from_env();
    make_idle_connections();
    count_replaced = 0;
    for_each_descriptor(note_number, NULL);
    file = unnamed_file();
    CHECK(write(file, "host", 4) == 4 && lseek(file, 0, SEEK_SET) == 0);
    for (i = 0; i < count_replaced; i++)
        if (replaced[i].number != file)
            CHECK(dup2(file, replaced[i].number) == replaced[i].number);
    expect(client, "8600000000005", ITNIO_OK);
    itnio_client_shutdown(client);
    itnio_client_free(client);
    for (i = 0; i < count_replaced; i++)
        still_open += is_open(replaced[i].number);
    CHECK(still_open == count_replaced);
    CHECK(fstat(file, &stat) == 0 && stat.st_size == 4);
    CHECK(lseek(file, 0, SEEK_CUR) == 0); /* nothing was read from it */
    printf("descriptors=%d bytes_written=0 bytes_read=0\n", count_replaced);
}

/* Closes the descriptors below `end`. The host's own output goes to copies of 1 and 2. */
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

/* Processor time of a call whose response comes after a second. */
static double waiting_call_ms(void)
{
    double used = processor_ms();
    expect(client, "8600009000000", ITNIO_OK);
    return processor_ms() - used;
}

/* Checks that descriptors 0, 1 and 2 are still the host's, and that nothing was written to `file`. */
static void check_standard(int calls, double used, int file)
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

/* Starts without standard input, output and error, and opens them later, as daemons do. */
static void standard_opened_later(void)
{
    int i;
    close_below(3);
    client = client_from_env();
    expect(client, "8600000000001", ITNIO_OK);
    for (i = 0; i < 3; i++)
        if (is_open(i))
            FAIL("the library has descriptor %d", i);
    CHECK(open("/dev/null", O_RDWR) == 0);
    CHECK(unnamed_file() == 1);
    CHECK(dup2(1, 2) == 2);
    expect(client, "8600000000002", ITNIO_OK);
    check_standard(3, waiting_call_ms(), 1);
}

/* The same, with dup2() on top of whatever has the numbers 0, 1 and 2. */
static void standard_replaced(void)
{
    int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, LIMIT);
    int file = fcntl(unnamed_file(), F_DUPFD, LIMIT);
    CHECK(null >= LIMIT && file >= LIMIT);
    close_below(LIMIT);
    client = client_from_env();
    expect(client, "8600000000001", ITNIO_OK);
    CHECK(dup2(null, 0) == 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2);
    check_standard(2, waiting_call_ms(), file);
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

/* Closes or replaces the descriptor by which the client wakes its calls. The argument: what replaces it. */
static void replace_event(int count, char **arguments)
{
    static int known[LIMIT];
    const char *replacement = arguments[0];
    struct waiting call;
    double used, began, took;
    uint64_t value = 0;
    int own = -1, peer = -1, pair[2];
    CHECK(count == 1);
    for_each_descriptor(note_known, known);
    client = client_from_env();
    for_each_descriptor(note_newest, known);
    CHECK(newest >= 3);
    expect(client, "8600000000001", ITNIO_OK);
    if (strcmp(replacement, "readable") == 0) {
        CHECK(pipe(pair) == 0 && write(pair[1], "x", 1) == 1);
        own = pair[0];
    } else if (strcmp(replacement, "ended") == 0) {
        CHECK(pipe(pair) == 0 && close(pair[1]) == 0);
        own = pair[0];
    } else if (strcmp(replacement, "eventfd") == 0) {
        own = eventfd(0, EFD_NONBLOCK);
    } else if (strcmp(replacement, "no-data") == 0) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        own = pair[0];
        peer = pair[1];
    } else {
        CHECK(strcmp(replacement, "closed") == 0);
    }
    if (own >= 0)
        CHECK(dup2(own, newest) == newest && close(own) == 0);
    else
        CHECK(close(newest) == 0);
    used = waiting_call_ms();
    begin(&call, "8600009000001"); /* the gateway sends no response */
    sleep_ms(300 * slowdown());
    began = now_ms();
    itnio_client_shutdown(client);
    join(call.thread);
    took = now_ms() - began;
    CHECK(call.result == ITNIO_CONNECTION_LOST);
    itnio_client_free(client);
    if (own >= 0)
        CHECK(is_open(newest));
    if (strcmp(replacement, "eventfd") == 0)
        CHECK(read(newest, &value, sizeof value) < 0 && errno == EAGAIN);
    if (peer >= 0)
        CHECK(recv(peer, &value, sizeof value, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    printf("calls=3 wait_processor_ms=%.1f shutdown_ms=%.1f\n", used, took);
}

/* Finds the connection to the gateway. */
static void note_stream(int descriptor, void *found)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    if (getpeername(descriptor, (struct sockaddr *)&peer, &length) == 0 &&
        peer.sin_family == AF_INET)
        *(int *)found = descriptor;
}

/* A socket that poll() always reports, and that never has data: its error queue is not empty. */
static int always_ready_socket(void)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    int one = 1, error = 0, closed, socket_with_error;
    closed = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(closed, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(getsockname(closed, (struct sockaddr *)&address, &length) == 0 && close(closed) == 0);
    socket_with_error = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(setsockopt(socket_with_error, IPPROTO_IP, IP_RECVERR, &one, sizeof one) == 0);
    CHECK(connect(socket_with_error, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(send(socket_with_error, "x", 1, 0) == 1);
    length = sizeof error;
    while (error == 0)
        CHECK(getsockopt(socket_with_error, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    CHECK(recv(socket_with_error, &one, 1, 0) < 0 && errno == EAGAIN);
    return socket_with_error;
}

/* Replaces a call's connection by a socket that is always ready and never has data. */
static void replace_by_always_ready(void)
{
    const double limit = 2000 * slowdown();
    struct waiting call;
    int stream = -1, own = always_ready_socket();
    double used;
    client = client_with(url_from_env(), NULL, "", (uint32_t)limit, (uint32_t)limit);
    begin(&call, "8600000000001");
    sleep_ms(400 * slowdown());
    for_each_descriptor(note_stream, &stream);
    if (stream == own)
        FAIL("no connection");
    used = processor_ms();
    CHECK(stream >= 3 && dup2(own, stream) == stream);
    join(call.thread);
    used = processor_ms() - used;
    CHECK(call.result == ITNIO_TIMED_OUT);
    CHECK(call.took_ms < limit + 1000 * slowdown());
    itnio_client_free(client);
    CHECK(is_open(stream));
    printf("calls=1 took_ms=%.0f wait_processor_ms=%.1f\n", call.took_ms, used);
}

int main(int argc, char **argv)
{
    static const struct host_mode modes[] = {
        {"waiting", replace_while_waiting, NULL},
        {"idle", replace_idle, NULL},
        {"idle-then-call", replace_idle_then_call, NULL},
        {"idle-with-data", replace_idle_with_data, NULL},
        {"idle-by-files", replace_idle_by_files, NULL},
        {"standard-opened-later", standard_opened_later, NULL},
        {"standard-replaced", standard_replaced, NULL},
        {"event", NULL, replace_event},
        {"always-ready", replace_by_always_ready, NULL},
    };
    watchdog(20);
    return run_mode(argc, argv, modes, COUNT(modes));
}
