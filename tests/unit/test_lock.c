#include "base/lock.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/runner/test.h"

struct counter {
    struct lock lock;
    int64_t n; /* guarded by lock */
};

static void add_a_thousand(void *ctx, int i)
{
    struct counter *c = ctx;
    (void)i;
    for (int k = 0; k < 1000; k++) {
        lock_take(&c->lock);
        lock_assert_held(&c->lock);
        c->n++;
        lock_drop(&c->lock);
    }
    lock_assert_none();
}

TEST(lock, one_thread_at_a_time)
{
    struct counter c = {.n = 0};
    lock_init(&c.lock, "counter", RANK_LEAF);
    test_threads(8, add_a_thousand, &c);
    CHECK_INT_EQ(c.n, 8000);
    lock_done(&c.lock);
}

static void *try_it(void *arg)
{
    struct lock *l = arg;
    bool got = lock_try(l);
    if (got) lock_drop(l);
    return got ? arg : NULL;
}

static bool another_thread_gets(struct lock *l)
{
    pthread_t thread;
    void *got;
    CHECK_INT_EQ(pthread_create(&thread, NULL, try_it, l), 0);
    pthread_join(thread, &got);
    return got != NULL;
}

TEST(lock, a_try_fails_while_another_holds_it)
{
    struct lock l;
    lock_init(&l, "l", RANK_LEAF);
    lock_take(&l);
    CHECK(!another_thread_gets(&l));
    lock_drop(&l);
    CHECK(another_thread_gets(&l));
    lock_done(&l);
}

struct ping {
    struct lock lock;
    struct cond cond;
    int turn; /* guarded by lock */
};

static void take_turns(void *ctx, int i)
{
    struct ping *p = ctx;
    for (int k = 0; k < 200; k++) {
        lock_take(&p->lock);
        while (p->turn % 2 != i) cond_wait(&p->cond, &p->lock);
        p->turn++;
        cond_broadcast(&p->cond);
        lock_drop(&p->lock);
    }
}

TEST(lock, a_condition_wakes_who_waits)
{
    struct ping p = {.turn = 0};
    lock_init(&p.lock, "ping", RANK_LEAF);
    cond_init(&p.cond);
    test_threads(2, take_turns, &p);
    CHECK_INT_EQ(p.turn, 400);
    cond_done(&p.cond);
    lock_done(&p.lock);
}

TEST(lock, a_timed_wait_ends_at_its_deadline_and_not_before)
{
    struct ping p = {.turn = 0};
    lock_init(&p.lock, "ping", RANK_LEAF);
    cond_init(&p.cond);
    int64_t deadline = clock_now() + 20 * NS_PER_MS;
    lock_take(&p.lock);
    CHECK(!cond_wait_until(&p.cond, &p.lock, clock_now() - 1));
    while (cond_wait_until(&p.cond, &p.lock, deadline)) continue;
    lock_drop(&p.lock);
    CHECK_INT_GE(clock_now(), deadline);
    cond_done(&p.cond);
    lock_done(&p.lock);
}

static void wait_or_advance(void *ctx, int i)
{
    struct ping *p = ctx;
    if (i == 1) {
        clock_fake_advance(3600 * NS_PER_S);
        return;
    }
    lock_take(&p->lock);
    while (cond_wait_until(&p->cond, &p->lock, 3600 * NS_PER_S)) continue;
    lock_drop(&p->lock);
}

TEST(lock, a_timed_wait_follows_a_fake_clock)
{
    struct ping p = {.turn = 0};
    lock_init(&p.lock, "ping", RANK_LEAF);
    cond_init(&p.cond);
    clock_fake(1, 1);
    test_threads(2, wait_or_advance, &p);
    clock_real();
    cond_done(&p.cond);
    lock_done(&p.lock);
}

#ifdef PHASEGATE_DEBUG

/* Runs fn in a child that is expected to abort; what it wrote to stderr. */
static struct slice abort_message(void (*fn)(void))
{
    int ends[2];
    CHECK_INT_EQ(pipe(ends), 0);
    pid_t child = fork();
    CHECK_INT_GE(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        fn();
        _exit(0);
    }
    close(ends[1]);
    char *text = arena_alloc(test_arena(), 4096);
    size_t n = 0;
    for (ssize_t got; (got = read(ends[0], text + n, 4096 - n)) > 0;)
        n += (size_t)got;
    close(ends[0]);
    int status;
    CHECK_INT_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    return (struct slice){text, n};
}

static struct lock outer, inner;

static void init_both(void)
{
    lock_init(&outer, "the-cache", RANK_CACHE);
    lock_init(&inner, "the-queue", RANK_QUEUE);
}

static void take_in_wrong_order(void) NO_THREAD_ANALYSIS
{
    init_both();
    lock_take(&inner);
    lock_take(&outer);
}

static void take_twice(void) NO_THREAD_ANALYSIS
{
    init_both();
    lock_take(&inner);
    lock_take(&inner);
}

static void drop_what_is_not_held(void) NO_THREAD_ANALYSIS
{
    init_both();
    lock_drop(&inner);
}

static void claim_to_hold(void) NO_THREAD_ANALYSIS
{
    init_both();
    lock_assert_held(&outer);
}

static void claim_to_hold_none(void) NO_THREAD_ANALYSIS
{
    init_both();
    lock_take(&outer);
    lock_assert_none();
}

static void wait_with_another_held(void) NO_THREAD_ANALYSIS
{
    static struct cond c;
    init_both();
    cond_init(&c);
    lock_take(&outer);
    lock_take(&inner);
    cond_wait(&c, &inner);
}

TEST(lock, wrong_order_aborts_and_names_both)
{
    struct slice said = abort_message(take_in_wrong_order);
    CHECK_CONTAINS(said, "'the-cache'");
    CHECK_CONTAINS(said, "'the-queue'");
}

struct misuse {
    void (*fn)(void);
    const char *says;
};

TEST_EACH(lock, misuse_aborts, struct misuse, row,
          {take_twice, "taken by a thread that holds 'the-queue'"},
          {drop_what_is_not_held, "does not hold it"},
          {claim_to_hold, "is needed here"},
          {claim_to_hold_none, "no lock may be"},
          {wait_with_another_held, "'the-cache'"})
{
    CHECK_CONTAINS(abort_message(row->fn), row->says);
}

TEST(lock, the_right_order_and_any_order_of_dropping_pass)
{
    struct lock a, b;
    lock_init(&a, "a", RANK_CACHE);
    lock_init(&b, "b", RANK_QUEUE);
    for (int i = 0; i < 3; i++) {
        lock_take(&a);
        lock_take(&b);
        lock_drop(&a);
        lock_drop(&b);
        lock_assert_none();
    }
    lock_done(&a);
    lock_done(&b);
}

#endif
