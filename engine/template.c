#include "engine/template.h"

static const struct slice names[TEMPLATE_COUNT] = {
#define TEMPLATE_NAME(name) SLICE_INIT("[" #name "]"),
    TEMPLATE_ROWS(TEMPLATE_NAME)
#undef TEMPLATE_NAME
};

void eng__template_render(struct slice text, const struct slice *values,
                          struct buf *out)
{
    while (text.n > 0) {
        size_t at = slice_find_byte(text, '['), i = 0;
        buf_put(out, slice_sub(text, 0, at));
        text = slice_sub(text, at, SIZE_MAX);
        while (i < TEMPLATE_COUNT &&
               (!values[i].p || !slice_starts(text, names[i])))
            i++;
        if (i < TEMPLATE_COUNT) {
            buf_put(out, values[i]);
            text = slice_sub(text, names[i].n, SIZE_MAX);
        } else {
            buf_put(out, slice_sub(text, 0, 1));
            text = slice_sub(text, 1, SIZE_MAX);
        }
    }
}
