/*
 * sessions: people's view of the state. Each verb is a row: the tool it asks
 * and how its answer is shown; --json shows the answer itself.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reach.h"
#include "cli/sessions_record.h"
#include "cli/tell.h"

enum { PREFIX_LEAST = 4, TEXT_MOST = 48 };

struct sessions {
    struct arena arena;
    struct cli_options o;
    struct slice root;
};

struct verb {
    const char *name;
    bool of_one; /* takes a session */
    const char *tool, *more;
    void (*show)(struct sessions *s, const struct json *answer);
};

static struct slice text(struct sessions *s, const struct json *v,
                         const char *key)
{
    return cli_one_line(&s->arena, json_text(json_get(v, slice_of(key))),
                        TEXT_MOST);
}

static int64_t number(const struct json *v, const char *key)
{
    int64_t n = -1;
    (void)json_int64(json_get(v, slice_of(key)), &n);
    return n;
}

/* "2026-11-21 14:03" of an RFC 3339 time. */
static struct slice when(struct sessions *s, const struct json *v,
                         const char *key)
{
    struct slice t = text(s, v, key);
    return arena_printf(&s->arena, "%.*s %.*s", SLICE_ARG(slice_sub(t, 0, 10)),
                        SLICE_ARG(slice_sub(t, 11, 8)));
}

static struct slice progress(struct sessions *s, const struct json *v)
{
    int64_t total = number(v, "total_phases");
    if (total < 0)
        return arena_printf(&s->arena, "%" PRId64, number(v, "current_phase"));
    return arena_printf(&s->arena, "%" PRId64 " of %" PRId64,
                        number(v, "current_phase"), total);
}

static enum cli_tone tone_of(struct slice status)
{
    if (slice_eq(status, SLICE("completed"))) return CLI_GOOD;
    if (slice_eq(status, SLICE("error"))) return CLI_BAD;
    return slice_eq(status, SLICE("current")) ||
                   slice_eq(status, SLICE("active"))
               ? CLI_BOLD
               : CLI_DIM;
}

/* --- showing -------------------------------------------------------------- */

static void show_list(struct sessions *s, const struct json *answer)
{
    const struct json *list = json_get(answer, SLICE("sessions"));
    if (!json_is(list, JSON_ARRAY) || !list->count) {
        puts("No sessions.");
        return;
    }
    printf("%-9s %-10s %-7s %-20s %-20s %s\n", "SESSION", "STATUS", "PHASE",
           "UPDATED (UTC)", "WORKFLOW", "TARGET");
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct slice status = text(s, v, "status");
        struct slice id = text(s, v, "session_id");
        printf("%-9.8s %s%-10.*s%s %-7.*s %-20.*s %-20.*s %.*s\n",
               id.n ? id.p : "", cli_tone(tone_of(status)), SLICE_ARG(status),
               cli_tone(CLI_PLAIN), SLICE_ARG(progress(s, v)),
               SLICE_ARG(when(s, v, "updated_at")),
               SLICE_ARG(text(s, v, "workflow_type")),
               SLICE_ARG(text(s, v, "target")));
    }
    if (json_get(answer, SLICE("next_cursor")))
        puts("There are more: phasegate call list_sessions cursor=...");
}

static void show_one(struct sessions *s, const struct json *answer)
{
    const struct json *v = json_get(answer, SLICE("session"));
    const struct json *phases = json_get(v, SLICE("phases"));
    printf("%.*s\n", SLICE_ARG(text(s, v, "session_id")));
    cli_say(CLI_PLAIN, "workflow", "%.*s",
            SLICE_ARG(text(s, v, "workflow_type")));
    cli_say(CLI_PLAIN, "target", "%.*s", SLICE_ARG(text(s, v, "target")));
    cli_say(CLI_PLAIN, "status", "%.*s, phase %.*s",
            SLICE_ARG(text(s, v, "status")), SLICE_ARG(progress(s, v)));
    cli_say(CLI_PLAIN, "created", "%.*s UTC",
            SLICE_ARG(when(s, v, "created_at")));
    cli_say(CLI_PLAIN, "updated", "%.*s UTC",
            SLICE_ARG(when(s, v, "updated_at")));
    for (uint32_t i = 0; json_is(phases, JSON_ARRAY) && i < phases->count;
         i++) {
        const struct json *p = &phases->items[i];
        struct slice status = text(s, p, "status");
        cli_say(tone_of(status), arena_cstr(&s->arena, status),
                "%" PRId64 " %.*s", number(p, "number"),
                SLICE_ARG(text(s, p, "name")));
    }
}

static void show_history(struct sessions *s, const struct json *answer)
{
    const struct json *list = json_get(answer, SLICE("history"));
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct slice hash = text(s, v, "hash"), phase = SLICE("");
        if (number(v, "phase") >= 0)
            phase =
                arena_printf(&s->arena, "phase %" PRId64, number(v, "phase"));
        printf("%4" PRId64 "  %.*s  %-20.*s %-9.*s %-6.*s %s%.12s%s\n",
               number(v, "event_id"), SLICE_ARG(when(s, v, "at")),
               SLICE_ARG(text(s, v, "type")), SLICE_ARG(phase),
               SLICE_ARG(text(s, v, "actor")), cli_tone(CLI_DIM),
               hash.n ? hash.p : "", cli_tone(CLI_PLAIN));
    }
}

static const struct verb verbs[] = {
    {"list", false, "list_sessions", "", show_list},
    {"show", true, "get_session", "", show_one},
    {"history", true, "get_session", ",\"include\":[\"history\"]",
     show_history},
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

/* --- which ---------------------------------------------------------------- */

static int complain(const char *what, struct slice which, const char *how)
{
    cli_putf(stderr, "phasegate: %s \"%.*s\"; %s\n", what,
             SLICE_ARG(slice_sub(which, 0, 80)), how);
    return CLI_NOT_SO;
}

static struct slice quoted(struct sessions *s, struct slice value)
{
    struct buf b = BUF_INIT(4096);
    buf_putc(&b, '"');
    json_escape(&b, value);
    buf_putc(&b, '"');
    struct slice r =
        b.err ? SLICE("\"\"") : arena_copy(&s->arena, buf_slice(&b));
    buf_done(&b);
    return r;
}

/* The id that begins so, of all sessions, page by page. */
static int resolve(struct sessions *s, struct slice prefix, struct slice *ret)
{
    struct slice cursor = {0};
    int code = CLI_DONE;
    *ret = (struct slice){0};
    if (prefix.n == 36) {
        *ret = prefix;
        return CLI_DONE;
    }
    if (prefix.n < PREFIX_LEAST)
        return complain("no session", prefix,
                        "give its id, or at least 4 characters of it");
    do {
        struct cli_reply r;
        struct slice args =
            arena_printf(&s->arena, "{\"limit\":200,\"archived\":true%s%.*s}",
                         cursor.n ? ",\"cursor\":" : "",
                         SLICE_ARG(cursor.n ? quoted(s, cursor) : cursor));
        if (!cli_reach(&s->o, s->root, "list_sessions", args, &s->arena, &r,
                       &code))
            return code;
        const struct json *list = json_get(r.object, SLICE("sessions"));
        for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count;
             i++) {
            struct slice id =
                json_text(json_get(&list->items[i], SLICE("session_id")));
            if (!slice_starts(id, prefix)) continue;
            if (ret->n)
                return complain("several sessions begin with", prefix,
                                "give more of the id");
            *ret = id;
        }
        cursor = json_text(json_get(r.object, SLICE("next_cursor")));
    } while (cursor.n);
    if (!ret->n)
        return complain("no session begins with", prefix,
                        "`phasegate sessions` lists them");
    return CLI_DONE;
}

static const struct verb *find_verb(const struct cli_command *c,
                                    struct slice word)
{
    if (!cli_verb_find(c, word)) return NULL;
    for (size_t i = 0; i < VERBS; i++)
        if (slice_eq(word, slice_of(verbs[i].name))) return &verbs[i];
    return NULL;
}

static int refusal(const struct cli_reply *r)
{
    const struct json *e = json_get(r->object, SLICE("error"));
    struct problem p = {.what = json_text(json_get(e, SLICE("what"))),
                        .why = json_text(json_get(e, SLICE("why"))),
                        .how_to_fix =
                            json_text(json_get(e, SLICE("how_to_fix")))};
    cli_complain(&p);
    return cli_reach_exit(r);
}

static int run(const struct cli_command *c, struct sessions *s, int argc,
               char **argv)
{
    int at = s->o.rest, code;
    struct cli_reply r;
    struct slice id = {0}, args = SLICE("{}");
    if (at < argc && cli_record_has(slice_of(argv[at])))
        return cli_record_run(&s->o, s->root, &s->arena, argc - at, argv + at);
    struct slice word = at < argc ? slice_of(argv[at]) : SLICE("list");
    const struct verb *v = find_verb(c, word);
    if (!v) return CLI_USAGE;
    bool much = argc - at > 1 + v->of_one;
    if (much || (v->of_one && argc - at < 2))
        return cli_verb_misused(c, cli_verb_find(c, word), much);
    if (v->of_one) {
        code = resolve(s, slice_of(argv[at + 1]), &id);
        if (code) return code;
        args = arena_printf(&s->arena, "{\"session_id\":%.*s%s}",
                            SLICE_ARG(quoted(s, id)), v->more);
    } else if (s->o.set.archived) {
        args = SLICE("{\"archived\":true}");
    }
    if (!cli_reach(&s->o, s->root, v->tool, args, &s->arena, &r, &code))
        return code;
    if (s->o.set.json)
        cli_print_json(r.object);
    else if (!r.is_error)
        v->show(s, r.object);
    else
        return refusal(&r);
    return cli_reach_exit(&r);
}

int cli_sessions(const struct cli_command *c, int argc, char **argv)
{
    struct sessions s = {0};
    int code;
    arena_init(&s.arena, (size_t)512 << 20);
    if (cli_begin(c, argc, argv, &s.arena, &s.o, &s.root, &code))
        code = run(c, &s, argc, argv);
    arena_done(&s.arena);
    return code;
}
