#include "transport/jwt/jwt.h"

#include <math.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "transport/jwt/keys.h"

enum { TOKEN_MAX = 16 << 10, FILE_MAX = 1 << 20, ARENA_MAX = 1 << 20 };

/* Which version of a file was read. */
struct stamp {
    struct timespec changed;
    off_t size;
    ino_t inode;
};

struct issuer {
    struct slice name, file;
    struct stamp stamp;    /* Thread: keeper */
    struct jwt_keys *keys; /* Lock: lock */
};

struct tp_jwt {
    struct tp_jwt_config c;
    struct lock lock;
    size_t count;
    struct issuer issuers[];
};

/* A token, taken apart. */
struct token {
    struct arena *arena;
    struct slice text, signature; /* signed, and by what */
    const struct json *header, *claims;
    const struct jwt_algorithm *alg;
    const char *why;
};

static bool no(struct token *t, const char *why)
{
    t->why = why;
    return false;
}

/* --- taking it apart ------------------------------------------------------------ */

static const struct json *part_read(struct token *t, struct slice part)
{
    static const struct json_limits limits = {TOKEN_MAX, 16, 2000};
    struct json_error why;
    const struct json *v;
    struct slice text = jwt_base64url(part, t->arena);
    if (!text.p || json_parse(text, &limits, t->arena, &v, &why)) return NULL;
    return json_is(v, JSON_OBJECT) && !json_duplicate_key_deep(v) ? v : NULL;
}

static bool take_apart(struct token *t, struct slice token)
{
    struct slice parts[3], rest = token;
    size_t dots = 0;
    for (size_t i = 0; i < token.n; i++) dots += token.p[i] == '.';
    if (token.n > TOKEN_MAX) return no(t, "the token is too long");
    if (dots != 2) return no(t, "this is not a signed JWT");
    for (size_t i = 0; i < 2; i++) {
        size_t end = slice_find_byte(rest, '.');
        parts[i] = slice_sub(rest, 0, end);
        rest = slice_sub(rest, end + 1, rest.n);
    }
    parts[2] = rest;
    t->text = slice_sub(token, 0, parts[0].n + 1 + parts[1].n);
    t->signature = jwt_base64url(parts[2], t->arena);
    t->header = part_read(t, parts[0]);
    t->claims = part_read(t, parts[1]);
    if (!t->header || !t->claims || !t->signature.n)
        return no(t, "a part of the token is malformed");
    return true;
}

/* An ID token or another kind of JWT is no access token; most issuers say
 * plain JWT, RFC 9068 says at+jwt. */
static bool is_access_token(const struct json *typ)
{
    static const struct slice names[] = {
        SLICE_INIT("JWT"), SLICE_INIT("at+jwt"),
        SLICE_INIT("application/at+jwt")};
    if (!typ) return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_eq_nocase(json_text(typ), names[i])) return true;
    return false;
}

static bool header_fine(struct token *t)
{
    t->alg = jwt_algorithm(json_text(json_get(t->header, SLICE("alg"))));
    if (!t->alg) return no(t, "its algorithm is not accepted");
    if (json_get(t->header, SLICE("crit")))
        return no(t, "it has a critical extension");
    if (!is_access_token(json_get(t->header, SLICE("typ"))))
        return no(t, "this is not an access token");
    const struct json *kid = json_get(t->header, SLICE("kid"));
    if (kid && !json_is(kid, JSON_STRING))
        return no(t, "a part of the token is malformed");
    return true;
}

/* --- who has signed it ------------------------------------------------------------ */

static struct jwt_keys *keys_of(struct tp_jwt *j, struct slice name)
{
    struct jwt_keys *keys = NULL;
    lock_take(&j->lock);
    for (size_t i = 0; i < j->count && !keys; i++)
        if (name.n && slice_eq(j->issuers[i].name, name))
            keys = jwt_keys_ref(j->issuers[i].keys);
    lock_drop(&j->lock);
    return keys;
}

static bool is_signed(struct tp_jwt *j, struct token *t)
{
    struct slice kid = json_text(json_get(t->header, SLICE("kid")));
    struct jwt_keys *keys =
        keys_of(j, json_text(json_get(t->claims, SLICE("iss"))));
    if (!keys) return no(t, "its issuer is not accepted");
    bool good = jwt_keys_signed(keys, t->alg, kid, t->text, t->signature);
    if (!good)
        (void)no(t, jwt_keys_have(keys, t->alg, kid)
                        ? "its signature is wrong"
                        : "its key is not known");
    jwt_keys_unref(keys);
    return good;
}

/* --- what it claims ----------------------------------------------------------------- */

/* Urls: scheme and host without case, one slash at the end or none. */
static bool same_audience(struct slice a, struct slice b)
{
    size_t scheme = slice_find(b, SLICE("://"));
    if (scheme == b.n) return slice_eq(a, b);
    if (a.n && a.p[a.n - 1] == '/') a.n--;
    if (b.p[b.n - 1] == '/') b.n--;
    size_t from = scheme + 3 < b.n ? scheme + 3 : b.n;
    size_t host = from + slice_find_byte(slice_sub(b, from, b.n), '/');
    return slice_eq_nocase(slice_sub(a, 0, host), slice_sub(b, 0, host)) &&
           slice_eq(slice_sub(a, host, a.n), slice_sub(b, host, b.n));
}

static bool meant_for(const struct json *aud, struct slice us)
{
    if (json_is(aud, JSON_STRING)) return same_audience(aud->text, us);
    for (uint32_t i = 0; json_is(aud, JSON_ARRAY) && i < aud->count; i++)
        if (json_is(&aud->items[i], JSON_STRING) &&
            same_audience(aud->items[i].text, us))
            return true;
    return false;
}

/* False: there, and not a moment in time. */
static bool moment(const struct json *claims, const char *name, double *ret)
{
    const struct json *v = json_get(claims, slice_of(name));
    return !v || (json_double(v, ret) && isfinite(*ret) && *ret >= 0);
}

static bool in_time(const struct tp_jwt *j, struct token *t)
{
    double now = (double)clock_wall_ms() / 1000, exp = -1, nbf = 0, iat = 0;
    double leeway = (double)j->c.leeway_s;
    if (!moment(t->claims, "exp", &exp) || !moment(t->claims, "nbf", &nbf) ||
        !moment(t->claims, "iat", &iat) || exp < 0)
        return no(t, "exp is missing, or a time of it is no number");
    if (now >= exp + leeway) return no(t, "it has expired");
    if (now + leeway < nbf) return no(t, "it is not valid yet");
    return true;
}

static bool granted_in(const struct json *v, struct slice needed)
{
    if (json_is(v, JSON_STRING)) return tp_scope_granted(v->text, needed);
    for (uint32_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++)
        if (tp_scope_granted(json_text(&v->items[i]), needed)) return true;
    return false;
}

/* `scope` by RFC 9068; `scp` as some issuers call it. */
static bool granted(const struct tp_jwt *j, const struct json *claims)
{
    const struct json *scope = json_get(claims, SLICE("scope"));
    const struct json *scp = json_get(claims, SLICE("scp"));
    for (size_t i = 0; i < j->c.scopes_count; i++)
        if (!granted_in(scope, j->c.scopes[i]) &&
            !granted_in(scp, j->c.scopes[i]))
            return false;
    return true;
}

enum tp_verdict tp_jwt_judge(void *jwt, struct slice token,
                             const char **reterr_why)
{
    struct tp_jwt *j = jwt;
    struct arena a;
    struct token t = {.arena = &a};
    enum tp_verdict verdict = TP_TOKEN_INVALID;
    arena_init(&a, ARENA_MAX);
    if (!take_apart(&t, token) || !header_fine(&t) || !is_signed(j, &t) ||
        !in_time(j, &t))
        goto out;
    if (!meant_for(json_get(t.claims, SLICE("aud")), j->c.audience)) {
        t.why = "it is meant for another audience";
        goto out;
    }
    verdict = TP_TOKEN_FINE;
    if (!granted(j, t.claims)) {
        verdict = TP_TOKEN_TOO_LITTLE;
        t.why = "the token lacks a scope";
    }
out:
    *reterr_why = t.why;
    arena_done(&a);
    return verdict;
}

/* --- files ------------------------------------------------------------------------------ */

static struct stamp stamp_of(struct slice file)
{
    struct stat st;
    if (stat(file.p, &st) != 0) return (struct stamp){0};
    return (struct stamp){st.st_mtim, st.st_size, st.st_ino};
}

static bool same_stamp(struct stamp a, struct stamp b)
{
    return a.changed.tv_sec == b.changed.tv_sec &&
           a.changed.tv_nsec == b.changed.tv_nsec && a.size == b.size &&
           a.inode == b.inode;
}

/* The stamp is taken first: a change while it is read is seen next time. */
static enum err read_keys(struct issuer *i, struct jwt_keys **ret,
                          const char **reterr)
{
    struct arena a;
    struct slice text;
    arena_init(&a, FILE_MAX + 4096);
    i->stamp = stamp_of(i->file);
    enum err e = file_read(i->file, FILE_MAX, &a, &text);
    *reterr = "it cannot be read";
    if (!e) e = jwt_keys_read(text, ret, reterr);
    arena_done(&a);
    return e;
}

static enum err load_first(struct issuer *i, struct arena *a,
                           struct problem *p)
{
    const char *why = "";
    enum err e = read_keys(i, &i->keys, &why);
    if (!e && jwt_keys_count(i->keys)) return OK;
    return problem_setf(p, a, e ? e : ERR_INVALID,
                        slice_of(e ? why : "there is no usable key in it"),
                        SLICE("Put the issuer's JWK set (its jwks_uri) or its "
                              "public keys in PEM there."),
                        "keys of %.*s: %.*s", SLICE_ARG(i->name),
                        SLICE_ARG(i->file));
}

enum err tp_jwt_new(const struct tp_jwt_config *c, struct arena *a,
                    struct problem *p, struct tp_jwt **ret)
{
    struct tp_jwt *j = mem_alloc(sizeof(*j) +
                                 c->issuers_count * sizeof(j->issuers[0]));
    if (!j) return ERR_NOMEM;
    memset(j, 0, sizeof(*j));
    j->c = *c;
    lock_init(&j->lock, "jwt", RANK_LEAF);
    enum err e = OK;
    for (size_t i = 0; i < c->issuers_count && !e; i++) {
        char *file = arena_cstr(a, c->issuers[i].file);
        j->issuers[i] = (struct issuer){.name = c->issuers[i].issuer,
                                        .file = slice_of(file)};
        j->count++;
        e = file ? load_first(&j->issuers[i], a, p) : ERR_NOMEM;
    }
    if (e)
        tp_jwt_free(j);
    else
        *ret = j;
    return e;
}

static void refresh(struct tp_jwt *j, struct issuer *i)
{
    const char *why = "";
    struct jwt_keys *fresh = NULL;
    if (same_stamp(i->stamp, stamp_of(i->file))) return;
    if (read_keys(i, &fresh, &why)) {
        log_warn("jwt", "keys as they were: the file cannot be used",
                 LOG_S("issuer", i->name), LOG_S("file", i->file),
                 LOG_C("why", why));
        return;
    }
    log_info("jwt", "keys read again", LOG_S("issuer", i->name),
             LOG_I("keys", jwt_keys_count(fresh)));
    lock_take(&j->lock);
    struct jwt_keys *old = i->keys;
    i->keys = fresh;
    lock_drop(&j->lock);
    jwt_keys_unref(old);
}

void tp_jwt_refresh(struct tp_jwt *j)
{
    for (size_t i = 0; j && i < j->count; i++) refresh(j, &j->issuers[i]);
}

void tp_jwt_free(struct tp_jwt *j)
{
    if (!j) return;
    for (size_t i = 0; i < j->count; i++) jwt_keys_unref(j->issuers[i].keys);
    lock_done(&j->lock);
    mem_free(j);
}
