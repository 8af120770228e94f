#include "engine/markdown.h"

#include <md4c.h>

#include "base/buf.h"

enum { TEXT_MOST = 16 << 20, HEADING_MOST = 4096 };

struct reader {
    struct markdown *out;
    struct slice text;
    struct arena *a;
    struct buf heading;
    const char *last; /* the place of the last text md4c handed over */
    size_t capacity;
    unsigned blocks; /* begun */
    bool in_heading;
    bool failed;
};

static bool is_inside(const struct reader *r, const char *p)
{
    return p >= r->text.p && p < r->text.p + r->text.n;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    struct reader *r = ctx;
    (void)detail;
    r->in_heading = type == MD_BLOCK_H && r->blocks == 1;
    if (type != MD_BLOCK_DOC || r->blocks == 0) r->blocks++;
    return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *ctx)
{
    struct reader *r = ctx;
    (void)type, (void)detail;
    r->in_heading = false;
    return 0;
}

static void add_link(struct reader *r, const MD_ATTRIBUTE *href)
{
    struct markdown *m = r->out;
    if (m->links_count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16;
        struct markdown_link *more =
            ARENA_ARRAY(r->a, struct markdown_link, capacity);
        r->failed |= !more;
        if (!more) return;
        if (m->links_count)
            memcpy(more, m->links, m->links_count * sizeof(*more));
        m->links = more;
        r->capacity = capacity;
    }
    struct slice target =
        arena_copy(r->a, (struct slice){href->text, href->size});
    r->failed |= href->size && !target.p;
    m->links[m->links_count++] = (struct markdown_link){
        target, is_inside(r, href->text) ? href->text : r->last};
}

static int enter_span(MD_SPANTYPE type, void *detail, void *ctx)
{
    struct reader *r = ctx;
    if (type == MD_SPAN_A) add_link(r, &((MD_SPAN_A_DETAIL *)detail)->href);
    if (type == MD_SPAN_IMG) add_link(r, &((MD_SPAN_IMG_DETAIL *)detail)->src);
    return r->failed;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *ctx)
{
    (void)type, (void)detail, (void)ctx;
    return 0;
}

static int read_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE n,
                     void *ctx)
{
    struct reader *r = ctx;
    if (n && is_inside(r, text)) r->last = text;
    if (!r->in_heading) return 0;
    if (!r->out->heading_at) r->out->heading_at = r->last;
    if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
        buf_putc(&r->heading, ' ');
    else if (type != MD_TEXT_NULLCHAR)
        buf_put(&r->heading, (struct slice){text, n});
    return 0;
}

enum err markdown_read(struct slice text, struct arena *a, struct markdown *ret)
{
    const MD_PARSER parser = {
        .flags = MD_FLAG_TABLES,
        .enter_block = enter_block,
        .leave_block = leave_block,
        .enter_span = enter_span,
        .leave_span = leave_span,
        .text = read_text,
    };
    *ret = (struct markdown){0};
    if (slice_starts(text, SLICE("\xEF\xBB\xBF")))
        text = slice_sub(text, 3, text.n);
    if (text.n > TEXT_MOST) return ERR_TOO_LARGE;
    struct reader r = {.out = ret,
                       .text = text,
                       .a = a,
                       .heading = BUF_INIT(HEADING_MOST),
                       .last = text.p};
    int rc = md_parse(text.p ? text.p : "", (MD_SIZE)text.n, &parser, &r);
    if (!rc && r.heading.n && !r.heading.err)
        ret->heading = arena_copy(a, slice_trim(buf_slice(&r.heading)));
    r.failed |= r.heading.err == ERR_NOMEM;
    buf_done(&r.heading);
    return rc || r.failed ? ERR_NOMEM : OK;
}
