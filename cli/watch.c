#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

/* Where the kernel has no pidfd the parent is asked for this often. */
enum { PARENT_POLL_MS = 1000 };

static int signals_open(void)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(&set, wanted[i]);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A pid of 1 is init or a container's first process: it does not go before
 * us, and being adopted by it cannot be told from having been started by it.
 * The descriptor names the process, not the thread that started us. */
static int parent_open(long pid)
{
    return pid > 1 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
}

enum err cli_watch_init(struct cli_watch *w, bool with_parent)
{
    *w = (struct cli_watch){.signals = -1, .parent = -1, .nudge = -1};
    w->signals = signals_open();
    w->nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->signals < 0 || w->nudge < 0) {
        cli_watch_done(w);
        return ERR_IO;
    }
    w->parent_pid = with_parent ? (long)getppid() : 0;
    w->parent = parent_open(w->parent_pid);
    return OK;
}

void cli_watch_done(struct cli_watch *w)
{
    if (w->signals >= 0) close(w->signals);
    if (w->parent >= 0) close(w->parent);
    if (w->nudge >= 0) close(w->nudge);
    *w = (struct cli_watch){.signals = -1, .parent = -1, .nudge = -1};
}

void cli_watch_nudge(struct cli_watch *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->nudge, &one, sizeof(one));
    (void)n; /* full: it is nudged already */
}

static bool orphaned(struct cli_watch *w)
{
    if (w->parent_pid <= 1 || getppid() == (pid_t)w->parent_pid) return false;
    w->parent_pid = 0; /* told once */
    if (w->parent >= 0) close(w->parent);
    w->parent = -1;
    return true;
}

static bool signalled(struct cli_watch *w, int *ret)
{
    struct signalfd_siginfo info;
    if (read(w->signals, &info, sizeof(info)) != sizeof(info)) return false;
    *ret = (int)info.ssi_signo;
    return true;
}

static bool nudged(struct cli_watch *w)
{
    uint64_t count;
    return read(w->nudge, &count, sizeof(count)) == sizeof(count);
}

enum cli_watch_event cli_watch_wait(struct cli_watch *w, int ms,
                                    int *ret_signal)
{
    int64_t until = ms < 0 ? INT64_MAX : clock_now() + ms * NS_PER_MS;
    bool ask = w->parent_pid > 1 && w->parent < 0;
    for (;;) {
        if (signalled(w, ret_signal)) return CLI_SIGNALLED;
        if (orphaned(w)) return CLI_ORPHANED;
        if (nudged(w)) return CLI_NUDGED;
        int64_t left = until == INT64_MAX
                           ? -1
                           : (until - clock_now() + NS_PER_MS - 1) / NS_PER_MS;
        if (until != INT64_MAX && left <= 0) return CLI_TIME;
        if (ask && (left < 0 || left > PARENT_POLL_MS)) left = PARENT_POLL_MS;
        struct pollfd fds[] = {{w->signals, POLLIN, 0},
                               {w->nudge, POLLIN, 0},
                               {w->parent, POLLIN, 0}};
        (void)poll(fds, 3, (int)left);
        ask = w->parent_pid > 1 && w->parent < 0;
    }
}
