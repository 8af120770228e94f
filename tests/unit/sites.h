/*
 * sites: which of the calls that can fail differ. One is known by the calls
 * that led to it: of those of a loop the first and the last stand for all.
 */
#ifndef TESTS_UNIT_SITES_H
#define TESTS_UNIT_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct site {
    uint64_t first, last; /* the n-th such call */
};

/* Forgets them. `ours`: only calls of this program tell two apart, not those
 * inside of the libraries it has called. */
void sites_clear(bool ours);
/* The n-th call is being made. Thread: any */
void sites_note(uint64_t nth);
/* The i-th as it stands; false past the last one. Other threads may go on
 * calling: what they add comes after it. Thread: any */
bool sites_at(size_t i, struct site *ret);

#endif
