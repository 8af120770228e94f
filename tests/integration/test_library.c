/* libphasegate-mcp as a stranger meets it: installed, found by pkg-config,
 * learned from one header and one page. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/integration/install.h"
#include "tests/runner/client.h"
#include "tests/runner/server.h"

static const char *source(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_source_dir(), name).p;
}

static const char *const none[] = {NULL};
static const char *const any_port[] = {"--http-port", "0", NULL};
static const char *const with_token[] = {"--http-port", "0", NULL};

static struct server *start(const char *binary, const char *prefix,
                            const char *const *args)
{
    bool secret = args == with_token;
    const char *env[] = {install_library_path(prefix),
                         secret ? "MCP_TOKEN=0123456789abcdef" : "MCP_TOKEN",
                         NULL};
    return server_start(&(struct server_options){
        .binary = binary, .all_args = args, .env = env});
}

/* The port that mcp_main tells on stderr. */
static int told_port(struct server *s)
{
    static const struct slice before = SLICE_INIT("http://127.0.0.1:");
    double deadline = now_s() + patience(0);
    for (;;) {
        struct slice text = server_stderr_text(s);
        size_t at = slice_find(text, before), end;
        struct slice rest = slice_sub(text, at + before.n, text.n);
        int64_t port;
        end = slice_find(rest, SLICE("/mcp"));
        if (at < text.n && end < rest.n &&
            slice_int64(slice_sub(rest, 0, end), &port))
            return (int)port;
        if (now_s() > deadline) FAIL("no url on stderr");
        usleep(2000);
    }
}

TEST(library, the_smallest_server_is_under_60_lines_and_runs_on_both_transports,
     .needs = "plain")
{
    struct slice text;
    CHECK_OK(file_read(slice_of(source("examples/echo_server.c")), 1 << 16,
                       test_arena(), &text));
    size_t lines = 0;
    for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
    CHECK_INT_LT(lines, 60);

    const char *prefix = install_to_prefix(NULL);
    const char *echo =
        install_compile(prefix, source("examples/echo_server.c"), "echo");
    struct server *s = start(echo, prefix, none);
    const struct json *r =
        stdio_tool(s, "echo", "{\"text\":\"hello\",\"times\":2}");
    CHECK_INT_EQ(json_get(r, SLICE("content"))->count, 2);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);

    s = start(echo, prefix, any_port);
    struct http *h = http_open(told_port(s));
    struct http_reply reply = http_request(
        h, "POST", "/mcp", "Content-Type: application/json\r\n",
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
              "\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"ho\"}}"
              "}"));
    CHECK_INT_EQ(reply.status, 200);
    CHECK_CONTAINS(reply.body, "\"text\":\"ho\"");
    CHECK_INT_EQ(server_stop_signal(s, SIGTERM).status, 0);
}

/* Every function of the header and nothing else leaves both libraries. */
TEST(library, offers_the_names_of_its_header_alone, .needs = "plain")
{
    const char *prefix = install_to_prefix(NULL);
    shell("find %s -name '*.h' | wc -l | grep -qx 1", prefix);
    shell("grep -oE '\\bmcp_[a-z_]+\\(' %s/include/phasegate-mcp.h |"
          " tr -d '(' | grep -vx 'mcp_str' | sort -u > declared",
          prefix);
    shell(
        "nm -D --defined-only $(find %s -name '*.so') |"
        " sed -n 's/^[0-9a-f]* [A-Z] \\(mcp_[a-z_]*\\)@@PHASEGATE_MCP_0$/\\1/p'"
        " | sort > shared",
        prefix);
    shell("nm -g --defined-only $(find %s -name '*.a') |"
          " sed -n 's/^[0-9a-f]* [A-Z] //p' | sort > archived",
          prefix);
    shell("nm -D --defined-only $(find %s -name '*.so') |"
          " grep -cv ' A ' | grep -qx \"$(wc -l < shared)\"",
          prefix);
    CHECK_INT_GT(get_file(test_tmpdir(), "declared").n, 500);
    CHECK_SLICE_EQ(get_file(test_tmpdir(), "shared"),
                   get_file(test_tmpdir(), "archived"));
    struct slice extra = shell("comm -23 shared declared");
    CHECK_TEXT_EQ(extra, "");
    struct slice missing = shell("comm -13 shared declared");
    CHECK_TEXT_EQ(missing, "");
}

TEST(library, the_soname_counts_and_only_libevent_is_needed, .needs = "plain")
{
    const char *prefix = install_to_prefix(NULL);
    shell("readelf -d $(find %s -name '*.so') > dynamic", prefix);
    struct slice dynamic = get_file(test_tmpdir(), "dynamic");
    CHECK_CONTAINS(dynamic, "soname: [libphasegate-mcp.so.0]");
    CHECK_CONTAINS(dynamic, "libevent_core");
    CHECK(!says(dynamic, "sqlite"));
    CHECK(!says(dynamic, "yaml"));
    CHECK(!says(dynamic, "pcre"));
}

/* The names of the rooms are free for the program: these are functions of
 * base/ and mcp/. */
TEST(library, a_static_program_may_use_our_inner_names_itself, .needs = "plain")
{
    const char *prefix = install_to_prefix(NULL);
    put_file(test_tmpdir(), "own.c",
             "#include <phasegate-mcp.h>\n"
             "struct slice { int own; }; enum err { OK = 7 };\n"
             "int buf_put(void); int json_parse(void); int mcp_receive(void);\n"
             "int buf_put(void) { return 1; }\n"
             "int json_parse(void) { return 2; }\n"
             "int mcp_receive(void) { return 3; }\n"
             "static enum mcp_err sum(struct mcp_call *call, const void *a)\n"
             "{ (void)a; mcp_put_int(call, \"sum\", buf_put() + json_parse()\n"
             "  + mcp_receive() + OK); return MCP_OK; }\n"
             "static const struct mcp_tool tools[] = {\n"
             "  {\"sum\", \"Sum\", \"Sums.\", .call = sum}, {0}};\n"
             "int main(int argc, char **argv) {\n"
             "  struct mcp_server_config c = {.name = \"own\",\n"
             "    .version = \"1\", .tools = MCP_TABLE(tools)};\n"
             "  return mcp_main(&c, argc, argv); }\n");
    shell("cc -o own own.c -I%s/include $(find %s -name '*.a') -levent_core "
          "-levent_extra -lpthread -lm",
          prefix, prefix);
    const char *own = arena_printf(test_arena(), "%s/own", test_tmpdir()).p;
    struct server *s = start(own, prefix, none);
    const struct json *r = stdio_tool(s, "sum", "{}");
    int64_t sum = 0;
    CHECK(json_int64(json_at(r, "structuredContent", "sum", NULL), &sum));
    CHECK_INT_EQ(sum, 13);
}

TEST(library, everything_server_builds_on_the_installed_library,
     .needs = "plain")
{
    const char *prefix = install_to_prefix(NULL);
    const char *sources = arena_printf(test_arena(), "%s %s",
                                       source("examples/everything_server.c"),
                                       source("examples/everything_tools.c"))
                              .p;
    struct server *s =
        start(install_compile(prefix, sources, "everything"), prefix, none);
    const struct json *r = stdio_call(s, "tools/list", "");
    CHECK_INT_GT(json_at(r, "result", "tools", NULL)->count, 30);
}

/* Who uses the library is not sent to files of ours. */
TEST(library, refuses_strangers_in_words_of_its_own, .needs = "plain")
{
    const char *prefix = install_to_prefix(NULL);
    struct server *s =
        start(install_compile(prefix, source("examples/echo_server.c"), "echo"),
              prefix, with_token);
    struct http *h = http_open(told_port(s));
    const char *type = "Content-Type: application/json\r\n";
    struct slice ping = SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                              "\"ping\"}");
    struct http_reply r = http_request(h, "POST", "/mcp", type, ping);
    CHECK_INT_EQ(r.status, 401);
    CHECK_CONTAINS(r.body, "a token is needed");
    CHECK(!says(r.body, "phasegate"));
    r = http_request(h, "POST", "/mcp", "Host: evil.example\r\n", ping);
    CHECK_INT_EQ(r.status, 403);
    CHECK_CONTAINS(r.body, "Host is not this server");
    CHECK(!says(r.body, "phasegate"));
    CHECK_INT_EQ(server_stop_signal(s, SIGTERM).status, 0);
}

static const char cpp_program[] =
    "#include <phasegate-mcp.h>\n"
    "namespace {\n"
    "struct add_args { mcp_strings what; bool loud; };\n"
    "const mcp_field fields[] = {\n"
    "    {.name = \"what\", .type = MCP_FIELD_STRINGS,\n"
    "     .offset = offsetof(add_args, what), .required = true},\n"
    "    {.name = \"loud\", .type = MCP_FIELD_BOOLEAN,\n"
    "     .offset = offsetof(add_args, loud)},\n"
    "    {}};\n"
    "mcp_err add(mcp_call *call, const void *args) {\n"
    "    auto a = static_cast<const add_args *>(args);\n"
    "    if (a->what.count == 0) mcp_add_text(call, MCP_STR(\"nothing\"));\n"
    "    for (size_t i = 0; i < a->what.count; i++) {\n"
    "        mcp_add_text(call, a->what.items[i]);\n"
    "        if (a->loud) mcp_add_text(call, mcp_str(\"!\"));\n"
    "    }\n"
    "    return MCP_OK;\n"
    "}\n"
    "const mcp_tool tools[] = {\n"
    "    {.name = \"add\", .title = \"Add\", .description = \"Adds.\",\n"
    "     .hints = MCP_READ_ONLY, .run = MCP_RUN_INLINE,\n"
    "     .args_size = sizeof(add_args), .args = fields, .call = add},\n"
    "    {}};\n"
    "const mcp_tool *const tables[] = {tools, nullptr};\n"
    "}\n"
    "int main(int argc, char **argv) {\n"
    "    mcp_server_config c = {};\n"
    "    c.name = \"adder\";\n"
    "    c.version = \"1.0.0\";\n"
    "    c.tools = tables;\n"
    "    return mcp_main(&c, argc, argv);\n"
    "}\n";

/* The same server by a compiler of C++, which takes a header of C otherwise
 * than C does. */
TEST(library, a_program_in_cpp_uses_the_same_header, .needs = "plain")
{
    struct slice compiler =
        shell("command -v g++ || command -v clang++ || true");
    if (compiler.n == 0) test_skip("there is no compiler for C++");
    const char *prefix = install_to_prefix(NULL);
    put_file(test_tmpdir(), "echo.cpp", cpp_program);
    shell("%.*s -std=c++20 -Wall -Wextra -Werror "
          "-Wno-missing-field-initializers -o echo echo.cpp "
          "$(PKG_CONFIG_PATH=$(dirname $(find %s -name phasegate-mcp.pc)) "
          "pkg-config --cflags --libs phasegate-mcp)",
          SLICE_ARG(compiler), prefix);
    const char *echo = arena_printf(test_arena(), "%s/echo", test_tmpdir()).p;
    struct server *s = start(echo, prefix, none);
    const struct json *r =
        stdio_tool(s, "add", "{\"what\":[\"a\",\"b\"],\"loud\":true}");
    CHECK_INT_EQ(json_get(r, SLICE("content"))->count, 4);
    r = stdio_tool(s, "add", "{\"what\":[]}");
    CHECK_CONTAINS(r->raw, "nothing");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

/* --- docs/LIBRARY.md ---------------------------------------------------------
 */

/* The C blocks of the page, one after the other. */
static struct slice page_program(void)
{
    struct slice page, line;
    struct buf b = BUF_INIT(1 << 20);
    bool inside = false;
    CHECK_OK(file_read(slice_of(source("docs/LIBRARY.md")), 1 << 20,
                       test_arena(), &page));
    while (slice_split(&page, '\n', &line)) {
        if (slice_starts(line, SLICE("```"))) {
            inside = slice_eq(line, SLICE("```c"));
            continue;
        }
        if (!inside) continue;
        buf_put(&b, line);
        buf_putc(&b, '\n');
    }
    struct slice text = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return text;
}

TEST(library, the_page_is_a_program_that_does_what_it_says, .needs = "plain")
{
    struct slice text = page_program();
    CHECK_INT_GT(text.n, 2000);
    put_file(test_tmpdir(), "notes.c",
             arena_printf(test_arena(), "%.*s", SLICE_ARG(text)).p);
    const char *prefix = install_to_prefix(NULL);
    struct server *s =
        start(install_compile(prefix, "notes.c", "notes"), prefix, none);
    stdio_tool(s, "add_note", "{\"text\":\"milk\"}");
    const struct json *r =
        stdio_tool(s, "add_note", "{\"text\":\"bread\",\"important\":true}");
    const struct json *all = json_get(r, SLICE("structuredContent"));
    CHECK_TEXT_EQ(all->raw, "{\"count\":2,\"notes\":[\"milk\",\"! bread\"]}");

    r = stdio_call(s, "tools/call",
                   "\"name\":\"add_note\",\"arguments\":{\"txet\":\"x\"}");
    CHECK_CONTAINS(r->raw, "text");
    r = stdio_call(s, "resources/read", "\"uri\":\"notes://all\"");
    CHECK_CONTAINS(r->raw, "milk\\n! bread\\n");
    r = stdio_call(s, "prompts/get",
                   "\"name\":\"tidy\",\"arguments\":{\"style\":\"short\"}");
    CHECK_CONTAINS(r->raw, "in this style: short");
    r = stdio_call(s, "completion/complete",
                   "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"tidy\"},"
                   "\"argument\":{\"name\":\"style\",\"value\":\"\"}");
    CHECK_CONTAINS(r->raw, "haiku");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

struct wrong {
    const char *label;
    const char *const *args;
    int status;
    const char *says;
};
#define WORDS(...)                                                             \
    (const char *const[])                                                      \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }

TEST_EACH(library, a_main_that_cannot_serve_says_why, struct wrong, row,
          {"no such option", WORDS("--port", "1"), 2, "usage: echo"},
          {"no value", WORDS("--http-port"), 2, "usage: echo"},
          {"no port", WORDS("--http-port", "70000"), 2, "usage: echo"},
          {"host without port", WORDS("--http-host", "127.0.0.1"), 2, "usage:"},
          {"no address", WORDS("--http-port", "0", "--http-host", "nowhere"), 1,
           "numeric address"},
          {"everybody, no token",
           WORDS("--http-port", "0", "--http-host", "0.0.0.0"), 1, "MCP_TOKEN"})
{
    const char *env[] = {"MCP_TOKEN", NULL};
    struct ended end = program_run(&(struct program){
        .binary = arena_printf(test_arena(), "%s/examples/echo_server",
                               test_binary_dir())
                      .p,
        .args = row->args,
        .env = env});
    CHECK_INT_EQ(end.status, row->status);
    CHECK_CONTAINS(end.err, row->says);
    CHECK_INT_EQ(end.out.n, 0);
}
