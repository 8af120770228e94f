/* yaml: what is read lies inside its source and its ceilings, has no key
 * twice, and reads the same when its JSON is read as YAML again. What is
 * refused is refused at a place inside the text, with words. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json_write.h"
#include "base/yaml.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {1 << 16, 32, 5000};

static void check_inside(struct slice part, struct slice whole)
{
    NEED(part.p >= whole.p && part.n <= whole.n);
    NEED((size_t)(part.p - whole.p) <= whole.n - part.n);
}

static void check_tree(const struct json *v, struct slice source)
{
    check_inside(v->raw, source);
    for (uint32_t i = 0; json_is(v, JSON_ARRAY) && i < v->count; i++) {
        check_inside(v->items[i].raw, v->raw);
        check_tree(&v->items[i], source);
    }
    NEED(!json_duplicate_key(v));
    for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
        check_inside((struct slice){v->members[i].at, 0}, v->raw);
        check_inside(v->members[i].value.raw, v->raw);
        check_tree(&v->members[i].value, source);
    }
    if (json_is(v, JSON_STRING)) NEED(slice_utf8_valid(v->text) == v->text.n);
}

static bool is_printable_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~') return false;
    return true;
}

/* JSON is YAML, but for what libyaml does not take: keys of more than 1,024
 * characters, and characters that JSON writes as they are and YAML 1.1 calls
 * controls or line breaks. */
static void check_again(const struct json *v, struct arena *a)
{
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    const struct json_limits roomy = {1 << 20, 64, 10000};
    const struct json *again, *strict;
    struct yaml_error yaml_err;
    struct json_error json_err;
    json_value(&w, v);
    NEED(!out.err);
    NEED(!json_parse(buf_slice(&out), &roomy, a, &strict, &json_err));
    NEED(json_equal(v, strict));
    if (out.n < 1000 && is_printable_ascii(buf_slice(&out))) {
        NEED(!yaml_parse(buf_slice(&out), &roomy, a, &again, &yaml_err));
        NEED(json_equal(v, again));
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size};
    struct arena a;
    const struct json *v = NULL;
    struct yaml_error err = {0};
    arena_init(&a, 32 << 20);
    enum err e = yaml_parse(in, &limits, &a, &v, &err);
    if (e) {
        NEED(e == ERR_PARSE || e == ERR_TOO_LARGE);
        NEED(err.what.n > 0 && err.line >= 1 && err.column >= 1);
    } else {
        if (!data) in = v->raw;
        check_tree(v, in);
        check_again(v, &a);
    }
    arena_done(&a);
    return 0;
}
