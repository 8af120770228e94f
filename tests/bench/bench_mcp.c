/*
 * What the protocol costs above parsing: a tools/call answered on the loop
 * from a ready fragment, as the cached get_phase is; the minimum of several
 * rounds in nanoseconds per message; `parse` is the same message read and
 * nothing else.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_mcp.c
 */
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "mcp/call.h"
#include "tests/bench/duel.h"

#define ROUNDS 7
#define ROUND_NS 15000000

static const char message[] =
    "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":\"tools/call\",\"params\":{"
    "\"name\":\"get\",\"arguments\":{\"session_id\":"
    "\"7d2c1f0e-93ab-4c58-9d3f-0a5be2c47c11\",\"phase\":1},\"_meta\":{"
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"bench\",\"version\":"
    "\"1.0.0\"},\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":"
    "{},\"elicitation\":{}},\"progressToken\":4711}}}";

struct get_args {
    struct slice session_id;
    int64_t phase;
};

static const struct mcp_field get_rows[] = {
    {"session_id", MCP_FIELD_STRING, offsetof(struct get_args, session_id),
     .required = true},
    {"phase", MCP_FIELD_INTEGER, offsetof(struct get_args, phase)},
    {0}};

static struct twin_fragment fragment;

static enum err get(struct mcp_call *call, const void *args)
{
    const struct get_args *a = args;
    struct json_writer w = json_writer(&call->out.plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", a->session_id);
    json_key(&w, SLICE("phase"));
    twin_splice(&call->out, &w, fragment);
    json_end_object(&w);
    return OK;
}

static const struct mcp_tool tools[] = {{.name = "get",
                                         .args_size = sizeof(struct get_args),
                                         .args = get_rows,
                                         .call = get},
                                        {0}};
static const struct mcp_tool *const tables[] = {tools, NULL};

/* --- an exchange that forgets --------------------------------------------- */

static size_t answered;

static const struct mcp_header headers[] = {
    {"mcp-protocol-version", SLICE_INIT("2026-07-28")},
    {"mcp-method", SLICE_INIT("tools/call")},
    {"mcp-name", SLICE_INIT("get")}};

static struct slice bench_header(struct mcp_exchange *ex, const char *name)
{
    (void)ex;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (!strcmp(headers[i].name, name)) return headers[i].value;
    }
    return (struct slice){0};
}

static void bench_reply(struct mcp_exchange *ex, int status,
                        const struct mcp_header *h, size_t count,
                        struct slice body)
{
    (void)ex, (void)status, (void)h, (void)count;
    answered += body.n;
}

static const struct mcp_exchange_ops ops = {
    .name = "bench", .header = bench_header, .reply = bench_reply};

/* --- the clock ------------------------------------------------------------ */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void parse_once(struct mcp_peer *peer)
{
    static struct arena a = {.ceiling = 1 << 20};
    const struct json *v;
    struct json_error je;
    (void)peer;
    CHECK_OK(json_parse(slice_of(message), NULL, &a, &v, &je));
    arena_reset(&a);
}

static void call_once(struct mcp_peer *peer)
{
    struct mcp_exchange ex = {.ops = &ops};
    mcp_receive(peer, &ex, slice_of(message));
}

static double measure(struct mcp_peer *peer, void (*once)(struct mcp_peer *))
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns(), took, n = 0;
        do {
            for (int i = 0; i < 100; i++) once(peer);
            n += 100;
            took = now_ns() - start;
        } while (took < ROUND_NS);
        double each = (double)took / (double)n;
        if (!round || each < best) best = each;
    }
    return best;
}

static void make_fragment(struct buf *plain, struct buf *escaped, size_t size)
{
    struct json_writer w = json_writer(plain);
    json_begin_object(&w);
    json_key(&w, SLICE("content"));
    struct buf text = BUF_INIT(1 << 20);
    while (text.n < size) buf_puts(&text, "- do \"this\" and then that\n");
    json_string(&w, buf_slice(&text));
    json_end_object(&w);
    buf_done(&text);
    json_escape(escaped, buf_slice(plain));
    fragment = (struct twin_fragment){buf_slice(plain), buf_slice(escaped)};
}

static void row(struct mcp_server *s, const char *name, enum mcp_transport kind,
                void (*once)(struct mcp_peer *))
{
    struct mcp_peer *peer = mcp_peer_new(s, kind, name);
    once(peer);
    char text[64];
    snprintf(text, sizeof(text), "a call by mcp/: %s, fragment of %zu bytes",
             name, fragment.plain.n);
    figure_tell(text, "ns", measure(peer, once), BAR_NONE, 0);
    mcp_peer_free(peer);
}

TEST(bench_mcp, answers_from_a_ready_fragment, .timeout_s = 60)
{
    if (test_sanitized()) test_skip("an instrumented build is not measured");
    struct mcp_server_config conf = {
        .name = "bench", .version = "1", .tools = tables};
    struct mcp_server *s;
    CHECK_OK(mcp_server_new(&conf, &s));
    static const size_t sizes[] = {600, 4000};
    for (size_t i = 0; i < 2; i++) {
        struct buf plain = BUF_INIT(1 << 20), escaped = BUF_INIT(1 << 20);
        make_fragment(&plain, &escaped, sizes[i]);
        row(s, "parse", MCP_STDIO, parse_once);
        row(s, "stdio", MCP_STDIO, call_once);
        row(s, "http", MCP_HTTP, call_once);
        buf_done(&plain);
        buf_done(&escaped);
    }
    CHECK_INT_GT(answered, 0);
    mcp_server_free(s);
}
