/*
 * manual: what `phasegate manual` and `phasegate completion` print, made of
 * the rows of commands, options and tools. Private to cli/. Thread: main.
 */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/buf.h"

struct setting_group {
    unsigned group; /* enum cli_group */
    const char *title;
};
/* In the order they are printed; ended by a row without title. */
extern const struct setting_group cli__setting_groups[];

void cli__manual_page(struct buf *b); /* roff */
void cli__manual_settings(struct buf *b);
void cli__manual_reference(struct buf *b);

void cli__completion_bash(struct buf *b);
void cli__completion_zsh(struct buf *b);
void cli__completion_fish(struct buf *b);

#endif
