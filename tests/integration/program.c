#include "tests/integration/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { TEXT_CEILING = 64 << 20 };

static const char *format(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static const char *format(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice s = arena_vprintf(test_arena(), fmt, ap);
    va_end(ap);
    if (!s.p) FAIL("out of memory");
    return s.p;
}

static void set_environment(const char *const *env)
{
    for (; env && *env; env++) {
        char *entry = strdup(*env);
        if (strchr(entry, '='))
            putenv(entry);
        else
            unsetenv(entry);
    }
}

_Noreturn static void child(const struct program *p, const char *out,
                            const char *err)
{
    char *argv[64] = {(char *)(p->binary ? p->binary : test_binary())};
    for (size_t i = 0; p->args && p->args[i] && i < 62; i++)
        argv[i + 1] = (char *)p->args[i];
    int in = open(p->input ? p->input : "/dev/null", O_RDONLY);
    int to = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int log = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || to < 0 || log < 0 || dup2(in, 0) < 0 || dup2(to, 1) < 0 ||
        dup2(log, 2) < 0 || chdir(p->folder ? p->folder : test_tmpdir()))
        _exit(126);
    for (int fd = 3; fd < 32; fd++) close(fd);
    set_environment(p->env);
    execv(argv[0], argv);
    _exit(127);
}

static struct slice text_of(const char *path)
{
    struct slice s = {0};
    CHECK_OK(file_read(slice_of(path), TEXT_CEILING, test_arena(), &s));
    return s;
}

struct ended program_run(const struct program *p)
{
    static int run;
    const char *out = format("%s/run-%d.out", test_tmpdir(), ++run);
    const char *err = format("%s/run-%d.err", test_tmpdir(), run);
    int status = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) child(p, out, err);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) FAIL("waitpid: %s", strerror(errno));
    struct ended e = {WIFEXITED(status) ? WEXITSTATUS(status)
                                        : 128 + WTERMSIG(status),
                      text_of(out), text_of(err)};
    printf("--- run %d: %s ...\n%.*s--- its stderr\n%.*s--- status %d\n", run,
           p->args && p->args[0] ? p->args[0] : "", SLICE_ARG(e.out),
           SLICE_ARG(e.err), e.status);
    return e;
}

bool says(struct slice text, const char *part)
{
    return slice_find(text, slice_of(part)) < text.n;
}

const char *new_project(const char *name)
{
    const char *folder = format("%s/%s", test_tmpdir(), name);
    CHECK_OK(path_make(slice_of(format("%s/.git", folder)), 0755));
    return folder;
}

void put_file(const char *folder, const char *name, const char *text)
{
    const char *path = format("%s/%s", folder, name);
    const char *end = strrchr(path, '/');
    CHECK_OK(path_make((struct slice){path, (size_t)(end - path)}, 0755));
    CHECK_OK(file_write_atomic(slice_of(path), slice_of(text), 0644));
}

struct slice get_file(const char *folder, const char *name)
{
    struct slice s = {0};
    enum err e = file_read(slice_of(format("%s/%s", folder, name)),
                           TEXT_CEILING, test_arena(), &s);
    if (e && e != ERR_NOT_FOUND) FAIL("cannot read %s/%s", folder, name);
    return s;
}

const struct json *json_of(struct slice text)
{
    const struct json *v;
    struct json_error je;
    if (json_parse(text, NULL, test_arena(), &v, &je) != OK)
        FAIL("no JSON: %s at byte %zu of: %.*s", je.what, je.at,
             SLICE_ARG(text));
    return v;
}
