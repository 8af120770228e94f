/*
 * run: one command of somebody else's, run whole and ended whole.
 *
 * No shell. The command gets its own process group, /dev/null or the given
 * bytes on stdin, one pipe for stdout and stderr, the given environment and
 * nothing else: no other descriptor, no blocked or ignored signal.
 *
 * It runs under a warden: this program again (its main calls run_warden), a
 * process of one thread that is PR_SET_CHILD_SUBREAPER. Whatever the command
 * forks, with setsid or twice over, has the warden as its ancestor for ever,
 * so it can be found and ended: SIGTERM, and after 500 ms, or at once when they
 * are too many, all are frozen and then killed. A subreaper
 * of its own for each command tells whose child a leftover is, which the
 * server as one subreaper for all could not; a cgroup would need rights that
 * an ordinary user does not have. When the server dies, however it dies, the
 * warden reads the end of its socket and ends the command too.
 *
 * posix_spawn everywhere: safe in a program with threads.
 */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include "base/buf.h"
#include "base/sha256.h"

struct run_limits {
    /* Of each process; 0: none. */
    int64_t cpu_s, memory_bytes, file_bytes, files;
    int64_t processes; /* at once, all together; 0: 512 */
};

struct run_spec {
    const char *helper; /* whose main calls run_warden; NULL: this program */
    const char *const *argv; /* argv[0] is looked up in PATH of env */
    const char *const *env;
    const char *folder;
    struct slice input;
    int64_t timeout_ms;
    size_t output_max; /* bytes of stdout and stderr together */
    struct run_limits limits;
};

enum run_end {
    RUN_EXITED,   /* code: of exit() */
    RUN_SIGNALED, /* code: the signal */
    RUN_TIMED_OUT,
    RUN_TOO_LOUD,  /* output over its limit */
    RUN_TOO_MANY,  /* processes over their limit */
    RUN_STOPPED,   /* `stop` said so */
    RUN_NO_START,  /* code: errno */
    RUN_LOST,      /* the warden was killed: nobody knows */
    RUN_END_COUNT
};

struct run_result {
    enum run_end end;
    int code;
    int killed_by; /* the signal that ended one we had to end; 0: none */
    uint32_t leftovers; /* processes that were still there, and were ended */
    int64_t ms;
    struct buf output; /* the caller's to free with buf_done */
    uint64_t bytes;    /* of output, seen */
    uint8_t digest[SHA256_SIZE]; /* of those bytes */
};

/* Runs and waits. `stop` is asked about every 50 ms and may be NULL. What came
 * of the command is in *ret; ERR_NOMEM and ERR_IO (no pipe, no process) are
 * failures of ours. Blocks. Thread: one that may */
MUST_USE enum err run_command(const struct run_spec *spec,
                              bool (*stop)(void *ctx), void *ctx,
                              struct run_result *ret);

/* The first word of a warden's command line. */
#define RUN_WARDEN "--run-warden"
/* The warden's whole life: what main does when argv[1] is RUN_WARDEN, before
 * anything else. */
int run_warden(int argc, char **argv);

/* Shared by the two sides. */
enum run_word { RUN_WORD_STARTED, RUN_WORD_FAILED, RUN_WORD_ENDED };
struct run_message {
    int word;        /* enum run_word */
    int code;        /* process group; errno; wait status */
    uint32_t leftovers;
    uint32_t crowded; /* there were too many processes */
};
enum { RUN_CONTROL = 3 }; /* the warden's descriptor of the socket */

#endif
