/*
 * doctor: everything that goes wrong for people, as a table of checks. A check
 * looks and tells what it found, each finding with its mend: a command to
 * type where there is one. It changes nothing and waits for nobody: what it
 * asks has a time limit, and a limit stands over all of it.
 *
 * Private to cli/. Thread: main.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <sys/stat.h>

#include "cli/options.h"
#include "transport/discovery.h"

/* BROKEN: something does not work, or will not. ADVICE: it works. */
enum cli_weight { CLI_ADVICE, CLI_BROKEN };

struct cli_finding {
    const char *check;
    enum cli_weight weight;
    struct slice what, how_to_fix;
    struct slice command; /* for a shell; empty: none can be given */
};

enum { CLI_FINDINGS_MAX = 256 };

struct cli_doctor {
    struct arena arena;
    struct cli_options o; /* what could be read of the settings */
    bool settings_read;
    struct slice root;    /* canonical; empty: no project */
    struct slice folder;  /* <root>/.phasegate, if it is there */
    struct slice command; /* how to call this program */
    struct tp_entry *servers;
    size_t servers_count;
    bool served;       /* one lives */
    const char *check; /* the one that looks just now */
    struct cli_finding findings[CLI_FINDINGS_MAX];
    size_t count;
};

struct cli_check {
    const char *name, *about;
    bool in_project; /* only where there is one, and its folder */
    void (*run)(struct cli_doctor *d);
};
/* Each ended by a row without name. */
extern const struct cli_check cli_checks_files[], cli_checks_state[],
    cli_checks_settings[], cli_checks_servers[], cli_checks_editors[],
    cli_checks_workflows[];

/* A finding without a command, or with one: printf's text. */
void cli_find(struct cli_doctor *d, enum cli_weight weight,
              struct slice how_to_fix, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Gives the newest finding its command. */
void cli_mend(struct cli_doctor *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- for the checks ------------------------------------------------------- */

/* <root>/<name>; for messages too. */
struct slice cli_at(struct cli_doctor *d, const char *name);
/* A path as a word of a shell. */
struct slice cli_quoted(struct cli_doctor *d, struct slice path);
/* lstat(2) */
bool cli_look(struct cli_doctor *d, struct slice path, struct stat *ret);
/* "123" of "<path>:123:4", 0: there is none. */
unsigned cli_line_of(struct slice where);
/* Its command moves the file away, beside its place. */
void cli_mend_aside(struct cli_doctor *d, struct slice path);
/* A setting is wrong: the finding's command takes it away, wherever it was
 * set. */
void cli_mend_setting(struct cli_doctor *d, struct slice where);

#endif
