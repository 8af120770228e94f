/*
 * http_rules: what a request must look like before anybody reads its body,
 * as pure functions over header values.
 *
 * A browser page anywhere can send requests to a port on this machine, and a
 * DNS name of its own can point there: so both the Host and the Origin must
 * name us. Ports are not compared: a forwarded port is still us.
 *
 * Thread: any. Nothing here allocates.
 */
#ifndef TRANSPORT_HTTP_RULES_H
#define TRANSPORT_HTTP_RULES_H

#include "base/slice.h"

/* Names accepted in Host and Origin, besides localhost, 127.0.0.1 and [::1]. */
struct tp_names {
    const struct slice *items;
    size_t count;
};

/* "name", "name:port", "[::1]:port"; names compare without case. */
bool tp_host_allowed(struct slice host, const struct tp_names *more);
/* "http://name[:port]" or https; "null" and anything else is not. */
bool tp_origin_allowed(struct slice origin, const struct tp_names *more);
/* Is the origin the very host, port included, that the request names? */
bool tp_origin_is_host(struct slice origin, struct slice host);
/* application/json, with nothing or charset=utf-8 as parameters. */
bool tp_content_is_json(struct slice content_type);
/* "Bearer <token>" for this token, in time that does not depend on where
 * they differ. An empty token allows nothing. */
bool tp_bearer_is(struct slice authorization, struct slice token);

#endif
