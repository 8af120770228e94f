/*
 * The reader against a second opinion: the same verdict and the same value
 * over generated and mutated texts, but for the differences in this table.
 */
#include "base/json.h"
#include "base/json_write.h"
#include "tests/runner/test.h"
#include "tests/unit/json_make.h"
#include "tests/unit/second_opinion.h"

#define GENERATED 20000

/* We accept and they refuse, with this reason. */
static const struct {
    const char *reason, *why;
} known[] = {
    {"too big integer", "we keep the text; who wants an int64 is told"},
    {"too big negative integer", "the same"},
    {"real number overflow", "the same for a double"},
    {"NUL byte in object key", "their keys are C strings"},
};

static bool is_known(const char *reason)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (slice_starts(slice_of(reason), slice_of(known[i].reason)))
            return true;
    return false;
}

/* They accept and we refuse: they nest to 2048, we to 128; and they lose a
 * NUL byte that follows a number or a literal. */
static bool is_known_refusal(enum err e, struct slice text, size_t at)
{
    if (e == ERR_TOO_LARGE) return true;
    if (!at || at >= text.n || text.p[at] != '\0') return false;
    char before = text.p[at - 1];
    return (before >= '0' && before <= '9') || (before >= 'a' && before <= 'z');
}

static bool same(const struct json *v, const struct opinion *o);

/* They keep the last of equal names; so `m` counts when none follows. */
static bool is_last(const struct json *v, uint32_t i)
{
    for (uint32_t j = i + 1; j < v->count; j++)
        if (slice_eq(v->members[i].key, v->members[j].key)) return false;
    return true;
}

static bool same_members(const struct json *v, const struct opinion *o)
{
    size_t names = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct json_member *m = &v->members[i];
        if (!is_last(v, i)) continue;
        const struct opinion *theirs = opinion_member(o, m->key.p, m->key.n);
        if (!theirs || !same(&m->value, theirs)) return false;
        names++;
    }
    return names == opinion_look(o).n;
}

static bool same(const struct json *v, const struct opinion *o)
{
    static const char types[] = {
        [JSON_NULL] = 'n',   [JSON_FALSE] = 'f', [JSON_TRUE] = 't',
        [JSON_STRING] = 's', [JSON_ARRAY] = 'a', [JSON_OBJECT] = 'o',
    };
    struct opinion_value theirs = opinion_look(o);
    int64_t integer;
    double real;
    if (theirs.type == 'i')
        return json_int64(v, &integer) && integer == theirs.integer;
    if (theirs.type == 'r') return json_double(v, &real) && real == theirs.real;
    if (v->type == JSON_NUMBER || types[v->type] != theirs.type) return false;
    if (v->type == JSON_OBJECT) return same_members(v, o);
    if (v->type == JSON_STRING)
        return slice_eq(v->text, (struct slice){theirs.text, theirs.n});
    if (v->type == JSON_ARRAY && v->count != theirs.n) return false;
    for (uint32_t i = 0; i < v->count; i++)
        if (!same(&v->items[i], opinion_item(o, i))) return false;
    return true;
}

/* Fails the test on a difference that is not known. True: both accept. */
static bool compare(struct slice text)
{
    const struct json *v = NULL;
    struct json_error error = {0};
    const char *reason = "";
    arena_reset(test_arena());
    enum err e = json_parse(text, NULL, test_arena(), &v, &error);
    struct opinion *o = opinion_parse(text.p, text.n, &reason);
    if (e && o && !is_known_refusal(e, text, error.at))
        FAIL("only we refuse, at %zu, %s: %.*s", error.at, error.what,
             SLICE_ARG(text));
    if (!e && !o && !is_known(reason))
        FAIL("only they refuse, %s: %.*s", reason, SLICE_ARG(text));
    bool both = !e && o;
    if (both && !same(v, o)) FAIL("different values: %.*s", SLICE_ARG(text));
    if (o) opinion_free(o);
    return both;
}

static void need_opinion(void)
{
    if (!opinion_available()) test_skip("built without jansson");
}

TEST(json_differential, agrees_on_generated_documents, .timeout_s = 60)
{
    need_opinion();
    struct json_maker m = {.seed = 1};
    struct buf text = BUF_INIT((size_t)1 << 20);
    int both = 0, n = test_sanitized() ? GENERATED / 10 : GENERATED;
    for (int i = 0; i < n; i++) {
        buf_clear(&text);
        json_make(&m, &text);
        both += compare(buf_slice(&text));
    }
    CHECK_INT_GT(both, n / 2); /* else the generator is not worth much */
    buf_done(&text);
}

TEST(json_differential, agrees_on_mutated_documents, .timeout_s = 60)
{
    need_opinion();
    struct json_maker m = {.seed = 2};
    struct buf text = BUF_INIT((size_t)1 << 20);
    int both = 0, n = test_sanitized() ? GENERATED / 10 : GENERATED;
    for (int i = 0; i < n; i++) {
        buf_clear(&text);
        json_make(&m, &text);
        json_mutate(&m, &text);
        both += compare(buf_slice(&text));
    }
    CHECK_INT_GT(both, n / 50);
    CHECK_INT_LT(both, n - n / 4);
    buf_done(&text);
}

TEST(json_differential, agrees_on_every_short_text_of_structure,
     .timeout_s = 60)
{
    need_opinion();
    static const char bytes[] = "[]{},:\"1 \\n";
    char text[5];
    uint32_t kinds = sizeof(bytes) - 1;
    uint32_t all = kinds * kinds * kinds * kinds * kinds;
    uint32_t step = test_sanitized() ? 7 : 1;
    for (uint32_t code = 0; code < all; code += step) {
        uint32_t rest = code;
        for (int i = 0; i < 5; i++, rest /= kinds)
            text[i] = bytes[rest % kinds];
        for (size_t n = 1; n <= sizeof(text); n += 4)
            compare((struct slice){text, n});
    }
}

TEST(json_differential, they_read_what_we_write)
{
    need_opinion();
    struct json_maker m = {.seed = 3};
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct buf again = BUF_INIT((size_t)1 << 20);
    for (int i = 0; i < 3000; i++) {
        const struct json *v;
        struct json_error error;
        buf_clear(&text);
        buf_clear(&again);
        arena_reset(test_arena());
        json_make(&m, &text);
        CHECK_OK(json_parse(buf_slice(&text), NULL, test_arena(), &v, &error));
        struct json_writer w = json_writer(&again);
        json_value(&w, v);
        CHECK_OK(again.err);
        compare(buf_slice(&again));
    }
    buf_done(&text);
    buf_done(&again);
}
