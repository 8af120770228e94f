/*
 * sessions approvals, approve, reject: a person's word. It is taken on a
 * terminal only: a shell that an agent drives has a pipe on stdin. And it
 * needs the operator's token, so that an agent that runs as another user
 * cannot give it with a terminal of its own making. What is asked is shown
 * before the answer is taken.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/sessions_record.h"
#include "cli/tell.h"
#include "engine/approval.h"
#include "transport/discovery.h"

enum { LINE_MOST = 4096, SHOWN_MOST = 4000, TEXT_MOST = 300 };

static struct slice text(struct cli_record *r, const struct json *v,
                         const char *key)
{
    return cli_one_line(r->arena, json_text(json_get(v, slice_of(key))),
                        TEXT_MOST);
}

static int64_t number(const struct json *v, const char *key)
{
    int64_t n = -1;
    (void)json_int64(json_get(v, slice_of(key)), &n);
    return n;
}

/* --- what is asked -------------------------------------------------------- */

static int ask_engine(struct cli_record *r, struct slice id,
                      const struct json **ret)
{
    struct eng_approvals_list_args args = {.session_id = id, .limit = 200};
    enum err e = eng_approvals_list(r->engine, cli_record_call(r), &args);
    *ret = NULL;
    if (e) return cli_record_complain(r, e);
    *ret = cli_record_answer(r);
    return *ret ? CLI_DONE : CLI_NOT_SO;
}

static void show_line(struct cli_record *r, const struct json *v)
{
    struct slice id = text(r, v, "session_id"), by = text(r, v, "by");
    printf("%.8s  phase %" PRId64 " (%.*s)  %s%.*s%s%s%.*s  %.*s: %.*s\n",
           id.n ? id.p : "", number(v, "phase"),
           SLICE_ARG(text(r, v, "phase_name")), cli_tone(CLI_BOLD),
           SLICE_ARG(text(r, v, "status")), cli_tone(CLI_PLAIN),
           by.n ? " by " : "", SLICE_ARG(by),
           SLICE_ARG(text(r, v, "workflow_type")),
           SLICE_ARG(text(r, v, "target")));
}

int cli_approvals(struct cli_record *r, int argc, char **argv)
{
    struct slice id = {0};
    const struct json *v;
    int code = argc > 1 ? cli_record_resolve(r, argv[1], &id) : CLI_DONE;
    if (!code) code = ask_engine(r, id, &v);
    if (code) return code;
    const struct json *list = json_get(v, SLICE("approvals"));
    if (r->o->set.json) {
        cli_print_json(v);
        return CLI_DONE;
    }
    if (!list->count) puts("Nothing waits for a person.");
    for (uint32_t i = 0; i < list->count; i++) show_line(r, &list->items[i]);
    return CLI_DONE;
}

static void show_proofs(struct cli_record *r, const struct json *list)
{
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++) {
        const struct json *p = &list->items[i];
        cli_say(CLI_DIM, arena_cstr(r->arena, text(r, p, "kind")), "%.*s: %.*s",
                SLICE_ARG(text(r, p, "field")),
                SLICE_ARG(text(r, p, "detail")));
    }
}

static void show(struct cli_record *r, const struct json *v)
{
    const struct json *fields = json_get(v, SLICE("fields"));
    const struct json *evidence = json_get(v, SLICE("evidence"));
    printf("%.*s\n", SLICE_ARG(text(r, v, "session_id")));
    cli_say(CLI_PLAIN, "workflow", "%.*s",
            SLICE_ARG(text(r, v, "workflow_type")));
    cli_say(CLI_PLAIN, "target", "%.*s", SLICE_ARG(text(r, v, "target")));
    cli_say(CLI_BOLD, "phase", "%" PRId64 " %.*s", number(v, "phase"),
            SLICE_ARG(text(r, v, "phase_name")));
    for (uint32_t i = 0; json_is(fields, JSON_ARRAY) && i < fields->count; i++)
        cli_say(CLI_BOLD, "asks", "%.*s",
                SLICE_ARG(cli_one_line(r->arena, json_text(&fields->items[i]),
                                       TEXT_MOST)));
    if (evidence)
        cli_say(CLI_PLAIN, "evidence", "%.*s",
                SLICE_ARG(cli_one_line(r->arena, evidence->raw, SHOWN_MOST)));
    show_proofs(r, json_get(v, SLICE("proofs")));
}

/* The session's open request. */
static int find(struct cli_record *r, struct slice id, const struct json **ret)
{
    const struct json *v;
    int code = ask_engine(r, id, &v);
    if (code) return code;
    const struct json *list = json_get(v, SLICE("approvals"));
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++) {
        struct slice status = text(r, &list->items[i], "status");
        if (!slice_eq(status, SLICE("pending"))) continue;
        *ret = &list->items[i];
        return CLI_DONE;
    }
    (void)fprintf(stderr,
                  "phasegate: session %.*s asks for no approval; `phasegate "
                  "sessions approvals` lists what waits for you\n",
                  SLICE_ARG(id));
    return CLI_NOT_SO;
}

/* --- who answers ---------------------------------------------------------- */

static bool on_terminal(void)
{
    if (isatty(STDIN_FILENO)) return true;
    (void)fputs("phasegate: approve and reject are for a person on a terminal, "
                "and stdin is none: an agent's shell could say yes as well. "
                "Run it in a terminal of your own, or use the dashboard\n",
                stderr);
    return false;
}

static bool is_operator(struct cli_record *r)
{
    char agent[TP_TOKEN_ROOM], operator[TP_TOKEN_ROOM];
    enum err e = tp_tokens(r->root, r->arena, agent, operator);
    if (!e) return true;
    (void)fprintf(stderr,
                  "phasegate: %.*s/.phasegate/operator.token cannot be read "
                  "(%.*s); only who can read it decides\n",
                  SLICE_ARG(r->root), SLICE_ARG(err_detail(e)));
    return false;
}

static struct slice person(struct cli_record *r)
{
    struct passwd pw, *found = NULL;
    char room[4096];
    if (r->o->set.person.n) return r->o->set.person;
    if (getpwuid_r(getuid(), &pw, room, sizeof(room), &found) || !found)
        return SLICE("");
    return arena_copy(r->arena, slice_of(found->pw_name));
}

/* A line of the terminal, trimmed; empty at its end. */
static struct slice read_line(struct cli_record *r, const char *prompt)
{
    char line[LINE_MOST] = "";
    (void)fputs(prompt, stderr);
    (void)fflush(stderr);
    if (!fgets(line, sizeof(line), stdin)) return SLICE("");
    return arena_copy(r->arena, slice_trim(slice_of(line)));
}

static bool confirm(struct cli_record *r, struct eng_approval_decide_args *args)
{
    if (!args->approve && !args->comment.n)
        args->comment = read_line(r, "What has to change? ");
    struct slice word = read_line(r, args->approve ? "Type yes to approve: "
                                                   : "Type yes to reject: ");
    if (slice_eq(word, SLICE("yes"))) return true;
    (void)fputs("phasegate: nothing was decided\n", stderr);
    return false;
}

static int decide(struct cli_record *r, const char *word, bool approve)
{
    struct eng_approval_decide_args args = {.approve = approve,
                                            .channel = SLICE("terminal"),
                                            .comment = r->o->set.comment,
                                            .person = person(r)};
    const struct json *asked;
    if (!on_terminal() || !is_operator(r)) return CLI_NOT_SO;
    int code = cli_record_resolve(r, word, &args.session_id);
    if (!code) code = find(r, args.session_id, &asked);
    if (code) return code;
    show(r, asked);
    args.phase = number(asked, "phase");
    args.event_id = number(asked, "event_id");
    if (!confirm(r, &args)) return CLI_NOT_SO;
    enum err e = cli_record_wait(
        r, eng_approval_decide(r->engine, cli_record_call(r), &args));
    if (e) return cli_record_complain(r, e);
    if (r->o->set.json)
        cli_print_json(cli_record_answer(r));
    else
        printf("%s phase %" PRId64 " of %.*s, as %.*s\n",
               approve ? "approved" : "rejected", args.phase,
               SLICE_ARG(args.session_id), SLICE_ARG(args.person));
    return CLI_DONE;
}

int cli_approve(struct cli_record *r, int argc, char **argv)
{
    (void)argc;
    return decide(r, argv[1], true);
}

int cli_reject(struct cli_record *r, int argc, char **argv)
{
    (void)argc;
    return decide(r, argv[1], false);
}
