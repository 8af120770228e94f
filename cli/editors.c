#include "cli/editors.h"

#include "base/json_write.h"

#define NAME "phasegate"
#define WORKSPACE "${workspaceFolder}"

enum { FILE_CEILING = 4 << 20 };

const struct cli_editor cli_editors[] = {
    {"claude", "Claude Code", ".mcp.json", CLI_JSON, "mcpServers", NULL, NULL,
     "claude", ".claude", "asks once whether to use this server: say yes",
     true},
    {"cursor", "Cursor", ".cursor/mcp.json", CLI_JSON, "mcpServers", NULL,
     WORKSPACE, "cursor", ".cursor", "asks once whether to enable it: do",
     false},
    {"vscode", "VS Code", ".vscode/mcp.json", CLI_JSON, "servers", "stdio",
     WORKSPACE, "code", ".vscode", "asks once whether to trust it: do", false},
    {"codex", "Codex", ".codex/config.toml", CLI_TOML, NULL, NULL, NULL,
     "codex", ".codex", "reads the file in projects that it trusts", false},
    {0},
};

/* --- JSON: writing -------------------------------------------------------- */

/* How the file is laid out where the entry goes. */
struct layout {
    bool lines;         /* a member on a line of its own */
    struct slice nl;    /* "\n" or "\r\n" */
    struct slice unit;  /* one step of indentation */
    struct slice outer; /* indentation of the new member */
};

static void quoted(struct buf *b, struct slice s)
{
    buf_putc(b, '"');
    json_escape(b, s);
    buf_putc(b, '"');
}

/* A new line, `steps` further in than the new member; or nothing. */
static void line(struct buf *b, const struct layout *l, unsigned steps)
{
    if (!l->lines) return;
    buf_put(b, l->nl);
    buf_put(b, l->outer);
    while (steps--) buf_put(b, l->unit);
}

static void key(struct buf *b, const char *name, struct slice value)
{
    quoted(b, slice_of(name));
    buf_puts(b, ": ");
    quoted(b, value);
}

/* A comma, and what stands between two members. */
static void next(struct buf *b, const struct layout *l, unsigned steps)
{
    buf_puts(b, l->lines ? "," : ", ");
    line(b, l, steps);
}

static void entry(struct buf *b, const struct cli_editor *ed,
                  struct slice command, const struct layout *l, unsigned steps)
{
    buf_puts(b, "\"" NAME "\": {");
    line(b, l, steps + 1);
    if (ed->type) {
        key(b, "type", slice_of(ed->type));
        next(b, l, steps + 1);
    }
    key(b, "command", command);
    next(b, l, steps + 1);
    buf_puts(b, "\"args\": [\"serve\"");
    if (ed->project) buf_printf(b, ", \"--project\", \"%s\"", ed->project);
    buf_putc(b, ']');
    line(b, l, steps);
    buf_putc(b, '}');
}

/* The servers' object with the one entry, and its key. */
static void servers(struct buf *b, const struct cli_editor *ed,
                    struct slice command, const struct layout *l)
{
    quoted(b, slice_of(ed->servers));
    buf_puts(b, ": {");
    line(b, l, 1);
    entry(b, ed, command, l, 1);
    line(b, l, 0);
    buf_putc(b, '}');
}

/* --- JSON: where it goes -------------------------------------------------- */

/* The blanks before `at` when nothing else stands before it on its line. */
static bool indentation(struct slice text, const char *at, struct slice *ret)
{
    const char *p = at;
    while (p > text.p && (p[-1] == ' ' || p[-1] == '\t')) p--;
    *ret = (struct slice){p, (size_t)(at - p)};
    return p > text.p && p[-1] == '\n';
}

/* The blanks that begin the line `at` stands on. */
static struct slice line_indentation(struct slice text, const char *at)
{
    const char *p = at, *end;
    while (p > text.p && p[-1] != '\n') p--;
    for (end = p; end < at && (*end == ' ' || *end == '\t');) end++;
    return (struct slice){p, (size_t)(end - p)};
}

static void layout_of(struct slice text, const struct json *root,
                      struct layout *l)
{
    *l = (struct layout){.nl = slice_find(text, SLICE("\r\n")) < text.n
                                   ? SLICE("\r\n")
                                   : SLICE("\n"),
                         .unit = SLICE("  ")};
    l->lines =
        root->count == 0 || indentation(text, root->members[0].at, &l->unit);
    if (!l->lines || !l->unit.n) l->unit = SLICE("  ");
}

/* The file with `object` grown by one member: the entry, or with `whole` the
 * servers and all. `at`: where the object's key stands, or the object itself.
 */
static void grow(struct buf *b, struct slice text, const struct json *object,
                 const char *at, bool whole, const struct cli_editor *ed,
                 struct slice command, struct layout *l, struct arena *a)
{
    const char *place = object->raw.p + 1;
    const char *rest = object->raw.p + object->raw.n - 1;
    struct slice closing = {0};
    if (object->count) {
        const struct json_member *last = &object->members[object->count - 1];
        place = rest = last->value.raw.p + last->value.raw.n;
        l->lines = indentation(text, object->members[0].at, &l->outer);
    } else {
        closing = line_indentation(text, at);
        l->outer =
            arena_printf(a, "%.*s%.*s", SLICE_ARG(closing), SLICE_ARG(l->unit));
    }
    buf_put(b, (struct slice){text.p, (size_t)(place - text.p)});
    if (object->count)
        next(b, l, 0);
    else
        line(b, l, 0);
    if (whole)
        servers(b, ed, command, l);
    else
        entry(b, ed, command, l, 0);
    if (!object->count && l->lines) {
        buf_put(b, l->nl);
        buf_put(b, closing);
    }
    buf_put(b, (struct slice){rest, (size_t)(text.p + text.n - rest)});
}

static struct slice wrong(struct arena *a, struct slice text, size_t at,
                          const char *what)
{
    struct text_position p = slice_position(text, at);
    return arena_printf(a,
                        "line %u, column %u: %s; only plain JSON, without "
                        "comments, can be edited safely",
                        p.line, p.column, what);
}

static enum err refuse(struct cli_edit *ret, struct slice why)
{
    *ret = (struct cli_edit){.result = CLI_EDIT_REFUSED, .why = why};
    return why.p ? OK : ERR_NOMEM;
}

/* Is it what we would write? */
static bool ours(const struct json *have, const struct cli_editor *ed,
                 struct slice command, struct arena *a)
{
    struct buf b = BUF_INIT(FILE_CEILING);
    struct layout l = {0};
    const struct json *want = NULL;
    struct json_error je;
    buf_putc(&b, '{');
    entry(&b, ed, command, &l, 0);
    buf_putc(&b, '}');
    struct slice text = arena_copy(a, buf_slice(&b));
    buf_done(&b);
    return json_parse(text, NULL, a, &want, &je) == OK &&
           json_equal(json_get(want, SLICE(NAME)), have);
}

static enum err edit_json(const struct cli_editor *ed, struct slice text,
                          struct slice command, struct arena *a, struct buf *b,
                          struct cli_edit *ret)
{
    const struct json *root;
    struct json_error je;
    struct layout l;
    struct slice json = text;
    if (slice_starts(json, SLICE("\xEF\xBB\xBF")))
        json = slice_sub(json, 3, json.n);
    if (!slice_trim(json).n) json = text = SLICE("{}\n");
    enum err e = json_parse(json, NULL, a, &root, &je);
    if (e == ERR_NOMEM) return e;
    if (e) return refuse(ret, wrong(a, json, je.at, je.what));
    if (root->type != JSON_OBJECT)
        return refuse(ret, SLICE("it holds no object at its top"));
    const struct json_member *twice = json_duplicate_key(root);
    if (twice)
        return refuse(ret, wrong(a, json, (size_t)(twice->at - json.p),
                                 "this key stands there twice"));
    const struct json_member *in = NULL;
    for (uint32_t i = 0; i < root->count; i++)
        if (slice_eq(root->members[i].key, slice_of(ed->servers)))
            in = &root->members[i];
    layout_of(json, root, &l);
    if (in && in->value.type != JSON_OBJECT)
        return refuse(ret, arena_printf(a, "\"%s\" is no object", ed->servers));
    const struct json *have = in ? json_get(&in->value, SLICE(NAME)) : NULL;
    if (have) {
        ret->result = CLI_EDIT_KEPT;
        if (!ours(have, ed, command, a))
            ret->why = SLICE("it has an entry of its own making");
        return OK;
    }
    grow(b, text, in ? &in->value : root, in ? in->at : root->raw.p, !in, ed,
         command, &l, a);
    return OK;
}

/* --- TOML ----------------------------------------------------------------- */

static void section(struct buf *b, struct slice command)
{
    buf_puts(b, "[mcp_servers." NAME "]\ncommand = ");
    quoted(b, command); /* a JSON string is a basic string of TOML */
    buf_puts(b, "\nargs = [\"serve\"]\n");
}

/* A line without blanks and quotes, so that every spelling of a key is one;
 * cut at its room, which is longer than any key we look for. */
static struct slice bare(struct slice text, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < 64; i++)
        if (!strchr(" \t\r\"'", text.p[i])) out[n++] = text.p[i];
    return (struct slice){out, n};
}

static bool any_of(struct slice s, const char *const *begins)
{
    for (; *begins; begins++)
        if (slice_starts(s, slice_of(*begins))) return true;
    return false;
}

/* Flips when a text over several lines begins or ends on this one. */
static void multi_line(struct slice text, const char **open)
{
    static const char *const marks[] = {"\"\"\"", "'''"};
    for (size_t i = 0; i + 3 <= text.n; i++) {
        if (!*open && text.p[i] == '#') return;
        for (size_t m = 0; m < 2; m++) {
            if (memcmp(text.p + i, marks[m], 3) != 0) continue;
            if (*open && *open != marks[m]) continue;
            *open = *open ? NULL : marks[m];
            i += 2;
            break;
        }
    }
}

static enum err edit_toml(struct slice text, struct slice command,
                          struct buf *b, struct cli_edit *ret)
{
    static const char *const anywhere[] = {"[mcp_servers." NAME "]",
                                           "[mcp_servers." NAME ".", NULL};
    static const char *const at_top[] = {"mcp_servers." NAME "=",
                                         "mcp_servers." NAME ".", NULL};
    static const char *const inside[] = {NAME "=", NAME ".", NULL};
    static const char *const inlined[] = {"mcp_servers=", NULL};
    struct slice rest = text, part;
    const char *open = NULL;
    bool top = true, table = false, have = false;
    if (slice_utf8_valid(text) < text.n || slice_find_byte(text, '\0') < text.n)
        return refuse(ret, SLICE("it is no UTF-8 text"));
    while (slice_split(&rest, '\n', &part)) {
        char room[64];
        struct slice s = bare(part, room);
        if (!open && slice_starts(s, SLICE("["))) {
            top = false;
            table = slice_starts(s, SLICE("[mcp_servers]"));
        }
        if (!open && top && any_of(s, inlined))
            return refuse(ret, SLICE("mcp_servers is an inline table there, "
                                     "which no section can add to"));
        if (!open)
            have |= any_of(s, anywhere) || (top && any_of(s, at_top)) ||
                    (table && any_of(s, inside));
        multi_line(part, &open);
    }
    if (open) return refuse(ret, SLICE("a text in it does not end"));
    if (have) {
        ret->result = CLI_EDIT_KEPT;
        return OK;
    }
    buf_put(b, text);
    if (text.n && !slice_ends(text, SLICE("\n"))) buf_putc(b, '\n');
    if (text.n) buf_putc(b, '\n');
    section(b, command);
    return OK;
}

/* --- both ----------------------------------------------------------------- */

enum err cli_edit(const struct cli_editor *ed, struct slice text,
                  struct slice command, struct arena *a, struct cli_edit *ret)
{
    struct buf b = BUF_INIT(FILE_CEILING);
    *ret = (struct cli_edit){.result = CLI_EDIT_ADDED};
    enum err e = ed->shape == CLI_JSON
                     ? edit_json(ed, text, command, a, &b, ret)
                     : edit_toml(text, command, &b, ret);
    if (!e && ret->result == CLI_EDIT_ADDED) {
        e = b.err;
        ret->text = arena_copy(a, buf_slice(&b));
        if (!e && !ret->text.p) e = ERR_NOMEM;
    }
    buf_done(&b);
    return e;
}

struct slice cli_edit_by_hand(const struct cli_editor *ed, struct slice command,
                              struct arena *a)
{
    struct buf b = BUF_INIT(FILE_CEILING);
    struct layout l = {0};
    if (ed->shape == CLI_JSON)
        servers(&b, ed, command, &l);
    else
        section(&b, command);
    struct slice s = slice_trim(arena_copy(a, buf_slice(&b)));
    buf_done(&b);
    return s;
}
