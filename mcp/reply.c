#include "mcp/reply.h"

/* How long a client may keep lists that change only with the program. */
enum { CACHE_MS = 300000 };

static bool has(const struct mcp_revision *r, enum mcp_feature f)
{
    return (r->features & f) != 0;
}

static struct slice tail_of(const struct mcp_server *s,
                            const struct mcp_revision *r)
{
    return buf_slice(&s->tail[r->rev]);
}

/* --- results ------------------------------------------------------------- */

static void open_result(struct buf *b, const struct json *id)
{
    if (!id) return;
    buf_put(b, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_put(b, mcp_id_raw(id));
    buf_put(b, SLICE(",\"result\":"));
}

void mcp_reply_ready(struct buf *b, const struct json *id, struct slice result)
{
    open_result(b, id);
    buf_put(b, result);
    buf_putc(b, '}');
}

/* A tail begins with a comma; an empty object has none to offer. */
void mcp_reply_empty(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, const struct json *id)
{
    open_result(b, id);
    if (has(r, MCP_HAS_RESULT_TYPE)) {
        buf_put(b, SLICE("{\"resultType\":\"complete\""));
        buf_put(b, tail_of(s, r));
        buf_putc(b, '}');
    } else {
        buf_put(b, SLICE("{}}"));
    }
}

void mcp_reply_tool(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, const struct json *id,
                    const struct twin *t, unsigned flags)
{
    buf_reserve(b, t->plain.n + t->escaped.n + 512);
    open_result(b, id);
    buf_putc(b, '{');
    if (has(r, MCP_HAS_RESULT_TYPE))
        buf_put(b, SLICE("\"resultType\":\"complete\","));
    buf_put(b, SLICE("\"content\":[{\"type\":\"text\",\"text\":\""));
    buf_put(b, buf_slice(&t->escaped));
    buf_put(b, SLICE("\"}]"));
    if (has(r, MCP_HAS_STRUCTURED)) {
        buf_put(b, SLICE(",\"structuredContent\":"));
        buf_put(b, buf_slice(&t->plain));
    }
    if (flags & MCP_TOOL_ERROR) buf_put(b, SLICE(",\"isError\":true"));
    buf_put(b, flags & MCP_TOOL_REPLAYED ? buf_slice(&s->replay_tail[r->rev])
                                         : tail_of(s, r));
    if (id) buf_putc(b, '}');
}

void mcp_reply_tool_blocks(struct buf *b, const struct mcp_server *s,
                           const struct mcp_revision *r, const struct json *id,
                           const struct twin *t, struct slice blocks,
                           bool is_error)
{
    struct json_writer w = mcp_reply_open(b, r, id, "complete");
    json_key(&w, SLICE("content"));
    json_begin_array(&w);
    if (blocks.n) json_raw(&w, blocks);
    json_end_array(&w);
    if (t->plain.n && has(r, MCP_HAS_STRUCTURED))
        json_put_raw(&w, "structuredContent", buf_slice(&t->plain));
    if (is_error) json_put_bool(&w, "isError", true);
    mcp_reply_close(b, s, r, id);
}

struct json_writer mcp_reply_open(struct buf *b, const struct mcp_revision *r,
                                  const struct json *id, const char *type)
{
    open_result(b, id);
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    if (has(r, MCP_HAS_RESULT_TYPE))
        json_put_string(&w, "resultType", slice_of(type));
    return w;
}

/* The tail begins with a comma where it says anything, and an empty object
 * says nothing before it: only revisions with a resultType have such a tail. */
void mcp_reply_close(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, const struct json *id)
{
    buf_put(b, tail_of(s, r));
    if (id) buf_putc(b, '}');
}

void mcp_reply_input_required(struct buf *b, const struct mcp_server *s,
                              const struct mcp_revision *r,
                              const struct json *id, struct slice requests,
                              struct slice state)
{
    struct json_writer w = mcp_reply_open(b, r, id, "input_required");
    json_put_raw(&w, "inputRequests", requests);
    json_put_string(&w, "requestState", state);
    mcp_reply_close(b, s, r, id);
}

void mcp_reply_listen_end(struct buf *b, const struct json *id)
{
    open_result(b, id);
    buf_put(b, SLICE("{\"resultType\":\"complete\",\"_meta\":{"
                     "\"io.modelcontextprotocol/subscriptionId\":"));
    buf_put(b, mcp_id_raw(id));
    buf_put(b, SLICE("}}}"));
}

/* --- errors -------------------------------------------------------------- */

void mcp_reply_fault(struct json_writer *w, const struct mcp_revision *r,
                     const struct mcp_fault *f)
{
    json_begin_object(w);
    json_put_int(w, "code", mcp_fault_code(f->kind, r));
    json_put_string(w, "message", f->message);
    if (f->data.n) json_put_raw(w, "data", f->data);
    json_end_object(w);
}

void mcp_reply_error(struct buf *b, const struct mcp_revision *r,
                     enum mcp_transport kind, const struct json *id,
                     const struct mcp_fault *f)
{
    bool null_id = !id && kind == MCP_STDIO && has(r, MCP_HAS_NULL_ID);
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "jsonrpc", SLICE("2.0"));
    if (id) json_put_raw(&w, "id", id->raw);
    if (null_id) json_put_raw(&w, "id", SLICE("null"));
    json_key(&w, SLICE("error"));
    mcp_reply_fault(&w, r, f);
    json_end_object(&w);
}

void mcp_error_body(struct buf *b, int code, struct slice message)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "jsonrpc", SLICE("2.0"));
    json_key(&w, SLICE("error"));
    json_begin_object(&w);
    json_put_int(&w, "code", code);
    json_put_string(&w, "message", message);
    json_end_object(&w);
    json_end_object(&w);
}

/* --- rendered once ------------------------------------------------------- */

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    if (text && *text) json_put_string(w, key, slice_of(text));
}

static void implementation(struct json_writer *w,
                           const struct mcp_server_config *c,
                           const struct mcp_revision *r)
{
    json_begin_object(w);
    put_text(w, "name", c->name);
    if (has(r, MCP_HAS_TITLE)) put_text(w, "title", c->title);
    put_text(w, "version", c->version);
    if (has(r, MCP_HAS_DETAILS)) put_text(w, "websiteUrl", c->website_url);
    json_end_object(w);
}

void mcp_reply_tail(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, bool replayed)
{
    struct json_writer w = json_writer(b);
    bool server = has(r, MCP_HAS_RESULT_META);
    if (server || replayed) {
        buf_puts(b, ",\"_meta\":"); /* of an object that others began */
        json_begin_object(&w);
        if (server) {
            json_key(&w, SLICE("io.modelcontextprotocol/serverInfo"));
            implementation(&w, &s->config, r);
        }
        if (replayed) json_put_bool(&w, "replayed", true);
        json_end_object(&w);
    }
    buf_putc(b, '}');
}

static void cache_hints(struct json_writer *w, const struct mcp_revision *r)
{
    if (!has(r, MCP_HAS_CACHE_HINTS)) return;
    json_put_int(w, "ttlMs", CACHE_MS);
    json_put_string(w, "cacheScope", SLICE("public"));
}

/* A setting is told where the server has the offer named beside it. */
static const struct {
    unsigned offer; /* enum mcp_offer */
    const char *name;
    unsigned feature; /* enum mcp_feature; 0: every revision */
    struct {
        unsigned offer;
        const char *name;
    } settings[2];
} capabilities[] = {
    {MCP_OFFERS_TOOLS, "tools", 0, {{MCP_OFFERS_CHANGES, "listChanged"}}},
    {MCP_OFFERS_RESOURCES,
     "resources",
     0,
     {{MCP_OFFERS_UPDATES, "subscribe"}, {MCP_OFFERS_CHANGES, "listChanged"}}},
    {MCP_OFFERS_PROMPTS, "prompts", 0, {{MCP_OFFERS_CHANGES, "listChanged"}}},
    {MCP_OFFERS_COMPLETION, "completions", MCP_HAS_AUDIO, {{0}}},
    {MCP_OFFERS_LOGS, "logging", 0, {{0}}},
};

static void put_settings(struct json_writer *w, unsigned offers, size_t row)
{
    json_begin_object(w);
    for (size_t k = 0; k < 2 && capabilities[row].settings[k].name; k++) {
        if (offers & capabilities[row].settings[k].offer)
            json_put_bool(w, capabilities[row].settings[k].name, true);
    }
    json_end_object(w);
}

static void put_capabilities(struct json_writer *w, unsigned offers,
                             const struct mcp_revision *r)
{
    json_key(w, SLICE("capabilities"));
    json_begin_object(w);
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]);
         i++) {
        unsigned f = capabilities[i].feature;
        if (!(offers & capabilities[i].offer) ||
            (f && !has(r, (enum mcp_feature)f)))
            continue;
        json_key(w, slice_of(capabilities[i].name));
        put_settings(w, offers, i);
    }
    if ((offers & MCP_OFFERS_TASKS) && has(r, MCP_HAS_CLAIM))
        json_put_raw(w, "extensions",
                     SLICE("{\"io.modelcontextprotocol/tasks\":{}}"));
    json_end_object(w);
}

/* Both begin an object whose brace the tail closes. */
static struct json_writer open_ready(struct buf *b,
                                     const struct mcp_revision *r)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    if (has(r, MCP_HAS_RESULT_TYPE))
        json_put_string(&w, "resultType", SLICE("complete"));
    return w;
}

void mcp_reply_hello(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r, unsigned offers)
{
    struct json_writer w = open_ready(b, r);
    if (has(r, MCP_HAS_CLAIM))
        json_put_raw(&w, "supportedVersions", mcp_revision_list());
    else
        json_put_string(&w, "protocolVersion", r->version);
    put_capabilities(&w, offers, r);
    if (!has(r, MCP_HAS_RESULT_META)) {
        json_key(&w, SLICE("serverInfo"));
        implementation(&w, &s->config, r);
    }
    put_text(&w, "instructions", s->config.instructions);
    cache_hints(&w, r);
    buf_put(b, tail_of(s, r));
}

static void annotations(struct json_writer *w, const struct mcp_tool *t,
                        const struct mcp_revision *r)
{
    if (!has(r, MCP_HAS_ANNOTATIONS)) return;
    json_key(w, SLICE("annotations"));
    json_begin_object(w);
    if (!has(r, MCP_HAS_TITLE)) put_text(w, "title", t->title);
    json_put_bool(w, "readOnlyHint", (t->hints & MCP_READ_ONLY) != 0);
    json_put_bool(w, "destructiveHint", (t->hints & MCP_DESTRUCTIVE) != 0);
    json_put_bool(w, "idempotentHint", (t->hints & MCP_IDEMPOTENT) != 0);
    json_put_bool(w, "openWorldHint", (t->hints & MCP_OPEN_WORLD) != 0);
    json_end_object(w);
}

static void tool(struct json_writer *w, const struct mcp_tool *t,
                 const struct mcp_revision *r)
{
    json_begin_object(w);
    put_text(w, "name", t->name);
    if (has(r, MCP_HAS_TITLE)) put_text(w, "title", t->title);
    put_text(w, "description", t->description);
    json_key(w, SLICE("inputSchema"));
    if (t->input_schema)
        json_raw(w, slice_of(t->input_schema));
    else
        mcp_fields_schema(t->args, w);
    if (has(r, MCP_HAS_STRUCTURED) && t->output_schema)
        json_put_raw(w, "outputSchema", slice_of(t->output_schema));
    annotations(w, t, r);
    json_end_object(w);
}

void mcp_reply_tools(struct buf *b, const struct mcp_server *s,
                     const struct mcp_revision *r)
{
    struct json_writer w = open_ready(b, r);
    json_key(&w, SLICE("tools"));
    json_begin_array(&w);
    for (size_t i = 0; i < s->tools_count; i++) tool(&w, s->tools[i].row, r);
    json_end_array(&w);
    cache_hints(&w, r);
    buf_put(b, tail_of(s, r));
}
