#include "engine/template.h"

static const struct slice names[TEMPLATE_COUNT] = {
#define TEMPLATE_NAME(name, where) SLICE_INIT("[" #name "]"),
    TEMPLATE_ROWS(TEMPLATE_NAME)
#undef TEMPLATE_NAME
};

static const enum {
    TASK,
    BOTH
} places[TEMPLATE_COUNT] = {
#define TEMPLATE_PLACE(name, where) where,
    TEMPLATE_ROWS(TEMPLATE_PLACE)
#undef TEMPLATE_PLACE
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

bool eng__template_knows(struct slice name, bool of_task, bool *ret_elsewhere,
                         struct slice *ret_near)
{
    *ret_elsewhere = false;
    *ret_near = (struct slice){0};
    for (size_t i = 0; i < TEMPLATE_COUNT; i++) {
        struct slice own = slice_sub(names[i], 1, names[i].n - 2);
        if (slice_eq(own, name)) {
            *ret_elsewhere = !of_task && places[i] == TASK;
            return !*ret_elsewhere;
        }
        if (name.n > 5 && !ret_near->n && slice_distance(own, name) <= 2)
            *ret_near = names[i];
    }
    return false;
}
