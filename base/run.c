#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/run_private.h"

enum {
    TICK_MS = 50,
    GRACE_MS = 15000, /* more than a warden needs to end a crowd */
    WORDS_MOST = 1024,
    PROCESSES = 512
};

struct run {
    const struct run_spec *spec;
    bool (*stop)(void *ctx);
    void *ctx;
    struct run_result *ret;
    int in, out[2], control[2];
    pid_t warden, group; /* group: 0 until it is known */
    bool told;           /* the last word of the warden is here */
    bool ending;         /* it was told to end, for the reason in ret->end */
    bool open;           /* the pipe */
    int64_t begun, patience;
    struct sha256 hash;
};

/* --- what it needs -------------------------------------------------------- */

static void shut(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static int input_of(struct slice input)
{
    if (!input.n) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    while (fd >= 0 && input.n) {
        ssize_t n = write(fd, input.p, input.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            shut(&fd);
            break;
        }
        input = slice_sub(input, (size_t)n, input.n);
    }
    if (fd >= 0) (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool pipes(struct run *r)
{
    r->in = input_of(r->spec->input);
    return r->in >= 0 && pipe2(r->out, O_CLOEXEC) == 0 &&
           fcntl(r->out[0], F_SETFL, O_NONBLOCK) == 0 &&
           socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->control) ==
               0;
}

/* Each to its place in the child. One that stands where another will be put
 * would be lost: they are all above, since 0, 1 and 2 are always open and the
 * control socket's place is the last one that is filled. */
static int actions_fill(struct run *r, posix_spawn_file_actions_t *a)
{
    int e = posix_spawn_file_actions_adddup2(a, r->in, STDIN_FILENO);
    if (!e)
        e = posix_spawn_file_actions_adddup2(a, r->out[1], STDOUT_FILENO);
    if (!e)
        e = posix_spawn_file_actions_adddup2(a, r->out[1], STDERR_FILENO);
    if (!e)
        e = posix_spawn_file_actions_adddup2(a, r->control[1], RUN_CONTROL);
    if (!e)
        e = posix_spawn_file_actions_addclosefrom_np(a, RUN_CONTROL + 1);
    if (!e) e = posix_spawn_file_actions_addchdir_np(a, r->spec->folder);
    return e;
}

int run__attributes(posix_spawnattr_t *ret)
{
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    int e = posix_spawnattr_init(ret);
    if (e) return e;
    (void)posix_spawnattr_setflags(ret, POSIX_SPAWN_SETSID |
                                            POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setsigmask(ret, &none);
    (void)posix_spawnattr_setsigdefault(ret, &every);
    return 0;
}

static int spawn(struct run *r, const char *const *argv)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    const char *helper = r->spec->helper ? r->spec->helper : "/proc/self/exe";
    int e = run__attributes(&attr);
    if (e) return e;
    e = posix_spawn_file_actions_init(&actions);
    if (!e) e = actions_fill(r, &actions);
    if (!e)
        e = posix_spawn(&r->warden, helper, &actions, &attr,
                        (char *const *)(uintptr_t)argv,
                        (char *const *)(uintptr_t)r->spec->env);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attr);
    return e;
}

static int start(struct run *r)
{
    const struct run_limits *l = &r->spec->limits;
    int64_t numbers[] = {l->cpu_s, l->memory_bytes, l->file_bytes, l->files,
                         l->processes ? l->processes : PROCESSES};
    char texts[5][24];
    const char *argv[WORDS_MOST + 1] = {"phasegate", RUN_WARDEN};
    size_t n = 2;
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%" PRId64, numbers[i]);
        argv[n++] = texts[i];
    }
    for (const char *const *word = r->spec->argv; *word; word++) {
        if (n == WORDS_MOST) return E2BIG;
        argv[n++] = *word;
    }
    return spawn(r, argv);
}

/* --- while it runs -------------------------------------------------------- */

static void finish(struct run *r, enum run_end why)
{
    if (r->ending) return;
    r->ending = true;
    r->ret->end = why;
    r->patience = clock_now() + GRACE_MS * NS_PER_MS;
    (void)send(r->control[0], "q", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_output(struct run *r)
{
    static const size_t room = 64 << 10;
    char *p = mem_alloc(room);
    ssize_t n = p ? read(r->out[0], p, room) : -1;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) r->open = false;
    if (n > 0 && !r->ending) {
        struct slice got = {p, (size_t)n};
        r->ret->bytes += got.n;
        sha256_add(&r->hash, got);
        if (r->ret->bytes > r->spec->output_max)
            finish(r, RUN_TOO_LOUD);
        else
            buf_put(&r->ret->output, got);
    }
    mem_free(p);
}

static void take_word(struct run *r)
{
    struct run_message m;
    ssize_t n = recv(r->control[0], &m, sizeof(m), MSG_DONTWAIT);
    /* A warden that has ended with our "q" unread resets the connection, once:
     * its last word is still there behind that. */
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
        return;
    if (n != (ssize_t)sizeof(m)) { /* it died without a word */
        if (!r->ending) r->ret->end = RUN_LOST;
        r->told = true;
        return;
    }
    if (m.word == RUN_WORD_STARTED) {
        r->group = m.code;
        return;
    }
    r->told = true;
    r->ret->leftovers = m.leftovers;
    if (r->ending && WIFSIGNALED(m.code))
        r->ret->killed_by = WTERMSIG(m.code);
    if (r->ending) return;
    bool signaled = WIFSIGNALED(m.code);
    r->ret->end = m.word == RUN_WORD_FAILED ? RUN_NO_START
                  : m.crowded               ? RUN_TOO_MANY
                  : signaled                ? RUN_SIGNALED
                                            : RUN_EXITED;
    r->ret->code = m.word == RUN_WORD_FAILED ? m.code
                   : signaled                ? WTERMSIG(m.code)
                                             : WEXITSTATUS(m.code);
}

static void attend(struct run *r)
{
    while (!r->told) {
        struct pollfd p[] = {{.fd = r->control[0], .events = POLLIN},
                             {.fd = r->open ? r->out[0] : -1,
                              .events = POLLIN}};
        (void)poll(p, 2, TICK_MS);
        if (p[1].revents) take_output(r);
        if (p[0].revents) take_word(r);
        int64_t now = clock_now();
        if (r->ending && now > r->patience) return;
        if (r->stop && r->stop(r->ctx)) finish(r, RUN_STOPPED);
        if (now - r->begun > r->spec->timeout_ms * NS_PER_MS)
            finish(r, RUN_TIMED_OUT);
    }
    /* What was written before the end and not read yet. */
    for (bool more = r->open; more && r->open;) {
        struct pollfd p = {.fd = r->out[0], .events = POLLIN};
        more = poll(&p, 1, 0) > 0;
        if (more) take_output(r);
    }
}

/* The warden is gone, or goes now. */
static void collect(struct run *r)
{
    int64_t until = clock_now() + 2000 * NS_PER_MS;
    int status;
    pid_t got;
    while ((got = waitpid(r->warden, &status, WNOHANG)) == 0 ||
           (got < 0 && errno == EINTR)) {
        if (clock_now() > until) (void)kill(r->warden, SIGKILL);
        (void)poll(NULL, 0, 1);
    }
    /* One that was killed could not end its command: what is left of the
     * group goes with it. */
    if (r->ret->end == RUN_LOST && r->group > 1) (void)kill(-r->group, SIGKILL);
}

enum err run_command(const struct run_spec *spec, bool (*stop)(void *ctx),
                     void *ctx, struct run_result *ret)
{
    struct run r = {.spec = spec,
                    .stop = stop,
                    .ctx = ctx,
                    .ret = ret,
                    .in = -1,
                    .out = {-1, -1},
                    .control = {-1, -1},
                    .open = true,
                    .begun = clock_now()};
    *ret = (struct run_result){.end = RUN_LOST,
                               .output = BUF_INIT(spec->output_max + 1)};
    sha256_init(&r.hash);
    enum err e = pipes(&r) ? OK : ERR_IO;
    int failed = e ? 0 : start(&r);
    shut(&r.in);
    shut(&r.out[1]);
    shut(&r.control[1]);
    if (failed) {
        ret->end = RUN_NO_START;
        ret->code = failed;
    } else if (!e) {
        attend(&r);
        shut(&r.control[0]); /* a warden that hangs reads its end */
        collect(&r);
        e = ret->output.err;
    }
    shut(&r.out[0]);
    shut(&r.control[0]);
    sha256_end(&r.hash, ret->digest);
    ret->ms = (clock_now() - r.begun) / NS_PER_MS;
    if (e) buf_done(&ret->output);
    return e;
}
