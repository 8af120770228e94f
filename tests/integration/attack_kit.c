#include "tests/integration/attack_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/process.h"
#include "tests/integration/terminal.h"

/* --- what the server has -------------------------------------------------- */

static int entries(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    const struct dirent *d;
    CHECK(dir);
    while ((d = readdir(dir))) n += d->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* But those of its state: workers open the store when they first read it. */
static int descriptors_of(pid_t pid)
{
    int n = 0;
    char path[400], to[4096];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    const struct dirent *d;
    CHECK(dir);
    while ((d = readdir(dir))) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid,
                       d->d_name);
        ssize_t got = readlink(path, to, sizeof(to) - 1);
        if (got < 0) continue;
        to[got] = '\0';
        n += strstr(to, "/.phasegate/") == NULL;
    }
    closedir(dir);
    return n;
}

/* Its children and theirs, and what once was one and has lost its parent. */
static int processes_in(const char *project)
{
    int n = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    CHECK(dir);
    while ((d = readdir(dir))) {
        char path[300], cwd[4096];
        (void)snprintf(path, sizeof(path), "/proc/%s/cwd", d->d_name);
        ssize_t got =
            atoll(d->d_name) > 0 ? readlink(path, cwd, sizeof(cwd) - 1) : -1;
        if (got < 0) continue;
        cwd[got] = '\0';
        n += strncmp(cwd, project, strlen(project)) == 0;
    }
    closedir(dir);
    return n;
}

/* --- a server ------------------------------------------------------------- */

struct attacked attack_begin(void)
{
    struct attacked a = {.workflows = kit_workflows()};
    a.tmp = arena_printf(test_arena(), "%s/tmp", test_tmpdir()).p;
    CHECK_OK(path_make(slice_of(a.tmp), 0700));
    setenv("TMPDIR", a.tmp, 1);
    setenv("XDG_STATE_HOME",
           arena_printf(test_arena(), "%s/state", test_tmpdir()).p, 1);
    const char *args[] = {"--workflows", a.workflows, NULL};
    a.server = server_start(&(struct server_options){.args = args});
    a.project = server_project(a.server);
    (void)server_port(a.server);
    (void)attack_session(&a); /* what is opened once is open now */
    a.descriptors = descriptors_of(server_pid(a.server));
    a.processes = processes_in(a.project);
    return a;
}

void attack_gate(const struct attacked *a, const char *schema)
{
    kit_put(a->workflows, "three_v1/phases/0/gate-definition.yaml",
            arena_printf(test_arena(),
                         "checkpoint: {strict: true}\nevidence_schema:\n%s",
                         schema)
                .p);
}

const char *attack_session(struct attacked *a)
{
    struct slice args = arena_printf(
        test_arena(), "{\"workflow_type\":\"three_v1\",\"target\":\"%d.c\"}",
        a->count++);
    const struct json *answer =
        json_get(stdio_tool(a->server, "start_workflow", args.p),
                 SLICE("structuredContent"));
    if (json_get(answer, SLICE("error"))) FAIL("%.*s", SLICE_ARG(answer->raw));
    return kit_text(answer, "session_id");
}

void attack_trust(const struct attacked *a)
{
    struct ended e = TYPED_IN(a->project, "yes\n", "trust", "three_v1",
                              "--workflows", a->workflows);
    CHECK_INT_EQ(e.status, 0);
}

void attack_shell(const struct attacked *a, const char *script)
{
    struct slice line =
        arena_printf(test_arena(), "cd '%s' && %s", a->project, script);
    if (system(line.p)) FAIL("%s", line.p); // NOLINT(cert-env33-c)
}

/* --- asking --------------------------------------------------------------- */

int64_t attack_send(const struct attacked *a, const char *id,
                    const char *evidence)
{
    return stdio_request(
        a->server, "tools/call",
        arena_printf(test_arena(),
                     "\"name\":\"complete_phase\",\"arguments\":{"
                     "\"session_id\":\"%s\",\"phase\":0,\"evidence\":%s}",
                     id, evidence)
            .p);
}

const struct json *attack_complete(const struct attacked *a, const char *id,
                                   const char *evidence)
{
    return stdio_answer(a->server, attack_send(a, id, evidence));
}

/* --- judging -------------------------------------------------------------- */

void attack_refused(const struct json *answer, const char *words,
                    const char *name)
{
    const struct json *fault = json_get(answer, SLICE("error"));
    const struct json *told =
        json_at(answer, "result", "structuredContent", "error", NULL);
    if (!fault && !told)
        FAIL("%s: not refused: %.*s", name, SLICE_ARG(answer->raw));
    if (fault && !json_text(json_get(fault, SLICE("message"))).n)
        FAIL("%s: no message", name);
    if (told &&
        (!json_text(json_get(told, SLICE("how_to_fix"))).n ||
         !json_is(json_at(answer, "result", "isError", NULL), JSON_TRUE)))
        FAIL("%s: no way to mend it: %.*s", name, SLICE_ARG(told->raw));
    if (slice_find(answer->raw, slice_of(words)) == answer->raw.n)
        FAIL("%s: does not say \"%s\": %.*s", name, words,
             SLICE_ARG(slice_sub(answer->raw, 0, 2000)));
}

void attack_held(const struct attacked *a, const char *id, const char *name)
{
    struct slice args =
        arena_printf(test_arena(), "{\"session_id\":\"%s\"}", id);
    const struct json *s = json_at(stdio_tool(a->server, "get_session", args.p),
                                   "structuredContent", "session", NULL);
    if (kit_int(json_get(s, SLICE("current_phase"))) != 0 ||
        json_get(s, SLICE("completed_phases"))->count != 0)
        FAIL("%s: it got through: %.*s", name, SLICE_ARG(s->raw));
}

static void comes_back_to(int (*count)(const struct attacked *a), int was,
                          const struct attacked *a, const char *what)
{
    int64_t until = clock_now() + 30 * NS_PER_S;
    while (count(a) > was && clock_now() < until) usleep(2000);
    if (count(a) > was) FAIL("%d %s, and %d before", count(a), what, was);
}

static int descriptors_now(const struct attacked *a)
{
    return descriptors_of(server_pid(a->server));
}
static int processes_now(const struct attacked *a)
{
    return processes_in(a->project);
}
static int files_now(const struct attacked *a)
{
    return entries(a->tmp);
}

void attack_end(const struct attacked *a)
{
    comes_back_to(processes_now, a->processes, a, "processes");
    comes_back_to(files_now, 0, a, "files in TMPDIR");
    comes_back_to(descriptors_now, a->descriptors, a, "descriptors");
    struct ended e = RUN_IN(a->project, "sessions", "verify");
    if (e.status) FAIL("%.*s", SLICE_ARG(e.out));
}
