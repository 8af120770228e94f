/* How a test fails or is skipped: the first thread to say so fills the
 * verdict and ends the process; all others wait for that end. */
#include "tests/runner/runner.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 4, 0))) static _Noreturn void
tell(enum outcome outcome, const char *file, int line, const char *fmt,
     va_list ap)
{
    struct verdict *v = child_verdict();
    int none = OUTCOME_NONE;
    if (!atomic_compare_exchange_strong(&v->outcome, &none, (int)outcome))
        for (;;) pause();
    snprintf(v->file, sizeof v->file, "%s", file);
    v->line = line;
    vsnprintf(v->text, sizeof v->text, fmt, ap);
    atomic_store(&v->told, true);
    fflush(NULL);
    _exit(outcome == OUTCOME_FAILED); /* leaks of a failed test say nothing */
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(OUTCOME_FAILED, file, line, fmt, ap);
}

void test_skip(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(OUTCOME_SKIPPED, "", 0, fmt, ap);
}

void test_check_int(const char *file, int line, const char *ea, const char *eb,
                    const char *op, intmax_t a, intmax_t b, bool ok)
{
    if (ok) return;
    test_fail(file, line, "%s %s %s is false\n  left:  %jd\n  right: %jd", ea,
              op, eb, a, b);
}

/* As a C string literal, at most a few hundred bytes from `from` on. */
static void quote(char *out, size_t cap, struct slice s, size_t from)
{
    static const char names[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
    size_t o = 0;
    o += (size_t)snprintf(out, cap, "%s\"", from ? "..." : "");
    size_t i = from;
    for (; i < s.n && o + 16 < cap; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char *named = c ? strchr(names, c) : NULL;
        if (named)
            o += (size_t)snprintf(out + o, cap - o, "\\%c",
                                  letters[named - names]);
        else if (c == '"' || c == '\\')
            o += (size_t)snprintf(out + o, cap - o, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            o += (size_t)snprintf(out + o, cap - o, "\\%03o", c);
        else
            out[o++] = (char)c;
    }
    snprintf(out + o, cap - o, "\"%s", i < s.n ? "..." : "");
}

enum { QUOTE_CAP = 1200, QUOTE_BEFORE = 60 };

void test_check_text(const char *file, int line, const char *ea, const char *eb,
                     struct slice a, struct slice b)
{
    if (slice_eq(a, b)) return;
    size_t same = 0;
    while (same < a.n && same < b.n && a.p[same] == b.p[same]) same++;
    size_t from = same > QUOTE_BEFORE * 2 ? same - QUOTE_BEFORE : 0;
    char qa[QUOTE_CAP], qb[QUOTE_CAP];
    quote(qa, sizeof qa, a, from);
    quote(qb, sizeof qb, b, from);
    test_fail(file, line,
              "%s == %s is false\n  left:  %s (%zu bytes)\n"
              "  right: %s (%zu bytes)\n  they differ from byte %zu on",
              ea, eb, qa, a.n, qb, b.n, same);
}

void test_check_contains(const char *file, int line, const char *ea,
                         struct slice a, struct slice part)
{
    if (part.n == 0) return;
    if (a.n && memmem(a.p, a.n, part.p, part.n)) return;
    char qa[QUOTE_CAP * 2], qb[QUOTE_CAP];
    quote(qa, sizeof qa, a, 0);
    quote(qb, sizeof qb, part, 0);
    test_fail(file, line, "%s does not contain %s\n  it is: %s (%zu bytes)", ea,
              qb, qa, a.n);
}
