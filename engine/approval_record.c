#include "engine/approval_record.h"

#include <assert.h>

void eng__approval_write(struct json_writer *w, const struct st_approval *ap)
{
    char hex[SHA256_HEX_SIZE];
    json_begin_object(w);
    json_put_int(w, "event_id", ap->event_seq);
    json_put_string(w, "status", ap->status);
    json_put_string(w, "subject_sha256", sha256_hex(ap->subject, hex));
    json_put_raw(w, "fields", ap->fields);
    json_put_int(w, "asked_ms", ap->asked_ms);
    json_put_string(w, "asked_by", ap->asked_by);
    json_put_int(w, "decided_ms", ap->decided_ms);
    json_put_string(w, "by", ap->decided_by);
    json_put_string(w, "channel", ap->channel);
    json_put_string(w, "comment", ap->comment);
    json_end_object(w);
}

static bool text_read(const struct json *v, const char *key, struct slice *ret)
{
    const struct json *t = json_get(v, slice_of(key));
    *ret = json_text(t);
    return json_is(t, JSON_STRING);
}

static bool int_read(const struct json *v, const char *key, int64_t *ret)
{
    return json_int64(json_get(v, slice_of(key)), ret);
}

bool eng__approval_read(const struct json *v, struct st_approval *ret)
{
    struct st_approval ap = {0};
    struct slice hex;
    const struct json *fields = json_get(v, SLICE("fields"));
    bool whole = int_read(v, "event_id", &ap.event_seq) &&
                 text_read(v, "status", &ap.status) &&
                 text_read(v, "subject_sha256", &hex) &&
                 sha256_parse(hex, ap.subject) && json_is(fields, JSON_ARRAY) &&
                 int_read(v, "asked_ms", &ap.asked_ms) &&
                 text_read(v, "asked_by", &ap.asked_by) &&
                 int_read(v, "decided_ms", &ap.decided_ms) &&
                 text_read(v, "by", &ap.decided_by) &&
                 text_read(v, "channel", &ap.channel) &&
                 text_read(v, "comment", &ap.comment);
    if (!whole) return false;
    ap.fields = fields->raw;
    *ret = ap;
    return true;
}

bool eng__approval_same(const struct st_approval *a,
                        const struct st_approval *b)
{
    return a->phase == b->phase && a->event_seq == b->event_seq &&
           slice_eq(a->status, b->status) &&
           sha256_equal(a->subject, b->subject) &&
           slice_eq(a->fields, b->fields) && a->asked_ms == b->asked_ms &&
           slice_eq(a->asked_by, b->asked_by) &&
           a->decided_ms == b->decided_ms &&
           slice_eq(a->decided_by, b->decided_by) &&
           slice_eq(a->channel, b->channel) && slice_eq(a->comment, b->comment);
}

bool eng__approval_is(const struct st_approval *ap, const char *status)
{
    return ap && slice_eq(ap->status, slice_of(status));
}

const struct st_approval *eng__approval(const struct eng_snapshot *s,
                                        int64_t phase)
{
    for (size_t i = 0; i < s->approvals_count; i++)
        if (s->approvals[i].phase == phase) return &s->approvals[i];
    return NULL;
}

/* One more for the op to write; each phase stands there once. */
static enum err change_add(struct eng_op *op, const struct st_approval *ap)
{
    struct op_change *ch = &op->change;
    assert(ap); /* it was set just before */
    struct st_approval *list = ARENA_ARRAY(op->call->arena, struct st_approval,
                                           ch->approvals_count + 1);
    if (!list) return ERR_NOMEM;
    for (size_t i = 0; i < ch->approvals_count; i++) list[i] = ch->approvals[i];
    list[ch->approvals_count++] = *ap;
    ch->approvals = list;
    return OK;
}

enum err eng__approval_set(struct eng_op *op, const struct st_approval *ap)
{
    struct eng_snapshot *next = op->change.next;
    enum err e = eng__snapshot_approval(next, ap);
    return e ? e : change_add(op, eng__approval(next, ap->phase));
}

enum err eng__approvals_withdraw(struct eng_op *op, int64_t from)
{
    struct eng_snapshot *next = op->change.next;
    enum err e = OK;
    for (size_t i = 0; !e && i < next->approvals_count; i++) {
        struct st_approval ap = next->approvals[i];
        if (ap.phase < from || eng__approval_is(&ap, "withdrawn")) continue;
        ap.status = SLICE("withdrawn");
        e = eng__approval_set(op, &ap);
    }
    return e;
}
