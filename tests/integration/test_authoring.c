/* docs/WORKFLOWS.md is run: its files are written, its commands executed, its
 * evidence sent; and what lint and new print is what programs can read. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/integration/program.h"

struct block {
    struct slice head, text; /* "json metadata.json", the lines */
};

/* The next fenced block; the text behind it stays in *rest. */
static bool next_block(struct slice *rest, struct block *ret)
{
    size_t at = slice_find(*rest, SLICE("\n```"));
    if (at >= rest->n) return false;
    struct slice s = slice_sub(*rest, at + 4, rest->n);
    size_t head = slice_find_byte(s, '\n');
    struct slice body = slice_sub(s, head + 1, s.n);
    size_t end = slice_find(body, SLICE("\n```"));
    CHECK_INT_LT(end, body.n);
    *ret = (struct block){slice_sub(s, 0, head), slice_sub(body, 0, end + 1)};
    *rest = slice_sub(body, end + 4, body.n);
    return true;
}

static bool head_is(const struct block *b, const char *start)
{
    return slice_starts(b->head, slice_of(start));
}

struct walk {
    const char *folder;
    const char *path; /* PATH with the program first */
    struct slice session;
    size_t files, commands, refused, passed;
};

static struct ended shell(struct walk *w, struct slice script)
{
    return program_run(
        &(struct program){.binary = "/bin/sh",
                          .folder = w->folder,
                          .env = (const char *const[]){w->path, NULL},
                          .args = (const char *const[]){
                              "-ec", arena_cstr(test_arena(), script), NULL}});
}

static void run_commands(struct walk *w, const struct block *b)
{
    static const char says_part[] = "sh exits 1 and says ";
    bool fails = head_is(b, says_part);
    struct ended e = shell(w, b->text);
    CHECK_INT_EQ(e.status, fails ? 1 : 0);
    if (fails)
        CHECK(says(e.out, arena_cstr(test_arena(),
                                     slice_sub(b->head, sizeof(says_part) - 1,
                                               b->head.n))));
    if (says(b->text, "start_workflow"))
        w->session = json_text(json_get(json_of(e.out), SLICE("session_id")));
    w->commands++;
}

static void send_evidence(struct walk *w, const struct block *b)
{
    struct slice phase = slice_sub(b->head, 14, 1);
    bool refused = slice_ends(b->head, SLICE("refused"));
    const char *args = arena_cstr(
        test_arena(),
        arena_printf(
            test_arena(),
            "{\"session_id\":\"%.*s\",\"phase\":%.*s,\"evidence\":%.*s}",
            SLICE_ARG(w->session), SLICE_ARG(phase), SLICE_ARG(b->text)));
    struct ended e =
        RUN_IN(w->folder, "call", "complete_phase", "--json", args);
    CHECK_INT_EQ(e.status, refused ? 1 : 0);
    *(refused ? &w->refused : &w->passed) += 1;
    if (!refused)
        CHECK(json_get(json_of(e.out), SLICE("passed"))->type == JSON_TRUE);
}

static void write_block(struct walk *w, const struct block *b)
{
    size_t blank = slice_find_byte(b->head, ' ');
    CHECK_INT_LT(blank, b->head.n);
    put_file(
        w->folder,
        arena_cstr(
            test_arena(),
            arena_printf(test_arena(), ".phasegate/workflows/decision_v1/%.*s",
                         SLICE_ARG(slice_sub(b->head, blank + 1, b->head.n)))),
        arena_cstr(test_arena(), b->text));
    w->files++;
}

TEST(authoring, the_page_that_teaches_it_works_block_by_block)
{
    struct walk w = {.folder = new_project("teaching")};
    struct slice page = get_file(test_source_dir(), "docs/WORKFLOWS.md");
    struct slice program = slice_of(test_binary());
    struct block b;
    while (program.n > 0 && program.p[program.n - 1] != '/') program.n--;
    w.path = arena_cstr(test_arena(),
                        arena_printf(test_arena(), "PATH=%.*s:/usr/bin:/bin",
                                     SLICE_ARG(program)));
    CHECK(page.n > 0);
    while (next_block(&page, &b)) {
        if (head_is(&b, "sh"))
            run_commands(&w, &b);
        else if (head_is(&b, "json evidence "))
            send_evidence(&w, &b);
        else
            write_block(&w, &b);
    }
    CHECK_INT_EQ(w.files, 11);
    CHECK_INT_EQ(w.refused, 3);
    CHECK_INT_EQ(w.passed, 3);
    struct ended e = RUN_IN(w.folder, "lint", "--json", "decision_v1");
    CHECK_INT_EQ(e.status, 0);
    const struct json *list = json_get(json_of(e.out), SLICE("checked"));
    CHECK_INT_EQ(json_get(&list->items[0], SLICE("notes"))->count, 0);
}

/* --- lint ------------------------------------------------------------------
 */
static const char *broken_project(void)
{
    const char *folder = new_project("broken");
    CHECK_INT_EQ(
        RUN_IN(folder, "new", "ship_v1", "--phases", "Build,Ship").status, 0);
    put_file(folder, ".phasegate/workflows/ship_v1/phases/1/phase.md", "");
    put_file(folder,
             ".phasegate/workflows/ship_v1/phases/0/gate-definition.yaml",
             "checkpoint: {strict: true}\nevidence_schema:\n"
             "  a \xc3\xbc: {type: nothing}\n");
    return folder;
}

TEST(authoring, lint_tells_file_line_column_code_and_mend)
{
    const char *folder = broken_project();
    struct ended e = RUN_IN(folder, "lint");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.out, ".phasegate/workflows/ship_v1/phases/0/"
                          "gate-definition.yaml:3:15: GATE_BROKEN: ");
    CHECK_CONTAINS(e.out, "    error: Write boolean, integer");
    CHECK_CONTAINS(e.out, "phases/1/phase.md:1:1: TEXT_EMPTY: ");
    CHECK(!says(e.out, "\033[")); /* no terminal, no colours */
    CHECK_INT_EQ(RUN_IN(folder, "lint", "nosuch").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "lint", "--format", "xml").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "lint", "ship_v1", "nosuch").status, 2);
    CHECK_INT_EQ(RUN_IN(new_project("nothing"), "lint").status, 0);
}

TEST(authoring, lint_as_json_is_one_document)
{
    struct ended e = RUN_IN(broken_project(), "lint", "--json");
    CHECK_INT_EQ(e.status, 1);
    const struct json *doc = json_of(e.out);
    CHECK(json_get(doc, SLICE("valid"))->type == JSON_FALSE);
    const struct json *one = &json_get(doc, SLICE("checked"))->items[0];
    CHECK_TEXT_EQ(json_text(json_get(one, SLICE("workflow_type"))), "ship_v1");
    const struct json *error = &json_get(one, SLICE("errors"))->items[0];
    CHECK_TEXT_EQ(json_text(json_get(error, SLICE("code"))), "GATE_BROKEN");
    CHECK_TEXT_EQ(json_get(error, SLICE("line"))->raw, "3");
}

/* What the SARIF 2.1.0 schema asks of the parts that are used here. */
TEST(authoring, lint_as_sarif_has_rules_results_and_places)
{
    struct ended e = RUN_IN(broken_project(), "lint", "--format", "sarif");
    const struct json *doc = json_of(e.out);
    CHECK_INT_EQ(e.status, 1);
    CHECK_TEXT_EQ(json_text(json_get(doc, SLICE("version"))), "2.1.0");
    const struct json *runs = json_get(doc, SLICE("runs"));
    CHECK_INT_EQ(runs->count, 1);
    const struct json *rules =
        json_at(&runs->items[0], "tool", "driver", "rules", NULL);
    const struct json *results = json_get(&runs->items[0], SLICE("results"));
    CHECK_INT_GT(rules->count, 60);
    CHECK_INT_GE(results->count, 2);
    for (uint32_t i = 0; i < results->count; i++) {
        const struct json *r = &results->items[i];
        int64_t index = -1;
        CHECK(json_int64(json_get(r, SLICE("ruleIndex")), &index));
        CHECK_INT_LT(index, rules->count);
        CHECK_SLICE_EQ(json_text(json_get(&rules->items[index], SLICE("id"))),
                       json_text(json_get(r, SLICE("ruleId"))));
        CHECK(json_text(json_at(r, "message", "text", NULL)).n > 0);
        const struct json *place =
            json_get(&json_get(r, SLICE("locations"))->items[0],
                     SLICE("physicalLocation"));
        struct slice uri =
            json_text(json_at(place, "artifactLocation", "uri", NULL));
        CHECK(slice_starts(uri, SLICE(".phasegate/workflows/ship_v1/")));
    }
}

/* --- new -------------------------------------------------------------------
 */
TEST(authoring, new_makes_what_lint_passes_and_never_overwrites)
{
    const char *folder = new_project("fresh");
    CHECK_INT_EQ(RUN_IN(folder, "new", "a_v1", "--phases",
                        "Plan \"it\",B\xc3\xbcild \\ it,Ship: now")
                     .status,
                 0);
    struct ended e = RUN_IN(folder, "lint", "--json", "a_v1");
    const struct json *one =
        &json_get(json_of(e.out), SLICE("checked"))->items[0];
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(json_get(one, SLICE("notes"))->count, 0);
    struct slice before =
        get_file(folder, ".phasegate/workflows/a_v1/metadata.json");
    CHECK_INT_EQ(RUN_IN(folder, "new", "a_v1", "--phases", "X").status, 1);
    CHECK_SLICE_EQ(get_file(folder, ".phasegate/workflows/a_v1/metadata.json"),
                   before);
    put_file(folder, ".phasegate/workflows/b_v1", "a file\n");
    CHECK_INT_EQ(RUN_IN(folder, "new", "b_v1", "--phases", "X").status, 1);
    CHECK_TEXT_EQ(get_file(folder, ".phasegate/workflows/b_v1"), "a file\n");
}

struct hostile {
    const char *name, *phases, *output;
};
TEST_EACH(authoring, hostile_names_make_nothing, struct hostile, h,
          {"../x", "A", NULL}, {"a/b", "A", NULL}, {".x", "A", NULL},
          {"a.b", "A", NULL}, {"a b", "A", NULL}, {"", "A", NULL},
          {"CON", "A", NULL}, {"dynamic", "A", NULL}, {"1a", "A", NULL},
          {"a\xe2\x80\xaez", "A", NULL}, {"a\nb", "A", NULL},
          {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
           "A", NULL},
          {"ok", "A,a", NULL}, {"ok", "A,,B", NULL}, {"ok", " ", NULL},
          {"ok", "A\nB", NULL}, {"ok", "A\xe2\x80\xae", NULL},
          {"ok", "A\xff", NULL}, {"ok", "A|B", NULL}, {"ok", "A", "/etc"},
          {"ok", "A", "../out"}, {"ok", "A", "out"}, {"ok", "A", ".git/x/../y"})
{
    const char *folder = new_project("hostile");
    char link[600];
    snprintf(link, sizeof(link), "ln -s / '%s/out'", folder);
    CHECK_INT_EQ(system(link), 0); /* NOLINT: a test's own folder */
    struct ended e =
        RUN_IN(folder, "new", h->name, "--phases", h->phases, "--output-dir",
               h->output ? h->output : ".phasegate/workflows");
    CHECK_INT_EQ(e.status, 2);
    struct ended left = program_run(&(struct program){
        .binary = "/usr/bin/find",
        .folder = folder,
        .args = (const char *const[]){".", "-name", "*.json", NULL}});
    CHECK_INT_EQ(left.out.n, 0);
}

TEST(authoring, an_agent_makes_and_checks_a_workflow)
{
    const char *folder = new_project("agent");
    struct ended e =
        RUN_IN(folder, "call", "create_workflow", "--json",
               "{\"name\":\"x_v1\",\"phases\":[\"A, or more\",\"B\"]}");
    CHECK_INT_EQ(e.status, 0);
    const struct json *made = json_of(e.out);
    CHECK_TEXT_EQ(json_text(json_get(made, SLICE("path"))),
                  ".phasegate/workflows/x_v1");
    CHECK_INT_EQ(json_get(made, SLICE("files"))->count, 9);
    CHECK_TEXT_EQ(json_text(json_at(made, "next", "tool", NULL)),
                  "validate_workflow");
    e = RUN_IN(folder, "call", "validate_workflow", "workflow_type=x_v1");
    CHECK(json_get(json_of(e.out), SLICE("valid"))->type == JSON_TRUE);
    CHECK_INT_EQ(json_get(json_of(e.out), SLICE("warnings"))->count, 0);
    put_file(folder, ".phasegate/workflows/x_v1/metadata.json", "{");
    e = RUN_IN(folder, "call", "validate_workflow",
               "path=.phasegate/workflows/x_v1");
    CHECK(json_get(json_of(e.out), SLICE("valid"))->type == JSON_FALSE);
    e = RUN_IN(folder, "call", "validate_workflow", "path=/etc");
    CHECK_INT_EQ(e.status, 1);
    e = RUN_IN(folder, "call", "validate_workflow");
    CHECK_INT_EQ(e.status, 2);
}
