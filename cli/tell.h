/*
 * tell: how commands speak to a person. Colours only on a terminal, never
 * with NO_COLOR (https://no-color.org) or TERM=dumb.
 *
 * Thread: main.
 */
#ifndef CLI_TELL_H
#define CLI_TELL_H

#include <stdio.h>

#include "base/json_write.h"

enum cli_tone { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_BAD };

/* The escape sequence that begins a tone on stdout, or "" . CLI_PLAIN ends
 * any. */
const char *cli_tone(enum cli_tone tone);
/* "  who        text\n": a line of a transcript or a list. Flushed. */
void cli_say(enum cli_tone tone, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A text of somebody else's, so that a terminal obeys none of it and nothing
 * in it is unseen (buf_put_seen); lines and tabs stay. */
void cli_put(FILE *to, struct slice text);
void cli_putf(FILE *to, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A document for programs, to stdout: as it is, but as cli_put on a
 * terminal. */
void cli_put_document(struct slice text);
/* The same as one line: breaks and tabs become spaces, at most `most` bytes of
 * the text, "..." when cut. arena */
struct slice cli_one_line(struct arena *a, struct slice text, size_t most);
/* The value with two spaces a level, no newline at its end. */
void cli_json_pretty(struct buf *b, const struct json *v);
/* Prints the value and a newline: indented on a terminal, else one line. */
void cli_print_json(const struct json *v);

#endif
