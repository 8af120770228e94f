#include "mcp/tools/tools.h"

#include "base/clock.h"
#include "mcp/tools/praxis.h"

/* --- texts --------------------------------------------------------------- */

const char tools_instructions[] =
    "phasegate leads you through a workflow, phase by phase. A phase opens "
    "only when the evidence of the one before it has passed its gate.\n"
    "\n"
    "1. start_workflow {workflow_type, target} starts a session or resumes "
    "the unfinished one; list_workflows names the workflows.\n"
    "2. get_phase {session_id}: the phase's purpose, its tasks, and the "
    "evidence its gate wants.\n"
    "3. get_task {session_id, task_number}: one task's instructions. Do the "
    "work, task by task.\n"
    "4. complete_phase {session_id, phase, evidence}: evidence under the "
    "gate's own field names. Refused: `errors` says what to mend; mend it and "
    "submit again. Passed: go on with step 2 until workflow_complete.\n"
    "\n"
    "Every reply carries `next` {tool, arguments, why}: the call to make now. "
    "Every error says how_to_fix. Where a task's text and gate.evidence name "
    "different fields, the gate decides. Lost the session_id? list_sessions. "
    "Submit only what is true: evidence is kept.\n"
    "\n"
    "Workflow texts may use older tool names. They mean:\n"
    "start_workflow(type, target_file) -> start_workflow {workflow_type, "
    "target}\n"
    "get_current_phase(session_id) -> get_phase\n"
    "get_task(session_id, phase, task_number) -> get_task\n"
    "complete_phase(session_id, phase, evidence) -> complete_phase\n"
    "get_workflow_state(session_id) -> get_session\n"
    "search_standards(query) -> search_standards\n"
    "mcp_praxis-os-rag_current_date(), current_date() -> get_server_info, "
    "`today`\n"
    "pos_workflow(action=start, ...) -> the tool of that action";

/* Output schemas list what is there, require nothing and leave room: clients
 * validate error results against them too. */
#define TYPED(name, type) "\"" name "\":{\"type\":\"" type "\"}"
#define TEXT(name) TYPED(name, "string")
#define WHOLE(name) TYPED(name, "integer")
#define TRUTH(name) TYPED(name, "boolean")
#define THING(name) TYPED(name, "object")
#define LIST(name, type)                                                       \
    "\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"" type "\"}}"
#define THINGS(name) LIST(name, "object")
#define OUT(properties)                                                        \
    "{\"type\":\"object\",\"properties\":{" properties "," THING("error") "}}"
#define NEXT THING("next")
/* Their error is a text. */
#define OUT_PRAXIS "{\"type\":\"object\"}"

/* --- arguments ----------------------------------------------------------- */

#define AT(type, field) offsetof(struct type, field)
#define SESSION_ID(type)                                                       \
    {                                                                          \
        "session_id", MCP_FIELD_STRING, AT(type, session_id),                  \
            .required = true,                                                  \
            .example = "\"3f2b8c1e-6a47-4d0b-9c55-0e7f1a2b3c4d\""              \
    }
#define IDEMPOTENCY_KEY(type)                                                  \
    {                                                                          \
        "idempotency_key", MCP_FIELD_STRING, AT(type, idempotency_key),        \
            .min = 1, .max = 200,                                              \
            .description = "Same key: same answer, done once."                 \
    }
/* An absent number is the engine's to decide. */
#define CURRENT_PHASE(type)                                                    \
    {                                                                          \
        "phase", MCP_FIELD_INTEGER, AT(type, phase),                           \
            .def = ENG_ABSENT, .description = "Default: the current one.",     \
            .example = "0"                                                     \
    }
#define PHASE(type)                                                            \
    {                                                                          \
        "phase", MCP_FIELD_INTEGER, AT(type, phase), .required = true,         \
                                                     .example = "0"            \
    }
#define TASK_NUMBER(type)                                                      \
    {                                                                          \
        "task_number", MCP_FIELD_INTEGER, AT(type, task_number),               \
            .required = true, .example = "1"                                   \
    }

static const struct mcp_field list_workflows_args[] = {
    {"query", MCP_FIELD_STRING, AT(eng_list_workflows_args, query),
     .description = "Words in name or description."},
    {"category", MCP_FIELD_STRING, AT(eng_list_workflows_args, category)},
    {0}};

static const struct mcp_field start_workflow_args[] = {
    {"workflow_type", MCP_FIELD_STRING,
     AT(eng_start_workflow_args, workflow_type), .required = true,
     .description = "As list_workflows names it.", .example = "\"bugfix_v1\""},
    {"target", MCP_FIELD_STRING, AT(eng_start_workflow_args, target),
     .required = true, .description = "The file or thing worked on.",
     .example = "\"src/parser.c\"", .nul = ERR_INVALID_TARGET},
    {"options", MCP_FIELD_OBJECT, AT(eng_start_workflow_args, options),
     .description = "What the workflow asks for, e.g. spec_path.",
     .example = "{\"spec_path\": \"specs/feature\"}"},
    {"resume", MCP_FIELD_BOOLEAN, AT(eng_start_workflow_args, resume),
     .def = true, .has_default = true,
     .description = "false: always a new session."},
    IDEMPOTENCY_KEY(eng_start_workflow_args),
    {0}};

static const struct mcp_field get_phase_args[] = {
    SESSION_ID(eng_get_phase_args), CURRENT_PHASE(eng_get_phase_args), {0}};

static const struct mcp_field get_task_args[] = {
    SESSION_ID(eng_get_task_args),
    TASK_NUMBER(eng_get_task_args),
    CURRENT_PHASE(eng_get_task_args),
    {0}};

static const struct mcp_field complete_phase_args[] = {
    SESSION_ID(eng_complete_phase_args),
    PHASE(eng_complete_phase_args),
    {"evidence", MCP_FIELD_OBJECT, AT(eng_complete_phase_args, evidence),
     .required = true,
     .description = "Values by the field names of gate.evidence.",
     .example = "{\"tests_written\": true}", .wrong = ERR_EVIDENCE_NOT_OBJECT},
    IDEMPOTENCY_KEY(eng_complete_phase_args),
    {0}};

static const char *const includes[] = {"evidence", "history", NULL};
static const struct mcp_field get_session_args[] = {
    SESSION_ID(tools_get_session_args),
    {"include", MCP_FIELD_FLAGS, AT(tools_get_session_args, include),
     .choices = includes, .example = "[\"evidence\"]"},
    {0}};

static const char *const statuses[] = {"active",    "paused",  "completed", "error",
                                       "abandoned", "expired", NULL};
static const struct mcp_field list_sessions_args[] = {
    {"status", MCP_FIELD_STRING, AT(eng_list_sessions_args, status),
     .choices = statuses, .example = "\"active\""},
    {"workflow_type", MCP_FIELD_STRING,
     AT(eng_list_sessions_args, workflow_type)},
    {"limit", MCP_FIELD_INTEGER, AT(eng_list_sessions_args, limit), .min = 1,
     .max = 200, .def = 50, .has_default = true, .example = "50"},
    {"cursor", MCP_FIELD_STRING, AT(eng_list_sessions_args, cursor),
     .description = "next_cursor of the page before."},
    {"archived", MCP_FIELD_BOOLEAN, AT(eng_list_sessions_args, archived),
     .description = "Also those put away (sessions.archive_after_s)."},
    {0}};

static const char *const actions[] = {
    "pause", "resume", "retry_phase", "rollback", "abandon", "delete", NULL};
static const struct mcp_field manage_session_args[] = {
    SESSION_ID(eng_manage_session_args),
    {"action", MCP_FIELD_STRING, AT(eng_manage_session_args, action),
     .required = true, .choices = actions, .example = "\"pause\"",
     .wrong = ERR_UNKNOWN_ACTION},
    {"reason", MCP_FIELD_STRING, AT(eng_manage_session_args, reason),
     .max = 4000},
    {"note", MCP_FIELD_STRING, AT(eng_manage_session_args, note), .max = 4000},
    {"to_phase", MCP_FIELD_INTEGER, AT(eng_manage_session_args, to_phase),
     .def = ENG_ABSENT, .description = "For rollback.", .example = "0"},
    {"reset_evidence", MCP_FIELD_BOOLEAN,
     AT(eng_manage_session_args, reset_evidence), .has_default = true},
    {"options", MCP_FIELD_OBJECT, AT(eng_manage_session_args, options),
     .description = "What a session in error lacks, e.g. spec_path."},
    IDEMPOTENCY_KEY(eng_manage_session_args),
    {0}};

static const struct mcp_field claim_task_args[] = {
    SESSION_ID(eng_claim_task_args),
    PHASE(eng_claim_task_args),
    TASK_NUMBER(eng_claim_task_args),
    {"agent", MCP_FIELD_STRING, AT(eng_claim_task_args, agent),
     .required = true, .min = 1, .max = 200,
     .description = "A name of your own.", .example = "\"worker-1\""},
    {"lease_seconds", MCP_FIELD_INTEGER, AT(eng_claim_task_args, lease_seconds),
     .min = 10, .max = 86400, .def = 300, .has_default = true,
     .example = "300"},
    IDEMPOTENCY_KEY(eng_claim_task_args),
    {0}};

static const char *const outcomes[] = {"done", "abandoned", NULL};
static const struct mcp_field release_task_args[] = {
    SESSION_ID(eng_release_task_args),
    PHASE(eng_release_task_args),
    TASK_NUMBER(eng_release_task_args),
    {"fence", MCP_FIELD_INTEGER, AT(eng_release_task_args, fence),
     .required = true, .description = "As claim_task gave it.", .example = "1"},
    {"outcome", MCP_FIELD_STRING, AT(eng_release_task_args, outcome),
     .required = true, .choices = outcomes, .example = "\"done\""},
    {"note", MCP_FIELD_STRING, AT(eng_release_task_args, note), .max = 4000},
    IDEMPOTENCY_KEY(eng_release_task_args),
    {0}};

const struct mcp_field tools_search_fields[] = {
    {"query", MCP_FIELD_STRING, AT(tools_search_args, query), .required = true,
     .example = "\"error handling\""},
    {"n_results", MCP_FIELD_INTEGER, AT(tools_search_args, n_results), .min = 0,
     .max = 50, .def = 5, .has_default = true, .example = "5"},
    {"filter_phase", MCP_FIELD_INTEGER, AT(tools_search_args, filter_phase),
     .def = ENG_ABSENT, .example = "1"},
    {"filter_tags", MCP_FIELD_STRINGS, AT(tools_search_args, filter_tags),
     .example = "[\"testing\"]"},
    {"path_prefix", MCP_FIELD_STRING, AT(tools_search_args, path_prefix)},
    {"highlights", MCP_FIELD_BOOLEAN, AT(tools_search_args, highlights)},
    {"snippets", MCP_FIELD_BOOLEAN, AT(tools_search_args, snippets)},
    {0}};

static const struct mcp_field validate_workflow_args[] = {
    {"workflow_type", MCP_FIELD_STRING,
     AT(eng_validate_workflow_args, workflow_type)},
    {"path", MCP_FIELD_STRING, AT(eng_validate_workflow_args, path),
     .description = "Its folder. Give one of the two."},
    {0}};

static const struct mcp_field create_workflow_args[] = {
    {"name", MCP_FIELD_STRING, AT(tools_create_args, name), .required = true,
     .example = "\"release_v1\""},
    {"phases", MCP_FIELD_STRINGS, AT(tools_create_args, phases),
     .required = true, .min = 1, .max = 50,
     .description = "Phase names, in order.",
     .example = "[\"Plan\", \"Build\"]"},
    {"description", MCP_FIELD_STRING, AT(tools_create_args, description)},
    {"output_dir", MCP_FIELD_STRING, AT(tools_create_args, output_dir),
     .description = "Inside the project; default: .phasegate/workflows."},
    {0}};

/* --- the rows ------------------------------------------------------------ */

#define ARGS(type, fields) .args_size = sizeof(struct type), .args = (fields)

/* Writes are tried on the loop first: there they take their place in the
 * session's queue in the order in which they came. */
/* clang-format off */
const struct mcp_tool tools_rows[] = {
    {.name = "list_workflows",
     .title = "List workflows",
     .description =
         "Use this first to see which workflows can be started. Gives each "
         "one's type, description and number of phases, and whether its "
         "definition is valid.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_list_workflows_args, list_workflows_args),
     .output_schema = OUT(THINGS("workflows") "," WHOLE("count")),
     .call = tools_list_workflows},
    {.name = "start_workflow",
     .title = "Start or resume a workflow",
     .description =
         "Use this to begin a workflow on a target, or to continue the "
         "unfinished session of the same workflow and target. Gives the "
         "session_id that the other tools need, and the current phase.",
     .hints = 0,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_start_workflow_args, start_workflow_args),
     .output_schema =
         OUT(TEXT("session_id") "," TEXT("workflow_type") "," TEXT("target")
             "," TRUTH("resumed") "," TEXT("status") "," WHOLE("current_phase")
             "," WHOLE("total_phases") "," THINGS("phases") "," THING("phase")
             "," NEXT),
     .call = tools_start_workflow},
    {.name = "get_phase",
     .title = "Read a phase",
     .description =
         "Use this to read the phase you are in: purpose, text, tasks, and "
         "the evidence its gate wants, by field name. Completed phases can "
         "be read too; later ones are locked.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_get_phase_args, get_phase_args),
     .output_schema = OUT(TEXT("session_id") "," THING("phase") "," NEXT),
     .call = tools_get_phase},
    {.name = "get_task",
     .title = "Read a task",
     .description =
         "Use this before working on a task, to read its instructions, "
         "dependencies and acceptance criteria. Task numbers are those "
         "get_phase lists.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_get_task_args, get_task_args),
     .output_schema =
         OUT(TEXT("session_id") "," WHOLE("phase") "," THING("task")
             "," TEXT("position") "," NEXT),
     .call = tools_get_task},
    {.name = "complete_phase",
     .title = "Submit a phase's evidence",
     .description =
         "Use this when the tasks of the current phase are done, to submit "
         "evidence to its gate. Passed: the next phase opens. Refused: "
         "`errors` says per field what to mend; mend it and submit again.",
     .hints = 0,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_complete_phase_args, complete_phase_args),
     /* Not next_phase, an object or null: clients with one type per field
      * cannot say that. */
     .output_schema =
         OUT(TEXT("session_id") "," WHOLE("phase") "," TRUTH("passed")
             "," THINGS("errors") "," THINGS("warnings") "," THINGS("proofs")
             "," TRUTH("workflow_complete") "," WHOLE("current_phase")
             "," THING("receipt") "," NEXT),
     .call = tools_complete_phase},
    {.name = "get_session",
     .title = "Read a session",
     .description =
         "Use this to see how far a session is: its phases, status and "
         "options, and on request the evidence given and the history.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(tools_get_session_args, get_session_args),
     .output_schema = OUT(THING("session") "," THING("evidence")
                          "," THINGS("history") "," NEXT),
     .call = tools_get_session},
    {.name = "list_sessions",
     .title = "List sessions",
     .description =
         "Use this to find a session_id you no longer have, or to see what "
         "is unfinished. Newest first, page by page.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_list_sessions_args, list_sessions_args),
     .output_schema = OUT(THINGS("sessions") "," WHOLE("count")
                          "," TEXT("next_cursor")),
     .call = tools_list_sessions},
    {.name = "manage_session",
     .title = "Pause, resume, roll back or end a session",
     .description =
         "Use this to pause or resume a session, to go back to an earlier "
         "phase (retry_phase, rollback), or to end it (abandon, delete). "
         "What was recorded stays in the history.",
     .hints = MCP_DESTRUCTIVE,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_manage_session_args, manage_session_args),
     .output_schema = OUT(TEXT("action") "," TRUTH("changed")
                          "," LIST("reopened_phases", "integer")
                          "," THING("session") "," THING("receipt") "," NEXT),
     .call = tools_manage_session},
    {.name = "claim_task",
     .title = "Claim a task",
     .description =
         "Use this before a task that several agents could take: one gets "
         "it, for lease_seconds. Claim again to renew. Keep `fence` for "
         "release_task.",
     .hints = 0,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_claim_task_args, claim_task_args),
     .output_schema = OUT(TRUTH("claimed") "," WHOLE("fence")
                          "," TEXT("expires_at") "," THING("task") "," NEXT),
     .call = tools_claim_task},
    {.name = "release_task",
     .title = "Release a task",
     .description =
         "Use this when a claimed task is done or given up, so that the "
         "others see it.",
     .hints = 0,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(eng_release_task_args, release_task_args),
     .output_schema = OUT(TRUTH("released") "," THING("task") "," NEXT),
     .call = tools_release_task},
    {.name = "search_standards",
     .title = "Search the project's standards",
     .description =
         "Use this before deciding how to do something, to read what the "
         "project's standards say about it. Gives the best sections with "
         "file and heading.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .group = PERMIT_SEARCH,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(tools_search_args, tools_search_fields),
     .output_schema =
         OUT(THINGS("results") "," WHOLE("total_tokens")
             "," TEXT("retrieval_method") "," TYPED("query_time_ms", "number")
             "," TRUTH("cached")),
     .call = tools_search_standards},
    {.name = "validate_workflow",
     .title = "Check a workflow definition",
     .description =
         "Use this after writing or editing a workflow definition. Gives "
         "every error and warning with file, line and how to fix it.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_WORKER,
     ARGS(eng_validate_workflow_args, validate_workflow_args),
     .output_schema = OUT(TEXT("workflow_type") "," TRUTH("valid")
                          "," THINGS("errors") "," THINGS("warnings")
                          "," THINGS("notes")),
     .call = tools_validate_workflow},
    {.name = "create_workflow",
     .title = "Create a workflow",
     .description =
         "Use this to begin a workflow definition of your own: writes a "
         "folder with the named phases that passes validate_workflow. Never "
         "overwrites.",
     .hints = 0,
     .run = MCP_RUN_WORKER,
     ARGS(tools_create_args, create_workflow_args),
     .output_schema = OUT(TEXT("workflow_type") "," TEXT("path")
                          "," LIST("files", "string") "," NEXT),
     .call = tools_create_workflow},
    {.name = "get_server_info",
     .title = "About this server",
     .description =
         "Use this for today's date, the project's root, or when something "
         "seems wrong with the server: version, health, caches, limits.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_INLINE,
     .output_schema =
         OUT(THING("server") "," THING("project") "," THING("health")
             "," THING("caches") "," THING("limits") "," THING("today")),
     .call = tools_get_server_info},
    {0}};

/* Before ours: of two tools with one name the first counts. */
const struct mcp_tool tools_praxis_rows[] = {
    {.name = "pos_workflow",
     .title = "Work through a workflow (praxis-os)",
     .description =
         "Use this as in praxis-os: `action` says what. An unknown action is "
         "answered with those there are.",
     .hints = MCP_DESTRUCTIVE,
     .run = MCP_RUN_TRY_INLINE,
     ARGS(praxis_args, praxis_fields),
     .output_schema = OUT_PRAXIS,
     .tell = praxis_workflow_tell,
     .call = praxis_workflow_call},
    {.name = "search_standards",
     .title = "Search the project's standards",
     .description =
         "Use this before deciding how to do something, to read what the "
         "project's standards say about it.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .group = PERMIT_SEARCH,
     .run = MCP_RUN_WORKER,
     ARGS(tools_search_args, tools_search_fields),
     .output_schema = OUT_PRAXIS,
     .tell = praxis_search_tell,
     .call = praxis_search_call},
    {.name = "current_date",
     .title = "Today's date",
     .description = "Use this before writing a date into a file or a name.",
     .hints = MCP_READ_ONLY,
     .run = MCP_RUN_INLINE,
     .output_schema = OUT_PRAXIS,
     .call = praxis_date_call},
    {.name = "get_server_info",
     .title = "About this server",
     .description =
         "Use this to see the server, its project and what it can do.",
     .hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
     .run = MCP_RUN_WORKER,
     .output_schema = OUT_PRAXIS,
     .call = praxis_info_call},
    {0}};
/* clang-format on */

/* --- configuration ------------------------------------------------------- */

void tools_app_init(struct tools_app *app, struct engine *engine)
{
    *app = (struct tools_app){.engine = engine,
                              .version = PHASEGATE_VERSION,
                              .started_ns = clock_now(),
                              .started_wall_ms = clock_wall_ms(),
                              .transport_mode = "stdio",
                              .call_timeout_ms = 60000};
}

enum { DAY_MS = 86400000 };

static void limits_of(void *ctx, const struct mcp_tool *tool, const void *args,
                      struct mcp_limits *ret)
{
    const struct tools_app *app = ctx;
    const struct mcp_limits *l = &app->limits[tools_class(tool)];
    (void)args;
    if (l->call_ms) *ret = *l;
    /* The engine knows how long the gate's commands may run. */
    if (tool->call == tools_complete_phase ||
        tool->call == praxis_workflow_call)
        ret->told_ms = DAY_MS;
}

static size_t count_of(const struct mcp_tool *const *tables)
{
    size_t n = 0;
    for (size_t i = 0; tables[i]; i++)
        for (const struct mcp_tool *t = tables[i]; t->name; t++) {
            bool told = false;
            for (const struct mcp_tool *b = tables[0]; i && b->name; b++)
                told = told || slice_eq(slice_of(b->name), slice_of(t->name));
            n += !told;
        }
    return n;
}

void tools_config(struct tools_app *app, struct pool *pool,
                  struct mcp_server_config *ret)
{
    static const struct mcp_tool *const tables[TOOLS_SURFACES][3] = {
        [TOOLS_OURS] = {tools_rows},
        [TOOLS_PRAXIS] = {tools_praxis_rows, tools_rows}};
    app->pool = pool;
    app->tools_count = count_of(tables[app->surface]);
    *ret = (struct mcp_server_config){.name = "phasegate",
                                      .title = "phasegate",
                                      .version = app->version,
                                      .instructions = tools_instructions,
                                      .tools = tables[app->surface],
                                      .resources = tools_resources,
                                      .prompts = tools_prompts,
                                      .complete = tools_complete,
                                      .tells = MCP_UPDATES,
                                      .app = app,
                                      .pool = pool,
                                      .gate = app->permits || app->inbound
                                                  ? &tools_gate
                                                  : NULL,
                                      .gate_ctx = app,
                                      .call_timeout_ms = app->call_timeout_ms,
                                      .arguments_max = app->arguments_max,
                                      .limits = limits_of};
}
