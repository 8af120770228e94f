/* install: `cmake --install` of this build into a prefix of the test's own,
 * and programs built on what lies there, as a stranger would. */
#ifndef TESTS_INTEGRATION_INSTALL_H
#define TESTS_INTEGRATION_INSTALL_H

#include "tests/integration/program.h"

/* The prefix. `component` NULL: all of it. */
const char *install_to_prefix(const char *component);
/* A shell command in test_tmpdir(); it must end with 0. Returns what it
 * printed, without the last newline. */
struct slice shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* cc `sources` with what pkg-config says of the prefix; the program's path. */
const char *install_compile(const char *prefix, const char *sources,
                            const char *name);
/* "LD_LIBRARY_PATH=..." for programs built on the prefix. */
const char *install_library_path(const char *prefix);

#endif
