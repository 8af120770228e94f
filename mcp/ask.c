/* Questions to the client, and time: the handler is run again when it can go
 * on. One API, three languages: an input_required result (2026-07-28), a
 * request to the client (before), inputRequests of a task. */
#include "base/clock.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { STATE_TTL_MS = 3600 * 1000, LET_GO_MAX_MS = 60000 };

static const struct kind_row {
    const char *method;
    unsigned can; /* enum mcp_can */
    bool url;
} kinds[MCP_ASK_COUNT] = {
    [MCP_ASK_FORM] = {"elicitation/create", MCP_CAN_FORM, false},
    [MCP_ASK_URL] = {"elicitation/create", MCP_CAN_URL, true},
    [MCP_ASK_SAMPLE] = {"sampling/createMessage", MCP_CAN_SAMPLE, false},
    [MCP_ASK_ROOTS] = {"roots/list", MCP_CAN_ROOTS, false},
};

static struct mcp_call_state *state_of(const struct mcp_call *call)
{
    return (struct mcp_call_state *)call;
}

static bool is_modern(const struct mcp_call_state *c)
{
    return mcp_revision_is_modern(c->revision);
}

/* --- is an answer one? ---------------------------------------------------- */

static bool type_fits(const struct json *v, struct slice type)
{
    int64_t n;
    if (slice_eq(type, SLICE("string"))) return json_is(v, JSON_STRING);
    if (slice_eq(type, SLICE("number"))) return json_is(v, JSON_NUMBER);
    if (slice_eq(type, SLICE("integer"))) return json_integral(v, &n);
    if (slice_eq(type, SLICE("boolean"))) return json_is_bool(v);
    if (slice_eq(type, SLICE("array"))) return json_is(v, JSON_ARRAY);
    return true;
}

/* A form's schema is flat: types and what is required. */
static bool content_fits(const struct json *content, const struct json *schema)
{
    const struct json *required = json_get(schema, SLICE("required"));
    const struct json *props = json_get(schema, SLICE("properties"));
    if (!json_is(content, JSON_OBJECT)) return false;
    for (uint32_t i = 0; json_is(required, JSON_ARRAY) && i < required->count;
         i++) {
        if (!json_get(content, json_text(&required->items[i]))) return false;
    }
    for (uint32_t i = 0; i < content->count; i++) {
        const struct json *p = json_get(props, content->members[i].key);
        const struct json *type = json_get(p, SLICE("type"));
        if (type && !type_fits(&content->members[i].value, json_text(type)))
            return false;
    }
    return true;
}

static bool answer_fits(struct mcp_call_state *c, const struct mcp_ask *ask,
                        const struct json *v)
{
    const struct json *params = NULL;
    struct json_error je;
    struct slice action = json_text(json_get(v, SLICE("action")));
    if (!json_is(v, JSON_OBJECT)) return false;
    if (ask->kind == MCP_ASK_ROOTS)
        return json_is(json_get(v, SLICE("roots")), JSON_ARRAY);
    if (ask->kind == MCP_ASK_SAMPLE)
        return json_get(v, SLICE("content")) != NULL;
    if (slice_eq(action, SLICE("decline")) || slice_eq(action, SLICE("cancel")))
        return true;
    if (!slice_eq(action, SLICE("accept"))) return false;
    if (ask->kind == MCP_ASK_URL) return true;
    if (json_parse(ask->params, NULL, &c->pub.arena, &params, &je))
        return false;
    return content_fits(json_get(v, SLICE("content")),
                        json_get(params, SLICE("requestedSchema")));
}

/* --- asking --------------------------------------------------------------- */

bool mcp_can_ask(const struct mcp_call *call, enum mcp_ask_kind kind)
{
    const struct mcp_call_state *c = state_of(call);
    return (c->can & kinds[kind].can) != 0;
}

static struct mcp_ask *find(struct mcp_call_state *c, struct slice key)
{
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        if (slice_eq(a->key, key)) return a;
    }
    return NULL;
}

static struct mcp_ask *add(struct mcp_call_state *c, enum mcp_ask_kind kind,
                           struct slice key, struct slice params)
{
    struct arena *arena = &c->pub.arena;
    struct mcp_ask *a = ARENA_NEW(arena, struct mcp_ask), **at = &c->asks;
    if (!a) return NULL;
    *a = (struct mcp_ask){.kind = kind,
                          .key = arena_copy(arena, key),
                          .params = arena_copy(arena, params),
                          .text = BUF_INIT(16 << 20)};
    if (!a->key.p || !a->params.p) return NULL;
    while (*at) at = &(*at)->next;
    *at = a;
    return a;
}

/* The URL as an error, for a client that can open it and then call again. */
static enum err url_fault(struct mcp_call_state *c, struct slice params)
{
    char id[UUID_SIZE];
    struct mcp_fault f = mcp_fault(MCP_FAULT_URL, (struct slice){0});
    struct slice rest = slice_sub(params, 1, params.n);
    f.data = arena_printf(&c->pub.arena,
                          "{\"elicitations\":[{\"mode\":\"url\","
                          "\"elicitationId\":\"%.*s\",%.*s]}",
                          SLICE_ARG(random_uuid(id)), SLICE_ARG(rest));
    return mcp_call_fault(c, f);
}

static enum err cannot(struct mcp_call_state *c, enum mcp_ask_kind kind,
                       struct slice params)
{
    c->lacking = kinds[kind].can;
    if (kinds[kind].url && mcp_revision_has_url_fault(c->revision))
        return url_fault(c, params);
    return problem_set(&c->pub.problem, ERR_UNAVAILABLE,
                       slice_of(kinds[kind].method),
                       SLICE("The client does not declare that it can be "
                             "asked this, or has no session."),
                       SLICE("Use a client that supports it and declares it."));
}

/* 2026-07-28: the answer may have come with the request. */
static enum err given(struct mcp_call_state *c, struct mcp_ask *a)
{
    const struct json *v = json_get(c->given, a->key);
    if (v && !answer_fits(c, a, v))
        return mcp_call_fault(
            c, mcp_faultf(MCP_FAULT_PARAMS, &c->pub.arena,
                          "inputResponses[\"%.*s\"] is no answer to what was "
                          "asked",
                          SLICE_ARG(a->key)));
    a->answer = v ? v : json_get(c->kept, a->key);
    a->answered = a->answer != NULL;
    return OK;
}

enum err mcp_ask(struct mcp_call *call, enum mcp_ask_kind kind, const char *key,
                 struct slice params, const struct json **ret_answer)
{
    struct mcp_call_state *c = state_of(call);
    struct mcp_ask *a = find(c, slice_of(key));
    enum err e = OK;
    if (!a && !mcp_can_ask(call, kind)) return cannot(c, kind, params);
    if (!a) {
        a = add(c, kind, slice_of(key), params);
        if (!a) return ERR_NOMEM;
        e = given(c, a);
        if (e) return e;
    }
    if (a->refused)
        return problem_set(&call->problem, ERR_UNAVAILABLE,
                           slice_of(kinds[kind].method),
                           SLICE("The client did not answer, or with an "
                                 "error."),
                           SLICE("Call again when the client can answer."));
    if (a->answer) {
        *ret_answer = a->answer;
        return OK;
    }
    c->wants = MCP_WANTS_ANSWERS;
    return ERR_WAITING;
}

enum err mcp_pause(struct mcp_call *call, int64_t ms)
{
    struct mcp_call_state *c = state_of(call);
    c->wants = MCP_WANTS_TIME;
    c->pause_ms = ms < 0 ? 0 : ms;
    return ERR_WAITING;
}

enum err mcp_task_begin(struct mcp_call *call)
{
    struct mcp_call_state *c = state_of(call);
    if (c->task || !c->tool || c->tool->task == MCP_TASK_NEVER ||
        !(c->can & MCP_CAN_TASKS))
        return OK;
    c->wants = MCP_WANTS_TASK;
    return ERR_WAITING;
}

enum err mcp_fail(struct mcp_call *call, struct slice message)
{
    return mcp_call_fault(state_of(call),
                          mcp_fault(MCP_FAULT_INTERNAL, message));
}

void mcp_let_go(struct mcp_call *call, int64_t retry_ms)
{
    state_of(call)->let_go_ms =
        retry_ms < LET_GO_MAX_MS ? retry_ms : LET_GO_MAX_MS;
}

/* --- what a request brings along ------------------------------------------ */

/* A token belongs to one method, one name and the same arguments. */
static struct slice bound(struct mcp_call_state *c)
{
    struct buf b = BUF_INIT(16 << 20);
    struct json_writer w = json_writer(&b);
    const struct json *args = json_get(c->m.params, SLICE("arguments"));
    json_begin_array(&w);
    json_string(&w, c->m.method);
    if (c->method->named)
        json_string(&w, json_text(json_get(c->m.params,
                                           slice_of(c->method->named))));
    if (args) json_value(&w, args);
    json_end_array(&w);
    struct slice text = arena_copy(&c->pub.arena, buf_slice(&b));
    buf_done(&b);
    return text;
}

static enum err read_state(struct mcp_call_state *c, const struct json *state)
{
    const struct json *v = NULL;
    struct slice payload;
    struct json_error je;
    int64_t step = 0;
    enum err e = json_is(state, JSON_STRING)
                     ? mcp_token_read(c->pub.server, &c->pub.arena, bound(c),
                                      state->text, &payload)
                     : ERR_INVALID;
    if (!e) e = json_parse(payload, NULL, &c->pub.arena, &v, &je);
    if (e)
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_PARAMS,
                         SLICE("requestState is not what this server gave out "
                               "for this request, or too old")));
    c->kept = json_get(v, SLICE("answers"));
    if (json_int64(json_get(v, SLICE("step")), &step))
        c->pub.step = (unsigned)step;
    return OK;
}

enum err mcp_asks_begin(struct mcp_call_state *c)
{
    const struct json *responses =
        json_get(c->m.params, SLICE("inputResponses"));
    const struct json *state = json_get(c->m.params, SLICE("requestState"));
    if (!is_modern(c)) return OK;
    if (json_is(responses, JSON_NULL)) responses = NULL;
    if (responses && !json_is(responses, JSON_OBJECT))
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_PARAMS,
                         SLICE("params.inputResponses must be an object")));
    c->given = responses;
    return state && !json_is(state, JSON_NULL) ? read_state(c, state) : OK;
}

/* --- writing -------------------------------------------------------------- */

static void put_params(struct mcp_call_state *c, const struct mcp_ask *a,
                       struct json_writer *w)
{
    char id[UUID_SIZE];
    if (!kinds[a->kind].url) {
        json_put_raw(w, "params", a->params);
        return;
    }
    json_key(w, SLICE("params"));
    json_begin_object(w);
    json_put_string(w, "mode", SLICE("url"));
    if (!is_modern(c))
        json_put_string(w, "elicitationId", random_uuid(id));
    json_raw_members(w, slice_sub(a->params, 1, a->params.n - 2));
    json_end_object(w);
}

void mcp_asks_write(struct mcp_call_state *c, struct json_writer *w)
{
    json_begin_object(w);
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        if (a->answered) continue;
        json_key(w, a->key);
        json_begin_object(w);
        json_put_string(w, "method", slice_of(kinds[a->kind].method));
        put_params(c, a, w);
        json_end_object(w);
    }
    json_end_object(w);
}

static struct slice write_state(struct mcp_call_state *c)
{
    struct buf b = BUF_INIT(4 << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_int(&w, "step", c->pub.step);
    json_key(&w, SLICE("answers"));
    json_begin_object(&w);
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        if (!a->answer) continue;
        json_key(&w, a->key);
        json_value(&w, a->answer);
    }
    json_end_object(&w);
    json_end_object(&w);
    struct slice token =
        b.err ? (struct slice){0}
              : mcp_token_write(c->pub.server, &c->pub.arena, bound(c),
                                buf_slice(&b), STATE_TTL_MS);
    buf_done(&b);
    return token;
}

static void answer_with_questions(struct mcp_call_state *c)
{
    struct buf b = BUF_INIT(16 << 20);
    struct json_writer w = json_writer(&b);
    mcp_asks_write(c, &w);
    struct slice state = write_state(c);
    if (b.err || !state.p)
        c->fault = mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of memory"));
    else
        mcp_reply_input_required(&c->reply, c->pub.server, c->revision, c->m.id,
                                 buf_slice(&b), state);
    buf_done(&b);
    c->rendered = !c->fault.kind;
    mcp_call_finish(c);
}

/* --- waiting -------------------------------------------------------------- */

bool mcp_asks_open(const struct mcp_call_state *c)
{
    for (const struct mcp_ask *a = c->asks; a; a = a->next) {
        if (!a->answered) return true;
    }
    return false;
}

void mcp_asks_done(struct mcp_call_state *c)
{
    for (struct mcp_ask *a = c->asks; a; a = a->next) buf_done(&a->text);
    c->asks = NULL;
}

static void take(struct mcp_ask *a, struct slice text)
{
    buf_put(&a->text, text);
    a->answered = true;
    a->refused = !text.n || a->text.err;
}

void mcp_asks_take(struct mcp_call_state *c, struct slice key,
                   struct slice text)
{
    struct mcp_ask *a = find(c, key);
    if (a && !a->answered) take(a, text);
}

/* Texts that came meanwhile become answers; who did not answer will not. */
static void read_answers(struct mcp_call_state *c)
{
    struct json_error je;
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        const struct json *v = NULL;
        if (a->answer || a->refused) continue;
        struct slice text = arena_copy(&c->pub.arena, buf_slice(&a->text));
        if (a->answered && text.n &&
            json_parse(text, NULL, &c->pub.arena, &v, &je) == OK &&
            answer_fits(c, a, v))
            a->answer = v;
        a->refused = !a->answer;
        a->answered = true;
    }
}

static void answered(struct mcp_call_state *c)
{
    lock_take(&c->pub.server->lock);
    read_answers(c);
    lock_drop(&c->pub.server->lock);
    if (c->task) mcp_task_waits(c, false);
    mcp_call_resume(c);
}

static void time_over(struct mcp_call_state *c)
{
    c->pub.step++;
    mcp_call_resume(c);
}

/* False: it could not be parked and has ended. */
static bool park(struct mcp_call_state *c, int64_t ms,
                 void (*home)(struct mcp_call_state *c))
{
    if (mcp_call_park(c, ms, home) == OK) return true;
    c->fault = mcp_fault(MCP_FAULT_INTERNAL, SLICE("Out of threads"));
    mcp_call_finish(c);
    return false;
}

/* Lock: server->lock is held; the call is parked, so that an answer finds it.
 */
static void send_questions(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        struct buf b = BUF_INIT(16 << 20);
        struct json_writer w = json_writer(&b);
        if (a->answered || a->id) continue;
        a->id = ++s->last_ask;
        json_begin_object(&w);
        json_put_string(&w, "jsonrpc", SLICE("2.0"));
        json_put_int(&w, "id", a->id);
        json_put_string(&w, "method", slice_of(kinds[a->kind].method));
        put_params(c, a, &w);
        json_end_object(&w);
        if (!b.err) mcp_emit_locked(c, buf_slice(&b));
        buf_done(&b);
    }
}

static void await_answers(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    if (!c->task && is_modern(c)) {
        answer_with_questions(c);
        return;
    }
    if (c->task) mcp_task_waits(c, true);
    mcp_call_give_back(c); /* others work while a person thinks */
    if (!park(c, c->task ? -1 : s->config.ask_timeout_ms, answered)) return;
    lock_take(&s->lock);
    if (!c->task) send_questions(c);
    if (!mcp_asks_open(c)) (void)mcp_call_wake(c); /* quicker than we */
    lock_drop(&s->lock);
}

static void park_time(struct mcp_call_state *c)
{
    mcp_call_give_back(c);
    (void)park(c, c->pause_ms, time_over);
}

/* The client will come back for the rest: GET with Last-Event-ID. */
static void let_go(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_exchange *ex = c->ex;
    char id[32];
    if (mcp_flush_first(c, let_go)) return;
    mcp_flush(c);
    if (mcp_yard_begin(s)) {
        park_time(c);
        return;
    }
    lock_take(&s->lock);
    if (!c->stream) c->stream = ++c->session->streams;
    struct slice at =
        mcp_session_id_of(c->stream, c->sequence, id);
    lock_drop(&s->lock);
    (void)ex->ops->open(ex, at, c->let_go_ms);
    c->opened = true;
    c->let_go_ms = -1;
    mcp_yard_move(c, park_time);
    ex->ops->end(ex, (struct slice){0}, (struct slice){0});
}

void mcp_await(struct mcp_call_state *c)
{
    bool held = c->let_go_ms >= 0 && c->session && c->peer->kind == MCP_HTTP &&
                mcp_revision_primes(c->revision) && c->ex != &c->aside;
    if (c->answered ||
        cancel_check(&c->pub.cancel, c->pub.now) == ERR_CANCELLED) {
        c->result = ERR_CANCELLED;
        mcp_call_finish(c);
        return;
    }
    switch (c->wants) {
    case MCP_WANTS_NOTHING: /* a subscription */
        (void)park(c, -1, mcp_call_finish);
        return;
    case MCP_WANTS_TIME:
        if (held)
            let_go(c);
        else
            park_time(c);
        return;
    case MCP_WANTS_ANSWERS:
        await_answers(c);
        return;
    case MCP_WANTS_TASK:
        mcp_task_start(c);
        return;
    }
}

/* --- the answer of a legacy client ---------------------------------------- */

static bool is_asked(struct mcp_call_state *c, const struct mcp_session *from,
                     int64_t id, struct slice text)
{
    if (c->session != from) return false;
    for (struct mcp_ask *a = c->asks; a; a = a->next) {
        if (a->id != id || a->answered) continue;
        take(a, text);
        if (!mcp_asks_open(c)) (void)mcp_call_wake(c);
        return true;
    }
    return false;
}

void mcp_answer(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    const struct json *result = json_get(c->m.body, SLICE("result"));
    int64_t id;
    if (!c->session || !json_int64(json_get(c->m.body, SLICE("id")), &id) ||
        id < 1)
        return;
    lock_take(&s->lock);
    for (struct mcp_call_link *l = s->away.next; l != &s->away; l = l->next) {
        struct mcp_call_state *asker = MCP_CALL_AT(l, at_server);
        if (asker->parked && is_asked(asker, c->session, id,
                                      result ? result->raw : (struct slice){0}))
            break;
    }
    lock_drop(&s->lock);
}
