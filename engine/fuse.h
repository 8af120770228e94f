/*
 * fuse: two orders of passages made one by reciprocal rank: what stands high
 * in either stands high, what stands in both higher. No score of one is ever
 * compared with a score of the other. Private to engine/search*.c.
 * Thread: worker
 */
#ifndef ENGINE_FUSE_H
#define ENGINE_FUSE_H

#include "engine/rank.h"

/* `words`: by rank_query; `near`: by st_index_nearest, in the filter's texts.
 * At most `most` results, of one text no more than rank_query gives. arena */
MUST_USE enum err fuse(struct st_index_view *v, const struct ranked *words,
                       size_t words_count, const struct st_near *near,
                       size_t near_count, const struct rank_filter *filter,
                       size_t most, struct arena *a, struct ranked **ret,
                       size_t *ret_count);

#endif
