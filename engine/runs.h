/*
 * runs: the commands of gates, while they run. One flight for each session,
 * phase and definition: who asks for the same meanwhile joins it. A flight has
 * a thread of its own and holds no worker and no session's turn; an operation
 * that waits for one is parked, and decided again when the flight has ended.
 *
 * A caller that leaves ends a flight only when nobody else waits for it, or
 * will: one that was answered `timeout` is told to come back, and what the
 * flight found is kept for it for two minutes, once.
 *
 * Lock: RANK_COALESCE, for moments. Thread: any, unless said otherwise.
 */
#ifndef ENGINE_RUNS_H
#define ENGINE_RUNS_H

#include "engine/op.h"

struct eng_runs;

MUST_USE enum err eng__runs_new(struct engine *e, struct eng_runs **ret);
/* What runs is told to end; nothing new begins. */
void eng__runs_stop(struct eng_runs *r);
/* Stops, and waits for the last. NULL is fine. Thread: main */
void eng__runs_free(struct eng_runs *r);
uint32_t eng__runs_count(struct eng_runs *r);
/* Does anything run, or wait to be asked for, of this session? */
bool eng__runs_of(struct eng_runs *r, struct slice session_id);

/* The flight for the op's gate: one that is under way, one that has ended and
 * is kept, or a new one; it is the op's from then on. The problem is filled:
 * ERR_OVER_CAPACITY, ERR_CLOSED, ERR_NOMEM. Thread: worker */
MUST_USE enum err eng__runs_board(struct eng_op *op,
                                  const struct eng_snapshot *s,
                                  const struct eng_phase *phase,
                                  const struct eng_gate *gate);
/* Parks the op until its flight ends; the op is not touched afterwards. It is
 * decided again (eng__op_again), or ended with ERR_DEADLINE, ERR_CANCELLED. */
void eng__runs_park(struct eng_op *op);

/* What came of the command of the gate's field, by its place; NULL: the op has
 * no flight for this phase. Lives as long as the call. */
const struct eng_proof *eng__runs_proof(const struct eng_op *op,
                                        const struct eng_snapshot *s,
                                        int64_t phase, size_t field);

/* Keeps what the op's flight found for the same call when it is made again,
 * as for one that was told to come back. Without a flight nothing. */
void eng__runs_keep(struct eng_op *op);

#endif
