/*
 * problem: an error told to a person or an agent. Filled where it arises, in
 * the arena of the call; rendered once, by whoever owns the reply.
 *
 *   {"error": {"code", "detail", "what", "why", "how_to_fix",
 *              "retry_after_ms"?, <extra>}}
 *
 * `extra` is ready JSON members without braces (`"line":3,"column":7`) that
 * belong inside "error"; `siblings` the same, beside "error" (a refused gate's
 * `"passed":false,"errors":[...]`). Thread: the owner of the arena.
 */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include "base/arena.h"
#include "base/err.h"

struct problem {
    enum err err;
    struct slice what;       /* which thing, by name or value */
    struct slice why;        /* the rule */
    struct slice how_to_fix; /* one action to take next */
    int64_t retry_after_ms;  /* < 0: not said. Set by problem_init to -1 */
    struct slice extra;      /* JSON members, arena */
    struct slice siblings;   /* JSON members, arena */
};

void problem_init(struct problem *p);

/* Fills and returns `e`, so that `return problem_set(...)` reads well. The
 * three texts are C strings that must outlive the problem: literals, or
 * arena_cstr/arena_printf results. One that memory was short for (NULL) leaves
 * the plain detail name as `what`, "Try again." as `how_to_fix`. */
enum err problem_set(struct problem *p, enum err e, struct slice what,
                     struct slice why, struct slice how_to_fix);

/* As problem_set with a formatted `what`. */
enum err problem_setf(struct problem *p, struct arena *a, enum err e,
                      struct slice why, struct slice how_to_fix,
                      const char *what_fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* The object above. */
struct buf;
void problem_write(const struct problem *p, struct buf *out);

#endif
