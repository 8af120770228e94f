/*
 * fields: one description of a JSON object, many uses. Rows check and parse
 * arguments into a C struct and print the inputSchema that announces them.
 *
 * Refused, each naming the field and what is accepted: missing, wrong type,
 * out of range, not in the list, NUL in a text, the same key twice (in an
 * OBJECT at any depth), unknown keys (with the nearest known name). Integers
 * also as 1.0, never 1.9 or "1". null for a field that may be absent is
 * absent: several clients write it so.
 *
 * Rows are meant to be written with designated initialisers:
 *   {"phase", MCP_FIELD_INTEGER, offsetof(struct args, phase),
 *    .description = "Default: the current one.", .def = -1}
 * All texts are slices of the message or the arena. Thread: any.
 */
#ifndef MCP_FIELDS_H
#define MCP_FIELDS_H

#include "base/json.h"
#include "base/json_write.h"
#include "base/problem.h"
#include "mcp/face.h"

/* Parses `object` (NULL: {}; another type is refused) into `ret_args`, zeroed
 * first. The first finding
 * fills the problem: ERR_MISSING_PARAMETER, ERR_INVALID_PARAMETER or the
 * row's own; ERR_NOMEM. The problem's extra names the field. */
MUST_USE enum err mcp_fields_parse(const struct mcp_field *fields,
                                   const struct json *object, struct arena *a,
                                   void *ret_args, size_t args_size,
                                   struct problem *p);
/* {"type":"object","properties":{...},"required":[...],
 *  "additionalProperties":false}. `fields` NULL: no arguments. */
void mcp_fields_schema(const struct mcp_field *fields, struct json_writer *w);

#endif
