/* What is compared: one way to place a call. All are measured by the same loop (worker.c). */

#ifndef WORKER_H
#define WORKER_H

struct contender {
    const char *(*version)(void);
    /* Called once per process. Returns 0, or prints to stderr what failed; `call` does the same. */
    int (*set_up)(const char *base_url, const char *ca_file);
    /* Returns a handle, which one thread at a time uses for calls; NULL if that fails. */
    void *(*open)(void);
    /* Returns 0 if the call was accepted. */
    int (*call)(void *handle);
};

/* Runs the commands from standard input: see worker.c. */
int worker_main(const struct contender *contender, const char *base_url, const char *ca_file);

/* The call that all contenders place. */
#define API_KEY "bDqJFiq9"
#define API_SECRET "7bz1lzh9"
#define CALLEE "4915112345678"
#define DISPLAY_NUM "4915187654321"
#define ACCOUNT "1001"
#define APP_ID "4"

/* Longer than any part of the benchmark needs, even on a busy machine. */
#define CONNECT_TIMEOUT_MS 30000
#define TIMEOUT_MS 60000

#endif
