#include "base/twin.h"

#include <assert.h>

void twin_init(struct twin *t, size_t ceiling)
{
    *t = (struct twin){BUF_INIT(ceiling), BUF_INIT(ceiling), 0};
}

void twin_clear(struct twin *t)
{
    buf_clear(&t->plain);
    buf_clear(&t->escaped);
    t->done = 0;
}

void twin_done(struct twin *t)
{
    buf_done(&t->plain);
    buf_done(&t->escaped);
    t->done = 0;
}

/* Escapes plain[done, to). Cuts lie between JSON tokens, so no character of
 * more than one byte is ever cut. */
static void catch_up(struct twin *t, size_t to)
{
    assert(t->done <= to && to <= t->plain.n);
    if (to > t->done)
        json_escape(&t->escaped,
                    slice_sub(buf_slice(&t->plain), t->done, to - t->done));
    t->done = to;
}

/* f.plain has just been written as the end of plain. */
static void spliced(struct twin *t, struct twin_fragment f)
{
    if (t->plain.err || !f.escaped.n) return;
    catch_up(t, t->plain.n - f.plain.n);
    buf_put(&t->escaped, f.escaped);
    t->done = t->plain.n;
}

void twin_splice(struct twin *t, struct json_writer *w, struct twin_fragment f)
{
    assert(w->out == &t->plain);
    json_raw(w, f.plain);
    spliced(t, f);
}

void twin_splice_members(struct twin *t, struct json_writer *w,
                         struct twin_fragment f)
{
    assert(w->out == &t->plain);
    json_raw_members(w, f.plain);
    spliced(t, f);
}

enum err twin_finish(struct twin *t)
{
    if (t->plain.err) return t->plain.err;
    catch_up(t, t->plain.n);
    return t->escaped.err;
}
