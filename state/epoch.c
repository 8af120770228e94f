#include "state/epoch.h"

#include <assert.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"

/*
 * The proof. `epoch` only rises, by one collector at a time. An object X is
 * unlinked, then retired under `limbo.lock` with the tag r = epoch. Advancing
 * from g to g + 1 means: claim the collector's place under the lock, `fence`,
 * scan all slots, and only if every one is 0 or g, store g + 1 under the lock.
 * X is freed once epoch >= r + 2, so two advances, A1 (r to r + 1) and A2
 * (r + 1 to r + 2), lie between; A1 stores after X was retired (else r would
 * be r + 1), A2 starts after A1 ended.
 *
 * Suppose a reader found X while pinned with p, and may still use it.
 * (1) p > r. It loaded p, with acquire, from a store that is A1's or later.
 *     X's unlinking happened before X was retired, that before A1's store
 *     (the lock), that before the reader's loads: it cannot have found X.
 * (2) p <= r. A2's scan saw neither p nor any other number but r + 1 and 0 in
 *     its slot, so it read a value from before the pin or after the unpin.
 *     After: the unpin's release and the scan's acquire order the reader's
 *     last use before the free. Before:
 *     - with membarrier: the kernel runs a full barrier on every thread of
 *       the process inside A2's fence. Had the reader's pin come before that
 *       barrier, the scan would have seen it; so the pin, and every load
 *       after it, came later, and saw X unlinked.
 *     - without: pin, re-read of epoch, scan and A1's store are all
 *       sequentially consistent. The scan comes before the pin, A1's store
 *       before the scan, so the re-read gives at least r + 1, which is not p,
 *       and the reader pins again.
 * Either way the reader did not find X. QED.
 *
 * Threads beyond the slots count themselves in `crowd_pins`; while it is not
 * 0 nothing advances. Case (2) holds for any p: with membarrier as it stands;
 * without, because a crowd pin too is followed by a read of epoch, which then
 * sees A1's store and with it X unlinked.
 */

enum { LIMBO_EPOCHS = 3, COLLECT_COUNT = 32, COLLECT_BYTES = 1 << 20 };

static _Alignas(ST_LINE) _Atomic uint64_t epoch = 1;
/* Set once before the first slot is given out. */
static bool asymmetric; /* the kernel's membarrier does the readers' fence */
static bool fences_wanted;

static struct st_thread slots[ST_THREADS_MOST];
static _Atomic uint32_t slots_used; /* no slot from here on was ever taken */
static struct st_thread crowd = {.index = ST_THREADS_MOST};
static _Alignas(ST_LINE) _Atomic uint64_t crowd_pins;

_Thread_local struct st_thread *st__this_thread;

static struct {
    struct lock lock;                      /* RANK_LEAF; guards the rest */
    struct st_retired *list[LIMBO_EPOCHS]; /* by tag modulo LIMBO_EPOCHS */
    uint64_t count;                        /* retired and not yet freed */
    uint64_t fresh; /* retired since the last collection began */
    size_t fresh_bytes;
    uint64_t freed_epoch; /* all tags two behind it are freed */
    bool collecting;
} limbo;

static pthread_key_t exit_key;
static pthread_once_t ready = PTHREAD_ONCE_INIT;

static int membarrier(int command)
{
    return (int)syscall(__NR_membarrier, command, 0, 0);
}

/* A full barrier on every thread of the process. A fork forgets, on some
 * kernels, that the process asked for it. */
static bool fence_all(void)
{
    return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0 ||
           (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
            membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
}

static void thread_exit(void *slot)
{
    struct st_thread *t = slot;
    st__this_thread = NULL;
    /* Release pairs with slot_take's acquire: the next owner of the slot goes
     * on with this thread's stripes of counters. */
    atomic_store_explicit(&t->taken, false, memory_order_release);
}

static void set_up(void)
{
    lock_init(&limbo.lock, "epoch", RANK_LEAF);
    pthread_key_create(&exit_key, thread_exit);
    for (uint32_t i = 0; i < ST_THREADS_MOST; i++) slots[i].index = i;
    asymmetric = !fences_wanted && fence_all();
}

void st__epoch_begin(void)
{
    pthread_once(&ready, set_up);
}

void st__epoch_use_fences(void)
{
    fences_wanted = true;
    pthread_once(&ready, set_up);
    assert(!asymmetric);
}

/* --- threads ------------------------------------------------------------- */

static bool slot_take(struct st_thread *t)
{
    bool no = false;
    /* Acquire pairs with thread_exit's release. */
    return atomic_compare_exchange_strong_explicit(
        &t->taken, &no, true, memory_order_acquire, memory_order_relaxed);
}

/* Comes before the slot's first pin in the same order as the pin itself: a
 * scan that missed this rise came before the pin, the case "before" of the
 * proof. */
static void slots_used_raise(uint32_t used)
{
    uint32_t old = atomic_load_explicit(&slots_used, memory_order_relaxed);
    while (old < used && !atomic_compare_exchange_weak_explicit(
                             &slots_used, &old, used, memory_order_seq_cst,
                             memory_order_relaxed)) {
    }
}

struct st_thread *st__thread_register(void)
{
    pthread_once(&ready, set_up);
    for (uint32_t i = 0; i < ST_THREADS_MOST; i++) {
        if (!slot_take(&slots[i])) continue;
        if (pthread_setspecific(exit_key, &slots[i]) != 0) {
            thread_exit(&slots[i]); /* no memory to be told of the end */
            break;
        }
        slots_used_raise(i + 1);
        return st__this_thread = &slots[i];
    }
    return st__this_thread = &crowd;
}

/* --- readers ------------------------------------------------------------- */

static void pin_with_fence(struct st_thread *t)
{
    uint64_t e;
    do {
        e = atomic_load_explicit(&epoch, memory_order_acquire);
        atomic_store_explicit(&t->pinned, e, memory_order_seq_cst);
    } while (atomic_load_explicit(&epoch, memory_order_seq_cst) != e);
}

static void pin_rarely(struct st_thread *t)
{
    if (t != &crowd) {
        pin_with_fence(t);
        return;
    }
    atomic_fetch_add_explicit(&crowd_pins, 1, memory_order_seq_cst);
    (void)atomic_load_explicit(&epoch, memory_order_seq_cst);
}

void st__pin(void)
{
    struct st_thread *t = st__thread();
#ifdef PHASEGATE_DEBUG
    assert(!st__pinned() && "pins do not nest");
#endif
    if (__builtin_expect(!asymmetric || t == &crowd, 0)) {
        pin_rarely(t);
        return;
    }
    /* Acquire pairs with the store in advance(). Release pairs with the
     * scan's acquire: it sees the end of an earlier pin in this one. */
    atomic_store_explicit(&t->pinned,
                          atomic_load_explicit(&epoch, memory_order_acquire),
                          memory_order_release);
    /* The processor's half of this fence is the collector's membarrier. */
    atomic_signal_fence(memory_order_seq_cst);
}

void st__unpin(void)
{
    struct st_thread *t = st__thread();
    if (__builtin_expect(t == &crowd, 0)) {
        atomic_fetch_sub_explicit(&crowd_pins, 1, memory_order_release);
        return;
    }
    /* Release pairs with the scan in all_reached: uses before frees. */
    atomic_store_explicit(&t->pinned, 0, memory_order_release);
}

bool st__pinned(void)
{
    return atomic_load_explicit(&st__thread()->pinned, memory_order_relaxed) !=
           0;
}

/* --- collectors ---------------------------------------------------------- */

static bool all_reached(uint64_t g)
{
    if (asymmetric && !fence_all()) return false;
    if (atomic_load_explicit(&crowd_pins, memory_order_seq_cst)) return false;
    uint32_t used = atomic_load_explicit(&slots_used, memory_order_seq_cst);
    for (uint32_t i = 0; i < used; i++) {
        uint64_t p =
            atomic_load_explicit(&slots[i].pinned, memory_order_seq_cst);
        if (p != 0 && p != g) return false;
    }
    return true;
}

/* One step of the epoch; gives what that makes ripe. The caller has the
 * collector's place. Lock: takes limbo.lock. */
static bool advance(struct st_retired **ret_ripe)
{
    /* Relaxed: only the collector stores it. */
    uint64_t g = atomic_load_explicit(&epoch, memory_order_relaxed);
    if (!all_reached(g)) return false;
    lock_take(&limbo.lock);
    /* Pairs with the loads in the pins. */
    atomic_store_explicit(&epoch, g + 1, memory_order_seq_cst);
    /* Tag g - 1 is two behind; its list is the next one's, g + 2. */
    *ret_ripe = limbo.list[(g - 1) % LIMBO_EPOCHS];
    limbo.list[(g - 1) % LIMBO_EPOCHS] = NULL;
    lock_drop(&limbo.lock);
    return true;
}

static uint64_t free_all(struct st_retired *list)
{
    uint64_t freed = 0;
    for (; list; freed++) {
        struct st_retired *r = list;
        list = r->next;
        r->free(r);
    }
    return freed;
}

static bool collector_begin(void)
{
    lock_take(&limbo.lock);
    bool mine = !limbo.collecting && limbo.count;
    if (mine) {
        limbo.collecting = true;
        limbo.fresh = 0;
        limbo.fresh_bytes = 0;
    }
    lock_drop(&limbo.lock);
    return mine;
}

static void collector_end(uint64_t freed)
{
    lock_take(&limbo.lock);
    limbo.collecting = false;
    limbo.count -= freed;
    limbo.freed_epoch = atomic_load_explicit(&epoch, memory_order_relaxed);
    lock_drop(&limbo.lock);
}

void st__collect(void)
{
    pthread_once(&ready, set_up);
    assert(!st__pinned());
    lock_assert_none();
    if (!collector_begin()) return;
    uint64_t freed = 0;
    struct st_retired *ripe = NULL;
    /* Two steps make everything ripe that was there at the start. */
    for (int i = 0; i < LIMBO_EPOCHS - 1 && advance(&ripe); i++)
        freed += free_all(ripe);
    collector_end(freed);
}

void st__retire(struct st_retired *list)
{
    if (!list) return;
    pthread_once(&ready, set_up);
    lock_assert_none();
    lock_take(&limbo.lock);
    /* Relaxed: it is stored under this lock. */
    uint64_t tag = atomic_load_explicit(&epoch, memory_order_relaxed);
    struct st_retired **into = &limbo.list[tag % LIMBO_EPOCHS];
    while (list) {
        struct st_retired *r = list;
        list = r->next;
        limbo.count++;
        limbo.fresh++;
        limbo.fresh_bytes += r->bytes;
        r->next = *into;
        *into = r;
    }
    bool due =
        limbo.fresh >= COLLECT_COUNT || limbo.fresh_bytes >= COLLECT_BYTES;
    lock_drop(&limbo.lock);
    if (due && !st__pinned()) st__collect();
}

void st__drain(void)
{
    pthread_once(&ready, set_up);
    lock_take(&limbo.lock);
    uint64_t until = atomic_load_explicit(&epoch, memory_order_relaxed) + 2;
    while (limbo.count && limbo.freed_epoch < until) {
        lock_drop(&limbo.lock);
        st__collect();
        sched_yield();
        lock_take(&limbo.lock);
    }
    lock_drop(&limbo.lock);
}
