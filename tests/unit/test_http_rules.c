/* Whom the rules of HTTP let in: Host, Origin, Content-Type, a token. */
#include "tests/runner/test.h"
#include "transport/http_rules.h"

struct verdict {
    const char *text;
    bool allowed;
};

TEST_EACH(http_rules, a_host_must_name_us, struct verdict, row,
          {"localhost", true}, {"LOCALHOST:80", true}, {"127.0.0.1:4242", true},
          {"[::1]:4242", true}, {"[::1]", true}, {"box.local:1", true},
          {"", false}, {"evil.example.com", false}, {"localhost.evil", false},
          {"localhost:", false}, {"localhost:x", false},
          {"localhost:99999", false}, {"localhost:-1", false},
          {"127.0.0.1.evil", false}, {"[::1", false}, {"[::2]", false},
          {"localhost:80:80", false}, {"user@localhost", false})
{
    static const struct slice more[] = {SLICE_INIT("box.local")};
    struct tp_names names = {more, 1};
    CHECK_INT_EQ(tp_host_allowed(slice_of(row->text), &names), row->allowed);
}

TEST_EACH(http_rules, an_origin_must_name_us, struct verdict, row,
          {"http://localhost", true}, {"https://localhost:3000", true},
          {"HTTP://127.0.0.1", true}, {"null", false}, {"", false},
          {"localhost", false}, {"file://localhost", false},
          {"http://evil.example.com", false},
          {"http://localhost.evil.example.com", false},
          {"http://localhost/", false})
{
    CHECK_INT_EQ(tp_origin_allowed(slice_of(row->text), NULL), row->allowed);
}

TEST_EACH(http_rules, only_json_in_utf_8_is_content, struct verdict, row,
          {"application/json", true},
          {"Application/JSON ; charset=UTF-8", true},
          {"application/json;charset=\"utf-8\"", true},
          {"application/json; foo=bar", true},
          {"application/json; charset=latin1", false}, {"text/plain", false},
          {"", false}, {"application/jsonx", false},
          {"application/json-seq", false})
{
    CHECK_INT_EQ(tp_content_is_json(slice_of(row->text)), row->allowed);
}

TEST_EACH(http_rules, a_token_must_be_the_whole_token, struct verdict, row,
          {"Bearer secret", true}, {"bearer  secret ", true},
          {"Bearer secre", false}, {"Bearer secrets", false},
          {"Bearer secretsecret", false}, {"Bearer ", false}, {"secret", false},
          {"Basic secret", false}, {"", false})
{
    CHECK_INT_EQ(tp_bearer_is(slice_of(row->text), SLICE("secret")),
                 row->allowed);
    CHECK(!tp_bearer_is(slice_of(row->text), SLICE("")));
}
