/* doctor: the state file and the search index. Both are looked at as they lie
 * there; a live file is read in one snapshot. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/doctor.h"
#include "cli/project.h"
#include "state/inspect.h"

enum { CHECK_MS = 5000, WAL_MOST_MIB = 64 };

/* Moves the file away with what belongs to it; a backup, when there is one of
 * this version, takes its place. */
static void mend_file(struct cli_doctor *d, struct slice path, int version)
{
    struct stat st;
    struct slice q = cli_quoted(d, path);
    struct slice kept =
        arena_printf(&d->arena, "%.*s.v%d", SLICE_ARG(path), version);
    bool have = version > 0 && cli_look(d, kept, &st);
    cli_mend(d,
             "mv %.*s %.*s.aside && rm -rf %.*s-wal %.*s-shm %.*s-commits%s%.*s"
             "%s%.*s",
             SLICE_ARG(q), SLICE_ARG(q), SLICE_ARG(q), SLICE_ARG(q),
             SLICE_ARG(q), have ? " && cp " : "",
             SLICE_ARG(have ? cli_quoted(d, kept) : (struct slice){0}),
             have ? " " : "", SLICE_ARG(have ? q : (struct slice){0}));
}

static const char stop_first[] =
    "Stop every server of the project, then move the file away; a backup put "
    "in its place brings the sessions back:";

static void tell(struct cli_doctor *d, struct slice path, enum err e,
                 const struct problem *p, const struct st_inspection *in)
{
    if (e == ERR_STORE_BUSY) {
        cli_find(d, CLI_ADVICE, SLICE("Look again in a moment."),
                 "%.*s is locked by another process", SLICE_ARG(path));
    } else if (e == ERR_STORE_TOO_NEW) {
        cli_find(d, CLI_BROKEN,
                 SLICE("Start the newer phasegate; or, to stay with this one, "
                       "stop every server and move the file away (the backup "
                       "of this version takes its place, if there is one):"),
                 "%.*s has version %d, and this phasegate knows %d",
                 SLICE_ARG(path), in->version, in->version_known);
        mend_file(d, path, in->version_known);
    } else {
        cli_find(d, CLI_BROKEN, slice_of(stop_first), "%.*s: %.*s",
                 SLICE_ARG(p->what), SLICE_ARG(p->why));
        mend_file(d, path, 0);
    }
}

static void tell_old(struct cli_doctor *d, struct slice path,
                     const struct st_inspection *in)
{
    cli_find(d, CLI_ADVICE,
             SLICE("The next server brings it there, and keeps what was before "
                   "beside it. End servers of older versions first; then this "
                   "does it now:"),
             "%.*s has version %d, and this phasegate writes %d",
             SLICE_ARG(path), in->version, in->version_known);
    cli_mend(d, "%.*s sessions verify --project %.*s",
             SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)));
}

/* A folder that somebody's setting names is not ours to move. */
static void no_file(struct cli_doctor *d, struct slice path, const char *why)
{
    bool ours =
        cli_options_source(&d->o, SLICE("state")) == CLI_FROM_DEFAULT;
    cli_find(d, CLI_BROKEN,
             ours ? SLICE("Move it out of the way; a new one is made:")
                  : SLICE("Name a file (FOLDER/state.db), or take the setting "
                          "away:"),
             "the state file %.*s %s", SLICE_ARG(path), why);
    if (ours)
        cli_mend_aside(d, path);
    else
        cli_mend_setting(d, cli_options_where(&d->o, SLICE("state")));
}

static void whole(struct cli_doctor *d)
{
    struct slice path = cli_state_file(&d->o, d->root);
    struct stat st;
    struct cancel c;
    struct problem p;
    struct st_inspection in = {0};
    problem_init(&p);
    if (!path.n || !cli_look(d, path, &st) || !(st.st_mode & 0400)) return;
    char *name = arena_cstr(&d->arena, path);
    if (!name || stat(name, &st) != 0) {
        no_file(d, path, "is a link to nothing");
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        no_file(d, path, "is a folder, a FIFO or a device");
        return;
    }
    cancel_init(&c, clock_now() + CHECK_MS * NS_PER_MS);
    enum err e = st_inspect(path, true, &c, &d->arena, &p, &in);
    if (e == ERR_NOT_FOUND) return; /* nothing is in it yet */
    if (e)
        tell(d, path, e, &p, &in);
    else if (in.version < in.version_known)
        tell_old(d, path, &in);
    if (!e && !in.checked)
        cli_find(d, CLI_ADVICE,
                 SLICE("A backup reads every page, however long it takes: "
                       "phasegate backup FILE"),
                 "%.*s is large (%" PRId64
                 " MiB): not every page was looked at in %d s",
                 SLICE_ARG(path), in.bytes >> 20, CHECK_MS / 1000);
}

/* --- what lies beside it -------------------------------------------------- */

static void beside(struct cli_doctor *d)
{
    struct slice path = cli_state_file(&d->o, d->root);
    struct slice wal = arena_printf(&d->arena, "%.*s-wal", SLICE_ARG(path));
    struct slice commits =
        arena_printf(&d->arena, "%.*s-commits", SLICE_ARG(path));
    struct stat st, db;
    bool have = cli_look(d, path, &db);
    if (cli_look(d, wal, &st) && !have) {
        cli_find(d, CLI_BROKEN,
                 SLICE("It belongs to a state file that was moved or removed: "
                       "put that back, or move this away too:"),
                 "%.*s is there without its state file", SLICE_ARG(wal));
        cli_mend_aside(d, wal);
    } else if (have && cli_look(d, wal, &st) &&
               st.st_size >> 20 >= WAL_MOST_MIB) {
        cli_find(d, CLI_ADVICE,
                 SLICE("Something holds a read open, or a server was killed "
                       "often. When no server runs, opening it once takes it "
                       "over:"),
                 "%.*s has %lld MiB", SLICE_ARG(wal),
                 (long long)st.st_size >> 20);
        cli_mend(d, "%.*s sessions verify --project %.*s",
                 SLICE_ARG(cli_quoted(d, d->command)),
                 SLICE_ARG(cli_quoted(d, d->root)));
    }
    struct slice files[] = {
        wal, arena_printf(&d->arena, "%.*s-shm", SLICE_ARG(path)), commits};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!cli_look(d, files[i], &st) || S_ISREG(st.st_mode)) continue;
        cli_find(d, CLI_BROKEN, SLICE("It is made anew when it is not there:"),
                 "%.*s is no file: nothing can be written",
                 SLICE_ARG(files[i]));
        cli_mend_aside(d, files[i]);
    }
}

/* --- who writes ----------------------------------------------------------- */

/* Who has SQLite's write lock, by its name in the file beside the state; 0:
 * nobody. No connection is open here whose locks the close could drop. */
static pid_t writer_of(struct cli_doctor *d, struct slice path)
{
    enum { WRITE_LOCK = 120 }; /* a byte of the -shm file: SQLite's wal.c */
    struct slice shm = arena_printf(&d->arena, "%.*s-shm", SLICE_ARG(path));
    struct flock l = {.l_type = F_WRLCK,
                      .l_whence = SEEK_SET,
                      .l_start = WRITE_LOCK,
                      .l_len = 1};
    char *name = arena_cstr(&d->arena, shm);
    int fd = name ? open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    bool held = fd >= 0 && fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
    if (fd >= 0) close(fd);
    return held ? l.l_pid : 0;
}

static struct slice name_of(struct cli_doctor *d, pid_t pid)
{
    char path[64];
    struct slice name;
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    if (file_read(slice_of(path), 64, &d->arena, &name) != OK)
        return SLICE("a process");
    return slice_trim(name);
}

/* A write takes milliseconds: who has the lock at every look has stopped in
 * the middle of one, and all others wait for it. */
static void written(struct cli_doctor *d)
{
    enum { LOOKS = 20, EVERY_US = 50000 };
    struct slice path = cli_state_file(&d->o, d->root);
    pid_t pid = path.n ? writer_of(d, path) : 0;
    for (int i = 1; i < LOOKS && pid > 0; i++) {
        (void)usleep(EVERY_US);
        if (writer_of(d, path) != pid) pid = 0;
    }
    if (pid <= 0) return;
    struct slice name = name_of(d, pid);
    cli_find(d, CLI_BROKEN,
             SLICE("What it has not committed is undone when it ends, and "
                   "nothing else is lost:"),
             "%.*s (process %d) has been holding the write lock of %.*s: "
             "nobody else can write",
             SLICE_ARG(name), (int)pid, SLICE_ARG(path));
    cli_mend(d, "kill -CONT %d; kill %d", (int)pid, (int)pid);
}

/* --- the index ------------------------------------------------------------ */

/* Each search brings it up to date first, and makes a damaged one anew; what
 * is no file at all it cannot get out of its way. */
static void index_(struct cli_doctor *d)
{
    static const char magic[16] = "SQLite format 3";
    struct slice path = cli_at(d, ".phasegate/index.db");
    struct stat st;
    char begin[sizeof(magic)], *name = arena_cstr(&d->arena, path);
    if (!name || !cli_look(d, path, &st)) return; /* made when first asked */
    int fd = S_ISREG(st.st_mode) ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                                 : -1;
    ssize_t n = fd >= 0 ? read(fd, begin, sizeof(begin)) : -1;
    if (fd >= 0) close(fd);
    if (n == 0 ||
        (n == sizeof(begin) && memcmp(begin, magic, sizeof(begin)) == 0))
        return;
    cli_find(d, CLI_BROKEN,
             SLICE("It is made from the standards: take it away, the next "
                   "search makes it again:"),
             "%.*s is no search index", SLICE_ARG(path));
    cli_mend(d, "rm -rf %.*s", SLICE_ARG(cli_quoted(d, path)));
}

const struct cli_check cli_checks_state[] = {
    {"state", "the state file is whole, and of a version we know", true, whole},
    {"state files", "what lies beside the state file belongs to it", true,
     beside},
    {"write lock", "nobody keeps others from writing", true, written},
    {"index", "the search index can be used", true, index_},
    {0},
};
