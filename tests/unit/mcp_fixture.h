/*
 * mcp_fixture: a server of small test tools, a fake exchange with a mailbox
 * instead of a loop, and no socket. A test sends texts and looks at answers;
 * it is the loop of its peer.
 */
#ifndef TESTS_UNIT_MCP_FIXTURE_H
#define TESTS_UNIT_MCP_FIXTURE_H

#include "base/json.h"
#include "mcp/server.h"
#include "tests/runner/test.h"

#define FAKE_META                                                              \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","   \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

struct fake_server; /* with its loop's mailbox and, if asked, a pool */

struct fake_exchange {
    struct mcp_exchange ex; /* first */
    struct fake_server *fs;
    const struct mcp_header *headers; /* ended by {0} */
    int replies, drops, status;
    struct slice body; /* of the reply; the loop's */
    struct slice events[16], ids[16]; /* the first before the reply; the
                                         loop's */
    int events_n;
    struct slice opened; /* the id the stream was opened with last */
    struct slice session; /* the Mcp-Session-Id it was answered with */
    struct slice retry_after;
};

/* GET and DELETE; the caller waits for what it expects. */
struct fake_exchange *fake_open_stream(struct fake_server *fs,
                               const struct mcp_header *headers);
struct fake_exchange *fake_end_session(struct fake_server *fs,
                                  const struct mcp_header *headers);
/* Runs the mailbox until the exchange has had n events. */
void fake_wait_events(struct fake_exchange *fx, int n);

/* workers 0: no pool. */
struct fake_server *fake_server(uint32_t workers, enum mcp_transport kind);
/* Of another configuration; its pool is taken over. */
struct fake_server *fake_server_of(const struct mcp_server_config *conf,
                                   enum mcp_transport kind);
/* One more loop with a peer of its own on the same server; its owner is the
 * calling thread. Freed before `of`. */
struct fake_server *fake_loop(struct fake_server *of, enum mcp_transport kind);
void fake_server_free(struct fake_server *fs);
/* Waits for a piece of mail and runs it. */
void fake_run_one(struct fake_server *fs);
/* The peer goes, as when a connection closes; its loop stays. */
void fake_peer_leave(struct fake_server *fs);
/* Runs the mailbox until no call of this peer is away; it leaves with that. */
void fake_drain(struct fake_server *fs);
/* Runs the mailbox until no call is away from its loop. */
void fake_settle(struct fake_server *fs);
struct mcp_server *fake_mcp(struct fake_server *fs);

/* Hands a message over; headers NULL: none. Does not wait. */
struct fake_exchange *fake_begin(struct fake_server *fs, const char *message,
                                 const struct mcp_header *headers);
/* Runs the mailbox until the exchange has ended. */
void fake_wait(struct fake_exchange *fx);
/* begin, wait; the exchange. */
struct fake_exchange *fake_send(struct fake_server *fs, const char *message,
                                const struct mcp_header *headers);
/* send on stdio; the body. */
struct slice fake_say(struct fake_server *fs, const char *message);
const struct json *fake_json(struct slice body);
/* A call of a test tool in the modern era. */
const char *fake_call(const char *id, const char *tool, const char *args);

/* The tool "gate" waits on a worker until opened or cancelled; these wait for
 * it without sleeping. */
void fake_gate_wait_entered(int n);
void fake_gate_open(void);

#endif
