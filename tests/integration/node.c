#include "tests/integration/node.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/runner/client.h"

enum { ARGS_MAX = 48, NODE_PATIENCE_S = 120, OUT_MAX = 64 << 20 };

const char *node_project(void)
{
    static int made;
    struct arena *a = test_arena();
    struct slice dir = arena_printf(a, "%s/walked-%d", test_tmpdir(), ++made);
    struct slice git = arena_printf(a, "%s/.git", dir.p);
    if (!git.p || mkdir(dir.p, 0755) || mkdir(git.p, 0755))
        FAIL("cannot make the project %s", dir.p);
    return dir.p;
}

struct server *node_start(const char *script, const char *const *args)
{
    struct arena *a = test_arena();
    bool packaged = strchr(script, '/') != NULL;
    const char *all[ARGS_MAX];
    size_t n = 0;
    if (!packaged) {
        all[n++] = "--import";
        all[n++] =
            arena_printf(a, "%s/tests/clients/packages.mjs", test_source_dir())
                .p;
    }
    all[n++] =
        packaged
            ? arena_printf(a, "%s/node_modules/%s", test_npm_dir(), script).p
            : arena_printf(a, "%s/tests/clients/%s", test_source_dir(), script)
                  .p;
    for (; *args; args++) {
        if (n == ARGS_MAX - 1) FAIL("too many arguments for %s", script);
        all[n++] = *args;
    }
    all[n] = NULL;
    /* What a program keeps in the user's home, it keeps in the test's. */
    const char *env[] = {arena_printf(a, "HOME=%s", test_tmpdir()).p, NULL};
    return server_start(&(struct server_options){
        .env = env,
        .binary = arena_printf(a, "%s/node", test_npm_dir()).p,
        .project = test_tmpdir(),
        .all_args = all,
        .patience_s = NODE_PATIENCE_S});
}

int node_unused_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 &&
          getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

static struct slice all_lines(struct server *s)
{
    struct buf all = BUF_INIT(OUT_MAX);
    struct slice line;
    while (stdio_try_line(s, patience(NODE_PATIENCE_S), &line)) {
        buf_put(&all, line);
        buf_putc(&all, '\n');
    }
    if (all.err) FAIL("out of memory, or more output than is sane");
    struct slice copy = arena_copy(test_arena(), buf_slice(&all));
    buf_done(&all);
    return copy;
}

struct node_end node_run(const char *script, const char *const *args)
{
    struct server *s = node_start(script, args);
    struct slice out = all_lines(s);
    struct server_exit end = server_wait(s);
    return (struct node_end){end.status, out, server_stderr_text(s)};
}

static const struct json *last_word(const struct node_end *end)
{
    struct slice rest = end->out, line, last = {0};
    while (slice_split(&rest, '\n', &line) && line.n) last = line;
    return last.n ? parse_or_null(test_arena(), last) : NULL;
}

const char *node_cause(const struct node_end *end)
{
    const struct json *word = last_word(end);
    struct slice step = json_text(json_get(word, SLICE("step")));
    struct slice where = json_text(json_get(word, SLICE("failed")));
    struct slice why = json_text(json_get(word, SLICE("why")));
    struct slice rest = end->errors, line;
    while (!why.n && slice_split(&rest, '\n', &line))
        if (slice_find(line, SLICE("Error")) < line.n) why = line;
    if (!why.n) why = SLICE("no word");
    return arena_printf(test_arena(), "\"%s%.*s\" (status %d): %.*s",
                        where.n ? "" : "after ",
                        SLICE_ARG(where.n ? where : step), end->status,
                        SLICE_ARG(why))
        .p;
}

struct node_steps node_steps(const char *script, const char *const *args)
{
    struct node_end end = node_run(script, args);
    struct node_steps steps = {0};
    struct slice rest = end.out, line;
    const struct json *last = NULL;
    while (slice_split(&rest, '\n', &line) && line.n) {
        last = parse_or_null(test_arena(), line);
        if (!json_get(last, SLICE("step"))) break;
        if (steps.count == sizeof steps.all / sizeof *steps.all)
            FAIL("%s makes too many steps", script);
        steps.all[steps.count++] = last;
    }
    int64_t done = -1;
    if (!json_int64(json_get(last, SLICE("done")), &done))
        FAIL("%s failed at %s\n%.*s%.*s", script, node_cause(&end),
             SLICE_ARG(end.out), SLICE_ARG(end.errors));
    CHECK_INT_EQ(end.status, 0);
    CHECK_INT_EQ(done, steps.count);
    return steps;
}

const struct json *node_step(const struct node_steps *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_eq(json_text(json_get(s->all[i], SLICE("step"))),
                     slice_of(name)))
            return s->all[i];
    FAIL("the script made no step \"%s\"", name);
}

void node_wait(struct server *s, const char *step)
{
    const struct json *line;
    do {
        line = stdio_receive(s);
        if (!json_get(line, SLICE("step")))
            FAIL("before the step \"%s\": %.*s", step, SLICE_ARG(line->raw));
    } while (
        !slice_eq(json_text(json_get(line, SLICE("step"))), slice_of(step)));
}
