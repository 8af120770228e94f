/*
 * fault: a request refused by the protocol: a JSON-RPC error, not a tool's
 * business error. One row per kind: the code, and the HTTP status each era
 * wants for it.
 *
 * The messages are slices of the call's arena or literals; `data` is ready
 * JSON. Thread: the owner of the arena.
 */
#ifndef MCP_FAULT_H
#define MCP_FAULT_H

#include "base/arena.h"
#include "mcp/revision.h"

enum mcp_fault_kind {
    MCP_FAULT_NONE,
    MCP_FAULT_PARSE,    /* not JSON */
    MCP_FAULT_REQUEST,  /* JSON, but no message */
    MCP_FAULT_METHOD,   /* unknown, or not in this revision */
    MCP_FAULT_ENVELOPE, /* params._meta of the modern era */
    MCP_FAULT_PARAMS,   /* found by the method itself: 200 in-band */
    MCP_FAULT_INTERNAL,
    MCP_FAULT_BUSY,         /* the work queue is full */
    MCP_FAULT_HEADER,       /* an HTTP header against the body */
    MCP_FAULT_VERSION,      /* a claimed version that is not served */
    MCP_FAULT_HTTP_VERSION, /* legacy: MCP-Protocol-Version not served */
    MCP_FAULT_SESSION,      /* legacy: unknown Mcp-Session-Id */
    MCP_FAULT_CAPABILITY,   /* modern: the client did not declare it */
    MCP_FAULT_URL,          /* 2025-11-25: open a page first */
    MCP_FAULT_RESOURCE,     /* no such resource; the code is the era's */
    MCP_FAULT_COUNT
};

struct mcp_fault {
    enum mcp_fault_kind kind;
    struct slice message;
    struct slice data; /* JSON; empty: none */
};

int mcp_fault_code(enum mcp_fault_kind k, const struct mcp_revision *r);
int mcp_fault_status(enum mcp_fault_kind k, const struct mcp_revision *r);
/* Where an error of the program meets the protocol outside a tool. */
enum mcp_fault_kind mcp_fault_of(enum err e);

struct mcp_fault mcp_fault(enum mcp_fault_kind k, struct slice message);
/* Out of memory leaves the kind's own words as the message. */
struct mcp_fault mcp_faultf(enum mcp_fault_kind k, struct arena *a,
                            const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
