#include "state/commits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/random.h"

#define PAGE 4096
#define MAGIC UINT64_C(0x31544d4d4f434750) /* "PGCOMMT1" */

struct commits_page {
    _Atomic uint64_t magic;
    char pad[56]; /* the two numbers on a line of their own */
    _Atomic uint64_t begun, ended;
};

/* --- the file ------------------------------------------------------------- */

static bool usable(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size >= PAGE;
}

/* Every block is allocated now: a write into a hole of a mapped file on a
 * full disk would be a SIGBUS. */
static bool make_whole(int fd, struct stat *st)
{
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) return false;
    if (st->st_size >= PAGE) return true;
    int failed = posix_fallocate(fd, 0, PAGE);
    if (failed) errno = failed;
    return !failed && fstat(fd, st) == 0 && usable(st);
}

static struct commits_page *map_file(struct commits *c)
{
    struct stat st;
    void *p = MAP_FAILED;
    int fd = open(c->path,
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd >= 0 && make_whole(fd, &st))
        p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        log_warn("store", "the commit counter cannot be mapped",
                 LOG_C("path", c->path), LOG_C("error", strerror(errno)));
    if (fd >= 0) close(fd);
    if (p == MAP_FAILED) return NULL;
    c->dev = st.st_dev;
    c->ino = st.st_ino;
    return p;
}

/* Is the page still what the path names, and long enough to be touched? */
static bool still_there(const struct commits *c)
{
    struct stat st;
    return stat(c->path, &st) == 0 && usable(&st) && st.st_dev == c->dev &&
           st.st_ino == c->ino;
}

static struct commits_page *page_of(const struct commits *c)
{
    /* acquire: pairs with the store of a page that was mapped later */
    return atomic_load_explicit(&c->page, memory_order_acquire);
}

/* Others look at it at this moment, so the page stays mapped until the store
 * is closed; after the eighth replacement for good. */
static void let_go(struct commits *c)
{
    struct commits_page *p = page_of(c);
    if (!p) return;
    atomic_store_explicit(&c->page, NULL, memory_order_release);
    if (c->old_count < (int)(sizeof(c->old) / sizeof(c->old[0])))
        c->old[c->old_count++] = p;
}

enum err st__commits_open(struct commits *c, const char *state_path)
{
    size_t n = strlen(state_path) + sizeof("-commits");
    *c = (struct commits){.path = mem_alloc(n)};
    if (!c->path) return ERR_NOMEM;
    snprintf(c->path, n, "%s-commits", state_path);
    atomic_store_explicit(&c->page, map_file(c), memory_order_release);
    return OK;
}

void st__commits_close(struct commits *c)
{
    let_go(c);
    while (c->old_count) munmap(c->old[--c->old_count], PAGE);
    mem_free(c->path);
    c->path = NULL;
}

/* --- holding SQLite's write lock ------------------------------------------ */

/* Counts of a new or spoilt file start anywhere, so that they do not meet the
 * stamps of an older one. */
static void start_over(struct commits_page *p)
{
    uint64_t at = (random_u64() >> 2) | 1;
    atomic_store(&p->ended, 0); /* who was killed is not known any more */
    atomic_store(&p->begun, at);
    atomic_store(&p->magic, MAGIC);
}

uint64_t st__commits_settle(struct commits *c)
{
    if (!still_there(c)) {
        let_go(c);
        atomic_store_explicit(&c->page, map_file(c), memory_order_release);
    }
    struct commits_page *p = page_of(c);
    if (!p) return 0;
    uint64_t begun = atomic_load(&p->begun), ended = atomic_load(&p->ended);
    if (atomic_load(&p->magic) != MAGIC || begun == 0 || ended > begun)
        start_over(p);
    begun = atomic_load(&p->begun);
    atomic_store(&c->last, begun);
    return atomic_load(&p->ended) < begun ? begun : 0;
}

enum err st__commits_begin(struct commits *c, uint64_t *ret_ticket)
{
    struct commits_page *p = page_of(c);
    if (!p) return ERR_STORE_WRITE_FAILED;
    uint64_t ticket = atomic_load(&p->begun) + 1;
    atomic_store(&p->begun, ticket);
    /* In this order: st__commits_stamp relies on it. */
    atomic_fetch_add(&c->own, 1);
    atomic_store(&c->last, ticket);
    *ret_ticket = ticket;
    return OK;
}

uint64_t st__commits_stamp_locked(const struct commits *c)
{
    const struct commits_page *p = page_of(c);
    return p ? atomic_load(&p->begun) - atomic_load(&c->own) + 1 : 0;
}

/* --- anywhere ------------------------------------------------------------- */

void st__commits_end(struct commits *c, uint64_t ticket)
{
    struct commits_page *p = page_of(c);
    if (!p || !ticket) return;
    uint64_t ended = atomic_load(&p->ended);
    while (ended < ticket &&
           !atomic_compare_exchange_weak(&p->ended, &ended, ticket))
        continue;
}

uint64_t st__commits_stamp(const struct commits *c)
{
    const struct commits_page *p = page_of(c);
    if (!p) return 0;
    /* acquire: each pairs with the (sequentially consistent) stores above; the
     * order of the loads is the proof's */
    uint64_t e = atomic_load_explicit(&p->ended, memory_order_acquire);
    uint64_t b = atomic_load_explicit(&p->begun, memory_order_acquire);
    uint64_t last = atomic_load_explicit(&c->last, memory_order_acquire);
    uint64_t own = atomic_load_explicit(&c->own, memory_order_acquire);
    uint64_t again = atomic_load_explicit(&p->begun, memory_order_acquire);
    if (b != again || b == 0) return 0;
    if (last == b || (last < b && e == b)) return b - own + 1;
    return 0;
}

bool st__commits_unsettled(const struct commits *c)
{
    const struct commits_page *p = page_of(c);
    return !p || !still_there(c) ||
           atomic_load(&p->ended) != atomic_load(&p->begun);
}
