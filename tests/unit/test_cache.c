#include <stdio.h>

#include "base/clock.h"
#include "tests/runner/test.h"
#include "tests/unit/cache_fixture.h"

struct herd {
    struct fake_load fl;
    const char *key;
    struct st_entry *got[100];
};

static void herd_get(void *ctx, int i)
{
    struct herd *h = ctx;
    CHECK_OK(st_cache_get(h->fl.ca, slice_of(h->key), NULL, NULL, &h->got[i]));
}

/* A01 */
TEST(cache, herd_of_ten_loads_once)
{
    struct herd h = {.key = "s-1", .fl.until_waiting = 9};
    fake_cache(&h.fl, NULL);
    test_threads(10, herd_get, &h);
    CHECK_INT_EQ(h.fl.calls, 1);
    for (int i = 0; i < 10; i++) CHECK(h.got[i] == h.got[0]);
    for (int i = 0; i < 10; i++) st_entry_unref(h.got[i]);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_misses), 1);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_double_loads), 9);
    CHECK_INT_EQ(fake_count(&h.fl, ST_METRIC_waiters), 9);
    fake_done(&h.fl);
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

/* --- any mix of operations --------------------------------------------------
 */

struct storm {
    struct fake_load fl;
    int rounds;
};

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void storm_step(struct storm *s, uint64_t *seed)
{
    char text[16];
    snprintf(text, sizeof(text), "k-%d", (int)(next(seed) % 60));
    struct slice key = slice_of(text);
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
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        st_cache_pin();
        const struct st_entry *e = st_cache_peek(s->fl.ca, key, 0);
        if (e)
            CHECK_STR_EQ(((const struct made *)st_entry_value(e))->text, text);
        st_cache_unpin();
        break;
    default:
        (void)fake_get(&s->fl, text);
    }
}

static void storm_thread(void *ctx, int i)
{
    struct storm *s = ctx;
    uint64_t seed = (uint64_t)i + 1;
    for (int n = 0; n < s->rounds; n++) storm_step(s, &seed);
}

TEST(cache, a_storm_of_everything_keeps_the_invariants)
{
    struct storm s = {.fl.error = ERR_IO,
                      .fl.fail = 100,
                      .rounds = test_sanitized() ? 5000 : 50000};
    struct st_cache_row row = fake_row(&s.fl);
    row.entries_max = 40;
    row.bytes_max = 39 * (ST_ENTRY_OVERHEAD + 8);
    row.ttl_ns = NS_PER_MS;
    row.stale_ns = NS_PER_MS;
    row.negative_ttl_ns = NS_PER_MS;
    row.allow_stale = true;
    fake_cache(&s.fl, &row);
    test_threads(8, storm_thread, &s);
    struct st_cache_stats st = fake_stats(&s.fl);
    CHECK_INT_LE(st.entries, 40);
    CHECK_INT_LE(st.bytes, row.bytes_max);
    CHECK_INT_EQ(st_cache_clear(s.fl.ca), st.entries);
    st = fake_stats(&s.fl);
    CHECK_INT_EQ(st.bytes, 0);
    CHECK_INT_EQ(st.value_bytes, 0);
    fake_done(&s.fl);
}
