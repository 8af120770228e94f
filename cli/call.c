/*
 * call: any tool, from the shell. `key=value` is read by the tool's own field
 * rows: a text as it stands, a number, true or false, JSON for an object, and
 * for a list JSON or words between commas.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/json_write.h"
#include "cli/command.h"
#include "cli/options_private.h"
#include "cli/reach.h"
#include "cli/tell.h"
#include "mcp/tools/tools.h"

enum { ARGUMENTS_CEILING = 16 << 20, NAMES_MAX = 64 };

struct call {
    struct arena arena;
    struct cli_options o;
    struct slice root;
    const struct mcp_tool *tool;
    struct buf arguments; /* members, without braces */
};

static int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int usage(const char *fmt, ...)
{
    struct buf b = BUF_INIT((size_t)16 << 20);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    cli_putf(stderr, "phasegate: %.*s\n", SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
    return CLI_USAGE;
}

/* "; did you mean x" or "". */
static struct slice hint(struct call *c, struct slice typed,
                         const char *const *names)
{
    const char *near = cli_nearest(typed, names);
    return near ? arena_printf(&c->arena, "; did you mean %s", near)
                : SLICE("");
}

static int find_tool(struct call *c, const char *word)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t n = 0;
    for (const struct mcp_tool *t = tools_rows; t->name; t++) {
        if (word && strcmp(t->name, word) == 0) c->tool = t;
        if (n < NAMES_MAX - 1) names[n++] = t->name;
    }
    if (c->tool) return CLI_DONE;
    if (word)
        return usage("no tool \"%s\"%.*s; `phasegate call` lists them", word,
                     SLICE_ARG(hint(c, slice_of(word), names)));
    (void)fputs("phasegate call TOOL [key=value ...] [--json OBJ]\n\n", stderr);
    for (const struct mcp_tool *t = tools_rows; t->name; t++)
        (void)fprintf(stderr, "  %-18s %s\n", t->name, t->title);
    return CLI_USAGE;
}

/* --- key=value ------------------------------------------------------------ */

static const struct mcp_field *find_field(struct call *c, struct slice name)
{
    const char *names[NAMES_MAX] = {NULL};
    size_t n = 0;
    for (const struct mcp_field *f = c->tool->args; f && f->name; f++) {
        if (slice_eq(slice_of(f->name), name)) return f;
        if (n < NAMES_MAX - 1) names[n++] = f->name;
    }
    struct slice more = hint(c, name, names);
    for (size_t i = 0; i < n && !cli_nearest(name, names); i++)
        more = arena_printf(&c->arena, "%.*s%s%s", SLICE_ARG(more),
                            i ? ", " : "; it takes ", names[i]);
    (void)usage("%s has no argument \"%.*s\"%.*s", c->tool->name,
                SLICE_ARG(name), SLICE_ARG(more));
    return NULL;
}

/* JSON of this type, on one line. */
static bool put_json(struct call *c, struct slice value, enum json_type type)
{
    const struct json *v;
    struct json_error je;
    if (json_parse(value, NULL, &c->arena, &v, &je) != OK || v->type != type)
        return false;
    struct json_writer w = json_writer(&c->arguments);
    json_value(&w, v);
    return true;
}

static bool put_list(struct call *c, struct slice value)
{
    struct slice part;
    if (value.n && value.p[0] == '[') return put_json(c, value, JSON_ARRAY);
    struct json_writer w = json_writer(&c->arguments);
    json_begin_array(&w);
    while (slice_split(&value, ',', &part)) json_string(&w, slice_trim(part));
    json_end_array(&w);
    return true;
}

static bool put_value(struct call *c, const struct mcp_field *f,
                      struct slice value)
{
    int64_t n;
    struct json_writer w = json_writer(&c->arguments);
    switch (f->type) {
    case MCP_FIELD_INTEGER:
        if (!slice_int64(value, &n)) return false;
        json_int(&w, n);
        return true;
    case MCP_FIELD_BOOLEAN:
        return put_json(
            c, value, slice_eq(value, SLICE("true")) ? JSON_TRUE : JSON_FALSE);
    case MCP_FIELD_OBJECT:
        return put_json(c, value, JSON_OBJECT);
    case MCP_FIELD_STRINGS:
    case MCP_FIELD_FLAGS:
        return put_list(c, value);
    default:
        json_string(&w, value);
        return true;
    }
}

static const char *kind(const struct mcp_field *f)
{
    static const char *const kinds[MCP_FIELD_TYPE_COUNT] = {
        [MCP_FIELD_STRING] = "a text",
        [MCP_FIELD_INTEGER] = "a whole number",
        [MCP_FIELD_BOOLEAN] = "true or false",
        [MCP_FIELD_OBJECT] = "a JSON object",
        [MCP_FIELD_STRINGS] = "words between commas, or a JSON array",
        [MCP_FIELD_FLAGS] = "words between commas, or a JSON array"};
    return kinds[f->type];
}

static int take_word(struct call *c, struct slice word)
{
    size_t at = slice_find_byte(word, '=');
    struct slice name = slice_sub(word, 0, at);
    if (at == word.n)
        return usage("\"%.*s\": arguments are key=value, or one --json OBJ",
                     SLICE_ARG(word));
    const struct mcp_field *f = find_field(c, name);
    if (!f) return CLI_USAGE;
    buf_puts(&c->arguments, c->arguments.n ? ",\"" : "\"");
    buf_puts(&c->arguments, f->name);
    buf_puts(&c->arguments, "\":");
    if (put_value(c, f, slice_sub(word, at + 1, word.n))) return CLI_DONE;
    return usage("%s takes %s, not \"%.*s\"", f->name, kind(f),
                 SLICE_ARG(slice_sub(word, at + 1, 200)));
}

/* --- help of one tool ----------------------------------------------------- */

static void print_tool(const struct mcp_tool *t)
{
    struct buf b = BUF_INIT(ARGUMENTS_CEILING);
    buf_printf(&b, "%sphasegate call %s%s%s\n", cli_tone(CLI_BOLD), t->name,
               cli_tone(CLI_PLAIN), t->args ? " key=value ..." : "");
    cli__put_wrapped(&b, slice_of(t->description));
    for (const struct mcp_field *f = t->args; f && f->name; f++) {
        buf_printf(&b, "\n  %s  (%s%s)\n", f->name, kind(f),
                   f->required ? ", required" : "");
        if (f->description) cli__put_wrapped(&b, slice_of(f->description));
    }
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

/* `phasegate call TOOL --help` is about the tool. */
static bool tool_help(int argc, char **argv)
{
    const struct mcp_tool *tool = NULL;
    bool asked = false;
    for (int i = 1; i < argc; i++) {
        asked |= strcmp(argv[i], "--help") == 0;
        for (const struct mcp_tool *t = tools_rows; t->name && !tool; t++)
            if (strcmp(argv[i], t->name) == 0) tool = t;
    }
    if (asked && tool) print_tool(tool);
    return asked && tool;
}

/* --- --json OBJ ----------------------------------------------------------- */

static struct slice read_stdin(struct call *c)
{
    char part[4096];
    struct buf b = BUF_INIT(ARGUMENTS_CEILING);
    ssize_t n;
    while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0)
        buf_put(&b, (struct slice){part, (size_t)n});
    struct slice s =
        b.err ? (struct slice){0} : arena_copy(&c->arena, buf_slice(&b));
    buf_done(&b);
    return s;
}

static int take_object(struct call *c)
{
    struct slice text = c->o.set.arguments;
    const struct json *v;
    struct json_error je = {0};
    if (!text.n) return CLI_DONE;
    if (slice_eq(text, SLICE("-"))) text = read_stdin(c);
    if (json_parse(text, NULL, &c->arena, &v, &je) != OK)
        return usage("--json: %s at byte %zu", je.what ? je.what : "no JSON",
                     je.at);
    if (v->type != JSON_OBJECT) return usage("--json takes an object");
    for (uint32_t i = 0; i < v->count; i++) {
        if (c->arguments.n) buf_putc(&c->arguments, ',');
        buf_putc(&c->arguments, '"');
        json_escape(&c->arguments, v->members[i].key);
        buf_puts(&c->arguments, "\":");
        struct json_writer w = json_writer(&c->arguments);
        json_value(&w, &v->members[i].value);
    }
    return CLI_DONE;
}

static int run(struct call *c, int argc, char **argv)
{
    int first = c->o.rest, code;
    struct cli_reply r;
    code = find_tool(c, first < argc ? argv[first] : NULL);
    if (!code) code = take_object(c);
    for (int i = first + 1; i < argc && !code; i++)
        code = take_word(c, slice_of(argv[i]));
    if (code) return code;
    if (c->arguments.err) return usage("the arguments are too large");
    struct slice object =
        arena_printf(&c->arena, "{%.*s}", SLICE_ARG(buf_slice(&c->arguments)));
    if (!cli_reach(&c->o, c->root, c->tool->name, object, &c->arena, &r, &code))
        return code;
    cli_print_json(r.object);
    return cli_reach_exit(&r);
}

int cli_call(const struct cli_command *command, int argc, char **argv)
{
    struct call c = {.arguments = BUF_INIT(ARGUMENTS_CEILING)};
    int code;
    if (tool_help(argc, argv)) return CLI_DONE;
    arena_init(&c.arena, (size_t)512 << 20);
    if (cli_begin(command, argc, argv, &c.arena, &c.o, &c.root, &code))
        code = run(&c, argc, argv);
    buf_done(&c.arguments);
    arena_done(&c.arena);
    return code;
}
