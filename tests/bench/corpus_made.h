/* corpus_made: standards made for benchmarks: files of twenty sections whose
 * words are as unevenly common as those of real texts. */
#ifndef TESTS_BENCH_CORPUS_MADE_H
#define TESTS_BENCH_CORPUS_MADE_H

#include "base/slice.h"

/* Writes `chunks` sections below `folder`, which it makes. */
void corpus_make(struct slice folder, int chunks);
/* The i-th subject to search for: two content words, in every fifth one with
 * words that most texts hold. */
const char *corpus_subject(unsigned i, char text[128]);

#endif
