/* approvals: what the operator's page asks for and sends: a query string, a
 * line's end, and the form of a decision. What is taken is within its bounds,
 * and what is not is told. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/dashboard_form.h"

#define NEED(cond)                                                             \
    do {                                                                       \
        if (!(cond)) abort();                                                  \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct slice s)
{
    NEED(slice_utf8_valid(s) == s.n && slice_find_byte(s, '\0') == s.n);
}

static void check_query(struct tp_page *page)
{
    struct eng_approvals_list_args args = cli_form_approvals(page);
    check_text(args.session_id);
    check_text(args.workflow_type);
    check_text(args.cursor);
}

static void check_decision(struct tp_page *page)
{
    struct eng_approval_decide_args args = {0};
    enum err e = cli_form_decision(page, &args);
    if (e) {
        NEED(e == ERR_NOMEM || (page->problem.err && page->problem.what.n));
        return;
    }
    NEED(args.session_id.n && args.phase >= 0 && args.event_id >= 1);
    NEED(slice_utf8_length(args.person) - 1 < 200);
    NEED(slice_utf8_length(args.comment) <= 4000);
    NEED(slice_eq(args.channel, SLICE("dashboard")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct tp_page page = {0};
    (void)slice_split(&text, '\n', &page.query);
    page.message = text;
    arena_init(&page.arena, 64u << 20);
    problem_init(&page.problem);
    check_query(&page);
    check_decision(&page);
    arena_done(&page.arena);
    return 0;
}
