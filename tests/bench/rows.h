/*
 * rows: what completing a phase writes, as bare as it can be: the session, an
 * event, its evidence, each as long as phasegate's own, and ids in no order.
 * The floors of durable calls write these.
 */
#ifndef TESTS_BENCH_ROWS_H
#define TESTS_BENCH_ROWS_H

#include "state/records.h"

enum { ROWS_PHASES = 3 };

struct rows_client {
    struct st_session row;
    struct st_event event;
    struct st_evidence evidence;
    char id[40];
};

#define ROWS_HASH                                                              \
    "4d1e817b9696441029df8eca77acaa6d70dd4227ebc022faf775d7923f2145b1"
#define ROWS_DONE(n) "{\"phase\":" n ",\"at\":1795303229173,\"event\":" n "}"
#define ROWS_DETAIL(done) "{\"opened\":1795303229193,\"completed\":[" done "]}"
static const char *const rows_details[] = {
    ROWS_DETAIL(""), ROWS_DETAIL(ROWS_DONE("0")),
    ROWS_DETAIL(ROWS_DONE("0") "," ROWS_DONE("1")),
    ROWS_DETAIL(ROWS_DONE("0") "," ROWS_DONE("1") "," ROWS_DONE("2"))};
static const char rows_started[] =
    "{\"workflow_type\":\"three_v1\",\"target\":\"t0\",\"definition_hash\":"
    "\"" ROWS_HASH "\",\"options\":null,\"status\":\"active\","
    "\"current_phase\":0,\"total_phases\":3}";
static const char rows_event[] =
    "{\"passed\":true,\"evidence_sha256\":\"" ROWS_HASH "\","
    "\"evidence_bytes\":26,\"verdict_sha256\":\"" ROWS_HASH "\","
    "\"gate\":\"file\",\"mode\":\"strict\",\"errors\":0,\"warnings\":0,"
    "\"status\":\"active\",\"current_phase\":1}";
static const char rows_evidence[] = "{\"done\": true, \"count\": 3}";
static const char rows_verdict[] =
    "{\"passed\":true,\"errors\":[],\"warnings\":[],\"missing\":[],"
    "\"wrong_type\":[],\"failed\":[],\"unknown_fields\":[],"
    "\"expected_fields\":[{\"name\":\"done\",\"type\":\"boolean\","
    "\"required\":true,\"expect\":true,\"description\":\"all done\"},"
    "{\"name\":\"count\",\"type\":\"integer\",\"required\":true,"
    "\"description\":\"how many\"}],\"gate\":{\"source\":\"file\","
    "\"mode\":\"strict\"},\"proofs\":[{\"field\":\"done\","
    "\"kind\":\"claimed\",\"detail\":\"as the agent stated it\"},"
    "{\"field\":\"count\",\"kind\":\"claimed\","
    "\"detail\":\"as the agent stated it\"}]}";

static inline void rows_init(struct rows_client *c, int i)
{
    *c = (struct rows_client){.row = {.workflow_type = SLICE("three_v1"),
                                      .target = SLICE("t0"),
                                      .status = SLICE("active"),
                                      .definition_hash = SLICE(ROWS_HASH),
                                      .total_phases = ROWS_PHASES,
                                      .version = 1,
                                      .event_seq = 1,
                                      .created_ms = 1795303229193,
                                      .updated_ms = 1795303229193}};
    uint64_t x = ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    snprintf(c->id, sizeof(c->id), "%08x-93ab-4c58-9d3f-%012d",
             (unsigned)(x >> 32), i);
    memset(c->row.event_hash, 7, sizeof(c->row.event_hash));
    c->row.id = slice_of(c->id);
    c->row.detail = slice_of(rows_details[0]);
    c->event = (struct st_event){.session_id = c->row.id,
                                 .seq = 1,
                                 .at_ms = c->row.created_ms,
                                 .type = SLICE("session_started"),
                                 .actor = SLICE("stdio"),
                                 .phase = -1,
                                 .data = slice_of(rows_started)};
    c->evidence = (struct st_evidence){.session_id = c->row.id,
                                       .passed = true,
                                       .body = slice_of(rows_evidence),
                                       .verdict = slice_of(rows_verdict)};
}

static inline enum err rows_begin(void *client, struct st_tx *tx)
{
    struct rows_client *c = client;
    enum err e = st_session_insert(tx, &c->row);
    if (!e) e = st_event_append(tx, &c->event);
    c->event.type = SLICE("phase_completed");
    c->event.data = slice_of(rows_event);
    return e;
}

/* The caller counts c->row.version on once it is committed. */
static inline enum err rows_complete(void *client, struct st_tx *tx)
{
    struct rows_client *c = client;
    int64_t phase = (c->row.version - 1) % ROWS_PHASES;
    struct st_session row = c->row;
    row.version++;
    row.event_seq = row.version;
    row.updated_ms += row.version;
    row.current_phase = phase;
    row.detail = slice_of(rows_details[phase + 1]);
    c->event.phase = c->evidence.phase = phase;
    c->event.at_ms = c->evidence.at_ms = row.updated_ms;
    c->event.seq = c->evidence.event_seq = row.version;
    enum err e = st_session_update(tx, &row, c->row.version);
    if (!e) e = st_event_append(tx, &c->event);
    if (!e) e = st_evidence_insert(tx, &c->evidence);
    return e;
}

#endif
