/* page: the parts of bench-page. */
#ifndef TESTS_BENCH_PAGE_H
#define TESTS_BENCH_PAGE_H

#include "base/buf.h"
#include "base/slice.h"

struct figure {
    struct slice name, unit, series, from;
    double x, value, floor, ratio, least, most, limit;
    int bar; /* -1: none; ratio_least, ratio_most, least, most */
    bool held;
};

struct figures {
    struct figure *all;
    size_t count;
};

_Noreturn void page_die(const char *what, const char *of);
/* "12,345", "0.17" */
const char *page_number(double v, char text[32]);
/* A table of each series, and its curves as an SVG in the folder. */
void page_scale(struct buf *out, const struct figures *fs, const char *folder);

#endif
