#include "engine/lint_text.h"

#include <ctype.h>

#include "engine/gate.h"
#include "engine/markdown.h"

enum { LINES_MOST = 170, EXAMPLE_MOST = 4 << 10 };

/* One text of a phase: phase.md or a task's file. */
struct text {
    struct eng_source src;
    const struct eng_phase *phase;
    const struct eng_gate *gate; /* NULL: broken, nothing to compare with */
    struct eng_report *r;
};

/* --- lines and words --------------------------------------------------- */
static bool next_line(struct slice *rest, struct slice *ret)
{
    return rest->n > 0 && slice_split(rest, '\n', ret);
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The word at the start of the text: a field's name. */
static struct slice word(struct slice s)
{
    size_t n = 0;
    while (n < s.n && name_char(s.p[n])) n++;
    return slice_sub(s, 0, n);
}

static struct slice skip_chars(struct slice s, const char *chars)
{
    while (s.n > 0 && s.p[0] && strchr(chars, s.p[0])) s = slice_sub(s, 1, s.n);
    return s;
}

/* The text after the name where it stands as a word of its own. */
static bool after_name(struct slice line, struct slice name, struct slice *ret)
{
    for (;;) {
        size_t at = slice_find(line, name);
        if (at >= line.n || name.n == 0) return false;
        *ret = slice_sub(line, at + name.n, line.n);
        bool begins = at == 0 || !name_char(line.p[at - 1]);
        if (begins && (ret->n == 0 || !name_char(ret->p[0]))) return true;
        line = *ret;
    }
}

static bool append(struct text *t, struct slice *list, struct slice name)
{
    struct slice both = arena_printf(
        t->r->arena, "%.*s%s%.*s", SLICE_ARG(*list), list->n ? ", " : "",
        SLICE_ARG(eng_clip(t->r->arena, name, 80)));
    t->r->failed |= !both.p;
    if (both.p) *list = both;
    return both.p != NULL;
}

static const struct eng_field *field_of(const struct eng_gate *g,
                                        struct slice name)
{
    for (size_t i = 0; i < g->fields_count; i++)
        if (slice_eq(g->fields[i].name, name)) return &g->fields[i];
    return NULL;
}

/* --- phase.md: heading and tasks --------------------------------------- */
/* Behind ":", "-" or a dash, which a name may follow; false: none is there. */
static bool skip_separator(struct slice *s)
{
    static const struct slice separators[] = {SLICE_INIT(":"), SLICE_INIT("- "),
                                              SLICE_INIT("\xe2\x80\x93"),
                                              SLICE_INIT("\xe2\x80\x94")};
    *s = slice_trim(*s);
    for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++)
        if (slice_starts(*s, separators[i])) {
            *s = slice_trim(slice_sub(*s, separators[i].n, s->n));
            return true;
        }
    return false;
}

/* "# Phase 4: Name" */
static void check_heading(struct text *t)
{
    struct markdown m;
    int64_t number;
    enum err e = markdown_read(t->src.text, t->r->arena, &m);
    t->r->failed |= e == ERR_NOMEM;
    if (e || !slice_starts(m.heading, SLICE("Phase "))) return;
    struct slice name = slice_sub(m.heading, 6, m.heading.n);
    size_t n = 0;
    while (n < name.n && isdigit((unsigned char)name.p[n])) n++;
    struct slice digits = slice_sub(name, 0, n);
    name = slice_sub(name, n, name.n);
    if (!slice_int64(digits, &number) || !skip_separator(&name)) return;
    bool same = number == t->phase->number && slice_eq(name, t->phase->name);
    if (same || t->phase->name.n == 0) return;
    eng_report_add(t->r, LINT_PHASE_TEXT_MISMATCH, &t->src, m.heading_at,
                   "the heading says \"Phase %lld: %.*s\"; metadata.json says "
                   "phase %lld, \"%.*s\"",
                   (long long)number,
                   SLICE_ARG(eng_clip(t->r->arena, name, 120)),
                   (long long)t->phase->number,
                   SLICE_ARG(eng_clip(t->r->arena, t->phase->name, 120)));
}

/* The next "task-...md" that names a file of this folder. */
static bool next_mention(struct slice *rest, struct slice *ret)
{
    for (;;) {
        size_t at = slice_find(*rest, SLICE("task-"));
        if (at >= rest->n) return false;
        struct slice s = slice_sub(*rest, at, rest->n);
        bool own =
            at == 0 || (!name_char(rest->p[at - 1]) && rest->p[at - 1] != '/' &&
                        rest->p[at - 1] != '-');
        size_t n = 5;
        while (n < s.n && (name_char(s.p[n]) || s.p[n] == '-')) n++;
        *rest = slice_sub(s, n, s.n);
        *ret = slice_sub(s, 0, n + 3);
        if (own && n > 5 && isdigit((unsigned char)s.p[5]) &&
            slice_ends(*ret, SLICE(".md")))
            return true;
    }
}

static const struct eng_task *listed(const struct eng_phase *p,
                                     struct slice file)
{
    for (size_t i = 0; i < p->tasks_count; i++)
        if (slice_eq(p->tasks[i].file, file)) return &p->tasks[i];
    return NULL;
}

/* Each file that phase.md names is a task, and a table shows them in order. */
static void check_mentions(struct text *t)
{
    struct slice rest = t->src.text, line, file, unknown = {0};
    const char *first = NULL, *order = NULL;
    int64_t last = -1;
    while (next_line(&rest, &line)) {
        bool row = slice_starts(line, SLICE("|"));
        while (next_mention(&line, &file)) {
            const struct eng_task *task = listed(t->phase, file);
            if (!task && slice_find(unknown, file) >= unknown.n) {
                append(t, &unknown, file);
                if (!first) first = file.p;
            }
            if (!task || !row) continue;
            if (task->number < last && !order) order = file.p;
            last = task->number;
        }
    }
    if (first)
        eng_report_add(t->r, LINT_PHASE_TEXT_MISMATCH, &t->src, first,
                       "phase.md names %.*s, which metadata.json does not list "
                       "for the phase",
                       SLICE_ARG(unknown));
    if (order)
        eng_report_add(t->r, LINT_PHASE_TEXT_MISMATCH, &t->src, order,
                       "the table of tasks is not in the order of their "
                       "numbers, which holds");
}

/* --- phase.md: the table of evidence ----------------------------------- */
static bool next_cell(struct slice *row, struct slice *ret)
{
    if (!slice_split(row, '|', ret)) return false;
    *ret = slice_trim(*ret);
    if (ret->n > 2 && ret->p[0] == '`' && ret->p[ret->n - 1] == '`')
        *ret = slice_sub(*ret, 1, ret->n - 2);
    return true;
}

static bool is_evidence_head(struct slice line)
{
    struct slice cell;
    line = skip_chars(line, "|");
    return next_cell(&line, &cell) &&
           (slice_eq_nocase(cell, SLICE("Evidence")) ||
            slice_eq_nocase(cell, SLICE("Field"))) &&
           next_cell(&line, &cell) && slice_eq_nocase(cell, SLICE("Type"));
}

static void compare_table(struct text *t, const char *at, struct slice rest)
{
    struct slice line, cell, names = {0}, only_here = {0}, only_gate = {0};
    while (next_line(&rest, &line) && slice_starts(line, SLICE("|"))) {
        line = slice_sub(line, 1, line.n);
        if (!next_cell(&line, &cell) || word(cell).n != cell.n || !cell.n)
            continue;
        if (!append(t, &names, cell)) return;
        if (!field_of(t->gate, cell)) append(t, &only_here, cell);
    }
    for (size_t i = 0; i < t->gate->fields_count; i++) {
        struct slice ignored;
        if (!after_name(names, t->gate->fields[i].name, &ignored))
            append(t, &only_gate, t->gate->fields[i].name);
    }
    if (only_here.n == 0 && only_gate.n == 0) return;
    eng_report_add(t->r, LINT_PHASE_TEXT_MISMATCH, &t->src, at,
                   "the table of evidence and the gate differ: only in the "
                   "table: %.*s; only in the gate: %.*s",
                   SLICE_ARG(only_here.n ? only_here : SLICE("nothing")),
                   SLICE_ARG(only_gate.n ? only_gate : SLICE("nothing")));
}

static void check_table(struct text *t)
{
    struct slice rest = t->src.text, line;
    if (!t->gate || t->gate->source != ENG_GATE_FILE) return;
    while (next_line(&rest, &line))
        if (slice_starts(line, SLICE("|")) && is_evidence_head(line)) {
            compare_table(t, line.p, rest);
            return;
        }
}

/* --- where a text says false ------------------------------------------- */
/* "name = false", "name: false", "name must be false", or a table's cell that
 * is "is_false" or "false" in the name's row. */
static bool says_false(struct slice line, struct slice name)
{
    struct slice rest, cell;
    if (!after_name(line, name, &rest)) return false;
    struct slice s = skip_chars(rest, "`* =:");
    if (slice_starts(s, SLICE("must be "))) s = slice_sub(s, 8, s.n);
    if (slice_starts(s, SLICE("is "))) s = slice_sub(s, 3, s.n);
    if (s.p != rest.p && slice_eq_nocase(word(s), SLICE("false"))) return true;
    if (!slice_starts(line, SLICE("|"))) return false;
    while (next_cell(&rest, &cell))
        if (slice_eq(cell, SLICE("is_false")) ||
            slice_eq_nocase(cell, SLICE("false")) ||
            slice_eq_nocase(cell, SLICE("must be false")))
            return true;
    return false;
}

static void contradiction(struct text *t, const struct eng_source *src,
                          const char *at, const struct eng_field *f)
{
    eng_report_add(t->r, LINT_EXPECT_CONTRADICTS_TEXT, src, at,
                   "\"%.*s\" is said to be good when false; the gate of phase "
                   "%lld expects true",
                   SLICE_ARG(eng_clip(t->r->arena, f->name, 80)),
                   (long long)t->phase->number);
}

static void check_expect(struct text *t, const struct eng_meta_phase *m,
                         const struct eng_source *meta,
                         const struct eng_field *f)
{
    struct slice rest = t->src.text, line;
    for (size_t i = 0; i < m->criteria.count; i++) {
        if (!says_false(m->criteria.items[i], f->name)) continue;
        const struct json *list =
            json_get(m->node, SLICE("validation_criteria"));
        contradiction(t, meta, list->items[i].raw.p, f);
        return;
    }
    if (slice_find(rest, f->name) >= rest.n) return;
    while (next_line(&rest, &line)) {
        if (!says_false(line, f->name)) continue;
        contradiction(t, &t->src, line.p, f);
        return;
    }
}

/* --- examples of evidence in task texts -------------------------------- */
struct example {
    struct slice unknown, missing, mistyped;
    struct slice names;
    bool cut; /* "...": more fields than are written */
};

/* What a written value tells of its type; ENG_ANY: nothing. */
static enum eng_type written_type(struct slice v)
{
    struct slice w = word(v);
    int64_t n;
    if (slice_eq_nocase(w, SLICE("true")) || slice_eq_nocase(w, SLICE("false")))
        return ENG_BOOLEAN;
    if (slice_starts(v, SLICE("[number]")) || (w.n && slice_int64(w, &n)))
        return ENG_INTEGER;
    if (slice_starts(v, SLICE("["))) return ENG_LIST;
    bool opens = slice_starts(v, SLICE("{")) && /* but {COUNT} is a gap */
                 (v.n == 1 || strchr("\"'} ", v.p[1]));
    if (opens) return ENG_OBJECT;
    if (slice_starts(v, SLICE("\""))) return ENG_STRING;
    return ENG_ANY;
}

static bool types_agree(enum eng_type field, enum eng_type written)
{
    return field == ENG_ANY || written == ENG_ANY || field == written ||
           (field == ENG_NUMBER && written == ENG_INTEGER);
}

/* False: this is no `name: value`. */
static bool example_line(struct text *t, struct example *e, struct slice line)
{
    struct slice s = skip_chars(line, " \t\n\"'-`"), name = word(s);
    struct slice value = skip_chars(slice_sub(s, name.n, s.n), "\"'`");
    if (name.n == 0 || !slice_starts(value, SLICE(":"))) return false;
    value = slice_trim(slice_sub(value, 1, value.n));
    append(t, &e->names, name);
    const struct eng_field *f = field_of(t->gate, name);
    if (!f)
        append(t, &e->unknown, name);
    else if (!types_agree(f->type, written_type(value)))
        append(t, &e->mistyped, name);
    return true;
}

static void judge_example(struct text *t, struct example *e, const char *at)
{
    if (e->names.n == 0) return;
    for (size_t i = 0; i < t->gate->fields_count && !e->cut; i++) {
        const struct eng_field *f = &t->gate->fields[i];
        struct slice ignored;
        if (f->required && !after_name(e->names, f->name, &ignored))
            append(t, &e->missing, f->name);
    }
    if (e->unknown.n == 0 && e->missing.n == 0 && e->mistyped.n == 0) return;
    eng_report_add(t->r, LINT_EVIDENCE_EXAMPLE_MISMATCH, &t->src, at,
                   "the example differs from the gate of phase %lld: not in "
                   "the gate: %.*s; missing: %.*s; of another type: %.*s",
                   (long long)t->phase->number,
                   SLICE_ARG(e->unknown.n ? e->unknown : SLICE("nothing")),
                   SLICE_ARG(e->missing.n ? e->missing : SLICE("nothing")),
                   SLICE_ARG(e->mistyped.n ? e->mistyped : SLICE("nothing")));
}

static size_t indent_of(struct slice line)
{
    return line.n - skip_chars(line, " \t").n;
}

/* The lines of the example: those that stand further in than its head, up to
 * the first that does not; only the outermost of them are fields. */
static void read_example(struct text *t, struct slice head, struct slice rest)
{
    struct example e = {0};
    struct slice line;
    size_t outer = indent_of(head), inner = 0;
    while (next_line(&rest, &line)) {
        size_t indent = indent_of(line);
        if (slice_trim(line).n == 0) continue;
        if (indent <= outer || slice_starts(slice_trim(line), SLICE("```")))
            break;
        if (inner == 0) inner = indent;
        if (indent == inner) example_line(t, &e, line);
    }
    judge_example(t, &e, head.p);
}

/* The text from there on, as far as one example may be long. */
static struct slice onward(const struct text *t, struct slice from)
{
    struct slice all = t->src.text;
    return slice_sub(all, (size_t)(from.p - all.p), EXAMPLE_MOST);
}

/* The length of the entry at the start of s: up to the comma or brace that
 * ends it; s.n: nothing does. */
static size_t entry_length(struct slice s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (depth == 0 && (c == ',' || c == '}')) return i;
        if (c == '{' || c == '[' || c == '(') depth++;
        if ((c == '}' || c == ']' || c == ')') && depth-- == 0) break;
        if (c != '"' && c != '\'') continue;
        while (++i < s.n && s.p[i] != c) i += s.p[i] == '\\';
    }
    return s.n;
}

/* Behind the brace of `evidence={"done": true, ...}`, whatever the lines. What
 * reads otherwise is prose, and says nothing. */
static void read_entries(struct text *t, const char *at, struct slice s)
{
    struct example e = {0};
    for (;;) {
        s = skip_chars(s, " \t\r\n,");
        size_t n = entry_length(s);
        if (n == s.n) return;
        struct slice entry = slice_trim(slice_sub(s, 0, n));
        bool more = slice_starts(entry, SLICE("..."));
        if (entry.n == 0 && s.p[n] == '}') break;
        e.cut |= more;
        if (!more && !example_line(t, &e, entry)) return;
        s = slice_sub(s, n, s.n);
    }
    judge_example(t, &e, at);
}

/* What stands behind `evidence={` or `"evidence": {` where the first entry
 * follows on the line itself. */
static bool is_inline_head(struct slice line, struct slice *ret)
{
    struct slice s;
    if (!after_name(line, SLICE("evidence"), &s)) return false;
    s = skip_chars(s, "\"'` ");
    if (s.n == 0 || (s.p[0] != '=' && s.p[0] != ':')) return false;
    s = skip_chars(slice_sub(s, 1, s.n), " ");
    if (!slice_starts(s, SLICE("{"))) return false;
    *ret = slice_sub(s, 1, s.n);
    return slice_trim(*ret).n > 0;
}

/* `evidence={`, `evidence = {`, `evidence:`, `"evidence": {` */
static bool is_example_head(struct slice line)
{
    struct slice s = skip_chars(line, " \t\"'");
    if (!slice_eq(word(s), SLICE("evidence"))) return false;
    s = skip_chars(slice_sub(s, 8, s.n), "\"' \t");
    if (s.n == 0 || (s.p[0] != '=' && s.p[0] != ':')) return false;
    s = slice_trim(slice_sub(s, 1, s.n));
    return s.n == 0 || slice_eq(s, SLICE("{"));
}

/* "Submit the following evidence to complete Phase 3:" */
static void check_number(struct text *t, struct slice line)
{
    size_t at = slice_find(line, SLICE("omplete Phase "));
    if (at >= line.n || slice_find(line, SLICE("ubmit")) >= line.n) return;
    struct slice s = slice_sub(line, at + 14, line.n);
    int64_t number;
    if (!slice_int64(word(s), &number) || number == t->phase->number) return;
    eng_report_add(t->r, LINT_EVIDENCE_EXAMPLE_MISMATCH, &t->src, line.p,
                   "the text says to complete phase %lld, but the task belongs "
                   "to phase %lld",
                   (long long)number, (long long)t->phase->number);
}

/* `complete_phase(session_id, phase=2, ...)` in a task of another phase. */
static void check_call(struct text *t, struct slice line)
{
    size_t at = slice_find(line, SLICE("complete_phase("));
    int64_t number;
    if (at >= line.n) return;
    struct slice s = onward(t, slice_sub(line, at + 15, line.n));
    s.n = slice_find_byte(s, ')');
    if (!after_name(s, SLICE("phase"), &s)) return;
    s = skip_chars(s, "\"' ");
    if (s.n == 0 || (s.p[0] != '=' && s.p[0] != ':')) return;
    s = word(skip_chars(slice_sub(s, 1, s.n), " "));
    if (!slice_int64(s, &number) || number == t->phase->number) return;
    eng_report_add(t->r, LINT_EVIDENCE_EXAMPLE_MISMATCH, &t->src, line.p,
                   "the call completes phase %lld, but the text belongs to "
                   "phase %lld",
                   (long long)number, (long long)t->phase->number);
}

static void check_examples(struct text *t)
{
    struct slice rest = t->src.text, line, entries;
    if (!t->gate || t->gate->source == ENG_GATE_NONE ||
        slice_find(rest, SLICE("evidence")) >= rest.n)
        return;
    while (next_line(&rest, &line)) {
        check_number(t, line);
        check_call(t, line);
        if (is_example_head(line))
            read_example(t, line, rest);
        else if (is_inline_head(line, &entries))
            read_entries(t, line.p, onward(t, entries));
    }
}

static void check_length(struct text *t)
{
    struct slice rest = t->src.text, line;
    size_t lines = 0;
    while (next_line(&rest, &line)) lines++;
    if (lines > LINES_MOST)
        eng_report_add(t->r, LINT_TASK_FILE_LONG, &t->src, NULL,
                       "the task has %zu lines", lines);
}

/* --- all of them ------------------------------------------------------- */
static struct text text_of(const struct eng_definition *d,
                           const struct eng_phase *p, struct slice file,
                           struct eng_report *r)
{
    struct text t = {.phase = p, .gate = p->gate, .r = r};
    struct slice path = arena_printf(r->arena, "phases/%lld/%.*s",
                                     (long long)p->number, SLICE_ARG(file));
    const struct eng_file *f = eng_files_find(&d->files, path);
    if (f) t.src = (struct eng_source){f->path, f->text};
    r->failed |= !path.p;
    return t;
}

static void check_phase(const struct eng_definition *d,
                        const struct eng_meta_phase *m,
                        const struct eng_source *meta,
                        const struct eng_phase *p, struct eng_report *r)
{
    struct text t = text_of(d, p, SLICE("phase.md"), r);
    if (t.src.text.n) {
        check_heading(&t);
        check_mentions(&t);
        check_table(&t);
    }
    for (size_t i = 0; p->gate && i < p->gate->fields_count; i++) {
        const struct eng_field *f = &p->gate->fields[i];
        if (f->required && f->type == ENG_BOOLEAN && !f->expect_stated)
            check_expect(&t, m, meta, f);
    }
    for (size_t i = 0; i < p->tasks_count; i++) {
        if (p->tasks[i].content.n == 0) continue;
        t = text_of(d, p, p->tasks[i].file, r);
        check_examples(&t);
        check_length(&t);
    }
}

void eng_lint_texts(const struct eng_definition *d,
                    const struct eng_metadata *m, struct eng_report *r)
{
    const struct eng_file *f =
        eng_files_find(&d->files, SLICE("metadata.json"));
    struct eng_source meta = {f->path, f->text};
    for (size_t i = 0, k = 0; i < m->phases_count; i++) {
        const struct eng_meta_phase *p = &m->phases[i];
        if (p->number < 0 || p->dynamic || k == d->phases_count) continue;
        check_phase(d, p, &meta, &d->phases[k++], r);
    }
}
