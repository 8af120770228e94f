/* Memory for libevent that a loop's thread keeps by size. */
#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/runner/test.h"
#include "transport/spare.h"

/* Every size is taken twice, written to its end and given back in between. */
static void use_all_sizes(void)
{
    static unsigned char *p[700];
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 700; n++) {
            p[n] = tp_spare_alloc(n);
            CHECK(p[n]);
            CHECK_INT_GE(malloc_usable_size(p[n]), n);
            memset(p[n], (int)n, n);
        }
        for (size_t n = 0; n < 700; n++) {
            for (size_t i = 0; i < n; i++) CHECK_INT_EQ(p[n][i], n & 255);
            tp_spare_free(p[n]);
        }
    }
}

TEST(spare, pieces_are_whole_and_nobody_else_s)
{
    use_all_sizes();
    CHECK_INT_EQ(tp_spare_kept(), 0); /* this thread is no loop's */
    tp_spare_begin();
    use_all_sizes();
    CHECK_INT_LE(tp_spare_kept(), SPARE_SIZES * SPARE_MOST);
    tp_spare_end();
    CHECK_INT_EQ(tp_spare_kept(), 0);
}

TEST(spare, a_kept_piece_is_given_out_again_and_can_be_refused)
{
    tp_spare_begin();
    tp_spare_free(tp_spare_alloc(100));
    size_t kept = tp_spare_kept();
    if (!kept) test_skip("this build keeps none: a sanitizer sees each piece");
    mem_fail_at(1);
    CHECK(!tp_spare_alloc(100));
    mem_fail_at(0);
    void *p = tp_spare_alloc(90); /* of the same size, as malloc has it */
    CHECK(p);
    CHECK_INT_EQ(tp_spare_kept(), kept - 1);
    tp_spare_free(p);
    tp_spare_free(NULL);
    tp_spare_end();
}

static void *give_back(void *p)
{
    tp_spare_begin();
    tp_spare_free(p);
    tp_spare_end();
    return NULL;
}

TEST(spare, buffers_are_kept_and_nothing_else_of_their_size)
{
    tp_spare_begin();
    for (size_t n = 1024; n <= 8192; n *= 2) {
        size_t before = tp_spare_kept();
        void *p = tp_spare_alloc(n);
        CHECK_INT_GE(malloc_usable_size(p), n);
        tp_spare_free(p);
        if (tp_spare_kept() == before) continue; /* a sanitizer's build */
        CHECK_INT_EQ(tp_spare_kept(), before + 1);
        CHECK(tp_spare_alloc(n) == p);
        CHECK_INT_EQ(tp_spare_kept(), before);
        mem_free(p);
        tp_spare_free(tp_spare_alloc(n + n / 2));
        CHECK_INT_EQ(tp_spare_kept(), before);
    }
    tp_spare_end();
}

TEST(spare, a_piece_may_be_given_back_by_another_thread)
{
    pthread_t t;
    tp_spare_begin();
    void *p = tp_spare_alloc(64);
    CHECK_INT_EQ(pthread_create(&t, NULL, give_back, p), 0);
    pthread_join(t, NULL);
    p = tp_spare_realloc(tp_spare_alloc(64), 5000);
    CHECK(p);
    tp_spare_free(p);
    tp_spare_end();
}
