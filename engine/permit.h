/*
 * permit: bounds what runs at once in the process, in one session and in one
 * class of work; refuses early and says why; never loses or invents capacity.
 *
 * A permit is a lease, embedded in the object of whoever asks: granted at all
 * its levels or at none, and released exactly once, when the work has ended
 * (not when its answer went out). One that cannot be granted waits in a list,
 * without a thread, until capacity comes, its time is over or it is
 * withdrawn; those that wait only for their own session or class hold up
 * nobody behind them.
 *
 * An inner permit counts at its class alone: of an attempt outside, or of a
 * write in its session's turn. Who holds one takes no other, so that no circle
 * of waits can close.
 *
 * Invariants: in_use <= limit at every level at every moment; in_use is the
 * number of held permits that count there; who is refused or waits holds
 * nothing; nothing here ever releases what another holds. Needs base/ only.
 */
#ifndef ENGINE_PERMIT_H
#define ENGINE_PERMIT_H

#include "base/cancel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/problem.h"
#include "base/slice.h"

struct permits;

/* X(symbol, name, default limit); 0: no limit of its own. */
#define PERMIT_LEVEL_ROWS(X)                                                   \
    X(GLOBAL, "global", 24)                                                    \
    X(SESSION, "session", 8)                                                   \
    X(READ, "read", 0)                                                         \
    X(WRITE, "write", 0)                                                       \
    X(SEARCH, "search", 6)                                                     \
    X(EXEC, "exec", 4) /* commands of gates */                                 \
    X(EMBED, "embed", 6)

enum permit_level {
#define PERMIT_ENUM(symbol, name, limit) PERMIT_##symbol,
    PERMIT_LEVEL_ROWS(PERMIT_ENUM)
#undef PERMIT_ENUM
        PERMIT_LEVEL_COUNT
};

struct permit_options {
    uint32_t limit[PERMIT_LEVEL_COUNT]; /* GLOBAL is at least 1 */
    uint32_t queue_max;                 /* that wait; the patient not counted */
    int64_t wait_ns;                    /* 0: try once */
    int64_t leak_grace_ns;              /* past the deadline */
    int64_t retry_after_ms;             /* advised to who is refused */
};
/* Those of the rows, 64, 250 ms, 10 s, 1 s. */
void permit_options_init(struct permit_options *o);

struct arena;
struct permit_session; /* the counter of one session */

struct permit {
    /* set by the caller */
    struct slice session;    /* empty: none. Lives as long as the permit */
    enum permit_level class; /* READ or what follows it */
    int64_t deadline;        /* of the work, monotonic; INT64_MAX: none */
    bool patient; /* waits to its deadline, however many wait already */
    bool inner;   /* counts at its class only */
    /* After ERR_PENDING, exactly once unless withdrawn: OK, ERR_OVER_CAPACITY
     * or ERR_DEADLINE. No lock is held. Thread: any */
    void (*done)(struct permit *p, enum err e);
    /* of a refusal */
    enum permit_level level;
    uint32_t limit, in_use;
    /* private */
    enum { PERMIT_IDLE, PERMIT_PARKED, PERMIT_HELD, PERMIT_RELEASED } state;
    struct permits *owner;
    struct permit_session *counter;
    struct permit *next, *prev; /* parked or held */
    struct permit *told_next;   /* of those a thread is about to tell */
    void *waiter;               /* of permit_take_wait */
    int64_t since, until;       /* granted; parked: leaves the list */
    uint64_t serial;
    bool told; /* as a leak */
    char thread[16]; /* that was granted it, or was told of it */
};

struct permit_stats {
    uint32_t limit[PERMIT_LEVEL_COUNT];
    /* SESSION: of the fullest one */
    uint32_t in_use[PERMIT_LEVEL_COUNT];
    uint64_t granted[PERMIT_LEVEL_COUNT], refused[PERMIT_LEVEL_COUNT];
    uint64_t released, release_errors, leaks, wait_ns;
    uint32_t waiting, leaked; /* leaked: held past deadline and grace now */
    uint32_t waits[PERMIT_LEVEL_COUNT]; /* of `waiting`, for room there */
    int64_t oldest_ns[PERMIT_LEVEL_COUNT]; /* age of the oldest held; 0: none */
    bool differs;             /* counters against a recount: a defect */
};

/* ERR_NOMEM, ERR_INVALID (no global limit). Thread: startup */
MUST_USE enum err permits_new(const struct permit_options *o,
                              struct permits **ret);
/* Nothing is held or waits. NULL is fine. */
void permits_free(struct permits *ps);

/* OK: held. ERR_PENDING: it waits, done() follows. ERR_OVER_CAPACITY with
 * level, limit and in_use; ERR_NOMEM. Never blocks. Thread: any */
MUST_USE enum err permit_take(struct permits *ps, struct permit *p,
                              int64_t now);
/* The same, and waits: OK, ERR_OVER_CAPACITY, ERR_NOMEM, ERR_DEADLINE,
 * ERR_CANCELLED (`c` may be NULL). `done` is its own. Thread: worker */
MUST_USE enum err permit_take_wait(struct permits *ps, struct permit *p,
                                   const struct cancel *c);
/* True: it waited and is out; done() will not be called. Thread: any */
bool permit_withdraw(struct permit *p);
/* Gives back all levels and sets *p to NULL. NULL is fine; a permit that is
 * not held changes no counter, is counted and logged. Thread: any */
void permit_release(struct permit **p);

/* Logs, once each, who holds a permit beyond its time; frees nothing.
 * Thread: keeper */
void permits_check(struct permits *ps, int64_t now);
void permits_stats(struct permits *ps, int64_t now, struct permit_stats *ret);
/* "session concurrency limit reached (8 of 8)", with retry_after_ms; returns
 * ERR_OVER_CAPACITY. */
enum err permit_problem(const struct permit *p, struct arena *a,
                        struct problem *ret);
const char *permit_level_name(enum permit_level level);
/* "ok", "high" (80 % or more in use), "exhausted" */
const char *permit_level_state(const struct permit_stats *st,
                               enum permit_level level);

#endif
