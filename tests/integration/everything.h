/* everything: the library's everything_server, when the build has it. */
#ifndef TESTS_INTEGRATION_EVERYTHING_H
#define TESTS_INTEGRATION_EVERYTHING_H

#include "tests/runner/server.h"

/* Its path; skips the test when it is not built. */
const char *everything_binary(void);
/* Started on a free port, and listening. */
struct server *everything_start(int *ret_port);

#endif
