/* proof: file. The field's value is a path; what lies there is the proof. */
#include <inttypes.h>

#include "base/clock.h"
#include "engine/look.h"
#include "engine/pattern.h"
#include "engine/proof_private.h"

enum { PATTERN_MOST = ENG_PATTERN_TEXT_BYTES };

enum err eng__not_proven(struct eng_proof *ret, struct slice why,
                         struct slice how_to_fix)
{
    ret->state = ENG_NOT_PROVEN;
    ret->detail = why;
    ret->how_to_fix = how_to_fix;
    return why.p && how_to_fix.p ? OK : ERR_NOMEM;
}

enum err eng__rests_on(struct eng_proof *proof, const struct eng_look *look,
                       struct arena *a)
{
    size_t n = proof->files_count;
    struct eng_look *all = ARENA_ARRAY(a, struct eng_look, n + 1);
    if (!all) return ERR_NOMEM;
    if (n) memcpy(all, proof->files, n * sizeof(*all));
    all[n] = *look;
    all[n].content = (struct slice){0};
    proof->files = all;
    proof->files_count = n + 1;
    return OK;
}

static bool below(struct slice path, struct slice folder)
{
    while (folder.n && folder.p[folder.n - 1] == '/') folder.n--;
    return !folder.n || (slice_starts(path, folder) && path.n > folder.n &&
                         path.p[folder.n] == '/');
}

static enum err check_pattern(struct eng_proving *p,
                              const struct eng_file_demand *d,
                              const struct eng_look *look,
                              struct eng_proof *ret)
{
    struct arena *a = p->call->arena;
    bool found = false;
    struct slice problem = {0};
    if (!d->pattern) return OK;
    if (slice_utf8_valid(look->content) < look->content.n)
        return eng__not_proven(
            ret,
            arena_printf(a, "%.*s is no UTF-8 text", SLICE_ARG(look->path)),
            SLICE("Name a text file."));
    enum err e = eng_pattern_run(d->pattern, look->content, &found, &problem);
    if (e || (found && !problem.n)) return e;
    return eng__not_proven(
        ret,
        arena_printf(a, "%.*s does not hold what matches %.*s%s%.*s",
                     SLICE_ARG(look->path), SLICE_ARG(d->pattern_text),
                     problem.n ? ": " : "", SLICE_ARG(problem)),
        SLICE("Do the work until the file says so."));
}

static enum err check_size(struct eng_proving *p,
                           const struct eng_file_demand *d,
                           const struct eng_look *look, struct eng_proof *ret)
{
    if (look->bytes >= d->min_bytes) return OK;
    return eng__not_proven(
        ret,
        arena_printf(p->call->arena,
                     "%.*s has %" PRId64 " bytes; at least %" PRId64
                     " are wanted",
                     SLICE_ARG(look->path), look->bytes, d->min_bytes),
        SLICE("Write what belongs into it."));
}

static enum err check_age(struct eng_proving *p,
                          const struct eng_file_demand *d,
                          const struct eng_look *look, struct eng_proof *ret)
{
    char was[CLOCK_TEXT_SIZE], begun[CLOCK_TEXT_SIZE];
    int64_t began = eng__phase_began(p->s, p->phase->number);
    if (!d->newer || look->latest_ms >= began) return OK;
    clock_text(look->mtime_ms, was);
    clock_text(began, begun);
    return eng__not_proven(
        ret,
        arena_printf(p->call->arena,
                     "%.*s was last written at %s, before the phase began at "
                     "%s",
                     SLICE_ARG(look->path), was, begun),
        SLICE("Do this phase's work on the file itself."));
}

static enum err check_place(struct eng_proving *p,
                            const struct eng_file_demand *d,
                            const struct eng_look *look, struct eng_proof *ret)
{
    if (below(look->path, d->under)) return OK;
    return eng__not_proven(
        ret,
        arena_printf(p->call->arena, "%.*s does not lie in %.*s",
                     SLICE_ARG(look->path), SLICE_ARG(d->under)),
        SLICE("Name a file of that folder."));
}

static enum err tell(struct eng_proving *p, const struct eng_look *look,
                     struct eng_proof *ret)
{
    char hex[SHA256_HEX_SIZE];
    struct buf b = BUF_INIT(1 << 16);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "path", look->path);
    json_put_string(&w, "sha256", sha256_hex(look->sha256, hex));
    json_put_int(&w, "bytes", look->bytes);
    json_end_object(&w);
    ret->members = !b.err ? arena_copy(p->call->arena,
                                       slice_sub(buf_slice(&b), 1, b.n - 2))
                          : (struct slice){0};
    buf_done(&b);
    ret->state = ENG_PROVEN;
    ret->detail = arena_printf(p->call->arena,
                               "%.*s, %" PRId64 " bytes, sha256 "
                               "%.12s",
                               SLICE_ARG(look->path), look->bytes, hex);
    return ret->members.p && ret->detail.p
               ? eng__rests_on(ret, look, p->call->arena)
               : ERR_NOMEM;
}

/* The path of the gate counts, when it names one. */
static enum err fixed_path(struct eng_proving *p, struct slice path,
                           struct eng_proof *ret)
{
    struct json *v = json_new(p->call->arena, JSON_STRING);
    if (!v) return ERR_NOMEM;
    struct buf b = BUF_INIT(1 << 16);
    buf_putc(&b, '"');
    json_escape(&b, path);
    buf_putc(&b, '"');
    v->text = path;
    v->raw =
        !b.err ? arena_copy(p->call->arena, buf_slice(&b)) : (struct slice){0};
    buf_done(&b);
    ret->value = v;
    return v->raw.p ? OK : ERR_NOMEM;
}

enum err eng__prove_file(struct eng_proving *p, const struct eng_field *f,
                         const struct json *v, struct eng_proof *ret)
{
    static enum err (*const checks[])(
        struct eng_proving *, const struct eng_file_demand *,
        const struct eng_look *, struct eng_proof *) = {
        check_place, check_size, check_age, check_pattern};
    const struct eng_file_demand *d = f->file;
    struct slice path = d->path.n ? d->path : json_text(v);
    struct eng_look look;
    /* Absent, or no text: the gate itself says so. */
    if (!d->path.n && !json_is(v, JSON_STRING)) return OK;
    int64_t most = d->max_bytes;
    if (d->pattern && most > PATTERN_MOST) most = PATTERN_MOST;
    enum err e = eng__look(p->root, path, most, d->pattern != NULL,
                           p->call->cancel, p->call->arena, &look);
    if (e) return e;
    if (look.why.n) return eng__not_proven(ret, look.why, look.how_to_fix);
    for (size_t i = 0; !e && !ret->state && i < 4; i++)
        e = checks[i](p, d, &look, ret);
    if (e || ret->state) return e;
    if (d->path.n) e = fixed_path(p, look.path, ret);
    return e ? e : tell(p, &look, ret);
}
