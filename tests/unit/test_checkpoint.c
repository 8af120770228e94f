/* The WAL's length under a writer that never rests. */
#include "state/store_private.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/vfs_kit.h"

enum {
    JOBS = 1200,
    ROW_BYTES = 32 * 1024, /* eight frames and some */
    CHUNK = 30,            /* jobs between two looks */
    AHEAD = 100,           /* frames that may be left to move then */
    LONGEST = 4000         /* frames: 16 MB, of 48 MB that are written */
};

static struct st_store *store;
/* Of the writer that never rests; of whoever moves the WAL. */
static struct st_session row, other;

static enum err touch(void *ctx, struct st_tx *tx)
{
    struct st_session *r = ctx;
    r->version++;
    return st_session_update(tx, r, r->version - 1);
}

/* Whoever moves the WAL syncs in the middle of it: a commit comes then. */
static void commit_meanwhile(uint64_t nth)
{
    (void)nth;
    if (!pthread_equal(pthread_self(), store->writer_thread))
        CHECK_OK(st_write(store, touch, &other));
}

static uint32_t frames(void)
{
    return atomic_load(&store->wal_frames);
}

static uint32_t write_some(char *detail)
{
    uint32_t most = 0;
    for (int i = 0; i < CHUNK; i++) {
        memset(detail, 'a' + i % 26, ROW_BYTES); /* each page is another */
        CHECK_OK(st_write(store, touch, &row));
        if (frames() > most) most = frames();
    }
    while (frames() > atomic_load(&store->wal_moved) + AHEAD)
        st_store_checkpoint(store);
    return most;
}

TEST(checkpoint, the_wal_starts_again_under_a_writer_that_never_rests,
     .timeout_s = 60)
{
    uint32_t longest = 0;
    vfs_kit_begin();
    store = open_store();
    row = some_session("a");
    char *detail = arena_zalloc(test_arena(), ROW_BYTES);
    CHECK(detail);
    other = some_session("b");
    row.detail = (struct slice){detail, ROW_BYTES};
    CHECK_OK(st_write(store, insert_session, &row));
    CHECK_OK(st_write(store, insert_session, &other));
    vfs_watch(VFS_SYNC, commit_meanwhile);
    for (int i = 0; i < JOBS; i += CHUNK) {
        uint32_t most = write_some(detail);
        if (most > longest) longest = most;
    }
    vfs_fail_never();
    CHECK_INT_EQ(version_of(store, "a"), row.version);
    CHECK_INT_LT(longest, LONGEST);
    st_store_close(store);
}
