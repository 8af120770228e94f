/* A property: random operations by two servers on one state file, killed at
 * random moments, against a model of a few lines. After each restart the
 * state is the model's (an operation that was not answered has happened or
 * not, never half), the record verifies, and no phase is open whose
 * predecessor has no passing evidence. The seed is printed;
 * PHASEGATE_SEED=n plays it again. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

enum { SERVERS = 2, SLOTS = 6, PHASES = 3, KILL_WITHIN_US = 4000 };

/* --- the model ------------------------------------------------------------ */

enum status { ABSENT, ACTIVE, PAUSED, COMPLETED, ABANDONED, DELETED };
static const char *const words[] = {"",          "active",    "paused",
                                    "completed", "abandoned", ""};

struct state {
    enum status status;
    int phase; /* the current one; those before it are completed */
};

enum kind {
    START,
    PASS,      /* good evidence for `arg` */
    FAIL_GATE, /* evidence that is none */
    PAUSE,
    RESUME,
    RETRY,
    ROLLBACK, /* to `arg` */
    ABANDON,
    DELETE,
    CLAIM,
    KINDS
};
/* How often each, of 100. */
static const int weights[KINDS] = {0, 36, 10, 8, 12, 5, 10, 2, 3, 14};

struct op {
    enum kind kind;
    int arg;
};

/* The detail of the refusal; "" when it is done, and then *s is what follows.
 * ABSENT only starts. */
static const char *closed(const struct state *s)
{
    static const char *const why[] = {"SESSION_NOT_FOUND", "",
                                      "SESSION_PAUSED",    "SESSION_COMPLETE",
                                      "SESSION_CLOSED",    "SESSION_NOT_FOUND"};
    return why[s->status];
}

static const char *complete(struct state *s, const struct op *op)
{
    if (closed(s)[0]) return closed(s);
    if (op->arg < s->phase) return "PHASE_ALREADY_COMPLETE";
    if (op->arg > s->phase) return "PHASE_LOCKED";
    if (op->kind == FAIL_GATE) return "GATE_REFUSED";
    if (s->phase == PHASES - 1)
        s->status = COMPLETED;
    else
        s->phase++;
    return "";
}

static const char *end_or_pause(struct state *s, const struct op *op)
{
    if (op->kind == DELETE) {
        if (s->status == DELETED) return closed(s);
        s->status = DELETED;
        return "";
    }
    if (s->status != ACTIVE && s->status != PAUSED) return closed(s);
    s->status = op->kind == ABANDON ? ABANDONED
                : op->kind == PAUSE ? PAUSED
                                    : ACTIVE;
    return "";
}

static const char *model(struct state *s, const struct op *op)
{
    switch (op->kind) {
    case START:
        *s = (struct state){ACTIVE, 0};
        return "";
    case PASS:
    case FAIL_GATE:
        return complete(s, op);
    case ROLLBACK:
        if (closed(s)[0]) return closed(s);
        if (op->arg > s->phase) return "PHASE_LOCKED";
        s->phase = op->arg;
        return "";
    case RETRY:
    case CLAIM:
        return closed(s);
    default:
        return end_or_pause(s, op);
    }
}

/* --- the run -------------------------------------------------------------- */

struct slot {
    char id[40];
    struct state state;
    int64_t fences[PHASES]; /* the greatest that were given out */
    /* under way */
    bool pending;
    struct op op;
    struct state after;
    const char *expect;
    /* One, or a duel: the same good evidence to both servers at once. */
    struct request {
        bool open;
        int server;
        int64_t id;
    } requests[SERVERS];
    int sent, won, came_late;
};

struct run {
    struct server *servers[SERVERS];
    struct slot slots[SLOTS];
    uint64_t random;
    int targets, operations, duels, kills, lost;
};

static uint32_t below(struct run *r, uint32_t n)
{
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return (uint32_t)(r->random >> 11) % n;
}

static struct op choose(struct run *r, const struct slot *slot)
{
    struct op op = {START, 0};
    int at = (int)below(r, 100);
    if (slot->state.status == ABSENT) return op;
    for (op.kind = PASS; at >= weights[op.kind]; op.kind++)
        at -= weights[op.kind];
    op.arg = op.kind == ROLLBACK ? (int)below(r, PHASES)
             : below(r, 5)       ? slot->state.phase
                                 : (int)below(r, PHASES);
    return op;
}

static void send_op(struct run *r, struct slot *slot)
{
    static const char *const actions[KINDS] = {
        [PAUSE] = "pause",       [RESUME] = "resume",   [RETRY] = "retry_phase",
        [ROLLBACK] = "rollback", [ABANDON] = "abandon", [DELETE] = "delete"};
    const struct op *op = &slot->op;
    char text[512];
    if (op->kind == START)
        snprintf(text, sizeof(text),
                 "\"name\":\"start_workflow\",\"arguments\":{\"workflow_type\":"
                 "\"three_v1\",\"target\":\"t%d\"}",
                 r->targets++);
    else if (op->kind == PASS || op->kind == FAIL_GATE)
        snprintf(text, sizeof(text),
                 "\"name\":\"complete_phase\",\"arguments\":{\"session_id\":"
                 "\"%s\",\"phase\":%d,\"evidence\":%s}",
                 slot->id, op->arg, op->kind == PASS ? KIT_GOOD : "{}");
    else if (op->kind == CLAIM)
        snprintf(text, sizeof(text),
                 "\"name\":\"claim_task\",\"arguments\":{\"session_id\":\"%s\","
                 "\"phase\":%d,\"task_number\":1,\"agent\":\"model\"}",
                 slot->id, slot->state.phase);
    else
        snprintf(text, sizeof(text),
                 "\"name\":\"manage_session\",\"arguments\":{\"session_id\":"
                 "\"%s\",\"action\":\"%s\",\"to_phase\":%d}",
                 slot->id, actions[op->kind], op->arg);
    bool duel = op->kind == PASS && !slot->expect[0] && !below(r, 3);
    int first = (int)below(r, SERVERS);
    slot->won = slot->came_late = 0;
    slot->sent = duel ? SERVERS : 1;
    for (int i = 0; i < slot->sent; i++) {
        int n = (first + i) % SERVERS;
        slot->requests[i] = (struct request){
            true, n, stdio_request(r->servers[n], "tools/call", text)};
    }
    slot->pending = true;
    r->operations++;
    r->duels += duel;
}

/* Of duellists at most one wins, and nobody is late unless one has won. */
static bool late(struct slot *slot, struct slice detail)
{
    bool is =
        slot->sent > 1 && (slice_eq(detail, SLICE("PHASE_ALREADY_COMPLETE")) ||
                           slice_eq(detail, SLICE("SESSION_COMPLETE")));
    slot->came_late += is;
    return is;
}

static void answered(struct slot *slot, struct request *q,
                     const struct json *result)
{
    const struct json *v = json_get(result, SLICE("structuredContent"));
    struct slice detail = json_text(json_at(v, "error", "detail", NULL));
    q->open = false;
    if (!late(slot, detail) && !slice_eq(detail, slice_of(slot->expect)))
        FAIL("operation %d(%d) on %s in status %d, phase %d: expected \"%s\", "
             "got %.*s",
             slot->op.kind, slot->op.arg, slot->id, slot->state.status,
             slot->state.phase, slot->expect, SLICE_ARG(result->raw));
    slot->won += !detail.n;
    if (slot->sent > 1) CHECK_INT_LE(slot->won, 1);
    for (int i = 0; i < slot->sent; i++)
        if (slot->requests[i].open) return;
    if (slot->sent > 1) CHECK_INT_EQ(slot->won, 1);
    slot->state = slot->after;
    slot->pending = false;
    if (slot->op.kind == START)
        snprintf(slot->id, sizeof(slot->id), "%.*s",
                 SLICE_ARG(json_text(json_get(v, SLICE("session_id")))));
    if (slot->op.kind == CLAIM && !detail.n) {
        int64_t fence = kit_int(json_get(v, SLICE("fence")));
        CHECK_INT_GT(fence, slot->fences[slot->state.phase]);
        slot->fences[slot->state.phase] = fence;
    }
}

static struct request *open_request(struct slot *slot, int server)
{
    for (int i = 0; slot->pending && i < slot->sent; i++)
        if (slot->requests[i].open && slot->requests[i].server == server)
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
            struct request *q = open_request(&r->slots[i], server);
            if (q && q->id == id)
                answered(&r->slots[i], q, json_get(v, SLICE("result")));
        }
    arena_done(&a);
}

static int pending(struct run *r, int server)
{
    int n = 0;
    for (int i = 0; i < SLOTS; i++)
        n += open_request(&r->slots[i], server) != NULL;
    return n;
}

/* Every answer that still comes; all of them, unless it was killed. */
static void take_all(struct run *r, int server, bool killed)
{
    struct slice line;
    while (pending(r, server) && stdio_try_line(r->servers[server], 20, &line))
        take_line(r, server, line);
    if (!killed) CHECK_INT_EQ(pending(r, server), 0);
}

/* --- after a kill --------------------------------------------------------- */

static void evidence_check(const struct json *v, const struct state *s)
{
    const struct json *done = json_at(v, "session", "completed_phases", NULL);
    int n = s->status == COMPLETED ? PHASES : s->phase;
    CHECK_INT_EQ(done->count, n);
    for (int i = 0; i < n; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        CHECK_INT_EQ(kit_int(&done->items[i]), i);
        CHECK(json_is(json_at(v, "evidence", key, "done", NULL), JSON_TRUE));
    }
}

static bool is_so(const struct json *v, const struct state *s)
{
    struct slice detail = json_text(json_at(v, "error", "detail", NULL));
    if (s->status == DELETED)
        return slice_eq(detail, SLICE("SESSION_NOT_FOUND"));
    const struct json *session = json_get(v, SLICE("session"));
    return !detail.n &&
           slice_eq(json_text(json_get(session, SLICE("status"))),
                    slice_of(words[s->status])) &&
           kit_int(json_get(session, SLICE("current_phase"))) == s->phase;
}

static void look(struct run *r, struct slot *slot)
{
    char text[128];
    struct server *s = r->servers[below(r, SERVERS)];
    if (slot->pending &&
        slot->op.kind == START) { /* never heard of: forgotten */
        *slot = (struct slot){0};
        r->lost++;
    }
    if (slot->state.status == ABSENT) return;
    snprintf(text, sizeof(text),
             "{\"session_id\":\"%s\",\"include\":[\"evidence\"]}", slot->id);
    const struct json *result = stdio_tool(s, "get_session", text);
    const struct json *v = json_get(result, SLICE("structuredContent"));
    if (slot->pending) {
        r->lost++;
        bool known = slot->sent > 1 && (slot->won || slot->came_late);
        if (known || is_so(v, &slot->after)) slot->state = slot->after;
    }
    slot->pending = false;
    if (!is_so(v, &slot->state))
        FAIL("%s should be %s in phase %d, and is %.*s", slot->id,
             words[slot->state.status], slot->state.phase,
             SLICE_ARG(result->raw));
    if (slot->state.status != DELETED) evidence_check(v, &slot->state);
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

/* One operation on each of some sessions, pipelined to both servers. */
static void round_send(struct run *r)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &r->slots[i];
        bool over = slot->state.status >= COMPLETED;
        if (!below(r, 4)) continue;
        if (over && !below(r, 3)) *slot = (struct slot){0};
        slot->op = choose(r, slot);
        slot->after = slot->state;
        slot->expect = model(&slot->after, &slot->op);
        send_op(r, slot);
    }
}

static void play(double seconds, int rounds_most)
{
    static const char *args[3] = {"--workflows"};
    const char *given = getenv("PHASEGATE_SEED");
    uint64_t seed =
        given ? strtoull(given, NULL, 10)
              : (uint64_t)clock_wall_ms() * 1000 + (uint64_t)getpid() % 1000;
    struct run r = {.random = seed * 2 + 1};
    const char *project = new_project("model");
    args[1] = kit_workflows();
    printf("PHASEGATE_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < SERVERS; i++)
        r.servers[i] = server_start(
            &(struct server_options){.project = project, .args = args});
    int64_t until = clock_now() + (int64_t)(seconds * 1e9);
    for (int i = 0; i < rounds_most && clock_now() < until; i++) {
        round_send(&r);
        if (below(&r, 6) == 0)
            die_and_live(&r);
        else
            for (int n = 0; n < SERVERS; n++) take_all(&r, n, false);
    }
    record_check(&r);
    printf("%d operations, %d duels, %d kills, %d operations cut off\n",
           r.operations, r.duels, r.kills, r.lost);
    CHECK_INT_GT(r.kills, 0);
    CHECK_INT_GT(r.operations, 20);
}

TEST(model, the_state_is_the_models_whatever_is_killed_when, .timeout_s = 90)
{
    play(12, 1000);
}

TEST(model, the_same_for_longer, .needs = "slow", .timeout_s = 400)
{
    /* What the program printed stays in the test's arena: rounds are bounded. */
    play(40, 2000);
}
