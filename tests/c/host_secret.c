/*
 * Where the secret is. argv: its length. The host makes up a secret, hands it to the library, wipes its
 * own copy, and later searches all of its memory for any eight bytes of it.
 *
 * HOST_URL accepts calls, HOST_REFUSED refuses them, HOST_SILENT never answers, HOST_CLOSED is not
 * there.
 */
#include "host.h"

#include <sys/resource.h>

enum { PART = 8, CHUNK = 1 << 20, LONGEST = 4096, MASK = 0x5a, STAYING = 3 };

/* The secret, never in the open. */
static unsigned char masked[LONGEST];
static size_t length;
/* Which two bytes, in the open, some part of it begins with. */
static char beginnings[256][256];

/* Makes a secret up. */
static void make_up(size_t of_length)
{
    static unsigned long long state = 0x9e3779b97f4a7c15u;
    size_t i;
    length = of_length;
    state ^= (unsigned long long)getpid() << 32 ^ (unsigned long long)now_ms();
    for (i = 0; i < length; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        masked[i] = (unsigned char)(('A' + (state >> 33) % 26 + (state >> 60) % 2 * 32) ^ MASK);
    }
    for (i = 0; i + PART <= length; i++)
        beginnings[masked[i] ^ MASK][masked[i + 1] ^ MASK] = 1;
}

/* A copy in the open, to be wiped. */
static char *reveal(void)
{
    char *secret = malloc(length + 1);
    size_t i;
    CHECK(secret != NULL);
    for (i = 0; i < length; i++)
        secret[i] = (char)(masked[i] ^ MASK);
    secret[length] = 0;
    return secret;
}

static void wipe(char *secret)
{
    explicit_bzero(secret, length);
    free(secret);
}

/* Which part of the secret stands at `bytes`, counted from 1; or 0. */
static size_t part_at(const unsigned char *bytes)
{
    size_t i, j;
    if (!beginnings[bytes[0]][bytes[1]])
        return 0;
    for (i = 0; i + PART <= length; i++) {
        for (j = 0; j < PART && (bytes[j] ^ MASK) == masked[i + j]; j++)
            ;
        if (j == PART)
            return i + 1;
    }
    return 0;
}

/* Whether anything was ever written to the memory from here on. */
static int is_touched(int pages, unsigned long from, size_t size)
{
    enum { SWAPPED = 62, PRESENT = 63 };
    unsigned long long entries[CHUNK / 4096 + 2];
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
    size_t count = (size + page - 1) / page, i;
    CHECK(count <= sizeof entries / sizeof *entries);
    if (pread(pages, entries, count * sizeof *entries, (off_t)(from / page * sizeof *entries)) !=
        (ssize_t)(count * sizeof *entries))
        return 1;
    for (i = 0; i < count; i++)
        if (entries[i] >> PRESENT & 1 || entries[i] >> SWAPPED & 1)
            return 1;
    return 0;
}

/* How many copies of the secret, or of parts of it, there are in this process. Says where, if told
   to. */
static int copies(int say)
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
        char readable;
        CHECK(sscanf(line, "%lx-%lx %c", &from, &to, &readable) == 3);
        if (readable != 'r' || strstr(line, "[v") != NULL)
            continue;
        for (at = from; at < to; at += CHUNK) {
            size_t wanted = to - at < CHUNK + PART ? to - at : CHUNK + PART, i, last = 0;
            ssize_t got;
            if ((unsigned char *)at <= buffer && buffer < (unsigned char *)to)
                break; /* what it reads with */
            if (!is_touched(pages, at, wanted))
                continue;
            got = pread(memory, buffer, wanted, (off_t)at);
            for (i = 0; got > 0 && i + PART <= (size_t)got && i < CHUNK; i++) {
                size_t part = part_at(buffer + i);
                if (part != 0 && (last == 0 || part != last + 1)) {
                    count++;
                    if (say)
                        fprintf(stderr, "part %zu at %lx of %s", part, at + i - from, line);
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

/* Fails where there is any copy. */
static void nowhere(const char *when)
{
    if (copies(1) != 0)
        FAIL("the secret is in memory %s", when);
}

static itnio_result new_client(const char *url, const char *ca, uint32_t timeout_ms,
                               itnio_client **client)
{
    itnio_config config = {0};
    itnio_result result;
    char *secret = reveal();
    config.api_key = KEY;
    config.api_secret = secret;
    config.base_url = url;
    config.ca_file = ca;
    config.proxy = "";
    config.timeout_ms = timeout_ms;
    result = itnio_client_new(&config, client, NULL);
    wipe(secret);
    return result;
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

static void *call_and_stay(void *unused)
{
    int i;
    (void)unused;
    for (i = 0; i < 3; i++)
        call(ITNIO_OK);
    pthread_barrier_wait(&called);
    pthread_barrier_wait(&searched);
    return NULL;
}

static int searches, most;

/* Searches before and after `client` is freed. */
static void search_and_free(const char *when)
{
    int before = copies(0);
    CHECK(before > 0); /* else the search is blind */
    if (before > most)
        most = before;
    itnio_client_free(client);
    nowhere(when);
    searches++;
}

static void use(const char *name, itnio_result expected, uint32_t timeout_ms, int times)
{
    CHECK(new_client(getenv(name), getenv("HOST_CA"), timeout_ms, &client) == ITNIO_OK);
    while (times-- > 0)
        call(expected);
    search_and_free(name);
}

int main(int argc, char **argv)
{
    pthread_t threads[STAYING];
    struct rlimit files, few;
    pid_t forked;
    int i;
    watchdog(100);
    CHECK(argc == 2);
    make_up((size_t)atoi(argv[1]));
    nowhere("before it was handed over");

    use("HOST_URL", ITNIO_OK, 20000, 0);
    use("HOST_URL", ITNIO_OK, 20000, 5);
    use("HOST_REFUSED", ITNIO_REJECTED, 20000, 3);
    use("HOST_CLOSED", ITNIO_CONNECT_FAILED, 20000, 3);
    use("HOST_SILENT", ITNIO_TIMED_OUT, 500, 2);

    /* In threads that have not ended yet. */
    CHECK(new_client(getenv("HOST_URL"), getenv("HOST_CA"), 20000, &client) == ITNIO_OK);
    ZERO(pthread_barrier_init(&called, NULL, STAYING + 1));
    ZERO(pthread_barrier_init(&searched, NULL, STAYING + 1));
    for (i = 0; i < STAYING; i++)
        start(&threads[i], call_and_stay, NULL);
    pthread_barrier_wait(&called);
    search_and_free("on a thread's stack");
    pthread_barrier_wait(&searched);
    for (i = 0; i < STAYING; i++)
        join(threads[i]);

    /* In a child, which has a copy of its own. */
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

    /* Where there is no client in the end. */
    CHECK(new_client("http://example.com", NULL, 0, &client) == ITNIO_INVALID_ARGUMENT);
    nowhere("after a bad URL");
    CHECK(new_client("https://localhost", "/nowhere", 0, &client) == ITNIO_INVALID_ARGUMENT);
    nowhere("after a bad file");
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    few = files;
    few.rlim_cur = (rlim_t)dup(0);
    close((int)few.rlim_cur);
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(new_client("https://localhost", NULL, 0, &client) != ITNIO_OK);
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    nowhere("without descriptors");
    searches += 3;

    printf("length=%zu calls=%lu searches=%d copies_in_use=%d copies_left=0\n", length, calls, searches,
           most);
    return 0;
}
