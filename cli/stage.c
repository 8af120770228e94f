#include "cli/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/project.h"

extern char **environ;

enum { OUTPUT_CEILING = 1 << 20, LOG_SHOWN = 2000 };

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
}

/* Without SA_RESTART: what waits shall look. */
static void catch_signals(void (*handler)(int))
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        (void)sigaction(all[i], &action, NULL);
}

bool cli_stage_fail(struct cli_stage *st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!st->trouble.n) st->trouble = arena_vprintf(&st->arena, fmt, ap);
    va_end(ap);
    if (!st->trouble.n) st->trouble = SLICE("out of memory");
    return false;
}

/* The play is the same whatever its user has configured. */
static void forget_settings(void)
{
    for (size_t i = 0; environ[i];) {
        struct slice entry = slice_of(environ[i]);
        char name[64];
        size_t n = slice_find_byte(entry, '=');
        i++;
        if (!slice_starts(entry, SLICE("PHASEGATE_")) || n >= sizeof(name))
            continue;
        memcpy(name, entry.p, n);
        name[n] = '\0';
        if (unsetenv(name) == 0) i = 0; /* the list has moved */
    }
}

bool cli_stage_set(struct cli_stage *st)
{
    *st = (struct cli_stage){.log_fd = -1};
    st->server.to = st->server.from = -1;
    arena_init(&st->arena, (size_t)256 << 20);
    forget_settings();
    const char *tmp = getenv("TMPDIR");
    if (!tmp || !*tmp) tmp = "/tmp";
    if (cli_program(&st->arena, &st->program) != OK)
        return cli_stage_fail(st, "cannot find the program's own file");
    if (cli_examples(&st->arena, &st->examples) != OK)
        return cli_stage_fail(st,
                              "the example workflows are not installed beside "
                              "%.*s (../share/phasegate/workflows)",
                              SLICE_ARG(st->program));
    char *folder = arena_cstr(
        &st->arena, arena_printf(&st->arena, "%s/phasegate-demo-XXXXXX", tmp));
    if (!folder || !mkdtemp(folder))
        return cli_stage_fail(st, "cannot make a folder in %s: %s", tmp,
                              strerror(errno));
    catch_signals(on_signal);
    if (path_canonical(slice_of(folder), &st->arena, &st->folder) != OK ||
        chdir(folder) != 0)
        return cli_stage_fail(st, "cannot enter %s", folder);
    st->log_fd = open("server.log", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    return st->log_fd >= 0 || cli_stage_fail(st, "cannot write in %s", folder);
}

/* --- the way down --------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void show_log(const struct cli_stage *st)
{
    char end[LOG_SHOWN];
    off_t size = lseek(st->log_fd, 0, SEEK_END);
    off_t from = size > LOG_SHOWN ? size - LOG_SHOWN : 0;
    ssize_t n = size > 0 ? pread(st->log_fd, end, sizeof(end), from) : 0;
    if (n > 0)
        (void)fprintf(stderr, "The end of the server's log:\n%.*s", (int)n,
                      end);
}

int cli_stage_strike(struct cli_stage *st)
{
    int code = CLI_DONE;
    if (st->server.pid > 0) (void)cli_stage_stop(st);
    if (st->trouble.n) {
        if (interrupted)
            (void)fputs("phasegate demo: interrupted\n", stderr);
        else
            (void)fprintf(stderr, "phasegate demo: %.*s\n",
                          SLICE_ARG(st->trouble));
        if (!interrupted && st->log_fd >= 0) show_log(st);
        code = CLI_NOT_SO;
    }
    if (st->log_fd >= 0) close(st->log_fd);
    char *folder = st->folder.n ? arena_cstr(&st->arena, st->folder) : NULL;
    if (folder && chdir("/") == 0)
        (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_done(&st->arena);
    catch_signals(SIG_DFL);
    if (interrupted) (void)raise(interrupted);
    return code;
}

/* --- the project ---------------------------------------------------------- */

bool cli_stage_write(struct cli_stage *st, const char *name, const char *text)
{
    struct slice path = path_join(&st->arena, st->folder, slice_of(name));
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    enum err e = path_make(slice_sub(path, 0, n), 0755);
    if (!e) e = file_write_atomic(path, slice_of(text), 0644);
    return e ? cli_stage_fail(st, "cannot write %s", name) : true;
}

bool cli_stage_run(struct cli_stage *st, const char *command, bool pass,
                   struct slice *ret)
{
    char part[4096];
    size_t n;
    struct buf out = BUF_INIT(OUTPUT_CEILING);
    FILE *f = popen(command, "re");
    if (!f) return cli_stage_fail(st, "cannot run %s", command);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_put(&out, (struct slice){part, n});
    int status = pclose(f);
    *ret = slice_trim(arena_copy(&st->arena, buf_slice(&out)));
    buf_done(&out);
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return passed == pass ||
           cli_stage_fail(st, "%s printed: %.*s", command, SLICE_ARG(*ret));
}

/* --- the server ----------------------------------------------------------- */

bool cli_stage_serve(struct cli_stage *st)
{
    char *const argv[] = {arena_cstr(&st->arena, st->program),
                          (char *)"serve",
                          (char *)"--project",
                          arena_cstr(&st->arena, st->folder),
                          (char *)"--workflows",
                          arena_cstr(&st->arena, st->examples),
                          NULL};
    if (cli_server_start(&st->server, argv, st->log_fd) == OK) return true;
    return cli_stage_fail(st, "cannot start %.*s", SLICE_ARG(st->program));
}

bool cli_stage_stop(struct cli_stage *st)
{
    int status = cli_server_stop(&st->server);
    return !status ||
           cli_stage_fail(st, "the server ended with status %d", status);
}

bool cli_stage_call(struct cli_stage *st, const char *tool,
                    struct slice arguments, struct cli_reply *ret)
{
    if (interrupted) return cli_stage_fail(st, "interrupted");
    enum err e = cli_server_call(&st->server, tool, arguments, &st->arena, ret);
    return !e || cli_stage_fail(st, "%s: %.*s", tool, SLICE_ARG(ret->why));
}
