/* tools/list and tools/call. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/random.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"
#include "mcp/rules.h"

/* --- tools/list ---------------------------------------------------------- */

/* All tools are on one page, so that no cursor was ever given out. */
enum err mcp_tools_list_begin(struct mcp_call_state *c)
{
    size_t from;
    return mcp_page_begin(c, &from);
}

void mcp_tools_list_render(struct mcp_call_state *c, enum err e)
{
    (void)e;
    mcp_reply_ready(&c->reply, c->m.id,
                    buf_slice(&c->peer->server->tools_list[c->revision->rev]));
}

/* --- tools/call: finding and checking ------------------------------------ */

static const struct mcp_tool *find_tool(const struct mcp_server *s,
                                        struct slice name)
{
    for (size_t i = 0; i < s->tools_count; i++) {
        if (slice_eq(s->tools[i].name, name)) return s->tools[i].row;
    }
    return NULL;
}

static enum err call_fault(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

enum err mcp_tools_parse(const struct mcp_tool *t, const struct json *args,
                         struct arena *a, void *ret_args, struct problem *p)
{
    static const struct mcp_field none[] = {{0}};
    return mcp_fields_parse(t->args ? t->args : none, args, a, ret_args,
                            t->args_size, p);
}

static enum err parse_args(struct mcp_call_state *c, const struct json *args)
{
    const struct mcp_tool *t = c->tool;
    if (t->input_schema) {
        c->raw_args = args;
        return OK;
    }
    size_t size = t->args_size ? t->args_size : 1;
    c->args = arena_zalloc(&c->pub.arena, size);
    if (!c->args) return ERR_NOMEM;
    return mcp_tools_parse(t, args, &c->pub.arena, c->args, &c->pub.problem);
}

static enum err too_large(struct mcp_call_state *c, const struct json *args)
{
    return problem_setf(&c->pub.problem, &c->pub.arena, ERR_TOO_LARGE,
                        arena_printf(&c->pub.arena,
                                     "Arguments are at most %zu bytes of JSON.",
                                     c->pub.server->config.arguments_max),
                        SLICE("Put the bulk into a file of the project and "
                              "name the file."),
                        "arguments of %zu bytes", args->raw.n);
}

/* --- tools/call: Mcp-Param-* -----------------------------------------------
 */

static bool header_agrees(struct mcp_call_state *c, struct slice sent,
                          const struct json *v)
{
    struct slice text;
    int64_t n;
    if (!v || json_is(v, JSON_NULL)) return !sent.p;
    if (!sent.p || mcp_header_decode(sent, &c->pub.arena, &text)) return false;
    if (json_is(v, JSON_STRING)) return slice_eq(text, v->text);
    if (json_is_bool(v)) return slice_eq(text, v->raw);
    return json_integral(v, &n) && json_number_equal(text, v->raw);
}

/* Over HTTP a modern request repeats some arguments in headers. */
static enum err check_headers(struct mcp_call_state *c, const struct json *args)
{
    const struct mcp_field *f = c->tool->args;
    char name[80];
    if (c->peer->kind != MCP_HTTP || !mcp_revision_is_modern(c->revision))
        return OK;
    for (; f && f->name; f++) {
        if (!f->header) continue;
        (void)snprintf(name, sizeof(name), "mcp-param-%s", f->header);
        struct slice sent = c->ex->ops->header(c->ex, name);
        if (sent.p) sent = slice_trim(sent);
        if (!header_agrees(c, sent, json_get(args, slice_of(f->name))))
            return mcp_call_fault(
                c, mcp_faultf(MCP_FAULT_HEADER, &c->pub.arena,
                              "Mcp-Param-%s is missing, malformed or differs "
                              "from arguments.%s",
                              f->header, f->name));
    }
    return OK;
}

static enum err call_read(struct mcp_call_state *c,
                          const struct json **ret_args)
{
    const struct json *name = json_get(c->m.params, SLICE("name"));
    const struct json *args = json_get(c->m.params, SLICE("arguments"));
    if (!json_is(name, JSON_STRING))
        return call_fault(c, "params.name must be a string: the tool to call");
    if (json_duplicate_key(c->m.params))
        return call_fault(c, "a key of params stands twice");
    if (json_is(args, JSON_NULL)) args = NULL;
    if (args && !json_is(args, JSON_OBJECT))
        return call_fault(c, "params.arguments must be an object");
    c->tool = find_tool(c->peer->server, name->text);
    if (!c->tool)
        return mcp_call_fault(
            c, mcp_faultf(MCP_FAULT_PARAMS, &c->pub.arena,
                          "Unknown tool: %.*s; tools/list names them",
                          SLICE_ARG(slice_sub(name->text, 0, 128))));
    *ret_args = args;
    return OK;
}

enum err mcp_tools_call_begin(struct mcp_call_state *c)
{
    const struct json *args = NULL;
    enum err e = OK;
    if (c->known)
        mcp_again_tool(c, &args);
    else
        e = call_read(c, &args);
    if (e) return e;
    if (atomic_load_explicit(&c->peer->server->stopping, memory_order_relaxed))
        return ERR_CLOSED;
    if (args && args->raw.n > c->pub.server->config.arguments_max)
        return too_large(c, args);
    if (c->tool->task == MCP_TASK_ALWAYS && !(c->can & MCP_CAN_TASKS))
        return mcp_client_lacks(c, MCP_CAN_TASKS);
    c->where = c->tool->run;
    e = check_headers(c, args);
    if (!e) e = mcp_asks_begin(c);
    if (!e && !c->known) e = parse_args(c, args);
    if (!e) mcp_limits_tool(c);
    const struct mcp_gate *gate = c->peer->server->config.gate;
    if (!e && gate && gate->allow)
        e = gate->allow(c->peer->server->config.gate_ctx, &c->pub, c->tool);
    if (!e && !c->known) mcp_again_keep(c);
    return e;
}

enum err mcp_tools_call_run(struct mcp_call_state *c)
{
    const void *args = c->tool->input_schema ? c->raw_args : c->args;
    return c->tool->call(&c->pub, args);
}

/* --- tools/call: telling an error ---------------------------------------- */

/* What to say when whoever failed said nothing. */
static const struct plain_row {
    enum err err;
    struct slice why, how_to_fix;
    int64_t retry_after_ms;
} plain_rows[] = {
    {ERR_CANCELLED, SLICE_INIT("The call was cancelled before it ended."),
     SLICE_INIT("Call again; with the same idempotency_key nothing is done "
                "twice."),
     -1},
    {ERR_DEADLINE, SLICE_INIT("The call took longer than it may."),
     SLICE_INIT("Call again; with the same idempotency_key nothing is done "
                "twice."),
     1000},
    {ERR_OVER_CAPACITY, SLICE_INIT("The queue of waiting calls is full."),
     SLICE_INIT("Wait retry_after_ms, then send the same call again."), 250},
    {ERR_CLOSED, SLICE_INIT("The server is stopping."),
     SLICE_INIT("Connect again, then send the same call again."), 1000},
    {ERR_TOO_LARGE, SLICE_INIT("The answer is larger than a reply may be."),
     SLICE_INIT("Ask for less: a limit, a cursor, or one part at a time."), -1},
};

/* Nothing real hides behind "internal": the reference is also in the log. */
static void tell_internal(struct mcp_call_state *c, enum err e)
{
    struct problem *p = &c->pub.problem;
    struct slice ref =
        arena_printf(&c->pub.arena, "%08" PRIx32, (uint32_t)random_u64());
    log_error("mcp", "internal error", LOG_C("tool", c->tool->name),
              LOG_S("detail", err_detail(e)), LOG_S("what", p->what),
              LOG_S("ref", ref));
    if (!p->what.n) p->what = slice_of(c->tool->name);
    if (!p->why.n)
        p->why = e == ERR_NOMEM
                     ? SLICE("This call needs more memory than can be had.")
                     : SLICE("Something failed that should not.");
    if (!p->how_to_fix.n || e == ERR_INTERNAL)
        p->how_to_fix = arena_printf(
            &c->pub.arena,
            "Call again; if it happens again, report reference %.*s, which is "
            "also in the server's log.",
            SLICE_ARG(ref));
    if (!p->how_to_fix.p) p->how_to_fix = SLICE("Call again.");
}

static void complete_problem(struct mcp_call_state *c, enum err e)
{
    struct problem *p = &c->pub.problem;
    p->err = e;
    if (slice_eq(err_code(e), SLICE("internal"))) tell_internal(c, e);
    if (p->what.n) return;
    p->what = slice_of(c->tool->name);
    for (size_t i = 0; i < sizeof(plain_rows) / sizeof(plain_rows[0]); i++) {
        const struct plain_row *row = &plain_rows[i];
        if (row->err != e) continue;
        p->why = row->why;
        p->how_to_fix = row->how_to_fix;
        p->retry_after_ms = row->retry_after_ms;
        return;
    }
    p->why = err_detail(e);
    p->how_to_fix = SLICE("Read get_server_info, then call again.");
}

static void tell(const struct mcp_call_state *c, const struct problem *p,
                 struct buf *out)
{
    if (c->tool->tell)
        c->tool->tell(c->args, p, out);
    else
        problem_write(p, out);
}

static enum err finish_problem(struct mcp_call_state *c, enum err e)
{
    twin_clear(&c->pub.out);
    complete_problem(c, e);
    tell(c, &c->pub.problem, &c->pub.out.plain);
    return twin_finish(&c->pub.out);
}

void mcp_tools_call_late(struct buf *out, const struct mcp_call_state *c,
                         const struct problem *p)
{
    struct twin t;
    twin_init(&t, out->ceiling);
    tell(c, p, &t.plain);
    enum err e = twin_finish(&t);
    if (e)
        out->err = e;
    else
        mcp_reply_tool(out, c->pub.server, c->revision, c->m.id, &t,
                       MCP_TOOL_ERROR);
    twin_done(&t);
}

void mcp_tools_call_render(struct mcp_call_state *c, enum err e)
{
    enum err e2;
    mcp_face_end(c);
    if (!e) e = twin_finish(&c->pub.out);
    if (!e && c->blocks.err) e = c->blocks.err;
    if (!e && (c->blocks.n || !c->pub.out.plain.n)) {
        mcp_reply_tool_blocks(&c->reply, c->peer->server, c->revision, c->m.id,
                              &c->pub.out, buf_slice(&c->blocks),
                              c->pub.is_error);
        return;
    }
    if (e && (e2 = finish_problem(c, e)) != OK) {
        c->reply.err = e2;
        return;
    }
    unsigned flags = e || c->pub.is_error ? MCP_TOOL_ERROR
                     : c->pub.replayed    ? MCP_TOOL_REPLAYED
                                          : 0;
    mcp_reply_tool(&c->reply, c->peer->server, c->revision, c->m.id,
                   &c->pub.out, flags);
}
