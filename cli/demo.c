/*
 * demo: the main job in one minute. A real server is started as an editor
 * would start it; an agent walks an example workflow over its pipes, while a
 * sub-agent works on the same session over HTTP. A gate refuses what is only
 * claimed and passes what was shown; the server is stopped, started again, and
 * the state read back. The agents are played, everything else is real: the
 * small project's tests run, and what they print is the evidence.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/stage.h"
#include "cli/tell.h"

#define WORKFLOW "bugfix_v1"
#define TEST_NAME "february_has_29_days_in_a_leap_year"
#define TEST_FILE "tests/test_leap_year.sh"
#define CAUSE_FILE "src/month.sh"

enum { CAUSE_LINE = 4, LINE_MOST = 68, HTTP_WAIT_MS = 5000 };

struct demo {
    struct cli_stage st;
    struct slice session;
    struct cli_http http;
};

/* --- the project the agents work on --------------------------------------- */

static const char month_before[] = "# days YEAR MONTH\n"
                                   "days() {\n"
                                   "    case $2 in\n"
                                   "    2) echo 28 ;;\n"
                                   "    4 | 6 | 9 | 11) echo 30 ;;\n"
                                   "    *) echo 31 ;;\n"
                                   "    esac\n"
                                   "}\n";
static const char month_after[] =
    "# days YEAR MONTH\n"
    "days() {\n"
    "    case $2 in\n"
    "    2) echo $((28 + ($1 % 4 == 0 && $1 % 100 != 0 || $1 % 400 == 0))) ;;\n"
    "    4 | 6 | 9 | 11) echo 30 ;;\n"
    "    *) echo 31 ;;\n"
    "    esac\n"
    "}\n";
static const char old_tests[] = "check april_has_30_days 30 $(days 2026 4)\n"
                                "check july_has_31_days 31 $(days 2026 7)\n";
static const char new_test[] = "check " TEST_NAME " 29 $(days 2028 2)\n";
static const char runner[] =
    "# run.sh [TEST]: runs one test, or all of them.\n"
    "only=$1 passed=0 failed=0\n"
    "check() {\n"
    "    [ -z \"$only\" ] || [ \"$only\" = \"$1\" ] || return 0\n"
    "    if [ \"$2\" = \"$3\" ]; then passed=$((passed + 1)); return; fi\n"
    "    failed=$((failed + 1)); echo \"FAILED $1: expected $2, got $3\"\n"
    "}\n"
    ". ./" CAUSE_FILE "\n"
    "for file in tests/test_*.sh; do . \"./$file\"; done\n"
    "echo \"$passed passed, $failed failed\"\n"
    "[ $failed = 0 ]\n";

#define RUN_ALL "sh tests/run.sh 2>&1"
#define RUN_ONE "sh tests/run.sh " TEST_NAME " 2>&1"

static bool project_write(struct cli_stage *st)
{
    return cli_stage_write(st, CAUSE_FILE, month_before) &&
           cli_stage_write(st, "tests/run.sh", runner) &&
           cli_stage_write(st, "tests/test_month.sh", old_tests);
}

/* --- small things --------------------------------------------------------- */

static struct slice text_at(const struct json *v, const char *a, const char *b)
{
    return json_text(json_at(v, a, b, NULL));
}

static int64_t number_at(const struct json *v, const char *a, const char *b)
{
    int64_t n = -1;
    (void)json_int64(json_at(v, a, b, NULL), &n);
    return n;
}

static struct slice first_line(struct demo *d, struct slice text)
{
    struct slice line = slice_sub(text, 0, slice_find_byte(text, '\n'));
    return cli_one_line(&d->st.arena, line, LINE_MOST);
}

/* The text as a JSON string. */
static struct slice quoted(struct demo *d, struct slice text)
{
    struct buf b = BUF_INIT(1 << 20);
    buf_putc(&b, '"');
    json_escape(&b, text);
    buf_putc(&b, '"');
    struct slice s = arena_copy(&d->st.arena, buf_slice(&b));
    buf_done(&b);
    return s;
}

static struct slice of_session(struct arena *a, struct slice session,
                               const char *more)
{
    return arena_printf(a, "{\"session_id\":\"%.*s\"%s}", SLICE_ARG(session),
                        more);
}

/* A call that has no business to be refused. */
static bool ask(struct demo *d, const char *tool, struct slice arguments,
                struct cli_reply *r)
{
    if (!cli_stage_call(&d->st, tool, arguments, r)) return false;
    return !r->is_error ||
           cli_stage_fail(&d->st, "%s was refused: %.*s", tool,
                          SLICE_ARG(text_at(r->object, "error", "what")));
}

static bool ask_http(struct demo *d, const char *tool, struct slice arguments,
                     struct cli_reply *r)
{
    enum err e = cli_http_call(&d->http, tool, arguments, &d->st.arena, r);
    if (e || r->is_error)
        return cli_stage_fail(
            &d->st, "%s over HTTP: %.*s", tool,
            SLICE_ARG(e ? r->why : text_at(r->object, "error", "what")));
    return true;
}

/* --- gates ---------------------------------------------------------------- */

static struct slice completion(struct demo *d, int64_t phase,
                               struct slice evidence)
{
    return arena_printf(&d->st.arena,
                        "{\"session_id\":\"%.*s\",\"phase\":%" PRId64
                        ",\"evidence\":%.*s}",
                        SLICE_ARG(d->session), phase, SLICE_ARG(evidence));
}

static bool refusal_show(struct demo *d, const struct cli_reply *r)
{
    const struct json *errors = json_get(r->object, SLICE("errors"));
    if (!r->is_error || !json_is(errors, JSON_ARRAY) || !errors->count)
        return cli_stage_fail(&d->st, "the gate passed a mere claim");
    cli_say(CLI_BAD, "refused", "%u of its fields:", errors->count);
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct json *one = &errors->items[i];
        struct slice field = text_at(one, "field", NULL);
        struct slice message =
            cli_one_line(&d->st.arena, text_at(one, "message", NULL), 110);
        if (slice_find(message, field) < message.n) field.n = 0;
        cli_say(CLI_PLAIN, "", "%.*s%s%.*s", SLICE_ARG(field),
                field.n ? ": " : "", SLICE_ARG(message));
    }
    return true;
}

static bool passage_show(struct demo *d, const struct cli_reply *r)
{
    if (r->is_error)
        return cli_stage_fail(
            &d->st, "the gate refused: %.*s",
            SLICE_ARG(json_get(r->object, SLICE("error"))->raw));
    struct slice hash = text_at(r->object, "receipt", "hash");
    cli_say(CLI_GOOD, "passed", "receipt %.12s.., %s%.*s",
            hash.n >= 12 ? hash.p : "............",
            json_is(json_get(r->object, SLICE("workflow_complete")), JSON_TRUE)
                ? "the workflow is complete"
                : "next is ",
            SLICE_ARG(text_at(r->object, "next_phase", "name")));
    return true;
}

/* The agent hands its evidence in, over stdin. */
static bool hand_in(struct demo *d, int64_t phase, struct slice evidence)
{
    struct cli_reply r;
    return cli_stage_call(&d->st, "complete_phase",
                          completion(d, phase, evidence), &r) &&
           passage_show(d, &r);
}

/* --- the sub-agent that watches ------------------------------------------- */

/* Reads the session over HTTP, again and again, on a thread of its own, until
 * it has made one call that began after the agent had its answer. */
struct watcher {
    struct cli_http http;
    struct slice session;
    pthread_t thread;
    atomic_bool answered; /* the agent has the answer to its commit */
    atomic_int reads;
    int before, after; /* reads that saw phase 0, phase 1 */
    bool odd;          /* saw something else, or phase 0 too late */
    struct arena arena;
    struct slice trouble;
};

static void *watch(void *watcher)
{
    struct watcher *w = watcher;
    for (bool last = false; !last && !w->trouble.n;) {
        struct cli_reply r;
        last = atomic_load(&w->answered);
        arena_reset(&w->arena);
        if (cli_http_call(&w->http, "get_session",
                          of_session(&w->arena, w->session, ""), &w->arena,
                          &r) != OK) {
            w->trouble = r.why;
            break;
        }
        int64_t phase = number_at(r.object, "session", "current_phase");
        if (phase == 0 && !last && !w->after)
            w->before++;
        else if (phase == 1)
            w->after++;
        else
            w->odd = true;
        atomic_fetch_add(&w->reads, 1);
    }
    return NULL;
}

static bool watch_begin(struct demo *d, struct watcher *w)
{
    *w = (struct watcher){.http = d->http, .session = d->session};
    arena_init(&w->arena, (size_t)64 << 20);
    if (pthread_create(&w->thread, NULL, watch, w) != 0)
        return cli_stage_fail(&d->st, "cannot start a thread");
    int64_t until = clock_now() + HTTP_WAIT_MS * NS_PER_MS;
    while (!atomic_load(&w->reads) && clock_now() < until) usleep(200);
    return true;
}

static bool watch_end(struct demo *d, struct watcher *w, bool good)
{
    atomic_store(&w->answered, true);
    pthread_join(w->thread, NULL);
    if (good && (w->trouble.n || w->odd))
        good = cli_stage_fail(&d->st, "the sub-agent %.*s",
                              SLICE_ARG(w->trouble.n
                                            ? w->trouble
                                            : SLICE("saw a state that never "
                                                    "was")));
    if (good)
        cli_say(CLI_BOLD, "sub-agent",
                "asked %d times meanwhile: %d x phase 0, then %d x phase 1",
                w->before + w->after, w->before, w->after);
    arena_done(&w->arena);
    return good;
}

/* --- the story ------------------------------------------------------------ */

/* The port opens a moment after stdio answers. */
static bool find_http(struct demo *d)
{
    struct cli_reply r;
    if (!ask(d, "get_server_info", SLICE("{}"), &r)) return false;
    struct slice url = text_at(r.object, "server", "http_url");
    if (!url.n || cli_http_parse(url, &d->http) != OK)
        return cli_stage_fail(&d->st, "the server has no HTTP address");
    int64_t until = clock_now() + HTTP_WAIT_MS * NS_PER_MS;
    enum err e;
    do {
        e = cli_http_call(&d->http, "get_phase",
                          of_session(&d->st.arena, d->session, ""),
                          &d->st.arena, &r);
    } while (e == ERR_IO && clock_now() < until && usleep(500) == 0);
    if (e) return cli_stage_fail(&d->st, "HTTP: %.*s", SLICE_ARG(r.why));
    const struct json *tasks = json_at(r.object, "phase", "tasks", NULL);
    cli_say(CLI_BOLD, "sub-agent", "joins over HTTP, %.*s", SLICE_ARG(url));
    cli_say(CLI_PLAIN, "",
            "sees the same session: phase %" PRId64 ", %.*s, %u tasks",
            number_at(r.object, "phase", "number"),
            SLICE_ARG(text_at(r.object, "phase", "name")),
            tasks ? tasks->count : 0);
    return true;
}

static bool begin(struct demo *d)
{
    struct cli_reply r;
    cli_say(CLI_BOLD, "editor", "starts `phasegate serve` in a project");
    if (!cli_stage_serve(&d->st) ||
        !ask(d, "start_workflow",
             SLICE("{\"workflow_type\":\"" WORKFLOW
                   "\",\"target\":\"" CAUSE_FILE "\"}"),
             &r))
        return false;
    d->session = text_at(r.object, "session_id", NULL);
    cli_say(CLI_BOLD, "agent",
            "start_workflow " WORKFLOW ": session %.8s.., %" PRId64 " phases",
            d->session.n >= 8 ? d->session.p : "........",
            number_at(r.object, "total_phases", NULL));
    return find_http(d);
}

static bool claim(struct demo *d)
{
    struct cli_reply r;
    cli_say(CLI_BOLD, "agent",
            "complete_phase 0: \"I wrote a test and it fails, trust me\"");
    return cli_stage_call(
               &d->st, "complete_phase",
               completion(d, 0,
                          SLICE("{\"bug_summary\":\"February is wrong in leap "
                                "years, I wrote a test for it.\","
                                "\"test_file\":\"" TEST_FILE "\","
                                "\"test_name\":\"" TEST_NAME "\","
                                "\"failing_output\":\"it fails\"}")),
               &r) &&
           refusal_show(d, &r);
}

static bool reproduce(struct demo *d)
{
    struct slice printed;
    if (!cli_stage_write(&d->st, TEST_FILE, new_test) ||
        !cli_stage_run(&d->st, RUN_ONE, false, &printed))
        return false;
    cli_say(CLI_BOLD, "agent",
            "writes the test, runs it, and hands in what it "
            "printed:");
    cli_say(CLI_PLAIN, "", "%.*s", SLICE_ARG(first_line(d, printed)));
    struct slice evidence = arena_printf(
        &d->st.arena,
        "{\"bug_summary\":\"days 2028 2 prints 28. Expected 29: 2028 is a leap "
        "year\",\"test_file\":\"" TEST_FILE "\",\"test_name\":\"" TEST_NAME
        "\",\"failing_output\":%.*s,\"fails_for_the_reported_reason\":true}",
        SLICE_ARG(quoted(d, printed)));
    return hand_in(d, 0, evidence);
}

/* A claim is refused and a proof is passed, and the sub-agent reads all the
 * while. */
static bool first_gate(struct demo *d)
{
    struct watcher w;
    if (!watch_begin(d, &w)) return false;
    return watch_end(d, &w, claim(d) && reproduce(d));
}

/* The sub-agent does a phase of its own. */
static bool diagnose(struct demo *d)
{
    struct cli_reply r;
    struct slice task =
        of_session(&d->st.arena, d->session, ",\"task_number\":2");
    if (!ask_http(d, "get_task", task, &r)) return false;
    cli_say(CLI_BOLD, "sub-agent",
            "does phase 1 over HTTP: %.*s, " CAUSE_FILE ":%d",
            SLICE_ARG(text_at(r.object, "task", "name")), CAUSE_LINE);
    struct slice evidence = arena_printf(
        &d->st.arena,
        "{\"root_cause\":\"days() answers 28 for February whatever the year: "
        "it never looks at its first argument\",\"cause_file\":\"" CAUSE_FILE
        "\",\"cause_line\":%d,\"ruled_out\":[\"the caller passes the wrong "
        "year: it passes 2028\"],\"explains_every_symptom\":true}",
        CAUSE_LINE);
    return ask_http(d, "complete_phase", completion(d, 1, evidence), &r) &&
           passage_show(d, &r);
}

static bool fix(struct demo *d)
{
    struct cli_reply r;
    struct slice printed;
    if (!ask(d, "get_phase", of_session(&d->st.arena, d->session, ""), &r))
        return false;
    cli_say(CLI_BOLD, "agent",
            "sees phase %" PRId64 " at its next call, fixes " CAUSE_FILE,
            number_at(r.object, "phase", "number"));
    if (!cli_stage_write(&d->st, CAUSE_FILE, month_after) ||
        !cli_stage_run(&d->st, RUN_ONE, true, &printed))
        return false;
    cli_say(CLI_PLAIN, "", "the same test again: %.*s",
            SLICE_ARG(first_line(d, printed)));
    struct slice evidence = arena_printf(
        &d->st.arena,
        "{\"files_changed\":[\"" CAUSE_FILE "\"],\"fix_summary\":\"days() adds "
        "a day to February in leap years\",\"passing_output\":%.*s,"
        "\"test_was_weakened\":false}",
        SLICE_ARG(quoted(d, arena_printf(&d->st.arena, TEST_NAME ": %.*s",
                                         SLICE_ARG(printed)))));
    return hand_in(d, 2, evidence);
}

/* An editor window is closed and opened again; nothing is lost by it. */
static bool restart(struct demo *d)
{
    struct cli_reply r;
    if (!cli_stage_stop(&d->st)) return false;
    cli_say(CLI_BOLD, "editor", "is closed, and the server ends with it");
    int64_t began = clock_now();
    if (!cli_stage_serve(&d->st) ||
        !ask(d, "get_phase", of_session(&d->st.arena, d->session, ""), &r))
        return false;
    cli_say(CLI_BOLD, "editor", "is opened again: answered after %.1f ms",
            (double)(clock_now() - began) / NS_PER_MS);
    cli_say(CLI_BOLD, "agent", "goes on where it was: phase %" PRId64 ", %.*s",
            number_at(r.object, "phase", "number"),
            SLICE_ARG(text_at(r.object, "phase", "name")));
    return true;
}

static bool prove(struct demo *d)
{
    struct slice printed;
    if (!cli_stage_run(&d->st, RUN_ALL, true, &printed)) return false;
    cli_say(CLI_BOLD, "agent", "runs the whole suite: %.*s",
            SLICE_ARG(first_line(d, printed)));
    return hand_in(
        d, 3,
        SLICE("{\"tests_before\":2,\"tests_after\":3,\"tests_failed\":0,"
              "\"suite_command\":\"sh tests/run.sh\",\"change_summary\":"
              "\"days() never looked at the year. It does now. " TEST_NAME
              " was red before and is green after; 3 of 3 pass.\"}"));
}

static bool read_back(struct demo *d)
{
    struct cli_reply r;
    struct slice all = of_session(&d->st.arena, d->session,
                                  ",\"include\":[\"evidence\",\"history\"]");
    if (!ask(d, "get_session", all, &r)) return false;
    const struct json *history = json_get(r.object, SLICE("history"));
    struct slice kept =
        json_text(json_at(r.object, "evidence", "0", "failing_output", NULL));
    if (!history || !kept.n)
        return cli_stage_fail(&d->st, "the state is not what was stored: %.*s",
                              SLICE_ARG(r.object->raw));
    cli_say(CLI_BOLD, "state.db",
            "%.*s, %u events, each chained to the one "
            "before",
            SLICE_ARG(text_at(r.object, "session", "status")), history->count);
    cli_say(CLI_PLAIN, "", "what phase 0 was passed with is still there:");
    cli_say(CLI_PLAIN, "", "%.*s", SLICE_ARG(first_line(d, kept)));
    return true;
}

static bool play(struct demo *d)
{
    static bool (*const scenes[])(struct demo *) = {begin, first_gate, diagnose,
                                                    fix,   restart,    prove};
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (!scenes[i](d)) return false;
        putchar('\n');
    }
    return cli_stage_stop(&d->st) && cli_stage_serve(&d->st) && read_back(d) &&
           cli_stage_stop(&d->st);
}

int cli_demo(const struct cli_command *c, int argc, char **argv)
{
    struct demo d = {0};
    struct cli_options o;
    struct slice root, name;
    struct arena a;
    int code;
    arena_init(&a, (size_t)1 << 20);
    if (!cli_begin(c, argc, argv, &a, &o, &root, &code)) goto out;
    printf("\n  %sA bug is fixed, and nobody is believed without "
           "evidence.%s\n\n",
           cli_tone(CLI_BOLD), cli_tone(CLI_PLAIN));
    bool good = cli_stage_set(&d.st) && project_write(&d.st) && play(&d);
    if (good && cli_command_name(&a, &name) == OK)
        printf("\n  Your turn: run this in a project,\n    %.*s init\n"
               "  and tell your agent: \"start_workflow " WORKFLOW
               " on the file that has the bug\".\n\n",
               SLICE_ARG(name));
    code = cli_stage_strike(&d.st);
out:
    arena_done(&a);
    return code;
}
