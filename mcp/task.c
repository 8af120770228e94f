/* The tasks extension (2026-07-28): a tools/call that goes on after its
 * answer. The call lives on in the server's own loop; what a client sees of
 * it is the record here. */
#include "base/alloc.h"
#include "base/clock.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { TASKS_MAX = 1000, POLL_MS = 500 };

enum task_status { WORKING, INPUT_REQUIRED, COMPLETED, CANCELLED, FAILED };
static const char *const status_names[] = {"working", "input_required",
                                           "completed", "cancelled", "failed"};

/* All of it: Lock: server->lock */
struct mcp_task {
    char id[UUID_SIZE];
    enum task_status status;
    int64_t created_ms, updated_ms; /* wall clock */
    int64_t due;                    /* monotonic */
    int64_t ttl_ms;
    struct mcp_call_state *call; /* NULL: ended */
    struct buf body;             /* result or error, ready */
    struct mcp_task *next_dead;  /* of a sweep */
};

static bool terminal(const struct mcp_task *t)
{
    return t->status >= COMPLETED;
}

/* --- life ----------------------------------------------------------------- */

static void task_free(struct mcp_task *t)
{
    buf_done(&t->body);
    mem_free(t);
}

void mcp_tasks_free(struct mcp_server *s)
{
    size_t i = 0;
    struct slice key;
    void *t;
    while (map_next(&s->tasks, &i, &key, &t)) task_free(t);
    map_done(&s->tasks);
}

static bool expired(const struct mcp_task *t)
{
    return t->due <= clock_coarse();
}

/* A task whose time is over is gone for its client. Work that still goes on is
 * told to stop, and the record follows it. */
static bool retire(struct mcp_task *t)
{
    if (!t->call) return true;
    if (cancel_set(&t->call->pub.cancel, CANCEL_CLIENT))
        (void)mcp_call_wake(t->call);
    return false;
}

static void sweep(struct mcp_server *s)
{
    struct mcp_task *dead = NULL, *t;
    size_t i = 0;
    struct slice key;
    void *value;
    while (map_next(&s->tasks, &i, &key, &value)) {
        t = value;
        if (!expired(t) || !retire(t)) continue;
        t->next_dead = dead;
        dead = t;
    }
    while ((t = dead) != NULL) {
        dead = t->next_dead;
        (void)map_del(&s->tasks, slice_of(t->id));
        task_free(t);
    }
}

static struct mcp_task *task_new(struct mcp_server *s,
                                 struct mcp_call_state *c)
{
    sweep(s);
    struct mcp_task *t =
        s->tasks.count < TASKS_MAX ? MEM_NEW(struct mcp_task) : NULL;
    if (!t) return NULL;
    *t = (struct mcp_task){.call = c,
                           .ttl_ms = s->config.task_ttl_ms,
                           .due = clock_coarse() +
                                  s->config.task_ttl_ms * NS_PER_MS,
                           .body = BUF_INIT(64 << 20)};
    t->created_ms = t->updated_ms = clock_wall_ms();
    (void)random_uuid(t->id);
    if (map_put(&s->tasks, slice_of(t->id), t, NULL) == OK) return t;
    mem_free(t);
    return NULL;
}

/* --- telling -------------------------------------------------------------- */

static void put_members(struct json_writer *w, const struct mcp_task *t)
{
    char text[CLOCK_TEXT_SIZE];
    json_put_string(w, "taskId", slice_of(t->id));
    json_put_string(w, "status", slice_of(status_names[t->status]));
    json_put_string(w, "createdAt", clock_text(t->created_ms, text));
    json_put_string(w, "lastUpdatedAt", clock_text(t->updated_ms, text));
    json_put_int(w, "ttlMs", t->ttl_ms);
    json_put_int(w, "pollIntervalMs", POLL_MS);
}

static void put_detail(struct json_writer *w, struct mcp_task *t)
{
    put_members(w, t);
    if (t->status == COMPLETED) json_put_raw(w, "result", buf_slice(&t->body));
    if (t->status == FAILED) json_put_raw(w, "error", buf_slice(&t->body));
    if (t->status != INPUT_REQUIRED || !t->call) return;
    json_key(w, SLICE("inputRequests"));
    mcp_asks_write(t->call, w);
}

static void set_status(struct mcp_server *s, struct mcp_task *t,
                       enum task_status status)
{
    struct buf b = BUF_INIT(64 << 20);
    struct json_writer w = json_writer(&b);
    t->status = status;
    t->updated_ms = clock_wall_ms();
    json_begin_object(&w);
    put_detail(&w, t);
    json_end_object(&w);
    if (!b.err)
        mcp_tell_task(s, slice_of(t->id),
                      slice_sub(buf_slice(&b), 1, b.n - 2));
    buf_done(&b);
}

void mcp_task_waits(struct mcp_call_state *c, bool waits)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    if (!terminal(c->task))
        set_status(s, c->task, waits ? INPUT_REQUIRED : WORKING);
    lock_drop(&s->lock);
}

/* --- a call becomes one --------------------------------------------------- */

/* The asker's answer tells of the task; the call goes on elsewhere, without
 * the id of a request that is answered. */
void mcp_task_start(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_exchange *ex = c->ex;
    const struct json *id = c->m.id;
    struct buf b = BUF_INIT(64 << 10);
    struct mcp_task *t = NULL;
    if (c->emitted && mcp_flush_first(c, mcp_task_start)) return;
    mcp_flush(c);
    if (mcp_yard_begin(s) == OK) {
        lock_take(&s->lock);
        t = task_new(s, c);
        if (t) {
            struct json_writer w = mcp_reply_open(&b, c->revision, id, "task");
            put_members(&w, t);
            mcp_reply_close(&b, s, c->revision, id);
        }
        lock_drop(&s->lock);
    }
    if (!t) {
        c->fault = mcp_fault(MCP_FAULT_BUSY, SLICE("Too many tasks"));
        mcp_call_finish(c);
        buf_done(&b);
        return;
    }
    c->task = t;
    c->m.id = NULL;
    mcp_yard_move(c, mcp_call_resume);
    ex->ops->reply(ex, 200, NULL, 0, buf_slice(&b));
    buf_done(&b);
}

void mcp_task_end(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_task *t = c->task;
    lock_take(&s->lock);
    t->call = NULL;
    if (!terminal(t)) {
        buf_put(&t->body, buf_slice(&c->reply));
        set_status(s, t, c->fault.kind || t->body.err ? FAILED : COMPLETED);
    }
    lock_drop(&s->lock);
}

/* --- tasks/get, tasks/update, tasks/cancel -------------------------------- */

static enum err unknown(struct mcp_call_state *c)
{
    return mcp_call_fault(
        c, mcp_fault(MCP_FAULT_PARAMS, SLICE("Unknown task: params.taskId")));
}

static struct mcp_task *find(struct mcp_call_state *c)
{
    const struct json *id = json_get(c->m.params, SLICE("taskId"));
    struct mcp_task *t = json_is(id, JSON_STRING)
                             ? map_get(&c->pub.server->tasks, id->text)
                             : NULL;
    return t && !expired(t) ? t : NULL;
}

enum err mcp_tasks_begin(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    if (!(c->can & MCP_CAN_TASKS)) return mcp_client_lacks(c, MCP_CAN_TASKS);
    lock_take(&s->lock);
    bool known = find(c) != NULL;
    lock_drop(&s->lock);
    return known ? OK : unknown(c);
}

void mcp_tasks_get_render(struct mcp_call_state *c, enum err e)
{
    struct mcp_server *s = c->pub.server;
    (void)e;
    lock_take(&s->lock);
    struct mcp_task *t = find(c);
    if (t) {
        struct json_writer w =
            mcp_reply_open(&c->reply, c->revision, c->m.id, "complete");
        put_detail(&w, t);
        mcp_reply_close(&c->reply, s, c->revision, c->m.id);
    }
    lock_drop(&s->lock);
    if (!t) (void)unknown(c);
}

enum err mcp_tasks_update_begin(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    const struct json *r = json_get(c->m.params, SLICE("inputResponses"));
    enum err e = mcp_tasks_begin(c);
    if (e) return e;
    if (!json_is(r, JSON_OBJECT))
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_PARAMS,
                         SLICE("params.inputResponses must be an object")));
    lock_take(&s->lock);
    struct mcp_task *t = find(c);
    if (t && t->status == INPUT_REQUIRED && t->call) {
        for (uint32_t i = 0; i < r->count; i++)
            mcp_asks_take(t->call, r->members[i].key, r->members[i].value.raw);
        if (!mcp_asks_open(t->call)) {
            set_status(s, t, WORKING);
            (void)mcp_call_wake(t->call);
        }
    }
    lock_drop(&s->lock);
    return OK;
}

enum err mcp_tasks_cancel_begin(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    enum err e = mcp_tasks_begin(c);
    if (e) return e;
    lock_take(&s->lock);
    struct mcp_task *t = find(c);
    if (t && !terminal(t)) {
        set_status(s, t, CANCELLED);
        if (t->call) {
            cancel_set(&t->call->pub.cancel, CANCEL_CLIENT);
            (void)mcp_call_wake(t->call);
        }
    }
    lock_drop(&s->lock);
    return OK;
}
