/*
 * method: one row per JSON-RPC method: which revisions have it, what the
 * server must offer for it, and who answers.
 *
 * A request passes through begin() on the loop (reads params, may choose
 * where run() runs), run() there, and render(), which writes the answer into
 * the call's reply on whichever thread ran. A notification has begin() only.
 * begin() or run() fails with a fault set (mcp_call_fault) for a JSON-RPC
 * error, or without one for an error render() tells in a result.
 */
#ifndef MCP_METHOD_H
#define MCP_METHOD_H

#include "mcp/jsonrpc.h"
#include "mcp/revision.h"
#include "mcp/server.h"

struct mcp_call_state;

/* What a server offers, from its configuration; a method whose needs are not
 * offered does not exist. */
enum mcp_offer {
    MCP_OFFERS_TOOLS = 1 << 0,
    MCP_OFFERS_RESOURCES = 1 << 1,
    MCP_OFFERS_PROMPTS = 1 << 2,
    MCP_OFFERS_COMPLETION = 1 << 3,
    MCP_OFFERS_LOGS = 1 << 4,
    MCP_OFFERS_CHANGES = 1 << 5, /* list_changed */
    MCP_OFFERS_UPDATES = 1 << 6, /* resources/updated */
    MCP_OFFERS_NOTICES = MCP_OFFERS_CHANGES | MCP_OFFERS_UPDATES,
    MCP_OFFERS_TASKS = 1 << 7,
    MCP_OFFERS_STREAM = 1 << 8 /* any of what subscriptions/listen tells */
};

struct mcp_method {
    struct slice name;
    enum mcp_kind kind; /* MCP_REQUEST or MCP_NOTIFICATION */
    unsigned revisions; /* MCP_REV_BIT mask */
    unsigned needs;     /* enum mcp_offer */
    const char *named;  /* the param that the Mcp-Name header repeats */
    enum err (*begin)(struct mcp_call_state *c); /* Thread: loop; NULL: none */
    enum err (*run)(struct mcp_call_state *c);   /* NULL: none */
    void (*render)(struct mcp_call_state *c, enum err e);
};

/* NULL: no such method in this revision, of this kind, on this server. */
const struct mcp_method *mcp_method_find(struct slice name, enum mcp_kind kind,
                                         const struct mcp_revision *r,
                                         unsigned offers);
/* The rows in turn, NULL after the last. */
const struct mcp_method *mcp_method_row(size_t i);

#endif
