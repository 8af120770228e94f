#include "base/arena.h"

#include <stdalign.h>

#include "base/alloc.h"
#include "base/poison.h"
#include "tests/runner/test.h"

TEST(arena, gives_aligned_memory_that_keeps_its_content)
{
    struct arena a;
    arena_init(&a, 64 << 20);
    char *parts[2000];
    for (size_t i = 0; i < 2000; i++) {
        size_t n = i * 7 % 5000 + 1;
        parts[i] = arena_alloc(&a, n);
        CHECK(parts[i]);
        CHECK_INT_EQ((uintptr_t)parts[i] % alignof(max_align_t), 0);
        memset(parts[i], (int)(i & 0x7F), n);
    }
    for (size_t i = 0; i < 2000; i++) {
        size_t n = i * 7 % 5000 + 1;
        for (size_t k = 0; k < n; k++) CHECK_INT_EQ(parts[i][k], i & 0x7F);
    }
    arena_done(&a);
    arena_done(&a);
    arena_done(NULL);
}

TEST(arena, never_hands_out_more_than_its_ceiling)
{
    for (size_t size = 1; size < 40; size++) {
        struct arena a;
        arena_init(&a, 10000);
        size_t got = 0;
        while (arena_alloc(&a, size)) got += size;
        CHECK_INT_LE(got, 10000);
        CHECK_INT_LE(a.used, 10000);
        CHECK_INT_GE(a.used, 10000 - 64);
        arena_done(&a);
    }
}

TEST(arena, one_object_may_fill_the_ceiling_exactly)
{
    struct arena a;
    arena_init(&a, 100000);
    CHECK(arena_alloc(&a, 100000));
    CHECK(!arena_alloc(&a, 1));
    arena_reset(&a);
    CHECK(!arena_alloc(&a, 100001));
    CHECK(arena_alloc(&a, 100000));
    arena_done(&a);
}

TEST(arena, a_reset_keeps_a_block_and_needs_no_new_memory)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK(arena_alloc(&a, 100));
    for (int i = 0; i < 200; i++) CHECK(arena_alloc(&a, 3000));
    arena_reset(&a);
    mem_fail_at(2); /* the object is the first, a block would be the second */
    CHECK(arena_alloc(&a, 3000));
    CHECK_INT_EQ(mem_count(), 1);
    mem_fail_at(0);
    arena_done(&a);
}

TEST(arena, sizes_that_overflow_are_refused)
{
    struct arena a;
    arena_init(&a, SIZE_MAX);
    CHECK(!arena_alloc(&a, SIZE_MAX));
    CHECK(!arena_alloc(&a, SIZE_MAX - 8));
    CHECK(!arena_array(&a, SIZE_MAX / 4, 8));
    CHECK(arena_alloc(&a, 10));
    CHECK(!arena_alloc(&a, SIZE_MAX - 100));
    arena_done(&a);
}

TEST(arena, zeroed_memory_is_zero_also_after_a_reset)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    memset(arena_alloc(&a, 500), 0xAA, 500);
    arena_reset(&a);
    const char *p = arena_array(&a, 50, 10);
    for (int i = 0; i < 500; i++) CHECK_INT_EQ(p[i], 0);
    arena_done(&a);
}

TEST(arena, copies_texts)
{
    struct arena *a = test_arena();
    struct slice empty = arena_copy(a, (struct slice){0});
    CHECK(empty.p && empty.n == 0);
    CHECK_TEXT_EQ(arena_copy(a, SLICE("abc")), "abc");
    CHECK_STR_EQ(arena_cstr(a, SLICE("abc")), "abc");
    CHECK_STR_EQ(arena_cstr(a, (struct slice){0}), "");
    struct slice s = arena_printf(a, "%s-%d", "x", 7);
    CHECK_TEXT_EQ(s, "x-7");
    CHECK_INT_EQ(s.p[s.n], 0);
}

struct order {
    int dropped[3], n;
};

struct held_thing {
    struct order *order;
    int id;
};

static void note_drop(void *object)
{
    struct held_thing *h = object;
    h->order->dropped[h->order->n++] = h->id;
}

TEST(arena, drops_what_it_holds_newest_first_and_once)
{
    struct order order = {0};
    struct held_thing things[3] = {{&order, 1}, {&order, 2}, {&order, 3}};
    struct arena a;
    arena_init(&a, 1 << 20);
    for (int i = 0; i < 3; i++) CHECK_OK(arena_hold(&a, note_drop, &things[i]));
    arena_reset(&a);
    arena_done(&a);
    CHECK_INT_EQ(order.n, 3);
    CHECK_INT_EQ(order.dropped[0], 3);
    CHECK_INT_EQ(order.dropped[2], 1);
}

TEST(arena, every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct order order = {0};
        struct held_thing thing = {&order, 1};
        struct arena a;
        arena_init(&a, 1 << 20);
        mem_fail_at(nth);
        enum err e = arena_hold(&a, note_drop, &thing);
        bool all = e == OK;
        all &= arena_alloc(&a, 7000) != NULL;
        all &= arena_alloc(&a, 7000) != NULL;
        all &= arena_alloc(&a, 100000) != NULL;
        all &= arena_printf(&a, "%20000d", 1).p != NULL;
        failed = nth <= mem_count();
        mem_fail_at(0);
        CHECK_INT_EQ(all, !failed);
        arena_done(&a);
        CHECK_INT_EQ(order.n, 1); /* then, or now */
    }
}

#ifdef POISON_ASAN
TEST(arena, free_space_is_poisoned)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char *p = arena_alloc(&a, 20);
    CHECK(!__asan_address_is_poisoned(p));
    CHECK(!__asan_address_is_poisoned(p + 19));
    CHECK(__asan_address_is_poisoned(p + 20));
    char *q = arena_alloc(&a, 16);
    CHECK(__asan_address_is_poisoned(q - 1));
    arena_reset(&a);
    CHECK(__asan_address_is_poisoned(p));
    arena_done(&a);
}
#endif
