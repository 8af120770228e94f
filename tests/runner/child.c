/* The test's own process: runs one test, then leaves by exit(), so that leak
 * checkers and coverage counters do their work. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct verdict *the_verdict;
static const char *the_tmpdir;

struct ending {
    void (*fn)(void *ctx);
    void *ctx;
};
enum { ENDINGS_MAX = 4096 };
static struct ending endings[ENDINGS_MAX];
static size_t endings_count;
static pthread_mutex_t endings_lock = PTHREAD_MUTEX_INITIALIZER;

struct verdict *child_verdict(void)
{
    return the_verdict;
}

void test_at_end(void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&endings_lock);
    bool room = endings_count < ENDINGS_MAX;
    if (room) endings[endings_count++] = (struct ending){fn, ctx};
    pthread_mutex_unlock(&endings_lock);
    if (!room) FAIL("more than %d fixtures in one test", ENDINGS_MAX);
}

_Noreturn void child_main(const struct item *it, struct verdict *v,
                          const char *tmpdir)
{
    the_verdict = v;
    the_tmpdir = tmpdir;
    const struct test_def *d = it->def;
    d->run(d->rows ? (const char *)d->rows + it->row * d->row_size : NULL);
    while (endings_count) {
        struct ending e = endings[--endings_count];
        e.fn(e.ctx);
    }
    int none = OUTCOME_NONE;
    atomic_compare_exchange_strong(&v->outcome, &none, OUTCOME_PASSED);
    exit(0);
}

const char *test_tmpdir(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    bool ok = the_verdict->tmpdir_made || mkdir(the_tmpdir, 0700) == 0;
    int error = errno;
    the_verdict->tmpdir_made = ok;
    pthread_mutex_unlock(&lock);
    if (!ok) FAIL("cannot make the folder %s: %s", the_tmpdir, strerror(error));
    return the_tmpdir;
}

const char *test_source_dir(void)
{
    return PHASEGATE_SOURCE_DIR;
}

const char *test_shared_dir(void)
{
    static const char path[] = PHASEGATE_SOURCE_DIR "/../shared";
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : NULL;
}

const char *test_binary_dir(void)
{
    return PHASEGATE_BINARY_DIR;
}

const char *test_binary(void)
{
    const char *other = getenv("PHASEGATE_BINARY");
    return other && *other ? other : PHASEGATE_BINARY_DIR "/phasegate";
}

const char *test_npm_dir(void)
{
    return PHASEGATE_SOURCE_DIR "/build/npm";
}

bool test_sanitized(void)
{
#if defined(PHASEGATE_SANITIZE)
    return true;
#else
    return false;
#endif
}

struct start {
    pthread_barrier_t *gate;
    void (*fn)(void *ctx, int i);
    void *ctx;
    int i;
    pthread_t thread;
};

static void *thread_main(void *arg)
{
    struct start *s = arg;
    pthread_barrier_wait(s->gate);
    s->fn(s->ctx, s->i);
    return NULL;
}

void test_threads(int n, void (*fn)(void *ctx, int i), void *ctx)
{
    pthread_barrier_t gate;
    if (n <= 0) FAIL("test_threads(%d, ...)", n);
    struct start *all = must(calloc((size_t)n, sizeof *all));
    pthread_barrier_init(&gate, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        all[i] = (struct start){&gate, fn, ctx, i, 0};
        int e = pthread_create(&all[i].thread, NULL, thread_main, &all[i]);
        if (e) FAIL("thread %d of %d does not start: %s", i, n, strerror(e));
    }
    for (int i = 0; i < n; i++) pthread_join(all[i].thread, NULL);
    pthread_barrier_destroy(&gate);
    free(all);
}
