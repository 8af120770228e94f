/* definition: the files of a workflow, each a path, a NUL, a text, a NUL. A
 * definition is built of whatever comes; what is wrong with it is said with a
 * place that is there and a mend; the files of one that may start survive being
 * packed. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/check.h"
#include "engine/lint.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

enum { FILES_MOST = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_path(const void *a, const void *b)
{
    const struct eng_file *x = a, *y = b;
    return slice_cmp(x->path, y->path);
}

static bool is_utf8(struct slice s)
{
    return slice_utf8_valid(s) == s.n;
}

/* Reading a folder never gives two of one name, a name that is empty or no
 * UTF-8, nor bytes that are no text outside the phases. */
static bool is_read(const struct eng_file *f, const struct eng_file *before)
{
    return f->path.n && is_utf8(f->path) &&
           (is_utf8(f->text) || slice_starts(f->path, SLICE("phases/")) ||
            slice_eq(f->path, SLICE("metadata.json"))) &&
           (!before || !slice_eq(before->path, f->path));
}

static size_t keep_read(struct eng_file *files, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (is_read(&files[i], n ? &files[n - 1] : NULL)) files[n++] = files[i];
    return n;
}

static uint32_t lines_of(const struct eng_files *f, struct slice path)
{
    const struct eng_file *file = eng_files_find(f, path);
    return file ? slice_position(file->text, file->text.n).line : 0;
}

static void check_findings(const struct eng_definition *d,
                           const struct eng_finding *findings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct eng_finding *f = &findings[i];
        NEED(f->code && f->message.n && f->how_to_fix.n);
        NEED(is_utf8(f->message));
        NEED(f->line <= lines_of(&d->files, f->file));
    }
}

static void check_packed(const struct eng_files *f, struct arena *a)
{
    struct eng_files again;
    struct buf b = BUF_INIT(64u << 20);
    eng_files_pack(f, &b);
    NEED(b.err == OK && eng_files_unpack(buf_slice(&b), a, &again) == OK);
    NEED(slice_eq(eng_files_hash(f, a), eng_files_hash(&again, a)));
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct eng_file items[FILES_MOST] = {0};
    struct eng_files files = {.workflow_type = SLICE("fuzz_v1"),
                              .files = items};
    struct eng_definition *d;
    struct eng_checked k;
    struct arena a;
    size_t n = 0;
    while (n < FILES_MOST && slice_split(&rest, '\0', &items[n].path) &&
           slice_split(&rest, '\0', &items[n].text))
        n++;
    if (n) qsort(items, n, sizeof(*items), by_path);
    files.count = keep_read(items, n);
    arena_init(&a, 1u << 30);
    NEED(eng_definition_build(&files, &d) == OK);
    check_findings(d, d->findings, d->findings_count);
    NEED(eng_check_definition(d, &a, &k) == OK);
    NEED(k.levels[ENG_ERROR] >= d->errors_count);
    check_findings(d, k.findings, k.count);
    if (!d->errors_count) check_packed(&d->files, &a);
    eng_definition_unref(d);
    arena_done(&a);
    return 0;
}
