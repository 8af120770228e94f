/* What the benchmarks measured, as JSON: one document, or a line a run. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/json_write.h"

enum { DOCUMENT_MAX = 16 << 20 };

static void put(struct json_writer *w, const char *key, double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", v);
    json_put_raw(w, key, slice_of(text));
}

static void put_text(struct json_writer *w, const char *key, const char *v)
{
    json_put_string(w, key, slice_of(v));
}

/* --- the run ----------------------------------------------------------------
 */
/* The first word that a command prints, or "". */
static void first_word(const char *command, char *ret, size_t size)
{
    FILE *f = popen(command, "re");
    ret[0] = 0;
    if (!f) return;
    if (fgets(ret, (int)size, f)) ret[strcspn(ret, " \n")] = 0;
    pclose(f);
}

static void write_commit(struct json_writer *w)
{
    char id[80], change[80];
    char *ask =
        text_new("git -C '%s' rev-parse HEAD 2>/dev/null", test_source_dir());
    first_word(ask, id, sizeof id);
    free(ask);
    ask = text_new("git -C '%s' status --porcelain -uno 2>/dev/null",
                   test_source_dir());
    FILE *f = popen(ask, "re");
    bool dirty = f && fgets(change, sizeof change, f);
    if (f) pclose(f);
    free(ask);
    json_key(w, SLICE("commit_info"));
    json_begin_object(w);
    put_text(w, "id", id);
    json_put_bool(w, "dirty", dirty);
    json_end_object(w);
}

static void write_machine(struct json_writer *w)
{
    struct utsname u = {0};
    uname(&u);
    json_key(w, SLICE("machine_info"));
    json_begin_object(w);
    put_text(w, "system", u.sysname);
    put_text(w, "release", u.release);
    put_text(w, "machine", u.machine);
    json_put_int(w, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    put_text(w, "compiler", __VERSION__);
    json_put_bool(w, "sanitized", test_sanitized());
    json_end_object(w);
}

/* --- what was measured ------------------------------------------------------
 */
static void write_times(struct json_writer *w, const struct item *it)
{
    const struct bench_stats *b = &it->bench;
    const char *name = strstr(it->id, "::");
    json_begin_object(w);
    put_text(w, "group", it->def->suite);
    put_text(w, "name", name ? name + 2 : it->id);
    put_text(w, "fullname", it->id);
    json_key(w, SLICE("stats"));
    json_begin_object(w);
    put(w, "min", b->min / 1e9);
    put(w, "max", b->max / 1e9);
    put(w, "mean", b->mean / 1e9);
    put(w, "stddev", b->stddev / 1e9);
    put(w, "median", b->median / 1e9);
    put(w, "ops", b->mean > 0 ? 1e9 / b->mean : 0);
    json_put_int(w, "rounds", (int64_t)b->rounds);
    json_put_int(w, "iterations", (int64_t)b->calls);
    json_end_object(w);
    json_end_object(w);
}

static const char *const bars[] = {
    [BAR_RATIO_LEAST] = "ratio_least",
    [BAR_RATIO_MOST] = "ratio_most",
    [BAR_LEAST] = "least",
    [BAR_MOST] = "most",
};

static void write_figure(struct json_writer *w, const struct item *it,
                         const struct bench_figure *f)
{
    json_begin_object(w);
    put_text(w, "from", it->id);
    put_text(w, "name", f->name);
    put_text(w, "unit", f->unit);
    if (*f->series) {
        put_text(w, "series", f->series);
        put(w, "x", f->x);
    }
    put(w, "value", f->value);
    if (f->ratio != 0) {
        put(w, "floor", f->floor);
        put(w, "ratio", f->ratio);
        put(w, "lowest", f->least);
        put(w, "highest", f->most);
        json_put_int(w, "rounds", f->rounds);
    }
    if (f->bar) {
        put(w, bars[f->bar], f->limit);
        json_put_bool(w, "held", bench_held(f));
    }
    json_end_object(w);
}

static void write_all(struct buf *out, const struct plan *p)
{
    struct json_writer w = json_writer(out);
    char when[40];
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    json_begin_object(&w);
    put_text(&w, "version", "phasegate 2");
    put_text(&w, "datetime", when);
    write_commit(&w);
    write_machine(&w);
    json_key(&w, SLICE("benchmarks"));
    json_begin_array(&w);
    for (size_t i = 0; i < p->count; i++)
        if (bench_measured(&p->items[i]) && p->items[i].bench.rounds)
            write_times(&w, &p->items[i]);
    json_end_array(&w);
    json_key(&w, SLICE("figures"));
    json_begin_array(&w);
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->items[i].figure_count; k++)
            if (bench_measured(&p->items[i]))
                write_figure(&w, &p->items[i], &p->items[i].figures[k]);
    json_end_array(&w);
    json_end_object(&w);
    buf_putc(out, '\n');
}

static bool write_to(const char *path, const char *mode, const struct plan *p)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    write_all(&text, p);
    FILE *f = fopen(path, mode);
    bool ok = f && fwrite(text.p, 1, text.n, f) == text.n;
    if (f && fclose(f)) ok = false;
    if (!ok)
        fprintf(stderr, "ERROR: cannot write %s: %s\n", path, strerror(errno));
    buf_done(&text);
    return ok;
}

bool bench_write(const char *path, const struct plan *p)
{
    return write_to(path, "we", p);
}

bool bench_append(const char *path, const struct plan *p)
{
    return write_to(path, "ae", p);
}
