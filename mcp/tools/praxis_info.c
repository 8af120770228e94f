/* current_date and get_server_info as praxis-os has them. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/run.h"
#include "mcp/call.h"
#include "mcp/tools/praxis.h"

/* --- current_date --------------------------------------------------------- */

/* A macro: the compiler checks a format only when it is a literal. */
#define PUT_TIME(w, key, format, tm)                                           \
    do {                                                                       \
        char text_[80];                                                        \
        size_t n_ = strftime(text_, sizeof(text_), format, tm);                \
        json_put_string(w, key, (struct slice){text_, n_});                    \
    } while (0)

/* 2026-11-21T19:54:20+01:00: the instant, not only the day of a place. */
static void put_instant(struct json_writer *w, const struct tm *tm)
{
    char text[80], sign = tm->tm_gmtoff < 0 ? '-' : '+';
    long minutes = labs(tm->tm_gmtoff) / 60;
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", tm);
    json_key(w, SLICE("iso_datetime"));
    json_stringf(w, "%s%c%02ld:%02ld", text, sign, minutes / 60, minutes % 60);
}

/* Everything from one instant, in the machine's zone. */
enum err praxis_date_call(struct mcp_call *call, const void *args)
{
    struct json_writer w = json_writer(&call->out.plain);
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    (void)args;
    localtime_r(&now, &tm);
    json_begin_object(&w);
    PUT_TIME(&w, "date", "%Y-%m-%d", &tm);
    PUT_TIME(&w, "iso_date", "%Y-%m-%d", &tm);
    put_instant(&w, &tm);
    PUT_TIME(&w, "day_of_week", "%A", &tm);
    PUT_TIME(&w, "month", "%B", &tm);
    json_put_int(&w, "year", tm.tm_year + 1900);
    json_put_int(&w, "unix_timestamp", (int64_t)now);
    json_key(&w, SLICE("formatted"));
    json_begin_object(&w);
    PUT_TIME(&w, "spec_directory", "%Y-%m-%d-", &tm);
    PUT_TIME(&w, "header", "**Date**: %Y-%m-%d", &tm);
    PUT_TIME(&w, "readable", "%B %d, %Y", &tm);
    json_end_object(&w);
    json_put_string(&w, "usage_note",
                    SLICE("Use iso_date in documents and headers, and "
                          "formatted.spec_directory before a folder's name."));
    json_end_object(&w);
    return OK;
}

/* --- git ------------------------------------------------------------------ */

enum {
    GIT_MS = 5000,
    GIT_OUTPUT = 1 << 20,
    REMOTE_MAX = 2000,
    FILTERS_MOST = 16,
    ENV_MOST = 8 + 6 * FILTERS_MOST
};

struct git {
    const char *root;
    struct arena *arena;
    const struct cancel *cancel;
    int64_t deadline;
    const char *env[ENV_MOST + 1]; /* the rest is NULL */
    size_t env_count;
    bool failed; /* memory was short, or there is too much of something */
};

static void env_add(struct git *g, const char *name, const char *value)
{
    struct slice text = arena_printf(g->arena, "%s=%s", name, value);
    g->failed |= !text.p || g->env_count == ENV_MOST;
    if (!g->failed) g->env[g->env_count++] = text.p;
}

static void env_begin(struct git *g)
{
    const char *path = getenv("PATH"), *home = getenv("HOME");
    env_add(g, "PATH", path ? path : "/usr/bin:/bin");
    env_add(g, "HOME", home ? home : "/");
    env_add(g, "LC_ALL", "C");
    env_add(g, "GIT_TERMINAL_PROMPT", "0");
}

static bool git_stops(void *ctx)
{
    return cancel_check(((const struct git *)ctx)->cancel, clock_now()) != OK;
}

/* What git printed, trimmed; false: it failed, or time is up. No hook and no
 * program named in the repository's configuration is run: what every command
 * might run is switched off here, what `status` might in filters_off. */
static bool git_says(struct git *g, const char *const *words,
                     struct slice *ret)
{
    const char *argv[16] = {"git", "--no-optional-locks", "-c",
                            "core.fsmonitor=false", "-c",
                            "core.hooksPath=/dev/null"};
    struct run_result r;
    size_t n = 6;
    int64_t left = (g->deadline - clock_now()) / NS_PER_MS;
    for (; *words; words++) argv[n++] = *words;
    if (left <= 0 || g->failed) return false;
    struct run_spec spec = {.argv = argv,
                            .env = g->env,
                            .folder = g->root,
                            .timeout_ms = left,
                            .output_max = GIT_OUTPUT};
    if (run_command(&spec, git_stops, g, &r) != OK) return false;
    bool fine = r.end == RUN_EXITED && r.code == 0;
    if (fine) *ret = slice_trim(arena_copy(g->arena, buf_slice(&r.output)));
    buf_done(&r.output);
    return fine;
}

static void config_add(struct git *g, int at, struct slice filter,
                       const char *key, const char *value)
{
    char name[32];
    struct slice whole = arena_printf(g->arena, "filter.%.*s.%s",
                                      SLICE_ARG(filter), key);
    (void)snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%d", at);
    env_add(g, name, whole.p ? whole.p : "");
    (void)snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%d", at);
    env_add(g, name, value);
    g->failed |= !whole.p;
}

/* The filters that the repository itself names, whoever wrote it, are none
 * from now on: `status` runs a file through them when its times have changed.
 * What the user or the system names is theirs. */
static void filters_off(struct git *g)
{
    static const char *const words[] = {
        "config", "--name-only", "--get-regexp",
        "^filter\\..*\\.(clean|smudge|process)$", NULL};
    struct slice names, line;
    char count[16];
    int at = 0;
    size_t usual = g->env_count;
    env_add(g, "GIT_CONFIG_NOSYSTEM", "1");
    env_add(g, "GIT_CONFIG_GLOBAL", "/dev/null");
    bool any = git_says(g, words, &names);
    memset(g->env + usual, 0, sizeof(g->env) - usual * sizeof(g->env[0]));
    g->env_count = usual;
    while (any && slice_split(&names, '\n', &line)) {
        size_t end = line.n, begin = sizeof("filter.") - 1;
        while (end > begin && line.p[end - 1] != '.') end--;
        line = slice_sub(line, begin, end > begin ? end - begin - 1 : 0);
        config_add(g, at++, line, "clean", "");
        config_add(g, at++, line, "process", "");
        config_add(g, at++, line, "required", "false");
    }
    (void)snprintf(count, sizeof(count), "%d", at);
    env_add(g, "GIT_CONFIG_COUNT", count);
}

static void put_or_null(struct json_writer *w, const char *key, bool is,
                        struct slice text)
{
    json_key(w, slice_of(key));
    if (is)
        json_string(w, slice_sub(text, 0, REMOTE_MAX));
    else
        json_null(w);
}

static void put_git(struct json_writer *w, struct git *g)
{
    static const char *const status_words[] = {
        "status", "--porcelain", "--untracked-files=normal",
        "--ignore-submodules=dirty", NULL};
    static const char *const remote_words[] = {"remote", "get-url", "origin",
                                               NULL};
    static const char *const branch_words[] = {"symbolic-ref", "--short", "-q",
                                               "HEAD", NULL};
    static const char *const commit_words[] = {"rev-parse", "-q", "--verify",
                                               "HEAD", NULL};
    struct slice status, remote, branch, commit;
    json_key(w, SLICE("git"));
    env_begin(g);
    filters_off(g);
    if (!git_says(g, status_words, &status)) {
        json_null(w);
        return;
    }
    bool has_remote = git_says(g, remote_words, &remote);
    bool has_branch = git_says(g, branch_words, &branch);
    bool has_commit = git_says(g, commit_words, &commit);
    json_begin_object(w);
    put_or_null(w, "remote", has_remote, remote);
    put_or_null(w, "branch", has_branch, branch);
    put_or_null(w, "commit", has_commit, commit);
    put_or_null(w, "commit_short", has_commit,
                has_commit ? slice_sub(commit, 0, 7) : commit);
    json_put_string(w, "status",
                    status.n ? SLICE("dirty") : SLICE("clean"));
    json_end_object(w);
}

/* --- get_server_info ------------------------------------------------------ */

static void put_server(struct json_writer *w, const struct tools_app *app)
{
    char text[CLOCK_TEXT_SIZE];
    json_key(w, SLICE("server"));
    json_begin_object(w);
    json_put_string(w, "name", SLICE("phasegate"));
    json_put_string(w, "version", slice_of(app->version));
    json_put_string(w, "transport_mode", slice_of(app->transport_mode));
    json_put_int(w, "uptime_seconds",
                 (clock_now() - app->started_ns) / NS_PER_S);
    json_put_int(w, "pid", getpid());
    json_put_string(w, "started_at", clock_text(app->started_wall_ms, text));
    if (app->http_url) json_put_string(w, "http_url", slice_of(app->http_url));
    json_end_object(w);
}

static void put_project(struct json_writer *w, struct mcp_call *call,
                        const struct json *project)
{
    static const char *const places[] = {".praxis-os", ".phasegate"};
    struct arena *a = &call->arena;
    struct slice root = json_text(json_get(project, SLICE("root")));
    struct stat st;
    json_key(w, SLICE("project"));
    json_begin_object(w);
    json_put_string(w, "name", json_text(json_get(project, SLICE("name"))));
    json_put_string(w, "root", root);
    for (size_t i = 0; i < 2; i++) {
        struct slice path =
            arena_printf(a, "%.*s/%s", SLICE_ARG(root), places[i]);
        bool is = path.p && stat(path.p, &st) == 0 && S_ISDIR(st.st_mode);
        if (!is && i == 0) continue;
        json_put_string(w, "praxis_os_path", path);
        break;
    }
    struct git g = {.root = arena_cstr(a, root),
                    .arena = a,
                    .cancel = &call->cancel,
                    .deadline = clock_now() + GIT_MS * NS_PER_MS};
    put_git(w, &g);
    json_end_object(w);
}

static void put_capabilities(struct json_writer *w, const struct tools_app *app)
{
    bool http = app->http_url != NULL;
    json_key(w, SLICE("capabilities"));
    json_begin_object(w);
    json_put_int(w, "tools_available", (int64_t)app->tools_count);
    json_put_bool(w, "rag_enabled", true);
    json_put_bool(w, "workflow_enabled", true);
    json_put_bool(w, "browser_enabled", false);
    json_put_bool(w, "dual_transport",
                  slice_eq(slice_of(app->transport_mode), SLICE("dual")));
    json_put_bool(w, "http_transport", http);
    json_end_object(w);
}

enum err praxis_info_call(struct mcp_call *call, const void *args)
{
    const struct tools_app *app = call->app;
    const struct json *info;
    struct json_error je;
    (void)args;
    if (!app->engine) return tools_no_project(call);
    struct buf b = BUF_INIT(1u << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng_info_write(app->engine, &call->arena, &w);
    json_end_object(&w);
    struct slice text = arena_copy(&call->arena, buf_slice(&b));
    buf_done(&b);
    if (!text.p || json_parse(text, NULL, &call->arena, &info, &je))
        return ERR_NOMEM;
    w = json_writer(&call->out.plain);
    json_begin_object(&w);
    put_server(&w, app);
    put_project(&w, call, json_get(info, SLICE("project")));
    put_capabilities(&w, app);
    json_put_string(&w, "gate_mode",
                    json_text(json_get(info, SLICE("gate_mode"))));
    json_end_object(&w);
    return OK;
}
