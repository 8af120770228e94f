/* chunk: the passages are the text, each within its ceiling, with headings
 * that are valid text, whatever markdown comes. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/chunk.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What callers hand over is well-formed. */
static struct slice well_formed(const uint8_t *data, size_t size,
                                struct arena *a)
{
    char *p = arena_alloc(a, size + 1);
    NEED(p);
    if (size) memcpy(p, data, size);
    struct slice s = {p, size};
    for (size_t at; (at = slice_utf8_valid(s)) < s.n;) p[at] = '?';
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct chunk_list list;
    arena_init(&a, 64 << 20);
    struct slice text = well_formed(data, size, &a);
    NEED(chunk_markdown(text, &a, &list) == OK);
    const char *at = text.p;
    for (size_t i = 0; i < list.count; i++) {
        const struct chunk *c = &list.items[i];
        NEED(c->text.p == at && c->text.n > 0);
        NEED(c->tokens == chunk_tokens(c->text) && c->tokens <= CHUNK_TOKENS);
        NEED(c->line >= 1);
        NEED(slice_utf8_valid(c->headings) == c->headings.n);
        at += c->text.n;
    }
    NEED(at == text.p + text.n || slice_trim(text).n == 0);
    arena_done(&a);
    return 0;
}
