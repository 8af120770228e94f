/*
 * jsonrpc: what a JSON value is as a JSON-RPC 2.0 message. Shape only: no
 * revision, no method, no header. Thread: any. Nothing here allocates.
 *
 * An id is a string or an integer of any size and spelling; it is echoed by
 * its raw text. null, fractions and everything else are refused. Keys of the
 * envelope that stand twice are refused; unknown ones are ignored. `params`
 * is an object, absent, or null (some clients write absent so).
 */
#ifndef MCP_JSONRPC_H
#define MCP_JSONRPC_H

#include "base/json.h"

enum mcp_kind {
    MCP_INVALID,
    MCP_REQUEST,
    MCP_NOTIFICATION,
    MCP_RESPONSE,
    MCP_BATCH /* an array; `items` of `body` */
};

struct mcp_message {
    enum mcp_kind kind;
    const struct json *body;
    const struct json *id;     /* a good id, or NULL */
    struct slice method;       /* REQUEST, NOTIFICATION */
    const struct json *params; /* an object, or NULL */
    const char *why;           /* INVALID: what is wrong */
};

void mcp_message_read(const struct json *v, struct mcp_message *ret);
/* A string or an integer (1.0 counts, its text is kept). */
bool mcp_id_valid(const struct json *id);
/* The id's own text, or the empty slice. */
static inline struct slice mcp_id_raw(const struct json *id)
{
    return id ? id->raw : (struct slice){0};
}

#endif
