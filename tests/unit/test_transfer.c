/* Export, import, removal; and the session files of praxis-os. */
#include <stdio.h>
#include <time.h>

#include "tests/unit/session_kit.h"

static struct slice export_all(struct fixture *f)
{
    struct outcome o;
    struct eng_export_args args = {0};
    CHECK_OK(CALL(&o, eng_export(f->engine, &o.call, &args)));
    struct slice text = arena_copy(test_arena(), buf_slice(&o.twin.plain));
    outcome_done(&o);
    return text;
}

static enum err import(struct fixture *f, struct outcome *o, struct slice text)
{
    struct eng_import_args args = {.name = SLICE("a.json"), .text = text};
    return CALL(o, eng_import(f->engine, &o->call, &args));
}

static void check_intact(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    if (!json_is(json_get(o.out, SLICE("intact")), JSON_TRUE))
        FAIL("%.*s", SLICE_ARG(buf_slice(&o.twin.plain)));
    outcome_done(&o);
}

/* A second project beside the fixture's, with the same workflows. */
static void other_init(struct fixture *f, const struct fixture *from)
{
    *f = (struct fixture){.workflows = from->workflows};
    f->root = arena_printf(test_arena(), "%.*s/other", SLICE_ARG(from->root));
    CHECK_OK(path_make(f->root, 0755));
    CHECK_OK(pool_new("worker", 2, 64, &f->pool));
    fixture_open(f);
}

static struct slice head(struct fixture *f, struct slice id)
{
    struct outcome o;
    struct eng_get_session_args args = {id, false, true};
    CHECK_OK(CALL(&o, eng_get_session(f->engine, &o.call, &args)));
    const struct json *list = json_get(o.out, SLICE("history"));
    struct slice hash = arena_copy(
        test_arena(),
        json_text(json_get(&list->items[list->count - 1], SLICE("hash"))));
    outcome_done(&o);
    return hash;
}

TEST(transfer, an_export_is_imported_whole_and_only_once)
{
    struct fixture f, g;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    kit_pass(&f, id, 0);
    CHECK_OK(kit_claim(&f, &o, id, 1, 1, "ann"));
    outcome_done(&o);
    kit_begin(&f, "b");
    struct slice text = export_all(&f);
    other_init(&g, &f);
    CHECK_OK(import(&g, &o, text));
    CHECK_INT_EQ(json_get(o.out, SLICE("imported"))->count, 2);
    outcome_done(&o);
    CHECK_SLICE_EQ(head(&g, id), head(&f, id));
    check_intact(&g);
    CHECK_OK(import(&g, &o, text));
    CHECK_INT_EQ(json_get(o.out, SLICE("imported"))->count, 0);
    CHECK_INT_EQ(json_get(o.out, SLICE("skipped"))->count, 2);
    outcome_done(&o);
    kit_pass(&g, id, 1); /* it goes on where it stood */
    CHECK_ERR(kit_complete(&g, &o, id, 0, KIT_GOOD),
              ERR_PHASE_ALREADY_COMPLETE);
    outcome_done(&o);
    check_intact(&g);
    fixture_done(&g);
    fixture_done(&f);
}

struct change {
    const char *from, *to;
};
TEST_EACH(transfer, a_changed_export_is_refused, struct change, row,
          {"count\\\":3", "count\\\":4"},
          {"\"type\":\"phase_completed\"", "\"type\":\"phase_complete_\""},
          {"\"current_phase\":1,\"total", "\"current_phase\":2,\"total"},
          {"\"status\":\"active\",\"definition",
           "\"status\":\"paused\",\"definition"},
          {"type: integer", "type: number "},
          {"\"events\":[{", "\"events\":[{\"x\":1,"})
{
    struct fixture f, g;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    kit_pass(&f, kit_begin(&f, "a"), 0);
    struct slice text = export_all(&f);
    size_t at = slice_find(text, slice_of(row->from));
    bool harmless = slice_of(row->to).n != slice_of(row->from).n;
    if (at >= text.n) FAIL("%s is not in %.*s", row->from, SLICE_ARG(text));
    struct slice changed = arena_printf(
        test_arena(), "%.*s%s%.*s", (int)at, text.p, row->to,
        SLICE_ARG(slice_sub(text, at + slice_of(row->from).n, text.n)));
    other_init(&g, &f);
    CHECK_OK(import(&g, &o, changed));
    CHECK_INT_EQ(json_get(o.out, SLICE("imported"))->count, harmless);
    CHECK_INT_EQ(json_get(o.out, SLICE("refused"))->count, !harmless);
    outcome_done(&o);
    check_intact(&g);
    fixture_done(&g);
    fixture_done(&f);
}

TEST_EACH(transfer, what_is_no_session_is_refused_by_name, struct change, row,
          {"{\"session_id\":", "line 1, column"}, {"[1,2]", "cannot be read"},
          {"", "cannot be read"}, {"{}", "holds no session"},
          {"{\"session_id\":\"a\",\n\"session_id\":\"b\"}",
           "cannot be read at line 2, column 1"},
          {"{\"session_id\":\"a\",\"metadata\":{\"b\":1,\"b\":2}}",
           "cannot be read at line 1, column 37"},
          {"{\"phasegate_export\":1}", "not a whole export"},
          {"{\"phasegate_export\":2,\"sessions\":[],\"definitions\":[]}",
           "not a whole export"},
          {"{\"phasegate_export\":1,\"sessions\":[{}],\"definitions\":[]}",
           "not a whole export"},
          {"{\"session_id\":\"../../x\",\"workflow_type\":\"a\","
           "\"target_file\":\"b\",\"current_phase\":1}",
           "holds no session"})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    CHECK(import(&f, &o, slice_of(row->from)) != OK);
    CHECK_CONTAINS(o.call.problem.what, "a.json");
    CHECK_CONTAINS(o.call.problem.what, row->to);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(transfer, a_removed_session_leaves_only_a_note_and_can_come_back)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct eng_remove_session_args args = {kit_begin(&f, "a")};
    struct slice text = export_all(&f);
    kit_pass(&f, args.session_id, 0);
    CHECK_OK(CALL(&o, eng_remove_session(f.engine, &o.call, &args)));
    outcome_done(&o);
    CHECK_ERR(kit_session(&f, &o, args.session_id), ERR_SESSION_NOT_FOUND);
    outcome_done(&o);
    CHECK_ERR(CALL(&o, eng_remove_session(f.engine, &o.call, &args)),
              ERR_SESSION_NOT_FOUND);
    outcome_done(&o);
    check_intact(&f);
    CHECK_OK(import(&f, &o, text));
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, args.session_id));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 0);
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "version", NULL)), 3);
    outcome_done(&o);
    check_intact(&f);
    kit_pass(&f, args.session_id, 0);
    fixture_done(&f);
}

/* --- praxis-os ------------------------------------------------------------ */

#define OLD(workflow, current, completed, checkpoints, more)                   \
    "{\"session_id\":\"11111111-2222-4333-8444-555555555555\","                \
    "\"workflow_type\":\"" workflow "\",\"target_file\":\"t.py\","             \
    "\"current_phase\":" current ",\"completed_phases\":[" completed "],"      \
    "\"phase_artifacts\":{\"0\":{\"phase_number\":0,\"evidence\":{\"a\": 1},"  \
    "\"outputs\":{},\"commands_executed\":[],"                                 \
    "\"timestamp\":\"2025-10-23T07:41:32.877071\"}},"                          \
    "\"checkpoints\":{" checkpoints "},"                                       \
    "\"created_at\":\"2025-10-22T17:55:27.826277\","                           \
    "\"updated_at\":\"2025-10-23T18:13:27.134924\","                           \
    "\"metadata\":{\"total_phases\":9" more "}}"
#define OLD_ID SLICE("11111111-2222-4333-8444-555555555555")

struct old {
    const char *text, *status;
    int64_t current;
    uint32_t completed, notes;
};
TEST_EACH(
    transfer, a_praxis_session_stands_where_its_passed_phases_say, struct old,
    row, {OLD("three_v1", "1", "0", "\"0\":\"passed\"", ""), "active", 1, 1, 0},
    {OLD("three_v1", "3", "0,1,2",
         "\"0\":\"passed\",\"1\":\"passed\",\"2\":\"passed\"", ""),
     "completed", 2, 3, 0},
    {OLD("three_v1", "1", "0", "\"0\":\"passed\"", ",\"paused\":true"),
     "paused", 1, 1, 0},
    {OLD("three_v1", "2", "0,1", "\"0\":\"passed\"", ""), "active", 1, 1, 2},
    {OLD("three_v1", "3", "0,2", "\"0\":\"passed\",\"2\":\"passed\"", ""),
     "active", 1, 1, 2},
    {OLD("three_v1", "0", "", "\"0\":\"failed\"", ""), "active", 0, 0, 0},
    {OLD("three_v1", "1", "", "\"0\":\"passed\"", ""), "active", 1, 1, 1},
    {OLD("gone_v1", "4", "0,1,2,3",
         "\"0\":\"passed\",\"1\":\"passed\",\"2\":\"passed\","
         "\"3\":\"passed\"",
         ""),
     "error", 4, 4, 0})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    CHECK_OK(import(&f, &o, slice_of(row->text)));
    const struct json *one = json_get(o.out, SLICE("imported"))->items;
    CHECK_INT_EQ(json_get(one, SLICE("notes"))->count, row->notes);
    CHECK_INT_EQ(kit_int(json_get(one, SLICE("attempts"))), 1);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, OLD_ID));
    const struct json *s = json_get(o.out, SLICE("session"));
    CHECK_STR_EQ(kit_text(s, "status"), row->status);
    CHECK_INT_EQ(kit_int(json_get(s, SLICE("current_phase"))), row->current);
    CHECK_INT_EQ(json_get(s, SLICE("completed_phases"))->count, row->completed);
    outcome_done(&o);
    struct eng_report_args report = {OLD_ID};
    CHECK_OK(CALL(&o, eng_report(f.engine, &o.call, &report)));
    outcome_done(&o);
    CHECK_OK(import(&f, &o, slice_of(row->text)));
    CHECK_INT_EQ(json_get(o.out, SLICE("skipped"))->count, 1);
    outcome_done(&o);
    check_intact(&f);
    fixture_done(&f);
}

TEST(transfer, old_times_are_read_in_the_zone_that_is_given)
{
    struct fixture f;
    struct outcome o;
    struct eng_import_args args = {
        .name = SLICE("a.json"),
        .text = slice_of(OLD("three_v1", "1", "0", "\"0\":\"passed\"", "")),
        .zone_given = true,
        .zone_seconds = 2 * 3600};
    fixture_init(&f, kit_workflows());
    CHECK_OK(CALL(&o, eng_import(f.engine, &o.call, &args)));
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, OLD_ID));
    CHECK_STR_EQ(kit_text(o.out, "session", "created_at"),
                 "2025-10-22T15:55:27.826Z");
    CHECK_STR_EQ(kit_text(o.out, "session", "updated_at"),
                 "2025-10-23T16:13:27.134Z");
    CHECK_INT_EQ(kit_int(json_at(o.out, "evidence", "0", "a", NULL)), 1);
    outcome_done(&o);
    fixture_done(&f);
}

/* It is read, refused what would advance it, and opened when the workflow is
 * there. */
TEST(transfer, a_session_of_an_unknown_workflow_waits_for_it)
{
    struct fixture f;
    struct outcome o;
    const char *workflows = kit_workflows();
    struct eng_get_phase_args get = {OLD_ID, ENG_ABSENT};
    struct slice folder = arena_printf(test_arena(), "%s/three_v1", workflows);
    struct slice away = arena_printf(test_arena(), "%s/.away", workflows);
    fixture_init(&f, workflows);
    CHECK_INT_EQ(rename(folder.p, away.p), 0);
    CHECK_OK(import(
        &f, &o, slice_of(OLD("three_v1", "1", "0", "\"0\":\"passed\"", ""))));
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, OLD_ID, 1, KIT_GOOD),
              ERR_WORKFLOW_NOT_FOUND);
    outcome_done(&o);
    CHECK_ERR(CALL(&o, eng_get_phase(f.engine, &o.call, &get)),
              ERR_PHASE_OUT_OF_RANGE);
    outcome_done(&o);
    CHECK_ERR(
        kit_manage(&f, &o, OLD_ID, "retry_phase", ENG_ABSENT, false, NULL),
        ERR_WORKFLOW_NOT_FOUND);
    outcome_done(&o);
    CHECK_OK(kit_session(&f, &o, OLD_ID));
    CHECK_STR_EQ(kit_text(o.out, "next", "arguments", "action"), "retry_phase");
    CHECK_STR_EQ(kit_text(o.out, "session", "trouble", "detail"),
                 "WORKFLOW_NOT_FOUND");
    outcome_done(&o);
    CHECK_INT_EQ(rename(away.p, folder.p), 0);
    CHECK_OK(
        kit_manage(&f, &o, OLD_ID, "retry_phase", ENG_ABSENT, false, NULL));
    CHECK_STR_EQ(kit_text(o.out, "session", "status"), "active");
    outcome_done(&o);
    kit_pass(&f, OLD_ID, 1);
    kit_pass(&f, OLD_ID, 2);
    check_intact(&f);
    fixture_done(&f);
}

/* --- real ones ------------------------------------------------------------ */

struct real {
    const char *file, *status, *trouble;
    int64_t current, attempts;
};
static const struct real reals[] = {
    {"d307c7f6-e5ad-4b44-a840-327f0f20af43", "completed", "", 5, 6},
    {"062f24e7-6fdc-40b3-a2d8-7ffaea6351b6", "error", "SOURCE_NOT_FOUND", 6, 6},
    {"1fc3c1c4-a94d-4823-8b4f-dce597252225", "error", "SOURCE_NOT_FOUND", 5, 5},
    {"f01b7f5f-d981-4b69-82a4-acc34e16b2fc", "error", "SOURCE_NOT_FOUND", 2, 2},
    {"61e24eb6-7c13-4e7c-b0cc-5a6c9347b6e1", "error", "SOURCE_OPTION_MISSING",
     0, 0},
};
enum { REALS = sizeof(reals) / sizeof(reals[0]) };

static struct slice real_read(const struct real *r)
{
    struct slice text,
        path = arena_printf(test_arena(), "%s/real/state/%s.json",
                            test_shared_dir(), r->file);
    CHECK_OK(file_read(path, 1u << 20, test_arena(), &text));
    return text;
}

static void real_check(struct fixture *f, const struct real *r)
{
    struct outcome o;
    CHECK_OK(import(f, &o, real_read(r)));
    const struct json *one = json_get(o.out, SLICE("imported"))->items;
    CHECK_INT_EQ(kit_int(json_get(one, SLICE("attempts"))), r->attempts);
    CHECK_TEXT_EQ(json_text(json_get(one, SLICE("trouble"))), r->trouble);
    outcome_done(&o);
    CHECK_OK(kit_session(f, &o, slice_of(r->file)));
    CHECK_STR_EQ(kit_text(o.out, "session", "status"), r->status);
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)),
                 r->current);
    CHECK_INT_EQ(json_get(o.out, SLICE("evidence"))->count, r->attempts);
    outcome_done(&o);
}

TEST(transfer, real_praxis_sessions_are_imported_as_expected, .needs = "shared")
{
    struct fixture f;
    struct outcome o;
    fixture_init(
        &f,
        arena_printf(test_arena(), "%s/real/workflows", test_shared_dir()).p);
    struct slice whole = real_read(&reals[0]);
    CHECK_ERR(import(&f, &o, slice_sub(whole, 0, whole.n / 2)), ERR_PARSE);
    CHECK_CONTAINS(o.call.problem.what, "line ");
    outcome_done(&o);
    for (int i = 0; i < REALS; i++) real_check(&f, &reals[i]);
    for (int i = 0; i < REALS; i++) {
        CHECK_OK(import(&f, &o, real_read(&reals[i])));
        CHECK_INT_EQ(json_get(o.out, SLICE("skipped"))->count, 1);
        CHECK_INT_EQ(json_get(o.out, SLICE("imported"))->count, 0);
        outcome_done(&o);
    }
    check_intact(&f);
    fixture_done(&f);
}
