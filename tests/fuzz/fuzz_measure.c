/* measure: a line that says how a value is read (regex, json, pytest, junit or
 * a count of it, a type, and the pattern, pointer or name), then what a
 * command printed. There is a value or there are words why not; counts are
 * none below zero. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/junit.h"
#include "engine/measure.h"
#include "engine/pattern.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_junit(struct slice text)
{
    struct eng_counts c;
    if (!eng__junit(text, &c)) return;
    NEED(c.passed >= 0 && c.failed >= 0 && c.errors >= 0 && c.skipped >= 0);
    NEED(c.total >= 0);
}

static void check_measure(const struct eng_value_demand *d, enum eng_type type,
                          struct slice text, struct arena *a)
{
    const struct json *v = NULL;
    struct slice why = {0};
    enum err e = eng__measure(d, type, text, a, &v, &why);
    NEED(e == OK && (v || why.n));
    int64_t n;
    bool counts = d->from >= ENG_VALUE_PYTEST && type == ENG_INTEGER;
    NEED(!v || !counts || (json_int64(v, &n) && n >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum eng_type types[] = {ENG_INTEGER, ENG_NUMBER, ENG_STRING,
                                          ENG_BOOLEAN};
    static const char *const counts[] = {"passed", "failed", "errors",
                                         "skipped", "total"};
    struct slice rest = {(const char *)data, size}, line = {0};
    struct arena a;
    if (size < 3 || !slice_split(&rest, '\n', &line) || line.n < 2) return 0;
    struct eng_value_demand d = {
        .from = (enum eng_value_from)((unsigned char)line.p[0] %
                                      (ENG_VALUE_FROM_COUNT - 1)) +
                1,
        .text = slice_sub(line, 2, line.n)};
    enum eng_type type = types[(unsigned char)line.p[1] % 4];
    if (d.from >= ENG_VALUE_PYTEST)
        d.text = slice_of(counts[(unsigned char)line.p[1] / 4 % 5]);
    arena_init(&a, 64u << 20);
    struct eng_pattern_fault fault;
    if (d.from == ENG_VALUE_REGEX &&
        eng_pattern_make(d.text, ENG_CAPTURE, &a, &d.pattern, &fault) != OK)
        d.pattern = NULL;
    check_junit(rest);
    if (d.from != ENG_VALUE_REGEX || d.pattern)
        check_measure(&d, type, rest, &a);
    arena_done(&a);
    return 0;
}
