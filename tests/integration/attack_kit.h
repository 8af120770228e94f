/*
 * attack_kit: the real server under tries to talk through its gates, and what
 * has to be true after each: refused with a way to mend it, the session where
 * it was, and at the end nothing left behind.
 */
#ifndef TESTS_INTEGRATION_ATTACK_KIT_H
#define TESTS_INTEGRATION_ATTACK_KIT_H

#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

struct attacked {
    struct server *server;
    const char *project, *workflows, *tmp;
    int descriptors, processes; /* when it was idle */
    int count;                  /* sessions begun */
};

/* A server on a project of its own whose workflow is three_v1. */
struct attacked attack_begin(void);
/* Gives phase 0 of three_v1 this evidence_schema. */
void attack_gate(const struct attacked *a, const char *schema);
/* A new session under the gate as it is now. */
const char *attack_session(struct attacked *a);
/* A person trusts three_v1 as it is now. */
void attack_trust(const struct attacked *a);
/* complete_phase of phase 0; the whole answer, a JSON-RPC error or a result.
 * `evidence` is put in as it stands. */
const struct json *attack_complete(const struct attacked *a, const char *id,
                                   const char *evidence);
int64_t attack_send(const struct attacked *a, const char *id,
                    const char *evidence);
/* The answer refuses, with these words somewhere and a way to mend it; `name`
 * is told when it does not. */
void attack_refused(const struct json *answer, const char *words,
                    const char *name);
/* Phase 0 is open, and nothing is completed. */
void attack_held(const struct attacked *a, const char *id, const char *name);
/* The record is intact; no descriptor, process or file is left. */
void attack_end(const struct attacked *a);
/* sh -c in the project. */
void attack_shell(const struct attacked *a, const char *script);

#endif
