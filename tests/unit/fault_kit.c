#include "tests/unit/fault_kit.h"

#include "base/alloc.h"

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

/* One call with a failure; true when it came to it. */
static bool once(const struct fault_op *op, struct fault *t,
                 void (*fail)(uint64_t n), uint64_t n)
{
    struct outcome o;
    outcome_begin(&o);
    int64_t before = version(t);
    if (!t->warm) forget(t);
    fail(n);
    enum err e = outcome_wait(&o, op->call(t, &o.call));
    if (!e) e = told(&o);
    bool failed = mem_count() >= n;
    mem_fail_at(0);
    if (e != op->want && e != ERR_NOMEM)
        FAIL("%s: allocation %u: %.*s: %.*s", op->name, (unsigned)n,
             SLICE_ARG(err_code(e)), SLICE_ARG(o.call.problem.what));
    if (!failed) CHECK_INT_EQ(e, op->want);
    check_answer(&o, e);
    if (e == ERR_NOMEM) CHECK_INT_EQ(version(t), before);
    if (e == op->want) {
        t->n++;
        if (op->ready) op->ready(t);
    }
    outcome_done(&o);
    return failed;
}

void fault_run(const struct fault_op *op)
{
    static void (*const fail[])(uint64_t n) = {mem_fail_at, mem_fail_from};
    struct fault t = {0};
    struct outcome o;
    (op->begin ? op->begin : fault_begin)(&t);
    if (op->ready) op->ready(&t);
    for (size_t i = 0; i < 2; i++)
        for (uint64_t n = 1; once(op, &t, fail[i], n); n++)
            CHECK_INT_LT(n, 100000);
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(t.f.engine, &o.call, &all)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    outcome_done(&o);
    fixture_done(&t.f);
}
