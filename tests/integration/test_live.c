/*
 * live: people save files while the server runs, in every way that files are
 * saved, over both transports, with a watcher and without one that works. The
 * next call knows: what it names was not there before, what is gone it does
 * not name. H01, H05, H06, H08 on the real server.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

enum { CONNECTIONS = 2 };
static int changes = 500; /* of a burst */

struct live {
    struct server *server;
    struct http *http[CONNECTIONS];
    int sessions;
};

/* --- what is changed, and who is asked for it -------------------------------
 */

struct client {
    struct live *live;
    struct http *http; /* NULL: over stdio */
};

static struct slice call(struct client *c, const char *tool, struct slice args)
{
    const struct json *r = c->http ? http_tool(c->http, tool, args.p)
                                   : stdio_tool(c->live->server, tool, args.p);
    return json_get(r, SLICE("structuredContent"))->raw;
}

static struct slice search(struct client *c, const char *word)
{
    return call(c, "search_standards",
                arena_printf(test_arena(), "{\"query\":\"%s\"}", word));
}

static struct slice list(struct client *c, const char *word)
{
    (void)word;
    return call(c, "list_workflows", SLICE("{}"));
}

/* What a new session is asked for at its first gate. */
static struct slice refusal(struct client *c, const char *word)
{
    (void)word;
    struct slice started =
        call(c, "start_workflow",
             arena_printf(test_arena(),
                          "{\"workflow_type\":\"three_v1\",\"target\":\"t%d\"}",
                          c->live->sessions++));
    const struct json *id = json_get(json_of(started), SLICE("session_id"));
    if (!id) return started;
    return call(c, "complete_phase",
                arena_printf(test_arena(),
                             "{\"session_id\":\"%.*s\",\"phase\":0,"
                             "\"evidence\":{\"none\":1}}",
                             SLICE_ARG(json_text(id))));
}

struct subject {
    const char *label, *folder, *file, *before, *after; /* around the word */
    struct slice (*ask)(struct client *c, const char *word);
};

static const struct subject subjects[] = {
    {"a standard", "std/deep", "std/deep/a.md", "# A\n", "\n", search},
    {"a definition", "wf/three_v1", "wf/three_v1/metadata.json",
     "{\"workflow_type\":\"three_v1\",\"version\":\"1.0.0\",\"name\":\"Three\","
     "\"description\":\"Three phases for ",
     "\",\"total_phases\":1,\"phases\":[{\"phase_number\":0,\"phase_name\":"
     "\"First\",\"tasks\":[{\"task_number\":1,\"name\":\"a\",\"file\":"
     "\"task-1-a.md\"}]}]}",
     list},
    {"a gate", "wf/three_v1/phases",
     "wf/three_v1/phases/0/gate-definition.yaml",
     "checkpoint:\n  strict: true\nevidence_schema:\n  ",
     ":\n    type: boolean\n    required: true\n    description: \"d\"\n",
     refusal},
};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static const char *at(const char *path)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), path).p;
}

static struct slice text_of(const struct subject *s, const char *word)
{
    return arena_printf(test_arena(), "%s%s%s", s->before, word, s->after);
}

static void write_plain(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_INT_EQ(write(fd, text.p, text.n), (ssize_t)text.n);
    CHECK_INT_EQ(ftruncate(fd, (off_t)text.n), 0);
    CHECK_INT_EQ(close(fd), 0);
}

/* --- ways to change it ------------------------------------------------------
 */

static void overwrite(const struct subject *s, const char *word)
{
    write_plain(at(s->file), text_of(s, word));
}

static void rename_over(const struct subject *s, const char *word)
{
    write_plain(at(".hidden"), text_of(s, word));
    CHECK_INT_EQ(rename(at(".hidden"), at(s->file)), 0);
}

static void delete (const struct subject *s, const char *word)
{
    (void)word;
    CHECK_INT_EQ(unlink(at(s->file)), 0);
}

static void move_away(const struct subject *s, const char *word)
{
    (void)word;
    CHECK_INT_EQ(rename(at(s->folder), at("away")), 0);
}

static void move_back(const struct subject *s, const char *word)
{
    struct slice inside =
        slice_sub(slice_of(s->file), strlen(s->folder), strlen(s->file));
    write_plain(arena_printf(test_arena(), "%s%s", at("away"), inside.p).p,
                text_of(s, word));
    CHECK_INT_EQ(rename(at("away"), at(s->folder)), 0);
}

static void make_definition(void)
{
    static const char *const files[] = {"phase.md", "task-1-a.md"};
    for (size_t i = 0; i < 2; i++)
        kit_put(
            test_tmpdir(),
            arena_printf(test_arena(), "wf/three_v1/phases/0/%s", files[i]).p,
            "# Text\n");
    for (size_t i = 1; i < SUBJECTS; i++)
        if (access(at(subjects[i].file), F_OK))
            kit_put(test_tmpdir(), subjects[i].file,
                    text_of(&subjects[i], "first").p);
}

/* Folders and files as fast as they can be made. */
static void make_tree(const struct subject *s, const char *word)
{
    CHECK_INT_EQ(rename(at(s->folder), at(word)), 0);
    CHECK_OK(path_make(slice_of(at(s->folder)), 0755));
    if (s->ask != search) make_definition();
    kit_put(test_tmpdir(), s->file, text_of(s, word).p);
}

static void touch_neighbour(const struct subject *s, int i)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/n%d.md", s->folder, i % 50);
    if (i % 7 == 6)
        (void)unlink(at(path));
    else
        write_plain(at(path), SLICE("# Neighbour\nof no consequence\n"));
}

static void burst(const struct subject *s, const char *word)
{
    for (int i = 0; i < changes; i++) {
        if (i % 100 == 99)
            overwrite(s, i + 1 == changes ? word : "between");
        else
            touch_neighbour(s, i);
    }
}

/* The server stands still meanwhile, so that the kernel's queue runs over. */
static void overflow(const struct subject *s, const char *word)
{
    (void)s, (void)word;
}

struct way {
    const char *label;
    void (*change)(const struct subject *s, const char *word);
    bool gone; /* the word is nowhere afterwards */
};
static const struct way ways[] = {
    {"overwritten", overwrite},        {"renamed over", rename_over},
    {"deleted", delete, true},         {"written again", overwrite},
    {"moved away", move_away, true},   {"moved back", move_back},
    {"a new tree", make_tree},         {"a burst", burst},
    {"after the burst", rename_over},  {"an overflow", overflow},
    {"after the overflow", overwrite},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* --- the server -------------------------------------------------------------
 */

struct watching {
    const char *label, *mode;
    const char *limit, *value; /* of this kernel's, for the server's users */
    const char *says;          /* among its metrics in the end */
};

/* In a name space of users of its own, so that nobody else is limited. */
static void limit(const struct watching *w)
{
    FILE *f;
    char map[32];
    snprintf(map, sizeof(map), "0 %d 1\n", (int)geteuid());
    if (unshare(CLONE_NEWUSER)) test_skip("no name spaces of our own here");
    const char *const words[][2] = {{"/proc/self/setgroups", "deny"},
                                    {"/proc/self/uid_map", map},
                                    {w->limit, w->value}};
    for (size_t i = 0; i < 3; i++) {
        f = fopen(words[i][0], "we");
        if (!f || fputs(words[i][1], f) < 0 || fclose(f))
            test_skip("this kernel limits nothing here");
    }
}

static void serve(struct live *l, const char *mode)
{
    *l = (struct live){0};
    CHECK_OK(path_make(slice_of(at("std/deep")), 0755));
    kit_put(test_tmpdir(), subjects[0].file, text_of(&subjects[0], "first").p);
    make_definition();
    const char *args[] = {"--workflows",  at("wf"), "--standards", at("std"),
                          "--watch-mode", mode,     NULL};
    l->server = server_start(&(struct server_options){.args = args});
    int port = server_port(l->server);
    for (int i = 0; i < CONNECTIONS; i++) l->http[i] = http_open(port);
}

static void expect(struct live *l, const struct subject *s, const char *word,
                   bool there, const char *how)
{
    for (int i = 0; i <= CONNECTIONS; i++) {
        struct client c = {l, i < CONNECTIONS ? l->http[i] : NULL};
        struct slice said = s->ask(&c, word);
        if ((slice_find(said, slice_of(word)) < said.n) != there)
            FAIL("%s, %s: client %d was told: %.*s", s->label, how, i,
                 SLICE_ARG(said));
    }
}

/* More events than the kernel queues, while the server reads none. */
static void overflow_queue(struct live *l, const struct subject *s)
{
    int most = 0;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    if (!f || fscanf(f, "%d", &most) != 1) test_skip("no inotify here");
    (void)fclose(f);
    const char *names[] = {
        at(arena_printf(test_arena(), "%s/x.md", s->folder).p),
        at(arena_printf(test_arena(), "%s/y.md", s->folder).p)};
    int fd[2];
    siginfo_t stopped;
    pid_t pid = server_pid(l->server);
    CHECK_INT_EQ(kill(pid, SIGSTOP), 0);
    CHECK_INT_EQ(waitid(P_PID, (id_t)pid, &stopped, WSTOPPED), 0);
    for (int i = 0; i < 2; i++) {
        fd[i] = open(names[i], O_CREAT | O_WRONLY, 0644);
        CHECK(fd[i] >= 0);
    }
    for (int i = 0; i < most + 100; i++)
        CHECK_INT_EQ(pwrite(fd[i % 2], "x", 1, 0), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_INT_EQ(close(fd[i]), 0);
        CHECK_INT_EQ(unlink(names[i]), 0);
    }
}

static void change(struct live *l, const struct subject *s,
                   const struct way *way, const char *word)
{
    if (way->change != overflow) {
        way->change(s, word);
        return;
    }
    overflow_queue(l, s);
    rename_over(s, word);
    CHECK_INT_EQ(kill(server_pid(l->server), SIGCONT), 0);
}

/* What it says of itself is looked at now and then, not for each who asks. */
static void wait_for_page(struct live *l, const struct watching *w)
{
    const char *page = w->limit ? "/health" : "/metrics";
    struct http_reply r;
    do {
        r = http_request(l->http[0], "GET", page, "", SLICE(""));
        if (w->says) (void)usleep(50000);
    } while (w->says && !says(r.body, w->says));
}

TEST_EACH_IF(live, the_next_call_of_every_client_knows_what_was_saved,
             (.timeout_s = 120), struct watching, row,
             {"with inotify", "auto", .says = "watch_overflows_total 3"},
             {"with looks only", "stat"}, {"with nothing", "off"},
             {"with too few watches", "auto",
              "/proc/sys/user/max_inotify_watches", "3", "\"watch_degraded\""},
             {"without inotify", "auto", "/proc/sys/user/max_inotify_instances",
              "0", "\"watch_degraded\""})
{
    struct live l;
    if (row->limit) limit(row);
    serve(&l, row->mode);
    for (int i = 0; i < SUBJECTS; i++) {
        char before[32] = "first", word[32];
        expect(&l, &subjects[i], before, true, "at the start");
        for (int k = 0; k < WAYS; k++) {
            const struct way *way = &ways[k];
            snprintf(word, sizeof(word), "word%dx%dy", i, k);
            change(&l, &subjects[i], way, word);
            expect(&l, &subjects[i], before, false, way->label);
            expect(&l, &subjects[i], word, !way->gone, way->label);
            memcpy(before, word, sizeof(word));
        }
    }
    wait_for_page(&l, row);
    struct slice log = server_stderr_text(l.server);
    bool overflow =
        slice_find(log, SLICE("watch overflow, full rescan")) < log.n;
    CHECK_INT_EQ(overflow, strcmp(row->mode, "auto") == 0 && !row->limit);
}

TEST_EACH_IF(live, the_next_call_knows_the_last_of_ten_thousand_changes,
             (.timeout_s = 120), struct watching, row, {"with inotify", "auto"},
             {"with nothing", "off"})
{
    struct live l;
    changes = 10000;
    serve(&l, row->mode);
    for (int i = 0; i < SUBJECTS; i++) {
        burst(&subjects[i], "word");
        expect(&l, &subjects[i], "word", true, "after the burst");
        expect(&l, &subjects[i], "between", false, "after the burst");
    }
}

/* --- many at once -----------------------------------------------------------
 */

struct crowd {
    struct live l;
    _Atomic int saved;
    _Atomic bool over;
};

static int serial_in(struct slice said)
{
    size_t n = slice_find(said, SLICE("serial"));
    return n < said.n ? atoi(said.p + n + 6) : -1;
}

static void save_or_ask(void *ctx, int i)
{
    struct crowd *c = ctx;
    int rounds = test_sanitized() ? 15 : 60;
    char word[32];
    for (int n = 1; i == 0 && n <= rounds; n++) {
        snprintf(word, sizeof(word), "serial%dx", n);
        for (int k = 0; k < 2; k++) rename_over(&subjects[k], word);
        atomic_store(&c->saved, n);
        (void)usleep(2000);
    }
    if (i == 0) atomic_store(&c->over, true);
    struct client client = {&c->l, i > 1 ? c->l.http[i - 2] : NULL};
    while (i > 0 && !atomic_load(&c->over))
        for (int k = 0; k < 2; k++) {
            int least = atomic_load(&c->saved);
            struct slice said = subjects[k].ask(&client, "a");
            if (serial_in(said) < least)
                FAIL("%s: serial%d was there: %.*s", subjects[k].label, least,
                     SLICE_ARG(said));
        }
}

TEST_EACH_IF(live, nobody_is_told_less_than_was_saved_when_he_asked,
             (.timeout_s = 120), struct watching, row, {"with", "auto"},
             {"without", "off"})
{
    struct crowd c = {0};
    serve(&c.l, row->mode);
    for (int k = 0; k < 2; k++) overwrite(&subjects[k], "serial0x");
    test_threads(2 + CONNECTIONS, save_or_ask, &c);
}

/* --- sessions under way -----------------------------------------------------
 */

TEST(live, a_session_keeps_its_gate_and_says_that_there_is_another)
{
    struct live l;
    serve(&l, "auto");
    struct client c = {&l, NULL};
    const struct json *begun = json_of(
        call(&c, "start_workflow",
             SLICE("{\"workflow_type\":\"three_v1\",\"target\":\"pinned\"}")));
    const char *id = kit_text(begun, "session_id");
    overwrite(&subjects[2], "another");
    struct slice ask =
        arena_printf(test_arena(), "{\"session_id\":\"%s\",\"phase\":0}", id);
    for (int i = 0; i <= CONNECTIONS; i++) {
        c.http = i < CONNECTIONS ? l.http[i] : NULL;
        struct slice said = call(&c, "get_phase", ask);
        CHECK_CONTAINS(said, "\"definition_changed\":true");
        CHECK(!says(said, "another"));
    }
}
