#include "state/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/store_fixture.h"

TEST(store, what_was_written_is_there_after_reopening)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
    s = open_store();
    CHECK_INT_EQ(version_of(s, "a"), 1);
    st_store_close(s);
    CHECK_INT_EQ(access(beside("-wal"), F_OK), -1);
}

static enum err insert_then_fail(void *ctx, struct st_tx *tx)
{
    enum err e = st_session_insert(tx, ctx);
    return e ? e : ERR_GATE_REFUSED;
}

TEST(store, a_job_that_fails_leaves_no_trace)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    CHECK_ERR(st_write(s, insert_then_fail, &row), ERR_GATE_REFUSED);
    CHECK_INT_EQ(version_of(s, "a"), 0);
    st_store_close(s);
}

TEST(store, our_own_commits_keep_the_stamp)
{
    struct st_store *s = open_store();
    struct st_session row = some_session("a");
    uint64_t before = st_stamp(s);
    CHECK(before != 0);
    CHECK_OK(st_write(s, insert_session, &row));
    CHECK(st_stamp_same(before, st_stamp(s)));
    st_store_close(s);
}

TEST(store, a_commit_of_somebody_else_changes_the_stamp)
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
