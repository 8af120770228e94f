/* From the registered definitions to the items of this run. */
#include "tests/runner/runner.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_def *registered; /* newest first */
static size_t registered_count;

void test_register(struct test_def *def)
{
    def->next = registered;
    registered = def;
    registered_count++;
}

/* A compiler is handed absolute paths, or by way of a cache relative ones. */
const char *def_path(const struct test_def *def)
{
    size_t n = strlen(test_source_dir());
    const char *file = def->file;
    if (strncmp(file, test_source_dir(), n) == 0 && file[n] == '/')
        return file + n + 1;
    while (strncmp(file, "../", 3) == 0) file += 3;
    return file;
}

bool id_selected(const char *id, const char *wanted, bool prefix)
{
    size_t n = strlen(wanted);
    while (n && wanted[n - 1] == '/') n--;
    if (n == 0) return true;
    if (strncmp(id, wanted, n) != 0) return false;
    char after = id[n];
    return prefix || !after || after == '/' || after == '[' ||
           (after == ':' && id[n + 1] == ':');
}

/* --- what was asked for, as a path from the source folder ---------------- */
struct wanted {
    char *id;     /* normalised */
    bool on_disk; /* its file or folder exists */
    bool prefix;  /* nothing matched it whole, so beginnings count */
    bool matched;
};

static char *from_source_dir(char *path)
{
    const char *top = test_source_dir();
    size_t n = strlen(top);
    if (strncmp(path, top, n) == 0 && (path[n] == '/' || !path[n]))
        memmove(path, path + n + (path[n] == '/'),
                strlen(path + n + (path[n] == '/')) + 1);
    return path;
}

/* An argument names a path from here, or from the source folder. */
static struct wanted normalise(const char *arg)
{
    const char *rest = strstr(arg, "::");
    size_t n = rest ? (size_t)(rest - arg) : strlen(arg);
    char *file = text_new("%.*s", (int)n, arg), real[PATH_MAX];
    struct wanted w = {0};
    char *below = text_new("%s/%s", test_source_dir(), file);
    if (realpath(file, real) || realpath(below, real)) {
        free(file);
        file = text_new("%s", from_source_dir(real));
        w.on_disk = true;
    }
    w.id = text_new("%s%s", file, rest ? rest : "");
    free(below);
    free(file);
    return w;
}

/* --- -k and -m -------------------------------------------------------------
 */
static bool stands_in(const char *words, const char *word, size_t n)
{
    const char *at = words ? words : "";
    while (*(at += strspn(at, " "))) {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, word, n) == 0) return true;
        at += len;
    }
    return false;
}

static bool has_mark(const struct test_def *def, const char *word, size_t n)
{
    return stands_in(def->options.marks, word, n) ||
           stands_in(def->options.needs, word, n);
}

static bool has_word(const char *word, size_t n, const void *ctx)
{
    const struct item *it = ctx;
    for (const char *at = it->id; *at; at++)
        if (strncasecmp(at, word, n) == 0) return true;
    return has_mark(it->def, word, n);
}

static bool has_mark_word(const char *word, size_t n, const void *ctx)
{
    return has_mark(((const struct item *)ctx)->def, word, n);
}

static bool expr_keeps(const char *text, expr_word_fn has,
                       const struct item *it)
{
    bool keep = true;
    const char *error;
    if (text) expr_eval(text, has, it, &keep, &error); /* checked before */
    return keep;
}

static bool expr_good(const char *option, const char *text)
{
    static const struct test_def none = {.file = "", .name = ""};
    const struct item nothing = {.def = &none, .id = (char *)""};
    bool value;
    const char *error;
    if (!text || expr_eval(text, has_word, &nothing, &value, &error))
        return true;
    usage_error("%s: wrong expression '%s': %s", option, text, error);
    return false;
}

/* --- items -----------------------------------------------------------------
 */
static int by_path(const void *a, const void *b)
{
    const struct test_def *x = *(struct test_def *const *)a;
    const struct test_def *y = *(struct test_def *const *)b;
    int order = strcmp(def_path(x), def_path(y));
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* In the order of files, and in a file as written. */
static struct test_def **sorted_defs(void)
{
    struct test_def **all = must(calloc(registered_count + 1, sizeof *all));
    size_t at = registered_count;
    for (struct test_def *d = registered; d; d = d->next) {
        all[--at] = d;
        d->order = at;
    }
    qsort(all, registered_count, sizeof *all, by_path);
    return all;
}

static char *item_id(const struct test_def *d, size_t row, int round,
                     int rounds)
{
    char r[32] = "", c[48] = "";
    if (d->rows) snprintf(r, sizeof r, "%zu", row);
    if (rounds > 1) snprintf(c, sizeof c, "%d-%d", round + 1, rounds);
    bool any = *r || *c;
    return text_new("%s::%s%s%s%s%s%s", def_path(d), d->name, any ? "[" : "", r,
                    *r && *c ? "-" : "", c, any ? "]" : "");
}

static bool wanted_by(struct wanted *all, size_t n, const char *id)
{
    bool any = n == 0;
    for (size_t i = 0; i < n; i++) {
        if (!id_selected(id, all[i].id, all[i].prefix)) continue;
        all[i].matched = any = true;
    }
    return any;
}

/* With --count, ids get a suffix; they are asked for without it. */
static bool asked_for(struct wanted *w, const struct options *o,
                      const struct item *it)
{
    char *plain = item_id(it->def, it->row, 0, 1);
    bool asked = wanted_by(w, o->wanted_count, plain);
    free(plain);
    return asked;
}

/* Benchmarks take time and want the machine for themselves: they run alone,
 * or when their own folder is asked for. */
static const char bench_folder[] = "tests/bench";

static bool is_bench(const struct test_def *d)
{
    return d->bench || id_selected(def_path(d), bench_folder, false);
}

static bool bench_fits(const struct wanted *w, const struct options *o,
                       const struct item *it)
{
    bool named = false;
    for (size_t i = 0; i < o->wanted_count; i++)
        named = named || id_selected(w[i].id, bench_folder, false);
    return is_bench(it->def) ? o->bench_only || named : !o->bench_only;
}

static bool fits(const struct wanted *w, const struct options *o,
                 const struct item *it)
{
    return bench_fits(w, o, it) && expr_keeps(o->keyword, has_word, it) &&
           expr_keeps(o->marks, has_mark_word, it);
}

static void add(struct plan *p, struct item it)
{
    if ((p->count & (p->count - 1)) == 0) {
        size_t cap = p->count ? p->count * 2 : 1;
        p->items = must(realloc(p->items, cap * sizeof *p->items));
    }
    p->items[p->count++] = it;
}

static void select_items(struct wanted *w, const struct options *o,
                         struct test_def **defs, struct plan *p)
{
    for (struct test_def **d = defs; *d; d++) {
        size_t rows = (*d)->rows ? (*d)->row_count : 1;
        for (size_t row = 0; row < rows; row++)
            for (int round = 0; round < o->count; round++) {
                struct item it = {.def = *d, .row = row};
                it.id = item_id(*d, row, round, o->count);
                bool asked = asked_for(w, o, &it);
                bool keep = asked && fits(w, o, &it);
                p->deselected += asked && !keep;
                if (keep)
                    add(p, it);
                else
                    free(it.id);
            }
    }
}

/* What is no whole path or id may be the beginning of one. */
static void allow_prefixes(struct wanted *w, size_t n, struct test_def **defs)
{
    for (size_t i = 0; i < n; i++) {
        bool whole = w[i].on_disk && !strstr(w[i].id, "::");
        for (struct test_def **d = defs; *d && !whole; d++) {
            for (size_t row = 0; row < ((*d)->rows ? (*d)->row_count : 1);
                 row++) {
                char *id = item_id(*d, row, 0, 1);
                whole = whole || id_selected(id, w[i].id, false);
                free(id);
            }
        }
        w[i].prefix = !whole;
    }
}

/* An empty folder or file is no mistake; what names nothing at all is. */
static bool all_known(const struct wanted *w, const struct options *o)
{
    for (size_t i = 0; i < o->wanted_count; i++) {
        if (w[i].matched || (w[i].on_disk && !strstr(w[i].id, "::"))) continue;
        usage_error("not found: %s (no such file, test or beginning of one; "
                    "--collect-only lists them)",
                    o->wanted[i]);
        return false;
    }
    return true;
}

bool plan_collect(const struct options *o, struct plan *ret)
{
    *ret = (struct plan){0};
    if (!expr_good("-k", o->keyword) || !expr_good("-m", o->marks))
        return false;
    struct test_def **defs = sorted_defs();
    struct wanted *w = must(calloc(o->wanted_count + 1, sizeof *w));
    for (size_t i = 0; i < o->wanted_count; i++) w[i] = normalise(o->wanted[i]);
    allow_prefixes(w, o->wanted_count, defs);
    select_items(w, o, defs, ret);
    bool ok = all_known(w, o);
    if (ok && o->last_failed) last_failed_select(ret);
    for (size_t i = 0; i < o->wanted_count; i++) free(w[i].id);
    free(w);
    free(defs);
    if (!ok) plan_free(ret);
    return ok;
}

void plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].id);
        free(p->items[i].reason);
        free(p->items[i].out);
        free(p->items[i].err);
        free(p->items[i].figures);
    }
    free(p->items);
    *p = (struct plan){0};
}
