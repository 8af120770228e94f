#include "engine/lint_pass.h"

void eng__lint_passes(const struct eng_definition *d, struct eng_report *r)
{
    struct eng_report known; /* by the build, which has reported it */
    struct eng_metadata m = {0};
    const struct eng_file *f =
        eng_files_find(&d->files, SLICE("metadata.json"));
    if (!f) return;
    struct eng_pass in = {d, &m, {f->path, f->text}, r};
    eng_report_init(&known, r->arena);
    if (!eng_metadata_read(&in.meta, &known, &m)) return;
    eng__lint_metadata(&in);
    eng__lint_gates(&in);
    eng__lint_files(&in);
}
