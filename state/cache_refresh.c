/* Stale while revalidate: one refresh per key in the background. */
#include "state/cache_private.h"

#include "base/clock.h"

/* True for one caller a second: the others need not even look for a flight. */
static bool refresh_claim(struct st_entry *e, int64_t now)
{
    /* Relaxed: a claim in excess finds the flight and does nothing. */
    int64_t at = atomic_load_explicit(&e->refresh_at, memory_order_relaxed);
    return now >= at && atomic_compare_exchange_strong_explicit(
                            &e->refresh_at, &at, st__later(now, NS_PER_S),
                            memory_order_relaxed, memory_order_relaxed);
}

static void refresh_skip(struct st_cache *ca, struct st_entry *e, int64_t now)
{
    st__count(ca, ST_METRIC_refresh_skipped, 1);
    atomic_store_explicit(&e->refresh_at, now, memory_order_relaxed);
}

void st__refresh(struct st_cache *ca, struct st_entry *e, int64_t now)
{
    struct st_flight *f = NULL;
    if (!refresh_claim(e, now)) return;
    if (st__flight_new(ca, st__entry_key(e), e->hash, &f) != OK) {
        refresh_skip(ca, e, now);
        return;
    }
    struct st_flights *fs = st__flights_of(ca, e->hash);
    lock_take(&fs->lock);
    bool flying = st__flight_find(fs, st__entry_key(e), e->hash) != NULL;
    if (!flying) st__flight_attach(fs, f, e, NULL, now);
    lock_drop(&fs->lock);
    if (flying) {
        st__flight_free(f);
        return;
    }
    if (st__flight_submit(f) == OK) return;
    /* No worker is free. Who joined meanwhile loads for himself. */
    st__flight_give_up(f, ERR_CANCELLED);
    refresh_skip(ca, e, now);
}
