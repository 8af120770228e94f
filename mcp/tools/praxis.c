/* The tools of praxis-os as rows, and how a call of one goes its way. */
#include "mcp/tools/praxis.h"

#include <inttypes.h>

#include "base/clock.h"
#include "mcp/call.h"

/* A reply may hold all that a session was told. */
#define ANSWER_CEILING (64u << 20)

/* --- the steps ------------------------------------------------------------ */

#define ENGINE(p) (((struct tools_app *)(p)->call->app)->engine)
#define WORDS(p) ((const struct praxis_args *)(p)->args)

static enum err step_list_workflows(struct praxis *p)
{
    const struct eng_list_workflows_args a = {.category = WORDS(p)->category,
                                              .metadata = true};
    return eng_list_workflows(ENGINE(p), &p->eng, &a);
}

/* Arguments of what may be pending lie where the call lies. */
#define KEPT(p, type, ...)                                                     \
    type *a = ARENA_NEW(&(p)->call->arena, type);                              \
    if (!a) return ERR_NOMEM;                                                  \
    *a = (type) {                                                              \
        __VA_ARGS__                                                            \
    }

static enum err step_start(struct praxis *p)
{
    KEPT(p, struct eng_start_workflow_args,
         .workflow_type = WORDS(p)->workflow_type,
         .target = WORDS(p)->target_file, .options = WORDS(p)->options,
         .resume = true);
    return eng_start_workflow(ENGINE(p), &p->eng, a);
}

static enum err step_get_phase(struct praxis *p)
{
    KEPT(p, struct eng_get_phase_args, .session_id = WORDS(p)->session_id,
         .phase = WORDS(p)->phase);
    return eng_get_phase(ENGINE(p), &p->eng, a);
}

static enum err step_get_task(struct praxis *p)
{
    KEPT(p, struct eng_get_task_args, .session_id = WORDS(p)->session_id,
         .phase = WORDS(p)->phase, .task_number = WORDS(p)->task_number);
    return eng_get_task(ENGINE(p), &p->eng, a);
}

static enum err step_complete(struct praxis *p)
{
    KEPT(p, struct eng_complete_phase_args, .session_id = WORDS(p)->session_id,
         .phase = WORDS(p)->phase, .evidence = WORDS(p)->evidence);
    return eng_complete_phase(ENGINE(p), &p->eng, a);
}

static enum err wrong_status(struct mcp_call *call, struct slice status)
{
    return problem_setf(
        &call->problem, &call->arena, ERR_INVALID_PARAMETER,
        SLICE("`status` must be active, completed, error or paused."),
        SLICE("Send one of these, or leave `status` out."),
        "Invalid status filter: %.*s. Must be one of: active, completed, "
        "error, paused",
        SLICE_ARG(slice_sub(status, 0, 120)));
}

static enum err step_list_sessions(struct praxis *p)
{
    static const struct slice known[] = {
        SLICE_INIT("active"), SLICE_INIT("completed"), SLICE_INIT("error"),
        SLICE_INIT("paused")};
    struct slice status = WORDS(p)->status;
    bool is = !status.p;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        is = is || slice_eq(status, known[i]);
    if (!is) {
        enum err e = wrong_status(p->call, status);
        p->eng.problem = p->call->problem;
        return e;
    }
    const struct eng_list_sessions_args a = {.status = status, .limit = 10000};
    return eng_list_sessions(ENGINE(p), &p->eng, &a);
}

/* What manage_session calls it. */
static const struct managed {
    const char *name, *action;
} managed[] = {{"delete_session", "delete"}};

static enum err step_manage(struct praxis *p)
{
    const char *action = p->row->name;
    for (size_t i = 0; i < sizeof(managed) / sizeof(managed[0]); i++)
        if (slice_eq(slice_of(managed[i].name), slice_of(action)))
            action = managed[i].action;
    KEPT(p, struct eng_manage_session_args,
         .session_id = WORDS(p)->session_id, .action = slice_of(action),
         .reason = WORDS(p)->reason, .note = WORDS(p)->checkpoint_note,
         .to_phase = WORDS(p)->to_phase, .phase = WORDS(p)->phase,
         .options = WORDS(p)->options,
         .only_there = slice_eq(slice_of(action), SLICE("retry_phase")),
         .reset_evidence = WORDS(p)->reset_evidence);
    return eng_manage_session(ENGINE(p), &p->eng, a);
}

static enum err step_search(struct praxis *p)
{
    const struct tools_search_args *t = p->args;
    const struct eng_search_args a = {.query = t->query,
                                      .n_results = t->n_results,
                                      .filter_phase = t->filter_phase,
                                      .filter_tags = t->filter_tags.items,
                                      .filter_tags_count =
                                          t->filter_tags.count};
    return eng_search_standards(ENGINE(p), &p->eng, &a);
}

/* --- the actions ---------------------------------------------------------- */

/* clang-format off */
const struct praxis_row praxis_actions[] = {
    {"complete_phase", {"session_id", "phase", "evidence"}, step_complete, 0,
     praxis_complete_phase, true},
    {"delete_session", {"session_id"}, step_manage, 0, praxis_delete_session,
     true},
    {"get_errors", {"session_id"}, NULL, LOOK | LOOK_HISTORY,
     praxis_get_errors, false},
    {"get_phase", {"session_id"}, step_get_phase, LOOK, praxis_get_phase,
     false},
    {"get_session", {"session_id"}, NULL, LOOK | LOOK_EVIDENCE | LOOK_HISTORY,
     praxis_get_session, false},
    {"get_state", {"session_id"}, NULL, LOOK | LOOK_HISTORY, praxis_get_state,
     false},
    {"get_task", {"session_id", "phase", "task_number"}, step_get_task,
     LOOK | LOOK_WORKFLOW, praxis_get_task, false},
    {"list_sessions", {NULL}, step_list_sessions, 0, praxis_list_sessions,
     false},
    {"list_workflows", {NULL}, step_list_workflows, 0, praxis_list_workflows,
     false},
    {"pause", {"session_id"}, step_manage, 0, praxis_pause, true},
    {"resume", {"session_id"}, step_manage, LOOK | LOOK_HISTORY | LOOK_PHASE,
     praxis_resume, true},
    {"retry_phase", {"session_id", "phase"}, step_manage,
     LOOK | LOOK_HISTORY | LOOK_PHASE, praxis_retry_phase, true},
    {"rollback", {"session_id", "to_phase"}, step_manage, LOOK | LOOK_PHASE,
     praxis_rollback, true},
    {"start", {"workflow_type", "target_file"}, step_start,
     LOOK | LOOK_WORKFLOW, praxis_start, true},
    {0}};
/* clang-format on */

static const struct praxis_row search_row = {.name = "search_standards",
                                             .step = step_search,
                                             .shape = praxis_search};

#define AT(field) offsetof(struct praxis_args, field)
#define PHASE_LIKE(name)                                                       \
    {                                                                          \
        #name, MCP_FIELD_INTEGER, AT(name), .def = ENG_ABSENT, .example = "0"  \
    }
const struct mcp_field praxis_fields[] = {
    {"action", MCP_FIELD_STRING, AT(action), .required = true,
     .example = "\"list_workflows\""},
    {"session_id", MCP_FIELD_STRING, AT(session_id)},
    {"workflow_type", MCP_FIELD_STRING, AT(workflow_type)},
    {"target_file", MCP_FIELD_STRING, AT(target_file),
     .nul = ERR_INVALID_TARGET},
    {"options", MCP_FIELD_OBJECT, AT(options)},
    PHASE_LIKE(phase),
    PHASE_LIKE(task_number),
    {"evidence", MCP_FIELD_OBJECT, AT(evidence),
     .wrong = ERR_EVIDENCE_NOT_OBJECT},
    {"category", MCP_FIELD_STRING, AT(category)},
    {"status", MCP_FIELD_STRING, AT(status)},
    {"reason", MCP_FIELD_STRING, AT(reason), .max = 4000},
    {"checkpoint_note", MCP_FIELD_STRING, AT(checkpoint_note), .max = 4000},
    {"reset_evidence", MCP_FIELD_BOOLEAN, AT(reset_evidence)},
    PHASE_LIKE(to_phase),
    {0}};

/* --- what is needed ------------------------------------------------------- */

static bool is_given(const struct mcp_field *f, const void *args)
{
    const void *at = (const char *)args + f->offset;
    switch (f->type) {
    case MCP_FIELD_STRING:
        return ((const struct slice *)at)->n > 0;
    case MCP_FIELD_INTEGER:
        return *(const int64_t *)at != ENG_ABSENT;
    case MCP_FIELD_OBJECT:
        return *(const struct json *const *)at != NULL;
    default:
        return true;
    }
}

static const struct mcp_field *field_named(const char *name)
{
    const struct mcp_field *f = praxis_fields;
    while (!slice_eq(slice_of(f->name), slice_of(name))) f++;
    return f;
}

static enum err check_needs(struct praxis *p)
{
    struct mcp_call *call = p->call;
    for (size_t i = 0; p->row->needs[i]; i++) {
        const char *name = p->row->needs[i];
        if (is_given(field_named(name), p->args)) continue;
        return problem_setf(
            &call->problem, &call->arena, ERR_MISSING_PARAMETER,
            SLICE("This action cannot do without it."),
            arena_printf(&call->arena, "Send `%s` beside `action`.", name),
            "%s action requires %s parameter", p->row->name, name);
    }
    return OK;
}

static const struct praxis_row *action_named(struct slice name)
{
    const struct praxis_row *row = praxis_actions;
    while (row->name && !slice_eq(slice_of(row->name), name)) row++;
    return row->name ? row : NULL;
}

/* --- the way -------------------------------------------------------------- */

static void came_late(struct eng_call *ec, enum err e);

static void stage_begin(struct praxis *p)
{
    struct mcp_call *call = p->call;
    struct twin *out = &p->outs[p->stage];
    twin_init(out, ANSWER_CEILING);
    p->eng = (struct eng_call){.arena = &call->arena,
                               .out = out,
                               .cancel = &call->cancel,
                               .now = clock_now(),
                               .actor = slice_of(call->transport),
                               .patience_ms = call->told ? ENG_PATIENT : 0,
                               .done = came_late};
    problem_init(&p->eng.problem);
}

static enum err look(struct praxis *p)
{
    static const struct slice step_id = SLICE_INIT("session_id");
    unsigned what = p->row->look;
    struct slice id = WORDS(p)->session_id;
    if (!id.n) id = json_text(json_get(p->step, step_id));
    KEPT(p, struct eng_get_session_args, .session_id = id,
         .evidence = (what & LOOK_EVIDENCE) != 0,
         .history = (what & LOOK_HISTORY) != 0,
         .verdicts = (what & LOOK_HISTORY) != 0,
         .workflow = (what & LOOK_WORKFLOW) != 0,
         .phase = (what & LOOK_PHASE) != 0, .history_most = INT32_MAX);
    return eng_get_session(ENGINE(p), &p->eng, a);
}

/* A verdict is an answer here, whichever it is. */
static enum err took(struct praxis *p, enum err e)
{
    struct json_error je;
    const struct json **to = p->stage == PRAXIS_STEP ? &p->step : &p->look;
    struct buf *out = &p->outs[p->stage].plain;
    struct slice text = buf_slice(out);
    if (e == ERR_GATE_REFUSED) {
        p->refused = true;
        text = arena_printf(&p->call->arena, "{%.*s}",
                            SLICE_ARG(p->eng.problem.siblings));
    } else if (e) {
        p->call->problem = p->eng.problem;
        return e;
    }
    if (out->err) return out->err;
    return json_parse(text, NULL, &p->call->arena, to, &je) ? ERR_NOMEM : OK;
}

static enum err ended(struct praxis *p, enum err e)
{
    if (!e) {
        struct json_writer w = json_writer(&p->call->out.plain);
        json_begin_object(&w);
        p->row->shape(p, &w);
        json_end_object(&w);
    }
    for (int i = 0; i < PRAXIS_STAGES; i++) twin_done(&p->outs[i]);
    return e;
}

/* From the stage it is at. After ERR_PENDING the call is another thread's. */
static enum err go_on(struct praxis *p)
{
    enum err e = OK;
    for (; !e && p->stage < PRAXIS_STAGES; p->stage++) {
        bool wanted =
            p->stage == PRAXIS_STEP ? p->row->step != NULL : p->row->look != 0;
        if (!wanted) continue;
        stage_begin(p);
        p->eng.on_loop = p->call->on_loop && p->stage == PRAXIS_STEP;
        e = p->stage == PRAXIS_STEP ? p->row->step(p) : look(p);
        if (e == ERR_PENDING) return e;
        e = took(p, e);
    }
    return ended(p, e);
}

static void continued(struct pool_job *job)
{
    struct praxis *p =
        (struct praxis *)((char *)job - offsetof(struct praxis, job));
    struct mcp_call *call = p->call;
    enum err e = took(p, p->late);
    p->stage++;
    e = e ? ended(p, e) : go_on(p);
    if (e != ERR_PENDING) mcp_call_done(call, e);
}

/* The writer has better things to do than to shape answers. */
static void came_late(struct eng_call *ec, enum err e)
{
    struct praxis *p = (struct praxis *)ec;
    struct mcp_call *call = p->call;
    p->late = e;
    p->job.run = continued;
    enum err full = pool_submit(((struct tools_app *)call->app)->pool, &p->job);
    if (!full) return;
    bool last = p->stage == PRAXIS_LOOK || !p->row->look;
    e = took(p, e);
    mcp_call_done(call, ended(p, e || last ? e : full));
}

static enum err begin(struct mcp_call *call, const struct praxis_row *row,
                      const void *args)
{
    struct praxis *p = ARENA_NEW(&call->arena, struct praxis);
    if (!p) return ERR_NOMEM;
    p->call = call;
    p->row = row;
    p->args = args;
    enum err e = check_needs(p);
    if (e) return e;
    if (!((struct tools_app *)call->app)->engine)
        return tools_no_project(call);
    return call->on_loop && !row->writes ? ERR_AGAIN : go_on(p);
}

enum err praxis_workflow_call(struct mcp_call *call, const void *args)
{
    const struct praxis_args *a = args;
    const struct praxis_row *row = action_named(a->action);
    if (!row)
        return problem_setf(&call->problem, &call->arena, ERR_UNKNOWN_ACTION,
                            SLICE("`action` is one of valid_actions."),
                            SLICE("Send one of valid_actions."),
                            "Unknown action: %.*s",
                            SLICE_ARG(slice_sub(a->action, 0, 120)));
    return begin(call, row, args);
}

enum err praxis_search_call(struct mcp_call *call, const void *args)
{
    return begin(call, &search_row, args);
}

/* --- what is refused ------------------------------------------------------ */

/* Which phase is the current one, and which was asked for. */
static void text_locked(const struct praxis_args *a, const struct problem *p,
                        struct json_writer *w)
{
    bool completes = slice_eq(a->action, SLICE("complete_phase"));
    const struct json *v;
    struct json_error je;
    int64_t phase = 0, current = 0;
    struct arena arena;
    arena_init(&arena, 1u << 20);
    struct slice text = arena_printf(&arena, "{%.*s}", SLICE_ARG(p->extra));
    if (!json_parse(text, NULL, &arena, &v, &je)) {
        (void)json_int64(json_get(v, SLICE("phase")), &phase);
        (void)json_int64(json_get(v, SLICE("current_phase")), &current);
    }
    arena_done(&arena);
    json_stringf(w,
                 "Cannot %s phase %" PRId64 ". Current phase is %" PRId64 ".",
                 completes ? "complete" : "access", phase, current);
}

static void text_session(const struct praxis_args *a, const struct problem *p,
                         struct json_writer *w)
{
    (void)p;
    json_stringf(w, "Session %.*s not found", SLICE_ARG(a->session_id));
}

static void text_object(const struct praxis_args *a, const struct problem *p,
                        struct json_writer *w)
{
    (void)a;
    (void)p;
    json_string(w, SLICE("evidence must be a dictionary"));
}

static void text_large(const struct praxis_args *a, const struct problem *p,
                       struct json_writer *w)
{
    (void)p;
    json_stringf(w, "Evidence too large: %.2fMB exceeds limit of 10.0MB",
                 (double)a->evidence->raw.n / (1024.0 * 1024.0));
}

/* Texts that clients look for; else it is `what`. */
static const struct {
    enum err err;
    void (*text)(const struct praxis_args *a, const struct problem *p,
                 struct json_writer *w);
} texts[] = {{ERR_PHASE_LOCKED, text_locked},
             {ERR_SESSION_NOT_FOUND, text_session},
             {ERR_EVIDENCE_NOT_OBJECT, text_object},
             {ERR_EVIDENCE_TOO_LARGE, text_large}};

static void put_error(const struct praxis_args *a, const struct problem *p,
                      struct json_writer *w)
{
    json_key(w, SLICE("error"));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (a && texts[i].err == p->err) {
            texts[i].text(a, p, w);
            return;
        }
    json_string(w, p->what);
}

static void put_detail(const struct problem *p, struct json_writer *w)
{
    json_put_string(w, "error_type", err_detail(p->err));
    json_key(w, SLICE("error_detail"));
    json_begin_object(w);
    json_put_string(w, "code", err_detail(p->err));
    json_put_string(w, "what", p->what);
    json_put_string(w, "why", p->why);
    json_put_string(w, "how_to_fix", p->how_to_fix);
    if (p->retry_after_ms >= 0)
        json_put_int(w, "retry_after_ms", p->retry_after_ms);
    json_raw_members(w, p->extra);
    json_end_object(w);
}

void praxis_workflow_tell(const void *args, const struct problem *p,
                          struct buf *out)
{
    const struct praxis_args *a = args;
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "status", SLICE("error"));
    json_put_string(&w, "action", a ? a->action : SLICE(""));
    put_error(a, p, &w);
    put_detail(p, &w);
    if (p->err == ERR_UNKNOWN_ACTION) {
        json_key(&w, SLICE("valid_actions"));
        json_begin_array(&w);
        for (const struct praxis_row *row = praxis_actions; row->name; row++)
            json_string(&w, slice_of(row->name));
        json_end_array(&w);
    }
    json_put_string(&w, "remediation", p->how_to_fix);
    json_end_object(&w);
}

void praxis_search_tell(const void *args, const struct problem *p,
                        struct buf *out)
{
    struct json_writer w = json_writer(out);
    (void)args;
    json_begin_object(&w);
    put_error(NULL, p, &w);
    put_detail(p, &w);
    json_put_raw(&w, "results", SLICE("[]"));
    json_put_int(&w, "total_tokens", 0);
    json_end_object(&w);
}
