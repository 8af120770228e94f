/*
 * messages: what a sentence of ours tells people and agents to use is there:
 * tools by their rows, commands and their verbs by theirs. Read off the
 * sources' texts themselves.
 */
#include <ctype.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/command.h"
#include "mcp/tools/tools.h"
#include "tests/runner/test.h"

/* --- the texts of a source file ---------------------------------------------
 */

/* Behind a comment that begins here; else `s` as it is. */
static struct slice skip_comment(struct slice s)
{
    const char *end = slice_starts(s, SLICE("/*"))   ? "*/"
                      : slice_starts(s, SLICE("//")) ? "\n"
                                                     : NULL;
    if (!end) return s;
    size_t at = slice_find(s, slice_of(end));
    return slice_sub(s, at + strlen(end), s.n);
}

/* The body of a literal into the buffer, escapes as blanks. */
static struct slice take_literal(struct slice s, struct buf *b)
{
    for (s = slice_sub(s, 1, s.n); s.n && s.p[0] != '"';
         s = slice_sub(s, 1, s.n)) {
        if (s.p[0] != '\\') {
            buf_putc(b, s.p[0]);
            continue;
        }
        buf_putc(b, ' ');
        s = slice_sub(s, 1, s.n);
    }
    return slice_sub(s, 1, s.n);
}

/* The next text, literals side by side joined; false: no more. */
static bool next_text(struct slice *s, struct buf *b)
{
    bool any = false;
    buf_clear(b);
    while (s->n) {
        struct slice after = skip_comment(*s);
        if (after.n != s->n) {
            *s = after;
        } else if (s->p[0] == '\'') {
            *s = slice_sub(*s, s->n > 1 && s->p[1] == '\\' ? 4 : 3, s->n);
        } else if (s->p[0] == '"') {
            *s = take_literal(*s, b);
            any = true;
        } else if (any && !isspace((unsigned char)s->p[0])) {
            return true;
        } else {
            *s = slice_sub(*s, 1, s->n);
        }
    }
    return any;
}

/* --- what they name ---------------------------------------------------------
 */

static bool is_tool(struct slice name)
{
    const struct mcp_tool *const tables[] = {tools_rows, tools_praxis_rows};
    for (size_t i = 0; i < 2; i++)
        for (const struct mcp_tool *t = tables[i]; t->name; t++)
            if (slice_eq(name, slice_of(t->name))) return true;
    return false;
}

/* Words that look like a tool and are none: a field, a workflow, the old names
 * that a text of praxis-os may use. */
static bool is_other(struct slice name)
{
    static const char *const others[] = {"start_phase", "release_v1",
                                         "get_current_phase",
                                         "get_workflow_state"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (slice_eq(name, slice_of(others[i]))) return true;
    return false;
}

static bool looks_like_a_tool(struct slice word)
{
    static const char *const verbs[] = {
        "list_",    "get_",   "start_",    "complete_", "manage_", "claim_",
        "release_", "search_", "validate_", "create_",   "pos_",    "resume_"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (slice_starts(word, slice_of(verbs[i]))) return true;
    return false;
}

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' ||
           ch == '-';
}

static struct slice word_at(struct slice text, size_t at)
{
    size_t end = at;
    while (end < text.n && is_letter(text.p[end])) end++;
    return slice_sub(text, at, end - at);
}

static const struct cli_command *command_named(struct slice name)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (slice_eq(name, slice_of(c->name))) return c;
    return NULL;
}

static bool has_verb(const struct cli_command *c, struct slice name)
{
    if (!c->verbs || !name.n || name.p[0] == '-') return true;
    for (const struct cli_verb *v = c->verbs; v->name; v++)
        if (slice_eq(name, slice_of(v->name))) return true;
    return false;
}

struct found {
    int tools, commands;
};

/* `phasegate COMMAND VERB` in backquotes. */
static void check_commands(const char *file, struct slice text,
                           struct found *found)
{
    static const struct slice call = SLICE_INIT("`phasegate ");
    for (size_t at; (at = slice_find(text, call)) < text.n;) {
        text = slice_sub(text, at + call.n, text.n);
        struct slice name = word_at(text, 0);
        if (!name.n || name.p[0] == '-') continue;
        const struct cli_command *c = command_named(name);
        if (!c)
            FAIL("%s names the command \"%.*s\"", file, SLICE_ARG(name));
        bool more = name.n < text.n && text.p[name.n] == ' ';
        struct slice verb =
            more ? word_at(text, name.n + 1) : (struct slice){0};
        if (!has_verb(c, verb))
            FAIL("%s names %s's verb \"%.*s\"", file, c->name, SLICE_ARG(verb));
        found->commands++;
    }
}

static void check_tools(const char *file, struct slice text,
                        struct found *found)
{
    for (size_t at = 0; at < text.n; at++) {
        struct slice word = word_at(text, at);
        if (!word.n) continue;
        at += word.n;
        if (!looks_like_a_tool(word) || is_other(word)) continue;
        if (!is_tool(word))
            FAIL("%s names the tool \"%.*s\"", file, SLICE_ARG(word));
        found->tools++;
    }
}

/* A sentence: it has a word, a blank, and no SQL. */
static bool is_sentence(struct slice text)
{
    return slice_find_byte(text, ' ') < text.n &&
           slice_find(text, SLICE("session_id TEXT")) == text.n;
}

static void check_file(const char *file, struct found *found)
{
    struct slice text;
    struct buf b = BUF_INIT(1 << 20);
    CHECK_OK(file_read(
        arena_printf(test_arena(), "%s/%s", test_source_dir(), file), 4 << 20,
        test_arena(), &text));
    while (next_text(&text, &b)) {
        if (!is_sentence(buf_slice(&b))) continue;
        check_tools(file, buf_slice(&b), found);
        check_commands(file, buf_slice(&b), found);
    }
    buf_done(&b);
}

TEST(messages, name_tools_and_commands_that_there_are)
{
    static const char *const folders[] = {"engine", "mcp/tools", "cli"};
    struct found found = {0};
    for (size_t i = 0; i < 3; i++) {
        struct slice folder =
            arena_printf(test_arena(), "%s/%s", test_source_dir(), folders[i]);
        struct file_name *entries;
        size_t count;
        CHECK_OK(folder_list(folder, 10000, test_arena(), &entries, &count));
        for (size_t k = 0; k < count; k++)
            if (slice_ends(entries[k].name, SLICE(".c")) ||
                slice_ends(entries[k].name, SLICE("_rows.h")))
                check_file(arena_printf(test_arena(), "%s/%.*s", folders[i],
                                        SLICE_ARG(entries[k].name))
                               .p,
                           &found);
    }
    CHECK_INT_GT(found.tools, 30);
    CHECK_INT_GT(found.commands, 30);
}
