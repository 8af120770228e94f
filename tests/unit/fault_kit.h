/*
 * fault_kit: an operation, once with each of its allocations failing, and once
 * more with all that follow failing too; and the same with the calls that
 * SQLite makes to its files, on connections that have just been opened.
 * Those that the same calls lead to count as one. Each time: the answer is
 * whole (what only reads answers the same each time), or it says what failed
 * and nothing was stored, and the same call works when all is well again. The
 * record is intact at the end; after each failure of a disk, and holds exactly
 * what was answered, also for who opens it anew.
 */
#ifndef TESTS_UNIT_FAULT_KIT_H
#define TESTS_UNIT_FAULT_KIT_H

#include "engine/approval.h"
#include "engine/trust.h"
#include "tests/unit/session_kit.h"

struct fault {
    struct fixture f;
    struct slice id;         /* of a session; empty: none yet */
    int64_t n;               /* how often the call has succeeded */
    const struct json *json; /* these are the row's */
    struct slice text;
    int64_t number;
    struct slice answer; /* private, both */
    struct slice record;
    bool warm;           /* the caches are not emptied before each call */
    union {
        struct eng_list_workflows_args list_workflows;
        struct eng_validate_workflow_args validate_workflow;
        struct eng_create_workflow_args create_workflow;
        struct eng_start_workflow_args start_workflow;
        struct eng_get_phase_args get_phase;
        struct eng_get_task_args get_task;
        struct eng_complete_phase_args complete_phase;
        struct eng_get_session_args get_session;
        struct eng_manage_session_args manage_session;
        struct eng_claim_task_args claim_task;
        struct eng_release_task_args release_task;
        struct eng_verify_args verify;
        struct eng_report_args report;
        struct eng_export_args export;
        struct eng_import_args import;
        struct eng_remove_session_args remove_session;
        struct eng_list_sessions_args list_sessions;
        struct eng_search_args search;
        struct eng_list_standards_args list_standards;
        struct eng_read_standard_args read_standard;
        struct eng_list_files_args list_files;
        struct eng_approvals_list_args approvals_list;
        struct eng_approval_decide_args approval_decide;
        struct eng_trust_list_args trust_list;
        struct eng_trust_give_args trust_give;
    } args;
};

/* FAULT_CALL(pause_it, manage_session, .session_id = t->id, ...): a function
 * pause_it for a row's `call`. */
#define FAULT_CALL(name, op, ...)                                              \
    static enum err name(struct fault *t, struct eng_call *c)                  \
    {                                                                          \
        t->args.op = (struct eng_##op##_args){__VA_ARGS__};                    \
        return eng_##op(t->f.engine, c, &t->args.op);                          \
    }

struct fault_op {
    const char *name;
    /* The project's files, the engine; NULL: fault_begin. */
    void (*begin)(struct fault *t);
    /* What the call needs to succeed, made anew after each success. NULL:
     * nothing. */
    void (*ready)(struct fault *t);
    enum err (*call)(struct fault *t, struct eng_call *c);
    /* What it answers when nothing fails; OK when left out. */
    enum err want;
    bool varies; /* the answer holds the time it was given at */
    size_t step; /* of a slow one each so-many-eth allocation; 0: each */
    bool twice;  /* what was stored and not told is found by the next call */
    bool tells;  /* what fails may be told in its answer */
    bool keeps;  /* a call that succeeds adds nothing to the record */
};

/* kit_workflows and a session of three_v1. */
void fault_begin(struct fault *t);
/* Another session of three_v1, whose phase 0 is current. */
void fault_session(struct fault *t);
/* Judges the row: without memory. */
void fault_run(const struct fault_op *op);
/* Without a disk. Of the calls that differ a few are taken, with --long all. */
void fault_disk_run(const struct fault_op *op);

#endif
