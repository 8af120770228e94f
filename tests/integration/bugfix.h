/*
 * bugfix: evidence that passes the gates of examples/workflows/bugfix_v1, for
 * tests that walk it with the real binary.
 */
#ifndef TESTS_INTEGRATION_BUGFIX_H
#define TESTS_INTEGRATION_BUGFIX_H

#include "tests/runner/test.h"

enum { BUGFIX_PHASES = 4 };

/* Arguments of start_workflow. */
const char *bugfix_start(const char *target);
/* The files that the evidence names, in a project folder. */
void bugfix_files(const char *folder);
/* Arguments of complete_phase; `key`: the idempotency key, or NULL. */
const char *bugfix_complete(const char *session, int phase, const char *key);
/* {"session_id":"..." and further members, with a comma before, or ""}. */
const char *bugfix_session(const char *session, const char *more);

#endif
