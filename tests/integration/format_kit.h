/*
 * format_kit: the real workflows, plans and sessions behind a real server,
 * for the acceptance cases of the workflow format. Tests that carry a case's
 * number in a comment ("format D12") have the document's values.
 */
#ifndef TESTS_INTEGRATION_FORMAT_KIT_H
#define TESTS_INTEGRATION_FORMAT_KIT_H

#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

/* A server on a new project with its own copy of the real workflows in
 * `.phasegate/workflows`; further words for its command line, or NULL. */
struct server *format_serve(const char *const *more);
/* A real folder (or file), copied to project/to. */
void format_copy(const char *project, const char *real, const char *to);
/* Below .phasegate/workflows: the file's text where `from`, which must be
 * there, reads `to`. */
void format_edit(struct server *s, const char *file, const char *from,
                 const char *to);

/* structuredContent of a call with printf's arguments. */
const struct json *format_call(struct server *s, const char *tool,
                               const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* start_workflow; `options` NULL: none. The session's id. */
const char *format_start(struct server *s, const char *type,
                         const char *target, const char *options);
const struct json *format_complete(struct server *s, const char *id,
                                   int64_t phase, const char *evidence);
/* What passes the gate of this phase of a real workflow. */
const char *format_good(const char *type, int64_t phase);
/* "PHASE_LOCKED", or "". */
struct slice format_detail(const struct json *v);

#define AT_TEXT(v, ...) json_text(json_at((v), __VA_ARGS__, NULL))
#define AT_INT(v, ...) kit_int(json_at((v), __VA_ARGS__, NULL))
#define AT_TRUE(v, ...) json_is(json_at((v), __VA_ARGS__, NULL), JSON_TRUE)
#define AT_FALSE(v, ...) json_is(json_at((v), __VA_ARGS__, NULL), JSON_FALSE)

#endif
