/*
 * corpus: the markdown files below the standards' roots, and the index that
 * speaks for them.
 *
 * The files are the truth. Before a search the corpus is asked whether the
 * index still speaks for them (corpus_current): unless the watcher vouches for
 * all of them, it walks the roots by stat(2) alone and, where a file is new,
 * gone or another one, reads that file and puts it into the index. So a search
 * that begins after a save has returned never gives what stood there before,
 * with or without a watcher.
 *
 * One thread of the process brings the index up to date at a time; the others
 * wait for it. What is too much to wait for (the first time of a large corpus)
 * goes on in the background, in steps that searches see.
 *
 * Names that begin with a dot or end in ~, .swp or .tmp do not count, nor do
 * symbolic links; of equal names in two roots the first root's counts.
 */
#ifndef ENGINE_CORPUS_H
#define ENGINE_CORPUS_H

#include "base/pool.h"
#include "engine/corpus_index.h"
#include "engine/watch.h"

struct corpus;

struct corpus_options {
    struct slice index_path; /* its folder exists */
    const struct slice *roots;
    size_t roots_count;
    struct pool *pool;       /* NULL: all in the caller's thread */
    struct eng_watch *watch; /* of the same roots; outlives the corpus; NULL:
                                every search walks them */
};

/* Copies the options; opens nothing yet. */
MUST_USE enum err corpus_new(const struct corpus_options *o,
                             struct corpus **ret);
/* Ends what goes on in the background. NULL is fine. */
void corpus_free(struct corpus *c);

struct corpus_state {
    struct st_index_state index;
    bool building;        /* the index does not have everything yet */
    uint64_t done, total; /* files, while it is building */
};

/* Brings the index up to date. ERR_CANCELLED, ERR_DEADLINE, ERR_TOO_LARGE
 * (more than 500,000 files), ERR_STORE_BUSY, ERR_IO, ERR_NOMEM with the
 * problem. Thread: worker (file I/O). Lock: takes corpus.lock, waits for a
 * build under way. */
MUST_USE enum err corpus_current(struct corpus *c, const struct cancel *cancel,
                                 struct arena *a, struct problem *p,
                                 struct corpus_state *ret);
/* A view of the index failed so. True: it is worth asking corpus_current
 * again, which makes it anew, perhaps elsewhere. Thread: worker */
bool corpus_mend(struct corpus *c, enum err e, struct arena *a);
/* True: files are being read in the background, this many of that many.
 * Thread: any. Lock: takes corpus.lock, waits for nothing. */
bool corpus_building(struct corpus *c, uint64_t *ret_done,
                     uint64_t *ret_total);
/* As corpus_index_onces. Thread: any */
void corpus_onces(const struct corpus *c, struct once_stats ret[CORPUS_ONCES]);
/* A view of the index; only after corpus_current has succeeded once. */
MUST_USE enum err corpus_view(struct corpus *c, const struct cancel *cancel,
                              struct st_index_view **ret);
/* A turn at writing into the index what is not the files' doing: nobody else
 * of this process writes until it has ended. ERR_STORE_BUSY, the errors of
 * st_index_write_*. Thread: worker */
MUST_USE enum err corpus_write_begin(struct corpus *c,
                                     const struct cancel *cancel,
                                     struct st_index_write **ret);
MUST_USE enum err corpus_write_end(struct corpus *c, struct st_index_write *w,
                                   enum err e);
const struct slice *corpus_roots(const struct corpus *c, size_t *ret_count);

#endif
