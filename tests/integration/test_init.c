/* `phasegate init`: what it makes, what it adds, and above all what it leaves
 * alone. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

/* Nothing of this machine's editors is seen. */
static struct ended init(const char *folder, const char *const *args)
{
    struct slice home = arena_printf(test_arena(), "HOME=%s", test_tmpdir());
    return program_run(&(struct program){
        .folder = folder,
        .env = (const char *const[]){home.p, "PATH=/nonexistent", NULL},
        .args = args});
}

static struct ended init_editor(const char *folder, const char *editor)
{
    return init(folder,
                (const char *const[]){"init", "--editor", editor, NULL});
}

/* @ stands for the program's path. */
static const char *with_program(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at) return text;
    return arena_printf(test_arena(), "%.*s%s%s", (int)(at - text), text,
                        test_binary(), at + 1)
        .p;
}

/* --- one file, before and after ------------------------------------------- */

struct edit_row {
    const char *label, *editor, *file, *before, *after; /* NULL: unchanged */
    int status;
    const char *says;
};

#define CLAUDE "claude", ".mcp.json"
#define VSCODE "vscode", ".vscode/mcp.json"
#define CODEX "codex", ".codex/config.toml"
#define ENTRY "{\"command\": \"@\", \"args\": [\"serve\"]}"
#define SECTION "[mcp_servers.phasegate]\ncommand = \"@\"\nargs = [\"serve\"]\n"

TEST_EACH(
    init, edits_one_file, struct edit_row, row,
    {"no file", CLAUDE, NULL,
     "{\n  \"mcpServers\": {\n    \"phasegate\": {\n      \"command\": "
     "\"@\",\n      \"args\": [\"serve\"]\n    }\n  }\n}\n",
     0, "made"},
    {"an empty file", CLAUDE, " \n",
     "{\n  \"mcpServers\": {\n    \"phasegate\": {\n      \"command\": "
     "\"@\",\n      \"args\": [\"serve\"]\n    }\n  }\n}\n",
     0, "added to"},
    {"another server, tabs, odd spacing and order kept", CLAUDE,
     "{\n\t\"z\" : 1.50,\n\t\"mcpServers\" : {\n\t\t\"a\": {\"command\":\"x\"}"
     "\n\t},\n\t\"b\":[ 1,2 ]\n}",
     "{\n\t\"z\" : 1.50,\n\t\"mcpServers\" : {\n\t\t\"a\": {\"command\":\"x\"},"
     "\n\t\t\"phasegate\": {\n\t\t\t\"command\": \"@\",\n\t\t\t\"args\": "
     "[\"serve\"]\n\t\t}\n\t},\n\t\"b\":[ 1,2 ]\n}",
     0, "added to"},
    {"one line stays one line", CLAUDE, "{\"mcpServers\":{\"a\":{}},\"k\":1}",
     "{\"mcpServers\":{\"a\":{}, \"phasegate\": " ENTRY "},\"k\":1}", 0,
     "added to"},
    {"empty servers", CLAUDE, "{\n    \"mcpServers\": {}\n}\n",
     "{\n    \"mcpServers\": {\n        \"phasegate\": {\n            "
     "\"command\": \"@\",\n            \"args\": [\"serve\"]\n        }\n    "
     "}\n}\n",
     0, "added to"},
    {"other keys only", CLAUDE, "{\r\n  \"k\": true\r\n}\r\n",
     "{\r\n  \"k\": true,\r\n  \"mcpServers\": {\r\n    \"phasegate\": {\r\n"
     "      \"command\": \"@\",\r\n      \"args\": [\"serve\"]\r\n    }\r\n  "
     "}\r\n}\r\n",
     0, "added to"},
    {"a byte order mark", CLAUDE, "\xEF\xBB\xBF{\"mcpServers\":{}}",
     "\xEF\xBB\xBF{\"mcpServers\":{\"phasegate\": " ENTRY "}}", 0, "added to"},
    {"an entry of somebody else's making", CLAUDE,
     "{\"mcpServers\":{\"phasegate\":{\"command\":\"/old\"}}}", NULL, 0,
     "an entry of its own making"},
    {"VS Code's own shape", VSCODE, "{\"servers\":{},\"inputs\":[]}",
     "{\"servers\":{\"phasegate\": {\"type\": \"stdio\", \"command\": \"@\", "
     "\"args\": [\"serve\", \"--project\", \"${workspaceFolder}\"]}},"
     "\"inputs\":[]}",
     0, "added to"},
    {"comments", VSCODE, "{\n  // mine\n  \"servers\": {}\n}\n", NULL, 1,
     "line 2, column 3"},
    {"a trailing comma", VSCODE, "{\"servers\": {},}", NULL, 1, "column 16"},
    {"half a file", CLAUDE, "{\"mcpServers\": {", NULL, 1, "add this by hand"},
    {"an array", CLAUDE, "[]\n", NULL, 1, "no object at its top"},
    {"servers of another type", CLAUDE, "{\"mcpServers\": []}", NULL, 1,
     "\"mcpServers\" is no object"},
    {"servers twice", CLAUDE, "{\"mcpServers\":{},\"mcpServers\":{}}", NULL, 1,
     "twice"},
    {"no TOML file", CODEX, NULL, SECTION, 0, "made"},
    {"TOML of others, no newline at the end", CODEX,
     "model = \"m\" # [mcp_servers.phasegate]\n[mcp_servers.a]\ncommand='b'",
     "model = \"m\" # [mcp_servers.phasegate]\n[mcp_servers.a]\ncommand='b'\n"
     "\n" SECTION,
     0, "added to"},
    {"a section spelt otherwise", CODEX,
     "[ mcp_servers . \"phasegate\" ] # x\ncommand = \"y\"\n", NULL, 0, "kept"},
    {"a subsection", CODEX, "[mcp_servers.phasegate.env]\nA = \"b\"\n", NULL, 0,
     "kept"},
    {"a dotted key", CODEX, "mcp_servers.phasegate.command = \"y\"\n", NULL, 0,
     "kept"},
    {"an inline entry", CODEX, "[mcp_servers]\nphasegate = {command = \"y\"}\n",
     NULL, 0, "kept"},
    {"a section within a text", CODEX,
     "a = \"\"\"\n[mcp_servers.phasegate]\n\"\"\"\n",
     "a = \"\"\"\n[mcp_servers.phasegate]\n\"\"\"\n\n" SECTION, 0, "added to"},
    {"an inline table of servers", CODEX, "mcp_servers = {}\n", NULL, 1,
     "inline table"},
    {"a text without end", CODEX, "a = '''\n", NULL, 1, "does not end"})
{
    const char *folder = new_project("edited");
    if (row->before) put_file(folder, row->file, row->before);
    struct ended e = init_editor(folder, row->editor);
    CHECK_INT_EQ(e.status, row->status);
    CHECK_CONTAINS(e.out, row->says);
    const char *after = row->after ? with_program(row->after) : row->before;
    CHECK_TEXT_EQ(get_file(folder, row->file), after);
    e = init_editor(folder, row->editor); /* once is enough */
    CHECK_INT_EQ(e.status, row->status);
    CHECK_TEXT_EQ(get_file(folder, row->file), after);
}

/* --- the whole --------------------------------------------------------------
 */
static const struct json *steps_of(struct ended e, const char *path,
                                   const char *action)
{
    const struct json *steps = json_get(json_of(e.out), SLICE("steps"));
    CHECK(json_is(steps, JSON_ARRAY));
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct json *s = &steps->items[i];
        if (!slice_eq(json_text(json_get(s, SLICE("path"))), slice_of(path)))
            continue;
        CHECK_TEXT_EQ(json_text(json_get(s, SLICE("action"))), action);
        return s;
    }
    if (action) FAIL("no step for %s in %.*s", path, SLICE_ARG(e.out));
    return NULL;
}

TEST(init, a_second_run_finds_nothing_to_do)
{
    const char *folder = new_project("twice");
    const char *const args[] = {"init", "--json", "--editor", "all", NULL};
    static const char *const paths[] = {".phasegate",
                                        ".phasegate/config.yaml",
                                        ".phasegate/workflows/bugfix_v1",
                                        ".mcp.json",
                                        ".cursor/mcp.json",
                                        ".vscode/mcp.json",
                                        ".codex/config.toml"};
    struct ended first = init(folder, args), second = init(folder, args);
    CHECK_INT_EQ(first.status, 0);
    CHECK_INT_EQ(second.status, 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        steps_of(first, paths[i], "made");
        steps_of(second, paths[i], "kept");
    }
}

TEST(init, writes_for_the_editors_it_finds_a_trace_of)
{
    const char *folder = new_project("found");
    put_file(folder, ".vscode/settings.json", "{}\n");
    struct ended e = init(folder, (const char *const[]){"init", NULL});
    CHECK_INT_EQ(e.status, 0);
    CHECK(get_file(folder, ".mcp.json").n > 0);
    CHECK(get_file(folder, ".vscode/mcp.json").n > 0);
    CHECK(get_file(folder, ".cursor/mcp.json").p == NULL);
    CHECK(get_file(folder, ".codex/config.toml").p == NULL);
}

TEST(init, the_project_it_makes_is_served)
{
    const char *folder = new_project("served");
    CHECK_INT_EQ(init_editor(folder, "claude").status, 0);
    const struct json *entry = json_at(json_of(get_file(folder, ".mcp.json")),
                                       "mcpServers", "phasegate", NULL);
    CHECK_TEXT_EQ(json_text(json_get(entry, SLICE("command"))), test_binary());
    /* as the editor would: these words, in this folder */
    const struct json *args = json_get(entry, SLICE("args"));
    CHECK_INT_EQ(args->count, 1);
    const char *const words[] = {
        arena_cstr(test_arena(), json_text(&args->items[0])), NULL};
    struct server *s = server_start(
        &(struct server_options){.project = folder, .all_args = words});
    const struct json *r = stdio_tool(s, "start_workflow",
                                      "{\"workflow_type\":\"bugfix_v1\","
                                      "\"target\":\"src/a.c\"}");
    CHECK(!json_is(json_get(r, SLICE("isError")), JSON_TRUE));
}

TEST(init, a_workflow_that_was_changed_is_not_touched)
{
    const char *folder = new_project("changed");
    put_file(folder, ".phasegate/workflows/bugfix_v1/metadata.json", "{}");
    put_file(folder, ".phasegate/config.yaml", "log.level: debug\n");
    CHECK_INT_EQ(init_editor(folder, "claude").status, 0);
    CHECK_TEXT_EQ(
        get_file(folder, ".phasegate/workflows/bugfix_v1/metadata.json"), "{}");
    CHECK_TEXT_EQ(get_file(folder, ".phasegate/config.yaml"),
                  "log.level: debug\n");
}

TEST(init, a_read_only_file_stays_as_it_is)
{
    const char *folder = new_project("readonly");
    put_file(folder, ".mcp.json", "{}\n");
    CHECK_INT_EQ(
        chmod(arena_printf(test_arena(), "%s/.mcp.json", folder).p, 0444), 0);
    struct ended e = init_editor(folder, "claude");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.out, "it is read-only");
    CHECK_CONTAINS(e.out, "\"mcpServers\": {\"phasegate\": ");
    CHECK_TEXT_EQ(get_file(folder, ".mcp.json"), "{}\n");
}

TEST(init, a_link_is_followed_within_the_project_and_kept)
{
    const char *folder = new_project("linked");
    put_file(folder, "shared.json", "{\"mcpServers\":{}}");
    struct slice at = arena_printf(test_arena(), "%s/.mcp.json", folder);
    CHECK_INT_EQ(symlink("shared.json", at.p), 0);
    CHECK_INT_EQ(init_editor(folder, "claude").status, 0);
    CHECK_CONTAINS(get_file(folder, "shared.json"), "phasegate");
    struct stat st;
    CHECK(lstat(at.p, &st) == 0 && S_ISLNK(st.st_mode));
}

TEST(init, a_link_out_of_the_project_is_not_followed)
{
    const char *folder = new_project("outside");
    put_file(test_tmpdir(), "elsewhere.json", "{}");
    CHECK_INT_EQ(symlink("../elsewhere.json",
                         arena_printf(test_arena(), "%s/.mcp.json", folder).p),
                 0);
    CHECK_INT_EQ(
        symlink("..", arena_printf(test_arena(), "%s/.cursor", folder).p), 0);
    CHECK_INT_EQ(init_editor(folder, "claude").status, 1);
    CHECK_INT_EQ(init_editor(folder, "cursor").status, 1);
    CHECK_TEXT_EQ(get_file(test_tmpdir(), "elsewhere.json"), "{}");
    CHECK(get_file(test_tmpdir(), "mcp.json").p == NULL);
}

TEST(init, says_when_there_is_no_such_editor_or_no_project)
{
    const char *folder = new_project("usage");
    struct ended e = init_editor(folder, "cursr");
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "did you mean cursor");
    e = init("/", (const char *const[]){"init", NULL});
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "--project");
}

TEST(init, does_not_send_anybody_on_when_the_project_is_not_set_up)
{
    const char *folder = new_project("blocked");
    put_file(folder, ".phasegate", "a file\n");
    struct ended e = RUN_IN(folder, "init");
    CHECK_INT_EQ(e.status, 1);
    CHECK(!says(e.out, "restart the editor"));
    CHECK_CONTAINS(e.out, "phasegate init again");
}

TEST(init, a_state_that_is_a_folder_is_said_to_be_one)
{
    const char *folder = new_project("state");
    struct ended e = RUN_IN(folder, "serve", "--transport", "stdio", "--state",
                            test_tmpdir());
    CHECK_INT_EQ(e.status, 3);
    CHECK_CONTAINS(e.err, "it is a folder");
    CHECK(!says(e.err, "disk space"));
}
