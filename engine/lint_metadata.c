/* Keys, names and numbers of metadata.json. */
#include <ctype.h>

#include "engine/lint_pass.h"

/* Pairs are compared up to here; a longer list is nobody's hand. */
enum { PAIRS_OF_MOST = 500 };

/* --- keys that look misspelt ------------------------------------------- */
static const char *const root_keys[] = {"workflow_type",
                                        "version",
                                        "total_phases",
                                        "phases",
                                        "name",
                                        "description",
                                        "estimated_duration",
                                        "primary_outputs",
                                        "dynamic_phases",
                                        "dynamic_config",
                                        "start_phase",
                                        "category",
                                        NULL};
static const char *const phase_keys[] = {"phase_number",
                                         "phase_name",
                                         "purpose",
                                         "estimated_effort",
                                         "key_deliverables",
                                         "validation_criteria",
                                         "tasks",
                                         "checkpoint",
                                         "phase_file",
                                         "skippable",
                                         "skip_condition",
                                         NULL};
static const char *const task_keys[] = {"task_number", "name",           "file",
                                        "purpose",     "estimated_time", NULL};
static const char *const checkpoint_keys[] = {"required_evidence", NULL};

/* "Estimated-Effort" and "estimated_effort" are one. */
static bool same_but_spelling(struct slice a, struct slice b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a.n && !isalnum((unsigned char)a.p[i])) i++;
        while (k < b.n && !isalnum((unsigned char)b.p[k])) k++;
        if (i == a.n || k == b.n) return i == a.n && k == b.n;
        if (tolower((unsigned char)a.p[i++]) !=
            tolower((unsigned char)b.p[k++]))
            return false;
    }
}

/* Two edits are a slip in a long word and another word in a short one. */
static bool looks_like(struct slice key, struct slice known)
{
    size_t most = known.n >= 9 ? 2 : known.n >= 5 ? 1 : 0;
    return same_but_spelling(key, known) || slice_distance(key, known) <= most;
}

static bool is_known(struct slice key, const char *const *known)
{
    for (size_t i = 0; known[i]; i++)
        if (slice_eq(key, slice_of(known[i]))) return true;
    return false;
}

/* A known key that the object lacks, and that this one resembles. */
static const char *meant(const struct json *v, struct slice key,
                         const char *const *known)
{
    for (size_t i = 0; known[i]; i++)
        if (!json_get(v, slice_of(known[i])) &&
            looks_like(key, slice_of(known[i])))
            return known[i];
    return NULL;
}

/* What an escape hides from who reads the file; what stands there as it is
 * was found in the text. */
static void check_escapes(const struct eng_pass *in,
                          const struct json_member *m)
{
    struct slice s = json_is(&m->value, JSON_STRING) ? m->value.text
                                                     : (struct slice){0};
    unsigned c, ignored;
    for (;;) {
        size_t at = slice_unseen(s, &c);
        if (at == s.n) return;
        if (c != '\n' && c != '\t' && c != '\r') break;
        s = slice_sub(s, at + 1, s.n);
    }
    if (slice_unseen(m->value.raw, &ignored) < m->value.raw.n) return;
    eng_report_add(in->r, LINT_TEXT_INVISIBLE, &in->meta, m->at,
                   "the character U+%04X is not seen by a reader", c);
}

static void check_keys(const struct eng_pass *in, const struct json *v,
                       const char *const *known)
{
    for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->count; i++) {
        const struct json_member *m = &v->members[i];
        bool own = is_known(m->key, known);
        const char *key = own ? NULL : meant(v, m->key, known);
        check_escapes(in, m);
        if (key)
            eng_report_add(in->r, LINT_METADATA_KEY_MISSPELT, &in->meta, m->at,
                           "\"%.*s\" is not read; did you mean \"%s\"?",
                           SLICE_ARG(eng_clip(in->r->arena, m->key, 80)), key);
        else if (own && json_is(&m->value, JSON_STRING) &&
                 slice_trim(m->value.text).n == 0)
            eng_report_add(in->r, LINT_METADATA_TEXT_EMPTY, &in->meta, m->at,
                           "\"%.*s\" is empty",
                           SLICE_ARG(eng_clip(in->r->arena, m->key, 80)));
    }
}

/* --- names ------------------------------------------------------------- */
static void check_folder_name(const struct eng_pass *in)
{
    struct slice name = in->d->files.workflow_type;
    bool fine =
        name.n > 0 && name.n <= 128 && isalnum((unsigned char)name.p[0]);
    for (size_t i = 0; i < name.n && fine; i++) {
        unsigned char c = (unsigned char)name.p[i];
        fine = isalnum(c) || c == '_' || c == '-' || c == '.';
    }
    if (!fine)
        eng_report_add(in->r, LINT_WORKFLOW_NAME, &in->meta, NULL,
                       "the folder is called \"%.*s\"",
                       SLICE_ARG(eng_clip(in->r->arena, name, 120)));
}

static void check_phase_names(const struct eng_pass *in)
{
    const struct eng_metadata *m = in->m;
    for (size_t i = 1; i < m->phases_count && i < PAIRS_OF_MOST; i++)
        for (size_t k = 0; k < i; k++) {
            const struct eng_meta_phase *p = &m->phases[i];
            if (!p->name.n || p->number < 0 ||
                !slice_eq_nocase(slice_trim(p->name),
                                 slice_trim(m->phases[k].name)))
                continue;
            const struct json *at = json_get(p->node, SLICE("phase_name"));
            eng_report_add(in->r, LINT_NAME_DUPLICATE, &in->meta, at->raw.p,
                           "phases %lld and %lld are both named \"%.*s\"",
                           (long long)m->phases[k].number, (long long)p->number,
                           SLICE_ARG(eng_clip(in->r->arena, p->name, 120)));
            break;
        }
}

static void check_task_pair(const struct eng_pass *in,
                            const struct eng_meta_phase *p,
                            const struct eng_meta_task *a,
                            const struct eng_meta_task *b)
{
    long long phase = (long long)p->number;
    if (b->number < 0 || a->number == b->number) return;
    if (b->file.n && slice_eq(a->file, b->file))
        eng_report_add(in->r, LINT_TASK_FILE_SHARED, &in->meta, b->node->raw.p,
                       "tasks %lld and %lld of phase %lld are both %.*s",
                       (long long)a->number, (long long)b->number, phase,
                       SLICE_ARG(eng_clip(in->r->arena, b->file, 120)));
    else if (b->name.n && slice_eq_nocase(a->name, b->name))
        eng_report_add(in->r, LINT_NAME_DUPLICATE, &in->meta, b->node->raw.p,
                       "tasks %lld and %lld of phase %lld are both named "
                       "\"%.*s\"",
                       (long long)a->number, (long long)b->number, phase,
                       SLICE_ARG(eng_clip(in->r->arena, b->name, 120)));
}

static void check_phase(const struct eng_pass *in,
                        const struct eng_meta_phase *p)
{
    check_keys(in, p->node, phase_keys);
    check_keys(in, json_get(p->node, SLICE("checkpoint")), checkpoint_keys);
    for (size_t i = 0; i < p->tasks_count; i++) {
        check_keys(in, p->tasks[i].node, task_keys);
        for (size_t k = 0; k < i && i < PAIRS_OF_MOST; k++)
            check_task_pair(in, p, &p->tasks[k], &p->tasks[i]);
    }
    if (p->number < 0 || p->dynamic || p->number >= in->d->start_phase ||
        !eng_definition_phase(in->d, in->d->start_phase))
        return;
    eng_report_add(in->r, LINT_PHASE_UNREACHABLE, &in->meta, p->node->raw.p,
                   "phase %lld is before start_phase, which is %lld",
                   (long long)p->number, (long long)in->d->start_phase);
}

void eng__lint_metadata(const struct eng_pass *in)
{
    check_folder_name(in);
    check_keys(in, in->m->document, root_keys);
    check_phase_names(in);
    for (size_t i = 0; i < in->m->phases_count; i++)
        check_phase(in, &in->m->phases[i]);
}
