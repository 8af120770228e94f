/*
 * lint_pass: what lint looks at beyond the build of a definition, each pass a
 * file of its own. Warnings and notes only. Private to engine/check.c and
 * engine/lint_*.c. Needs base/.
 */
#ifndef ENGINE_LINT_PASS_H
#define ENGINE_LINT_PASS_H

#include "engine/metadata.h"

struct eng_pass {
    const struct eng_definition *d;
    const struct eng_metadata *m; /* read again, of the same text */
    struct eng_source meta;       /* metadata.json */
    struct eng_report *r;
};

/* All of them; nothing when metadata.json is no document. */
void eng__lint_passes(const struct eng_definition *d, struct eng_report *r);

/* Keys, names, numbers. */
void eng__lint_metadata(const struct eng_pass *in);
/* Can each gate pass, can it refuse, does it say what it wants? */
void eng__lint_gates(const struct eng_pass *in);
/* Files nobody names, links to nowhere, texts that are empty or too long. */
void eng__lint_files(const struct eng_pass *in);

#endif
