#include "engine/plan_lines.h"

enum { TAB_COLUMNS = 4, NESTED_MOST = 64, FENCE_LEAST = 3 };

/* --- lines ------------------------------------------------------------- */
/* A line ends at LF, CRLF or a CR alone. */
static bool next_line(struct slice *rest, struct slice *ret)
{
    if (!rest->p || rest->n == 0) return false;
    size_t n = 0;
    while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r') n++;
    *ret = slice_sub(*rest, 0, n);
    n += slice_starts(slice_sub(*rest, n, SIZE_MAX), SLICE("\r\n"));
    *rest = slice_sub(*rest, n + 1, SIZE_MAX);
    return true;
}

static struct slice without_bom(struct slice text)
{
    return slice_starts(text, SLICE("\xef\xbb\xbf"))
               ? slice_sub(text, 3, SIZE_MAX)
               : text;
}

static size_t run_of(struct slice s, size_t at, char c)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] == c) n++;
    return n;
}

static struct slice trim_left(struct slice s)
{
    size_t n = 0;
    while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t')) n++;
    return slice_sub(s, n, SIZE_MAX);
}

/* --- fences ------------------------------------------------------------ */
struct fence {
    char mark;
    size_t length, line;
    bool info;
};

/* Three or more backticks or tildes. What holds a backtick behind backticks
 * is code within a line. */
static bool fence_of(struct slice raw, struct fence *ret)
{
    struct slice s = trim_left(raw);
    if (s.n < FENCE_LEAST || (s.p[0] != '`' && s.p[0] != '~')) return false;
    size_t n = run_of(s, 0, s.p[0]);
    struct slice info = slice_trim(slice_sub(s, n, SIZE_MAX));
    if (n < FENCE_LEAST ||
        (s.p[0] == '`' && slice_find_byte(info, '`') < info.n))
        return false;
    *ret = (struct fence){.mark = s.p[0], .length = n, .info = info.n > 0};
    return true;
}

struct fences {
    struct fence open[NESTED_MOST];
    size_t depth;
    bool nested; /* a fence with an info word opens one inside */
};

/* Takes one line; true when it is a fence or within one. */
static bool fences_take(struct fences *f, struct slice raw, size_t line)
{
    struct fence this;
    bool is = fence_of(raw, &this);
    this.line = line;
    if (f->depth == 0) {
        if (is) f->open[f->depth++] = this;
        return is;
    }
    const struct fence *inner = &f->open[f->depth - 1];
    if (!is || this.mark != inner->mark || this.length < inner->length)
        return true;
    if (!this.info)
        f->depth--;
    else if (f->nested && f->depth < NESTED_MOST)
        f->open[f->depth++] = this;
    return true;
}

/* Which lines a fence takes, by the rule with nested fences, or without it
 * when that one leaves a fence open. */
static void mask_fences(struct plan_lines *l)
{
    for (int plain = 0; plain < 2; plain++) {
        struct fences f = {.nested = !plain};
        for (size_t i = 0; i < l->count; i++)
            l->lines[i].masked = fences_take(&f, l->lines[i].raw, i + 1);
        if (f.depth == 0) return;
        l->unclosed = f.open[0].line;
    }
}

/* --- front matter ------------------------------------------------------ */
static bool is_key(struct slice s)
{
    size_t n = slice_find_byte(s, ':');
    if (n == 0 || n == s.n || (n + 1 < s.n && s.p[n + 1] != ' ')) return false;
    for (size_t i = 0; i < n; i++)
        if ((s.p[i] | 32) < 'a' && !strchr("_-0123456789", s.p[i]))
            return false;
    return true;
}

/* "---", keys, "---" before anything else. A rule with text behind it is
 * none: what stands between has to look like YAML, line by line. */
static void mask_front_matter(struct plan_lines *l)
{
    struct slice s;
    size_t end = 1;
    if (l->count < 3 || !slice_eq(l->lines[0].raw, SLICE("---"))) return;
    if (!is_key(l->lines[1].raw)) return;
    for (; end < l->count; end++) {
        s = l->lines[end].raw;
        if (slice_eq(s, SLICE("---")) || slice_eq(s, SLICE("..."))) break;
        bool more = s.n == 0 || s.p[0] == ' ' || slice_starts(s, SLICE("- "));
        if (!more && !slice_starts(s, SLICE("# ")) && !is_key(s)) return;
    }
    for (size_t i = 0; end < l->count && i <= end; i++)
        l->lines[i].masked = true;
}

/* --- comments ---------------------------------------------------------- */
/* The length of the code span that begins at `at`, 0: none ends here. */
static size_t code_span(struct slice s, size_t at)
{
    size_t n = run_of(s, at, '`');
    for (size_t i = at + n; i < s.n; i++) {
        if (s.p[i] != '`') continue;
        size_t k = run_of(s, i, '`');
        if (k == n) return i + k - at;
        i += k - 1;
    }
    return 0;
}

static bool at_text(struct slice s, size_t i, struct slice what)
{
    return slice_starts(slice_sub(s, i, SIZE_MAX), what);
}

/* Copies the line without what a comment holds. */
static size_t strip(bool *open, struct slice raw, const char *last_end,
                    char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n;) {
        if (*open) {
            if (at_text(raw, i, SLICE("-->"))) {
                *open = false;
                i += 3;
            } else {
                i++;
            }
            continue;
        }
        size_t take = raw.p[i] == '`' ? code_span(raw, i) : 0;
        if (raw.p[i] == '`' && take == 0) take = run_of(raw, i, '`');
        if (take == 0 && at_text(raw, i, SLICE("<!--")) &&
            raw.p + i < last_end) {
            *open = true;
            i += 4;
            continue;
        }
        for (take += take == 0; take > 0; take--) out[n++] = raw.p[i++];
    }
    return n;
}

static const char *last_end_of(const struct plan_lines *l)
{
    for (size_t i = l->count; i-- > 0;) {
        struct slice raw = l->lines[i].raw;
        for (size_t k = raw.n; k >= 3 && !l->lines[i].masked; k--)
            if (memcmp(raw.p + k - 3, "-->", 3) == 0) return raw.p + k - 3;
    }
    return NULL;
}

/* A comment that is never closed is none: nothing may swallow the rest. */
static enum err strip_comments(struct plan_lines *l, struct arena *a)
{
    const char *last_end = last_end_of(l);
    bool open = false;
    for (size_t i = 0; last_end && i < l->count; i++) {
        struct plan_line *line = &l->lines[i];
        struct slice raw = line->raw;
        if (line->masked) continue;
        if (!open && slice_find(raw, SLICE("<!--")) == raw.n) continue;
        char *out = arena_alloc(a, raw.n + 1);
        if (!out) return ERR_NOMEM;
        line->text = (struct slice){out, strip(&open, raw, last_end, out)};
        line->masked = slice_trim(line->text).n == 0 && slice_trim(raw).n > 0;
    }
    return OK;
}

/* --- blanks ------------------------------------------------------------ */
/* The length of the blank at the start of s that is no plain one, 0: none.
 * Editors and word processors leave them; nobody sees the difference. */
static size_t odd_blank(struct slice s)
{
    static const struct slice blanks[] = {
        SLICE_INIT("\t"),           SLICE_INIT("\xc2\xa0"),
        SLICE_INIT("\xe2\x80\xaf"), SLICE_INIT("\xe2\x81\x9f"),
        SLICE_INIT("\xe3\x80\x80"), SLICE_INIT("\xef\xbb\xbf")};
    for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++)
        if (slice_starts(s, blanks[i])) return blanks[i].n;
    bool spaces = slice_starts(s, SLICE("\xe2\x80")) && s.n > 2 &&
                  (unsigned char)s.p[2] <= 0x8b; /* U+2000 to U+200B */
    return spaces ? 3 : 0;
}

/* Behind the indentation every blank becomes a plain one. */
static enum err even_blanks(struct plan_lines *l, struct arena *a)
{
    for (size_t i = 0; i < l->count; i++) {
        struct plan_line *line = &l->lines[i];
        struct slice s = line->text.p ? line->text : line->raw;
        size_t n = s.n - trim_left(s).n, at = n;
        while (at < s.n && !odd_blank(slice_sub(s, at, SIZE_MAX))) at++;
        if (line->masked || at == s.n) continue;
        char *out = arena_alloc(a, s.n + 1);
        if (!out) return ERR_NOMEM;
        memcpy(out, s.p, at);
        for (n = at; at < s.n;) {
            size_t odd = odd_blank(slice_sub(s, at, SIZE_MAX));
            out[n++] = odd ? ' ' : s.p[at];
            at += odd ? odd : 1;
        }
        line->text = (struct slice){out, n};
    }
    return OK;
}

/* --- what a line is ---------------------------------------------------- */
/* s is not empty. */
static bool is_rule(struct slice s)
{
    size_t marks = 0;
    if (!strchr("-*_", s.p[0])) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == s.p[0])
            marks++;
        else if (s.p[i] != ' ' && s.p[i] != '\t')
            return false;
    }
    return marks >= 3;
}

static void read_heading(struct plan_line *l)
{
    size_t n = run_of(l->text, 0, '#');
    struct slice s = slice_sub(l->text, n, SIZE_MAX);
    if (n == 0 || n > 6 || l->indent > 3) return;
    l->glued = s.n > 0 && s.p[0] != ' ' && s.p[0] != '\t';
    s = slice_trim(s);
    if (l->glued && !slice_eq_nocase(slice_sub(s, 0, 6), SLICE("phase ")) &&
        !slice_eq_nocase(slice_sub(s, 0, 5), SLICE("task ")))
        return; /* #a-tag */
    size_t end = s.n;
    while (end > 0 && s.p[end - 1] == '#') end--;
    if (end < s.n && (end == 0 || s.p[end - 1] == ' ')) s.n = end;
    l->text = slice_trim(s);
    l->level = (uint8_t)n;
}

/* The length of the box that s begins with, 0: none. Whatever mark stands in
 * it, an item is one: "[-]" and "[~]" are work under way. */
static size_t box_of(struct slice s, enum plan_box *ret)
{
    static const struct slice ticks[] = {
        SLICE_INIT("x"), SLICE_INIT("X"), SLICE_INIT("\xe2\x9c\x93"),
        SLICE_INIT("\xe2\x9c\x94"), SLICE_INIT("\xe2\x9c\x85")};
    size_t end = slice_find_byte(slice_sub(s, 0, 8), ']');
    struct slice in = slice_sub(s, 1, end ? end - 1 : 0);
    if (s.n < 2 || s.p[0] != '[' || end >= s.n || end == 8) return 0;
    if (end + 1 < s.n && s.p[end + 1] != ' ') return 0;
    *ret = BOX_EMPTY;
    if (in.n == 0 || (in.n == 1 && strchr(" -~/>!?*+.", in.p[0])))
        return end + 1;
    if (slice_ends(in, SLICE("\xef\xb8\x8f"))) in.n -= 3;
    *ret = BOX_TICKED;
    for (size_t i = 0; i < sizeof(ticks) / sizeof(*ticks); i++)
        if (slice_eq(in, ticks[i])) return end + 1;
    return 0;
}

/* The length of a list marker and its blanks, 0: none. */
static size_t marker(struct slice s)
{
    size_t n = 0;
    while (n < s.n && n < 9 && s.p[n] >= '0' && s.p[n] <= '9') n++;
    if (n > 0 && n < s.n && (s.p[n] == '.' || s.p[n] == ')'))
        n++;
    else if (n == 0 && s.n > 0 && strchr("-*+", s.p[0]))
        n = 1;
    else
        return 0;
    size_t text = n;
    while (text < s.n && (s.p[text] == ' ' || s.p[text] == '\t')) text++;
    enum plan_box box; /* "-[ ] text" */
    bool glued = n == 1 && box_of(slice_sub(s, n, SIZE_MAX), &box);
    return text > n || n == s.n || glued ? text : 0;
}

static void read_item(struct plan_line *l)
{
    size_t n = marker(l->text);
    if (n == 0) return;
    l->item = true;
    struct slice s = slice_sub(l->text, n, SIZE_MAX);
    enum plan_box box;
    n = box_of(s, &box);
    if (n) l->box = box;
    l->text = slice_trim(slice_sub(s, n, SIZE_MAX));
}

static void read_line(struct plan_line *l)
{
    struct slice s = l->text.p ? l->text : l->raw;
    size_t n = 0;
    for (; n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'); n++)
        l->indent += s.p[n] == '\t' ? TAB_COLUMNS : 1;
    l->text = slice_trim(slice_sub(s, n, SIZE_MAX));
    l->blank = l->text.n == 0;
    if (l->masked || l->blank) return;
    l->rule = is_rule(l->text);
    if (l->rule) return;
    read_heading(l);
    if (l->level == 0) read_item(l);
}

enum err plan_lines_read(struct slice text, struct arena *a,
                         struct plan_lines *ret)
{
    text = without_bom(text);
    struct slice rest = text, raw;
    size_t count = 0, i = 0;
    while (next_line(&rest, &raw)) count++;
    *ret = (struct plan_lines){ARENA_ARRAY(a, struct plan_line, count + 1),
                               count, 0};
    if (!ret->lines) return ERR_NOMEM;
    for (rest = text; next_line(&rest, &raw); i++) ret->lines[i].raw = raw;
    mask_fences(ret);
    mask_front_matter(ret);
    enum err e = strip_comments(ret, a);
    if (!e) e = even_blanks(ret, a);
    for (i = 0; !e && i < count; i++) read_line(&ret->lines[i]);
    return e;
}
