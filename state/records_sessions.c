/* Rows of sessions. Parameters and columns are in the order of SESSION_HEAD
 * (state/statements.h). */
#include <stdio.h>

#include "state/query.h"
#include "state/records.h"

static void bind_session(struct query *q, const struct st_session *s)
{
    query_text(q, s->id);
    query_text(q, s->workflow_type);
    query_text(q, s->target);
    query_text(q, s->status);
    query_text(q, s->definition_hash);
    query_int(q, s->current_phase);
    query_int(q, s->total_phases);
    query_int(q, s->version);
    query_int(q, s->created_ms);
    query_int(q, s->updated_ms);
    query_int(q, s->hidden);
    query_int(q, s->event_seq);
    query_blob(q, s->event_hash, SHA256_SIZE);
    query_text(q, s->detail);
}

static struct st_session get_head(struct query *q, struct arena *a)
{
    struct st_session s = {0};
    s.id = query_get_text(q, a);
    s.workflow_type = query_get_text(q, a);
    s.target = query_get_text(q, a);
    s.status = query_get_text(q, a);
    s.definition_hash = query_get_text(q, a);
    s.current_phase = query_get_int(q);
    s.total_phases = query_get_int(q);
    s.version = query_get_int(q);
    s.created_ms = query_get_int(q);
    s.updated_ms = query_get_int(q);
    s.hidden = query_get_int(q) != 0;
    s.event_seq = query_get_int(q);
    query_get_blob(q, s.event_hash, SHA256_SIZE);
    return s;
}

/* The one row of a query for a whole session. */
static enum err one_session(struct query *q, struct arena *a,
                            struct st_session *ret)
{
    struct st_session s = {0};
    if (query_one(q)) {
        s = get_head(q, a);
        s.detail = query_get_text(q, a);
    }
    enum err e = query_end(q);
    if (!e) *ret = s;
    return e;
}

enum err st_session_get(struct st_tx *tx, struct slice id, struct arena *a,
                        struct st_session *ret)
{
    struct query q = query_begin(tx, STMT_SESSION_GET);
    query_text(&q, id);
    return one_session(&q, a, ret);
}

enum err st_session_find(struct st_tx *tx, struct slice workflow_type,
                         struct slice target, struct arena *a,
                         struct st_session *ret)
{
    struct query q = query_begin(tx, STMT_SESSION_FIND);
    query_text(&q, workflow_type);
    query_text(&q, target);
    return one_session(&q, a, ret);
}

enum err st_session_version(struct st_tx *tx, struct slice id,
                            int64_t *ret_version)
{
    struct query q = query_begin(tx, STMT_SESSION_VERSION);
    query_text(&q, id);
    int64_t version = 0;
    if (query_one(&q)) version = query_get_int(&q);
    enum err e = query_end(&q);
    if (!e) *ret_version = version;
    return e;
}

enum err st_session_insert(struct st_tx *tx, const struct st_session *s)
{
    struct query q = query_begin(tx, STMT_SESSION_INSERT);
    bind_session(&q, s);
    query_run(&q);
    return query_end(&q);
}

enum err st_session_update(struct st_tx *tx, const struct st_session *s,
                           int64_t expected_version)
{
    struct query q = query_begin(tx, STMT_SESSION_UPDATE);
    bind_session(&q, s);
    query_int(&q, expected_version);
    int64_t changed = query_run(&q);
    enum err e = query_end(&q);
    return !e && changed == 0 ? ERR_CONFLICT : e;
}

enum err st_session_delete(struct st_tx *tx, struct slice id)
{
    static const enum st_stmt all[] = {
        STMT_SESSION_DELETE_EVENTS,  STMT_SESSION_DELETE_EVIDENCE,
        STMT_SESSION_DELETE_CLAIMS,  STMT_SESSION_DELETE_APPROVALS,
        STMT_SESSION_DELETE_ANSWERS, STMT_SESSION_DELETE_READ,
        STMT_SESSION_DELETE};
    int64_t changed = 0;
    if (id.n == 0) return ERR_INVALID; /* the store's own chain */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct query q = query_begin(tx, all[i]);
        query_text(&q, id);
        changed = query_run(&q);
        enum err e = query_end(&q);
        if (e) return e;
    }
    return changed ? OK : ERR_NOT_FOUND;
}

static void bind_filter(struct query *q, const struct st_session_filter *f)
{
    query_text(q, f->status);
    query_text(q, f->workflow_type);
    query_int(q, f->archived_ms);
}

enum err st_session_list(struct st_tx *tx, const struct st_session_filter *f,
                         struct arena *a, struct st_session **ret,
                         size_t *ret_count)
{
    struct st_session *list = NULL;
    size_t n = 0, room = 0;
    bool top = f->before_updated_ms == 0;
    struct query q = query_begin(tx, STMT_SESSION_LIST);
    bind_filter(&q, f);
    query_int(&q, top ? INT64_MAX : f->before_updated_ms);
    query_text(&q, top ? SLICE("") : f->before_id);
    query_int(&q, f->limit > 0 ? f->limit : -1);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (!q.err) list[n++] = get_head(&q, a);
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_session_count(struct st_tx *tx, const struct st_session_filter *f,
                          int64_t *ret)
{
    struct query q = query_begin(tx, STMT_SESSION_COUNT);
    bind_filter(&q, f);
    int64_t n = 0;
    if (query_one(&q)) n = query_get_int(&q);
    enum err e = query_end(&q);
    if (!e) *ret = n;
    return e;
}

enum err st_session_idle(struct st_tx *tx, const struct st_idle *after,
                         int64_t until_ms, int limit, struct arena *a,
                         struct st_idle **ret, size_t *ret_count)
{
    struct st_idle *list = NULL;
    size_t n = 0, room = 0;
    struct query q = query_begin(tx, STMT_SESSION_IDLE);
    query_int(&q, until_ms);
    query_int(&q, after->id.n ? after->since_ms : INT64_MIN);
    query_text(&q, after->id);
    query_int(&q, limit);
    while (query_row(&q)) {
        list = query_grow(&q, a, list, sizeof(*list), n, &room);
        if (q.err) continue;
        list[n].since_ms = query_get_int(&q);
        list[n++].id = query_get_text(&q, a);
    }
    enum err e = query_end(&q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_read_put(struct st_tx *tx, struct slice session_id,
                     int64_t until_ms)
{
    struct query q = query_begin(tx, STMT_READ_PUT);
    query_text(&q, session_id);
    query_int(&q, until_ms);
    query_run(&q);
    return query_end(&q);
}

enum err st_read_get(struct st_tx *tx, struct slice session_id,
                     int64_t *ret_until_ms)
{
    struct query q = query_begin(tx, STMT_READ_GET);
    query_text(&q, session_id);
    int64_t until_ms = 0;
    if (query_one(&q)) until_ms = query_get_int(&q);
    enum err e = query_end(&q);
    if (!e) *ret_until_ms = until_ms;
    return e;
}

/* The rest of a query for one column of ids. */
static enum err ids(struct query *q, struct arena *a, struct slice **ret,
                    size_t *ret_count)
{
    struct slice *list = NULL;
    size_t n = 0, room = 0;
    while (query_row(q)) {
        list = query_grow(q, a, list, sizeof(*list), n, &room);
        if (!q->err) list[n++] = query_get_text(q, a);
    }
    enum err e = query_end(q);
    if (e) return e;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum err st_session_ids(struct st_tx *tx, struct slice after, int limit,
                        struct arena *a, struct slice **ret, size_t *ret_count)
{
    struct query q = query_begin(tx, STMT_SESSION_IDS);
    query_text(&q, after);
    query_int(&q, limit > 0 ? limit : -1);
    return ids(&q, a, ret, ret_count);
}

enum err st_session_orphans(struct st_tx *tx, struct arena *a,
                            struct slice **ret, size_t *ret_count)
{
    struct query q = query_begin(tx, STMT_SESSION_ORPHANS);
    return ids(&q, a, ret, ret_count);
}

enum err st_free_pages(struct st_tx *tx, int64_t *ret)
{
    struct query q = query_begin(tx, STMT_FREE_PAGES);
    *ret = query_row(&q) ? query_get_int(&q) : 0;
    return query_end(&q);
}

enum err st_session_tally(struct st_tx *tx, struct arena *a,
                          struct st_session_tally *ret)
{
    struct query q = query_begin(tx, STMT_SESSION_TALLY);
    *ret = (struct st_session_tally){0};
    while (ret->count < ST_STATUSES && query_row(&q)) {
        struct slice status = query_get_text(&q, a);
        (void)snprintf(ret->rows[ret->count].status,
                       sizeof(ret->rows[0].status), "%.*s", SLICE_ARG(status));
        ret->rows[ret->count++].sessions = query_get_int(&q);
    }
    return query_end(&q);
}
