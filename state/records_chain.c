/* Rows of events and evidence: what happened, in order. */
#include "state/query.h"
#include "state/records.h"

enum err st_event_append(struct st_tx *tx, const struct st_event *e)
{
    struct query q = query_begin(tx, STMT_EVENT_APPEND);
    query_text(&q, e->session_id);
    query_int(&q, e->seq);
    query_int(&q, e->at_ms);
    query_text(&q, e->type);
    query_text(&q, e->actor);
    query_int(&q, e->phase);
    query_blob(&q, e->prev_hash, SHA256_SIZE);
    query_blob(&q, e->hash, SHA256_SIZE);
    query_text(&q, e->data);
    query_run(&q);
    return query_end(&q);
}

static struct st_event get_event(struct query *q, struct slice session_id,
                                 struct arena *a)
{
    struct st_event e = {.session_id = session_id};
    e.seq = query_get_int(q);
    e.at_ms = query_get_int(q);
    e.type = query_get_text(q, a);
    e.actor = query_get_text(q, a);
    e.phase = query_get_int(q);
    query_get_blob(q, e.prev_hash, SHA256_SIZE);
    query_get_blob(q, e.hash, SHA256_SIZE);
    e.data = query_get_text(q, a);
    return e;
}

enum err st_event_list(struct st_tx *tx, struct slice session_id,
                       int64_t after_seq, int limit, struct arena *a,
                       struct st_event **ret, size_t *ret_count)
{
    struct st_event *list = NULL;
    size_t n = 0, room = 0;
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_EVENT_LIST);
    query_text(&q, id);
    query_int(&q, after_seq);
    query_int(&q, limit > 0 ? limit : -1);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (!q.err) list[n++] = get_event(&q, id, a);
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_event_head(struct st_tx *tx, struct slice session_id,
                       int64_t *ret_seq, uint8_t ret_hash[SHA256_SIZE])
{
    int64_t seq = 0;
    uint8_t hash[SHA256_SIZE] = {0};
    struct query q = query_begin(tx, STMT_EVENT_HEAD);
    query_text(&q, session_id);
    if (query_one(&q)) {
        seq = query_get_int(&q);
        query_get_blob(&q, hash, sizeof(hash));
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret_seq = seq;
    memcpy(ret_hash, hash, sizeof(hash));
    return OK;
}

enum err st_evidence_insert(struct st_tx *tx, const struct st_evidence *e)
{
    struct query q = query_begin(tx, STMT_EVIDENCE_INSERT);
    query_text(&q, e->session_id);
    query_int(&q, e->phase);
    query_int(&q, e->event_seq);
    query_int(&q, e->at_ms);
    query_int(&q, e->passed);
    query_text(&q, e->body);
    query_text(&q, e->verdict);
    query_run(&q);
    return query_end(&q);
}

static struct st_evidence get_evidence(struct query *q, struct slice session_id,
                                       struct arena *a)
{
    struct st_evidence e = {.session_id = session_id};
    e.phase = query_get_int(q);
    e.event_seq = query_get_int(q);
    e.at_ms = query_get_int(q);
    e.passed = query_get_int(q) != 0;
    e.body = query_get_text(q, a);
    e.verdict = query_get_text(q, a);
    return e;
}

static enum err evidence_rows(struct query *q, struct slice id, struct arena *a,
                              struct st_evidence **ret, size_t *ret_count)
{
    struct st_evidence *list = NULL;
    size_t n = 0, room = 0;
    while (query_row(q)) {
        list = query_grow(q, a, list, sizeof(*list), n, &room);
        if (!q->err) list[n++] = get_evidence(q, id, a);
    }
    enum err e = query_end(q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_evidence_list(struct st_tx *tx, struct slice session_id,
                          bool passed_only, struct arena *a,
                          struct st_evidence **ret, size_t *ret_count)
{
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, passed_only ? STMT_EVIDENCE_PASSED
                                                 : STMT_EVIDENCE_LIST);
    query_text(&q, id);
    return evidence_rows(&q, id, a, ret, ret_count);
}

enum err st_verdict_list(struct st_tx *tx, struct slice session_id,
                         int64_t after_seq, int limit, struct arena *a,
                         struct st_evidence **ret, size_t *ret_count)
{
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_EVIDENCE_VERDICTS);
    query_text(&q, id);
    query_int(&q, after_seq);
    query_int(&q, limit < 1 ? -1 : limit);
    return evidence_rows(&q, id, a, ret, ret_count);
}

enum err st_evidence_get(struct st_tx *tx, struct slice session_id,
                         int64_t phase, int64_t event_seq, struct arena *a,
                         struct st_evidence *ret)
{
    struct st_evidence row = {0};
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_EVIDENCE_GET);
    query_text(&q, id);
    query_int(&q, phase);
    query_int(&q, event_seq);
    if (query_one(&q)) row = get_evidence(&q, id, a);
    enum err e = query_end(&q);
    if (!e) *ret = row;
    return e;
}

enum err st_evidence_count(struct st_tx *tx, struct slice session_id,
                           int64_t *ret)
{
    int64_t n = 0;
    struct query q = query_begin(tx, STMT_EVIDENCE_COUNT);
    query_text(&q, session_id);
    if (query_one(&q)) n = query_get_int(&q);
    enum err e = query_end(&q);
    if (!e) *ret = n;
    return e;
}
