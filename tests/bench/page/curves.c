/* Series as tables and as curves: a panel for each figure, both axes by
 * powers of ten. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/bench/page/page.h"

enum { WIDTH = 230, HEIGHT = 150, LEFT = 52, TOP = 34, BOTTOM = 30 };
enum { PANEL = WIDTH + LEFT + 14, PANELS_MAX = 8 };

static bool same(struct slice a, struct slice b)
{
    return slice_eq(a, b);
}

/* The i-th different name of the series, or NULL. */
static const struct figure *nth_name(const struct figures *fs,
                                     struct slice series, size_t i)
{
    for (size_t k = 0; k < fs->count; k++) {
        const struct figure *f = &fs->all[k];
        bool known = false;
        if (!same(f->series, series)) continue;
        for (size_t j = 0; j < k && !known; j++)
            known = same(fs->all[j].series, series) &&
                    same(fs->all[j].name, f->name);
        if (!known && i-- == 0) return f;
    }
    return NULL;
}

static const struct figure *next_point(const struct figures *fs,
                                       const struct figure *of, size_t *at)
{
    while (*at < fs->count) {
        const struct figure *f = &fs->all[(*at)++];
        if (same(f->series, of->series) && same(f->name, of->name)) return f;
    }
    return NULL;
}

/* --- one panel --------------------------------------------------------------
 */
struct range {
    double low, high; /* powers of ten */
};

static void widen(struct range *r, double v)
{
    double p = log10(v > 1e-9 ? v : 1e-9);
    if (p < r->low) r->low = p;
    if (p > r->high) r->high = p;
}

static double place(const struct range *r, double v, double length)
{
    double p = log10(v > 1e-9 ? v : 1e-9);
    return (p - r->low) / (r->high - r->low) * length;
}

static struct range round_out(struct range r)
{
    r.low = floor(r.low);
    r.high = ceil(r.high);
    if (r.high <= r.low) r.high = r.low + 1;
    return r;
}

static void grid(struct buf *b, const struct range *x, const struct range *y)
{
    char text[32];
    for (double p = y->low; p <= y->high; p++) {
        double at = HEIGHT - place(y, pow(10, p), HEIGHT);
        buf_printf(b,
                   "<path class=\"g\" d=\"M0 %.1fH%d\"/><text x=\"-6\" "
                   "y=\"%.1f\" class=\"r\">%s</text>\n",
                   at, WIDTH, at + 4,
                   (snprintf(text, sizeof text, "%g", pow(10, p)), text));
    }
    for (double p = x->low; p <= x->high; p++) {
        double at = place(x, pow(10, p), WIDTH);
        buf_printf(b,
                   "<path class=\"g\" d=\"M%.1f 0V%d\"/><text x=\"%.1f\" "
                   "y=\"%d\" class=\"m\">%s</text>\n",
                   at, HEIGHT, at, HEIGHT + 16,
                   (snprintf(text, sizeof text, "%g", pow(10, p)), text));
    }
}

static void panel(struct buf *b, const struct figures *fs,
                  const struct figure *of, size_t i)
{
    struct range x = {99, -99}, y = {99, -99};
    const struct figure *f;
    for (size_t at = 0; (f = next_point(fs, of, &at));) {
        widen(&x, f->x);
        widen(&y, f->value);
    }
    x = round_out(x);
    y = round_out(y);
    buf_printf(b, "<g transform=\"translate(%zu %d)\">\n<text y=\"-10\">",
               LEFT + i * PANEL, TOP);
    buf_printf(b, "%.*s, %.*s</text>\n", SLICE_ARG(of->name),
               SLICE_ARG(of->unit));
    grid(b, &x, &y);
    buf_puts(b, "<path class=\"l\" d=\"");
    const char *step = "M";
    for (size_t at = 0; (f = next_point(fs, of, &at)); step = "L")
        buf_printf(b, "%s%.1f %.1f", step, place(&x, f->x, WIDTH),
                   HEIGHT - place(&y, f->value, HEIGHT));
    buf_puts(b, "\"/>\n");
    for (size_t at = 0; (f = next_point(fs, of, &at));)
        buf_printf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n",
                   place(&x, f->x, WIDTH),
                   HEIGHT - place(&y, f->value, HEIGHT));
    buf_puts(b, "</g>\n");
}

/* --- a series ----------------------------------------------------------------
 */
/* "scale-by-http-connections.svg" */
static void file_name(struct slice series, char name[96])
{
    size_t n = (size_t)snprintf(name, 96, "scale-");
    for (size_t i = 0; i < series.n && n < 90; i++) {
        char c = series.p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        name[n++] = (c >= 'a' && c <= 'z') ? c : '-';
    }
    snprintf(name + n, 96 - n, ".svg");
}

static void picture(const struct figures *fs, struct slice series,
                    const char *folder, const char *name)
{
    struct buf b = BUF_INIT(1 << 20);
    size_t panels = 0;
    while (panels < PANELS_MAX && nth_name(fs, series, panels)) panels++;
    buf_printf(&b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu "
               "%d\" font-family=\"sans-serif\" font-size=\"12\">\n<style>"
               ".g{stroke:#ccc;stroke-width:.7}.l{stroke:#1668b8;"
               "stroke-width:2;fill:none}circle{fill:#1668b8}"
               ".r{text-anchor:end;fill:#555;font-size:10px}"
               ".m{text-anchor:middle;fill:#555;font-size:10px}</style>\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
               panels * PANEL + LEFT / 2, TOP + HEIGHT + BOTTOM);
    for (size_t i = 0; i < panels; i++)
        panel(&b, fs, nth_name(fs, series, i), i);
    buf_puts(&b, "</svg>\n");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (b.err || file_write_atomic(slice_of(path), buf_slice(&b), 0644))
        page_die("cannot write", path);
    buf_done(&b);
}

static const struct figure *value_at(const struct figures *fs,
                                     const struct figure *of, double x)
{
    const struct figure *f;
    for (size_t at = 0; (f = next_point(fs, of, &at));)
        if (f->x == x) return f;
    return NULL;
}

static void table(struct buf *out, const struct figures *fs,
                  struct slice series)
{
    const struct figure *of, *f;
    char text[32];
    buf_printf(out, "| %.*s |", SLICE_ARG(series));
    for (size_t i = 0; (of = nth_name(fs, series, i)); i++)
        buf_printf(out, " %.*s, %.*s |", SLICE_ARG(of->name),
                   SLICE_ARG(of->unit));
    buf_puts(out, "\n|---|");
    for (size_t i = 0; nth_name(fs, series, i); i++) buf_puts(out, "---|");
    const struct figure *first = nth_name(fs, series, 0);
    for (size_t at = 0; (f = next_point(fs, first, &at));) {
        buf_printf(out, "\n| %s |", page_number(f->x, text));
        for (size_t i = 0; (of = nth_name(fs, series, i)); i++) {
            const struct figure *v = value_at(fs, of, f->x);
            buf_printf(out, " %s |", v ? page_number(v->value, text) : "");
        }
    }
    buf_puts(out, "\n\n");
}

void page_scale(struct buf *out, const struct figures *fs, const char *folder)
{
    for (size_t k = 0; k < fs->count; k++) {
        struct slice series = fs->all[k].series;
        bool known = !series.n;
        for (size_t j = 0; j < k && !known; j++)
            known = same(fs->all[j].series, series);
        if (known) continue;
        char name[96];
        file_name(series, name);
        picture(fs, series, folder, name);
        table(out, fs, series);
        buf_printf(out, "![%.*s](img/%s)\n\n", SLICE_ARG(series), name);
    }
}
