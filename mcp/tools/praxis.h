/*
 * praxis: the tools of praxis-os for people who come from there: its names,
 * arguments and shapes of answers over the same engine. What a gate decides
 * and what is refused is the engine's, and so the same as everywhere.
 *
 *   pos_workflow {action} -> step: one operation of the engine
 *                         -> look: the session as it is after it
 *                         -> shape: both as praxis-os says it
 *
 * Private to mcp/tools/.
 */
#ifndef MCP_TOOLS_PRAXIS_H
#define MCP_TOOLS_PRAXIS_H

#include "mcp/tools/handlers.h"

/* `action` first: it is read even when another argument is wrong. */
struct praxis_args {
    struct slice action, session_id, workflow_type, target_file, category,
        status, reason, checkpoint_note;
    const struct json *options, *evidence;
    int64_t phase, task_number, to_phase;
    bool reset_evidence;
};

/* What get_session is asked for after the step. */
enum praxis_look {
    LOOK = 1,
    LOOK_EVIDENCE = 2,
    LOOK_HISTORY = 4,
    LOOK_WORKFLOW = 8,
    LOOK_PHASE = 16
};

struct praxis_row;
struct praxis {
    struct eng_call eng; /* first: the engine gives it back */
    struct pool_job job;
    struct mcp_call *call;
    const struct praxis_row *row;
    const void *args;
    enum { PRAXIS_STEP, PRAXIS_LOOK, PRAXIS_STAGES } stage;
    enum err late; /* what a pending stage ended with */
    struct twin outs[PRAXIS_STAGES];
    const struct json *step, *look; /* what they answered */
    bool refused;                   /* by the gate: `step` is the verdict */
};
struct praxis_row {
    const char *name;
    const char *needs[4]; /* arguments, NULL-ended */
    enum err (*step)(struct praxis *p); /* NULL: none */
    unsigned look;                      /* enum praxis_look; 0: none */
    void (*shape)(const struct praxis *p, struct json_writer *w);
    bool writes;
};

/* The actions, sorted by name, an empty row at the end. */
extern const struct praxis_row praxis_actions[];
extern const struct mcp_field praxis_fields[];

/* --- shapes: members of the open object ----------------------------------- */
void praxis_list_workflows(const struct praxis *p, struct json_writer *w);
void praxis_start(const struct praxis *p, struct json_writer *w);
void praxis_get_phase(const struct praxis *p, struct json_writer *w);
void praxis_get_task(const struct praxis *p, struct json_writer *w);
void praxis_complete_phase(const struct praxis *p, struct json_writer *w);
void praxis_get_state(const struct praxis *p, struct json_writer *w);
void praxis_list_sessions(const struct praxis *p, struct json_writer *w);
void praxis_get_session(const struct praxis *p, struct json_writer *w);
void praxis_delete_session(const struct praxis *p, struct json_writer *w);
void praxis_pause(const struct praxis *p, struct json_writer *w);
void praxis_resume(const struct praxis *p, struct json_writer *w);
void praxis_retry_phase(const struct praxis *p, struct json_writer *w);
void praxis_rollback(const struct praxis *p, struct json_writer *w);
void praxis_get_errors(const struct praxis *p, struct json_writer *w);
void praxis_search(const struct praxis *p, struct json_writer *w);
/* Attempts that a gate refused, as an array: of this phase, or of all. */
void praxis_errors(const struct praxis *p, int64_t phase,
                   struct json_writer *w);
/* {"<phase>": "passed" | "failed" | "pending"}. */
void praxis_checkpoints(const struct praxis *p, struct json_writer *w);

/* --- the tools ------------------------------------------------------------ */
enum err praxis_workflow_call(struct mcp_call *call, const void *args);
enum err praxis_search_call(struct mcp_call *call, const void *args);
enum err praxis_date_call(struct mcp_call *call, const void *args);
enum err praxis_info_call(struct mcp_call *call, const void *args);
void praxis_workflow_tell(const void *args, const struct problem *p,
                          struct buf *out);
void praxis_search_tell(const void *args, const struct problem *p,
                        struct buf *out);

#endif
