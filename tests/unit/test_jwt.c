/* Access tokens, good and bad, against keys made here. */
#ifdef PHASEGATE_JWT
#include "transport/jwt/jwt.h"

#include "base/clock.h"
#include "base/file.h"
#include "tests/runner/test.h"
#include "tests/unit/jwt_kit.h"

#define ISSUER "https://login.example.com"
#define OTHER "https://other.example.com"
#define US "https://phasegate.example.com/mcp"
/* The clock stands at 1800000000. */
#define ISS "\"iss\":\"" ISSUER "\","
#define AUD "\"aud\":\"" US "\","
#define EXP "\"exp\":1800000600"
#define GOOD "{" ISS AUD EXP ",\"scope\":\"openid mcp\",\"sub\":\"a\"}"

static struct slice keys_file(const char *name, struct slice text)
{
    struct slice path = path_join(test_arena(), slice_of(test_tmpdir()),
                                  slice_of(name));
    CHECK_OK(file_write_atomic(path, text, 0600));
    return path;
}

static void free_jwt(void *jwt)
{
    tp_jwt_free(jwt);
}

/* Two issuers: ours with these keys, the other one with p256b. */
static struct tp_jwt *judge_with(struct slice keys)
{
    static const struct slice scopes[] = {SLICE_INIT("mcp")};
    static struct tp_jwt_issuer issuers[2];
    struct problem p;
    struct tp_jwt *j;
    problem_init(&p);
    clock_fake(1, INT64_C(1800000000000));
    issuers[0] = (struct tp_jwt_issuer){SLICE(ISSUER),
                                        keys_file("ours.json", keys)};
    issuers[1] = (struct tp_jwt_issuer){
        SLICE(OTHER),
        keys_file("other.json", jwt_kit_set((const char *[]){"p256b", NULL}))};
    struct tp_jwt_config c = {.issuers = issuers,
                              .issuers_count = 2,
                              .audience = SLICE(US),
                              .scopes = scopes,
                              .scopes_count = 1,
                              .leeway_s = 30};
    CHECK_OK(tp_jwt_new(&c, test_arena(), &p, &j));
    test_at_end(free_jwt, j);
    return j;
}

struct token {
    const char *label, *key, *header, *claims;
    enum jwt_kit_way way;
    enum tp_verdict want;
    const char *why;
};

#define FINE TP_TOKEN_FINE, ""
#define BAD(why_) TP_TOKEN_INVALID, why_

/* clang-format off */
TEST_EACH(jwt, a_token_is_judged_by_all_of_it, struct token, row,
  /* good ones: each algorithm */
  {"RS256", "rsa", NULL, GOOD, JWT_RIGHT, FINE},
  {"RS384", "rsa", "{\"alg\":\"RS384\",\"kid\":\"rsa\"}", GOOD, JWT_RIGHT, FINE},
  {"RS512", "rsa", "{\"alg\":\"RS512\"}", GOOD, JWT_RIGHT, FINE},
  {"PS256", "rsa", "{\"alg\":\"PS256\",\"kid\":\"rsa\"}", GOOD, JWT_RIGHT, FINE},
  {"PS512", "rsa", "{\"alg\":\"PS512\",\"kid\":\"rsa\"}", GOOD, JWT_RIGHT, FINE},
  {"ES256", "p256", NULL, GOOD, JWT_RIGHT, FINE},
  {"ES384", "p384", NULL, GOOD, JWT_RIGHT, FINE},
  {"ES512", "p521", NULL, GOOD, JWT_RIGHT, FINE},
  {"EdDSA", "ed25519", NULL, GOOD, JWT_RIGHT, FINE},
  {"Ed25519", "ed25519", "{\"alg\":\"Ed25519\",\"kid\":\"ed25519\"}", GOOD, JWT_RIGHT, FINE},
  /* and each way to say the same */
  {"at+jwt", "p256", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GOOD, JWT_RIGHT, FINE},
  {"application/AT+JWT", "p256", "{\"alg\":\"ES256\",\"typ\":\"application/AT+JWT\"}", GOOD, JWT_RIGHT, FINE},
  {"no kid", "p256", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GOOD, JWT_RIGHT, FINE},
  {"several audiences", "p256", NULL, "{" ISS "\"aud\":[\"x\",\"" US "\"]," EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"upper-case host", "p256", NULL, "{" ISS "\"aud\":\"HTTPS://Phasegate.Example.COM/mcp\"," EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"slash at the end", "p256", NULL, "{" ISS "\"aud\":\"" US "/\"," EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"expired within leeway", "p256", NULL, "{" ISS AUD "\"exp\":1799999990,\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"early within leeway", "p256", NULL, "{" ISS AUD EXP ",\"nbf\":1800000020,\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"fraction of a second", "p256", NULL, "{" ISS AUD "\"exp\":1800000600.5,\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  {"scp list", "p256", NULL, "{" ISS AUD EXP ",\"scp\":[\"a\",\"mcp\"]}", JWT_RIGHT, FINE},
  {"scp text", "p256", NULL, "{" ISS AUD EXP ",\"scp\":\"a mcp\"}", JWT_RIGHT, FINE},
  {"the other issuer", "p256b", NULL, "{\"iss\":\"" OTHER "\"," AUD EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, FINE},
  /* algorithms */
  {"none", "p256", "{\"alg\":\"none\"}", GOOD, JWT_NO_SIGNATURE, BAD("malformed")},
  {"none, signed", "p256", "{\"alg\":\"none\"}", GOOD, JWT_RIGHT, BAD("algorithm")},
  {"None", "p256", "{\"alg\":\"None\"}", GOOD, JWT_RIGHT, BAD("algorithm")},
  {"HS256 of a known secret", "oct", NULL, GOOD, JWT_RIGHT, BAD("algorithm")},
  {"HS256 with the public key", "rsa", "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", GOOD, JWT_HMAC_PEM, BAD("algorithm")},
  {"HMAC called RS256", "rsa", "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", GOOD, JWT_HMAC_PEM, BAD("signature")},
  {"no alg", "p256", "{\"typ\":\"JWT\"}", GOOD, JWT_RIGHT, BAD("algorithm")},
  {"alg is a number", "p256", "{\"alg\":256}", GOOD, JWT_RIGHT, BAD("algorithm")},
  {"rs256 in small letters", "rsa", "{\"alg\":\"rs256\"}", GOOD, JWT_RIGHT, BAD("algorithm")},
  {"ES256 with an RSA key", "rsa", "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", GOOD, JWT_RIGHT, BAD("key is not known")},
  {"RS256 called PS256", "rsa", "{\"x\":1,\"alg\":\"RS256\",\"kid\":\"rsa\",\"alg\":\"PS256\"}", GOOD, JWT_RIGHT, BAD("malformed")},
  {"ES384 with P-256", "p256", "{\"alg\":\"ES384\",\"kid\":\"p256\"}", GOOD, JWT_RIGHT, BAD("key is not known")},
  /* signatures */
  {"a flipped bit", "p256", NULL, GOOD, JWT_FLIP_SIGNATURE, BAD("signature")},
  {"a flipped bit, RSA", "rsa", NULL, GOOD, JWT_FLIP_SIGNATURE, BAD("signature")},
  {"a flipped bit, Ed25519", "ed25519", NULL, GOOD, JWT_FLIP_SIGNATURE, BAD("signature")},
  {"other claims", "p256", NULL, GOOD, JWT_FLIP_CLAIMS, BAD("signature")},
  {"no signature", "p256", NULL, GOOD, JWT_NO_SIGNATURE, BAD("malformed")},
  {"DER", "p256", NULL, GOOD, JWT_DER, BAD("signature")},
  {"a byte short", "p256", NULL, GOOD, JWT_SHORT, BAD("signature")},
  {"zeros", "p256", NULL, GOOD, JWT_ZERO_RS, BAD("signature")},
  {"key of another issuer", "p256b", "{\"alg\":\"ES256\"}", GOOD, JWT_RIGHT, BAD("signature")},
  {"unknown kid", "p256", "{\"alg\":\"ES256\",\"kid\":\"nobody\"}", GOOD, JWT_RIGHT, BAD("key is not known")},
  {"kid of a path", "p256", "{\"alg\":\"ES256\",\"kid\":\"../../dev/null\"}", GOOD, JWT_RIGHT, BAD("key is not known")},
  {"kid is a number", "p256", "{\"alg\":\"ES256\",\"kid\":1}", GOOD, JWT_RIGHT, BAD("malformed")},
  {"weak RSA", "weak", NULL, GOOD, JWT_RIGHT, BAD("key is not known")},
  {"brings its own key", "p256b", "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/jwks\",\"jwk\":{\"kty\":\"EC\"}}", GOOD, JWT_RIGHT, BAD("signature")},
  /* the shape */
  {"two parts", "p256", NULL, GOOD, JWT_TWO_PARTS, BAD("not a signed JWT")},
  {"five parts", "p256", NULL, GOOD, JWT_FIVE_PARTS, BAD("not a signed JWT")},
  {"padding", "p256", NULL, GOOD, JWT_PADDED, BAD("malformed")},
  {"loose bits", "p256", NULL, GOOD, JWT_LOOSE_BITS, BAD("malformed")},
  {"too long", "p256", NULL, GOOD, JWT_LONG, BAD("too long")},
  {"claims are a list", "p256", NULL, "[1]", JWT_RIGHT, BAD("malformed")},
  {"claims are no JSON", "p256", NULL, "{\"iss\":", JWT_RIGHT, BAD("malformed")},
  {"a claim twice", "p256", NULL, "{" ISS AUD EXP ",\"exp\":9,\"scope\":\"mcp\"}", JWT_RIGHT, BAD("malformed")},
  {"critical extension", "p256", "{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}", GOOD, JWT_RIGHT, BAD("critical")},
  {"another kind of token", "p256", "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", GOOD, JWT_RIGHT, BAD("not an access token")},
  {"typ is a number", "p256", "{\"alg\":\"ES256\",\"typ\":1}", GOOD, JWT_RIGHT, BAD("not an access token")},
  /* claims */
  {"no issuer", "p256", NULL, "{" AUD EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, BAD("issuer")},
  {"unknown issuer", "p256", NULL, "{\"iss\":\"https://evil.example\"," AUD EXP "}", JWT_RIGHT, BAD("issuer")},
  {"issuer with a slash", "p256", NULL, "{\"iss\":\"" ISSUER "/\"," AUD EXP "}", JWT_RIGHT, BAD("issuer")},
  {"issuer is a list", "p256", NULL, "{\"iss\":[\"" ISSUER "\"]," AUD EXP "}", JWT_RIGHT, BAD("issuer")},
  {"the other issuer's name", "p256", NULL, "{\"iss\":\"" OTHER "\"," AUD EXP "}", JWT_RIGHT, BAD("key is not known")},
  {"no audience", "p256", NULL, "{" ISS EXP ",\"scope\":\"mcp\"}", JWT_RIGHT, BAD("audience")},
  {"another audience", "p256", NULL, "{" ISS "\"aud\":\"https://phasegate.example.com/other\"," EXP "}", JWT_RIGHT, BAD("audience")},
  {"audience in other letters", "p256", NULL, "{" ISS "\"aud\":\"https://phasegate.example.com/MCP\"," EXP "}", JWT_RIGHT, BAD("audience")},
  {"audience that begins alike", "p256", NULL, "{" ISS "\"aud\":\"https://phasegate.example.com/mcp.evil\"," EXP "}", JWT_RIGHT, BAD("audience")},
  {"audience is the client", "p256", NULL, "{" ISS "\"aud\":[\"my-client\"],\"azp\":\"" US "\"," EXP "}", JWT_RIGHT, BAD("audience")},
  {"expired", "p256", NULL, "{" ISS AUD "\"exp\":1799999970,\"scope\":\"mcp\"}", JWT_RIGHT, BAD("expired")},
  {"no expiry", "p256", NULL, "{" ISS AUD "\"scope\":\"mcp\"}", JWT_RIGHT, BAD("exp is missing")},
  {"expiry is text", "p256", NULL, "{" ISS AUD "\"exp\":\"1800000600\"}", JWT_RIGHT, BAD("exp is missing")},
  {"expiry beyond numbers", "p256", NULL, "{" ISS AUD "\"exp\":1e999}", JWT_RIGHT, BAD("exp is missing")},
  {"expiry below zero", "p256", NULL, "{" ISS AUD "\"exp\":-1}", JWT_RIGHT, BAD("exp is missing")},
  {"not yet", "p256", NULL, "{" ISS AUD EXP ",\"nbf\":1800000031}", JWT_RIGHT, BAD("not valid yet")},
  {"nbf is text", "p256", NULL, "{" ISS AUD EXP ",\"nbf\":\"0\"}", JWT_RIGHT, BAD("no number")},
  /* scopes */
  {"no scope", "p256", NULL, "{" ISS AUD EXP "}", JWT_RIGHT, TP_TOKEN_TOO_LITTLE, "scope"},
  {"another scope", "p256", NULL, "{" ISS AUD EXP ",\"scope\":\"mcpx openid\"}", JWT_RIGHT, TP_TOKEN_TOO_LITTLE, "scope"},
  {"a smaller scope", "p256", NULL, "{" ISS AUD EXP ",\"scope\":\"mcp:read\"}", JWT_RIGHT, TP_TOKEN_TOO_LITTLE, "scope"},
  {"scope is a number", "p256", NULL, "{" ISS AUD EXP ",\"scope\":1}", JWT_RIGHT, TP_TOKEN_TOO_LITTLE, "scope"})
/* clang-format on */
{
    const char *keys[] = {strcmp(row->key, "p256b") == 0 ? "p256" : row->key,
                          strcmp(row->key, "p256") == 0 ? NULL : "p256", NULL};
    struct tp_jwt *j = judge_with(jwt_kit_set(keys));
    const char *why = "";
    struct slice token =
        jwt_kit_token(row->key, row->header, row->claims, row->way);
    enum tp_verdict got = tp_jwt_judge(j, token, &why);
    if (got != row->want)
        FAIL("verdict %d, not %d: %s", got, row->want, why ? why : "");
    CHECK_CONTAINS(slice_of(why ? why : ""), row->why);
    clock_real();
}

struct key_row {
    const char *label, *more; /* members of the JWK */
    bool good;
};

TEST_EACH(jwt, a_key_signs_only_what_it_is_for, struct key_row, row,
          {"anything", "", true}, {"signatures", ",\"use\":\"sig\"", true},
          {"encryption", ",\"use\":\"enc\"", false},
          {"verify", ",\"key_ops\":[\"verify\"]", true},
          {"wrap", ",\"key_ops\":[\"wrapKey\"]", false},
          {"this algorithm", ",\"alg\":\"ES256\"", true},
          {"another algorithm", ",\"alg\":\"ES384\"", false},
          {"an unknown algorithm", ",\"alg\":\"ES257\"", false},
          {"a member twice", ",\"kty\":\"EC\"", false},
          {"a certificate beside", ",\"x5c\":[\"AAAA\"]", true})
{
    struct slice set = arena_printf(
        test_arena(), "{\"keys\":[%.*s,%.*s]}",
        SLICE_ARG(jwt_kit_jwk("p384", "")),
        SLICE_ARG(jwt_kit_jwk("p256", row->more)));
    struct tp_jwt *j = judge_with(set);
    const char *why;
    struct slice token = jwt_kit_token("p256", NULL, GOOD, JWT_RIGHT);
    CHECK_INT_EQ(tp_jwt_judge(j, token, &why) == TP_TOKEN_FINE, row->good);
    clock_real();
}

TEST(jwt, keys_may_be_pem_and_then_fit_every_kid)
{
    struct slice pem =
        arena_printf(test_arena(), "%.*s%.*s", SLICE_ARG(jwt_kit_pem("p384")),
                     SLICE_ARG(jwt_kit_pem("p256")));
    struct tp_jwt *j = judge_with(pem);
    const char *why;
    CHECK_INT_EQ(tp_jwt_judge(j, jwt_kit_token("p256", NULL, GOOD, JWT_RIGHT),
                              &why),
                 TP_TOKEN_FINE);
    CHECK_INT_EQ(tp_jwt_judge(j, jwt_kit_token("p384", NULL, GOOD, JWT_RIGHT),
                              &why),
                 TP_TOKEN_FINE);
    CHECK_INT_EQ(tp_jwt_judge(j, jwt_kit_token("p521", NULL, GOOD, JWT_RIGHT),
                              &why),
                 TP_TOKEN_INVALID);
    clock_real();
}

/* Keys roll: the old one is refused, the new one is good, a broken file
 * changes nothing. */
TEST(jwt, a_changed_file_of_keys_is_read_again)
{
    struct tp_jwt *j = judge_with(jwt_kit_set((const char *[]){"p256", NULL}));
    struct slice old = jwt_kit_token("p256", NULL, GOOD, JWT_RIGHT);
    struct slice fresh = jwt_kit_token("p384", NULL, GOOD, JWT_RIGHT);
    const char *why;
    CHECK_INT_EQ(tp_jwt_judge(j, old, &why), TP_TOKEN_FINE);
    CHECK_INT_EQ(tp_jwt_judge(j, fresh, &why), TP_TOKEN_INVALID);
    keys_file("ours.json", jwt_kit_set((const char *[]){"p384", NULL}));
    tp_jwt_refresh(j);
    CHECK_INT_EQ(tp_jwt_judge(j, old, &why), TP_TOKEN_INVALID);
    CHECK_INT_EQ(tp_jwt_judge(j, fresh, &why), TP_TOKEN_FINE);
    keys_file("ours.json", SLICE("{\"keys\":"));
    tp_jwt_refresh(j);
    CHECK_INT_EQ(tp_jwt_judge(j, fresh, &why), TP_TOKEN_FINE);
    keys_file("ours.json", SLICE("{\"keys\":[]}"));
    tp_jwt_refresh(j);
    CHECK_INT_EQ(tp_jwt_judge(j, fresh, &why), TP_TOKEN_INVALID);
    clock_real();
}

struct rolling {
    struct tp_jwt *j;
    struct slice p256, p384, sets[2];
};

/* One thread reads keys again and again, the others judge: whichever set is
 * there, exactly one of the two tokens is good or was good a moment ago. */
static void roll(void *ctx, int i)
{
    struct rolling *r = ctx;
    const char *why;
    for (int n = 0; n < 40; n++) {
        if (i == 0) {
            keys_file("ours.json", r->sets[n % 2]);
            tp_jwt_refresh(r->j);
        } else {
            (void)tp_jwt_judge(r->j, i % 2 ? r->p256 : r->p384, &why);
        }
    }
}

TEST(jwt, keys_roll_while_tokens_are_judged)
{
    struct rolling r = {
        .p256 = jwt_kit_token("p256", NULL, GOOD, JWT_RIGHT),
        .p384 = jwt_kit_token("p384", NULL, GOOD, JWT_RIGHT),
        .sets = {jwt_kit_set((const char *[]){"p384", NULL}),
                 jwt_kit_set((const char *[]){"p256", NULL})}};
    r.j = judge_with(r.sets[1]);
    const char *why;
    test_threads(3, roll, &r);
    CHECK_INT_EQ(tp_jwt_judge(r.j, r.p256, &why), TP_TOKEN_FINE);
    CHECK_INT_EQ(tp_jwt_judge(r.j, r.p384, &why), TP_TOKEN_INVALID);
    clock_real();
}

struct unusable {
    const char *label, *text, *why;
};

TEST_EACH(jwt, a_file_without_a_usable_key_stops_the_start, struct unusable,
          row, {"empty", "", "neither a JWK set nor PEM"},
          {"no keys", "{\"keys\":[]}", "no usable key"},
          {"not a set", "{\"kty\":\"EC\"}", "no array"},
          {"no JSON", "{", ""},
          {"a secret alone",
           "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "no usable key"},
          {"a point off its curve",
           "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
           "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\",\"y\":"
           "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
           "no usable key"},
          {"RSA with e of 1",
           "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQ\"}]}",
           "no usable key"},
          {"a private PEM", "-----BEGIN PRIVATE KEY-----\n", "neither"})
{
    struct tp_jwt_issuer issuer = {
        SLICE(ISSUER), keys_file("keys", slice_of(row->text))};
    struct tp_jwt_config c = {
        .issuers = &issuer, .issuers_count = 1, .audience = SLICE(US)};
    struct problem p;
    struct tp_jwt *j;
    problem_init(&p);
    CHECK_ERR(tp_jwt_new(&c, test_arena(), &p, &j), ERR_INVALID);
    CHECK_CONTAINS(p.why, row->why);
    CHECK_CONTAINS(p.what, ISSUER);
}
#endif
