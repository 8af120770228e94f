#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/turn.h"
#include "engine/signature.h"
#include "engine/watch_private.h"

static const char not_yet[] = "not looked at yet";

enum {
    EVENTS_ROOM = 64 * 1024,
    BATCHES_MAX = 64, /* of one drain: a storm does not hold the lock */
    DRAINS_MAX = 8,   /* of one barrier */
    RETRY_POLLS = 30, /* looks without inotify before it is tried again */
    SIGNATURE_CEILING = 64 << 20
};

struct eng_watch {
    struct eng_watch_options o;
    int fd;      /* the same number all its life */
    int wake_fd; /* tells the thread to look at its clock */
    /* Set before events are read, cleared after the stamps tell of them. */
    atomic_bool draining;
    _Atomic uint64_t stamp[ENG_WATCH_SETS]; /* 0: unknown */

    struct lock lock; /* guards what follows */
    struct watch_table table;
    struct watch_root root[ENG_WATCH_ROOTS_MAX];
    uint32_t roots;
    bool works;                      /* fd is an inotify descriptor */
    unsigned uncounted;              /* sets with roots that found no place */
    uint64_t changes;                /* the last stamp given */
    uint32_t touched;                /* roots, by the drain under way */
    unsigned pending;                /* sets whose change was not told yet */
    int64_t first_event, last_event; /* of the pending ones */
    struct eng_watch_stats stats;
    struct histogram told;
    bool stop;
    int failed; /* errno of the last reading that failed */
    char events[EVENTS_ROOM] __attribute__((aligned(8)));

    pthread_t thread;
    bool started;
    /* Thread: watcher */
    uint64_t polls, overflows_told, errors_told;
    uint32_t rooted; /* roots that were there from the start */
};

/* --- words ----------------------------------------------------------------
 */

#define NAME(symbol, word) [ENG_WATCH_##symbol] = word,
const char *eng_watch_kind_name(enum eng_watch_kind k)
{
    static const char *const names[] = {ENG_WATCH_KIND_ROWS(NAME)};
    return names[k];
}

const char *eng_watch_why_name(enum eng_watch_why why)
{
    static const char *const names[] = {ENG_WATCH_WHY_ROWS(NAME)};
    return names[why];
}
#undef NAME

const char *eng_watch_set_name(enum eng_watch_set s)
{
    static const char *const names[] = {[ENG_WATCH_WORKFLOWS] = "workflows",
                                        [ENG_WATCH_STANDARDS] = "standards",
                                        [ENG_WATCH_PLANS] = "plans"};
    return names[s];
}

/* --- events --------------------------------------------------------------- */

/* Is it the next part of the way to the root? Any part of it will do: the
 * walk looks at what is there. */
static bool on_the_way(struct slice path, struct slice name)
{
    struct slice part;
    while (slice_split(&path, '/', &part))
        if (slice_eq(part, name)) return true;
    return false;
}

/* Those roots have changed. */
static void touch(struct eng_watch *w, uint32_t roots)
{
    w->touched |= roots;
}

/* And what folders they have. */
static void touch_folders(struct eng_watch *w, uint32_t roots,
                          enum eng_watch_why why)
{
    touch(w, roots);
    for (uint32_t i = 0; i < w->roots; i++) {
        struct watch_root *r = &w->root[i];
        if (!(roots & (UINT32_C(1) << i))) continue;
        if (r->fresh) r->walk_why = why;
        r->fresh = false;
    }
}

static enum eng_watch_kind kind_of(uint32_t mask)
{
    static const struct {
        uint32_t mask;
        enum eng_watch_kind kind;
    } rows[] = {{IN_Q_OVERFLOW, ENG_WATCH_LOST},
                {IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF,
                 ENG_WATCH_GONE},
                {IN_CREATE, ENG_WATCH_CREATED},
                {IN_MOVED_FROM | IN_MOVED_TO, ENG_WATCH_MOVED},
                {IN_DELETE, ENG_WATCH_DELETED},
                {IN_MODIFY | IN_CLOSE_WRITE, ENG_WATCH_WRITTEN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (mask & rows[i].mask) return rows[i].kind;
    return ENG_WATCH_ATTRIBUTES;
}

/* Once for each set that has one of the roots. */
static void count_event(struct eng_watch *w, uint32_t mask, uint32_t roots)
{
    unsigned sets = 0;
    for (uint32_t i = 0; i < w->roots; i++)
        if (roots & (UINT32_C(1) << i)) sets |= 1u << w->root[i].set;
    for (int set = 0; set < ENG_WATCH_SETS; set++)
        if (sets & (1u << set)) w->stats.events[set][kind_of(mask)]++;
}

static void do_event(struct eng_watch *w, uint32_t mask, int32_t wd,
                     struct slice name)
{
    const uint32_t all = UINT32_MAX;
    if (mask & IN_Q_OVERFLOW) {
        w->stats.overflows++;
        count_event(w, mask, all);
        touch_folders(w, all, ENG_WATCH_OVERFLOW);
        return;
    }
    struct watched *wt = watch__find(&w->table, wd);
    if (!wt) return; /* of a watch that we gave up */
    uint32_t tree = wt->tree, above = wt->above;
    count_event(w, mask, tree | above);
    if (mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) {
        touch_folders(w, tree | above, ENG_WATCH_FOLDERS);
        if (mask & IN_IGNORED) watch__forget(&w->table, wd);
        return;
    }
    bool hidden = name.n && name.p[0] == '.';
    if (!hidden && (mask & IN_ISDIR))
        touch_folders(w, tree, ENG_WATCH_FOLDERS);
    else if (!hidden)
        touch(w, tree);
    for (uint32_t i = 0; i < w->roots; i++)
        if ((above & (UINT32_C(1) << i)) && name.n &&
            on_the_way(w->root[i].path, name))
            touch_folders(w, UINT32_C(1) << i, ENG_WATCH_FOLDERS);
}

static void do_events(struct eng_watch *w, size_t n)
{
    struct inotify_event ev;
    for (size_t at = 0; n - at >= sizeof(ev); at += sizeof(ev) + ev.len) {
        memcpy(&ev, w->events + at, sizeof(ev));
        if (ev.len > n - at - sizeof(ev)) return; /* cannot be; not beyond */
        const char *name = w->events + at + sizeof(ev);
        do_event(w, ev.mask, ev.wd,
                 (struct slice){name, strnlen(name, ev.len)});
    }
}

/* --- the descriptor ------------------------------------------------------- */

/* A new inotify under the old number, so that who polls it needs no lock. */
static void do_renew(struct eng_watch *w)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->works = fd >= 0 && dup3(fd, w->fd, O_CLOEXEC) >= 0;
    if (fd >= 0) close(fd);
    watch__table_done(&w->table);
    w->table = (struct watch_table){.fd = w->fd, .walks = w->table.walks};
    for (uint32_t i = 0; i < w->roots && !w->works; i++)
        w->root[i].why = "the kernel gives no inotify";
    touch_folders(w, UINT32_MAX, ENG_WATCH_RENEWED);
}

static void do_read(struct eng_watch *w)
{
    for (int i = 0; i < BATCHES_MAX; i++) {
        ssize_t n = read(w->fd, w->events, sizeof(w->events));
        if (n > 0) {
            do_events(w, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            return;
        } else {
            w->stats.errors++;
            w->failed = n < 0 ? errno : 0;
            do_renew(w);
            return;
        }
    }
}

static void do_walks(struct eng_watch *w)
{
    bool fresh = true;
    for (uint32_t i = 0; i < w->roots; i++) fresh &= w->root[i].fresh;
    if (fresh) return;
    watch__walk_all_begin(&w->table);
    for (uint32_t i = 0; i < w->roots; i++) {
        struct watch_root *r = &w->root[i];
        if (!r->fresh) w->stats.rescans[r->set][r->walk_why]++;
        watch__root_walk(&w->table, r, UINT32_C(1) << i);
        if (!r->fresh) r->walk_why = ENG_WATCH_FOLDERS; /* it is moving */
    }
    watch__walk_all_end(&w->table);
}

/* --- stamps --------------------------------------------------------------- */

static void do_publish(struct eng_watch *w, enum eng_watch_set set)
{
    bool known = w->works && !(w->uncounted & (1u << set)), touched = false;
    for (uint32_t i = 0; i < w->roots; i++) {
        if (w->root[i].set != set) continue;
        known &= w->root[i].known;
        touched |= (w->touched & (UINT32_C(1) << i)) != 0;
    }
    if (touched && set != ENG_WATCH_PLANS) w->pending |= 1u << set;
    uint64_t had = atomic_load_explicit(&w->stamp[set], memory_order_relaxed);
    bool first = had == ENG_WATCH_UNREAD; /* also of a set without roots */
    if (!first && !touched && (had != 0) == known) return;
    /* Release: see eng_watch_stamp. */
    atomic_store_explicit(&w->stamp[set], known ? ++w->changes : 0,
                          memory_order_release);
}

static void do_drain(struct eng_watch *w)
{
    unsigned pending = w->pending;
    if (w->o.mode != ENG_WATCH_AUTO) return;
    atomic_store(&w->draining, true);
    if (w->works) do_read(w);
    if (w->works) do_walks(w);
    for (int set = 0; set < ENG_WATCH_SETS; set++)
        do_publish(w, (enum eng_watch_set)set);
    if (w->touched) {
        w->stats.last_event_ns = w->last_event = clock_now();
        if (!pending) w->first_event = w->last_event;
    }
    w->touched = 0;
    atomic_store_explicit(&w->draining, false, memory_order_release);
    if (!pending && w->pending) {
        uint64_t one = 1;
        ssize_t n = write(w->wake_fd, &one, sizeof(one));
        (void)n; /* full: the thread is awake already */
    }
}

/* Half of what poll costs, and every call that a cache answers asks. */
static bool unread(const struct eng_watch *w)
{
    int bytes = 0;
    return ioctl(w->fd, FIONREAD, &bytes) != 0 || bytes != 0;
}

/* Once for all that were read together (base/turn.h). Only "no" is kept: of
 * what happened before them it stays true, whoever reads events meanwhile. */
static bool unread_in_turn(const struct eng_watch *w)
{
    static _Thread_local struct {
        const struct eng_watch *w;
        uint64_t turn;
    } none;
    uint64_t turn = turn_now();
    if (turn && none.turn == turn && none.w == w) return false;
    if (unread(w)) return true;
    none.turn = turn;
    none.w = w;
    return false;
}

/* Events that were queued before this call are either still unread, which
 * FIONREAD tells, or were read by a drain. That drain set `draining` before
 * its read(2); both take the queue's lock in the kernel one after the other,
 * so we see `draining` set, or cleared again with release after the stamps had
 * changed, which our acquire then sees too. */
static uint64_t stamp_unless(struct eng_watch *w, enum eng_watch_set set,
                             bool waits)
{
    waits |= atomic_load_explicit(&w->draining, memory_order_acquire);
    uint64_t stamp = atomic_load_explicit(&w->stamp[set], memory_order_acquire);
    return stamp && waits ? ENG_WATCH_UNREAD : stamp;
}

uint64_t eng_watch_stamp(struct eng_watch *w, enum eng_watch_set set)
{
    if (!w || w->o.mode != ENG_WATCH_AUTO) return 0;
    return stamp_unless(w, set, unread_in_turn(w));
}

uint64_t eng_watch_barrier(struct eng_watch *w, enum eng_watch_set set)
{
    if (!w || w->o.mode != ENG_WATCH_AUTO) return 0;
    uint64_t stamp = stamp_unless(w, set, unread(w));
    for (int i = 0; stamp == ENG_WATCH_UNREAD && i < DRAINS_MAX; i++) {
        lock_take(&w->lock);
        do_drain(w);
        lock_drop(&w->lock);
        stamp = stamp_unless(w, set, unread(w));
    }
    return stamp == ENG_WATCH_UNREAD ? 0 : stamp;
}

static bool do_follow(struct eng_watch *w, enum eng_watch_set set,
                      struct slice path)
{
    for (uint32_t i = w->rooted; i < w->roots; i++)
        if (w->root[i].set == set && slice_eq(w->root[i].path, path))
            return true;
    if (w->roots == ENG_WATCH_ROOTS_MAX ||
        w->roots - w->rooted == ENG_WATCH_FOLLOWED_MAX)
        return false;
    char *copy = mem_alloc(path.n + 1);
    if (!copy) return false;
    memcpy(copy, path.p, path.n);
    copy[path.n] = '\0';
    w->touched |= UINT32_C(1) << w->roots;
    w->root[w->roots++] = (struct watch_root){
        .path = {copy, path.n}, .set = set, .followed = true, .why = not_yet};
    do_drain(w); /* walks to it */
    return true;
}

bool eng_watch_follow(struct eng_watch *w, enum eng_watch_set set,
                      struct slice path)
{
    if (!w || w->o.mode != ENG_WATCH_AUTO) return false;
    lock_take(&w->lock);
    bool followed = do_follow(w, set, path);
    lock_drop(&w->lock);
    return followed;
}

/* --- the thread ----------------------------------------------------------- */

/* Sets whose change is to be told now; until when to sleep. */
static unsigned do_due(struct eng_watch *w, int64_t now, int64_t *until)
{
    if (!w->pending) return 0;
    int64_t quiet = w->last_event + w->o.debounce_ns;
    int64_t most = w->first_event + w->o.debounce_max_ns;
    int64_t due = quiet < most ? quiet : most;
    if (now < due) {
        if (due < *until) *until = due;
        return 0;
    }
    unsigned sets = w->pending;
    w->pending = 0;
    w->stats.notices++;
    histogram_add(&w->told, now - w->first_event);
    return sets;
}

/* What nobody reports on is looked at. */
static unsigned look(struct eng_watch *w)
{
    unsigned sets = 0;
    for (uint32_t i = 0; i < w->rooted; i++) {
        struct watch_root *r = &w->root[i];
        struct arena a;
        struct eng_signature now = {0};
        if (!r->told) continue;
        arena_init(&a, SIGNATURE_CEILING);
        enum err e = eng__signature_take(r->path, &a, &now);
        arena_done(&a);
        uint64_t signature = e == ERR_NOT_FOUND ? 1 : e ? 0 : now.value | 2;
        if (r->signature && signature && r->signature != signature)
            sets |= 1u << r->set;
        r->signature = signature;
    }
    return sets;
}

/* Takes over under the lock what is to be logged without it. True: there are
 * roots that nobody reports on. */
static bool tell(struct eng_watch *w)
{
    const char *why[ENG_WATCH_ROOTS_MAX] = {0};
    bool any = false;
    lock_take(&w->lock);
    for (uint32_t i = 0; i < w->rooted; i++) why[i] = w->root[i].why;
    uint64_t overflows = w->stats.overflows, errors = w->stats.errors;
    int failed = w->failed;
    lock_drop(&w->lock);
    for (uint32_t i = 0; i < w->rooted; i++) {
        struct watch_root *r = &w->root[i];
        if (why[i] && why[i] != r->told && w->o.mode == ENG_WATCH_AUTO)
            log_warn("watch", "changes are looked for, not reported",
                     LOG_S("root", r->path), LOG_C("why", why[i]));
        r->told = why[i];
        any |= why[i] != NULL;
    }
    if (overflows != w->overflows_told)
        log_warn("watch", "watch overflow, full rescan",
                 LOG_I("overflows", overflows));
    w->overflows_told = overflows;
    if (errors != w->errors_told)
        log_error("watch", "watch event failed",
                  LOG_S("path", w->rooted ? w->root[0].path : SLICE("")),
                  LOG_C("err", failed ? strerrordesc_np(failed) : "ended"),
                  LOG_I("errors", errors));
    w->errors_told = errors;
    return any;
}

/* Signatures of what inotify does not report; now and then inotify again. */
static unsigned poll_round(struct eng_watch *w)
{
    unsigned sets = look(w);
    lock_take(&w->lock);
    if (sets) w->stats.notices++;
    if (++w->polls % RETRY_POLLS == 0 && w->o.mode == ENG_WATCH_AUTO) {
        if (!w->works) do_renew(w);
        for (uint32_t i = 0; i < w->roots; i++) {
            struct watch_root *r = &w->root[i];
            if (r->fresh && !r->known) r->walk_why = ENG_WATCH_AGAIN;
            r->fresh &= r->known;
        }
    }
    lock_drop(&w->lock);
    return sets;
}

static void sleep_until(struct eng_watch *w, int64_t until)
{
    struct pollfd p[2] = {{.fd = w->wake_fd, .events = POLLIN},
                          {.fd = w->fd, .events = POLLIN}};
    int64_t ms = until == INT64_MAX
                     ? -1
                     : (until - clock_now() + NS_PER_MS - 1) / NS_PER_MS;
    if (until != INT64_MAX && ms < 0) ms = 0;
    (void)poll(p, 2, ms > 60000 ? 60000 : (int)ms);
    uint64_t count;
    ssize_t n = read(w->wake_fd, &count, sizeof(count));
    (void)n; /* EAGAIN: it was not that */
}

static void *watch_main(void *arg)
{
    struct eng_watch *w = arg;
    int64_t next_look = 0;
    log_thread_name("watcher");
    if (w->o.begins) w->o.begins(w->o.ctx);
    for (;;) {
        int64_t until = INT64_MAX, now = clock_now();
        lock_take(&w->lock);
        bool stop = w->stop;
        if (!stop) do_drain(w);
        unsigned sets = stop ? 0 : do_due(w, now, &until);
        lock_drop(&w->lock);
        if (stop) return NULL;
        if (!tell(w)) {
            next_look = 0;
        } else if (now >= next_look) {
            sets |= poll_round(w);
            next_look = now + w->o.poll_ns;
        }
        if (next_look && next_look < until) until = next_look;
        if (sets && w->o.changed) w->o.changed(w->o.ctx, sets);
        sleep_until(w, until);
    }
}

/* --- life ----------------------------------------------------------------- */

static void roots_take(struct eng_watch *w)
{
    for (int set = 0; set < ENG_WATCH_SETS; set++) {
        const struct eng_watch_roots *from = &w->o.roots[set];
        for (size_t i = 0; i < from->count; i++) {
            if (w->roots == ENG_WATCH_ROOTS_MAX) {
                w->uncounted |= 1u << set;
                break;
            }
            w->root[w->roots++] = (struct watch_root){
                .path = from->paths[i],
                .set = (enum eng_watch_set)set,
                .why = w->o.mode == ENG_WATCH_AUTO ? not_yet : "watch.mode"};
        }
    }
    w->rooted = w->roots;
}

static int64_t or_default(int64_t ns, int64_t ms)
{
    return ns > 0 ? ns : ms * NS_PER_MS;
}

enum err eng_watch_new(const struct eng_watch_options *o,
                       struct eng_watch **ret)
{
    struct eng_watch *w = MEM_NEW(struct eng_watch);
    if (!w) return ERR_NOMEM;
    w->o = *o;
    w->o.debounce_ns = or_default(o->debounce_ns, 200);
    w->o.debounce_max_ns = or_default(o->debounce_max_ns, 2000);
    w->o.poll_ns = or_default(o->poll_ns, 2000);
    lock_init(&w->lock, "watch", RANK_WATCH);
    roots_take(w);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Holds the number until there is an inotify to put there. */
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->fd < 0 || w->wake_fd < 0) w->o.mode = ENG_WATCH_OFF;
    w->table.fd = w->fd;
    if (w->o.mode == ENG_WATCH_AUTO) do_renew(w);
    for (int set = 0; set < ENG_WATCH_SETS && w->works; set++)
        atomic_init(&w->stamp[set], ENG_WATCH_UNREAD); /* nobody walked yet */
    *ret = w;
    return OK;
}

enum err eng_watch_start(struct eng_watch *w)
{
    if (w->o.mode == ENG_WATCH_OFF) return OK;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, watch_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->started = rc == 0;
    return w->started ? OK : ERR_UNAVAILABLE;
}

void eng_watch_free(struct eng_watch *w)
{
    if (!w) return;
    if (w->started) {
        uint64_t one = 1;
        lock_take(&w->lock);
        w->stop = true;
        lock_drop(&w->lock);
        ssize_t n = write(w->wake_fd, &one, sizeof(one));
        (void)n; /* full: the thread is awake already */
        pthread_join(w->thread, NULL);
    }
    watch__table_done(&w->table);
    for (uint32_t i = w->rooted; i < w->roots; i++)
        mem_free((char *)(uintptr_t)w->root[i].path.p);
    if (w->fd >= 0) close(w->fd);
    if (w->wake_fd >= 0) close(w->wake_fd);
    lock_done(&w->lock);
    mem_free(w);
}

static void note_unwatched(struct eng_watch_stats *ret, const char *why)
{
    ret->roots_unwatched += why != NULL;
    ret->roots_pending += why == not_yet || (why && why == watch__moving);
}

void eng_watch_stats(struct eng_watch *w, struct eng_watch_stats *ret)
{
    lock_take(&w->lock);
    *ret = w->stats;
    histogram_read(&w->told, &ret->told);
    ret->roots = w->rooted;
    for (uint32_t i = 0; i < w->rooted; i++)
        note_unwatched(ret, w->root[i].why);
    ret->directories = (uint32_t)w->table.by_wd.count;
    lock_drop(&w->lock);
    ret->mode = w->o.mode == ENG_WATCH_OFF                         ? "off"
                : ret->roots_unwatched == ret->roots && ret->roots ? "stat"
                : ret->roots_unwatched                             ? "mixed"
                                                                   : "inotify";
}
