/*
 * corpus_text: what the index is told of the bytes of one markdown file: its
 * passages, its title, what it is filed under.
 */
#ifndef ENGINE_CORPUS_TEXT_H
#define ENGINE_CORPUS_TEXT_H

#include "state/index.h"

/* Fills all of `d` that comes from the text; `d->path` is set. Everything lies
 * in the arena or in `bytes`. ERR_TOO_LARGE, ERR_NOMEM. Thread: any */
MUST_USE enum err corpus_text(struct slice bytes, struct arena *a,
                              struct st_doc *d);

#endif
