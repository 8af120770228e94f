#include "transport/authority.h"

#include "base/json_write.h"

static const struct slice well_known =
    SLICE_INIT("/.well-known/oauth-protected-resource");

/* --- the header ------------------------------------------------------------- */

/* The letters of RFC 6750's b64token. */
static bool is_token_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("-._~+/=", c));
}

enum tp_verdict tp_bearer_token(struct slice authorization, struct slice *ret)
{
    *ret = (struct slice){0};
    size_t end = slice_find_byte(authorization, ' ');
    if (!authorization.n ||
        !slice_eq_nocase(slice_sub(authorization, 0, end), SLICE("Bearer")))
        return TP_TOKEN_ABSENT;
    struct slice token =
        slice_trim(slice_sub(authorization, end, authorization.n));
    for (size_t i = 0; i < token.n; i++)
        if (!is_token_byte(token.p[i])) return TP_TOKEN_MALFORMED;
    if (!token.n) return TP_TOKEN_MALFORMED;
    *ret = token;
    return TP_TOKEN_FINE;
}

/* --- what is said about it ---------------------------------------------------- */

static const struct {
    int status;
    const char *error; /* RFC 6750; NULL: none */
} verdicts[] = {
    [TP_TOKEN_FINE] = {200, NULL},
    [TP_TOKEN_ABSENT] = {401, NULL},
    [TP_TOKEN_MALFORMED] = {400, "invalid_request"},
    [TP_TOKEN_INVALID] = {401, "invalid_token"},
    [TP_TOKEN_TOO_LITTLE] = {403, "insufficient_scope"},
};
_Static_assert(sizeof(verdicts) / sizeof(verdicts[0]) == TP_VERDICT_COUNT,
               "a row for each verdict");

int tp_verdict_status(enum tp_verdict v)
{
    return verdicts[v].status;
}

/* Index of the path in "https://host/path", or url.n. */
static size_t path_at(struct slice url)
{
    size_t host = slice_find(url, SLICE("://"));
    host = host < url.n ? host + 3 : 0;
    return host + slice_find_byte(slice_sub(url, host, url.n), '/');
}

static void put_scopes(const struct tp_authority *a, struct buf *out)
{
    if (!a->scopes_count) return;
    buf_puts(out, ", scope=\"");
    for (size_t i = 0; i < a->scopes_count; i++) {
        if (i) buf_putc(out, ' ');
        buf_put(out, a->scopes[i]);
    }
    buf_putc(out, '"');
}

void tp_challenge(const struct tp_authority *a, enum tp_verdict v,
                  const char *why, struct buf *out)
{
    size_t path = path_at(a->resource);
    buf_puts(out, "Bearer ");
    if (verdicts[v].error) {
        buf_printf(out, "error=\"%s\", ", verdicts[v].error);
        if (why) buf_printf(out, "error_description=\"%s\", ", why);
    }
    buf_puts(out, "resource_metadata=\"");
    buf_put(out, slice_sub(a->resource, 0, path));
    buf_put(out, well_known);
    buf_put(out, slice_sub(a->resource, path, a->resource.n));
    buf_putc(out, '"');
    put_scopes(a, out);
}

bool tp_scope_granted(struct slice granted, struct slice needed)
{
    struct slice one;
    while (slice_split(&granted, ' ', &one)) {
        if (!one.n || !slice_starts(needed, one)) continue;
        if (needed.n == one.n || needed.p[one.n] == ':') return true;
    }
    return false;
}

/* --- the document --------------------------------------------------------------- */

static void put_list(struct json_writer *w, const char *key,
                     const struct slice *items, size_t count)
{
    json_key(w, slice_of(key));
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) json_string(w, items[i]);
    json_end_array(w);
}

static enum err page_resource(struct tp_page *page)
{
    static const struct slice methods[] = {SLICE_INIT("header")};
    const struct tp_authority *a = page->app;
    struct json_writer w = json_writer(&page->body);
    json_begin_object(&w);
    json_put_string(&w, "resource", a->resource);
    put_list(&w, "authorization_servers", a->issuers, a->issuers_count);
    if (a->scopes_count)
        put_list(&w, "scopes_supported", a->scopes, a->scopes_count);
    put_list(&w, "bearer_methods_supported", methods, 1);
    json_put_string(&w, "resource_name", SLICE("phasegate"));
    json_end_object(&w);
    page->headers[0].name = "Cache-Control";
    page->headers[0].value = "max-age=300";
    return OK;
}

/* Whatever path a proxy puts before /mcp, it is the last one here. */
const struct tp_route tp_authority_rows[] = {
    {"/.well-known/oauth-protected-resource", TP_GET, page_resource, TP_OPEN,
     TP_ON_LOOP},
    {"/.well-known/oauth-protected-resource/mcp", TP_GET, page_resource,
     TP_OPEN, TP_ON_LOOP},
    {NULL, 0, NULL, TP_OPEN, TP_ON_LOOP}};
