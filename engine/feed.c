/* Who changed which session: what the outside is told of. */
#include "engine/core.h"
#include "engine/view.h"
#include "state/records.h"

void eng_on_change(struct engine *e, enum eng_listener who,
                   void (*changed)(void *ctx, const struct eng_news *news),
                   void *ctx)
{
    e->listeners[who].ctx = ctx;
    e->listeners[who].changed = changed;
}

void eng_news_write(const struct eng_news *news, struct json_writer *w)
{
    eng__view_summary(w, news->row);
    if (news->row->hidden) json_put_bool(w, "hidden", true);
    json_put_string(w, "event", news->type);
    json_put_string(w, "actor", news->actor);
    if (news->phase >= 0) json_put_int(w, "phase", news->phase);
}

bool eng_strangers_wrote(struct engine *e, uint64_t *since)
{
    uint64_t before = *since;
    if (!e->store) return false;
    *since = st_stamp(e->store);
    return !st_stamp_same(before, *since);
}

enum err eng_session_versions(struct engine *e, const struct slice *ids,
                              size_t count, int64_t *ret)
{
    struct st_tx *tx;
    enum err r = e->store ? st_read_begin(e->store, NULL, &tx) : ERR_NO_PROJECT;
    if (r) return r;
    for (size_t i = 0; i < count && !r; i++) {
        r = st_session_version(tx, ids[i], &ret[i]);
        if (r != ERR_NOT_FOUND) continue;
        ret[i] = 0;
        r = OK;
    }
    st_read_end(tx);
    return r;
}
