/*
 * trust: a person looks at the commands a workflow's gates would run, and
 * trusts its files as they are now. On a terminal only: an agent that writes
 * a workflow must not be able to trust it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/project.h"
#include "cli/sessions_record.h"
#include "cli/tell.h"
#include "engine/trust.h"

/* Whole: nobody trusts what was cut off. */
static struct slice line(struct cli_record *r, struct slice s)
{
    return cli_one_line(r->arena, s, s.n);
}

static struct slice text(struct cli_record *r, const struct json *v,
                         const char *key)
{
    return line(r, json_text(json_get(v, slice_of(key))));
}

static bool is(const struct json *v, const char *key)
{
    return json_is(json_get(v, slice_of(key)), JSON_TRUE);
}

/* Each word as JSON, so that blanks and quotes show. */
static void show_words(struct cli_record *r, const struct json *list)
{
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
        printf(" %.*s", SLICE_ARG(line(r, list->items[i].raw)));
}

static void show_command(struct cli_record *r, const struct json *c)
{
    int64_t phase = 0;
    struct slice folder = text(r, c, "folder");
    const struct json *env = json_get(c, SLICE("env"));
    (void)json_int64(json_get(c, SLICE("phase")), &phase);
    printf("  phase %" PRId64 ", %.*s:", phase, SLICE_ARG(text(r, c, "field")));
    show_words(r, json_get(c, SLICE("argv")));
    if (folder.n) printf("\n    in %.*s", SLICE_ARG(folder));
    if (json_is(env, JSON_ARRAY) && env->count) {
        printf("\n    with");
        show_words(r, env);
    }
    (void)putchar('\n');
}

static void show(struct cli_record *r, const struct json *w)
{
    const struct json *list = json_get(w, SLICE("commands"));
    struct slice hash = text(r, w, "hash");
    printf("%s%.*s%s  %.12s  %s\n", cli_tone(CLI_BOLD),
           SLICE_ARG(text(r, w, "workflow_type")), cli_tone(CLI_PLAIN),
           hash.n ? hash.p : "",
           !is(w, "runs_commands") ? "runs no commands"
           : is(w, "trusted")      ? "trusted"
                                   : "NOT TRUSTED");
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
        show_command(r, &list->items[i]);
}

static int ask(struct cli_record *r, struct slice type, const struct json **ret)
{
    struct eng_trust_list_args args = {type};
    enum err e = eng_trust_list(r->engine, cli_record_call(r), &args);
    *ret = NULL;
    if (e) return cli_record_complain(r, e);
    *ret = cli_record_answer(r);
    return *ret ? CLI_DONE : CLI_NOT_SO;
}

static int list_all(struct cli_record *r)
{
    const struct json *v;
    int code = ask(r, (struct slice){0}, &v);
    if (code) return code;
    const struct json *list = json_get(v, SLICE("workflows"));
    if (r->o->set.json)
        cli_print_json(v);
    else
        for (uint32_t i = 0; i < list->count; i++) show(r, &list->items[i]);
    return CLI_DONE;
}

static bool said_yes(void)
{
    char word[16] = "";
    (void)fputs("The server will run these commands as you, when an agent "
                "completes those phases.\nType yes to trust these files as "
                "they are now: ",
                stderr);
    (void)fflush(stderr);
    return fgets(word, sizeof(word), stdin) &&
           slice_eq(slice_trim(slice_of(word)), SLICE("yes"));
}

static int give(struct cli_record *r, struct slice type)
{
    const struct json *v;
    if (!isatty(STDIN_FILENO)) {
        (void)fputs("phasegate: trust is given by a person on a terminal, and "
                    "stdin is none: an agent's shell could say yes as well\n",
                    stderr);
        return CLI_NOT_SO;
    }
    int code = ask(r, type, &v);
    if (code) return code;
    const struct json *w = &json_get(v, SLICE("workflows"))->items[0];
    show(r, w);
    if (is(w, "trusted") || !is(w, "runs_commands")) return CLI_DONE;
    if (!said_yes()) {
        (void)fputs("phasegate: nothing was trusted\n", stderr);
        return CLI_NOT_SO;
    }
    struct eng_trust_give_args args = {type,
                                       json_text(json_get(w, SLICE("hash")))};
    enum err e = eng_trust_give(r->engine, cli_record_call(r), &args);
    if (e) return cli_record_complain(r, e);
    if (r->o->set.json)
        cli_print_json(cli_record_answer(r));
    else
        printf("trusted %.*s\n", SLICE_ARG(type));
    return CLI_DONE;
}

static int run(struct cli_record *r, int argc, char **argv)
{
    if (argc == 0) return list_all(r);
    return give(r, slice_of(argv[0]));
}

int cli_trust(const struct cli_command *c, int argc, char **argv)
{
    struct cli_options o;
    struct arena a;
    struct slice root;
    int code;
    arena_init(&a, (size_t)512 << 20);
    if (cli_begin(c, argc, argv, &a, &o, &root, &code)) {
        if (argc - o.rest > 1) {
            (void)fputs("phasegate trust [WORKFLOW] [--json]\n", stderr);
            code = CLI_USAGE;
        } else {
            code = cli_record_open(&o, root, &a, run, argc - o.rest,
                                   argv + o.rest);
        }
    }
    arena_done(&a);
    return code;
}
