/*
 * lint_sarif: findings as SARIF 2.1.0 (OASIS), which code hosts show beside
 * the changed lines. The rules are the rows of engine/lint_rows.h.
 *
 * Thread: main.
 */
#ifndef CLI_LINT_SARIF_H
#define CLI_LINT_SARIF_H

#include "engine/check.h"

struct cli_checked_list {
    struct eng_checked *items;
    size_t count;
};

/* The finding's file (else the folder) as somebody in `here` would name it:
 * relative below `here`, else absolute. arena */
struct slice cli_checked_path(const struct eng_checked *k,
                              const struct eng_finding *f, struct slice here,
                              struct arena *a);
/* One document. URIs are relative to `here` where they can be. */
void cli_sarif_write(const struct cli_checked_list *l, struct slice here,
                     struct arena *a, struct json_writer *w);

#endif
