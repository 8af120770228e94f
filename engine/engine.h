/*
 * engine: what phasegate does, without a protocol. Both transports, the
 * command line and the operator's pages call these functions; each writes the
 * result object of spec'd tools as JSON into the call's `out`.
 *
 * An operation returns
 *   OK           the result object is in call->out, whose own error says
 *                when it did not fit; what is written is answered whole
 *   ERR_AGAIN    only with call->on_loop: nothing done, ask on a worker
 *   ERR_PENDING  begun; call->done(call, e) follows exactly once, with OK or
 *                the error, from the writer or a worker
 *   another      call->problem is filled
 *
 * Writes on one session are a FIFO; reads of a session with writes pending
 * wait behind them; strangers never wait for each other. Readers never lock.
 * Needs state/ and base/; never mcp/, never libevent.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/json.h"
#include "base/once.h"
#include "base/pool.h"
#include "base/problem.h"
#include "base/progress.h"
#include "base/twin.h"
#include "engine/caches.h"
#include "engine/provider.h"
#include "engine/tally.h"
#include "engine/watch.h"
#include "state/cache_window.h"
#include "state/records.h"
#include "state/store.h"

struct engine;

enum eng_gate_mode { ENG_STRICT, ENG_AS_WRITTEN };

/* Makes vectors of texts: the optional endpoint of search. */
struct eng_vectors {
    const float *values; /* one after the other; arena */
    size_t dimension;
};
struct eng_embedder {
    struct slice model; /* vectors of another model are no use */
    int64_t wait_ns;    /* most time that a search waits for a vector */
    /* One attempt; keeps to its deadline, polls its cancel. On ANSWERED there
     * is a vector for each text. Thread: worker, several at a time */
    struct provider_ended (*embed)(void *ctx, const struct slice *texts,
                                   size_t count,
                                   const struct provider_attempt *at,
                                   struct arena *a, struct eng_vectors *ret);
    void *ctx;
};

/* What becomes of sessions in which nothing happens: engine/expire.h. */
struct eng_sessions_options {
    int64_t idle_expire_s;   /* 0: never */
    int64_t archive_after_s; /* 0: never */
    int64_t sweep_ms;        /* between two sweeps */
};

/* What is kept for idempotency keys. */
struct eng_answers_options {
    int64_t ttl_s;       /* 0: all the defaults: a day, 1,000, 64 MiB */
    int64_t per_session; /* answers */
    int64_t bytes;       /* in all */
};
/* What became of answers, since the start. X(symbol, name) */
#define ENG_ANSWER_ROWS(X)                                                     \
    X(STORED, "stored")                                                        \
    X(REPLAYED, "replayed")                                                    \
    X(CONFLICT, "conflict")                                                    \
    X(EXPIRED, "expired")                                                      \
    X(DROPPED, "dropped")
enum eng_answer {
#define ENG_ANSWER_ENUM(symbol, name) ENG_ANSWER_##symbol,
    ENG_ANSWER_ROWS(ENG_ANSWER_ENUM)
#undef ENG_ANSWER_ENUM
        ENG_ANSWER_COUNT
};
const char *eng_answer_name(enum eng_answer a);

struct eng_options {
    struct slice root;       /* canonical project root; empty: no project, and
                                operations answer ERR_NO_PROJECT */
    struct slice state_path; /* empty: <root>/.phasegate/state.db */
    const struct slice *workflows; /* definition roots, first wins */
    size_t workflows_count;
    const struct slice *standards;
    size_t standards_count;
    enum st_durability durability;
    uint32_t store_ms; /* wait for another process's write; 0: 5,000 */
    enum eng_gate_mode gate_mode;
    struct st_alerts alerts;                   /* all zero: the defaults */
    struct eng_answers_options answers;        /* all zero: the defaults */
    struct eng_sessions_options sessions;      /* all zero: never */
    struct eng_cache_options caches[ENG_CACHES]; /* zero: the defaults */
    const struct providers_options *providers; /* NULL: the defaults */
    /* Borrowed; NULL: search is by words alone. */
    const struct eng_embedder *embedder;
    struct eng_watch_options watch; /* its roots and `changed` are ours */
    struct pool *pool;              /* borrowed; outlives the engine */
    /* Of writes, gates' commands and embeddings: borrowed, outlive the engine;
     * NULL: nothing is bounded. */
    struct permits *permits;
    /* The program whose main calls run_warden (base/run.h); NULL: this one. */
    const char *helper;
    /* Which workflows a person trusts: engine/trust.h. Empty: none but the
     * shipped ones. */
    struct slice trust_path;
};

/* Thread: startup. Opens the store; definitions load on demand. */
MUST_USE enum err eng_open(const struct eng_options *o, struct arena *a,
                           struct problem *p, struct engine **ret);
/* No call in progress. NULL is fine. */
void eng_close(struct engine *e);
struct st_store *eng_store(struct engine *e);
/* The guards of what is called outside; for its operators too
 * (providers_stats, providers_reset). Never NULL. */
struct providers *eng_providers(struct engine *e);

#define ENG_PATIENT INT64_MAX

/* What an operation wants the caller's client to ask its user, when it has
 * ended with ERR_APPROVAL_PENDING; key empty: nothing. Made again with the
 * answer under the same key, it goes on. In the call's arena. */
struct eng_client_ask {
    struct slice key;
    struct slice form; /* of an MCP elicitation: message, requestedSchema */
};
struct eng_client_word {
    struct slice key, comment;
    enum { ENG_SAID_NOTHING, ENG_SAID_NO, ENG_SAID_YES } said;
};

/* One operation under way; embedded in the caller's call object, valid until
 * it has ended. */
struct eng_call {
    struct arena *arena; /* the call's; everything lies here */
    struct twin *out;    /* the result object */
    struct problem problem;
    const struct cancel *cancel;
    int64_t now;         /* monotonic ns */
    struct slice actor;  /* who asks, for the record: "stdio", "http", "cli" */
    int64_t patience_ms; /* to wait for a gate's commands; 0: 45,000;
                            ENG_PATIENT: as long as they may run together. The
                            cancel's deadline may come before */
    bool replayed;       /* the answer is the first one of its key */
    bool on_loop;        /* must not block, load or lock for long */
    enum {
        ENG_ASKS_NOBODY,    /* on this way no client is asked for a word */
        ENG_CANNOT_ASK,     /* the client does not declare that it can */
        ENG_CAN_ASK
    } asking;               /* of the client's user */
    struct eng_client_word client; /* what was asked before, and answered */
    struct eng_client_ask ask;     /* filled by the operation */
    bool patient;        /* waits for a permit rather than be refused */
    struct progress *progress; /* of verify, export, import; or NULL */
    void (*done)(struct eng_call *c, enum err e); /* after ERR_PENDING */
    /* A part of a composed read: "started", then one of "completed", "failed",
     * "cancelled". NULL: nobody listens. Thread: worker */
    void (*part)(struct eng_call *c, const char *part, const char *status);
};

/* Arguments: absent texts are {NULL, 0}, absent numbers INT64_MIN. */
#define ENG_ABSENT INT64_MIN

struct eng_list_workflows_args {
    struct slice query, category;
    bool metadata; /* "metadata" of each: as its definition has it */
};
enum err eng_list_workflows(struct engine *e, struct eng_call *c,
                            const struct eng_list_workflows_args *args);

/* One of the two: what list_workflows names, or a path inside the project:
 * {"workflow_type","valid","errors":[{"file","line"?,"column"?,"code","level",
 * "message","how_to_fix"}],"warnings":[same],"notes":[same]}. */
struct eng_validate_workflow_args {
    struct slice workflow_type, path;
};
enum err eng_validate_workflow(struct engine *e, struct eng_call *c,
                               const struct eng_validate_workflow_args *args);

/* A folder with metadata, phases, tasks and gates that pass lint; never over
 * something: {"workflow_type","path","files":[],"next"}. */
struct eng_create_workflow_args {
    struct slice name, description, output_dir; /* inside the project */
    const struct slice *phases;
    size_t phases_count;
};
enum err eng_create_workflow(struct engine *e, struct eng_call *c,
                             const struct eng_create_workflow_args *args);

struct eng_start_workflow_args {
    struct slice workflow_type, target;
    const struct json *options; /* NULL: absent */
    bool resume;
    struct slice idempotency_key;
};
enum err eng_start_workflow(struct engine *e, struct eng_call *c,
                            const struct eng_start_workflow_args *args);

struct eng_get_phase_args {
    struct slice session_id;
    int64_t phase; /* ENG_ABSENT: the current one */
};
enum err eng_get_phase(struct engine *e, struct eng_call *c,
                       const struct eng_get_phase_args *args);

struct eng_get_task_args {
    struct slice session_id;
    int64_t task_number, phase;
};
enum err eng_get_task(struct engine *e, struct eng_call *c,
                      const struct eng_get_task_args *args);

struct eng_complete_phase_args {
    struct slice session_id;
    int64_t phase;
    const struct json *evidence;
    struct slice idempotency_key;
};
enum err eng_complete_phase(struct engine *e, struct eng_call *c,
                            const struct eng_complete_phase_args *args);

struct eng_get_session_args {
    struct slice session_id;
    bool evidence, history;
    bool verdicts;       /* of the history: how its gates were judged, whole */
    bool workflow;       /* "metadata": as its definition has it */
    bool phase;          /* "phase": the current one, as in get_phase */
    int64_t after_event; /* the history from there on */
    int history_most;    /* events; 0: 1,000 */
};
enum err eng_get_session(struct engine *e, struct eng_call *c,
                         const struct eng_get_session_args *args);

/* pause, resume, retry_phase, rollback, abandon, delete: the table of
 * docs/SESSIONS.md. An agent's delete hides the session; nothing is removed. */
struct eng_manage_session_args {
    struct slice session_id, action, reason, note;
    int64_t to_phase;    /* rollback only; ENG_ABSENT */
    const struct json *options; /* resume, retry_phase of a session in error:
                                   what it lacks; NULL: absent */
    bool only_there;     /* retry_phase: of `phase` or not at all */
    int64_t phase;
    bool reset_evidence; /* rollback, retry_phase: the tasks are open again */
    struct slice idempotency_key;
};
enum err eng_manage_session(struct engine *e, struct eng_call *c,
                            const struct eng_manage_session_args *args);

/* A lease on a task of the current phase, by the machine's wall clock. Each
 * claim has a fence that is greater than all before; of claimers at the same
 * moment one gets it, the others ERR_ALREADY_CLAIMED. */
struct eng_claim_task_args {
    struct slice session_id, agent;
    int64_t phase, task_number, lease_seconds; /* lease: 10..86400 */
    struct slice idempotency_key;
};
enum err eng_claim_task(struct engine *e, struct eng_call *c,
                        const struct eng_claim_task_args *args);

/* Only the newest fence releases: else ERR_CLAIM_LOST. */
struct eng_release_task_args {
    struct slice session_id, outcome, note; /* outcome: done, abandoned */
    int64_t phase, task_number, fence;
    struct slice idempotency_key;
};
enum err eng_release_task(struct engine *e, struct eng_call *c,
                          const struct eng_release_task_args *args);

/* --- the record: for people, the command line and resources --------------- */

/* Recomputes every chain and compares what lies beside it:
 * {"intact":bool,"sessions":n,"events":n,"flaws":[{"code","session_id"?,
 * "event_id"?,"what"}],"heads":[{"session_id","event_id","hash"}],
 * "store_head":{"event_id","hash"}}. A flaw is an answer, not an error. */
struct eng_verify_args {
    struct slice session_id; /* empty: all */
    /* An earlier answer that was kept elsewhere: its heads must still stand in
     * the chains, or the record was cut or is an older one. NULL: none */
    const struct json *kept;
};
enum err eng_verify(struct engine *e, struct eng_call *c,
                    const struct eng_verify_args *args);

/* The whole run as markdown: {"session_id","mime_type","text"}. */
struct eng_report_args {
    struct slice session_id;
};
enum err eng_report(struct engine *e, struct eng_call *c,
                    const struct eng_report_args *args);

/* The sessions named, or all, with everything that belongs to them, as the
 * document eng_import reads. */
struct eng_export_args {
    const struct slice *session_ids;
    size_t count; /* 0: all */
};
enum err eng_export(struct engine *e, struct eng_call *c,
                    const struct eng_export_args *args);

/* One file: our export, or a session of praxis-os. Whole sessions or nothing
 * of them; what is there already is skipped:
 * {"format","imported":[{"session_id","status","trouble"?,"notes":[...]}],
 *  "skipped":[{"session_id","why"}]}. ERR_PARSE with the position,
 * ERR_INVALID when the record in it is not whole. */
struct eng_import_args {
    struct slice name; /* for messages */
    struct slice text;
    /* Seconds to add to a local time without a zone to get UTC are found by
     * the machine's zone; or this fixed offset east of UTC, in seconds. */
    bool zone_given;
    int zone_seconds;
};
enum err eng_import(struct engine *e, struct eng_call *c,
                    const struct eng_import_args *args);

/* Really removes a session, a hidden one too; the store's chain keeps that
 * it was. Only for people: no tool calls it. */
struct eng_remove_session_args {
    struct slice session_id;
};
enum err eng_remove_session(struct engine *e, struct eng_call *c,
                            const struct eng_remove_session_args *args);

struct eng_list_sessions_args {
    struct slice status, workflow_type;
    int64_t limit; /* 1..10,000 */
    struct slice cursor;
    bool archived; /* those too; so does a `status` */
};
enum err eng_list_sessions(struct engine *e, struct eng_call *c,
                           const struct eng_list_sessions_args *args);

struct eng_search_args {
    struct slice query, path_prefix;
    int64_t n_results;               /* 0..50 */
    int64_t filter_phase;            /* ENG_ABSENT: any */
    const struct slice *filter_tags; /* any of these */
    size_t filter_tags_count;
    bool highlights; /* say where the words stand, in bytes of the content */
    bool snippets;   /* and the line that shows most of them */
};
/* The index is brought up to date first: what was saved before the call is
 * found, what was deleted is not. */
enum err eng_search_standards(struct engine *e, struct eng_call *c,
                              const struct eng_search_args *args);

/* True: the index is being made in the background, this many files of that
 * many are in it; a search answers from those. Thread: any, also a loop. */
bool eng_search_building(struct engine *e, uint64_t *ret_done,
                         uint64_t *ret_total);

/* The markdown files below the standards' roots whose path begins so, sorted:
 * {"standards":[{"path","size"}]}. */
struct eng_list_standards_args {
    struct slice begun; /* empty: all */
    size_t limit;
};
enum err eng_list_standards(struct engine *e, struct eng_call *c,
                            const struct eng_list_standards_args *args);

/* One of them: {"path","text"}. ERR_NOT_FOUND: nothing there that a search
 * would find, or outside the roots. */
struct eng_read_standard_args {
    struct slice path; /* relative to its root */
};
enum err eng_read_standard(struct engine *e, struct eng_call *c,
                           const struct eng_read_standard_args *args);

/* What a path below the project's root may go on with, one folder at a time;
 * folders end in '/'. Hidden names only when asked for by their dot:
 * {"files":["src/"]}. */
struct eng_list_files_args {
    struct slice begun;
    size_t limit;
};
enum err eng_list_files(struct engine *e, struct eng_call *c,
                        const struct eng_list_files_args *args);

/* Ready JSON members for get_server_info: `"project":{...},"caches":{...}`. */
void eng_info_write(struct engine *e, struct arena *a, struct json_writer *w);

/* --- changes ---------------------------------------------------------------
 */

/* What an operation of this engine has committed; valid during the call. */
struct st_session;
struct eng_news {
    struct slice session_id;
    int64_t version;
    struct slice type, actor; /* of its newest event */
    int64_t phase;            /* -1: none */
    /* private */
    const struct st_session *row; /* as it is now, without detail */
};
enum eng_listener { ENG_FOR_RESOURCES, ENG_FOR_DASHBOARD, ENG_LISTENERS };
/* Told of each commit, when readers see it and before the operation is
 * answered. Must be quick. NULL: nobody any more. Thread: startup; `changed`:
 * writer, no lock held */
void eng_on_change(struct engine *e, enum eng_listener who,
                   void (*changed)(void *ctx, const struct eng_news *news),
                   void *ctx);
/* The session as in list_sessions, "event", "actor", "phase"?, and "hidden"
 * of one that was deleted, as members of an open object. */
void eng_news_write(const struct eng_news *news, struct json_writer *w);
/* May another process have committed since the last time? `since` begins as
 * 0. A few atomic loads. Thread: any */
bool eng_strangers_wrote(struct engine *e, uint64_t *since);
/* As they are now; 0: there is no such session. Thread: any but loops */
MUST_USE enum err eng_session_versions(struct engine *e,
                                       const struct slice *ids, size_t count,
                                       int64_t *ret);

/* --- care ----------------------------------------------------------------- */

/* The keeper's rounds. Each second: a checkpoint when the log has grown, off
 * the commit path. Every 30 s: sweeps. Each minute: the caches' windows.
 * Thread: keeper */
void eng_tick(struct engine *e, int64_t now);
/* After the last round: has all ended that the rounds began? Thread: any */
bool eng_tick_over(const struct engine *e);

/* What is not as it should be, by the engine's own look. */
enum eng_weight {
    ENG_NOTICE,   /* listed and logged; status stays ok */
    ENG_DEGRADES, /* alive and working, not as it should be */
    ENG_FAILS     /* it cannot do its work */
};
struct eng_reason {
    const char *name;  /* "cache_hit_rate": a literal */
    const char *about; /* which cache; NULL: there is one */
    enum eng_weight weight;
    uint64_t value, threshold;
};
enum eng_killed { ENG_KILLED_TERM, ENG_KILLED_KILL, ENG_KILLED_COUNT };
struct eng_facts {
    struct {
        const char *name;
        struct st_cache_stats stats;
    } caches[8];
    size_t caches_count;
    bool has_store;
    struct st_store_stats store;
    struct eng_watch_stats watch;
    struct once_stats onces[2]; /* what is made once, at first use */
    size_t onces_count;
    struct provider_stats providers[PROVIDERS_TOLD];
    size_t providers_count;
    struct bucket_stats buckets[PROVIDER_KIND_COUNT];
    uint64_t tally[ENG_TALLY_COUNT]; /* events committed here, by kind */
    uint64_t answers[ENG_ANSWER_COUNT]; /* of idempotency keys */
    struct st_idempotency_use answers_kept;
    uint64_t killed[ENG_KILLED_COUNT]; /* commands of gates that were ended */
    uint64_t conflicts; /* writes that another process came before */
    uint64_t reloaded;  /* of them read and decided anew */
    struct st_session_tally sessions;
    int64_t free_pages;    /* of the state file: what VACUUM would give back */
    uint64_t data_version; /* rises with each commit of any process */
    struct eng_reason reasons[48];
    size_t reasons_count;
};
/* Takes locks for moments and looks at the store's files. Thread: keeper */
void eng_facts_take(struct engine *e, int64_t now, struct eng_facts *ret);
/* The same in parts. eng_facts_files (sizes of the state file, is it there)
 * and eng_facts_watch may block as long as a disk does; eng_facts_with reads
 * memory alone, and judges by what they found: *ret keeps it. Thread: any */
void eng_facts_files(struct engine *e, struct st_store_stats *ret);
void eng_facts_watch(struct engine *e, struct eng_watch_stats *ret);
void eng_facts_with(struct engine *e, int64_t now, struct eng_facts *ret);

/* Empties the cache of this name, an empty name: all; writes how many entries
 * each had as members of an open object. ERR_NOT_FOUND: none has the name.
 * Thread: worker */
MUST_USE enum err eng_clear_caches(struct engine *e, struct slice name,
                                   struct json_writer *w);

/* Commands of gates that run are ended, and none begins any more: who waits
 * for one is refused. At the end of stdin and at shutdown. Thread: any */
void eng_end_commands(struct engine *e);
/* Loads that run are told to stop. At shutdown, before pool_stop. */
void eng_stop(struct engine *e);

#endif
