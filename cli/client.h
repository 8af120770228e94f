/*
 * client: a small MCP client (2026-07-28) for the command line: `demo` starts
 * a server and talks to it as an editor would, `call` reaches the running one
 * over HTTP. Blocking, one request at a time, every wait has a deadline.
 *
 * Thread: main.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

/* What a tools/call came to. Everything lies in the arena. */
struct cli_reply {
    bool is_error;             /* the tool refused */
    const struct json *object; /* structuredContent */
    struct slice why;          /* transport or protocol trouble, in words */
    bool sent;                 /* it may have been done, whatever came back */
};

/* A server of our own, at the other end of two pipes. */
struct cli_server {
    pid_t pid;
    int to, from; /* its stdin, its stdout; -1: closed */
    struct buf lines;
    int64_t next_id;
};

/* Starts argv[0] with argv; stderr goes to `log_fd`. ERR_IO. */
MUST_USE enum err cli_server_start(struct cli_server *s, char *const *argv,
                                   int log_fd);
/* One call; `arguments` is a JSON object. ERR_IO (it went away), ERR_DEADLINE
 * (no answer within 30 s), ERR_PARSE, ERR_INVALID (a JSON-RPC error:
 * ret->why). */
MUST_USE enum err cli_server_call(struct cli_server *s, const char *tool,
                                  struct slice arguments, struct arena *a,
                                  struct cli_reply *ret);
/* Closes its stdin and waits, at most 5 s; then kills. The exit status, or
 * 128 + signal. */
int cli_server_stop(struct cli_server *s);

/* A server that runs, by the `url` of its server.json. */
struct cli_http {
    char host[64];
    int port;
    char path[128];
    struct slice token; /* empty: none is sent */
};

/* ERR_INVALID: not "http://host:port/path". */
MUST_USE enum err cli_http_parse(struct slice url, struct cli_http *ret);
/* One request over a connection of its own, which must be answered whole
 * within `seconds`. `path` and `body` as they are; a body is JSON. The token
 * goes along. ERR_IO (nobody there, or it broke), ERR_DEADLINE, ERR_PARSE
 * (not HTTP), ERR_NOMEM. arena */
struct cli_answer {
    int status;
    struct slice body;
    bool sent; /* it may have been done, whatever came back */
};
MUST_USE enum err cli_http_ask(const struct cli_http *h, const char *method,
                               const char *path, struct slice body,
                               int seconds, struct arena *a,
                               struct cli_answer *ret);
/* As cli_server_call, over one connection. */
MUST_USE enum err cli_http_call(const struct cli_http *h, const char *tool,
                                struct slice arguments, struct arena *a,
                                struct cli_reply *ret);

/* --- shared by the two ------------------------------------------------------
 */
void cli__request_write(struct buf *b, int64_t id, const char *tool,
                        struct slice arguments);
MUST_USE enum err cli__reply_read(struct slice text, struct arena *a,
                                  struct cli_reply *ret);

#endif
