#include "engine/digest.h"

#include "tests/unit/engine_fixture.h"

static void digest(const char *text, uint8_t out[SHA256_SIZE])
{
    struct sha256 h;
    sha256_init(&h);
    CHECK_OK(eng__digest_json(&h, parse(text), test_arena()));
    sha256_end(&h, out);
}

struct pair {
    const char *a, *b;
    bool same;
};
TEST_EACH(digest, goes_by_meaning, struct pair, row,
          {"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [true, null], \"a\":1.0 }",
           true},
          {"{\"a\":\"\\u0041\"}", "{\"a\":\"A\"}", true}, {"1e2", "100", true},
          {"{\"a\":1}", "{\"a\":\"1\"}", false},
          {"{\"a\":true}", "{\"a\":1}", false}, {"[1,[2]]", "[1,2]", false},
          {"[\"ab\",\"c\"]", "[\"a\",\"bc\"]", false}, {"{}", "[]", false},
          {"0.1", "0.2", false},
          {"9007199254740993", "9007199254740992", false})
{
    uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
    digest(row->a, a);
    digest(row->b, b);
    CHECK_INT_EQ(sha256_equal(a, b), row->same);
}
