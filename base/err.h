/*
 * err: the one closed list of what can go wrong in the program.
 *
 * A fallible function returns `enum err`; OK is 0 and the only success. Each
 * row carries the two words an agent sees: `code`, from the small closed list
 * of the tools' interface, and `detail`, the precise name. The map to JSON-RPC
 * codes and HTTP status is a table of mcp/ and nowhere else.
 *
 * What a person reads (what, why, how to fix) is a `struct problem`
 * (base/problem.h), filled where the error arises.
 *
 * Thread: any. Nothing here allocates or fails.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/slice.h"

#define MUST_USE __attribute__((warn_unused_result))

/* X(symbol, code, detail): add a row, and nothing else needs an edit. */
#define ERR_ROWS(X)                                                            \
    /* machinery */                                                            \
    X(NOMEM, "internal", "NOMEM")                                              \
    X(INTERNAL, "internal", "INTERNAL")                                        \
    X(IO, "unavailable", "IO")                                                 \
    X(PARSE, "invalid_argument", "PARSE")                                      \
    X(INVALID, "invalid_argument", "INVALID")                                  \
    X(TOO_LARGE, "invalid_argument", "TOO_LARGE")                              \
    X(NOT_FOUND, "not_found", "NOT_FOUND")                                     \
    X(EXISTS, "conflict", "EXISTS")                                            \
    X(CONFLICT, "conflict", "CONFLICT")                                        \
    X(CANCELLED, "cancelled", "CANCELLED")                                     \
    X(DEADLINE, "timeout", "DEADLINE")                                         \
    X(OVER_CAPACITY, "over_capacity", "OVER_CAPACITY")                         \
    X(RATE_LIMITED, "rate_limited", "RATE_LIMITED")                            \
    X(UNAVAILABLE, "unavailable", "UNAVAILABLE")                               \
    X(PROVIDER_UNAVAILABLE, "unavailable", "PROVIDER_UNAVAILABLE")             \
    X(NO_PROJECT, "unavailable", "NO_PROJECT")                                 \
    X(CLOSED, "unavailable", "CLOSED")                                         \
    /* flow: never reaches a client */                                         \
    X(AGAIN, "internal", "AGAIN")     /* not on a loop: ask again on a worker */ \
    X(PENDING, "internal", "PENDING") /* begun; its completion comes later */  \
    X(WAITING, "internal", "WAITING") /* parked; it is begun again later */    \
    /* the store */                                                            \
    X(STORE_BUSY, "unavailable", "STORE_BUSY")                                 \
    X(STORE_WRITE_FAILED, "unavailable", "STORE_WRITE_FAILED")                 \
    X(STORE_CORRUPT, "unavailable", "STORE_CORRUPT")                           \
    X(STORE_TOO_NEW, "unavailable", "STORE_TOO_NEW")                           \
    X(STORE_FOREIGN, "unavailable", "STORE_FOREIGN")                           \
    X(STORE_REPLACED, "unavailable", "STORE_REPLACED")                         \
    /* arguments */                                                            \
    X(MISSING_PARAMETER, "invalid_argument", "MISSING_PARAMETER")              \
    X(INVALID_PARAMETER, "invalid_argument", "INVALID_PARAMETER")              \
    X(INVALID_SESSION_ID, "invalid_argument", "INVALID_SESSION_ID")            \
    X(INVALID_TARGET, "invalid_argument", "INVALID_TARGET")                    \
    X(EVIDENCE_NOT_OBJECT, "invalid_argument", "EVIDENCE_NOT_OBJECT")          \
    X(EVIDENCE_TOO_LARGE, "invalid_argument", "EVIDENCE_TOO_LARGE")            \
    X(UNKNOWN_ACTION, "invalid_argument", "UNKNOWN_ACTION")                    \
    /* definitions */                                                          \
    X(WORKFLOW_NOT_FOUND, "not_found", "WORKFLOW_NOT_FOUND")                   \
    X(WORKFLOW_INVALID, "workflow_invalid", "WORKFLOW_INVALID")                \
    X(GATE_BROKEN, "workflow_invalid", "GATE_BROKEN")                          \
    X(TEMPLATE_MISSING, "workflow_invalid", "TEMPLATE_MISSING")                \
    X(TEMPLATE_SYNTAX_UNSUPPORTED, "workflow_invalid",                         \
      "TEMPLATE_SYNTAX_UNSUPPORTED")                                           \
    X(SOURCE_OPTION_MISSING, "invalid_argument", "SOURCE_OPTION_MISSING")      \
    X(SOURCE_NOT_FOUND, "not_found", "SOURCE_NOT_FOUND")                       \
    X(SOURCE_EMPTY, "workflow_invalid", "SOURCE_EMPTY")                        \
    X(SOURCE_NO_PHASES, "workflow_invalid", "SOURCE_NO_PHASES")                \
    X(SOURCE_PHASE_GAP, "workflow_invalid", "SOURCE_PHASE_GAP")                \
    X(SOURCE_PHASE_START, "workflow_invalid", "SOURCE_PHASE_START")            \
    X(WORKFLOW_UNTRUSTED, "approval_required", "WORKFLOW_UNTRUSTED")           \
    X(APPROVAL_PENDING, "approval_required", "APPROVAL_PENDING")               \
    /* sessions */                                                             \
    X(SESSION_NOT_FOUND, "not_found", "SESSION_NOT_FOUND")                     \
    X(SESSION_CORRUPT, "internal", "SESSION_CORRUPT")                          \
    X(SESSION_COMPLETE, "session_closed", "SESSION_COMPLETE")                  \
    X(SESSION_CLOSED, "session_closed", "SESSION_CLOSED")                      \
    X(SESSION_PAUSED, "session_paused", "SESSION_PAUSED")                      \
    X(SESSION_EXPIRED, "session_paused", "SESSION_EXPIRED")                    \
    X(SESSION_OPTIONS_DIFFER, "conflict", "SESSION_OPTIONS_DIFFER")            \
    X(PHASE_LOCKED, "phase_locked", "PHASE_LOCKED")                            \
    X(PHASE_ALREADY_COMPLETE, "phase_completed", "PHASE_ALREADY_COMPLETE")     \
    X(PHASE_OUT_OF_RANGE, "not_found", "PHASE_OUT_OF_RANGE")                   \
    X(TASK_NOT_FOUND, "not_found", "TASK_NOT_FOUND")                           \
    X(GATE_REFUSED, "gate_refused", "GATE_REFUSED")                            \
    X(ALREADY_CLAIMED, "already_claimed", "ALREADY_CLAIMED")                   \
    X(CLAIM_LOST, "claim_lost", "CLAIM_LOST")                                  \
    X(DUPLICATE, "conflict", "DUPLICATE")                                      \
    X(IDEMPOTENCY_CONFLICT, "conflict", "IDEMPOTENCY_CONFLICT")

enum err {
    OK = 0,
#define ERR_ENUM(symbol, code, detail) ERR_##symbol,
    ERR_ROWS(ERR_ENUM)
#undef ERR_ENUM
    ERR_COUNT
};

/* The agent's word, for example "not_found"; "" for OK. */
struct slice err_code(enum err e);

/* The precise name, for example "TASK_NOT_FOUND"; "OK" for OK. */
struct slice err_detail(enum err e);

#endif
