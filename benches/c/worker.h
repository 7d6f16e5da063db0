/* What is compared: a way to place a call. The loop that measures it (worker.c) is the same for all. */

#ifndef WORKER_H
#define WORKER_H

struct contender {
    const char *(*version)(void);
    /* Once per process. 0, or else it has said on stderr what failed; so, too, below. */
    int (*set_up)(const char *base_url, const char *ca_file);
    /* What one thread at a time places its calls with. NULL where it fails. */
    void *(*open)(void);
    /* 0 where the call was accepted. */
    int (*call)(void *handle);
};

/* Does what it reads from its standard input, as worker.c tells. */
int worker_main(const struct contender *contender, const char *base_url, const char *ca_file);

/* The call that everybody places. */
#define API_KEY "bDqJFiq9"
#define API_SECRET "7bz1lzh9"
#define CALLEE "4915112345678"
#define DISPLAY_NUM "4915187654321"
#define ACCOUNT "1001"
#define APP_ID "4"

/* More than any part of the benchmark needs, on a machine with other work. */
#define CONNECT_TIMEOUT_MS 30000
#define TIMEOUT_MS 60000

#endif
