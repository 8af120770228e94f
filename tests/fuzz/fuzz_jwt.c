/* jwt: behind 'k' a set of keys; behind 't' an access token; else the header
 * of one, a line's end and its claims, which are signed here. Whatever they
 * hold: a token that is taken was signed by our issuer for us, has not
 * expired, and is refused with any other letter in it. Where the program has
 * no access tokens (PHASEGATE_JWT) there is nothing to break. */
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef PHASEGATE_JWT
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "transport/jwt/jwt.h"
#include "transport/jwt/keys.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)
#define ISSUER "https://issuer.example"
#define AUDIENCE "https://mcp.example/mcp"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_base64url(struct buf *b, struct slice s)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < s.n; i++) {
        bits = bits << 8 | (unsigned char)s.p[i];
        for (have += 8; have >= 6; have -= 6)
            buf_putc(b, letters[bits >> (have - 6) & 63]);
    }
    if (have) buf_putc(b, letters[bits << (6 - have) & 63]);
}

/* --- the issuer ------------------------------------------------------------
 */

static EVP_PKEY *key;
static struct tp_jwt *ours;

static void put_key(struct buf *b)
{
    unsigned char public[32];
    size_t n = sizeof(public);
    NEED(EVP_PKEY_get_raw_public_key(key, public, &n) == 1);
    buf_puts(b, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
                "\"x\":\"");
    put_base64url(b, (struct slice){(const char *)public, n});
    buf_puts(b, "\"}]}");
}

/* The keys are those of a file. */
static void set_up(void)
{
    static const unsigned char seed[32] = "a seed that everybody may know";
    static const struct slice scopes[] = {SLICE_INIT("mcp")};
    static struct arena a;
    char path[] = "/tmp/phasegate-fuzz-XXXXXX";
    struct buf set = BUF_INIT(4096);
    struct problem p;
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    NEED(key);
    put_key(&set);
    int fd = mkstemp(path);
    NEED(fd >= 0 && write(fd, set.p, set.n) == (ssize_t)set.n);
    close(fd);
    const struct tp_jwt_issuer issuer = {SLICE(ISSUER), slice_of(path)};
    const struct tp_jwt_config c = {.issuers = &issuer,
                                    .issuers_count = 1,
                                    .audience = SLICE(AUDIENCE),
                                    .scopes = scopes,
                                    .scopes_count = 1};
    arena_init(&a, 1 << 20);
    problem_init(&p);
    NEED(tp_jwt_new(&c, &a, &p, &ours) == OK);
    unlink(path);
    buf_done(&set);
}

static void sign(struct buf *token)
{
    unsigned char signature[64];
    size_t n = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    NEED(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
         EVP_DigestSign(ctx, signature, &n, (const unsigned char *)token->p,
                        token->n) == 1);
    EVP_MD_CTX_free(ctx);
    buf_putc(token, '.');
    put_base64url(token, (struct slice){(const char *)signature, n});
}

/* --- tokens ----------------------------------------------------------------
 */

static enum tp_verdict judge(struct slice token)
{
    const char *why = NULL;
    enum tp_verdict v = tp_jwt_judge(ours, token, &why);
    NEED(v == TP_TOKEN_FINE || why);
    return v;
}

/* One letter is another one. */
static void check_changed(const struct buf *token, size_t salt)
{
    size_t at = salt % token->n;
    char was = token->p[at], other = letters[salt % 64];
    if (other == was) other = was == 'A' ? 'B' : 'A';
    token->p[at] = other;
    NEED(judge(buf_slice(token)) != TP_TOKEN_FINE);
    token->p[at] = was;
}

static void check_claims(struct slice text)
{
    const struct json *claims;
    struct json_error je;
    struct arena a;
    double exp = 0;
    arena_init(&a, 16 << 20);
    NEED(json_parse(text, NULL, &a, &claims, &je) == OK);
    NEED(slice_eq(json_text(json_get(claims, SLICE("iss"))), SLICE(ISSUER)));
    NEED(json_get(claims, SLICE("aud")));
    NEED(json_double(json_get(claims, SLICE("exp")), &exp));
    NEED(exp * 1000 > (double)clock_wall_ms());
    arena_done(&a);
}

static void check_signed(struct slice text)
{
    struct slice header = {0};
    struct buf token = BUF_INIT(1 << 20);
    (void)slice_split(&text, '\n', &header);
    put_base64url(&token, header);
    buf_putc(&token, '.');
    put_base64url(&token, text);
    sign(&token);
    NEED(token.err == OK);
    if (judge(buf_slice(&token)) == TP_TOKEN_FINE) {
        check_claims(text);
        check_changed(&token,
                      header.n * 7919 + text.n * 104729 +
                          (text.n ? (unsigned char)text.p[text.n - 1] : 0));
    }
    buf_done(&token);
}

static void check_keys(struct slice text)
{
    struct jwt_keys *keys = NULL;
    const char *why = NULL;
    enum err e = jwt_keys_read(text, &keys, &why);
    NEED(e ? why != NULL : keys != NULL);
    if (!e) (void)jwt_keys_count(keys);
    jwt_keys_unref(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size < 65536 ? size : 65536};
    char kind = text.n ? text.p[0] : 't';
    if (!ours) set_up();
    if (kind == 'k')
        check_keys(slice_sub(text, 1, text.n));
    else if (kind == 't')
        (void)judge(slice_sub(text, 1, text.n));
    else
        check_signed(text);
    return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
#endif
