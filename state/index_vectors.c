/*
 * Vectors of passages in the index: kept by content, so that what moved or
 * came back is not asked for again; compared one by one.
 */
#include <math.h>
#include <stdlib.h>

#include "state/index_private.h"

enum { TEXT_ID_SHIFT = ORDINAL_BITS + LENGTH_BITS };

enum err st_index_put_vector(struct st_index_write *w, struct slice hash,
                             struct slice model, const float *value,
                             size_t dimension)
{
    struct index_conn *c = &w->conn;
    sqlite3_stmt *st = index__begin(c, INDEX_VECTOR_PUT);
    if (!st) return c->err;
    index__blob(c, st, 1, hash);
    index__text(c, st, 2, model);
    index__blob(c, st, 3,
                (struct slice){(const char *)value, dimension * sizeof(float)});
    index__run(c, st);
    st = index__begin(c, INDEX_VECTORS_NEXT);
    if (st) index__run(c, st);
    return c->err;
}

enum err st_index_drop_vectors(struct st_index_write *w)
{
    struct index_conn *c = &w->conn;
    sqlite3_stmt *st = index__begin(c, INDEX_VECTORS_OLD);
    if (st) index__run(c, st);
    return c->err;
}

enum err st_index_vectorless(struct st_index_view *v, struct slice model,
                             size_t most, struct arena *a,
                             struct st_vectorless **ret, size_t *ret_count)
{
    struct index_conn *c = &v->conn;
    struct st_vectorless *items = NULL;
    size_t count = 0, capacity = 0;
    sqlite3_stmt *st = index__begin(c, INDEX_VECTORLESS);
    if (!st) return c->err;
    index__text(c, st, 1, model);
    index__int(c, st, 2, (int64_t)most);
    while (index__row(c, st)) {
        items = index__grow(c, a, items, sizeof(*items), count, &capacity);
        if (!items) break;
        items[count++] = (struct st_vectorless){index__get(c, st, 0, a),
                                                index__get(c, st, 1, a),
                                                index__get(c, st, 2, a)};
    }
    index__end(st);
    *ret = items;
    *ret_count = count;
    return c->err;
}

/* --- nearest -------------------------------------------------------------- */

static double length_of(const float *value, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)value[i] * (double)value[i];
    return sqrt(sum);
}

/* `bytes` may lie anywhere: floats are copied out of it. 0: no direction. */
static double cosine(const float *value, double length, const char *bytes,
                     size_t n)
{
    float dot[4] = {0}, square[4] = {0}, x[4];
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        memcpy(x, bytes + i * sizeof(float), sizeof(x));
        for (int k = 0; k < 4; k++) {
            dot[k] += value[i + (size_t)k] * x[k];
            square[k] += x[k] * x[k];
        }
    }
    for (; i < n; i++) {
        memcpy(x, bytes + i * sizeof(float), sizeof(float));
        dot[0] += value[i] * x[0];
        square[0] += x[0] * x[0];
    }
    double d =
        (double)dot[0] + (double)dot[1] + (double)dot[2] + (double)dot[3];
    double s = (double)square[0] + (double)square[1] + (double)square[2] +
               (double)square[3];
    double c = s > 0 && length > 0 ? d / (sqrt(s) * length) : 0;
    return c == c ? c : 0;
}

static bool is_of(int64_t passage, const struct st_index_docs *docs)
{
    int64_t number = passage >> TEXT_ID_SHIFT;
    size_t from = 0, to = docs->count;
    if (docs->all) return true;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (docs->ids[middle] >> LENGTH_BITS < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from < docs->count && docs->ids[from] >> LENGTH_BITS == number;
}

static bool better(const struct st_near *x, const struct st_near *y)
{
    return x->cosine != y->cosine ? x->cosine > y->cosine
                                  : x->passage < y->passage;
}

/* Into its place among the best. */
static void insert(struct st_near *best, size_t *count, size_t most,
                   struct st_near one)
{
    if (*count == most && !better(&one, &best[most - 1])) return;
    size_t at = *count < most ? (*count)++ : most - 1;
    for (; at > 0 && better(&one, &best[at - 1]); at--) best[at] = best[at - 1];
    best[at] = one;
}

enum err st_index_nearest(struct st_index_view *v, struct slice model,
                          const float *value, size_t dimension,
                          const struct st_index_docs *docs, size_t most,
                          struct arena *a, struct st_near **ret,
                          size_t *ret_count)
{
    struct index_conn *c = &v->conn;
    struct st_near *best = ARENA_ARRAY(a, struct st_near, most + 1);
    double length = length_of(value, dimension);
    size_t count = 0;
    if (!best) return ERR_NOMEM;
    sqlite3_stmt *st = most ? index__begin(c, INDEX_VECTORS) : NULL;
    if (st) index__text(c, st, 1, model);
    while (st && index__row(c, st)) {
        int64_t passage = sqlite3_column_int64(st, 0);
        const char *bytes = sqlite3_column_blob(st, 1);
        size_t n = (size_t)sqlite3_column_bytes(st, 1);
        if (n != dimension * sizeof(float)) continue;
        if (!is_of(passage, docs)) continue;
        insert(
            best, &count, most,
            (struct st_near){passage, cosine(value, length, bytes, dimension)});
    }
    index__end(st);
    *ret = best;
    *ret_count = count;
    return c->err;
}

enum err st_index_passage_doc(struct st_index_view *v, int64_t passage,
                              int64_t *ret)
{
    struct index_conn *c = &v->conn;
    int64_t first = (passage >> TEXT_ID_SHIFT) << LENGTH_BITS;
    sqlite3_stmt *st = index__begin(c, INDEX_DOC_NUMBERED);
    if (!st) return c->err;
    index__int(c, st, 1, first);
    index__int(c, st, 2, first | ((INT64_C(1) << LENGTH_BITS) - 1));
    bool there = index__row(c, st);
    if (there) *ret = sqlite3_column_int64(st, 0);
    index__end(st);
    return c->err ? c->err : there ? OK : ERR_NOT_FOUND;
}
