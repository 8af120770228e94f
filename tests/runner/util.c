#include "tests/runner/runner.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void *must(void *p)
{
    if (!p) {
        fputs("phasegate-tests: out of memory\n", stderr);
        abort();
    }
    return p;
}

char *text_new(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    return must(n < 0 ? NULL : text);
}
