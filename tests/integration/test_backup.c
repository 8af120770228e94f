/* `phasegate backup`: a copy of a file that is being written to, and the way
 * back to it, step by step as --help tells it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

static void begin_sessions(struct server *s, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        struct slice args = arena_printf(test_arena(),
                                         "{\"workflow_type\":\"bugfix_v1\","
                                         "\"target\":\"file-%d.c\"}",
                                         i);
        const struct json *r = stdio_tool(s, "start_workflow", args.p);
        CHECK(json_at(r, "structuredContent", "session_id", NULL) != NULL);
    }
}

static int64_t count_of(const char *folder)
{
    int64_t n = -1;
    struct ended e = RUN_IN(folder, "sessions", "list", "--json");
    CHECK_INT_EQ(e.status, 0);
    CHECK(json_int64(json_get(json_of(e.out), SLICE("count")), &n));
    return n;
}

static struct server *serve(const char *folder)
{
    const char *args[] = {"--http-port", "0", NULL};
    return server_start(
        &(struct server_options){.project = folder, .args = args});
}

TEST(backup, a_live_file_is_copied_and_the_copy_takes_its_place,
     .timeout_s = 60)
{
    const char *folder = new_project("live");
    struct server *s = serve(folder);
    begin_sessions(s, 0, 5);
    struct ended e = RUN_IN(folder, "backup", "copy.db", "--json");
    CHECK_INT_EQ(e.status, 0);
    int64_t sessions = 0;
    CHECK(json_int64(json_get(json_of(e.out), SLICE("sessions")), &sessions));
    CHECK_INT_EQ(sessions, 5);
    begin_sessions(s, 5, 3);
    CHECK_INT_EQ(count_of(folder), 8);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);

    struct slice restore = arena_printf(
        test_arena(), "cp copy.db .phasegate/state.db && "
                      "rm -f .phasegate/state.db-wal .phasegate/state.db-shm");
    e = program_run(&(struct program){
        .binary = "/bin/sh",
        .folder = folder,
        .args = (const char *const[]){"-c", restore.p, NULL}});
    CHECK_INT_EQ(e.status, 0);
    s = serve(folder);
    CHECK_INT_EQ(count_of(folder), 5);
    begin_sessions(s, 8, 1);
    CHECK_INT_EQ(count_of(folder), 6);
    e = RUN_IN(folder, "sessions", "verify");
    CHECK_INT_EQ(e.status, 0);
}

struct writer {
    struct server *server;
    const char *folder;
    _Atomic bool enough;
};

static void write_or_copy(void *ctx, int i)
{
    struct writer *w = ctx;
    if (i == 0) {
        for (int n = 0; !w->enough || n < 10; n++)
            begin_sessions(w->server, n, 1);
        return;
    }
    for (int n = 0; n < 5; n++) {
        struct slice to = arena_printf(test_arena(), "copy-%d.db", n);
        CHECK_INT_EQ(RUN_IN(w->folder, "backup", to.p).status, 0);
    }
    w->enough = true;
}

TEST(backup, copies_made_amid_writing_are_whole, .timeout_s = 60)
{
    struct writer w = {.folder = new_project("amid")};
    w.server = serve(w.folder);
    begin_sessions(w.server, 1000, 1);
    test_threads(2, write_or_copy, &w);
    for (int n = 0; n < 5; n++) {
        struct slice file = arena_printf(test_arena(), "copy-%d.db", n);
        struct ended e =
            RUN_IN(w.folder, "sessions", "verify", "--state", file.p);
        CHECK_INT_EQ(e.status, 0);
    }
}

/* A page that nobody looks at before copying. */
static void damage(const char *file)
{
    static const char noise[4096] = "noise";
    struct stat st;
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    CHECK_INT_EQ(pwrite(fd, noise, sizeof(noise), st.st_size - 4096), 4096);
    close(fd);
}

TEST(backup, refuses_what_it_cannot_do_and_leaves_nothing_behind)
{
    const char *folder = new_project("refusals");
    struct ended e = RUN_IN(folder, "backup", "copy.db");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "state.db is not there or empty");
    put_file(folder, ".phasegate/state.db", ""); /* a disk was full */
    e = RUN_IN(folder, "backup", "copy.db");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "state.db is not there or empty");
    CHECK_INT_EQ(RUN_IN(folder, "backup").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "backup", "a", "b").status, 2);
    struct server *s = serve(folder);
    begin_sessions(s, 0, 1);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    put_file(folder, "taken.db", "precious");
    e = RUN_IN(folder, "backup", "taken.db");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "exists already");
    CHECK_TEXT_EQ(get_file(folder, "taken.db"), "precious");
    e = RUN_IN(folder, "backup", "nowhere/copy.db");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "nowhere/ is not there; make it with mkdir -p");
    CHECK(!says(e.err, "level=")); /* people are told once, in words */
    put_file(folder, "foreign.db",
             "no database at all, but long enough to "
             "be looked at as one by anybody who tries "
             "to read its first hundred bytes........");
    e = RUN_IN(folder, "backup", "copy.db", "--state", "foreign.db");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "not a database");
    struct slice copy = arena_printf(test_arena(), "%s/copy.db", folder);
    CHECK_INT_NE(access(copy.p, F_OK), 0);
    damage(arena_printf(test_arena(), "%s/.phasegate/state.db", folder).p);
    e = RUN_IN(folder, "backup", "copy.db");
    CHECK_INT_EQ(e.status, 1); /* what cannot be read back is no copy */
    CHECK_CONTAINS(e.err, "damaged");
    CHECK_INT_NE(access(copy.p, F_OK), 0);
}
