#include "cli/authority.h"

#ifdef PHASEGATE_JWT
#include "base/log.h"
#include "transport/jwt/jwt.h"
#endif

bool cli_authority_asked(const struct cli_settings *set)
{
    return set->auth_issuers.count > 0;
}

#ifdef PHASEGATE_JWT

static enum err wrong(struct cli_options *o, const char *key,
                      struct slice value, const char *why, const char *fix)
{
    return problem_setf(&o->problem, o->arena, ERR_INVALID, slice_of(why),
                        slice_of(fix), "%s: %.*s", key, SLICE_ARG(value));
}

/* What goes into a header and a document as it is: visible ASCII, no quotes. */
static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return s.n > 0;
}

/* RFC 8414, RFC 9728: https, without query and fragment; this machine may do
 * without TLS. */
static bool is_url(struct slice s)
{
    static const struct slice starts[] = {SLICE_INIT("https://"),
                                          SLICE_INIT("http://127.0.0.1"),
                                          SLICE_INIT("http://[::1]"),
                                          SLICE_INIT("http://localhost")};
    bool fine = false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        fine = fine || (slice_starts(s, starts[i]) && s.n > starts[i].n);
    return fine && is_plain(s) && slice_find_byte(s, '?') == s.n &&
           slice_find_byte(s, '#') == s.n;
}

/* "https://issuer=FILE": the file has no '=' that counts. */
static enum err read_issuers(struct cli_options *o,
                             struct tp_jwt_issuer **ret_rows,
                             struct slice **ret_names)
{
    const struct cli_list *list = &o->set.auth_issuers;
    struct tp_jwt_issuer *rows =
        ARENA_ARRAY(o->arena, struct tp_jwt_issuer, list->count);
    struct slice *names = ARENA_ARRAY(o->arena, struct slice, list->count);
    if (!rows || !names) return ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        size_t at = slice_find_byte(list->items[i], '=');
        rows[i].issuer = names[i] = slice_sub(list->items[i], 0, at);
        rows[i].file = slice_sub(list->items[i], at + 1, list->items[i].n);
        if (!is_url(rows[i].issuer) || !rows[i].file.n)
            return wrong(o, "auth.issuers", list->items[i],
                         "It is the issuer's url (https) and the file of its "
                         "keys.",
                         "Write it as https://issuer.example=/path/jwks.json");
    }
    *ret_rows = rows;
    *ret_names = names;
    return OK;
}

static enum err read_resource(struct cli_options *o, struct slice url,
                              bool loopback, struct slice *ret)
{
    *ret = o->set.auth_resource.n ? o->set.auth_resource : url;
    if (!is_url(*ret) || (!o->set.auth_resource.n && !loopback))
        return wrong(o, "auth.resource", *ret,
                     "It is the url by which clients know this server "
                     "(https), as the issuer writes it into `aud`.",
                     "Set auth.resource, for example "
                     "https://phasegate.example.com/mcp");
    for (size_t i = 0; i < o->set.auth_scopes.count; i++)
        if (!is_plain(o->set.auth_scopes.items[i]))
            return wrong(o, "auth.scopes", o->set.auth_scopes.items[i],
                         "A scope is one word of visible ASCII.",
                         "Name one scope; repeat the option for more.");
    return OK;
}

enum err cli_authority_open(struct cli_options *o, struct slice url,
                            bool loopback, struct cli_authority *ret)
{
    const struct cli_settings *set = &o->set;
    struct tp_jwt_issuer *rows = NULL;
    struct slice *names = NULL, resource;
    if (!cli_authority_asked(set)) return OK;
    enum err e = read_issuers(o, &rows, &names);
    if (!e) e = read_resource(o, url, loopback, &resource);
    if (e) return e;
    struct tp_jwt_config c = {
        .issuers = rows,
        .issuers_count = set->auth_issuers.count,
        .audience = set->auth_audience.n ? set->auth_audience : resource,
        .scopes = set->auth_scopes.items,
        .scopes_count = set->auth_scopes.count,
        .leeway_s = set->auth_leeway_s};
    e = tp_jwt_new(&c, o->arena, &o->problem, &ret->jwt);
    if (e) return e;
    ret->http = (struct tp_authority){.judge = tp_jwt_judge,
                                      .ctx = ret->jwt,
                                      .resource = resource,
                                      .issuers = names,
                                      .issuers_count = set->auth_issuers.count,
                                      .scopes = set->auth_scopes.items,
                                      .scopes_count = set->auth_scopes.count};
    log_info("serve", "access tokens are accepted",
             LOG_S("resource", resource), LOG_I("issuers", c.issuers_count));
    return OK;
}

void cli_authority_refresh(struct cli_authority *a)
{
    tp_jwt_refresh(a->jwt);
}

void cli_authority_close(struct cli_authority *a)
{
    tp_jwt_free(a->jwt);
    *a = (struct cli_authority){0};
}

#else

enum err cli_authority_open(struct cli_options *o, struct slice url,
                            bool loopback, struct cli_authority *ret)
{
    (void)url;
    (void)loopback;
    (void)ret;
    if (!cli_authority_asked(&o->set)) return OK;
    return problem_set(&o->problem, ERR_UNAVAILABLE, SLICE("auth.issuers"),
                       SLICE("This program was built without access tokens."),
                       SLICE("Build it with cmake -DPHASEGATE_JWT=ON, or "
                             "leave auth.issuers out."));
}

void cli_authority_refresh(struct cli_authority *a)
{
    (void)a;
}

void cli_authority_close(struct cli_authority *a)
{
    (void)a;
}

#endif
