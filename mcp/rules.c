#include "mcp/rules.h"

#include "base/json_write.h"

/* --- params._meta -------------------------------------------------------- */

static const char *const log_levels[] = {"debug",   "info",     "notice",
                                         "warning", "error",    "critical",
                                         "alert",   "emergency"};

static bool is_log_level(const struct json *v)
{
    if (!json_is(v, JSON_STRING)) return false;
    for (size_t i = 0; i < sizeof(log_levels) / sizeof(log_levels[0]); i++) {
        if (slice_eq(v->text, slice_of(log_levels[i]))) return true;
    }
    return false;
}

static bool is_text(const struct json *v)
{
    return json_is(v, JSON_STRING);
}

static bool is_object(const struct json *v)
{
    return json_is(v, JSON_OBJECT);
}

/* The keys of _meta the server reads. Others pass unread. */
static const struct meta_row {
    struct slice key;
    bool required;
    bool (*good)(const struct json *v);
    const char *malformed;
} meta_rows[] = {
    {SLICE_INIT("io.modelcontextprotocol/protocolVersion"), true, is_text,
     "_meta[\"io.modelcontextprotocol/protocolVersion\"] must be a string"},
    {SLICE_INIT("io.modelcontextprotocol/clientCapabilities"), true, is_object,
     "_meta[\"io.modelcontextprotocol/clientCapabilities\"] must be an "
     "object"},
    {SLICE_INIT("io.modelcontextprotocol/clientInfo"), false, is_object,
     "_meta[\"io.modelcontextprotocol/clientInfo\"] must be an object"},
    {SLICE_INIT("io.modelcontextprotocol/logLevel"), false, is_log_level,
     "_meta[\"io.modelcontextprotocol/logLevel\"] must be debug, info, "
     "notice, warning, error, critical, alert or emergency"},
    {SLICE_INIT("progressToken"), false, mcp_id_valid,
     "_meta.progressToken must be a string or an integer"},
};

static const char *meta_fault(const struct json *meta)
{
    if (json_duplicate_key(meta)) return "a key of params._meta stands twice";
    for (size_t i = 0; i < sizeof(meta_rows) / sizeof(meta_rows[0]); i++) {
        const struct meta_row *row = &meta_rows[i];
        const struct json *v = json_get(meta, row->key);
        if (v ? !row->good(v) : row->required) return row->malformed;
    }
    return NULL;
}

void mcp_claim_read(const struct json *params, struct mcp_claim *ret)
{
    const struct json *meta = json_get(params, SLICE("_meta"));
    *ret = (struct mcp_claim){0};
    if (meta && !json_is(meta, JSON_OBJECT)) {
        ret->malformed = "params._meta must be an object";
        return;
    }
    const struct json *version = json_get(meta, meta_rows[0].key);
    if (!version) return;
    ret->present = true;
    ret->version = json_text(version);
    ret->malformed = json_duplicate_key(params) ? "a key of params stands twice"
                                                : meta_fault(meta);
}

/* --- shared steps -------------------------------------------------------- */

void mcp_rules_refuse(struct mcp_ruling *ret, const struct mcp_revision *r,
                      struct mcp_fault f)
{
    *ret =
        (struct mcp_ruling){.rule = MCP_RULE_REFUSE, .revision = r, .fault = f};
}

struct mcp_fault mcp_rules_unserved(struct slice version, struct arena *a)
{
    struct buf b = BUF_INIT(4096);
    struct json_writer w = json_writer(&b);
    struct mcp_fault f = mcp_faultf(
        MCP_FAULT_VERSION, a,
        "Unsupported protocol version: %.*s; a request names 2026-07-28, "
        "older revisions are chosen by initialize",
        SLICE_ARG(slice_sub(version, 0, 64)));
    json_begin_object(&w);
    json_put_raw(&w, "supported", mcp_revision_list());
    json_put_string(&w, "requested", slice_sub(version, 0, 256));
    json_end_object(&w);
    if (!b.err) f.data = arena_copy(a, buf_slice(&b));
    buf_done(&b);
    return f;
}

void mcp_rules_settle(const struct mcp_message *m, const struct mcp_revision *r,
                      unsigned offers, struct arena *a, struct mcp_ruling *ret)
{
    *ret = (struct mcp_ruling){.rule = MCP_RULE_SERVE, .revision = r};
    ret->method = mcp_method_find(m->method, m->kind, r, offers);
    if (ret->method) return;
    if (m->kind == MCP_NOTIFICATION) {
        ret->rule = MCP_RULE_ACCEPT;
        return;
    }
    mcp_rules_refuse(ret, r,
                     mcp_faultf(MCP_FAULT_METHOD, a,
                                "Method not found: %.*s (revision %.*s)",
                                SLICE_ARG(slice_sub(m->method, 0, 128)),
                                SLICE_ARG(r->version)));
}

/* The legacy era looks at _meta only to see that it is one. */
static void settle_legacy(const struct mcp_message *m,
                          const struct mcp_claim *claim,
                          const struct mcp_revision *r, unsigned offers,
                          struct arena *a, struct mcp_ruling *ret)
{
    mcp_rules_settle(m, r, offers, a, ret);
    if (ret->rule == MCP_RULE_SERVE && m->kind == MCP_REQUEST &&
        claim->malformed)
        mcp_rules_refuse(
            ret, r, mcp_fault(MCP_FAULT_PARAMS, slice_of(claim->malformed)));
}

/* --- batches ------------------------------------------------------------- */

enum { BATCH_MAX = 1024 };

static const char *element_fault(const struct json *v)
{
    struct mcp_message m;
    struct mcp_claim claim;
    mcp_message_read(v, &m);
    if (m.kind == MCP_BATCH) return "a batch holds no batches";
    if (m.kind == MCP_INVALID) return m.why;
    if (m.kind == MCP_RESPONSE) return NULL;
    if (slice_eq(m.method, SLICE("initialize")))
        return "initialize stands alone, not in a batch";
    mcp_claim_read(m.params, &claim);
    return claim.present ? "2026-07-28 has no batches" : NULL;
}

void mcp_rules_batch(const struct mcp_message *m, const struct mcp_revision *r,
                     struct mcp_ruling *ret)
{
    const char *why = NULL;
    if (!m->body->count)
        why = "a batch holds at least one message";
    else if (!mcp_revision_takes_batches(r))
        why = "only revision 2025-03-26 has batches: send one message";
    else if (m->body->count > BATCH_MAX)
        why = "a batch holds at most 1024 messages";
    for (uint32_t i = 0; !why && i < m->body->count; i++)
        why = element_fault(&m->body->items[i]);
    if (why)
        mcp_rules_refuse(ret, r, mcp_fault(MCP_FAULT_REQUEST, slice_of(why)));
    else
        *ret = (struct mcp_ruling){.rule = MCP_RULE_BATCH, .revision = r};
}

void mcp_rules_element(const struct mcp_message *m,
                       const struct mcp_revision *r, unsigned offers,
                       struct arena *a, struct mcp_ruling *ret)
{
    struct mcp_claim claim;
    if (m->kind == MCP_RESPONSE) {
        *ret = (struct mcp_ruling){.rule = MCP_RULE_ACCEPT, .revision = r};
        return;
    }
    mcp_claim_read(m->params, &claim);
    settle_legacy(m, &claim, r, offers, a, ret);
}

/* --- stdio --------------------------------------------------------------- */

static void stdio_modern(const struct mcp_message *m,
                         const struct mcp_claim *claim, unsigned offers,
                         struct arena *a, struct mcp_ruling *ret)
{
    const struct mcp_revision *r = mcp_revision_find(claim->version);
    const struct mcp_revision *modern = mcp_revision_modern();
    if (claim->malformed)
        mcp_rules_refuse(
            ret, modern,
            mcp_fault(MCP_FAULT_ENVELOPE, slice_of(claim->malformed)));
    else if (r != modern)
        mcp_rules_refuse(ret, modern, mcp_rules_unserved(claim->version, a));
    else
        mcp_rules_settle(m, r, offers, a, ret);
}

void mcp_rules_stdio(const struct mcp_message *m,
                     const struct mcp_revision *legacy, unsigned offers,
                     struct arena *a, struct mcp_ruling *ret)
{
    const struct mcp_revision *r = legacy ? legacy : mcp_revision_legacy();
    struct mcp_claim claim;
    switch (m->kind) {
    case MCP_BATCH:
        mcp_rules_batch(m, r, ret);
        return;
    case MCP_INVALID:
        mcp_rules_refuse(ret, r,
                         mcp_fault(MCP_FAULT_REQUEST, slice_of(m->why)));
        return;
    case MCP_RESPONSE:
        *ret = (struct mcp_ruling){.rule = MCP_RULE_ACCEPT, .revision = r};
        return;
    case MCP_REQUEST:
    case MCP_NOTIFICATION:
        break;
    }
    mcp_claim_read(m->params, &claim);
    if (claim.present)
        stdio_modern(m, &claim, offers, a, ret);
    else
        settle_legacy(m, &claim, r, offers, a, ret);
}
