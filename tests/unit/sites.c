#include "tests/unit/sites.h"

#include <execinfo.h>
#include <pthread.h>

#include "tests/runner/test.h"

enum { SITES_MOST = 8192, FRAMES = 10, FRAMES_DEEP = 48 };

static struct {
    pthread_mutex_t lock;
    uint64_t hash[SITES_MOST];
    struct site at[SITES_MOST];
    size_t count;
    bool ours;
} sites = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Where the program lies; the linker's names. */
extern const char __executable_start[], etext[];

static bool is_ours(const char *frame)
{
    return frame >= __executable_start && frame < etext;
}

/* Under the lock. */
static uint64_t place(void)
{
    void *frame[FRAMES_DEEP];
    uint64_t hash = 14695981039346656037u;
    int n = backtrace(frame, sites.ours ? FRAMES_DEEP : FRAMES);
    for (int i = 0, used = 0; i < n && used < FRAMES; i++) {
        if (sites.ours && !is_ours(frame[i])) continue;
        hash = (hash ^ (uint64_t)(uintptr_t)frame[i]) * 1099511628211u;
        used++;
    }
    return hash;
}

void sites_clear(bool ours)
{
    pthread_mutex_lock(&sites.lock);
    sites.count = 0;
    sites.ours = ours;
    pthread_mutex_unlock(&sites.lock);
}

void sites_note(uint64_t nth)
{
    size_t i = 0;
    pthread_mutex_lock(&sites.lock);
    uint64_t hash = place();
    while (i < sites.count && sites.hash[i] != hash) i++;
    if (i == sites.count) {
        CHECK_INT_LT(i, SITES_MOST);
        sites.hash[i] = hash;
        sites.at[i].first = nth;
        sites.count++;
    }
    sites.at[i].last = nth;
    pthread_mutex_unlock(&sites.lock);
}

bool sites_at(size_t i, struct site *ret)
{
    pthread_mutex_lock(&sites.lock);
    bool is = i < sites.count;
    if (is) *ret = sites.at[i];
    pthread_mutex_unlock(&sites.lock);
    return is;
}
