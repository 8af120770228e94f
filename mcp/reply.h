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
 * content. Flags: it tells an error; `_meta` says "replayed". */
enum { MCP_TOOL_ERROR = 1, MCP_TOOL_REPLAYED = 2 };
void mcp_reply_tool(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, const struct json *id,
                    const struct twin *t, unsigned flags);
/* The same, of content blocks; `t` empty: no structured content. */
void mcp_reply_tool_blocks(struct buf *b, const struct mcp_server *s,
                           const struct mcp_revision *r, const struct json *id,
                           const struct twin *t, struct slice blocks,
                           bool is_error);
/* An open result object with its resultType; close it with the tail. Without
 * an id the object stands alone. */
struct json_writer mcp_reply_open(struct buf *b, const struct mcp_revision *r,
                                  const struct json *id, const char *type);
void mcp_reply_close(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, const struct json *id);
void mcp_reply_input_required(struct buf *b, const struct mcp_server *s,
                              const struct mcp_revision *r,
                              const struct json *id, struct slice requests,
                              struct slice state);
void mcp_reply_listen_end(struct buf *b, const struct json *id);
/* {"code","message","data"} */
void mcp_reply_fault(struct json_writer *w, const struct mcp_revision *r,
                     const struct mcp_fault *f);

/* --- lists and blocks ----------------------------------------------------- */
struct mcp_list_kind {
    const char *key; /* "resources" */
    const char *uri; /* key of the item's uri; NULL: it has none */
};
extern const struct mcp_list_kind mcp_list_resources, mcp_list_templates,
    mcp_list_prompts;
void mcp_reply_item(struct json_writer *w, const struct mcp_revision *r,
                    const struct mcp_list_kind *kind,
                    const struct mcp_item *item,
                    const struct mcp_prompt_arg *args);
void mcp_reply_list(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, const struct json *id,
                    const struct mcp_list_kind *kind, struct slice array,
                    struct slice next_cursor);
void mcp_reply_content(struct buf *b, const struct mcp_revision *r,
                       const struct mcp_content *c);
void mcp_reply_contents(struct buf *b, const struct mcp_content *c);
enum mcp_blocks { MCP_BLOCKS_MESSAGES, MCP_BLOCKS_CONTENTS };
void mcp_reply_blocks(struct buf *b, const struct mcp_server *s,
                      const struct mcp_revision *r, const struct json *id,
                      enum mcp_blocks what, struct slice description,
                      struct slice blocks);
void mcp_reply_completion(struct buf *b, const struct mcp_server *s,
                          const struct mcp_revision *r, const struct json *id,
                          struct slice values, size_t total);

/* `kind` decides how an id that could not be read is told. */
void mcp_reply_error(struct buf *b, const struct mcp_revision *r,
                     enum mcp_transport kind, const struct json *id,
                     const struct mcp_fault *f);

/* --- rendered once per server and revision -------------------------------- */
void mcp_reply_tail(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, bool replayed);
/* Modern: the server/discover result; legacy: the initialize result. `offers`:
 * what is told of the server's. */
void mcp_reply_hello(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, unsigned offers);
void mcp_reply_tools(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r);

#endif
