/*
 * Reading the index: postings, hits, texts, filters, near words.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "state/index_private.h"

enum { EXPRESSION_MOST = 64 << 10, NEAR_LONGEST = 40 };

void st_index_state(const struct st_index_view *v, struct st_index_state *ret)
{
    *ret = v->conn.state;
}

/* --- terms as FTS5 wants them: quoted, so that nothing in them is syntax ----
 */

static void add_quoted(struct buf *b, struct slice words)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < words.n; i++) {
        char ch = words.p[i] ? words.p[i] : ' ';
        if (ch == '"') buf_putc(b, '"');
        buf_putc(b, ch);
    }
    buf_putc(b, '"');
}

static void expression(struct buf *b, const struct st_term *terms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i) buf_puts(b, " OR ");
        add_quoted(b, terms[i].words);
        if (terms[i].prefix) buf_puts(b, " *");
    }
}

static sqlite3_stmt *matching(struct index_conn *c, enum index_stmt which,
                              const struct buf *b)
{
    if (b->err && !c->err) c->err = b->err;
    sqlite3_stmt *st = index__begin(c, which);
    if (st) index__text(c, st, 1, buf_slice(b));
    return st;
}

/* --- postings and hits
 * -------------------------------------------------------- */

enum err st_index_postings(struct st_index_view *v, struct st_term term,
                           size_t most, struct arena *a,
                           struct st_posting **ret, size_t *ret_count)
{
    struct index_conn *c = &v->conn;
    struct buf b = BUF_INIT(EXPRESSION_MOST);
    struct st_posting *items = NULL;
    size_t count = 0, capacity = 0;
    expression(&b, &term, 1);
    sqlite3_stmt *st = matching(c, INDEX_POSTINGS, &b);
    if (st) index__int(c, st, 2, (int64_t)most);
    while (st && index__row(c, st)) {
        items = index__grow(c, a, items, sizeof(*items), count, &capacity);
        if (!items) break;
        struct st_posting *p = &items[count++];
        p->doc = sqlite3_column_int64(st, 0);
        memcpy(p->count, c->note.count, sizeof(p->count));
    }
    index__end(st);
    buf_done(&b);
    *ret = items;
    *ret_count = count;
    return c->err;
}

enum err st_index_hits(struct st_index_view *v, int64_t doc,
                       const struct st_term *terms, size_t count_terms,
                       struct arena *a, struct st_hit **ret, size_t *ret_count)
{
    struct index_conn *c = &v->conn;
    struct buf b = BUF_INIT(EXPRESSION_MOST);
    struct st_hit *items = NULL;
    size_t count = 0, capacity = 0;
    int64_t from = (doc >> LENGTH_BITS) << (ORDINAL_BITS + LENGTH_BITS);
    if (count_terms > ST_HIT_TERMS) count_terms = ST_HIT_TERMS;
    expression(&b, terms, count_terms);
    sqlite3_stmt *st = matching(c, INDEX_HITS, &b);
    if (st) {
        index__int(c, st, 2, from);
        index__int(c, st, 3,
                   from | ((INT64_C(1) << (ORDINAL_BITS + LENGTH_BITS)) - 1));
    }
    while (st && index__row(c, st)) {
        items = index__grow(c, a, items, sizeof(*items), count, &capacity);
        if (!items) break;
        struct st_hit *h = &items[count++];
        *h = c->note.hit;
        h->passage = sqlite3_column_int64(st, 0);
    }
    index__end(st);
    buf_done(&b);
    *ret = items;
    *ret_count = count;
    return c->err;
}

/* --- texts
 * -------------------------------------------------------------------- */

enum err st_index_doc(struct st_index_view *v, int64_t doc, struct arena *a,
                      struct st_doc_text *ret)
{
    struct index_conn *c = &v->conn;
    sqlite3_stmt *st = index__begin(c, INDEX_DOC);
    if (!st) return c->err;
    index__int(c, st, 1, doc);
    bool there = index__row(c, st);
    if (there) {
        ret->root = index__get(c, st, 0, a);
        ret->path = index__get(c, st, 1, a);
        ret->title = index__get(c, st, 2, a);
    }
    index__end(st);
    return c->err ? c->err : there ? OK : ERR_NOT_FOUND;
}

enum err st_index_passage(struct st_index_view *v, int64_t passage,
                          struct arena *a, struct st_passage *ret)
{
    struct index_conn *c = &v->conn;
    sqlite3_stmt *st = index__begin(c, INDEX_PASSAGE);
    if (!st) return c->err;
    index__int(c, st, 1, passage);
    bool there = index__row(c, st);
    if (there) {
        ret->section = index__get(c, st, 0, a);
        ret->headings = index__get(c, st, 1, a);
        ret->text = index__get(c, st, 2, a);
        ret->tokens = (uint32_t)sqlite3_column_int64(st, 3);
        ret->line = (uint32_t)sqlite3_column_int64(st, 4);
        ret->phase = sqlite3_column_type(st, 5) == SQLITE_NULL
                         ? INT64_MIN
                         : sqlite3_column_int64(st, 5);
    }
    index__end(st);
    return c->err ? c->err : there ? OK : ERR_NOT_FOUND;
}

/* --- filters
 * ------------------------------------------------------------------ */

struct ids {
    int64_t *items;
    size_t count, capacity;
};

static void add_ids(struct index_conn *c, sqlite3_stmt *st, struct arena *a,
                    struct ids *ids)
{
    while (index__row(c, st)) {
        ids->items = index__grow(c, a, ids->items, sizeof(*ids->items),
                                 ids->count, &ids->capacity);
        if (!ids->items) break;
        ids->items[ids->count++] = sqlite3_column_int64(st, 0);
    }
    index__end(st);
}

static void add_named(struct index_conn *c, enum index_stmt which,
                      const struct slice *names, size_t count, struct arena *a,
                      struct ids *ids)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *st = index__begin(c, which);
        if (!st) return;
        index__text(c, st, 1, names[i]);
        add_ids(c, st, a, ids);
    }
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void keep_both(struct ids *all, struct ids *some)
{
    size_t kept = 0, k = 0;
    if (some->count)
        qsort(some->items, some->count, sizeof(*some->items), by_id);
    for (size_t i = 0; i < all->count; i++) {
        while (k < some->count && some->items[k] < all->items[i]) k++;
        if (k < some->count && some->items[k] == all->items[i])
            all->items[kept++] = all->items[i];
    }
    all->count = kept;
}

static bool is_one_of(struct slice name, const struct slice *names,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(name, names[i])) return true;
    return false;
}

/* Are all roots that the file knows among these? Asks once for each. */
static bool has_no_other_root(struct index_conn *c,
                              const struct st_index_filter *f, struct arena *a)
{
    struct slice root = {0};
    for (;;) {
        sqlite3_stmt *st = index__begin(c, INDEX_ROOT_AFTER);
        if (!st) return false;
        index__text(c, st, 1, root);
        bool there = index__row(c, st);
        root = there ? index__get(c, st, 0, a) : root;
        index__end(st);
        if (c->err || !there) return !c->err;
        if (!is_one_of(root, f->roots, f->roots_count)) return false;
    }
}

enum err st_index_filter(struct st_index_view *v,
                         const struct st_index_filter *f, struct arena *a,
                         struct st_index_docs *ret)
{
    struct index_conn *c = &v->conn;
    struct ids all = {0}, some = {0};
    bool limited = f->tags_count || f->path_prefix.n || f->phase != INT64_MIN;
    *ret = (struct st_index_docs){0};
    if (!limited && has_no_other_root(c, f, a)) {
        ret->all = true;
        return OK;
    }
    add_named(c, INDEX_OF_ROOT, f->roots, f->roots_count, a, &all);
    if (all.count) qsort(all.items, all.count, sizeof(*all.items), by_id);
    if (f->tags_count) {
        add_named(c, INDEX_OF_TAG, f->tags, f->tags_count, a, &some);
        keep_both(&all, &some);
    }
    sqlite3_stmt *st = f->path_prefix.n ? index__begin(c, INDEX_OF_PATH) : NULL;
    if (st) {
        some = (struct ids){0};
        index__text(c, st, 1, f->path_prefix);
        index__int(c, st, 2, (int64_t)slice_utf8_length(f->path_prefix));
        add_ids(c, st, a, &some);
        keep_both(&all, &some);
    }
    st = f->phase != INT64_MIN ? index__begin(c, INDEX_OF_PHASE) : NULL;
    if (st) {
        some = (struct ids){0};
        index__int(c, st, 1, f->phase);
        add_ids(c, st, a, &some);
        keep_both(&all, &some);
    }
    ret->ids = all.items;
    ret->count = all.count;
    return c->err;
}

/* --- near words
 * ---------------------------------------------------------------- */

/* A letter of a short word, two of a longer one. */
static size_t tolerance(size_t n)
{
    return n < 4 ? 0 : n < 7 ? 1 : 2;
}

/* Every three characters of ^word$, any of them. */
static void grams(struct buf *b, struct slice marked)
{
    size_t at[3] = {0}, seen = 0;
    for (size_t i = 0; i <= marked.n; i++) {
        bool starts =
            i == marked.n || ((unsigned char)marked.p[i] & 0xc0) != 0x80;
        if (!starts) continue;
        if (seen >= 3) {
            if (b->n) buf_puts(b, " OR ");
            add_quoted(b, slice_sub(marked, at[seen % 3], i - at[seen % 3]));
        }
        at[seen++ % 3] = i;
    }
}

struct near {
    struct slice word;
    size_t distance;
};

static int by_distance(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return slice_cmp(x->word, y->word);
}

static struct near *near_words(struct index_conn *c, sqlite3_stmt *st,
                               struct slice word, struct arena *a,
                               size_t *ret_count)
{
    struct near *items = NULL;
    size_t count = 0, capacity = 0;
    while (index__row(c, st)) {
        struct slice other = {(const char *)sqlite3_column_blob(st, 0),
                              (size_t)sqlite3_column_bytes(st, 0)};
        size_t d = slice_distance(word, other);
        if (d > tolerance(word.n)) continue;
        items = index__grow(c, a, items, sizeof(*items), count, &capacity);
        if (!items) break;
        items[count++] = (struct near){index__get(c, st, 0, a), d};
    }
    *ret_count = c->err ? 0 : count;
    return items;
}

enum err st_index_near(struct st_index_view *v, struct slice word, size_t most,
                       struct arena *a, struct slice **ret, size_t *ret_count)
{
    struct index_conn *c = &v->conn;
    *ret = NULL;
    *ret_count = 0;
    if (!tolerance(word.n) || word.n > NEAR_LONGEST) return OK;
    struct slice marked = arena_printf(a, "^%.*s$", SLICE_ARG(word));
    if (!marked.p) return ERR_NOMEM;
    struct buf b = BUF_INIT(EXPRESSION_MOST);
    grams(&b, marked);
    sqlite3_stmt *st = matching(c, INDEX_WORDS_NEAR, &b);
    size_t count = 0;
    struct near *found = st ? near_words(c, st, word, a, &count) : NULL;
    index__end(st);
    buf_done(&b);
    if (count) qsort(found, count, sizeof(*found), by_distance);
    if (count > most) count = most;
    *ret = ARENA_ARRAY(a, struct slice, count + 1);
    if (!*ret) return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) (*ret)[i] = found[i].word;
    *ret_count = count;
    return c->err;
}
