/*
 * rendered: the part of a phase's reply that never changes (name, purpose,
 * content, gate, deliverables), as JSON members in both spellings, cached by
 * definition hash and phase. Nothing here changes with time: claims and task
 * states are added at the end by the view.
 */
#ifndef ENGINE_RENDERED_H
#define ENGINE_RENDERED_H

#include "engine/core.h"
#include "engine/definition.h"

struct eng_rendered {
    struct twin_fragment members;
};

MUST_USE enum err eng__rendered_cache(struct engine *e, struct st_cache **ret);
/* Held by the call's arena. Thread: worker */
MUST_USE enum err eng__rendered_get(struct engine *e, struct eng_call *c,
                                    const struct eng_definition *d,
                                    int64_t phase,
                                    const struct eng_rendered **ret);
/* Or NULL; only between pin and unpin. Thread: loop */
const struct eng_rendered *eng__rendered_peek(struct engine *e,
                                              const struct eng_definition *d,
                                              int64_t phase, int64_t now);

#endif
