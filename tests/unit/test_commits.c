#include "state/commits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/store_private.h"
#include "tests/unit/store_fixture.h"

TEST(commits, our_own_commits_keep_the_stamp)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    uint64_t before = st_stamp(s);
    CHECK(before != 0);
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK(st_stamp_same(before, st_stamp(s)));
    st_store_close(s);
}

TEST(commits, a_commit_of_somebody_else_changes_the_stamp)
{
    struct st_store *s = open_store(), *other = open_store();
    struct st_session row = some_session("a");
    uint64_t before = st_stamp(s), others = st_stamp(other);
    CHECK_OK(st_write(other, insert_session, &row));
    CHECK(st_stamp(s) != 0);
    CHECK(!st_stamp_same(before, st_stamp(s)));
    CHECK(st_stamp_same(others, st_stamp(other)));
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(other);
    st_store_close(s);
}

TEST(commits, a_job_that_failed_keeps_the_stamps_of_others)
{
    struct st_store *s = open_store(), *other = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(other, insert_session, &row));
    uint64_t before = st_stamp(s);
    CHECK_ERR(st_write(other, insert_session, &row), ERR_EXISTS);
    CHECK(st_stamp_same(before, st_stamp(s)));
    st_store_close(other);
    st_store_close(s);
}

struct seen {
    struct st_store *s, *other;
    uint64_t in_job, during;
};

static enum err look_in_job(void *ctx, struct st_tx *tx)
{
    struct seen *seen = ctx;
    seen->in_job = st_tx_stamp(tx);
    seen->during = st_stamp(seen->other);
    struct st_session row = some_session("b");
    return st_session_insert(tx, &row);
}

TEST(commits, a_job_knows_the_stamp_to_publish_with)
{
    struct seen seen = {.s = open_store()};
    struct st_session row = some_session("a");
    seen.other = open_store();
    CHECK_OK(st_write(seen.other, insert_session, &row));
    CHECK_OK(st_write(seen.s, look_in_job, &seen));
    CHECK(st_stamp_same(seen.in_job, st_stamp(seen.s)));
    struct st_session c = some_session("c");
    CHECK_OK(st_write(seen.other, insert_session, &c));
    CHECK(!st_stamp_same(seen.in_job, st_stamp(seen.s)));
    st_store_close(seen.other);
    st_store_close(seen.s);
}

/* --- protocol, step by step ------------------------------------------------
 */

struct two {
    struct commits a, b;
};

static struct two two_open(void)
{
    struct two t;
    CHECK_OK(st__commits_open(&t.a, beside("")));
    st__commits_settle(&t.a);
    CHECK_OK(st__commits_open(&t.b, beside("")));
    st__commits_settle(&t.b);
    return t;
}

static void two_close(struct two *t)
{
    st__commits_close(&t->a);
    st__commits_close(&t->b);
}

static uint64_t ticket_of(struct commits *c)
{
    uint64_t ticket = 0;
    (void)st__commits_settle(c);
    CHECK_OK(st__commits_begin(c, &ticket));
    return ticket;
}

TEST(commits, a_transaction_under_way_is_seen_by_others_only)
{
    struct two t = two_open();
    uint64_t a = st__commits_stamp(&t.a), b = st__commits_stamp(&t.b);
    uint64_t ticket = ticket_of(&t.a);
    CHECK(st__commits_stamp(&t.a) == a);
    CHECK(st__commits_stamp(&t.b) == 0);
    st__commits_end(&t.a, ticket);
    CHECK(st__commits_stamp(&t.a) == a);
    CHECK(st__commits_stamp(&t.b) != 0);
    CHECK(st__commits_stamp(&t.b) != b);
    two_close(&t);
}

/* a's COMMIT gave the lock away before a could say so; b is in between. */
TEST(commits, a_late_end_does_not_cover_the_next_ones_transaction)
{
    struct two t = two_open();
    uint64_t first = ticket_of(&t.a);
    uint64_t second = ticket_of(&t.b);
    st__commits_end(&t.a, first);
    CHECK(st__commits_stamp(&t.a) == 0);
    CHECK(st__commits_stamp(&t.b) != 0);
    st__commits_end(&t.b, second);
    CHECK(st__commits_stamp(&t.a) != 0);
    st__commits_end(&t.a, first); /* the counter never goes back */
    CHECK(!st__commits_unsettled(&t.a));
    two_close(&t);
}

TEST(commits, one_killed_before_its_end_is_settled_by_the_next_writer)
{
    struct two t = two_open();
    uint64_t before = st__commits_stamp(&t.b);
    ticket_of(&t.a); /* and no end */
    CHECK(st__commits_stamp(&t.b) == 0);
    CHECK(st__commits_unsettled(&t.b));
    CHECK(st__commits_settle(&t.b)); /* it has to write */
    CHECK(st__commits_stamp(&t.b) != 0);
    CHECK(st__commits_stamp(&t.b) != before);
    CHECK(st__commits_unsettled(&t.b));
    st__commits_end(&t.b, ticket_of(&t.b));
    CHECK(!st__commits_unsettled(&t.b));
    CHECK(!st__commits_settle(&t.b));
    two_close(&t);
}

TEST(commits, the_keepers_round_settles_after_a_killed_writer)
{
    struct st_store *s = open_store();
    struct commits dead;
    uint64_t before = st_stamp(s);
    CHECK_OK(st__commits_open(&dead, beside("")));
    ticket_of(&dead);
    CHECK(st_stamp(s) == 0);
    st_store_checkpoint(s);
    CHECK(st_stamp(s) != 0);
    CHECK(!st_stamp_same(before, st_stamp(s)));
    st__commits_close(&dead);
    st_store_close(s);
}

/* --- what may happen to the file --------------------------------------------
 */

TEST(commits, a_removed_file_is_noticed_and_made_again)
{
    struct st_store *s = open_store();
    uint64_t before = st_stamp(s);
    CHECK_INT_EQ(unlink(beside("-commits")), 0);
    st_store_checkpoint(s);
    CHECK(st_stamp(s) != 0);
    CHECK(!st_stamp_same(before, st_stamp(s)));
    CHECK_INT_EQ(access(beside("-commits"), F_OK), 0);
    st_store_close(s);
}

TEST(commits, a_file_cut_short_is_made_whole)
{
    struct two t = two_open();
    CHECK_INT_EQ(truncate(beside("-commits"), 10), 0);
    st__commits_settle(&t.a);
    struct stat st;
    CHECK_INT_EQ(stat(beside("-commits"), &st), 0);
    CHECK_INT_GE(st.st_size, 4096);
    CHECK(st__commits_stamp(&t.a) != 0);
    two_close(&t);
}

static void fill(const char *path, char with, size_t n)
{
    FILE *f = fopen(path, "w");
    CHECK(f);
    while (n--) fputc(with, f);
    CHECK_INT_EQ(fclose(f), 0);
}

TEST(commits, a_file_full_of_anything_is_started_over)
{
    fill(beside("-commits"), 'z', 5000);
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    uint64_t before = st_stamp(s);
    CHECK(before != 0);
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK(st_stamp_same(before, st_stamp(s)));
    st_store_close(s);
}

/* A folder in its place can neither be mapped nor removed by us: lookups ask
 * a worker, and a commit that others could not see is refused. */
TEST(commits, without_the_file_reads_go_on_and_writes_are_refused)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    CHECK_INT_EQ(unlink(beside("-commits")), 0);
    CHECK_INT_EQ(mkdir(beside("-commits"), 0700), 0);
    s = open_store();
    CHECK(st_stamp(s) == 0);
    CHECK_INT_EQ(version_of(s, "a"), 1);
    struct st_session b = some_session("b");
    CHECK_ERR(st_write(s, insert_session, &b), ERR_STORE_WRITE_FAILED);
    CHECK_INT_EQ(version_of(s, "b"), 0);
    CHECK_INT_EQ(rmdir(beside("-commits")), 0);
    CHECK_OK(st_write(s, insert_session, &b));
    CHECK(st_stamp(s) != 0);
    st_store_close(s);
}

/* --- racing -----------------------------------------------------------------
 */

/* The claim of commits.h, tried: one thread in the role of a foreign writer
 * changes `data` between ticket and end under the lock both writers share;
 * readers keep what they read with its stamp and must never be told that an
 * older value is still the newest that was answered. */
struct race {
    struct two t;
    pthread_mutex_t write_lock; /* SQLite's */
    _Atomic int64_t data, answered;
    _Atomic bool stop;
    int rounds;
};

static void write_rounds(struct race *r, struct commits *c, bool foreign)
{
    for (int i = 0; i < r->rounds; i++) {
        pthread_mutex_lock(&r->write_lock);
        uint64_t ticket = ticket_of(c);
        int64_t now = 0;
        if (foreign) now = atomic_fetch_add(&r->data, 1) + 1;
        pthread_mutex_unlock(&r->write_lock);
        st__commits_end(c, ticket);
        if (foreign) atomic_store(&r->answered, now);
    }
}

static void look(struct race *r)
{
    uint64_t kept_stamp = 0;
    int64_t kept = 0;
    while (!atomic_load(&r->stop)) {
        int64_t answered = atomic_load(&r->answered);
        uint64_t now = st__commits_stamp(&r->t.a);
        if (st_stamp_same(kept_stamp, now)) {
            CHECK_INT_GE(kept, answered);
        } else {
            kept_stamp = now;
            kept = atomic_load(&r->data);
        }
    }
}

static void race_thread(void *ctx, int i)
{
    struct race *r = ctx;
    if (i == 0) {
        write_rounds(r, &r->t.b, true);
        atomic_store(&r->stop, true);
    } else if (i == 1) {
        write_rounds(r, &r->t.a, false);
    } else {
        look(r);
    }
}

TEST(commits, a_stamp_is_never_the_same_across_a_foreign_commit,
     .timeout_s = 60)
{
    struct race r = {.t = two_open(),
                     .write_lock = PTHREAD_MUTEX_INITIALIZER,
                     .rounds = test_sanitized() ? 5000 : 50000};
    test_threads(4, race_thread, &r);
    two_close(&r.t);
}
