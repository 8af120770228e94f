#include "engine/fresh.h"

#include <inttypes.h>

#include "base/clock.h"
#include "engine/approval_record.h"
#include "engine/look.h"
#include "engine/problems.h"
#include "engine/view.h"

#define EVENT_CEILING (16u << 20)
/* A file that grew beyond it has changed; by how much is not asked. */
enum { FILE_MOST = 64 << 20 };

/* --- as text -------------------------------------------------------------- */

static const char *const stamp_keys[] = {"dev", "ino", "mtime_ns", "ctime_ns"};

static void stamp_read(const struct json *v, struct eng_kept *k)
{
    int64_t *const into[] = {&k->stamp.dev, &k->stamp.ino, &k->stamp.mtime_ns,
                             &k->stamp.ctime_ns};
    bool all = true;
    for (size_t i = 0; i < 4; i++)
        all &= json_int64(json_get(v, slice_of(stamp_keys[i])), into[i]);
    k->stamp.bytes = k->bytes;
    if (!all) k->stamp = (struct eng_stamp){0};
}

static bool one_read(const struct json *v, int64_t phase, struct eng_kept *ret)
{
    *ret = (struct eng_kept){
        .phase = phase,
        .field = json_text(json_get(v, SLICE("field"))),
        .path = json_text(json_get(v, SLICE("path"))),
    };
    (void)json_int64(json_get(v, SLICE("phase")), &ret->phase);
    (void)json_int64(json_get(v, SLICE("began")), &ret->began_ms);
    bool good =
        json_int64(json_get(v, SLICE("bytes")), &ret->bytes) &&
        sha256_parse(json_text(json_get(v, SLICE("sha256"))), ret->sha256) &&
        ret->path.n && ret->phase >= 0;
    if (good) stamp_read(v, ret);
    return good;
}

enum err eng__kept_read(const struct json *list, int64_t phase, struct arena *a,
                        struct eng_kept **ret, size_t *ret_count)
{
    size_t n = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct eng_kept *kept = ARENA_ARRAY(a, struct eng_kept, n + 1);
    if (!kept) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!one_read(&list->items[i], phase, &kept[i]))
            return ERR_SESSION_CORRUPT;
    *ret = kept;
    *ret_count = n;
    return OK;
}

static void proven_write(struct json_writer *w, const struct eng_kept *k)
{
    char hex[SHA256_HEX_SIZE];
    json_put_string(w, "field", k->field);
    json_put_string(w, "path", k->path);
    json_put_string(w, "sha256", sha256_hex(k->sha256, hex));
    json_put_int(w, "bytes", k->bytes);
}

void eng__kept_write(struct json_writer *w, const struct eng_kept *list,
                     size_t count)
{
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct eng_stamp *st = &list[i].stamp;
        const int64_t times[] = {st->dev, st->ino, st->mtime_ns, st->ctime_ns};
        json_begin_object(w);
        json_put_int(w, "phase", list[i].phase);
        proven_write(w, &list[i]);
        if (list[i].began_ms) json_put_int(w, "began", list[i].began_ms);
        for (size_t k = 0; st->ino && k < 4; k++)
            json_put_int(w, stamp_keys[k], times[k]);
        json_end_object(w);
    }
    json_end_array(w);
}

bool eng__kept_same(const struct eng_kept *a, const struct eng_kept *b)
{
    return a->phase == b->phase && slice_eq(a->field, b->field) &&
           slice_eq(a->path, b->path) && a->bytes == b->bytes &&
           sha256_equal(a->sha256, b->sha256);
}

/* --- keeping -------------------------------------------------------------- */

static size_t files_of(const struct eng_proving *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->gate->fields_count; i++)
        if (p->gate->fields[i].fresh) n += p->proofs[i].files_count;
    return n;
}

/* Texts of the proof lie in the call's arena: the seal copies them. */
enum err eng__fresh_keep(struct eng_snapshot *next, const struct eng_proving *p)
{
    size_t n = next->kept_count, more = files_of(p);
    int64_t began_ms = eng__phase_began(p->s, p->phase->number);
    if (!more) return OK;
    struct eng_kept *all = ARENA_ARRAY(&next->arena, struct eng_kept, n + more);
    if (!all) return ERR_NOMEM;
    if (n) memcpy(all, next->kept, n * sizeof(*all));
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        const struct eng_proof *proof = &p->proofs[i];
        for (size_t k = 0; k < proof->files_count; k++) {
            const struct eng_look *look = &proof->files[k];
            if (!p->gate->fields[i].fresh) continue;
            all[n] = (struct eng_kept){.phase = p->phase->number,
                                       .field = p->gate->fields[i].name,
                                       .path = look->path,
                                       .bytes = look->bytes,
                                       .stamp = look->stamp,
                                       .began_ms = began_ms};
            memcpy(all[n++].sha256, look->sha256, SHA256_SIZE);
        }
    }
    next->kept = all;
    next->kept_count = n;
    return OK;
}

void eng__fresh_write(struct json_writer *w, const struct eng_snapshot *next,
                      int64_t phase)
{
    bool any = false;
    for (size_t i = 0; i < next->kept_count; i++) {
        if (next->kept[i].phase != phase) continue;
        if (!any) {
            json_key(w, SLICE("fresh"));
            json_begin_array(w);
        }
        any = true;
        json_begin_object(w);
        proven_write(w, &next->kept[i]);
        json_end_object(w);
    }
    if (any) json_end_array(w);
}

/* --- looking -------------------------------------------------------------- */

struct fresh {
    struct eng_op *op;
    const struct eng_snapshot *s;
    struct eng_look *found; /* one for each that is kept */
    bool *changed;
    const struct eng_kept *first; /* of the earliest phase; NULL: none */
};

/* Nobody can say now: nothing is opened, and nothing goes on. */
static enum err unsure(struct eng_call *c, const struct eng_look *look)
{
    c->problem.retry_after_ms = 500;
    return problem_setf(&c->problem, c->arena, ERR_UNAVAILABLE, look->why,
                        SLICE("Send the same call again after "
                              "retry_after_ms."),
                        "Whether %.*s is still what was proven cannot be seen",
                        SLICE_ARG(look->path));
}

static enum err look_at(struct fresh *f, size_t i, bool bytes)
{
    struct eng_call *c = f->op->call;
    const struct eng_kept *k = &f->s->kept[i];
    struct slice root = f->op->engine->options.root;
    struct eng_look *look = &f->found[i];
    if (!bytes && eng__look_same(root, k->path, &k->stamp, c->arena)) return OK;
    int64_t most = k->bytes > FILE_MOST ? k->bytes : FILE_MOST;
    enum err e =
        eng__look(root, k->path, most, false, c->cancel, c->arena, look);
    if (e) return eng__problem_store(c, e);
    if (look->unsure) return unsure(c, look);
    f->changed[i] = look->why.n || look->bytes != k->bytes ||
                    !sha256_equal(look->sha256, k->sha256);
    if (f->changed[i] && (!f->first || k->phase < f->first->phase))
        f->first = k;
    return OK;
}

/* --- opening again -------------------------------------------------------- */

static void changed_write(const struct fresh *f, struct json_writer *w)
{
    char hex[SHA256_HEX_SIZE];
    json_begin_array(w);
    for (size_t i = 0; i < f->s->kept_count; i++) {
        const struct eng_kept *k = &f->s->kept[i];
        const struct eng_look *is = &f->found[i];
        if (!f->changed[i]) continue;
        json_begin_object(w);
        json_put_int(w, "phase", k->phase);
        json_put_string(w, "field", k->field);
        json_put_string(w, "path", k->path);
        json_put_string(w, "was_sha256", sha256_hex(k->sha256, hex));
        if (is->why.n)
            json_put_string(w, "why", is->why);
        else
            json_put_string(w, "is_sha256", sha256_hex(is->sha256, hex));
        json_end_object(w);
    }
    json_end_array(w);
}

/* When the phase was opened, the time it was proven: it is opened again, not
 * begun anew, and a file that changed before anybody saw it has not to be
 * written once more. Records of before this was kept: the earliest it can
 * be. */
static int64_t began_ms(const struct eng_snapshot *s, const struct eng_kept *k)
{
    int64_t at = s->row.created_ms;
    if (k->began_ms) return k->began_ms;
    for (size_t i = 0; i < s->completed_count; i++)
        if (s->completed[i].phase < k->phase) at = s->completed[i].at_ms;
    return at;
}

static enum err reopened_of(const struct fresh *f, struct eng_snapshot *next)
{
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    struct json_error je;
    changed_write(f, &w);
    struct slice text =
        !b.err ? arena_copy(&next->arena, buf_slice(&b)) : (struct slice){0};
    buf_done(&b);
    if (!text.p) return ERR_NOMEM;
    next->reopened =
        (struct eng_reopened){.phase = f->first->phase,
                              .at_ms = next->row.updated_ms,
                              .event = next->row.event_seq + 1,
                              .began_ms = began_ms(f->s, f->first)};
    return json_parse(text, NULL, &next->arena, &next->reopened.changed, &je);
}

static enum err event_write(const struct fresh *f, struct eng_snapshot *next)
{
    struct buf b = BUF_INIT(EVENT_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    eng__view_state(&w, next);
    eng__view_reopened_phases(&w, f->s, next);
    json_put_int(&w, "began_ms", next->reopened.began_ms);
    json_put_raw(&w, "changed", next->reopened.changed->raw);
    json_end_object(&w);
    return eng__op_event(f->op, SLICE("phase_reopened"), f->first->phase, &b);
}

static enum err open_again(struct fresh *f)
{
    struct eng_op *op = f->op;
    int64_t phase = f->first->phase;
    enum err e = eng__snapshot_next(f->s, clock_wall_ms(), &op->change.next);
    if (e) return eng__problem_store(op->call, e);
    struct eng_snapshot *next = op->change.next;
    e = eng__snapshot_move(next, ENG_REOPEN);
    eng__snapshot_cut(next, phase);
    if (!e) e = eng__approvals_withdraw(op, phase);
    if (!e) e = reopened_of(f, next);
    if (!e) e = event_write(f, next);
    if (!e) e = eng__snapshot_seal(next);
    if (e) return eng__problem_store(op->call, e);
    op->change.expected_version = f->s->row.version;
    op->after = ERR_AGAIN;
    return ERR_PENDING;
}

enum err eng__fresh_check(struct eng_op *op, const struct eng_snapshot *s,
                          bool bytes)
{
    struct arena *a = op->call->arena;
    enum eng_status to;
    if (!s->kept_count || eng__move(s->status, ENG_REOPEN, &to)) return OK;
    struct fresh f = {.op = op,
                      .s = s,
                      .found = ARENA_ARRAY(a, struct eng_look, s->kept_count),
                      .changed = ARENA_ARRAY(a, bool, s->kept_count)};
    if (!f.found || !f.changed) return eng__problem_nomem(op->call);
    for (size_t i = 0; i < s->kept_count; i++) {
        enum err e = look_at(&f, i, bytes);
        if (e) return e;
    }
    if (!f.first) return OK;
    return op->reads ? ERR_AGAIN : open_again(&f);
}
