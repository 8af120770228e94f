/*
 * workflow_kit: what tests of definitions and gates share: real workflows,
 * copies of them with a file changed, evidence as JSON text, verdicts.
 */
#ifndef TESTS_UNIT_WORKFLOW_KIT_H
#define TESTS_UNIT_WORKFLOW_KIT_H

#include "engine/gate.h"
#include "engine/lint.h"
#include "tests/runner/test.h"

/* The files of a real workflow; needs "shared". */
struct eng_files kit_real(const char *type);
/* A set with that file's text replaced, added, or (NULL) taken out. */
struct eng_files kit_with(struct eng_files f, const char *path,
                          const char *text);
/* A set where `from`, which must be there, reads `to` in that file. */
struct eng_files kit_edit(struct eng_files f, const char *path,
                          const char *from, const char *to);
/* Unreferenced at the end of the test. */
struct eng_definition *kit_build(struct eng_files f);
struct eng_definition *kit_load(const char *type);
/* Findings of that code; the n-th one. */
size_t kit_count(const struct eng_definition *d, const char *code);
const struct eng_finding *kit_finding(const struct eng_definition *d,
                                      const char *code, size_t n);

const struct json *kit_json(const char *text);
/* A gate from its text; the findings of a broken one are in *r. */
const struct eng_gate *kit_gate(const char *text, struct eng_report *r);
struct eng_verdict kit_judge(const struct eng_gate *g, const char *evidence);
struct eng_verdict kit_judge_how(const struct eng_gate *g,
                                 const struct json *evidence,
                                 struct eng_check how);
/* The verdict as the client sees it: one JSON object. */
const struct json *kit_written(const struct eng_verdict *v,
                               const struct eng_gate *g);
/* The names (or fields) in a list of it, joined by spaces. */
struct slice kit_names(const struct eng_verdict *v, const struct eng_gate *g,
                       const char *list);
size_t kit_warnings(const struct eng_verdict *v);

/* CPU time of this thread in ns: bounds on work hold on a busy machine too. */
int64_t kit_cpu_now(void);

#endif
