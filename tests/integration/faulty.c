#include "tests/integration/faulty.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/runner/client.h"
#include "tests/unit/session_kit.h"

/* --- the page ------------------------------------------------------------- */

static const char *page_path(void)
{
    return arena_printf(test_arena(), "%s/faults", test_tmpdir()).p;
}

const char *faulty_binary(void)
{
    return arena_printf(test_arena(), "%s/phasegate-faulty", test_binary_dir())
        .p;
}

struct faults *faulty_page(void)
{
    int fd = open(page_path(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT_EQ(ftruncate(fd, (off_t)sizeof(struct faults)), 0);
    struct faults *f =
        mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    CHECK(f != MAP_FAILED);
    memset((void *)f, 0, sizeof(*f));
    return f;
}

struct server_options faulty_options(void)
{
    struct arena *a = test_arena();
    const char **env = ARENA_ARRAY(a, const char *, 2);
    const char **args = ARENA_ARRAY(a, const char *, 3);
    env[0] = arena_printf(a, "PHASEGATE_FAULTS=%s", page_path()).p;
    args[0] = "--workflows";
    args[1] = kit_workflows();
    return (struct server_options){
        .binary = faulty_binary(), .env = env, .args = args};
}

void faulty_arm(struct faults *f, enum fault_what what, uint32_t kinds,
                int code, uint64_t at)
{
    f->what = FAULT_NONE;
    f->kinds = kinds;
    f->code = code;
    f->at = at;
    f->seen = f->fired = 0;
    f->what = what;
}

void faulty_disarm(struct faults *f)
{
    f->what = FAULT_NONE;
}

/* --- calls ---------------------------------------------------------------- */

enum { CALL_ARENA = 1 << 20, ANSWER_S = 60 };

/* The answer in `a`; NULL when the server has gone. */
static const struct json *ask(struct server *s, struct arena *a,
                              const char *tool, struct slice arguments)
{
    static int64_t id = 1000000;
    struct slice line,
        text = message_new(a, REVISION_MODERN, ++id, "tools/call",
                           tool_members(a, tool, arena_cstr(a, arguments)));
    text = arena_printf(a, "%.*s\n", SLICE_ARG(text));
    if (!stdio_try_send_raw(s, text)) return NULL;
    for (;;) {
        int64_t got;
        struct json_error je;
        const struct json *v;
        if (!stdio_try_line(s, patience(ANSWER_S), &line)) return NULL;
        CHECK_OK(json_parse(line, NULL, a, &v, &je));
        if (json_int64(json_get(v, SLICE("id")), &got) && got == id) return v;
    }
}

static struct slice member(const struct json *v, const char *name)
{
    return json_text(json_get(v, slice_of(name)));
}

/* --- the script ----------------------------------------------------------- */

struct step {
    const char *tool, *more; /* arguments besides session_id; @ is the target */
    int session;             /* which of the two */
    const char *detail;      /* of the refusal that is expected */
};
#define COMPLETE(phase, key)                                                   \
    {                                                                          \
        "complete_phase", "\"phase\":" phase ",\"evidence\":" KIT_GOOD         \
                          ",\"idempotency_key\":\"" key "\""                   \
    }
static const struct step steps[] = {
    {"start_workflow", "\"workflow_type\":\"three_v1\",\"target\":\"@-a\""},
    {"claim_task", "\"phase\":0,\"task_number\":1,\"agent\":\"x\""},
    {"release_task", "\"phase\":0,\"task_number\":1,\"fence\":1,"
                     "\"outcome\":\"done\""},
    {"complete_phase", "\"phase\":0,\"evidence\":{}", 0, "GATE_REFUSED"},
    COMPLETE("0", "k0"),
    {"manage_session", "\"action\":\"pause\""},
    {"manage_session", "\"action\":\"resume\""},
    COMPLETE("1", "k1"),
    {"manage_session", "\"action\":\"rollback\",\"to_phase\":0"},
    COMPLETE("0", "k2"),
    {"manage_session", "\"action\":\"retry_phase\""},
    COMPLETE("1", "k3"),
    COMPLETE("2", "k4"),
    {"start_workflow", "\"workflow_type\":\"three_v1\",\"target\":\"@-b\"", 1},
    {"manage_session", "\"action\":\"abandon\"", 1},
    {"manage_session", "\"action\":\"delete\""},
};
_Static_assert(sizeof(steps) / sizeof(steps[0]) == SCRIPT_STEPS, "its number");

static bool begins(const struct step *st)
{
    return strcmp(st->tool, "start_workflow") == 0;
}

static struct slice arguments_of(struct arena *a, const struct script *sc,
                                 const struct step *st)
{
    struct slice more = slice_of(st->more);
    const char *at = strchr(st->more, '@');
    if (!begins(st))
        return arena_printf(a, "{\"session_id\":\"%s\",%s}",
                            sc->id[st->session], st->more);
    size_t before = (size_t)(at - more.p);
    return arena_printf(a, "{%.*s%s%s}", (int)before, more.p, sc->target,
                        at + 1);
}

/* A person and an agent must know from it what to do. */
static void clear_error(const struct json *answer)
{
    static const char *const parts[] = {"code", "what", "why", "how_to_fix"};
    const struct json *e =
        json_at(answer, "result", "structuredContent", "error", NULL);
    for (size_t i = 0; i < 4; i++)
        if (!member(e, parts[i]).n)
            FAIL("no \"%s\" in %.*s", parts[i], SLICE_ARG(answer->raw));
    if (slice_eq(member(e, "code"), SLICE("INTERNAL_ERROR")))
        FAIL("no cause in %.*s", SLICE_ARG(answer->raw));
}

static enum script_end judge(struct script *sc, const struct step *st,
                             const struct json *answer)
{
    const struct json *v = json_at(answer, "result", "structuredContent", NULL);
    struct slice detail = json_text(json_at(v, "error", "detail", NULL));
    bool as_expected = slice_eq(detail, slice_of(st->detail ? st->detail : ""));
    if (!json_get(v, SLICE("error")) || (st->detail && as_expected)) {
        if (begins(st))
            sc->id[st->session] =
                arena_cstr(test_arena(), member(v, "session_id"));
        return SCRIPT_DONE;
    }
    clear_error(answer);
    return SCRIPT_REFUSED;
}

enum script_end script_step(struct script *sc, int step)
{
    struct arena a;
    const struct step *st = &steps[step];
    arena_init(&a, CALL_ARENA);
    const struct json *answer =
        ask(sc->s, &a, st->tool, arguments_of(&a, sc, st));
    enum script_end end = answer ? judge(sc, st, answer) : SCRIPT_DEAD;
    arena_done(&a);
    return end;
}

enum script_end script_run(struct script *sc, int from, int *ret_done)
{
    for (*ret_done = from; *ret_done < SCRIPT_STEPS; (*ret_done)++) {
        enum script_end end = script_step(sc, *ret_done);
        if (end != SCRIPT_DONE) return end;
    }
    return SCRIPT_DONE;
}

/* --- what a session looks like -------------------------------------------- */

static char learned[SCRIPT_STEPS + 1][4096];

/* The id of a session whose beginning was not answered. */
static void find(struct script *sc, int which)
{
    struct arena a;
    arena_init(&a, CALL_ARENA);
    struct slice target = arena_printf(&a, "%s-%c", sc->target, "ab"[which]);
    const struct json *answer =
        ask(sc->s, &a, "list_sessions", SLICE("{\"limit\":50}"));
    const struct json *list =
        json_at(answer, "result", "structuredContent", "sessions", NULL);
    if (!list) FAIL("no list of sessions");
    for (size_t i = 0; i < list->count; i++)
        if (slice_eq(member(&list->items[i], "target"), target))
            sc->id[which] =
                arena_cstr(test_arena(), member(&list->items[i], "session_id"));
    arena_done(&a);
}

static void print_history(struct buf *b, const struct json *v)
{
    const struct json *history = json_get(v, SLICE("history"));
    for (size_t i = 0; i < history->count; i++) {
        const struct json *e = &history->items[i], *p;
        p = json_get(e, SLICE("phase"));
        buf_printf(b, " %.*s:%.*s", SLICE_ARG(member(e, "type")),
                   SLICE_ARG(p ? p->raw : SLICE("")));
    }
}

static void print_session(struct script *sc, int which, struct buf *b)
{
    struct arena a;
    arena_init(&a, CALL_ARENA);
    const struct json *answer =
        ask(sc->s, &a, "get_session",
            arena_printf(&a,
                         "{\"session_id\":\"%s\",\"include\":[\"evidence\","
                         "\"history\"]}",
                         sc->id[which]));
    const struct json *v = json_at(answer, "result", "structuredContent", NULL);
    const struct json *s = json_get(v, SLICE("session"));
    if (!v) FAIL("get_session: no answer");
    if (s) {
        buf_printf(b, "%.*s phase %.*s version %.*s done %.*s evidence %u",
                   SLICE_ARG(member(s, "status")),
                   SLICE_ARG(json_get(s, SLICE("current_phase"))->raw),
                   SLICE_ARG(json_get(s, SLICE("version"))->raw),
                   SLICE_ARG(json_get(s, SLICE("completed_phases"))->raw),
                   json_get(v, SLICE("evidence"))->count);
        print_history(b, v);
    } else {
        buf_put(b, json_text(json_at(v, "error", "detail", NULL)));
    }
    arena_done(&a);
}

static void portrait(struct script *sc, char *out, size_t n)
{
    struct buf b = BUF_INIT(n);
    for (int which = 0; which < 2; which++) {
        if (!sc->id[which]) find(sc, which);
        if (sc->id[which]) print_session(sc, which, &b);
        buf_put(&b, SLICE("\n"));
    }
    CHECK_OK(b.err);
    snprintf(out, n, "%.*s", SLICE_ARG(buf_slice(&b)));
    buf_done(&b);
}

int script_look(struct script *sc, int done)
{
    char now[sizeof(learned[0])];
    portrait(sc, now, sizeof(now));
    for (int i = done; i <= done + 1 && i <= SCRIPT_STEPS; i++)
        if (strcmp(now, learned[i]) == 0) return i;
    FAIL("after %d answered steps it should be\n%sand is\n%s", done,
         learned[done], now);
}

void script_learn(void)
{
    struct server_options o = faulty_options();
    struct script sc = {.s = server_start(&o), .target = "learned"};
    for (int i = 0; i <= SCRIPT_STEPS; i++) {
        portrait(&sc, learned[i], sizeof(learned[i]));
        if (i) CHECK(strcmp(learned[i], learned[i - 1]) != 0);
        if (i < SCRIPT_STEPS) CHECK_INT_EQ(script_step(&sc, i), SCRIPT_DONE);
    }
    CHECK_INT_EQ(server_stop_eof(sc.s).status, 0);
}

void script_verify(struct server *s)
{
    struct ended e = RUN_IN(server_project(s), "sessions", "verify");
    if (e.status) FAIL("verify: %.*s%.*s", SLICE_ARG(e.out), SLICE_ARG(e.err));
}
