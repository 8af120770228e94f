/* watch_odd: roots that cannot be watched, and machines that give too little.
 * The one answer to all of it is "unknown", never a stamp that could lie. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/watch.h"
#include "engine/watch_private.h"
#include "tests/runner/test.h"

static struct slice path_of(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
}

static void make(const char *folder)
{
    CHECK_OK(path_make(path_of(folder), 0755));
}

static void save(const char *name)
{
    int fd = open(path_of(name).p, O_CREAT | O_WRONLY | O_APPEND, 0644);
    CHECK_INT_GE(fd, 0);
    CHECK_INT_EQ(write(fd, "x", 1), 1);
    CHECK_INT_EQ(close(fd), 0);
}

static struct eng_watch *watch_of(const struct slice *roots, size_t count)
{
    struct eng_watch *w;
    struct eng_watch_options o = {.poll_ns = NS_PER_MS};
    o.roots[ENG_WATCH_WORKFLOWS] = (struct eng_watch_roots){roots, count};
    CHECK_OK(eng_watch_new(&o, &w));
    return w;
}

static uint64_t barrier(struct eng_watch *w)
{
    return eng_watch_barrier(w, ENG_WATCH_WORKFLOWS);
}

static const char *mode_of(struct eng_watch *w)
{
    struct eng_watch_stats st;
    eng_watch_stats(w, &st);
    return st.mode;
}

TEST(watch_odd, nobody_watches_where_there_is_no_watcher)
{
    CHECK_INT_EQ(eng_watch_stamp(NULL, ENG_WATCH_PLANS), 0);
    CHECK_INT_EQ(eng_watch_barrier(NULL, ENG_WATCH_PLANS), 0);
    CHECK(!eng_watch_follow(NULL, ENG_WATCH_PLANS, SLICE("/")));
    eng_watch_free(NULL);
}

struct root {
    const char *path; /* below the test's folder when it has no slash first */
    const char *mode;
};
/* clang-format off */
TEST_EACH(watch_odd, a_root_is_watched_or_known_to_be_not, struct root, row,
    {"r", "inotify"},
    {"r//deep/", "inotify"},
    {"none", "inotify"},
    {"none/at/all", "inotify"},
    {"r/file", "stat"},
    {"r/file/x", "stat"},
    {"r/link", "stat"},
    {"r/link/x", "stat"},
    {"r/circle/x", "stat"},
    {"/proc/sys/fs/inotify", "stat"})
/* clang-format on */
{
    struct slice root =
        row->path[0] == '/' ? slice_of(row->path) : path_of(row->path);
    make("r/deep");
    save("r/file");
    CHECK_INT_EQ(symlink("deep", path_of("r/link").p), 0);
    CHECK_INT_EQ(symlink("circle", path_of("r/circle").p), 0);
    struct eng_watch *w = watch_of(&root, 1);
    uint64_t s = barrier(w);
    CHECK_STR_EQ(mode_of(w), row->mode);
    CHECK((s != 0) == (strcmp(row->mode, "inotify") == 0));
    eng_watch_free(w);
}

TEST(watch_odd, a_path_the_kernel_does_not_take_is_not_watched)
{
    char *far = arena_alloc(test_arena(), 5000);
    memset(far, 'x', 5000);
    far[0] = '/';
    struct slice roots[] = {SLICE("relative"), {far, 5000}, SLICE("")};
    for (size_t i = 0; i < 3; i++) {
        struct eng_watch *w = watch_of(&roots[i], 1);
        CHECK_INT_EQ(barrier(w), 0);
        CHECK_STR_EQ(mode_of(w), "stat");
        eng_watch_free(w);
    }
}

TEST(watch_odd, one_root_that_is_not_watched_makes_its_set_unknown)
{
    struct eng_watch *w;
    struct eng_watch_options o = {0};
    make("r");
    save("file");
    struct slice good = path_of("r"), both[] = {path_of("r"), path_of("file")};
    o.roots[ENG_WATCH_WORKFLOWS] = (struct eng_watch_roots){both, 2};
    o.roots[ENG_WATCH_STANDARDS] = (struct eng_watch_roots){&good, 1};
    CHECK_OK(eng_watch_new(&o, &w));
    CHECK_INT_EQ(barrier(w), 0);
    CHECK(eng_watch_barrier(w, ENG_WATCH_STANDARDS) != 0);
    CHECK_STR_EQ(mode_of(w), "mixed");
    eng_watch_free(w);
}

TEST(watch_odd, folders_nested_too_deep_are_not_vouched_for)
{
    struct buf b = BUF_INIT(4096);
    buf_puts(&b, "r");
    for (int i = 0; i <= ENG_WATCH_LEVELS_MAX; i++) buf_puts(&b, "/d");
    make(arena_cstr(test_arena(), buf_slice(&b)));
    struct slice root = path_of("r");
    struct eng_watch *w = watch_of(&root, 1);
    CHECK_INT_EQ(barrier(w), 0);
    eng_watch_free(w);
    root = path_of("r/d");
    w = watch_of(&root, 1);
    CHECK(barrier(w) != 0);
    eng_watch_free(w);
    buf_done(&b);
}

TEST(watch_odd, more_roots_than_are_watched_make_their_set_unknown)
{
    struct slice roots[ENG_WATCH_ROOTS_MAX + 1];
    make("r");
    for (size_t i = 0; i <= ENG_WATCH_ROOTS_MAX; i++) roots[i] = path_of("r");
    struct eng_watch *w = watch_of(roots, ENG_WATCH_ROOTS_MAX + 1);
    CHECK_INT_EQ(barrier(w), 0);
    CHECK(!eng_watch_follow(w, ENG_WATCH_PLANS, path_of("r")));
    eng_watch_free(w);
    w = watch_of(roots, ENG_WATCH_ROOTS_MAX);
    CHECK(barrier(w) != 0);
    eng_watch_free(w);
}

TEST(watch_odd, a_folder_that_is_followed_speaks_for_itself)
{
    struct slice root = path_of("r"), plans = path_of("plans");
    make("r");
    make("plans/deeper");
    struct eng_watch *w = watch_of(&root, 1);
    mem_fail_at(1);
    bool followed = eng_watch_follow(w, ENG_WATCH_PLANS, plans);
    mem_fail_at(0);
    CHECK(!followed);
    CHECK(eng_watch_follow(w, ENG_WATCH_PLANS, plans));
    CHECK(eng_watch_follow(w, ENG_WATCH_PLANS, plans));
    uint64_t s = eng_watch_barrier(w, ENG_WATCH_PLANS), t;
    CHECK(s != 0);
    save("plans/deeper/x");
    CHECK_INT_EQ(eng_watch_barrier(w, ENG_WATCH_PLANS), s);
    save("plans/.hidden");
    CHECK_INT_EQ(eng_watch_barrier(w, ENG_WATCH_PLANS), s);
    save("plans/x");
    t = eng_watch_barrier(w, ENG_WATCH_PLANS);
    CHECK(t != 0 && t != s);
    size_t n = 1;
    while (eng_watch_follow(
        w, ENG_WATCH_PLANS,
        arena_printf(test_arena(), "%s/p%zu", test_tmpdir(), n)))
        CHECK_INT_LT(n++, 100);
    CHECK_INT_EQ(n, ENG_WATCH_FOLLOWED_MAX);
    CHECK(eng_watch_follow(w, ENG_WATCH_PLANS, plans));
    eng_watch_free(w);
}

/* Memory that ends in a walk makes its answer "unknown", whatever it was
 * for; there is nothing to compare with until the next look at all of it. */
TEST(watch_odd, no_stamp_is_given_where_memory_was_short)
{
    struct slice root = path_of("r");
    make("r/a/b");
    make("r/c");
    for (uint64_t n = 1;; n++) {
        struct eng_watch *w = watch_of(&root, 1);
        mem_fail_at(n);
        uint64_t s = barrier(w);
        bool failed = mem_count() >= n;
        mem_fail_at(0);
        if (failed) CHECK_INT_EQ(s, 0);
        eng_watch_free(w);
        if (failed) continue;
        CHECK(s != 0);
        CHECK_INT_GT(n, 3);
        break;
    }
    struct eng_watch_options o = {0};
    struct eng_watch *none = NULL;
    mem_fail_at(1);
    CHECK_ERR(eng_watch_new(&o, &none), ERR_NOMEM);
    mem_fail_at(0);
    CHECK(none == NULL);
}

static struct eng_watch *watch_with(const struct slice *root, rlim_t more,
                                    bool start)
{
    struct rlimit was, few;
    int lowest = dup(0);
    CHECK_INT_GE(lowest, 0);
    close(lowest);
    CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = (rlim_t)lowest + more;
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct eng_watch *w = watch_of(root, 1);
    if (start) CHECK_OK(eng_watch_start(w));
    CHECK_INT_EQ(barrier(w), 0);
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    return w;
}

TEST(watch_odd, without_a_descriptor_there_is_no_watcher_to_ask)
{
    struct slice root = path_of("r");
    make("r");
    for (rlim_t more = 0; more < 2; more++) {
        struct eng_watch *w = watch_with(&root, more, true);
        CHECK_STR_EQ(mode_of(w), "off");
        CHECK_INT_EQ(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS), 0);
        CHECK(!eng_watch_follow(w, ENG_WATCH_PLANS, root));
        eng_watch_free(w);
    }
}

/* The descriptors come back, and so does what the kernel tells. */
TEST(watch_odd, an_inotify_that_was_not_to_be_had_is_asked_for_again,
     .timeout_s = 30)
{
    struct slice root = path_of("r");
    make("r");
    struct eng_watch *w = watch_with(&root, 2, true);
    while (barrier(w) == 0) usleep(2000);
    CHECK_STR_EQ(mode_of(w), "inotify");
    uint64_t s = barrier(w), t;
    save("r/x");
    t = barrier(w);
    CHECK(t != 0 && t != s);
    eng_watch_free(w);
}

/* The descriptor of the only watcher here. */
static int inotify_of_ours(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        char name[32], to[64];
        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(name, to, sizeof(to) - 1);
        if (n > 0 && slice_eq((struct slice){to, (size_t)n},
                              SLICE("anon_inode:inotify")))
            return fd;
    }
    FAIL("there is no inotify");
}

static _Atomic int failures_told;

static void note_failure(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find(line, SLICE("level=error")) < line.n &&
        slice_find(line, SLICE("msg=\"watch event failed\"")) < line.n &&
        slice_find(line, SLICE("err=\"Is a directory\"")) < line.n)
        failures_told++;
}

TEST(watch_odd, events_that_cannot_be_read_are_told_once, .timeout_s = 30)
{
    make("r");
    struct slice root = path_of("r");
    struct eng_watch *w = watch_of(&root, 1);
    CHECK(barrier(w) != 0);
    log_divert(note_failure, NULL);
    CHECK_OK(eng_watch_start(w));
    int fd = inotify_of_ours(), folder = open(root.p, O_RDONLY | O_DIRECTORY);
    CHECK_INT_EQ(dup2(folder, fd), fd);
    close(folder);
    while (!failures_told) {
        (void)barrier(w);
        usleep(2000);
    }
    eng_watch_free(w);
    log_divert(NULL, NULL);
    CHECK_INT_EQ(failures_told, 1);
}

/* A folder in its place: reading fails, and not for a moment. */
TEST(watch_odd, a_watcher_that_breaks_is_made_anew)
{
    make("r");
    struct slice root = path_of("r");
    struct eng_watch *w = watch_of(&root, 1);
    struct eng_watch_stats st;
    uint64_t before = barrier(w);
    CHECK(before != 0);
    int fd = inotify_of_ours(), folder = open(root.p, O_RDONLY | O_DIRECTORY);
    CHECK_INT_EQ(dup2(folder, fd), fd);
    close(folder);
    uint64_t anew = barrier(w); /* all may have changed */
    CHECK(anew != 0 && anew != before);
    eng_watch_stats(w, &st);
    CHECK_INT_EQ(st.errors, 1);
    save("r/a");
    uint64_t after = barrier(w);
    CHECK(after != 0 && after != anew);
    eng_watch_stats(w, &st);
    CHECK_INT_EQ(st.errors, 1);
    CHECK_INT_GT(st.events[ENG_WATCH_WORKFLOWS][ENG_WATCH_CREATED], 0);
    eng_watch_free(w);
}
