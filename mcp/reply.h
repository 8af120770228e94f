/*
 * reply: the answers' writer. With mcp/revision*.c the only place that tests
 * a feature bit; whoever wants something said differently by revision adds
 * to this vocabulary.
 *
 * All functions append to a buf whose failure is sticky: look once, at the
 * end. Thread: whoever owns the buf.
 */
#ifndef MCP_REPLY_H
#define MCP_REPLY_H

#include "mcp/call_state.h"

/* {"jsonrpc":"2.0","id":<raw>,"result":<ready object>} */
void mcp_reply_ready(struct buf *b, const struct json *id, struct slice result);
/* The empty result of a revision. */
void mcp_reply_empty(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, const struct json *id);
/* A tools/call result: the twin, finished, as text and as structured
 * content. */
void mcp_reply_tool(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, const struct json *id,
                    const struct twin *t, bool is_error);
/* `kind` decides how an id that could not be read is told. */
void mcp_reply_error(struct buf *b, const struct mcp_revision *r,
                     enum mcp_transport kind, const struct json *id,
                     const struct mcp_fault *f);

/* --- rendered once per server and revision -------------------------------- */
void mcp_reply_tail(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r);
/* Modern: the server/discover result; legacy: the initialize result. */
void mcp_reply_hello(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r);
void mcp_reply_tools(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r);

#endif
