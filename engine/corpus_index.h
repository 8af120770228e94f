/*
 * corpus_index: the file that the index of a corpus lies in. That is the
 * project's, which its processes share. When it cannot be used (its folder is
 * read-only, the disk is full, somebody holds it locked) it is a file of this
 * process's own among the temporary ones, until the end: made again by each
 * process, and as good for searching.
 */
#ifndef ENGINE_CORPUS_INDEX_H
#define ENGINE_CORPUS_INDEX_H

#include "base/once.h"
#include "state/index.h"

struct corpus_index;

/* Copies the path; opens nothing yet. ERR_NOMEM */
MUST_USE enum err corpus_index_new(struct slice path,
                                   struct corpus_index **ret);
/* No view is open and nobody writes. Removes a file of its own. NULL is fine.
 */
void corpus_index_free(struct corpus_index *x);

/* The one to use now, opened once, at first use; it lives as long as `x`. The
 * errors of st_index_open, when there is no room for any: with the problem for
 * the one who tried, without (p->err OK) for those who waited for him.
 * ERR_CANCELLED, ERR_DEADLINE from `cancel` while waiting.
 * Thread: worker. Lock: takes once */
MUST_USE enum err corpus_index_get(struct corpus_index *x,
                                   const struct cancel *cancel,
                                   struct arena *a, struct problem *p,
                                   struct st_index **ret);
/* The one that was given last; NULL before that. Thread: any */
struct st_index *corpus_index_now(const struct corpus_index *x);
/* `failed` cannot be used any more, for this reason: the next get gives
 * another one. False: there is no further one. Thread and lock as above. */
bool corpus_index_leave(struct corpus_index *x, const struct st_index *failed,
                        enum err why);

/* How often each of its files was asked for and made. Thread: any */
enum { CORPUS_ONCES = 2 };
void corpus_index_onces(const struct corpus_index *x,
                        struct once_stats ret[CORPUS_ONCES]);

#endif
