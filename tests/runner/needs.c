/* Facts about this machine and this run that a test may declare to need. */
#include "tests/runner/runner.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/sha256.h"

static bool have_shared(const struct options *o)
{
    (void)o;
    return test_shared_dir() != NULL;
}

static struct slice npm_file(struct arena *a, const char *folder,
                             const char *name)
{
    struct slice path = arena_printf(a, "%s/%s", folder, name), text;
    return file_read(path, 16 << 20, a, &text) ? SLICE("") : text;
}

/* ./bootstrap leaves the checksum of what it has installed: packages of
 * another version are none. */
static bool have_npm(const struct options *o)
{
    (void)o;
    struct arena a;
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    arena_init(&a, 64 << 20);
    struct slice wanted = arena_printf(&a, "%s/tests/npm", test_source_dir());
    struct slice package = npm_file(&a, wanted.p, "package.json");
    struct slice lock = npm_file(&a, wanted.p, "package-lock.json");
    struct slice both =
        arena_printf(&a, "%.*s%.*s", SLICE_ARG(package), SLICE_ARG(lock));
    sha256_of(both, hash);
    bool have = slice_starts(npm_file(&a, test_npm_dir(), "installed"),
                             sha256_hex(hash, hex));
    arena_done(&a);
    return have;
}

static bool have_slow(const struct options *o)
{
    return o->full;
}

/* What other programs may link: no sanitizer, no coverage. */
static bool have_plain(const struct options *o)
{
    (void)o;
#ifdef PHASEGATE_PLAIN
    return true;
#else
    return false;
#endif
}

/* What people run: figures of size and time are told of it. */
static bool have_release(const struct options *o)
{
#ifdef NDEBUG
    return have_plain(o);
#else
    (void)o;
    return false;
#endif
}

static bool have_netns(const struct options *o)
{
    (void)o;
    pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0);
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool have_program(const struct options *o)
{
    (void)o;
    return access(test_binary(), X_OK) == 0;
}

/* Is it in one of the folders of PATH? */
static bool have_command(const char *name)
{
    const char *path = getenv("PATH");
    bool have = false;
    while (path && *path && !have) {
        size_t n = strcspn(path, ":");
        char *at = text_new("%.*s/%s", (int)n, path, name);
        have = access(at, X_OK) == 0;
        free(at);
        path += n + (path[n] == ':');
    }
    return have;
}

static bool have_spin(const struct options *o)
{
    (void)o;
    return have_command("spin") && have_command("cc");
}

static bool have_browser(const struct options *o)
{
    (void)o;
    return have_command("chromium");
}

static struct fact {
    const char *name;
    bool (*have)(const struct options *o); /* NULL: a command of that name */
    const char *why_not;
    signed char known; /* 0: not asked yet, 1: yes, -1: no */
} facts[] = {
    {"shared", have_shared, "no folder of real inputs beside the repository",
     0},
    {"npm", have_npm,
     "node packages are not installed: ./bootstrap test installs them", 0},
    {"slow", have_slow, "takes long: runs with --full", 0},
    {"plain", have_plain, "this build is instrumented", 0},
    {"release", have_release, "this build is not the one that people run", 0},
    {"network-ns", have_netns, "may not make a network namespace here", 0},
    {"binary", have_program, "the program itself is not built", 0},
    {"browser", have_browser, "no chromium: ./bootstrap test --full brings it",
     0},
    {"spin", have_spin, "the model checker spin or cc is not installed", 0},
    {"man", NULL, "man is not installed", 0},
    {"valgrind", NULL, "valgrind is not installed", 0},
    {"curl", NULL, "curl is not installed", 0},
    {"zsh", NULL, "zsh is not installed", 0},
    {"fish", NULL, "fish is not installed", 0},
    {"promtool", NULL, "promtool (Debian package prometheus) is not installed",
     0},
};

static const char *fact_missing(const char *word, size_t n,
                                const struct options *o, bool *ret_unknown)
{
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct fact *f = &facts[i];
        if (strlen(f->name) != n || memcmp(f->name, word, n) != 0) continue;
        if (!f->known)
            f->known = (f->have ? f->have(o) : have_command(f->name)) ? 1 : -1;
        return f->known > 0 ? NULL : f->why_not;
    }
    *ret_unknown = true;
    return "needs a fact that the runner does not know (tests/runner/needs.c)";
}

const char *needs_missing(const struct test_def *def, const struct options *o,
                          bool *ret_unknown)
{
    *ret_unknown = false;
    const char *why = NULL, *at = def->options.needs ? def->options.needs : "";
    while (!why && *(at += strspn(at, " "))) {
        size_t n = strcspn(at, " ");
        why = fact_missing(at, n, o, ret_unknown);
        at += n;
    }
    return why;
}
