/* What the engine knows, as resources and prompts: workflows, sessions and
 * their reports, standards. Each is one engine operation, its answer retold. */
#include <string.h>

#include "mcp/call.h"
#include "mcp/tools/tools.h"

enum { OUT_MAX = 32 << 20, SESSIONS_MAX = 200, STANDARDS_MAX = 10000 };

#define STANDARDS_URI "phasegate://standards/{+path}"

/* An engine operation whose answer is retold, not sent. In the call's arena
 * but for the answer, which the arena drops. */
struct record {
    struct eng_call eng; /* first: the engine gives it back */
    struct twin out;
    struct mcp_call *call;
    struct slice uri;
    const struct json *v; /* the answer */
    enum err (*tell)(struct record *r);
};

static struct engine *engine_of(const struct mcp_call *call)
{
    return ((struct tools_app *)call->app)->engine;
}

static void drop_out(void *out)
{
    twin_done(out);
}

/* NULL: no project, or no memory. */
static struct record *begin(struct mcp_call *call, struct slice uri,
                            enum err (*tell)(struct record *r))
{
    struct record *r = ARENA_NEW(&call->arena, struct record);
    if (!r || !engine_of(call)) return NULL;
    twin_init(&r->out, OUT_MAX);
    if (arena_hold(&call->arena, drop_out, &r->out)) return NULL;
    r->eng = (struct eng_call){.arena = &call->arena,
                               .out = &r->out,
                               .cancel = &call->cancel,
                               .now = call->now,
                               .actor = slice_of(call->transport),
                               .on_loop = call->on_loop};
    problem_init(&r->eng.problem);
    r->call = call;
    r->uri = uri;
    r->tell = tell;
    return r;
}

/* The operation has ended: its answer is read and told. */
static enum err settle(struct record *r, enum err e)
{
    struct json_error je;
    if (e) {
        r->call->problem = r->eng.problem;
        return e;
    }
    e = json_parse(buf_slice(&r->out.plain), NULL, &r->call->arena, &r->v, &je);
    return e ? e : r->tell(r);
}

static void settle_later(struct eng_call *ec, enum err e)
{
    struct record *r = (struct record *)ec;
    struct mcp_call *call = r->call;
    mcp_call_done(call, settle(r, e));
}

/* --- reading ------------------------------------------------------------------ */

static struct slice text_of(const struct json *v, const char *key)
{
    return json_text(json_get(v, slice_of(key)));
}

static void add(struct record *r, struct slice type, struct slice text)
{
    mcp_add_contents(r->call, &(struct mcp_content){.uri = r->uri,
                                                    .mime_type = type,
                                                    .text = text});
}

static enum err tell_session(struct record *r)
{
    add(r, SLICE("application/json"), buf_slice(&r->out.plain));
    return OK;
}

static enum err tell_markdown(struct record *r)
{
    add(r, SLICE("text/markdown"), text_of(r->v, "text"));
    return OK;
}

static enum err read_session(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct record *r = begin(call, uri->uri, tell_session);
    struct eng_get_session_args *a =
        ARENA_NEW(&call->arena, struct eng_get_session_args);
    if (!r || !a) return ERR_NO_PROJECT;
    r->eng.done = settle_later;
    a->session_id = uri->values[0];
    enum err e = eng_get_session(engine_of(call), &r->eng, a);
    return e == ERR_PENDING || e == ERR_AGAIN ? e : settle(r, e);
}

static enum err read_report(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct record *r = begin(call, uri->uri, tell_markdown);
    struct eng_report_args *a =
        ARENA_NEW(&call->arena, struct eng_report_args);
    if (!r || !a) return ERR_NO_PROJECT;
    r->eng.done = settle_later;
    a->session_id = uri->values[0];
    enum err e = eng_report(engine_of(call), &r->eng, a);
    return e == ERR_PENDING || e == ERR_AGAIN ? e : settle(r, e);
}

/* --- workflows ------------------------------------------------------------------ */

/* All of them, or NULL. Never pending: definitions are read where asked. */
static const struct json *workflows(struct mcp_call *call, enum err *ret)
{
    const struct eng_list_workflows_args none = {{0}, {0}};
    const struct json *v;
    struct json_error je;
    struct record *r = begin(call, (struct slice){0}, NULL);
    *ret = r ? eng_list_workflows(engine_of(call), &r->eng, &none)
             : ERR_NO_PROJECT;
    if (!*ret)
        *ret = json_parse(buf_slice(&r->out.plain), NULL, &call->arena, &v,
                          &je);
    return *ret ? NULL : json_get(v, SLICE("workflows"));
}

static const struct json *find_workflow(struct mcp_call *call,
                                        struct slice type, enum err *ret)
{
    const struct json *all = workflows(call, ret);
    for (uint32_t i = 0; all && i < all->count; i++) {
        if (slice_eq(text_of(&all->items[i], "workflow_type"), type))
            return &all->items[i];
    }
    if (!*ret) *ret = ERR_NOT_FOUND;
    return NULL;
}

static enum err read_workflow(struct mcp_call *call, const struct mcp_uri *uri)
{
    enum err e;
    const struct json *w = find_workflow(call, uri->values[0], &e);
    if (!w) return e;
    const struct json *phases = json_get(w, SLICE("total_phases"));
    struct slice text = arena_printf(
        &call->arena,
        "# %.*s\n\n%.*s\n\n- workflow_type: `%.*s`\n- version: %.*s\n"
        "- phases: %.*s\n- valid: %s\n\nBegin with `start_workflow`.\n",
        SLICE_ARG(text_of(w, "name")), SLICE_ARG(text_of(w, "description")),
        SLICE_ARG(text_of(w, "workflow_type")),
        SLICE_ARG(text_of(w, "version")),
        SLICE_ARG(phases ? phases->raw : SLICE("?")),
        json_is(json_get(w, SLICE("valid")), JSON_TRUE) ? "yes" : "no");
    mcp_add_contents(call,
                     &(struct mcp_content){.uri = uri->uri,
                                           .mime_type = SLICE("text/markdown"),
                                           .text = text});
    return OK;
}

static enum err list_workflows(struct mcp_call *call, struct mcp_list *list)
{
    enum err e;
    const struct json *all = workflows(call, &e);
    for (uint32_t i = 0; all && i < all->count; i++) {
        struct slice type = text_of(&all->items[i], "workflow_type");
        mcp_list_add(
            list,
            &(struct mcp_item){
                .uri = arena_printf(&call->arena, "phasegate://workflows/%.*s",
                                    SLICE_ARG(type)),
                .name = type,
                .title = text_of(&all->items[i], "name"),
                .description = text_of(&all->items[i], "description"),
                .mime_type = SLICE("text/markdown"),
                .size = -1});
    }
    return e == ERR_NO_PROJECT ? OK : e; /* an empty list is the truth */
}

/* --- sessions --------------------------------------------------------------------- */

/* The first, newest page. Never pending. */
static const struct json *sessions(struct mcp_call *call, enum err *ret)
{
    const struct eng_list_sessions_args first = {.limit = SESSIONS_MAX};
    const struct json *v;
    struct json_error je;
    struct record *r = begin(call, (struct slice){0}, NULL);
    *ret = r ? eng_list_sessions(engine_of(call), &r->eng, &first)
             : ERR_NO_PROJECT;
    if (!*ret)
        *ret = json_parse(buf_slice(&r->out.plain), NULL, &call->arena, &v,
                          &je);
    return *ret ? NULL : json_get(v, SLICE("sessions"));
}

static void list_session(struct mcp_call *call, struct mcp_list *list,
                         const struct json *s)
{
    struct slice id = text_of(s, "session_id");
    struct slice about = arena_printf(&call->arena, "%.*s on %.*s: %.*s",
                                      SLICE_ARG(text_of(s, "workflow_type")),
                                      SLICE_ARG(text_of(s, "target")),
                                      SLICE_ARG(text_of(s, "status")));
    mcp_list_add(
        list, &(struct mcp_item){
                  .uri = arena_printf(&call->arena, "phasegate://sessions/%.*s",
                                      SLICE_ARG(id)),
                  .name = id,
                  .description = about,
                  .mime_type = SLICE("application/json"),
                  .size = -1});
    mcp_list_add(list,
                 &(struct mcp_item){
                     .uri = arena_printf(&call->arena,
                                         "phasegate://sessions/%.*s/report",
                                         SLICE_ARG(id)),
                     .name = arena_printf(&call->arena, "%.*s report",
                                          SLICE_ARG(id)),
                     .description = about,
                     .mime_type = SLICE("text/markdown"),
                     .size = -1});
}

static enum err list_sessions(struct mcp_call *call, struct mcp_list *list)
{
    enum err e;
    const struct json *all = sessions(call, &e);
    for (uint32_t i = 0; all && i < all->count; i++)
        list_session(call, list, &all->items[i]);
    return e == ERR_NO_PROJECT ? OK : e;
}

/* --- standards ---------------------------------------------------------------------- */

/* A path as the template's {+path} takes it: '/' stays, the rest of what a URI
 * cannot hold is encoded. */
static struct slice uri_of_path(struct mcp_call *call, struct slice path)
{
    static const char plain[] = "-._~!$&'()*+,;=:@/";
    static const char hex[] = "0123456789ABCDEF";
    char *p = arena_alloc(&call->arena, 3 * path.n + 1);
    size_t n = 0;
    for (size_t i = 0; p && i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
            (c >= 'A' && c <= 'Z') || strchr(plain, c)) {
            p[n++] = (char)c;
            continue;
        }
        p[n++] = '%';
        p[n++] = hex[c >> 4];
        p[n++] = hex[c & 15];
    }
    return arena_printf(&call->arena, "phasegate://standards/%.*s",
                        SLICE_ARG(((struct slice){p, n})));
}

static const struct json *standards(struct mcp_call *call, struct slice begun,
                                    size_t limit, enum err *ret)
{
    const struct eng_list_standards_args args = {begun, limit};
    const struct json *v;
    struct json_error je;
    struct record *r = begin(call, (struct slice){0}, NULL);
    *ret = r ? eng_list_standards(engine_of(call), &r->eng, &args)
             : ERR_NO_PROJECT;
    if (!*ret)
        *ret = json_parse(buf_slice(&r->out.plain), NULL, &call->arena, &v,
                          &je);
    if (r && *ret) call->problem = r->eng.problem;
    return *ret ? NULL : json_get(v, SLICE("standards"));
}

static enum err list_standards(struct mcp_call *call, struct mcp_list *list)
{
    enum err e;
    const struct json *all =
        standards(call, (struct slice){0}, STANDARDS_MAX, &e);
    for (uint32_t i = 0; all && i < all->count; i++) {
        struct slice path = text_of(&all->items[i], "path");
        int64_t size = -1;
        (void)json_int64(json_get(&all->items[i], SLICE("size")), &size);
        mcp_list_add(list,
                     &(struct mcp_item){.uri = uri_of_path(call, path),
                                        .name = path,
                                        .mime_type = SLICE("text/markdown"),
                                        .size = size});
    }
    return e == ERR_NO_PROJECT ? OK : e;
}

static enum err read_standard(struct mcp_call *call, const struct mcp_uri *uri)
{
    struct record *r = begin(call, uri->uri, tell_markdown);
    const struct eng_read_standard_args args = {uri->values[0]};
    if (!r) return ERR_NO_PROJECT;
    return settle(r, eng_read_standard(engine_of(call), &r->eng, &args));
}

const struct mcp_resource tools_resources[] = {
    {"phasegate://workflows/{workflow_type}", "workflow", "Workflow",
     "What a workflow is for.", "text/markdown", MCP_RUN_WORKER, read_workflow,
     list_workflows},
    {"phasegate://sessions/{session_id}", "session", "Session",
     "The state of a session.", "application/json", MCP_RUN_WORKER,
     read_session, list_sessions},
    {"phasegate://sessions/{session_id}/report", "report", "Report",
     "A whole run: phases, evidence, proofs, times.", "text/markdown",
     MCP_RUN_WORKER, read_report, NULL},
    {STANDARDS_URI, "standard", "Standard", "A file of the standards.",
     "text/markdown", MCP_RUN_WORKER, read_standard, list_standards},
    {0}};

/* --- prompts ------------------------------------------------------------------------ */

static void say(struct mcp_call *call, struct slice text)
{
    mcp_add_message(call, false,
                    &(struct mcp_content){.kind = MCP_TEXT, .text = text});
}

static enum err prompt_resume(struct mcp_call *call,
                              const struct mcp_prompt_call *p)
{
    say(call, arena_printf(&call->arena,
                           "Go on with session %.*s: call get_session, then "
                           "get_phase, and do what `next` says until the "
                           "workflow is complete.",
                           SLICE_ARG(p->values[0])));
    return OK;
}

static enum err prompt_workflow(struct mcp_call *call,
                                const struct mcp_prompt_call *p)
{
    enum err e;
    if (!find_workflow(call, p->name, &e)) return e;
    say(call, arena_printf(&call->arena,
                           "Lead the work on %.*s through the workflow %.*s: "
                           "call start_workflow with this workflow_type and "
                           "target, then do what `next` says until the "
                           "workflow is complete.",
                           SLICE_ARG(p->values[0]), SLICE_ARG(p->name)));
    return OK;
}

static enum err list_prompts(struct mcp_call *call, struct mcp_list *list)
{
    enum err e;
    const struct json *all = workflows(call, &e);
    for (uint32_t i = 0; all && i < all->count; i++) {
        const struct json *w = &all->items[i];
        if (!json_is(json_get(w, SLICE("valid")), JSON_TRUE)) continue;
        mcp_list_add(list, &(struct mcp_item){
                               .name = text_of(w, "workflow_type"),
                               .title = text_of(w, "name"),
                               .description = text_of(w, "description")});
    }
    return e == ERR_NO_PROJECT ? OK : e;
}

static const struct mcp_prompt_arg resume_args[] = {
    {"session_id", "The session to go on with.", true}, {0}};
static const struct mcp_prompt_arg workflow_args[] = {
    {"target", "The file or thing to work on.", true}, {0}};

const struct mcp_prompt tools_prompts[] = {
    {"resume", "Resume", "Goes on with an unfinished session.", resume_args,
     MCP_RUN_INLINE, prompt_resume, NULL},
    {.args = workflow_args,
     .run = MCP_RUN_WORKER,
     .get = prompt_workflow,
     .list = list_prompts},
    {0}};

/* --- completion ---------------------------------------------------------------------- */

static void add_matching(struct mcp_call *call, const struct json *all,
                         const char *key, struct slice begun, int unfinished)
{
    for (uint32_t i = 0; all && i < all->count; i++) {
        struct slice v = text_of(&all->items[i], key);
        struct slice status = text_of(&all->items[i], "status");
        int open = slice_eq(status, SLICE("active")) ||
                   slice_eq(status, SLICE("paused"));
        if (unfinished >= 0 && open != unfinished) continue;
        if (slice_starts(v, begun)) mcp_add_value(call, v);
    }
}

enum { VALUES_MAX = 1000 }; /* looked for; 100 are told */

static enum err complete_type(struct mcp_call *call, struct slice begun)
{
    enum err e;
    add_matching(call, workflows(call, &e), "workflow_type", begun, -1);
    return e;
}

/* Unfinished ones first. */
static enum err complete_session(struct mcp_call *call, struct slice begun)
{
    enum err e;
    const struct json *all = sessions(call, &e);
    add_matching(call, all, "session_id", begun, 1);
    add_matching(call, all, "session_id", begun, 0);
    return e;
}

static enum err complete_path(struct mcp_call *call, struct slice begun)
{
    enum err e;
    const struct json *all = standards(call, begun, VALUES_MAX, &e);
    add_matching(call, all, "path", begun, -1);
    return e;
}

static enum err tell_files(struct record *r)
{
    const struct json *all = json_get(r->v, SLICE("files"));
    for (uint32_t i = 0; all && i < all->count; i++)
        mcp_add_value(r->call, json_text(&all->items[i]));
    return OK;
}

static enum err complete_target(struct mcp_call *call, struct slice begun)
{
    struct record *r = begin(call, (struct slice){0}, tell_files);
    const struct eng_list_files_args args = {begun, VALUES_MAX};
    if (!r) return ERR_NO_PROJECT;
    return settle(r, eng_list_files(engine_of(call), &r->eng, &args));
}

/* The names of arguments and variables that mean the same everywhere, and
 * what they are chosen from. Others have no list. */
static const struct {
    struct slice name;
    enum err (*complete)(struct mcp_call *call, struct slice begun);
} completers[] = {{SLICE_INIT("workflow_type"), complete_type},
                  {SLICE_INIT("session_id"), complete_session},
                  {SLICE_INIT("path"), complete_path},
                  {SLICE_INIT("target"), complete_target}};

enum err tools_complete(struct mcp_call *call, const struct mcp_completion *c)
{
    for (size_t i = 0; i < sizeof(completers) / sizeof(completers[0]); i++) {
        if (!slice_eq(c->name, completers[i].name)) continue;
        enum err e = completers[i].complete(call, c->value);
        return e == ERR_NO_PROJECT ? OK : e;
    }
    return OK;
}
