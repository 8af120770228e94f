/*
 * state_faults: whole pieces of work on the files of state/, once with each
 * call failing that can: an allocation (SQLite's too), a call to the file
 * system. The work is then whole, or an error that its header names; and done
 * again it is whole, from what the failure has left.
 */
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "state/index.h"
#include "state/inspect.h"
#include "tests/unit/sites.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/vfs_kit.h"

#if defined(PHASEGATE_SANITIZE)
enum { STEP = 8 };
#else
enum { STEP = 1 };
#endif

/* What a piece of work works with, anew each time. */
struct work {
    struct arena a;
    char said[512]; /* what was found; the same each time */
    struct problem p;
};

struct piece {
    const char *name;
    enum err (*run)(struct work *w);
    void (*before)(void); /* each time */
    size_t step;          /* of a slow one each so-many-eth; 0: each */
};

__attribute__((format(printf, 2, 3))) static void say(struct work *k,
                                                      const char *form, ...)
{
    size_t n = strlen(k->said);
    va_list args;
    va_start(args, form);
    vsnprintf(k->said + n, sizeof(k->said) - n, form, args);
    va_end(args);
}

/* --- the index --------------------------------------------------------------
 */

static const char *index_path(const char *suffix)
{
    return arena_printf(test_arena(), "%s/index.db%s%c", test_tmpdir(), suffix,
                        '\0')
        .p;
}

static const char *index_file;

static void some_index(void)
{
    index_file = index_path("");
}

static void no_index(void)
{
    some_index();
    static const char *const all[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < 4; i++) unlink(index_path(all[i]));
}

static enum err put(struct st_index_write *w, const char *root,
                    const char *path, const char *text)
{
    const struct st_passage passages[] = {
        {.text = slice_of(text),
         .section = SLICE("One"),
         .headings = SLICE("Title > One"),
         .tokens = 10,
         .line = 1,
         .phase = 3},
        {.text = SLICE("A second passage about retries."),
         .section = SLICE("Two"),
         .headings = SLICE("Title > Two"),
         .tokens = 12,
         .line = 5,
         .phase = INT64_MIN}};
    const struct slice tags[] = {SLICE("tagged")};
    const struct st_doc d = {.root = slice_of(root),
                             .path = slice_of(path),
                             .title = SLICE("Title"),
                             .keywords = SLICE("patience"),
                             .tags = tags,
                             .tags_count = 1,
                             .stamp = SLICE("stamp"),
                             .passages = passages,
                             .passages_count = 2};
    return st_index_put(w, &d);
}

static enum err change(struct st_index_write *w, struct arena *a)
{
    struct st_doc_row *rows;
    size_t count;
    enum err e = put(w, "/one", "a.md", "Calls are retried with patience.");
    if (!e) e = put(w, "/one", "b.md", "A circuit breaks when calls fail.");
    if (!e) e = put(w, "/two", "c.md", "Patience is bounded.");
    if (!e) e = put(w, "/two", "gone.md", "This goes again.");
    if (!e) e = st_index_write_step(w);
    if (!e) e = st_index_docs(w, SLICE("/two"), a, &rows, &count);
    if (e) return e;
    CHECK_INT_EQ(count, 2);
    e = st_index_stamp(w, rows[0].id, SLICE("later"));
    return e ? e : st_index_delete(w, rows[1].id);
}

static enum err write_texts(struct st_index *x, struct work *k)
{
    struct st_index_write *w;
    struct st_index_state state = {0};
    enum err e = st_index_write_begin(x, 100, &w);
    if (e) return e;
    e = st_index_write_end(w, change(w, &k->a), &state);
    if (!e) say(k, "%d texts; ", (int)state.docs);
    return e;
}

static enum err write_vectors(struct st_index *x, struct work *k)
{
    struct st_index_view *v;
    struct st_index_write *w;
    struct st_index_state state;
    struct st_vectorless *items;
    size_t count = 0;
    enum err e = st_index_view(x, NULL, &v);
    if (e) return e;
    e = st_index_vectorless(v, SLICE("m"), 100, &k->a, &items, &count);
    st_index_view_end(v);
    if (!e) e = st_index_write_begin(x, 100, &w);
    if (e) return e;
    for (size_t i = 0; i < count && !e; i++) {
        const float value[] = {1, (float)items[i].text.n, 3, 4};
        e = st_index_put_vector(w, items[i].hash, SLICE("m"), value, 4);
    }
    if (!e) e = st_index_drop_vectors(w);
    return st_index_write_end(w, e, &state);
}

static enum err read_near(struct st_index_view *v, struct work *k)
{
    const struct slice roots[] = {SLICE("/one")};
    struct st_index_filter one = {
        .roots = roots, .roots_count = 1, .phase = INT64_MIN};
    struct st_index_docs docs;
    struct st_near *near;
    const float value[] = {1, 2, 3, 4};
    size_t count = 0;
    int64_t doc = 0;
    enum err e = st_index_filter(v, &one, &k->a, &docs);
    if (!e)
        e = st_index_nearest(v, SLICE("m"), value, 4, &docs, 3, &k->a, &near,
                             &count);
    if (!e && count) e = st_index_passage_doc(v, near[0].passage, &doc);
    say(k, "%d of %d near; ", (int)count, (int)docs.count);
    return e;
}

static enum err read_words(struct st_index_view *v, struct work *k)
{
    struct st_term terms[] = {{SLICE("retries"), false}, {SLICE("cal"), true}};
    struct st_posting *postings;
    struct st_hit *hits;
    struct st_word *words;
    struct slice *near;
    size_t count = 0, n = 0, m = 0, o = 0;
    struct st_doc_text doc = {0};
    struct st_passage passage = {0};
    enum err e = st_index_postings(v, terms[0], 10, &k->a, &postings, &count);
    if (!e && count)
        e = st_index_hits(v, postings[0].doc, terms, 2, &k->a, &hits, &n);
    if (!e && count) e = st_index_doc(v, postings[0].doc, &k->a, &doc);
    if (!e && n) e = st_index_passage(v, hits[0].passage, &k->a, &passage);
    if (!e) e = st_index_words(v, SLICE("Retried calls"), &k->a, &words, &m);
    if (!e) e = st_index_near(v, SLICE("patiense"), 5, &k->a, &near, &o);
    say(k, "%d found, %d hits, %.*s: %.*s, %d words, %d near; ", (int)count,
        (int)n, SLICE_ARG(doc.path), SLICE_ARG(passage.text), (int)m, (int)o);
    return e;
}

static enum err read_filtered(struct st_index_view *v, struct work *k)
{
    static const struct slice roots[] = {SLICE_INIT("/one"),
                                         SLICE_INIT("/two")},
                              tags[] = {SLICE_INIT("tagged")};
    static const struct st_index_filter filters[] = {
        {.roots = roots, .roots_count = 2, .phase = INT64_MIN},
        {.roots = roots, .roots_count = 1, .phase = 3},
        {.roots = roots,
         .roots_count = 2,
         .path_prefix = SLICE_INIT("b"),
         .phase = INT64_MIN},
        {.roots = roots,
         .roots_count = 2,
         .tags = tags,
         .tags_count = 1,
         .phase = INT64_MIN},
        {.roots = roots,
         .roots_count = 2,
         .tags = roots,
         .tags_count = 1,
         .phase = 9}};
    struct st_index_docs docs;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        enum err e = st_index_filter(v, &filters[i], &k->a, &docs);
        if (e) return e;
        say(k, "%s%d ", docs.all ? "all" : "", (int)docs.count);
    }
    return OK;
}

static enum err read_all(struct st_index *x, struct work *k)
{
    struct st_index_view *v;
    enum err e = st_index_view(x, NULL, &v);
    if (e) return e;
    e = read_words(v, k);
    if (!e) e = read_near(v, k);
    if (!e) e = read_filtered(v, k);
    st_index_view_end(v);
    return e;
}

static enum err index_work(struct work *k)
{
    struct st_index *x;
    enum err e = st_index_open(slice_of(index_file), &k->a, &k->p, &x);
    if (e) return e;
    e = write_texts(x, k);
    if (!e) e = write_vectors(x, k);
    if (!e) e = read_all(x, k);
    st_index_close(x);
    return e;
}

/* --- the state file and its copies -------------------------------------------
 */

static const char *state, *copy;

static void some_state(void)
{
    state = beside("");
    copy = beside(".copy");
    if (access(beside(""), F_OK) == 0) return;
    struct st_store *s = open_store();
    struct st_session row = some_session("kept");
    CHECK_OK(st_write(s, insert_session, &row));
    st_store_close(s);
}

static void no_copy(void)
{
    some_state();
    unlink(beside(".copy"));
}

static enum err inspect_work(struct work *k)
{
    struct st_inspection in;
    enum err e = st_inspect(slice_of(state), true, NULL, &k->a, &k->p, &in);
    /* Rows that cannot be counted are not told as the file's fault. */
    if (!e) CHECK(in.sessions == 1 || in.sessions == -1);
    return e;
}

/* A copy is whole, or it is not there. */
static enum err copy_work(struct work *k)
{
    struct st_inspection in;
    struct slice to = slice_of(copy);
    enum err e = st_backup_file(slice_of(state), to, NULL, &k->a, &k->p, &in);
    return e;
}

static enum err backup_work(struct work *k)
{
    struct st_store *s = NULL;
    struct st_store_options o = {.path = slice_of(state)};
    enum err e = st_store_open(&o, &k->a, &k->p, &s);
    if (!e) e = st_store_backup(s, slice_of(copy), &k->a, &k->p);
    if (!e) e = st_store_check(s, &k->a, &k->p);
    st_store_close(s);
    return e;
}

/* --- the rows of a session
 * ------------------------------------------------------
 */

/* Everything a session has; and it leaves nothing behind. */
static enum err write_rows(void *ctx, struct st_tx *tx)
{
    const struct st_session row = some_session("passing");
    struct st_event event = {.session_id = row.id,
                             .seq = 1,
                             .at_ms = 5,
                             .type = SLICE("session_started"),
                             .actor = SLICE("test"),
                             .phase = -1,
                             .data = SLICE("{}")};
    const struct st_evidence evidence = {.session_id = row.id,
                                         .event_seq = 1,
                                         .at_ms = 5,
                                         .passed = true,
                                         .body = SLICE("{\"a\":1}"),
                                         .verdict = SLICE("{}")};
    const struct st_idempotency answer = {.scope = SLICE("s"),
                                          .key = SLICE("k"),
                                          .answer = SLICE("{}"),
                                          .expires_ms = 50};
    const struct st_idempotency_room room = {.rows = 10, .bytes = 10000};
    int64_t dropped = 0, expired = 0;
    (void)ctx;
    enum err e = st_session_insert(tx, &row);
    if (!e) e = st_event_append(tx, &event);
    if (!e) e = st_evidence_insert(tx, &evidence);
    if (!e) e = st_definition_put(tx, SLICE("00ff"), SLICE("w"), SLICE("{}"));
    if (!e) e = st_read_put(tx, SLICE("kept"), 1);
    if (!e) e = st_idempotency_put(tx, &answer, &room, &dropped);
    if (!e) e = st_idempotency_sweep(tx, 100, 10, &expired);
    if (!e) e = st_session_delete(tx, row.id);
    event.session_id = SLICE("");
    int64_t seq = 0;
    uint8_t hash[SHA256_SIZE];
    if (!e) e = st_event_head(tx, event.session_id, &seq, hash);
    if (e && e != ERR_NOT_FOUND) return e;
    event.seq = seq + 1;
    return st_event_append(tx, &event);
}

static enum err read_rows(struct st_tx *tx, struct work *k)
{
    const struct st_session_filter every = {.limit = 10};
    struct st_session one, *list;
    struct st_session_tally tally = {0};
    struct st_evidence *evidence;
    struct slice *ids, body;
    size_t listed = 0, orphans = 0, named = 0, attempts = 0;
    int64_t count = 0;
    bool due = false;
    enum err e = st_session_get(tx, SLICE("kept"), &k->a, &one);
    if (!e) e = st_session_count(tx, &every, &count);
    if (!e) e = st_session_list(tx, &every, &k->a, &list, &listed);
    if (!e) e = st_session_ids(tx, SLICE(""), 10, &k->a, &ids, &named);
    const struct st_idle first = {0};
    struct st_idle *idle;
    size_t idle_count = 0;
    int64_t until_ms = 0;
    if (!e)
        e = st_session_idle(tx, &first, INT64_MAX, 10, &k->a, &idle,
                            &idle_count);
    if (!e && (e = st_read_get(tx, SLICE("kept"), &until_ms)) == ERR_NOT_FOUND)
        e = OK;
    if (!e) e = st_session_orphans(tx, &k->a, &ids, &orphans);
    if (!e) e = st_session_tally(tx, &k->a, &tally);
    if (!e)
        e = st_evidence_list(tx, SLICE("kept"), true, &k->a, &evidence,
                             &attempts);
    if (!e) e = st_definition_get(tx, SLICE("00ff"), &k->a, &body);
    if (!e) e = st_idempotency_due(tx, 1000, &due);
    say(k, "%d of %d, %d named, %d orphans, %d kinds, due %d", (int)listed,
        (int)count, (int)named, (int)orphans, (int)tally.count, due);
    return e;
}

static enum err store_work(struct work *k)
{
    struct st_store *s = NULL;
    struct st_tx *tx = NULL;
    struct st_store_options o = {.path = slice_of(state),
                                 .durability = ST_NORMAL,
                                 .busy_timeout_ms = 100};
    enum err e = st_store_open(&o, &k->a, &k->p, &s);
    if (!e) e = st_write(s, write_rows, NULL);
    if (!e) e = st_read_begin(s, NULL, &tx);
    if (!e) e = read_rows(tx, k);
    if (tx) st_read_end(tx);
    st_store_close(s);
    return e;
}

/* --- judging
 * ------------------------------------------------------------------
 */

static enum err once(const struct piece *row, struct slice *said)
{
    struct work k = {0};
    arena_init(&k.a, 1 << 24);
    problem_init(&k.p);
    enum err e = row->run(&k);
    mem_watch(NULL);
    mem_fail_at(0);
    vfs_fail_never();
    if (!e && said) *said = arena_copy(test_arena(), slice_of(k.said));
    arena_done(&k.a);
    return e;
}

static void ready(const struct piece *row)
{
    row->before();
}

/* It is whole now, from what was left. */
static void whole(const struct piece *row, struct slice want)
{
    struct slice said = {0};
    ready(row);
    CHECK_OK(once(row, &said));
    CHECK_SLICE_EQ(said, want);
}

static void judge(const struct piece *row, enum err e, struct slice said,
                  struct slice want, const enum err *may)
{
    if (!e) {
        CHECK_SLICE_EQ(said, want);
        return;
    }
    while (*may && *may != e) may++;
    if (!*may) FAIL("%s: %.*s", row->name, SLICE_ARG(err_detail(e)));
    whole(row, want);
}

#define PIECES                                                                 \
    {"an index that is made", index_work, no_index, 3},                        \
        {"an index that is there", index_work, some_index, 2},                 \
        {"a state file looked at", inspect_work, some_state, 1},               \
        {"a copy", copy_work, no_copy, 2},                                     \
        {"the rows of a session", store_work, some_state, 1},                  \
    {                                                                          \
        "a backup", backup_work, no_copy, 2                                    \
    }

TEST_EACH(state_faults, without_memory_it_is_whole_or_says_so, struct piece,
          row, PIECES)
{
    static void (*const fail[])(uint64_t n) = {mem_fail_at, mem_fail_from};
    static const enum err may[] = {ERR_NOMEM, OK};
    struct site site;
    struct slice want = {0}, said = {0};
    vfs_kit_begin();
    ready(row);
    CHECK_OK(once(row, &want)); /* what is made once for all */
    ready(row);
    sites_clear(true);
    mem_fail_at(0);
    mem_watch(sites_note);
    CHECK_OK(once(row, &said));
    CHECK_SLICE_EQ(said, want);
    CHECK(sites_at(0, &site));
    for (size_t i = 0; sites_at(i, &site); i += row->step * STEP)
        for (int how = 0; how < 4; how++) {
            if (how > 1 && site.first == site.last) break;
            ready(row);
            fail[how % 2](how > 1 ? site.last : site.first);
            enum err e = once(row, &said);
            judge(row, e, said, want, may);
        }
}

struct struck {
    unsigned kinds;
    int code;
    bool lasts;
};

/* All that the file system may answer, at each place where it is asked. */
TEST_EACH(state_faults, without_a_disk_it_is_whole_or_says_so, struct piece,
          row, PIECES)
{
    static const struct struck answers[] = {
        {VFS_ANY, SQLITE_IOERR, false},
        {VFS_ANY, SQLITE_IOERR, true},
        {VFS_WRITE | VFS_TRUNCATE, SQLITE_FULL, true},
        {VFS_READ, SQLITE_CORRUPT, false},
        {VFS_OPEN, SQLITE_CANTOPEN, false},
        {VFS_LOCK | VFS_SHM, SQLITE_BUSY, false},
        {VFS_ANY, SQLITE_IOERR_NOMEM, false}};
    static const enum err may[] = {ERR_IO,
                                   ERR_STORE_WRITE_FAILED,
                                   ERR_STORE_CORRUPT,
                                   ERR_STORE_BUSY,
                                   ERR_NOMEM,
                                   OK};
    struct site site;
    struct slice want = {0}, said = {0};
    vfs_kit_begin();
    ready(row);
    CHECK_OK(once(row, &want));
    for (size_t k = 0; k < sizeof(answers) / sizeof(answers[0]); k++) {
        const struct struck *s = &answers[k];
        ready(row);
        sites_clear(true);
        vfs_watch(s->kinds, sites_note);
        CHECK_OK(once(row, &said));
        CHECK_SLICE_EQ(said, want);
        for (size_t i = 0; sites_at(i, &site); i += row->step * STEP) {
            ready(row);
            (s->lasts ? vfs_fail_from : vfs_fail_at)(s->kinds, s->code,
                                                     site.first);
            enum err e = once(row, &said);
            judge(row, e, said, want, may);
        }
    }
}
