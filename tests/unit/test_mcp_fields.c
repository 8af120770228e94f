#include "mcp/fields.h"

#include "tests/runner/test.h"

struct args {
    struct slice name, kind;
    int64_t number, other;
    bool flag;
    const struct json *thing;
    struct mcp_strings list;
    unsigned parts;
};

static const char *const kinds[] = {"red", "green", NULL};
static const char *const parts[] = {"head", "tail", NULL};
static const struct mcp_field fields[] = {
    {"name", MCP_FIELD_STRING, offsetof(struct args, name), .required = true,
     .description = "Who.", .min = 1, .max = 5, .example = "\"anna\""},
    {"kind", MCP_FIELD_STRING, offsetof(struct args, kind), .choices = kinds},
    {"number", MCP_FIELD_INTEGER, offsetof(struct args, number), .max = 9,
     .def = 4, .has_default = true, .example = "4"},
    {"other_number", MCP_FIELD_INTEGER, offsetof(struct args, other),
     .min = INT64_MIN, .def = INT64_MIN},
    {"flag", MCP_FIELD_BOOLEAN, offsetof(struct args, flag), .def = true},
    {"thing", MCP_FIELD_OBJECT, offsetof(struct args, thing),
     .wrong = ERR_EVIDENCE_NOT_OBJECT},
    {"list", MCP_FIELD_STRINGS, offsetof(struct args, list), .max = 3},
    {"parts", MCP_FIELD_FLAGS, offsetof(struct args, parts), .choices = parts},
    {0}};

static const struct json *read(const char *text)
{
    const struct json *v = NULL;
    struct json_error je;
    CHECK_OK(json_parse(slice_of(text), NULL, test_arena(), &v, &je));
    return v;
}

static enum err parse(const char *text, struct args *ret, struct problem *p)
{
    problem_init(p);
    return mcp_fields_parse(fields, text ? read(text) : NULL, test_arena(), ret,
                            sizeof(*ret), p);
}

TEST(mcp_fields, reads_every_type_into_its_place)
{
    struct args a;
    struct problem p;
    CHECK_OK(parse("{\"parts\":[\"tail\"],\"list\":[\"a\",\"\"],\"thing\":"
                   "{\"x\":1},\"flag\":false,\"other_number\":-7,\"number\":"
                   "9,\"kind\":\"green\",\"name\":\"\\u00e9va\"}",
                   &a, &p));
    CHECK_TEXT_EQ(a.name, "éva");
    CHECK_TEXT_EQ(a.kind, "green");
    CHECK_INT_EQ(a.number, 9);
    CHECK_INT_EQ(a.other, -7);
    CHECK(!a.flag);
    CHECK_TEXT_EQ(a.thing->raw, "{\"x\":1}");
    CHECK_INT_EQ(a.list.count, 2);
    CHECK_TEXT_EQ(a.list.items[0], "a");
    CHECK_INT_EQ(a.parts, 2);
}

struct other {
    const char *text;
};
TEST_EACH(mcp_fields, takes_an_object_only, struct other, row, {"[]"},
          {"[[[]]]"}, {"[{\"name\":\"x\"}]"}, {"\"name\""}, {"7"}, {"true"},
          {"null"})
{
    struct args a;
    struct problem p;
    CHECK_ERR(parse(row->text, &a, &p), ERR_INVALID_PARAMETER);
    CHECK_CONTAINS(p.how_to_fix, "one JSON object");
}

TEST(mcp_fields, gives_defaults_for_what_is_absent_or_null)
{
    struct args a;
    struct problem p;
    CHECK_OK(parse("{\"name\":\"x\",\"kind\":null,\"number\":null,\"flag\":"
                   "null,\"thing\":null,\"list\":null,\"parts\":null}",
                   &a, &p));
    CHECK(!a.kind.p && !a.thing && !a.list.items && !a.parts);
    CHECK_INT_EQ(a.number, 4);
    CHECK(a.other == INT64_MIN);
    CHECK(a.flag);
}

struct refused_row {
    const char *in;
    enum err err;
    const char *what, *why, *how;
};

/* clang-format off */
TEST_EACH(mcp_fields, refuses, struct refused_row, row,
    {NULL, ERR_MISSING_PARAMETER, "`name` is missing", "a string, from 1 to 5 characters", "\"anna\""},
    {"{}", ERR_MISSING_PARAMETER, "`name`", "string", "\"name\": \"anna\""},
    {"{\"name\":null}", ERR_INVALID_PARAMETER, "`name` is null", "string", "anna"},
    {"{\"name\":5}", ERR_INVALID_PARAMETER, "`name` is 5", "string", "anna"},
    {"{\"name\":\"\"}", ERR_INVALID_PARAMETER, "`name` is \"\"", "from 1 to 5", "anna"},
    {"{\"name\":\"abcdef\"}", ERR_INVALID_PARAMETER, "abcdef", "from 1 to 5", "anna"},
    {"{\"name\":\"a\\u0000\"}", ERR_INVALID_PARAMETER, "NUL", "name", "name"},
    {"{\"name\":\"a\",\"name\":\"b\"}", ERR_INVALID_PARAMETER, "`name` stands twice", "one value", "once"},
    {"{\"name\":\"a\",\"n\\u0061me\":\"b\"}", ERR_INVALID_PARAMETER, "`name` stands twice", "", ""},
    {"{\"name\":\"a\",\"kind\":\"blue\"}", ERR_INVALID_PARAMETER, "\"blue\"", "one of red, green", "kind"},
    {"{\"name\":\"a\",\"kind\":\"Red\"}", ERR_INVALID_PARAMETER, "\"Red\"", "red", "kind"},
    {"{\"name\":\"a\",\"number\":-1}", ERR_INVALID_PARAMETER, "`number` is -1", "integer, from 0 to 9", "4"},
    {"{\"name\":\"a\",\"number\":10}", ERR_INVALID_PARAMETER, "10", "from 0 to 9", "4"},
    {"{\"name\":\"a\",\"number\":1.9}", ERR_INVALID_PARAMETER, "1.9", "integer", "4"},
    {"{\"name\":\"a\",\"number\":\"1\"}", ERR_INVALID_PARAMETER, "\"1\"", "integer", "4"},
    {"{\"name\":\"a\",\"number\":true}", ERR_INVALID_PARAMETER, "true", "integer", "4"},
    {"{\"name\":\"a\",\"number\":1e30}", ERR_INVALID_PARAMETER, "1e30", "integer", "4"},
    {"{\"name\":\"a\",\"number\":99999999999999999999}", ERR_INVALID_PARAMETER, "9999", "integer", "4"},
    {"{\"name\":\"a\",\"flag\":1}", ERR_INVALID_PARAMETER, "`flag` is 1", "true or false", "flag"},
    {"{\"name\":\"a\",\"thing\":[]}", ERR_EVIDENCE_NOT_OBJECT, "`thing` is []", "object", "thing"},
    {"{\"name\":\"a\",\"thing\":\"{}\"}", ERR_EVIDENCE_NOT_OBJECT, "thing", "object", "thing"},
    {"{\"name\":\"a\",\"thing\":{\"a\":[{\"b\":1,\"b\":2}]}}", ERR_INVALID_PARAMETER, "`b` stands twice", "", ""},
    {"{\"name\":\"a\",\"list\":\"x\"}", ERR_INVALID_PARAMETER, "list", "array of strings", "list"},
    {"{\"name\":\"a\",\"list\":[1]}", ERR_INVALID_PARAMETER, "list", "array of strings", "list"},
    {"{\"name\":\"a\",\"list\":[\"\",\"\",\"\",\"\"]}", ERR_INVALID_PARAMETER, "list", "to 3 items", "list"},
    {"{\"name\":\"a\",\"list\":[\"\\u0000\"]}", ERR_INVALID_PARAMETER, "NUL", "", "list"},
    {"{\"name\":\"a\",\"parts\":[\"middle\"]}", ERR_INVALID_PARAMETER, "middle", "each one of head, tail", "parts"},
    {"{\"name\":\"a\",\"parts\":{}}", ERR_INVALID_PARAMETER, "parts", "array", "parts"},
    {"{\"name\":\"a\",\"nubmer\":1}", ERR_INVALID_PARAMETER, "`nubmer` is not known", "Known here: name, kind, number", "Did you mean `number`?"},
    {"{\"name\":\"a\",\"numb\":1}", ERR_INVALID_PARAMETER, "numb", "Known", "`number`"},
    {"{\"name\":\"a\",\"zzzzzzzz\":1}", ERR_INVALID_PARAMETER, "zzzzzzzz", "Known", "Leave"},
    {"{\"name\":\"a\",\"\":1}", ERR_INVALID_PARAMETER, "not known", "Known", "Leave"})
/* clang-format on */
{
    struct args a;
    struct problem p;
    CHECK_ERR(parse(row->in, &a, &p), row->err);
    CHECK_INT_EQ(p.err, row->err);
    CHECK_CONTAINS(p.what, row->what);
    CHECK_CONTAINS(p.why, row->why);
    CHECK_CONTAINS(p.how_to_fix, row->how);
    CHECK_CONTAINS(p.extra, "\"field\":\"");
}

TEST(mcp_fields, accepts_integers_written_with_a_fraction_of_zero)
{
    struct args a;
    struct problem p;
    CHECK_OK(parse("{\"name\":\"x\",\"number\":3.0}", &a, &p));
    CHECK_INT_EQ(a.number, 3);
    CHECK_OK(parse("{\"name\":\"x\",\"number\":0.5e1}", &a, &p));
    CHECK_INT_EQ(a.number, 5);
}

TEST(mcp_fields, cuts_a_long_value_between_characters)
{
    struct args a;
    struct problem p;
    struct buf b = BUF_INIT(4096);
    buf_puts(&b, "{\"name\":\"");
    for (int i = 0; i < 200; i++) buf_puts(&b, "é");
    buf_puts(&b, "\"}");
    buf_putc(&b, 0);
    CHECK_ERR(parse(b.p, &a, &p), ERR_INVALID_PARAMETER);
    CHECK_INT_EQ(slice_utf8_valid(p.what), p.what.n);
    CHECK_INT_LT(p.what.n, 120);
    buf_done(&b);
}

TEST(mcp_fields, prints_the_schema_it_holds)
{
    struct buf b = BUF_INIT(1 << 16);
    struct json_writer w = json_writer(&b);
    mcp_fields_schema(fields, &w);
    CHECK_TEXT_EQ(
        buf_slice(&b),
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\","
        "\"description\":\"Who.\",\"minLength\":1,\"maxLength\":5},\"kind\":{"
        "\"type\":\"string\",\"enum\":[\"red\",\"green\"]},\"number\":{"
        "\"type\":\"integer\",\"minimum\":0,\"maximum\":9,\"default\":4},"
        "\"other_number\":{\"type\":\"integer\"},\"flag\":{\"type\":"
        "\"boolean\"},\"thing\":{\"type\":\"object\"},\"list\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":3},\"parts\":{"
        "\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"head\","
        "\"tail\"]}}},\"required\":[\"name\"],\"additionalProperties\":"
        "false}");
    buf_clear(&b);
    w = json_writer(&b);
    mcp_fields_schema(NULL, &w);
    CHECK_TEXT_EQ(buf_slice(&b),
                  "{\"type\":\"object\",\"additionalProperties\":false}");
    buf_done(&b);
}
