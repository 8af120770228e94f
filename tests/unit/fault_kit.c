#include "tests/unit/fault_kit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/unit/sites.h"
#include "tests/unit/vfs_kit.h"

void fault_begin(struct fault *t)
{
    fixture_init(&t->f, kit_workflows());
    t->id = kit_begin(&t->f, "src/a.c");
}

void fault_session(struct fault *t)
{
    t->id =
        kit_begin(&t->f, arena_printf(test_arena(), "src/%d.c", (int)t->n).p);
}

static void forget(struct fault *t)
{
    struct buf told = BUF_INIT(1 << 16);
    struct json_writer w = json_writer(&told);
    json_begin_object(&w);
    CHECK_OK(eng_clear_caches(t->f.engine, SLICE(""), &w));
    buf_done(&told);
}

static int64_t version(struct fault *t)
{
    int64_t v = 0;
    if (t->id.n) CHECK_OK(eng_session_versions(t->f.engine, &t->id, 1, &v));
    return v;
}

/* What a client would read is whole in either case. */
static void check_answer(struct outcome *o, enum err e)
{
    const struct json *v;
    struct json_error je;
    struct buf told = BUF_INIT(1 << 20);
    if (e) problem_write(&o->call.problem, &told);
    struct slice text = buf_slice(e ? &told : &o->twin.plain);
    if (json_parse(text, NULL, &o->arena, &v, &je))
        FAIL("%s at %zu in the answer %.*s", je.what, je.at, SLICE_ARG(text));
    if (e) {
        CHECK_INT_EQ(o->call.problem.err, e);
        CHECK(json_text(json_at(v, "error", "what", NULL)).n > 0);
        CHECK(json_text(json_at(v, "error", "code", NULL)).n > 0);
        CHECK(json_text(json_at(v, "error", "how_to_fix", NULL)).n > 0);
    }
    buf_done(&told);
}

/* The answer did not fit into memory: the client is told what that is. */
static enum err told(struct outcome *o)
{
    enum err e = o->twin.plain.err;
    if (!e) return OK;
    return problem_set(&o->call.problem, e, SLICE("what"), SLICE("why"),
                       SLICE("how"));
}

/* Whoever only reads has one answer. */
static void check_same(const struct fault_op *op, struct fault *t,
                       struct slice text)
{
    if (op->ready || op->varies) return;
    if (!t->answer.p) t->answer = arena_copy(test_arena(), text);
    if (!slice_eq(text, t->answer))
        FAIL("%s: %.*s instead of %.*s", op->name, SLICE_ARG(text),
             SLICE_ARG(t->answer));
}

/* --- failing ---------------------------------------------------------------
 */

/* Sanitizers take ten times as long, and judge one in so many. */
#if defined(PHASEGATE_SANITIZE)
enum { STEP = 16 };
#else
enum { STEP = 1 };
#endif

static void never(uint64_t n)
{
    (void)n;
    sites_clear(false);
    mem_fail_at(0);
    mem_watch(sites_note);
}

/* One call with a failure. */
static void once(const struct fault_op *op, struct fault *t,
                 void (*fail)(uint64_t n), uint64_t n)
{
    struct outcome o;
    outcome_begin(&o);
    int64_t before = version(t);
    if (!t->warm) forget(t);
    fail(n);
    enum err e = outcome_wait(&o, op->call(t, &o.call));
    if (!e) e = told(&o);
    bool failed = fail != never && mem_count() >= n;
    mem_fail_at(0);
    mem_watch(NULL);
    if (e != op->want && e != ERR_NOMEM)
        FAIL("%s: allocation %u: %.*s: %.*s", op->name, (unsigned)n,
             SLICE_ARG(err_code(e)), SLICE_ARG(o.call.problem.what));
    if (!failed) CHECK_INT_EQ(e, op->want);
    check_answer(&o, e);
    if (e == ERR_NOMEM && !op->twice) CHECK_INT_EQ(version(t), before);
    if (!e) check_same(op, t, buf_slice(&o.twin.plain));
    if (e == op->want) {
        t->n++;
        if (op->ready) op->ready(t);
    }
    outcome_done(&o);
}

void fault_run(const struct fault_op *op)
{
    static void (*const fail[])(uint64_t n) = {mem_fail_at, mem_fail_from};
    struct fault t = {0};
    struct outcome o;
    (op->begin ? op->begin : fault_begin)(&t);
    t.f.durability = ST_NORMAL; /* hundreds of commits, and no power is lost */
    fixture_restart(&t.f);
    if (op->ready) op->ready(&t);
    if (t.warm) once(op, &t, never, 0);
    once(op, &t, never, 0);
    struct site site;
    CHECK(sites_at(0, &site));
    size_t step = STEP * (op->step ? op->step : 1);
    for (size_t i = 0; sites_at(i, &site); i += step)
        for (size_t how = 0; how < 2; how++) {
            once(op, &t, fail[how], site.first);
            if (site.last != site.first) once(op, &t, fail[how], site.last);
        }
    once(op, &t, mem_fail_at, 0);
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(t.f.engine, &o.call, &all)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    outcome_done(&o);
    fixture_done(&t.f);
}

/* --- a disk that fails -------------------------------------------------------
 */

static const struct struck {
    const char *name;
    unsigned kinds;
    int code;
    bool lasts;
} strikes[] = {
    {"a call", VFS_ANY, SQLITE_IOERR, false},
    {"all calls", VFS_ANY, SQLITE_IOERR, true},
    {"a full disk", VFS_WRITE | VFS_TRUNCATE, SQLITE_FULL, true},
    {"a disk full for a moment", VFS_WRITE, SQLITE_FULL, false},
    {"a sync", VFS_SYNC, SQLITE_IOERR, false},
    {"a page that is none", VFS_READ, SQLITE_CORRUPT, false},
    {"a file that does not open", VFS_OPEN, SQLITE_CANTOPEN, false},
    {"a lock that another holds", VFS_LOCK | VFS_SHM, SQLITE_BUSY, false},
    {"a mapping without memory", VFS_ANY, SQLITE_IOERR_NOMEM, false}};
enum {
    STRIKES = sizeof(strikes) / sizeof(strikes[0]),
    SITES_TAKEN = STEP > 1 ? 1 : 4
};

/* What may be said of it. */
static const enum err excuses[] = {ERR_IO,         ERR_STORE_WRITE_FAILED,
                                   ERR_STORE_BUSY, ERR_STORE_CORRUPT,
                                   ERR_NOMEM,      ERR_SESSION_CORRUPT};

static bool is_excuse(enum err e)
{
    size_t i = 0;
    while (i < sizeof(excuses) / sizeof(excuses[0]) && excuses[i] != e) i++;
    return i < sizeof(excuses) / sizeof(excuses[0]);
}

/* The heads of all chains, which are whole. */
static struct slice record_of(struct fault *t)
{
    struct outcome o;
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(t->f.engine, &o.call, &all)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    struct slice s = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    return s;
}

/* As the program ends: a worker may still be on its way out of a call that
 * was answered by another thread. */
static void reopen(struct fault *t)
{
    pool_stop(t->f.pool);
    eng_close(t->f.engine);
    pool_free(t->f.pool);
    CHECK_OK(pool_new("worker", 4, 4096, &t->f.pool));
    fixture_open(&t->f);
}

/* Opened anew it holds what it held. */
static void again(struct fault *t)
{
    reopen(t);
    CHECK_SLICE_EQ(record_of(t), t->record);
    reopen(t);
}

static enum err struck_call(const struct fault_op *op, struct fault *t,
                            struct outcome *o)
{
    outcome_begin(o);
    enum err e = outcome_wait(o, op->call(t, &o->call));
    uint64_t failed = vfs_failed();
    vfs_fail_never();
    if (!e) e = told(o);
    if (e != op->want && (!failed || !is_excuse(e)))
        FAIL("%s: %.*s: %.*s", op->name, SLICE_ARG(err_code(e)),
             SLICE_ARG(o->call.problem.what));
    check_answer(o, e);
    return e;
}

/* What came of it stands in the record, and what did not come does not. */
static void judge(const struct fault_op *op, struct fault *t, enum err e)
{
    struct slice now = record_of(t);
    bool same = slice_eq(now, t->record);
    if (!same && e && e != op->want && !op->twice)
        FAIL("%s: %.*s, and it is stored: %.*s before, %.*s", op->name,
             SLICE_ARG(err_detail(e)), SLICE_ARG(t->record), SLICE_ARG(now));
    if (same && e == op->want && op->ready && !op->keeps)
        FAIL("%s: answered and not stored: %.*s", op->name, SLICE_ARG(now));
    t->record = now;
    again(t);
}

static void struck_once(const struct fault_op *op, struct fault *t)
{
    struct outcome o;
    enum err e = struck_call(op, t, &o);
    if (!e && !op->tells) check_same(op, t, buf_slice(&o.twin.plain));
    outcome_done(&o);
    judge(op, t, e);
    if (e != op->want) return;
    t->n++;
    if (!op->ready) return;
    op->ready(t);
    t->record = record_of(t);
    reopen(t);
}

static void strike(const struct fault_op *op, struct fault *t,
                   const struct struck *s)
{
    struct site site;
    size_t count = 0, step = 1;
    sites_clear(false);
    vfs_watch(s->kinds, sites_note);
    struck_once(op, t);
    while (sites_at(count, &site)) count++;
    if (!getenv("PHASEGATE_LONG")) step = count / SITES_TAKEN + 1;
    printf("%s: %zu places\n", s->name, count);
    for (size_t i = step / 2; sites_at(i, &site); i += step) {
        (s->lasts ? vfs_fail_from : vfs_fail_at)(s->kinds, s->code,
                                                 site.first);
        struck_once(op, t);
    }
}

void fault_disk_run(const struct fault_op *op)
{
    struct fault t = {0};
    vfs_kit_begin();
    (op->begin ? op->begin : fault_begin)(&t);
    t.f.durability = ST_FULL;
    if (op->ready) op->ready(&t);
    t.record = record_of(&t);
    again(&t);
    for (size_t i = 0; i < STRIKES; i++) strike(op, &t, &strikes[i]);
    struck_once(op, &t);
    fixture_done(&t.f);
}
