/* Answers of writing calls, kept for who repeats a key. How many there are and
 * how large is counted by triggers (state/schema.c), so that a ceiling costs
 * a look and holds for all processes on the file. */
#include "state/query.h"
#include "state/records.h"

enum err st_idempotency_get(struct st_tx *tx, struct slice scope,
                            struct slice key, int64_t now_ms, struct arena *a,
                            struct st_idempotency *ret)
{
    struct st_idempotency i = {0};
    struct query q = query_begin(tx, STMT_IDEMPOTENCY_GET);
    query_text(&q, scope);
    query_text(&q, key);
    query_int(&q, now_ms);
    if (query_one(&q)) {
        i.scope = arena_copy(a, scope);
        i.key = arena_copy(a, key);
        if (!i.scope.p || !i.key.p) q.err = ERR_NOMEM;
        query_get_blob(&q, i.digest, SHA256_SIZE);
        i.answer = query_get_text(&q, a);
        i.expires_ms = query_get_int(&q);
        i.tool = query_get_text(&q, a);
        i.at_ms = query_get_int(&q);
    }
    enum err e = query_end(&q);
    if (!e) *ret = i;
    return e;
}

enum err st_idempotency_use(struct st_tx *tx, struct slice scope,
                            struct st_idempotency_use *ret)
{
    struct st_idempotency_use use = {0};
    struct query q = query_begin(tx, STMT_IDEMPOTENCY_USE);
    query_text(&q, scope);
    if (query_row(&q)) {
        use.rows = query_get_int(&q);
        use.bytes = query_get_int(&q);
    }
    enum err e = query_end(&q);
    if (!e) *ret = use;
    return e;
}

static enum err put(struct st_tx *tx, const struct st_idempotency *i)
{
    struct query q = query_begin(tx, STMT_IDEMPOTENCY_PUT);
    query_text(&q, i->scope);
    query_text(&q, i->key);
    query_blob(&q, i->digest, SHA256_SIZE);
    query_text(&q, i->answer);
    query_int(&q, i->expires_ms);
    query_text(&q, i->tool);
    query_int(&q, i->at_ms);
    query_run(&q);
    return query_end(&q);
}

/* The oldest but `kept` leaves; *ret_gone is 0 when there is none. */
static enum err drop_oldest(struct st_tx *tx, enum st_stmt statement,
                            const struct st_idempotency *kept,
                            int64_t *ret_gone)
{
    struct query q = query_begin(tx, statement);
    query_text(&q, kept->scope);
    query_text(&q, kept->key);
    *ret_gone = query_run(&q);
    return query_end(&q);
}

/* Until those of its scope, and then all, are no more than there may be. */
static enum err make_room(struct st_tx *tx, const struct st_idempotency *kept,
                          const struct st_idempotency_room *room,
                          int64_t *ret_dropped)
{
    for (;;) {
        struct st_idempotency_use own, all;
        int64_t gone = 0;
        enum err e = st_idempotency_use(tx, kept->scope, &own);
        if (!e) e = st_idempotency_use(tx, (struct slice){0}, &all);
        if (e) return e;
        bool crowded = own.rows > room->rows;
        if (!crowded && all.bytes <= room->bytes) return OK;
        e = drop_oldest(
            tx, crowded ? STMT_IDEMPOTENCY_DROP_OF : STMT_IDEMPOTENCY_DROP,
            kept, &gone);
        if (e || !gone) return e;
        *ret_dropped += gone;
    }
}

enum err st_idempotency_put(struct st_tx *tx, const struct st_idempotency *i,
                            const struct st_idempotency_room *room,
                            int64_t *ret_dropped)
{
    size_t size = i->scope.n + i->key.n + i->answer.n;
    *ret_dropped = 0;
    if ((int64_t)size > room->bytes) {
        *ret_dropped = 1;
        return OK;
    }
    enum err e = put(tx, i);
    return e ? e : make_room(tx, i, room, ret_dropped);
}

enum err st_idempotency_sweep(struct st_tx *tx, int64_t now_ms, int64_t most,
                              int64_t *ret_expired)
{
    struct query q = query_begin(tx, STMT_IDEMPOTENCY_SWEEP);
    query_int(&q, now_ms);
    query_int(&q, most);
    *ret_expired = query_run(&q);
    return query_end(&q);
}

enum err st_idempotency_due(struct st_tx *tx, int64_t now_ms, bool *ret)
{
    struct query q = query_begin(tx, STMT_IDEMPOTENCY_DUE);
    query_int(&q, now_ms);
    *ret = query_row(&q);
    return query_end(&q);
}
