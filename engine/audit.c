#include "engine/audit.h"

#include <inttypes.h>
#include <stdarg.h>

#include "engine/approval_record.h"
#include "engine/chain.h"
#include "engine/fresh.h"

#define FLAWS_MOST 50

void eng__audit_init(struct audit *au, struct arena *keep,
                     struct arena *scratch)
{
    *au = (struct audit){.keep = keep, .scratch = scratch};
}

/* Room for one more item of an arena array. */
static void *grow(struct audit *au, struct arena *a, void *items, size_t size,
                  size_t count, size_t *room)
{
    if (count < *room) return items;
    size_t more = *room ? *room * 2 : 16;
    void *to = arena_array(a, more, size);
    if (!to) {
        au->err = ERR_NOMEM;
        return NULL;
    }
    if (count) memcpy(to, items, count * size);
    *room = more;
    return to;
}

void eng__audit_flaw(struct audit *au, const char *code,
                     struct slice session_id, int64_t event, const char *fmt,
                     ...)
{
    va_list ap;
    if (au->flaws_count - au->flaws_before >= FLAWS_MOST) return;
    struct eng_flaw *list = grow(au, au->keep, au->flaws, sizeof(*list),
                                 au->flaws_count, &au->flaws_room);
    if (!list) return;
    au->flaws = list;
    va_start(ap, fmt);
    struct slice what = arena_vprintf(au->keep, fmt, ap);
    va_end(ap);
    list[au->flaws_count++] =
        (struct eng_flaw){code, arena_copy(au->keep, session_id), event, what};
    if (!what.p) au->err = ERR_NOMEM;
}

#define FLAW(au, code, event, ...)                                             \
    eng__audit_flaw((au), (code), (au)->row->id, (event), __VA_ARGS__)

void eng__audit_begin(struct audit *au, const struct st_session *row)
{
    struct audit fresh = {.keep = au->keep,
                          .scratch = au->scratch,
                          .flaws = au->flaws,
                          .flaws_count = au->flaws_count,
                          .flaws_room = au->flaws_room,
                          .flaws_before = au->flaws_count,
                          .row = row,
                          .err = au->err};
    *au = fresh;
}

/* --- the chain
 * ------------------------------------------------------------------- */

static void chain_follow(struct audit *au, const struct st_event *ev)
{
    struct st_event again = *ev;
    again.session_id = au->row->id;
    eng__chain_seal(&again);
    if (ev->seq != au->seq + 1)
        FLAW(au, "EVENT_MISSING", au->seq + 1,
             "event %" PRId64 " is followed by event %" PRId64, au->seq,
             ev->seq);
    else if (memcmp(ev->prev_hash, au->hash, SHA256_SIZE) != 0)
        FLAW(au, "EVENT_MOVED", ev->seq,
             "event %" PRId64 " does not follow from the one before it",
             ev->seq);
    if (memcmp(again.hash, ev->hash, SHA256_SIZE) != 0)
        FLAW(au, "EVENT_CHANGED", ev->seq,
             "event %" PRId64 " is not what its hash says", ev->seq);
    au->seq = ev->seq;
    au->at_ms = ev->at_ms;
    memcpy(au->hash, ev->hash, SHA256_SIZE);
}

/* --- the evidence
 * ---------------------------------------------------------------- */

static const struct json *data_of(struct audit *au, const struct st_event *ev)
{
    const struct json *v;
    struct json_error je;
    enum err e = json_parse(ev->data, NULL, au->scratch, &v, &je);
    if (e == ERR_NOMEM) au->err = e;
    return e ? NULL : v;
}

bool eng__audit_wants_evidence(struct audit *au, const struct st_event *ev)
{
    return json_get(data_of(au, ev), SLICE("evidence_sha256")) != NULL;
}

static void digest_check(struct audit *au, const struct json *data,
                         const char *key, const char *code, struct slice text,
                         int64_t event)
{
    const struct json *want = json_get(data, slice_of(key));
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    if (!want) return;
    sha256_of(text, digest);
    if (!slice_eq(json_text(want), sha256_hex(digest, hex)))
        FLAW(au, code, event,
             "%s of event %" PRId64 " does not match what is stored", key,
             event);
}

static void evidence_check(struct audit *au, const struct st_event *ev,
                           const struct json *data,
                           const struct st_evidence *evidence)
{
    bool wanted = json_get(data, SLICE("evidence_sha256")) != NULL;
    if (wanted && !evidence)
        FLAW(au, "EVIDENCE_MISSING", ev->seq,
             "the evidence of event %" PRId64 " is not there", ev->seq);
    if (!wanted || !evidence) return;
    au->evidence_count++;
    digest_check(au, data, "evidence_sha256", "EVIDENCE_CHANGED",
                 evidence->body, ev->seq);
    digest_check(au, data, "verdict_sha256", "VERDICT_CHANGED",
                 evidence->verdict, ev->seq);
    bool passed = json_is(json_get(data, SLICE("passed")), JSON_TRUE);
    if (evidence->passed != passed || evidence->at_ms != ev->at_ms)
        FLAW(au, "EVIDENCE_CHANGED", ev->seq,
             "the evidence of event %" PRId64 " tells another outcome or time",
             ev->seq);
}

/* --- what the events say of the session
 * ------------------------------------------ */

static void text_take(const struct json *data, const char *key,
                      struct slice *ret)
{
    const struct json *v = json_get(data, slice_of(key));
    if (json_is(v, JSON_STRING)) *ret = json_text(v);
}

static void int_take(const struct json *data, const char *key, int64_t *ret)
{
    int64_t n;
    if (json_int64(json_get(data, slice_of(key)), &n)) *ret = n;
}

static void completed_add(struct audit *au, const struct st_event *ev)
{
    struct eng_completed *list =
        grow(au, au->scratch, au->completed, sizeof(*list), au->completed_count,
             &au->completed_room);
    if (!list) return;
    au->completed = list;
    list[au->completed_count++] =
        (struct eng_completed){ev->phase, ev->at_ms, ev->seq};
}

static struct st_claim *claim_of(struct audit *au, int64_t phase, int64_t task)
{
    for (size_t i = 0; i < au->claims_count; i++)
        if (au->claims[i].phase == phase && au->claims[i].task == task)
            return &au->claims[i];
    struct st_claim *list = grow(au, au->scratch, au->claims, sizeof(*list),
                                 au->claims_count, &au->claims_room);
    if (!list) return NULL;
    au->claims = list;
    list[au->claims_count] = (struct st_claim){.phase = phase, .task = task};
    return &list[au->claims_count++];
}

static struct st_approval *approval_of(struct audit *au, int64_t phase)
{
    for (size_t i = 0; i < au->approvals_count; i++)
        if (au->approvals[i].phase == phase) return &au->approvals[i];
    struct st_approval *list =
        grow(au, au->scratch, au->approvals, sizeof(*list), au->approvals_count,
             &au->approvals_room);
    if (!list) return NULL;
    au->approvals = list;
    list[au->approvals_count] = (struct st_approval){.phase = phase};
    return &list[au->approvals_count++];
}

/* Any event may carry one, about its phase. */
static void approval_take(struct audit *au, const struct st_event *ev,
                          const struct json *data)
{
    const struct json *v = json_get(data, SLICE("approval"));
    struct st_approval *ap = v ? approval_of(au, ev->phase) : NULL;
    if (!ap) return;
    if (!eng__approval_read(v, ap))
        FLAW(au, "APPROVAL_CHANGED", ev->seq,
             "the approval of event %" PRId64 " is not whole", ev->seq);
    ap->phase = ev->phase;
}

static void kept_add(struct audit *au, const struct st_event *ev,
                     const struct json *data)
{
    struct eng_kept *more = NULL;
    size_t n = 0;
    enum err e = eng__kept_read(json_get(data, SLICE("fresh")), ev->phase,
                                au->scratch, &more, &n);
    if (e == ERR_NOMEM) au->err = e;
    if (e == ERR_SESSION_CORRUPT)
        FLAW(au, "EVENT_CHANGED", ev->seq,
             "what event %" PRId64 " keeps is not whole", ev->seq);
    for (size_t i = 0; !e && i < n; i++) {
        struct eng_kept *list = grow(au, au->scratch, au->kept, sizeof(*list),
                                     au->kept_count, &au->kept_room);
        if (!list) return;
        au->kept = list;
        list[au->kept_count++] = more[i];
    }
}

static void on_completed(struct audit *au, const struct st_event *ev,
                         const struct json *data)
{
    if (!json_is(json_get(data, SLICE("passed")), JSON_TRUE)) return;
    completed_add(au, ev);
    kept_add(au, ev, data);
    if (ev->phase == au->reopened_phase) au->reopened = NULL;
}

static void on_back(struct audit *au, const struct st_event *ev,
                    const struct json *data)
{
    size_t n = 0;
    while (n < au->completed_count && au->completed[n].phase < ev->phase) n++;
    au->completed_count = n;
    for (n = 0; n < au->kept_count && au->kept[n].phase < ev->phase;) n++;
    au->kept_count = n;
    au->reopened = NULL;
    for (size_t i = 0; i < au->approvals_count; i++)
        if (au->approvals[i].phase >= ev->phase)
            au->approvals[i].status = SLICE("withdrawn");
    if (!json_is(json_get(data, SLICE("reset_evidence")), JSON_TRUE)) return;
    for (size_t i = 0; i < au->claims_count; i++) {
        struct st_claim *c = &au->claims[i];
        if (c->phase < ev->phase) continue;
        c->status = SLICE("open");
        c->agent = SLICE("");
        c->fence++;
        c->expires_ms = 0;
    }
}

static void on_reopened(struct audit *au, const struct st_event *ev,
                        const struct json *data)
{
    on_back(au, ev, data);
    au->reopened = data;
    au->reopened_event = ev->seq;
    au->reopened_phase = ev->phase;
}

static void on_task(struct audit *au, const struct st_event *ev,
                    const struct json *data)
{
    int64_t task = -1;
    int_take(data, "task", &task);
    struct st_claim *c = claim_of(au, ev->phase, task);
    if (!c) return;
    text_take(data, "task_status", &c->status);
    text_take(data, "agent", &c->agent);
    int_take(data, "fence", &c->fence);
    int_take(data, "expires_ms", &c->expires_ms);
}

/* What it lacked was given. */
static void on_opened(struct audit *au, const struct st_event *ev,
                      const struct json *data)
{
    const struct json *options = json_get(data, SLICE("options"));
    (void)ev;
    if (options) au->options = json_is(options, JSON_OBJECT) ? options : NULL;
}

static void on_deleted(struct audit *au, const struct st_event *ev,
                       const struct json *data)
{
    (void)ev;
    (void)data;
    au->hidden = true;
}

static const struct {
    struct slice type;
    void (*follow)(struct audit *au, const struct st_event *ev,
                   const struct json *data);
} types[] = {
    {SLICE_INIT("phase_completed"), on_completed},
    {SLICE_INIT("phase_imported"), on_completed},
    {SLICE_INIT("phase_retried"), on_back},
    {SLICE_INIT("session_rolled_back"), on_back},
    {SLICE_INIT("phase_reopened"), on_reopened},
    {SLICE_INIT("task_claimed"), on_task},
    {SLICE_INIT("task_released"), on_task},
    {SLICE_INIT("session_reopened"), on_opened},
    {SLICE_INIT("session_deleted"), on_deleted},
};

static void names_check(struct audit *au, const struct json *data)
{
    struct slice type = au->row->workflow_type, target = au->row->target;
    text_take(data, "workflow_type", &type);
    text_take(data, "target", &target);
    if (!slice_eq(type, au->row->workflow_type) ||
        !slice_eq(target, au->row->target))
        FLAW(au, "STATE_CHANGED", 0, "the session was started as %.*s on %.*s",
             SLICE_ARG(type), SLICE_ARG(target));
}

void eng__audit_event(struct audit *au, const struct st_event *ev,
                      const struct st_evidence *evidence)
{
    const struct json *data = data_of(au, ev);
    if (au->seq == 0) {
        au->created_ms = ev->at_ms;
        if (au->row->id.n) names_check(au, data);
        const struct json *options = json_get(data, SLICE("options"));
        au->options = json_is(options, JSON_OBJECT) ? options : NULL;
    }
    chain_follow(au, ev);
    au->updated_ms = ev->at_ms;
    text_take(data, "status", &au->status);
    text_take(data, "definition_hash", &au->definition_hash);
    int_take(data, "current_phase", &au->current_phase);
    int_take(data, "total_phases", &au->total_phases);
    int_take(data, "created_ms", &au->created_ms);
    int_take(data, "updated_ms", &au->updated_ms);
    evidence_check(au, ev, data, evidence);
    approval_take(au, ev, data);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_eq(types[i].type, ev->type)) types[i].follow(au, ev, data);
}

/* --- the row beside the events
 * --------------------------------------------------- */

static void head_check(struct audit *au)
{
    const struct st_session *row = au->row;
    if (au->seq != row->event_seq)
        FLAW(au, "HEAD_DIFFERS", row->event_seq,
             "the chain ends at event %" PRId64
             ", and the session's row says %" PRId64,
             au->seq, row->event_seq);
    else if (memcmp(au->hash, row->event_hash, SHA256_SIZE) != 0)
        FLAW(au, "HEAD_DIFFERS", au->seq,
             "the session's row has another hash for its last event");
}

static bool completed_same(const struct audit *au, const struct json *list)
{
    if (!json_is(list, JSON_ARRAY) || list->count != au->completed_count)
        return false;
    for (size_t i = 0; i < au->completed_count; i++) {
        struct eng_completed c = {-1, -1, -1};
        int_take(&list->items[i], "phase", &c.phase);
        int_take(&list->items[i], "at", &c.at_ms);
        int_take(&list->items[i], "event", &c.event);
        if (c.phase != au->completed[i].phase ||
            c.at_ms != au->completed[i].at_ms ||
            c.event != au->completed[i].event)
            return false;
    }
    return true;
}

static bool kept_same(struct audit *au, const struct json *list)
{
    struct eng_kept *kept = NULL;
    size_t n = 0;
    enum err e = eng__kept_read(list, -1, au->scratch, &kept, &n);
    if (e == ERR_NOMEM) au->err = e;
    if (e || n != au->kept_count) return false;
    for (size_t i = 0; i < n; i++)
        if (!eng__kept_same(&kept[i], &au->kept[i])) return false;
    return true;
}

static bool reopened_same(const struct audit *au, const struct json *v)
{
    int64_t phase = -1, event = -1, began = -1, want = -1;
    const struct json *a = json_get(v, SLICE("changed"));
    const struct json *b = json_get(au->reopened, SLICE("changed"));
    if (!v || !au->reopened) return !v && !au->reopened;
    int_take(v, "phase", &phase);
    int_take(v, "event", &event);
    int_take(v, "began", &began);
    int_take(au->reopened, "began_ms", &want);
    return phase == au->reopened_phase && event == au->reopened_event &&
           began == want && a && b && json_equal(a, b);
}

static void detail_check(struct audit *au)
{
    const struct json *detail;
    struct json_error je;
    enum err e = json_parse(au->row->detail, NULL, au->scratch, &detail, &je);
    if (e == ERR_NOMEM) au->err = e;
    if (e) {
        FLAW(au, "STATE_CHANGED", 0, "the session's detail is no JSON");
        return;
    }
    const struct json *options = json_get(detail, SLICE("options"));
    if (!json_is(options, JSON_OBJECT)) options = NULL;
    if (!options != !au->options ||
        (options && !json_equal(options, au->options)))
        FLAW(au, "STATE_CHANGED", 0,
             "the session has other options than it was started with");
    if (!completed_same(au, json_get(detail, SLICE("completed"))))
        FLAW(au, "STATE_CHANGED", 0,
             "the completed phases are not those the events tell of");
    if (!kept_same(au, json_get(detail, SLICE("kept"))))
        FLAW(au, "STATE_CHANGED", 0,
             "the files that have to stay are not those the events tell of");
    if (!reopened_same(au, json_get(detail, SLICE("reopened"))))
        FLAW(au, "STATE_CHANGED", 0,
             "the phase that was opened again is not the one the events tell "
             "of");
}

static void row_check(struct audit *au)
{
    const struct st_session *row = au->row;
    if (!slice_eq(row->status, au->status) ||
        row->current_phase != au->current_phase)
        FLAW(au, "STATE_CHANGED", 0,
             "the session's row says %.*s in phase %" PRId64
             ", its events say %.*s in phase %" PRId64,
             SLICE_ARG(row->status), row->current_phase, SLICE_ARG(au->status),
             au->current_phase);
    if (row->hidden != au->hidden)
        FLAW(au, "STATE_CHANGED", 0,
             row->hidden ? "the session is hidden, and was never deleted"
                         : "the session was deleted, and is not hidden");
    if (!slice_eq(row->definition_hash, au->definition_hash) ||
        row->total_phases != au->total_phases)
        FLAW(au, "STATE_CHANGED", 0,
             "the session has another definition than it was started with");
    if (row->created_ms != au->created_ms || row->updated_ms != au->updated_ms)
        FLAW(au, "STATE_CHANGED", 0,
             "the session's times are not those of its events");
}

static bool claim_same(const struct st_claim *a, const struct st_claim *b)
{
    return slice_eq(a->status, b->status) && slice_eq(a->agent, b->agent) &&
           a->fence == b->fence && a->expires_ms == b->expires_ms;
}

static void claims_check(struct audit *au, const struct st_claim *claims,
                         size_t n)
{
    if (n != au->claims_count)
        FLAW(au, "CLAIM_CHANGED", 0,
             "%zu tasks have a claim, the events tell of %zu", n,
             au->claims_count);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < au->claims_count; j++)
            if (claims[i].phase == au->claims[j].phase &&
                claims[i].task == au->claims[j].task &&
                !claim_same(&claims[i], &au->claims[j]))
                FLAW(au, "CLAIM_CHANGED", 0,
                     "the claim of task %" PRId64 " in phase %" PRId64
                     " is not what the events say",
                     claims[i].task, claims[i].phase);
}

static void approvals_check(struct audit *au, const struct st_approval *rows,
                            size_t n)
{
    if (n != au->approvals_count)
        FLAW(au, "APPROVAL_CHANGED", 0,
             "%zu phases have an approval, the events tell of %zu", n,
             au->approvals_count);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < au->approvals_count; j++)
            if (rows[i].phase == au->approvals[j].phase &&
                !eng__approval_same(&rows[i], &au->approvals[j]))
                FLAW(au, "APPROVAL_CHANGED", 0,
                     "the approval of phase %" PRId64
                     " is not what the events say",
                     rows[i].phase);
}

enum err eng__audit_end(struct audit *au, const struct audit_rows *rows)
{
    head_check(au);
    if (au->seq > 0) {
        row_check(au);
        detail_check(au);
        claims_check(au, rows->claims, rows->claims_count);
        approvals_check(au, rows->approvals, rows->approvals_count);
    }
    if (rows->evidence_count != au->evidence_count)
        FLAW(au, "EVIDENCE_CHANGED", 0,
             "there are %" PRId64 " pieces of evidence, the events tell of "
             "%" PRId64,
             rows->evidence_count, au->evidence_count);
    return au->err;
}
