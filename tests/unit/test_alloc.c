#include "base/alloc.h"

#include "tests/runner/test.h"

TEST(alloc, the_nth_allocation_fails_once)
{
    mem_fail_at(2);
    void *a = mem_alloc(8), *b = mem_zalloc(8), *c = mem_array(2, 4);
    CHECK_INT_EQ(mem_count(), 3);
    mem_fail_at(0);
    CHECK(a && !b && c);
    mem_free(a);
    mem_free(c);
}

TEST(alloc, a_failed_realloc_keeps_the_old_memory)
{
    char *p = mem_alloc(4);
    CHECK(p);
    p[0] = 'x';
    mem_fail_at(1);
    CHECK(mem_realloc(p, 1000) == NULL);
    mem_fail_at(0);
    CHECK_INT_EQ(p[0], 'x');
    mem_free(p);
}

TEST(alloc, an_array_whose_size_overflows_is_refused)
{
    CHECK(mem_array(SIZE_MAX / 2, 3) == NULL);
}

TEST(alloc, nothing_is_still_something)
{
    void *p = mem_alloc(0);
    CHECK(p);
    mem_free(p);
    mem_free(NULL);
}

TEST(alloc, all_allocations_from_the_nth_on_fail_until_it_is_switched_off)
{
    mem_fail_from(2);
    void *a = mem_alloc(8), *b = mem_alloc(8), *c = mem_zalloc(8);
    mem_fail_at(0);
    void *d = mem_alloc(8);
    CHECK(a && !b && !c && d);
    mem_free(a);
    mem_free(d);
}

TEST(alloc, what_a_test_needs_for_itself_neither_fails_nor_counts)
{
    mem_fail_from(1);
    mem_spare(true);
    void *a = mem_alloc(8);
    mem_spare(false);
    void *b = mem_alloc(8);
    CHECK_INT_EQ(mem_count(), 1);
    CHECK_INT_EQ(mem_taken(), 1);
    mem_fail_at(0);
    CHECK(a && !b);
    mem_free(a);
}

TEST(alloc, an_object_of_an_arena_that_has_room_fails_in_its_turn)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK(arena_alloc(&a, 8));
    mem_fail_at(2);
    void *first = arena_alloc(&a, 8), *second = arena_alloc(&a, 8);
    struct slice third = arena_copy(&a, SLICE("text"));
    mem_fail_at(0);
    CHECK(first && !second && third.p);
    arena_done(&a);
}
