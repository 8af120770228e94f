/* The ladder of an HTTP request whose method, Origin, Host, token, size and
 * Content-Type the transport has already accepted. The rows stand in the
 * order they are asked; the first that speaks decides. */
#include "mcp/rules.h"

/* --- =?base64?...?= ------------------------------------------------------ */

static int base64_digit(char ch)
{
    if (ch >= 'A' && ch <= 'Z') return ch - 'A';
    if (ch >= 'a' && ch <= 'z') return ch - 'a' + 26;
    if (ch >= '0' && ch <= '9') return ch - '0' + 52;
    if (ch == '+') return 62;
    return ch == '/' ? 63 : -1;
}

/* Standard alphabet, padded, no stray bits: one text has one spelling. */
static enum err base64_decode(struct slice in, struct arena *a,
                              struct slice *ret)
{
    size_t pad = 0;
    if (in.n % 4) return ERR_INVALID;
    while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=') pad++;
    char *out = arena_alloc(a, in.n / 4 * 3 + 1);
    if (!out) return ERR_NOMEM;
    size_t n = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < in.n - pad; i++) {
        int d = base64_digit(in.p[i]);
        if (d < 0) return ERR_INVALID;
        bits = (bits << 6 | (uint32_t)d) & 0xffff;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out[n++] = (char)(bits >> held & 0xff);
    }
    if (bits & ((1u << held) - 1)) return ERR_INVALID;
    *ret = (struct slice){out, n};
    return OK;
}

enum err mcp_header_decode(struct slice value, struct arena *a,
                           struct slice *ret)
{
    const struct slice head = SLICE("=?base64?"), tail = SLICE("?=");
    *ret = value;
    if (value.n < head.n + tail.n || !slice_starts(value, head) ||
        !slice_ends(value, tail))
        return OK;
    enum err e = base64_decode(
        slice_sub(value, head.n, value.n - head.n - tail.n), a, ret);
    if (!e && slice_utf8_valid(*ret) != ret->n) e = ERR_INVALID;
    return e;
}

/* --- the rows ------------------------------------------------------------ */

struct ladder {
    const struct mcp_message *m;
    const struct mcp_http_headers *h;
    const struct mcp_revision *header; /* the header's revision, or NULL */
    unsigned offers;
    struct arena *a;
    struct mcp_claim claim;
    struct mcp_ruling *ret;
};

static void refuse(struct ladder *l, const struct mcp_revision *r,
                   enum mcp_fault_kind k, const char *why)
{
    mcp_rules_refuse(l->ret, r, mcp_fault(k, slice_of(why)));
}

static bool header_is_modern(const struct ladder *l)
{
    return l->header && mcp_revision_is_modern(l->header);
}

/* The era in whose words a message that names none is refused. */
static const struct mcp_revision *era(const struct ladder *l)
{
    return header_is_modern(l) ? mcp_revision_modern() : mcp_revision_legacy();
}

/* Mcp-Name repeats a parameter; without the parameter the method itself will
 * refuse the call. True: all is well. */
static bool name_agrees(struct ladder *l, const char *param)
{
    const struct json *v = json_get(l->m->params, slice_of(param));
    struct slice name;
    if (!l->h->name.p) return !json_is(v, JSON_STRING);
    if (mcp_header_decode(l->h->name, l->a, &name)) return false;
    return json_is(v, JSON_STRING) && slice_eq(name, v->text);
}

static void modern_method(struct ladder *l)
{
    const struct mcp_revision *r = mcp_revision_modern();
    const struct mcp_method *method =
        mcp_method_find(l->m->method, l->m->kind, r, l->offers);
    if (method && method->named && !name_agrees(l, method->named))
        mcp_rules_refuse(l->ret, r,
                         mcp_faultf(MCP_FAULT_HEADER, l->a,
                                    "Mcp-Name is missing, malformed or differs "
                                    "from params.%s",
                                    method->named));
    else
        mcp_rules_settle(l->m, r, l->offers, l->a, l->ret);
}

/* Notifications may leave Mcp-Method out; what is sent must agree. */
static bool method_agrees(const struct ladder *l)
{
    if (!l->h->method.p) return l->m->kind == MCP_NOTIFICATION;
    return slice_eq(l->h->method, l->m->method);
}

static void modern(struct ladder *l)
{
    const struct mcp_revision *r = mcp_revision_modern();
    if (l->claim.malformed)
        refuse(l, r, MCP_FAULT_ENVELOPE, l->claim.malformed);
    else if (!slice_eq(l->h->version, l->claim.version))
        refuse(l, r, MCP_FAULT_HEADER,
               "MCP-Protocol-Version is missing or differs from params._meta");
    else if (!method_agrees(l))
        refuse(l, r, MCP_FAULT_HEADER,
               "Mcp-Method is missing or differs from method");
    else if (mcp_revision_find(l->claim.version) != r)
        mcp_rules_refuse(l->ret, r, mcp_rules_unserved(l->claim.version, l->a));
    else
        modern_method(l);
}

/* `initialize` starts afresh: a stale session id and a version header of any
 * legacy kind are not looked at. */
static void initialize(struct ladder *l)
{
    if (header_is_modern(l))
        refuse(l, mcp_revision_legacy(), MCP_FAULT_HEADER,
               "initialize with MCP-Protocol-Version 2026-07-28: that revision "
               "has no initialize");
    else
        mcp_rules_settle(l->m, mcp_revision_legacy(), l->offers, l->a, l->ret);
}

/* The revision of a legacy message; NULL when it was refused. */
static const struct mcp_revision *legacy_revision(struct ladder *l)
{
    const struct mcp_revision *r = mcp_revision_legacy();
    if (l->h->session.p && !l->h->agreed) {
        refuse(l, r, MCP_FAULT_SESSION,
               "Session not found: send initialize without Mcp-Session-Id");
        return NULL;
    }
    if (!l->h->version.p && l->h->agreed) return l->h->agreed;
    if (!l->h->version.p) return mcp_revision_unstated();
    if (l->header) return l->header;
    mcp_rules_refuse(
        l->ret, r,
        mcp_faultf(MCP_FAULT_HTTP_VERSION, l->a,
                   "Bad Request: unsupported MCP-Protocol-Version %.*s; "
                   "served: %.*s",
                   SLICE_ARG(slice_sub(l->h->version, 0, 64)),
                   SLICE_ARG(mcp_revision_list())));
    return NULL;
}

static void legacy(struct ladder *l)
{
    const struct mcp_revision *r = legacy_revision(l);
    if (!r) return;
    if (l->m->kind == MCP_BATCH)
        mcp_rules_batch(l->m, r, l->ret);
    else
        mcp_rules_element(l->m, r, l->offers, l->a, l->ret);
}

/* A message that makes no claim, under a modern header. */
static void unclaimed(struct ladder *l)
{
    const struct mcp_revision *r = mcp_revision_modern();
    if (l->m->kind == MCP_NOTIFICATION)
        mcp_rules_settle(l->m, r, l->offers, l->a, l->ret);
    else
        refuse(l, r, MCP_FAULT_ENVELOPE,
               "params._meta must have \"io.modelcontextprotocol/"
               "protocolVersion\" and \"io.modelcontextprotocol/"
               "clientCapabilities\"");
}

void mcp_rules_http(const struct mcp_message *m,
                    const struct mcp_http_headers *h, unsigned offers,
                    struct arena *a, struct mcp_ruling *ret)
{
    struct ladder l = {.m = m, .h = h, .offers = offers, .a = a, .ret = ret};
    l.header = h->version.p ? mcp_revision_find(h->version) : NULL;
    mcp_claim_read(m->params, &l.claim);
    if (m->kind == MCP_BATCH && header_is_modern(&l))
        refuse(&l, era(&l), MCP_FAULT_REQUEST,
               "2026-07-28 has no batches: send one message");
    else if (m->kind == MCP_BATCH && !m->body->count)
        refuse(&l, era(&l), MCP_FAULT_REQUEST,
               "a batch holds at least one message");
    else if (m->kind == MCP_INVALID)
        refuse(&l, era(&l), MCP_FAULT_REQUEST, m->why);
    else if (m->kind == MCP_RESPONSE)
        *ret =
            (struct mcp_ruling){.rule = MCP_RULE_ACCEPT, .revision = era(&l)};
    else if (l.claim.present)
        modern(&l);
    else if (m->kind == MCP_REQUEST && slice_eq(m->method, SLICE("initialize")))
        initialize(&l);
    else if (header_is_modern(&l))
        unclaimed(&l);
    else
        legacy(&l);
}
