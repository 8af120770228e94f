/* Today's benchmarks beside those of a file that --benchmark-json wrote. */
#include "tests/runner/runner.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { FILE_MAX = 16 << 20 };

/* --- expressions: median:5%, min:0.000002 (seconds) --------------------------
 */
struct limit {
    char field[8];
    double most;
    bool percent;
};

static const struct {
    const char *name;
    size_t at;
} fields[] = {
    {"min", offsetof(struct bench_stats, min)},
    {"max", offsetof(struct bench_stats, max)},
    {"mean", offsetof(struct bench_stats, mean)},
    {"median", offsetof(struct bench_stats, median)},
    {"stddev", offsetof(struct bench_stats, stddev)},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const double *field_of(const struct bench_stats *b, const char *name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return (const double *)(const void *)((const char *)b +
                                                  fields[i].at);
    return NULL;
}

static bool limit_read(const char *text, struct limit *ret)
{
    size_t n = strcspn(text, ":");
    struct bench_stats none;
    char *end = NULL;
    if (!text[n] || n >= sizeof ret->field) return false;
    snprintf(ret->field, sizeof ret->field, "%.*s", (int)n, text);
    if (!field_of(&none, ret->field)) return false;
    ret->most = strtod(text + n + 1, &end);
    ret->percent = *end == '%';
    return end != text + n + 1 && !end[ret->percent] && ret->most >= 0;
}

bool bench_compare_good(const struct options *o)
{
    struct limit l;
    if (o->compare_fails && !o->bench_compare) {
        usage_error("--benchmark-compare-fail needs --benchmark-compare FILE");
        return false;
    }
    for (size_t i = 0; i < o->compare_fails; i++) {
        if (limit_read(o->compare_fail[i], &l)) continue;
        usage_error("--benchmark-compare-fail: '%s' is not FIELD:N%% or "
                    "FIELD:SECONDS with one of min, max, mean, median, stddev",
                    o->compare_fail[i]);
        return false;
    }
    return true;
}

/* --- the other file ---------------------------------------------------------
 */
static const struct json *list_of(const struct json *doc, const char *name)
{
    const struct json *list = json_get(doc, slice_of(name));
    return json_is(list, JSON_ARRAY) ? list : NULL;
}

static bool is_text(const struct json *v, const char *key, const char *want)
{
    return slice_eq(json_text(json_get(v, slice_of(key))), slice_of(want));
}

static const struct json *times_of(const struct json *doc, const char *id)
{
    const struct json *list = list_of(doc, "benchmarks");
    for (size_t i = 0; list && i < list->count; i++)
        if (is_text(&list->items[i], "fullname", id))
            return json_get(&list->items[i], SLICE("stats"));
    return NULL;
}

static const struct json *figure_of(const struct json *doc, const char *id,
                                    const struct bench_figure *f)
{
    const struct json *list = list_of(doc, "figures");
    for (size_t i = 0; list && i < list->count; i++) {
        const struct json *v = &list->items[i];
        double x = 0;
        (void)json_double(json_get(v, SLICE("x")), &x);
        if (is_text(v, "from", id) && is_text(v, "name", f->name) && x == f->x)
            return v;
    }
    return NULL;
}

/* Of a history the last run. */
static struct slice last_line(struct slice text)
{
    while (text.n && text.p[text.n - 1] == '\n') text.n--;
    const char *start = text.n ? memrchr(text.p, '\n', text.n) : NULL;
    if (!start) return text;
    start++;
    return (struct slice){start, text.n - (size_t)(start - text.p)};
}

static const struct json *read_doc(const char *path, struct arena *a)
{
    struct slice text = {0};
    const struct json *doc = NULL;
    struct json_error error = {0};
    enum err e = file_read(slice_of(path), FILE_MAX, a, &text);
    if (!e) e = json_parse(last_line(text), NULL, a, &doc, &error);
    if (e || !list_of(doc, "benchmarks")) {
        usage_error("--benchmark-compare: %s is no file that --benchmark-json "
                    "wrote",
                    path);
        return NULL;
    }
    return doc;
}

/* --- beside each other ------------------------------------------------------
 */
/* Worse by how much, as a share: 0.05 is five percent. */
static void line(const char *id, const char *what, double was, double is,
                 double worse, bool failed)
{
    printf("%12.5g %12.5g %+8.1f%% %-6s  %s%s%s\n", was, is, 100 * worse,
           failed ? "FAILED" : "", id, *what ? ": " : "", what);
}

static bool times_worse(const struct item *it, const struct json *old,
                        const struct limit *l, bool show)
{
    double was = 0, is = *field_of(&it->bench, l->field) / 1e9;
    if (!json_double(json_get(old, slice_of(l->field)), &was) || was <= 0)
        return false;
    double worse = is / was - 1;
    bool failed = !show && (l->percent ? 100 * worse : is - was) > l->most;
    if (show || failed) line(it->id, l->field, was, is, worse, failed);
    return failed;
}

/* A figure is compared by its ratio where it has one, and in percent only:
 * `median` speaks of it too, since it is a median of rounds. */
static bool figure_worse(const struct item *it, const struct bench_figure *f,
                         const struct json *old, const struct limit *l,
                         bool show)
{
    const char *key = f->ratio != 0 ? "ratio" : "value";
    double was = 0, is = f->ratio != 0 ? f->ratio : f->value;
    if (strcmp(l->field, "median") || !l->percent) return false;
    if (!json_double(json_get(old, slice_of(key)), &was) || was <= 0)
        return false;
    bool more = f->bar == BAR_RATIO_LEAST || f->bar == BAR_LEAST;
    double worse = more ? 1 - is / was : is / was - 1;
    bool failed = !show && 100 * worse > l->most;
    if (show || failed) line(it->id, f->name, was, is, worse, failed);
    return failed;
}

static int all_worse(const struct plan *p, const struct json *doc,
                     const struct limit *l, bool show)
{
    int failed = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct item *it = &p->items[i];
        if (!bench_measured(it)) continue;
        const struct json *old = times_of(doc, it->id);
        if (it->bench.rounds && old) failed += times_worse(it, old, l, show);
        for (size_t k = 0; k < it->figure_count; k++) {
            const struct bench_figure *f = &it->figures[k];
            old = figure_of(doc, it->id, f);
            if (old) failed += figure_worse(it, f, old, l, show);
        }
    }
    return failed;
}

int bench_compare(const struct plan *p, const struct options *o)
{
    struct arena a;
    int failed = -1;
    arena_init(&a, (size_t)4 * FILE_MAX);
    const struct json *doc = read_doc(o->bench_compare, &a);
    if (!doc) goto out;
    printf("\n%12s %12s %9s         compared with %s\n", "was", "is",
           "worse by", o->bench_compare);
    failed = all_worse(p, doc, &(struct limit){"median", 0, true}, true);
    for (size_t i = 0; i < o->compare_fails; i++) {
        struct limit l;
        if (limit_read(o->compare_fail[i], &l))
            failed += all_worse(p, doc, &l, false);
    }
out:
    arena_done(&a);
    return failed;
}
