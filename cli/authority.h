/*
 * authority: the options auth.* become who may call over HTTP: access tokens
 * of configured issuers, beside the tokens of .phasegate. A program built
 * without PHASEGATE_JWT refuses to start when they are set: it would let in
 * nobody, or everybody. Thread: main; refresh: keeper.
 */
#ifndef CLI_AUTHORITY_H
#define CLI_AUTHORITY_H

#include "cli/options.h"
#include "transport/authority.h"

struct tp_jwt;

struct cli_authority {
    struct tp_authority http; /* resource empty: nothing was asked for */
    /* private */
    struct tp_jwt *jwt;
};

bool cli_authority_asked(const struct cli_settings *set);
/* `url` is where we listen. Not asked: OK, and nothing is opened.
 * ERR_INVALID with o->problem. arena */
MUST_USE enum err cli_authority_open(struct cli_options *o, struct slice url,
                                     bool loopback, struct cli_authority *ret);
/* Keys that have changed on disk. */
void cli_authority_refresh(struct cli_authority *a);
void cli_authority_close(struct cli_authority *a);

#endif
