#include "base/yaml.h"

#include "base/alloc.h"
#include "base/json_write.h"
#include "tests/runner/test.h"

static const struct json *must_parse(const char *in)
{
    const struct json *v = NULL;
    struct yaml_error err = {0};
    if (yaml_parse(slice_of(in), NULL, test_arena(), &v, &err))
        FAIL("%u:%u: %.*s", err.line, err.column, SLICE_ARG(err.what));
    return v;
}

static struct slice as_json(const struct json *v)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    json_value(&w, v);
    struct slice text = arena_copy(test_arena(), buf_slice(&out));
    buf_done(&out);
    return text;
}

struct reads {
    const char *yaml, *json;
};

TEST_EACH(
    yaml, reads_what_workflow_files_use, struct reads, row, {"", "null"},
    {"# only a comment\n", "null"}, {"---\n", "null"},
    {"---\na: 1\n", "{\"a\":1}"},
    {"\xEF\xBB\xBF"
     "a: 1\n",
     "{\"a\":1}"},
    {"a: 1\n...\n", "{\"a\":1}"}, {"%YAML 1.2\n---\na: 1\n", "{\"a\":1}"},
    {"a: 1\nb:\n  c: 2\n  d: [x, \"y z\", 3]\n",
     "{\"a\":1,\"b\":{\"c\":2,\"d\":[\"x\",\"y z\",3]}}"},
    {"- a\n- - b\n  - c\n-\n  d: e\n", "[\"a\",[\"b\",\"c\"],{\"d\":\"e\"}]"},
    {"a:\n- 1\n- 2\nb: 3\n", "{\"a\":[1,2],\"b\":3}"},
    {"v: {}\nw: []\n", "{\"v\":{},\"w\":[]}"},
    {"a: 1 # note\nb: 'x # y'\nc: x#y\n",
     "{\"a\":1,\"b\":\"x # y\",\"c\":\"x#y\"}"},
    {"a: |\n  one\n    two\n\n  three\nb: 1\n",
     "{\"a\":\"one\\n  two\\n\\nthree\\n\",\"b\":1}"},
    {"a: |-\n  one\n  two\n", "{\"a\":\"one\\ntwo\"}"},
    {"a: >\n  one\n  two\n\n  three\n", "{\"a\":\"one two\\nthree\\n\"}"},
    {"a: one\n  two\n", "{\"a\":\"one two\"}"},
    {"a: 'it''s'\nb: \"\\u00e9\\t\\\"\\x41\"\n",
     "{\"a\":\"it's\",\"b\":\"\xC3\xA9\\t\\\"A\"}"},
    {"a: \xE2\x89\xA4 \xF0\x9F\x8E\xAF\n",
     "{\"a\":\"\xE2\x89\xA4 \xF0\x9F\x8E\xAF\"}"},
    {"\"a b\": 1\n'c': 2\n? d\n: 3\n", "{\"a b\":1,\"c\":2,\"d\":3}"},
    {"a: 1\r\nb: x\r\n", "{\"a\":1,\"b\":\"x\"}"},
    {"rule: \"lambda x: x > 0\"\n", "{\"rule\":\"lambda x: x > 0\"}"},
    {"1: a\ntrue: b\nnull: c\n", "{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\"}"},
    {"'<<': 1\n", "{\"<<\":1}"}, {"a: \"\"\nb:\n", "{\"a\":\"\",\"b\":null}"},
    {"{a: 1, b, c: }", "{\"a\":1,\"b\":null,\"c\":null}"},
    {"plain text", "\"plain text\""})
{
    CHECK_TEXT_EQ(as_json(must_parse(row->yaml)), row->json);
}

TEST_EACH(yaml, reads_plain_scalars_by_the_core_schema, struct reads, row,
          {"true", "true"}, {"True", "true"}, {"TRUE", "true"},
          {"false", "false"}, {"False", "false"}, {"FALSE", "false"},
          {"tRUE", "\"tRUE\""}, {"yes", "\"yes\""}, {"no", "\"no\""},
          {"on", "\"on\""}, {"Off", "\"Off\""}, {"y", "\"y\""},
          {"null", "null"}, {"Null", "null"}, {"NULL", "null"}, {"~", "null"},
          {"nULL", "\"nULL\""}, {"0", "0"}, {"-0", "-0"}, {"17", "17"},
          {"-17", "-17"}, {"1.50", "1.50"}, {"-1.5e+3", "-1.5e+3"},
          {"1E5", "1E5"},
          {"123456789012345678901234567890", "123456789012345678901234567890"},
          {"1.2.3", "\"1.2.3\""}, {"1_000", "\"1_000\""},
          {"12:30", "\"12:30\""}, {"2026-11-21", "\"2026-11-21\""},
          {"1e", "\"1e\""}, {"-", "[null]"}, {"--", "\"--\""}, {".", "\".\""},
          {"0x", "\"0x\""}, {"0xG", "\"0xG\""}, {"0b11", "\"0b11\""},
          {"'12'", "\"12\""}, {"\"true\"", "\"true\""}, {"'null'", "\"null\""},
          {"|\n  12", "\"12\""})
{
    CHECK_TEXT_EQ(as_json(must_parse(row->yaml)), row->json);
}

struct refusal {
    const char *yaml;
    uint32_t line, column;
    const char *says;
};

TEST_EACH(yaml, refuses_with_line_column_and_mend, struct refusal, row,
          {"a: &x 1\n", 1, 4, "anchors"}, {"a: 1\nb: *x\n", 2, 4, "aliases"},
          {"&x a: 1\n", 1, 1, "anchors"}, {"- &x\n  a: 1\n", 1, 3, "anchors"},
          {"- &x [1]\n", 1, 3, "anchors"}, {"a: !!str 1\n", 1, 4, "tags"},
          {"a: !mine 1\n", 1, 4, "tags"}, {"a: !u!x 1\n", 1, 4, "tags"},
          {"a: ! 1\n", 1, 4, "tags"}, {"- !!map {a: 1}\n", 1, 3, "tags"},
          {"%TAG !e! tag:example.org,2000:\n---\na: 1\n", 1, 1, "%TAG"},
          {"x: 1\n<<: {a: 1}\n", 2, 1, "merge keys"},
          {"a: 1\n---\nb: 2\n", 2, 1, "second document"},
          {"a: 1\n...\nb: 2\n", 3, 1, "document has ended"},
          {"a: 1\nb: 2\na: 3\n", 3, 1, "'a' stands in line 1 already"},
          {"m:\n  \"k\": 1\n  'k': 2\n", 3, 3, "'k' stands in line 2"},
          {"{a: 1, a: 2}", 1, 8, "'a' stands in line 1"},
          {"[a]: 1\n", 1, 1, "a key must be"},
          {"? {a: b}\n: 1\n", 1, 3, "a key must be"},
          {": 1\n", 1, 1, "a key was expected"},
          {"? \n: 1\n", 1, 2, "a key is missing"},
          {"a:\n\tb: 1\n", 2, 1, "a tab in the indentation"},
          {"a:\n  b: 1\n\tc: 2\n", 3, 1, "a tab in the indentation"},
          {"a:\n  \tb: 1\n", 2, 3, "a tab in the indentation"},
          {"\ta: 1\n", 1, 1, "a tab in the indentation"},
          {"a:\n  - b\n\t- c\n", 3, 1, "a tab in the indentation"},
          {"a: |\n\tx\n", 2, 1, "a tab in the indentation"},
          {"a: \xC3\xA9 x\nb: \xFF\n", 2, 4, "not UTF-8"},
          {"a: \xC0\xAF\n", 1, 4, "not UTF-8"},
          {"a: \xED\xA0\x80\n", 1, 4, "not UTF-8"},
          {"\xC3\xA9\xC3\xA9: x\x01\n", 1, 6, "control character"},
          {"a: b: c\n", 1, 5, "quote a text that contains ': '"},
          {"a:\n  b: 1\n c: 2\n", 3, 2, "align it"},
          {"a: [1, 2\nb: 3\n", 2, 2, "']'"}, {"a: {x: 1\n", 2, 1, "'}'"},
          {"a: \"open\n", 2, 1, "close them"},
          {"a: 'open\n", 2, 1, "close them"},
          {"a: @x\n", 1, 4, "put it in quotes"},
          {"a: `x`\n", 1, 4, "put it in quotes"},
          {"a: \"\\q\"\n", 1, 5, "unknown escape"},
          {"a: \"\\ud800\"\n", 1, 7, "surrogates"},
          {"a: 1\nb\nc: 2\n", 3, 1, "no ': '"},
          {"a: - b\n", 1, 4, "a list cannot begin here"},
          {"%YAML 2.0\n---\na: 1\n", 1, 1, "%YAML"},
          {"a: 0x1F\n", 1, 4, "write 31,"}, {"a: 0o17\n", 1, 4, "write 15,"},
          {"a: +12\n", 1, 4, "write 12,"}, {"a: 007\n", 1, 4, "write 7,"},
          {"a: -.5\n", 1, 4, "write -0.5,"}, {"a: 5.\n", 1, 4, "write 5.0,"},
          {"a: .inf\n", 1, 4, "'.inf' in quotes"},
          {"a: -.INF\n", 1, 4, "in quotes"}, {"a: .NaN\n", 1, 4, "in quotes"},
          {"a: 0xFFFFFFFFFFFFFFFFFF\n", 1, 4, "in quotes"})
{
    const struct json *v = NULL;
    struct yaml_error err = {0};
    CHECK_ERR(yaml_parse(slice_of(row->yaml), NULL, test_arena(), &v, &err),
              ERR_PARSE);
    CHECK_CONTAINS(err.what, row->says);
    CHECK_INT_EQ(err.line, row->line);
    CHECK_INT_EQ(err.column, row->column);
    CHECK(v == NULL);
}

/* The place of every node, by its raw text in a source full of characters of
 * several bytes and two kinds of line ends. */
TEST(yaml, raw_is_the_text_in_the_source)
{
    const char *in = "# \xF0\x9F\x8E\xAF\r\n"
                     "\xC3\xA9: 'x\xE2\x89\xA5'\r\n"
                     "list:\r\n"
                     "  - 12\r\n"
                     "  - {k: [1, 2]}   # end\r\n"
                     "block: |\n"
                     "  \xE2\x89\xA4 one\n"
                     "last: \"\\n\"\n";
    struct slice source = slice_of(in);
    const struct json *v = must_parse(in);
    const struct json *first = json_get(v, SLICE("\xC3\xA9"));
    CHECK_TEXT_EQ(first->raw, "'x\xE2\x89\xA5'");
    CHECK(first->text.p == first->raw.p + 1);
    const struct json *list = json_get(v, SLICE("list"));
    CHECK_TEXT_EQ(list->raw, "- 12\r\n  - {k: [1, 2]}");
    CHECK_TEXT_EQ(list->items[0].raw, "12");
    CHECK_TEXT_EQ(list->items[1].raw, "{k: [1, 2]}");
    CHECK_TEXT_EQ(json_get(&list->items[1], SLICE("k"))->raw, "[1, 2]");
    CHECK_TEXT_EQ(json_get(v, SLICE("last"))->raw, "\"\\n\"");
    const struct json_member *last = &v->members[v->count - 1];
    struct text_position pos = slice_position(source, (size_t)(last->at - in));
    CHECK_INT_EQ(pos.line, 8);
    CHECK_INT_EQ(pos.column, 1);
    CHECK_INT_EQ(v->raw.p - in, slice_find(source, SLICE("\xC3\xA9")));
    CHECK_INT_EQ(v->raw.p + v->raw.n - in, source.n - 1);
}

TEST(yaml, a_place_is_right_after_unusual_line_separators)
{
    const char *in = "a: x\xC2\x85"
                     "b: \xE2\x80\xA8\nc: 12\n";
    const struct json *v = NULL;
    struct yaml_error err = {0};
    enum err e = yaml_parse(slice_of(in), NULL, test_arena(), &v, &err);
    if (e) return; /* refusing them is fine as well */
    CHECK_TEXT_EQ(json_get(v, SLICE("c"))->raw, "12");
}

struct ceiling {
    const char *yaml;
    struct json_limits limits;
    enum err want;
};

TEST_EACH(yaml, keeps_its_ceilings, struct ceiling, row,
          {"[[[1]]]", {100, 3, 100}, OK},
          {"[[[[1]]]]", {100, 3, 100}, ERR_TOO_LARGE},
          {"a:\n  b:\n    c: 1\n", {100, 2, 100}, ERR_TOO_LARGE},
          {"[1, 2, 3]", {100, 3, 4}, OK},
          {"[1, 2, 3]", {100, 3, 3}, ERR_TOO_LARGE}, {"a: 1\n", {5, 3, 3}, OK},
          {"a: 12\n", {5, 3, 3}, ERR_TOO_LARGE})
{
    const struct json *v = NULL;
    struct yaml_error err = {0};
    CHECK_ERR(
        yaml_parse(slice_of(row->yaml), &row->limits, test_arena(), &v, &err),
        row->want);
    if (row->want) CHECK(err.line == 1 || err.line == 2 || err.line == 3);
    if (row->want) CHECK(err.what.n > 0);
}

TEST(yaml, ten_thousand_brackets_are_refused_at_once)
{
    char in[10001];
    memset(in, '[', 10000);
    in[10000] = '\0';
    const struct json *v = NULL;
    struct yaml_error err = {0};
    CHECK_ERR(yaml_parse(slice_of(in), NULL, test_arena(), &v, &err),
              ERR_TOO_LARGE);
}

TEST(yaml, keeps_a_nul_that_is_written_as_an_escape)
{
    const struct json *v = must_parse("a: \"x\\0y\"\n");
    CHECK_SLICE_EQ(json_text(json_get(v, SLICE("a"))), SLICE("x\0y"));
}

TEST(yaml, every_allocation_may_fail)
{
    struct slice in = SLICE("a: [1, 'it''s', {b: \"\\t\"}]\nc:\n  - |\n"
                            "    x\n  - 2\nd: 1\nd: 2\n");
    bool refused_for_memory = true;
    for (uint64_t n = 1; refused_for_memory; n++) {
        struct arena a;
        const struct json *v = NULL;
        struct yaml_error err = {0};
        arena_init(&a, 1 << 20);
        mem_fail_at(n);
        enum err e = yaml_parse(in, NULL, &a, &v, &err);
        uint64_t made = mem_count();
        mem_fail_at(0);
        refused_for_memory = n <= made;
        CHECK_ERR(e, refused_for_memory ? ERR_NOMEM : ERR_PARSE);
        CHECK(err.what.n > 0);
        arena_done(&a);
    }
}

TEST(yaml, an_arena_that_is_full_is_out_of_memory)
{
    for (size_t ceiling = 0; ceiling < 2000; ceiling += 8) {
        struct arena a;
        const struct json *v = NULL;
        struct yaml_error err = {0};
        arena_init(&a, ceiling);
        enum err e = yaml_parse(SLICE("a: [1, 'it''s', {b: \"\\t\"}]\nc: 1\n"),
                                NULL, &a, &v, &err);
        CHECK(e == OK || e == ERR_NOMEM);
        CHECK((e == OK) == (v != NULL));
        arena_done(&a);
    }
}
