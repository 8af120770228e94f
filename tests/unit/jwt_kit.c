#ifdef PHASEGATE_JWT
#include "tests/unit/jwt_kit.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static const struct kit_row {
    const char *name, *type, *crv;
    size_t bits;
    const char *alg;
} kit_rows[] = {
    {"rsa", "RSA", NULL, 2048, "RS256"},
    {"rsa2", "RSA", NULL, 2048, "RS256"},
    {"weak", "RSA", NULL, 1024, "RS256"},
    {"p256", "EC", "P-256", 256, "ES256"},
    {"p256b", "EC", "P-256", 256, "ES256"},
    {"p384", "EC", "P-384", 384, "ES384"},
    {"p521", "EC", "P-521", 521, "ES512"},
    {"ed25519", "OKP", "Ed25519", 0, "EdDSA"},
    {"oct", "oct", NULL, 0, "HS256"},
};
enum { KIT_ROWS = sizeof(kit_rows) / sizeof(kit_rows[0]) };
static EVP_PKEY *kit_keys[KIT_ROWS];
static const char secret[] = "a secret that everybody knows, of 40 bytes";

static void forget(void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < KIT_ROWS; i++) EVP_PKEY_free(kit_keys[i]);
}

static const struct kit_row *kit_row(const char *name, EVP_PKEY **ret)
{
    static bool registered;
    size_t i = 0;
    while (i < KIT_ROWS && strcmp(kit_rows[i].name, name) != 0) i++;
    if (i == KIT_ROWS) FAIL("no key %s", name);
    const struct kit_row *row = &kit_rows[i];
    if (!registered) test_at_end(forget, NULL);
    registered = true;
    if (!kit_keys[i] && strcmp(row->type, "RSA") == 0)
        kit_keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", row->bits);
    else if (!kit_keys[i] && strcmp(row->type, "EC") == 0)
        kit_keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", row->crv);
    else if (!kit_keys[i] && strcmp(row->type, "OKP") == 0)
        kit_keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    *ret = kit_keys[i];
    return row;
}

static struct slice base64url(struct slice s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                  "stuvwxyz0123456789-_";
    char *out = arena_alloc(test_arena(), s.n * 4 / 3 + 4);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = 0;
        size_t have = s.n - i < 3 ? s.n - i : 3;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < have ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k <= have; k++)
            out[n++] = letters[v >> (18 - 6 * k) & 63];
    }
    return (struct slice){out, n};
}

/* --- keys as others write them ------------------------------------------------ */

static struct slice number_of(EVP_PKEY *pkey, const char *param, size_t width)
{
    BIGNUM *n = NULL;
    unsigned char bytes[512];
    CHECK_INT_EQ(EVP_PKEY_get_bn_param(pkey, param, &n), 1);
    size_t size = width ? width : (size_t)BN_num_bytes(n);
    CHECK_INT_GT(BN_bn2binpad(n, bytes, (int)size), 0);
    BN_free(n);
    struct slice raw = {(char *)bytes, size};
    return base64url(arena_copy(test_arena(), raw));
}

struct slice jwt_kit_jwk(const char *key, const char *more)
{
    EVP_PKEY *pkey;
    struct arena *a = test_arena();
    const struct kit_row *row = kit_row(key, &pkey);
    struct slice members;
    size_t width = (row->bits + 7) / 8;
    unsigned char raw[64];
    size_t n = sizeof(raw);
    if (strcmp(row->type, "RSA") == 0)
        members = arena_printf(
            a, "\"n\":\"%.*s\",\"e\":\"%.*s\"",
            SLICE_ARG(number_of(pkey, OSSL_PKEY_PARAM_RSA_N, 0)),
            SLICE_ARG(number_of(pkey, OSSL_PKEY_PARAM_RSA_E, 0)));
    else if (strcmp(row->type, "EC") == 0)
        members = arena_printf(
            a, "\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"", row->crv,
            SLICE_ARG(number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X, width)),
            SLICE_ARG(number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, width)));
    else if (pkey && EVP_PKEY_get_raw_public_key(pkey, raw, &n) == 1)
        members =
            arena_printf(a, "\"crv\":\"Ed25519\",\"x\":\"%.*s\"",
                         SLICE_ARG(base64url((struct slice){(char *)raw, n})));
    else
        members = arena_printf(a, "\"k\":\"%.*s\"",
                               SLICE_ARG(base64url(slice_of(secret))));
    return arena_printf(a, "{\"kty\":\"%s\",\"kid\":\"%s\",%.*s%s}", row->type,
                        key, SLICE_ARG(members), more);
}

struct slice jwt_kit_set(const char *const *keys)
{
    struct slice all = SLICE("");
    for (size_t i = 0; keys[i]; i++)
        all = arena_printf(test_arena(), "%.*s%s%.*s", SLICE_ARG(all),
                           i ? "," : "", SLICE_ARG(jwt_kit_jwk(keys[i], "")));
    return arena_printf(test_arena(), "{\"keys\":[%.*s]}", SLICE_ARG(all));
}

struct slice jwt_kit_pem(const char *key)
{
    EVP_PKEY *pkey;
    char *text;
    (void)kit_row(key, &pkey);
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK_INT_EQ(PEM_write_bio_PUBKEY(bio, pkey), 1);
    long n = BIO_get_mem_data(bio, &text);
    struct slice pem =
        arena_printf(test_arena(), "%.*s", (int)n, text);
    BIO_free(bio);
    return pem;
}

/* --- tokens -------------------------------------------------------------------- */

static struct slice hmac(struct slice key, struct slice text)
{
    unsigned char out[32];
    unsigned n = sizeof(out);
    CHECK(HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p,
               text.n, out, &n));
    return arena_copy(test_arena(), (struct slice){(char *)out, n});
}

/* DER to r and s side by side. */
static struct slice to_raw(struct slice der, size_t width)
{
    const unsigned char *p = (const unsigned char *)der.p;
    unsigned char *out = arena_zalloc(test_arena(), 2 * width);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    CHECK(sig);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)width);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + width, (int)width);
    ECDSA_SIG_free(sig);
    return (struct slice){(char *)out, 2 * width};
}

/* The digest follows the header's alg, PS* is PSS. */
static struct slice sign(EVP_PKEY *pkey, const struct kit_row *row,
                         const char *alg, struct slice text, bool der)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;
    unsigned char out[512];
    size_t n = sizeof(out);
    const EVP_MD *md = strstr(alg, "384")   ? EVP_sha384()
                       : strstr(alg, "512") ? EVP_sha512()
                                            : EVP_sha256();
    if (!row->bits) md = NULL;
    CHECK_INT_EQ(EVP_DigestSignInit(ctx, &options, md, NULL, pkey), 1);
    if (strncmp(alg, "PS", 2) == 0) {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    CHECK_INT_EQ(EVP_DigestSign(ctx, out, &n, (const unsigned char *)text.p,
                                text.n),
                 1);
    EVP_MD_CTX_free(ctx);
    struct slice raw = arena_copy(test_arena(), (struct slice){(char *)out, n});
    bool ec = strcmp(row->type, "EC") == 0;
    return ec && !der ? to_raw(raw, (row->bits + 7) / 8) : raw;
}

static struct slice signature_of(const char *key, const char *header,
                                 struct slice text, enum jwt_kit_way way)
{
    EVP_PKEY *pkey;
    const struct kit_row *row = kit_row(key, &pkey);
    const char *alg = row->alg;
    char named[16];
    const char *at = strstr(header, "\"alg\":\"");
    if (at && sscanf(at + 7, "%15[A-Za-z0-9]", named) == 1) alg = named;
    if (way == JWT_HMAC_PEM) return hmac(jwt_kit_pem(key), text);
    if (!pkey) return hmac(slice_of(secret), text);
    if (way == JWT_ZERO_RS)
        return (struct slice){arena_zalloc(test_arena(), 64), 64};
    return sign(pkey, row, alg, text, way == JWT_DER);
}

struct slice jwt_kit_token(const char *key, const char *header,
                           const char *claims, enum jwt_kit_way way)
{
    EVP_PKEY *pkey;
    struct arena *a = test_arena();
    const struct kit_row *row = kit_row(key, &pkey);
    if (!header)
        header = arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"%s\"}", row->alg,
                              key)
                     .p;
    if (way == JWT_LONG)
        claims = arena_printf(a, "{\"x\":\"%020000d\"}", 1).p;
    struct slice text =
        arena_printf(a, "%.*s.%.*s", SLICE_ARG(base64url(slice_of(header))),
                     SLICE_ARG(base64url(slice_of(claims))));
    struct slice sig = signature_of(key, header, text, way);
    if (way == JWT_FLIP_SIGNATURE) ((char *)sig.p)[sig.n / 2] ^= 1;
    if (way == JWT_FLIP_CLAIMS)
        text = arena_printf(
            a, "%.*s.%.*s", SLICE_ARG(base64url(slice_of(header))),
            SLICE_ARG(base64url(arena_printf(a, "%.*s ",
                                             SLICE_ARG(slice_of(claims))))));
    if (way == JWT_SHORT) sig.n--;
    if (way == JWT_NO_SIGNATURE) sig.n = 0;
    if (way == JWT_TWO_PARTS) return text;
    struct slice last = base64url(sig);
    if (way == JWT_LOOSE_BITS) ((char *)last.p)[last.n - 1]++;
    return arena_printf(a, "%.*s.%.*s%s", SLICE_ARG(text), SLICE_ARG(last),
                        way == JWT_PADDED       ? "="
                        : way == JWT_FIVE_PARTS ? ".e30.e30"
                                                : "");
}
#endif
