/*
 * provider: the one way out of the process. Whatever is called outside - an
 * HTTP endpoint, a gate's command - may hang, fail or be asked too often; so
 * each target has a breaker of its own, each kind a token bucket, and every
 * attempt a time limit. There is no unprotected way.
 *
 *   for each attempt: breaker -> limiter -> attempt with its time limit ->
 *   the outcome to the breaker -> perhaps a pause and another attempt
 *
 * Two doors: provider_run does all of that around a function that blocks;
 * provider_enter and provider_leave stand before and behind work that goes on
 * elsewhere. Needs base/ only: HTTP and processes are the caller's.
 *
 * A target lives while somebody holds it or its breaker remembers something;
 * of those that say nothing the least used leave. Thread: worker, any for
 * lists and reset. Lock: RANK_PROVIDER, one at a time, for moments.
 */
#ifndef ENGINE_PROVIDER_H
#define ENGINE_PROVIDER_H

#include "base/cancel.h"
#include "base/problem.h"
#include "engine/breaker.h"
#include "engine/limiter.h"

/* X(symbol, name, may be tried again, calls a minute, limit of an attempt in
 * ms); a command is never run twice. */
#define PROVIDER_KIND_ROWS(X)                                                  \
    X(EMBED, "embed", true, 100, 30000)                                        \
    X(EXEC, "exec", false, 60, 300000)

enum provider_kind {
#define PROVIDER_ENUM(symbol, ...) PROVIDER_##symbol,
    PROVIDER_KIND_ROWS(PROVIDER_ENUM)
#undef PROVIDER_ENUM
        PROVIDER_KIND_COUNT
};

/* How a call ended. X(symbol, name, to the breaker, worth another attempt,
 * the caller's error) */
#define PROVIDER_RESULT_ROWS(X)                                                \
    X(ANSWERED, "ok", SUCCESS, false, OK)                                      \
    X(REFUSED, "refused", SUCCESS, false, ERR_PROVIDER_UNAVAILABLE) /* 4xx */  \
    X(FAILED, "failed", FAILURE, true, ERR_PROVIDER_UNAVAILABLE)               \
    /* a 5xx that will not mend itself */                                      \
    X(BROKEN, "broken", FAILURE, false, ERR_PROVIDER_UNAVAILABLE)              \
    X(MALFORMED, "malformed", FAILURE, false, ERR_PROVIDER_UNAVAILABLE)        \
    X(TIMEOUT, "timeout", FAILURE, true, ERR_PROVIDER_UNAVAILABLE)             \
    X(CANCELLED, "cancelled", CANCELLED, false, ERR_CANCELLED)                 \
    X(OPEN, "open", UNTRIED, false, ERR_PROVIDER_UNAVAILABLE)                  \
    X(LIMITED, "rate_limited", UNTRIED, false, ERR_RATE_LIMITED)               \
    X(LATE, "deadline", UNTRIED, false, ERR_DEADLINE)                          \
    X(FULL, "over_capacity", UNTRIED, false, ERR_OVER_CAPACITY) /* no permit */

enum provider_result {
#define PROVIDER_ENUM(symbol, ...) PROVIDER_##symbol,
    PROVIDER_RESULT_ROWS(PROVIDER_ENUM)
#undef PROVIDER_ENUM
        PROVIDER_RESULT_COUNT
};

struct providers_options {
    struct breaker_options breaker;
    struct bucket_options limit[PROVIDER_KIND_COUNT];
    int64_t timeout_ns[PROVIDER_KIND_COUNT]; /* of one attempt */
    int64_t limit_wait_ns;                   /* for a token */
    uint32_t retry_attempts;                 /* in all; at least 1 */
    int64_t retry_base_ns, retry_cap_ns;
};
/* Those of the rows, the breaker's; 2 s; 3, 1 s, 60 s. */
void providers_options_init(struct providers_options *o);

struct providers;
struct provider; /* one target */

MUST_USE enum err providers_new(const struct providers_options *o,
                                struct providers **ret);
/* No target is held. NULL is fine. */
void providers_free(struct providers *ps);

/* The target of this name ("embed", "exec:<definition>/<field>"), made when
 * there is none; held until provider_put. ERR_NOMEM; ERR_OVER_CAPACITY: 1,024
 * are held. */
MUST_USE enum err provider_get(struct providers *ps, enum provider_kind kind,
                               struct slice name, struct provider **ret);
void provider_put(struct provider *p); /* NULL is fine */
struct slice provider_name(const struct provider *p);

struct provider_report {
    enum provider_result result;
    uint32_t attempts; /* begun */
    int64_t retry_ns;  /* worth asking again after; < 0: not known */
};

/* --- work that goes on elsewhere ------------------------------------------ */

struct provider_ticket {
    struct breaker_token token;
    int64_t began, limit; /* monotonic: when it ends at the latest */
};

/* Waits for a token of the kind's bucket if one comes in time. OK: begin, and
 * provider_leave follows exactly once. Else nothing was taken, the report
 * says why. Blocks for at most limit_wait_ns. Thread: worker */
MUST_USE enum err provider_enter(struct provider *p,
                                 const struct cancel *cancel, int64_t deadline,
                                 struct provider_ticket *ret,
                                 struct provider_report *reterr);
/* Thread: any */
void provider_leave(struct provider *p, const struct provider_ticket *t,
                    enum provider_result result);

/* --- a function that blocks ----------------------------------------------- */

struct provider_attempt {
    uint32_t number;             /* from 1 */
    int64_t deadline;            /* monotonic; to be kept */
    const struct cancel *cancel; /* to be polled */
};
struct provider_ended {
    enum provider_result result; /* one up to CANCELLED */
    int64_t retry_after_ns;      /* the target's own wish; 0: none */
};
typedef struct provider_ended
provider_attempt_fn(void *ctx, const struct provider_attempt *at);

/* Blocks to `deadline` at most. The errors of the rows; ERR_CANCELLED and
 * ERR_DEADLINE of `cancel`. Thread: worker */
MUST_USE enum err provider_run(struct provider *p, const struct cancel *cancel,
                               int64_t deadline, provider_attempt_fn *attempt,
                               void *ctx, struct provider_report *ret);

/* What a report says: "embed: open, retry in 41 s". arena */
struct slice provider_text(const struct provider *p,
                           const struct provider_report *r, struct arena *a);

/* --- for operators -------------------------------------------------------- */

enum { PROVIDER_NAME_SIZE = 128, PROVIDERS_TOLD = 32 };
struct provider_stats {
    char name[PROVIDER_NAME_SIZE]; /* cut when it is longer */
    enum provider_kind kind;
    struct breaker_stats breaker;
    uint64_t calls[PROVIDER_RESULT_COUNT];
    uint64_t retries, busy_ns;
};
/* The targets used last, by name; how many. Thread: any */
size_t providers_stats(struct providers *ps, int64_t now,
                       struct provider_stats ret[PROVIDERS_TOLD]);
void providers_bucket(struct providers *ps, enum provider_kind kind,
                      int64_t now, struct bucket_stats *ret);
/* Closes the breaker of this name; an empty one: all. ERR_NOT_FOUND: there is
 * none of it. */
MUST_USE enum err providers_reset(struct providers *ps, struct slice name,
                                  int64_t now);

const char *provider_result_name(enum provider_result r);
const char *provider_kind_name(enum provider_kind k);

#endif
