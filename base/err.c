#include "base/err.h"

#include <assert.h>

struct err_row {
    struct slice code, detail;
};

static const struct err_row rows[ERR_COUNT] = {
    [OK] = {SLICE_INIT(""), SLICE_INIT("OK")},
#define ERR_ROW(symbol, code, detail)                                          \
    [ERR_##symbol] = {SLICE_INIT(code), SLICE_INIT(detail)},
    ERR_ROWS(ERR_ROW)
#undef ERR_ROW
};

/* A number that is no row (memory was overwritten, a cast went wrong) still
 * gets words: errors are printed on paths that must not fail themselves. */
static const struct err_row *row_of(enum err e)
{
    assert((unsigned)e < ERR_COUNT);
    return (unsigned)e < ERR_COUNT ? &rows[e] : &rows[ERR_INTERNAL];
}

struct slice err_code(enum err e)
{
    return row_of(e)->code;
}

struct slice err_detail(enum err e)
{
    return row_of(e)->detail;
}
