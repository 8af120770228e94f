/* Entries: looking, ages, ceilings, order of leaving, accounting. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "tests/runner/test.h"
#include "tests/unit/cache_fixture.h"

enum { START = 1000 };
#define SECONDS(n) ((int64_t)(n)*NS_PER_S)

static bool present(struct fake_load *fl, const char *key)
{
    st_cache_pin();
    bool there = st_cache_peek(fl->ca, slice_of(key), clock_now()) != NULL;
    st_cache_unpin();
    return there;
}

static const char *name(const char *prefix, int i)
{
    static _Thread_local char text[32];
    snprintf(text, sizeof(text), "%s%d", prefix, i);
    return text;
}

/* --- hits -------------------------------------------------------------------
 */

static void ten_hits(void *ctx, int i)
{
    (void)i;
    for (int k = 0; k < 10; k++) fake_get(ctx, name("k-", k));
}

/* A02 */
TEST(cache, a_hundred_concurrent_hits_load_nothing)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    ten_hits(&fl, 0);
    test_threads(10, ten_hits, &fl);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_hits), 100);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_loads), 10);
    fake_done(&fl);
}

/* B01 */
TEST(cache, one_miss_then_nine_hits)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    for (int i = 0; i < 10; i++) CHECK_INT_EQ(fake_get(&fl, "s-1"), 1);
    struct st_cache_stats s = fake_stats(&fl);
    CHECK_INT_EQ(s.count[ST_METRIC_hits], 9);
    CHECK_INT_EQ(s.count[ST_METRIC_misses], 1);
    CHECK_INT_EQ(s.total, 10);
    CHECK(s.hit_rate == 0.9);
    fake_done(&fl);
}

TEST(cache, a_peek_counts_only_when_it_gives)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    CHECK(!present(&fl, "s-1"));
    CHECK_INT_EQ(fake_stats(&fl).total, 0);
    fake_get(&fl, "s-1");
    CHECK(present(&fl, "s-1"));
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_hits), 1);
    fake_done(&fl);
}

TEST(cache, a_reference_outlives_the_entry_and_the_cache)
{
    struct fake_load fl = {0};
    struct st_entry *e;
    fake_cache(&fl, NULL);
    CHECK_OK(st_cache_get(fl.ca, SLICE("s-1"), NULL, NULL, &e));
    st_cache_invalidate(fl.ca, SLICE("s-1"), ST_WRITE);
    st_cache_free(fl.ca);
    CHECK_STR_EQ(((const struct made *)st_entry_value(e))->text, "s-1");
    CHECK_INT_EQ(fl.live, 1);
    st_entry_unref(e);
    CHECK_INT_EQ(fl.live, 0);
}

/* --- keys -------------------------------------------------------------------
 */

/* A09, A10: whatever bytes differ, the entries differ. */
TEST(cache, keys_are_compared_byte_by_byte)
{
    static const struct slice keys[] = {SLICE_INIT("convert a to b"),
                                        SLICE_INIT("convert b to a"),
                                        SLICE_INIT("C"),
                                        SLICE_INIT("C++"),
                                        SLICE_INIT("C#"),
                                        SLICE_INIT("c"),
                                        SLICE_INIT("/gone/one\0q"),
                                        SLICE_INIT("/gone/two\0q"),
                                        SLICE_INIT("/gone/one"),
                                        SLICE_INIT("")};
    enum { N = sizeof(keys) / sizeof(keys[0]) };
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++) {
            struct st_entry *e;
            CHECK_OK(st_cache_get(fl.ca, keys[i], NULL, NULL, &e));
            st_entry_unref(e);
        }
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_loads), N);
    CHECK_INT_EQ(fake_stats(&fl).entries, N);
    fake_done(&fl);
}

/* --- ceilings and recency ----------------------------------------------- */

static void five_inserts(void *ctx, int i)
{
    for (int k = 0; k < 5; k++) fake_get(ctx, name("k-", 5 * i + k));
}

/* A03 */
TEST(cache, eviction_under_load)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 20;
    fake_cache(&fl, &row);
    test_threads(10, five_inserts, &fl);
    CHECK_INT_EQ(fake_stats(&fl).entries, 20);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_evictions_entries), 30);
    fake_recount(&fl);
    fake_done(&fl);
}

/* A12 */
TEST(cache, the_least_recently_used_leaves_first)
{
    struct fake_load fl = {0};
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, NULL);
    for (int i = 1; i <= 101; i++) {
        if (i == 101) fake_get(&fl, "s-1");
        clock_fake_advance(2 * NS_PER_MS);
        fake_get(&fl, name("s-", i));
        clock_fake_advance(2 * NS_PER_MS);
    }
    CHECK_INT_EQ(fake_stats(&fl).entries, 100);
    CHECK(present(&fl, "s-1"));
    CHECK(!present(&fl, "s-2"));
    CHECK(present(&fl, "s-3"));
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_evictions_entries), 1);
    fake_done(&fl);
}

TEST(cache, equally_old_entries_leave_in_the_order_they_came)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 10;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int i = 0; i < 15; i++) fake_get(&fl, name("k-", i));
    for (int i = 0; i < 15; i++)
        CHECK_INT_EQ(present(&fl, name("k-", i)), i >= 5);
    fake_done(&fl);
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* A list in order of use, the plain way. */
struct order {
    int key[64], n;
};

static void order_use(struct order *o, int key, int most)
{
    int at = 0;
    while (at < o->n && o->key[at] != key) at++;
    if (at == o->n && o->n < most) o->n++;
    if (at == o->n) at = o->n - 1; /* the last one leaves */
    for (; at > 0; at--) o->key[at] = o->key[at - 1];
    o->key[0] = key;
}

TEST(cache, leaving_agrees_with_a_plain_list)
{
    struct fake_load fl = {0};
    struct order o = {.n = 0};
    uint64_t seed = 7;
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 32;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int step = 0; step < 5000; step++) {
        int key = (int)(next(&seed) % 48);
        clock_fake_advance(NS_PER_MS);
        fake_get(&fl, name("k-", key));
        order_use(&o, key, 32);
    }
    clock_fake_advance(NS_PER_MS);
    for (int key = 0; key < 48; key++) {
        bool listed = false;
        for (int i = 0; i < o.n; i++) listed |= o.key[i] == key;
        CHECK_INT_EQ(present(&fl, name("k-", key)), listed);
    }
    fake_recount(&fl);
    fake_done(&fl);
}

TEST(cache, a_large_cache_keeps_what_was_used_lately)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 4000;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int i = 0; i < 20000; i++) {
        clock_fake_advance(NS_PER_MS);
        fake_get(&fl, name("k-", i));
        fake_get(&fl, "hot");
    }
    CHECK_INT_EQ(fake_stats(&fl).entries, 4000);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_loads), 20001);
    CHECK(present(&fl, "k-19999"));
    CHECK(!present(&fl, "k-100"));
    fake_recount(&fl);
    fake_done(&fl);
}

/* --- accounting --------------------------------------------------------- */

/* A07 */
TEST(cache, replacing_counts_the_new_value_only)
{
    struct fake_load fl = {.bytes = 100};
    fake_cache(&fl, NULL);
    for (int v = 1; v <= 5; v++) {
        struct st_loaded put = fake_value(&fl, SLICE("key"), v);
        st_cache_put(fl.ca, SLICE("key"), &put);
    }
    struct st_cache_stats s = fake_stats(&fl);
    CHECK_INT_EQ(s.entries, 1);
    CHECK_INT_EQ(s.value_bytes, 100);
    CHECK_INT_EQ(s.bytes, 3 + 100 + ST_ENTRY_OVERHEAD);
    CHECK_INT_EQ(s.count[ST_METRIC_evictions_entries] +
                     s.count[ST_METRIC_evictions_bytes],
                 0);
    fake_done(&fl);
}

TEST(cache, the_byte_ceiling_holds_and_replacing_evicts_nobody)
{
    struct fake_load fl = {.bytes = 100};
    struct st_cache_row row = fake_row(&fl);
    row.bytes_max = 3 * (3 + 100 + ST_ENTRY_OVERHEAD);
    fake_cache(&fl, &row);
    for (int i = 0; i < 3; i++) fake_get(&fl, name("k-", i));
    struct st_loaded put = fake_value(&fl, SLICE("k-1"), 9);
    st_cache_put(fl.ca, SLICE("k-1"), &put);
    CHECK_INT_EQ(fake_stats(&fl).bytes, row.bytes_max);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_evictions_bytes), 0);
    fake_get(&fl, "k-3");
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_evictions_bytes), 1);
    CHECK_INT_EQ(fake_stats(&fl).entries, 3);
    fake_recount(&fl);
    fake_done(&fl);
}

TEST(cache, a_value_over_the_ceiling_is_given_but_not_kept)
{
    struct fake_load fl = {.bytes = 10};
    struct st_cache_row row = fake_row(&fl);
    row.bytes_max = 1000;
    fake_cache(&fl, &row);
    fake_get(&fl, "small");
    fl.bytes = 1000;
    CHECK_INT_EQ(fake_get(&fl, "large"), 2);
    CHECK_INT_EQ(fake_get(&fl, "large"), 3);
    CHECK(present(&fl, "small"));
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_oversize), 2);
    /* Nor does an old value stay where the new one did not fit. */
    struct st_loaded put = fake_value(&fl, SLICE("small"), 2);
    st_cache_put(fl.ca, SLICE("small"), &put);
    CHECK(!present(&fl, "small"));
    fl.bytes = SIZE_MAX;
    CHECK_INT_EQ(fake_get(&fl, "endless"), 4);
    fake_recount(&fl);
    fake_done(&fl);
}

/* --- versions ----------------------------------------------------------- */

static int64_t version_of(struct fake_load *fl, const char *key)
{
    st_cache_pin();
    const struct st_entry *e = st_cache_peek(fl->ca, slice_of(key), 0);
    int64_t v = e ? st_entry_version(e) : -1;
    st_cache_unpin();
    return v;
}

/* A15 */
TEST(cache, a_late_put_of_an_older_version_is_dropped)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    for (int v = 7; v >= 6; v--) {
        struct st_loaded put = fake_value(&fl, SLICE("s"), v);
        st_cache_put(fl.ca, SLICE("s"), &put);
    }
    CHECK_INT_EQ(version_of(&fl, "s"), 7);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_discarded_loads), 1);
    /* One object per version: the same one again changes nothing. */
    struct st_loaded put = fake_value(&fl, SLICE("s"), 7);
    st_cache_put(fl.ca, SLICE("s"), &put);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_discarded_loads), 2);
    fake_done(&fl);
}

/* --- ages --------------------------------------------------------------- */

/* A08 */
TEST(cache, an_entry_expires_exactly_at_its_ttl)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.ttl_ns = SECONDS(1);
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    fake_get(&fl, "k");
    clock_fake_advance(999 * NS_PER_MS);
    CHECK(present(&fl, "k"));
    clock_fake_advance(2 * NS_PER_MS);
    CHECK(!present(&fl, "k"));
    CHECK(!present(&fl, "k"));
    clock_fake_advance(-NS_PER_MS);
    CHECK(!present(&fl, "k"));
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_expirations), 1);
    CHECK_INT_EQ(fake_get(&fl, "k"), 2);
    fake_done(&fl);
}

TEST(cache, ages_at_the_ends_of_the_clock)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.ttl_ns = SECONDS(1);
    row.stale_ns = SECONDS(1);
    clock_fake(0, 0);
    fake_cache(&fl, &row);
    CHECK_INT_EQ(fake_get(&fl, "k"), 1);
    clock_fake_advance(NS_PER_S - 1);
    CHECK_INT_EQ(fake_get(&fl, "k"), 1);
    clock_fake(INT64_MAX - 10, 0);
    CHECK_INT_EQ(fake_get(&fl, "k"), 2);
    CHECK_INT_EQ(fake_get(&fl, "k"), 2);
    fake_done(&fl);
}

TEST(cache, a_sweep_drops_what_is_past_its_window)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&fl);
    row.ttl_ns = SECONDS(10);
    row.stale_ns = SECONDS(5);
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int i = 0; i < 4; i++) {
        fake_get(&fl, name("k-", i));
        clock_fake_advance(SECONDS(4));
    }
    /* Ages 16, 12, 8, 4. */
    CHECK_INT_EQ(st_cache_sweep(fl.ca, 0), 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_expirations), 2);
    CHECK_INT_EQ(st_cache_sweep(fl.ca, SECONDS(START + 1000)), 3);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_expirations), 4);
    fake_recount(&fl);
    fake_done(&fl);
}

/* --- names that are not there ------------------------------------------- */

/* A14 */
TEST(cache, an_unknown_name_is_asked_for_once_per_negative_ttl)
{
    struct fake_load fl = {.error = ERR_NOT_FOUND, .fail = 2};
    struct st_cache_row row = fake_row(&fl);
    row.negative_ttl_ns = SECONDS(2);
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    for (int i = 0; i < 100; i++) {
        CHECK_INT_EQ(fake_get(&fl, "who"), -ERR_NOT_FOUND);
        clock_fake_advance(10 * NS_PER_MS);
    }
    CHECK_INT_EQ(fl.calls, 1);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_negative_hits), 99);
    CHECK(!present(&fl, "who"));
    clock_fake_advance(1100 * NS_PER_MS);
    CHECK_INT_EQ(fake_get(&fl, "who"), -ERR_NOT_FOUND);
    CHECK_INT_EQ(fl.calls, 2);
    struct st_loaded put = fake_value(&fl, SLICE("who"), 1);
    st_cache_put(fl.ca, SLICE("who"), &put);
    CHECK_INT_EQ(fake_get(&fl, "who"), 2);
    CHECK_INT_EQ(fl.calls, 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_loads_not_found), 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_load_failures), 0);
    fake_done(&fl);
}

/* A16 */
TEST(cache, probing_for_names_does_not_flush_what_is_real)
{
    struct fake_load fl = {.error = ERR_NOT_FOUND};
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 1000;
    row.negative_ttl_ns = SECONDS(5);
    fake_cache(&fl, &row);
    for (int i = 0; i < 100; i++) fake_get(&fl, name("real-", i));
    fl.fail = 5000;
    for (int i = 0; i < 5000; i++)
        CHECK_INT_EQ(fake_get(&fl, name("no-", i)), -ERR_NOT_FOUND);
    CHECK_INT_EQ(fake_stats(&fl).entries, 100 + 125);
    for (int i = 0; i < 100; i++) CHECK(present(&fl, name("real-", i)));
    CHECK_INT_EQ(fake_get(&fl, "no-4999"), -ERR_NOT_FOUND);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_negative_hits), 1);
    fake_recount(&fl);
    fake_done(&fl);
}

/* A11 */
TEST(cache, an_error_is_not_a_value)
{
    struct fake_load fl = {.error = ERR_PROVIDER_UNAVAILABLE, .fail = 1};
    struct st_cache_row row = fake_row(&fl);
    row.negative_ttl_ns = SECONDS(5);
    fake_cache(&fl, &row);
    CHECK_INT_EQ(fake_get(&fl, "q"), -ERR_PROVIDER_UNAVAILABLE);
    CHECK_INT_EQ(fake_stats(&fl).entries, 0);
    CHECK_INT_EQ(fake_get(&fl, "q"), 2);
    CHECK_INT_EQ(fake_count(&fl, ST_METRIC_load_failures), 1);
    fake_done(&fl);
}

TEST(cache, a_value_that_is_gone_does_not_come_back)
{
    struct fake_load fl = {.error = ERR_NOT_FOUND};
    struct st_cache_row row = fake_row(&fl);
    row.ttl_ns = SECONDS(1);
    row.stale_ns = SECONDS(60);
    row.allow_stale = true;
    clock_fake(SECONDS(START), 0);
    fake_cache(&fl, &row);
    fake_get(&fl, "k");
    clock_fake_advance(SECONDS(2));
    fl.fail = 1;
    CHECK_INT_EQ(fake_get(&fl, "k"), -ERR_NOT_FOUND);
    CHECK_INT_EQ(fake_stats(&fl).entries, 0);
    fake_done(&fl);
}

/* --- invalidation ------------------------------------------------------- */

TEST(cache, prefixes_and_reasons)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    for (int i = 0; i < 5; i++) {
        fake_get(&fl, name("a/", i));
        fake_get(&fl, name("b/", i));
    }
    st_cache_invalidate_prefix(fl.ca, SLICE("a/"), ST_CHANGE);
    st_cache_invalidate(fl.ca, SLICE("b/1"), ST_WRITE);
    st_cache_invalidate(fl.ca, SLICE("b/1"), ST_WRITE);
    st_cache_invalidate(fl.ca, SLICE("no"), ST_MANUAL);
    CHECK_INT_EQ(fake_stats(&fl).entries, 4);
    st_cache_invalidate_all(fl.ca, ST_MANUAL);
    fake_get(&fl, "c");
    CHECK_INT_EQ(st_cache_clear(fl.ca), 1);
    struct st_cache_stats s = fake_stats(&fl);
    CHECK_INT_EQ(s.count[ST_METRIC_invalidations_change], 5);
    CHECK_INT_EQ(s.count[ST_METRIC_invalidations_write], 1);
    CHECK_INT_EQ(s.count[ST_METRIC_invalidations_manual], 4);
    CHECK_INT_EQ(s.count[ST_METRIC_invalidations_clear], 1);
    CHECK_INT_EQ(s.entries + s.bytes + s.value_bytes, 0);
    fake_done(&fl);
}

/* --- validation --------------------------------------------------------- */

struct checks {
    struct fake_load fl; /* first: the row's ctx */
    _Atomic int asked;
    bool now_says, still_says;
};

static bool valid_now(void *ctx, const struct st_entry *e)
{
    (void)e;
    return ((struct checks *)ctx)->now_says;
}

static bool still_valid(void *ctx, struct st_entry *e, int64_t now)
{
    struct checks *c = ctx;
    (void)now;
    atomic_fetch_add(&c->asked, 1);
    if (c->still_says) st_entry_set_stamp(e, st_entry_stamp(e) + 1);
    return c->still_says;
}

TEST(cache, a_checked_entry_is_given_only_while_it_is_right)
{
    struct checks c = {.now_says = true};
    struct st_cache_row row = fake_row(&c.fl);
    row.valid_now = valid_now;
    row.still_valid = still_valid;
    fake_cache(&c.fl, &row);
    fake_get(&c.fl, "k");
    CHECK_INT_EQ(fake_get(&c.fl, "k"), 1);
    CHECK(present(&c.fl, "k"));
    CHECK_INT_EQ(c.asked, 0);
    c.now_says = false;
    c.still_says = true;
    CHECK(!present(&c.fl, "k"));
    CHECK_INT_EQ(fake_get(&c.fl, "k"), 1);
    CHECK_INT_EQ(fake_count(&c.fl, ST_METRIC_revalidations), 1);
    c.still_says = false;
    CHECK_INT_EQ(fake_get(&c.fl, "k"), 2);
    CHECK_INT_EQ(fake_count(&c.fl, ST_METRIC_invalidations_change), 1);
    fake_done(&c.fl);
}

/* --- any mix of operations ---------------------------------------------- */

struct storm {
    struct fake_load fl;
    int rounds;
};

static void storm_peek(struct storm *s, struct slice key)
{
    st_cache_pin();
    const struct st_entry *e = st_cache_peek(s->fl.ca, key, 0);
    if (e)
        CHECK_SLICE_EQ(slice_of(((const struct made *)st_entry_value(e))->text),
                       key);
    st_cache_unpin();
}

static void storm_step(struct storm *s, uint64_t *seed)
{
    struct slice key = slice_of(name("k-", (int)(next(seed) % 60)));
    struct st_loaded put;
    switch (next(seed) % 16) {
    case 0:
        put = fake_value(&s->fl, key, (int64_t)(next(seed) % 50));
        st_cache_put(s->fl.ca, key, &put);
        break;
    case 1:
        st_cache_invalidate(s->fl.ca, key, ST_WRITE);
        break;
    case 2:
        if (next(seed) % 20 == 0)
            st_cache_invalidate_prefix(s->fl.ca, SLICE("k-1"), ST_CHANGE);
        break;
    case 3:
        if (next(seed) % 20 == 0) st_cache_sweep(s->fl.ca, 0);
        fake_recount(&s->fl);
        break;
    case 4 ... 8:
        storm_peek(s, key);
        break;
    default:
        (void)fake_get(&s->fl, key.p);
    }
}

static void storm_thread(void *ctx, int i)
{
    struct storm *s = ctx;
    uint64_t seed = (uint64_t)i + 1;
    for (int n = 0; n < s->rounds; n++) storm_step(s, &seed);
}

TEST(cache, a_storm_of_everything_keeps_the_invariants, .timeout_s = 60)
{
    struct storm s = {.fl.error = ERR_NOT_FOUND,
                      .fl.fail = 1000,
                      .rounds = test_sanitized() ? 4000 : 40000};
    struct st_cache_row row = fake_row(&s.fl);
    row.entries_max = 40;
    row.bytes_max = 39 * (ST_ENTRY_OVERHEAD + 8);
    row.ttl_ns = NS_PER_MS;
    row.stale_ns = NS_PER_MS;
    row.negative_ttl_ns = NS_PER_MS;
    row.allow_stale = true;
    fake_cache(&s.fl, &row);
    test_threads(8, storm_thread, &s);
    fake_recount(&s.fl);
    uint64_t entries = fake_stats(&s.fl).entries;
    CHECK_INT_EQ(st_cache_clear(s.fl.ca), entries);
    fake_recount(&s.fl);
    fake_done(&s.fl);
}

/* --- out of memory ------------------------------------------------------ */

static void some_of_everything(struct fake_load *fl)
{
    for (int i = 0; i < 40; i++) (void)fake_get(fl, name("k-", i));
    struct st_loaded put = fake_value(fl, SLICE("k-1"), 2);
    if (put.value) st_cache_put(fl->ca, SLICE("k-1"), &put);
    (void)fake_get(fl, "k-1");
    st_cache_invalidate_prefix(fl->ca, SLICE("k-2"), ST_WRITE);
    st_cache_sweep(fl->ca, 0);
}

TEST(cache, any_allocation_may_fail, .timeout_s = 60)
{
    for (uint64_t n = 1;; n++) {
        struct fake_load fl = {0};
        struct st_cache_row row = fake_row(&fl);
        mem_fail_at(n);
        enum err e = st_cache_new(&row, &fl.ca);
        if (!e) some_of_everything(&fl);
        bool reached = mem_count() >= n;
        mem_fail_at(0);
        if (e) {
            CHECK_ERR(e, ERR_NOMEM);
            continue;
        }
        fake_recount(&fl);
        fake_done(&fl);
        if (!reached) break;
    }
}

/* What is there after a put without memory is never the old value. */
TEST(cache, a_put_without_memory_takes_the_old_value_away)
{
    struct fake_load fl = {0};
    fake_cache(&fl, NULL);
    fake_get(&fl, "k");
    struct st_loaded put = fake_value(&fl, SLICE("k"), 2);
    mem_fail_at(1);
    st_cache_put(fl.ca, SLICE("k"), &put);
    mem_fail_at(0);
    CHECK(!present(&fl, "k"));
    fake_done(&fl);
}

/* --- caches that stand on others ------------------------------------------ */

static struct fake_load lower;

static enum err load_through_lower(void *ctx, struct slice key,
                                   const struct cancel *c,
                                   struct st_loaded *ret)
{
    struct st_get how = {.cancel = c};
    struct st_entry *e;
    enum err err = st_cache_get(lower.ca, key, &how, NULL, &e);
    if (err) return err;
    st_entry_unref(e);
    *ret = fake_value(ctx, key, 0);
    return OK;
}

TEST(cache, a_loader_may_look_up_a_cache_of_lower_rank)
{
    struct fake_load fl = {0};
    struct st_cache_row row = fake_row(&lower);
    row.rank = 2;
    row.name = "metadata";
    fake_cache(&lower, &row);
    row = fake_row(&fl);
    row.load = load_through_lower;
    fake_cache(&fl, &row);
    CHECK_INT_EQ(fake_get(&fl, "k"), 0);
    CHECK_INT_EQ(lower.calls, 1);
    CHECK_STR_EQ(st_cache_name(lower.ca), "metadata");
    struct st_cache_stats s;
    st_metrics_snapshot(st_cache_metrics(lower.ca), true, &s);
    CHECK_INT_EQ(s.count[ST_METRIC_misses], 1);
    fake_done(&fl);
    fake_done(&lower);
}

TEST(cache, rows_without_sense_are_refused)
{
    struct fake_load fl = {0};
    struct st_cache *ca = NULL;
    struct st_cache_row row = fake_row(&fl);
    row.entries_max = 0;
    CHECK_ERR(st_cache_new(&row, &ca), ERR_INVALID);
    row = fake_row(&fl);
    row.load = NULL;
    CHECK_ERR(st_cache_new(&row, &ca), ERR_INVALID);
    row = fake_row(&fl);
    row.ttl_ns = -1;
    CHECK_ERR(st_cache_new(&row, &ca), ERR_INVALID);
    st_cache_free(NULL);
}
