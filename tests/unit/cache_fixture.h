/*
 * cache_fixture: a cache whose loader does what the test says, with events
 * instead of sleeps, and counts of what lives and what is freed.
 */
#ifndef TESTS_UNIT_CACHE_FIXTURE_H
#define TESTS_UNIT_CACHE_FIXTURE_H

#include <stdatomic.h>

#include "state/cache.h"

/* A value: its key's text and which load made it. */
struct made {
    int64_t version;
    int serial;
    char text[64];
};

struct fake_load {
    struct st_cache *ca;
    _Atomic int calls;   /* loader runs begun */
    _Atomic int live;    /* values made and not freed */
    _Atomic int running; /* loaders of any key at this moment */
    _Atomic int fail;    /* this many loads fail, with `error` */
    enum err error;
    _Atomic int until_waiting; /* the next loader returns when so many wait */
    _Atomic bool hold;         /* the loader returns when this is false */
    bool stubborn;             /* held, it does not look at its cancel */
    size_t bytes;              /* of each value; 0: its text's length */
    int64_t version;
};

/* The row of `sessions`, with fl's loader; change it, then fake_cache. */
struct st_cache_row fake_row(struct fake_load *fl);
struct st_cache *fake_cache(struct fake_load *fl,
                            const struct st_cache_row *row);
/* Frees the cache and checks that no value, flight or waiter is left. */
void fake_done(struct fake_load *fl);

/* A value made by hand, for puts. */
struct st_loaded fake_value(struct fake_load *fl, struct slice key,
                            int64_t version);
/* One get and unref; the value's serial, or minus the error. */
int fake_get(struct fake_load *fl, const char *key);
uint64_t fake_count(struct fake_load *fl, enum st_metric which);
struct st_cache_stats fake_stats(struct fake_load *fl);
/* Do entries, bytes and the rest equal what lies in the shelf? */
void fake_recount(struct fake_load *fl);
/* Until so many lookups wait in flights. */
void fake_await_waiting(struct fake_load *fl, uint64_t n);
void fake_await_calls(struct fake_load *fl, int n);

#endif
