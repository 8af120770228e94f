/*
 * http_fields: the header fields of a request that somebody here asks for,
 * found in one pass over what evhttp has read instead of one for each
 * question. The values are evhttp's, as long as its request.
 *
 * Thread: any.
 */
#ifndef TRANSPORT_HTTP_FIELDS_H
#define TRANSPORT_HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum tp_field {
    TP_HOST,
    TP_ORIGIN,
    TP_CONTENT_LENGTH,
    TP_CONTENT_TYPE,
    TP_CONTENT_ENCODING,
    TP_TRANSFER_ENCODING,
    TP_AUTHORIZATION,
    TP_SEC_FETCH_SITE,
    TP_IF_NONE_MATCH,
    TP_MCP_PROTOCOL_VERSION,
    TP_MCP_METHOD,
    TP_MCP_NAME,
    TP_MCP_SESSION_ID,
    TP_LAST_EVENT_ID,
    TP_FIELD_COUNT /* any other name */
};

struct tp_fields {
    const char *value[TP_FIELD_COUNT]; /* of the first; NULL: absent */
    uint32_t twice;                    /* a bit for each that stands again */
};

struct evkeyvalq;
void tp_fields_read(struct evkeyvalq *headers, struct tp_fields *ret);
/* Whatever its case. */
enum tp_field tp_field_of(struct slice name);

static inline struct slice tp_field_value(const struct tp_fields *f,
                                          enum tp_field which)
{
    return slice_of(f->value[which]);
}

static inline bool tp_field_twice(const struct tp_fields *f,
                                  enum tp_field which)
{
    return f->twice >> which & 1;
}

#endif
