/*
 * dashboard_form: what the operator's page sends, before anything is asked of
 * the engine. All of it lies in the page's arena.
 */
#ifndef CLI_DASHBOARD_FORM_H
#define CLI_DASHBOARD_FORM_H

#include "engine/approval.h"
#include "mcp/fields.h"
#include "transport/page.h"

/* A number of the query string; `none`: there is none, or it is no number. */
int64_t cli_form_number(struct tp_page *page, const char *name, int64_t none);
/* The message, a JSON object by these rows, into `ret` of `size` bytes.
 * ERR_NOMEM; ERR_PARSE, ERR_INVALID_PARAMETER and their like are told in
 * page->problem. */
MUST_USE enum err cli_form_read(struct tp_page *page,
                                const struct mcp_field *fields, void *ret,
                                size_t size);
/* GET /api/approvals. */
struct eng_approvals_list_args cli_form_approvals(struct tp_page *page);
/* POST /api/approvals. Errors as cli_form_read. */
MUST_USE enum err cli_form_decision(struct tp_page *page,
                                    struct eng_approval_decide_args *ret);

#endif
