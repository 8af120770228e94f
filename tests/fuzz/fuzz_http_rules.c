/* http_rules: four lines of headers (version, method, name, session; "-" is
 * absent), then a body. Whatever they hold, the ruling is whole, and a legacy
 * answer never looks modern nor the reverse. */
#include <stdint.h>
#include <stdlib.h>

#include "mcp/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

static struct slice take(struct slice *rest)
{
    struct slice line = {0};
    if (!slice_split(rest, '\n', &line)) return (struct slice){0};
    line = slice_trim(line);
    return slice_eq(line, SLICE("-")) ? (struct slice){0} : line;
}

static void check_served(const struct mcp_message *m,
                         const struct mcp_ruling *r)
{
    NEED(r->method && r->method->kind == m->kind);
    NEED(slice_eq(r->method->name, m->method));
    NEED(r->method->revisions & MCP_REV_BIT(r->revision->rev));
}

static void check_refused(const struct mcp_message *m,
                          const struct mcp_ruling *r)
{
    int code = mcp_fault_code(r->fault.kind, r->revision);
    int status = mcp_fault_status(r->fault.kind, r->revision);
    bool modern = mcp_revision_is_modern(r->revision);
    bool modern_code = code <= -32020 && code >= -32099;
    bool initialize = slice_eq(m->method, SLICE("initialize"));
    NEED(r->fault.message.n > 0);
    NEED(status >= 200 && status < 500);
    NEED(!modern_code || modern || initialize);
    NEED(!modern || (code != -32000 && code != -32001));
}

static void check(const struct mcp_message *m, const struct mcp_ruling *r)
{
    NEED(r->revision);
    switch (r->rule) {
    case MCP_RULE_SERVE:
        check_served(m, r);
        return;
    case MCP_RULE_ACCEPT:
        NEED(m->kind == MCP_NOTIFICATION || m->kind == MCP_RESPONSE);
        return;
    case MCP_RULE_BATCH:
        NEED(m->kind == MCP_BATCH && m->body->count > 0);
        NEED(mcp_revision_takes_batches(r->revision));
        return;
    case MCP_RULE_REFUSE:
        check_refused(m, r);
        return;
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct mcp_http_headers h = {take(&rest), take(&rest), take(&rest),
                                 take(&rest)};
    struct arena a;
    const struct json *v;
    struct json_error je;
    struct mcp_message m;
    struct mcp_ruling r;
    arena_init(&a, 64 << 20);
    if (json_parse(rest, NULL, &a, &v, &je) == OK) {
        mcp_message_read(v, &m);
        mcp_rules_http(&m, &h, MCP_OFFERS_TOOLS, &a, &r);
        check(&m, &r);
    }
    arena_done(&a);
    return 0;
}
