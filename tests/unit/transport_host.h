/*
 * transport_host: real transports with a server of test tools behind, inside
 * the test's process, so that a test decides when an answer comes.
 *
 *   echo {text}   answers at once
 *   hold          is pending until host_release
 *   stream {n}    sends n events of 64 KiB as far as they are taken, then is
 *                 pending; the result says how many were taken
 *   event {text}  sends the text as an event, then is pending
 *   prime         opens a stream with event id p-1, then is pending
 */
#ifndef TESTS_UNIT_TRANSPORT_HOST_H
#define TESTS_UNIT_TRANSPORT_HOST_H

#include "base/cancel.h"
#include "mcp/server.h"
#include "tests/runner/test.h"
#include "transport/http.h"
#include "transport/stdio.h"

struct host;

struct host *host_new(void);
/* Everything held is released first. Fails the test when calls stay open. */
void host_free(struct host *h);

/* HTTP on a free port with these limits (loop and server are filled in). */
int host_http(struct host *h, const struct tp_http_config *limits);
void host_stats(struct host *h, struct tp_http_stats *ret);
/* Waits until exactly n connections are open. */
void host_wait_open(struct host *h, uint32_t n);

/* An event to all feeds; returns when it has been handed out. */
void host_tell(struct host *h, const char *event, struct slice data);
/* HTTP refuses from now on. */
void host_refuse(struct host *h);

/* stdio on two descriptors, with these limits. */
void host_stdio(struct host *h, int in, int out,
                const struct tp_stdio_config *limits);
void host_stdio_shut(struct host *h);
/* Waits for a notice; fails the test at its deadline. */
void host_wait_notice(struct host *h, enum tp_stdio_notice what);

/* Waits until exactly n calls are pending in hold or stream. */
void host_wait_held(struct host *h, int n);
/* Has any held call been cancelled? Waits up to `seconds` for it. */
bool host_cancelled(struct host *h, double seconds);
/* Answers all that are held. */
void host_release(struct host *h);
uint32_t host_open_calls(struct host *h);
/* Waits until exactly n calls are open, streams of GET included. */
void host_wait_calls(struct host *h, uint32_t n);
/* The server stops: every call is cancelled, streams end. */
void host_stop(struct host *h);

/* A plain TCP connection to the port, non-blocking reads and writes left to
 * the test. */
int host_connect(int port);
/* Writes all; fails the test on an error. */
void host_write(int fd, struct slice bytes);
/* Writes until the other side has taken nothing for `quiet_ms`; how much. */
size_t host_flood(int fd, size_t most, int quiet_ms);
/* Reads up to the end, or until `n` bytes, or `seconds` have passed. */
struct slice host_read(int fd, size_t n, double seconds);
/* Reads until `part` has come; all that was read. */
struct slice host_read_to(int fd, const char *part, double seconds);
/* A whole request for a tool as text; `revision` picks the envelope. */
struct slice host_post(const char *revision, const char *tool,
                       const char *arguments);

#define HOST_MODERN "2026-07-28"
#define HOST_LEGACY "2025-11-25"

#endif
