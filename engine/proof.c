#include "engine/proof.h"

#include "engine/approval_record.h"
#include "engine/digest.h"
#include "engine/problems.h"
#include "engine/proof_private.h"
#include "engine/runs.h"

/* --- the rungs ------------------------------------------------------------ */

static const struct json yes = {.type = JSON_TRUE, .raw = SLICE_INIT("true")};

static enum err prove_claimed(struct eng_proving *p, const struct eng_field *f,
                              const struct json *v, struct eng_proof *ret)
{
    (void)p, (void)f, (void)v;
    ret->detail = SLICE("as the agent stated it");
    return OK;
}

/* The phase waits for the person's word as a whole (eng__approval_ask); here
 * only what the word is worth for the field: a boolean that the agent left out
 * is true by it. */
static enum err prove_human(struct eng_proving *p, const struct eng_field *f,
                            const struct json *v, struct eng_proof *ret)
{
    const struct st_approval *ap = eng__approval(p->s, p->phase->number);
    bool absent = !v || v->type == JSON_NULL;
    if (!eng__approval_is(ap, "approved") ||
        !sha256_equal(ap->subject, p->subject)) {
        ret->detail = SLICE("a person has to approve it");
        if (absent && f->type == ENG_BOOLEAN) ret->state = ENG_TO_BE_PROVEN;
        return OK;
    }
    ret->state = ENG_PROVEN;
    ret->detail =
        arena_printf(p->call->arena, "approved by %.*s (%.*s)",
                     SLICE_ARG(ap->decided_by), SLICE_ARG(ap->channel));
    if (absent && f->type == ENG_BOOLEAN) ret->value = &yes;
    return ret->detail.p ? OK : ERR_NOMEM;
}

/* Run once the rest is met (engine/runs.h), and judged then. */
static enum err prove_command(struct eng_proving *p, const struct eng_field *f,
                              const struct json *v, struct eng_proof *ret)
{
    size_t i = (size_t)(f - p->gate->fields);
    const struct eng_proof *ran =
        eng__runs_proof(p->op, p->s, p->phase->number, i);
    (void)v;
    if (ran) {
        *ret = *ran;
        return OK;
    }
    ret->state = ENG_TO_BE_PROVEN;
    ret->detail = SLICE("not run: it is when everything else is met");
    p->commands = true;
    return OK;
}

static const struct rung {
    struct slice name;
    struct slice words; /* to the agent, beforehand */
    /* `v`: what the agent sent, or NULL. *ret is ENG_AS_SENT until then. */
    enum err (*prove)(struct eng_proving *p, const struct eng_field *f,
                      const struct json *v, struct eng_proof *ret);
    bool of_people; /* after the subject is known */
} rungs[ENG_RUNG_COUNT] = {
    [ENG_CLAIMED] = {SLICE_INIT("claimed"), SLICE_INIT(""), prove_claimed,
                     false},
    [ENG_CLIENT] = {SLICE_INIT("client"),
                    SLICE_INIT("Your client asks its user when everything else "
                               "is met; leave a boolean out."),
                    eng__prove_client, true},
    [ENG_FILE] = {SLICE_INIT("file"),
                  SLICE_INIT("Send the path of a regular file of the project: "
                             "the server reads it and keeps its SHA-256."),
                  eng__prove_file, false},
    [ENG_COMMAND] = {SLICE_INIT("command"),
                     SLICE_INIT("The server runs the command itself and takes "
                                "the value from it; leave the field out."),
                     prove_command, false},
    [ENG_CI] = {SLICE_INIT("ci"),
                SLICE_INIT("The server reads the result that CI signed; leave "
                           "the field out."),
                eng__prove_ci, false},
    [ENG_HUMAN] = {SLICE_INIT("human"),
                   SLICE_INIT("A person approves it: complete_phase leaves a "
                              "request, and passes when it is sent again after "
                              "the approval."),
                   prove_human, true},
};

struct slice eng_rung_name(enum eng_rung r)
{
    return rungs[r].name;
}

struct slice eng_rung_words(enum eng_rung r)
{
    return rungs[r].words;
}

bool eng_rung_parse(struct slice name, enum eng_rung *ret)
{
    for (int i = 0; i < ENG_RUNG_COUNT; i++)
        if (slice_eq(name, rungs[i].name)) {
            *ret = (enum eng_rung)i;
            return true;
        }
    return false;
}

/* --- proving -------------------------------------------------------------- */

/* What people decide about: the evidence by meaning, and what was proven. */
static enum err subject_of(struct eng_proving *p)
{
    struct sha256 h;
    sha256_init(&h);
    eng__digest_text(&h, SLICE("approval"));
    eng__digest_int(&h, p->phase->number);
    enum err e = eng__digest_json(&h, p->evidence, p->call->arena);
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        /* What a command took and printed differs with every run. */
        if (p->gate->fields[i].rung == ENG_COMMAND) continue;
        eng__digest_text(&h, p->proofs[i].members);
    }
    sha256_end(&h, p->subject);
    return e;
}

static enum err prove_rungs(struct eng_proving *p, bool of_people)
{
    enum err e = OK;
    for (size_t i = 0; !e && i < p->gate->fields_count; i++) {
        const struct eng_field *f = &p->gate->fields[i];
        const struct rung *r = &rungs[f->rung];
        if (r->of_people == of_people)
            e = r->prove(p, f, json_get(p->evidence, f->name), &p->proofs[i]);
    }
    return e;
}

/* The evidence with measured values in the place of those that were sent. */
static enum err effective(struct eng_proving *p)
{
    const struct json *sent = p->evidence;
    size_t n = 0, measured = 0, fields = p->gate->fields_count;
    for (size_t i = 0; i < fields; i++) measured += p->proofs[i].value != NULL;
    p->effective = sent;
    if (!measured) return OK;
    struct json *v = json_new(p->call->arena, JSON_OBJECT);
    struct json_member *list =
        ARENA_ARRAY(p->call->arena, struct json_member, sent->count + measured);
    if (!v || !list) return ERR_NOMEM;
    for (size_t i = 0; i < fields; i++)
        if (p->proofs[i].value)
            list[n++] = (struct json_member){.key = p->gate->fields[i].name,
                                             .value = *p->proofs[i].value};
    for (uint32_t i = 0; i < sent->count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < measured && !replaced; k++)
            replaced = slice_eq(list[k].key, sent->members[i].key);
        if (!replaced) list[n++] = sent->members[i];
    }
    v->raw = sent->raw;
    v->members = list;
    v->count = (uint32_t)n;
    p->effective = v;
    return OK;
}

enum err eng__prove(struct eng_proving *p)
{
    size_t n = p->gate->fields_count;
    p->proofs = ARENA_ARRAY(p->call->arena, struct eng_proof, n + 1);
    if (!p->proofs) return eng__problem_nomem(p->call);
    for (size_t i = 0; i < n; i++) p->proofs[i] = (struct eng_proof){0};
    enum err e = prove_rungs(p, false);
    if (!e) e = subject_of(p);
    if (!e) e = prove_rungs(p, true);
    if (!e) e = effective(p);
    return e ? eng__problem_store(p->call, e) : OK;
}

void eng__proofs_write(struct json_writer *w, const struct eng_proving *p)
{
    json_key(w, SLICE("proofs"));
    json_begin_array(w);
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        const struct eng_field *f = &p->gate->fields[i];
        const struct eng_proof *proof = &p->proofs[i];
        const struct json *v = json_get(p->effective, f->name);
        if ((!v || v->type == JSON_NULL) && f->rung == ENG_CLAIMED) continue;
        json_begin_object(w);
        json_put_string(w, "field", f->name);
        json_put_string(w, "kind", eng_rung_name(f->rung));
        json_put_string(w, "detail", proof->detail);
        if (proof->value) json_put_raw(w, "value", proof->value->raw);
        json_raw_members(w, proof->members);
        json_end_object(w);
    }
    json_end_array(w);
}
