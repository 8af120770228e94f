/*
 * authority: who may call /mcp, when that is not decided by a token of our
 * own: the HTTP side of an OAuth resource server (RFC 6750, RFC 9728). How a
 * token is judged is behind judge(): transport/jwt/ when it is built.
 *
 *   no token             401  Bearer resource_metadata, scope
 *   not one token        400  with error="invalid_request"
 *   not a good one       401  with error="invalid_token"
 *   good for too little  403  with error="insufficient_scope"
 *
 * Clients find the authorization server through the protected-resource
 * document at /.well-known/oauth-protected-resource and below it with the path
 * of the resource. Needs base/ and transport/page.h.
 */
#ifndef TRANSPORT_AUTHORITY_H
#define TRANSPORT_AUTHORITY_H

#include "transport/page.h"

enum tp_verdict {
    TP_TOKEN_FINE,
    TP_TOKEN_ABSENT,
    TP_TOKEN_MALFORMED,
    TP_TOKEN_INVALID,
    TP_TOKEN_TOO_LITTLE,
    TP_VERDICT_COUNT
};

struct tp_authority {
    /* *reterr_why: static text without quotes. Thread: the loop; does not
     * block */
    enum tp_verdict (*judge)(void *ctx, struct slice token,
                             const char **reterr_why);
    void *ctx;
    struct slice resource;       /* our url as clients know it */
    const struct slice *issuers; /* urls of authorization servers */
    size_t issuers_count;
    const struct slice *scopes; /* all needed; may be none */
    size_t scopes_count;
};

/* The one token of an Authorization header; {NULL, 0} with TP_TOKEN_ABSENT (no
 * header, or another scheme) or TP_TOKEN_MALFORMED. TP_TOKEN_FINE: judge it. */
enum tp_verdict tp_bearer_token(struct slice authorization, struct slice *ret);
/* The value of WWW-Authenticate. */
void tp_challenge(const struct tp_authority *a, enum tp_verdict v,
                  const char *why, struct buf *out);
int tp_verdict_status(enum tp_verdict v);

/* Do the scopes granted (a list with blanks) contain the one needed? A scope
 * contains those below it: "mcp" contains "mcp:read". */
bool tp_scope_granted(struct slice granted, struct slice needed);

/* The document's paths; the app is a struct tp_authority. */
extern const struct tp_route tp_authority_rows[];

#endif
