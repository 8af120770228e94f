/* The warden of one command: base/run.h. One thread, no allocation.
 *
 * A crowd that forks faster than /proc can be read is not ended by killing who
 * was seen: who was not seen goes on. So it is frozen first: each look stops
 * whoever is new, who is stopped forks no more, and when a look finds nobody
 * new all are killed. That nobody is left, waitpid says and no look at /proc:
 * orphans become children of a subreaper, so one without children has no
 * descendants. For ordinary users the kernel bounds a crowd as well; root it
 * does not bound. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/run.h"
#include "base/run_private.h"

extern char **environ;

enum {
    FAMILY_MOST = 1 << 16,
    PID_MOST = 1 << 22, /* the kernel's own ceiling */
    GENTLE_MS = 500,
    HARD_MS = 10000,
    LOOK_MS = 100,
    LOOK_SOON_MS = 5, /* while it grows */
    FEW = 16,         /* that grow as they like */
    /* RLIMIT_NPROC counts threads, and what the user runs elsewhere. */
    THREADS_EACH = 8,
    FIRST_WORD = 7 /* argv: program, RUN_WARDEN, five limits, words */
};

static struct {
    pid_t child;
    int status;
    bool ended; /* status is known */
    int signals;
    long processes;
} w;

/* --- the family ----------------------------------------------------------- */

struct kin {
    int pid, parent;
};
static struct kin all[FAMILY_MOST];
static unsigned char known[PID_MOST / 8], frozen[PID_MOST / 8];
static uint32_t fresh; /* frozen by the latest look */

static bool is_in(const unsigned char *set, int pid)
{
    return pid > 0 && pid < PID_MOST && (set[pid / 8] >> (pid % 8)) & 1;
}

static void put(unsigned char *set, int pid)
{
    if (pid > 0 && pid < PID_MOST)
        set[pid / 8] |= (unsigned char)(1u << (pid % 8));
}

/* "pid (name) state ppid": the name may hold anything, so from its end. A
 * zombie is over; its parent has only not looked yet. */
static bool parent_of(int pid, int *ret)
{
    char path[40], line[512];
    char state;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (n <= 0) return false;
    line[n] = '\0';
    const char *end = strrchr(line, ')');
    return end && sscanf(end + 1, " %c %d", &state, ret) == 2 && state != 'Z' &&
           state != 'X';
}

static size_t look_around(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    while (dir && n < FAMILY_MOST && (d = readdir(dir))) {
        char *end;
        long pid = strtol(d->d_name, &end, 10);
        if (*end || pid <= 0 || pid >= PID_MOST) continue;
        all[n].pid = (int)pid;
        if (parent_of((int)pid, &all[n].parent)) n++;
    }
    if (dir) closedir(dir);
    return n;
}

/* Calls `each` for every descendant; returns how many there are. */
static uint32_t family(void (*each)(int pid))
{
    size_t n = look_around();
    uint32_t found = 0;
    bool more = true;
    memset(known, 0, sizeof(known));
    put(known, getpid());
    while (more) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            if (is_in(known, all[i].pid) || !is_in(known, all[i].parent))
                continue;
            put(known, all[i].pid);
            if (each) each(all[i].pid);
            found++;
            more = true;
        }
    }
    return found;
}

static void ask_to_end(int pid)
{
    (void)kill(pid, SIGTERM);
}

static void end_one(int pid)
{
    (void)kill(pid, SIGKILL);
}

static void freeze_one(int pid)
{
    if (is_in(frozen, pid)) return;
    put(frozen, pid);
    (void)kill(pid, SIGSTOP);
    fresh++;
}

/* True: nobody is left, nor will be. */
static bool reap(void)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    while (read(w.signals, &info, sizeof(info)) > 0) continue;
    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
        if (pid != w.child) continue;
        w.status = status;
        w.ended = true;
    }
    return pid < 0 && errno == ECHILD;
}

static bool too_many(uint32_t n)
{
    return (long)n > w.processes;
}

/* True: nobody is left. */
static bool end_gently(void)
{
    int64_t until = clock_now() + GENTLE_MS * NS_PER_MS;
    struct pollfd p = {.fd = w.signals, .events = POLLIN};
    if (reap()) return true;
    (void)kill(-w.child, SIGTERM);
    (void)family(ask_to_end);
    while (clock_now() < until) {
        (void)poll(&p, 1, 10);
        if (reap()) return true;
        if (too_many(family(NULL))) return false;
    }
    return false;
}

/* The group at once, which no fork can slip out of; then who left it. */
static void freeze(int64_t until)
{
    memset(frozen, 0, sizeof(frozen));
    (void)kill(-w.child, SIGSTOP);
    do {
        fresh = 0;
        (void)family(freeze_one);
    } while (fresh && clock_now() < until);
}

static void end_hard(void)
{
    int64_t until = clock_now() + HARD_MS * NS_PER_MS;
    struct pollfd p = {.fd = w.signals, .events = POLLIN};
    while (!reap() && clock_now() < until) {
        freeze(until);
        (void)kill(-w.child, SIGKILL);
        (void)family(end_one);
        (void)poll(&p, 1, 10);
    }
}

/* --- its life ------------------------------------------------------------- */

static void tell(int word, int code, uint32_t leftovers, bool crowded)
{
    struct run_message m = {word, code, leftovers, crowded};
    (void)send(RUN_CONTROL, &m, sizeof(m), MSG_NOSIGNAL);
}

static void limit(__rlimit_resource_t which, const char *text)
{
    long long n = strtoll(text, NULL, 10);
    struct rlimit has;
    if (n <= 0 || getrlimit(which, &has) != 0) return;
    rlim_t most = (rlim_t)n;
    if (has.rlim_max != RLIM_INFINITY && has.rlim_max < most)
        most = has.rlim_max;
    (void)setrlimit(which, &(struct rlimit){most, most});
}

/* Threads that the user has now; of a folder of tasks, the links tell. */
static long long threads_now(void)
{
    long long n = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    while (dir && (d = readdir(dir))) {
        char path[300];
        struct stat st;
        if (d->d_name[0] < '1' || d->d_name[0] > '9') continue;
        (void)snprintf(path, sizeof(path), "/proc/%s/task", d->d_name);
        if (stat(path, &st) == 0 && st.st_uid == getuid())
            n += st.st_nlink > 2 ? (long long)st.st_nlink - 2 : 1;
    }
    if (dir) closedir(dir);
    return n;
}

/* Far above what the warden allows: this is for who outruns it. */
static void limit_crowd(void)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld",
                   threads_now() + THREADS_EACH * (long long)w.processes);
    if (getuid() != 0) limit(RLIMIT_NPROC, text);
}

/* What is set here the command inherits. */
static void limits(char **argv)
{
    limit(RLIMIT_CPU, argv[2]);
    limit(RLIMIT_DATA, argv[3]);
    limit(RLIMIT_FSIZE, argv[4]);
    limit(RLIMIT_NOFILE, argv[5]);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    w.processes = strtol(argv[6], NULL, 10);
    limit_crowd();
}

static int start(char **words)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    /* A session of its own is a group of its own to the scheduler as well: a
     * crowd takes the processor from itself, not from who ends it. */
    int e = run__attributes(&attr);
    if (e) return e;
    e = posix_spawn_file_actions_init(&actions);
    if (!e) e = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!e)
        e = posix_spawnp(&w.child, words[0], &actions, &attr, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    return e;
}

/* So that the other end of the pipe ends with the command's last process. */
static void let_go(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++) (void)dup2(null, fd);
    if (null > 2) close(null);
}

static bool watch_signals(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &child, NULL) != 0) return false;
    w.signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    return w.signals >= 0;
}

/* How many there are; and when to look again: sooner while they grow, but
 * never so often that looking takes more than half of a processor. */
static uint32_t look(uint32_t before, int *ret_ms)
{
    int64_t began = clock_now();
    uint32_t n = family(NULL);
    int64_t took_ms = (clock_now() - began) / NS_PER_MS;
    int64_t ms = n > FEW && n > before ? LOOK_SOON_MS : LOOK_MS;
    *ret_ms = (int)(took_ms > ms ? took_ms : ms);
    return n;
}

/* Until the command has ended, or somebody wants it to. True: too many. */
static bool attend(void)
{
    struct pollfd p[] = {{.fd = RUN_CONTROL, .events = POLLIN},
                         {.fd = w.signals, .events = POLLIN}};
    uint32_t crowd = 0;
    int ms = LOOK_SOON_MS;
    while (!w.ended) {
        int n = poll(p, 2, ms);
        if (n > 0 && p[0].revents) return false;
        (void)reap();
        if (w.ended) break;
        crowd = look(crowd, &ms);
        if (too_many(crowd)) return true;
    }
    return false;
}

int run_warden(int argc, char **argv)
{
    if (argc <= FIRST_WORD || fcntl(RUN_CONTROL, F_SETFD, FD_CLOEXEC) != 0)
        return 2;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || !watch_signals()) {
        tell(RUN_WORD_FAILED, errno, 0, false);
        return 1;
    }
    limits(argv);
    int e = start(argv + FIRST_WORD);
    if (e) {
        tell(RUN_WORD_FAILED, e, 0, false);
        return 1;
    }
    let_go();
    tell(RUN_WORD_STARTED, w.child, 0, false);
    bool crowded = attend();
    uint32_t leftovers = w.ended ? family(NULL) : 0;
    if (crowded || !end_gently()) end_hard();
    (void)reap();
    tell(RUN_WORD_ENDED, w.status, leftovers, crowded);
    return 0;
}
