#include "cli/reach.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/project.h"
#include "transport/discovery.h"

enum { WORDS_MAX = 64, ANSWER_S = 5 };

struct question {
    const char *tool;
    struct slice arguments;
    bool (*again)(void *ctx, const struct cli_reply *r);
    void *ctx;
};

static bool is_once(void *ctx, const struct cli_reply *r)
{
    (void)ctx, (void)r;
    return false;
}

/* A server that runs may have been started with other folders. */
static bool own_places(const struct cli_options *o)
{
    static const struct slice keys[] = {
        SLICE_INIT("state"), SLICE_INIT("workflows"), SLICE_INIT("standards")};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (cli_options_source(o, keys[i]) == CLI_FROM_FLAG) return true;
    return false;
}

/* A stopped server's kernel takes connections and nobody reads them: its loop
 * is asked first whether it turns, so that nobody waits for a whole call. */
static enum err answers(const struct cli_http *h, struct arena *a,
                        struct cli_reply *ret)
{
    struct cli_answer live;
    struct slice none = {0};
    enum err e =
        cli_http_ask(h, "GET", "/health/live", none, ANSWER_S, a, &live);
    if (e == ERR_DEADLINE)
        *ret = (struct cli_reply){
            .sent = true,
            .why = arena_printf(a,
                                "the project's server does not answer at port "
                                "%d; `phasegate doctor` says why",
                                h->port)};
    return e;
}

/* ERR_NOT_FOUND: nobody runs, or nobody answers any more. */
static enum err ask_running(const struct cli_options *o, struct slice root,
                            const struct question *q, struct arena *a,
                            struct cli_reply *ret)
{
    struct cli_http h;
    struct slice url, token;
    if (!root.n || own_places(o) ||
        tp_discovery_find(root, a, &url, &token) != OK ||
        cli_http_parse(url, &h) != OK)
        return ERR_NOT_FOUND;
    h.token = token;
    *ret = (struct cli_reply){0};
    enum err e = answers(&h, a, ret);
    do {
        if (!e) e = cli_http_call(&h, q->tool, q->arguments, a, ret);
    } while (!e && q->again(q->ctx, ret));
    return e && !ret->sent ? ERR_NOT_FOUND : e;
}

static void add(struct arena *a, char **argv, size_t *n, const char *flag,
                struct slice value)
{
    char *text = arena_cstr(a, value);
    if (!value.n || !text || *n + 3 > WORDS_MAX) return;
    argv[(*n)++] = (char *)flag;
    argv[(*n)++] = text;
}

static enum err ask_own(const struct cli_options *o, struct slice root,
                        const struct question *q, struct arena *a,
                        struct cli_reply *ret)
{
    const struct cli_settings *set = &o->set;
    struct cli_server server;
    struct slice program;
    char *argv[WORDS_MAX] = {NULL,
                             (char *)"serve",
                             (char *)"--transport",
                             (char *)"stdio",
                             (char *)"--log-level",
                             (char *)"error"};
    size_t n = 6;
    *ret = (struct cli_reply){.why = SLICE("no server can be started")};
    enum err e = cli_program(a, &program);
    if (e) return e;
    argv[0] = arena_cstr(a, program);
    if (!argv[0]) return ERR_NOMEM;
    add(a, argv, &n, "--project", root);
    add(a, argv, &n, "--state", set->state);
    for (size_t i = 0; i < set->workflows.count; i++)
        add(a, argv, &n, "--workflows", set->workflows.items[i]);
    for (size_t i = 0; i < set->standards.count; i++)
        add(a, argv, &n, "--standards", set->standards.items[i]);
    e = cli_server_start(&server, argv, STDERR_FILENO);
    do {
        if (!e) e = cli_server_call(&server, q->tool, q->arguments, a, ret);
    } while (!e && q->again(q->ctx, ret));
    int code = cli_server_stop(&server);
    if (e && code > 0 && code < 128) ret->why = SLICE(""); /* it said why */
    return e;
}

bool cli_reach_until(const struct cli_options *o, struct slice root,
                     const char *tool, struct slice arguments,
                     bool (*again)(void *ctx, const struct cli_reply *r),
                     void *ctx, struct arena *a, struct cli_reply *ret,
                     int *ret_exit)
{
    const struct question q = {tool, arguments, again, ctx};
    enum err e = ask_running(o, root, &q, a, ret);
    if (e == ERR_NOT_FOUND) e = ask_own(o, root, &q, a, ret);
    if (!e) return true;
    if (ret->why.n)
        (void)fprintf(stderr, "phasegate: %s: %.*s\n", tool,
                      SLICE_ARG(ret->why));
    *ret_exit = e == ERR_INVALID ? CLI_NOT_SO : CLI_CANNOT_START;
    return false;
}

bool cli_reach(const struct cli_options *o, struct slice root, const char *tool,
               struct slice arguments, struct arena *a, struct cli_reply *ret,
               int *ret_exit)
{
    return cli_reach_until(o, root, tool, arguments, is_once, NULL, a, ret,
                           ret_exit);
}

int cli_reach_exit(const struct cli_reply *r)
{
    struct slice code = json_text(json_at(r->object, "error", "code", NULL));
    if (!r->is_error) return CLI_DONE;
    return slice_eq(code, SLICE("invalid_argument")) ? CLI_USAGE : CLI_NOT_SO;
}
