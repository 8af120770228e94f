#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/fresh.h"
#include "engine/op.h"
#include "engine/phases.h"
#include "engine/problems.h"
#include "engine/replies.h"
#include "engine/view.h"

static void reply(struct eng_call *c, const struct eng_snapshot *s,
                  const struct eng_phase *p, const struct eng_rendered *f,
                  const struct eng_drift *drift)
{
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_key(&w, SLICE("phase"));
    eng__view_phase(c->out, &w, s, p, f, s->claims_count ? clock_wall_ms() : 0);
    eng__view_drift(&w, drift);
    eng__view_next(&w, s, p);
    json_end_object(&w);
}

/* Thread: worker */
static enum err decide(struct eng_op *op)
{
    const struct eng_get_phase_args *args = op->args;
    const struct eng_snapshot *s;
    const struct eng_phase *p = NULL;
    const struct eng_rendered *f;
    struct eng_drift drift;
    enum err e = eng__session_get(op->engine, op->call, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = eng__phase_readable(op->call, s, args->phase, &p);
    if (!e)
        e = eng__rendered_get(op->engine, op->call, s->definition, p->number,
                              &f);
    if (!e) e = eng__catalog_drift(op->engine, op->call, s->definition, &drift);
    if (!e) reply(op->call, s, p, f, &drift);
    return e;
}

/* Thread: loop. Everything is cached and known to be right, or ERR_AGAIN. */
static enum err from_caches(struct engine *e, struct eng_call *c,
                            const struct eng_get_phase_args *args)
{
    static const struct eng_drift none;
    const struct eng_phase *p;
    if (order_busy(&e->order, args->session_id)) return ERR_AGAIN;
    const struct eng_snapshot *s =
        eng__session_peek(e, args->session_id, c->now);
    if (!s && !uuid_valid(args->session_id)) /* no such key is cached */
        return eng__problem_session_id(c, args->session_id);
    if (!s || !eng__catalog_settled(e, s->definition, c->now)) return ERR_AGAIN;
    enum err r = eng__phase_readable(c, s, args->phase, &p);
    if (r || eng__reply_again(e, c, s, p->number, ENG_NO_TASK)) return r;
    const struct eng_rendered *f =
        eng__rendered_peek(e, s->definition, p->number, c->now);
    if (!f) return ERR_AGAIN;
    reply(c, s, p, f, &none);
    eng__reply_keep(e, c, s, p->number, ENG_NO_TASK);
    return OK;
}

enum err eng_get_phase(struct engine *e, struct eng_call *c,
                       const struct eng_get_phase_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    if (c->on_loop) {
        st_cache_pin();
        enum err r = from_caches(e, c, args);
        st_cache_unpin();
        return r;
    }
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_read(e, c, args->session_id, decide, args);
}
