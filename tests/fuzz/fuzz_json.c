/* json: what is read can be written and read again, the same; what is refused
 * is refused at a place inside the text. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/twin.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct slice part, struct slice whole)
{
    return part.p >= whole.p && part.n <= whole.n &&
           (size_t)(part.p - whole.p) <= whole.n - part.n;
}

static void check_number(const struct json *v)
{
    int64_t integer, integral;
    double real;
    bool is_int = json_int64(v, &integer),
         is_whole = json_integral(v, &integral);
    if (is_int) NEED(is_whole && integer == integral);
    if (json_double(v, &real)) {
        struct buf b = BUF_INIT(64);
        struct json_writer w = json_writer(&b);
        struct json again = {.type = JSON_NUMBER};
        double back;
        NEED(isfinite(real));
        json_number(&w, real);
        again.raw = buf_slice(&b);
        NEED(!b.err && json_double(&again, &back) && back == real);
        buf_done(&b);
    }
}

static void check_nodes(const struct json *v, struct slice in)
{
    NEED(inside(v->raw, in) && v->raw.n);
    if (v->type == JSON_NUMBER) check_number(v);
    if (v->type == JSON_STRING) NEED(slice_utf8_valid(v->text) == v->text.n);
    if (v->type == JSON_ARRAY)
        for (uint32_t i = 0; i < v->count; i++) check_nodes(&v->items[i], in);
    if (v->type == JSON_OBJECT)
        for (uint32_t i = 0; i < v->count; i++) {
            NEED(v->members[i].at > v->raw.p && *v->members[i].at == '"');
            NEED(json_get(v, v->members[i].key));
            check_nodes(&v->members[i].value, in);
        }
    (void)json_duplicate_key(v);
}

static void write_whole(struct buf *b, const struct json *v)
{
    struct json_writer w = json_writer(b);
    json_value(&w, v);
    NEED(!b->err);
    NEED(slice_find_byte(buf_slice(b), '\n') == b->n);
}

/* The escaped spelling of any text is the contents of a JSON string. */
static void check_twin(struct slice plain, struct arena *a)
{
    struct twin t;
    struct buf quoted = BUF_INIT((size_t)1 << 24);
    const struct json *v;
    struct json_error error;
    twin_init(&t, (size_t)1 << 24);
    buf_put(&t.plain, plain);
    NEED(!twin_finish(&t));
    buf_putc(&quoted, '"');
    buf_put(&quoted, buf_slice(&t.escaped));
    buf_putc(&quoted, '"');
    NEED(!json_parse(buf_slice(&quoted), NULL, a, &v, &error));
    if (slice_utf8_valid(plain) == plain.n) NEED(slice_eq(v->text, plain));
    buf_done(&quoted);
    twin_done(&t);
}

static void check_again(const struct json *v, struct arena *a)
{
    struct buf once = BUF_INIT((size_t)1 << 24), twice = once;
    const struct json *again;
    struct json_error error;
    write_whole(&once, v);
    NEED(!json_parse(buf_slice(&once), NULL, a, &again, &error));
    NEED(json_equal(v, again));
    write_whole(&twice, again);
    NEED(slice_eq(buf_slice(&once), buf_slice(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json *v;
    struct json_error error = {0};
    struct slice in = {(const char *)data, size};
    struct arena a;
    arena_init(&a, (size_t)256 << 20);
    enum err e = json_parse(in, NULL, &a, &v, &error);
    if (e) {
        NEED(error.at <= size && error.what);
    } else {
        check_nodes(v, in);
        (void)json_duplicate_key_deep(v);
        check_again(v, &a);
    }
    check_twin(in, &a);
    arena_done(&a);
    return 0;
}
