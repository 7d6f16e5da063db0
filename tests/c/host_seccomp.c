/* A host in a sandbox that refuses some system calls, as containers, old kernels and gVisor do, each with the
   error number in argv[1]. HOST_URL, HOST_CA: the gateway. Ends with 77 where the system has no such filter. */
#include "host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define REFUSE(number, error)                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),        \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

int main(int argc, char **argv)
{
    unsigned error = argc > 1 ? (unsigned)atoi(argv[1]) : ENOSYS;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        REFUSE(SYS_getrandom, error),
        REFUSE(SYS_statx, error),
        REFUSE(SYS_prctl, error),
        REFUSE(SYS_madvise, error),
#ifdef SYS_clone3
        /* glibc goes back to clone(2) for this one only. */
        REFUSE(SYS_clone3, ENOSYS),
#endif
#ifdef SYS_rseq
        REFUSE(SYS_rseq, error),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    itnio_client *client;
    watchdog(60);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return 77;
    CHECK(syscall(SYS_getrandom, NULL, 0, 0) == -1 && errno == (int)error);
    client = client_from_env();
    expect(client, "8613800138000", ITNIO_OK);
    expect(client, "8613800138001", ITNIO_OK);
    itnio_client_free(client);
    printf("calls=2 lost=0\n");
    return 0;
}
