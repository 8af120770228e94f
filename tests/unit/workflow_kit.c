#include "tests/unit/workflow_kit.h"

#include <stdlib.h>
#include <time.h>

struct eng_files kit_real(const char *type)
{
    struct eng_files files;
    struct problem p;
    problem_init(&p);
    struct slice path = arena_printf(test_arena(), "%s/real/workflows/%s",
                                     test_shared_dir(), type);
    CHECK_OK(eng_files_read(path, test_arena(), &p, &files));
    return files;
}

struct eng_files kit_with(struct eng_files f, const char *path,
                          const char *text)
{
    struct eng_file *files =
        ARENA_ARRAY(test_arena(), struct eng_file, f.count + 1);
    struct eng_file own = {slice_of(path), slice_of(text)};
    size_t n = 0;
    bool placed = text == NULL;
    for (size_t i = 0; i < f.count; i++) {
        int order = slice_cmp(f.files[i].path, own.path);
        if (order >= 0 && !placed) {
            files[n++] = own;
            placed = true;
        }
        if (order != 0) files[n++] = f.files[i];
    }
    if (!placed) files[n++] = own;
    f.files = files;
    f.count = n;
    return f;
}

struct eng_files kit_edit(struct eng_files f, const char *path,
                          const char *from, const char *to)
{
    const struct eng_file *file = eng_files_find(&f, slice_of(path));
    CHECK(file != NULL);
    size_t at = slice_find(file->text, slice_of(from));
    CHECK_INT_LT(at, file->text.n);
    struct slice rest =
        slice_sub(file->text, at + slice_of(from).n, file->text.n);
    struct slice text = arena_printf(test_arena(), "%.*s%s%.*s", (int)at,
                                     file->text.p, to, SLICE_ARG(rest));
    return kit_with(f, path, arena_cstr(test_arena(), text));
}

static void drop(void *d)
{
    eng_definition_unref(d);
}

struct eng_definition *kit_build(struct eng_files f)
{
    struct eng_definition *d;
    CHECK_OK(eng_definition_build(&f, &d));
    CHECK_OK(arena_hold(test_arena(), drop, d));
    return d;
}

struct eng_definition *kit_load(const char *type)
{
    return kit_build(kit_real(type));
}

size_t kit_count(const struct eng_definition *d, const char *code)
{
    size_t n = 0;
    while (kit_finding(d, code, n)) n++;
    return n;
}

const struct eng_finding *kit_finding(const struct eng_definition *d,
                                      const char *code, size_t n)
{
    for (size_t i = 0; i < d->findings_count; i++)
        if (strcmp(d->findings[i].code, code) == 0 && n-- == 0)
            return &d->findings[i];
    return NULL;
}

const struct json *kit_json(const char *text)
{
    const struct json *v;
    struct json_error error;
    CHECK_OK(json_parse(slice_of(text), NULL, test_arena(), &v, &error));
    return v;
}

const struct eng_gate *kit_gate(const char *text, struct eng_report *r)
{
    struct eng_source *src = arena_alloc(test_arena(), sizeof(*src));
    *src = (struct eng_source){SLICE("phases/0/gate-definition.yaml"),
                               slice_of(text)};
    eng_report_init(r, test_arena());
    return eng_gate_parse(src, r);
}

struct eng_verdict kit_judge_how(const struct eng_gate *g,
                                 const struct json *evidence,
                                 struct eng_check how)
{
    struct eng_verdict v;
    CHECK(g != NULL);
    CHECK_OK(eng_gate_check(g, evidence, &how, test_arena(), &v));
    return v;
}

struct eng_verdict kit_judge(const struct eng_gate *g, const char *evidence)
{
    return kit_judge_how(g, kit_json(evidence), (struct eng_check){0});
}

const struct json *kit_written(const struct eng_verdict *v,
                               const struct eng_gate *g)
{
    struct buf b = BUF_INIT(1 << 24);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng_verdict_write(v, g, &w);
    json_end_object(&w);
    CHECK_OK(b.err);
    char *text = arena_cstr(test_arena(), buf_slice(&b));
    buf_done(&b);
    return kit_json(text);
}

struct slice kit_names(const struct eng_verdict *v, const struct eng_gate *g,
                       const char *list)
{
    const struct json *items = json_get(kit_written(v, g), slice_of(list));
    struct slice names = SLICE("");
    CHECK(json_is(items, JSON_ARRAY));
    for (uint32_t i = 0; i < items->count; i++) {
        const struct json *item = &items->items[i];
        struct slice name = item->type == JSON_STRING
                                ? item->text
                                : json_text(json_get(item, SLICE("field")));
        names = arena_printf(test_arena(), "%.*s%s%.*s", SLICE_ARG(names),
                             i ? " " : "", SLICE_ARG(name));
    }
    return names;
}

size_t kit_warnings(const struct eng_verdict *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) n += !v->items[i].blocks;
    return n;
}

int64_t kit_cpu_now(void)
{
    struct timespec t;
    CHECK_INT_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
