/* The page shared with the test, and the moment of the n-th call. */
#define FAULTS_INSIDE
#include "tests/faults/faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct faults nothing;
struct faults *faults = &nothing;

__attribute__((constructor)) static void find_page(void)
{
    const char *path = getenv("PHASEGATE_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *p = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE,
                   MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) faults = p;
    close(fd);
}

_Noreturn void faults_die(void)
{
    if (faults->what == FAULT_POWER) power_cut(faults->seed);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

bool faults_strike(enum fault_kind kind, bool *half)
{
    uint32_t what = faults->what;
    if (!what || !(faults->kinds & 1u << kind)) return false;
    uint64_t n = atomic_fetch_add(&faults->seen, 1) + 1;
    if (n != faults->at && !(faults->lasts && n > faults->at)) return false;
    atomic_fetch_add(&faults->fired, 1);
    if (what == FAULT_ERROR) return true;
    if (what == FAULT_SLOW) {
        (void)usleep((useconds_t)faults->code * 1000);
        return false;
    }
    if (!half) faults_die();
    *half = true;
    return false;
}

/* --- the clock on the wall ------------------------------------------------ */

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    const int64_t second = 1000000000;
    int rc = __real_clock_gettime(id, t);
    int64_t by = faults->wall_ns;
    if (rc || id != CLOCK_REALTIME || by == 0) return rc;
    int64_t ns = t->tv_sec * second + t->tv_nsec + by;
    t->tv_sec = ns / second;
    t->tv_nsec = ns % second;
    return 0;
}
