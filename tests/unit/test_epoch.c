/* What is retired is freed when nobody can meet it any more, and not before. */
#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "state/epoch.h"
#include "tests/runner/test.h"

struct thing {
    struct st_retired retired;
    _Atomic uint64_t alive; /* ALIVE until freed */
};
enum { ALIVE = 0x600d };

static _Atomic int freed;

static void thing_free(struct st_retired *r)
{
    struct thing *t = (struct thing *)r;
    atomic_store(&t->alive, 0);
    atomic_fetch_add(&freed, 1);
    mem_free(t);
}

static struct thing *thing_new(void)
{
    struct thing *t = MEM_NEW(struct thing);
    CHECK(t != NULL);
    atomic_init(&t->alive, ALIVE);
    t->retired.free = thing_free;
    return t;
}

TEST(epoch, who_is_pinned_retires_and_another_frees)
{
    enum { MANY = 100 }; /* more than are left lying */
    st__pin();
    for (int i = 0; i < MANY; i++) st__retire(&thing_new()->retired);
    CHECK_INT_EQ(atomic_load(&freed), 0);
    st__unpin();
    st__retire(&thing_new()->retired);
    CHECK_INT_GE(atomic_load(&freed), MANY);
    st__drain();
    CHECK_INT_EQ(atomic_load(&freed), MANY + 1);
}

/* --- a reader held where the test wants it ------------------------------ */

struct reader {
    pthread_t thread;
    _Atomic int step, done;
};

static void *read_on_command(void *ctx)
{
    struct reader *r = ctx;
    for (int at = 0; at < 4; at++) {
        while (atomic_load(&r->step) <= at) sched_yield();
        if (at % 2)
            st__unpin();
        else
            st__pin();
        atomic_store(&r->done, at + 1);
    }
    return NULL;
}

static void reader_step(struct reader *r)
{
    int at = atomic_fetch_add(&r->step, 1) + 1;
    while (atomic_load(&r->done) < at) sched_yield();
}

static void retire_new(int n)
{
    for (int i = 0; i < n; i++) {
        struct thing *t = thing_new();
        st__retire(&t->retired);
    }
}

static void a_pin_holds_back(void)
{
    struct reader r = {0};
    CHECK_INT_EQ(pthread_create(&r.thread, NULL, read_on_command, &r), 0);
    reader_step(&r);
    retire_new(100);
    st__collect();
    st__collect();
    CHECK_INT_EQ(freed, 0);
    reader_step(&r);
    st__collect();
    CHECK_INT_EQ(freed, 100);
    reader_step(&r);
    retire_new(1);
    st__collect();
    CHECK_INT_EQ(freed, 100);
    reader_step(&r);
    st__drain();
    CHECK_INT_EQ(freed, 101);
    pthread_join(r.thread, NULL);
}

TEST(epoch, what_a_pinned_reader_may_hold_is_not_freed)
{
    a_pin_holds_back();
}

TEST(epoch, nor_on_a_kernel_without_membarrier)
{
    st__epoch_use_fences();
    a_pin_holds_back();
}

TEST(epoch, many_or_large_things_are_freed_without_being_asked)
{
    retire_new(31);
    CHECK_INT_EQ(freed, 0);
    retire_new(1);
    CHECK_INT_EQ(freed, 32);
    struct thing *t = thing_new();
    t->retired.bytes = 1 << 20;
    st__retire(&t->retired);
    CHECK_INT_EQ(freed, 33);
    st__retire(NULL);
    st__drain();
}

/* --- slots -------------------------------------------------------------- */

struct crowd {
    pthread_barrier_t in, out;
    _Atomic int at[ST_THREADS_MOST + 1];
};

static void *crowd_thread(void *ctx)
{
    struct crowd *c = ctx;
    atomic_fetch_add(&c->at[st__thread()->index], 1);
    st__pin();
    pthread_barrier_wait(&c->in);
    pthread_barrier_wait(&c->out);
    st__unpin();
    return NULL;
}

TEST(epoch, threads_beyond_the_slots_are_safe_too)
{
    enum { N = ST_THREADS_MOST + 20 };
    static struct crowd c;
    pthread_t t[N];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    pthread_barrier_init(&c.in, NULL, N + 1);
    pthread_barrier_init(&c.out, NULL, N + 1);
    for (int i = 0; i < N; i++)
        CHECK_INT_EQ(pthread_create(&t[i], &small, crowd_thread, &c), 0);
    pthread_barrier_wait(&c.in);
    retire_new(40);
    CHECK_INT_EQ(freed, 0);
    pthread_barrier_wait(&c.out);
    for (int i = 0; i < N; i++) pthread_join(t[i], NULL);
    st__drain();
    CHECK_INT_EQ(freed, 40);
    for (int i = 0; i < ST_THREADS_MOST; i++) CHECK_INT_LE(c.at[i], 1);
    CHECK_INT_GE(c.at[ST_THREADS_MOST], 20);
}

static void *index_of_thread(void *ctx)
{
    *(uint32_t *)ctx = st__thread()->index;
    return NULL;
}

TEST(epoch, a_slot_is_given_back_when_its_thread_ends)
{
    uint32_t first = 0, later = 0;
    for (int i = 0; i < 2 * ST_THREADS_MOST; i++) {
        pthread_t t;
        pthread_create(&t, NULL, index_of_thread, i ? &later : &first);
        pthread_join(t, NULL);
    }
    CHECK_INT_EQ(later, first);
}

/* --- readers against writers -------------------------------------------- */

struct race {
    _Atomic(struct thing *) now[8];
    int rounds;
    _Atomic int reading;
};

static void race_write(struct race *r)
{
    for (int i = 0; i < r->rounds; i++) {
        struct thing *old = atomic_exchange_explicit(
            &r->now[i % 8], thing_new(), memory_order_acq_rel);
        st__retire(&old->retired);
    }
}

static void race_thread(void *ctx, int i)
{
    struct race *r = ctx;
    if (i < 2) {
        race_write(r);
        return;
    }
    for (int n = 0; n < 4 * r->rounds; n++) {
        st__pin();
        struct thing *t =
            atomic_load_explicit(&r->now[n % 8], memory_order_acquire);
        for (int k = 0; k < 10; k++)
            CHECK_INT_EQ(atomic_load_explicit(&t->alive, memory_order_relaxed),
                         ALIVE);
        st__unpin();
    }
}

static void race(void)
{
    struct race r = {.rounds = test_sanitized() ? 3000 : 50000};
    for (int i = 0; i < 8; i++) atomic_init(&r.now[i], thing_new());
    test_threads(6, race_thread, &r);
    for (int i = 0; i < 8; i++) st__retire(&r.now[i]->retired);
    st__drain();
    CHECK_INT_EQ(freed, 2 * r.rounds + 8);
}

TEST(epoch, readers_never_meet_what_is_freed)
{
    race();
}

TEST(epoch, readers_with_fences_never_do_either)
{
    st__epoch_use_fences();
    race();
}
