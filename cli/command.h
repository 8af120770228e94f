/*
 * command: subcommands as rows. A command is one file of cli/ with one row in
 * commands.c; main finds it, suggests the nearest one for a mistyped name and
 * prints help from the rows.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/buf.h"
#include "cli/options.h"

/* Exit codes of every command. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_NOT_SO = 1,      /* the thing asked for is not so */
    CLI_USAGE = 2,       /* wrong flags, values or words */
    CLI_CANNOT_START = 3 /* the state file, a port, ... */
};

/* What a command's first word may be, where it is one of a few. */
struct cli_verb {
    const char *name;
    const char *words;            /* behind it, or "" */
    const char *summary;          /* one line */
    void (*print)(struct buf *b); /* all it does, where cli_print runs it */
};

/* --help, the manual page, completion and the list of commands are made of
 * these rows: a new command is one row and has them all. */
struct cli_command {
    const char *name;
    const char *words;   /* behind the options: "[PATH ...]", or "" */
    const char *summary; /* one line */
    unsigned options;    /* enum cli_group it understands */
    /* argv[0] is the command's name. Returns enum cli_exit. */
    int (*run)(const struct cli_command *c, int argc, char **argv);
    /* Lines as one would type them, each beginning with "phasegate NAME". */
    const char *example;
    const struct cli_verb *verbs; /* ended by a row without name; or NULL */
    const char *more;             /* a paragraph for --help, or NULL */
};

/* Ended by a row without name. */
extern const struct cli_command cli_commands[];

int cli_serve(const struct cli_command *c, int argc, char **argv);
int cli_demo(const struct cli_command *c, int argc, char **argv);
int cli_init(const struct cli_command *c, int argc, char **argv);
int cli_call(const struct cli_command *c, int argc, char **argv);
int cli_new(const struct cli_command *c, int argc, char **argv);
int cli_lint(const struct cli_command *c, int argc, char **argv);
int cli_trust(const struct cli_command *c, int argc, char **argv);
int cli_sessions(const struct cli_command *c, int argc, char **argv);
int cli_admin(const struct cli_command *c, int argc, char **argv);
int cli_doctor(const struct cli_command *c, int argc, char **argv);
int cli_search(const struct cli_command *c, int argc, char **argv);
int cli_backup(const struct cli_command *c, int argc, char **argv);
/* Of commands whose verbs print what is made of rows. */
int cli_print(const struct cli_command *c, int argc, char **argv);

/* The row of that name, or NULL. */
const struct cli_command *cli_command_find(struct slice name);
/* The row of the verb, or NULL when there is none: what it could have been is
 * on stderr. */
const struct cli_verb *cli_verb_find(const struct cli_command *c,
                                     struct slice word);

/* Says on stderr that a verb got too few words, or too many. CLI_USAGE. */
int cli_verb_misused(const struct cli_command *c, const struct cli_verb *v,
                     bool too_many);

/* What most commands begin with: options from flags, environment and the
 * project's file, in that order of weight, and the project's root. True: go
 * on; false: *ret_exit says how it ended (help was printed, or a problem).
 * `o` lives in `a`. */
bool cli_begin(const struct cli_command *c, int argc, char **argv,
               struct arena *a, struct cli_options *o, struct slice *ret_root,
               int *ret_exit);
/* Its first half: the flags alone. */
bool cli_begin_flags(const struct cli_command *c, int argc, char **argv,
                     struct arena *a, struct cli_options *o, int *ret_exit);
/* Prints "phasegate: what: why. how" to stderr. */
void cli_complain(const struct problem *p);

#endif
