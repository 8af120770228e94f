#include "engine/lint.h"

#include <stdarg.h>
#include <stdio.h>

const struct eng_lint_row eng_lint_rows[LINT_COUNT] = {
#define LINT_ROW(code, level, meaning, mend, example)                          \
    [LINT_##code] = {#code, ENG_##level, SLICE_INIT(meaning),                  \
                     SLICE_INIT(mend), SLICE_INIT(example)},
    LINT_ROWS(LINT_ROW)
#undef LINT_ROW
};

struct slice eng_level_name(enum eng_level level)
{
    static const struct slice names[] = {
        [ENG_ERROR] = SLICE_INIT("error"),
        [ENG_WARNING] = SLICE_INIT("warning"),
        [ENG_NOTE] = SLICE_INIT("note"),
    };
    return names[level];
}

void eng_report_init(struct eng_report *r, struct arena *a)
{
    *r = (struct eng_report){.arena = a};
}

static bool grow(struct eng_report *r)
{
    if (r->count < r->capacity) return true;
    size_t capacity = r->capacity ? 2 * r->capacity : 16;
    struct eng_finding *items =
        ARENA_ARRAY(r->arena, struct eng_finding, capacity);
    if (!items) {
        r->failed = true;
        return false;
    }
    if (r->count) memcpy(items, r->items, r->count * sizeof(*items));
    r->items = items;
    r->capacity = capacity;
    return true;
}

/* A message may quote a file that is no text, and is cut where it is long. */
static void make_readable(char *text, size_t n)
{
    for (size_t at = 0;
         (at += slice_utf8_valid((struct slice){text + at, n - at})) < n;)
        text[at] = '?';
}

/* Where a text that is cut at n ends without a piece of a character, which
 * has at most four bytes. */
static size_t whole_end(const char *text, size_t n)
{
    size_t at = n - 1;
    while (at > 0 && n - at < 4 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    struct slice last = {text + at, n - at};
    return slice_utf8_valid(last) == last.n ? n : at;
}

__attribute__((format(printf, 2, 0))) static struct slice
vprint(struct arena *a, const char *fmt, va_list ap)
{
    char text[1024];
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n < 0) n = 0;
    size_t used = (size_t)n < sizeof(text)
                      ? (size_t)n
                      : whole_end(text, sizeof(text) - 1);
    make_readable(text, used);
    return arena_copy(a, (struct slice){text, used});
}

__attribute__((format(printf, 6, 0))) static void
append(struct eng_report *r, enum eng_lint code, const struct eng_source *src,
       const char *at, struct slice mend, const char *fmt, va_list ap)
{
    const struct eng_lint_row *row = &eng_lint_rows[code];
    if (row->level == ENG_ERROR) r->errors++;
    if (r->count >= ENG_FINDINGS_MOST && code != LINT_FINDINGS_CUT) {
        r->dropped++;
        return;
    }
    if (!grow(r)) return;
    struct eng_finding *f = &r->items[r->count];
    *f = (struct eng_finding){.code = row->code,
                              .level = row->level,
                              .file = src ? src->file : (struct slice){0},
                              .message = vprint(r->arena, fmt, ap),
                              .how_to_fix = mend};
    if (src && at) {
        struct text_position p =
            slice_position(src->text, (size_t)(at - src->text.p));
        f->line = p.line;
        f->column = p.column;
    }
    if (f->message.p)
        r->count++;
    else
        r->failed = true;
}

void eng_report_add(struct eng_report *r, enum eng_lint code,
                    const struct eng_source *src, const char *at,
                    const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    append(r, code, src, at, eng_lint_rows[code].mend, fmt, ap);
    va_end(ap);
}

void eng_report_mend(struct eng_report *r, enum eng_lint code,
                     const struct eng_source *src, const char *at,
                     struct slice mend, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    append(r, code, src, at, mend, fmt, ap);
    va_end(ap);
}

void eng_report_copy(struct eng_report *r, const struct eng_finding *f)
{
    if (f->level == ENG_ERROR) r->errors++;
    if (grow(r)) r->items[r->count++] = *f;
}

void eng_report_place(struct eng_report *r, uint32_t line, uint32_t column)
{
    if (r->count == 0 || r->dropped) return;
    r->items[r->count - 1].line = line;
    r->items[r->count - 1].column = column;
}

void eng_report_end(struct eng_report *r)
{
    if (r->dropped == 0) return;
    eng_report_add(r, LINT_FINDINGS_CUT, NULL, NULL,
                   "%zu more findings are not listed", r->dropped);
}

void eng_finding_write(const struct eng_finding *f, struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "file", f->file);
    if (f->line) {
        json_put_int(w, "line", f->line);
        json_put_int(w, "column", f->column);
    }
    json_put_string(w, "code", slice_of(f->code));
    json_put_string(w, "level", eng_level_name(f->level));
    json_put_string(w, "message", f->message);
    json_put_string(w, "how_to_fix", f->how_to_fix);
    json_end_object(w);
}

void eng_lint_page(struct buf *out)
{
    buf_puts(out,
             "# What lint finds\n\n"
             "`phasegate lint [PATH ...]` and the tool `validate_workflow` "
             "look at workflows with one engine.\n"
             "An **error** refuses the start of the workflow; a **warning** "
             "is a mistake that does not; a **note** is worth knowing.\n"
             "`lint` ends with 0 when it has found neither errors nor "
             "warnings, with 1 when it has, with 2 when it was asked wrongly."
             "\n\nThis page is what `phasegate lint --codes` prints.\n");
    for (size_t i = 0; i < LINT_COUNT; i++) {
        const struct eng_lint_row *row = &eng_lint_rows[i];
        buf_printf(out, "\n## %s\n\n%.*s: %.*s.\n\n    %.*s\n\n%.*s\n",
                   row->code, SLICE_ARG(eng_level_name(row->level)),
                   SLICE_ARG(row->meaning), SLICE_ARG(row->example),
                   SLICE_ARG(row->mend));
    }
}

struct slice eng_clip(struct arena *a, struct slice s, size_t most)
{
    if (s.n <= most) return s;
    size_t n = most;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80) n--;
    return arena_printf(a, "%.*s...", (int)n, s.p);
}

struct slice eng_piece(struct slice text, size_t at, size_t n)
{
    while (at + n < text.n && ((unsigned char)text.p[at + n] & 0xC0) == 0x80)
        n++;
    return slice_sub(text, at, n);
}
