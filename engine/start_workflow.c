#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/chain.h"
#include "engine/digest.h"
#include "engine/fresh.h"
#include "engine/idempotency.h"
#include "engine/problems.h"
#include "engine/source.h"
#include "engine/target.h"
#include "engine/view.h"

#define PACK_CEILING (64u << 20)

/* What texts written for praxis-os call our tools. */
#define OLD_NAMES                                                              \
    "{\"start_workflow\":\"start_workflow\",\"get_current_phase\":"            \
    "\"get_phase\",\"get_task\":\"get_task\",\"complete_phase\":"              \
    "\"complete_phase\",\"get_workflow_state\":\"get_session\","               \
    "\"search_standards\":\"search_standards\",\"current_date\":"              \
    "\"get_server_info (today)\"}"

/* --- the answer --------------------------------------------------------- */

static void phases_write(struct json_writer *w, const struct eng_snapshot *s)
{
    const struct eng_definition *d = s->definition;
    json_key(w, SLICE("phases"));
    json_begin_array(w);
    for (size_t i = 0; i < d->phases_count; i++) {
        const struct eng_phase *p = &d->phases[i];
        json_begin_object(w);
        json_put_int(w, "number", p->number);
        json_put_string(w, "name", p->name);
        json_put_string(w, "status", slice_of(eng__phase_status(s, p->number)));
        json_put_int(w, "tasks", (int64_t)p->tasks_count);
        json_end_object(w);
    }
    json_end_array(w);
}

static enum err reply(struct eng_op *op, const struct eng_snapshot *s,
                      bool resumed, const struct eng_rendered *f,
                      const struct eng_drift *drift)
{
    struct eng_call *c = op->call;
    const struct eng_phase *p = eng__session_phase(s);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", s->row.id);
    json_put_string(&w, "workflow_type", s->row.workflow_type);
    json_put_string(&w, "target", s->row.target);
    json_put_bool(&w, "resumed", resumed);
    json_put_string(&w, "status", s->row.status);
    json_put_int(&w, "current_phase", s->row.current_phase);
    json_put_int(&w, "total_phases", s->row.total_phases);
    phases_write(&w, s);
    json_key(&w, SLICE("phase"));
    if (p)
        eng__view_phase(c->out, &w, s, p, f, clock_wall_ms());
    else
        json_null(&w);
    json_put_raw(&w, "tool_names_in_texts", SLICE(OLD_NAMES));
    eng__view_drift(&w, drift);
    eng__view_next(&w, s, p);
    json_end_object(&w);
    return OK;
}

/* --- resuming ----------------------------------------------------------- */

static enum err options_differ(struct eng_call *c, const struct eng_snapshot *s)
{
    return problem_setf(
        &c->problem, c->arena, ERR_SESSION_OPTIONS_DIFFER,
        arena_printf(c->arena,
                     "Session %.*s works on this target and was started with "
                     "other options.",
                     SLICE_ARG(s->row.id)),
        SLICE("Leave options out to resume it, or send \"resume\": false to "
              "start a new session."),
        "The unfinished session for \"%.*s\" has other options",
        SLICE_ARG(s->row.target));
}

/* Nothing is written, so nothing is kept for a repetition: it resumes again.
 * ERR_NOT_FOUND: it has ended since it was found. */
static enum err resume(struct eng_op *op, struct slice id)
{
    const struct eng_start_workflow_args *args = op->args;
    struct eng_call *c = op->call;
    const struct eng_snapshot *s;
    const struct eng_rendered *f = NULL;
    struct eng_drift drift;
    enum err e = eng__session_get(op->engine, c, id, &s);
    if (e == ERR_SESSION_NOT_FOUND) problem_init(&c->problem);
    if (e) return e == ERR_SESSION_NOT_FOUND ? ERR_NOT_FOUND : e;
    if (s->status == ENG_COMPLETED || s->status == ENG_ABANDONED)
        return ERR_NOT_FOUND;
    if (args->options && !(s->options ? json_equal(args->options, s->options)
                                      : args->options->count == 0))
        return options_differ(c, s);
    e = eng__fresh_check(op, s, false);
    if (e) return e;
    const struct eng_phase *p = eng__session_phase(s);
    if (p) e = eng__rendered_get(op->engine, c, s->definition, p->number, &f);
    if (!e) e = eng__catalog_drift(op->engine, c, s->definition, &drift);
    return e ? e : reply(op, s, true, f, &drift);
}

/* --- a new session ------------------------------------------------------ */

static enum err event_write(struct eng_op *op, struct eng_snapshot *s)
{
    struct buf b = BUF_INIT(PACK_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", s->row.workflow_type);
    json_put_string(&w, "target", s->row.target);
    json_put_string(&w, "definition_hash", s->row.definition_hash);
    json_key(&w, SLICE("options"));
    if (s->options)
        json_value(&w, s->options);
    else
        json_null(&w);
    eng__view_state(&w, s);
    json_put_int(&w, "total_phases", s->row.total_phases);
    json_end_object(&w);
    return eng__op_event(op, SLICE("session_started"), -1, &b);
}

static void drop_definition(void *d)
{
    eng_definition_unref(d);
}

/* A phase of a definition that is not pinned yet is rendered by its hash once
 * it is in the store; until the commit the definitions cache is told of it. */
static enum err definition_offer(struct eng_op *op, struct eng_definition *d)
{
    st_cache_put(op->engine->cache[ENG_CACHE_DEFINITIONS], d->hash,
                 &(struct st_loaded){.value = eng_definition_ref(d),
                                     .bytes = eng_definition_bytes(d),
                                     .version = 1});
    return arena_hold(op->call->arena, drop_definition, eng_definition_ref(d));
}

/* Two processes may start on one target at once: one session is made. */
static enum err insert_unique(struct st_tx *tx, const struct st_session *row,
                              const void *args)
{
    const struct eng_start_workflow_args *start = args;
    struct arena a;
    struct st_session other;
    enum err e = OK;
    if (start->resume) {
        arena_init(&a, PACK_CEILING);
        e = st_session_find(tx, row->workflow_type, row->target, &a, &other);
        arena_done(&a);
        if (!e) return ERR_CONFLICT; /* decided again: it will be resumed */
        if (e != ERR_NOT_FOUND) return e;
    }
    return st_session_insert(tx, row);
}

static enum err fresh(struct eng_op *op, struct eng_definition *d,
                      uint64_t stamp, const struct eng_repeat *repeat)
{
    static const struct eng_drift none;
    const struct eng_start_workflow_args *args = op->args;
    struct eng_call *c = op->call;
    struct op_change *ch = &op->change;
    const struct eng_rendered *f;
    char id[UUID_SIZE];
    enum err e = definition_offer(op, d);
    if (!e)
        e = eng__snapshot_first(d, random_uuid(id), args->target, args->options,
                                clock_wall_ms(), stamp, &ch->next);
    if (!e) e = event_write(op, ch->next);
    if (e) return eng__problem_store(c, e);
    e = eng__rendered_get(op->engine, c, d, d->start_phase, &f);
    if (!e) e = reply(op, ch->next, false, f, &none);
    if (!e) e = eng__repeat_keep(op, repeat);
    if (e) return e;
    e = eng__op_pin(op, d);
    if (e) return e;
    ch->insert = insert_unique;
    ch->store_event = SLICE(CHAIN_CREATED);
    op->after = OK;
    return ERR_PENDING;
}

/* --- deciding ------------------------------------------------------------ */

static enum err unfinished(struct eng_op *op, struct slice *ret_id)
{
    const struct eng_start_workflow_args *args = op->args;
    struct st_session row;
    struct st_tx *tx;
    enum err e = st_read_begin(op->engine->store, op->call->cancel, &tx);
    if (e) return e;
    e = st_session_find(tx, args->workflow_type, args->target, op->call->arena,
                        &row);
    st_read_end(tx);
    if (!e) *ret_id = row.id;
    return e;
}

static enum err startable(struct eng_op *op, const struct eng_definition **ret)
{
    const struct eng_start_workflow_args *args = op->args;
    struct eng_call *c = op->call;
    enum err e = eng__catalog_get(op->engine, c, args->workflow_type, ret);
    if (e) return e;
    if ((*ret)->errors_count)
        return eng_definition_problem(*ret, c->arena, &c->problem);
    if ((*ret)->dynamic)
        return eng__source_define(op->engine, c, *ret, args->options, ret);
    return OK;
}

static enum err repeat_of(struct eng_op *op, struct eng_repeat *r)
{
    const struct eng_start_workflow_args *args = op->args;
    struct sha256 h;
    *r = (struct eng_repeat){.tool = "start_workflow",
                             .scope = op->node.key,
                             .key = args->idempotency_key};
    if (!r->key.n) return OK;
    sha256_init(&h);
    eng__digest_text(&h, SLICE("start_workflow"));
    eng__digest_text(&h, args->workflow_type);
    eng__digest_text(&h, args->target);
    eng__digest_text(&h, args->resume ? SLICE("1") : SLICE("0"));
    enum err e = eng__digest_json(&h, args->options, op->call->arena);
    sha256_end(&h, r->digest);
    return e ? eng__problem_nomem(op->call) : OK;
}

static enum err decide(struct eng_op *op)
{
    const struct eng_start_workflow_args *args = op->args;
    const struct eng_definition *d;
    struct eng_repeat repeat;
    struct slice id;
    enum err e = repeat_of(op, &repeat);
    if (!e) e = eng__repeat_check(op, &repeat);
    if (e) return e == ERR_EXISTS ? OK : e;
    uint64_t stamp = st_stamp(op->engine->store);
    e = args->resume ? unfinished(op, &id) : ERR_NOT_FOUND;
    if (e && e != ERR_NOT_FOUND) return eng__problem_store(op->call, e);
    if (!e) e = resume(op, id);
    if (e != ERR_NOT_FOUND) return e;
    e = startable(op, &d);
    return e ? e : fresh(op, (struct eng_definition *)d, stamp, &repeat);
}

enum err eng_start_workflow(struct engine *e, struct eng_call *c,
                            const struct eng_start_workflow_args *args)
{
    if (!e->store) return eng__problem_no_project(c);
    /* in the arena: a pending operation still reads it */
    struct eng_start_workflow_args *own =
        ARENA_NEW(c->arena, struct eng_start_workflow_args);
    if (!own) return eng__problem_nomem(c);
    *own = *args;
    enum err r = eng__target_take(c, args->target, &own->target);
    if (r) return r;
    /* Two starts of one thing at the same moment give one session. */
    struct slice key =
        arena_printf(c->arena, "start:%.*s:%.*s", SLICE_ARG(own->workflow_type),
                     SLICE_ARG(own->target));
    if (!key.p) return eng__problem_nomem(c);
    return eng__op_run(e, c, key, decide, own);
}
