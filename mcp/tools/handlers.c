#include "mcp/tools/handlers.h"

#include "base/clock.h"
#include "mcp/call.h"

/* --- the bridge: an mcp call around an engine call ----------------------- */

/* A search that waits for the index: half a minute of looks, less when its
 * deadline comes before; the budget is for the search itself. */
enum { SEARCH_PAUSE_MS = 200, SEARCH_PAUSES = 150, SEARCH_BUDGET_MS = 700 };

struct step {
    struct eng_call eng; /* first: the engine gives it back */
    struct mcp_call *call;
    const struct eng_complete_phase_args *args; /* of what may ask */
};

static enum err asked(struct step *s, enum err e);

static void step_done(struct eng_call *ec, enum err e)
{
    struct mcp_call *call = ((struct step *)ec)->call;
    e = asked((struct step *)ec, e);
    if (e == ERR_PENDING) return;
    if (e) call->problem = ec->problem;
    call->replayed = ec->replayed;
    mcp_call_done(call, e);
}

static struct engine *engine_of(const struct mcp_call *call)
{
    return ((struct tools_app *)call->app)->engine;
}

/* NULL: call->problem says why, begin_error() is what to return. */
static struct eng_call *begin(struct mcp_call *call)
{
    if (!engine_of(call)) return NULL;
    struct step *s = arena_alloc(&call->arena, sizeof(*s));
    if (!s) return NULL;
    *s = (struct step){.eng = {.arena = &call->arena,
                               .out = &call->out,
                               .cancel = &call->cancel,
                               .now = call->now,
                               .actor = slice_of(call->transport),
                               .patience_ms = call->told ? ENG_PATIENT : 0,
                               .on_loop = call->on_loop,
                               .patient = call->patient,
                               .done = step_done},
                       .call = call};
    problem_init(&s->eng.problem);
    return &s->eng;
}

static enum err begin_error(struct mcp_call *call)
{
    return engine_of(call) ? ERR_NOMEM : tools_no_project(call);
}

enum err tools_no_project(struct mcp_call *call)
{
    return problem_set(
        &call->problem, ERR_NO_PROJECT, SLICE("the project"),
        SLICE("The server runs outside a project, so it has no state."),
        SLICE("Start it with --project DIR, or from inside the project's "
              "folder."));
}

/* After ERR_PENDING the call may have ended already: it is not touched. */
static enum err end(struct mcp_call *call, const struct eng_call *ec,
                    enum err e)
{
    if (e == ERR_PENDING) return e;
    if (e && e != ERR_AGAIN) call->problem = ec->problem;
    call->replayed = ec->replayed;
    return e;
}

/* --- the word of the client's user ---------------------------------------- */

/* To cancel is to say nothing, and so is an answer that never came. */
static void word_take(struct eng_call *ec, const struct json *answer)
{
    const struct json *content = json_get(answer, SLICE("content"));
    struct slice action = json_text(json_get(answer, SLICE("action")));
    bool accepted = slice_eq(action, SLICE("accept"));
    ec->client = (struct eng_client_word){
        .key = ec->ask.key,
        .comment = json_text(json_get(content, SLICE("comment"))),
        .said = ENG_SAID_NOTHING};
    if (accepted && json_is(json_get(content, SLICE("approve")), JSON_TRUE))
        ec->client.said = ENG_SAID_YES;
    else if (accepted || slice_eq(action, SLICE("decline")))
        ec->client.said = ENG_SAID_NO;
}

/* The operation wants the client's user to be asked: then it is made again
 * with the answer, on a worker, or the call waits for one. Thread: any */
static enum err asked(struct step *s, enum err e)
{
    struct eng_call *ec = &s->eng;
    const struct json *answer = NULL;
    if (e != ERR_APPROVAL_PENDING || !ec->ask.key.n) return e;
    const char *key = arena_cstr(ec->arena, ec->ask.key);
    if (!key) return ERR_NOMEM;
    e = mcp_ask(s->call, MCP_ASK_FORM, key, ec->ask.form, &answer);
    if (e && e != ERR_UNAVAILABLE) return e; /* it waits, or is no answer */
    word_take(ec, answer);
    ec->ask = (struct eng_client_ask){.key = SLICE("")};
    twin_clear(ec->out);
    problem_init(&ec->problem);
    problem_init(&s->call->problem);
    ec->on_loop = true;
    return eng_complete_phase(engine_of(s->call), ec, s->args);
}

/* --- tools whose arguments are the engine's own -------------------------- */

enum err tools_list_workflows(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_list_workflows(engine_of(call), ec, args));
}

enum err tools_start_workflow(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_start_workflow(engine_of(call), ec, args));
}

enum err tools_get_phase(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_get_phase(engine_of(call), ec, args));
}

enum err tools_get_task(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_get_task(engine_of(call), ec, args));
}

enum err tools_complete_phase(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    struct step *s = (struct step *)ec;
    if (!ec) return begin_error(call);
    ec->asking =
        mcp_can_ask(call, MCP_ASK_FORM) ? ENG_CAN_ASK : ENG_CANNOT_ASK;
    s->args = args;
    enum err e = asked(s, eng_complete_phase(engine_of(call), ec, args));
    return e == ERR_WAITING ? e : end(call, ec, e);
}

enum err tools_manage_session(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_manage_session(engine_of(call), ec, args));
}

enum err tools_claim_task(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_claim_task(engine_of(call), ec, args));
}

enum err tools_release_task(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_release_task(engine_of(call), ec, args));
}

enum err tools_list_sessions(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_list_sessions(engine_of(call), ec, args));
}

enum err tools_get_session(struct mcp_call *call, const void *args)
{
    const struct tools_get_session_args *a = args;
    struct eng_call *ec = begin(call);
    /* In the arena: a pending operation may still read it. */
    struct eng_get_session_args *ea =
        ARENA_NEW(&call->arena, struct eng_get_session_args);
    if (!ec || !ea) return begin_error(call);
    ea->session_id = a->session_id;
    ea->evidence = (a->include & 1u) != 0;
    ea->history = (a->include & 2u) != 0;
    return end(call, ec, eng_get_session(engine_of(call), ec, ea));
}

enum err tools_validate_workflow(struct mcp_call *call, const void *args)
{
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    return end(call, ec, eng_validate_workflow(engine_of(call), ec, args));
}

/* Who asked for progress would rather have all of the answer than the part
 * that is indexed: it hears how far the index is and is answered when it is
 * whole, or when its time is nearly over. No thread or permit waits with it. */
static enum err search_later(struct mcp_call *call)
{
    uint64_t done, total;
    int64_t left = call->cancel.deadline_ns - call->now;
    if (!call->told || !eng_search_building(engine_of(call), &done, &total) ||
        call->step >= SEARCH_PAUSES ||
        left < (SEARCH_PAUSE_MS + SEARCH_BUDGET_MS) * NS_PER_MS)
        return OK;
    mcp_progress(call, (double)done, (double)total,
                 SLICE("reading the standards"));
    return mcp_pause(call, SEARCH_PAUSE_MS);
}

static void search_part(struct eng_call *ec, const char *part,
                        const char *status)
{
    struct mcp_call *call = ((struct step *)ec)->call;
    mcp_progress_part(call,
                      arena_printf(&call->arena, "%s: %s", part, status));
}

enum err tools_search_standards(struct mcp_call *call, const void *args)
{
    const struct tools_search_args *a = args;
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    if (call->told) ec->part = search_part;
    const struct eng_search_args ea = {
        .query = a->query,
        .path_prefix = a->path_prefix,
        .n_results = a->n_results,
        .filter_phase = a->filter_phase,
        .filter_tags = a->filter_tags.items,
        .filter_tags_count = a->filter_tags.count,
        .highlights = a->highlights,
        .snippets = a->snippets,
    };
    enum err e = call->on_loop ? search_later(call) : OK;
    if (!e) e = eng_search_standards(engine_of(call), ec, &ea);
    if (!e) e = search_later(call); /* it was this search that began it */
    return e == ERR_WAITING ? e : end(call, ec, e);
}

enum err tools_create_workflow(struct mcp_call *call, const void *args)
{
    const struct tools_create_args *a = args;
    struct eng_call *ec = begin(call);
    if (!ec) return begin_error(call);
    const struct eng_create_workflow_args ea = {.name = a->name,
                                                .description = a->description,
                                                .output_dir = a->output_dir,
                                                .phases = a->phases.items,
                                                .phases_count =
                                                    a->phases.count};
    return end(call, ec, eng_create_workflow(engine_of(call), ec, &ea));
}
