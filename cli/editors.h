/*
 * editors: where each editor keeps its list of MCP servers, and how an entry
 * is put into such a file without touching the rest: a JSON file keeps every
 * byte it has and gets some more, a TOML file gets a section at its end.
 *
 * Nothing here writes files. Thread: main.
 */
#ifndef CLI_EDITORS_H
#define CLI_EDITORS_H

#include "base/arena.h"

enum cli_shape { CLI_JSON, CLI_TOML };

struct cli_editor {
    const char *word; /* --editor cursor */
    const char *name; /* "Cursor" */
    const char *file; /* in the project */
    enum cli_shape shape;
    const char *servers; /* JSON: the key that holds the servers */
    const char *type;    /* JSON: "stdio" where it must be said, or NULL */
    const char *project; /* what the editor expands to its folder, or NULL */
    const char *program; /* its command, when it is installed */
    const char *home;    /* its folder in the home folder */
    const char *asks;    /* of a person, before it starts a new server */
    bool always;         /* its file is written even without a trace of it */
};

/* Ended by a row without name. */
extern const struct cli_editor cli_editors[];

enum cli_edit_result { CLI_EDIT_ADDED, CLI_EDIT_KEPT, CLI_EDIT_REFUSED };

struct cli_edit {
    enum cli_edit_result result;
    struct slice text; /* ADDED: the whole new file */
    struct slice why;  /* REFUSED: why; KEPT: empty, or that it differs */
};

/* `text`: what the file holds, {NULL, 0} when there is none. `command`: the
 * program. ERR_NOMEM. arena */
MUST_USE enum err cli_edit(const struct cli_editor *ed, struct slice text,
                           struct slice command, struct arena *a,
                           struct cli_edit *ret);
/* What a person would add by hand. arena */
struct slice cli_edit_by_hand(const struct cli_editor *ed, struct slice command,
                              struct arena *a);

#endif
