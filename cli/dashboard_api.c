/* What is below /api besides the page's own: engine operations, decisions,
 * and care. */
#include <stddef.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/dashboard.h"
#include "cli/dashboard_form.h"
#include "engine/provider.h"

enum { OUT_MAX = 32 << 20, SESSIONS_MOST = 200 };

/* --- engine operations as pages --------------------------------------------
 */

struct ask {
    struct eng_call eng; /* first: the engine gives it back */
    struct twin out;
    struct tp_page *page;
};

static void drop_out(void *out)
{
    twin_done(out);
}

static enum err ask_settle(struct ask *k, enum err e)
{
    struct tp_page *page = k->page;
    if (e) {
        page->problem = k->eng.problem;
        return e;
    }
    page->body = k->out.plain; /* given away */
    k->out.plain = BUF_INIT(OUT_MAX);
    return OK;
}

static void ask_done(struct eng_call *ec, enum err e)
{
    struct ask *k = (struct ask *)ec;
    struct tp_page *page = k->page;
    tp_page_done(page, ask_settle(k, e));
}

/* After ERR_PENDING the page may have ended already. */
static enum err ask_end(struct ask *k, enum err e)
{
    return e == ERR_PENDING ? e : ask_settle(k, e);
}

static struct ask *ask_new(struct tp_page *page)
{
    struct ask *k = ARENA_NEW(&page->arena, struct ask);
    if (!k) return NULL;
    twin_init(&k->out, OUT_MAX);
    if (arena_hold(&page->arena, drop_out, &k->out)) return NULL;
    k->eng = (struct eng_call){.arena = &page->arena,
                               .out = &k->out,
                               .cancel = &page->cancel,
                               .now = clock_now(),
                               .actor = SLICE("dashboard"),
                               .done = ask_done};
    problem_init(&k->eng.problem);
    k->page = page;
    return k;
}

static enum err page_sessions(struct tp_page *page)
{
    struct engine *engine = page->app;
    struct ask *k = ask_new(page);
    if (!k) return ERR_NOMEM;
    const struct eng_list_sessions_args args = {
        .status = tp_query(page, "status"),
        .workflow_type = tp_query(page, "workflow_type"),
        .limit = cli_form_number(page, "limit", SESSIONS_MOST),
        .cursor = tp_query(page, "cursor"),
        .archived = slice_eq(tp_query(page, "archived"), SLICE("true"))};
    return ask_end(k, eng_list_sessions(engine, &k->eng, &args));
}

static enum err page_session(struct tp_page *page)
{
    struct engine *engine = page->app;
    struct ask *k = ask_new(page);
    struct eng_get_session_args *args =
        ARENA_NEW(&page->arena, struct eng_get_session_args);
    if (!k || !args) return ERR_NOMEM;
    *args = (struct eng_get_session_args){
        .session_id = page->part,
        .evidence = cli_form_number(page, "evidence", 0) == 1,
        .history = true,
        .verdicts = true,
        .after_event = cli_form_number(page, "after", 0)};
    return ask_end(k, eng_get_session(engine, &k->eng, args));
}

static enum err page_report(struct tp_page *page)
{
    struct engine *engine = page->app;
    struct ask *k = ask_new(page);
    struct eng_report_args *args =
        ARENA_NEW(&page->arena, struct eng_report_args);
    if (!k || !args) return ERR_NOMEM;
    args->session_id = page->part;
    return ask_end(k, eng_report(engine, &k->eng, args));
}

/* --- approvals
 * ------------------------------------------------------------------- */

static enum err page_approvals(struct tp_page *page)
{
    struct engine *engine = page->app;
    struct ask *k = ask_new(page);
    if (!k) return ERR_NOMEM;
    const struct eng_approvals_list_args args = cli_form_approvals(page);
    return ask_end(k, eng_approvals_list(engine, &k->eng, &args));
}

static enum err page_decide(struct tp_page *page)
{
    struct engine *engine = page->app;
    struct ask *k = ask_new(page);
    struct eng_approval_decide_args *args =
        ARENA_NEW(&page->arena, struct eng_approval_decide_args);
    if (!k || !args) return ERR_NOMEM;
    enum err e = cli_form_decision(page, args);
    return e ? e : ask_end(k, eng_approval_decide(engine, &k->eng, args));
}

/* Who gets here has the operator's token: that is the answer. */
static enum err page_operator(struct tp_page *page)
{
    buf_puts(&page->body, "{\"operator\":true}");
    return OK;
}

/* --- care ------------------------------------------------------------------
 */

struct named {
    struct slice name;
};

static enum err named_problem(struct tp_page *page, enum err e,
                              struct slice name)
{
    return problem_setf(&page->problem, &page->arena, e, SLICE(""),
                        SLICE("GET /api/status and /metrics name those there "
                              "are; without a name all are meant."),
                        "there is none of the name \"%.*s\"",
                        SLICE_ARG(slice_sub(name, 0, 80)));
}

static const struct mcp_field cache_fields[] = {
    {.name = "cache",
     .type = MCP_FIELD_STRING,
     .offset = offsetof(struct named, name),
     .description = ""},
    {0}};

static enum err page_clear_cache(struct tp_page *page)
{
    struct named given = {0};
    struct json_writer w = json_writer(&page->body);
    enum err e = cli_form_read(page, cache_fields, &given, sizeof(given));
    if (e) return e;
    json_begin_object(&w);
    json_key(&w, SLICE("cleared"));
    json_begin_object(&w);
    e = eng_clear_caches(page->app, given.name, &w);
    if (e) return named_problem(page, e, given.name);
    json_end_object(&w);
    json_end_object(&w);
    log_info("admin", "caches cleared", LOG_S("cache", given.name));
    return OK;
}

static const struct mcp_field breaker_fields[] = {
    {.name = "provider",
     .type = MCP_FIELD_STRING,
     .offset = offsetof(struct named, name),
     .description = ""},
    {0}};

static enum err page_reset_breaker(struct tp_page *page)
{
    struct named given = {0};
    enum err e = cli_form_read(page, breaker_fields, &given, sizeof(given));
    if (e) return e;
    e = providers_reset(eng_providers(page->app), given.name, clock_now());
    if (e) return named_problem(page, e, given.name);
    buf_puts(&page->body, "{\"reset\":true}");
    log_info("admin", "breaker reset", LOG_S("provider", given.name));
    return OK;
}

const struct tp_route cli_api_rows[] = {
    {"/api/sessions", TP_GET, page_sessions, TP_READS, TP_ON_WORKER},
    {"/api/sessions/{}", TP_GET, page_session, TP_READS, TP_ON_WORKER},
    {"/api/sessions/{}/report", TP_GET, page_report, TP_READS, TP_ON_WORKER},
    {"/api/approvals", TP_GET, page_approvals, TP_READS, TP_ON_WORKER},
    {"/api/approvals", TP_POST, page_decide, TP_OPERATOR, TP_ON_WORKER},
    {"/api/operator", TP_POST, page_operator, TP_OPERATOR, TP_ON_LOOP},
    {"/api/admin/clear-cache", TP_POST, page_clear_cache, TP_OPERATOR,
     TP_ON_WORKER},
    {"/api/admin/reset-breaker", TP_POST, page_reset_breaker, TP_OPERATOR,
     TP_ON_WORKER},
    {NULL, 0, NULL, TP_OPEN, TP_ON_LOOP},
};
