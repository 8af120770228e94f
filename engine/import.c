#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/approval_record.h"
#include "engine/audit.h"
#include "engine/chain.h"
#include "engine/problems.h"
#include "engine/transfer.h"

#define LIST_CEILING (256u << 20)
#define SCRATCH_CEILING (1u << 30)

static const struct json_limits limits = {1u << 30, 128, 20000000};

/* --- what came of it ------------------------------------------------------ */

static struct json_writer item_begin(struct buf *list, struct slice id)
{
    if (list->n) buf_putc(list, ',');
    struct json_writer w = json_writer(list);
    json_begin_object(&w);
    json_put_string(&w, "session_id", id);
    return w;
}

void eng__import_skipped(struct import *im, struct slice id, const char *why)
{
    struct json_writer w = item_begin(&im->skipped, id);
    json_put_string(&w, "why", slice_of(why));
    json_end_object(&w);
}

static void imported(struct import *im, const struct eng_record *r,
                     struct slice trouble, struct slice notes)
{
    struct json_writer w = item_begin(&im->imported, r->row.id);
    json_put_string(&w, "workflow_type", r->row.workflow_type);
    json_put_string(&w, "status", r->row.status);
    json_put_int(&w, "current_phase", r->row.current_phase);
    json_put_int(&w, "total_phases", r->row.total_phases);
    json_put_int(&w, "attempts", (int64_t)r->evidence_count);
    if (trouble.n) json_put_string(&w, "trouble", trouble);
    json_put_raw(&w, "notes", notes);
    json_end_object(&w);
}

static void refused(struct import *im, struct slice id, const struct audit *au)
{
    struct json_writer w = item_begin(&im->refused, id);
    json_key(&w, SLICE("flaws"));
    json_begin_array(&w);
    for (size_t i = 0; i < au->flaws_count; i++) {
        json_begin_object(&w);
        json_put_string(&w, "code", slice_of(au->flaws[i].code));
        json_put_string(&w, "what", au->flaws[i].what);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

/* --- writing one ---------------------------------------------------------- */

struct write {
    const struct eng_record *record;
    struct slice actor;
};

static enum err record_put(void *ctx, struct st_tx *tx)
{
    const struct write *w = ctx;
    const struct eng_record *r = w->record;
    enum err e = st_session_insert(tx, &r->row);
    if (!e && r->definition_body.n)
        e = st_definition_put(tx, r->row.definition_hash, r->row.workflow_type,
                              r->definition_body);
    for (size_t i = 0; !e && i < r->events_count; i++)
        e = st_event_append(tx, &r->events[i]);
    for (size_t i = 0; !e && i < r->evidence_count; i++)
        e = st_evidence_insert(tx, &r->evidence[i]);
    for (size_t i = 0; !e && i < r->claims_count; i++)
        e = st_claim_put(tx, &r->claims[i]);
    for (size_t i = 0; !e && i < r->approvals_count; i++)
        e = st_approval_put(tx, &r->approvals[i]);
    if (!e) e = eng__chain_note(tx, SLICE(CHAIN_IMPORTED), w->actor, &r->row);
    return e;
}

/* A removed session may come back: its version goes on growing, so that a
 * server which still has the old one in its cache cannot take it for this. */
static enum err version_after(struct st_tx *tx, struct arena *a,
                              struct st_session *row)
{
    struct st_event *list;
    size_t n;
    enum err e = st_event_list(tx, SLICE(""), 0, 0, a, &list, &n);
    for (size_t i = 0; !e && i < n; i++) {
        const struct json *data;
        struct json_error je;
        int64_t version;
        if (!slice_eq(list[i].type, SLICE(CHAIN_REMOVED))) continue;
        enum err bad = json_parse(list[i].data, NULL, a, &data, &je);
        if (bad == ERR_NOMEM) return bad;
        if (bad ||
            !slice_eq(json_text(json_get(data, SLICE("session_id"))), row->id))
            continue;
        if (json_int64(json_get(data, SLICE("version")), &version) &&
            version >= row->version)
            row->version = version + 1;
    }
    return e;
}

/* Is there one of this id? Fills the version for a new one. */
static enum err look(struct import *im, struct eng_record *r,
                     const char **ret_why)
{
    struct st_session has;
    struct st_tx *tx;
    struct arena a;
    enum err e = st_read_begin(im->engine->store, im->call->cancel, &tx);
    if (e) return e;
    arena_init(&a, SCRATCH_CEILING);
    e = st_session_get(tx, r->row.id, &a, &has);
    if (!e)
        *ret_why =
            !im->ours || (has.event_seq == r->row.event_seq &&
                          sha256_equal(has.event_hash, r->row.event_hash))
                ? "it is here already"
                : "a session of this id is here, with another record";
    else if (e == ERR_NOT_FOUND)
        e = version_after(tx, &a, &r->row);
    arena_done(&a);
    st_read_end(tx);
    return e;
}

enum err eng__import_record(struct import *im, struct eng_record *r,
                            struct slice trouble, struct slice notes)
{
    const char *why = NULL;
    struct write w = {r, im->call->actor};
    enum err e = look(im, r, &why);
    if (!e && !why) e = st_write(im->engine->store, record_put, &w);
    if (e == ERR_EXISTS) {
        why = "it is here already";
        e = OK;
    }
    if (e) return eng__problem_store(im->call, e);
    if (why)
        eng__import_skipped(im, r->row.id, why);
    else
        imported(im, r, trouble, notes);
    return OK;
}

/* --- reading our own document --------------------------------------------- */

/* First failure is kept; everything after it is empty. */
struct reader {
    struct arena *arena;
    enum err err;
    const char *wrong;
};

static int64_t take_int(struct reader *r, const struct json *v, const char *key)
{
    int64_t n = 0;
    if (!json_int64(json_get(v, slice_of(key)), &n) && !r->wrong)
        r->wrong = key;
    return n;
}

static struct slice take_text(struct reader *r, const struct json *v,
                              const char *key)
{
    const struct json *t = json_get(v, slice_of(key));
    if (!json_is(t, JSON_STRING)) {
        if (!r->wrong) r->wrong = key;
        return SLICE("");
    }
    return json_text(t);
}

static bool take_bool(struct reader *r, const struct json *v, const char *key)
{
    const struct json *t = json_get(v, slice_of(key));
    if (!json_is_bool(t) && !r->wrong) r->wrong = key;
    return json_is(t, JSON_TRUE);
}

static void take_hash(struct reader *r, const struct json *v, const char *key,
                      uint8_t ret[SHA256_SIZE])
{
    if (!sha256_parse(take_text(r, v, key), ret) && !r->wrong) r->wrong = key;
}

static const struct json *take_list(struct reader *r, const struct json *v,
                                    const char *key)
{
    static const struct json none = {.type = JSON_ARRAY};
    const struct json *list = json_get(v, slice_of(key));
    if (json_is(list, JSON_ARRAY)) return list;
    if (!r->wrong) r->wrong = key;
    return &none;
}

static struct st_session row_read(struct reader *r, const struct json *v)
{
    struct st_session row = {.id = take_text(r, v, "id"),
                             .workflow_type = take_text(r, v, "workflow_type"),
                             .target = take_text(r, v, "target"),
                             .status = take_text(r, v, "status"),
                             .definition_hash =
                                 take_text(r, v, "definition_hash"),
                             .current_phase = take_int(r, v, "current_phase"),
                             .total_phases = take_int(r, v, "total_phases"),
                             .version = take_int(r, v, "version"),
                             .created_ms = take_int(r, v, "created_ms"),
                             .updated_ms = take_int(r, v, "updated_ms"),
                             .hidden = take_bool(r, v, "hidden"),
                             .event_seq = take_int(r, v, "event_seq"),
                             .detail = take_text(r, v, "detail")};
    enum eng_status status;
    take_hash(r, v, "event_hash", row.event_hash);
    if (!uuid_valid(row.id) && !r->wrong) r->wrong = "id";
    if (!eng__status_parse(row.status, &status) && !r->wrong)
        r->wrong = "status";
    if (row.version < 1 && !r->wrong) r->wrong = "version";
    return row;
}

static void events_read(struct reader *r, const struct json *list,
                        struct eng_record *rec)
{
    rec->events = ARENA_ARRAY(r->arena, struct st_event, list->count + 1u);
    if (!rec->events) {
        r->err = ERR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct st_event *ev = &rec->events[rec->events_count++];
        *ev = (struct st_event){.session_id = rec->row.id,
                                .seq = take_int(r, v, "seq"),
                                .at_ms = take_int(r, v, "at_ms"),
                                .type = take_text(r, v, "type"),
                                .actor = take_text(r, v, "actor"),
                                .phase = take_int(r, v, "phase"),
                                .data = take_text(r, v, "data")};
        take_hash(r, v, "prev_hash", ev->prev_hash);
        take_hash(r, v, "hash", ev->hash);
    }
}

static void evidence_read(struct reader *r, const struct json *list,
                          struct eng_record *rec)
{
    rec->evidence = ARENA_ARRAY(r->arena, struct st_evidence, list->count + 1u);
    if (!rec->evidence) {
        r->err = ERR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        rec->evidence[rec->evidence_count++] =
            (struct st_evidence){.session_id = rec->row.id,
                                 .phase = take_int(r, v, "phase"),
                                 .event_seq = take_int(r, v, "event_seq"),
                                 .at_ms = take_int(r, v, "at_ms"),
                                 .passed = take_bool(r, v, "passed"),
                                 .body = take_text(r, v, "body"),
                                 .verdict = take_text(r, v, "verdict")};
    }
}

static void claims_read(struct reader *r, const struct json *list,
                        struct eng_record *rec)
{
    rec->claims = ARENA_ARRAY(r->arena, struct st_claim, list->count + 1u);
    if (!rec->claims) {
        r->err = ERR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        rec->claims[rec->claims_count++] =
            (struct st_claim){.session_id = rec->row.id,
                              .phase = take_int(r, v, "phase"),
                              .task = take_int(r, v, "task"),
                              .status = take_text(r, v, "status"),
                              .agent = take_text(r, v, "agent"),
                              .fence = take_int(r, v, "fence"),
                              .expires_ms = take_int(r, v, "expires_ms")};
    }
}

/* Absent in what older programs wrote. */
static void approvals_read(struct reader *r, const struct json *list,
                           struct eng_record *rec)
{
    size_t n = json_is(list, JSON_ARRAY) ? list->count : 0;
    rec->approvals = ARENA_ARRAY(r->arena, struct st_approval, n + 1);
    if (!rec->approvals) {
        r->err = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *v = &list->items[i];
        struct st_approval *ap = &rec->approvals[rec->approvals_count++];
        if (!eng__approval_read(json_get(v, SLICE("approval")), ap) &&
            !r->wrong)
            r->wrong = "approval";
        ap->phase = take_int(r, v, "phase");
        ap->session_id = rec->row.id;
    }
}

static struct slice body_find(const struct json *definitions, struct slice hash)
{
    for (uint32_t i = 0; i < definitions->count; i++) {
        const struct json *v = &definitions->items[i];
        if (slice_eq(json_text(json_get(v, SLICE("hash"))), hash))
            return json_text(json_get(v, SLICE("body")));
    }
    return (struct slice){0};
}

/* --- judging it ----------------------------------------------------------- */

static const struct st_evidence *evidence_of(const struct eng_record *r,
                                             const struct st_event *ev)
{
    for (size_t i = 0; i < r->evidence_count; i++)
        if (r->evidence[i].event_seq == ev->seq &&
            r->evidence[i].phase == ev->phase)
            return &r->evidence[i];
    return NULL;
}

static enum err record_audit(struct audit *au, const struct eng_record *r)
{
    struct eng_files files;
    eng__audit_begin(au, &r->row);
    for (size_t i = 0; i < r->events_count; i++)
        eng__audit_event(au, &r->events[i],
                         eng__audit_wants_evidence(au, &r->events[i])
                             ? evidence_of(r, &r->events[i])
                             : NULL);
    enum err e = eng__audit_end(
        au,
        &(struct audit_rows){r->claims, r->claims_count, r->approvals,
                             r->approvals_count, (int64_t)r->evidence_count});
    if (e) return e;
    e = eng_files_unpack(r->definition_body, au->scratch, &files);
    if (e == ERR_NOMEM) return e;
    if (e || !eng_files_are(&files, r->row.definition_hash))
        eng__audit_flaw(au, "DEFINITION_CHANGED", r->row.id, 0,
                        "its definition is missing or is another one");
    if (!r->events_count)
        eng__audit_flaw(au, "HEAD_DIFFERS", r->row.id, 0,
                        "it has no events at all");
    return au->err;
}

static enum err not_ours(struct import *im, const char *wrong, uint32_t index)
{
    struct eng_call *c = im->call;
    return problem_setf(&c->problem, c->arena, ERR_INVALID,
                        arena_printf(c->arena,
                                     "\"%s\" of session %u is missing or of "
                                     "the wrong type.",
                                     wrong, index),
                        SLICE("Use a file as `phasegate sessions export` "
                              "wrote it."),
                        "%.*s is not a whole export",
                        SLICE_ARG(im->args->name));
}

static enum err session_import(struct import *im, const struct json *v,
                               const struct json *definitions, uint32_t index)
{
    struct arena a;
    struct audit au;
    struct eng_record rec = {0};
    arena_init(&a, SCRATCH_CEILING);
    struct reader r = {.arena = &a};
    rec.row = row_read(&r, json_get(v, SLICE("row")));
    events_read(&r, take_list(&r, v, "events"), &rec);
    evidence_read(&r, take_list(&r, v, "evidence"), &rec);
    claims_read(&r, take_list(&r, v, "claims"), &rec);
    approvals_read(&r, json_get(v, SLICE("approvals")), &rec);
    rec.definition_body = body_find(definitions, rec.row.definition_hash);
    enum err e = r.err;
    if (!e && r.wrong) e = not_ours(im, r.wrong, index);
    if (!e) {
        eng__audit_init(&au, &a, &a);
        e = record_audit(&au, &rec);
        if (!e && au.flaws_count)
            refused(im, rec.row.id, &au);
        else if (!e)
            e = eng__import_record(im, &rec, (struct slice){0}, SLICE("[]"));
    }
    arena_done(&a);
    if (e == ERR_NOMEM) return eng__problem_nomem(im->call);
    return e;
}

static enum err import_ours(struct import *im, const struct json *doc)
{
    struct reader r = {0};
    int64_t format = take_int(&r, doc, "phasegate_export");
    const struct json *sessions = take_list(&r, doc, "sessions");
    const struct json *definitions = take_list(&r, doc, "definitions");
    enum err e = OK;
    if (r.wrong || format != 1)
        return not_ours(im, r.wrong ? r.wrong : "phasegate_export", 0);
    progress_expect(im->call->progress, sessions->count);
    for (uint32_t i = 0; !e && i < sessions->count; i++) {
        e = session_import(im, &sessions->items[i], definitions, i);
        progress_step(im->call->progress, 1);
    }
    return e;
}

/* --- either --------------------------------------------------------------- */

/* What is JSON and still no record; `what` is NULL: nothing. */
static struct json_error odd_of(struct slice text, const struct json *doc)
{
    if (!json_is(doc, JSON_OBJECT))
        return (struct json_error){0, "It is no JSON object."};
    const struct json_member *twice = json_duplicate_key_deep(doc);
    if (twice)
        return (struct json_error){(size_t)(twice->at - text.p),
                                   "A key stands twice in one object: which "
                                   "of the two is meant cannot be known."};
    return (struct json_error){0};
}

static enum err parse(struct import *im, const struct json **ret)
{
    struct eng_call *c = im->call;
    struct slice text = im->args->text;
    struct json_error je;
    enum err e = json_parse(text, &limits, c->arena, ret, &je);
    if (e == ERR_NOMEM) return eng__problem_nomem(c);
    if (!e) je = odd_of(text, *ret);
    if (!je.what) return OK;
    struct text_position at = slice_position(text, je.at);
    return problem_setf(
        &c->problem, c->arena, ERR_PARSE, slice_of(je.what),
        SLICE("The file was not changed; the others are imported without it."),
        "%.*s cannot be read at line %u, column %u", SLICE_ARG(im->args->name),
        (unsigned)at.line, (unsigned)at.column);
}

static void list_write(struct json_writer *w, const char *key, struct buf *list)
{
    json_key(w, slice_of(key));
    json_begin_array(w);
    if (list->n) json_raw(w, buf_slice(list));
    json_end_array(w);
}

static enum err import_run(struct import *im)
{
    const struct json *doc;
    enum err e = parse(im, &doc);
    if (e) return e;
    im->ours = json_get(doc, SLICE("phasegate_export")) != NULL;
    e = im->ours ? import_ours(im, doc) : eng__import_praxis(im, doc);
    if (e) return e;
    if (im->imported.err || im->skipped.err || im->refused.err)
        return eng__problem_nomem(im->call);
    struct json_writer w = json_writer(&im->call->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "format",
                    im->ours ? SLICE("phasegate") : SLICE("praxis-os"));
    list_write(&w, "imported", &im->imported);
    list_write(&w, "skipped", &im->skipped);
    list_write(&w, "refused", &im->refused);
    json_end_object(&w);
    return OK;
}

enum err eng_import(struct engine *e, struct eng_call *c,
                    const struct eng_import_args *args)
{
    struct import im = {.engine = e,
                        .call = c,
                        .args = args,
                        .imported = BUF_INIT(LIST_CEILING),
                        .skipped = BUF_INIT(LIST_CEILING),
                        .refused = BUF_INIT(LIST_CEILING)};
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    enum err r = import_run(&im);
    buf_done(&im.imported);
    buf_done(&im.skipped);
    buf_done(&im.refused);
    return eng__settled(c, r);
}

/* --- removing ------------------------------------------------------------- */

struct removal {
    struct slice id, actor;
};

static enum err removal_run(void *ctx, struct st_tx *tx)
{
    const struct removal *r = ctx;
    struct st_session row;
    struct arena a;
    arena_init(&a, SCRATCH_CEILING);
    enum err e = st_session_get(tx, r->id, &a, &row);
    row.updated_ms = clock_wall_ms();
    if (!e) e = eng__chain_note(tx, SLICE(CHAIN_REMOVED), r->actor, &row);
    if (!e) e = st_session_delete(tx, r->id);
    arena_done(&a);
    return e;
}

enum err eng_remove_session(struct engine *e, struct eng_call *c,
                            const struct eng_remove_session_args *args)
{
    struct removal r = {args->session_id, c->actor};
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(r.id)) return eng__problem_session_id(c, r.id);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "session_id", r.id);
    json_put_bool(&w, "removed", true);
    json_end_object(&w);
    enum err x = c->out->plain.err; /* else it could not be told */
    if (!x) x = st_write(e->store, removal_run, &r);
    eng__session_forget(e, r.id);
    if (x == ERR_NOT_FOUND) return eng__problem_session_absent(c, r.id);
    return x ? eng__problem_store(c, x) : OK;
}
