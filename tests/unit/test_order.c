#include "engine/order.h"

#include <sched.h>
#include <stdio.h>

#include "tests/runner/test.h"

TEST(order, nodes_of_one_key_come_in_turn)
{
    struct order o;
    struct order_node a = {.key = SLICE("s1")}, b = {.key = SLICE("s1")},
                      c = {.key = SLICE("s1")};
    order_init(&o);
    CHECK(!order_busy(&o, SLICE("s1")));
    CHECK(order_enter(&o, &a));
    CHECK(!order_enter(&o, &b));
    CHECK(!order_enter(&o, &c));
    CHECK(order_busy(&o, SLICE("s1")));
    CHECK(order_leave(&o, &a) == &b);
    CHECK(order_leave(&o, &b) == &c);
    CHECK(order_leave(&o, &c) == NULL);
    CHECK(!order_busy(&o, SLICE("s1")));
    order_done(&o);
}

TEST(order, strangers_never_wait_for_each_other)
{
    struct order o;
    struct order_node nodes[500];
    char keys[500][8];
    order_init(&o);
    for (int i = 0; i < 500; i++) {
        int n = snprintf(keys[i], sizeof(keys[i]), "s%d", i);
        nodes[i].key = (struct slice){keys[i], (size_t)n};
        CHECK(order_enter(&o, &nodes[i]));
    }
    for (int i = 0; i < 500; i++) CHECK(order_leave(&o, &nodes[i]) == NULL);
    order_done(&o);
}

struct counter {
    struct order order;
    int inside; /* guarded by the order itself: TSan would tell */
    int total;
};

struct turn {
    struct order_node node; /* first */
    _Atomic bool mine;
};

static void take_turns(void *ctx, int i)
{
    (void)i;
    struct counter *c = ctx;
    for (int k = 0; k < 500; k++) {
        struct turn t = {.node.key = SLICE("one")};
        /* Whoever leaves may hand us the turn before order_enter returns. */
        atomic_init(&t.mine, false);
        if (order_enter(&c->order, &t.node))
            atomic_store_explicit(&t.mine, true, memory_order_relaxed);
        while (!atomic_load_explicit(&t.mine, memory_order_acquire))
            sched_yield(); // a waiter must not starve the one inside
        CHECK_INT_EQ(++c->inside, 1);
        c->total++;
        c->inside--;
        struct turn *next = (struct turn *)order_leave(&c->order, &t.node);
        if (next)
            atomic_store_explicit(&next->mine, true, memory_order_release);
    }
}

TEST(order, one_at_a_time_under_contention)
{
    struct counter c = {0};
    order_init(&c.order);
    test_threads(4, take_turns, &c);
    CHECK_INT_EQ(c.total, 2000);
    order_done(&c.order);
}
