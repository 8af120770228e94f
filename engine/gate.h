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
enum eng_gate_source {
    ENG_GATE_FILE,
    ENG_GATE_METADATA,
    ENG_GATE_NONE,
    ENG_GATE_TASKS_MD
};

/* What stands behind a field's value, weakest first: engine/proof.c. */
enum eng_rung {
    ENG_CLAIMED, /* the agent says so */
    ENG_CLIENT,  /* its client says that its user said so */
    ENG_FILE,    /* a file of the project, read by the server */
    ENG_COMMAND, /* a command of the workflow's author, run by the server */
    ENG_CI,      /* a result that a key of the project has signed */
    ENG_HUMAN,   /* a person approved it, outside the agent's channel */
    ENG_RUNG_COUNT
};

struct eng_pattern; /* engine/pattern.h */
struct eng_look;    /* engine/look.h */

/* What `file:` of a field asks for. */
struct eng_file_demand {
    struct slice path;  /* empty: the agent names it */
    struct slice under; /* a folder it has to lie in; empty: the project */
    const struct eng_pattern *pattern; /* NULL: any content */
    struct slice pattern_text;
    int64_t min_bytes, max_bytes;
    bool newer; /* than the phase's start */
};
/* How a value is read from what was printed, or from a file. */
enum eng_value_from {
    ENG_VALUE_NONE, /* true: it ran and ended as demanded */
    ENG_VALUE_REGEX,
    ENG_VALUE_JSON,
    ENG_VALUE_PYTEST,
    ENG_VALUE_JUNIT,
    ENG_VALUE_FROM_COUNT
};
struct eng_value_demand {
    enum eng_value_from from;
    struct slice text; /* the pattern, the pointer, the count's name */
    struct slice path; /* of the file; empty: what was printed */
    const struct eng_pattern *pattern;
};
struct eng_command {
    const char *const *argv; /* NULL-ended */
    const char *const *env;  /* "NAME=value", NULL-ended */
    size_t argc;
    struct slice folder; /* below the project; empty: its root */
    int64_t timeout_ms, output_max, exit;
    int64_t cpu_s, memory_bytes, file_bytes, files, processes;
    struct eng_value_demand value;
    const struct slice *inputs; /* files it reads; they have to stay still */
    size_t inputs_count;
};
struct eng_ci_demand {
    struct slice path, signature, identity;
    struct slice keys;    /* one in a line */
    struct slice signers; /* as ssh-keygen reads them: identity and keys */
    struct slice time; /* where the result says when; empty: any time will do */
    struct eng_value_demand value;
};
/* "claimed", "human". */
struct slice eng_rung_name(enum eng_rung r);
bool eng_rung_parse(struct slice name, enum eng_rung *ret);
/* What the agent is told beforehand; empty: nothing needs saying. */
struct slice eng_rung_words(enum eng_rung r);

struct eng_validator; /* engine/validator.h: a named check or an expression */
struct eng_expr;      /* engine/expr.h */
struct eng_source;    /* engine/lint.h: a file and its text */
struct eng_report;    /* engine/lint.h: collects findings */

struct eng_field {
    struct slice name, description;
    enum eng_type type;
    bool required;
    enum eng_expect expect; /* what is demanded, stated or by default */
    bool expect_stated;     /* the file said it */
    const struct eng_validator *validator; /* NULL: none */
    enum eng_rung rung;                    /* the proof it demands */
    bool fresh; /* a change of the proven file reopens the phase */
    const struct eng_file_demand *file; /* of its rung, else NULL */
    const struct eng_command *command;
    const struct eng_ci_demand *ci;
};
/* A sentence about several fields, judged when each by itself is there and of
 * its type. */
struct eng_rule {
    const struct eng_expr *expr;
    struct slice text, message;
};
/* What a plan's gate demands: one sentence, answered with true. */
struct eng_gate_item {
    struct slice text;
    struct slice key; /* its slug; empty when two items would share it */
};
struct eng_gate {
    enum eng_gate_source source;
    bool strict;        /* as decided, not as absent */
    bool strict_stated; /* the file said it (as-written mode wants to know) */
    bool enabled;       /* false counts in as-written mode only */
    bool approval_required;         /* by the gate as a whole, or by a field */
    bool runs_commands;             /* trust is asked for */
    const struct eng_field *fields; /* in file order */
    size_t fields_count;
    const struct eng_rule *rules; /* cross-field */
    size_t rules_count;
    const struct eng_gate_item *items; /* of a plan: fields[0] answers them */
    size_t items_count;
    const struct slice *task_ids; /* of the plan's phase */
    size_t task_ids_count;
};
/* "boolean", "integer", ...; "any" for ENG_ANY. */
struct slice eng_type_name(enum eng_type t);
/* "file", "metadata", "none", "tasks.md". */
const char *eng_gate_source_name(enum eng_gate_source s);

/* Parses a gate file. What is wrong with it goes to the report with file, line
 * and column; NULL when an error was among it, or out of memory (then
 * r->failed). arena of the report */
const struct eng_gate *eng_gate_parse(const struct eng_source *src,
                                      struct eng_report *r);
/* The gate of a phase without a file: each listed name required, any type,
 * nothing empty, strict. NULL: out of memory. */
const struct eng_gate *eng_gate_of_names(const struct slice *names,
                                         size_t count, struct arena *a);
/* The gate of a plan's phase: validation_gate answers each item with true, as
 * a list in their order or an object by number or key; tasks_completed may
 * list ids. Keeps what it is given. NULL: out of memory. */
const struct eng_gate *eng_gate_of_items(const struct slice *texts,
                                         size_t count, const struct slice *ids,
                                         size_t ids_count, struct arena *a);
/* The gate of a phase that has neither: something must be said. Static. */
const struct eng_gate *eng_gate_of_nothing(void);

enum eng_verdict_kind {
    ENG_MISSING,
    ENG_WRONG_TYPE,
    ENG_EXPECTATION,
    ENG_VALIDATOR,
    ENG_CROSS_FIELD,
    ENG_UNKNOWN_FIELD,
    ENG_NO_DEMAND,   /* the gate asks for nothing: said, never a refusal */
    ENG_NO_EVIDENCE, /* a phase without a gate wants something non-null */
    ENG_UNPROVEN,    /* the proof a field demands is not there */
    ENG_REJECTED,    /* a person said no */
    ENG_VERDICT_KIND_COUNT
};
struct eng_verdict_item {
    enum eng_verdict_kind kind;
    bool blocks;                /* else a warning */
    struct slice field;         /* empty: the evidence as a whole */
    struct slice code;          /* "MISSING", "WRONG_TYPE", ... */
    struct slice message;       /* expected boolean, got string "true" */
    struct slice how_to_fix;    /* Send "index_created": true */
    struct slice expected, got; /* ENG_WRONG_TYPE: type names */
    struct slice rule;          /* what failed: "must be true", "positive" */
};
struct eng_verdict {
    bool passed;
    const char *source; /* "file", "metadata", "none", "tasks.md" */
    const char *mode;   /* "strict", "lenient", "as-written" */
    const struct eng_verdict_item *items; /* in the order of the gate */
    size_t count;
};

/* What came of the proof of one field. */
struct eng_proof {
    enum {
        ENG_AS_SENT,     /* nothing was measured: the value counts as sent */
        ENG_PROVEN,      /* and `value`, when there is one, is what counts */
        ENG_NOT_PROVEN,  /* blocks, whatever the gate says */
        ENG_TO_BE_PROVEN /* judged when it is known */
    } state;
    const struct json *value; /* measured; NULL: as sent */
    struct slice detail;      /* in words */
    struct slice how_to_fix;  /* of ENG_NOT_PROVEN; detail says why */
    struct slice members;     /* more, as JSON members without braces */
    int run_end;              /* enum run_end, of a command */
    const struct eng_look *files; /* it rests on, without their content */
    size_t files_count;
};

struct eng_check {
    struct slice root; /* canonical project root, for file_exists */
    const struct eng_proof *proofs; /* of the gate's fields; NULL: as sent */
    bool as_written;
    const struct cancel *cancel;
};
/* What no gate is asked about: no object (EVIDENCE_NOT_OBJECT), over 10 MiB as
 * received (EVIDENCE_TOO_LARGE), the same key twice anywhere
 * (INVALID_PARAMETER). NULL evidence is MISSING_PARAMETER. */
MUST_USE enum err eng_evidence_check(const struct json *evidence,
                                     struct arena *a, struct problem *p);
/* Judges evidence (an object). Reads files only for validators that say so.
 * ERR_NOMEM, ERR_CANCELLED, ERR_DEADLINE; a refusal is OK with passed false.
 * Thread: worker. arena */
MUST_USE enum err eng_gate_check(const struct eng_gate *g,
                                 const struct json *evidence,
                                 const struct eng_check *how, struct arena *a,
                                 struct eng_verdict *ret);
/* One more finding behind the others. */
MUST_USE enum err eng_verdict_add(struct eng_verdict *v,
                                  const struct eng_verdict_item *item,
                                  struct arena *a);
/* Members for the open object: "errors":[{field,code,message,how_to_fix}],
 * "warnings":[{field,code,message}],"missing":[names],
 * "wrong_type":[{field,expected,got}],"failed":[{field,rule,message}],
 * "unknown_fields":[names],"expected_fields":[{name,type,required,expect?,
 * description}],"gate":{source,mode}, and "next_steps":[texts] when the gate
 * refused. `passed` is the caller's to write. */
void eng_verdict_write(const struct eng_verdict *v, const struct eng_gate *g,
                       struct json_writer *w);
/* One value:
 * {"strict","approval_required","source","evidence":[{name,type,required,
 *  expect?,description,proof}],"items"?:[{number,key?,text}]} */
void eng_gate_write(const struct eng_gate *g, struct json_writer *w);

#endif
