#include "tests/integration/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static double patience(void)
{
    return test_sanitized() ? 80 : 20;
}

static void pause_ms(int ms)
{
    struct timespec t = {.tv_nsec = ms * NS_PER_MS};
    nanosleep(&t, NULL);
}

static const char *in_folder(const char *folder, const char *name)
{
    return arena_cstr(test_arena(),
                      arena_printf(test_arena(), "%s/%s", folder, name));
}

const char *process_project(const char *name)
{
    const char *folder = in_folder(test_tmpdir(), name);
    CHECK_OK(path_make(slice_of(in_folder(folder, ".git")), 0755));
    return folder;
}

static void child(const char *folder, int in, int out, const char *const *args)
{
    const char *argv[32] = {test_binary()};
    int n = 1;
    for (; args && *args && n < 31; args++) argv[n++] = *args;
    int err = open(in_folder(folder, "stderr"),
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (chdir(folder) != 0 || err < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(120);
    if (in < 0)
        close(STDIN_FILENO);
    else if (dup2(in, STDIN_FILENO) < 0)
        _exit(121);
    if (out < 0)
        close(STDOUT_FILENO);
    else if (dup2(out, STDOUT_FILENO) < 0)
        _exit(122);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(123);
}

pid_t process_start(const char *folder, int in, int out,
                    const char *const *args)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) child(folder, in, out, args);
    return pid;
}

struct process_end process_wait(pid_t pid)
{
    int64_t begun = clock_now();
    int status;
    pid_t got;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
        if ((double)(clock_now() - begun) / 1e9 > patience()) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            FAIL("process %d did not end", (int)pid);
        }
        pause_ms(1);
    }
    CHECK_INT_EQ(got, pid);
    return (struct process_end){
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .seconds = (double)(clock_now() - begun) / 1e9};
}

bool process_gone(pid_t pid, double seconds)
{
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    while (kill(pid, 0) == 0) {
        if (clock_now() > until) return false;
        pause_ms(1);
    }
    return true;
}

struct slice process_file(const char *folder, const char *name)
{
    struct slice text;
    enum err e = file_read(slice_of(in_folder(folder, name)), (size_t)128 << 20,
                           test_arena(), &text);
    return e ? (struct slice){0} : text;
}

void process_put(const char *folder, const char *name, struct slice text)
{
    CHECK_OK(file_write_atomic(slice_of(in_folder(folder, name)), text, 0644));
}

struct slice process_file_with(const char *folder, const char *name,
                               const char *part)
{
    int64_t until = clock_now() + (int64_t)(patience() * 1e9);
    for (;; pause_ms(2)) {
        struct slice text = process_file(folder, name);
        if (slice_find(text, slice_of(part)) < text.n) return text;
        if (clock_now() > until)
            FAIL("%s/%s never held %s: %.*s", folder, name, part,
                 SLICE_ARG(text));
    }
}

size_t process_lines(struct slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += text.p[i] == '\n';
    return n;
}

int process_count(const char *word)
{
    int n = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    CHECK(dir);
    while ((d = readdir(dir))) {
        char path[300], line[4096];
        (void)snprintf(path, sizeof(path), "/proc/%s/cmdline", d->d_name);
        FILE *f = atoll(d->d_name) > 0 ? fopen(path, "re") : NULL;
        if (!f) continue;
        size_t got = fread(line, 1, sizeof(line) - 1, f);
        (void)fclose(f);
        for (size_t i = 0; i < got; i++)
            if (!line[i]) line[i] = ' ';
        line[got] = '\0';
        n += strstr(line, word) != NULL;
    }
    closedir(dir);
    return n;
}
