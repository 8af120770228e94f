/*
 * excerpt: what of a passage shows that it answers: where the words of the
 * query stand in it, and the few lines around most of them. Private to
 * engine/search.c. Thread: worker
 */
#ifndef ENGINE_EXCERPT_H
#define ENGINE_EXCERPT_H

#include "base/json_write.h"
#include "engine/query.h"

/* Members of the result that is open in `w`: "highlights":[{"start","end"}],
 * in bytes of the text, at most 100; "snippet", at most 40 words of it on one
 * line. */
MUST_USE enum err excerpt_write(struct st_index_view *v, const struct query *q,
                                struct slice text, bool highlights,
                                bool snippet, struct arena *a,
                                struct json_writer *w);

#endif
