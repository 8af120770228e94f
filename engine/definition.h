/*
 * definition: a workflow, read whole. Immutable once built, reference-counted,
 * named by the SHA-256 of its files. Built from a set of files in memory, so
 * that a folder on disk and a definition pinned in the store go through the
 * same code; lint is the list of findings the build makes on the way.
 *
 * Readers share a definition without a lock. Needs base/; no SQLite.
 */
#ifndef ENGINE_DEFINITION_H
#define ENGINE_DEFINITION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/problem.h"

struct eng_gate; /* engine/gate.h */

/* --- a set of files -------------------------------------------------------- */
struct eng_file {
    struct slice path; /* relative to the workflow's folder, '/' */
    struct slice text;
};
struct eng_files {
    struct slice workflow_type; /* the folder's name */
    struct slice folder;        /* absolute, for messages; empty when pinned */
    struct eng_file *files;     /* sorted by path */
    size_t count;
};
/* Reads a workflow folder (metadata.json, phases, core, supporting-docs, *.md):
 * regular files inside it only, at most 4,096 files and 32 MiB together.
 * ERR_NOT_FOUND without metadata.json. Thread: worker */
MUST_USE enum err eng_files_read(struct slice folder, struct arena *a,
                                 struct problem *p, struct eng_files *ret);
/* One JSON document with all texts, and back: what the store keeps. */
void eng_files_pack(const struct eng_files *f, struct buf *out);
MUST_USE enum err eng_files_unpack(struct slice body, struct arena *a,
                                   struct eng_files *ret);
/* SHA-256 over the length-prefixed paths and texts, hex (64 bytes). */
struct slice eng_files_hash(const struct eng_files *f, struct arena *a);

/* --- findings ---------------------------------------------------------------- */
enum eng_level { ENG_ERROR, ENG_WARNING, ENG_NOTE };
struct eng_finding {
    const char *code; /* "TASK_FILE_MISSING": a row of the lint table */
    enum eng_level level;
    struct slice file; /* relative; empty: the folder */
    uint32_t line, column; /* 0: none */
    struct slice message;
    struct slice how_to_fix;
};

/* --- the definition ------------------------------------------------------------ */
struct eng_task {
    int64_t number;
    struct slice id;   /* "1.2" in a dynamic phase; empty */
    struct slice name;
    struct slice file; /* "task-1-x.md"; empty in a dynamic phase */
    struct slice content; /* the file, byte for byte; rendered when dynamic */
    struct slice estimated_time;
    const struct slice *dependencies; /* texts */
    size_t dependencies_count;
    const struct slice *criteria;
    size_t criteria_count;
};
struct eng_phase {
    int64_t number;
    struct slice name, purpose, estimated_effort;
    struct slice content; /* phase.md, byte for byte */
    const struct slice *deliverables;
    size_t deliverables_count;
    const struct eng_task *tasks; /* by number */
    size_t tasks_count;
    const struct eng_gate *gate; /* never NULL in a valid definition */
};
struct eng_definition {
    struct slice hash; /* hex */
    struct slice workflow_type, name, version, description, category,
        estimated_duration;
    bool dynamic;
    int64_t start_phase;
    const struct eng_phase *phases; /* static ones, by number */
    size_t phases_count;
    const struct json *metadata; /* whole; unknown fields are kept */
    const struct eng_finding *findings;
    size_t findings_count, errors_count;
    struct eng_files files;
    /* private */
    struct arena arena; /* everything above lies here */
    _Atomic uint32_t references;
};

/* Builds from files, which it copies. Bad content is not a failure: the
 * definition then has errors_count > 0 and must not be started. ERR_NOMEM,
 * ERR_TOO_LARGE. Gives one reference. Thread: worker */
MUST_USE enum err eng_definition_build(const struct eng_files *f,
                                       struct eng_definition **ret);
struct eng_definition *eng_definition_ref(struct eng_definition *d);
void eng_definition_unref(struct eng_definition *d); /* NULL is fine */
size_t eng_definition_bytes(const struct eng_definition *d);
/* NULL when there is none of that number. */
const struct eng_phase *eng_definition_phase(const struct eng_definition *d,
                                             int64_t number);
const struct eng_task *eng_phase_task(const struct eng_phase *p,
                                      int64_t number);
/* Fills a WORKFLOW_INVALID problem that lists every error with file and line. */
enum err eng_definition_problem(const struct eng_definition *d,
                                struct arena *a, struct problem *p);

#endif
