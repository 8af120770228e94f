/*
 * twin: one JSON text in two spellings, plain and escaped as the contents of
 * a JSON string. A tool result carries its object twice, as
 * structuredContent and as text; a cached fragment that knows both spellings
 * is spliced into both without being escaped again.
 *
 * Write to `plain` as to any buf (for example with a json_writer) and splice
 * fragments with twin_splice; twin_finish escapes the rest. Both texts are
 * then complete. Thread: the owner. No lock.
 */
#ifndef BASE_TWIN_H
#define BASE_TWIN_H

#include "base/buf.h"
#include "base/json_write.h"

struct twin_fragment {
    struct slice plain, escaped;
};

struct twin {
    struct buf plain, escaped;
    /* private */
    size_t done; /* bytes of plain whose escaped form is written */
};

void twin_init(struct twin *t, size_t ceiling);
void twin_clear(struct twin *t);
void twin_done(struct twin *t);
/* Splices a ready value through the writer `w`, whose out is &t->plain. */
void twin_splice(struct twin *t, struct json_writer *w, struct twin_fragment f);
/* The same for ready members ("a":1,"b":2) of the open object. */
void twin_splice_members(struct twin *t, struct json_writer *w,
                         struct twin_fragment f);
/* OK, ERR_NOMEM or ERR_TOO_LARGE of either spelling. */
MUST_USE enum err twin_finish(struct twin *t);

#endif
