#include "mcp/jsonrpc.h"

static bool all_digits(struct slice s)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0;
    if (i == s.n) return false;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    }
    return true;
}

bool mcp_id_valid(const struct json *id)
{
    int64_t unused;
    if (json_is(id, JSON_STRING)) return true;
    return json_is(id, JSON_NUMBER) &&
           (all_digits(id->raw) || json_integral(id, &unused));
}

/* The members in one pass: a message has few, and a caller may send them in
 * any order. */
struct members {
    const struct json *jsonrpc, *id, *method, *params, *result, *error;
};

static const struct json **member_place(struct members *m, struct slice key)
{
    if (slice_eq(key, SLICE("jsonrpc"))) return &m->jsonrpc;
    if (slice_eq(key, SLICE("id"))) return &m->id;
    if (slice_eq(key, SLICE("method"))) return &m->method;
    if (slice_eq(key, SLICE("params"))) return &m->params;
    if (slice_eq(key, SLICE("result"))) return &m->result;
    if (slice_eq(key, SLICE("error"))) return &m->error;
    return NULL;
}

/* The key that stands twice, or NULL; a doubled id is no id. */
static const char *read_members(const struct json *v, struct members *m)
{
    const char *twice = NULL;
    bool id_twice = false;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct json **place = member_place(m, v->members[i].key);
        if (!place) continue;
        if (*place) {
            twice = "a member of the message stands twice";
            id_twice = id_twice || place == &m->id;
        } else {
            *place = &v->members[i].value;
        }
    }
    if (id_twice) m->id = NULL;
    return twice;
}

static const char *classify(const struct members *m, struct mcp_message *ret)
{
    bool answer = m->result || m->error;
    if (!json_is(m->jsonrpc, JSON_STRING) ||
        !slice_eq(m->jsonrpc->text, SLICE("2.0")))
        return "\"jsonrpc\" must be \"2.0\"";
    if (m->method && answer) return "a message is a request or a response";
    if (!m->method && !answer)
        return "\"method\" is missing, and it is no response";
    if (answer) {
        ret->kind = MCP_RESPONSE;
        return NULL;
    }
    if (!json_is(m->method, JSON_STRING)) return "\"method\" must be a string";
    if (m->id && !ret->id) return "\"id\" must be a string or an integer";
    if (m->params && !json_is(m->params, JSON_OBJECT) &&
        !json_is(m->params, JSON_NULL))
        return "\"params\" must be an object";
    ret->method = m->method->text;
    ret->params = json_is(m->params, JSON_OBJECT) ? m->params : NULL;
    ret->kind = m->id ? MCP_REQUEST : MCP_NOTIFICATION;
    return NULL;
}

void mcp_message_read(const struct json *v, struct mcp_message *ret)
{
    *ret = (struct mcp_message){.kind = MCP_INVALID, .body = v};
    if (json_is(v, JSON_ARRAY)) {
        ret->kind = MCP_BATCH;
        return;
    }
    if (!json_is(v, JSON_OBJECT)) {
        ret->why = "a message is a JSON object";
        return;
    }
    struct members m = {0};
    const char *twice = read_members(v, &m);
    if (mcp_id_valid(m.id)) ret->id = m.id;
    ret->why = twice ? twice : classify(&m, ret);
}
