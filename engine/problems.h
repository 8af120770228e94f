/*
 * problems: the refusals of the engine, in words. Each fills call->problem
 * (texts in the call's arena) and returns its error, so that a caller reads
 * `return eng__problem_locked(...)`.
 */
#ifndef ENGINE_PROBLEMS_H
#define ENGINE_PROBLEMS_H

#include "engine/session.h"

enum err eng__problem_nomem(struct eng_call *c);
/* What an operation came to, before it is answered or committed. When memory
 * was short on the way, neither an answer nor a refusal is known to be whole:
 * ERR_NOMEM with its problem, whatever `e` is. */
MUST_USE enum err eng__settled(struct eng_call *c, enum err e);
enum err eng__problem_busy(struct eng_call *c, enum err e);
enum err eng__problem_store(struct eng_call *c, enum err e);
enum err eng__problem_cancelled(struct eng_call *c, enum err e);
enum err eng__problem_no_project(struct eng_call *c);
enum err eng__problem_session_id(struct eng_call *c, struct slice id);
enum err eng__problem_session_absent(struct eng_call *c, struct slice id);
/* Why a phase is open again, as a sentence with a blank before it; empty when
 * no file was the reason. */
struct slice eng__reopened_words(struct arena *a, const struct eng_snapshot *s);
enum err eng__problem_locked(struct eng_call *c, const struct eng_snapshot *s,
                             int64_t phase);
enum err eng__problem_no_phase(struct eng_call *c, const struct eng_snapshot *s,
                               int64_t phase);
enum err eng__problem_no_task(struct eng_call *c,
                              const struct eng_definition *d,
                              const struct eng_phase *p, int64_t number);
enum err eng__problem_completed(struct eng_call *c,
                                const struct eng_snapshot *s, int64_t phase);
/* May this action be taken in the session's status? OK, or the error of
 * engine/transition.h with the problem filled. */
MUST_USE enum err eng__problem_closed(struct eng_call *c,
                                      const struct eng_snapshot *s,
                                      enum eng_action a);

#endif
