#include "transport/http_rules.h"

static bool port_valid(struct slice port)
{
    int64_t n;
    return slice_int64(port, &n) && n >= 0 && n <= 65535 && port.p[0] != '-';
}

/* Cuts the port off; false when what follows the name is not one. */
static bool name_of(struct slice host, struct slice *ret)
{
    size_t end = slice_find_byte(host, ':');
    if (host.n && host.p[0] == '[') {
        size_t close = slice_find_byte(host, ']');
        if (close == host.n) return false;
        end = close + 1;
    }
    *ret = slice_sub(host, 0, end);
    struct slice rest = slice_sub(host, end, host.n);
    if (rest.n == 0) return true;
    return rest.p[0] == ':' && port_valid(slice_sub(rest, 1, rest.n));
}

bool tp_host_allowed(struct slice host, const struct tp_names *more)
{
    static const struct slice own[] = {
        SLICE_INIT("127.0.0.1"), SLICE_INIT("localhost"), SLICE_INIT("[::1]")};
    struct slice name;
    if (!name_of(host, &name)) return false;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (slice_eq_nocase(name, own[i])) return true;
    for (size_t i = 0; more && i < more->count; i++)
        if (slice_eq_nocase(name, more->items[i])) return true;
    return false;
}

/* Cuts "http://" or "https://" off. */
static bool host_of_origin(struct slice origin, struct slice *ret)
{
    static const struct slice schemes[] = {SLICE_INIT("http://"),
                                           SLICE_INIT("https://")};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct slice scheme = slice_sub(origin, 0, schemes[i].n);
        *ret = slice_sub(origin, scheme.n, origin.n);
        if (slice_eq_nocase(scheme, schemes[i])) return true;
    }
    return false;
}

bool tp_origin_allowed(struct slice origin, const struct tp_names *more)
{
    struct slice host;
    return host_of_origin(origin, &host) && tp_host_allowed(host, more);
}

bool tp_origin_is_host(struct slice origin, struct slice host)
{
    struct slice named;
    return host_of_origin(origin, &named) && slice_eq_nocase(named, host);
}

static bool parameter_fine(struct slice p)
{
    p = slice_trim(p);
    if (p.n == 0) return true;
    size_t eq = slice_find_byte(p, '=');
    if (!slice_eq_nocase(slice_sub(p, 0, eq), SLICE("charset"))) return true;
    struct slice value = slice_sub(p, eq + 1, p.n);
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = slice_sub(value, 1, value.n - 2);
    return slice_eq_nocase(value, SLICE("utf-8")) ||
           slice_eq_nocase(value, SLICE("utf8"));
}

bool tp_content_is_json(struct slice content_type)
{
    struct slice rest = content_type, part;
    if (!slice_split(&rest, ';', &part) ||
        !slice_eq_nocase(slice_trim(part), SLICE("application/json")))
        return false;
    while (slice_split(&rest, ';', &part))
        if (!parameter_fine(part)) return false;
    return true;
}

bool tp_bearer_is(struct slice authorization, struct slice token)
{
    struct slice scheme = slice_sub(authorization, 0, 7);
    if (token.n == 0 || !slice_eq_nocase(scheme, SLICE("Bearer ")))
        return false;
    struct slice given =
        slice_trim(slice_sub(authorization, 7, authorization.n));
    unsigned differ = given.n != token.n;
    for (size_t i = 0; i < given.n; i++)
        differ |= (unsigned)(given.p[i] ^ token.p[i % token.n]);
    return differ == 0;
}
