/*
 * Instructions per request of the main paths, under callgrind. Time cannot be
 * judged on a shared machine; this can.
 *
 * Only instructions in our own objects are counted, below one function of
 * ours: the C library, which picks its routines by the processor, libevent,
 * SQLite and the dynamic linker are left out, and so is what other threads do
 * meanwhile. What is left depends on the compiler alone (valgrind shows every
 * program the same processor, one without SHA instructions): the rows hold the
 * figure of the one that CI has. With another the path is measured and told.
 *
 * A figure that fell is written down anew: the bar is both ways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/integration/bugfix.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

enum { TOLERANCE = 5 }; /* percent */

/* --- what callgrind has counted ------------------------------------------- */

/* Costs stand on lines that begin with a position; a line behind calls= is
 * what a callee cost, which it has counted itself. Names are written once and
 * then meant by their number. */
static double cost_of(struct slice line)
{
    struct slice position;
    int64_t cost = 0;
    if (!line.n || !strchr("0123456789+-*", line.p[0])) return 0;
    if (!slice_split(&line, ' ', &position) || !slice_int64(line, &cost))
        return 0;
    return (double)cost;
}

struct counting {
    bool ours, after_calls;
    int64_t our_number;
    double sum;
};

/* "ob=(3) /path/of/it", later "ob=(3)"; or named first as a callee's, by
 * "cob=". */
static void object_line(struct counting *c, struct slice line,
                        const char *object)
{
    bool callee = line.p[0] == 'c';
    struct slice number = slice_sub(line, callee ? 5 : 4, SIZE_MAX);
    int64_t n = -1;
    if (!slice_int64(slice_sub(number, 0, slice_find_byte(number, ')')), &n))
        return;
    if (slice_ends(line, slice_of(object))) c->our_number = n;
    if (!callee) c->ours = n == c->our_number;
}

static double counted_in(const char *file, const char *object)
{
    struct slice text, line;
    struct counting c = {.our_number = -1};
    CHECK_OK(file_read(slice_of(file), 256 << 20, test_arena(), &text));
    while (slice_split(&text, '\n', &line) || text.n) {
        if (slice_starts(line, SLICE("ob=(")) ||
            slice_starts(line, SLICE("cob=(")))
            object_line(&c, line, object);
        else if (slice_starts(line, SLICE("calls=")))
            c.after_calls = true;
        else if (c.after_calls)
            c.after_calls = false;
        else if (c.ours)
            c.sum += cost_of(line);
    }
    return c.sum;
}

/* --- the rows ------------------------------------------------------------- */

struct path_row {
    const char *name;
    const char *below; /* the function that is counted, with all it calls */
    const char *tool, *arguments; /* after the session; of the server */
    const char *transport;
    double gcc_12; /* of that compiler */
};

/* 0: not known. */
static double known(const struct path_row *row)
{
#if !defined(__clang__) && __GNUC__ == 12 && defined(__x86_64__)
    return row->gcc_12;
#else
    (void)row;
    return 0;
#endif
}

static void judge(const struct path_row *row, double each)
{
    double want = known(row), off = want > 0 ? each / want * 100 - 100 : 0;
    printf("%s: %.0f instructions each, %.0f known (%+.1f %%)\n", row->name,
           each, want, off);
    if (off > TOLERANCE)
        FAIL("%s takes %.0f instructions, %.1f %% more than the %.0f that are "
             "known (" __VERSION__ ")",
             row->name, each, off, want);
    if (off < -TOLERANCE)
        FAIL("%s takes %.0f instructions, %.1f %% fewer than the %.0f of its "
             "row (" __VERSION__ "): write that down",
             row->name, each, -off, want);
}

/* --- a server under callgrind --------------------------------------------- */

static struct server *counted_server(const struct path_row *row,
                                     const char *project, int run)
{
    struct arena *a = test_arena();
    const char *args[] = {
        "--tool=callgrind",
        "--collect-atstart=no",
        "--compress-pos=no",
        arena_printf(a, "--toggle-collect=%s*", row->below).p,
        arena_printf(a, "--callgrind-out-file=%s/out.%d", test_tmpdir(), run).p,
        test_binary(),
        "serve",
        "--project",
        project,
        NULL};
    return server_start(&(struct server_options){.binary = "/usr/bin/valgrind",
                                                 .project = project,
                                                 .all_args = args,
                                                 .patience_s = 120});
}

static void ask(struct server *s, struct http *h, const struct path_row *row,
                const char *id)
{
    const char *arguments = bugfix_session(id, row->arguments);
    const struct json *r = h ? http_tool(h, row->tool, arguments)
                             : stdio_tool(s, row->tool, arguments);
    CHECK(json_is(json_get(r, SLICE("structuredContent")), JSON_OBJECT));
}

/* Warmed up alike, then so many calls; what was counted in all of it. */
static double server_counts(const struct path_row *row, const char *project,
                            int run, int calls)
{
    struct server *s = counted_server(row, project, run);
    const struct json *r =
        stdio_tool(s, "start_workflow", bugfix_start("src/dates.c"));
    const char *id = arena_cstr(
        test_arena(),
        json_text(json_at(r, "structuredContent", "session_id", NULL)));
    struct http *h =
        strcmp(row->transport, "http") == 0 ? http_open(server_port(s)) : NULL;
    for (int i = 0; i < 200; i++) ask(s, h, row, id);
    for (int i = 0; i < calls; i++) ask(s, h, row, id);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    return counted_in(
        arena_printf(test_arena(), "%s/out.%d", test_tmpdir(), run).p,
        "/phasegate");
}

/* complete_phase is refused each time and writes that down: the whole path of
 * a durable write, as often as one likes. */
#define REFUSED ",\"phase\":0,\"evidence\":{\"bug_summary\":\"too short\"}"

TEST_EACH_IF(instructions, of_a_served_call,
             (.needs = "slow release valgrind binary", .timeout_s = 300),
             struct path_row, row,
             {"get_phase over stdio", "on_readable", "get_phase", "", "stdio",
              4349},
             {"get_phase over HTTP", "on_request", "get_phase", "", "http",
              8862},
             {"complete_phase on its worker", "op_job", "complete_phase",
              REFUSED, "stdio", 244630})
{
    enum { FEW = 300, MANY = 1300 };
    const char *project = new_project("p");
    bugfix_files(project);
    double few = server_counts(row, project, 1, FEW);
    double many = server_counts(row, project, 2, MANY);
    judge(row, (many - few) / (MANY - FEW));
}

/* --- paths inside, by a test of tests/bench/bench_counted.c ----------------
 */

TEST_EACH_IF(instructions, of_a_path_inside,
             (.needs = "slow release valgrind binary", .timeout_s = 300),
             struct path_row, row,
             {"a hit of a cache", "cache_hit", NULL, NULL, NULL, 245},
             {"reading a call", "json_read", NULL, NULL, NULL, 4621},
             {"writing a tree", "json_written", NULL, NULL, NULL, 5489},
             {"a search", "search_made", NULL, NULL, NULL, 3385})
{
    enum { CALLS = 1000 }; /* as bench_counted.c does */
    struct slice command = arena_printf(
        test_arena(),
        "cd '%s' && TMPDIR='%s' valgrind --tool=callgrind "
        "--collect-atstart=no --compress-pos=no --trace-children=yes "
        "--toggle-collect='counted_%s*' "
        "--callgrind-out-file='%s/inside.%%p' '%s/phasegate-tests' -q "
        "tests/bench/bench_counted.c::%s >'%s/log' 2>&1",
        test_source_dir(), test_tmpdir(), row->below, test_tmpdir(),
        test_binary_dir(), row->below, test_tmpdir());
    if (system(command.p) != 0)
        FAIL("%.*s", SLICE_ARG(get_file(test_tmpdir(), "log")));
    struct file_name *names;
    size_t n;
    double sum = 0;
    CHECK_OK(
        folder_list(slice_of(test_tmpdir()), 1000, test_arena(), &names, &n));
    for (size_t i = 0; i < n; i++)
        if (slice_starts(names[i].name, SLICE("inside.")))
            sum +=
                counted_in(arena_printf(test_arena(), "%s/%.*s", test_tmpdir(),
                                        SLICE_ARG(names[i].name))
                               .p,
                           "/phasegate-tests");
    judge(row, sum / CALLS);
}
