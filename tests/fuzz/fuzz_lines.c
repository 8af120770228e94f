/* lines: the pieces bytes arrive in never change the lines that come out.
 * First byte: the ceiling; second: the size of the pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "transport/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame(struct slice in, size_t ceiling, size_t piece,
                  struct buf *out)
{
    struct lines l = LINES_INIT(ceiling);
    struct slice line, part;
    enum lines_got got;
    for (size_t at = 0; at < in.n; at += part.n) {
        size_t room;
        part = slice_sub(in, at, piece);
        char *to = lines_space(&l, part.n, &room);
        if (!to || room < part.n) abort();
        memcpy(to, part.p, part.n);
        lines_filled(&l, part.n);
        while ((got = lines_next(&l, &line)) != LINES_NONE) {
            if (got == LINES_LINE && line.n > ceiling) abort();
            buf_puts(out, got == LINES_LINE ? "<" : "!");
            if (got == LINES_LINE) buf_put(out, line);
        }
        if (lines_held(&l) > ceiling + 2) abort();
    }
    got = lines_last(&l, &line);
    if (got == LINES_LINE && line.n > ceiling) abort();
    if (got != LINES_NONE) buf_puts(out, got == LINES_LINE ? "<" : "!");
    if (got == LINES_LINE) buf_put(out, line);
    lines_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct slice in = {(const char *)data + 2, size - 2};
    struct buf whole = BUF_INIT(1 << 24), pieces = BUF_INIT(1 << 24);
    frame(in, data[0], in.n ? in.n : 1, &whole);
    frame(in, data[0], (size_t)data[1] + 1, &pieces);
    if (!slice_eq(buf_slice(&whole), buf_slice(&pieces))) abort();
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
