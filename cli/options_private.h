/*
 * options_private: the option rows themselves, for what is made of them:
 * --help, config.yaml, the manual page, completion. Private to cli/.
 */
#ifndef CLI_OPTIONS_PRIVATE_H
#define CLI_OPTIONS_PRIVATE_H

#include <stddef.h>

#include "base/buf.h"
#include "cli/options.h"

enum option_type { TEXT, NUMBER, CHOICE, BOOLEAN, LIST };

/* Where a row may be set. A project's file cannot say which project it is. */
enum { NOT_IN_FILE = 1, NOT_IN_ENV = 2, FLAG_ALONE = 3 };
/* Too many to be read there: docs/CONFIGURATION.md has them. */
enum { NOT_IN_HELP = 4 };
/* A NUMBER whose 0 means never, beside min..max. */
enum { OR_ZERO = 8 };

enum { NAME_ROOM = 64 };

struct option_row {
    const char *key; /* "conn.idle_ms" */
    enum option_type type;
    unsigned group; /* enum cli_group */
    size_t offset;
    int64_t min, max, def; /* NUMBER; CHOICE: def; BOOLEAN: def */
    const char *text;      /* TEXT: the default, or NULL */
    const char *const *choices;
    const char *arg;    /* DIR, N, MS; choices print themselves */
    const char *absent; /* what no value means, when def cannot say it */
    const char *help;
    unsigned flags;
};

/* Rows of one room. */
struct option_table {
    const struct option_row *rows;
    size_t count;
};
#define OPTION_TABLE(rows)                                                     \
    {                                                                          \
        rows, sizeof(rows) / sizeof((rows)[0])                                 \
    }
extern const struct option_table cli__options_server, cli__options_limits,
    cli__options_caches, cli__options_outside, cli__options_command;

/* For the rows: where a value goes; so many MiB. */
#define AT(member) .offset = offsetof(struct cli_settings, member)
#define MIB(n) ((int64_t)(n) << 20)

/* The i-th row of all, or NULL behind the last. */
const struct option_row *cli__option(size_t i);
/* The three spellings of a key; both write to `out` and return it. */
const char *cli__flag_name(const struct option_row *row, char out[NAME_ROOM]);
const char *cli__env_name(const struct option_row *row, char out[NAME_ROOM]);
/* Words in lines of a terminal's width, each begun by blanks. */
void cli__put_wrapped(struct buf *out, struct slice text);
/* "1..10", "full/normal": the values it takes. */
void cli__option_accepts(const struct option_row *row, struct buf *out);
/* "30000", "first free of 4242..5242": what holds without a value. */
void cli__option_default(const struct option_row *row, struct buf *out);

#endif
