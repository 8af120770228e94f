/*
 * The parent's side of running: up to `workers` processes, each the leader of
 * a group of its own, which is killed whole when its leader has ended or its
 * time is up. SIGCHLD, SIGINT and SIGTERM stay blocked and are waited for.
 */
#include "tests/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 << 20, /* a test that writes more gets EPERM */
    SHOWN_MAX = 64 << 10,  /* of that, at each end */
    SANITIZED_FACTOR = 10,
};
#define MEMORY_LEAST (UINT64_C(4) << 30)

struct slot {
    struct item *item; /* NULL: free */
    pid_t pid;
    int out, err; /* memory files */
    struct verdict *verdict;
    char *tmpdir;
    double began, limit_s;
    bool timed_out;
};

struct run {
    struct plan *plan;
    const struct options *o;
    struct tally *tally;
    struct slot *slots;
    struct item **turns; /* the plan's items as they are started */
    size_t next, running;
    /* The folders of this run's test folders; made at once. */
    char *tmp, *memory;
    sigset_t waited, before;
    bool stop; /* start no more */
};

/* --- folders ---------------------------------------------------------------
 */
static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

/* A test may have taken away its own permissions. */
static int open_one(const char *path, const struct stat *st, int type,
                    struct FTW *at)
{
    (void)at;
    if (type == FTW_DNR || (type == FTW_D && (st->st_mode & 0700) != 0700))
        chmod(path, 0700);
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, open_one, 16, FTW_PHYS);
    nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

static const char *usual_base(void)
{
    const char *base = getenv("TMPDIR");
    return base && *base == '/' ? base : "/tmp";
}

/* Where it has room for all, and programs can be started from it. */
static const char *memory_base(void)
{
    struct statvfs st;
    if (statvfs("/dev/shm", &st) || (st.f_flag & ST_NOEXEC)) return NULL;
    return (uint64_t)st.f_bavail * st.f_frsize >= MEMORY_LEAST ? "/dev/shm"
                                                               : NULL;
}

static char *make_tmp(const char *base)
{
    char *path =
        text_new("%s/phasegate-tests.XXXXXX", base ? base : usual_base());
    if (!mkdtemp(path)) {
        fprintf(stderr, "phasegate-tests: cannot make %s: %s\n", path,
                strerror(errno));
        exit(EXIT_USAGE);
    }
    return path;
}

/* --- output ----------------------------------------------------------------
 */
/* Its size is sealed, so that a test in a loop cannot eat the machine; what
 * was written ends at the offset, which all processes share. */
static int output_open(void)
{
    int fd = memfd_create("test-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, OUTPUT_MAX) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)) {
        perror("phasegate-tests: memfd_create");
        abort();
    }
    return fd;
}

static size_t read_at(int fd, char *to, size_t n, off_t from)
{
    ssize_t got = pread(fd, to, n, from);
    return got < 0 ? 0 : (size_t)got;
}

static char *output_take(int fd)
{
    off_t size = lseek(fd, 0, SEEK_CUR);
    char *text = must(calloc(1, 2 * SHOWN_MAX + 100));
    if (size <= 2 * SHOWN_MAX) {
        text[read_at(fd, text, (size_t)(size < 0 ? 0 : size), 0)] = 0;
    } else {
        size_t n = read_at(fd, text, SHOWN_MAX, 0);
        n += (size_t)snprintf(text + n, 100, "\n[... %jd bytes left out ...]\n",
                              (intmax_t)(size - 2 * SHOWN_MAX));
        n += read_at(fd, text + n, SHOWN_MAX, size - SHOWN_MAX);
        text[n] = 0;
    }
    close(fd);
    return text;
}

/* Files *.stderr in a failed test's folder are what its servers said: shown
 * after the test's own. */
static char *with_files(char *err, const char *folder)
{
    char *pattern = text_new("%s/*.stderr", folder);
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
            if (fd < 0) continue;
            lseek(fd, 0, SEEK_END);
            char *text = output_take(fd);
            char *all = text_new("%s--- %s\n%s", err,
                                 strrchr(found.gl_pathv[i], '/') + 1, text);
            free(text);
            free(err);
            err = all;
        }
    globfree(&found);
    free(pattern);
    return err;
}

/* --- start -----------------------------------------------------------------
 */
static _Noreturn void in_child(struct run *r, struct slot *s)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    if (!r->o->no_capture) {
        dup2(s->out, STDOUT_FILENO);
        dup2(s->err, STDERR_FILENO);
    }
    close_range(STDERR_FILENO + 1, ~0U, 0);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    child_main(s->item, s->verdict, s->tmpdir);
}

static double limit_of(const struct item *it, const struct options *o)
{
    int s =
        it->def->options.timeout_s ? it->def->options.timeout_s : o->timeout_s;
    return (double)s * (test_sanitized() ? SANITIZED_FACTOR : 1);
}

/* The longest limit first, else as planned. */
static int by_limit(const void *a, const void *b, void *options)
{
    const struct item *x = *(struct item *const *)a;
    const struct item *y = *(struct item *const *)b;
    double left = limit_of(x, options), right = limit_of(y, options);
    return left != right ? (left < right) - (left > right) : (x > y) - (x < y);
}

/* With several workers long tests go first, so that no worker is left alone
 * with one at the end. */
static struct item **turns_of(const struct plan *p, const struct options *o)
{
    struct item **turns = must(calloc(p->count + 1, sizeof(struct item *)));
    for (size_t i = 0; i < p->count; i++) turns[i] = &p->items[i];
    if (o->workers > 1)
        qsort_r(turns, p->count, sizeof *turns, by_limit, (void *)o);
    return turns;
}

static void start(struct run *r, struct slot *s, struct item *it)
{
    *s = (struct slot){.item = it, .verdict = s->verdict};
    memset(s->verdict, 0, sizeof *s->verdict);
    bool memory = it->def->options.in_memory;
    s->tmpdir = text_new("%s/%zu-%.60s", memory ? r->memory : r->tmp,
                         (size_t)(it - r->plan->items), it->def->name);
    s->out = output_open();
    s->err = output_open();
    s->began = now_s();
    s->limit_s = limit_of(it, r->o);
    fflush(NULL);
    s->pid = fork();
    if (s->pid == 0) in_child(r, s);
    if (s->pid < 0) {
        perror("phasegate-tests: fork");
        abort();
    }
    setpgid(s->pid, s->pid); /* whoever is first */
    r->running++;
}

/* --- end -------------------------------------------------------------------
 */
/* Why it failed beside what the test itself said, or NULL. */
static char *ended_badly(const struct slot *s, int status)
{
    if (s->timed_out) return text_new("timed out after %g s", s->limit_s);
    if (WIFSIGNALED(status))
        return text_new("crashed: killed by SIG%s (%s)",
                        sigabbrev_np(WTERMSIG(status)),
                        sigdescr_np(WTERMSIG(status)));
    int code = WEXITSTATUS(status);
    int told = atomic_load(&s->verdict->outcome);
    if (told == OUTCOME_NONE)
        return text_new("the test's process left with exit status %d before "
                        "the test had ended",
                        code);
    if (told == OUTCOME_PASSED && code)
        return text_new("the test's process ended with exit status %d: see "
                        "its stderr",
                        code);
    return NULL;
}

static void keep_figures(struct item *it, const struct verdict *v)
{
    size_t n = v->figure_count < FIGURES_MAX ? v->figure_count : FIGURES_MAX;
    if (n == 0) return;
    it->figures = must(calloc(n, sizeof *it->figures));
    memcpy(it->figures, v->figures, n * sizeof *it->figures);
    it->figure_count = n;
}

static void judge(const struct slot *s, int status)
{
    struct item *it = s->item;
    struct verdict *v = s->verdict;
    char *bad = ended_badly(s, status);
    int told = atomic_load(&v->outcome);
    bool text = atomic_load(&v->told);
    v->text[sizeof v->text - 1] = v->file[sizeof v->file - 1] = 0;
    it->outcome = bad ? OUTCOME_FAILED : (enum outcome)told;
    it->bench = v->bench;
    keep_figures(it, v);
    if (it->outcome == OUTCOME_FAILED && told == OUTCOME_FAILED && text) {
        struct test_def at = {.file = v->file};
        it->reason = text_new("%s:%d: %s%s%s", def_path(&at), v->line, v->text,
                              bad ? "\n" : "", bad ? bad : "");
        free(bad);
    } else if (it->outcome == OUTCOME_SKIPPED && text) {
        it->reason = text_new("%s", v->text);
    } else {
        it->reason = bad;
    }
}

static void count(struct run *r, const struct item *it)
{
    struct tally *t = r->tally;
    t->count[it->outcome]++;
    t->done++;
    report_item(r->plan, it, r->o, t);
    if (r->o->max_fail && t->count[OUTCOME_FAILED] >= (size_t)r->o->max_fail)
        r->stop = true;
}

static void finish(struct run *r, struct slot *s, int status)
{
    struct item *it = s->item;
    it->seconds = now_s() - s->began;
    judge(s, status);
    char *out = output_take(s->out), *err = output_take(s->err);
    if (it->outcome == OUTCOME_FAILED) {
        it->out = out;
        it->err = err;
        if (s->verdict->tmpdir_made) {
            char *more =
                text_new("%s\nits folder is kept: %s", it->reason, s->tmpdir);
            free(it->reason);
            it->reason = more;
            it->err = with_files(err, s->tmpdir);
        }
    } else {
        free(out);
        free(err);
        if (s->verdict->tmpdir_made) remove_tree(s->tmpdir);
    }
    free(s->tmpdir);
    s->item = NULL;
    r->running--;
    count(r, it);
}

static struct slot *slot_of(struct run *r, pid_t pid)
{
    for (int i = 0; i < r->o->workers; i++)
        if (r->slots[i].item && r->slots[i].pid == pid) return &r->slots[i];
    return NULL;
}

/* A leader is looked at before it is reaped: until then its group's number
 * cannot be given to a stranger. Orphans of tests come here too. */
static void reap(struct run *r)
{
    for (;;) {
        siginfo_t si = {0};
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) || !si.si_pid)
            return;
        struct slot *s = slot_of(r, si.si_pid);
        int status = 0;
        if (s) kill(-s->pid, SIGKILL);
        waitpid(si.si_pid, &status, 0);
        if (s) finish(r, s, status);
    }
}

static void kill_late(struct run *r)
{
    double now = now_s();
    for (int i = 0; i < r->o->workers; i++) {
        struct slot *s = &r->slots[i];
        if (!s->item || s->timed_out || now < s->began + s->limit_s) continue;
        s->timed_out = true;
        kill(-s->pid, SIGKILL);
    }
}

static double next_deadline(const struct run *r)
{
    double at = 1e300;
    for (int i = 0; i < r->o->workers; i++) {
        const struct slot *s = &r->slots[i];
        double end = s->began + s->limit_s;
        if (s->item && !s->timed_out && end < at) at = end;
    }
    return at;
}

/* Without a result: -x, --maxfail or an interrupt came first. */
static void abandon(struct run *r)
{
    for (int i = 0; i < r->o->workers; i++) {
        struct slot *s = &r->slots[i];
        if (!s->item) continue;
        kill(-s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        close(s->out);
        close(s->err);
        free(s->tmpdir);
        s->item = NULL;
        r->running--;
    }
}

/* --- the loop --------------------------------------------------------------
 */
/* true: skipped, or failed, without a process. */
static bool settled_before(struct run *r, struct item *it)
{
    bool unknown;
    const char *why = needs_missing(it->def, r->o, &unknown);
    if (!why) return false;
    it->outcome = unknown ? OUTCOME_FAILED : OUTCOME_SKIPPED;
    it->reason = text_new("%s", why);
    count(r, it);
    return true;
}

static void fill(struct run *r)
{
    for (int i = 0; i < r->o->workers; i++) {
        struct slot *s = &r->slots[i];
        while (!s->item && !r->stop && r->next < r->plan->count) {
            struct item *it = r->turns[r->next++];
            if (!settled_before(r, it)) start(r, s, it);
        }
    }
}

static void wait_signal(struct run *r)
{
    double left = next_deadline(r) - now_s();
    if (left < 0.001) left = 0.001;
    if (left > 3600) left = 3600;
    struct timespec t = {(time_t)left,
                         (long)((left - (double)(time_t)left) * 1e9)};
    int sig = sigtimedwait(&r->waited, NULL, &t);
    if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
        r->tally->interrupted = r->stop = true;
}

static void begin(struct run *r)
{
    sigemptyset(&r->waited);
    for (const int *s = (const int[]){SIGCHLD, SIGINT, SIGTERM, SIGHUP, 0}; *s;
         s++)
        sigaddset(&r->waited, *s);
    sigprocmask(SIG_BLOCK, &r->waited, &r->before);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->tmp = make_tmp(NULL);
    r->memory = make_tmp(memory_base());
    r->turns = turns_of(r->plan, r->o);
    r->slots = must(calloc((size_t)r->o->workers, sizeof *r->slots));
    for (int i = 0; i < r->o->workers; i++) {
        r->slots[i].verdict =
            mmap(NULL, sizeof(struct verdict), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (r->slots[i].verdict == MAP_FAILED) must(NULL);
    }
}

static void end(struct run *r)
{
    abandon(r);
    reap(r);
    rmdir(r->tmp); /* stays when a failed test's folder is in it */
    rmdir(r->memory);
    for (int i = 0; i < r->o->workers; i++)
        munmap(r->slots[i].verdict, sizeof(struct verdict));
    free(r->slots);
    free(r->turns);
    free(r->tmp);
    free(r->memory);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
}

void plan_run(struct plan *p, const struct options *o, struct tally *ret)
{
    *ret = (struct tally){0};
    double began = now_s();
    struct run r = {.plan = p, .o = o, .tally = ret};
    begin(&r);
    for (;;) {
        reap(&r);
        fill(&r);
        if (r.stop || r.running == 0) break;
        wait_signal(&r);
        kill_late(&r);
    }
    end(&r);
    ret->seconds = now_s() - began;
}
