#include "base/map.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/random.h"
#include "tests/runner/test.h"

/* n texts "0", "1", ... in the arena. */
static struct slice *numbered_keys(size_t n)
{
    struct slice *keys = ARENA_ARRAY(test_arena(), struct slice, n);
    for (size_t i = 0; i < n; i++) {
        keys[i] = arena_printf(test_arena(), "%zu", i);
        CHECK(keys[i].p);
    }
    return keys;
}

TEST(map, stores_finds_replaces_and_removes)
{
    struct map m = MAP_INIT;
    int a, b;
    void *old = &a;
    CHECK(map_get(&m, SLICE("k")) == NULL);
    CHECK(map_del(&m, SLICE("k")) == NULL);
    CHECK_OK(map_put(&m, SLICE("k"), &a, &old));
    CHECK(old == NULL);
    CHECK(map_get(&m, SLICE("k")) == &a);
    CHECK_OK(map_put(&m, SLICE("k"), &b, &old));
    CHECK(old == &a);
    CHECK_INT_EQ(m.count, 1);
    CHECK(map_del(&m, SLICE("k")) == &b);
    CHECK(map_get(&m, SLICE("k")) == NULL);
    CHECK_INT_EQ(m.count, 0);
    map_done(&m);
    map_done(&m);
    map_done(NULL);
}

TEST(map, tells_keys_of_every_length_apart)
{
    struct map m = MAP_INIT;
    char text[200];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (char)(i % 7);
    for (size_t n = 0; n < sizeof(text); n++)
        CHECK_OK(map_put(&m, (struct slice){text, n}, text + n, NULL));
    CHECK_INT_EQ(m.count, sizeof(text));
    for (size_t n = 0; n < sizeof(text); n++)
        CHECK(map_get(&m, (struct slice){text, n}) == text + n);
    CHECK(map_get(&m, (struct slice){0}) == text);
    map_done(&m);
}

/* Against a plain array, with a random walk of puts and removes. */
TEST(map, agrees_with_an_array_over_a_long_walk)
{
    enum { KEYS = 500 };
    struct slice *keys = numbered_keys(KEYS);
    void *want[KEYS] = {0};
    size_t count = 0;
    struct map m = MAP_INIT;
    uint64_t x = random_u64() | 1;
    for (int step = 0; step < 50000; step++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t i = (size_t)(x >> 33) % KEYS;
        void *old = NULL;
        if (x >> 63) {
            CHECK_OK(map_put(&m, keys[i], &want[step % KEYS], &old));
            CHECK(old == want[i]);
            count += !want[i];
            want[i] = &want[step % KEYS];
        } else {
            CHECK(map_del(&m, keys[i]) == want[i]);
            count -= want[i] != NULL;
            want[i] = NULL;
        }
        CHECK_INT_EQ(m.count, count);
        size_t other = (size_t)(x >> 20) % KEYS;
        CHECK(map_get(&m, keys[other]) == want[other]);
    }
    map_done(&m);
}

TEST(map, iterates_over_each_key_once)
{
    enum { KEYS = 1000 };
    struct slice *keys = numbered_keys(KEYS);
    bool seen[KEYS] = {0};
    struct map m = MAP_INIT;
    for (size_t i = 0; i < KEYS; i++)
        CHECK_OK(map_put(&m, keys[i], &seen[i], NULL));
    size_t at = 0, count = 0;
    struct slice key;
    void *value;
    while (map_next(&m, &at, &key, &value)) {
        bool *flag = value;
        CHECK(!*flag);
        CHECK_SLICE_EQ(key, keys[flag - seen]);
        *flag = true;
        count++;
    }
    CHECK_INT_EQ(count, KEYS);
    map_done(&m);
}

/* Keys chosen with knowledge of the hash: all fall into one place of a table
 * of 4,096. The map must find them all, in a table of ordinary size. */
TEST(map, keys_that_collide_make_it_choose_a_new_seed)
{
    enum { WANTED = 400, PLACES = 4096 };
    struct map m = MAP_INIT;
    struct slice keys[WANTED];
    size_t n = 0;
    for (size_t i = 0; n < WANTED; i++) {
        char text[24];
        int length = snprintf(text, sizeof(text), "%zu", i);
        struct slice s = {text, (size_t)length};
        if (map_hash(s) % PLACES == 7) keys[n++] = arena_copy(test_arena(), s);
    }
    for (size_t i = 0; i < WANTED; i++)
        CHECK_OK(map_put(&m, keys[i], &keys[i], NULL));
    for (size_t i = 0; i < WANTED; i++) CHECK(map_get(&m, keys[i]) == &keys[i]);
    CHECK_INT_LE(m.capacity, PLACES);
    CHECK(m.seed != 0);
    map_done(&m);
}

TEST(map, the_hash_spreads_similar_keys)
{
    enum { KEYS = 100000, PLACES = 256 };
    int places[PLACES] = {0}, top[PLACES] = {0};
    for (int i = 0; i < KEYS; i++) {
        char text[UUID_SIZE];
        int n =
            snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012d", i);
        uint64_t h = map_hash((struct slice){text, (size_t)n});
        places[h % PLACES]++;
        top[h >> 56]++;
    }
    /* The mean is 390, its standard deviation 20. */
    for (int p = 0; p < PLACES; p++) {
        CHECK_INT_GT(places[p], 390 - 160);
        CHECK_INT_LT(places[p], 390 + 160);
        CHECK_INT_GT(top[p], 390 - 160);
        CHECK_INT_LT(top[p], 390 + 160);
    }
}

TEST(map, every_allocation_may_fail_and_nothing_is_lost)
{
    enum { KEYS = 300 };
    struct slice *keys = numbered_keys(KEYS);
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct map m = MAP_INIT;
        size_t stored = 0;
        mem_fail_at(nth);
        while (stored < KEYS &&
               map_put(&m, keys[stored], &keys[stored], NULL) == OK)
            stored++;
        failed = nth <= mem_count();
        mem_fail_at(0);
        CHECK_INT_EQ(stored == KEYS, !failed);
        CHECK_INT_EQ(m.count, stored);
        for (size_t i = 0; i < KEYS; i++)
            CHECK(map_get(&m, keys[i]) == (i < stored ? &keys[i] : NULL));
        if (failed) CHECK_OK(map_put(&m, keys[stored], &m, NULL));
        map_done(&m);
    }
}
