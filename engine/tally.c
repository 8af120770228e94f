#include "engine/tally.h"

static const char *const names[] = {
#define TALLY_NAME(name) #name,
    ENG_TALLY_ROWS(TALLY_NAME)
#undef TALLY_NAME
};

const char *eng_tally_name(enum eng_tally_row row)
{
    return names[row];
}

void eng_tally_add(struct eng_tally *t, struct slice event_type)
{
    int i = 0;
    while (i < ENG_TALLY_other && !slice_eq(event_type, slice_of(names[i])))
        i++;
    atomic_fetch_add_explicit(&t->count[i], 1, memory_order_relaxed);
}
