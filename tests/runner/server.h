/*
 * server: the real binary in a test's hand, started as an editor would: pipes
 * on stdin, stdout and stderr, a project folder of its own; and two clients,
 * JSON lines on its pipes and HTTP on its port.
 *
 *   struct server *s = server_start(&(struct server_options){0});
 *   stdio_initialize(s, "2025-11-25");
 *   const struct json *r = stdio_tool(s, "list_workflows", "{}");
 *   CHECK_INT_GE(json_at(r, "structuredContent", "count", NULL)...);
 *   struct server_exit end = server_stop_eof(s);
 *
 * Everything that cannot be done fails the test, naming what was waited for
 * and the last lines of the server's stderr. Every wait has a deadline. A
 * server still running when the test's body ends is stopped by EOF and must
 * then exit with 0; a sanitizer's report on its stderr fails the test. Its
 * stderr is a file of the test's folder, shown whenever the test fails.
 *
 * Ownership: servers, connections, their texts and JSON values live until the
 * test ends. Thread: one thread at a time per server or connection; several
 * connections used by several threads are fine.
 */
#ifndef TESTS_RUNNER_SERVER_H
#define TESTS_RUNNER_SERVER_H

#include <signal.h>
#include <sys/types.h>

#include "base/json.h"
#include "tests/runner/test.h"

struct server;

struct server_options {
    /* NULL: test_binary() */
    const char *binary;
    /* NULL: a new folder in test_tmpdir(), with a .git folder, so that it is
     * a project root. Absolute. */
    const char *project;
    /* After `serve --project DIR`; NULL-terminated, or NULL. */
    const char *const *args;
    /* Instead of `serve --project DIR ...`: the whole argument list after the
     * program's name. */
    const char *const *all_args;
    /* "NAME=value" over the test's environment; "NAME" removes it. */
    const char *const *env;
    /* 0: 20 s. What one wait may last; widened in sanitized builds. */
    int patience_s;
};

struct server_exit {
    int status;     /* of exit(), or -1 */
    int signal;     /* that killed it, or 0 */
    double seconds; /* from the stop to its end */
};

/* Starts; does not wait for anything. */
struct server *server_start(const struct server_options *o);
pid_t server_pid(const struct server *s);
const char *server_project(const struct server *s);
/* What it has written to stderr so far, and the file that holds it. */
struct slice server_stderr_text(const struct server *s);
const char *server_stderr(const struct server *s);

/* --- ends ------------------------------------------------------------------
 */
/* Closes its stdin and waits. Answers not yet received can still be. */
struct server_exit server_stop_eof(struct server *s);
struct server_exit server_stop_signal(struct server *s, int sig);
/* SIGKILL, and waits: the moment of a power cut, as far as a process knows. */
void server_kill(struct server *s);
/* Waits for an end that comes by itself. */
struct server_exit server_wait(struct server *s);
/* A new process with the same options on the same project; the old one must
 * have ended. Returns the same `s`, its pipes and line buffer new. */
struct server *server_restart(struct server *s);

/* --- stdio -----------------------------------------------------------------
 */
/* Writes the bytes as they are. */
void stdio_send_raw(struct server *s, struct slice bytes);
/* The same; false when the server has closed its stdin. */
bool stdio_try_send_raw(struct server *s, struct slice bytes);
/* Writes printf's text and a newline. */
void stdio_send(struct server *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The next line without its newline; fails the test at the deadline or at the
 * end of stdout. */
struct slice stdio_line(struct server *s);
/* The same; false at the end of stdout, or when `seconds` pass without one. */
bool stdio_try_line(struct server *s, double seconds, struct slice *ret);
/* The next line as JSON. */
const struct json *stdio_receive(struct server *s);
/* The answer with this id; other messages met on the way stay queued, in
 * order, for stdio_receive. */
const struct json *stdio_answer(struct server *s, int64_t id);
/* Which envelope stdio_call and stdio_tool send from now on: "2026-07-28"
 * (from the start) or a handshake-era revision. */
void stdio_speak(struct server *s, const char *revision);
/* initialize with this revision and the initialized notification; then
 * speaks it. Returns the result. */
const struct json *stdio_initialize(struct server *s, const char *revision);
/* Sends a request with the next id; `members` are those of params, without
 * braces: "\"name\":\"x\"", or "". Returns the id. */
int64_t stdio_request(struct server *s, const char *method,
                      const char *members);
/* Request and whole answer: {"jsonrpc", "id", "result" or "error"}. */
const struct json *stdio_call(struct server *s, const char *method,
                              const char *members);
/* tools/call; `arguments` is a JSON object. Returns `result`; a JSON-RPC error
 * fails the test; a business error (isError) is a result like another. */
const struct json *stdio_tool(struct server *s, const char *tool,
                              const char *arguments);

/* --- what it says of itself ------------------------------------------------
 */
/* Waits for .phasegate/server.json of its project; the parsed file. */
const struct json *server_file(struct server *s);
/* The port of this very process: waits for servers/<pid>.json. */
int server_port(struct server *s);

/* --- HTTP ------------------------------------------------------------------
 */
struct http; /* a connection, kept alive between requests */

struct http_reply {
    int status;
    struct slice head;       /* the header lines, each with its CRLF */
    struct slice body;       /* chunks joined */
    const struct json *json; /* the body, or NULL when it is no JSON */
};

/* To 127.0.0.1; closed at the end of the test. */
struct http *http_open(int port);
void http_close(struct http *h);
/* false: cannot connect. */
bool http_try_open(int port, struct http **ret);
/* Writes bytes as they are. */
void http_send_raw(struct http *h, struct slice bytes);
/* Reads one reply; opens no connection. */
struct http_reply http_receive(struct http *h);
/* false: the other side closed, or `seconds` passed, before a whole reply. */
bool http_try_receive(struct http *h, double seconds, struct http_reply *ret);
/* The raw bytes up to and with this part; a stream stays open. */
struct slice http_read_to(struct http *h, const char *part);
/* Has the other side closed the connection within `seconds`? */
bool http_closed(struct http *h, double seconds);
/* One request: `headers` are whole lines ending in \r\n, or "". Host,
 * Content-Length and Connection are added when they are not among them. */
struct http_reply http_request(struct http *h, const char *method,
                               const char *path, const char *headers,
                               struct slice body);
/* A header's value without white space around it, the empty slice when
 * absent. */
struct slice http_header(const struct http_reply *r, const char *name);

/* Which envelope http_call and http_tool send: "2026-07-28" from the start. */
void http_speak(struct http *h, const char *revision);
/* Sends `Authorization: Bearer token` from now on; NULL: no more. */
void http_token(struct http *h, const char *token);
/* A JSON-RPC request to /mcp, with the headers its revision asks for (Accept,
 * Content-Type, MCP-Protocol-Version and, from 2026-07-28 on, Mcp-Method and
 * Mcp-Name). A text/event-stream is read to its last event, which is `json`. */
struct http_reply http_call(struct http *h, const char *method,
                            const char *members);
/* As stdio_tool. */
const struct json *http_tool(struct http *h, const char *tool,
                             const char *arguments);

#endif
