/* The way of somebody new, without a file edited by hand: `phasegate init` in
 * a project, then real clients start the server from the file of their editor
 * and finish a workflow. */
#include <string.h>

#include "tests/integration/node.h"
#include "tests/integration/program.h"
#include "tests/runner/client.h"

#define INSPECTOR                                                              \
    "@modelcontextprotocol/inspector/clients/launcher/build/index.js"

struct editor {
    const char *word, *file, *servers; /* servers: NULL in a TOML file */
};

static void init(const char *project, const char *editor)
{
    struct ended e = RUN_IN(project, "init", "--editor", editor);
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "start_workflow bugfix_v1");
}

/* The value of `name = ...` in a TOML file of simple lines, which is JSON. */
static const struct json *toml_value(struct slice text, const char *name)
{
    struct slice begin = arena_printf(test_arena(), "\n%s = ", name), line;
    struct slice rest = slice_sub(text, slice_find(text, begin), text.n);
    CHECK_INT_GT(rest.n, begin.n);
    rest = slice_sub(rest, begin.n, rest.n);
    slice_split(&rest, '\n', &line);
    return json_of(line);
}

/* What the editor's file says to run, with its folder for the variable. */
static size_t words_of(const struct editor *ed, const char *project,
                       const char **ret, size_t most)
{
    struct slice text = get_file(project, ed->file);
    const struct json *command, *args;
    size_t n = 0;
    if (ed->servers) {
        const struct json *entry =
            json_at(json_of(text), ed->servers, "phasegate", NULL);
        command = json_get(entry, SLICE("command"));
        args = json_get(entry, SLICE("args"));
    } else {
        command = toml_value(text, "command");
        args = toml_value(text, "args");
    }
    ret[n++] = arena_cstr(test_arena(), json_text(command));
    for (size_t i = 0; i < args->count && n < most - 1; i++) {
        struct slice word = json_text(&args->items[i]);
        ret[n++] = slice_eq(word, SLICE("${workspaceFolder}"))
                       ? project
                       : arena_cstr(test_arena(), word);
    }
    ret[n] = NULL;
    return n;
}

/* As the editor does: those words, in the project's folder. */
TEST_EACH_IF(newcomer, finishes_a_workflow_in_the_editor_that_init_has_told,
             (.needs = "npm binary", .timeout_s = 90), struct editor, row,
             {"claude", ".mcp.json", "mcpServers"},
             {"cursor", ".cursor/mcp.json", "mcpServers"},
             {"vscode", ".vscode/mcp.json", "servers"},
             {"codex", ".codex/config.toml", NULL})
{
    const char *project = new_project("first");
    const char *plan =
        arena_printf(test_arena(), "%s/tests/clients/plans/bugfix_v1.json",
                     test_source_dir())
            .p;
    const char *args[32] = {"--mode",  "default",   "--walker",
                            "stdio",   "--project", project,
                            "--plan",  plan,        "--",
                            "/bin/sh", "-c",        "cd \"$0\" && exec \"$@\"",
                            project};
    init(project, row->word);
    words_of(row, project, args + 13, 16);
    struct node_steps steps = node_steps("walk.mjs", args);
    node_step(&steps, "close");
    struct ended e = RUN_IN(project, "sessions", "list", "--json");
    const struct json *sessions = json_get(json_of(e.out), SLICE("sessions"));
    CHECK_INT_EQ(sessions->count, 1);
    CHECK_TEXT_EQ(json_text(json_get(&sessions->items[0], SLICE("status"))),
                  "completed");
}

/* The inspector takes the very file that init wrote. */
TEST(newcomer, starts_a_workflow_in_the_inspector_from_the_file_of_init,
     .needs = "npm binary", .timeout_s = 90)
{
    const char *project = new_project("inspected");
    init(project, "claude");
    const char *file = arena_printf(test_arena(), "%s/.mcp.json", project).p;
    const char *const args[] = {
        "--cli",
        "--config",
        file,
        "--server",
        "phasegate",
        "--cwd",
        project,
        "--format",
        "json",
        "--method",
        "tools/call",
        "--tool-name",
        "start_workflow",
        "--tool-args-json",
        "{\"workflow_type\":\"bugfix_v1\",\"target\":\"a.c\"}",
        NULL};
    struct node_end end = node_run(INSPECTOR, args);
    CHECK_INT_EQ(end.status, 0);
    const struct json *result = json_get(json_of(end.out), SLICE("result"));
    CHECK_TEXT_EQ(
        json_text(json_at(result, "structuredContent", "next", "tool", NULL)),
        "get_task");
}
