/* Rows of definitions, claims and approvals. */
#include "state/query.h"
#include "state/records.h"

enum err st_definition_get(struct st_tx *tx, struct slice hash, struct arena *a,
                           struct slice *ret_body)
{
    struct query q = query_begin(tx, STMT_DEFINITION_GET);
    query_text(&q, hash);
    struct slice body = {0};
    if (query_one(&q)) body = query_get_text(&q, a);
    enum err e = query_end(&q);
    if (!e) *ret_body = body;
    return e;
}

enum err st_definition_put(struct st_tx *tx, struct slice hash,
                           struct slice workflow_type, struct slice body)
{
    struct query q = query_begin(tx, STMT_DEFINITION_PUT);
    query_text(&q, hash);
    query_text(&q, workflow_type);
    query_text(&q, body);
    query_run(&q);
    return query_end(&q);
}

static struct st_claim get_claim(struct query *q, struct slice session_id,
                                 struct arena *a)
{
    struct st_claim c = {.session_id = session_id};
    c.phase = query_get_int(q);
    c.task = query_get_int(q);
    c.status = query_get_text(q, a);
    c.agent = query_get_text(q, a);
    c.fence = query_get_int(q);
    c.expires_ms = query_get_int(q);
    return c;
}

enum err st_claim_get(struct st_tx *tx, struct slice session_id, int64_t phase,
                      int64_t task, struct arena *a, struct st_claim *ret)
{
    struct st_claim c = {0};
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_CLAIM_GET);
    query_text(&q, id);
    query_int(&q, phase);
    query_int(&q, task);
    if (query_one(&q)) c = get_claim(&q, id, a);
    enum err e = query_end(&q);
    if (!e) *ret = c;
    return e;
}

enum err st_claim_put(struct st_tx *tx, const struct st_claim *c)
{
    struct query q = query_begin(tx, STMT_CLAIM_PUT);
    query_text(&q, c->session_id);
    query_int(&q, c->phase);
    query_int(&q, c->task);
    query_text(&q, c->status);
    query_text(&q, c->agent);
    query_int(&q, c->fence);
    query_int(&q, c->expires_ms);
    int64_t changed = query_run(&q);
    enum err e = query_end(&q);
    return !e && changed == 0 ? ERR_CONFLICT : e;
}

enum err st_claim_list(struct st_tx *tx, struct slice session_id,
                       struct arena *a, struct st_claim **ret,
                       size_t *ret_count)
{
    struct st_claim *list = NULL;
    size_t n = 0, room = 0;
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_CLAIM_LIST);
    query_text(&q, id);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (!q.err) list[n++] = get_claim(&q, id, a);
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_approval_put(struct st_tx *tx, const struct st_approval *ap)
{
    struct query q = query_begin(tx, STMT_APPROVAL_PUT);
    query_text(&q, ap->session_id);
    query_int(&q, ap->phase);
    query_int(&q, ap->event_seq);
    query_text(&q, ap->status);
    query_blob(&q, ap->subject, SHA256_SIZE);
    query_text(&q, ap->fields);
    query_int(&q, ap->asked_ms);
    query_text(&q, ap->asked_by);
    query_int(&q, ap->decided_ms);
    query_text(&q, ap->decided_by);
    query_text(&q, ap->channel);
    query_text(&q, ap->comment);
    query_run(&q);
    return query_end(&q);
}

static struct st_approval get_approval(struct query *q, struct slice session_id,
                                       struct arena *a)
{
    struct st_approval ap = {.session_id = session_id};
    ap.phase = query_get_int(q);
    ap.event_seq = query_get_int(q);
    ap.status = query_get_text(q, a);
    query_get_blob(q, ap.subject, SHA256_SIZE);
    ap.fields = query_get_text(q, a);
    ap.asked_ms = query_get_int(q);
    ap.asked_by = query_get_text(q, a);
    ap.decided_ms = query_get_int(q);
    ap.decided_by = query_get_text(q, a);
    ap.channel = query_get_text(q, a);
    ap.comment = query_get_text(q, a);
    return ap;
}

enum err st_approval_list(struct st_tx *tx, struct slice session_id,
                          struct arena *a, struct st_approval **ret,
                          size_t *ret_count)
{
    struct st_approval *list = NULL;
    size_t n = 0, room = 0;
    struct slice id = arena_copy(a, session_id);
    if (!id.p) return ERR_NOMEM;
    struct query q = query_begin(tx, STMT_APPROVAL_LIST);
    query_text(&q, id);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (!q.err) list[n++] = get_approval(&q, id, a);
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_approval_open(struct st_tx *tx, const struct st_approval_filter *f,
                          struct arena *a, struct st_approval **ret,
                          size_t *ret_count)
{
    struct st_approval *list = NULL;
    size_t n = 0, room = 0;
    struct query q = query_begin(tx, STMT_APPROVAL_OPEN);
    query_int(&q, f->after_ms);
    query_text(&q, f->after_id);
    query_int(&q, f->after_phase);
    query_text(&q, f->workflow_type);
    query_int(&q, f->limit < 1 ? -1 : f->limit);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (!q.err) {
            struct slice id = query_get_text(&q, a);
            list[n++] = get_approval(&q, id, a);
        }
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}
