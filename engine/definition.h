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
#include "engine/watch.h"

struct eng_gate; /* engine/gate.h */

/* --- a set of files ---------------------------------------------------- */
struct eng_file {
    struct slice path; /* relative to the workflow's folder, '/' */
    struct slice text;
    bool unread; /* a gate that is no file of this folder; no text */
};
struct eng_files {
    struct slice workflow_type; /* the folder's name */
    struct slice folder;        /* absolute, for messages; empty when pinned */
    struct eng_file *files;     /* sorted by path */
    size_t count;
    /* The plan of a dynamic workflow's session, its path relative to the
     * project; an empty path: none. It is packed and hashed like a file. */
    struct eng_file source;
};
/* Reads a workflow folder: metadata.json, *.md, and all below phases, core and
 * supporting-docs, four folders deep. Regular files inside the folder only (a
 * symbolic link that leaves it, a FIFO, a device, a name with a leading dot
 * are left out, and so is what is no UTF-8 text outside phases). At most
 * 4,096 files and 32 MiB together. ERR_NOT_FOUND without the folder or its
 * metadata.json, ERR_TOO_LARGE, ERR_IO, each with the problem filled.
 * Thread: worker (file I/O). arena */
MUST_USE enum err eng_files_read(struct slice folder, struct arena *a,
                                 struct problem *p, struct eng_files *ret);
/* The file of that path, or NULL. */
const struct eng_file *eng_files_find(const struct eng_files *f,
                                      struct slice path);
/* One JSON document with all texts, and back: what the store keeps. The texts
 * may be slices of `body`. ERR_PARSE when it is not such a document. */
void eng_files_pack(const struct eng_files *f, struct buf *out);
MUST_USE enum err eng_files_unpack(struct slice body, struct arena *a,
                                   struct eng_files *ret);
/* SHA-256 over the length-prefixed paths and texts, hex (64 bytes). */
struct slice eng_files_hash(const struct eng_files *f, struct arena *a);
/* Is that their hash? Needs no memory. */
bool eng_files_are(const struct eng_files *f, struct slice hash);

/* --- findings ---------------------------------------------------------- */
enum eng_level { ENG_ERROR, ENG_WARNING, ENG_NOTE };
struct eng_finding {
    const char *code; /* "TASK_FILE_MISSING": a row of engine/lint.h */
    enum eng_level level;
    struct slice file;     /* relative; empty: the folder */
    uint32_t line, column; /* 0: none */
    struct slice message;
    struct slice how_to_fix;
};

/* --- the definition ---------------------------------------------------- */
struct eng_task {
    int64_t number;
    struct slice id; /* "1.2" in a dynamic phase; empty */
    struct slice name;
    struct slice file;    /* "task-1-x.md"; empty in a dynamic phase */
    struct slice content; /* the file, byte for byte; rendered when dynamic */
    struct slice source_text; /* its own lines of the plan; dynamic only */
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
    bool dynamic;                /* it came from the source */
    int64_t source_number;       /* its number there */
};
/* What a dynamic workflow's metadata says about the phases that come from a
 * plan; the plan itself belongs to the session. */
struct eng_dynamic {
    struct slice source_type;     /* "spec_tasks_md", "workflow_definition" */
    struct slice source_path_key; /* the key of `options` with the path */
    struct slice parser;
    struct slice phase_template_file, task_template_file;
    struct slice phase_template, task_template; /* texts, byte for byte */
    /* of the "<k>-N" entry, if there is one: they describe each phase */
    int64_t from; /* k; 0 without such an entry */
    struct slice name, purpose, estimated_effort;
    const struct slice *deliverables;
    size_t deliverables_count;
};
struct eng_definition {
    struct slice hash;       /* hex; of the files and the source */
    struct slice files_hash; /* of the files alone: the same without a source */
    struct slice workflow_type, name, version, description, category,
        estimated_duration;
    bool dynamic;
    const struct eng_dynamic *dynamic_config; /* NULL when not dynamic */
    int64_t start_phase; /* the stated one, else the smallest number */
    const struct eng_phase *phases; /* static ones, then the source's */
    size_t phases_count;
    const struct json *metadata; /* whole; unknown fields are kept */
    const struct eng_finding *findings;
    size_t findings_count, errors_count;
    struct eng_files files;
    /* private */
    struct arena arena; /* everything above lies here */
    _Atomic uint32_t references;
    /* When the folder on disk was last found equal, and the watcher's stamp
     * from before; 0: never or not so. The catalog's. */
    struct eng_vouch settled;
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
/* A task-<number>-*.md of the phase that its task list does not name, or
 * NULL: for the refusal of an unknown task number. */
const struct eng_file *eng_phase_unlisted(const struct eng_definition *d,
                                          int64_t phase, int64_t number);
/* Fills a WORKFLOW_INVALID problem that lists every error with file and line;
 * its `extra` holds them as "problems":[...]. */
enum err eng_definition_problem(const struct eng_definition *d, struct arena *a,
                                struct problem *p);

#endif
