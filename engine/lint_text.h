/*
 * lint_text: where the texts for the agent disagree with the definition. Only
 * findings: nothing in a text ever steers the server. Needs base/.
 */
#ifndef ENGINE_LINT_TEXT_H
#define ENGINE_LINT_TEXT_H

#include "engine/metadata.h"

/* EXPECT_CONTRADICTS_TEXT, EVIDENCE_EXAMPLE_MISMATCH, PHASE_TEXT_MISMATCH and
 * TASK_FILE_LONG over all phases that were read. */
void eng_lint_texts(const struct eng_definition *d,
                    const struct eng_metadata *m, struct eng_report *r);

#endif
