/*
 * junit: the counts of a JUnit XML report. Just so much XML as tells tags from
 * what a test printed (comments, CDATA, quoted values) and a whole document
 * from one that was cut; nothing is expanded, nothing is fetched.
 *
 * Thread: any.
 */
#ifndef ENGINE_JUNIT_H
#define ENGINE_JUNIT_H

#include <stdint.h>

#include "base/slice.h"

/* Counts over it are no counts: sums of them cannot overflow. */
enum { ENG_COUNT_MOST = 1000000000 };

struct eng_counts {
    int64_t passed, failed, errors, skipped, total;
};

/* Sums the outermost suites that tell how many tests they have; a failure or
 * error that the sums do not tell of is counted all the same. False: the text
 * is no whole report. */
bool eng__junit(struct slice text, struct eng_counts *ret);

#endif
