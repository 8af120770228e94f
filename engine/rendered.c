#include "engine/rendered.h"

#include "base/alloc.h"
#include "engine/gate.h"
#include "engine/phase_key.h"
#include "engine/pinned.h"
#include "engine/problems.h"

#define RENDERED_CEILING (64u << 20)

struct rendered {
    struct eng_rendered view;
    struct buf plain, escaped; /* the members, without braces */
};

static void rendered_free(void *ctx, void *value)
{
    (void)ctx;
    struct rendered *r = value;
    if (!r) return;
    buf_done(&r->plain);
    buf_done(&r->escaped);
    mem_free(r);
}

static void phase_write(const struct eng_phase *p, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_int(&w, "number", p->number);
    json_put_string(&w, "name", p->name);
    if (p->dynamic) json_put_int(&w, "source_number", p->source_number);
    json_put_string(&w, "purpose", p->purpose);
    json_put_string(&w, "content", p->content);
    json_key(&w, SLICE("gate"));
    eng_gate_write(p->gate, &w);
    json_key(&w, SLICE("deliverables"));
    json_begin_array(&w);
    for (size_t i = 0; i < p->deliverables_count; i++)
        json_string(&w, p->deliverables[i]);
    json_end_array(&w);
    json_put_string(&w, "estimated_effort", p->estimated_effort);
    json_end_object(&w);
}

static enum err rendered_fill(struct rendered *r, const struct eng_phase *p)
{
    r->plain = BUF_INIT(RENDERED_CEILING);
    r->escaped = BUF_INIT(RENDERED_CEILING);
    phase_write(p, &r->plain);
    if (r->plain.err) return r->plain.err;
    struct slice members = slice_sub(buf_slice(&r->plain), 1, r->plain.n - 2);
    json_escape(&r->escaped, members);
    r->view.members = (struct twin_fragment){members, buf_slice(&r->escaped)};
    return r->escaped.err;
}

static enum err rendered_load(void *ctx, struct slice key,
                              const struct cancel *c, struct st_loaded *ret)
{
    struct slice hash;
    int64_t phase;
    struct eng_definition *d;
    if (!phase_key_parse(key, &hash, &phase)) return ERR_INTERNAL;
    enum err e = eng__pinned_load(ctx, hash, c, &d);
    if (e) return e;
    const struct eng_phase *p = eng_definition_phase(d, phase);
    struct rendered *r = p ? MEM_NEW(struct rendered) : NULL;
    e = !p ? ERR_NOT_FOUND : !r ? ERR_NOMEM : rendered_fill(r, p);
    eng_definition_unref(d);
    if (e) {
        rendered_free(ctx, r);
        return e;
    }
    *ret = (struct st_loaded){.value = r,
                              .bytes = sizeof(*r) + r->plain.n + r->escaped.n};
    return OK;
}

enum err eng__rendered_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(e, ENG_CACHE_RENDERED,
                          &(struct st_cache_row){.key_label = "phase",
                                                 .rank = 4,
                                                 .load = rendered_load,
                                                 .free_value = rendered_free,
                                                 .ctx = e},
                          ret);
}

enum err eng__rendered_get(struct engine *e, struct eng_call *c,
                           const struct eng_definition *d, int64_t phase,
                           const struct eng_rendered **ret)
{
    char text[PHASE_KEY_SIZE];
    const void *value;
    enum err r = eng__cache_get(e, ENG_CACHE_RENDERED,
                                phase_key(text, d->hash, phase), c, &value);
    if (r) return eng__problem_store(c, r);
    *ret = &((const struct rendered *)value)->view;
    return OK;
}

const struct eng_rendered *eng__rendered_peek(struct engine *e,
                                              const struct eng_definition *d,
                                              int64_t phase, int64_t now)
{
    char text[PHASE_KEY_SIZE];
    const struct rendered *r = eng__cache_peek(
        e, ENG_CACHE_RENDERED, phase_key(text, d->hash, phase), now);
    return r ? &r->view : NULL;
}
