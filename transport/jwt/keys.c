#include "transport/jwt/keys.h"

#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/alloc.h"
#include "base/json.h"

enum { KEYS_MAX = 64, RSA_BITS_LEAST = 2048, RSA_BITS_MOST = 16384 };

enum key_kind { KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 };

struct jwt_algorithm {
    struct slice name;
    enum key_kind kind;
    const EVP_MD *(*digest)(void); /* NULL: the signature has its own */
    bool pss;
    size_t half; /* EC: bytes of r and of s */
};

/* Nothing symmetric, and no `none`: what is not here does not exist. */
static const struct jwt_algorithm algorithms[] = {
    {SLICE_INIT("RS256"), KEY_RSA, EVP_sha256, false, 0},
    {SLICE_INIT("RS384"), KEY_RSA, EVP_sha384, false, 0},
    {SLICE_INIT("RS512"), KEY_RSA, EVP_sha512, false, 0},
    {SLICE_INIT("PS256"), KEY_RSA, EVP_sha256, true, 0},
    {SLICE_INIT("PS384"), KEY_RSA, EVP_sha384, true, 0},
    {SLICE_INIT("PS512"), KEY_RSA, EVP_sha512, true, 0},
    {SLICE_INIT("ES256"), KEY_P256, EVP_sha256, false, 32},
    {SLICE_INIT("ES384"), KEY_P384, EVP_sha384, false, 48},
    {SLICE_INIT("ES512"), KEY_P521, EVP_sha512, false, 66},
    {SLICE_INIT("EdDSA"), KEY_ED25519, NULL, false, 0},
    {SLICE_INIT("Ed25519"), KEY_ED25519, NULL, false, 0},
};
enum { ALGORITHMS = sizeof(algorithms) / sizeof(algorithms[0]) };

static const struct {
    struct slice crv;
    const char *group;
    enum key_kind kind;
} curves[] = {
    {SLICE_INIT("P-256"), "prime256v1", KEY_P256},
    {SLICE_INIT("P-384"), "secp384r1", KEY_P384},
    {SLICE_INIT("P-521"), "secp521r1", KEY_P521},
};
enum { CURVES = sizeof(curves) / sizeof(curves[0]) };

struct key {
    EVP_PKEY *pkey;
    enum key_kind kind;
    struct slice kid;                /* empty: it has none */
    const struct jwt_algorithm *alg; /* NULL: any of its kind */
};

struct jwt_keys {
    _Atomic unsigned refs;
    struct arena arena; /* of the kids */
    size_t count;
    struct key keys[KEYS_MAX];
};

const struct jwt_algorithm *jwt_algorithm(struct slice name)
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (slice_eq(algorithms[i].name, name)) return &algorithms[i];
    return NULL;
}

/* --- base64url ---------------------------------------------------------------- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct slice jwt_base64url(struct slice text, struct arena *a)
{
    const struct slice none = {0};
    unsigned char *out = arena_alloc(a, text.n * 3 / 4 + 1);
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    if (!out || text.n % 4 == 1) return none;
    for (size_t i = 0; i < text.n; i++) {
        int six = sextet(text.p[i]);
        if (six < 0) return none;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[n++] = (unsigned char)(bits >> have);
        bits &= (1U << have) - 1;
    }
    if (bits) return none; /* two spellings of one token */
    return (struct slice){(char *)out, n};
}

/* --- one key -------------------------------------------------------------------- */

/* The kind of a key, when we can use it at all. */
static bool usable(EVP_PKEY *pkey, enum key_kind *ret)
{
    char group[32];
    int bits = EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        *ret = KEY_ED25519;
        return true;
    }
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        *ret = KEY_RSA;
        return bits >= RSA_BITS_LEAST && bits <= RSA_BITS_MOST;
    }
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
        return false;
    for (size_t i = 0; i < CURVES; i++) {
        *ret = curves[i].kind;
        if (strcmp(curves[i].group, group) == 0) return true;
    }
    return false;
}

/* Checked as a public key: on its curve, of sane parameters. */
static bool sound(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool fine = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return fine;
}

/* Takes the key. */
static void add(struct jwt_keys *k, EVP_PKEY *pkey, struct slice kid,
                const struct jwt_algorithm *alg)
{
    struct key key = {.pkey = pkey, .alg = alg};
    bool fits = pkey && k->count < KEYS_MAX && usable(pkey, &key.kind) &&
                sound(pkey) && (!alg || alg->kind == key.kind);
    if (fits && kid.n) {
        key.kid = arena_copy(&k->arena, kid);
        fits = key.kid.p != NULL;
    }
    if (fits)
        k->keys[k->count++] = key;
    else
        EVP_PKEY_free(pkey);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

/* A member in base64url; {NULL, 0}: absent or not. */
static struct slice bytes_of(const struct json *jwk, const char *name,
                             struct arena *a)
{
    const struct json *v = json_get(jwk, slice_of(name));
    return json_is(v, JSON_STRING) ? jwt_base64url(v->text, a)
                                   : (struct slice){0};
}

static BIGNUM *number(struct slice b)
{
    return b.n && b.n <= RSA_BITS_MOST / 8
               ? BN_bin2bn((const unsigned char *)b.p, (int)b.n, NULL)
               : NULL;
}

static EVP_PKEY *rsa_key(const struct json *jwk, struct arena *a)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *n = number(bytes_of(jwk, "n", a));
    BIGNUM *e = number(bytes_of(jwk, "e", a));
    if (bld && n && e &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
        pkey = from_params("RSA", bld);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    return pkey;
}

static EVP_PKEY *ec_key(const struct json *jwk, struct arena *a)
{
    struct slice crv = json_text(json_get(jwk, SLICE("crv")));
    struct slice x = bytes_of(jwk, "x", a), y = bytes_of(jwk, "y", a);
    char point[1 + 2 * 66] = {4}; /* not compressed */
    const char *group = NULL;
    for (size_t i = 0; i < CURVES; i++)
        if (slice_eq(curves[i].crv, crv)) group = curves[i].group;
    if (!group || !x.n || x.n != y.n || x.n > 66) return NULL;
    memcpy(point + 1, x.p, x.n);
    memcpy(point + 1 + x.n, y.p, y.n);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (bld &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                        0) &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * x.n))
        pkey = from_params("EC", bld);
    OSSL_PARAM_BLD_free(bld);
    return pkey;
}

static EVP_PKEY *okp_key(const struct json *jwk, struct arena *a)
{
    struct slice x = bytes_of(jwk, "x", a);
    if (!slice_eq(json_text(json_get(jwk, SLICE("crv"))), SLICE("Ed25519")))
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                       (const unsigned char *)x.p, x.n);
}

static const struct {
    struct slice kty;
    EVP_PKEY *(*read)(const struct json *jwk, struct arena *a);
} types[] = {
    {SLICE_INIT("RSA"), rsa_key},
    {SLICE_INIT("EC"), ec_key},
    {SLICE_INIT("OKP"), okp_key},
};

/* use and key_ops say what a key is for; absent, it is for all. */
static bool for_signatures(const struct json *jwk)
{
    const struct json *use = json_get(jwk, SLICE("use"));
    const struct json *ops = json_get(jwk, SLICE("key_ops"));
    if (use && !slice_eq(json_text(use), SLICE("sig"))) return false;
    if (!ops) return true;
    if (!json_is(ops, JSON_ARRAY)) return false;
    for (uint32_t i = 0; i < ops->count; i++)
        if (slice_eq(json_text(&ops->items[i]), SLICE("verify"))) return true;
    return false;
}

static void add_jwk(struct jwt_keys *k, const struct json *jwk, struct arena *a)
{
    struct slice kty = json_text(json_get(jwk, SLICE("kty")));
    const struct json *name = json_get(jwk, SLICE("alg"));
    const struct jwt_algorithm *alg = jwt_algorithm(json_text(name));
    if (!for_signatures(jwk) || (name && !alg) || json_duplicate_key(jwk))
        return;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_eq(types[i].kty, kty))
            add(k, types[i].read(jwk, a),
                json_text(json_get(jwk, SLICE("kid"))), alg);
}

/* --- a file of keys ---------------------------------------------------------------- */

static enum err read_set(struct jwt_keys *k, struct slice text,
                         const char **reterr)
{
    static const struct json_limits limits = {1 << 20, 16, 100000};
    struct arena a;
    struct json_error why;
    const struct json *set;
    arena_init(&a, 8 << 20);
    enum err e = json_parse(text, &limits, &a, &set, &why);
    const struct json *keys = e ? NULL : json_get(set, SLICE("keys"));
    if (e || !json_is(keys, JSON_ARRAY)) {
        *reterr = e ? why.what : "there is no array \"keys\" in it";
        e = e == ERR_NOMEM ? e : ERR_INVALID;
        goto out;
    }
    for (uint32_t i = 0; i < keys->count; i++) add_jwk(k, &keys->items[i], &a);
out:
    arena_done(&a);
    return e;
}

static enum err read_pem(struct jwt_keys *k, struct slice text,
                         const char **reterr)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    EVP_PKEY *pkey;
    if (!bio) return ERR_NOMEM;
    while ((pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL)
        add(k, pkey, (struct slice){0}, NULL);
    BIO_free(bio);
    if (k->count) return OK;
    *reterr = "it is neither a JWK set nor PEM with a PUBLIC KEY";
    return ERR_INVALID;
}

enum err jwt_keys_read(struct slice text, struct jwt_keys **ret,
                       const char **reterr)
{
    struct jwt_keys *k = MEM_NEW(struct jwt_keys);
    if (!k) return ERR_NOMEM;
    atomic_init(&k->refs, 1);
    arena_init(&k->arena, 1 << 20);
    struct slice body = slice_trim(text);
    enum err e = body.n && body.p[0] == '{' ? read_set(k, body, reterr)
                                            : read_pem(k, body, reterr);
    ERR_clear_error();
    if (e)
        jwt_keys_unref(k);
    else
        *ret = k;
    return e;
}

size_t jwt_keys_count(const struct jwt_keys *k)
{
    return k->count;
}

struct jwt_keys *jwt_keys_ref(struct jwt_keys *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void jwt_keys_unref(struct jwt_keys *k)
{
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < k->count; i++) EVP_PKEY_free(k->keys[i].pkey);
    arena_done(&k->arena);
    mem_free(k);
}

/* --- signatures ----------------------------------------------------------------------- */

static bool may_have_signed(const struct key *key,
                            const struct jwt_algorithm *alg, struct slice kid)
{
    return key->kind == alg->kind && (!key->alg || key->alg == alg) &&
           (!kid.n || !key->kid.n || slice_eq(kid, key->kid));
}

bool jwt_keys_have(const struct jwt_keys *k, const struct jwt_algorithm *alg,
                   struct slice kid)
{
    for (size_t i = 0; i < k->count; i++)
        if (may_have_signed(&k->keys[i], alg, kid)) return true;
    return false;
}

/* r and s side by side, as JOSE has them, in OpenSSL's form. */
static int to_der(struct slice raw, size_t half, unsigned char **ret)
{
    if (raw.n != 2 * half) return -1;
    const unsigned char *p = (const unsigned char *)raw.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(p, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(p + half, (int)half, NULL);
    int n = -1;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        r = s = NULL; /* the signature's now */
        n = i2d_ECDSA_SIG(sig, ret);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return n;
}

static bool begin(EVP_MD_CTX *ctx, const struct key *key,
                  const struct jwt_algorithm *alg)
{
    EVP_PKEY_CTX *options;
    const EVP_MD *md = alg->digest ? alg->digest() : NULL;
    if (!ctx || EVP_DigestVerifyInit(ctx, &options, md, NULL, key->pkey) != 1)
        return false;
    if (!alg->pss) return true;
    return EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) ==
               1;
}

static bool verifies(const struct key *key, const struct jwt_algorithm *alg,
                     struct slice text, struct slice signature)
{
    unsigned char *der = NULL;
    const unsigned char *sig = (const unsigned char *)signature.p;
    size_t n = signature.n;
    if (alg->half) {
        int length = to_der(signature, alg->half, &der);
        if (length <= 0) return false;
        sig = der;
        n = (size_t)length;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = begin(ctx, key, alg) &&
                EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text.p,
                                 text.n) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    return good;
}

bool jwt_keys_signed(const struct jwt_keys *k, const struct jwt_algorithm *alg,
                     struct slice kid, struct slice text,
                     struct slice signature)
{
    bool good = false;
    for (size_t i = 0; i < k->count && !good; i++)
        good = may_have_signed(&k->keys[i], alg, kid) &&
               verifies(&k->keys[i], alg, text, signature);
    ERR_clear_error();
    return good;
}
