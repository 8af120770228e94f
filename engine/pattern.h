/*
 * pattern: regular expressions of gates. A part of Python's syntax (literals,
 * classes, anchors, groups, alternation, greedy and lazy repetition), matched
 * by PCRE2 under limits that grow with the text, so that the time of a match
 * is linear in it; a limit reached is an answer of its own, never a match.
 * Look-around, back-references, possessive and atomic groups, verbs and
 * callouts are refused when the pattern is made.
 *
 * A pattern is immutable and shared without a lock. Only this file's .c
 * includes pcre2.h. Needs base/.
 */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "base/arena.h"

struct eng_pattern;

struct eng_pattern_fault {
    size_t at; /* byte in the pattern */
    size_t n;  /* bytes of the offending piece; 0: unknown */
    struct slice what;
};
/* Where the text must match, as Python's re.match, re.search, re.fullmatch;
 * ENG_CAPTURE: anywhere, for eng_pattern_find. */
enum eng_pattern_place {
    ENG_AT_START,
    ENG_ANYWHERE,
    ENG_WHOLE,
    ENG_CAPTURE,
    ENG_PLACE_COUNT
};

enum { ENG_PATTERN_BYTES = 4096, ENG_PATTERN_TEXT_BYTES = 1 << 20 };

/* ERR_PARSE with the fault filled; ERR_NOMEM. arena */
MUST_USE enum err eng_pattern_make(struct slice text,
                                   enum eng_pattern_place place,
                                   struct arena *a,
                                   const struct eng_pattern **ret,
                                   struct eng_pattern_fault *retfault);
/* Does the text match? Not when *ret_problem is not empty: the text is too
 * long, or the match took too much. ERR_NOMEM. Thread: any */
MUST_USE enum err eng_pattern_run(const struct eng_pattern *p,
                                  struct slice text, bool *ret,
                                  struct slice *ret_problem);
/* The last place that matches: its first group, or all of it when there is
 * none. As eng_pattern_run otherwise. *ret_found lies in the text. */
MUST_USE enum err eng_pattern_find(const struct eng_pattern *p,
                                   struct slice text, bool *ret,
                                   struct slice *ret_found,
                                   struct slice *ret_problem);

#endif
