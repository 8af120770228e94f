#include "mcp/fault.h"

#include <stdarg.h>
#include <stdio.h>

struct fault_row {
    int code, modern, legacy; /* HTTP status by era */
    struct slice words;
};

/* clang-format off */
static const struct fault_row rows[MCP_FAULT_COUNT] = {
    [MCP_FAULT_PARSE] = {-32700, 400, 400, SLICE_INIT("Parse error")},
    [MCP_FAULT_REQUEST] = {-32600, 400, 400, SLICE_INIT("Invalid Request")},
    [MCP_FAULT_METHOD] = {-32601, 404, 200, SLICE_INIT("Method not found")},
    [MCP_FAULT_ENVELOPE] = {-32602, 400, 400, SLICE_INIT("Invalid params")},
    [MCP_FAULT_PARAMS] = {-32602, 200, 200, SLICE_INIT("Invalid params")},
    [MCP_FAULT_INTERNAL] = {-32603, 200, 200, SLICE_INIT("Internal error")},
    [MCP_FAULT_BUSY] = {-32603, 503, 503, SLICE_INIT("Busy: try again")},
    [MCP_FAULT_HEADER] = {-32020, 400, 400, SLICE_INIT("Header mismatch")},
    [MCP_FAULT_VERSION] = {-32022, 400, 400, SLICE_INIT("Unsupported protocol version")},
    [MCP_FAULT_HTTP_VERSION] = {-32000, 400, 400, SLICE_INIT("Unsupported protocol version")},
    [MCP_FAULT_CAPABILITY] = {-32021, 400, 400, SLICE_INIT("Missing required client capability")},
    [MCP_FAULT_URL] = {-32042, 200, 200, SLICE_INIT("URL elicitation required")},
    [MCP_FAULT_RESOURCE] = {-32002, 200, 200, SLICE_INIT("Resource not found")},
    [MCP_FAULT_SESSION] = {-32001, 404, 404, SLICE_INIT("Session not found")},
};

static const struct {
    enum err err;
    enum mcp_fault_kind kind;
} errs[] = {
    {ERR_PARSE, MCP_FAULT_PARSE},
    {ERR_TOO_LARGE, MCP_FAULT_REQUEST},
    {ERR_OVER_CAPACITY, MCP_FAULT_BUSY},
    {ERR_CLOSED, MCP_FAULT_BUSY},
};
/* clang-format on */

int mcp_fault_code(enum mcp_fault_kind k, const struct mcp_revision *r)
{
    if (k == MCP_FAULT_RESOURCE && mcp_revision_is_modern(r))
        k = MCP_FAULT_PARAMS;
    return rows[k].code;
}

int mcp_fault_status(enum mcp_fault_kind k, const struct mcp_revision *r)
{
    return mcp_revision_is_modern(r) ? rows[k].modern : rows[k].legacy;
}

enum mcp_fault_kind mcp_fault_of(enum err e)
{
    for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
        if (errs[i].err == e) return errs[i].kind;
    }
    return MCP_FAULT_INTERNAL;
}

struct mcp_fault mcp_fault(enum mcp_fault_kind k, struct slice message)
{
    return (struct mcp_fault){.kind = k,
                              .message = message.n ? message : rows[k].words};
}

struct mcp_fault mcp_faultf(enum mcp_fault_kind k, struct arena *a,
                            const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof(text)) len = sizeof(text) - 1;
    return mcp_fault(k, arena_copy(a, (struct slice){text, len}));
}
