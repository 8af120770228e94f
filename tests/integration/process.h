/*
 * process: the real binary on descriptors that a test chooses, where the
 * fixture of tests/runner/server.h, which gives it pipes, does not reach:
 * files, /dev/null, sockets, a parent that dies.
 */
#ifndef TESTS_INTEGRATION_PROCESS_H
#define TESTS_INTEGRATION_PROCESS_H

#include <sys/types.h>

#include "tests/runner/test.h"

struct process_end {
    int status, signal; /* of exit(), or -1; that killed it, or 0 */
    double seconds;     /* waited */
};

/* An empty project (with .git) of its own. */
const char *process_project(const char *name);
/* Starts `phasegate args...` in `folder`; -1: the test's own descriptor is
 * closed in the child. stderr goes to <folder>/stderr. */
pid_t process_start(const char *folder, int in, int out,
                    const char *const *args);
/* Waits; kills it and fails the test after a deadline. */
struct process_end process_wait(pid_t pid);
/* Has this process, which need not be our child, gone within `seconds`? */
bool process_gone(pid_t pid, double seconds);
/* A whole file of that folder; the empty slice when there is none. */
struct slice process_file(const char *folder, const char *name);
void process_put(const char *folder, const char *name, struct slice text);
/* Waits until the file exists and holds `part`. */
struct slice process_file_with(const char *folder, const char *name,
                               const char *part);
size_t process_lines(struct slice text);
/* The processes of this machine whose command line holds this word. */
int process_count(const char *word);

#endif
