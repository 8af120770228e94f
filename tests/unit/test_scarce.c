/* scarce: gates with proofs, and lists that are asked for in part, with memory
 * that ends at each place of the call's arena: told, or done. */
#include "tests/unit/proof_kit.h"

static enum err complete(struct fixture *f, struct outcome *o, struct slice id,
                         const struct json *evidence)
{
    struct eng_complete_phase_args *args =
        ARENA_NEW(test_arena(), struct eng_complete_phase_args);
    CHECK(args != NULL);
    *args = (struct eng_complete_phase_args){.session_id = id,
                                             .evidence = evidence};
    o->call.asking = ENG_CAN_ASK;
    return outcome_wait(o, eng_complete_phase(f->engine, &o->call, args));
}

struct gate {
    const char *schema, *evidence;
    enum err want;
    const char *says; /* in the refusal */
};
#define DOC "  doc: {type: string, required: true, description: x, proof: file"
#define YES                                                                    \
    "  yes: {type: boolean, required: true, description: x, proof: client"
/* clang-format off */
TEST_EACH(scarce, a_gate_with_a_proof_is_judged_whole_or_not_at_all,
          struct gate, row,
    {DOC "}\n", "{\"doc\":\"docs/a.txt\"}", OK, NULL},
    {DOC ", file: {path: docs/a.txt}}\n", "{}", OK, NULL},
    {DOC ", file: {under: docs/, min_bytes: 2, pattern: \"x+\"}}\n",
     "{\"doc\":\"docs/a.txt\"}", OK, NULL},
    {DOC ", file: {under: docs}}\n", "{\"doc\":\"docs-2/a.txt\"}",
     ERR_GATE_REFUSED, "does not lie in docs"},
    {DOC ", file: {under: docs}}\n", "{\"doc\":\"docs\"}", ERR_GATE_REFUSED,
     "is a folder"},
    {DOC ", file: {min_bytes: 100}}\n", "{\"doc\":\"docs/a.txt\"}",
     ERR_GATE_REFUSED, "at least 100 are wanted"},
    {DOC ", file: {pattern: \"y+\"}}\n", "{\"doc\":\"docs/a.txt\"}",
     ERR_GATE_REFUSED, "does not hold what matches"},
    {DOC ", file: {pattern: \"y+\"}}\n", "{\"doc\":\"docs/latin\"}",
     ERR_GATE_REFUSED, "no UTF-8 text"},
    {DOC ", file: {pattern: \"(?:a*c|a)*$\"}}\n", "{\"doc\":\"docs/aaa\"}",
     ERR_GATE_REFUSED, "backtracks too much"},
    {DOC "}\n", "{\"doc\":5}", ERR_GATE_REFUSED, NULL},
    {YES "}\n", "{}", ERR_APPROVAL_PENDING, NULL})
/* clang-format on */
{
    struct fixture f;
    char *many = arena_zalloc(test_arena(), 60001);
    memset(many, 'a', 59999);
    many[59999] = 'b';
    kit_put(test_tmpdir(), "docs/a.txt", "xxx\n");
    kit_put(test_tmpdir(), "docs-2/a.txt", "xxx\n");
    kit_put(test_tmpdir(), "docs/latin", "\xe9t\xe9");
    kit_put(test_tmpdir(), "docs/aaa", many);
    struct slice id = proof_begin(&f, row->schema);
    const struct json *evidence = parse(row->evidence);
    bool slow = row->says && strstr(row->says, "backtracks");
    size_t step = slow ? 100000 : test_sanitized() ? 1024 : 128;
    bool refused = true;
    for (size_t ceiling = 0; refused; ceiling += step) {
        struct outcome o;
        outcome_begin(&o);
        arena_init(&o.arena, ceiling);
        enum err e = complete(&f, &o, id, evidence);
        refused = o.arena.refused;
        if (refused && !e) break; /* committed, its news short of words */
        if (refused) CHECK(e == ERR_NOMEM || e == row->want);
        if (!refused) CHECK_ERR(e, row->want);
        if (!refused && row->says)
            CHECK_CONTAINS(o.call.problem.siblings, row->says);
        outcome_done(&o);
    }
    fixture_done(&f);
}

struct filter {
    struct eng_list_workflows_args args;
    int64_t count;
};
/* clang-format off */
TEST_EACH(scarce, workflows_are_listed_by_what_is_asked, struct filter, row,
    {{.query = SLICE_INIT("")}, 3},
    {{.query = SLICE_INIT("THREE")}, 1},
    {{.query = SLICE_INIT("for tests")}, 1},
    {{.query = SLICE_INIT("broken")}, 1},
    {{.query = SLICE_INIT("nothing like it")}, 0},
    {{.category = SLICE_INIT("Special")}, 1},
    {{.category = SLICE_INIT("other")}, 0},
    {{.category = SLICE_INIT("special"), .query = SLICE_INIT("three")}, 0},
    {{.metadata = true}, 3})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    const char *folder = kit_workflows();
    kit_put(folder, "broken_v1/metadata.json", "{");
    kit_put(folder, "special_v1/metadata.json",
            "{\"workflow_type\":\"special_v1\",\"version\":\"1\",\"name\":"
            "\"S\",\"description\":\"d\",\"category\":\"special\","
            "\"total_phases\":1,\"phases\":[]}");
    fixture_init(&f, folder);
    CHECK_OK(CALL(&o, eng_list_workflows(f.engine, &o.call, &row->args)));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("count"))), row->count);
    const struct json *list = json_get(o.out, SLICE("workflows"));
    CHECK_INT_EQ(list->count, row->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *one = &list->items[i];
        bool fine = json_is(json_get(one, SLICE("valid")), JSON_TRUE);
        CHECK(fine == (json_get(one, SLICE("problems"))->count == 0));
        if (row->args.metadata && fine)
            CHECK(json_get(one, SLICE("metadata")) != NULL);
    }
    outcome_done(&o);
    fixture_done(&f);
}

struct path {
    const char *path;
    enum err err;
    const char *says;
};
/* clang-format off */
TEST_EACH(scarce, a_path_is_one_workflow_or_told_to_be_more, struct path, row,
    {"wf/three_v1", OK, NULL},
    {"wf/three_v1/metadata.json", OK, NULL},
    {"three_v1", OK, NULL},
    {"wf", ERR_INVALID_PARAMETER, "2 workflows"},
    {"none", ERR_NOT_FOUND, "none"},
    {"../x", ERR_NOT_FOUND, "../x"})
/* clang-format on */
{
    struct fixture f;
    struct outcome o;
    const char *folder = kit_workflows();
    kit_put(folder, "two_v1/metadata.json", "{}");
    fixture_init(&f, folder);
    struct eng_validate_workflow_args args = {.path = slice_of(row->path)};
    CHECK_ERR(CALL(&o, eng_validate_workflow(f.engine, &o.call, &args)),
              row->err);
    if (row->err) CHECK_CONTAINS(o.call.problem.what, row->says);
    outcome_done(&o);
    args = (struct eng_validate_workflow_args){.path = SLICE("a\0b")};
    CHECK_ERR(CALL(&o, eng_validate_workflow(f.engine, &o.call, &args)),
              ERR_NOT_FOUND);
    outcome_done(&o);
    fixture_done(&f);
}
