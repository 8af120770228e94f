/*
 * handlers: one function per tool, between rows.c and the engine. Private to
 * mcp/tools/. Each gets the struct its rows filled.
 */
#ifndef MCP_TOOLS_HANDLERS_H
#define MCP_TOOLS_HANDLERS_H

#include "mcp/tools/tools.h"

struct tools_get_session_args {
    struct slice session_id;
    unsigned include; /* bit 0 evidence, bit 1 history */
};

struct tools_search_args {
    struct slice query, path_prefix;
    int64_t n_results, filter_phase;
    struct mcp_strings filter_tags;
    bool highlights, snippets;
};

struct tools_create_args {
    struct slice name, description, output_dir;
    struct mcp_strings phases;
};

enum err tools_list_workflows(struct mcp_call *call, const void *args);
enum err tools_start_workflow(struct mcp_call *call, const void *args);
enum err tools_get_phase(struct mcp_call *call, const void *args);
enum err tools_get_task(struct mcp_call *call, const void *args);
enum err tools_complete_phase(struct mcp_call *call, const void *args);
enum err tools_get_session(struct mcp_call *call, const void *args);
enum err tools_list_sessions(struct mcp_call *call, const void *args);
enum err tools_manage_session(struct mcp_call *call, const void *args);
enum err tools_claim_task(struct mcp_call *call, const void *args);
enum err tools_release_task(struct mcp_call *call, const void *args);
enum err tools_search_standards(struct mcp_call *call, const void *args);
enum err tools_validate_workflow(struct mcp_call *call, const void *args);
enum err tools_create_workflow(struct mcp_call *call, const void *args);
enum err tools_get_server_info(struct mcp_call *call, const void *args);

/* Refuses what needs a project. */
enum err tools_no_project(struct mcp_call *call);
extern const struct mcp_field tools_search_fields[];

#endif
