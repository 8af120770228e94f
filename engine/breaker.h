/*
 * breaker: stops calling what keeps failing, and finds out when it is well
 * again. CLOSED lets all through and counts failures in a row; OPEN refuses
 * at once for a window; after it, one caller at a time probes (HALF_OPEN)
 * until enough probes in a row succeed.
 *
 * Knows no protocol: whoever calls out asks breaker_begin first, and tells
 * what came of it with breaker_end, exactly once, on every path.
 *
 * Invariants: at most one probe at a time; an outcome counts only in the
 * state it was begun in (the token's epoch), so what fails late changes
 * nothing; a probe that never ends is taken as failed. Needs base/ only.
 *
 * Times are monotonic nanoseconds that the caller reads. Thread: any.
 * Lock: takes breaker.lock (RANK_PROVIDER) for a moment; nothing is called
 * and nothing logged while it is held.
 */
#ifndef ENGINE_BREAKER_H
#define ENGINE_BREAKER_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/lock.h"

/* X(symbol, name); the order is that of the metric's values. */
#define BREAKER_STATE_ROWS(X)                                                  \
    X(CLOSED, "closed")                                                        \
    X(OPEN, "open")                                                            \
    X(HALF_OPEN, "half_open")

enum breaker_state {
#define BREAKER_ENUM(symbol, name) BREAKER_##symbol,
    BREAKER_STATE_ROWS(BREAKER_ENUM)
#undef BREAKER_ENUM
        BREAKER_STATE_COUNT
};

/* What came of an attempt, as a breaker sees it. X(symbol, name) */
#define BREAKER_OUTCOME_ROWS(X)                                                \
    X(SUCCESS, "success")     /* it answered, whatever the answer says */      \
    X(FAILURE, "failure")     /* no connection, timeout, 5xx, nonsense */      \
    X(CANCELLED, "cancelled") /* we stopped it: says nothing about it */       \
    X(UNTRIED, "untried")     /* not begun: another guard refused */

enum breaker_outcome {
#define BREAKER_ENUM(symbol, name) BREAKER_##symbol,
    BREAKER_OUTCOME_ROWS(BREAKER_ENUM)
#undef BREAKER_ENUM
        BREAKER_OUTCOME_COUNT
};

struct breaker_options {
    uint32_t failures;  /* in a row, that open it; 1..100 */
    uint32_t successes; /* probes in a row, that close it; 1..100 */
    int64_t open_ns;    /* the first window */
    int64_t open_max_ns;
    uint64_t (*random)(void); /* for the jitter; NULL: random_u64 */
};
/* 5, 2, 60 s, 300 s. */
void breaker_options_init(struct breaker_options *o);

struct breaker_token {
    uint64_t epoch;
    bool probe;
};

struct breaker_stats {
    enum breaker_state state;
    uint32_t failures; /* in a row, while CLOSED */
    int64_t window_ns; /* without jitter; of the last opening */
    int64_t retry_ns;  /* until a call may be let through; 0: now */
    uint64_t failures_total;
    uint64_t changes[BREAKER_STATE_COUNT];  /* to each state */
    uint64_t probes[BREAKER_OUTCOME_COUNT]; /* ended */
    uint64_t refused;
};

struct breaker {
    /* private, guarded by `lock` but the first two */
    const char *name; /* borrowed: for the log */
    struct breaker_options o;
    struct lock lock;
    enum breaker_state state;
    uint64_t epoch;
    uint32_t failures, successes;
    int64_t window_ns; /* doubles; without jitter */
    int64_t span_ns;   /* the window with its jitter */
    int64_t until;     /* OPEN: its end */
    int64_t since;     /* left CLOSED */
    bool probing;
    int64_t probe_until;         /* then the probe counts as failed */
    struct breaker_stats counts; /* only what grows */
};

/* `name` and what `o` points to outlive it. */
void breaker_init(struct breaker *b, const char *name,
                  const struct breaker_options *o);
/* Nothing is under way. */
void breaker_done(struct breaker *b);

/* OK: go ahead, and end it with the token. ERR_PROVIDER_UNAVAILABLE: refused,
 * nothing to end; *ret_retry_ns until it is worth asking again, at least 1 ms.
 * `limit_ns` is the most time the attempt takes; a probe a second older than
 * that has failed. */
MUST_USE enum err breaker_begin(struct breaker *b, int64_t now,
                                int64_t limit_ns, struct breaker_token *ret,
                                int64_t *ret_retry_ns);
void breaker_end(struct breaker *b, int64_t now, struct breaker_token t,
                 enum breaker_outcome outcome);
/* An operator's word: CLOSED, all counts of the moment forgotten, what is
 * under way counts no more. */
void breaker_reset(struct breaker *b, int64_t now);
void breaker_stats(struct breaker *b, int64_t now, struct breaker_stats *ret);

const char *breaker_state_name(enum breaker_state s);
const char *breaker_outcome_name(enum breaker_outcome o);

#endif
