/*
 * Searches memory for the secret. argv: its length, or the first and the last of many lengths. The host makes
 * up a secret, passes it to the library, wipes its own copy, and later searches all of its memory for any
 * eight bytes of it.
 *
 * The gateway at HOST_URL accepts calls, that at HOST_REFUSED refuses them, and that at HOST_SILENT sends no
 * response. At HOST_CLOSED there is none.
 */
#include "host.h"

#include <dlfcn.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* MIN_SEARCHED: anything shorter may be in memory by accident. */
enum { PART = 8, MIN_SEARCHED = 6, CHUNK = 1 << 20, MAX_LENGTH = 4096, MASK = 0x5a, THREADS = 3 };

/* The secret, each byte XOR MASK, so that the search does not find it here. */
static unsigned char masked[MAX_LENGTH];
static size_t length;
/* How much of it is searched for. */
static size_t part_length;
/* By two unmasked bytes: whether a part of it begins with them. */
static char beginnings[256][256];

static void make_secret(size_t of_length)
{
    static unsigned long long state = 0x9e3779b97f4a7c15u;
    size_t i;
    length = of_length;
    part_length = length < PART ? length : PART;
    memset(beginnings, 0, sizeof beginnings);
    state ^= (unsigned long long)getpid() << 32 ^ (unsigned long long)now_ms();
    for (i = 0; i < length; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        masked[i] = (unsigned char)(('A' + (state >> 33) % 26 + (state >> 60) % 2 * 32) ^ MASK);
    }
    for (i = 0; i + 1 < length && i + part_length <= length; i++)
        beginnings[masked[i] ^ MASK][masked[i + 1] ^ MASK] = 1;
}

/* An unmasked copy, to be wiped; with `last` at its end, unless that is 0. */
static char *unmasked(char last)
{
    char *secret = malloc(length + 2);
    size_t i;
    CHECK(secret != NULL);
    for (i = 0; i < length; i++)
        secret[i] = (char)(masked[i] ^ MASK);
    secret[length] = last;
    secret[length + 1] = 0;
    return secret;
}

static void wipe(char *secret)
{
    explicit_bzero(secret, length);
    free(secret);
}

static int is_letter(unsigned char byte)
{
    return (byte | 32) >= 'a' && (byte | 32) <= 'z';
}

/* The number of the part of the secret at `bytes`, from 1; or 0. */
static size_t part_at(const unsigned char *bytes)
{
    size_t i, j;
    if (!beginnings[bytes[0]][bytes[1]])
        return 0;
    for (i = 0; i + part_length <= length; i++) {
        for (j = 0; j < part_length && (bytes[j] ^ MASK) == masked[i + j]; j++)
            ;
        if (j == part_length)
            return i + 1;
    }
    return 0;
}

/* Leaves out pages at the beginning and at the end that were never written to. */
static void trim(int pages, unsigned long *from, unsigned long *to)
{
    enum { SWAPPED = 62 }; /* and present: the next bit */
    unsigned long long entries[CHUNK / 4096 + 2];
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
    size_t count = (*to - *from + page - 1) / page, first = 0;
    CHECK(count <= sizeof entries / sizeof *entries);
    if (pread(pages, entries, count * sizeof *entries, (off_t)(*from / page * sizeof *entries)) !=
        (ssize_t)(count * sizeof *entries))
        return;
    while (first < count && (entries[first] >> SWAPPED & 3) == 0)
        first++;
    *from += first * page;
    for (; count > first && (entries[count - 1] >> SWAPPED & 3) == 0; count--)
        *to = *from + (count - 1 - first) * page;
    if (*to < *from)
        *to = *from;
}

/* Which memory is searched. */
enum where { READABLE, WRITABLE };

/* How many copies of the secret, or of parts of it, there are in this process. Prints where, if asked to. */
static int copies(enum where where, int print)
{
    static unsigned char *buffer;
    char line[512];
    int count = 0, memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "r");
    if (buffer == NULL)
        buffer = mmap(NULL, CHUNK + PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory >= 0 && maps != NULL && buffer != MAP_FAILED);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to, at;
        char readable, writable;
        CHECK(sscanf(line, "%lx-%lx %c%c", &from, &to, &readable, &writable) == 4);
        if (readable != 'r' || (where == WRITABLE && writable != 'w') || strstr(line, "[v") != NULL)
            continue;
        for (at = from; at < to; at += CHUNK) {
            unsigned long begin = at, end = to - at < CHUNK + PART ? to : at + CHUNK + PART;
            size_t i, last = 0;
            ssize_t got;
            if ((unsigned char *)at <= buffer && buffer < (unsigned char *)to)
                break; /* the buffer of the search itself */
            trim(pages, &begin, &end);
            got = pread(memory, buffer, end - begin, (off_t)begin);
            for (i = 0; got > 0 && i + part_length <= (size_t)got && begin + i < at + CHUNK; i++) {
                size_t part;
                if (!is_letter(buffer[i + part_length - 1])) {
                    i += part_length - 1; /* no part has such a byte */
                    last = 0;
                    continue;
                }
                part = part_at(buffer + i);
                if (part != 0 && (last == 0 || part != last + 1)) {
                    count++;
                    if (print)
                        fprintf(stderr, "part %zu at %lx of %s", part, begin + i - from, line);
                }
                last = part;
            }
        }
        explicit_bzero(buffer, CHUNK + PART);
    }
    fclose(maps);
    close(memory);
    close(pages);
    return count;
}

/* Fails if there is any copy. */
static void check_no_copy_in(enum where where, const char *when)
{
    if (copies(where, 1) != 0)
        FAIL("the secret, of %zu bytes, is in memory %s", length, when);
}

static void check_no_copy(const char *when)
{
    check_no_copy_in(READABLE, when);
}

/* What each function of the library left in vector registers and on the stack, saved for the search. */
enum call { NEW, NEW_REFUSED, SEND, SEND_CLOSED, FREE, CALLS };
enum { BELOW = 16 << 10 };
#ifdef __x86_64__
static unsigned char registers[CALLS][BELOW] __attribute__((aligned(64)));
#endif
static unsigned char stacks[CALLS][BELOW];

__attribute__((noinline)) static void save_remains(enum call of)
{
    const volatile unsigned char *here = __builtin_frame_address(0);
    size_t i;
#ifdef __x86_64__
    static unsigned size;
    unsigned a, b, c, d;
    if (size == 0) {
        CHECK(__get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) != 0);
        CHECK(__get_cpuid_count(13, 0, &a, &b, &c, &d) && b <= sizeof registers[of]);
        size = b;
    }
    __asm__ volatile("xsave64 (%0)" : : "r"(registers[of]), "a"(-1), "d"(-1) : "memory");
#endif
    for (i = 1; i <= BELOW; i++)
        stacks[of][BELOW - i] = here[-(ptrdiff_t)i];
}

/* With `last` at the end of the secret, unless that is 0. */
static itnio_result new_client_with(char last, const char *url, const char *ca, uint32_t timeout_ms,
                                    itnio_client **client)
{
    itnio_config config = config_with(url, ca, "", 0, timeout_ms);
    itnio_result result;
    char *secret = unmasked(last);
    config.api_secret = secret;
    result = itnio_client_new(&config, client, NULL);
    save_remains(last == 0 ? NEW : NEW_REFUSED);
    wipe(secret);
    return result;
}

static itnio_result new_client(const char *url, const char *ca, uint32_t timeout_ms,
                               itnio_client **client)
{
    return new_client_with(0, url, ca, timeout_ms, client);
}

static itnio_client *client;
static pthread_barrier_t called, searched;
static counter calls;

static void call(itnio_result expected)
{
    static counter number;
    char callee[16];
    expect(client, callee_of(callee, 1, (unsigned)add(&number, 1)), expected);
    add(&calls, 1);
}

static void *call_and_wait(void *unused)
{
    int i;
    (void)unused;
    for (i = 0; i < 3; i++)
        call(ITNIO_OK);
    pthread_barrier_wait(&called);
    pthread_barrier_wait(&searched);
    return NULL;
}

static int searches, most_copies;

/* Searches before and after `client` is freed. */
static void search_and_free(const char *when)
{
    int before = copies(READABLE, 0);
    CHECK(before > 0); /* the search works */
    if (before > most_copies)
        most_copies = before;
    itnio_client_free(client);
    check_no_copy(when);
    searches++;
}

static void use(const char *name, itnio_result expected, uint32_t timeout_ms, int times)
{
    CHECK(new_client(getenv(name), getenv("HOST_CA"), timeout_ms, &client) == ITNIO_OK);
    while (times-- > 0)
        call(expected);
    search_and_free(name);
}

/* Like call(), and saves the remains. */
static void send(const char *callee, itnio_result expected)
{
    itnio_sip_request request = request_to(callee);
    itnio_result result;
    result = itnio_send_sip(client, &request, NULL, NULL, NULL);
    save_remains(expected == ITNIO_CONNECT_FAILED ? SEND_CLOSED : SEND);
    CHECK(result == expected);
    add(&calls, 1);
}

/* Makes, uses and frees clients with the secret. The last one is not freed. */
static void use_clients(int number)
{
    const char *url = getenv("HOST_URL"), *ca = getenv("HOST_CA");
    char callee[16];
    CHECK(new_client_with('\xff', url, ca, 0, &client) == ITNIO_INVALID_ARGUMENT);
    CHECK(new_client_with('\x01', url, ca, 0, &client) == ITNIO_INVALID_ARGUMENT);
    CHECK(new_client("http://example.com", ca, 0, &client) == ITNIO_INVALID_ARGUMENT);
    CHECK(new_client(getenv("HOST_CLOSED"), ca, 20000, &client) == ITNIO_OK);
    send("8610000000000", ITNIO_CONNECT_FAILED);
    itnio_client_free(client);
    if (number % 2 == 0)
        url = getenv("HOST_REFUSED");
    CHECK(new_client(url, ca, 20000, &client) == ITNIO_OK);
    send(callee_of(callee, 1, (unsigned)number), number % 2 == 0 ? ITNIO_REJECTED : ITNIO_OK);
}

static void *use_clients_often(void *times)
{
    int number;
    for (number = 0; number < *(int *)times; number++) {
        pthread_barrier_wait(&called);
        use_clients(number);
        pthread_barrier_wait(&called);
        pthread_barrier_wait(&searched);
        itnio_client_free(client);
        save_remains(FREE);
        pthread_barrier_wait(&searched);
    }
    return NULL;
}

/* The offset of a function in its library: it shows which of several variants is in use. */
static long offset_of(const char *function)
{
    void *address = dlsym(RTLD_DEFAULT, function);
    Dl_info info;
    CHECK(address != NULL && dladdr(address, &info) != 0);
    return (long)((char *)address - (char *)info.dli_fbase);
}

static void sweep(size_t first, size_t last)
{
    int times = (int)(last - first + 1), number;
    pthread_t thread;
    ZERO(pthread_barrier_init(&called, NULL, 2));
    ZERO(pthread_barrier_init(&searched, NULL, 2));
    start(&thread, use_clients_often, &times);
    for (number = 0; number < times; number++) {
        make_secret(first + (size_t)number);
        pthread_barrier_wait(&called);
        pthread_barrier_wait(&called);
        if (length >= MIN_SEARCHED && number % 25 == 0)
            CHECK(copies(WRITABLE, 0) > 0); /* the search works */
        pthread_barrier_wait(&searched);
        pthread_barrier_wait(&searched);
        if (length >= MIN_SEARCHED) {
            check_no_copy_in(number + 1 < times ? WRITABLE : READABLE, "after it was freed");
            searches++;
        }
    }
    join(thread);
    printf("lengths=%d calls=%lu searches=%d copies_left=0 memcpy=%ld strlen=%ld\n", times, calls,
           searches, offset_of("memcpy"), offset_of("strlen"));
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct rlimit files, few;
    pid_t forked;
    int i;
    watchdog(100);
    CHECK(argc == 2 || argc == 3);
    if (argc == 3) {
        sweep((size_t)atoi(argv[1]), (size_t)atoi(argv[2]));
        return 0;
    }
    make_secret((size_t)atoi(argv[1]));
    check_no_copy("before the first client");

    use("HOST_URL", ITNIO_OK, 20000, 0);
    use("HOST_URL", ITNIO_OK, 20000, 5);
    use("HOST_REFUSED", ITNIO_REJECTED, 20000, 3);
    use("HOST_CLOSED", ITNIO_CONNECT_FAILED, 20000, 3);
    use("HOST_SILENT", ITNIO_TIMED_OUT, 500, 2);

    /* On the stacks of threads that have not ended yet. */
    CHECK(new_client(getenv("HOST_URL"), getenv("HOST_CA"), 20000, &client) == ITNIO_OK);
    ZERO(pthread_barrier_init(&called, NULL, THREADS + 1));
    ZERO(pthread_barrier_init(&searched, NULL, THREADS + 1));
    for (i = 0; i < THREADS; i++)
        start(&threads[i], call_and_wait, NULL);
    pthread_barrier_wait(&called);
    search_and_free("on a thread's stack");
    pthread_barrier_wait(&searched);
    for (i = 0; i < THREADS; i++)
        join(threads[i]);

    /* In a child, which has its own copy of the memory. */
    CHECK(new_client(getenv("HOST_URL"), getenv("HOST_CA"), 20000, &client) == ITNIO_OK);
    call(ITNIO_OK);
    if ((forked = fork_watched()) == 0) {
        call(ITNIO_OK);
        search_and_free("in a forked child");
        _exit(0);
    }
    reap(forked);
    searches++;
    itnio_client_shutdown(client);
    call(ITNIO_SHUT_DOWN);
    search_and_free("after a shutdown");

    /* After itnio_client_new() has failed. */
    CHECK(new_client("http://example.com", NULL, 0, &client) == ITNIO_INVALID_ARGUMENT);
    check_no_copy("after a bad URL");
    CHECK(new_client("https://localhost", "/nowhere", 0, &client) == ITNIO_INVALID_ARGUMENT);
    check_no_copy("after a bad file");
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    few = files;
    few.rlim_cur = (rlim_t)dup(0);
    close((int)few.rlim_cur);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(new_client("https://localhost", NULL, 0, &client) != ITNIO_OK);
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    check_no_copy("without descriptors");
    searches += 3;

    printf("length=%zu calls=%lu searches=%d copies_in_use=%d copies_left=0\n", length, calls, searches,
           most_copies);
    return 0;
}
