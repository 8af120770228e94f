/* Sessions of praxis-os: one JSON file each, read and never written. What
 * its gates let pass is recorded as "imported", not judged again. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/chain.h"
#include "engine/problems.h"
#include "engine/transfer.h"
#include "engine/view.h"

#define TEXT_CEILING (64u << 20)
#define PHASES_MOST 1000

struct praxis {
    struct import *im;
    struct eng_call *call;
    const struct json *doc;
    struct slice id;
    struct eng_definition *definition; /* a reference of ours */
    struct slice trouble, trouble_why;
    int64_t now, created_ms, updated_ms;
    int64_t passed; /* phases first, first + 1, ... count as completed */
    int64_t first;
    struct eng_snapshot *snapshot;
    struct eng_record record;
    struct buf notes; /* "..","..": JSON strings */
};

static void note(struct praxis *p, const char *fmt, int64_t n)
{
    if (p->notes.n) buf_putc(&p->notes, ',');
    struct json_writer w = json_writer(&p->notes);
    char text[160];
    int len = snprintf(text, sizeof(text), "phase %" PRId64 " %s", n, fmt);
    json_string(&w, (struct slice){text, (size_t)len});
}

/* --- times ---------------------------------------------------------------- */

/* n digits, as a number; moves on. */
static bool digits(struct slice *s, size_t n, int *ret)
{
    int v = 0;
    if (s->n < n) return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = slice_sub(*s, n, s->n);
    *ret = v;
    return true;
}

static bool sign(struct slice *s, const char *any)
{
    if (!s->n || !strchr(any, s->p[0])) return false;
    *s = slice_sub(*s, 1, s->n);
    return true;
}

static int64_t fraction_ms(struct slice *s)
{
    int64_t ms = 0;
    int d, i = 0;
    if (!sign(s, ".,")) return 0;
    for (; digits(s, 1, &d); i++)
        if (i < 3) ms = ms * 10 + d;
    for (; i < 3; i++) ms *= 10;
    return ms;
}

/* What stands behind the time: Z, +02:00, or nothing, which is local. */
static bool zone(const struct eng_import_args *args, struct slice s,
                 bool *ret_local, int *ret_seconds)
{
    int h, m = 0;
    *ret_local = !s.n && !args->zone_given;
    *ret_seconds = !s.n ? args->zone_seconds : 0;
    if (!s.n || slice_eq(s, SLICE("Z")) || slice_eq(s, SLICE("z"))) return true;
    bool west = s.p[0] == '-';
    if (!sign(&s, "+-") || !digits(&s, 2, &h)) return false;
    (void)sign(&s, ":");
    if (s.n && !digits(&s, 2, &m)) return false;
    *ret_seconds = (west ? -1 : 1) * (h * 3600 + m * 60);
    return s.n == 0;
}

static bool time_parse(const struct eng_import_args *args, struct slice s,
                       int64_t *ret_ms)
{
    struct tm tm = {.tm_isdst = -1};
    bool local;
    int seconds;
    if (!digits(&s, 4, &tm.tm_year) || !sign(&s, "-") ||
        !digits(&s, 2, &tm.tm_mon) || !sign(&s, "-") ||
        !digits(&s, 2, &tm.tm_mday) || !sign(&s, "Tt ") ||
        !digits(&s, 2, &tm.tm_hour) || !sign(&s, ":") ||
        !digits(&s, 2, &tm.tm_min) || !sign(&s, ":") ||
        !digits(&s, 2, &tm.tm_sec))
        return false;
    int64_t ms = fraction_ms(&s);
    if (!zone(args, s, &local, &seconds)) return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t t = local ? mktime(&tm) : timegm(&tm) - seconds;
    *ret_ms = (int64_t)t * 1000 + ms;
    return true;
}

static int64_t time_of(struct praxis *p, const struct json *v, const char *key)
{
    int64_t ms;
    struct slice text = json_text(json_get(v, slice_of(key)));
    return time_parse(p->im->args, text, &ms) ? ms : p->now;
}

/* --- is it one? ----------------------------------------------------------- */

static enum err shape_check(struct praxis *p)
{
    static const struct {
        const char *key;
        enum json_type type;
    } wanted[] = {{"session_id", JSON_STRING},
                  {"workflow_type", JSON_STRING},
                  {"target_file", JSON_STRING},
                  {"current_phase", JSON_NUMBER}};
    struct eng_call *c = p->call;
    const char *wrong = NULL;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!wrong &&
            !json_is(json_get(p->doc, slice_of(wanted[i].key)), wanted[i].type))
            wrong = wanted[i].key;
    p->id = json_text(json_get(p->doc, SLICE("session_id")));
    if (!wrong && !uuid_valid(p->id)) wrong = "session_id";
    if (!wrong) return OK;
    return problem_setf(
        &c->problem, c->arena, ERR_INVALID,
        arena_printf(c->arena, "\"%s\" is missing or is not what it should be.",
                     wrong),
        SLICE("Give a file that `phasegate sessions export` wrote, or a "
              "session of .praxis-os/.cache/state/."),
        "%.*s holds no session", SLICE_ARG(p->im->args->name));
}

/* --- its workflow --------------------------------------------------------- */

static void trouble(struct praxis *p, enum err e, struct slice why)
{
    p->trouble = err_detail(e);
    p->trouble_why = why;
}

/* Nothing but the name: what a session of an unknown workflow is pinned to. */
static enum err stand_in(struct praxis *p, struct slice workflow_type)
{
    struct buf b = BUF_INIT(1u << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", workflow_type);
    json_put_raw(&w, "phases", SLICE("[]"));
    json_end_object(&w);
    struct eng_file file = {SLICE("metadata.json"), buf_slice(&b)};
    struct eng_files files = {
        .workflow_type = workflow_type, .files = &file, .count = 1};
    enum err e = b.err ? b.err : eng_definition_build(&files, &p->definition);
    buf_done(&b);
    return e;
}

static const struct json *option(const struct praxis *p, struct slice key)
{
    const struct json *metadata = json_get(p->doc, SLICE("metadata"));
    return json_get(metadata, key);
}

/* The plan of a dynamic workflow is not read here: a session that can have
 * one is opened by retry_phase. */
static void source_look(struct praxis *p, const struct eng_dynamic *dynamic)
{
    struct eng_call *c = p->call;
    struct slice key = dynamic ? dynamic->source_path_key : SLICE("");
    struct slice path = json_text(option(p, key)), full;
    struct slice root = p->im->engine->options.root;
    if (!path.n) {
        trouble(p, ERR_SOURCE_OPTION_MISSING,
                arena_printf(c->arena,
                             "It was started without the option \"%.*s\", "
                             "which names its plan.",
                             SLICE_ARG(key)));
    } else if (path_inside(root, path, c->arena, &full)) {
        trouble(p, ERR_SOURCE_NOT_FOUND,
                arena_printf(c->arena, "Its plan, %.*s, is not in the project.",
                             SLICE_ARG(path)));
    } else {
        trouble(p, ERR_UNAVAILABLE, SLICE("Its plan has not been read yet."));
    }
}

static enum err workflow_find(struct praxis *p)
{
    struct eng_call *c = p->call;
    const struct eng_definition *d;
    struct slice type = json_text(json_get(p->doc, SLICE("workflow_type")));
    enum err e = eng__catalog_get(p->im->engine, c, type, &d);
    if (e && e != ERR_WORKFLOW_NOT_FOUND) return e;
    if (e || d->errors_count) {
        trouble(p, e ? e : ERR_WORKFLOW_INVALID,
                arena_printf(c->arena,
                             e ? "The workflow %.*s is not here."
                               : "The workflow %.*s has errors; "
                                 "validate_workflow lists them.",
                             SLICE_ARG(type)));
        problem_init(&c->problem);
        e = stand_in(p, type);
        return e ? eng__problem_store(c, e) : OK;
    }
    p->definition = eng_definition_ref((struct eng_definition *)d);
    p->first = d->start_phase;
    if (d->dynamic) source_look(p, d->dynamic_config);
    return OK;
}

/* --- which phases count --------------------------------------------------- */

static bool listed(const struct praxis *p, int64_t phase)
{
    const struct json *list = json_get(p->doc, SLICE("completed_phases"));
    int64_t n;
    for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
        if (json_int64(&list->items[i], &n) && n == phase) return true;
    return false;
}

static struct slice checkpoint(const struct praxis *p, int64_t phase)
{
    char key[24];
    int n = snprintf(key, sizeof(key), "%" PRId64, phase);
    return json_text(json_get(json_get(p->doc, SLICE("checkpoints")),
                              (struct slice){key, (size_t)n}));
}

static const struct json *artifact(const struct praxis *p, int64_t phase)
{
    char key[24];
    int n = snprintf(key, sizeof(key), "%" PRId64, phase);
    return json_get(json_get(p->doc, SLICE("phase_artifacts")),
                    (struct slice){key, (size_t)n});
}

/* Completed is what both lists say, or a checkpoint that passed. */
static bool was_passed(struct praxis *p, int64_t phase)
{
    struct slice mark = checkpoint(p, phase);
    bool in = listed(p, phase), good = slice_eq(mark, SLICE("passed"));
    if (in && !good)
        note(p,
             "is listed as completed, and its checkpoint is "
             "not passed",
             phase);
    if (good && !in)
        note(p, "passed its checkpoint, and is not listed as completed", phase);
    return good || (in && slice_eq(mark, SLICE("skipped")));
}

/* With a whole definition only its phases exist. */
static bool exists(const struct praxis *p, int64_t phase)
{
    return p->trouble.n || eng_definition_phase(p->definition, phase);
}

/* Only phases in a row from the first count: no phase is open whose
 * predecessor is not. */
static void phases_count(struct praxis *p)
{
    bool row = true;
    for (int64_t n = p->first; n < p->first + PHASES_MOST; n++) {
        bool passed = was_passed(p, n);
        if (!passed) row = false;
        if (passed && (!row || !exists(p, n)))
            note(p,
                 row ? "is not in the workflow"
                     : "passed, and does not count: an earlier one is open",
                 n);
        if (passed && row && exists(p, n)) p->passed++;
        if (!exists(p, n)) row = false;
    }
}

/* --- the new record ------------------------------------------------------- */

static enum err options_read(struct praxis *p, const struct json **ret)
{
    const struct json *metadata = json_get(p->doc, SLICE("metadata"));
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    struct json_error je;
    *ret = NULL;
    if (!json_is(metadata, JSON_OBJECT)) return OK;
    json_begin_object(&w);
    for (uint32_t i = 0; i < metadata->count; i++) {
        const struct json_member *m = &metadata->members[i];
        if (slice_eq(m->key, SLICE("total_phases")) ||
            slice_eq(m->key, SLICE("paused")))
            continue;
        json_key(&w, m->key);
        json_value(&w, &m->value);
    }
    json_end_object(&w);
    struct slice text = arena_copy(p->call->arena, buf_slice(&b));
    enum err e = b.err ? b.err : text.p ? OK : ERR_NOMEM;
    if (!e) e = json_parse(text, NULL, p->call->arena, ret, &je);
    buf_done(&b);
    if (!e && (*ret)->count == 0) *ret = NULL;
    return e;
}

/* Where the session stands, from the phases that count. */
static void stand(struct praxis *p)
{
    struct eng_snapshot *s = p->snapshot;
    const struct eng_definition *d = p->definition;
    int64_t stated = 0, last = p->first + p->passed;
    bool all = !p->trouble.n && (size_t)p->passed >= d->phases_count;
    (void)json_int64(json_get(p->doc, SLICE("current_phase")), &stated);
    s->row.current_phase = all ? d->phases[d->phases_count - 1].number : last;
    if (stated != last)
        note(p,
             "was stated as the current one; the first that is not "
             "completed is taken",
             stated);
    s->status = p->trouble.n ? ENG_ERRED : all ? ENG_COMPLETED : ENG_ACTIVE;
    if (s->status == ENG_ACTIVE &&
        json_is(option(p, SLICE("paused")), JSON_TRUE))
        s->status = ENG_PAUSED;
    s->row.status = eng__status_text(s->status);
    if (s->row.total_phases < p->passed) s->row.total_phases = p->passed;
    s->trouble = p->trouble;
    s->trouble_why = p->trouble_why;
    s->row.created_ms = p->created_ms;
    s->row.updated_ms = p->updated_ms;
}

static enum err event_add(struct praxis *p, struct slice type, int64_t phase,
                          int64_t at_ms, struct buf *data)
{
    struct st_event *ev = &p->record.events[p->record.events_count++];
    *ev =
        (struct st_event){.at_ms = at_ms,
                          .type = type,
                          .actor = p->call->actor,
                          .phase = phase,
                          .data = arena_copy(p->call->arena, buf_slice(data))};
    enum err e = data->err ? data->err : ev->data.p ? OK : ERR_NOMEM;
    buf_done(data);
    if (!e) eng__chain_append(&p->snapshot->row, ev);
    ev->session_id = p->id;
    return e;
}

static enum err start_record(struct praxis *p)
{
    const struct eng_snapshot *s = p->snapshot;
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    const struct json *stated = option(p, SLICE("total_phases"));
    json_begin_object(&w);
    json_put_string(&w, "source", SLICE("praxis-os"));
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
    json_put_int(&w, "created_ms", p->created_ms);
    json_put_int(&w, "updated_ms", p->updated_ms);
    json_put_string(&w, "created_at",
                    json_text(json_get(p->doc, SLICE("created_at"))));
    json_put_string(&w, "updated_at",
                    json_text(json_get(p->doc, SLICE("updated_at"))));
    if (stated) {
        json_key(&w, SLICE("stated_total_phases"));
        json_value(&w, stated);
    }
    json_key(&w, SLICE("notes"));
    json_begin_array(&w);
    if (p->notes.n) json_raw(&w, buf_slice(&p->notes));
    json_end_array(&w);
    json_end_object(&w);
    return event_add(p, SLICE("session_imported"), -1, p->now, &b);
}

/* The evidence as one line of JSON, an object in any case. */
static enum err body_write(struct praxis *p, const struct json *evidence,
                           struct slice *ret)
{
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    bool object = json_is(evidence, JSON_OBJECT);
    if (!object) {
        json_begin_object(&w);
        json_key(&w, SLICE("evidence"));
    }
    json_value(&w, evidence);
    if (!object) json_end_object(&w);
    *ret = arena_copy(p->call->arena, buf_slice(&b));
    enum err e = b.err ? b.err : ret->p ? OK : ERR_NOMEM;
    buf_done(&b);
    return e;
}

static void put_digest(struct json_writer *w, const char *key,
                       struct slice text)
{
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256_of(text, digest);
    json_put_string(w, key, sha256_hex(digest, hex));
}

/* `outputs` and `commands_executed` are kept when there is something. */
static void put_rest(struct json_writer *w, const struct json *from)
{
    static const char *const keys[] = {"timestamp", "outputs",
                                       "commands_executed"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct json *v = json_get(from, slice_of(keys[i]));
        bool empty =
            !v || v->type == JSON_NULL ||
            ((v->type == JSON_OBJECT || v->type == JSON_ARRAY) && !v->count);
        if (empty) continue;
        json_key(w, slice_of(keys[i]));
        json_value(w, v);
    }
}

static enum err phase_record(struct praxis *p, int64_t phase, bool passed)
{
    const struct json *from = artifact(p, phase);
    const struct json *evidence = json_get(from, SLICE("evidence"));
    struct slice body = {0}, verdict;
    int64_t at = from ? time_of(p, from, "timestamp") : p->updated_ms;
    struct buf b = BUF_INIT(TEXT_CEILING);
    struct json_writer w = json_writer(&b);
    verdict = passed ? SLICE("{\"passed\":true,\"verdict\":\"imported\"}")
                     : SLICE("{\"passed\":false,\"verdict\":\"imported\"}");
    enum err e = evidence ? body_write(p, evidence, &body) : OK;
    if (e) return e;
    json_begin_object(&w);
    json_put_bool(&w, "passed", passed);
    json_put_string(&w, "verdict", SLICE("imported"));
    if (evidence) {
        put_digest(&w, "evidence_sha256", body);
        json_put_int(&w, "evidence_bytes", (int64_t)body.n);
        put_digest(&w, "verdict_sha256", verdict);
    }
    put_rest(&w, from);
    json_put_int(&w, "updated_ms", p->updated_ms);
    json_end_object(&w);
    e = event_add(p, SLICE("phase_imported"), phase, at, &b);
    if (!e && passed) {
        struct eng_completed *done =
            (struct eng_completed *)&p->snapshot
                ->completed[p->snapshot->completed_count++];
        *done = (struct eng_completed){phase, at, p->snapshot->row.event_seq};
    }
    if (!e && evidence)
        p->record.evidence[p->record.evidence_count++] =
            (struct st_evidence){.session_id = p->id,
                                 .phase = phase,
                                 .event_seq = p->snapshot->row.event_seq,
                                 .at_ms = at,
                                 .passed = passed,
                                 .body = body,
                                 .verdict = verdict};
    return e;
}

static enum err record_make(struct praxis *p)
{
    struct eng_record *r = &p->record;
    size_t most = PHASES_MOST + 1;
    r->events = ARENA_ARRAY(p->call->arena, struct st_event, most);
    r->evidence = ARENA_ARRAY(p->call->arena, struct st_evidence, most);
    p->snapshot->completed =
        ARENA_ARRAY(&p->snapshot->arena, struct eng_completed, most);
    if (!r->events || !r->evidence || !p->snapshot->completed) return ERR_NOMEM;
    enum err e = start_record(p);
    for (int64_t n = p->first; !e && n < p->first + PHASES_MOST; n++) {
        bool passed = n < p->first + p->passed;
        if (passed || artifact(p, n)) e = phase_record(p, n, passed);
    }
    if (!e) e = eng__snapshot_seal(p->snapshot);
    r->row = p->snapshot->row;
    return e;
}

static enum err body_pack(struct praxis *p)
{
    struct buf b = BUF_INIT(TEXT_CEILING);
    eng_files_pack(&p->definition->files, &b);
    p->record.definition_body = arena_copy(p->call->arena, buf_slice(&b));
    enum err e = b.err ? b.err : p->record.definition_body.p ? OK : ERR_NOMEM;
    buf_done(&b);
    return e;
}

static enum err convert(struct praxis *p)
{
    const struct json *options;
    p->now = clock_wall_ms();
    p->created_ms = time_of(p, p->doc, "created_at");
    p->updated_ms = time_of(p, p->doc, "updated_at");
    enum err e = options_read(p, &options);
    if (!e)
        e = eng__snapshot_first(
            p->definition, p->id,
            json_text(json_get(p->doc, SLICE("target_file"))), options, p->now,
            0, &p->snapshot);
    if (e) return e;
    phases_count(p);
    stand(p);
    e = record_make(p);
    return e ? e : body_pack(p);
}

enum err eng__import_praxis(struct import *im, const struct json *session)
{
    struct praxis p = {.im = im,
                       .call = im->call,
                       .doc = session,
                       .notes = BUF_INIT(1u << 20)};
    enum err e = shape_check(&p);
    if (!e) e = workflow_find(&p);
    if (!e) {
        e = convert(&p);
        if (e) e = eng__problem_store(im->call, e);
    }
    if (!e) {
        struct slice notes = arena_printf(im->call->arena, "[%.*s]",
                                          SLICE_ARG(buf_slice(&p.notes)));
        e = eng__import_record(im, &p.record, p.trouble, notes);
    }
    eng__snapshot_free(p.snapshot);
    eng_definition_unref(p.definition);
    buf_done(&p.notes);
    return e;
}
