#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/fresh.h"
#include "engine/gate.h"
#include "engine/op.h"
#include "engine/phases.h"
#include "engine/problems.h"
#include "engine/replies.h"
#include "engine/view.h"

static void texts_write(struct json_writer *w, const char *key,
                        const struct slice *texts, size_t n)
{
    json_key(w, slice_of(key));
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) json_string(w, texts[i]);
    json_end_array(w);
}

static void task_write(struct json_writer *w, const struct eng_task *t,
                       const struct st_claim *claim)
{
    const char *status = eng__task_status(claim, claim ? clock_wall_ms() : 0);
    json_begin_object(w);
    json_put_int(w, "number", t->number);
    if (t->id.n) json_put_string(w, "id", t->id);
    json_put_string(w, "name", t->name);
    if (t->file.n) json_put_string(w, "file", t->file);
    json_put_string(w, "content", t->content);
    if (t->source_text.n) json_put_string(w, "source_text", t->source_text);
    if (t->estimated_time.n)
        json_put_string(w, "estimated_time", t->estimated_time);
    texts_write(w, "dependencies", t->dependencies, t->dependencies_count);
    texts_write(w, "acceptance_criteria", t->criteria, t->criteria_count);
    json_put_string(w, "status", slice_of(status));
    if (claim && claim->agent.n && status[0] != 'o')
        json_put_string(w, "claimed_by", claim->agent);
    json_end_object(w);
}

/* Behind the last task stands the gate: its text names other fields often
 * enough, so the reply says which ones count. */
static void next_write(struct json_writer *w, const struct eng_snapshot *s,
                       const struct eng_phase *p, const struct eng_task *t)
{
    size_t i = (size_t)(t - p->tasks);
    if (p->number != s->row.current_phase || !eng__session_open(s)) {
        eng__view_next(w, s, p);
    } else if (i + 1 < p->tasks_count) {
        eng__view_next_task(w, s, p, &p->tasks[i + 1],
                            "When this task is done: the next one.");
    } else {
        json_key(w, SLICE("gate"));
        eng_gate_write(p->gate, w);
        eng__view_next_complete(w, s, p);
    }
}

static void reply(struct eng_call *c, const struct eng_snapshot *s,
                  const struct eng_phase *p, const struct eng_task *t,
                  const struct eng_drift *drift)
{
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_put_int(&w, "phase", p->number);
    json_key(&w, SLICE("task"));
    task_write(&w, t, eng__claim(s, p->number, t->number));
    json_key(&w, SLICE("position"));
    json_stringf(&w, "%zu/%zu", (size_t)(t - p->tasks) + 1, p->tasks_count);
    eng__view_drift(&w, drift);
    next_write(&w, s, p, t);
    json_end_object(&w);
}

/* Thread: worker */
static enum err decide(struct eng_op *op)
{
    const struct eng_get_task_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct eng_phase *p;
    struct eng_drift drift;
    enum err e = eng__session_get(op->engine, c, args->session_id, &s);
    if (!e) e = eng__fresh_check(op, s, false);
    if (!e) e = eng__phase_readable(c, s, args->phase, &p);
    if (e) return e;
    const struct eng_task *t = eng_phase_task(p, args->task_number);
    if (!t) return eng__problem_no_task(c, s->definition, p, args->task_number);
    e = eng__catalog_drift(op->engine, c, s->definition, &drift);
    if (!e) reply(c, s, p, t, &drift);
    return e;
}

/* Thread: loop */
static enum err from_caches(struct engine *e, struct eng_call *c,
                            const struct eng_get_task_args *args)
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
    if (r) return r;
    const struct eng_task *t = eng_phase_task(p, args->task_number);
    if (!t) return eng__problem_no_task(c, s->definition, p, args->task_number);
    if (eng__reply_again(e, c, s, p->number, t->number)) return OK;
    reply(c, s, p, t, &none);
    eng__reply_keep(e, c, s, p->number, t->number);
    return OK;
}

enum err eng_get_task(struct engine *e, struct eng_call *c,
                      const struct eng_get_task_args *args)
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
