/* watch: what was saved is seen by whoever looks afterwards. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/turn.h"
#include "engine/catalog.h"
#include "engine/core.h"
#include "engine/signature.h"
#include "engine/watch.h"
#include "tests/unit/engine_fixture.h"

/* --- a watched folder ------------------------------------------------------
 */

static struct slice path_of(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
}

static void save(const char *name, const char *text)
{
    struct slice path = path_of(name);
    int fd = open(path.p, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK_INT_GE(fd, 0);
    CHECK_INT_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_INT_EQ(close(fd), 0);
}

static void make(const char *folder)
{
    CHECK_OK(path_make(path_of(folder), 0755));
}

static struct eng_watch *watch_of(const char *folder, struct slice *root)
{
    struct eng_watch *w;
    struct eng_watch_options o = {0};
    *root = path_of(folder);
    o.roots[ENG_WATCH_WORKFLOWS] = (struct eng_watch_roots){root, 1};
    CHECK_OK(eng_watch_new(&o, &w));
    return w;
}

static uint64_t barrier(struct eng_watch *w)
{
    return eng_watch_barrier(w, ENG_WATCH_WORKFLOWS);
}

TEST(watch, every_way_to_save_gives_another_stamp)
{
    struct slice root;
    make("r/deep/er");
    make("aside");
    save("r/deep/er/a", "1");
    save("aside/new", "2");
    struct eng_watch *w = watch_of("r", &root);
    uint64_t s = barrier(w), t;
    CHECK_INT_EQ(barrier(w), s);
#define CHANGES(...)                                                           \
    __VA_ARGS__;                                                               \
    t = barrier(w);                                                            \
    CHECK(t != 0 && t != s);                                                   \
    CHECK_INT_EQ(barrier(w), t);                                               \
    s = t
    CHANGES(save("r/deep/er/a", "3"));
    CHANGES(CHECK_INT_EQ(rename(path_of("aside/new").p, path_of("r/a").p), 0));
    CHANGES(CHECK_INT_EQ(truncate(path_of("r/a").p, 0), 0));
    CHANGES(CHECK_INT_EQ(chmod(path_of("r/a").p, 0600), 0));
    CHANGES(save("r/.hidden", "x");
            CHECK_INT_EQ(rename(path_of("r/.hidden").p, path_of("r/a").p), 0));
    CHANGES(CHECK_INT_EQ(unlink(path_of("r/a").p), 0));
    CHANGES(CHECK_INT_EQ(mkdir(path_of("r/d").p, 0755), 0));
    CHANGES(save("r/d/x", "1"));
    CHANGES(CHECK_INT_EQ(rename(path_of("r/d").p, path_of("r/deep/d").p), 0));
    CHANGES(save("r/deep/d/x", "2"));
    CHANGES(CHECK_INT_EQ(rename(path_of("r/deep").p, path_of("out").p), 0));
    /* What was moved away is no longer ours, nor is what is hidden. */
    save("out/d/x", "3");
    save("r/.hidden", "4");
    CHECK_INT_EQ(barrier(w), s);
    eng_watch_free(w);
}

/* All that a loop has read at once was sent before it asks the first time. */
TEST(watch, a_turn_asks_once_and_the_next_one_anew)
{
    struct slice root;
    make("r");
    struct eng_watch *w = watch_of("r", &root);
    uint64_t s = barrier(w);
    turn_begin();
    CHECK_INT_EQ(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS), s);
    save("r/a", "1");
    CHECK_INT_EQ(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS), s);
    turn_end();
    CHECK(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS) == ENG_WATCH_UNREAD);
    turn_begin();
    CHECK(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS) == ENG_WATCH_UNREAD);
    uint64_t t = barrier(w);
    CHECK_INT_NE(t, s);
    CHECK_INT_EQ(eng_watch_stamp(w, ENG_WATCH_WORKFLOWS), t);
    save("r/a", "2");
    CHECK_INT_NE(barrier(w), t); /* who is to read files asks in any case */
    turn_end();
    eng_watch_free(w);
}

/* H07 */
/* Else every start would be told as a trouble of this machine. */
TEST(watch, a_root_that_was_not_looked_at_yet_is_no_trouble)
{
    struct slice root;
    struct eng_watch_stats st;
    make("r");
    struct eng_watch *w = watch_of("r", &root);
    eng_watch_stats(w, &st);
    CHECK_INT_EQ(st.roots_unwatched, 1);
    CHECK_INT_EQ(st.roots_pending, 1);
    CHECK_INT_NE(barrier(w), 0);
    eng_watch_stats(w, &st);
    CHECK_INT_EQ(st.roots_unwatched, 0);
    CHECK_INT_EQ(st.roots_pending, 0);
    eng_watch_free(w);
}

TEST(watch, a_root_may_go_and_come_back)
{
    struct slice root;
    make("p/r");
    save("p/r/a", "1");
    struct eng_watch *w = watch_of("p/r", &root);
    uint64_t s = barrier(w), t;
    CHANGES(CHECK_INT_EQ(rename(path_of("p/r").p, path_of("p/q").p), 0));
    CHANGES(make("p/r"); save("p/r/a", "2"));
    CHANGES(save("p/r/a", "3"));
    CHANGES(CHECK_INT_EQ(rename(path_of("p").p, path_of("o").p), 0));
    CHANGES(make("p/r/new"); save("p/r/new/b", "1"));
    CHANGES(save("p/r/new/b", "2"));
    CHECK_INT_EQ(barrier(w), s);
    eng_watch_free(w);
}

TEST(watch, a_root_that_is_not_there_yet_is_seen_when_it_comes)
{
    struct slice root;
    struct eng_watch *w = watch_of("not/yet/there", &root);
    uint64_t s = barrier(w), t;
    save("other", "1"); /* beside the way */
    CHECK_INT_EQ(barrier(w), s);
    CHANGES(make("not"));
    CHANGES(make("not/yet/there"));
    CHANGES(save("not/yet/there/a", "1"));
    eng_watch_free(w);
}

/* H05 */
TEST(watch, a_file_in_a_folder_made_in_one_burst_is_seen_each_time,
     .timeout_s = 60)
{
    struct slice root;
    int rounds = test_sanitized() ? 200 : 1000;
    make("r");
    struct eng_watch *w = watch_of("r", &root);
    uint64_t s = barrier(w), t;
    for (int i = 0; i < rounds; i++) {
        CHANGES(make("r/d/e"); save("r/d/e/f", "1"));
        CHANGES(save("r/d/e/f", "2"));
        CHANGES(CHECK_INT_EQ(unlink(path_of("r/d/e/f").p), 0));
        CHECK_INT_EQ(rmdir(path_of("r/d/e").p), 0);
        CHECK_INT_EQ(rmdir(path_of("r/d").p), 0);
        s = barrier(w);
    }
    eng_watch_free(w);
}

/* Nobody reads them, so that the kernel's queue really runs over. */
/* H06 */
TEST(watch, after_an_overflow_everything_is_looked_at_again)
{
    struct slice root;
    struct eng_watch_stats st;
    int most = 0;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    CHECK(f != NULL && fscanf(f, "%d", &most) == 1);
    fclose(f);
    make("r");
    struct eng_watch *w = watch_of("r", &root);
    uint64_t s = barrier(w), t;
    int fd[2] = {open(path_of("r/a").p, O_CREAT | O_WRONLY, 0600),
                 open(path_of("r/b").p, O_CREAT | O_WRONLY, 0600)};
    /* In turns: events that repeat the last one are one event. */
    for (int i = 0; i < most; i++)
        CHECK_INT_EQ(pwrite(fd[i % 2], "x", 1, 0), 1);
    make("r/lost/deep");
    CHANGES((void)0);
    eng_watch_stats(w, &st);
    CHECK_INT_EQ(st.overflows, 1);
    CHANGES(save("r/lost/deep/f", "1"));
    close(fd[0]);
    close(fd[1]);
    eng_watch_free(w);
}

TEST(watch, what_inotify_does_not_tell_is_not_vouched_for)
{
    struct slice root;
    struct eng_watch_stats st;
    struct eng_signature sig;
    make("real");
    save("real/f", "1");
    CHECK_INT_EQ(symlink(path_of("real").p, path_of("link").p), 0);
    struct eng_watch *w = watch_of("link", &root);
    CHECK_INT_EQ(barrier(w), 0);
    eng_watch_stats(w, &st);
    CHECK_STR_EQ(st.mode, "stat");
    eng_watch_free(w);
    CHECK_OK(eng__signature_take(path_of("real"), test_arena(), &sig));
    CHECK(sig.plain);
    CHECK_INT_EQ(link(path_of("real/f").p, path_of("other").p), 0);
    CHECK_OK(eng__signature_take(path_of("real"), test_arena(), &sig));
    CHECK(!sig.plain);
    CHECK_INT_EQ(unlink(path_of("other").p), 0);
    CHECK_INT_EQ(symlink("f", path_of("real/g").p), 0);
    CHECK_OK(eng__signature_take(path_of("real"), test_arena(), &sig));
    CHECK(!sig.plain);
}

/* --- notices ---------------------------------------------------------------
 */

struct notices {
    struct lock lock;
    struct cond came;
    int count;
    int64_t longest, last; /* between two of them */
};

static void notice(void *ctx, unsigned sets)
{
    struct notices *n = ctx;
    CHECK_INT_EQ(sets, 1u << ENG_WATCH_WORKFLOWS);
    lock_take(&n->lock);
    int64_t now = clock_now();
    if (now - n->last > n->longest) n->longest = now - n->last;
    n->last = now;
    n->count++;
    cond_broadcast(&n->came);
    lock_drop(&n->lock);
}

static void wait_for(struct notices *n, int count)
{
    lock_take(&n->lock);
    while (n->count < count) cond_wait(&n->came, &n->lock);
    lock_drop(&n->lock);
}

static struct eng_watch *watch_loudly(struct slice *root, int64_t debounce_ms,
                                      int64_t most_ms, enum eng_watch_mode mode,
                                      struct notices *n)
{
    struct eng_watch *w;
    struct eng_watch_options o = {.mode = mode,
                                  .debounce_ns = debounce_ms * NS_PER_MS,
                                  .debounce_max_ns = most_ms * NS_PER_MS,
                                  .poll_ns = 20 * NS_PER_MS,
                                  .changed = notice,
                                  .ctx = n};
    *n = (struct notices){.last = clock_now()};
    lock_init(&n->lock, "notices", RANK_LEAF);
    cond_init(&n->came);
    make("r");
    *root = path_of("r");
    o.roots[ENG_WATCH_WORKFLOWS] = (struct eng_watch_roots){root, 1};
    CHECK_OK(eng_watch_new(&o, &w));
    (void)barrier(w); /* the first walk is no change */
    CHECK_OK(eng_watch_start(w));
    return w;
}

/* Writes to two files in turn: the kernel merges events that are the same. */
static int64_t burst(void)
{
    int fd[2] = {open(path_of("r/a").p, O_WRONLY | O_APPEND),
                 open(path_of("r/b").p, O_WRONLY | O_APPEND)};
    int64_t began = clock_now();
    for (int i = 0; i < 1000; i++) CHECK_INT_EQ(write(fd[i % 2], "x", 1), 1);
    close(fd[0]);
    close(fd[1]);
    return clock_now() - began;
}

/* H03. A burst that this machine did not bring about in 100 ms is none, and
 * tried again. */
TEST(watch, a_thousand_events_in_100_ms_are_one_notice, .timeout_s = 60)
{
    struct slice root;
    struct eng_watch_stats st;
    make("r");
    save("r/a", "1");
    save("r/b", "1");
    for (bool judged = false; !judged;) {
        struct notices n;
        struct eng_watch *w =
            watch_loudly(&root, 200, 2000, ENG_WATCH_AUTO, &n);
        judged = burst() <= 100 * NS_PER_MS;
        wait_for(&n, 1);
        save("r/a", "y");
        wait_for(&n, 2); /* the first one was of all of them */
        eng_watch_stats(w, &st);
        eng_watch_free(w);
    }
    CHECK_INT_GE(st.events[ENG_WATCH_WORKFLOWS][ENG_WATCH_WRITTEN], 1000);
    CHECK_INT_EQ(st.notices, 2);
}

/* H04. Every 50 ms one, for 5 s; a notice at least every 2,000 ms, which is
 * two of them whatever else the machine does. */
TEST(watch, events_for_five_seconds_are_told_every_two, .needs = "slow",
     .timeout_s = 60)
{
    struct slice root;
    struct notices n;
    struct eng_watch *w = watch_loudly(&root, 200, 2000, ENG_WATCH_AUTO, &n);
    int64_t began = clock_now();
    while (clock_now() - began < 5 * NS_PER_S) {
        save("r/a", "x");
        usleep(50000);
    }
    lock_take(&n.lock);
    CHECK_INT_GE(n.count, 2);
    lock_drop(&n.lock);
    eng_watch_free(w);
}

TEST(watch, endless_events_do_not_put_a_notice_off_for_ever, .timeout_s = 30)
{
    struct slice root;
    struct notices n;
    struct eng_watch *w = watch_loudly(&root, 60000, 200, ENG_WATCH_AUTO, &n);
    while (true) { /* never quiet for a minute: only the ceiling can tell */
        save("r/a", "x");
        lock_take(&n.lock);
        bool enough = n.count == 5;
        lock_drop(&n.lock);
        if (enough) break;
        usleep(5000);
    }
    eng_watch_free(w);
}

TEST(watch, without_inotify_a_change_is_still_told, .timeout_s = 30)
{
    struct slice root;
    struct notices n;
    struct eng_watch *w = watch_loudly(&root, 10, 20, ENG_WATCH_STAT, &n);
    CHECK_INT_EQ(barrier(w), 0);
    for (char c = 'a'; true; c = c == 'a' ? 'b' : 'a') {
        save("r/a",
             (char[]){c, '\0'}); /* the first look is one to compare with */
        lock_take(&n.lock);
        bool told = n.count > 0;
        lock_drop(&n.lock);
        if (told) break;
        usleep(5000);
    }
    eng_watch_free(w);
}

/* --- readers and a writer --------------------------------------------------
 */

enum { READERS = 3 };
struct race {
    struct eng_watch *w;
    struct slice file;
    _Atomic int saved; /* its content, once the save has returned */
    atomic_bool over;
    _Atomic uint64_t vouched, reads;
};

static int read_number(struct race *r)
{
    char text[16] = "";
    int fd = open(r->file.p, O_RDONLY), got = 0;
    CHECK_INT_GE(fd, 0);
    CHECK_INT_GT(read(fd, text, sizeof(text) - 1), 0);
    close(fd);
    CHECK_INT_EQ(sscanf(text, "%d", &got), 1);
    return got;
}

static void save_number(struct race *r, int n)
{
    char text[16], other[300];
    snprintf(text, sizeof(text), "%d", n);
    snprintf(other, sizeof(other), "%s.new", r->file.p);
    int fd = open(other, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    CHECK_INT_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    CHECK_INT_EQ(rename(other, r->file.p), 0);
}

static void race_main(void *ctx, int i)
{
    struct race *r = ctx;
    uint64_t at = 0;
    int have = 0, rounds = test_sanitized() ? 500 : 3000;
    for (int n = 1; i == 0 && n <= rounds; n++) {
        save_number(r, n);
        atomic_store(&r->saved, n);
        if (n % 8 == 0) usleep(50);
    }
    if (i == 0) atomic_store(&r->over, true);
    while (i && !atomic_load(&r->over)) {
        int least = atomic_load(&r->saved);
        uint64_t stamp = barrier(r->w);
        if (stamp && stamp == at) {
            atomic_fetch_add(&r->vouched, 1);
        } else {
            have = read_number(r);
            at = stamp;
            atomic_fetch_add(&r->reads, 1);
        }
        CHECK_INT_GE(have, least);
    }
}

TEST(watch, nobody_is_vouched_an_older_file_than_was_saved_when_he_asked,
     .timeout_s = 60)
{
    struct slice root;
    struct race r = {.file = path_of("r/f")};
    make("r");
    save_number(&r, 0);
    r.w = watch_of("r", &root);
    CHECK_OK(eng_watch_start(r.w));
    test_threads(1 + READERS, race_main, &r);
    CHECK_INT_GT(atomic_load(&r.vouched), 0);
    CHECK_INT_GT(atomic_load(&r.reads), 0);
    eng_watch_free(r.w);
}

/* --- the catalog -----------------------------------------------------------
 */

static void save_version(const char *version)
{
    struct slice text = arena_printf(
        test_arena(),
        "{\"workflow_type\":\"one\",\"version\":\"%s\",\"name\":\"One\","
        "\"description\":\"A workflow with one phase for tests\","
        "\"total_phases\":1,\"phases\":[{\"phase_number\":0,"
        "\"phase_name\":\"Only\",\"tasks\":[]}]}",
        version);
    save("wf/one/metadata.json", text.p);
}

static void make_one(void)
{
    make("wf/one/phases/0");
    save_version("0");
    save("wf/one/phases/0/phase.md", "# Phase 0: Only\n");
    save("wf/one/phases/0/gate-definition.yaml",
         "checkpoint:\n  strict: false\nevidence_schema: {}\n");
}

static void open_engine(struct fixture *f, enum eng_watch_mode mode)
{
    struct problem p;
    make_one();
    *f = (struct fixture){.workflows = path_of("wf")};
    problem_init(&p);
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f->root));
    CHECK_OK(pool_new("worker", 2, 64, &f->pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = f->root,
                                            .workflows = &f->workflows,
                                            .workflows_count = 1,
                                            .watch = {.mode = mode},
                                            .pool = f->pool},
                      test_arena(), &p, &f->engine));
}

/* What the catalog has now, and that it is the version it should be. */
static const struct eng_definition *get(struct fixture *f, const char *version)
{
    struct outcome o;
    const struct eng_definition *d;
    outcome_begin(&o);
    CHECK_OK(eng__catalog_get(f->engine, &o.call, SLICE("one"), &d));
    CHECK_TEXT_EQ(d->version, version);
    outcome_done(&o); /* the address is all that is used of it */
    return d;
}

static void catalog_stats(struct fixture *f, struct st_cache_stats *ret)
{
    st_cache_stats(f->engine->cache[ENG_CACHE_METADATA], ret);
}

struct mode {
    enum eng_watch_mode mode;
};

/* H01 and, without a watcher, H08 */
TEST_EACH(watch, a_saved_definition_is_the_next_lookups, struct mode, row,
          {ENG_WATCH_AUTO}, {ENG_WATCH_STAT}, {ENG_WATCH_OFF})
{
    struct fixture f;
    char version[16];
    int rounds = test_sanitized() ? 200 : 1000;
    open_engine(&f, row->mode);
    for (int i = 0; i < rounds; i++) {
        snprintf(version, sizeof(version), "%d", i);
        save_version(version);
        get(&f, version);
    }
    fixture_done(&f);
}

/* H09 */
TEST_EACH(watch, a_file_saved_unchanged_keeps_the_definition, struct mode, row,
          {ENG_WATCH_AUTO}, {ENG_WATCH_STAT}, {ENG_WATCH_OFF})
{
    struct fixture f;
    struct st_cache_stats st;
    open_engine(&f, row->mode);
    const struct eng_definition *d = get(&f, "0");
    for (int i = 0; i < 20; i++) {
        save_version("0");
        CHECK(get(&f, "0") == d);
    }
    catalog_stats(&f, &st);
    CHECK_INT_EQ(st.count[ST_METRIC_loads], 1);
    save_version("1");
    CHECK(get(&f, "1") != d);
    fixture_done(&f);
}

/* H02 */
TEST(watch, the_last_of_a_hundred_and_fifty_files_counts)
{
    struct fixture f;
    struct slice before = {0};
    open_engine(&f, ENG_WATCH_AUTO);
    for (int i = 0; i < 150; i++)
        save(arena_printf(test_arena(), "wf/one/phases/0/extra-%03d.md", i).p,
             "text\n");
    before = arena_copy(test_arena(), get(&f, "0")->hash);
    save("wf/one/phases/0/extra-149.md", "texT\n");
    CHECK(!slice_eq(get(&f, "0")->hash, before));
    fixture_done(&f);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* H10. The most that 95 of 100 take, with room for a busy machine. */
TEST(watch, a_definition_of_twenty_unchanged_files_is_looked_up_in_100_us,
     .needs = "release")
{
    enum { LOOKUPS = 2000, ROOM = 10 };
    static int64_t took[LOOKUPS];
    struct fixture f;
    struct st_cache_stats st;
    open_engine(&f, ENG_WATCH_AUTO);
    for (int i = 3; i < 20; i++) /* three are there */
        save(arena_printf(test_arena(), "wf/one/phases/0/more-%02d.md", i).p,
             "text\n");
    get(&f, "0");
    catalog_stats(&f, &st);
    uint64_t loads = st.count[ST_METRIC_loads];
    usleep(20000); /* what was saved just now is read once more */
    get(&f, "0");
    for (int i = 0; i < LOOKUPS; i++) {
        int64_t began = clock_now();
        get(&f, "0");
        took[i] = clock_now() - began;
    }
    qsort(took, LOOKUPS, sizeof(took[0]), by_time);
    CHECK_INT_LE(took[LOOKUPS * 95 / 100], 100 * INT64_C(1000) * ROOM);
    catalog_stats(&f, &st);
    CHECK_INT_LE(st.count[ST_METRIC_loads], loads + 1);
    fixture_done(&f);
}

/* A folder in a better root hides the one that was found. */
TEST(watch, a_workflow_that_appears_in_a_better_root_wins_at_once)
{
    struct fixture f;
    struct problem p;
    open_engine(&f, ENG_WATCH_AUTO);
    eng_close(f.engine);
    struct slice roots[] = {path_of("better"), path_of("wf")};
    CHECK_OK(eng_open(&(struct eng_options){.root = f.root,
                                            .workflows = roots,
                                            .workflows_count = 2,
                                            .pool = f.pool},
                      test_arena(), &p, &f.engine));
    get(&f, "0");
    save_version("9");
    get(&f, "9");
    make("copy");
    CHECK_INT_EQ(rename(path_of("wf/one").p, path_of("copy/one").p), 0);
    make_one();
    get(&f, "0");
    CHECK_INT_EQ(rename(path_of("copy").p, path_of("better").p), 0);
    get(&f, "9");
    fixture_done(&f);
}
