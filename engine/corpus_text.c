#include "engine/corpus_text.h"

#include "base/buf.h"
#include "engine/chunk.h"

enum { TAGS_MOST = 64 };

/* Well-formed, without NULs and without a byte order mark: what cannot be read
 * is shown as U+FFFD, the rest is found. */
static enum err clean(struct slice s, struct arena *a, struct slice *ret)
{
    if (slice_starts(s, SLICE("\xef\xbb\xbf"))) s = slice_sub(s, 3, s.n);
    if (slice_utf8_valid(s) == s.n && slice_find_byte(s, '\0') == s.n) {
        *ret = s;
        return OK;
    }
    struct buf b = BUF_INIT(3 * s.n + 16);
    while (s.n && !b.err) {
        struct slice good = slice_sub(s, 0, slice_utf8_valid(s));
        good = slice_sub(good, 0, slice_find_byte(good, '\0'));
        buf_put(&b, good);
        if (good.n < s.n) buf_puts(&b, "\xef\xbf\xbd");
        s = slice_sub(s, good.n + 1, s.n);
    }
    *ret = arena_copy(a, buf_slice(&b));
    enum err e = b.err ? b.err : ret->p ? OK : ERR_NOMEM;
    buf_done(&b);
    return e;
}

static void add_tag(struct arena *a, struct st_doc *d, struct slice *tags,
                    struct slice word)
{
    word = slice_trim(word);
    while (word.n && memchr("[]\"'`#*", word.p[0], 7))
        word = slice_sub(word, 1, word.n);
    while (word.n && memchr("[]\"'`*", word.p[word.n - 1], 6)) word.n--;
    char *p =
        d->tags_count < TAGS_MOST && word.n ? arena_alloc(a, word.n) : NULL;
    if (!p) return;
    for (size_t i = 0; i < word.n; i++)
        p[i] = word.p[i] >= 'A' && word.p[i] <= 'Z' ? (char)(word.p[i] + 32)
                                                    : word.p[i];
    tags[d->tags_count++] = (struct slice){p, word.n};
}

/* What a text is filed under: its folders, its name, and what it says. */
static enum err find_tags(struct arena *a, struct st_doc *d)
{
    struct slice *tags = ARENA_ARRAY(a, struct slice, TAGS_MOST);
    if (!tags) return ERR_NOMEM;
    struct slice rest = d->path, part;
    while (slice_split(&rest, '/', &part)) {
        size_t dot = part.n;
        while (!rest.n && dot > 1 && part.p[dot - 1] != '.') dot--;
        add_tag(a, d, tags,
                dot > 1 && dot < part.n ? slice_sub(part, 0, dot - 1) : part);
    }
    rest = d->keywords;
    while (slice_split(&rest, ',', &part)) add_tag(a, d, tags, part);
    d->tags = tags;
    return OK;
}

enum err corpus_text(struct slice bytes, struct arena *a, struct st_doc *d)
{
    struct chunk_list list;
    struct slice text;
    enum err e = clean(bytes, a, &text);
    if (!e) e = chunk_markdown(text, a, &list);
    if (e) return e;
    struct st_passage *p = ARENA_ARRAY(a, struct st_passage, list.count + 1);
    if (!p) return ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) {
        const struct chunk *c = &list.items[i];
        p[i] = (struct st_passage){c->text,   c->section, c->headings,
                                   c->tokens, c->line,    c->phase};
    }
    d->passages = p;
    d->passages_count = list.count;
    d->title = list.title;
    d->keywords = list.keywords;
    return find_tags(a, d);
}
