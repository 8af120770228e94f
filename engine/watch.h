/*
 * watch: tells whether anything below the definition roots and the standards
 * roots may have changed, without looking at the files.
 *
 * Two means. inotify, whose events are in our queue before the system call
 * that made them returns; and, wherever that cannot be trusted (no inotify, no
 * watches left, a file system or a symbolic link that does not report), the
 * honest answer "unknown", upon which the caller compares signatures.
 *
 * The answer is a stamp. Two equal, non-zero stamps mean: between the two
 * moments no event came from any root of the set. So who takes a stamp BEFORE
 * he reads files may keep what he read for as long as the stamp is the same.
 * What inotify never tells (mapped writes, a second hard link) is for
 * eng_vouch: it wants the files looked at again every two seconds.
 *
 * Reading events and changing stamps happen together under one lock; the
 * descriptor's readiness is asked first. So a stamp taken after a save
 * returned is another one than before it.
 *
 * Not here: what to do about a change. `changed` hears of it when it is quiet
 * again. Needs base/ only.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/slice.h"

struct eng_watch;

/* AUTO: inotify where it can be trusted, signatures elsewhere, with notices of
 * changes in both. STAT: signatures everywhere. OFF: no notices either. */
enum eng_watch_mode { ENG_WATCH_AUTO, ENG_WATCH_STAT, ENG_WATCH_OFF };
enum eng_watch_set {
    ENG_WATCH_WORKFLOWS,
    ENG_WATCH_STANDARDS,
    ENG_WATCH_PLANS, /* folders that sessions' plans lie in: eng_watch_follow */
    ENG_WATCH_SETS
};

struct eng_watch_roots {
    const struct slice *paths; /* absolute; kept */
    size_t count;
};

struct eng_watch_options {
    enum eng_watch_mode mode;
    struct eng_watch_roots roots[ENG_WATCH_SETS];
    int64_t debounce_ns;     /* since the last event; 0: 200 ms */
    int64_t debounce_max_ns; /* since the first; 0: 2 s */
    int64_t poll_ns;         /* between looks without inotify; 0: 2 s */
    /* Both may be NULL. Thread: watcher, no lock. */
    void (*begins)(void *ctx); /* before the first notice */
    /* Bits 1 << enum eng_watch_set. */
    void (*changed)(void *ctx, unsigned sets);
    void *ctx;
};

/* clang-format off */
/* X(symbol, word): what an event told. */
#define ENG_WATCH_KIND_ROWS(X)                                                 \
    X(CREATED, "create")                                                       \
    X(WRITTEN, "write")                                                        \
    X(MOVED, "move")                                                           \
    X(DELETED, "delete")                                                       \
    X(ATTRIBUTES, "attributes")                                                \
    X(GONE, "gone") /* the folder itself, or its watch */                      \
    X(LOST, "lost") /* the kernel's queue ran over: of all roots */
/* X(symbol, word): why the folders of a root were walked. */
#define ENG_WATCH_WHY_ROWS(X)                                                  \
    X(START, "start")                                                          \
    X(FOLDERS, "folders") /* some came, went or moved */                       \
    X(OVERFLOW, "overflow")                                                    \
    X(RENEWED, "renewed") /* the descriptor */                                 \
    X(AGAIN, "again") /* what could not be watched before */
/* clang-format on */
#define ENG_WATCH_ENUM(symbol, word) ENG_WATCH_##symbol,
enum eng_watch_kind { ENG_WATCH_KIND_ROWS(ENG_WATCH_ENUM) ENG_WATCH_KINDS };
enum eng_watch_why { ENG_WATCH_WHY_ROWS(ENG_WATCH_ENUM) ENG_WATCH_WHYS };
#undef ENG_WATCH_ENUM
const char *eng_watch_kind_name(enum eng_watch_kind k);
const char *eng_watch_why_name(enum eng_watch_why w);
const char *eng_watch_set_name(enum eng_watch_set s);

struct eng_watch_stats {
    const char *mode; /* "inotify", "stat", "off"; "mixed": some roots each */
    uint32_t roots, roots_unwatched, directories;
    uint32_t roots_pending; /* of the unwatched: will be, in a moment */
    uint64_t overflows, notices, errors;
    uint64_t events[ENG_WATCH_SETS][ENG_WATCH_KINDS];
    uint64_t rescans[ENG_WATCH_SETS][ENG_WATCH_WHYS];
    struct histogram_sum told; /* from a change's first event to its notice */
    int64_t last_event_ns; /* 0: none yet */
};

/* ERR_NOMEM. A watcher without inotify is a watcher that says "unknown".
 * Thread: startup */
MUST_USE enum err eng_watch_new(const struct eng_watch_options *o,
                                struct eng_watch **ret);
/* Starts the thread that reads events as they come; without it they are read
 * at each barrier. ERR_UNAVAILABLE. Thread: startup */
MUST_USE enum err eng_watch_start(struct eng_watch *w);
/* Joins the thread. NULL is fine. */
void eng_watch_free(struct eng_watch *w);

/* From now on the set's stamp speaks for this folder too, not for folders in
 * it. False: it does not, there are too many or memory is out. Copies `path`,
 * which is absolute. Thread: worker. Lock: as the barrier */
bool eng_watch_follow(struct eng_watch *w, enum eng_watch_set set,
                      struct slice path);
/* No stamp, and equal to none: events wait to be read. */
#define ENG_WATCH_UNREAD UINT64_MAX
/* The stamp now; 0: unknown; ENG_WATCH_UNREAD: ask the barrier. One
 * ioctl(2), in a turn (base/turn.h) the first only; no lock. NULL is fine.
 * Thread: any */
uint64_t eng_watch_stamp(struct eng_watch *w, enum eng_watch_set set);
/* Asks in a turn too, reads the events that wait, watches what is new, then as
 * above; 0: unknown. Thread: worker. Lock: takes watch.lock, and walks folders
 * under it when some came or went. */
uint64_t eng_watch_barrier(struct eng_watch *w, enum eng_watch_set set);
void eng_watch_stats(struct eng_watch *w, struct eng_watch_stats *ret);

/* --- what was read, and when it was last known to be right -----------------
 */

struct eng_vouch {
    _Atomic uint64_t stamp;
    _Atomic int64_t at;
};
#define ENG_VOUCH_NS (2 * NS_PER_S)

/* `stamp` is from before the look that found it right; 0: never holds. */
static inline void eng_vouch_set(struct eng_vouch *v, uint64_t stamp,
                                 int64_t now)
{
    /* Relaxed both: a stamp that arrives without its time, or a time without
     * its stamp, was still true of the same files. */
    atomic_store_explicit(&v->at, now, memory_order_relaxed);
    atomic_store_explicit(&v->stamp, stamp, memory_order_relaxed);
}
static inline bool eng_vouch_holds(const struct eng_vouch *v, uint64_t stamp,
                                   int64_t now)
{
    return stamp &&
           stamp == atomic_load_explicit(&v->stamp, memory_order_relaxed) &&
           now - atomic_load_explicit(&v->at, memory_order_relaxed) <
               ENG_VOUCH_NS;
}

#endif
