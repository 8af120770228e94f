/* expr: any text as an expression, run on a few values. It is refused with
 * words and a place inside the text, or ends within its bounds; the same
 * values give the same answer twice. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/expr.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const values[] = {"5",
                                     "-0.5",
                                     "true",
                                     "null",
                                     "\"a test\\u00e9\"",
                                     "[1,\"a\",[2]]",
                                     "{\"a\":1,\"b\":[1,2],\"min\":\"int\"}",
                                     "\"9223372036854775807\"",
                                     "9223372036854775807",
                                     "[]"};
enum { VALUES = sizeof(values) / sizeof(*values) };

static void run(const struct eng_expr *e, const struct json *const *trees,
                size_t from, struct arena *a)
{
    const struct json *args[ENG_EXPR_PARAMS];
    struct eng_expr_result one, two;
    size_t n = eng_expr_params(e);
    NEED(n >= 1 && n <= ENG_EXPR_PARAMS);
    for (size_t i = 0; i < n; i++) args[i] = trees[(from + i) % VALUES];
    NEED(eng_expr_run(e, args, a, &one) == OK);
    NEED(eng_expr_run(e, args, a, &two) == OK);
    NEED(one.passed == two.passed && slice_eq(one.problem, two.problem));
    NEED(!one.passed || one.problem.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct json node = {.type = JSON_STRING, .raw = text, .text = text};
    struct eng_source src = {SLICE("gate-definition.yaml"), text};
    const struct json *trees[VALUES];
    struct json_error error;
    struct eng_report r;
    struct arena a;
    if (slice_utf8_valid(text) < size) return 0;
    arena_init(&a, 1u << 30);
    eng_report_init(&r, &a);
    const struct eng_expr *e = eng_expr_parse(&src, &node, &r);
    NEED(!r.failed && (e != NULL) == (r.errors == 0));
    if (!e) {
        NEED(r.count == 1 && r.items[0].message.n && r.items[0].how_to_fix.n);
        NEED(slice_utf8_valid(r.items[0].message) == r.items[0].message.n);
    }
    for (size_t i = 0; i < VALUES; i++)
        NEED(json_parse(slice_of(values[i]), NULL, &a, &trees[i], &error) ==
             OK);
    for (size_t i = 0; e && i < VALUES; i++) run(e, trees, i, &a);
    arena_done(&a);
    return 0;
}
