/* admin: an operator acts on the running server. */
#include <assert.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json_write.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/tell.h"
#include "transport/discovery.h"

enum { ANSWER_S = 10 };

struct admin {
    struct arena arena;
    struct cli_options o;
    struct slice root;
};

static int complain(const char *what)
{
    (void)fprintf(stderr, "phasegate: %s\n", what);
    return CLI_NOT_SO;
}

/* What an operator can do: the path that does it, and what it calls a name. */
static const struct act {
    const char *verb, *path, *member;
} acts[] = {
    {"clear-cache", "/api/admin/clear-cache", "cache"},
    {"reset-breaker", "/api/admin/reset-breaker", "provider"},
};

static const struct act *act_of(struct slice verb)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (slice_eq(verb, slice_of(acts[i].verb))) return &acts[i];
    return NULL;
}

static struct slice body_of(struct admin *k, const struct act *act,
                            const char *name)
{
    struct buf b = BUF_INIT(64 * 1024);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, act->member, slice_of(name));
    json_end_object(&w);
    struct slice s = arena_copy(&k->arena, buf_slice(&b));
    buf_done(&b);
    return s;
}

static int told(struct admin *k, const struct cli_answer *answer,
                const struct act *act, const char *name)
{
    const struct json *v = NULL;
    struct json_error je;
    int64_t entries = 0;
    if (json_parse(answer->body, NULL, &k->arena, &v, &je) != OK)
        return complain("the server's answer is not JSON");
    const struct json *e = json_get(v, SLICE("error"));
    if (answer->status != 200) {
        struct problem p = {.what = json_text(json_get(e, SLICE("what"))),
                            .why = json_text(json_get(e, SLICE("why"))),
                            .how_to_fix =
                                json_text(json_get(e, SLICE("how_to_fix")))};
        if (!p.what.n) p.what = json_text(json_get(e, SLICE("message")));
        if (answer->status == 403 && !p.how_to_fix.n)
            p.how_to_fix =
                SLICE("The server has the one that it found in "
                      ".phasegate/operator.token when it started: put that "
                      "back, or start the server again");
        cli_complain(&p);
        return CLI_NOT_SO;
    }
    const struct json *cleared = json_get(v, SLICE("cleared"));
    if (k->o.set.json)
        cli_print_json(v);
    else if (json_int64(json_get(cleared, slice_of(name)), &entries))
        cli_say(CLI_GOOD, "cleared", "%s: %lld entries", name,
                (long long)entries);
    else
        cli_say(CLI_GOOD, "done", "%s %s", act->verb, name);
    return CLI_DONE;
}

static int run(struct admin *k, const struct act *act, const char *name)
{
    struct slice url, agent, token;
    struct cli_http h;
    struct cli_answer answer;
    struct slice path =
        path_join(&k->arena, k->root, SLICE(".phasegate/operator.token"));
    assert(act); /* acts[] has what the verbs of the command's row have */
    if (!k->root.n ||
        tp_discovery_find(k->root, &k->arena, &url, &agent) != OK ||
        cli_http_parse(url, &h) != OK)
        return complain("no server of this project runs; there is nothing to "
                        "act on");
    if (file_read(path, 4096, &k->arena, &token) != OK)
        return complain("the operator's token cannot be read: "
                        ".phasegate/operator.token");
    h.token = slice_trim(token);
    if (cli_http_ask(&h, "POST", act->path, body_of(k, act, name), ANSWER_S,
                     &k->arena, &answer) != OK)
        return complain("the project's server does not answer; `phasegate "
                        "doctor` says why");
    return told(k, &answer, act, name);
}

int cli_admin(const struct cli_command *c, int argc, char **argv)
{
    struct admin k = {0};
    int code;
    arena_init(&k.arena, (size_t)64 << 20);
    if (cli_begin(c, argc, argv, &k.arena, &k.o, &k.root, &code)) {
        int at = k.o.rest;
        const struct cli_verb *v =
            at < argc ? cli_verb_find(c, slice_of(argv[at])) : NULL;
        code = CLI_USAGE;
        if (v && argc - at == 2)
            code = run(&k, act_of(slice_of(argv[at])), argv[at + 1]);
        else if (v)
            code = cli_verb_misused(c, v, argc - at > 2);
        else if (at == argc)
            (void)fputs("phasegate admin clear-cache NAME | reset-breaker "
                        "NAME\n",
                        stderr);
    }
    arena_done(&k.arena);
    return code;
}
