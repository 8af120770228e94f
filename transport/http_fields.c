#include "transport/http_fields.h"

#include <strings.h>
#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

static const struct slice names[TP_FIELD_COUNT] = {
    [TP_HOST] = SLICE_INIT("host"),
    [TP_ORIGIN] = SLICE_INIT("origin"),
    [TP_CONTENT_LENGTH] = SLICE_INIT("content-length"),
    [TP_CONTENT_TYPE] = SLICE_INIT("content-type"),
    [TP_CONTENT_ENCODING] = SLICE_INIT("content-encoding"),
    [TP_TRANSFER_ENCODING] = SLICE_INIT("transfer-encoding"),
    [TP_AUTHORIZATION] = SLICE_INIT("authorization"),
    [TP_SEC_FETCH_SITE] = SLICE_INIT("sec-fetch-site"),
    [TP_IF_NONE_MATCH] = SLICE_INIT("if-none-match"),
    [TP_MCP_PROTOCOL_VERSION] = SLICE_INIT("mcp-protocol-version"),
    [TP_MCP_METHOD] = SLICE_INIT("mcp-method"),
    [TP_MCP_NAME] = SLICE_INIT("mcp-name"),
    [TP_MCP_SESSION_ID] = SLICE_INIT("mcp-session-id"),
    [TP_LAST_EVENT_ID] = SLICE_INIT("last-event-id"),
};

enum tp_field tp_field_of(struct slice name)
{
    for (int i = 0; i < TP_FIELD_COUNT; i++)
        if (names[i].n == name.n &&
            strncasecmp(names[i].p, name.p, name.n) == 0)
            return (enum tp_field)i;
    return TP_FIELD_COUNT;
}

void tp_fields_read(struct evkeyvalq *headers, struct tp_fields *ret)
{
    struct evkeyval *row;
    *ret = (struct tp_fields){0};
    TAILQ_FOREACH(row, headers, next)
    {
        enum tp_field which = tp_field_of(slice_of(row->key));
        if (which == TP_FIELD_COUNT) continue;
        if (ret->value[which])
            ret->twice |= UINT32_C(1) << which;
        else
            ret->value[which] = row->value;
    }
}
