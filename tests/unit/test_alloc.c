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
