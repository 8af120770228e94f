/* Files nobody names, links to nowhere, texts that are empty, too long, or
 * hold what nobody sees. */
#include <ctype.h>

#include "engine/chunk.h"
#include "engine/lint_pass.h"
#include "engine/markdown.h"
#include "engine/template.h"

/* The texts of one phase, gate included, as an agent reads them. */
enum { PHASE_TOKENS_MOST = 32000, LINK_MOST = 1000 };

static struct eng_source source(const struct eng_file *f)
{
    return (struct eng_source){f->path, f->text};
}

static struct slice folder_of(struct slice path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return slice_sub(path, 0, n);
}

/* --- characters -------------------------------------------------------- */
static void check_characters(const struct eng_pass *in,
                             const struct eng_source *src)
{
    struct slice s = src->text;
    unsigned c;
    if (slice_utf8_valid(s) < s.n) return; /* reported by the build */
    if (slice_starts(s, SLICE("\xEF\xBB\xBF"))) s = slice_sub(s, 3, s.n);
    for (;;) {
        size_t at = slice_unseen(s, &c);
        if (at == s.n) return;
        if (c != '\n' && c != '\t' && c != '\r') break;
        s = slice_sub(s, at + 1, s.n);
    }
    eng_report_add(in->r, LINT_TEXT_INVISIBLE, src, s.p + slice_unseen(s, &c),
                   "the character U+%04X is not seen by a reader", c);
}

/* --- links ------------------------------------------------------------- */
/* a/b/../c without its dots; {NULL, 0} when it leaves the folder. */
static struct slice joined(struct arena *a, struct slice folder,
                           struct slice link)
{
    struct slice rest =
        arena_printf(a, "%.*s%.*s", SLICE_ARG(folder), SLICE_ARG(link));
    char *out = arena_alloc(a, rest.n + 1);
    struct slice part;
    size_t n = 0;
    if (!out || !rest.p) return (struct slice){0};
    while (rest.n > 0 && slice_split(&rest, '/', &part)) {
        if (part.n == 0 || slice_eq(part, SLICE("."))) continue;
        if (slice_eq(part, SLICE(".."))) {
            if (n == 0) return (struct slice){0};
            while (n > 0 && out[n - 1] != '/') n--;
            if (n > 0) n--;
            continue;
        }
        if (n > 0) out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    return (struct slice){out, n};
}

/* Is it meant as a file of this workflow: relative, no address, nothing to
 * fill in? */
static bool link_target(struct slice t, struct slice *ret)
{
    static const char odd[] = ":%<{[*";
    t = slice_sub(t, 0, slice_find_byte(t, '#'));
    if (t.n == 0 || t.n > LINK_MOST || t.p[0] == '/') return false;
    for (size_t i = 0; odd[i]; i++)
        if (slice_find_byte(t, odd[i]) < t.n) return false;
    *ret = t;
    return true;
}

static void check_link(const struct eng_pass *in, const struct eng_source *src,
                       const char *at, struct slice target)
{
    struct slice path = joined(in->r->arena, folder_of(src->file), target);
    /* what lies outside, or where nothing is read, cannot be judged */
    bool ours = slice_starts(path, SLICE("phases/")) ||
                slice_starts(path, SLICE("core/")) ||
                slice_starts(path, SLICE("supporting-docs/"));
    if (!ours || eng_files_find(&in->d->files, path)) return;
    eng_report_add(in->r, LINT_LINK_BROKEN, src, at, "%.*s does not exist",
                   SLICE_ARG(eng_clip(in->r->arena, path, 200)));
}

static void check_links(const struct eng_pass *in, const struct eng_source *src)
{
    struct markdown m;
    struct slice target;
    if (slice_utf8_valid(src->text) < src->text.n) return; /* reported */
    enum err e = markdown_read(src->text, in->r->arena, &m);
    in->r->failed |= e == ERR_NOMEM;
    for (size_t i = 0; !e && i < m.links_count; i++)
        if (link_target(m.links[i].target, &target))
            check_link(in, src, m.links[i].at, target);
}

/* --- files and folders ------------------------------------------------- */
static bool named_anywhere(const struct eng_definition *d,
                           const struct eng_file *f)
{
    struct slice name = slice_sub(f->path, folder_of(f->path).n, f->path.n);
    for (size_t i = 0; i < d->files.count; i++)
        if (&d->files.files[i] != f &&
            slice_find(d->files.files[i].text, name) < d->files.files[i].text.n)
            return true;
    return false;
}

/* The phase of "phases/<number>/..."; false: it is no such path. */
static bool phase_number(struct slice path, struct slice *ret_name,
                         int64_t *ret)
{
    struct slice rest = slice_sub(path, 7, path.n);
    if (!slice_starts(path, SLICE("phases/")) ||
        slice_find_byte(rest, '/') == rest.n)
        return false;
    (void)slice_split(&rest, '/', ret_name);
    *ret = -1;
    bool zeros = ret_name->n > 1 && ret_name->p[0] == '0';
    if (!zeros && !slice_int64(*ret_name, ret)) *ret = -1;
    return true;
}

static bool is_part(const struct eng_phase *p, struct slice name)
{
    if (slice_eq(name, SLICE("phase.md")) ||
        slice_starts(name, SLICE("task-")) || slice_starts(name, SLICE("gate")))
        return true; /* judged by the build */
    for (size_t i = 0; i < p->tasks_count; i++)
        if (slice_eq(p->tasks[i].file, name)) return true;
    return false;
}

static void check_mentioned(const struct eng_pass *in, const struct eng_file *f)
{
    struct eng_source src = source(f);
    struct slice last = slice_sub(f->path, folder_of(f->path).n, f->path.n);
    if (!named_anywhere(in->d, f))
        eng_report_add(in->r, LINT_FILE_UNREFERENCED, &src, NULL,
                       "no text mentions %.*s",
                       SLICE_ARG(eng_clip(in->r->arena, last, 120)));
}

/* What people look for by itself, in any folder. */
static bool stands_alone(struct slice path)
{
    static const char *const names[] = {"metadata.json", "readme", "license",
                                        "changelog", NULL};
    struct slice last = slice_sub(path, folder_of(path).n, path.n);
    for (const char *const *name = names; *name; name++)
        if (slice_eq_nocase(slice_sub(last, 0, strlen(*name)), slice_of(*name)))
            return true;
    return slice_starts(path, SLICE("phases/"));
}

static void check_place(const struct eng_pass *in, const struct eng_file *f,
                        struct slice *told)
{
    struct slice name;
    int64_t number;
    struct eng_source src = source(f);
    if (!stands_alone(f->path)) check_mentioned(in, f);
    if (!phase_number(f->path, &name, &number) ||
        slice_eq(name, SLICE("dynamic")))
        return;
    const struct eng_phase *p = eng_definition_phase(in->d, number);
    if (!p && !slice_eq(name, *told)) {
        *told = name;
        eng_report_add(in->r, LINT_PHASE_DIR_STRAY, &src, NULL,
                       "phases/%.*s/ belongs to no phase",
                       SLICE_ARG(eng_clip(in->r->arena, name, 80)));
    }
    struct slice folder = folder_of(f->path);
    struct slice last = slice_sub(f->path, folder.n, f->path.n);
    if (p && !is_part(p, last)) check_mentioned(in, f);
}

/* --- texts of phases --------------------------------------------------- */
static struct eng_source text_of(const struct eng_pass *in,
                                 const struct eng_phase *p, struct slice name)
{
    struct slice path = arena_printf(in->r->arena, "phases/%lld/%.*s",
                                     (long long)p->number, SLICE_ARG(name));
    const struct eng_file *f = eng_files_find(&in->d->files, path);
    return f ? source(f) : (struct eng_source){0};
}

static void check_empty(const struct eng_pass *in, const struct eng_source *src)
{
    if (src->file.n && slice_trim(src->text).n == 0)
        eng_report_add(in->r, LINT_TEXT_EMPTY, src, NULL,
                       "the agent gets an empty text");
}

/* "# Task 4: Name" */
static void check_heading(const struct eng_pass *in, const struct eng_task *t,
                          const struct eng_source *src)
{
    struct markdown m;
    int64_t number;
    enum err e = markdown_read(src->text, in->r->arena, &m);
    in->r->failed |= e == ERR_NOMEM;
    if (e || !slice_starts(m.heading, SLICE("Task "))) return;
    struct slice s = slice_sub(m.heading, 5, m.heading.n);
    size_t n = 0;
    while (n < s.n && isdigit((unsigned char)s.p[n])) n++;
    if (!slice_int64(slice_sub(s, 0, n), &number) || number == t->number)
        return;
    if (n < s.n && s.p[n] != ':' && s.p[n] != ' ') return; /* 4.1, 4b */
    eng_report_add(in->r, LINT_TASK_HEADING_DIFFERS, src, m.heading_at,
                   "the heading says task %lld; it is task %lld of the phase",
                   (long long)number, (long long)t->number);
}

static void check_phase(const struct eng_pass *in, const struct eng_phase *p)
{
    struct eng_source src = text_of(in, p, SLICE("phase.md"));
    struct eng_source gate = text_of(in, p, SLICE("gate-definition.yaml"));
    uint64_t tokens = chunk_tokens(src.text) + chunk_tokens(gate.text);
    check_empty(in, &src);
    for (size_t i = 0; i < p->tasks_count; i++) {
        const struct eng_task *t = &p->tasks[i];
        struct eng_source text = text_of(in, p, t->file);
        tokens += chunk_tokens(text.text);
        check_empty(in, &text);
        check_heading(in, t, &text);
    }
    if (tokens > PHASE_TOKENS_MOST && src.file.n)
        eng_report_add(in->r, LINT_PHASE_OVER_BUDGET, &src, NULL,
                       "the texts of phase %lld are about %llu tokens; %d are "
                       "the budget",
                       (long long)p->number, (unsigned long long)tokens,
                       PHASE_TOKENS_MOST);
}

/* --- templates --------------------------------------------------------- */
static bool capital(char c)
{
    return (c >= 'A' && c <= 'Z') || c == '_';
}

static void check_placeholder(const struct eng_pass *in,
                              const struct eng_source *src, struct slice name,
                              bool of_task)
{
    bool task_only;
    struct slice near;
    if (eng__template_knows(name, of_task, &task_only, &near)) return;
    if (task_only)
        eng_report_add(in->r, LINT_TEMPLATE_PLACEHOLDER, src, name.p - 1,
                       "[%.*s] has no value in %s template", SLICE_ARG(name),
                       of_task ? "a task's" : "a phase's");
    else if (near.n)
        eng_report_add(in->r, LINT_TEMPLATE_PLACEHOLDER, src, name.p - 1,
                       "[%.*s] is not replaced; did you mean %.*s?",
                       SLICE_ARG(eng_clip(in->r->arena, name, 60)),
                       SLICE_ARG(near));
}

static void check_template(const struct eng_pass *in, struct slice path,
                           bool of_task)
{
    const struct eng_file *f = eng_files_find(&in->d->files, path);
    if (!f) return;
    struct eng_source src = source(f);
    struct slice rest = f->text;
    while (rest.n > 0) {
        size_t at = slice_find_byte(rest, '['), n = at + 1;
        while (n < rest.n && capital(rest.p[n])) n++;
        if (n < rest.n && rest.p[n] == ']' && n > at + 1)
            check_placeholder(in, &src, slice_sub(rest, at + 1, n - at - 1),
                              of_task);
        rest = slice_sub(rest, n, rest.n);
    }
}

/* --- all of them ------------------------------------------------------- */
void eng__lint_files(const struct eng_pass *in)
{
    struct slice told = {0};
    for (size_t i = 0; i < in->d->files.count; i++) {
        const struct eng_file *f = &in->d->files.files[i];
        struct eng_source src = source(f);
        if (f->unread) continue;
        check_characters(in, &src);
        check_place(in, f, &told);
        if (slice_ends(f->path, SLICE(".md"))) check_links(in, &src);
    }
    for (size_t i = 0; i < in->d->phases_count; i++)
        check_phase(in, &in->d->phases[i]);
    const struct eng_dynamic *dy = in->d->dynamic_config;
    if (!dy) return;
    check_template(in, dy->phase_template_file, false);
    check_template(in, dy->task_template_file, true);
}
