/* How much a person, an agent or a repository may bring at once: as much as a
 * ceiling says is taken, and one more is refused and told why. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "engine/definition_yaml.h"
#include "tests/unit/session_kit.h"
#include "tests/unit/workflow_kit.h"

/* `text` so many times, each # of it the number from 0 on. */
static struct slice repeated(const char *head, const char *text, int times,
                             const char *tail)
{
    struct buf b = BUF_INIT(4 << 20);
    buf_puts(&b, head);
    for (int i = 0; i < times; i++)
        for (const char *at = text; *at; at++)
            if (*at == '#')
                buf_printf(&b, "%d", i);
            else
                buf_putc(&b, *at);
    buf_puts(&b, tail);
    CHECK_OK(b.err);
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

/* --- gates ---------------------------------------------------------------- */

#define GATE "checkpoint: {strict: true}\nevidence_schema:\n"

static const struct eng_gate *gate_of(struct slice text, struct eng_report *r)
{
    return kit_gate(arena_cstr(test_arena(), text), r);
}

TEST(ceilings, a_gate_asks_for_500_fields_and_no_more)
{
    static const char field[] =
        "  f#: {type: string, required: true, description: d}\n";
    struct eng_report r;
    CHECK(gate_of(repeated(GATE, field, 500, ""), &r) != NULL);
    CHECK(gate_of(repeated(GATE, field, 501, ""), &r) == NULL);
    CHECK_CONTAINS(r.items[0].message, "at most 500 are read");
}

/* Of what PCRE2 would take five times as many. */
TEST(ceilings, a_pattern_nests_50_deep_and_no_more)
{
    static const char head[] =
        GATE "  s: {type: string, required: true, description: d, validator: "
             "matches_pattern, validator_params: {pattern: '";
    for (int deep = 40; deep <= 60; deep += 20) {
        struct eng_report r;
        const char *tail =
            arena_cstr(test_arena(), repeated("x", ")", deep, "'}}\n"));
        bool fine = gate_of(repeated(head, "(", deep, tail), &r) != NULL;
        CHECK(fine == (deep == 40));
        if (!fine) CHECK_CONTAINS(r.items[0].message, "nest");
    }
}

/* --- definitions ---------------------------------------------------------- */

#define DEFINITION                                                             \
    "name: n\nversion: v\nproblem: {statement: s, why_workflow: w, "           \
    "success_criteria: []}\nphases:\n"
#define PHASE                                                                  \
    "  - {number: #, name: n, purpose: p, deliverable: d, tasks: [{number: "   \
    "1, "                                                                      \
    "name: n, purpose: p}]}\n"
#define TASK "{number: #, name: n, purpose: p}, "

struct definition_row {
    const char *head, *text, *tail;
    int fits, most; /* each task is compared with all before it */
};
TEST_EACH(ceilings, a_definition_has_so_many_phases_and_tasks,
          struct definition_row, row, {DEFINITION, PHASE, "", 500, 500},
          {DEFINITION "  - {number: 0, name: n, purpose: p, deliverable: d, "
                      "tasks: [",
           TASK, "]}\n", 200, 2000})
{
    for (int over = 0; over <= 1; over++) {
        struct eng_source src = {
            SLICE("workflow-definition.yaml"),
            repeated(row->head, row->text, over ? row->most + 1 : row->fits,
                     row->tail)};
        struct eng_report r;
        struct problem p;
        struct eng_plan plan;
        eng_report_init(&r, test_arena());
        problem_init(&p);
        enum err e = eng_definition_yaml_parse(&src, &r, &p, &plan);
        if (e && !over) FAIL("%.*s", SLICE_ARG(p.why));
        CHECK_ERR(e, over ? ERR_WORKFLOW_INVALID : OK);
    }
}

/* --- folders -------------------------------------------------------------- */

static void make_file(const char *folder, int i, off_t size)
{
    struct slice path =
        arena_printf(test_arena(), "%s/three_v1/core/%d.md", folder, i);
    int fd = open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT_EQ(ftruncate(fd, size), 0);
    close(fd);
}

static void check_too_large(const char *folder)
{
    struct fixture f;
    struct outcome o;
    struct eng_start_workflow_args args = {.workflow_type = SLICE("three_v1"),
                                           .target = SLICE("a.c")};
    fixture_init(&f, folder);
    CHECK(CALL(&o, eng_start_workflow(f.engine, &o.call, &args)) != OK);
    CHECK_CONTAINS(o.call.problem.why, "at most 4,096 files, 32 MiB");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(ceilings, a_workflow_has_32_mib_of_text_and_no_more)
{
    const char *folder = kit_workflows();
    kit_put(folder, "three_v1/core/first.md", "first\n");
    for (int i = 0; i < 2; i++) make_file(folder, i, 17 << 20);
    check_too_large(folder);
}

TEST(ceilings, a_workflow_has_4096_files_and_no_more, .needs = "slow")
{
    const char *folder = kit_workflows();
    kit_put(folder, "three_v1/core/first.md", "first\n");
    for (int i = 0; i < 4096; i++) make_file(folder, i, 0);
    check_too_large(folder);
}

/* --- arguments ------------------------------------------------------------ */

TEST(ceilings, a_question_has_64_kib_and_64_tags)
{
    struct fixture f;
    struct outcome o;
    struct slice tags[65];
    struct slice words = repeated("", "word #\n", 10000, "");
    for (size_t i = 0; i < 65; i++) tags[i] = SLICE("tag");
    fixture_init(&f, NULL);
    for (size_t over = 0; over <= 1; over++) {
        struct eng_search_args args = {
            .query = slice_sub(words, 0, (64 << 10) + over),
            .n_results = 5,
            .filter_phase = ENG_ABSENT};
        CHECK_ERR(CALL(&o, eng_search_standards(f.engine, &o.call, &args)),
                  over ? ERR_INVALID_PARAMETER : OK);
        outcome_done(&o);
        args.query = SLICE("word");
        args.filter_tags = tags;
        args.filter_tags_count = 64 + over;
        CHECK_ERR(CALL(&o, eng_search_standards(f.engine, &o.call, &args)),
                  over ? ERR_INVALID_PARAMETER : OK);
        outcome_done(&o);
    }
    fixture_done(&f);
}

TEST(ceilings, an_agent_s_name_has_200_characters)
{
    struct fixture f;
    struct outcome o;
    struct slice name = repeated("", "\xc3\xbc", 201, "");
    fixture_init(&f, kit_workflows());
    struct eng_claim_task_args args = {.session_id = kit_begin(&f, "x"),
                                       .agent = name,
                                       .task_number = 1,
                                       .lease_seconds = 60};
    CHECK_ERR(CALL(&o, eng_claim_task(f.engine, &o.call, &args)),
              ERR_INVALID_PARAMETER);
    outcome_done(&o);
    args.agent = slice_sub(name, 2, SIZE_MAX);
    CHECK_OK(CALL(&o, eng_claim_task(f.engine, &o.call, &args)));
    outcome_done(&o);
    fixture_done(&f);
}

/* --- findings ------------------------------------------------------------- */

/* Who hands in a thousand heads that are none fills no memory with them. */
TEST(ceilings, of_one_session_50_flaws_are_told)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    const char *id = arena_cstr(test_arena(), kit_begin(&f, "a"));
    const char *head =
        arena_printf(test_arena(),
                     "{\"heads\":[{\"session_id\":\"%s\",\"event_id\":1,"
                     "\"hash\":\"y\"}",
                     id)
            .p;
    const char *again =
        arena_printf(test_arena(),
                     ",{\"session_id\":\"%s\",\"event_id\":1,\"hash\":\"y\"}",
                     id)
            .p;
    struct eng_verify_args args = {
        .kept = kit_json(
            arena_cstr(test_arena(), repeated(head, again, 99, "]}")))};
    CHECK_OK(CALL(&o, eng_verify(f.engine, &o.call, &args)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_FALSE));
    CHECK_INT_EQ(json_get(o.out, SLICE("flaws"))->count, 50);
    outcome_done(&o);
    fixture_done(&f);
}
