/* The pages tell of all there is, and no link of theirs leads nowhere. What is
 * printed from rows is as it was printed last. */
#include <ctype.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/command.h"
#include "mcp/tools/tools.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

/* --- links ---------------------------------------------------------------- */

/* As forges make it of a heading: small letters, blanks to hyphens. */
static struct slice anchor_of(struct slice heading)
{
    struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < heading.n; i++) {
        unsigned char c = (unsigned char)heading.p[i];
        if (c == ' ')
            buf_putc(&b, '-');
        else if (isalnum(c) || c == '-' || c == '_' || c >= 0x80)
            buf_putc(&b, (char)tolower(c));
    }
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

static bool has_anchor(struct slice page, struct slice anchor)
{
    struct slice line;
    while (slice_split(&page, '\n', &line)) {
        size_t n = 0;
        while (n < line.n && line.p[n] == '#') n++;
        if (n && n < line.n && line.p[n] == ' ' &&
            slice_eq(anchor_of(slice_sub(line, n + 1, line.n)), anchor))
            return true;
    }
    return false;
}

static void check_link(const char *page, struct slice folder, struct slice to)
{
    size_t hash = slice_find_byte(to, '#');
    struct slice file = slice_sub(to, 0, hash);
    struct slice path =
        file.n ? arena_printf(test_arena(), "%.*s/%.*s", SLICE_ARG(folder),
                              SLICE_ARG(file))
               : arena_printf(test_arena(), "%s/%s", test_source_dir(), page);
    if (slice_starts(to, SLICE("https://"))) return;
    if (access(path.p, F_OK) != 0)
        FAIL("%s: no such file: %.*s", page, SLICE_ARG(to));
    if (hash == to.n) return;
    struct slice text;
    CHECK_OK(file_read(path, 4 << 20, test_arena(), &text));
    if (!has_anchor(text, slice_sub(to, hash + 1, to.n)))
        FAIL("%s: no such heading: %.*s", page, SLICE_ARG(to));
}

/* Links in blocks of code are somebody's text. */
static int check_links(const char *page, struct slice folder)
{
    struct slice text = get_file(test_source_dir(), page), line;
    bool code = false;
    int links = 0;
    CHECK_INT_GT(text.n, 0);
    while (slice_split(&text, '\n', &line)) {
        code ^= slice_starts(slice_trim(line), SLICE("```"));
        if (code || slice_starts(line, SLICE("    "))) continue;
        for (size_t at; (at = slice_find(line, SLICE("]("))) < line.n;) {
            line = slice_sub(line, at + 2, line.n);
            check_link(page, folder,
                       slice_sub(line, 0, slice_find_byte(line, ')')));
            links++;
        }
    }
    return links;
}

/* --- the pages ------------------------------------------------------------ */

static struct file_name *pages(size_t *ret_n)
{
    struct file_name *names;
    struct slice folder =
        arena_printf(test_arena(), "%s/docs", test_source_dir());
    CHECK_OK(folder_list(folder, 1000, test_arena(), &names, ret_n));
    return names;
}

TEST(docs, every_link_leads_somewhere)
{
    size_t n;
    struct file_name *names = pages(&n);
    struct slice root = slice_of(test_source_dir());
    struct slice folder = path_join(test_arena(), root, SLICE("docs"));
    int links = check_links("README.md", root);
    for (size_t i = 0; i < n; i++) {
        struct slice name =
            arena_printf(test_arena(), "docs/%.*s", SLICE_ARG(names[i].name));
        if (slice_ends(name, SLICE(".md")))
            links += check_links(name.p, folder);
    }
    CHECK_INT_GE(links, 60);
}

TEST(docs, the_reference_is_what_the_rows_say)
{
    struct ended e = RUN_IN(new_project("reference"), "manual", "reference");
    CHECK_INT_EQ(e.status, 0);
    struct slice page = get_file(test_source_dir(), "docs/REFERENCE.md");
    if (!slice_eq(page, e.out))
        FAIL("docs/REFERENCE.md is old: build/phasegate manual reference > "
             "docs/REFERENCE.md");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        CHECK_CONTAINS(page,
                       arena_printf(test_arena(), "`phasegate %s", c->name).p);
    for (const struct mcp_tool *t = tools_rows; t->name; t++)
        CHECK_CONTAINS(page, arena_printf(test_arena(), "| `%s` |", t->name).p);
    for (int i = 1; i < ERR_COUNT; i++) {
        struct slice code = arena_printf(test_arena(), "| `%.*s` |",
                                         SLICE_ARG(err_code((enum err)i)));
        CHECK_CONTAINS(page, code.p);
        CHECK(slice_find(page, err_detail((enum err)i)) < page.n);
    }
}

/* Name, kind and words of every family that a server tells of. */
TEST(docs, every_metric_has_its_row)
{
    struct slice page = get_file(test_source_dir(), "docs/METRICS.md");
    struct server *s = server_start(&(struct server_options){0});
    struct http *h = http_open(server_port(s));
    stdio_tool(s, "list_workflows", "{}");
    struct slice line,
        rest = http_request(h, "GET", "/metrics", "", SLICE("")).body;
    struct slice begin = SLICE("# HELP ");
    int families = 0;
    while (slice_split(&rest, '\n', &line)) {
        if (!slice_starts(line, begin)) continue;
        line = slice_sub(line, begin.n, line.n);
        size_t blank = slice_find_byte(line, ' ');
        struct slice name =
            arena_printf(test_arena(), "| `%.*s` | ", (int)blank, line.p);
        struct slice row = slice_sub(page, slice_find(page, name), page.n);
        row = slice_sub(row, 0, slice_find_byte(row, '\n'));
        if (slice_find(row, slice_sub(line, blank + 1, line.n)) == row.n)
            FAIL("docs/METRICS.md lacks a row; its script docs/metrics-md.sh "
                 "says how it is made: %.*s",
                 SLICE_ARG(line));
        families++;
    }
    CHECK_INT_GE(families, 90);
}

/* Those of the reference, and every other one that a row of routes has. */
TEST(docs, every_path_of_the_page_s_interface_is_told)
{
    struct slice page = get_file(test_source_dir(), "docs/REFERENCE.md");
    static const char *const files[] = {
        "cli/dashboard.c", "cli/dashboard_api.c", "transport/pages.c"};
    int routes = 0;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct slice text = get_file(test_source_dir(), files[i]), line;
        while (slice_split(&text, '\n', &line)) {
            struct slice path = slice_trim(line);
            if (!slice_starts(path, SLICE("{\"/"))) continue;
            path = slice_sub(path, 2, path.n);
            path = slice_sub(path, 0, slice_find_byte(path, '"'));
            path = slice_sub(path, 0, slice_find(path, SLICE("/{}")));
            if (slice_find(page, path) == page.n)
                FAIL("docs/REFERENCE.md has no %.*s", SLICE_ARG(path));
            routes++;
        }
    }
    CHECK_INT_GE(routes, 12);
}
