/*
 * gate: what evidence a phase demands, and the verdict on evidence given.
 *
 * Parsed once from gate-definition.yaml (or metadata's required_evidence, or
 * nothing, or a plan's items), immutable, shared without a lock. Whatever a
 * file says, a required field that is missing and a field of the wrong type
 * always block. A gate that cannot be evaluated blocks; nothing skipped,
 * unknown or failed to run is ever a pass.
 */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/json.h"
#include "base/json_write.h"
#include "engine/definition.h"

enum eng_type {
    ENG_ANY, /* required_evidence without a gate file */
    ENG_BOOLEAN,
    ENG_INTEGER,
    ENG_NUMBER,
    ENG_STRING,
    ENG_OBJECT,
    ENG_LIST,
    ENG_TYPE_COUNT
};
enum eng_expect { ENG_EXPECT_NONE, ENG_EXPECT_TRUE, ENG_EXPECT_FALSE };
enum eng_gate_source { ENG_GATE_FILE, ENG_GATE_METADATA, ENG_GATE_NONE,
                       ENG_GATE_TASKS_MD };

struct eng_validator; /* engine/validator.h: a named check or an expression */

struct eng_field {
    struct slice name, description;
    enum eng_type type;
    bool required;
    enum eng_expect expect;
    const struct eng_validator *validator; /* NULL: none */
    struct slice proof; /* "claimed" until the proof ladder says more */
};
struct eng_gate {
    enum eng_gate_source source;
    bool strict;        /* as decided, not as absent */
    bool strict_stated; /* the file said it (as-written mode wants to know) */
    bool enabled;
    bool approval_required;
    const struct eng_field *fields; /* in file order */
    size_t fields_count;
    const struct eng_rule *rules; /* cross-field; private to gate.c */
    size_t rules_count;
};

/* Parses a gate file. Findings (GATE_BROKEN and its kin, with file and line)
 * are appended through `report`; a gate with an error gives NULL. arena */
struct eng_report; /* engine/lint.h: collects findings */
const struct eng_gate *eng_gate_parse(struct slice file, struct slice text,
                                      struct arena *a, struct eng_report *r);

enum eng_verdict_kind {
    ENG_MISSING,
    ENG_WRONG_TYPE,
    ENG_EXPECTATION,
    ENG_VALIDATOR,
    ENG_CROSS_FIELD,
    ENG_UNKNOWN_FIELD,
    ENG_NO_EVIDENCE, /* a phase without a gate wants something non-null */
    ENG_VERDICT_KIND_COUNT
};
struct eng_verdict_item {
    enum eng_verdict_kind kind;
    bool blocks;         /* else a warning */
    struct slice field;
    struct slice code;   /* "MISSING", "WRONG_TYPE", ... */
    struct slice message;    /* expected boolean, got string "true" */
    struct slice how_to_fix; /* Send "index_created": true */
};
struct eng_verdict {
    bool passed;
    const char *source; /* "file", "metadata", "none", "tasks.md" */
    const char *mode;   /* "strict", "lenient", "as-written" */
    const struct eng_verdict_item *items; /* in the order of the gate */
    size_t count;
};

struct eng_check {
    struct slice root;   /* canonical project root, for file_exists */
    bool as_written;
    const struct cancel *cancel;
};
/* Judges evidence (an object). Reads files only for validators that say so.
 * ERR_NOMEM, ERR_CANCELLED, ERR_DEADLINE; a refusal is OK with passed false.
 * Thread: worker. arena */
MUST_USE enum err eng_gate_check(const struct eng_gate *g,
                                 const struct json *evidence,
                                 const struct eng_check *how, struct arena *a,
                                 struct eng_verdict *ret);
/* "errors":[...],"warnings":[...],"missing":[...],"wrong_type":[...],
 * "failed":[...],"unknown_fields":[...],"expected_fields":[...],
 * "gate":{...},"next_steps":[...] */
void eng_verdict_write(const struct eng_verdict *v, const struct eng_gate *g,
                       struct json_writer *w);
/* {"strict","approval_required","source","evidence":[{name,type,required,
 *  expect?,description,proof}]} */
void eng_gate_write(const struct eng_gate *g, struct json_writer *w);

#endif
