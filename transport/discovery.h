/*
 * discovery: how others find the running servers of a project, in its
 * .phasegate folder:
 *
 *   servers/<pid>.json  one for each running server
 *   server.json         the same content, of the oldest one that has a url
 *   agent.token, operator.token   0600, made once, kept
 *   .gitignore          made once: none of these belong into git
 *
 * A server is alive as long as it holds the flock on its own file, which the
 * kernel drops however it ends: no pid is ever guessed at. server.json is
 * changed under a short lock (servers/.lock), written whole or not at all,
 * handed on by a server that leaves, and mended by the next one that comes or
 * looks when its owner was killed.
 *
 * Blocks on files, up to a second on the lock. Thread: main and keeper, one
 * at a time.
 */
#ifndef TRANSPORT_DISCOVERY_H
#define TRANSPORT_DISCOVERY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/lock.h"

struct tp_discovery;

struct tp_discovery_config {
    struct slice root;      /* canonical project root */
    struct slice version;   /* of the program */
    struct slice url;       /* with /mcp; empty: no HTTP */
    struct slice transport; /* "dual", "stdio", "http" */
    int64_t started_wall_ms;
};

enum {
    TP_TOKEN_LEAST = 16, /* bytes of one that a person made */
    TP_TOKEN_ROOM = 65   /* 64 hexadecimal digits and a NUL */
};

/* .phasegate with .gitignore and tokens. The tokens are read when they are
 * there already; one that others can read, that a link leads to or that is
 * too short is made anew. ERR_IO, ERR_NOMEM. */
MUST_USE enum err tp_tokens(struct slice root, struct arena *a,
                            char ret_agent[TP_TOKEN_ROOM],
                            char ret_operator[TP_TOKEN_ROOM]);

/* Registers this process, sweeps what dead ones left, and sees to
 * server.json. Texts are kept until tp_discovery_leave. ERR_IO, ERR_NOMEM,
 * ERR_UNAVAILABLE (the lock), ERR_EXISTS (another pid namespace has a live
 * server of our pid). */
MUST_USE enum err tp_discovery_join(const struct tp_discovery_config *c,
                                    struct tp_discovery **ret);
/* Looks whether server.json still belongs to a live server. */
void tp_discovery_check(struct tp_discovery *d);
/* Unregisters and hands server.json on. NULL is fine. */
void tp_discovery_leave(struct tp_discovery *d);

/* The server that server.json names, if it lives: its url, and the agent's
 * token ({NULL, 0}: none can be read). ERR_NOT_FOUND. arena */
MUST_USE enum err tp_discovery_find(struct slice root, struct arena *a,
                                    struct slice *ret_url,
                                    struct slice *ret_token);

/* Every entry there is, live or left behind, server.json first: for people
 * who look after them. Changes nothing. ERR_NOMEM. arena */
struct tp_entry {
    struct slice path; /* of its file */
    bool live;         /* its process holds the lock */
    bool readable;     /* it is one of our documents */
    int64_t pid;       /* 0: not told */
    struct slice url, version, root; /* as it says */
};
MUST_USE enum err tp_discovery_list(struct slice root, struct arena *a,
                                    struct tp_entry **ret, size_t *ret_count);

#endif
