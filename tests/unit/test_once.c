#include "base/once.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/runner/test.h"

/* An event: set once, waited for by any number of threads. */
struct event {
    struct lock lock;
    struct cond cond;
    bool set;
};

static void event_init(struct event *ev)
{
    lock_init(&ev->lock, "event", RANK_LEAF);
    cond_init(&ev->cond);
    ev->set = false;
}

static void event_set(struct event *ev)
{
    lock_take(&ev->lock);
    ev->set = true;
    cond_broadcast(&ev->cond);
    lock_drop(&ev->lock);
}

static void event_wait(struct event *ev)
{
    lock_take(&ev->lock);
    while (!ev->set) cond_wait(&ev->cond, &ev->lock);
    lock_drop(&ev->lock);
}

static uint64_t result(struct once *o, enum once_result r)
{
    return atomic_load(&o->results[r]);
}

static uint64_t ended(struct once *o)
{
    uint64_t n = 0;
    for (int r = 0; r < ONCE_RESULT_COUNT; r++)
        n += result(o, (enum once_result)r);
    return n;
}

/* J01: 10 threads at a barrier, a make of 50 ms, 1,000 rounds. The rounds are
 * independent, so twenty groups play them side by side. */
enum { THREADS = 10, GROUPS = 20, ROUNDS = 1000 / GROUPS };

struct group {
    pthread_barrier_t barrier;
    struct once once[ROUNDS];
    void *got[ROUNDS][THREADS];
    _Atomic int makes[ROUNDS];
    struct thing {
        int content[64];
    } things[ROUNDS];
};

struct one_round {
    struct group *group;
    int round;
};

static enum err slow_make(void *ctx, void **ret)
{
    struct one_round *r = ctx;
    struct thing *t = &r->group->things[r->round];
    nanosleep(&(struct timespec){.tv_nsec = 50 * NS_PER_MS}, NULL);
    for (int i = 0; i < 64; i++) t->content[i] = r->round + 1;
    atomic_fetch_add(&r->group->makes[r->round], 1);
    *ret = t;
    return OK;
}

static void play(void *ctx, int i)
{
    struct group *g = &((struct group *)ctx)[i / THREADS];
    for (int round = 0; round < ROUNDS; round++) {
        struct one_round r = {g, round};
        void **got = &g->got[round][i % THREADS];
        pthread_barrier_wait(&g->barrier);
        CHECK_OK(once_get(&g->once[round], slow_make, &r, NULL, got));
        const struct thing *t = *got;
        for (int k = 0; k < 64; k++) CHECK_INT_EQ(t->content[k], round + 1);
    }
}

TEST(once, ten_threads_make_one_object_in_each_of_a_thousand_rounds,
     .timeout_s = 60)
{
    static struct group groups[GROUPS];
    log_setup(LOG_WARN, LOG_TEXT);
    for (int g = 0; g < GROUPS; g++) {
        pthread_barrier_init(&groups[g].barrier, NULL, THREADS);
        for (int r = 0; r < ROUNDS; r++) once_init(&groups[g].once[r], "thing");
    }
    test_threads(GROUPS * THREADS, play, groups);
    for (int g = 0; g < GROUPS; g++) {
        for (int r = 0; r < ROUNDS; r++) {
            CHECK_INT_EQ(groups[g].makes[r], 1);
            CHECK_INT_EQ(result(&groups[g].once[r], ONCE_MADE), 1);
            CHECK_INT_EQ(ended(&groups[g].once[r]), THREADS);
            for (int t = 0; t < THREADS; t++)
                CHECK(groups[g].got[r][t] == &groups[g].things[r]);
        }
    }
}

struct list {
    const char *names[3];
    int length;
};

static enum err make_list(void *ctx, void **ret)
{
    struct list *l = ctx;
    l->names[l->length++] = "a";
    l->names[l->length++] = "b";
    *ret = l;
    return OK;
}

/* J02 */
TEST(once, a_second_registration_gets_the_same_list)
{
    struct list list = {0};
    struct once o;
    void *first = NULL, *second = NULL;
    once_init(&o, "list");
    CHECK_OK(once_get(&o, make_list, &list, NULL, &first));
    CHECK_OK(once_get(&o, make_list, &list, NULL, &second));
    CHECK(first == second);
    CHECK_INT_EQ(((struct list *)second)->length, 2);
    CHECK_INT_EQ(result(&o, ONCE_MADE), 1);
    once_done(&o);
}

/* One maker that waits to be let go, two who wait for it. */
struct held_make {
    struct once once;
    struct event running, go;
    struct cancel cancel[3];
    enum err want_made; /* what the make returns */
    enum err got[3];
    void *object[3];
    int64_t left_after_ns;
    struct cancel *cancelled; /* by the third thread, once the make runs */
};

static enum err make_when_told(void *ctx, void **ret)
{
    struct held_make *h = ctx;
    event_set(&h->running);
    event_wait(&h->go);
    *ret = h;
    return h->want_made;
}

static void held_init(struct held_make *h)
{
    *h = (struct held_make){.want_made = OK};
    once_init(&h->once, "held");
    event_init(&h->running);
    event_init(&h->go);
    for (int i = 0; i < 3; i++) cancel_init(&h->cancel[i], INT64_MAX);
}

static void wait_and_be_cancelled(struct held_make *h)
{
    int64_t begun = clock_now();
    cancel_set(&h->cancel[1], CANCEL_CLIENT);
    h->got[1] =
        once_get(&h->once, make_when_told, h, &h->cancel[1], &h->object[1]);
    h->left_after_ns = clock_now() - begun;
    event_set(&h->go); /* only now may the make end */
}

static void get_held(void *ctx, int i)
{
    struct held_make *h = ctx;
    if (i != 0) event_wait(&h->running);
    if (i == 1)
        wait_and_be_cancelled(h);
    else
        h->got[i] =
            once_get(&h->once, make_when_told, h, &h->cancel[i], &h->object[i]);
}

/* J03 */
TEST(once, a_cancelled_waiter_leaves_and_the_others_get_the_object)
{
    struct held_make h;
    held_init(&h);
    test_threads(3, get_held, &h);
    CHECK_ERR(h.got[1], ERR_CANCELLED);
    CHECK(h.object[1] == NULL);
    CHECK_INT_LT(h.left_after_ns / NS_PER_MS, test_sanitized() ? 500 : 50);
    CHECK_OK(h.got[0]);
    CHECK_OK(h.got[2]);
    CHECK(h.object[0] == &h && h.object[2] == &h);
}

static void cancel_while_waiting(void *ctx, int i)
{
    struct held_make *h = ctx;
    if (i == 0) {
        h->got[0] = once_get(&h->once, make_when_told, h, NULL, &h->object[0]);
    } else if (i == 1) {
        event_wait(&h->running);
        h->got[1] =
            once_get(&h->once, make_when_told, h, &h->cancel[1], &h->object[1]);
        event_set(&h->go);
    } else {
        event_wait(&h->running);
        cancel_set(&h->cancel[1], CANCEL_CONNECTION);
    }
}

TEST(once, a_waiter_notices_a_cancellation_that_comes_while_it_waits)
{
    struct held_make h;
    held_init(&h);
    test_threads(3, cancel_while_waiting, &h);
    CHECK_ERR(h.got[1], ERR_CANCELLED);
    CHECK_OK(h.got[0]);
}

static void wait_to_the_deadline(void *ctx, int i)
{
    struct held_make *h = ctx;
    if (i == 1) {
        event_wait(&h->running);
        cancel_init(&h->cancel[1], clock_now() + 5 * NS_PER_MS);
    }
    h->got[i] = once_get(&h->once, make_when_told, h, i ? &h->cancel[1] : NULL,
                         &h->object[i]);
    if (i == 1) event_set(&h->go);
}

TEST(once, a_waiter_reaches_its_deadline)
{
    struct held_make h;
    held_init(&h);
    test_threads(2, wait_to_the_deadline, &h);
    CHECK_ERR(h.got[1], ERR_DEADLINE);
    CHECK_OK(h.got[0]);
}

static enum err make_of_itself(void *ctx, void **ret)
{
    return once_get(ctx, make_of_itself, ctx, NULL, ret);
}

/* J04 */
TEST(once, a_make_that_asks_for_its_own_object_is_told_so)
{
    struct once o;
    void *object = NULL;
    once_init(&o, "itself");
    CHECK_ERR(once_get(&o, make_of_itself, &o, NULL, &object), ERR_INTERNAL);
    CHECK(object == NULL);
    once_done(&o);
}

static void fail_together(void *ctx, int i)
{
    struct held_make *h = ctx;
    if (i == 0) {
        h->got[0] = once_get(&h->once, make_when_told, h, NULL, &h->object[0]);
    } else if (i == 1) {
        event_wait(&h->running);
        h->got[1] = once_get(&h->once, make_when_told, h, NULL, &h->object[1]);
    } else {
        /* Early or late: who waits shares the error, who comes later makes
         * anew and fails by itself. */
        event_wait(&h->running);
        event_set(&h->go);
    }
}

TEST(once, a_failed_make_is_tried_again_by_a_later_call)
{
    struct held_make h;
    held_init(&h);
    h.want_made = ERR_IO;
    test_threads(3, fail_together, &h);
    CHECK_ERR(h.got[0], ERR_IO);
    CHECK_ERR(h.got[1], ERR_IO);
    h.want_made = OK;
    CHECK_OK(once_get(&h.once, make_when_told, &h, NULL, &h.object[0]));
    CHECK(h.object[0] == &h);
    CHECK_INT_EQ(result(&h.once, ONCE_MADE), 1);
    CHECK_INT_GE(result(&h.once, ONCE_FAILED), 1);
}

static enum err make_nothing(void *ctx, void **ret)
{
    ++*(int *)ctx;
    *ret = NULL;
    return OK;
}

TEST(once, no_object_is_a_result_and_is_made_once)
{
    struct once o;
    int makes = 0;
    void *object = &o;
    once_init(&o, "none");
    for (int i = 0; i < 3; i++)
        CHECK_OK(once_get(&o, make_nothing, &makes, NULL, &object));
    CHECK_INT_EQ(makes, 1);
    CHECK(object == NULL);
    struct once_stats told;
    once_stats(&o, &told);
    CHECK_INT_EQ(told.count[ONCE_MADE], 1);
    CHECK_INT_EQ(told.count[ONCE_FAST], 2);
    CHECK_INT_EQ(told.count[ONCE_WAITED], 0);
    once_done(&o);
}

static void note_line(void *ctx, struct slice line)
{
    int *seen = ctx;
    bool first = slice_find(line, SLICE("first-time initialisation")) < line.n;
    bool named = slice_find(line, SLICE("name=list")) < line.n;
    *seen += first && named;
}

TEST(once, the_making_stands_in_the_log_once)
{
    struct list list = {0};
    struct once o;
    void *object;
    int seen = 0;
    log_divert(note_line, &seen);
    once_init(&o, "list");
    for (int i = 0; i < 3; i++)
        CHECK_OK(once_get(&o, make_list, &list, NULL, &object));
    log_divert(NULL, NULL);
    CHECK_INT_EQ(seen, 1);
    once_done(&o);
}
