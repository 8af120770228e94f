/* What a person sees, in pytest's order: header, progress, failures, reasons
 * of skips, durations, and the closing line. */
#include "tests/runner/runner.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, FLOW_WIDTH = 70 };

static const struct look {
    char letter;
    const char *word, *color;
} looks[OUTCOME_COUNT] = {
    [OUTCOME_NONE] = {'-', "NOT RUN", ""},
    [OUTCOME_PASSED] = {'.', "PASSED", "\033[32m"},
    [OUTCOME_FAILED] = {'F', "FAILED", "\033[31m"},
    [OUTCOME_SKIPPED] = {'s', "SKIPPED", "\033[33m"},
};

static size_t column; /* of the progress line; 0: none open */

static const char *on(const struct options *o, enum outcome outcome)
{
    return o->color ? looks[outcome].color : "";
}

static const char *off(const struct options *o)
{
    return o->color ? "\033[0m" : "";
}

static void rule(char c, const char *title)
{
    int n = (int)strlen(title) + 2, left = (WIDTH - n) / 2;
    if (left < 3) left = 3;
    int right = WIDTH - n - left;
    for (int i = 0; i < left; i++) putchar(c);
    printf(" %s ", title);
    for (int i = 0; i < right || i < 3; i++) putchar(c);
    putchar('\n');
}

void report_begin(const struct plan *p, const struct options *o)
{
    if (o->verbose < 0) return;
    rule('=', "test session starts");
    printf("%s build, %d worker%s, in %s\ncollected %zu items",
           test_sanitized() ? "sanitized" : "plain", o->workers,
           o->workers == 1 ? "" : "s", test_source_dir(),
           p->count + p->deselected);
    if (p->deselected)
        printf(" / %zu deselected / %zu selected", p->deselected, p->count);
    puts("\n");
    fflush(stdout);
}

static int percent(const struct plan *p, const struct tally *t)
{
    return p->count ? (int)(t->done * 100 / p->count) : 100;
}

static void close_progress(const struct plan *p, const struct tally *t)
{
    if (!column) return;
    printf("%*s[%3d%%]\n", column < 72 ? (int)(72 - column) : 1, "",
           percent(p, t));
    column = 0;
}

/* One line for each file where tests run one by one, else one flow. */
static void progress(const struct plan *p, const struct item *it,
                     const struct options *o, const struct tally *t)
{
    static const char *file = "";
    const char *path = def_path(it->def);
    bool by_file = o->workers == 1 && o->verbose == 0;
    if (by_file && (!column || strcmp(file, path) != 0)) {
        struct tally before = *t;
        before.done--;
        close_progress(p, &before);
        column = (size_t)printf("%s ", path);
        file = path;
    }
    printf("%s%c%s", on(o, it->outcome), looks[it->outcome].letter, off(o));
    column++;
    if (t->done == p->count || column >= FLOW_WIDTH) close_progress(p, t);
}

void report_item(const struct plan *p, const struct item *it,
                 const struct options *o, const struct tally *t)
{
    if (o->verbose > 0) {
        printf("%s %s%s%s [%3d%%]\n", it->id, on(o, it->outcome),
               looks[it->outcome].word, off(o), percent(p, t));
    } else {
        progress(p, it, o, t);
    }
    fflush(stdout);
}

static void show_captured(const char *title, const char *text)
{
    if (!text || !*text) return;
    rule('-', title);
    fputs(text, stdout);
    if (text[strlen(text) - 1] != '\n') putchar('\n');
}

static void failures(const struct plan *p, const struct options *o)
{
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct item *it = &p->items[i];
        if (it->outcome != OUTCOME_FAILED) continue;
        if (!any) rule('=', "FAILURES");
        any = true;
        fputs(on(o, OUTCOME_FAILED), stdout);
        rule('_', it->id);
        printf("%s%s\n", off(o), it->reason);
        show_captured("Captured stdout", it->out);
        show_captured("Captured stderr", it->err);
    }
}

static void first_line(const char *text)
{
    printf("%.*s\n", (int)strcspn(text, "\n"), text);
}

static void short_summary(const struct plan *p, const struct tally *t)
{
    if (t->count[OUTCOME_FAILED] + t->count[OUTCOME_SKIPPED] == 0) return;
    rule('=', "short test summary info");
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < p->count; i++) {
            const struct item *it = &p->items[i];
            if (it->outcome != (pass ? OUTCOME_FAILED : OUTCOME_SKIPPED))
                continue;
            printf("%s %s - ", looks[it->outcome].word, it->id);
            first_line(it->reason);
        }
}

static int slower_first(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a;
    const struct item *y = *(struct item *const *)b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void durations(const struct plan *p, const struct options *o)
{
    if (o->durations < 0) return;
    struct item **all = must(calloc(p->count + 1, sizeof *all));
    for (size_t i = 0; i < p->count; i++) all[i] = &p->items[i];
    qsort(all, p->count, sizeof *all, slower_first);
    size_t n = o->durations ? (size_t)o->durations : p->count;
    if (n > p->count) n = p->count;
    char title[40];
    snprintf(title, sizeof title, "slowest %zu durations", n);
    rule('=', title);
    for (size_t i = 0; i < n; i++)
        printf("%8.3fs %s\n", all[i]->seconds, all[i]->id);
    free(all);
}

void report_end(const struct plan *p, const struct options *o,
                const struct tally *t)
{
    close_progress(p, t);
    if (o->verbose >= 0) putchar('\n');
    failures(p, o);
    durations(p, o);
    bench_report(p);
    short_summary(p, t);
    if (t->interrupted)
        puts("!!! interrupted !!!");
    else if (t->done < p->count)
        printf("!!! stopping after %zu failures !!!\n",
               t->count[OUTCOME_FAILED]);
    if (o->verbose >= 0) printf("in %.2f s\n", t->seconds);
    printf("%zu passed, %zu failed, %zu skipped\n", t->count[OUTCOME_PASSED],
           t->count[OUTCOME_FAILED], t->count[OUTCOME_SKIPPED]);
    fflush(stdout);
}
