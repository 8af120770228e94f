#include "tests/unit/mcp_fixture.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "mcp/call.h"
#include "mcp/call_state.h"

struct fake_server {
    struct mcp_mailbox mailbox; /* first */
    struct mcp_server *mcp;
    struct mcp_peer *peer;
    struct pool *pool;
    bool borrowed;      /* another fake_server owns mcp */
    struct arena arena; /* exchanges and bodies */
    struct lock lock;
    struct cond mail_came;
    struct mcp_mail *first, **last; /* Lock: lock */
};

/* --- tools --------------------------------------------------------------- */

static struct gate {
    struct lock lock;
    struct cond changed;
    int entered; /* Lock: lock */
    bool open;   /* Lock: lock */
} gate;

struct echo_args {
    struct slice text;
    int64_t times;
    const struct json *extra;
};

static const struct mcp_field echo_fields[] = {
    {"text", MCP_FIELD_STRING, offsetof(struct echo_args, text),
     .required = true, .description = "What to say.", .example = "\"hello\""},
    {"times", MCP_FIELD_INTEGER, offsetof(struct echo_args, times), .min = 1,
     .max = 1000000, .def = 1, .has_default = true},
    {"extra", MCP_FIELD_OBJECT, offsetof(struct echo_args, extra)},
    {0}};

static enum err echo(struct mcp_call *call, const void *args)
{
    const struct echo_args *a = args;
    struct json_writer w = json_writer(&call->out.plain);
    json_begin_object(&w);
    json_key(&w, SLICE("said"));
    json_begin_array(&w);
    for (int64_t i = 0; i < a->times; i++) json_string(&w, a->text);
    json_end_array(&w);
    json_put_bool(&w, "on_loop", call->on_loop);
    json_end_object(&w);
    return OK;
}

static enum err worker_only(struct mcp_call *call, const void *args)
{
    if (!call->on_loop) return echo(call, args);
    buf_puts(&call->out.plain, "half an answer");
    return ERR_AGAIN;
}

static enum err wait_at_gate(struct mcp_call *call, const void *args)
{
    enum err e = OK;
    (void)args;
    lock_take(&gate.lock);
    gate.entered++;
    cond_broadcast(&gate.changed);
    while (!gate.open && !e) {
        cond_wait_until(&gate.changed, &gate.lock, clock_now() + 5 * NS_PER_MS);
        e = cancel_check(&call->cancel, clock_now());
    }
    lock_drop(&gate.lock);
    if (!e) buf_puts(&call->out.plain, "{}");
    return e;
}

static void *complete_later(void *p)
{
    struct mcp_call *call = p;
    buf_puts(&call->out.plain, "{\"later\":true}");
    mcp_call_done(call, OK);
    return NULL;
}

static enum err pending(struct mcp_call *call, const void *args)
{
    pthread_t t;
    (void)args;
    if (pthread_create(&t, NULL, complete_later, call)) return ERR_INTERNAL;
    pthread_detach(t);
    return ERR_PENDING;
}

static enum err refuse(struct mcp_call *call, const void *args)
{
    (void)args;
    call->problem.retry_after_ms = 7;
    call->problem.siblings = SLICE("\"passed\":false");
    return problem_set(&call->problem, ERR_PHASE_LOCKED, SLICE("phase 3"),
                       SLICE("phase 1 is current"), SLICE("complete it"));
}

static enum err break_down(struct mcp_call *call, const void *args)
{
    (void)call, (void)args;
    return ERR_INTERNAL;
}

static const struct mcp_tool tools[] = {
    {"echo", "Echo", "Use it to hear yourself.", MCP_READ_ONLY | MCP_IDEMPOTENT,
     MCP_RUN_INLINE, sizeof(struct echo_args), echo_fields,
     "{\"type\":\"object\",\"properties\":{\"said\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}}}}",
     echo},
    {"again", "Again", "Asks for a worker.", 0, MCP_RUN_TRY_INLINE,
     sizeof(struct echo_args), echo_fields, NULL, worker_only},
    {"work", "Work", "Runs on a worker.", 0, MCP_RUN_WORKER,
     sizeof(struct echo_args), echo_fields, NULL, worker_only},
    {"gate", "Gate", "Waits.", 0, MCP_RUN_WORKER, 0, NULL, NULL, wait_at_gate},
    {"pending", "Pending", "Ends later.", 0, MCP_RUN_TRY_INLINE, 0, NULL, NULL,
     pending},
    {"refuse", "Refuse", "Fails well.", MCP_DESTRUCTIVE, MCP_RUN_INLINE, 0,
     NULL, NULL, refuse},
    {"broken", "Broken", "Fails badly.", MCP_OPEN_WORLD, MCP_RUN_INLINE, 0,
     NULL, NULL, break_down},
    {0}};
static const struct mcp_tool *const tool_tables[] = {tools, NULL};

void fake_gate_wait_entered(int n)
{
    lock_take(&gate.lock);
    while (gate.entered < n) cond_wait(&gate.changed, &gate.lock);
    lock_drop(&gate.lock);
}

void fake_gate_open(void)
{
    lock_take(&gate.lock);
    gate.open = true;
    cond_broadcast(&gate.changed);
    lock_drop(&gate.lock);
}

/* --- the exchange -------------------------------------------------------- */

static struct fake_exchange *fake_of(struct mcp_exchange *ex)
{
    return (struct fake_exchange *)ex;
}

static struct slice fake_header(struct mcp_exchange *ex, const char *name)
{
    const struct mcp_header *h = fake_of(ex)->headers;
    for (; h && h->name; h++) {
        if (slice_eq_nocase(slice_of(h->name), slice_of(name))) return h->value;
    }
    return (struct slice){0};
}

/* The fixture's own memory never fails. */
static struct slice kept(struct fake_server *fs, struct slice s)
{
    mem_spare(true);
    struct slice copy = arena_copy(&fs->arena, s);
    mem_spare(false);
    return copy;
}

static void fake_reply(struct mcp_exchange *ex, int status,
                       const struct mcp_header *headers, size_t count,
                       struct slice body)
{
    struct fake_exchange *fx = fake_of(ex);
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(slice_of(headers[i].name), SLICE("Mcp-Session-Id")))
            fx->session = kept(fx->fs, headers[i].value);
        if (slice_eq(slice_of(headers[i].name), SLICE("Retry-After")))
            fx->retry_after = kept(fx->fs, headers[i].value);
    }
    fx->replies++;
    fx->status = status;
    fx->body = kept(fx->fs, body);
    if (body.n) CHECK(slice_find_byte(body, '\n') == body.n);
}

static bool fake_event(struct mcp_exchange *ex, struct slice id,
                       struct slice message)
{
    struct fake_exchange *fx = fake_of(ex);
    if (fx->events_n < 16) {
        fx->ids[fx->events_n] = kept(fx->fs, id);
        fx->events[fx->events_n] = kept(fx->fs, message);
    }
    fx->events_n++;
    CHECK_INT_EQ(fx->replies + fx->drops, 0);
    return true;
}

static bool fake_open(struct mcp_exchange *ex, struct slice id,
                      int64_t retry_ms)
{
    struct fake_exchange *fx = fake_of(ex);
    (void)retry_ms;
    fx->opened = kept(fx->fs, id);
    return true;
}

static void fake_end(struct mcp_exchange *ex, struct slice id,
                     struct slice message)
{
    (void)id;
    fake_reply(ex, 200, NULL, 0, message);
}

static void fake_drop(struct mcp_exchange *ex)
{
    fake_of(ex)->drops++;
}

static void fake_post(struct mcp_mailbox *box, struct mcp_mail *m)
{
    struct fake_server *fs = (struct fake_server *)box;
    lock_take(&fs->lock);
    m->next = NULL;
    *fs->last = m;
    fs->last = &m->next;
    cond_signal(&fs->mail_came);
    lock_drop(&fs->lock);
}

static const struct mcp_exchange_ops fake_ops = {.name = "fake",
                                                 .header = fake_header,
                                                 .reply = fake_reply,
                                                 .open = fake_open,
                                                 .event = fake_event,
                                                 .end = fake_end,
                                                 .drop = fake_drop};

/* --- driving ------------------------------------------------------------- */

static struct fake_server *loop_on(struct mcp_server *mcp,
                                   enum mcp_transport kind)
{
    struct fake_server *fs = MEM_NEW(struct fake_server);
    lock_init(&fs->lock, "fake-mailbox", RANK_QUEUE);
    cond_init(&fs->mail_came);
    arena_init(&fs->arena, 256 << 20);
    fs->mailbox.post = fake_post;
    fs->last = &fs->first;
    fs->mcp = mcp;
    fs->peer = mcp_peer_new(mcp, kind, kind == MCP_STDIO ? "stdio" : "http");
    CHECK(fs->peer);
    return fs;
}

struct fake_server *fake_server_of(const struct mcp_server_config *conf,
                                   enum mcp_transport kind)
{
    struct mcp_server *mcp;
    CHECK_OK(mcp_server_new(conf, &mcp));
    struct fake_server *fs = loop_on(mcp, kind);
    fs->pool = conf->pool;
    return fs;
}

struct fake_server *fake_loop(struct fake_server *of, enum mcp_transport kind)
{
    struct fake_server *fs = loop_on(of->mcp, kind);
    fs->borrowed = true;
    return fs;
}

struct fake_server *fake_server(uint32_t workers, enum mcp_transport kind)
{
    struct mcp_server_config conf = {.name = "fake",
                                     .title = "A fake",
                                     .version = "1.2.3",
                                     .website_url = "https://example.org",
                                     .instructions = "Use the tools.",
                                     .tools = tool_tables};
    lock_init(&gate.lock, "gate", RANK_LEAF);
    cond_init(&gate.changed);
    if (workers) CHECK_OK(pool_new("worker", workers, 8, &conf.pool));
    return fake_server_of(&conf, kind);
}

struct mcp_server *fake_mcp(struct fake_server *fs)
{
    return fs->mcp;
}

static struct fake_exchange *fake_new(struct fake_server *fs,
                                      const struct mcp_header *headers)
{
    mem_spare(true);
    struct fake_exchange *fx = ARENA_NEW(&fs->arena, struct fake_exchange);
    mem_spare(false);
    *fx = (struct fake_exchange){
        .ex = {.ops = &fake_ops, .mailbox = &fs->mailbox},
        .fs = fs,
        .headers = headers};
    return fx;
}

struct fake_exchange *fake_open_stream(struct fake_server *fs,
                               const struct mcp_header *headers)
{
    struct fake_exchange *fx = fake_new(fs, headers);
    mcp_receive_get(fs->peer, &fx->ex);
    return fx;
}

struct fake_exchange *fake_end_session(struct fake_server *fs,
                                  const struct mcp_header *headers)
{
    struct fake_exchange *fx = fake_new(fs, headers);
    mcp_receive_delete(fs->peer, &fx->ex);
    return fx;
}

struct fake_exchange *fake_begin(struct fake_server *fs, const char *message,
                                 const struct mcp_header *headers)
{
    struct fake_exchange *fx = fake_new(fs, headers);
    mcp_receive(fs->peer, &fx->ex, slice_of(message));
    return fx;
}

static struct mcp_mail *take_mail(struct fake_server *fs)
{
    lock_take(&fs->lock);
    while (!fs->first) cond_wait(&fs->mail_came, &fs->lock);
    struct mcp_mail *m = fs->first;
    fs->first = m->next;
    if (!fs->first) fs->last = &fs->first;
    lock_drop(&fs->lock);
    return m;
}

void fake_wait(struct fake_exchange *fx)
{
    while (!fx->replies && !fx->drops) {
        struct mcp_mail *m = take_mail(fx->fs);
        m->run(m);
    }
    CHECK_INT_EQ(fx->replies + fx->drops, 1);
}

void fake_run_one(struct fake_server *fs)
{
    struct mcp_mail *m = take_mail(fs);
    m->run(m);
}

static bool mail_waits(struct fake_server *fs)
{
    lock_take(&fs->lock);
    bool waits = fs->first != NULL;
    lock_drop(&fs->lock);
    return waits;
}

void fake_server_free(struct fake_server *fs)
{
    while (mail_waits(fs)) fake_run_one(fs); /* bells of calls that ended */
    mcp_peer_free(fs->peer);
    if (!fs->borrowed) {
        CHECK_INT_EQ(mcp_server_open_calls(fs->mcp), 0);
        mcp_server_free(fs->mcp);
        pool_free(fs->pool);
    }
    arena_done(&fs->arena);
    cond_done(&fs->mail_came);
    lock_done(&fs->lock);
    mem_free(fs);
}

void fake_peer_leave(struct fake_server *fs)
{
    mcp_peer_free(fs->peer);
    fs->peer = NULL;
}

void fake_drain(struct fake_server *fs)
{
    while (fs->peer->away.next != &fs->peer->away) fake_run_one(fs);
}

void fake_settle(struct fake_server *fs)
{
    while (mcp_server_open_calls(fs->mcp) > 0) {
        struct mcp_mail *m = take_mail(fs);
        m->run(m);
    }
}

void fake_wait_events(struct fake_exchange *fx, int n)
{
    while (fx->events_n < n) {
        struct mcp_mail *m = take_mail(fx->fs);
        m->run(m);
    }
}

struct fake_exchange *fake_send(struct fake_server *fs, const char *message,
                                const struct mcp_header *headers)
{
    struct fake_exchange *fx = fake_begin(fs, message, headers);
    fake_wait(fx);
    return fx;
}

struct slice fake_say(struct fake_server *fs, const char *message)
{
    return fake_send(fs, message, NULL)->body;
}

const struct json *fake_json(struct slice body)
{
    const struct json *v = NULL;
    struct json_error je;
    CHECK_OK(json_parse(body, NULL, test_arena(), &v, &je));
    return v;
}

const char *fake_call(const char *id, const char *tool, const char *args)
{
    return arena_printf(test_arena(),
                        "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":"
                        "\"tools/call\",\"params\":{\"name\":\"%s\","
                        "\"arguments\":%s," FAKE_META "}}",
                        id, tool, args)
        .p;
}
