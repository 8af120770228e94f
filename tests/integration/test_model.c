/* A property: random operations by clients of two servers on one state file,
 * on stdio and over HTTP, killed at random moments, against the model of
 * model.h. After each restart the state is the model's (an operation that was
 * not answered has happened or not, never half), the record verifies, and no
 * phase is open whose predecessor has no passing evidence. The seed is printed;
 * PHASEGATE_SEED=n plays it again. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "tests/integration/model.h"
#include "tests/integration/program.h"
#include "tests/integration/terminal.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

enum { SERVERS = 2, SLOTS = 6, KILL_WITHIN_US = 4000 };

struct slot {
    char id[40];
    struct model_state state;
    bool imported; /* its first phases have what it came with */
    /* The greatest fence given out of each phase; `held`: the newest one */
    int64_t fences[MODEL_PHASES];
    bool held[MODEL_PHASES];
    /* under way */
    bool pending;
    struct model_op op;
    struct model_state after;
    const char *expect;
    /* One, or a duel: the same good evidence to both servers at once. */
    struct request {
        bool open, over_http;
        int server;
        int64_t id;
    } requests[SERVERS];
    int sent, won, came_late;
    struct http *http[SERVERS]; /* NULL: not yet, or closed by a kill */
};

struct run {
    struct server *servers[SERVERS];
    const char *token, *workflows; /* token: the operator's */
    struct slot slots[SLOTS];
    uint64_t random;
    int targets, operations, over_http, duels, kills, lost, imports;
    int done[MODEL_KINDS]; /* answered, and not refused */
};

static uint32_t below(struct run *r, uint32_t n)
{
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return (uint32_t)(r->random >> 11) % n;
}

/* --- operations ----------------------------------------------------------- */

static bool can_decide(const struct slot *slot)
{
    return slot->state.word == MODEL_PENDING &&
           slot->state.phase == MODEL_HUMAN &&
           (slot->state.status == MODEL_ACTIVE ||
            slot->state.status == MODEL_PAUSED);
}

static struct model_op choose(struct run *r, const struct slot *slot)
{
    struct model_op op = {MODEL_START, 0};
    int at = (int)below(r, 100);
    if (slot->state.status == MODEL_ABSENT) return op;
    for (op.kind = MODEL_PASS; at >= model_weights[op.kind]; op.kind++)
        at -= model_weights[op.kind];
    op.arg = op.kind == MODEL_ROLLBACK ? (int)below(r, MODEL_PHASES)
             : op.kind == MODEL_DECIDE ? below(r, 3) != 0
             : below(r, 5)             ? slot->state.phase
                                       : (int)below(r, MODEL_PHASES);
    if (op.kind == MODEL_DECIDE && !can_decide(slot))
        op = (struct model_op){MODEL_PASS, slot->state.phase};
    if (op.kind == MODEL_RELEASE && !slot->held[slot->state.phase])
        op.kind = MODEL_CLAIM;
    return op;
}

/* Name and arguments of a call; the decision is no call of a tool. */
static const char *call_text(struct run *r, const struct slot *slot)
{
    static const char *const actions[MODEL_KINDS] = {
        [MODEL_PAUSE] = "pause",       [MODEL_RESUME] = "resume",
        [MODEL_RETRY] = "retry_phase", [MODEL_ROLLBACK] = "rollback",
        [MODEL_ABANDON] = "abandon",   [MODEL_DELETE] = "delete"};
    static char text[600];
    const struct model_op *op = &slot->op;
    int phase = slot->state.phase;
    if (op->kind == MODEL_START)
        snprintf(text, sizeof(text),
                 "\"name\":\"start_workflow\",\"arguments\":{\"workflow_type\":"
                 "\"model_v1\",\"target\":\"t%d\"}",
                 r->targets++);
    else if (op->kind == MODEL_PASS || op->kind == MODEL_FAIL)
        snprintf(text, sizeof(text),
                 "\"name\":\"complete_phase\",\"arguments\":{\"session_id\":"
                 "\"%s\",\"phase\":%d,\"evidence\":%s}",
                 slot->id, op->arg,
                 model_evidence(op->arg, op->kind == MODEL_PASS));
    else if (op->kind == MODEL_CLAIM)
        snprintf(text, sizeof(text),
                 "\"name\":\"claim_task\",\"arguments\":{\"session_id\":\"%s\","
                 "\"phase\":%d,\"task_number\":1,\"agent\":\"model\"}",
                 slot->id, phase);
    else if (op->kind == MODEL_RELEASE)
        snprintf(text, sizeof(text),
                 "\"name\":\"release_task\",\"arguments\":{\"session_id\":"
                 "\"%s\",\"phase\":%d,\"task_number\":1,\"fence\":%lld,"
                 "\"outcome\":\"abandoned\"}",
                 slot->id, phase, (long long)slot->fences[phase]);
    else
        snprintf(text, sizeof(text),
                 "\"name\":\"manage_session\",\"arguments\":{\"session_id\":"
                 "\"%s\",\"action\":\"%s\",\"to_phase\":%d}",
                 slot->id, actions[op->kind], op->arg);
    return text;
}

static struct http *http_of(struct run *r, struct slot *slot, int server)
{
    if (!slot->http[server])
        slot->http[server] = http_open(server_port(r->servers[server]));
    return slot->http[server];
}

static void post(struct http *h, const char *path, const char *headers,
                 struct slice body)
{
    struct slice text = arena_printf(
        test_arena(),
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
        "application/json\r\nAccept: application/json, text/event-stream\r\n"
        "Content-Length: %zu\r\n%s\r\n%.*s",
        path, body.n, headers, SLICE_ARG(body));
    http_send_raw(h, text);
}

/* A person on the dashboard, who sees the request and decides. */
static void send_decision(struct run *r, struct slot *slot, int server)
{
    struct http *h = http_of(r, slot, server);
    struct slice path = arena_printf(
        test_arena(), "/api/approvals?session_id=%s", slot->id);
    struct http_reply seen = http_request(h, "GET", path.p, "", SLICE(""));
    const struct json *list = json_get(seen.json, SLICE("approvals"));
    if (!list || list->count != 1)
        FAIL("nothing is asked of %s: %.*s", slot->id, SLICE_ARG(seen.body));
    struct slice body = arena_printf(
        test_arena(),
        "{\"session_id\":\"%s\",\"phase\":%d,\"event_id\":%d,\"decision\":"
        "\"%s\",\"person\":\"Ada\",\"comment\":\"so\"}",
        slot->id, MODEL_HUMAN,
        (int)kit_int(json_get(&list->items[0], SLICE("event_id"))),
        slot->op.arg ? "approve" : "reject");
    post(h, "/api/approvals", r->token, body);
}

static struct request send_one(struct run *r, struct slot *slot, int server,
                               const char *text)
{
    struct request q = {.open = true, .server = server};
    q.over_http = slot->op.kind == MODEL_DECIDE || !below(r, 3);
    r->over_http += q.over_http;
    if (slot->op.kind == MODEL_DECIDE)
        send_decision(r, slot, server);
    else if (q.over_http)
        post(http_of(r, slot, server), "/mcp",
             "MCP-Protocol-Version: 2025-11-25\r\n",
             arena_printf(test_arena(),
                          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                          "\"tools/call\",\"params\":{%s}}",
                          text));
    else
        q.id = stdio_request(r->servers[server], "tools/call", text);
    return q;
}

static void send_op(struct run *r, struct slot *slot)
{
    const char *text =
        slot->op.kind == MODEL_DECIDE ? "" : call_text(r, slot);
    bool duel =
        slot->op.kind == MODEL_PASS && !slot->expect[0] && !below(r, 3);
    int first = (int)below(r, SERVERS);
    slot->won = slot->came_late = 0;
    slot->sent = duel ? SERVERS : 1;
    for (int i = 0; i < slot->sent; i++)
        slot->requests[i] = send_one(r, slot, (first + i) % SERVERS, text);
    slot->pending = true;
    r->operations++;
    r->duels += duel;
}

/* --- answers -------------------------------------------------------------- */

/* Of duellists at most one wins, and nobody is late unless one has won. */
static bool late(struct slot *slot, struct slice detail)
{
    bool is =
        slot->sent > 1 && (slice_eq(detail, SLICE("PHASE_ALREADY_COMPLETE")) ||
                           slice_eq(detail, SLICE("SESSION_COMPLETE")));
    slot->came_late += is;
    return is;
}

static void note_fence(struct slot *slot, const struct json *v)
{
    int phase = slot->state.phase;
    if (slot->op.kind == MODEL_RELEASE) slot->held[phase] = false;
    if (slot->op.kind != MODEL_CLAIM) return;
    int64_t fence = kit_int(json_get(v, SLICE("fence")));
    CHECK_INT_GT(fence, slot->fences[phase]);
    slot->fences[phase] = fence;
    slot->held[phase] = true;
}

static void answered(struct run *r, struct slot *slot, struct request *q,
                     const struct json *v)
{
    struct slice detail = json_text(json_at(v, "error", "detail", NULL));
    q->open = false;
    if (!late(slot, detail) && !slice_eq(detail, slice_of(slot->expect)))
        FAIL("operation %d(%d) on %s in status %d, phase %d, word %d: "
             "expected \"%s\", got %.*s",
             slot->op.kind, slot->op.arg, slot->id, slot->state.status,
             slot->state.phase, slot->state.word, slot->expect,
             SLICE_ARG(v ? v->raw : SLICE("nothing")));
    slot->won += !detail.n;
    r->done[slot->op.kind] += !detail.n;
    if (slot->sent > 1) CHECK_INT_LE(slot->won, 1);
    for (int i = 0; i < slot->sent; i++)
        if (slot->requests[i].open) return;
    if (slot->sent > 1) CHECK_INT_EQ(slot->won, 1);
    if (!detail.n) note_fence(slot, v);
    slot->state = slot->after;
    slot->pending = false;
    if (slot->op.kind == MODEL_START)
        snprintf(slot->id, sizeof(slot->id), "%.*s",
                 SLICE_ARG(json_text(json_get(v, SLICE("session_id")))));
}

static struct request *open_request(struct slot *slot, int server, bool http)
{
    for (int i = 0; slot->pending && i < slot->sent; i++)
        if (slot->requests[i].open && slot->requests[i].server == server &&
            slot->requests[i].over_http == http)
            return &slot->requests[i];
    return NULL;
}

static void take_line(struct run *r, int server, struct slice line)
{
    const struct json *v;
    struct json_error je;
    struct arena a;
    int64_t id;
    arena_init(&a, 64u << 20);
    CHECK_OK(json_parse(line, NULL, &a, &v, &je));
    if (json_int64(json_get(v, SLICE("id")), &id))
        for (int i = 0; i < SLOTS; i++) {
            struct request *q = open_request(&r->slots[i], server, false);
            if (q && q->id == id)
                answered(r, &r->slots[i], q,
                         json_at(v, "result", "structuredContent", NULL));
        }
    arena_done(&a);
}

static int pending(struct run *r, int server)
{
    int n = 0;
    for (int i = 0; i < SLOTS; i++)
        n += open_request(&r->slots[i], server, false) != NULL;
    return n;
}

/* The answer of the one HTTP request of this slot, if it still comes. */
static void take_http(struct run *r, int server, bool killed)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &r->slots[i];
        struct request *q = open_request(slot, server, true);
        struct http_reply reply;
        if (q && http_try_receive(slot->http[server], killed ? 0.2 : 20,
                                  &reply)) {
            const struct json *v =
                json_at(reply.json, "result", "structuredContent", NULL);
            answered(r, slot, q, v ? v : reply.json);
        } else if (q && !killed) {
            FAIL("no answer over HTTP to operation %d on %s", slot->op.kind,
                 slot->id);
        }
        if (!killed || !slot->http[server]) continue;
        http_close(slot->http[server]);
        slot->http[server] = NULL;
    }
}

/* Every answer that still comes; all of them, unless it was killed. */
static void take_all(struct run *r, int server, bool killed)
{
    struct slice line;
    take_http(r, server, killed);
    while (pending(r, server) && stdio_try_line(r->servers[server], 20, &line))
        take_line(r, server, line);
    if (!killed) CHECK_INT_EQ(pending(r, server), 0);
}

/* --- after a kill --------------------------------------------------------- */

static void evidence_check(const struct json *v, const struct model_state *s)
{
    const struct json *done = json_at(v, "session", "completed_phases", NULL);
    int n = s->status == MODEL_COMPLETED ? MODEL_PHASES : s->phase;
    CHECK_INT_EQ(done->count, n);
    for (int i = 0; i < n; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        CHECK_INT_EQ(kit_int(&done->items[i]), i);
        CHECK(json_is(json_at(v, "evidence", key, "done", NULL), JSON_TRUE));
    }
}

/* What a person was asked stands in the history only: the newest event. */
static enum model_word word_in(const struct json *v)
{
    static const struct {
        struct slice type;
        enum model_word word;
    } rows[] = {{SLICE_INIT("approval_requested"), MODEL_PENDING},
                {SLICE_INIT("approval_granted"), MODEL_APPROVED},
                {SLICE_INIT("approval_rejected"), MODEL_REJECTED}};
    const struct json *history = json_get(v, SLICE("history"));
    for (uint32_t i = history->count; i-- > 0;) {
        const struct json *e = &history->items[i];
        struct slice type = json_text(json_get(e, SLICE("type")));
        for (size_t k = 0; k < 3; k++)
            if (slice_eq(type, rows[k].type)) return rows[k].word;
        if (json_at(e, "data", "approval", NULL) ||
            slice_eq(type, SLICE("session_rolled_back")) ||
            slice_eq(type, SLICE("phase_retried")))
            return MODEL_UNASKED;
    }
    return MODEL_UNASKED;
}

static bool is_so(const struct json *v, const struct model_state *s)
{
    struct slice detail = json_text(json_at(v, "error", "detail", NULL));
    if (s->status == MODEL_DELETED)
        return slice_eq(detail, SLICE("SESSION_NOT_FOUND"));
    const struct json *session = json_get(v, SLICE("session"));
    return !detail.n &&
           slice_eq(json_text(json_get(session, SLICE("status"))),
                    slice_of(model_words[s->status])) &&
           kit_int(json_get(session, SLICE("current_phase"))) == s->phase &&
           (s->phase != MODEL_HUMAN || word_in(v) == s->word);
}

static void look(struct run *r, struct slot *slot)
{
    char text[160];
    struct server *s = r->servers[below(r, SERVERS)];
    if (slot->pending && slot->op.kind == MODEL_START) { /* never heard of */
        *slot = (struct slot){0};
        r->lost++;
    }
    if (slot->state.status == MODEL_ABSENT) return;
    snprintf(text, sizeof(text),
             "{\"session_id\":\"%s\",\"include\":[\"evidence\",\"history\"]}",
             slot->id);
    const struct json *result = stdio_tool(s, "get_session", text);
    const struct json *v = json_get(result, SLICE("structuredContent"));
    if (slot->pending) {
        r->lost++;
        bool known = slot->sent > 1 && (slot->won || slot->came_late);
        if (known || is_so(v, &slot->after)) slot->state = slot->after;
        if (slot->op.kind == MODEL_CLAIM || slot->op.kind == MODEL_RELEASE)
            slot->held[slot->state.phase] = false; /* nobody knows */
    }
    slot->pending = false;
    if (!is_so(v, &slot->state))
        FAIL("%s should be %s in phase %d, word %d, and is %.*s", slot->id,
             model_words[slot->state.status], slot->state.phase,
             slot->state.word, SLICE_ARG(result->raw));
    if (slot->state.status != MODEL_DELETED) evidence_check(v, &slot->state);
}

static void record_check(struct run *r)
{
    struct ended e =
        RUN_IN(server_project(r->servers[0]), "sessions", "verify", "--json");
    if (e.status) FAIL("%.*s", SLICE_ARG(e.out));
}

static void die_and_live(struct run *r)
{
    int first = (int)below(r, SERVERS);
    int dead = below(r, 3) ? 1 : SERVERS;
    usleep(below(r, KILL_WITHIN_US));
    for (int i = 0; i < dead; i++) {
        int n = (first + i) % SERVERS;
        server_kill(r->servers[n]);
        take_all(r, n, true);
        r->kills++;
    }
    for (int i = dead; i < SERVERS; i++)
        take_all(r, (first + i) % SERVERS, false);
    for (int i = 0; i < dead; i++)
        server_restart(r->servers[(first + i) % SERVERS]);
    for (int i = 0; i < SLOTS; i++) look(r, &r->slots[i]);
    record_check(r);
}

/* --- sessions from elsewhere ---------------------------------------------- */

/* A session of praxis-os that has come to some phase, through the command
 * line beside the servers. */
static void import_one(struct run *r, struct slot *slot)
{
    const char *project = server_project(r->servers[0]);
    int phase = (int)below(r, MODEL_PHASES + 1);
    struct buf done = BUF_INIT(4096), artifacts = BUF_INIT(4096),
               passed = BUF_INIT(4096);
    char id[UUID_SIZE];
    *slot = (struct slot){.imported = true};
    snprintf(slot->id, sizeof(slot->id), "%.*s", SLICE_ARG(random_uuid(id)));
    for (int i = 0; i < phase; i++) {
        const char *comma = i ? "," : "";
        buf_printf(&done, "%s%d", comma, i);
        buf_printf(&passed, "%s\"%d\":\"passed\"", comma, i);
        buf_printf(&artifacts,
                   "%s\"%d\":{\"phase_number\":%d,\"evidence\":{\"done\":true},"
                   "\"timestamp\":\"2025-10-22T15:55:27.826\"}",
                   comma, i, i);
    }
    put_file(
        project, "old.json",
        arena_printf(test_arena(),
                     "{\"session_id\":\"%s\",\"workflow_type\":\"model_v1\","
                     "\"target_file\":\"t%d\",\"current_phase\":%d,"
                     "\"completed_phases\":[%.*s],\"checkpoints\":{%.*s},"
                     "\"phase_artifacts\":{%.*s},\"metadata\":{},"
                     "\"created_at\":\"2025-10-22T15:55:27.826\","
                     "\"updated_at\":\"2025-10-22T15:55:28.826\"}",
                     slot->id, r->targets++, phase,
                     SLICE_ARG(buf_slice(&done)), SLICE_ARG(buf_slice(&passed)),
                     SLICE_ARG(buf_slice(&artifacts)))
            .p);
    buf_done(&done);
    buf_done(&passed);
    buf_done(&artifacts);
    struct ended e = RUN_IN(project, "sessions", "import", "old.json",
                            "--workflows", r->workflows);
    CHECK_INT_EQ(e.status, 0);
    bool over = phase == MODEL_PHASES;
    slot->state =
        (struct model_state){over ? MODEL_COMPLETED : MODEL_ACTIVE,
                             over ? MODEL_PHASES - 1 : phase, MODEL_UNASKED};
    r->imports++;
}

/* All of it again in another project: the same record, and it verifies. */
static void mirror_check(struct run *r)
{
    const char *to = new_project("mirror");
    struct ended e =
        RUN_IN(server_project(r->servers[0]), "sessions", "export");
    CHECK_INT_EQ(e.status, 0);
    put_file(to, "all.json", arena_cstr(test_arena(), e.out));
    struct ended in = RUN_IN(to, "sessions", "import", "all.json");
    if (in.status) FAIL("%.*s%.*s", SLICE_ARG(in.out), SLICE_ARG(in.err));
    CHECK_INT_EQ(RUN_IN(to, "sessions", "verify").status, 0);
    CHECK_SLICE_EQ(
        json_get(json_of(RUN_IN(to, "sessions", "export").out),
                 SLICE("sessions"))
            ->raw,
        json_get(json_of(e.out), SLICE("sessions"))->raw);
}

/* --- the play ------------------------------------------------------------- */

/* One operation on each of some sessions, pipelined to both servers. */
static void round_send(struct run *r)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &r->slots[i];
        bool over = slot->state.status >= MODEL_COMPLETED;
        if (!below(r, 4)) continue;
        if (over && !below(r, 3)) {
            slot->state = (struct model_state){0};
            memset(slot->fences, 0, sizeof(slot->fences));
            memset(slot->held, 0, sizeof(slot->held));
        }
        if (slot->state.status == MODEL_ABSENT && !below(r, 12)) {
            struct http *http[SERVERS] = {slot->http[0], slot->http[1]};
            import_one(r, slot);
            memcpy(slot->http, http, sizeof(http));
            continue;
        }
        slot->op = choose(r, slot);
        slot->after = slot->state;
        slot->expect = model_step(&slot->after, &slot->op);
        send_op(r, slot);
    }
}

static void begin(struct run *r)
{
    static const char *args[5] = {"--workflows", NULL,
                                  "--limit-exec-per-min", "60000"};
    const char *project = new_project("model");
    struct slice token;
    args[1] = r->workflows = model_workflow();
    setenv("XDG_STATE_HOME",
           arena_printf(test_arena(), "%s/state", test_tmpdir()).p, 1);
    put_file(project, "there.txt", "report\n");
    struct ended e = TYPED_IN(project, "yes\n", "trust", "model_v1",
                              "--workflows", args[1]);
    CHECK_INT_EQ(e.status, 0);
    for (int i = 0; i < SERVERS; i++)
        r->servers[i] = server_start(
            &(struct server_options){.project = project, .args = args});
    (void)server_port(r->servers[0]);
    struct slice path =
        arena_printf(test_arena(), "%s/.phasegate/operator.token", project);
    CHECK_OK(file_read(path, 4096, test_arena(), &token));
    r->token = arena_printf(test_arena(), "Authorization: Bearer %.*s\r\n",
                            SLICE_ARG(slice_trim(token)))
                   .p;
}

static void play(double seconds, int rounds_most)
{
    const char *given = getenv("PHASEGATE_SEED");
    uint64_t seed =
        given ? strtoull(given, NULL, 10)
              : (uint64_t)clock_wall_ms() * 1000 + (uint64_t)getpid() % 1000;
    struct run r = {.random = seed * 2 + 1};
    printf("PHASEGATE_SEED=%llu\n", (unsigned long long)seed);
    begin(&r);
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    for (int i = 0; i < rounds_most && clock_now() < until; i++) {
        round_send(&r);
        if (below(&r, 6) == 0)
            die_and_live(&r);
        else
            for (int n = 0; n < SERVERS; n++) take_all(&r, n, false);
    }
    record_check(&r);
    mirror_check(&r);
    printf("%d operations (%d over HTTP), %d duels, %d imports, %d kills, %d "
           "operations cut off; done, by kind:",
           r.operations, r.over_http, r.duels, r.imports, r.kills, r.lost);
    for (int i = 0; i < MODEL_KINDS; i++) printf(" %d", r.done[i]);
    printf("\n");
    CHECK_INT_GT(r.kills, 0);
    CHECK_INT_GT(r.operations, 20);
}

TEST(model, the_state_is_the_models_whatever_is_killed_when, .timeout_s = 90)
{
    play(10, 1000);
}

TEST(model, the_same_for_longer, .needs = "slow plain", .timeout_s = 400)
{
    /* What the program printed stays in the test's arena: rounds are bounded. */
    play(40, 2000);
}
