/* Several processes on one state file: two editor windows, and kill -9. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/vfs_kit.h"

/* Forks a process that runs fn(fd, n) with the writing end of a pipe; what it
 * returns is its exit status. The test's process has one thread here. */
struct child {
    pid_t pid;
    int out;
};

static struct child start(int (*fn)(int fd, int n), int n)
{
    int fds[2];
    CHECK_INT_EQ(pipe2(fds, O_CLOEXEC), 0);
    beside(""); /* the folder is made by the parent */
    pid_t pid = fork();
    CHECK_INT_GE(pid, 0);
    if (pid == 0) {
        close(fds[0]);
        _exit(fn(fds[1], n));
    }
    close(fds[1]);
    return (struct child){pid, fds[0]};
}

static int end(struct child *c)
{
    int status = 0;
    close(c->out);
    CHECK_INT_EQ(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static struct st_store *child_store(void)
{
    struct st_store *s = NULL;
    struct problem p;
    return try_open(&p, &s) == OK ? s : NULL;
}

static enum err update_from(void *ctx, struct st_tx *tx);

/* --- killed in the COMMIT ----------------------------------------------------
 */

static void die(uint64_t nth)
{
    (void)nth;
    _exit(0);
}

/* Dies as its frames are all written and are to be synced. */
static int die_in_commit(int fd, int n)
{
    (void)fd, (void)n;
    vfs_kit_begin();
    struct st_store *s = child_store();
    struct st_session first = some_session("first"); /* the WAL has begun */
    int64_t from = 1;
    if (!s || st_write(s, insert_session, &first)) return 1;
    vfs_watch(VFS_SYNC | VFS_WAL, die);
    return st_write(s, update_from, &from) ? 2 : 3; /* it does not come back */
}

/* Tells what it sees, and never ends by itself. */
static int see(int fd, int n)
{
    (void)n;
    struct st_store *s = child_store();
    if (!s) return 1;
    int64_t version = version_of(s, "shared");
    if (write(fd, &version, sizeof(version)) != sizeof(version)) return 2;
    for (;;) pause();
}

/* The same; when it may, it begins a transaction that writes nothing. */
static int see_and_refuse(int fd, int n)
{
    (void)n;
    struct st_store *s = child_store();
    const char *go = beside("-go");
    if (!s) return 1;
    for (int64_t none = 99;; none = 98) {
        int64_t version = version_of(s, "shared");
        if (write(fd, &version, sizeof(version)) != sizeof(version)) return 2;
        while (none == 98 || access(go, F_OK) != 0) usleep(1000);
        if (st_write(s, update_from, &none) != ERR_CONFLICT) return 3;
    }
}

static int64_t seen_by(struct child *c)
{
    int64_t version = 0;
    CHECK_INT_EQ(read(c->out, &version, sizeof(version)), sizeof(version));
    return version;
}

/* The frames of a COMMIT that nobody was told of lie in the WAL. While a
 * process lives nobody sees them; the first one after the last would. */
TEST(store_processes, what_was_not_there_after_a_kill_does_not_come_back)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("shared");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    struct child stays = start(see, 0);
    CHECK_INT_EQ(seen_by(&stays), 1);
    struct child dies = start(die_in_commit, 0);
    CHECK_INT_EQ(end(&dies), 0);
    struct child again = start(see, 0);
    CHECK_INT_EQ(seen_by(&again), 1);
    kill(stays.pid, SIGKILL);
    kill(again.pid, SIGKILL);
    (void)end(&stays);
    (void)end(&again);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "shared"), 1);
    st_store_close(s);
}

TEST(store_processes, nor_after_a_writer_that_lives_has_refused_a_job)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("shared");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    struct child stays = start(see_and_refuse, 0);
    CHECK_INT_EQ(seen_by(&stays), 1);
    struct child dies = start(die_in_commit, 0);
    CHECK_INT_EQ(end(&dies), 0);
    CHECK_OK(file_write_atomic(slice_of(beside("-go")), SLICE(""), 0600));
    CHECK_INT_EQ(seen_by(&stays), 1);
    kill(stays.pid, SIGKILL);
    (void)end(&stays);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "shared"), 1);
    st_store_close(s);
}

/* --- one winner per version --------------------------------------------------
 */

static enum err next_version(void *ctx, struct st_tx *tx)
{
    int64_t *version = ctx;
    enum err e = st_session_version(tx, SLICE("shared"), version);
    struct st_session row = some_session("shared");
    row.version = *version + 1;
    return e ? e : st_session_update(tx, &row, *version);
}

/* Decides on what it read before, as the engine does; the other process may
 * have been faster. */
static enum err update_from(void *ctx, struct st_tx *tx)
{
    const int64_t *from = ctx;
    struct st_session row = some_session("shared");
    row.version = *from + 1;
    return st_session_update(tx, &row, *from);
}

static int compete(int fd, int wins)
{
    struct st_store *s = child_store();
    if (!s) return 1;
    while (wins > 0) {
        int64_t version = version_of(s, "shared");
        enum err e = st_write(s, update_from, &version);
        if (e == ERR_CONFLICT) continue;
        if (e) return 2;
        version++;
        if (write(fd, &version, sizeof(version)) != sizeof(version)) return 3;
        wins--;
    }
    st_store_close(s);
    return 0;
}

TEST(store_processes, each_version_has_exactly_one_winner, .timeout_s = 120)
{
    int wins = test_sanitized() ? 200 : 1000;
    struct st_store *s = open_store();
    struct st_session row = some_session("shared");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    struct child c[2] = {start(compete, wins), start(compete, wins)};
    char *seen = arena_zalloc(test_arena(), 2 * (size_t)wins + 2);
    for (int i = 0; i < 2; i++) {
        int64_t version;
        while (read(c[i].out, &version, sizeof(version)) == sizeof(version)) {
            CHECK_INT_GE(version, 2);
            CHECK_INT_LE(version, 2 * wins + 1);
            CHECK_INT_EQ(seen[version], 0);
            seen[version] = 1;
        }
        CHECK_INT_EQ(end(&c[i]), 0);
    }
    for (int v = 2; v <= 2 * wins + 1; v++) CHECK_INT_EQ(seen[v], 1);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "shared"), 2 * wins + 1);
    st_store_close(s);
}

/* --- stamps across processes -------------------------------------------- */

struct shared {
    _Atomic int64_t answered; /* the newest version the child was told of */
    _Atomic bool over;
};
static struct shared *shared;

static int commit_many(int fd, int n)
{
    (void)fd;
    struct st_store *s = child_store();
    if (!s) return 1;
    for (int i = 0; i < n; i++) {
        int64_t version = 0;
        if (st_write(s, next_version, &version)) return 2;
        atomic_store(&shared->answered, version + 1);
    }
    st_store_close(s);
    atomic_store(&shared->over, true);
    return 0;
}

/* Here a value is kept with its stamp; while the stamp is the same, no newer
 * one may have been answered over there. Our own writer writes too. */
TEST(store_processes, an_unchanged_stamp_means_nobody_else_has_committed,
     .timeout_s = 120)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    struct st_store *s = open_store();
    struct st_session row = some_session("shared");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    struct child c = start(commit_many, test_sanitized() ? 200 : 2000);
    s = open_store();
    uint64_t kept = 0;
    int64_t value = 0, loads = 0, own = 0;
    while (!atomic_load(&shared->over)) {
        int64_t answered = atomic_load(&shared->answered);
        uint64_t now = st_stamp(s);
        if (st_stamp_same(kept, now)) {
            CHECK_INT_GE(value, answered);
            continue;
        }
        kept = now;
        value = version_of(s, "shared");
        if (++loads % 64) continue;
        char id[48];
        snprintf(id, sizeof(id), "own-%lld", (long long)own++);
        struct st_session mine = some_session(id);
        CHECK_OK(st_write(s, insert_session, &mine));
    }
    CHECK_INT_GT(loads, 1);
    CHECK_INT_EQ(end(&c), 0);
    st_store_close(s);
}

/* --- opening together --------------------------------------------------- */

static int open_and_write(int fd, int n)
{
    char id[48];
    struct st_store *s = NULL;
    struct problem p;
    (void)fd;
    snprintf(id, sizeof(id), "p%d", n);
    struct st_session row = some_session(id);
    enum err e = try_open(&p, &s);
    if (!e) e = st_write(s, insert_session, &row);
    st_store_close(s);
    return (int)e;
}

TEST(store_processes, four_that_create_the_file_at_once_all_get_it,
     .timeout_s = 60)
{
    for (int round = 0; round < 20; round++) {
        struct child c[4];
        for (int i = 0; i < 4; i++) c[i] = start(open_and_write, i);
        for (int i = 0; i < 4; i++)
            CHECK_ERR((enum err)WEXITSTATUS(end(&c[i])), OK);
        struct st_store *s = open_store();
        CHECK_INT_EQ(sessions_in(s), 4);
        st_store_close(s);
        CHECK_INT_EQ(unlink(beside("")), 0);
    }
}

/* --- kill -9 ------------------------------------------------------------ */

struct reported {
    struct test_job j;
    int fd;
    int32_t number;
};

static void report(struct st_job *job, enum err e)
{
    struct reported *r = (struct reported *)job;
    if (e == OK && write(r->fd, &r->number, sizeof(r->number)) < 0) abort();
    sem_post(&r->j.answered);
}

/* Eight at a time, so that groups form; an answer is reported as it comes. */
static int write_until_killed(int fd, int round)
{
    static struct reported r[8];
    struct st_store *s = child_store();
    if (!s) return 1;
    for (int32_t n = 0;; n += 8) {
        for (int i = 0; i < 8; i++) {
            test_job_init(&r[i].j, 0);
            snprintf(r[i].j.id, sizeof(r[i].j.id), "k%d-%d", round, n + i);
            r[i].j.job.done = report;
            r[i].fd = fd;
            r[i].number = n + i;
            if (st_submit(s, &r[i].j.job)) return 2;
        }
        for (int i = 0; i < 8; i++) test_job_wait(&r[i].j);
    }
}

static int kill_and_count(int round, int *ret_answered)
{
    struct child c = start(write_until_killed, round);
    int32_t number, most = -1;
    uint64_t us = random_u64() % 25000;
    struct timespec t = {0, (long)us * 1000};
    /* From its first answer on, at any moment. */
    if (read(c.out, &number, sizeof(number)) == sizeof(number)) most = number;
    nanosleep(&t, NULL);
    kill(c.pid, SIGKILL);
    while (read(c.out, &number, sizeof(number)) == sizeof(number)) {
        CHECK_INT_EQ(number, most + 1);
        most = number;
    }
    *ret_answered = most + 1;
    return end(&c);
}

TEST(store_processes, after_a_kill_every_answered_job_is_there,
     .timeout_s = 120)
{
    int rounds = test_sanitized() ? 15 : 50, total = 0;
    for (int round = 0; round < rounds; round++) {
        int answered = 0;
        struct problem p;
        int status = kill_and_count(round, &answered);
        CHECK(WIFSIGNALED(status));
        total += answered;
        struct st_store *s = open_store();
        for (int i = 0; i < answered; i++) {
            char id[48];
            snprintf(id, sizeof(id), "k%d-%d", round, i);
            CHECK_INT_EQ(version_of(s, id), 1);
        }
        CHECK_OK(st_store_check(s, test_arena(), &p));
        CHECK(st_stamp(s) != 0);
        st_store_close(s);
    }
    CHECK_INT_GT(total, rounds);
}
