#include "base/cancel.h"

#include "tests/runner/test.h"

struct cause {
    enum cancel_cause cause;
    enum err want;
};

TEST_EACH(cancel, each_cause_has_its_error, struct cause, row,
          {CANCEL_NONE, OK}, {CANCEL_CLIENT, ERR_CANCELLED},
          {CANCEL_CONNECTION, ERR_CANCELLED}, {CANCEL_DEADLINE, ERR_DEADLINE},
          {CANCEL_SHUTDOWN, ERR_CANCELLED})
{
    struct cancel c;
    cancel_init(&c, INT64_MAX);
    cancel_set(&c, row->cause);
    CHECK_ERR(cancel_check(&c, 0), row->want);
}

TEST(cancel, a_deadline_passes_when_it_is_reached)
{
    struct cancel c;
    cancel_init(&c, 100);
    CHECK_OK(cancel_check(&c, 99));
    CHECK_ERR(cancel_check(&c, 100), ERR_DEADLINE);
    CHECK_OK(cancel_check(NULL, INT64_MAX));
}

struct race {
    struct cancel c;
    _Atomic int winners, winner;
};

static void set_own_cause(void *ctx, int i)
{
    struct race *r = ctx;
    enum cancel_cause mine =
        (enum cancel_cause)(i % (CANCEL_CAUSE_COUNT - 1) + 1);
    if (!cancel_set(&r->c, mine)) return;
    atomic_fetch_add(&r->winners, 1);
    atomic_store(&r->winner, (int)mine);
}

TEST(cancel, the_first_cause_wins)
{
    for (int round = 0; round < 50; round++) {
        struct race r = {0};
        cancel_init(&r.c, INT64_MAX);
        test_threads(8, set_own_cause, &r);
        CHECK_INT_EQ(r.winners, 1);
        CHECK_INT_EQ(atomic_load(&r.c.cause), r.winner);
    }
}

TEST(cancel, a_parent_counts_while_it_is_listened_to)
{
    struct cancel call, work;
    cancel_init(&call, 500);
    cancel_init(&work, 1000);
    CHECK_OK(cancel_check(&work, 500));
    cancel_listen(&work, &call);
    CHECK_OK(cancel_check(&work, 499));
    CHECK_ERR(cancel_check(&work, 500), ERR_DEADLINE);
    cancel_set(&call, CANCEL_CLIENT);
    CHECK_ERR(cancel_check(&work, 0), ERR_CANCELLED);
    cancel_listen(&work, NULL);
    CHECK_OK(cancel_check(&work, 999));
    CHECK_ERR(cancel_check(&work, 1000), ERR_DEADLINE);
}
