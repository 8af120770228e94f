#include "cli/dashboard_form.h"

#include <stddef.h>

int64_t cli_form_number(struct tp_page *page, const char *name, int64_t none)
{
    int64_t n;
    struct slice text = tp_query(page, name);
    return text.n && slice_int64(text, &n) ? n : none;
}

enum err cli_form_read(struct tp_page *page, const struct mcp_field *fields,
                       void *ret, size_t size)
{
    const struct json *v;
    struct json_error je;
    enum err e = json_parse(page->message, NULL, &page->arena, &v, &je);
    if (e)
        return problem_setf(&page->problem, &page->arena, e, SLICE(""),
                            SLICE("Send one JSON object."),
                            "the body is no JSON: %s at byte %zu", je.what,
                            je.at);
    return mcp_fields_parse(fields, v, &page->arena, ret, size, &page->problem);
}

/* --- approvals ----------------------------------------------------------- */

struct eng_approvals_list_args cli_form_approvals(struct tp_page *page)
{
    return (struct eng_approvals_list_args){
        .session_id = tp_query(page, "session_id"),
        .workflow_type = tp_query(page, "workflow_type"),
        .limit = cli_form_number(page, "limit", 0),
        .cursor = tp_query(page, "cursor")};
}

struct decision {
    struct slice session_id, decision, person, comment;
    int64_t phase, event_id;
};
static const char *const decisions[] = {"approve", "reject", NULL};
#define MEMBER(name_, type_, ...)                                              \
    {                                                                          \
        .name = #name_, .type = MCP_FIELD_##type_,                             \
        .offset = offsetof(struct decision, name_), .required = true,          \
        .description = "", __VA_ARGS__                                         \
    }
static const struct mcp_field decision_fields[] = {
    MEMBER(session_id, STRING, .min = 1),
    MEMBER(phase, INTEGER, .min = 0),
    MEMBER(event_id, INTEGER, .min = 1),
    MEMBER(decision, STRING, .choices = decisions),
    MEMBER(person, STRING, .min = 1, .max = 200),
    MEMBER(comment, STRING, .max = 4000),
    {0}};

enum err cli_form_decision(struct tp_page *page,
                           struct eng_approval_decide_args *ret)
{
    struct decision given = {0};
    enum err e = cli_form_read(page, decision_fields, &given, sizeof(given));
    if (e) return e;
    *ret = (struct eng_approval_decide_args){
        .session_id = given.session_id,
        .phase = given.phase,
        .event_id = given.event_id,
        .approve = slice_eq(given.decision, SLICE("approve")),
        .person = given.person,
        .channel = SLICE("dashboard"),
        .comment = given.comment};
    return OK;
}
