/*
 * gate_read: what the readers of a gate file share. A mapping of the file is
 * read by the rows of its keys; `take` stores the value. A row without `take`
 * is a key that is refused or ignored, with the words to say so.
 */
#ifndef ENGINE_GATE_READ_H
#define ENGINE_GATE_READ_H

#include "engine/gate.h"
#include "engine/lint.h"
#include "engine/validator.h"

struct gate_reading {
    const struct eng_source *src;
    struct eng_report *r;
    struct arena *a;
    struct eng_gate *gate;
    struct eng_own_validator *own;
    size_t own_count;
    bool strict; /* unknown keys that ask for something are errors */
    const struct json *lowest; /* checkpoint.proof */
    enum eng_rung lowest_rung;
};

/* A field of evidence_schema while it is read. */
struct gate_field {
    struct eng_field field;
    const struct json *expect, *validator, *params;
    const struct json *proof, *file, *command, *ci, *fresh;
};

#define GATE_BROKEN(in, at, mend, ...)                                         \
    eng_report_mend((in)->r, LINT_GATE_BROKEN, (in)->src, (at), SLICE(mend),   \
                    __VA_ARGS__)

struct gate_key {
    struct slice name;
    void (*take)(struct gate_reading *in, const struct json *v, void *into);
    enum eng_lint code; /* without take */
    struct slice says;
};
struct gate_mapping {
    const char *what;
    bool asks; /* an unknown key may have been meant to ask for something */
    const struct gate_key *keys;
    size_t count;
};
#define GATE_MAPPING(what, asks, keys)                                         \
    {                                                                          \
        what, asks, keys, sizeof(keys) / sizeof(*(keys))                       \
    }

void eng__gate_mapping(struct gate_reading *in, const struct gate_mapping *m,
                       const struct json *v, void *into);
/* true, false; yes, no, on, off with a note. Else reports. */
bool eng__gate_bool(struct gate_reading *in, const struct json *v,
                    const char *what, bool *ret);
bool eng__gate_need(struct gate_reading *in, const struct json *v,
                    enum json_type type, const char *what);

/* engine/gate_proof.c: `into` is a struct gate_field. */
void eng__gate_take_proof(struct gate_reading *in, const struct json *v,
                          void *into);
void eng__gate_take_file(struct gate_reading *in, const struct json *v,
                         void *into);
void eng__gate_take_command(struct gate_reading *in, const struct json *v,
                            void *into);
void eng__gate_take_ci(struct gate_reading *in, const struct json *v,
                       void *into);
void eng__gate_take_fresh(struct gate_reading *in, const struct json *v,
                          void *into);
/* When all keys of the field are known. */
void eng__gate_settle_proof(struct gate_reading *in, struct gate_field *f);
/* `into` is the gate: the least that every required field demands. */
void eng__gate_take_lowest(struct gate_reading *in, const struct json *v,
                           void *into);
void eng__gate_settle_lowest(struct gate_reading *in);

#endif
