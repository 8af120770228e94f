/*
 * rank: texts and passages in the order in which they answer a query.
 *
 * First the texts, by what stands in their path, title, headings, keywords
 * and body (BM25 by field, with the share of the query that is met); then, of
 * the best texts, the passages. A text's rank is its own weight and that of
 * its best passage. Passages of one text follow each other only when they are
 * much better than those of others. Equal weights: by path, by place.
 * Private to engine/search*.c. Thread: worker
 */
#ifndef ENGINE_RANK_H
#define ENGINE_RANK_H

#include "engine/query.h"

struct rank_filter {
    struct st_index_docs docs; /* only these */
    int64_t phase; /* INT64_MIN: any */
};

struct ranked {
    int64_t doc, passage;
    double score; /* 0..1, not increasing */
    struct st_doc_text text;
    struct st_passage content;
};

/* How many of so many results come from one text, while others have any. */
size_t rank_share(size_t most);

/* At most `most` results, in the arena. */
MUST_USE enum err rank_query(struct st_index_view *v, const struct query *q,
                             const struct rank_filter *filter, size_t most,
                             struct arena *a, struct ranked **ret,
                             size_t *ret_count);

#endif
