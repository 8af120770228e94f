/* What is said to a client without the right token, and where it finds who
 * gives it one. */
#include "transport/authority.h"

#include "base/json.h"
#include "tests/runner/test.h"

struct header {
    const char *value;
    enum tp_verdict want;
    const char *token;
};

TEST_EACH(authority, a_header_has_one_token, struct header, row,
          {"Bearer abc.DEF-_~+/=", TP_TOKEN_FINE, "abc.DEF-_~+/="},
          {"bearer abc", TP_TOKEN_FINE, "abc"},
          {"BEARER  abc ", TP_TOKEN_FINE, "abc"}, {"", TP_TOKEN_ABSENT, ""},
          {"Basic YTpi", TP_TOKEN_ABSENT, ""}, {"Bearerabc", TP_TOKEN_ABSENT, ""},
          {"Bearer", TP_TOKEN_MALFORMED, ""}, {"Bearer ", TP_TOKEN_MALFORMED, ""},
          {"Bearer a b", TP_TOKEN_MALFORMED, ""},
          {"Bearer a,b", TP_TOKEN_MALFORMED, ""},
          {"Bearer \"a\"", TP_TOKEN_MALFORMED, ""})
{
    struct slice token;
    CHECK_INT_EQ(tp_bearer_token(slice_of(row->value), &token), row->want);
    CHECK_TEXT_EQ(token, row->token);
}

static const struct slice issuers[] = {SLICE_INIT("https://login.example.com")};
static const struct slice scopes[] = {SLICE_INIT("mcp"), SLICE_INIT("gates")};
#define PLACE(url_)                                                            \
    {                                                                          \
        .resource = SLICE_INIT(url_), .issuers = issuers, .issuers_count = 1,  \
        .scopes = scopes, .scopes_count = 2                                    \
    }
static const struct tp_authority place =
    PLACE("https://phasegate.example.com/mcp");

struct said {
    enum tp_verdict verdict;
    int status;
    const char *why, *header;
};
#define METADATA                                                               \
    "resource_metadata=\"https://phasegate.example.com/.well-known/"           \
    "oauth-protected-resource/mcp\", scope=\"mcp gates\""

TEST_EACH(authority, each_refusal_has_its_words, struct said, row,
          {TP_TOKEN_ABSENT, 401, NULL, "Bearer " METADATA},
          {TP_TOKEN_MALFORMED, 400, NULL,
           "Bearer error=\"invalid_request\", " METADATA},
          {TP_TOKEN_INVALID, 401, "it has expired",
           "Bearer error=\"invalid_token\", error_description=\"it has "
           "expired\", " METADATA},
          {TP_TOKEN_TOO_LITTLE, 403, "the token lacks a scope",
           "Bearer error=\"insufficient_scope\", error_description=\"the token "
           "lacks a scope\", " METADATA})
{
    struct buf b = BUF_INIT(4096);
    tp_challenge(&place, row->verdict, row->why, &b);
    CHECK_TEXT_EQ(buf_slice(&b), row->header);
    CHECK_INT_EQ(tp_verdict_status(row->verdict), row->status);
    buf_done(&b);
}

struct where {
    struct tp_authority a;
    const char *url;
};

TEST_EACH(authority, the_document_lies_below_the_host, struct where, row,
          {PLACE("https://a.example/mcp"),
           "\"https://a.example/.well-known/oauth-protected-resource/mcp\""},
          {PLACE("https://a.example"),
           "\"https://a.example/.well-known/oauth-protected-resource\""},
          {PLACE("http://127.0.0.1:4242/x/mcp"),
           "\"http://127.0.0.1:4242/.well-known/oauth-protected-resource/x/"
           "mcp\""})
{
    struct buf b = BUF_INIT(4096);
    tp_challenge(&row->a, TP_TOKEN_ABSENT, NULL, &b);
    CHECK_CONTAINS(buf_slice(&b), row->url);
    buf_done(&b);
}

struct grant {
    const char *granted, *needed;
    bool yes;
};

TEST_EACH(authority, a_scope_contains_those_below_it, struct grant, row,
          {"mcp", "mcp", true}, {"a mcp b", "mcp", true},
          {"mcp", "mcp:read", true}, {"mcp:read", "mcp", false},
          {"mcp", "mcpx", false}, {"", "mcp", false}, {"MCP", "mcp", false},
          {"mcp:a", "mcp:a:b", true}, {"  ", "mcp", false})
{
    CHECK_INT_EQ(
        tp_scope_granted(slice_of(row->granted), slice_of(row->needed)),
        row->yes);
}
