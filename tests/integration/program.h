/*
 * program: the binary under test as a shell would run it: arguments, a
 * working folder, a file on stdin; what it printed and how it ended.
 */
#ifndef TESTS_INTEGRATION_PROGRAM_H
#define TESTS_INTEGRATION_PROGRAM_H

#include "tests/runner/test.h"

struct program {
    const char *binary;      /* NULL: test_binary() */
    const char *folder;      /* NULL: test_tmpdir() */
    const char *input;       /* a file for stdin; NULL: /dev/null */
    const char *const *env;  /* "NAME=value" over the test's own; "NAME"
                                removes it */
    const char *const *args; /* NULL-ended, without the program's name */
};

struct ended {
    int status; /* of exit(), or 128 + signal */
    struct slice out, err;
};

/* Waits for the end; both texts are shown when the test fails. */
struct ended program_run(const struct program *p);
/* In `folder`, with these words. */
#define RUN_IN(folder_, ...)                                                   \
    program_run(                                                               \
        &(struct program){.folder = (folder_),                                 \
                          .args = (const char *const[]){__VA_ARGS__, NULL}})
/* Does the text hold this part? */
bool says(struct slice text, const char *part);

/* A new folder below test_tmpdir() with a .git folder: a project. */
const char *new_project(const char *name);
/* Writes a file, making its folders. */
void put_file(const char *folder, const char *name, const char *text);
/* The file's text; {NULL, 0} when it is not there. */
struct slice get_file(const char *folder, const char *name);
/* Ends the test when the text is no JSON document. */
const struct json *json_of(struct slice text);

#endif
