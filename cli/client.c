#include "cli/client.h"

#include "base/json_write.h"

void cli__request_write(struct buf *b, int64_t id, const char *tool,
                        struct slice arguments)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "jsonrpc", SLICE("2.0"));
    json_put_int(&w, "id", id);
    json_put_string(&w, "method", SLICE("tools/call"));
    json_key(&w, SLICE("params"));
    json_begin_object(&w);
    json_put_string(&w, "name", slice_of(tool));
    json_put_raw(&w, "arguments", arguments);
    json_put_raw(&w, "_meta",
                 SLICE("{\"io.modelcontextprotocol/protocolVersion\":"
                       "\"2026-07-28\","
                       "\"io.modelcontextprotocol/clientInfo\":{\"name\":"
                       "\"phasegate\",\"version\":\"" PHASEGATE_VERSION "\"},"
                       "\"io.modelcontextprotocol/clientCapabilities\":{}}"));
    json_end_object(&w);
    json_end_object(&w);
}

enum err cli__reply_read(struct slice text, struct arena *a,
                         struct cli_reply *ret)
{
    const struct json *message;
    struct json_error je;
    *ret = (struct cli_reply){.sent = true};
    enum err e = json_parse(text, NULL, a, &message, &je);
    if (e) {
        ret->why = arena_printf(a, "the answer is not JSON: %s at byte %zu",
                                je.what, je.at);
        return e;
    }
    const struct json *error = json_get(message, SLICE("error"));
    if (error) {
        ret->why = json_text(json_get(error, SLICE("message")));
        return ERR_INVALID;
    }
    const struct json *result = json_get(message, SLICE("result"));
    ret->object = json_get(result, SLICE("structuredContent"));
    ret->is_error = json_is(json_get(result, SLICE("isError")), JSON_TRUE);
    if (ret->object) return OK;
    ret->why = SLICE("the answer has no structuredContent");
    return ERR_PARSE;
}
