/* envelope: whatever a line holds, its exchange ends once, with silence or
 * with one line of JSON that answers the id that was sent. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "mcp/call.h"
#include "mcp/jsonrpc.h"
#include "mcp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

struct fuzz_exchange {
    struct mcp_exchange ex; /* first */
    int ended;
    struct buf body;
};

static struct slice fuzz_header(struct mcp_exchange *ex, const char *name)
{
    (void)ex, (void)name;
    return (struct slice){0};
}

static void fuzz_reply(struct mcp_exchange *ex, int status,
                       const struct mcp_header *headers, size_t count,
                       struct slice body)
{
    struct fuzz_exchange *fx = (struct fuzz_exchange *)ex;
    (void)headers, (void)count;
    NEED(status >= 200 && status < 600);
    fx->ended++;
    buf_put(&fx->body, body);
}

static bool fuzz_event(struct mcp_exchange *ex, struct slice id,
                       struct slice message)
{
    (void)ex, (void)id, (void)message;
    return false;
}

static bool fuzz_open(struct mcp_exchange *ex, struct slice id,
                      int64_t retry_ms)
{
    (void)ex, (void)id, (void)retry_ms;
    return true;
}

static void fuzz_end(struct mcp_exchange *ex, struct slice id,
                     struct slice message)
{
    (void)id;
    fuzz_reply(ex, 200, NULL, 0, message);
}

static void fuzz_drop(struct mcp_exchange *ex)
{
    ((struct fuzz_exchange *)ex)->ended++;
}

static void fuzz_post(struct mcp_mailbox *box, struct mcp_mail *m)
{
    (void)box, (void)m;
    abort(); /* nothing leaves the loop here */
}

static struct mcp_mailbox fuzz_mailbox = {fuzz_post};

static const struct mcp_exchange_ops fuzz_ops = {.name = "fuzz",
                                                 .header = fuzz_header,
                                                 .reply = fuzz_reply,
                                                 .open = fuzz_open,
                                                 .event = fuzz_event,
                                                 .end = fuzz_end,
                                                 .drop = fuzz_drop};

struct fuzz_args {
    struct slice text;
};

static const struct mcp_field rows[] = {
    {"text", MCP_FIELD_STRING, offsetof(struct fuzz_args, text)}, {0}};

static enum err fuzz_say(struct mcp_call *call, const void *args)
{
    const struct fuzz_args *a = args;
    struct json_writer w = json_writer(&call->out.plain);
    json_begin_object(&w);
    json_put_string(&w, "said", a->text);
    json_end_object(&w);
    return OK;
}

static const struct mcp_tool fuzz_tools[] = {
    {.name = "say",
     .args_size = sizeof(struct fuzz_args),
     .args = rows,
     .call = fuzz_say},
    {0}};

/* The answer is JSON and, to a single request, has the request's own id. */
static void check_answer(struct slice in, struct slice out)
{
    struct arena a;
    const struct json *v, *sent;
    struct json_error je;
    struct mcp_message m;
    arena_init(&a, 256 << 20);
    NEED(slice_find_byte(out, '\n') == out.n);
    NEED(json_parse(out, NULL, &a, &v, &je) == OK);
    if (json_parse(in, NULL, &a, &sent, &je) == OK) {
        mcp_message_read(sent, &m);
        NEED(m.kind != MCP_NOTIFICATION && m.kind != MCP_RESPONSE);
        if (m.kind == MCP_REQUEST)
            NEED(slice_eq(json_get(v, SLICE("id"))->raw, m.id->raw));
    } else {
        int64_t code;
        NEED(json_int64(json_at(v, "error", "code", NULL), &code));
        NEED(code == -32700 || code == -32600);
    }
    arena_done(&a);
}

static void say(struct mcp_peer *peer, struct slice in)
{
    struct fuzz_exchange fx = {.ex = {.ops = &fuzz_ops, .mailbox = &fuzz_mailbox},
                               .body = BUF_INIT(256 << 20)};
    mcp_receive(peer, &fx.ex, in);
    NEED(fx.ended == 1 && !fx.body.err);
    if (fx.body.n) check_answer(in, buf_slice(&fx.body));
    buf_done(&fx.body);
}

/* Lines of one stream: what a line did to the era is there for the next. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mcp_tool *const tables[] = {fuzz_tools, NULL};
    static struct mcp_server *server;
    struct mcp_server_config conf = {
        .name = "fuzz", .version = "1", .tools = tables};
    struct slice rest = {(const char *)data, size}, line;
    if (!server) NEED(mcp_server_new(&conf, &server) == OK);
    struct mcp_peer *peer = mcp_peer_new(server, MCP_STDIO, "stdio");
    NEED(peer);
    while (slice_split(&rest, '\n', &line)) say(peer, line);
    mcp_peer_free(peer);
    return 0;
}
