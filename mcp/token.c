/* Tokens: texts handed to a client that come back unchanged or not at all.
 * base64url of 8 bytes expiry, 32 bytes HMAC-SHA256 and the payload. The MAC
 * also covers what the token belongs to, so that it fits nothing else. */
#include "mcp/call_state.h"

#include "base/base64.h"
#include "base/clock.h"

enum { EXPIRY = 8, HEAD = EXPIRY + SHA256_SIZE };

/* --- base64 --------------------------------------------------------------- */

static const char url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int url_digit(char ch)
{
    const char *at = ch ? strchr(url_digits, ch) : NULL;
    return at ? (int)(at - url_digits) : -1;
}

/* One text has one spelling: no padding, no stray bits. */
static bool decode(struct slice in, char *out, size_t *ret)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        int d = url_digit(in.p[i]);
        if (d < 0) return false;
        bits = (bits << 6 | (uint32_t)d) & 0xffff;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out[n++] = (char)(bits >> held & 0xff);
    }
    *ret = n;
    return held < 6 && (bits & ((1u << held) - 1)) == 0;
}

/* --- the MAC -------------------------------------------------------------- */

static void add_part(struct sha256 *h, struct slice part)
{
    uint64_t n = part.n;
    sha256_add(h, (struct slice){(const char *)&n, sizeof(n)});
    sha256_add(h, part);
}

static void pad_key(const uint8_t *secret, uint8_t with, struct sha256 *h)
{
    char block[64];
    memset(block, with, sizeof(block));
    for (size_t i = 0; i < SHA256_SIZE; i++)
        block[i] = (char)((uint8_t)block[i] ^ secret[i]);
    sha256_init(h);
    sha256_add(h, (struct slice){block, sizeof(block)});
}

/* HMAC-SHA256 (RFC 2104) of the parts, each with its length. */
static void mac(const struct mcp_server *s, struct slice bound,
                struct slice expiry, struct slice payload,
                uint8_t ret[SHA256_SIZE])
{
    struct sha256 h;
    uint8_t inner[SHA256_SIZE];
    pad_key(s->secret, 0x36, &h);
    add_part(&h, bound);
    add_part(&h, expiry);
    add_part(&h, payload);
    sha256_end(&h, inner);
    pad_key(s->secret, 0x5c, &h);
    sha256_add(&h, (struct slice){(const char *)inner, sizeof(inner)});
    sha256_end(&h, ret);
}

struct slice mcp_token_write(struct mcp_server *s, struct arena *a,
                             struct slice bound, struct slice payload,
                             int64_t ttl_ms)
{
    size_t n = HEAD + payload.n;
    size_t length = base64_length(n, BASE64_URL);
    char *raw = arena_alloc(a, n), *text = arena_alloc(a, length);
    int64_t expiry = clock_coarse() + ttl_ms * NS_PER_MS;
    if (!raw || !text) return (struct slice){0};
    memcpy(raw, &expiry, EXPIRY);
    mac(s, bound, (struct slice){raw, EXPIRY}, payload,
        (uint8_t *)raw + EXPIRY);
    if (payload.n) memcpy(raw + HEAD, payload.p, payload.n);
    base64_write((struct slice){raw, n}, BASE64_URL, text);
    return (struct slice){text, length};
}

enum err mcp_token_read(struct mcp_server *s, struct arena *a,
                        struct slice bound, struct slice token,
                        struct slice *ret_payload)
{
    char *raw = arena_alloc(a, token.n + 1);
    uint8_t want[SHA256_SIZE];
    size_t n;
    int64_t expiry;
    if (!raw) return ERR_NOMEM;
    if (!decode(token, raw, &n) || n < HEAD) return ERR_INVALID;
    struct slice payload = {raw + HEAD, n - HEAD};
    mac(s, bound, (struct slice){raw, EXPIRY}, payload, want);
    if (!sha256_equal(want, (uint8_t *)raw + EXPIRY)) return ERR_INVALID;
    memcpy(&expiry, raw, EXPIRY);
    if (expiry < clock_coarse()) return ERR_INVALID;
    *ret_payload = payload;
    return OK;
}
