/* Workflows whose phases come from a plan, through the real tools. */
#include <stdio.h>
#include <unistd.h>

#include "engine/definition_yaml.h"
#include "engine/template.h"
#include "mcp/tools/tools.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/mcp_fixture.h"
#include "tests/unit/workflow_kit.h"

/* --- a project with a workflow and a plan ------------------------------- */
static const char metadata[] =
    "{\"workflow_type\":\"build_v1\",\"version\":\"1.0.0\",\"description\":"
    "\"Builds what a plan says.\",\"total_phases\":\"dynamic\",\"dynamic_"
    "phases\":true,\"phases\":[{\"phase_number\":0,\"phase_name\":\"Read\","
    "\"tasks\":[]},{\"phase_number\":\"1-N\",\"phase_name\":\"Work\",\"purpose"
    "\":\"Do it\"}],\"dynamic_config\":{\"source_type\":\"spec_tasks_md\","
    "\"source_path_key\":\"plan\",\"templates\":{\"phase\":\"phases/dynamic/"
    "phase.md\",\"task\":\"phases/dynamic/task.md\"}}}";
static const char phase_template[] =
    "# Phase [PHASE_NUMBER]: [PHASE_NAME]\n[PHASE_DESCRIPTION]\n"
    "[ESTIMATED_DURATION] [TASK_COUNT] next [NEXT_PHASE_NUMBER] [N.1] [list]\n"
    "[VALIDATION_GATE]\n";
static const char task_template[] =
    "# Task [TASK_ID]: [TASK_NAME]\n[TASK_DESCRIPTION]\n[ESTIMATED_TIME]\n"
    "[DEPENDENCIES] [DEPENDENCIES or \"None\"]\n[ACCEPTANCE_CRITERIA]\n"
    "next [NEXT_TASK_NUMBER] {DIR}\n";
static const char plan[] =
    "## Phase 1: Ground [TASK_ID]\n**Objective:** Lay it\n"
    "**Validation Gate:**\n- [ ] It is even\n- [ ] It is dry (really!)\n"
    "### Task 1.1: Dig\n**Time:** 2 h\n**Acceptance Criteria:**\n- [ ] deep\n"
    "### Task 1.2: Fill\n**Dependencies:** Task 1.1, Phase 2 complete\n"
    "## Phase 2: Walls\n### Task 2.1: Bricks\n";

struct walk {
    struct fixture f;
    struct tools_app app;
    struct fake_server *fs;
};

static void put(struct slice root, const char *path, const char *text)
{
    struct slice file = path_join(test_arena(), root, slice_of(path));
    size_t n = file.n;
    while (file.p[n - 1] != '/') n--;
    CHECK_OK(path_make((struct slice){file.p, n}, 0700));
    CHECK_OK(file_write_atomic(file, slice_of(text), 0600));
}

static void walk_begin_in(struct walk *w, const char *workflows)
{
    struct mcp_server_config conf;
    fixture_init(&w->f, workflows);
    tools_app_init(&w->app, w->f.engine);
    tools_config(&w->app, w->f.pool, &conf);
    w->fs = fake_server_of(&conf, MCP_STDIO);
}

static void walk_begin(struct walk *w)
{
    struct slice root = slice_of(test_tmpdir());
    put(root, "wf/build_v1/metadata.json", metadata);
    put(root, "wf/build_v1/phases/0/phase.md", "# Read\n");
    put(root, "wf/build_v1/phases/dynamic/phase.md", phase_template);
    put(root, "wf/build_v1/phases/dynamic/task.md", task_template);
    put(root, "plans/one/tasks.md", plan);
    walk_begin_in(w, path_join(test_arena(), root, SLICE("wf")).p);
}

static void walk_end(struct walk *w)
{
    fake_server_free(w->fs);
    eng_close(w->f.engine);
}

static const struct json *call(struct walk *w, const char *tool,
                               const char *args)
{
    struct slice body = fake_say(w->fs, fake_call("1", tool, args));
    const struct json *result = json_get(fake_json(body), SLICE("result"));
    const struct json *v = json_get(result, SLICE("structuredContent"));
    CHECK(json_is(v, JSON_OBJECT));
    return v;
}

static const struct json *start(struct walk *w, const char *type,
                                const char *options)
{
    return call(w, "start_workflow",
                arena_printf(test_arena(),
                             "{\"workflow_type\":\"%s\",\"target\":\"x\"%s%s}",
                             type, options ? ",\"options\":" : "",
                             options ? options : "")
                    .p);
}

static const char *id_of(const struct json *v)
{
    struct slice id = json_text(json_get(v, SLICE("session_id")));
    CHECK_INT_EQ(id.n, 36);
    return arena_cstr(test_arena(), id);
}

static const struct json *with_id(struct walk *w, const char *tool,
                                  const char *id, const char *more)
{
    return call(
        w, tool,
        arena_printf(test_arena(), "{\"session_id\":\"%s\"%s}", id, more).p);
}

static const struct json *complete(struct walk *w, const char *id, int phase,
                                   const char *evidence)
{
    return with_id(w, "complete_phase", id,
                   arena_printf(test_arena(), ",\"phase\":%d,\"evidence\":%s",
                                phase, evidence)
                       .p);
}

static bool passed(const struct json *v)
{
    return json_is(json_get(v, SLICE("passed")), JSON_TRUE);
}

static struct slice detail(const struct json *v)
{
    return json_text(json_at(v, "error", "detail", NULL));
}

static struct slice text_at(const struct json *v, const char *a, const char *b)
{
    return json_text(json_at(v, a, b, NULL));
}

static int64_t int_at(const struct json *v, const char *key)
{
    int64_t n = -1;
    CHECK(json_int64(json_get(v, slice_of(key)), &n));
    return n;
}

static size_t sessions(struct walk *w)
{
    return json_get(call(w, "list_sessions", "{}"), SLICE("sessions"))->count;
}

/* --- starting ----------------------------------------------------------- */
struct refused_row {
    const char *options, *detail;
};
TEST_EACH(dynamic, a_start_without_a_plan_leaves_nothing_behind,
          struct refused_row, row, {NULL, "SOURCE_OPTION_MISSING"},
          {"{}", "SOURCE_OPTION_MISSING"},
          {"{\"plan\":7}", "SOURCE_OPTION_MISSING"},
          {"{\"plan\":\"plans/none\"}", "SOURCE_NOT_FOUND"},
          {"{\"plan\":\"plans\"}", "SOURCE_NOT_FOUND"},
          {"{\"plan\":\"../../etc/passwd\"}", "INVALID_TARGET"},
          {"{\"plan\":\"/etc\"}", "INVALID_TARGET"},
          {"{\"plan\":\"a\\u0000b\"}", "INVALID_TARGET"},
          {"{\"plan\":\"\"}", "INVALID_TARGET"},
          {"{\"plan\":\"out\"}", "INVALID_TARGET"},
          {"{\"plan\":\"linked\"}", "INVALID_TARGET"},
          {"{\"plan\":\"empty.md\"}", "SOURCE_EMPTY"},
          {"{\"plan\":\"text.md\"}", "SOURCE_NO_PHASES"},
          {"{\"plan\":\"gap.md\"}", "SOURCE_PHASE_GAP"},
          {"{\"plan\":\"two.md\"}", "SOURCE_PHASE_START"},
          {"{\"plan\":\"bytes.md\"}", "WORKFLOW_INVALID"})
{
    struct walk w;
    walk_begin(&w);
    struct slice root = w.f.root;
    put(root, "empty.md", " \n");
    put(root, "text.md", "nothing\n");
    put(root, "gap.md", "## Phase 1: A\n## Phase 3: B\n");
    put(root, "two.md", "## Phase 2: A\n");
    put(root, "bytes.md", "## Phase 1: A\n\xff\n");
    put(root, "linked/x", "");
    CHECK_INT_EQ(symlink("/etc", path_join(test_arena(), root, SLICE("out")).p),
                 0);
    CHECK_INT_EQ(
        symlink("/etc/passwd",
                path_join(test_arena(), root, SLICE("linked/tasks.md")).p),
        0);
    CHECK_TEXT_EQ(detail(start(&w, "build_v1", row->options)), row->detail);
    CHECK_INT_EQ(sessions(&w), 0);
    walk_end(&w);
}

/* format B23 */
TEST(dynamic, phases_follow_the_plan_to_its_end)
{
    struct walk w;
    walk_begin(&w);
    const struct json *v = start(&w, "build_v1", "{\"plan\":\"plans/one\"}");
    const char *id = id_of(v);
    CHECK_INT_EQ(int_at(v, "total_phases"), 3);
    CHECK(passed(complete(&w, id, 0, "{\"read\":true}")));

    v = with_id(&w, "get_phase", id, "");
    CHECK_TEXT_EQ(text_at(v, "phase", "content"),
                  "# Phase 1: Ground [TASK_ID]\nLay it\n"
                  "Variable 2 next 2 [N.1] [list]\n"
                  "- [ ] It is even\n- [ ] It is dry (really!)\n");
    CHECK_INT_EQ(int_at(json_get(v, SLICE("phase")), "source_number"), 1);
    const struct json *items = json_at(v, "phase", "gate", "items", NULL);
    CHECK_INT_EQ(items->count, 2);
    CHECK_TEXT_EQ(json_text(json_get(&items->items[1], SLICE("key"))),
                  "it_is_dry_really");

    v = with_id(&w, "get_task", id, ",\"phase\":1,\"task_number\":2");
    CHECK_TEXT_EQ(text_at(v, "task", "content"),
                  "# Task 1.2: Fill\nFill\nVariable\n"
                  "1.1, all tasks of phase 2 [DEPENDENCIES or \"None\"]\n"
                  "The source states no acceptance criteria for this task.\n"
                  "next none (this is the last task of the phase) {DIR}\n");
    CHECK_TEXT_EQ(text_at(v, "task", "source_text"),
                  "### Task 1.2: Fill\n**Dependencies:** Task 1.1, Phase 2 "
                  "complete");
    CHECK_TEXT_EQ(text_at(v, "task", "id"), "1.2");

    CHECK(passed(complete(&w, id, 1, "{\"validation_gate\":[true,true]}")));
    v = with_id(&w, "get_phase", id, "");
    CHECK_CONTAINS(text_at(v, "phase", "content"), "Phase 2 objectives");
    CHECK_CONTAINS(text_at(v, "phase", "content"),
                   "next none (this is the last phase)");
    CHECK(!passed(complete(&w, id, 2, "{}")));
    v = complete(&w, id, 2, "{\"note\":\"done\"}");
    CHECK(passed(v));
    CHECK_TEXT_EQ(text_at(v, "gate", "source"), "none");
    CHECK(json_is(json_get(v, SLICE("workflow_complete")), JSON_TRUE));
    walk_end(&w);
}

TEST(dynamic, a_plan_from_phase_0_moves_up)
{
    struct walk w;
    walk_begin(&w);
    put(w.f.root, "zero.md",
        "## Phase 0: A\n### Task 0.1: X\n## Phase 1: B\n"
        "### Task 1.1: Y\nDependencies: Phase 0 complete\n## Phase 2: C\n");
    const struct json *v = start(&w, "build_v1", "{\"plan\":\"zero.md\"}");
    const char *id = id_of(v);
    CHECK_INT_EQ(int_at(v, "total_phases"), 4);
    CHECK(passed(complete(&w, id, 0, "{\"a\":1}")));
    CHECK(passed(complete(&w, id, 1, "{\"a\":1}")));
    v = with_id(&w, "get_phase", id, "");
    CHECK_TEXT_EQ(text_at(v, "phase", "name"), "B");
    CHECK_INT_EQ(int_at(json_get(v, SLICE("phase")), "number"), 2);
    CHECK_INT_EQ(int_at(json_get(v, SLICE("phase")), "source_number"), 1);
    v = with_id(&w, "get_task", id, ",\"task_number\":1");
    CHECK_TEXT_EQ(text_at(v, "task", "id"), "1.1");
    CHECK_CONTAINS(text_at(v, "task", "content"), "all tasks of phase 1 ");
    walk_end(&w);
}

/* --- pinned -------------------------------------------------------------- */
static struct slice first_changed(const struct json *v)
{
    const struct json *files = json_get(v, SLICE("changed_files"));
    return json_is(files, JSON_ARRAY) && files->count
               ? json_text(&files->items[0])
               : (struct slice){0};
}

TEST(dynamic, an_edited_plan_changes_no_running_session)
{
    struct walk w;
    walk_begin(&w);
    const char *id =
        id_of(start(&w, "build_v1", "{\"plan\":\"plans/one/tasks.md\"}"));
    const struct json *v = with_id(&w, "get_phase", id, "");
    CHECK(!json_get(v, SLICE("definition_changed")));
    put(w.f.root, "plans/one/tasks.md", "## Phase 1: Ground\n");
    CHECK(passed(complete(&w, id, 0, "{\"a\":1}")));
    v = complete(&w, id, 1, "{\"note\":\"no gate any more?\"}");
    CHECK(!passed(v));
    v = with_id(&w, "get_task", id, ",\"phase\":1,\"task_number\":2");
    CHECK(json_is(json_get(v, SLICE("definition_changed")), JSON_TRUE));
    CHECK_TEXT_EQ(first_changed(v), "plans/one/tasks.md");
    v = with_id(&w, "get_session", id, "");
    CHECK_INT_EQ(int_at(json_get(v, SLICE("session")), "total_phases"), 3);
    walk_end(&w);
}

/* The same question on a loop: ERR_AGAIN until a worker has answered it. */
static enum err on_loop(struct walk *w, const char *id, bool *ret_changed)
{
    struct outcome o;
    struct eng_get_phase_args args = {.session_id = slice_of(id),
                                      .phase = ENG_ABSENT};
    outcome_begin(&o);
    o.call.on_loop = true;
    enum err e = outcome_end(&o, eng_get_phase(w->f.engine, &o.call, &args));
    *ret_changed = !e && json_get(o.out, SLICE("definition_changed")) != NULL;
    outcome_done(&o);
    return e;
}

/* A worker's answer, then the loop's. False: this machine reports nothing. */
static bool settles(struct walk *w, const char *id)
{
    bool changed;
    struct eng_facts *facts = ARENA_NEW(test_arena(), struct eng_facts);
    (void)with_id(w, "get_phase", id, "");
    enum err e = on_loop(w, id, &changed);
    CHECK(!changed);
    if (!e) return true;
    CHECK_ERR(e, ERR_AGAIN);
    eng_facts_take(w->f.engine, clock_now(), facts);
    return strcmp(facts->watch.mode, "inotify") == 0 && settles(w, id);
}

static void save_over(struct slice root)
{
    put(root, "plans/one/tasks.md", "## Phase 1: Ground\n");
}

static void rewrite(struct slice root)
{
    FILE *f = fopen(
        path_join(test_arena(), root, SLICE("plans/one/tasks.md")).p, "a");
    CHECK(f && fputs("\n## More\n", f) >= 0 && fclose(f) == 0);
}

static void remove_plan(struct slice root)
{
    CHECK_INT_EQ(
        unlink(path_join(test_arena(), root, SLICE("plans/one/tasks.md")).p),
        0);
}

static void move_folder(struct slice root)
{
    CHECK_INT_EQ(rename(path_join(test_arena(), root, SLICE("plans")).p,
                        path_join(test_arena(), root, SLICE("moved")).p),
                 0);
}

struct change_row {
    const char *label;
    void (*change)(struct slice root);
};

TEST_EACH(dynamic, the_loop_answers_until_the_plan_changes, struct change_row,
          row, {"saved over", save_over}, {"written to", rewrite},
          {"deleted", remove_plan}, {"moved with its folders", move_folder})
{
    struct walk w;
    bool changed;
    walk_begin(&w);
    const char *id =
        id_of(start(&w, "build_v1", "{\"plan\":\"plans/one/tasks.md\"}"));
    bool watched = settles(&w, id);
    row->change(w.f.root);
    if (watched) CHECK_ERR(on_loop(&w, id, &changed), ERR_AGAIN);
    const struct json *v = with_id(&w, "get_phase", id, "");
    CHECK(json_is(json_get(v, SLICE("definition_changed")), JSON_TRUE));
    walk_end(&w);
}

TEST(dynamic, more_plans_than_are_watched_are_right_all_the_same)
{
    enum { PLANS = 24 };
    struct walk w;
    const char *ids[PLANS];
    bool changed;
    walk_begin(&w);
    for (int i = 0; i < PLANS; i++) {
        struct slice file = arena_printf(test_arena(), "plans/p%d/tasks.md", i);
        put(w.f.root, file.p, plan);
        ids[i] = id_of(
            call(&w, "start_workflow",
                 arena_printf(test_arena(),
                              "{\"workflow_type\":\"build_v1\",\"target\":"
                              "\"t%d\",\"options\":{\"plan\":\"%s\"}}",
                              i, file.p)
                     .p));
        (void)with_id(&w, "get_phase", ids[i], "");
        (void)on_loop(&w, ids[i], &changed);
    }
    for (int i = 0; i < PLANS; i++) {
        put(w.f.root, arena_printf(test_arena(), "plans/p%d/tasks.md", i).p,
            "## Phase 1: Ground\n");
        CHECK_ERR(on_loop(&w, ids[i], &changed), ERR_AGAIN);
        const struct json *v = with_id(&w, "get_phase", ids[i], "");
        CHECK(json_is(json_get(v, SLICE("definition_changed")), JSON_TRUE));
    }
    walk_end(&w);
}

TEST(dynamic, a_session_is_read_back_from_the_store)
{
    struct fixture f;
    struct outcome o;
    struct walk w;
    walk_begin(&w);
    const char *id = id_of(start(&w, "build_v1", "{\"plan\":\"plans/one\"}"));
    fixture_init(&f, path_join(test_arena(), w.f.root, SLICE("wf")).p);
    CHECK_OK(
        CALL(&o, eng_get_phase(f.engine, &o.call,
                               &(struct eng_get_phase_args){
                                   .session_id = slice_of(id), .phase = 0})));
    outcome_done(&o);
    fixture_done(&f);
    walk_end(&w);
}

TEST(dynamic, the_hash_names_the_plan_too)
{
    struct eng_file file = {SLICE("metadata.json"), SLICE("{}")};
    struct eng_files f = {
        .workflow_type = SLICE("a"), .files = &file, .count = 1};
    struct eng_files g = f, h, both = f;
    struct eng_file two[] = {file, {SLICE("plan.md"), SLICE("x")}};
    struct buf b = BUF_INIT(4096);
    g.source = two[1];
    both.files = two;
    both.count = 2;
    struct slice one = eng_files_hash(&f, test_arena());
    CHECK(!slice_eq(one, eng_files_hash(&g, test_arena())));
    CHECK(!slice_eq(eng_files_hash(&both, test_arena()),
                    eng_files_hash(&g, test_arena())));
    eng_files_pack(&g, &b);
    CHECK_OK(eng_files_unpack(buf_slice(&b), test_arena(), &h));
    CHECK_SLICE_EQ(eng_files_hash(&h, test_arena()),
                   eng_files_hash(&g, test_arena()));
    buf_done(&b);
}

/* --- gate items ---------------------------------------------------------- */
struct items_row {
    const char *evidence;
    bool passes;
    const char *missing, *wrong, *failed, *unknown;
};
/* clang-format off */
TEST_EACH(dynamic, each_item_of_a_gate_is_answered_with_true, struct items_row,
    row,
    {"{\"validation_gate\":[true,true,true]}", true, "", "", "", ""},
    {"{\"validation_gate\":[true,true]}", false, "validation_gate.3", "", "", ""},
    {"{\"validation_gate\":{\"1\":true,\"2\":true,\"3\":false}}", false, "", "", "validation_gate.3", ""},
    {"{\"validation_gate\":{\"code_reviewed_2\":true,\"1\":true,\"3\":true}}", true, "", "", "", ""},
    {"{\"validation_gate\":{\"1\":true,\"2\":true,\"code_reviewed_2\":false,\"3\":true}}", false, "", "", "validation_gate.2", ""},
    {"{\"validation_gate\":{\"1\":true,\"2\":false,\"code_reviewed_2\":true,\"3\":true}}", false, "", "", "validation_gate.2", ""},
    {"{\"validation_gate\":{\"same\":true,\"2\":true}}", false, "validation_gate.1 validation_gate.3", "", "", "validation_gate.same"},
    {"{\"validation_gate\":[true,1,\"true\"]}", false, "", "validation_gate.2 validation_gate.3", "", ""},
    {"{\"validation_gate\":[true,true,null]}", false, "validation_gate.3", "", "", ""},
    {"{\"validation_gate\":[true,true,true,true]}", false, "", "validation_gate", "", ""},
    {"{\"validation_gate\":true}", false, "", "validation_gate", "", ""},
    {"{\"validation_gate\":{}}", false, "validation_gate.1 validation_gate.2 validation_gate.3", "", "", ""},
    {"{}", false, "validation_gate validation_gate.1 validation_gate.2 validation_gate.3", "", "", ""},
    {"{\"validation_gate\":[true,true,true],\"tasks_completed\":[\"1.1\",\"9.9\"],\"x\":1}", true, "", "", "", "x tasks_completed"},
    {"{\"validation_gate\":[true,true,true],\"tasks_completed\":\"1.1\"}", false, "", "tasks_completed", "", ""})
/* clang-format on */
{
    static const struct slice texts[] = {SLICE_INIT("Same!"),
                                         SLICE_INIT("Code reviewed (2)"),
                                         SLICE_INIT("same")},
                              ids[] = {SLICE_INIT("1.1")};
    const struct eng_gate *g =
        eng_gate_of_items(texts, 3, ids, 1, test_arena());
    struct eng_verdict v = kit_judge(g, row->evidence);
    CHECK_INT_EQ(v.passed, row->passes);
    CHECK_TEXT_EQ(kit_names(&v, g, "missing"), row->missing);
    CHECK_TEXT_EQ(kit_names(&v, g, "wrong_type"), row->wrong);
    CHECK_TEXT_EQ(kit_names(&v, g, "failed"), row->failed);
    CHECK_INT_EQ(kit_names(&v, g, "unknown_fields").n,
                 slice_of(row->unknown).n);
    /* as written is no way around a plan's gate */
    struct eng_verdict as = kit_judge_how(g, kit_json(row->evidence),
                                          (struct eng_check){.as_written = 1});
    CHECK_INT_EQ(as.passed, row->passes);
}

/* --- templates ----------------------------------------------------------- */
TEST(dynamic, a_template_is_filled_in_one_pass)
{
    struct slice values[TEMPLATE_COUNT] = {[TEMPLATE_TASK_NAME] =
                                               SLICE("[TASK_ID]"),
                                           [TEMPLATE_TASK_ID] = SLICE("1.1")};
    struct buf b = BUF_INIT(4096);
    eng__template_render(
        SLICE("[[TASK_NAME]] [TASK_ID [PHASE_NAME] [TASK_ID]["), values, &b);
    CHECK_TEXT_EQ(buf_slice(&b), "[[TASK_ID]] [TASK_ID [PHASE_NAME] 1.1[");
    buf_done(&b);
}

/* --- the real workflow and a real plan ----------------------------------- */
static const char good_start[] =
    "{\"spec_structure_validated\":true,\"phases_extracted\":true,"
    "\"tasks_parsed\":true,\"dependencies_mapped\":true,"
    "\"standards_queried\":true,\"execution_plan_complete\":true}";

static const char *real_begin(struct walk *w, const char *spec)
{
    struct slice text,
        shared = slice_of(test_shared_dir()),
        from = arena_printf(test_arena(), "%.*s/real/specs/%s/tasks.md",
                            SLICE_ARG(shared), spec);
    walk_begin_in(
        w,
        arena_printf(test_arena(), "%.*s/real/workflows", SLICE_ARG(shared)).p);
    CHECK_OK(file_read(from, 1 << 20, test_arena(), &text));
    put(w->f.root, "spec/tasks.md", arena_cstr(test_arena(), text));
    CHECK_TEXT_EQ(detail(start(w, "spec_execution_v1", NULL)),
                  "SOURCE_OPTION_MISSING");
    CHECK_INT_EQ(sessions(w), 0);
    const char *id =
        id_of(start(w, "spec_execution_v1", "{\"spec_path\":\"spec\"}"));
    CHECK(passed(complete(w, id, 0, good_start)));
    return id;
}

TEST(dynamic, a_real_plan_is_walked_to_its_last_phase, .needs = "shared")
{
    struct walk w;
    const char *id = real_begin(&w, "2025-10-13-thread-safety-fixes");
    const struct json *v =
        with_id(&w, "get_task", id, ",\"phase\":1,\"task_number\":2");
    const struct json *task = json_get(v, SLICE("task"));
    CHECK_TEXT_EQ(text_at(v, "task", "id"), "1.2");
    CHECK_TEXT_EQ(text_at(v, "task", "name"),
                  "Add Thread-Safe Session Cache to WorkflowEngine");
    CHECK_TEXT_EQ(text_at(v, "task", "estimated_time"), "2-3 hours");
    CHECK_INT_EQ(json_get(task, SLICE("dependencies"))->count, 0);
    CHECK_INT_EQ(json_get(task, SLICE("acceptance_criteria"))->count, 7);
    CHECK(slice_starts(text_at(v, "task", "content"),
                       SLICE("# Task 1.2: Add Thread-Safe Session Cache to "
                             "WorkflowEngine")));
    CHECK(slice_starts(text_at(v, "task", "source_text"),
                       SLICE("#### Task 1.2: Add")));
    CHECK(!passed(complete(&w, id, 1, "{\"validation_gate\":[true,true]}")));
    CHECK(!passed(
        complete(&w, id, 1,
                 "{\"validation_gate\":{\"1\":true,\"2\":true,\"3\":false}}")));
    CHECK(passed(complete(
        &w, id, 1,
        "{\"validation_gate\":{\"all_modified_files_pass_linting_ruff_mypy\":"
        "true,\"code_review_completed_2_reviewers\":true,"
        "\"manual_smoke_tests_pass_no_crashes\":true}}")));
    v = with_id(&w, "get_phase", id, "");
    struct slice content = text_at(v, "phase", "content");
    CHECK(
        slice_starts(content, SLICE("# Phase 2: Observability & Monitoring")));
    CHECK_CONTAINS(content, "**Estimated Duration:** 2-3 hours");
    CHECK_CONTAINS(content, "**Total Tasks:** 3");
    CHECK_CONTAINS(content, "Phase 3");
    CHECK_CONTAINS(content, "[N.1]");
    CHECK_CONTAINS(content, "[list]");
    put(w.f.root, "spec/tasks.md", "## Phase 1: gone\n");
    for (int phase = 2; phase <= 4; phase++) {
        v = complete(&w, id, phase, "{\"validation_gate\":[true,true,true]}");
        CHECK(passed(v));
        CHECK_INT_EQ(
            json_is(json_get(v, SLICE("workflow_complete")), JSON_TRUE),
            phase == 4);
    }
    walk_end(&w);
}

TEST(dynamic, a_real_plan_without_gates_wants_something_said, .needs = "shared")
{
    struct walk w;
    const char *id = real_begin(&w, "2025-10-07-spec-creation-workflow-v1");
    CHECK(!passed(complete(&w, id, 1, "{}")));
    const struct json *v = complete(&w, id, 1, "{\"note\":\"done\"}");
    CHECK(passed(v));
    CHECK_TEXT_EQ(text_at(v, "gate", "source"), "none");
    walk_end(&w);
}

/* --- workflow definitions ------------------------------------------------ */
static enum err definition_of(struct slice text, struct eng_plan *plan_ret,
                              struct problem *p)
{
    struct eng_source src = {SLICE("workflow-definition.yaml"), text};
    struct eng_report r;
    eng_report_init(&r, test_arena());
    problem_init(p);
    return eng_definition_yaml_parse(&src, &r, p, plan_ret);
}

/* format A9 */
TEST(dynamic, a_real_definition_has_its_phases_and_evidence, .needs = "shared")
{
    static const size_t tasks[] = {5, 7, 4, 10, 8}, fields[] = {4, 4, 4, 6, 6};
    static const char *const numbers[] = {"0", "1", "2", "N+4", "N+5"};
    struct slice text;
    struct eng_plan got;
    struct problem p;
    CHECK_OK(file_read(arena_printf(test_arena(),
                                    "%s/real/workflows/workflow_creation_v1/"
                                    "supporting-docs/workflow-definition.yaml",
                                    test_shared_dir()),
                       1 << 20, test_arena(), &text));
    CHECK_OK(definition_of(text, &got, &p));
    CHECK_INT_EQ(got.phases_count, 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_TEXT_EQ(got.phases[i].stated_number, numbers[i]);
        CHECK_INT_EQ(got.phases[i].tasks_count, tasks[i]);
        CHECK_INT_EQ(got.phases[i].evidence->fields_count, fields[i]);
        CHECK_INT_EQ(got.phases[i].human_approval, i == 4);
    }
}

#define HEAD                                                                   \
    "name: a\nversion: '1'\nproblem:\n  statement: s\n  why_workflow: w\n"     \
    "  success_criteria: [a]\n"
#define PHASE "- number: 0\n  name: A\n  purpose: p\n  deliverable: d\n"
struct definition_row {
    const char *text;
    enum err err;
    const char *says;
};
TEST_EACH(dynamic, refuses_what_is_no_definition, struct definition_row, row,
          {"", ERR_SOURCE_EMPTY, "empty"},
          {HEAD "phases: []\n", ERR_SOURCE_NO_PHASES, "no phases"},
          {HEAD, ERR_SOURCE_NO_PHASES, "no phases"},
          {"name: a\n", ERR_WORKFLOW_INVALID, ":1"},
          {"name: [\n", ERR_WORKFLOW_INVALID, ":2"},
          {HEAD "phases:\n" PHASE, ERR_WORKFLOW_INVALID, ":8"},
          {HEAD "phases:\n" PHASE "  tasks:\n  - number: 1\n    name: x\n",
           ERR_WORKFLOW_INVALID, ":13"},
          {HEAD "phases:\n" PHASE
                "  tasks: []\n  validation_gate:\n    evidence_required:\n"
                "      a: {type: integer, validator: nosuch}\n",
           ERR_WORKFLOW_INVALID, "is no workflow definition"})
{
    struct eng_plan got;
    struct problem p;
    CHECK_ERR(definition_of(slice_of(row->text), &got, &p), row->err);
    CHECK_CONTAINS(p.what, row->says);
}

TEST(dynamic, a_gate_of_a_definition_is_judged_like_any_other)
{
    struct eng_plan got;
    struct problem p;
    CHECK_OK(definition_of(
        SLICE(HEAD "phases:\n" PHASE
                   "  tasks: []\n  validation_gate:\n    evidence_required:\n"
                   "      n: {type: integer, validator: greater_than_0}\n"
                   "      bad: {type: boolean, validator: is_false}\n"),
        &got, &p));
    const struct eng_gate *g = got.phases[0].evidence;
    CHECK(!kit_judge(g, "{}").passed);
    CHECK(!kit_judge(g, "{\"n\":0,\"bad\":false}").passed);
    CHECK(!kit_judge(g, "{\"n\":1,\"bad\":true}").passed);
    CHECK(kit_judge(g, "{\"n\":1,\"bad\":false}").passed);
}
