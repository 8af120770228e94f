#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/engine_fixture.h"

/* --- a workflow of two phases, made for these tests --------------------- */

static void put(const char *folder, const char *name, const char *text)
{
    struct slice path = arena_printf(test_arena(), "%s/%s", folder, name);
    size_t slash = path.n;
    while (path.p[slash - 1] != '/') slash--;
    CHECK_OK(path_make(slice_sub(path, 0, slash - 1), 0755));
    CHECK_OK(file_write_atomic(path, slice_of(text), 0644));
}

#define GATE                                                                   \
    "checkpoint:\n  strict: true\nevidence_schema:\n"                          \
    "  done:\n    type: boolean\n    required: true\n"                         \
    "    description: \"all done\"\n"                                          \
    "  count:\n    type: integer\n    required: true\n"                        \
    "    description: \"how many\"\n"

static const char *workflow_make(void)
{
    const char *root = test_tmpdir();
    struct slice s = arena_printf(test_arena(), "%s/wf", root);
    put(root, "wf/two_v1/metadata.json",
        "{\"workflow_type\":\"two_v1\",\"version\":\"1.0.0\",\"name\":\"Two\","
        "\"description\":\"A workflow with two phases for tests\","
        "\"total_phases\":2,\"phases\":["
        "{\"phase_number\":0,\"phase_name\":\"First\",\"tasks\":["
        "{\"task_number\":0,\"name\":\"zero\",\"file\":\"task-0-zero.md\"},"
        "{\"task_number\":1,\"name\":\"one\",\"file\":\"task-1-one.md\"}]},"
        "{\"phase_number\":1,\"phase_name\":\"Second\",\"tasks\":["
        "{\"task_number\":1,\"name\":\"last\",\"file\":\"task-1-last.md\"}]}]"
        "}");
    put(root, "wf/two_v1/phases/0/phase.md", "# Phase 0: First\nNo newline");
    put(root, "wf/two_v1/phases/0/task-0-zero.md", "# Task 0: zero\n");
    put(root, "wf/two_v1/phases/0/task-1-one.md", "# Task 1: one\n");
    put(root, "wf/two_v1/phases/0/gate-definition.yaml", GATE);
    put(root, "wf/two_v1/phases/1/phase.md", "# Phase 1: Second\n");
    put(root, "wf/two_v1/phases/1/task-1-last.md", "# Task 1: last\n");
    put(root, "wf/two_v1/phases/1/gate-definition.yaml", GATE);
    return arena_cstr(test_arena(), s);
}

static enum err start(struct fixture *f, struct outcome *o, const char *target,
                      const char *options, bool resume)
{
    struct eng_start_workflow_args args = {.workflow_type = SLICE("two_v1"),
                                           .target = slice_of(target),
                                           .options =
                                               options ? parse(options) : NULL,
                                           .resume = resume};
    return CALL(o, eng_start_workflow(f->engine, &o->call, &args));
}

static enum err complete(struct fixture *f, struct outcome *o, struct slice id,
                         int64_t phase, const char *evidence, const char *key)
{
    struct eng_complete_phase_args args = {.session_id = id,
                                           .phase = phase,
                                           .evidence = parse(evidence),
                                           .idempotency_key = slice_of(key)};
    return CALL(o, eng_complete_phase(f->engine, &o->call, &args));
}

static enum err get_phase(struct fixture *f, struct outcome *o, struct slice id,
                          int64_t phase)
{
    struct eng_get_phase_args args = {id, phase};
    return CALL(o, eng_get_phase(f->engine, &o->call, &args));
}

static enum err get_session(struct fixture *f, struct outcome *o,
                            struct slice id)
{
    struct eng_get_session_args args = {id, true, true};
    return CALL(o, eng_get_session(f->engine, &o->call, &args));
}

static struct slice begin(struct fixture *f, const char *target)
{
    struct outcome o;
    CHECK_OK(start(f, &o, target, NULL, true));
    struct slice id = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    return id;
}

static int64_t number(const struct json *v)
{
    int64_t n = -999;
    CHECK(json_int64(v, &n));
    return n;
}

#define GOOD "{\"done\":true,\"count\":3}"

/* --- starting and reading ----------------------------------------------- */

TEST(sessions, start_opens_the_first_phase_and_says_what_to_do_next)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    CHECK_OK(start(&f, &o, "x.md", NULL, true));
    CHECK_TEXT_EQ(json_text(json_get(o.out, SLICE("workflow_type"))), "two_v1");
    CHECK_INT_EQ(json_get(o.out, SLICE("resumed"))->type, JSON_FALSE);
    CHECK_INT_EQ(number(json_get(o.out, SLICE("current_phase"))), 0);
    CHECK_INT_EQ(number(json_get(o.out, SLICE("total_phases"))), 2);
    CHECK_TEXT_EQ(json_text(json_at(o.out, "phase", "content", NULL)),
                  "# Phase 0: First\nNo newline");
    CHECK_TEXT_EQ(json_text(json_at(o.out, "next", "tool", NULL)), "get_task");
    CHECK_INT_EQ(
        number(json_at(o.out, "next", "arguments", "task_number", NULL)), 0);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, the_same_target_resumes_unless_told_otherwise)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_SLICE_EQ(begin(&f, "x.md"), id);
    CHECK(!slice_eq(begin(&f, "y.md"), id));
    CHECK_ERR(start(&f, &o, "x.md", "{\"a\":1}", true),
              ERR_SESSION_OPTIONS_DIFFER);
    outcome_done(&o);
    CHECK_OK(start(&f, &o, "x.md", "{\"a\":1}", false));
    CHECK(!slice_eq(json_text(json_get(o.out, SLICE("session_id"))), id));
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, unknown_workflows_are_refused_with_the_known_ones)
{
    static const struct slice names[] = {
        SLICE_INIT("nosuch_v1"), SLICE_INIT("../../etc"), SLICE_INIT("."),
        SLICE_INIT("a/b"),       SLICE_INIT("a\\b"),     SLICE_INIT("two_v1\0"),
        SLICE_INIT(".two_v1")};
    struct fixture f;
    fixture_init(&f, workflow_make());
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct outcome o;
        struct eng_start_workflow_args args = {
            .workflow_type = names[i], .target = SLICE("x")};
        CHECK_ERR(CALL(&o, eng_start_workflow(f.engine, &o.call, &args)),
                  ERR_WORKFLOW_NOT_FOUND);
        CHECK_CONTAINS(o.call.problem.how_to_fix, "two_v1");
        outcome_done(&o);
    }
    fixture_done(&f);
}

TEST(sessions, later_phases_are_locked_for_reading_and_completing)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_ERR(get_phase(&f, &o, id, 1), ERR_PHASE_LOCKED);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "complete_phase");
    outcome_done(&o);
    CHECK_ERR(complete(&f, &o, id, 1, GOOD, NULL), ERR_PHASE_LOCKED);
    outcome_done(&o);
    CHECK_ERR(get_phase(&f, &o, id, 7), ERR_PHASE_OUT_OF_RANGE);
    outcome_done(&o);
    CHECK_ERR(get_phase(&f, &o, SLICE("not-a-uuid"), 0),
              ERR_INVALID_SESSION_ID);
    outcome_done(&o);
    CHECK_ERR(
        get_phase(&f, &o, SLICE("00000000-0000-4000-8000-000000000000"), 0),
        ERR_SESSION_NOT_FOUND);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, tasks_are_found_by_number_and_nothing_else)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct eng_get_task_args args = {begin(&f, "x.md"), 0, ENG_ABSENT};
    CHECK_OK(CALL(&o, eng_get_task(f.engine, &o.call, &args)));
    CHECK_TEXT_EQ(json_text(json_at(o.out, "task", "content", NULL)),
                  "# Task 0: zero\n");
    CHECK_TEXT_EQ(json_text(json_get(o.out, SLICE("position"))), "1/2");
    outcome_done(&o);
    args.task_number = 1; /* the last: the gate's fields come with it */
    CHECK_OK(CALL(&o, eng_get_task(f.engine, &o.call, &args)));
    CHECK_TEXT_EQ(json_text(json_at(o.out, "next", "tool", NULL)),
                  "complete_phase");
    CHECK(
        json_is(json_at(o.out, "next", "arguments", "evidence", "count", NULL),
                JSON_NULL));
    outcome_done(&o);
    args.task_number = 9;
    CHECK_ERR(CALL(&o, eng_get_task(f.engine, &o.call, &args)),
              ERR_TASK_NOT_FOUND);
    CHECK_CONTAINS(o.call.problem.why, "0 (zero), 1 (one)");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- completing --------------------------------------------------------- */

TEST(sessions, a_refused_gate_changes_no_phase_and_is_kept_as_an_attempt)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_ERR(complete(&f, &o, id, 0, "{}", NULL), ERR_GATE_REFUSED);
    CHECK_CONTAINS(o.call.problem.siblings, "\"passed\":false");
    CHECK_CONTAINS(o.call.problem.siblings, "\"field\":\"count\"");
    outcome_done(&o);
    CHECK_OK(get_session(&f, &o, id));
    CHECK_INT_EQ(number(json_at(o.out, "session", "current_phase", NULL)), 0);
    CHECK_TEXT_EQ(json_text(json_at(o.out, "session", "status", NULL)),
                  "active");
    const struct json *history = json_get(o.out, SLICE("history"));
    CHECK_INT_EQ(history->count, 2);
    CHECK_TEXT_EQ(json_text(json_get(&history->items[1], SLICE("type"))),
                  "gate_refused");
    CHECK_INT_EQ(json_get(o.out, SLICE("evidence"))->count, 0);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, passing_every_gate_ends_the_workflow)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_OK(complete(&f, &o, id, 0, GOOD, NULL));
    CHECK_INT_EQ(number(json_get(o.out, SLICE("current_phase"))), 1);
    CHECK_TEXT_EQ(json_text(json_at(o.out, "next_phase", "name", NULL)),
                  "Second");
    CHECK_INT_EQ(number(json_at(o.out, "receipt", "event_id", NULL)), 2);
    outcome_done(&o);
    CHECK_ERR(complete(&f, &o, id, 0, GOOD, NULL), ERR_PHASE_ALREADY_COMPLETE);
    CHECK_CONTAINS(o.call.problem.extra, "\"event_id\":2");
    outcome_done(&o);
    CHECK_OK(complete(&f, &o, id, 1, GOOD, NULL));
    CHECK_INT_EQ(json_get(o.out, SLICE("workflow_complete"))->type, JSON_TRUE);
    CHECK_INT_EQ(json_get(o.out, SLICE("next_phase"))->type, JSON_NULL);
    CHECK(!json_get(o.out, SLICE("next")));
    CHECK_INT_EQ(number(json_get(o.out, SLICE("current_phase"))), 1);
    outcome_done(&o);
    CHECK_ERR(complete(&f, &o, id, 1, GOOD, NULL), ERR_SESSION_COMPLETE);
    outcome_done(&o);
    CHECK(!slice_eq(begin(&f, "x.md"), id)); /* finished ones do not resume */
    fixture_done(&f);
}

TEST(sessions, everything_answered_is_there_after_a_restart)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_OK(complete(&f, &o, id, 0, GOOD, NULL));
    outcome_done(&o);
    fixture_restart(&f);
    CHECK_OK(get_session(&f, &o, id));
    CHECK_INT_EQ(number(json_at(o.out, "session", "current_phase", NULL)), 1);
    CHECK_SLICE_EQ(json_at(o.out, "evidence", "0", NULL)->raw, SLICE(GOOD));
    CHECK_INT_EQ(json_get(o.out, SLICE("history"))->count, 2);
    outcome_done(&o);
    CHECK_SLICE_EQ(begin(&f, "x.md"), id);
    fixture_done(&f);
}

static _Atomic int conflicts_told;

static void note_conflict(void *ctx, struct slice line)
{
    (void)ctx;
    if (slice_find(line, SLICE("level=warn")) < line.n &&
        slice_find(line, SLICE("msg=\"idempotency conflict\" "
                               "tool=complete_phase session=")) < line.n)
        conflicts_told++;
}

/* D06, D12 */
TEST(sessions, a_repeated_key_gives_the_first_answer_byte_for_byte)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_OK(complete(&f, &o, id, 0, GOOD, "k1"));
    struct slice first = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    fixture_restart(&f);
    CHECK_OK(complete(&f, &o, id, 0, "{ \"count\": 3, \"done\": true }", "k1"));
    CHECK(o.call.replayed);
    CHECK_SLICE_EQ(buf_slice(&o.twin.plain), first);
    outcome_done(&o);
    log_divert(note_conflict, NULL);
    CHECK_ERR(complete(&f, &o, id, 0, "{\"done\":true,\"count\":4}", "k1"),
              ERR_IDEMPOTENCY_CONFLICT);
    log_divert(NULL, NULL);
    CHECK_INT_EQ(conflicts_told, 1);
    CHECK_CONTAINS(o.call.problem.what, " of complete_phase at 20");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, a_refusal_is_never_replayed)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    CHECK_ERR(complete(&f, &o, id, 0, "{}", "k"), ERR_GATE_REFUSED);
    outcome_done(&o);
    CHECK_OK(complete(&f, &o, id, 0, GOOD, "k"));
    outcome_done(&o);
    fixture_done(&f);
}

struct evidence {
    const char *text;
    enum err want;
};
TEST_EACH(sessions, evidence_must_be_one_clear_object, struct evidence, row,
          {"[]", ERR_EVIDENCE_NOT_OBJECT}, {"null", ERR_EVIDENCE_NOT_OBJECT},
          {"{\"done\":false,\"done\":true,\"count\":1}", ERR_INVALID_PARAMETER},
          {"{\"done\":true,\"count\":1,\"x\":{\"a\":1,\"a\":2}}",
           ERR_INVALID_PARAMETER},
          {"{\"done\":\"true\",\"count\":1}", ERR_GATE_REFUSED},
          {"{\"done\":true,\"count\":null}", ERR_GATE_REFUSED})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    CHECK_ERR(complete(&f, &o, begin(&f, "x"), 0, row->text, NULL), row->want);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, evidence_over_ten_mebibytes_is_refused_with_both_numbers)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x");
    size_t n = 21u << 19; /* 10.5 MiB */
    char *text = arena_alloc(test_arena(), n + 64);
    CHECK(text);
    int head = sprintf(text, "{\"x\":\"");
    memset(text + head, 'a', n);
    memcpy(text + head + n, "\"}", 3);
    CHECK_ERR(complete(&f, &o, id, 0, text, NULL), ERR_EVIDENCE_TOO_LARGE);
    CHECK_CONTAINS(o.call.problem.what, "10.50 MiB");
    CHECK_CONTAINS(o.call.problem.why, "10.0 MiB");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- many at once ------------------------------------------------------- */

struct race {
    struct fixture *f;
    struct slice id;
    const struct json *evidence;
    _Atomic int passed, late;
};

static void race_complete(void *ctx, int i)
{
    (void)i;
    struct race *r = ctx;
    struct outcome o;
    struct eng_complete_phase_args args = {
        .session_id = r->id, .phase = 0, .evidence = r->evidence};
    enum err e = CALL(&o, eng_complete_phase(r->f->engine, &o.call, &args));
    if (e == OK) atomic_fetch_add(&r->passed, 1);
    if (e == ERR_PHASE_ALREADY_COMPLETE) atomic_fetch_add(&r->late, 1);
    outcome_done(&o);
}

/* K04 */
TEST(sessions, of_many_completers_exactly_one_wins, .timeout_s = 60)
{
    struct fixture f;
    fixture_init(&f, workflow_make());
    int rounds = test_sanitized() ? 20 : 100;
    for (int i = 0; i < rounds; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        struct race r = {
            .f = &f, .id = begin(&f, target), .evidence = parse(GOOD)};
        test_threads(10, race_complete, &r);
        CHECK_INT_EQ(r.passed, 1);
        CHECK_INT_EQ(r.late, 9);
    }
    fixture_done(&f);
}

struct starts {
    struct fixture *f;
    char ids[8][40];
};

static void race_start(void *ctx, int i)
{
    struct starts *s = ctx;
    struct outcome o;
    struct eng_start_workflow_args args = {.workflow_type = SLICE("two_v1"),
                                           .target = SLICE("same"),
                                           .resume = true};
    CHECK_OK(CALL(&o, eng_start_workflow(s->f->engine, &o.call, &args)));
    struct slice id = json_text(json_get(o.out, SLICE("session_id")));
    snprintf(s->ids[i], sizeof(s->ids[i]), "%.*s", SLICE_ARG(id));
    outcome_done(&o);
}

TEST(sessions, starts_at_the_same_moment_give_one_session)
{
    struct fixture f;
    fixture_init(&f, workflow_make());
    struct starts s = {.f = &f};
    test_threads(8, race_start, &s);
    for (int i = 1; i < 8; i++) CHECK_STR_EQ(s.ids[i], s.ids[0]);
    fixture_done(&f);
}

/* --- live files, pinned sessions ---------------------------------------- */

TEST(sessions, a_running_session_keeps_its_definition_and_says_what_changed)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    put(test_tmpdir(), "wf/two_v1/phases/0/phase.md", "# Phase 0: Other\n");
    put(test_tmpdir(), "wf/two_v1/phases/0/gate-definition.yaml",
        "checkpoint:\n  strict: false\nevidence_schema: {}\n");
    CHECK_OK(get_phase(&f, &o, id, ENG_ABSENT));
    CHECK_TEXT_EQ(json_text(json_at(o.out, "phase", "content", NULL)),
                  "# Phase 0: First\nNo newline");
    CHECK_INT_EQ(json_get(o.out, SLICE("definition_changed"))->type, JSON_TRUE);
    CHECK_INT_EQ(json_get(o.out, SLICE("changed_files"))->count, 2);
    outcome_done(&o);
    CHECK_ERR(complete(&f, &o, id, 0, "{}", NULL), ERR_GATE_REFUSED);
    outcome_done(&o);
    CHECK_OK(start(&f, &o, "new.md", NULL, true)); /* sees the edit at once */
    CHECK_TEXT_EQ(json_text(json_at(o.out, "phase", "content", NULL)),
                  "# Phase 0: Other\n");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, a_gate_file_broken_on_disk_blocks_its_phase)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    put(test_tmpdir(), "wf/two_v1/phases/0/gate-definition.yaml",
        "checkpoint:\n  strict: true\nevidence_schema:\n\tdone:\n");
    CHECK_ERR(complete(&f, &o, id, 0, GOOD, NULL), ERR_GATE_BROKEN);
    CHECK_CONTAINS(o.call.problem.extra, "\"line\":4");
    outcome_done(&o);
    CHECK_ERR(start(&f, &o, "new.md", NULL, true), ERR_WORKFLOW_INVALID);
    outcome_done(&o);
    put(test_tmpdir(), "wf/two_v1/phases/0/gate-definition.yaml", GATE);
    CHECK_OK(complete(&f, &o, id, 0, GOOD, NULL));
    outcome_done(&o);
    fixture_done(&f);
}

struct no_gate {
    const char *name;
    const char *link; /* NULL: a FIFO; "": a folder */
};

/* clang-format off */
TEST_EACH(sessions, a_gate_that_is_not_read_opens_no_phase, struct no_gate, row,
    {"gate-definition.yaml", NULL},
    {"gate-definition.yaml", ""},
    {"gate-definition.yaml", "nowhere"},
    {"gate-definition.yaml", "/dev/zero"},
    {"gate-definition.yaml", "../../../gate.yaml"},
    {"gate-definition.yml", "../../metadata.json"},
    {"Gate_Definition.YAML", "../1/gate-definition.yaml"})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, workflow_make());
    struct slice id = begin(&f, "x.md");
    put(test_tmpdir(), "wf/gate.yaml", GATE);
    const char *folder =
        arena_cstr(test_arena(), arena_printf(test_arena(), "%s/wf/two_v1/%s/",
                                              test_tmpdir(), "phases/0"));
    char gate[500], path[500];
    snprintf(gate, sizeof(gate), "%sgate-definition.yaml", folder);
    snprintf(path, sizeof(path), "%s%s", folder, row->name);
    CHECK_INT_EQ(unlink(gate), 0);
    CHECK_INT_EQ(!row->link    ? mkfifo(path, 0600)
                 : !*row->link ? mkdir(path, 0700)
                               : symlink(row->link, path),
                 0);
    CHECK_ERR(start(&f, &o, "new.md", NULL, true), ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(o.call.problem.why, "GATE_BROKEN");
    outcome_done(&o);
    CHECK(complete(&f, &o, id, 0, "{\"any\":1}", NULL) != OK);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, a_gate_that_is_a_link_inside_its_workflow_is_judged)
{
    struct fixture f;
    struct outcome o;
    char gate[500];
    fixture_init(&f, workflow_make());
    snprintf(gate, sizeof(gate), "%s/wf/two_v1/phases/0/gate-definition.yaml",
             test_tmpdir());
    CHECK_INT_EQ(unlink(gate), 0);
    CHECK_INT_EQ(symlink("../1/gate-definition.yaml", gate), 0);
    struct slice id = begin(&f, "x.md");
    CHECK_ERR(complete(&f, &o, id, 0, "{\"any\":1}", NULL), ERR_GATE_REFUSED);
    outcome_done(&o);
    CHECK_OK(complete(&f, &o, id, 0, GOOD, NULL));
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, a_workflow_that_cannot_be_read_hides_no_other)
{
    struct fixture f;
    struct outcome o;
    struct eng_list_workflows_args args = {0};
    char path[500];
    fixture_init(&f, workflow_make());
    put(test_tmpdir(), "wf/loop_v1/metadata.json", "{}");
    snprintf(path, sizeof(path), "%s/wf/loop_v1/up", test_tmpdir());
    CHECK_INT_EQ(symlink(".", path), 0);
    CHECK_OK(CALL(&o, eng_list_workflows(f.engine, &o.call, &args)));
    CHECK_INT_EQ(number(json_get(o.out, SLICE("count"))), 2);
    CHECK_CONTAINS(buf_slice(&o.twin.plain), "\"valid\":true");
    CHECK_CONTAINS(buf_slice(&o.twin.plain), "lead back up");
    outcome_done(&o);
    struct eng_start_workflow_args bad = {.workflow_type = SLICE("loop_v1"),
                                          .target = SLICE("x")};
    CHECK_ERR(CALL(&o, eng_start_workflow(f.engine, &o.call, &bad)),
              ERR_WORKFLOW_INVALID);
    CHECK_CONTAINS(o.call.problem.what, "loop_v1");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- listing ------------------------------------------------------------- */

TEST(sessions, lists_page_through_every_session_once)
{
    struct fixture f;
    struct eng_list_sessions_args args = {.limit = 3};
    int seen = 0, pages = 0;
    fixture_init(&f, workflow_make());
    for (int i = 0; i < 8; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        begin(&f, target);
    }
    for (;;) {
        struct outcome o;
        CHECK_OK(CALL(&o, eng_list_sessions(f.engine, &o.call, &args)));
        seen += (int)number(json_get(o.out, SLICE("count")));
        pages++;
        struct slice cursor = json_text(json_get(o.out, SLICE("next_cursor")));
        args.cursor = arena_copy(test_arena(), cursor);
        outcome_done(&o);
        if (!cursor.n) break;
    }
    CHECK_INT_EQ(seen, 8);
    CHECK_INT_EQ(pages, 3);
    fixture_done(&f);
}

TEST(sessions, a_made_up_cursor_is_refused)
{
    struct fixture f;
    struct outcome o;
    struct eng_list_sessions_args args = {.limit = 3, .cursor = SLICE("zzz")};
    fixture_init(&f, workflow_make());
    CHECK_ERR(CALL(&o, eng_list_sessions(f.engine, &o.call, &args)),
              ERR_INVALID_PARAMETER);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(sessions, without_a_project_every_tool_says_how_to_name_one)
{
    struct fixture f = {0};
    struct outcome o;
    struct eng_list_sessions_args args = {.limit = 3};
    CHECK_OK(pool_new("worker", 2, 16, &f.pool));
    fixture_open(&f);
    CHECK_ERR(CALL(&o, eng_list_sessions(f.engine, &o.call, &args)),
              ERR_NO_PROJECT);
    CHECK_CONTAINS(o.call.problem.how_to_fix, "--project");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- from a loop --------------------------------------------------------- */

/* Sent without waiting, as a pipelined client does: the order they came in is
 * the order they are decided in, so every phase is open when its turn comes. */
TEST(sessions, writes_begun_on_a_loop_keep_their_order)
{
    struct fixture f;
    struct outcome first, second;
    fixture_init(&f, workflow_make());
    for (int i = 0; i < 50; i++) {
        char target[16];
        snprintf(target, sizeof(target), "t%d", i);
        struct slice id = begin(&f, target);
        struct eng_complete_phase_args a = {
            .session_id = id, .phase = 0, .evidence = parse(GOOD)};
        struct eng_complete_phase_args b = {
            .session_id = id, .phase = 1, .evidence = parse(GOOD)};
        outcome_begin(&first);
        outcome_begin(&second);
        first.call.on_loop = second.call.on_loop = true;
        enum err e1 = eng_complete_phase(f.engine, &first.call, &a);
        enum err e2 = eng_complete_phase(f.engine, &second.call, &b);
        CHECK_ERR(e1, ERR_PENDING);
        CHECK_ERR(e2, ERR_PENDING);
        CHECK_OK(outcome_end(&first, e1));
        CHECK_OK(outcome_end(&second, e2));
        outcome_done(&first);
        outcome_done(&second);
    }
    fixture_done(&f);
}
