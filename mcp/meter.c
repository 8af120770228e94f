#include "mcp/meter.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "mcp/call_state.h"

enum { STRIPES = 4, METHODS_MAX = 31, TOOLS_MAX = 63 };
#define OTHER METHODS_MAX

struct meter {
    struct histogram took;
    _Atomic uint64_t faults, refused;
};

/* The rows behind the last are "other". */
struct mcp_meters {
    struct stripe {
        struct meter methods[METHODS_MAX + 1][MCP_REV_COUNT];
        struct meter tools[TOOLS_MAX + 1];
    } stripes[STRIPES];
    size_t methods;
};

enum err mcp_meters_new(struct mcp_server *s)
{
    s->meters = MEM_NEW(struct mcp_meters);
    if (!s->meters) return ERR_NOMEM;
    while (s->meters->methods < METHODS_MAX &&
           mcp_method_row(s->meters->methods))
        s->meters->methods++;
    return OK;
}

void mcp_meters_free(struct mcp_server *s)
{
    mem_free(s->meters);
}

/* --- counting ------------------------------------------------------------- */

static struct stripe *own_stripe(struct mcp_meters *m)
{
    static _Atomic unsigned next;
    static _Thread_local unsigned mine; /* its number + 1 */
    if (!mine)
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) %
                       STRIPES;
    return &m->stripes[mine - 1];
}

static void add(struct meter *m, int64_t ns, bool fault, bool refused)
{
    histogram_add(&m->took, ns);
    if (fault) atomic_fetch_add_explicit(&m->faults, 1, memory_order_relaxed);
    if (refused)
        atomic_fetch_add_explicit(&m->refused, 1, memory_order_relaxed);
}

static size_t method_index(const struct mcp_method *m)
{
    size_t i = m ? (size_t)(m - mcp_method_row(0)) : OTHER;
    return i < OTHER ? i : OTHER;
}

static size_t tool_index(const struct mcp_server *s, const struct mcp_tool *t)
{
    for (size_t i = 0; i < s->tools_count && i < TOOLS_MAX; i++)
        if (s->tools[i].row == t) return i;
    return TOOLS_MAX;
}

void mcp_meter_call(struct mcp_call_state *c)
{
    const struct mcp_server *s = c->peer->server;
    if (!s->meters || !c->began_ns || c->listening || !c->m.id) return;
    struct stripe *to = own_stripe(s->meters);
    int64_t ns = clock_now() - c->began_ns;
    c->began_ns = 0; /* once */
    bool fault = c->fault.kind != 0;
    bool refused = !fault && c->tool && (c->result || c->pub.is_error);
    add(&to->methods[method_index(c->method)][c->revision->rev], ns, fault,
        refused);
    if (c->tool) add(&to->tools[tool_index(s, c->tool)], ns, fault, refused);
}

/* --- reading -------------------------------------------------------------- */

size_t mcp_meter_rows(const struct mcp_server *s)
{
    return (s->meters->methods + 1) * MCP_REV_COUNT + s->tools_count;
}

static const struct meter *meter_at(const struct stripe *from, size_t method,
                                    int revision, size_t tool)
{
    return tool <= TOOLS_MAX ? &from->tools[tool]
                             : &from->methods[method][revision];
}

void mcp_meter_read(const struct mcp_server *s, size_t row,
                    struct mcp_meter_row *ret)
{
    const struct mcp_meters *m = s->meters;
    size_t methods = (m->methods + 1) * MCP_REV_COUNT;
    size_t method = row / MCP_REV_COUNT, tool = SIZE_MAX;
    int revision = (int)(row % MCP_REV_COUNT);
    *ret = (struct mcp_meter_row){0};
    if (row >= methods) {
        tool = row - methods;
        ret->tool = s->tools[tool].name;
        if (tool > TOOLS_MAX) return;
    } else {
        bool other = method == m->methods;
        ret->method = other ? SLICE("other") : mcp_method_row(method)->name;
        ret->revision = mcp_revisions[revision].version;
        if (other) method = OTHER;
    }
    for (int i = 0; i < STRIPES; i++) {
        const struct meter *at =
            meter_at(&m->stripes[i], method, revision, tool);
        histogram_read(&at->took, &ret->took);
        ret->faults += atomic_load_explicit(&at->faults, memory_order_relaxed);
        ret->refused +=
            atomic_load_explicit(&at->refused, memory_order_relaxed);
    }
}
