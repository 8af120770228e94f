#include "cli/lint_sarif.h"

#include <ctype.h>

#include "base/file.h"

struct slice cli_checked_path(const struct eng_checked *k,
                              const struct eng_finding *f, struct slice here,
                              struct arena *a)
{
    struct slice path =
        f->file.n ? path_join(a, k->folder, f->file) : arena_copy(a, k->folder);
    if (here.n > 1 && slice_starts(path, here) && path.n > here.n &&
        path.p[here.n] == '/')
        return slice_sub(path, here.n + 1, path.n);
    return slice_eq(path, here) ? SLICE(".") : path;
}

/* RFC 3986: what is no unreserved character and no '/' is percent-encoded. */
static struct slice uri(struct slice path, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    bool absolute = path.n > 0 && path.p[0] == '/';
    char *out = arena_alloc(a, 3 * path.n + 8);
    size_t n = 0;
    if (!out) return (struct slice){0};
    if (absolute) {
        memcpy(out, "file://", 7);
        n = 7;
    }
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (isalnum(c) || (c && strchr("-._~/", c))) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return (struct slice){out, n};
}

static void text_write(struct json_writer *w, const char *key,
                       struct slice text)
{
    json_key(w, slice_of(key));
    json_begin_object(w);
    json_put_string(w, "text", text);
    json_end_object(w);
}

static void rules_write(struct json_writer *w)
{
    json_key(w, SLICE("rules"));
    json_begin_array(w);
    for (size_t i = 0; i < LINT_COUNT; i++) {
        const struct eng_lint_row *row = &eng_lint_rows[i];
        json_begin_object(w);
        json_put_string(w, "id", slice_of(row->code));
        text_write(w, "shortDescription", row->meaning);
        text_write(w, "help", row->mend);
        json_key(w, SLICE("defaultConfiguration"));
        json_begin_object(w);
        json_put_string(w, "level", eng_level_name(row->level));
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void driver_write(struct json_writer *w)
{
    json_key(w, SLICE("tool"));
    json_begin_object(w);
    json_key(w, SLICE("driver"));
    json_begin_object(w);
    json_put_string(w, "name", SLICE("phasegate"));
    json_put_string(w, "version", slice_of(PHASEGATE_VERSION));
    rules_write(w);
    json_end_object(w);
    json_end_object(w);
}

static size_t rule_of(const char *code)
{
    size_t i = 0;
    while (i < LINT_COUNT && strcmp(eng_lint_rows[i].code, code) != 0) i++;
    return i;
}

static void location_write(struct json_writer *w, struct slice path,
                           const struct eng_finding *f)
{
    json_key(w, SLICE("locations"));
    json_begin_array(w);
    json_begin_object(w);
    json_key(w, SLICE("physicalLocation"));
    json_begin_object(w);
    json_key(w, SLICE("artifactLocation"));
    json_begin_object(w);
    json_put_string(w, "uri", path);
    json_end_object(w);
    if (f->line) {
        json_key(w, SLICE("region"));
        json_begin_object(w);
        json_put_int(w, "startLine", f->line);
        if (f->column) json_put_int(w, "startColumn", f->column);
        json_end_object(w);
    }
    json_end_object(w);
    json_end_object(w);
    json_end_array(w);
}

static void result_write(struct json_writer *w, const struct eng_checked *k,
                         const struct eng_finding *f, struct slice here,
                         struct arena *a)
{
    struct slice path = uri(cli_checked_path(k, f, here, a), a);
    json_begin_object(w);
    json_put_string(w, "ruleId", slice_of(f->code));
    json_put_int(w, "ruleIndex", (int64_t)rule_of(f->code));
    json_put_string(w, "level", eng_level_name(f->level));
    text_write(w, "message",
               arena_printf(a, "%.*s. %.*s", SLICE_ARG(f->message),
                            SLICE_ARG(f->how_to_fix)));
    location_write(w, path, f);
    json_end_object(w);
}

void cli_sarif_write(const struct cli_checked_list *l, struct slice here,
                     struct arena *a, struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "$schema",
                    SLICE("https://json.schemastore.org/sarif-2.1.0.json"));
    json_put_string(w, "version", SLICE("2.1.0"));
    json_key(w, SLICE("runs"));
    json_begin_array(w);
    json_begin_object(w);
    driver_write(w);
    json_put_string(w, "columnKind", SLICE("unicodeCodePoints"));
    json_key(w, SLICE("results"));
    json_begin_array(w);
    for (size_t i = 0; i < l->count; i++)
        for (size_t k = 0; k < l->items[i].count; k++)
            result_write(w, &l->items[i], &l->items[i].findings[k], here, a);
    json_end_array(w);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}
