/*
 * transfer_torn: files of sessions in which any one value is another. What is
 * taken from them is whole and stands up to verify; the rest is refused.
 */
#include "engine/approval.h"
#include "tests/unit/json_torn.h"
#include "tests/unit/session_kit.h"

static const char gate[] =
    "checkpoint:\n  strict: true\nevidence_schema:\n"
    "  summary:\n    type: string\n    required: true\n"
    "    description: \"what was done\"\n"
    "  doc:\n    type: string\n    required: true\n"
    "    description: \"the file\"\n    proof: file\n    fresh: true\n"
    "  looked_at:\n    type: boolean\n    required: true\n"
    "    description: \"a person has seen it work\"\n    proof: human\n";
#define EVIDENCE "{\"summary\":\"done\",\"doc\":\"doc.md\"}"

#if defined(PHASEGATE_SANITIZE)
enum { STEP = 31 };
#else
enum { STEP = 6 };
#endif

static enum err import(struct fixture *f, struct outcome *o, struct slice text)
{
    struct eng_import_args args = {.name = SLICE("a.json"), .text = text};
    return CALL(o, eng_import(f->engine, &o->call, &args));
}

static void check_intact(struct fixture *f, struct slice text)
{
    struct outcome o;
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    if (!json_is(json_get(o.out, SLICE("intact")), JSON_TRUE))
        FAIL("%.*s\nafter %.*s", SLICE_ARG(buf_slice(&o.twin.plain)),
             SLICE_ARG(text));
    outcome_done(&o);
}

/* One session waits for a person, in the other the person has said yes. */
static struct slice exported(struct fixture *f, struct slice *id)
{
    struct outcome o;
    const char *folder = kit_workflows();
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate);
    kit_put(test_tmpdir(), "doc.md", "one\n");
    fixture_init(f, folder);
    f->durability = ST_NORMAL;
    fixture_restart(f);
    for (int i = 0; i < 2; i++) {
        id[i] = kit_begin(f, i ? "src/a.c" : "src/b.c");
        CHECK_ERR(kit_complete(f, &o, id[i], 0, EVIDENCE),
                  ERR_APPROVAL_PENDING);
        outcome_done(&o);
    }
    struct eng_approval_decide_args yes = {.session_id = id[1],
                                           .phase = 0,
                                           .event_id = ENG_ABSENT,
                                           .approve = true,
                                           .person = SLICE("Ada"),
                                           .channel = SLICE("terminal")};
    CHECK_OK(CALL(&o, eng_approval_decide(f->engine, &o.call, &yes)));
    outcome_done(&o);
    CHECK_OK(kit_complete(f, &o, id[1], 0, EVIDENCE));
    outcome_done(&o);
    struct eng_export_args all = {0};
    CHECK_OK(CALL(&o, eng_export(f->engine, &o.call, &all)));
    struct slice text = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    return text;
}

static void remove_both(struct fixture *f, const struct slice *id)
{
    for (int i = 0; i < 2; i++) {
        struct outcome o;
        struct eng_remove_session_args args = {id[i]};
        enum err e = CALL(&o, eng_remove_session(f->engine, &o.call, &args));
        CHECK(e == OK || e == ERR_SESSION_NOT_FOUND);
        outcome_done(&o);
    }
}

/* Taken or refused, each with its reason; and what was taken is intact. */
static bool judged(struct fixture *f, struct slice text)
{
    struct outcome o;
    bool taken = false;
    enum err e = import(f, &o, text);
    if (e) {
        CHECK_INT_GT(o.call.problem.what.n, 0);
        CHECK_INT_GT(o.call.problem.how_to_fix.n, 0);
        CHECK(e != ERR_INTERNAL && e != ERR_NOMEM);
    } else {
        taken = json_get(o.out, SLICE("imported"))->count > 0;
    }
    outcome_done(&o);
    if (taken) check_intact(f, text);
    return taken;
}

/* Also while the sessions are there, and while they are older. */
TEST(transfer_torn, an_export_with_another_value_is_whole_or_refused,
     .timeout_s = 60)
{
    struct fixture f;
    struct slice id[2], text = exported(&f, id);
    const struct torn *t = torn_of(text);
    size_t n = t->count * TORN_WAYS, taken = 0;
    remove_both(&f, id);
    for (size_t i = 0; i < n; i += STEP) {
        struct arena a;
        arena_init(&a, 16u << 20);
        if (judged(&f, torn_at(t, i, &a))) {
            taken++;
            remove_both(&f, id);
        }
        arena_done(&a);
    }
    CHECK_INT_LT(taken, n / 2);
    CHECK(judged(&f, text));
    CHECK(!judged(&f, text)); /* they are there */
    for (size_t i = 0; i < n; i += STEP * TORN_WAYS)
        (void)judged(&f, torn_at(t, i, test_arena()));
    check_intact(&f, text);
    fixture_done(&f);
}

/* --- praxis-os ---------------------------------------------------------------
 */

#define ID "\"11111111-2222-4333-8444-555555555555\""

static const char old[] =
    "{\"session_id\":" ID ",\"workflow_type\":\"three_v1\","
    "\"target_file\":\"t.py\",\"current_phase\":2,\"completed_phases\":[0,1],"
    "\"phase_artifacts\":{\"0\":{\"phase_number\":0,\"evidence\":{\"a\":1},"
    "\"outputs\":{\"b\":2},\"commands_executed\":[{\"command\":\"make\"}],"
    "\"timestamp\":\"2025-10-23T07:41:32.877071\"},"
    "\"1\":{\"evidence\":\"a word\",\"outputs\":null,\"commands_executed\":[]}"
    "},\"checkpoints\":{\"0\":\"passed\",\"1\":\"skipped\"},"
    "\"created_at\":\"2025-10-22T17:55:27.826277\","
    "\"updated_at\":\"2025-10-23T18:13:27.134924\","
    "\"metadata\":{\"total_phases\":3,\"paused\":false,\"of\":\"mine\"}}";

/* Each under an id of its own: none is in the other's way. */
static struct slice renamed(struct slice text, int number)
{
    size_t at = slice_find(text, SLICE(ID));
    if (at == text.n) return text;
    return arena_printf(
        test_arena(), "%.*s\"%08x-2222-4333-8444-555555555555\"%.*s", (int)at,
        text.p, number,
        SLICE_ARG(slice_sub(text, at + sizeof(ID) - 1, text.n)));
}

TEST(transfer_torn, an_old_session_with_another_value_is_whole_or_refused,
     .timeout_s = 60)
{
    struct fixture f;
    struct slice text = slice_of(old);
    const struct torn *t = torn_of(text);
    size_t n = t->count * TORN_WAYS, taken = 0, tried = 0;
    fixture_init(&f, kit_workflows());
    f.durability = ST_NORMAL;
    fixture_restart(&f);
    for (size_t i = 0; i < n; i += STEP, tried++) {
        struct slice torn = torn_at(t, i, test_arena());
        struct outcome o;
        enum err e = import(&f, &o, renamed(torn, (int)i + 1));
        if (e) CHECK_INT_GT(o.call.problem.how_to_fix.n, 0);
        CHECK(e != ERR_INTERNAL && e != ERR_NOMEM);
        taken += e == OK;
        outcome_done(&o);
    }
    CHECK_INT_GT(taken, tried / 2);
    CHECK_INT_LT(taken, tried);
    check_intact(&f, text);
    fixture_done(&f);
}

struct time_row {
    const char *text, *told; /* NULL: it is none, and the file's day is now */
};
/* clang-format off */
TEST_EACH(transfer_torn, a_time_is_read_or_it_is_now, struct time_row, row,
    {"2025-10-22T17:55:27Z", "2025-10-22T17:55:27.000Z"},
    {"2025-10-22t17:55:27z", "2025-10-22T17:55:27.000Z"},
    {"2025-10-22 17:55:27,5Z", "2025-10-22T17:55:27.500Z"},
    {"2025-10-22T17:55:27.1234567+02:00", "2025-10-22T15:55:27.123Z"},
    {"2025-10-22T17:55:27-0530", "2025-10-22T23:25:27.000Z"},
    {"2025-10-22T17:55:27+01", "2025-10-22T16:55:27.000Z"},
    {"2025-10-22T17:55:27", "2025-10-22T17:55:27.000Z"},
    {"2025-10-22T17:55:27+1", NULL}, {"2025-10-22T17:55:27+01:3", NULL},
    {"2025-10-22T17:55:27+01:300", NULL}, {"2025-10-22T17:55:27 UTC", NULL},
    {"2025-10-22T17:55:2", NULL}, {"2025-10-22T17:55", NULL},
    {"2025-10-22T17-55:27", NULL}, {"2025-10-22T1", NULL},
    {"2025-10-22", NULL}, {"2025-10", NULL}, {"2025-1a-22T17:55:27Z", NULL},
    {"2025/10-22T17:55:27Z", NULL}, {"2025-10/22T17:55:27Z", NULL},
    {"25-10-22", NULL}, {"", NULL}, {"yesterday", NULL})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    struct slice text = slice_of(old),
                 was = SLICE("2025-10-22T17:55:27.826277");
    size_t at = slice_find(text, was);
    struct eng_import_args args = {.name = SLICE("a.json"), .zone_given = true};
    args.text =
        arena_printf(test_arena(), "%.*s%s%.*s", (int)at, text.p, row->text,
                     SLICE_ARG(slice_sub(text, at + was.n, text.n)));
    fixture_init(&f, kit_workflows());
    CHECK_OK(CALL(&o, eng_import(f.engine, &o.call, &args)));
    outcome_done(&o);
    CHECK_OK(
        kit_session(&f, &o, SLICE("11111111-2222-4333-8444-555555555555")));
    const char *told = kit_text(o.out, "session", "created_at");
    if (row->told)
        CHECK_STR_EQ(told, row->told);
    else
        CHECK(!slice_starts(slice_of(told), SLICE("2025-10-22")));
    outcome_done(&o);
    fixture_done(&f);
}
