/*
 * praxis_state: .praxis-os/.mcp_server_state.json, by which the sub-agents of
 * praxis-os find the server: beside .phasegate/server.json, for `--tools
 * praxis` in a project that has that folder. The newest server's; removed by
 * whose it is. Thread: main
 */
#ifndef CLI_PRAXIS_STATE_H
#define CLI_PRAXIS_STATE_H

#include "base/err.h"

struct cli_praxis_state {
    struct slice root, transport; /* "dual", "stdio", "http" */
    struct slice host, url;       /* url empty: not listening */
    int port;
    int64_t started_wall_ms;
};

/* OK also when there is no such folder, and then nothing is written. */
MUST_USE enum err cli_praxis_state_write(const struct cli_praxis_state *s);
/* Unless another server has written its own since. */
void cli_praxis_state_remove(struct slice root);

#endif
