/* head: a request's head, and its chunks, as they come: cut anywhere, it is understood as in
 * one piece. And what stands behind '?': every value is decoded or absent. */
#include <stdint.h>
#include <stdlib.h>

#include "transport/http_head.h"
#include "transport/page.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(struct slice text)
{
    struct tp_head whole = {0}, cut = {0};
    tp_head_feed(&whole, text);
    size_t step = text.n ? (unsigned char)text.p[0] % 7 + 1 : 1;
    for (size_t i = 0; i < text.n; i += step)
        tp_head_feed(&cut, slice_sub(text, i, step));
    NEED(whole.ended == cut.ended && whole.nul == cut.nul);
    NEED(whole.length == cut.length);
    NEED(whole.coded == cut.coded && whole.torn == cut.torn);
}

static void check_length(struct slice text)
{
    bool digits = text.n > 0;
    for (size_t i = 0; i < text.n; i++)
        digits = digits && text.p[i] >= '0' && text.p[i] <= '9';
    NEED(!tp_length_valid(text) || digits);
}

static void check_query(struct slice text)
{
    struct tp_page page = {.query = text};
    arena_init(&page.arena, 16u << 20);
    struct slice v = tp_query(&page, "status");
    NEED(v.n <= text.n);
    (void)tp_query(&page, "");
    arena_done(&page.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    check_head(text);
    check_length(text);
    check_query(text);
    return 0;
}
