/*
 * report: a session's run as a markdown page for people: what was asked, what
 * was shown for it, what was refused and why, who did what when, and the head
 * of the record. Shared with the tests: how foreign texts are quoted.
 */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "engine/engine.h"

/* Appends the page. Fills the problem. Thread: worker */
MUST_USE enum err eng__report_markdown(struct engine *e, struct eng_call *c,
                                       struct slice session_id,
                                       struct buf *out);
/* One line that cannot end a table's cell or begin an element. */
void eng__report_cell(struct buf *b, struct slice text);
/* A code block that its text cannot end. */
void eng__report_block(struct buf *b, struct slice text);
/* "2 h 3 min 4 s". */
void eng__report_span(struct buf *b, int64_t ms);

#endif
