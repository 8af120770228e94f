/*
 * index_lost: the index is disposable. Whatever happens to its file, before
 * the server opens it or while it serves, a search answers from what the
 * standards say at that moment.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/engine_fixture.h"

static const char *at(const char *path)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), path).p;
}

#define INDEX at(".phasegate/index.db")

static void save(const char *path, const char *text)
{
    CHECK_OK(path_make(slice_of(at("standards")), 0755));
    CHECK_OK(file_write_atomic(slice_of(at(path)), slice_of(text), 0644));
}

static void open_engine(struct fixture *f, struct slice *standards)
{
    struct problem p;
    problem_init(&p);
    *f = (struct fixture){0};
    *standards = slice_of(at("standards"));
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f->root));
    CHECK_OK(pool_new("worker", 2, 64, &f->pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = f->root,
                                            .standards = standards,
                                            .standards_count = 1,
                                            .pool = f->pool},
                      test_arena(), &p, &f->engine));
}

static size_t count(struct fixture *f, const char *text)
{
    struct outcome o;
    struct eng_search_args args = {
        .query = slice_of(text), .n_results = 50, .filter_phase = ENG_ABSENT};
    outcome_begin(&o);
    CHECK_OK(outcome_end(&o, eng_search_standards(f->engine, &o.call, &args)));
    size_t n = json_get(o.out, SLICE("results"))->count;
    CHECK(!json_get(o.out, SLICE("indexing")));
    outcome_done(&o);
    return n;
}

/* --- harm --------------------------------------------------------------------
 */

static int other = -1; /* the other process lives until this is closed */

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    CHECK_INT_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_close(db), SQLITE_OK);
}

/* Another process does something and then stands still. */
static void in_another(void (*act)(void))
{
    int here[2], there[2];
    char byte = 0;
    CHECK_INT_EQ(pipe(here), 0);
    CHECK_INT_EQ(pipe(there), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        close(there[1]);
        act();
        _exit(write(here[1], "x", 1) != 1 || read(there[0], &byte, 1) < 0);
    }
    close(here[1]);
    CHECK_INT_EQ(read(here[0], &byte, 1), 1);
    other = there[1];
}

static sqlite3 *held_db;

static void hold(const char *text)
{
    if (sqlite3_open(INDEX, &held_db) ||
        sqlite3_exec(held_db, text, NULL, NULL, NULL))
        _exit(9);
}
static void hold_all(void)
{
    hold("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; "
         "CREATE TABLE IF NOT EXISTS mine(x)");
}
static void hold_writing(void)
{
    hold("BEGIN IMMEDIATE");
}
static void hold_lock_file(void)
{
    int fd = open(at(".phasegate/index.db.lock"), O_RDWR | O_CREAT, 0600);
    if (fd < 0 || flock(fd, LOCK_EX)) _exit(9);
}

static void locked(void)
{
    in_another(hold_all);
}
static void locked_for_writing(void)
{
    in_another(hold_writing);
}
static void lock_file_held(void)
{
    in_another(hold_lock_file);
    (void)unlink(INDEX);
}

static void removed(void)
{
    (void)unlink(INDEX);
}
static void emptied(void)
{
    CHECK_INT_EQ(truncate(INDEX, 0), 0);
}
static void cut(void)
{
    struct stat st;
    CHECK_INT_EQ(stat(INDEX, &st), 0);
    CHECK_INT_EQ(truncate(INDEX, st.st_size / 2 + 100), 0);
}
static void overwritten(void)
{
    CHECK_OK(file_write_atomic(slice_of(INDEX), SLICE("no database"), 0600));
}
/* Every second page, in place. */
static void damaged(void)
{
    struct stat st;
    char noise[4096];
    int fd = open(INDEX, O_RDWR);
    CHECK(fd >= 0);
    memset(noise, 0xa5, sizeof(noise));
    CHECK_INT_EQ(fstat(fd, &st), 0);
    for (off_t p = 4096; p < st.st_size; p += 8192)
        CHECK_INT_EQ(pwrite(fd, noise, sizeof(noise), p), 4096);
    CHECK_INT_EQ(close(fd), 0);
}
static void journal_is_rubbish(void)
{
    CHECK_OK(file_write_atomic(slice_of(at(".phasegate/index.db-wal")),
                               SLICE("rubbish, and much of it"), 0600));
}
static void older(void)
{
    sql(INDEX, "PRAGMA user_version=1");
}
static void newer(void)
{
    sql(INDEX, "PRAGMA user_version=99; ALTER TABLE docs ADD COLUMN more");
}
static void of_another_kind(void)
{
    removed();
    sql(INDEX, "CREATE TABLE docs(id); PRAGMA user_version=2");
}
/* An index it is, of texts that are not there. */
static void of_others(void)
{
    CHECK_OK(path_make(slice_of(at("elsewhere/.phasegate")), 0700));
    removed();
    CHECK_INT_EQ(rename(at("kept.db"), INDEX), 0);
}
static void a_folder(void)
{
    removed();
    CHECK_OK(path_make(slice_of(at(".phasegate/index.db/within")), 0700));
}
static void a_pipe(void)
{
    removed();
    CHECK_INT_EQ(mkfifo(INDEX, 0600), 0);
}
static void without_its_folder(void)
{
    CHECK_INT_EQ(rename(at(".phasegate"), at("moved")), 0);
}
/* What a folder's mode says holds for root too, without this. */
static void give_up_overriding(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    CHECK_INT_EQ(syscall(SYS_capget, &head, caps), 0);
    caps[0].effective &= ~(1u << CAP_DAC_OVERRIDE);
    CHECK_INT_EQ(syscall(SYS_capset, &head, caps), 0);
}
static void read_only(void)
{
    removed();
    CHECK_INT_EQ(chmod(at(".phasegate"), 0555), 0);
    give_up_overriding();
}
/* --- and nobody notices -------------------------------------------------------
 */

struct harm_row {
    const char *label;
    void (*harm)(void);
};

static void keep_an_index(void)
{
    struct fixture f;
    struct slice standards;
    save("standards/gone.md", "# Gone\nwombat\n");
    save("standards/a.md", "# A\nwombat\n");
    open_engine(&f, &standards);
    CHECK_INT_EQ(count(&f, "wombat"), 2);
    fixture_done(&f);
    CHECK_INT_EQ(rename(INDEX, at("kept.db")), 0);
    CHECK_INT_EQ(unlink(at("standards/gone.md")), 0);
}

#define HARMS                                                                  \
    {"removed", removed}, {"emptied", emptied}, {"cut", cut},                  \
        {"overwritten", overwritten}, {"damaged", damaged},                    \
        {"with a journal of rubbish", journal_is_rubbish}, {"older", older},   \
        {"newer", newer}, {"of another kind", of_another_kind},                \
        {"of other texts", of_others}, {"a folder", a_folder},                 \
        {"a pipe", a_pipe}, {"without its folder", without_its_folder},        \
        {"read only", read_only}

TEST_EACH(index_lost, a_server_that_finds_it_so_answers, struct harm_row, row,
          HARMS, {"locked", locked}, {"locked for writing", locked_for_writing},
          {"being opened by one who stands still", lock_file_held})
{
    struct fixture f;
    struct slice standards;
    keep_an_index();
    save("standards/a.md", "# A\nplatypus\n");
    open_engine(&f, &standards);
    CHECK_INT_EQ(count(&f, "platypus"), 1);
    fixture_done(&f);
    save("standards/a.md", "# A\nechidna\n");
    open_engine(&f, &standards);
    row->harm();
    CHECK_INT_EQ(count(&f, "echidna"), 1);
    CHECK_INT_EQ(count(&f, "platypus"), 0);
    CHECK_INT_EQ(count(&f, "wombat"), 0);
    if (other >= 0) close(other);
    fixture_done(&f);
}

TEST_EACH(index_lost, a_server_that_loses_it_answers, struct harm_row, row,
          HARMS, {"locked for writing", locked_for_writing})
{
    struct fixture f;
    struct slice standards;
    keep_an_index();
    save("standards/a.md", "# A\nplatypus\n");
    open_engine(&f, &standards);
    CHECK_INT_EQ(count(&f, "platypus"), 1);
    row->harm();
    CHECK_INT_EQ(count(&f, "platypus"), 1);
    save("standards/a.md", "# A\nechidna\n");
    CHECK_INT_EQ(count(&f, "echidna"), 1);
    CHECK_INT_EQ(count(&f, "platypus"), 0);
    CHECK_INT_EQ(count(&f, "wombat"), 0);
    if (other >= 0) close(other);
    fixture_done(&f);
}

/* A disk of this many KiB where the index would lie; what the test may not
 * mount it skips. */
static void small_disk(int kib)
{
    char size[32];
    snprintf(size, sizeof(size), "size=%dk", kib);
    CHECK_OK(path_make(slice_of(at(".phasegate")), 0700));
    if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
        test_skip("no namespace of its own for mounts");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", at(".phasegate"), "tmpfs", 0, size))
        test_skip("it may not mount a disk");
}

struct disk_row {
    int kib;
};

TEST_EACH(index_lost, a_server_on_a_full_disk_answers, struct disk_row, row,
          {300}, {400}, {500}, {600})
{
    struct fixture f;
    struct slice standards;
    struct buf b = BUF_INIT(2 << 20);
    for (int i = 0; i < 20000; i++) buf_printf(&b, "word%d ", i);
    buf_putc(&b, '\0');
    small_disk(row->kib);
    save("standards/a.md", "# A\nplatypus\n");
    save("standards/b.md", b.p);
    open_engine(&f, &standards);
    CHECK_INT_EQ(count(&f, "platypus"), 1);
    save("standards/a.md", "# A\nechidna\n");
    save("standards/c.md", b.p);
    CHECK_INT_EQ(count(&f, "echidna"), 1);
    CHECK_INT_EQ(count(&f, "platypus"), 0);
    buf_done(&b);
    fixture_done(&f);
}

/* --- made once ----------------------------------------------------------------
 */

enum { MANY = 10 };

struct crowd {
    struct fixture f;
    _Atomic int lines[2]; /* of the log, that name each of the two files */
};

static void note_line(void *ctx, struct slice line)
{
    static const char *const names[] = {"name=search_index ",
                                        "name=search_index_own "};
    struct crowd *c = ctx;
    bool first = slice_find(line, SLICE("first-time initialisation")) < line.n;
    for (int i = 0; i < 2; i++)
        c->lines[i] +=
            first && slice_find(line, slice_of(names[i])) < line.n;
}

static void search_as_one_of_many(void *ctx, int i)
{
    struct crowd *c = ctx;
    (void)i;
    CHECK_INT_EQ(count(&c->f, "wombat"), 1);
}

static uint64_t uses(const struct once_stats *o)
{
    uint64_t n = 0;
    for (int r = 0; r < ONCE_RESULT_COUNT; r++) n += o->count[r];
    return n;
}

/* Ten search a server that has no index yet, and then one whose index is
 * gone: each file is made once, told of once, and all calls are counted. */
static void many_search(void (*harm)(void), struct eng_facts *ret)
{
    struct crowd c = {0};
    struct slice standards;
    save("standards/a.md", "# A\nwombat\n");
    open_engine(&c.f, &standards);
    harm();
    log_divert(note_line, &c);
    test_threads(MANY, search_as_one_of_many, &c);
    test_threads(MANY, search_as_one_of_many, &c);
    eng_facts_take(c.f.engine, clock_now(), ret);
    log_divert(NULL, NULL);
    for (size_t i = 0; i < 2; i++)
        CHECK_INT_EQ(c.lines[i], ret->onces[i].count[ONCE_MADE]);
    fixture_done(&c.f);
}

static void nothing(void)
{
}

TEST(index_lost, ten_who_search_first_open_one_index)
{
    static struct eng_facts facts;
    many_search(nothing, &facts);
    CHECK_INT_EQ(facts.onces_count, 2);
    CHECK_TEXT_EQ(slice_of(facts.onces[0].name), "search_index");
    CHECK_INT_EQ(facts.onces[0].count[ONCE_MADE], 1);
    CHECK_INT_EQ(uses(&facts.onces[0]), 2 * MANY);
    CHECK_INT_GE(facts.onces[0].count[ONCE_FAST], MANY);
    CHECK_INT_EQ(uses(&facts.onces[1]), 0);
}

TEST(index_lost, ten_who_cannot_use_it_keep_one_of_their_own)
{
    static struct eng_facts facts;
    many_search(a_folder, &facts);
    CHECK_TEXT_EQ(slice_of(facts.onces[1].name), "search_index_own");
    CHECK_INT_EQ(facts.onces[0].count[ONCE_MADE], 1);
    CHECK_INT_EQ(facts.onces[1].count[ONCE_MADE], 1);
    CHECK_INT_EQ(uses(&facts.onces[0]), 2 * MANY);
}
