/*
 * rows: what completing a phase writes, as bare as it can be: the session, an
 * event, its evidence. The floors of durable calls write these.
 */
#ifndef TESTS_BENCH_ROWS_H
#define TESTS_BENCH_ROWS_H

#include "state/records.h"

struct rows_client {
    struct st_session row;
    struct st_event event;
    struct st_evidence evidence;
    char id[40];
};

static const char rows_body[] =
    "{\"summary\":\"All unit tests pass after the change to the retry loop; "
    "the flaky case ran 200 times.\",\"tests_passing\":148,\"reviewed\":true}";

static inline void rows_init(struct rows_client *c, int i)
{
    *c = (struct rows_client){.row = {.workflow_type = SLICE("spec_v1"),
                                      .target = SLICE("src/a.c"),
                                      .status = SLICE("active"),
                                      .definition_hash = SLICE("00ff"),
                                      .total_phases = 4,
                                      .version = 1,
                                      .created_ms = 1000,
                                      .updated_ms = 2000}};
    snprintf(c->id, sizeof(c->id), "7d2c1f0e-93ab-4c58-9d3f-%012d", i);
    memset(c->row.event_hash, 7, sizeof(c->row.event_hash));
    c->row.id = slice_of(c->id);
    c->row.detail = slice_of(rows_body);
    c->event = (struct st_event){.session_id = c->row.id,
                                 .type = SLICE("phase_completed"),
                                 .actor = SLICE("agent"),
                                 .data = SLICE("{\"phase\":1}")};
    c->evidence = (struct st_evidence){.session_id = c->row.id,
                                       .passed = true,
                                       .body = slice_of(rows_body),
                                       .verdict = SLICE("{}")};
}

static inline enum err rows_begin(void *client, struct st_tx *tx)
{
    struct rows_client *c = client;
    return st_session_insert(tx, &c->row);
}

/* The caller counts c->row.version on once it is committed. */
static inline enum err rows_complete(void *client, struct st_tx *tx)
{
    struct rows_client *c = client;
    struct st_session row = c->row;
    row.version++;
    row.updated_ms = row.version;
    c->event.seq = c->evidence.event_seq = row.version;
    enum err e = st_session_update(tx, &row, c->row.version);
    if (!e) e = st_event_append(tx, &c->event);
    if (!e) e = st_evidence_insert(tx, &c->evidence);
    return e;
}

#endif
