#include <inttypes.h>

#include "base/random.h"
#include "engine/core.h"
#include "engine/expire.h"
#include "engine/problems.h"
#include "engine/view.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 10000

/* A cursor names the last row of the page before: "<updated_ms>.<id>". */
static enum err cursor_parse(struct eng_call *c, struct slice cursor,
                             struct st_session_filter *f)
{
    struct slice rest = cursor, when;
    if (!cursor.n) return OK;
    if (slice_split(&rest, '.', &when) &&
        slice_int64(when, &f->before_updated_ms) && f->before_updated_ms > 0 &&
        uuid_valid(rest)) {
        f->before_id = rest;
        return OK;
    }
    return problem_setf(&c->problem, c->arena, ERR_INVALID_PARAMETER,
                        SLICE("A cursor is the next_cursor of an earlier "
                              "list_sessions reply, unchanged."),
                        SLICE("Leave cursor out to begin at the newest "
                              "session."),
                        "cursor \"%.*s\" is not known",
                        SLICE_ARG(slice_sub(cursor, 0, 120)));
}

static bool is_archived(const struct st_session *row, int64_t until_ms)
{
    enum eng_status status;
    return row->updated_ms <= until_ms &&
           eng__status_parse(row->status, &status) &&
           (status == ENG_COMPLETED || status == ENG_EXPIRED);
}

static void reply(struct eng_call *c, const struct st_session *rows, size_t n,
                  bool more, int64_t archived_ms)
{
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("sessions"));
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        eng__view_summary(&w, &rows[i]);
        if (is_archived(&rows[i], archived_ms))
            json_put_bool(&w, "archived", true);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_put_int(&w, "count", (int64_t)n);
    if (more) {
        json_key(&w, SLICE("next_cursor"));
        json_stringf(&w, "%" PRId64 ".%.*s", rows[n - 1].updated_ms,
                     SLICE_ARG(rows[n - 1].id));
    }
    json_end_object(&w);
}

enum err eng_list_sessions(struct engine *e, struct eng_call *c,
                           const struct eng_list_sessions_args *args)
{
    struct st_session_filter f = {.status = args->status,
                                  .workflow_type = args->workflow_type};
    struct st_session *rows;
    struct st_tx *tx;
    size_t n;
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    enum err r = cursor_parse(c, args->cursor, &f);
    if (r) return r;
    int limit = args->limit >= 1 && args->limit <= LIMIT_MAX ? (int)args->limit
                                                             : LIMIT_DEFAULT;
    f.limit = limit + 1; /* one more tells whether there is another page */
    /* Who asks for a status means all that have it. */
    int64_t archived_ms = eng__archived_until(e);
    if (!args->archived && !args->status.n) f.archived_ms = archived_ms;
    r = st_read_begin(e->store, c->cancel, &tx);
    if (r) return eng__problem_store(c, r);
    r = st_session_list(tx, &f, c->arena, &rows, &n);
    st_read_end(tx);
    if (r) return eng__problem_store(c, r);
    bool more = n > (size_t)limit;
    reply(c, rows, more ? (size_t)limit : n, more, archived_ms);
    return eng__settled(c, OK);
}
