/*
 * lint: what can be wrong with a workflow, one row per kind, and the report
 * that collects it. Errors refuse a start, warnings and notes do not. A row
 * says what such a finding means and how it is mended; the finding itself
 * names the file, the place and the thing.
 *
 * Needs base/. Thread: the owner of the report's arena. No lock.
 */
#ifndef ENGINE_LINT_H
#define ENGINE_LINT_H

#include "base/json_write.h"
#include "engine/definition.h"
#include "engine/lint_rows.h"


enum eng_lint {
#define LINT_ENUM(code, level, meaning, mend, example) LINT_##code,
    LINT_ROWS(LINT_ENUM)
#undef LINT_ENUM
        LINT_COUNT
};
struct eng_lint_row {
    const char *code;
    enum eng_level level;
    struct slice meaning, mend, example;
};
extern const struct eng_lint_row eng_lint_rows[LINT_COUNT];

/* "error", "warning", "note". */
struct slice eng_level_name(enum eng_level level);

/* --- a report ---------------------------------------------------------- */
/* One file as findings see it. */
struct eng_source {
    struct slice file; /* relative to the workflow's folder */
    struct slice text;
};

/* Findings listed at most; a note says how many more there were. */
enum { ENG_FINDINGS_MOST = 1000 };

struct eng_report {
    struct arena *arena;
    struct eng_finding *items;
    size_t count, capacity;
    size_t errors; /* counted to the last, listed or not */
    size_t dropped;
    bool failed; /* out of memory: the report is not whole */
};
void eng_report_init(struct eng_report *r, struct arena *a);
/* The note about what was dropped, if anything was. */
void eng_report_end(struct eng_report *r);

/* Adds a finding with the row's mend. `at` points into src->text, or is NULL:
 * the file as a whole. `src` NULL: the folder. */
void eng_report_add(struct eng_report *r, enum eng_lint code,
                    const struct eng_source *src, const char *at,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same with a mend of its own, a text that outlives the report. */
void eng_report_mend(struct eng_report *r, enum eng_lint code,
                     const struct eng_source *src, const char *at,
                     struct slice mend, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Adds a finding as it is, which outlives the report. */
void eng_report_copy(struct eng_report *r, const struct eng_finding *f);
/* Says where the newest finding lies, for readers that know no pointer. */
void eng_report_place(struct eng_report *r, uint32_t line, uint32_t column);
/* {"file","line"?,"column"?,"code","level","message","how_to_fix"} */
void eng_finding_write(const struct eng_finding *f, struct json_writer *w);

/* Every code with its level, meaning, mend and an example, as markdown:
 * docs/LINT.md is this page. */
void eng_lint_page(struct buf *out);

/* --- texts in messages ------------------------------------------------- */
/* The start of a text from outside, cut at a character's border and marked
 * with ... when longer than `most` bytes. arena */
struct slice eng_clip(struct arena *a, struct slice s, size_t most);
/* The n bytes at `at`, and what is left of the last character they cut. */
struct slice eng_piece(struct slice text, size_t at, size_t n);

#endif
