/*
 * Writing to the index: texts with their passages, their words, their tags.
 */
#include <math.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/sha256.h"
#include "state/index_private.h"

enum { BODY_MOST = 32 << 20, SPELLING_LONGEST = 40, SPELLING_SHORTEST = 3 };

static int64_t length_class(double tokens)
{
    double c = LENGTHS_PER_OCTAVE * log2(1 + tokens);
    return c < 255 ? (int64_t)c : 255;
}

static double class_length(int64_t id)
{
    return exp2((double)(id & 255) / LENGTHS_PER_OCTAVE) - 1;
}

double st_index_doc_tokens(int64_t doc)
{
    return class_length(doc);
}

double st_index_passage_tokens(int64_t passage)
{
    return class_length(passage);
}

/* A passage's id: the text's number, its place, its length. */
static int64_t passage_id(int64_t doc, size_t at, double tokens)
{
    return (doc >> LENGTH_BITS) << (ORDINAL_BITS + LENGTH_BITS) |
           (int64_t)at << LENGTH_BITS | length_class(tokens);
}

static void put_state(struct index_conn *c, int64_t docs, int64_t tokens)
{
    sqlite3_stmt *st = index__begin(c, INDEX_STATE_ADD);
    if (!st) return;
    index__int(c, st, 1, docs);
    index__int(c, st, 2, tokens);
    index__run(c, st);
    c->changed = true;
}

/* --- the words of the whole text --------------------------------------------
 */

/* Headings as an outline: of each way only what the one before had not. */
static void add_outline(struct buf *out, struct slice last, struct slice way)
{
    size_t same = 0;
    for (size_t i = 0; i <= way.n && i <= last.n; i++) {
        bool ends =
            (i == way.n || slice_starts(slice_sub(way, i, 3), SLICE(" > "))) &&
            (i == last.n || slice_starts(slice_sub(last, i, 3), SLICE(" > ")));
        if (ends) same = i;
        if (i < way.n && i < last.n && way.p[i] != last.p[i]) break;
    }
    buf_put(out, slice_sub(way, same, way.n));
    buf_putc(out, '\n');
}

struct doc_words {
    struct slice path, title, keywords;
    struct buf headings, body;
};

static void run_doc_words(struct index_conn *c, enum index_stmt which,
                          int64_t doc, const struct doc_words *w)
{
    if (w->headings.err || w->body.err)
        c->err = w->headings.err ? w->headings.err : w->body.err;
    sqlite3_stmt *st = index__begin(c, which);
    if (!st) return;
    index__int(c, st, 1, doc);
    index__text(c, st, 2, w->path);
    index__text(c, st, 3, w->title);
    index__text(c, st, 4, buf_slice(&w->headings));
    index__text(c, st, 5, w->keywords);
    index__text(c, st, 6, buf_slice(&w->body));
    index__run(c, st);
}

static void run_passage_words(struct index_conn *c, enum index_stmt which,
                              int64_t id, struct slice headings,
                              struct slice text)
{
    sqlite3_stmt *st = index__begin(c, which);
    if (!st) return;
    index__int(c, st, 1, id);
    index__text(c, st, 2, headings);
    index__text(c, st, 3, text);
    index__run(c, st);
}

/* --- taking out --------------------------------------------------------------
 */

static void delete_where(struct index_conn *c, enum index_stmt which,
                         int64_t from, int64_t to)
{
    sqlite3_stmt *st = index__begin(c, which);
    if (!st) return;
    index__int(c, st, 1, from);
    if (sqlite3_bind_parameter_count(st) > 1) index__int(c, st, 2, to);
    index__run(c, st);
}

/* FTS5 keeps no texts here: to forget words it must be told them again. */
static void forget_passages(struct index_conn *c, int64_t from, int64_t to,
                            struct arena *a, struct doc_words *w)
{
    sqlite3_stmt *st = index__begin(c, INDEX_PASSAGES);
    if (!st) return;
    index__int(c, st, 1, from);
    index__int(c, st, 2, to);
    struct slice last = {0};
    while (index__row(c, st)) {
        struct slice headings = index__get(c, st, 1, a);
        struct slice text = index__get(c, st, 2, a);
        run_passage_words(c, INDEX_PASSAGE_WORDS_DELETE,
                          sqlite3_column_int64(st, 0), headings, text);
        add_outline(&w->headings, last, headings);
        buf_put(&w->body, text);
        last = headings;
    }
    index__end(st);
}

static void forget(struct index_conn *c, int64_t doc, struct arena *a)
{
    struct doc_words w = {.headings = BUF_INIT(BODY_MOST),
                          .body = BUF_INIT(BODY_MOST)};
    int64_t from = (doc >> LENGTH_BITS) << (ORDINAL_BITS + LENGTH_BITS);
    int64_t to = from | ((INT64_C(1) << (ORDINAL_BITS + LENGTH_BITS)) - 1);
    int64_t tokens = 0;
    sqlite3_stmt *st = index__begin(c, INDEX_DOC);
    if (!st) return;
    index__int(c, st, 1, doc);
    bool there = index__row(c, st);
    if (there) {
        w.path = index__get(c, st, 1, a);
        w.title = index__get(c, st, 2, a);
        w.keywords = index__get(c, st, 3, a);
        tokens = sqlite3_column_int64(st, 4);
    }
    index__end(st);
    if (there) {
        forget_passages(c, from, to, a, &w);
        run_doc_words(c, INDEX_DOC_WORDS_DELETE, doc, &w);
        delete_where(c, INDEX_PASSAGES_DELETE, from, to);
        delete_where(c, INDEX_TAGS_DELETE, doc, 0);
        delete_where(c, INDEX_DOC_DELETE, doc, 0);
        put_state(c, -1, -tokens);
    }
    buf_done(&w.headings);
    buf_done(&w.body);
}

enum err st_index_delete(struct st_index_write *w, int64_t id)
{
    struct arena a;
    arena_init(&a, 2 * BODY_MOST);
    forget(&w->conn, id, &a);
    arena_done(&a);
    return w->conn.err;
}

/* --- spelling ----------------------------------------------------------------
 */

/* Words with their ends marked, so that the ends count as letters. */
static int put_word(void *ctx, int flags, const char *p, int n, int from,
                    int to)
{
    struct index_conn *c = ctx;
    (void)flags, (void)from, (void)to;
    if (n < SPELLING_SHORTEST || n > SPELLING_LONGEST) return SQLITE_OK;
    uint64_t hash = map_hash((struct slice){p, (size_t)n});
    uint64_t *known = &c->known[hash % INDEX_KNOWN_WORDS];
    if (*known == hash) return SQLITE_OK;
    *known = hash;
    sqlite3_stmt *st = index__begin(c, INDEX_WORD_PUT);
    if (!st) return SQLITE_ABORT;
    index__text(c, st, 1, (struct slice){p, (size_t)n});
    index__run(c, st);
    if (c->err || !sqlite3_changes(c->db)) return c->err ? SQLITE_ABORT : 0;
    char marked[SPELLING_LONGEST + 2];
    marked[0] = '^';
    memcpy(marked + 1, p, (size_t)n);
    marked[n + 1] = '$';
    st = index__begin(c, INDEX_WORD_GRAMS_PUT);
    if (!st) return SQLITE_ABORT;
    index__text(c, st, 1, (struct slice){marked, (size_t)n + 2});
    index__run(c, st);
    return c->err ? SQLITE_ABORT : SQLITE_OK;
}

static void put_spelling(struct index_conn *c, struct slice text)
{
    if (c->err || !text.n) return;
    int rc = c->plain.calls.xTokenize(c->plain.self, c, FTS5_TOKENIZE_DOCUMENT,
                                      text.p, (int)text.n, put_word);
    if (rc == SQLITE_NOMEM) index__fail(c, rc);
}

/* --- putting in
 * --------------------------------------------------------------- */

static int64_t number(struct index_conn *c, sqlite3_stmt *st)
{
    int64_t n = index__row(c, st) ? sqlite3_column_int64(st, 0) : 0;
    index__end(st);
    return n;
}

static int64_t find_doc(struct index_conn *c, struct slice root,
                        struct slice path)
{
    sqlite3_stmt *st = index__begin(c, INDEX_DOC_NAMED);
    if (!st) return 0;
    index__text(c, st, 1, root);
    index__text(c, st, 2, path);
    return number(c, st);
}

static void put_doc_row(struct index_conn *c, int64_t id, int64_t tokens,
                        const struct st_doc *d)
{
    sqlite3_stmt *st = index__begin(c, INDEX_DOC_PUT);
    if (!st) return;
    index__int(c, st, 1, id);
    index__text(c, st, 2, d->root);
    index__text(c, st, 3, d->path);
    index__text(c, st, 4, d->title);
    index__text(c, st, 5, d->keywords);
    index__int(c, st, 6, tokens);
    index__blob(c, st, 7, d->stamp);
    index__blob(c, st, 8, (struct slice){(const char *)d->hash, ST_INDEX_HASH});
    index__run(c, st);
    put_state(c, 1, tokens);
}

/* What a vector belongs to: all that is told to a model of it. */
static void passage_hash(const struct st_passage *p, uint8_t ret[SHA256_SIZE])
{
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, p->headings);
    sha256_add(&s, SLICE("\n"));
    sha256_add(&s, p->text);
    sha256_end(&s, ret);
}

static void put_passage(struct index_conn *c, int64_t id,
                        const struct st_passage *p)
{
    sqlite3_stmt *st = index__begin(c, INDEX_PASSAGE_PUT);
    if (!st) return;
    index__int(c, st, 1, id);
    index__text(c, st, 2, p->section);
    index__text(c, st, 3, p->headings);
    index__text(c, st, 4, p->text);
    index__int(c, st, 5, p->tokens);
    index__int(c, st, 6, p->line);
    if (p->phase != INT64_MIN) index__int(c, st, 7, p->phase);
    unsigned char hash[SHA256_SIZE];
    passage_hash(p, hash);
    index__blob(c, st, 8, (struct slice){(const char *)hash, ST_VECTOR_HASH});
    index__run(c, st);
    run_passage_words(c, INDEX_PASSAGE_WORDS_PUT, id, p->headings, p->text);
}

static void put_tags(struct index_conn *c, int64_t id, const struct st_doc *d)
{
    for (size_t i = 0; i < d->tags_count; i++) {
        sqlite3_stmt *st = index__begin(c, INDEX_TAG_PUT);
        if (!st) return;
        index__text(c, st, 1, d->tags[i]);
        index__int(c, st, 2, id);
        index__run(c, st);
    }
}

enum err st_index_put(struct st_index_write *w, const struct st_doc *d)
{
    struct index_conn *c = &w->conn;
    if (d->passages_count >> ORDINAL_BITS) return ERR_TOO_LARGE;
    int64_t old = find_doc(c, d->root, d->path);
    if (old && st_index_delete(w, old)) return c->err;
    sqlite3_stmt *st = index__begin(c, INDEX_DOC_NEXT);
    int64_t next = st ? number(c, st) : 0, tokens = 0;
    for (size_t i = 0; i < d->passages_count; i++)
        tokens += d->passages[i].tokens;
    int64_t id = next << LENGTH_BITS | length_class((double)tokens);
    put_doc_row(c, id, tokens, d);
    put_tags(c, id, d);
    struct doc_words words = {.path = d->path,
                              .title = d->title,
                              .keywords = d->keywords,
                              .headings = BUF_INIT(BODY_MOST),
                              .body = BUF_INIT(BODY_MOST)};
    struct slice last = {0};
    for (size_t i = 0; i < d->passages_count && !c->err; i++) {
        const struct st_passage *p = &d->passages[i];
        put_passage(c, passage_id(id, i, p->tokens), p);
        add_outline(&words.headings, last, p->headings);
        buf_put(&words.body, p->text);
        last = p->headings;
    }
    run_doc_words(c, INDEX_DOC_WORDS_PUT, id, &words);
    put_spelling(c, d->path);
    put_spelling(c, buf_slice(&words.body));
    buf_done(&words.headings);
    buf_done(&words.body);
    return c->err;
}

enum err st_index_stamp(struct st_index_write *w, int64_t id,
                        struct slice stamp)
{
    struct index_conn *c = &w->conn;
    sqlite3_stmt *st = index__begin(c, INDEX_DOC_STAMP);
    if (!st) return c->err;
    index__int(c, st, 1, id);
    index__blob(c, st, 2, stamp);
    index__run(c, st);
    return c->err;
}

enum err st_index_docs(struct st_index_write *w, struct slice root,
                       struct arena *a, struct st_doc_row **ret,
                       size_t *ret_count)
{
    struct index_conn *c = &w->conn;
    struct st_doc_row *rows = NULL;
    size_t count = 0, capacity = 0;
    sqlite3_stmt *st = index__begin(c, INDEX_DOCS);
    if (!st) return c->err;
    index__text(c, st, 1, root);
    while (index__row(c, st)) {
        rows = index__grow(c, a, rows, sizeof(*rows), count, &capacity);
        if (!rows) break;
        struct st_doc_row *r = &rows[count++];
        r->id = sqlite3_column_int64(st, 0);
        r->path = index__get(c, st, 1, a);
        r->stamp = index__get(c, st, 2, a);
        struct slice hash = index__get(c, st, 3, a);
        if (hash.n == ST_INDEX_HASH) memcpy(r->hash, hash.p, hash.n);
    }
    index__end(st);
    *ret = rows;
    *ret_count = count;
    return c->err;
}
