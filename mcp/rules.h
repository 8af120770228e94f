/*
 * rules: which revision a message is served in, or why it is refused. Pure
 * functions of the message, the HTTP headers and what the server offers:
 * no state, no output. The HTTP ladder is in http_rules.c, stdio's in
 * rules.c; both end in the same question to the method table.
 *
 * Everything a ruling points to lies in the message or the arena.
 */
#ifndef MCP_RULES_H
#define MCP_RULES_H

#include "mcp/fault.h"
#include "mcp/method.h"

/* params._meta, read once. */
struct mcp_claim {
    bool present;          /* it names a protocol version: the modern era */
    struct slice version;  /* when it is a text */
    const char *malformed; /* what is wrong with _meta, or NULL */
};
void mcp_claim_read(const struct json *params, struct mcp_claim *ret);

enum mcp_rule {
    MCP_RULE_SERVE,  /* a request or a known notification: method is set */
    MCP_RULE_ACCEPT, /* nothing to do and nothing to say: 202 */
    MCP_RULE_BATCH,  /* each element is served by mcp_rules_element */
    MCP_RULE_REFUSE  /* fault is set; a notification stays unanswered on
                        stdio */
};

struct mcp_ruling {
    enum mcp_rule rule;
    const struct mcp_revision *revision; /* also of a refusal's words */
    const struct mcp_method *method;
    struct mcp_fault fault;
};

/* Values as sent, without surrounding white space; absent {NULL, 0}. */
struct mcp_http_headers {
    struct slice version; /* MCP-Protocol-Version */
    struct slice method;  /* Mcp-Method */
    struct slice name;    /* Mcp-Name */
    struct slice session; /* Mcp-Session-Id */
    /* What that session agreed on, or NULL: there is no such session. */
    const struct mcp_revision *agreed;
};

/* `legacy`: what `initialize` chose on this stream, or NULL. */
void mcp_rules_stdio(const struct mcp_message *m,
                     const struct mcp_revision *legacy, unsigned offers,
                     struct arena *a, struct mcp_ruling *ret);
void mcp_rules_http(const struct mcp_message *m,
                    const struct mcp_http_headers *h, unsigned offers,
                    struct arena *a, struct mcp_ruling *ret);
/* An element of a batch that was ruled MCP_RULE_BATCH. */
void mcp_rules_element(const struct mcp_message *m,
                       const struct mcp_revision *r, unsigned offers,
                       struct arena *a, struct mcp_ruling *ret);

/* A value of Mcp-Name or Mcp-Param-*: decodes the =?base64?...?= form.
 * ERR_INVALID: bad padding, alphabet or UTF-8; ERR_NOMEM. arena */
MUST_USE enum err mcp_header_decode(struct slice value, struct arena *a,
                                    struct slice *ret);

/* --- shared by the two ladders ------------------------------------------- */
void mcp_rules_refuse(struct mcp_ruling *ret, const struct mcp_revision *r,
                      struct mcp_fault f);
/* The last steps: the method table's word. */
void mcp_rules_settle(const struct mcp_message *m, const struct mcp_revision *r,
                      unsigned offers, struct arena *a, struct mcp_ruling *ret);
/* -32022 with what is served. */
struct mcp_fault mcp_rules_unserved(struct slice version, struct arena *a);
/* All rows of an array that takes_batches(r) may receive. */
void mcp_rules_batch(const struct mcp_message *m, const struct mcp_revision *r,
                     struct mcp_ruling *ret);

#endif
