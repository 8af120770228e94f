/* doctor: the project, its folder, who may read and write what, the disk and
 * the clock. */
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/doctor.h"
#include "cli/project.h"

extern char **environ;

/* --- the project ---------------------------------------------------------- */

/* Where no .phasegate can be made: init could not mend it. */
static bool cannot_write(struct cli_doctor *d)
{
    char *name = arena_cstr(&d->arena, d->root);
    if (!name || access(name, W_OK | X_OK) == 0) return false;
    cli_find(d, CLI_BROKEN,
             SLICE("Take a folder of your own for a project, or have this one "
                   "given to you; --state FILE keeps the state elsewhere."),
             "%.*s cannot be written by you: no .phasegate can be made in it",
             SLICE_ARG(d->root));
    return true;
}

static void project(struct cli_doctor *d)
{
    struct stat st;
    struct problem *p = &d->o.problem;
    if (cli_command_name(&d->arena, &d->command) != OK)
        d->command = SLICE("phasegate");
    const char *named = getenv("PHASEGATE_PROJECT");
    if (!d->o.set.project.n && named && *named)
        d->o.set.project = slice_of(named);
    if (cli_project_root(&d->o, &d->root) != OK) {
        cli_find(d, CLI_BROKEN, p->how_to_fix, "%.*s: %.*s", SLICE_ARG(p->what),
                 SLICE_ARG(p->why));
        d->root = (struct slice){0};
        return;
    }
    if (!d->root.n) {
        cli_find(d, CLI_BROKEN,
                 SLICE("Go into a project's folder, or name it with "
                       "--project DIR."),
                 "no project here: / and the home folder are never taken for "
                 "one");
        return;
    }
    struct slice folder = cli_at(d, ".phasegate");
    if (!cli_look(d, folder, &st)) {
        if (cannot_write(d)) return;
        cli_find(d, CLI_ADVICE, SLICE("Set it up:"),
                 "%.*s is not set up for phasegate", SLICE_ARG(d->root));
        cli_mend(d, "%.*s init --project %.*s",
                 SLICE_ARG(cli_quoted(d, d->command)),
                 SLICE_ARG(cli_quoted(d, d->root)));
        return;
    }
    d->folder = folder;
}

static void folder(struct cli_doctor *d)
{
    struct stat st;
    char *name = arena_cstr(&d->arena, d->folder);
    struct slice q = cli_quoted(d, d->folder);
    if (!name || stat(name, &st) != 0 || !S_ISDIR(st.st_mode)) {
        cli_find(d, CLI_BROKEN, SLICE("Move it out of the way:"),
                 "%.*s is no folder", SLICE_ARG(d->folder));
        cli_mend(d, "mv %.*s %.*s && %.*s init --project %.*s", SLICE_ARG(q),
                 SLICE_ARG(cli_quoted(
                     d, arena_printf(&d->arena, "%s.aside", name ? name : ""))),
                 SLICE_ARG(cli_quoted(d, d->command)),
                 SLICE_ARG(cli_quoted(d, d->root)));
        d->folder = (struct slice){0};
        return;
    }
    if (st.st_uid != geteuid()) {
        cli_find(d, CLI_BROKEN, SLICE("Give it to who runs the server:"),
                 "%.*s belongs to user %u, and this is user %u",
                 SLICE_ARG(d->folder), (unsigned)st.st_uid,
                 (unsigned)geteuid());
        cli_mend(d, "%schown -R %u:%u %.*s", geteuid() ? "sudo " : "",
                 (unsigned)geteuid(), (unsigned)getegid(), SLICE_ARG(q));
    }
    if ((st.st_mode & S_IRWXU) != S_IRWXU) {
        cli_find(d, CLI_BROKEN, SLICE("Let its owner in:"),
                 "%.*s cannot be read, written and entered by its owner",
                 SLICE_ARG(d->folder));
        cli_mend(d, "chmod u+rwx %.*s", SLICE_ARG(q));
    }
}

/* --- modes ---------------------------------------------------------------- */

/* Bits that must be there, and bits that must not. */
static const struct mode_row {
    const char *name;
    mode_t want, never;
    enum cli_weight weight;
    const char *why;
} mode_rows[] = {
    {"agent.token", 0600, 0077, CLI_BROKEN,
     "is the agents' key, and others can read it"},
    {"operator.token", 0600, 0077, CLI_BROKEN,
     "is the operator's key, and others can read it"},
    {"state.db", 0600, 0077, CLI_ADVICE,
     "holds all sessions, and others can read it"},
    {"config.yaml", 0400, 0022, CLI_BROKEN,
     "decides how gates are judged, and others can write it"},
    {"workflows", 0500, 0022, CLI_BROKEN,
     "holds the commands that gates run, and others can write there"},
    {"servers", 0700, 0022, CLI_BROKEN,
     "says where the server is, and others can write there"},
    {"health", 0700, 0022, CLI_BROKEN,
     "says how the servers are, and others can write there"},
    {".", 0700, 0022, CLI_BROKEN,
     "holds the project's state, and others can write there"},
};

static void modes(struct cli_doctor *d)
{
    for (size_t i = 0; i < sizeof(mode_rows) / sizeof(mode_rows[0]); i++) {
        const struct mode_row *row = &mode_rows[i];
        struct stat st;
        struct slice path =
            path_join(&d->arena, d->folder, slice_of(row->name));
        if (!cli_look(d, path, &st) || S_ISLNK(st.st_mode)) continue;
        if (row->want & 0100 && !S_ISDIR(st.st_mode)) {
            cli_find(d, CLI_BROKEN, SLICE("Move it out of the way:"),
                     "%.*s is no folder", SLICE_ARG(path));
            cli_mend_aside(d, path);
            continue;
        }
        if (st.st_mode & row->never) {
            cli_find(d, row->weight, SLICE("Keep others out:"), "%.*s %s",
                     SLICE_ARG(path), row->why);
            cli_mend(d, "chmod go-%s %.*s", row->never == 0077 ? "rwx" : "w",
                     SLICE_ARG(cli_quoted(d, path)));
        }
        if ((st.st_mode & row->want) != row->want && row->name[0] != '.') {
            cli_find(d, CLI_BROKEN, SLICE("Let its owner use it:"),
                     "%.*s cannot be %s by its owner", SLICE_ARG(path),
                     row->want & 0200 ? "read and written" : "read");
            cli_mend(d, "chmod u+%s %.*s",
                     S_ISDIR(st.st_mode) ? "rwx"
                     : row->want & 0200  ? "rw"
                                         : "r",
                     SLICE_ARG(cli_quoted(d, path)));
        }
    }
}

/* --- tokens --------------------------------------------------------------- */

static bool plain_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~') return false;
    return true;
}

static struct slice token(struct cli_doctor *d, const char *name)
{
    struct slice text = {0},
                 path = path_join(&d->arena, d->folder, slice_of(name));
    struct stat st;
    if (!cli_look(d, path, &st) || !(st.st_mode & 0400)) return text;
    enum err e = file_read(path, 1 << 16, &d->arena, &text);
    text = slice_trim(text);
    if (!e && text.n >= 16 && text.n < TP_TOKEN_ROOM && plain_text(text))
        return text;
    cli_find(
        d, CLI_BROKEN, SLICE("Take it away; the next start makes a new one:"),
        "%.*s is no token: one line of 16 to 64 characters", SLICE_ARG(path));
    cli_mend(d, "rm -rf %.*s", SLICE_ARG(cli_quoted(d, path)));
    return (struct slice){0};
}

static void tokens(struct cli_doctor *d)
{
    struct slice agent = token(d, "agent.token"),
                 person = token(d, "operator.token");
    if (!agent.n || !slice_eq(agent, person)) return;
    struct slice path = cli_at(d, ".phasegate/operator.token");
    cli_find(d, CLI_BROKEN,
             SLICE("Take the operator's away; the next start makes a new "
                   "one:"),
             "agents hold the operator's key: both tokens are the same");
    cli_mend(d, "rm %.*s", SLICE_ARG(cli_quoted(d, path)));
}

/* --- git ------------------------------------------------------------------ */

static void ignored(struct cli_doctor *d)
{
    struct stat st;
    struct slice path = cli_at(d, ".phasegate/.gitignore");
    if (cli_look(d, path, &st) || !cli_look(d, cli_at(d, ".git"), &st)) return;
    cli_find(d, CLI_BROKEN,
             SLICE("Without it tokens and state would be committed; make it "
                   "again:"),
             "%.*s is missing", SLICE_ARG(path));
    cli_mend(d, "%.*s init --project %.*s",
             SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)));
}

/* What git would hand on, found in its index without running it: a path
 * stands there as it is. */
static void committed(struct cli_doctor *d)
{
    static const char *const secrets[] = {".phasegate/agent.token",
                                          ".phasegate/operator.token",
                                          ".phasegate/state.db"};
    struct slice index;
    if (file_read(cli_at(d, ".git/index"), 256u << 20, &d->arena, &index))
        return;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct slice name = slice_of(secrets[i]);
        size_t at = slice_find(index, name);
        if (at == index.n || (at + name.n < index.n && index.p[at + name.n]))
            continue;
        cli_find(d, CLI_BROKEN,
                 SLICE("Take it out of git (the file stays), and a token away, "
                       "so that a new one is made:"),
                 "git tracks %s: whoever clones the project gets it",
                 secrets[i]);
        cli_mend(d, "git -C %.*s rm --cached -q %s%s",
                 SLICE_ARG(cli_quoted(d, d->root)), secrets[i],
                 i < 2 ? " && rm -f " : "");
        if (i < 2) {
            struct cli_finding *f = &d->findings[d->count - 1];
            f->command =
                arena_printf(&d->arena, "%.*s%.*s", SLICE_ARG(f->command),
                             SLICE_ARG(cli_quoted(d, cli_at(d, secrets[i]))));
        }
    }
}

/* --- the machine ---------------------------------------------------------- */

/* Nothing holds two machines apart there, and a lock may mean nothing. */
static const struct {
    uint32_t magic;
    const char *name;
} far_away[] = {{0x6969, "NFS"},       {0xFF534D42, "CIFS"},
                {0xFE534D42, "SMB"},   {0x01021997, "9p"},
                {0x5346414F, "AFS"},   {0x00C36400, "Ceph"},
                {0x65735546, "a FUSE"}};

/* Some file systems count no files: then none is missing. */
static void room(struct cli_doctor *d, const struct statvfs *v)
{
    uint64_t free_mib = (uint64_t)v->f_bavail * v->f_frsize >> 20;
    bool no_files = v->f_files > 0 && v->f_favail < 64;
    struct slice folder = cli_quoted(d, d->folder);
    if (free_mib >= 64 && !no_files) return;
    cli_find(d, CLI_BROKEN,
             SLICE("Make room on that disk. What is large on it:"),
             "%llu %s are free for %.*s: writes are about to fail",
             (unsigned long long)(no_files ? v->f_favail : free_mib),
             no_files ? "files" : "MiB", SLICE_ARG(d->folder));
    cli_mend(d, "du -ax %s\"$(stat -c %%m %.*s)\" | sort -rn | head -20",
             no_files ? "--inodes " : "", SLICE_ARG(folder));
}

static void disk(struct cli_doctor *d)
{
    struct statvfs v;
    struct statfs s;
    char *name = arena_cstr(&d->arena, d->folder);
    if (!name || statvfs(name, &v) != 0 || statfs(name, &s) != 0) return;
    room(d, &v);
    if (v.f_flag & ST_RDONLY) {
        cli_find(d, CLI_BROKEN,
                 SLICE("Name a state file elsewhere with --state, or mount it "
                       "for writing:"),
                 "the file system of %.*s is mounted read-only",
                 SLICE_ARG(d->folder));
        cli_mend(d, "sudo mount -o remount,rw \"$(stat -c %%m %.*s)\"",
                 SLICE_ARG(cli_quoted(d, d->folder)));
    }
    for (size_t i = 0; i < sizeof(far_away) / sizeof(far_away[0]); i++)
        if ((uint32_t)s.f_type == far_away[i].magic)
            cli_find(d, CLI_ADVICE,
                     SLICE("Put the state file on a local disk: state: FILE "
                           "in config.yaml."),
                     "%.*s lies on %s file system, where locks and shared "
                     "memory may not hold",
                     SLICE_ARG(d->folder), far_away[i].name);
}

static void clock_(struct cli_doctor *d)
{
    static const char *const names[] = {"state.db", "state.db-wal",
                                        "server.json"};
    time_t now = time(NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice path = path_join(&d->arena, d->folder, slice_of(names[i]));
        struct stat st;
        if (!cli_look(d, path, &st) || st.st_mtime <= now + 3600) continue;
        cli_find(d, CLI_BROKEN,
                 SLICE("Claims and their leases go by the clock. When it is "
                       "right (timedatectl), date the file anew:"),
                 "the clock went back: %.*s was written %lld hours from now",
                 SLICE_ARG(path), (long long)(st.st_mtime - now) / 3600);
        cli_mend(d, "touch %.*s", SLICE_ARG(cli_quoted(d, path)));
    }
}

static int64_t kernel_number(struct cli_doctor *d, const char *path)
{
    struct slice text;
    int64_t n;
    if (file_read(slice_of(path), 4096, &d->arena, &text) != OK ||
        !slice_int64(slice_trim(text), &n))
        return -1;
    return n;
}

/* The limits of the kernel that decide whether a folder can be watched, and
 * what they should at least be. Those of `user` hold in a container. */
static const struct {
    const char *path, *key, *can, *what;
    int least, want;
    int errno_when_used_up; /* of the first call that needs one more */
} watch_limits[] = {
    {"/proc/sys/fs/inotify/max_user_watches", "fs.inotify.max_user_watches",
     "watch", "folders", 8192, 524288, ENOSPC},
    {"/proc/sys/user/max_inotify_watches", "user.max_inotify_watches", "watch",
     "folders in this container", 8192, 524288, ENOSPC},
    {"/proc/sys/fs/inotify/max_user_instances", "fs.inotify.max_user_instances",
     "have", "watchers", 64, 1024, EMFILE},
    {"/proc/sys/user/max_inotify_instances", "user.max_inotify_instances",
     "have", "watchers in this container", 64, 1024, EMFILE},
};
enum { WATCH_LIMITS = sizeof(watch_limits) / sizeof(watch_limits[0]) };

/* 0, or the errno of a watcher that could not be made just now. */
static int try_to_watch(struct cli_doctor *d)
{
    int fd = inotify_init1(IN_CLOEXEC), failed = fd < 0 ? errno : 0;
    char *name = arena_cstr(&d->arena, d->root);
    if (fd >= 0 && name && *name &&
        inotify_add_watch(fd, name, IN_CREATE) < 0 && errno == ENOSPC)
        failed = ENOSPC;
    if (fd >= 0) close(fd);
    return failed;
}

static void tell_limit(struct cli_doctor *d, size_t i, long long value,
                       const char *used)
{
    cli_find(d, CLI_ADVICE,
             SLICE("Without watches files are compared at each lookup, which "
                   "is slower. Raise the limit:"),
             "the kernel lets a user %s %lld %s%s", watch_limits[i].can, value,
             watch_limits[i].what, used);
    cli_mend(d, "sudo sysctl -w %s=%lld", watch_limits[i].key,
             value >= watch_limits[i].want ? 4 * value
                                           : (long long)watch_limits[i].want);
}

static void inotify(struct cli_doctor *d)
{
    int failed = try_to_watch(d);
    bool told = false;
    for (size_t i = 0; i < WATCH_LIMITS; i++) {
        int64_t n = kernel_number(d, watch_limits[i].path);
        if (n < 0 || n >= watch_limits[i].least) continue;
        tell_limit(d, i, n, "; editors use more");
        told = true;
    }
    for (size_t i = 0; i < WATCH_LIMITS && !told; i++) {
        int64_t n = kernel_number(d, watch_limits[i].path);
        if (n < 0 || failed != watch_limits[i].errno_when_used_up) continue;
        tell_limit(d, i, n, ", and all are in use");
        told = true;
    }
}

const struct cli_check cli_checks_files[] = {
    {"project", "the project's folder is found", false, project},
    {"folder", ".phasegate is a folder of ours", true, folder},
    {"permissions", "keys are secret, settings are ours alone", true, modes},
    {"tokens", "each is a token, and no two are one", true, tokens},
    {"gitignore", "git leaves our files alone", true, ignored},
    {"git", "no secret is in git", true, committed},
    {"disk", "there is room, on a local disk", true, disk},
    {"clock", "nothing was written in the future", true, clock_},
    {"inotify", "folders can be watched", false, inotify},
    {0},
};
