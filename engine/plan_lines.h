/*
 * plan_lines: a tasks.md as lines that know what they are. Code fences and
 * comments are masked here, once, so that no reader above can mistake what
 * stands in them. Private to the plan reader. Thread: any.
 */
#ifndef ENGINE_PLAN_LINES_H
#define ENGINE_PLAN_LINES_H

#include "base/arena.h"

enum plan_box { BOX_NONE, BOX_EMPTY, BOX_TICKED };

struct plan_line {
    struct slice raw;  /* of the source, without its line end */
    struct slice text; /* without indentation, marker, box and trailing blanks;
                          of a heading: without the #s */
    uint32_t indent;   /* columns */
    uint8_t level;     /* of a heading, 1..6; 0: none */
    bool masked;       /* in a fence or a comment: nothing */
    bool blank;
    bool item;  /* of a list */
    bool rule;  /* --- */
    bool glued; /* a heading without the space behind its #s */
    enum plan_box box;
};
struct plan_lines {
    struct plan_line *lines; /* lines[i] is line i + 1 */
    size_t count;
    size_t unclosed; /* the line whose fence is never closed; 0: none */
};

/* ERR_NOMEM. Texts of lines with a comment lie in the arena. */
MUST_USE enum err plan_lines_read(struct slice text, struct arena *a,
                                  struct plan_lines *ret);

#endif
