/*
 * terminal: the binary under test with a terminal on stdin, as a person has
 * one, and what was typed there.
 */
#ifndef TESTS_INTEGRATION_TERMINAL_H
#define TESTS_INTEGRATION_TERMINAL_H

#include "tests/integration/program.h"

/* Runs `phasegate words...` (NULL-ended) in the folder and waits. `typed` is
 * what the person types, in full. */
struct ended terminal_run(const char *folder, const char *typed,
                          const char *const *words);
#define TYPED_IN(folder, typed, ...)                                           \
    terminal_run((folder), (typed), (const char *const[]){__VA_ARGS__, NULL})

/* The same, its stdout the terminal too: what that shows. */
struct slice terminal_shows(const char *folder, const char *const *words);
#define SHOWN_IN(folder, ...)                                                  \
    terminal_shows((folder), (const char *const[]){__VA_ARGS__, NULL})

#endif
