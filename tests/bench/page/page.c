/*
 * bench-page: from the last run of a history (or a file of --benchmark-json)
 * the tables of docs/PERFORMANCE.md and README.md, between their marks, and
 * the curves of docs/img.
 *
 *   build/bench-page tests/bench/history.jsonl docs/PERFORMANCE.md README.md
 *       docs/img
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/bench/page/page.h"

enum { FILE_MAX = 64 << 20 };

static struct arena arena = {.ceiling = 512 << 20};

_Noreturn void page_die(const char *what, const char *of)
{
    fprintf(stderr, "bench-page: %s: %s\n", what, of);
    exit(1);
}

static struct slice read_text(const char *path)
{
    struct slice text;
    if (file_read(slice_of(path), FILE_MAX, &arena, &text))
        page_die("cannot read", path);
    return text;
}

static const struct json *last_run(const char *path)
{
    struct slice text = read_text(path);
    struct json_error error;
    const struct json *doc;
    while (text.n && text.p[text.n - 1] == '\n') text.n--;
    const char *start = text.n ? memrchr(text.p, '\n', text.n) : NULL;
    if (start) text = slice_sub(text, (size_t)(start - text.p) + 1, SIZE_MAX);
    if (json_parse(text, NULL, &arena, &doc, &error) ||
        !json_is(json_get(doc, SLICE("figures")), JSON_ARRAY))
        page_die("no run of the benchmarks", path);
    return doc;
}

/* --- figures -----------------------------------------------------------------
 */
static double number_of(const struct json *f, const char *key)
{
    double v = 0;
    (void)json_double(json_get(f, slice_of(key)), &v);
    return v;
}

static struct figure figure_of(const struct json *f)
{
    static const char *const bars[] = {"ratio_least", "ratio_most", "least",
                                       "most"};
    struct figure r = {.name = json_text(json_get(f, SLICE("name"))),
                       .unit = json_text(json_get(f, SLICE("unit"))),
                       .series = json_text(json_get(f, SLICE("series"))),
                       .from = json_text(json_get(f, SLICE("from"))),
                       .x = number_of(f, "x"),
                       .value = number_of(f, "value"),
                       .floor = number_of(f, "floor"),
                       .ratio = number_of(f, "ratio"),
                       .least = number_of(f, "lowest"),
                       .most = number_of(f, "highest"),
                       .bar = -1};
    for (int i = 0; i < 4; i++)
        if (json_get(f, slice_of(bars[i]))) {
            r.bar = i;
            r.limit = number_of(f, bars[i]);
        }
    const struct json *held = json_get(f, SLICE("held"));
    r.held = held && slice_eq(held->raw, SLICE("true"));
    return r;
}

static struct figures figures_of(const struct json *doc)
{
    const struct json *all = json_get(doc, SLICE("figures"));
    struct figures fs = {calloc(all->count + 1, sizeof(struct figure)),
                         all->count};
    if (!fs.all) page_die("out of memory", "figures");
    for (size_t i = 0; i < fs.count; i++) fs.all[i] = figure_of(&all->items[i]);
    return fs;
}

/* --- numbers as people read them --------------------------------------------
 */
const char *page_number(double v, char text[32])
{
    double size = v < 0 ? -v : v;
    if (size >= 1000) {
        char plain[32];
        int n = snprintf(plain, sizeof plain, "%.0f", v), k = 0;
        for (int i = 0; i < n && k < 30; i++) {
            text[k++] = plain[i];
            if ((n - i - 1) % 3 == 0 && i < n - 1 && plain[i] != '-')
                text[k++] = ',';
        }
        text[k] = 0;
    } else {
        snprintf(text, 32, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : 2, v);
    }
    return text;
}

static const char *page_limit(double v, char text[32])
{
    snprintf(text, 32, "%g", v);
    return text;
}

static void put_value(struct buf *b, double v, struct slice unit)
{
    char text[32];
    if (slice_eq(unit, SLICE("1/s")))
        buf_printf(b, "%s/s", page_number(v, text));
    else
        buf_printf(b, "%s%s%.*s", page_number(v, text), unit.n ? " " : "",
                   SLICE_ARG(unit));
}

static void put_bar(struct buf *b, const struct figure *f)
{
    char text[32];
    if (f->bar < 0) return;
    bool least = f->bar == 0 || f->bar == 2, ratio = f->bar < 2;
    buf_printf(b, "%s %s%s", least ? "at least" : "at most",
               page_limit(f->limit, text), ratio ? "x" : "");
    if (!ratio && f->unit.n && !slice_eq(f->unit, SLICE("x")))
        buf_printf(b, " %.*s", SLICE_ARG(f->unit));
}

static void put_ratio(struct buf *b, const struct figure *f)
{
    char one[32], least[32], most[32];
    if (f->ratio == 0) return;
    buf_printf(b, "%s", page_number(f->ratio, one));
    if (f->least != f->most)
        buf_printf(b, " (%s to %s)", page_number(f->least, least),
                   page_number(f->most, most));
}

/* --- tables
 * -------------------------------------------------------------------
 */
static void put_row(struct buf *b, const struct figure *f)
{
    buf_printf(b, "| %.*s | ", SLICE_ARG(f->name));
    put_value(b, f->value, f->unit);
    buf_puts(b, " | ");
    if (f->floor != 0) put_value(b, f->floor, f->unit);
    buf_puts(b, " | ");
    put_ratio(b, f);
    buf_puts(b, " | ");
    put_bar(b, f);
    buf_printf(b, " | %s |\n",
               f->bar < 0 ? ""
               : f->held  ? "held"
                          : "**missed**");
}

static void put_where(struct buf *b, const struct json *doc)
{
    struct slice id = json_text(json_at(doc, "commit_info", "id", NULL));
    struct slice when = json_text(json_get(doc, SLICE("datetime")));
    struct slice with =
        json_text(json_at(doc, "machine_info", "compiler", NULL));
    buf_printf(
        b, "Run of %.*s at commit `%.*s`, %.0f processors, gcc %.*s.\n\n",
        SLICE_ARG(slice_sub(when, 0, 10)), SLICE_ARG(slice_sub(id, 0, 12)),
        number_of(json_get(doc, SLICE("machine_info")), "cpus"),
        SLICE_ARG(slice_sub(with, 0, slice_find_byte(with, ' '))));
}

static void put_targets(struct buf *b, const struct json *doc,
                        const struct figures *fs)
{
    size_t bars = 0, held = 0;
    put_where(b, doc);
    buf_puts(b, "| what | measured | floor or peer | ratio | bar | |\n"
                "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < fs->count; i++) {
        const struct figure *f = &fs->all[i];
        if (f->series.n) continue;
        put_row(b, f);
        bars += f->bar >= 0;
        held += f->bar >= 0 && f->held;
    }
    buf_printf(b, "\n%zu of %zu bars held.\n", held, bars);
}

/* What README shows, by the names of figures. */
static const char *const shown[] = {
    "HTTP get_phase, 64 connections",
    "stdio get_phase, 64 in flight",
    "HTTP, 8 connections, beside TypeScript",
    "complete_phase, one client, p50",
    "complete_phase, 64 clients beside one",
    "cache hit (peek), beside a map without a lock",
    "search: real standards, clock p50",
    "start to the first answer, new project",
    "memory at rest",
};

static void put_short(struct buf *b, const struct figures *fs)
{
    buf_puts(b, "| | measured | floor or peer |\n|---|---|---|\n");
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
        for (size_t i = 0; i < fs->count; i++) {
            const struct figure *f = &fs->all[i];
            if (!slice_eq(f->name, slice_of(shown[k]))) continue;
            buf_printf(b, "| %s | ", shown[k]);
            put_value(b, f->value, f->unit);
            buf_puts(b, " | ");
            if (f->floor != 0) put_value(b, f->floor, f->unit);
            buf_puts(b, " |\n");
        }
}

/* --- pages
 * --------------------------------------------------------------------
 */
/* Puts `text` between <!-- name --> and <!-- /name -->. */
static void replace(const char *path, const char *name, struct slice text)
{
    struct slice page = read_text(path);
    char first[64], last[64];
    snprintf(first, sizeof first, "<!-- %s -->\n", name);
    snprintf(last, sizeof last, "<!-- /%s -->", name);
    size_t from = slice_find(page, slice_of(first));
    size_t to = slice_find(page, slice_of(last));
    if (from == page.n || to == page.n || to < from) return;
    from += strlen(first);
    struct buf b = BUF_INIT(FILE_MAX);
    buf_put(&b, slice_sub(page, 0, from));
    buf_put(&b, text);
    buf_put(&b, slice_sub(page, to, SIZE_MAX));
    if (b.err || file_write_atomic(slice_of(path), buf_slice(&b), 0644))
        page_die("cannot write", path);
    buf_done(&b);
}

int main(int argc, char **argv)
{
    if (argc != 5) page_die("usage", "bench-page RUNS PERFORMANCE README IMG");
    const struct json *doc = last_run(argv[1]);
    struct figures fs = figures_of(doc);
    struct buf targets = BUF_INIT(FILE_MAX), brief = BUF_INIT(FILE_MAX);
    struct buf scale = BUF_INIT(FILE_MAX);
    put_targets(&targets, doc, &fs);
    put_short(&brief, &fs);
    page_scale(&scale, &fs, argv[4]);
    if (targets.err || brief.err || scale.err) page_die("out of memory", "");
    replace(argv[2], "targets", buf_slice(&targets));
    if (scale.n) replace(argv[2], "scale", buf_slice(&scale));
    replace(argv[3], "measured", buf_slice(&brief));
    buf_done(&targets);
    buf_done(&brief);
    buf_done(&scale);
    free(fs.all);
    arena_done(&arena);
    return 0;
}
