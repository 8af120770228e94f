/*
 * metadata: metadata.json, its fields as rows, into structs. Says what is
 * wrong with the document by itself (types, missing fields, numbers that do
 * not follow on each other); what it says about other files is the business
 * of engine/definition.c.
 *
 * Unknown fields are kept in the document and never an error.
 * Needs base/. Thread: any; the result is immutable. arena of the report
 */
#ifndef ENGINE_METADATA_H
#define ENGINE_METADATA_H

#include "engine/lint.h"

struct eng_texts {
    const struct slice *items;
    size_t count;
};
struct eng_meta_task {
    const struct json *node;
    int64_t number; /* < 0: not usable, reported */
    struct slice name, file, purpose, estimated_time;
};
struct eng_meta_phase {
    const struct json *node;
    bool dynamic;   /* the "<k>-N" entry; number is k */
    int64_t number; /* < 0: not usable, reported */
    struct slice name, purpose, estimated_effort, phase_file;
    struct eng_texts deliverables, criteria;
    bool has_evidence; /* checkpoint.required_evidence is there */
    struct eng_texts evidence;
    bool has_tasks;              /* a list, be it empty */
    struct eng_meta_task *tasks; /* by number */
    size_t tasks_count;
};
struct eng_metadata {
    const struct json *document;
    struct slice workflow_type, name, version, description, category,
        estimated_duration;
    bool dynamic_phases; /* dynamic_phases: true */
    bool total_dynamic;  /* total_phases: "dynamic" */
    bool dynamic;        /* either */
    int64_t total;       /* INT64_MIN: not a number */
    int64_t start;       /* INT64_MIN: not stated */
    struct eng_texts outputs;
    const struct json *dynamic_config;
    struct eng_meta_phase *phases; /* by number, the dynamic entry last */
    size_t phases_count;
};

/* Reads the document. False: it is no object at all, or out of memory
 * (r->failed); what else is wrong is only in the report. */
bool eng_metadata_read(const struct eng_source *src, struct eng_report *r,
                       struct eng_metadata *ret);

#endif
