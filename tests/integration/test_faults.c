/*
 * The disk fails, the process dies and the power goes, at every call that the
 * store makes: whatever was answered is there, what was not is there whole or
 * not at all, the record verifies, and the server goes on or says why not.
 *
 * Ordinary runs take a few calls, --full many, --long every one.
 */
#include "tests/integration/faulty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

/* How far from one n to the next. */
struct walk {
    uint64_t first, step;
};

static const char *target_of(uint64_t n)
{
    return arena_printf(test_arena(), "t%llu", (unsigned long long)n).p;
}

/* A new state file is there whole at once; every other one here is empty, and
 * SQLite makes it step by step. */
static struct server_options a_project(uint64_t n)
{
    struct arena *a = test_arena();
    struct server_options o = faulty_options();
    if (n % 2 == 0) return o;
    struct slice root =
        arena_printf(a, "%s/grows-%llu", test_tmpdir(), (unsigned long long)n);
    CHECK_OK(path_make(arena_printf(a, "%s/.git", root.p), 0755));
    CHECK_OK(path_make(arena_printf(a, "%s/.phasegate", root.p), 0755));
    CHECK_OK(file_write_atomic(
        arena_printf(a, "%s/.phasegate/state.db", root.p), SLICE(""), 0600));
    o.project = root.p;
    return o;
}

/* --- the process dies ----------------------------------------------------- */

/* A new project each time, so that its making is cut off too. False: the
 * script came to its end before the n-th call. */
static bool die_at(struct faults *f, enum fault_what what, uint64_t n)
{
    struct server_options o = a_project(n);
    struct script sc = {.target = target_of(n)};
    int done;
    f->seed = n;
    f->tracks = what == FAULT_POWER;
    faulty_arm(f, what, FAULT_ALL, 0, n);
    sc.s = server_start(&o);
    enum script_end end = script_run(&sc, 0, &done);
    CHECK(end != SCRIPT_REFUSED);
    if (end == SCRIPT_DONE) server_stop_eof(sc.s);
    bool fired = f->fired > 0;
    faulty_disarm(f);
    if (end == SCRIPT_DEAD) {
        CHECK(fired);
        CHECK_INT_EQ(server_wait(sc.s).signal, SIGKILL);
    }
    server_restart(sc.s);
    done = script_look(&sc, done);
    CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    CHECK_INT_EQ(script_look(&sc, SCRIPT_STEPS), SCRIPT_STEPS);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    script_verify(sc.s);
    return fired;
}

static void die_at_each(enum fault_what what, struct walk w)
{
    struct faults *f = faulty_page();
    script_learn();
    uint64_t n = w.first, rounds = 0;
    int64_t began = clock_now();
    for (; die_at(f, what, n); n += w.step) rounds++;
    printf("%llu of %llu calls, %.1f s\n", (unsigned long long)rounds,
           (unsigned long long)n, (double)(clock_now() - began) / 1e9);
    CHECK_INT_GT(rounds, 3);
}

struct death {
    const char *label;
    enum fault_what what;
    struct walk walk;
};

TEST_EACH(faults, a_death_at_any_call_loses_nothing_answered, struct death, row,
          {"kill", FAULT_KILL, {3, 97}}, {"power", FAULT_POWER, {5, 97}})
{
    die_at_each(row->what, row->walk);
}

TEST_EACH_IF(faults, a_death_at_each_call_loses_nothing_answered,
             (.needs = "slow plain", .timeout_s = 900, .in_memory = true),
             struct death, row, {"kill", FAULT_KILL, {1, 3}},
             {"power", FAULT_POWER, {2, 3}})
{
    die_at_each(row->what,
                getenv("PHASEGATE_LONG") ? (struct walk){1, 1} : row->walk);
}

/* --- the disk fails ------------------------------------------------------- */

struct fault {
    const char *label;
    enum fault_kind kind;
    int code;
    bool lasts; /* until the operator has mended it */
};
#define EACH_FAULT                                                             \
    {"open", FAULT_OPEN, SQLITE_CANTOPEN, false},                              \
        {"read-only", FAULT_OPEN, SQLITE_READONLY, true},                      \
        {"read", FAULT_READ, SQLITE_IOERR, false},                             \
        {"reads", FAULT_READ, SQLITE_IOERR, true},                             \
        {"write", FAULT_WRITE, SQLITE_IOERR, false},                           \
        {"writes", FAULT_WRITE, SQLITE_IOERR, true},                           \
        {"disk full", FAULT_WRITE, SQLITE_FULL, true},                         \
        {"full for a moment", FAULT_WRITE, SQLITE_FULL, false},                \
        {"sync", FAULT_SYNC, SQLITE_IOERR, false},                             \
        {"syncs", FAULT_SYNC, SQLITE_IOERR, true},                             \
        {"truncate", FAULT_TRUNCATE, SQLITE_IOERR, true},                      \
        {"lock", FAULT_LOCK, SQLITE_IOERR, false},                             \
        {"locks", FAULT_LOCK, SQLITE_IOERR, true},                             \
        {"shm", FAULT_SHM, SQLITE_IOERR, false},                               \
        {"shms", FAULT_SHM, SQLITE_IOERR, true},                               \
        {"unlink", FAULT_UNLINK, SQLITE_IOERR, true},

/* On a server that runs: it must go on once the disk does. False: the script
 * came to its end before the n-th call. */
static bool fail_at(struct faults *f, struct server *s, const struct fault *row,
                    uint64_t n)
{
    struct script sc = {.s = s, .target = target_of(n)};
    int done = 0;
    f->lasts = row->lasts;
    faulty_arm(f, FAULT_ERROR, FAULT_BIT(row->kind), row->code, n);
    enum script_end end = script_run(&sc, 0, &done);
    CHECK(end != SCRIPT_DEAD);
    CHECK(end == SCRIPT_DONE || f->fired > 0);
    faulty_disarm(f);
    done = script_look(&sc, done);
    CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    CHECK_INT_EQ(script_look(&sc, SCRIPT_STEPS), SCRIPT_STEPS);
    return f->fired > 0;
}

static void fail_at_each(const struct fault *row, struct walk w)
{
    struct faults *f = faulty_page();
    struct server_options o = faulty_options();
    script_learn();
    struct server *s = server_start(&o);
    script_look(&(struct script){.s = s, .target = "started"}, 0);
    uint64_t n = w.first;
    while (fail_at(f, s, row, n)) n += w.step;
    printf("%s: %llu calls\n", row->label, (unsigned long long)n);
    script_verify(s);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

TEST_EACH(faults, a_failing_call_is_told_and_forgotten, struct fault, row,
          EACH_FAULT)
{
    fail_at_each(row, (struct walk){1, 7});
}

TEST_EACH_IF(faults, each_failing_call_is_told_and_forgotten,
             (.needs = "slow plain", .timeout_s = 300, .in_memory = true),
             struct fault, row, EACH_FAULT)
{
    fail_at_each(row, (struct walk){1, 1});
}

/* From the start: it serves, or ends and says why; mended, it starts. */
static bool start_with(struct faults *f, const struct fault *row, uint64_t n)
{
    struct server_options o = a_project(n);
    struct script sc = {.target = target_of(n)};
    int done = 0;
    f->lasts = row->lasts;
    faulty_arm(f, FAULT_ERROR, FAULT_BIT(row->kind), row->code, n);
    sc.s = server_start(&o);
    enum script_end end = script_run(&sc, 0, &done);
    struct server_exit ended = server_stop_eof(sc.s);
    CHECK_INT_EQ(ended.signal, 0);
    if (end == SCRIPT_DEAD) CHECK_INT_NE(ended.status, 0);
    if (end != SCRIPT_DONE) CHECK_CONTAINS(server_stderr_text(sc.s), "error");
    bool fired = f->fired > 0;
    faulty_disarm(f);
    server_restart(sc.s);
    done = script_look(&sc, done);
    CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    script_verify(sc.s);
    return fired && end != SCRIPT_DONE;
}

static void start_with_each(const struct fault *row, struct walk w)
{
    struct faults *f = faulty_page();
    script_learn();
    uint64_t n = w.first;
    while (n < 200 && start_with(f, row, n)) n += w.step;
}

TEST_EACH(faults, a_start_on_a_failing_disk_serves_or_says_why, struct fault,
          row, EACH_FAULT)
{
    start_with_each(row, (struct walk){2, 71});
}

TEST_EACH_IF(faults, each_start_on_a_failing_disk_serves_or_says_why,
             (.needs = "slow plain", .timeout_s = 300, .in_memory = true),
             struct fault, row, EACH_FAULT)
{
    start_with_each(row, (struct walk){1, 3});
}

/* --- a real small disk ---------------------------------------------------- */

static void write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0) close(fd);
    if (n < 0) test_skip("%s: %s", path, strerror(errno));
}

/* A disk of this size at <tmpdir>/disk, of this process and its children. */
static const char *small_disk(const char *size)
{
    struct arena *a = test_arena();
    const char *at = arena_printf(a, "%s/disk", test_tmpdir()).p;
    unsigned uid = getuid(), gid = getgid();
    CHECK_INT_EQ(mkdir(at, 0755), 0);
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            test_skip("may not mount here: %s", strerror(errno));
        write_map("/proc/self/setgroups", "deny");
        write_map("/proc/self/uid_map", arena_printf(a, "0 %u 1", uid).p);
        write_map("/proc/self/gid_map", arena_printf(a, "0 %u 1", gid).p);
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", at, "tmpfs", 0, size) != 0)
        test_skip("may not mount here: %s", strerror(errno));
    CHECK_INT_EQ(mkdir(arena_printf(a, "%s/.git", at).p, 0755), 0);
    return at;
}

/* Writes until nothing more fits. */
static void fill(const char *file)
{
    static const char bytes[4096];
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    while (write(fd, bytes, sizeof(bytes)) > 0) continue;
    CHECK_INT_EQ(errno, ENOSPC);
    close(fd);
}

TEST(faults, a_disk_that_is_full_is_told_and_work_goes_on_when_it_is_not)
{
    struct server_options o = faulty_options();
    script_learn();
    const char *disk = o.project = small_disk("size=4m");
    const char *ballast = arena_printf(test_arena(), "%s/ballast", disk).p;
    struct server *s = server_start(&o);
    int refused = 0, done = 0;
    for (uint64_t n = 0; n < 6; n++) {
        struct script sc = {.s = s, .target = target_of(n)};
        CHECK_INT_EQ(script_step(&sc, 0), SCRIPT_DONE);
        fill(ballast);
        refused += script_run(&sc, 1, &done) == SCRIPT_REFUSED;
        CHECK_INT_EQ(script_look(&sc, done), done);
        CHECK_INT_EQ(unlink(ballast), 0);
        CHECK_INT_EQ(script_run(&sc, done, &done), SCRIPT_DONE);
    }
    CHECK_INT_GT(refused, 0);
    script_verify(s);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

/* Names in a folder that need not be there, hidden ones too. */
static int names_in(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    const struct dirent *d;
    while (dir && (d = readdir(dir)))
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    if (dir) closedir(dir);
    return n;
}

/* Files and folders that may yet be made: what room runs out of, too. */
static const char *filler(const char *disk, int i)
{
    return arena_printf(test_arena(), "%s/filler-%d", disk, i).p;
}

static int fill_with_files(const char *disk)
{
    int n = 0, fd;
    while ((fd = open(filler(disk, n), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >=
           0) {
        close(fd);
        n++;
    }
    CHECK_INT_EQ(errno, ENOSPC);
    return n;
}

/* True: it was made. Else it was told how to go on, and nothing lies there. */
static bool makes_workflow(struct server *s, const char *disk, const char *name)
{
    static const char *const parts[] = {"code", "what", "why", "how_to_fix"};
    struct arena *a = test_arena();
    const char *folder = arena_printf(a, "%s/made", disk).p;
    int before = names_in(folder);
    const struct json *r =
        stdio_tool(s, "create_workflow",
                   arena_printf(a,
                                "{\"name\":\"%s\",\"output_dir\":\"made\","
                                "\"phases\":[\"One\"]}",
                                name)
                       .p);
    const struct json *v = json_get(r, SLICE("structuredContent"));
    const struct json *e = json_get(v, SLICE("error"));
    CHECK_INT_EQ(names_in(folder), before + !e);
    for (size_t i = 0; e && i < 4; i++)
        CHECK_INT_GT(json_text(json_get(e, slice_of(parts[i]))).n, 0);
    if (!e) CHECK_INT_EQ(json_get(v, SLICE("files"))->count, 5);
    return !e;
}

/* Room for one file more each time, and then for one page. */
TEST(faults, a_workflow_is_made_whole_or_not_at_all_where_room_ends)
{
    const char *disk = small_disk("size=4m,nr_inodes=200");
    const char *ballast = arena_printf(test_arena(), "%s/ballast", disk).p;
    struct server *s = server_start(&(struct server_options){.project = disk});
    struct stat st;
    int refused = 0;
    CHECK(makes_workflow(s, disk, "zero_v1"));
    int n = fill_with_files(disk);
    for (; !makes_workflow(s, disk, "one_v1"); refused++)
        CHECK_INT_EQ(unlink(filler(disk, --n)), 0);
    while (n) CHECK_INT_EQ(unlink(filler(disk, --n)), 0);
    CHECK_INT_GT(refused, 5);
    fill(ballast);
    for (refused = 0; !makes_workflow(s, disk, "two_v1"); refused++) {
        CHECK_INT_EQ(stat(ballast, &st), 0);
        CHECK_INT_EQ(truncate(ballast, st.st_size - 4096), 0);
    }
    CHECK_INT_GT(refused, 3);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

TEST(faults, on_a_disk_for_reading_only_it_says_so_and_harms_nothing)
{
    struct server_options o = faulty_options();
    script_learn();
    const char *disk = o.project = small_disk("size=8m");
    struct script sc = {.s = server_start(&o), .target = "before"};
    CHECK_INT_EQ(script_step(&sc, 0), SCRIPT_DONE);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    CHECK_INT_EQ(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    server_restart(sc.s);
    CHECK(script_step(&sc, 1) != SCRIPT_DONE);
    server_stop_eof(sc.s);
    CHECK_CONTAINS(server_stderr_text(sc.s), "error");
    CHECK_INT_EQ(mount(NULL, disk, NULL, MS_REMOUNT, NULL), 0);
    server_restart(sc.s);
    CHECK_INT_EQ(script_look(&sc, 1), 1);
    int done;
    CHECK_INT_EQ(script_run(&sc, 1, &done), SCRIPT_DONE);
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
    script_verify(sc.s);
}
