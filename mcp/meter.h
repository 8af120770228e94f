/*
 * meter: how many requests there were and how long each took, by method and
 * revision, and calls by tool, from the arrival of the message to its answer.
 * Striped by thread: the loops add to lines of their own. Thread: any.
 */
#ifndef MCP_METER_H
#define MCP_METER_H

#include "base/err.h"
#include "base/histogram.h"
#include "base/slice.h"

struct mcp_call_state;
struct mcp_meters;
struct mcp_server;

struct mcp_meter_row {
    /* A method ("other": none we know) with its revision, or a tool. */
    struct slice method, revision, tool;
    struct histogram_sum took;
    uint64_t faults;  /* ended with a JSON-RPC error */
    uint64_t refused; /* a tool's business error */
};

/* How many rows there are, those of methods first; some without a request. */
size_t mcp_meter_rows(const struct mcp_server *s);
void mcp_meter_read(const struct mcp_server *s, size_t row,
                    struct mcp_meter_row *ret);

/* --- for mcp/ ------------------------------------------------------------- */
MUST_USE enum err mcp_meters_new(struct mcp_server *s);
void mcp_meters_free(struct mcp_server *s);
/* The call ends now; counted once. A stream that stays open is not. */
void mcp_meter_call(struct mcp_call_state *c);

#endif
