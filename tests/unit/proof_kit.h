/*
 * proof_kit: a session of three_v1 whose phase 0 asks for a proof, on
 * test_tmpdir(), and what its gate answers.
 */
#ifndef TESTS_UNIT_PROOF_KIT_H
#define TESTS_UNIT_PROOF_KIT_H

#include "tests/unit/session_kit.h"

/* A required field `ran` that this command proves. */
#define COMMAND_FIELD(type, command)                                           \
    "  ran:\n    type: " type "\n    required: true\n"                         \
    "    description: \"it\"\n    proof: command\n    command: " command "\n"

/* A path below test_tmpdir(), which is the project. */
const char *proof_path(const char *name);
/* A new session under this evidence_schema. */
struct slice proof_begin(struct fixture *f, const char *schema);
/* As proof_begin, of a workflow whose commands are trusted. */
struct slice proof_begin_trusted(struct fixture *f, const char *schema);
/* Refused, and told with these words. */
void proof_refused(struct fixture *f, struct slice id, const char *evidence,
                   const char *words);
/* A project of its own whose gate proves this value, or refuses. */
void proof_passes(const char *schema, const char *evidence, const char *value);
void proof_fails(const char *schema, const char *evidence, const char *words);

#endif
