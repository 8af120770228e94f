/*
 * corpus_walk: which files there are, by stat(2) alone. Private to
 * engine/corpus*.c.
 */
#ifndef ENGINE_CORPUS_WALK_H
#define ENGINE_CORPUS_WALK_H

#include "base/arena.h"

/* What tells a file from the one that stood there before. */
struct corpus_stamp {
    int64_t device, inode, size, changed_ns, status_ns;
};

struct corpus_file {
    struct slice root; /* as it was named */
    struct slice real; /* canonical */
    struct slice path; /* relative to the root */
    struct corpus_stamp stamp;
    bool settled; /* a later change would show in the stamp */
};

struct corpus_walk {
    uint64_t signature; /* over names and stamps, in no order */
    bool settled;       /* all of them are */
    struct corpus_file *files;
    size_t count;
};

/* `list`: the files too, else only their signature. A root that is not there
 * has no files. ERR_TOO_LARGE, ERR_IO, ERR_NOMEM. Thread: worker */
MUST_USE enum err corpus_walk(const struct slice *roots, size_t count,
                              bool list, struct arena *a,
                              struct corpus_walk *ret);
/* Would a file of this path be one of them? */
bool corpus_counts(struct slice path);
/* Opens and reads it if it is still a regular file; no link is followed. */
MUST_USE enum err corpus_read(const struct corpus_file *f, size_t ceiling,
                              struct arena *a, struct slice *ret);

#endif
