/* Who may call over HTTP, when an authorization server decides it: the real
 * program, real sockets. */
#include "base/file.h"
#include "tests/integration/program.h"
#include "tests/runner/client.h"
#include "tests/runner/server.h"
#ifdef PHASEGATE_JWT
#include "base/clock.h"
#include "tests/unit/jwt_kit.h"
#endif

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define ISSUER "https://login.example.com"
#define US "https://phasegate.example.com/mcp"
#define METADATA                                                               \
    "resource_metadata=\"https://phasegate.example.com/.well-known/"           \
    "oauth-protected-resource/mcp\", scope=\"gates\""

#ifndef PHASEGATE_JWT
TEST(access, a_program_without_jwt_refuses_to_start_with_issuers)
{
    const char *project = new_project("p");
    struct ended end = RUN_IN(project, "serve", "--transport", "http",
                              "--http-port", "0", "--auth-issuers",
                              ISSUER "=/keys.json");
    CHECK_INT_NE(end.status, 0);
    CHECK_CONTAINS(end.err, "PHASEGATE_JWT");
}
#else

static struct server *start(struct http **ret)
{
    struct slice keys =
        path_join(test_arena(), slice_of(test_tmpdir()), SLICE("keys.json"));
    CHECK_OK(file_write_atomic(
        keys, jwt_kit_set((const char *[]){"p256", NULL}), 0600));
    const char *args[] = {
        "--auth-issuers",
        arena_printf(test_arena(), ISSUER "=%.*s", SLICE_ARG(keys)).p,
        "--auth-resource", US, "--auth-scopes", "gates", NULL};
    struct server *s = server_start(&(struct server_options){.args = args});
    *ret = http_open(server_port(s));
    return s;
}

/* A token that ends `seconds` from now. */
static const char *token(int64_t seconds, const char *scope)
{
    struct slice claims = arena_printf(
        test_arena(),
        "{\"iss\":\"" ISSUER "\",\"aud\":\"" US "\",\"exp\":%lld,"
        "\"scope\":\"%s\"}",
        (long long)(clock_wall_ms() / 1000 + seconds), scope);
    return arena_printf(test_arena(), "%.*s",
                        SLICE_ARG(jwt_kit_token("p256", NULL, claims.p,
                                                JWT_RIGHT)))
        .p;
}

static struct http_reply ping(struct http *h, const char *path,
                              const char *authorization)
{
    return http_request(
        h, "POST", path,
        arena_printf(test_arena(), "Content-Type: application/json\r\n%s",
                     authorization)
            .p,
        SLICE(PING));
}

static const char *bearer(const char *value)
{
    return arena_printf(test_arena(), "Authorization: Bearer %s\r\n", value).p;
}

static void expect(struct http_reply r, int status, const char *challenge)
{
    CHECK_INT_EQ(r.status, status);
    CHECK_TEXT_EQ(http_header(&r, "WWW-Authenticate"), challenge);
}

TEST(access, each_token_gets_its_answer)
{
    struct http *h;
    struct server *s = start(&h);
    const char *good = token(600, "openid gates");
    expect(ping(h, "/mcp", ""), 401, "Bearer " METADATA);
    expect(ping(h, "/mcp", bearer(good)), 200, "");
    expect(ping(h, "/mcp", bearer(token(600, "gates"))), 200, "");
    expect(ping(h, "/mcp", bearer(token(-600, "gates"))), 401,
           "Bearer error=\"invalid_token\", error_description=\"it has "
           "expired\", " METADATA);
    expect(ping(h, "/mcp", bearer(token(600, "openid"))), 403,
           "Bearer error=\"insufficient_scope\", error_description=\"the token "
           "lacks a scope\", " METADATA);
    expect(ping(h, "/mcp", bearer("two words")), 400,
           "Bearer error=\"invalid_request\", " METADATA);
    expect(ping(h, "/mcp",
                arena_printf(test_arena(), "%s%s", bearer(good), bearer(good))
                    .p),
           400, "Bearer error=\"invalid_request\", " METADATA);
    expect(ping(h, "/mcp", "Authorization: Basic YTpi\r\n"), 401,
           "Bearer " METADATA);
    expect(ping(h,
                arena_printf(test_arena(), "/mcp?access_token=%s", good).p,
                ""),
           401, "Bearer " METADATA);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
}

TEST(access, our_own_token_stays_good)
{
    struct http *h;
    struct server *s = start(&h);
    struct slice own;
    const char *path = arena_printf(test_arena(), "%s/.phasegate/agent.token",
                                    server_project(s))
                           .p;
    CHECK_OK(file_read(slice_of(path), 4096, test_arena(), &own));
    own = slice_trim(own);
    expect(ping(h, "/mcp",
                bearer(arena_printf(test_arena(), "%.*s", SLICE_ARG(own)).p)),
           200, "");
}

TEST(access, clients_find_the_authorization_server_without_a_token)
{
    static const char *const paths[] = {
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp"};
    struct http *h;
    (void)start(&h);
    for (size_t i = 0; i < 2; i++) {
        struct http_reply r = http_request(h, "GET", paths[i], "", SLICE(""));
        CHECK_INT_EQ(r.status, 200);
        CHECK_TEXT_EQ(http_header(&r, "Content-Type"), "application/json");
        CHECK_TEXT_EQ(r.body, "{\"resource\":\"" US
                              "\",\"authorization_servers\":[\"" ISSUER
                              "\"],\"scopes_supported\":[\"gates\"],"
                              "\"bearer_methods_supported\":[\"header\"],"
                              "\"resource_name\":\"phasegate\"}");
    }
}

struct wrong {
    const char *label, *issuers, *resource, *says;
};

TEST_EACH(access, a_start_with_wrong_words_says_which, struct wrong, row,
          {"no file", ISSUER, US, "auth.issuers"},
          {"no url", "login=keys.json", US, "auth.issuers"},
          {"plain http", "http://login.example.com=keys.json", US,
           "auth.issuers"},
          {"file that is not there", ISSUER "=/nowhere.json", US,
           "/nowhere.json"},
          {"resource with a query", ISSUER "=keys.json", US "?a", "resource"},
          {"resource over http", ISSUER "=keys.json", "http://a.example/mcp",
           "resource"})
{
    struct ended end = RUN_IN(new_project("p"), "serve", "--transport", "http",
                              "--http-port", "0", "--auth-issuers",
                              row->issuers, "--auth-resource", row->resource);
    CHECK_INT_NE(end.status, 0);
    CHECK_CONTAINS(end.err, row->says);
}
#endif
