/* admit: the permits as the gate of the MCP server. A call that its
 * loop could not answer takes a permit before it goes to a worker. A write that
 * its loop has put into a session's order takes none here: one of a session
 * runs at a time, and reads that hold permits may wait behind it, so it must
 * never wait for them. It takes one of its class in its turn (engine/op.h),
 * and a gate's commands take theirs (engine/runs.h). */
#include "base/clock.h"
#include "engine/moment.h"
#include "mcp/call.h"
#include "mcp/tools/tools.h"

struct ticket {
    struct permit permit; /* first: the permits give it back */
    struct mcp_call *call;
};

static struct slice session_of(const struct mcp_tool *tool, const void *args)
{
    for (const struct mcp_field *f = tool->args; f && f->name; f++)
        if (f->type == MCP_FIELD_STRING &&
            slice_eq(slice_of(f->name), SLICE("session_id")))
            return *(const struct slice *)((const char *)args + f->offset);
    return (struct slice){0};
}

enum permit_level tools_class(const struct mcp_tool *tool)
{
    if (tool->group) return (enum permit_level)tool->group;
    return tool->hints & MCP_READ_ONLY ? PERMIT_READ : PERMIT_WRITE;
}

static void done(struct permit *p, enum err e)
{
    struct mcp_call *call = ((struct ticket *)p)->call;
    if (e == ERR_OVER_CAPACITY) permit_problem(p, &call->arena, &call->problem);
    mcp_call_admitted(call, e);
}

static enum err enter(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool, const void *args,
                      void **ret_ticket)
{
    struct tools_app *app = ctx;
    *ret_ticket = NULL;
    if (!app->permits) return OK;
    struct ticket *t = ARENA_NEW(&call->arena, struct ticket);
    if (!t) return ERR_NOMEM;
    *ret_ticket = t;
    t->call = call;
    t->permit = (struct permit){.session = session_of(tool, args),
                                .class = tools_class(tool),
                                .deadline = call->cancel.deadline_ns,
                                .patient = call->patient,
                                .done = done};
    enum err e = permit_take(app->permits, &t->permit, clock_now());
    if (e == ERR_OVER_CAPACITY)
        permit_problem(&t->permit, &call->arena, &call->problem);
    return e;
}

static bool withdraw(void *ticket)
{
    return permit_withdraw(&((struct ticket *)ticket)->permit);
}

static void leave(void *ticket)
{
    struct permit *p = ticket ? &((struct ticket *)ticket)->permit : NULL;
    permit_release(&p);
}

/* All peers of a process serve one project, and whoever may call a tool may
 * see what it says: so a read is shared by all who ask the same of the same
 * session, or of the project. */
static bool share(void *ctx, struct mcp_call *call, const struct mcp_tool *tool,
                  const struct json *arguments, struct mcp_sharing *ret)
{
    const struct tools_app *app = ctx;
    if (!app->sharing.most || !app->engine || !(tool->hints & MCP_READ_ONLY))
        return false;
    for (size_t i = 0; i < app->sharing.except_count; i++)
        if (slice_eq_nocase(app->sharing.except[i], slice_of(tool->name)))
            return false;
    ret->refuses = app->sharing.refuses;
    ret->most = app->sharing.most;
    return eng_moment(app->engine, slice_of(tool->name), arguments,
                      &call->arena, ret->key);
}

static enum err allow(void *ctx, struct mcp_call *call,
                      const struct mcp_tool *tool)
{
    struct tools_app *app = ctx;
    return app->inbound
               ? tools_inbound_take(app->inbound, call, tools_class(tool))
               : OK;
}

const struct mcp_gate tools_gate = {allow, enter, withdraw, leave, share};
