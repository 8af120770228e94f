/* A set of files -> a definition and what is wrong with it. */
#include "engine/definition.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json_write.h"
#include "engine/dynamic.h"
#include "engine/gate.h"
#include "engine/lint_text.h"
#include "engine/metadata.h"

static const size_t arena_most = 256u << 20;
static const size_t files_most = 64u << 20;

struct building {
    struct eng_definition *d;
    struct arena *a;
    struct eng_report r;
    struct eng_source meta; /* metadata.json */
    struct eng_metadata m;
};

/* --- files of the set -------------------------------------------------- */
struct run {
    const struct eng_file *files;
    size_t count;
};

/* The files whose path begins with `prefix`: they stand together. */
static struct run files_under(const struct eng_files *f, struct slice prefix)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(f->files[mid].path, prefix) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    size_t end = low;
    while (end < f->count && slice_starts(f->files[end].path, prefix)) end++;
    return (struct run){f->files + low, end - low};
}

struct path {
    char text[600];
};

static struct slice phase_path(struct path *p, int64_t number,
                               struct slice name)
{
    int n = snprintf(p->text, sizeof(p->text), "phases/%lld/%.*s",
                     (long long)number, SLICE_ARG(slice_sub(name, 0, 500)));
    return (struct slice){p->text, n < 0 ? 0 : (size_t)n};
}

static const struct eng_file *phase_file(const struct eng_files *f,
                                         int64_t number, struct slice name)
{
    struct path p;
    return name.n > 500 ? NULL
                        : eng_files_find(f, phase_path(&p, number, name));
}

/* "task-12-some-words.md" directly in the folder: 12 and "some-words". */
static bool task_name(struct slice path, struct slice folder, int64_t *number,
                      struct slice *ret_words)
{
    struct slice s = slice_sub(path, folder.n, path.n), digits;
    if (!slice_starts(s, SLICE("task-")) || !slice_ends(s, SLICE(".md")) ||
        slice_find_byte(s, '/') < s.n)
        return false;
    s = slice_sub(s, 5, s.n - 8);
    *ret_words = s;
    *number = -1;
    if (!slice_split(ret_words, '-', &digits)) return true;
    if (digits.n == 0 || digits.p[0] == '-' || !slice_int64(digits, number))
        *number = -1;
    return true;
}

/* Finds task-<number>-*.md; a second one is ambiguous. */
static const struct eng_file *file_of_number(const struct eng_files *f,
                                             int64_t phase, int64_t number,
                                             const struct eng_file **second)
{
    struct path p;
    struct slice folder = phase_path(&p, phase, (struct slice){0}), words;
    struct run run = files_under(f, folder);
    const struct eng_file *found = NULL;
    int64_t n;
    *second = NULL;
    for (size_t i = 0; i < run.count; i++) {
        if (!task_name(run.files[i].path, folder, &n, &words) || n != number)
            continue;
        if (found && !*second) *second = &run.files[i];
        if (!found) found = &run.files[i];
    }
    return found;
}

static struct slice name_in_folder(const struct eng_file *f)
{
    size_t n = f->path.n;
    while (n > 0 && f->path.p[n - 1] != '/') n--;
    return slice_sub(f->path, n, f->path.n);
}

static struct eng_source source(const struct eng_file *f)
{
    return (struct eng_source){f->path, f->text};
}

/* --- tasks ------------------------------------------------------------- */
static void set_file(struct eng_task *t, const struct eng_file *f)
{
    t->file = name_in_folder(f);
    t->content = f->text;
}

static void ambiguous(struct building *b, const char *at, int64_t phase,
                      int64_t number, struct slice one, struct slice two)
{
    eng_report_add(&b->r, LINT_AMBIGUOUS_TASK_FILE, &b->meta, at,
                   "task %lld of phase %lld could be %.*s or %.*s",
                   (long long)number, (long long)phase, SLICE_ARG(one),
                   SLICE_ARG(two));
}

static void listed_task(struct building *b, const struct eng_meta_phase *p,
                        const struct eng_meta_task *t, struct eng_task *ret)
{
    const struct eng_file *second = NULL, *f;
    *ret = (struct eng_task){.number = t->number,
                             .name = t->name,
                             .file = t->file,
                             .estimated_time = t->estimated_time};
    if (t->file.n)
        f = phase_file(&b->d->files, p->number, t->file);
    else
        f = file_of_number(&b->d->files, p->number, t->number, &second);
    const char *at = t->node->raw.p;
    long long phase = (long long)p->number, number = (long long)t->number;
    if (second)
        ambiguous(b, at, p->number, t->number, f->path, second->path);
    else if (f)
        set_file(ret, f);
    else if (t->file.n)
        eng_report_add(&b->r, LINT_TASK_FILE_MISSING, &b->meta, at,
                       "task %lld of phase %lld: phases/%lld/%.*s does not "
                       "exist",
                       number, phase, phase,
                       SLICE_ARG(eng_clip(b->a, t->file, 200)));
    else
        eng_report_add(&b->r, LINT_TASK_FILE_MISSING, &b->meta, at,
                       "task %lld of phase %lld names no file, and there is no "
                       "phases/%lld/task-%lld-*.md",
                       number, phase, phase, number);
    if (f && ret->name.n == 0) ret->name = ret->file;
}

static bool is_listed(const struct eng_phase *p, struct slice name)
{
    for (size_t i = 0; i < p->tasks_count; i++)
        if (slice_eq(p->tasks[i].file, name)) return true;
    return false;
}

static int by_number(const void *a, const void *b)
{
    const struct eng_task *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return slice_cmp(x->file, y->file);
}

/* Only where the phase lists no tasks at all. */
static void found_tasks(struct building *b, const struct eng_meta_phase *m,
                        struct run run, struct slice folder,
                        struct eng_phase *p)
{
    struct eng_task *tasks = ARENA_ARRAY(b->a, struct eng_task, run.count);
    size_t n = 0;
    int64_t number;
    struct slice words;
    if (!tasks) {
        b->r.failed |= run.count > 0;
        return;
    }
    for (size_t i = 0; i < run.count; i++) {
        if (!task_name(run.files[i].path, folder, &number, &words) ||
            number < 0)
            continue;
        tasks[n] = (struct eng_task){.number = number, .name = words};
        set_file(&tasks[n++], &run.files[i]);
    }
    if (n > 1) qsort(tasks, n, sizeof(*tasks), by_number);
    p->tasks = tasks;
    p->tasks_count = n;
    for (size_t i = 1; i < n; i++) {
        if (tasks[i].number != tasks[i - 1].number) continue;
        ambiguous(b, m->node->raw.p, p->number, tasks[i].number,
                  tasks[i - 1].file, tasks[i].file);
    }
}

static void listed_tasks(struct building *b, const struct eng_meta_phase *m,
                         struct eng_phase *p)
{
    struct eng_task *tasks = ARENA_ARRAY(b->a, struct eng_task, m->tasks_count);
    size_t n = 0;
    if (!tasks) {
        b->r.failed |= m->tasks_count > 0;
        return;
    }
    for (size_t i = 0; i < m->tasks_count; i++)
        if (m->tasks[i].number >= 0)
            listed_task(b, m, &m->tasks[i], &tasks[n++]);
    p->tasks = tasks;
    p->tasks_count = n;
}

static void unlisted(struct building *b, struct run run, struct slice folder,
                     const struct eng_phase *p)
{
    int64_t number;
    struct slice words;
    for (size_t i = 0; i < run.count; i++) {
        const struct eng_file *f = &run.files[i];
        if (!task_name(f->path, folder, &number, &words)) continue;
        if (p && is_listed(p, name_in_folder(f))) continue;
        struct eng_source src = source(f);
        eng_report_add(&b->r, LINT_UNLISTED_TASK_FILE, &src, NULL,
                       "%.*s is no task of a phase", SLICE_ARG(f->path));
    }
}

/* --- gates ------------------------------------------------------------- */
static bool among(const struct eng_texts *names, struct slice name)
{
    for (size_t i = 0; i < names->count; i++)
        if (slice_eq(names->items[i], name)) return true;
    return false;
}

static struct slice joined(struct building *b, struct slice list,
                           struct slice name)
{
    struct slice both =
        arena_printf(b->a, "%.*s%s%.*s", SLICE_ARG(list), list.n ? ", " : "",
                     SLICE_ARG(eng_clip(b->a, name, 80)));
    b->r.failed |= !both.p;
    return both;
}

static void compare_evidence(struct building *b, const struct eng_meta_phase *m,
                             const struct eng_gate *g)
{
    struct slice here = {0}, there = {0};
    for (size_t i = 0; i < m->evidence.count; i++) {
        bool found = false;
        for (size_t k = 0; k < g->fields_count; k++)
            found |= slice_eq(g->fields[k].name, m->evidence.items[i]);
        if (!found) here = joined(b, here, m->evidence.items[i]);
    }
    for (size_t k = 0; k < g->fields_count; k++)
        if (!among(&m->evidence, g->fields[k].name))
            there = joined(b, there, g->fields[k].name);
    if (here.n == 0 && there.n == 0) return;
    const struct json *at =
        json_at(m->node, "checkpoint", "required_evidence", NULL);
    eng_report_add(&b->r, LINT_REQUIRED_EVIDENCE_DIFFERS, &b->meta, at->raw.p,
                   "phase %lld: only in required_evidence: %.*s; only in the "
                   "gate file: %.*s",
                   (long long)m->number,
                   SLICE_ARG(here.n ? here : SLICE("nothing")),
                   SLICE_ARG(there.n ? there : SLICE("nothing")));
}

/* "gate-definition.yml": meant as a gate, and read by nobody. */
static const struct eng_file *misnamed_gate(const struct eng_files *f,
                                            int64_t number)
{
    static const struct slice names[] = {
        SLICE_INIT("gate-definition.yaml"), SLICE_INIT("gate-definition.yml"),
        SLICE_INIT("gate_definition.yaml"), SLICE_INIT("gate_definition.yml")};
    struct path p;
    struct slice folder = phase_path(&p, number, SLICE(""));
    struct run run = files_under(f, folder);
    for (size_t i = 0; i < run.count; i++) {
        struct slice path = run.files[i].path;
        struct slice name = slice_sub(path, folder.n, path.n);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            if (slice_eq_nocase(name, names[n])) return &run.files[i];
    }
    return NULL;
}

/* A gate that is there and is not read closes the workflow; without one, any
 * evidence would do. */
static bool gate_readable(struct building *b, const struct eng_file *gate,
                          int64_t number)
{
    const struct eng_file *wrong = gate ? (gate->unread ? gate : NULL)
                                        : misnamed_gate(&b->d->files, number);
    if (!wrong) return true;
    struct eng_source src = source(wrong);
    if (gate)
        eng_report_mend(&b->r, LINT_GATE_BROKEN, &src, NULL,
                        SLICE("Put a file in its place; a link must end at a "
                              "file of this workflow."),
                        "it is no file of this workflow, but a link out of "
                        "it, a folder or a device");
    else
        eng_report_mend(&b->r, LINT_GATE_BROKEN, &src, NULL,
                        SLICE("Rename it to gate-definition.yaml."),
                        "a gate of this name is not read");
    return false;
}

static void read_gate(struct building *b, const struct eng_meta_phase *m,
                      struct eng_phase *p)
{
    const struct eng_file *f =
        phase_file(&b->d->files, m->number, SLICE("gate-definition.yaml"));
    if (!gate_readable(b, f, m->number)) return;
    if (f) {
        struct eng_source src = source(f);
        p->gate = eng_gate_parse(&src, &b->r);
        if (p->gate && p->gate->fields_count == 0)
            eng_report_mend(&b->r, LINT_NO_GATE, &src, NULL,
                            SLICE("Name the evidence the phase is to give in "
                                  "evidence_schema."),
                            "the gate of phase %lld asks for nothing",
                            (long long)m->number);
        if (p->gate && m->has_evidence) compare_evidence(b, m, p->gate);
    } else if (m->has_evidence && m->evidence.count) {
        p->gate = eng_gate_of_names(m->evidence.items, m->evidence.count, b->a);
        b->r.failed |= !p->gate;
    } else {
        p->gate = eng_gate_of_nothing();
        eng_report_add(&b->r, LINT_NO_GATE, &b->meta, m->node->raw.p,
                       "phase %lld has no gate: any evidence completes it",
                       (long long)m->number);
    }
}

/* --- phases ------------------------------------------------------------ */
static void read_text(struct building *b, const struct eng_meta_phase *m,
                      struct eng_phase *p)
{
    const struct eng_file *f =
        phase_file(&b->d->files, m->number, SLICE("phase.md"));
    struct path own;
    if (f)
        p->content = f->text;
    else
        eng_report_add(&b->r, LINT_PHASE_FILE_MISSING, &b->meta, m->node->raw.p,
                       "phases/%lld/phase.md does not exist",
                       (long long)m->number);
    if (m->phase_file.n &&
        !slice_eq(m->phase_file,
                  phase_path(&own, m->number, SLICE("phase.md"))))
        eng_report_mend(&b->r, LINT_METADATA_FIELD_TYPE, &b->meta,
                        json_get(m->node, SLICE("phase_file"))->raw.p,
                        SLICE("Remove phase_file: the path follows from the "
                              "number."),
                        "\"phase_file\" of phase %lld is %.*s, but must be "
                        "phases/%lld/phase.md",
                        (long long)m->number,
                        SLICE_ARG(eng_clip(b->a, m->phase_file, 200)),
                        (long long)m->number);
}

static void read_phase(struct building *b, const struct eng_meta_phase *m,
                       struct eng_phase *p)
{
    struct path path;
    struct slice folder = phase_path(&path, m->number, (struct slice){0});
    struct run run = files_under(&b->d->files, folder);
    *p = (struct eng_phase){.number = m->number,
                            .name = m->name,
                            .purpose = m->purpose,
                            .estimated_effort = m->estimated_effort,
                            .deliverables = m->deliverables.items,
                            .deliverables_count = m->deliverables.count};
    if (run.count == 0)
        eng_report_add(&b->r, LINT_PHASE_DIR_MISSING, &b->meta, m->node->raw.p,
                       "phases/%lld/ does not exist", (long long)m->number);
    else
        read_text(b, m, p);
    if (m->has_tasks)
        listed_tasks(b, m, p);
    else
        found_tasks(b, m, run, folder, p);
    if (m->has_tasks) unlisted(b, run, folder, p);
    read_gate(b, m, p);
}

static void read_phases(struct building *b)
{
    struct eng_definition *d = b->d;
    struct eng_phase *phases =
        ARENA_ARRAY(b->a, struct eng_phase, b->m.phases_count);
    size_t n = 0;
    if (!phases) {
        b->r.failed |= b->m.phases_count > 0;
        return;
    }
    for (size_t i = 0; i < b->m.phases_count; i++) {
        const struct eng_meta_phase *m = &b->m.phases[i];
        if (m->number < 0 || m->dynamic) continue;
        read_phase(b, m, &phases[n++]);
    }
    d->phases = phases;
    d->phases_count = n;
}

/* Task files in folders that belong to no phase. */
static void stray_folders(struct building *b)
{
    struct run run = files_under(&b->d->files, SLICE("phases/"));
    for (size_t i = 0; i < run.count;) {
        struct slice rest = slice_sub(run.files[i].path, 7, SIZE_MAX), name;
        bool nested = slice_find_byte(rest, '/') < rest.n;
        int64_t number = -1;
        (void)slice_split(&rest, '/', &name);
        struct slice folder = {run.files[i].path.p, 7 + name.n + 1};
        if (!nested) {
            i++;
            continue;
        }
        struct run here = files_under(&b->d->files, folder);
        i += here.count;
        struct path path;
        if (slice_int64(name, &number) && eng_definition_phase(b->d, number) &&
            slice_eq(folder, phase_path(&path, number, (struct slice){0})))
            continue;
        if (!slice_eq(name, SLICE("dynamic"))) unlisted(b, here, folder, NULL);
    }
}

/* --- the whole --------------------------------------------------------- */
static enum err copy_source(struct building *b, const struct eng_file *f)
{
    struct eng_files *to = &b->d->files;
    to->source.path = arena_copy(b->a, f->path);
    to->source.text = arena_copy(b->a, f->text);
    if (!to->source.path.p || !to->source.text.p) return ERR_NOMEM;
    b->d->hash = eng_files_hash(to, b->a);
    return b->d->hash.p ? OK : ERR_NOMEM;
}

static enum err copy_files(struct building *b, const struct eng_files *f)
{
    struct eng_files *to = &b->d->files;
    size_t bytes = 0;
    struct eng_file *files = ARENA_ARRAY(b->a, struct eng_file, f->count);
    if (!files && f->count) return ERR_NOMEM;
    for (size_t i = 0; i < f->count; i++) {
        bytes += f->files[i].path.n + f->files[i].text.n;
        if (bytes > files_most) return ERR_TOO_LARGE;
        files[i].path = arena_copy(b->a, f->files[i].path);
        files[i].text = arena_copy(b->a, f->files[i].text);
        files[i].unread = f->files[i].unread;
        if (!files[i].path.p || !files[i].text.p) return ERR_NOMEM;
    }
    to->workflow_type = arena_copy(b->a, f->workflow_type);
    to->folder = arena_copy(b->a, f->folder);
    to->files = files;
    to->count = f->count;
    b->d->files_hash = b->d->hash = eng_files_hash(to, b->a);
    if (!to->workflow_type.p || !to->folder.p || !b->d->hash.p)
        return ERR_NOMEM;
    return f->source.path.n ? copy_source(b, &f->source) : OK;
}

static void check_encoding(struct building *b)
{
    struct run run = files_under(&b->d->files, SLICE("phases/"));
    for (size_t i = 0; i < run.count; i++) {
        struct eng_source src = source(&run.files[i]);
        size_t bad = slice_utf8_valid(src.text);
        if (bad == src.text.n) continue;
        eng_report_add(&b->r, LINT_TEXT_NOT_UTF8, &src, NULL,
                       "byte %zu is not UTF-8", bad);
    }
}

static void head(struct building *b)
{
    struct eng_definition *d = b->d;
    const struct eng_metadata *m = &b->m;
    d->metadata = m->document;
    d->workflow_type = d->files.workflow_type;
    d->name = m->name.n ? m->name : d->workflow_type;
    d->version = m->version;
    d->description = m->description;
    d->category = m->category;
    d->estimated_duration = m->estimated_duration;
    d->dynamic = m->dynamic;
    if (m->workflow_type.n && !slice_eq(m->workflow_type, d->workflow_type))
        eng_report_add(&b->r, LINT_TYPE_NOT_FOLDER, &b->meta,
                       json_get(m->document, SLICE("workflow_type"))->raw.p,
                       "workflow_type is \"%.*s\", the folder \"%.*s\"",
                       SLICE_ARG(eng_clip(b->a, m->workflow_type, 200)),
                       SLICE_ARG(d->workflow_type));
}

static void settle_start(struct building *b)
{
    struct eng_definition *d = b->d;
    if (b->m.start != INT64_MIN)
        d->start_phase = b->m.start;
    else if (d->phases_count)
        d->start_phase = d->phases[0].number;
    else if (d->dynamic_config)
        d->start_phase = d->dynamic_config->from;
}

static void read_all(struct building *b)
{
    const struct eng_file *f =
        eng_files_find(&b->d->files, SLICE("metadata.json"));
    b->d->workflow_type = b->d->name = b->d->files.workflow_type;
    if (!f) {
        eng_report_add(&b->r, LINT_JSON_INVALID, NULL, NULL,
                       "there is no metadata.json");
        return;
    }
    b->meta = source(f);
    check_encoding(b);
    if (!eng_metadata_read(&b->meta, &b->r, &b->m)) return;
    head(b);
    read_phases(b);
    stray_folders(b);
    if (b->m.dynamic)
        eng__dynamic_read(b->d, &b->m, &b->meta, &b->r);
    else if (files_under(&b->d->files, SLICE("phases/dynamic/")).count)
        eng_report_add(&b->r, LINT_UNUSED_DYNAMIC_DIR, NULL, NULL,
                       "phases/dynamic is there, but the workflow is not "
                       "dynamic");
    settle_start(b);
    eng_lint_texts(b->d, &b->m, &b->r);
    if (b->d->dynamic && b->r.errors == 0 && !b->r.failed &&
        b->d->files.source.path.n)
        eng__dynamic_phases(b->d, &b->r);
}

enum err eng_definition_build(const struct eng_files *f,
                              struct eng_definition **ret)
{
    struct eng_definition *d = MEM_NEW(struct eng_definition);
    if (!d) return ERR_NOMEM;
    arena_init(&d->arena, arena_most);
    atomic_init(&d->references, 1);
    struct building b = {.d = d, .a = &d->arena};
    eng_report_init(&b.r, b.a);
    enum err e = copy_files(&b, f);
    if (e) goto out;
    read_all(&b);
    eng_report_end(&b.r);
    d->findings = b.r.items;
    d->findings_count = b.r.count;
    d->errors_count = b.r.errors;
    if (b.r.failed || d->arena.refused) e = ERR_NOMEM;
out:
    if (e) {
        eng_definition_unref(d);
        return e;
    }
    *ret = d;
    return OK;
}

struct eng_definition *eng_definition_ref(struct eng_definition *d)
{
    /* whoever gives a reference holds one: nothing to order */
    atomic_fetch_add_explicit(&d->references, 1, memory_order_relaxed);
    return d;
}

void eng_definition_unref(struct eng_definition *d)
{
    if (!d) return;
    /* release: our reads are done before the one who frees (acquire) does so */
    if (atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&d->arena);
    mem_free(d);
}

size_t eng_definition_bytes(const struct eng_definition *d)
{
    return sizeof(*d) + d->arena.used;
}

const struct eng_phase *eng_definition_phase(const struct eng_definition *d,
                                             int64_t number)
{
    for (size_t i = 0; i < d->phases_count; i++)
        if (d->phases[i].number == number) return &d->phases[i];
    return NULL;
}

const struct eng_task *eng_phase_task(const struct eng_phase *p, int64_t number)
{
    for (size_t i = 0; i < p->tasks_count; i++)
        if (p->tasks[i].number == number) return &p->tasks[i];
    return NULL;
}

const struct eng_file *eng_phase_unlisted(const struct eng_definition *d,
                                          int64_t phase, int64_t number)
{
    const struct eng_phase *p = eng_definition_phase(d, phase);
    const struct eng_file *second;
    const struct eng_file *f =
        file_of_number(&d->files, phase, number, &second);
    return p && f && !is_listed(p, name_in_folder(f)) ? f : NULL;
}

/* --- the refusal ------------------------------------------------------- */
static void write_errors(const struct eng_definition *d, struct buf *text,
                         struct buf *extra)
{
    struct json_writer w = json_writer(extra);
    json_begin_array(&w);
    for (size_t i = 0; i < d->findings_count; i++) {
        const struct eng_finding *f = &d->findings[i];
        if (f->level != ENG_ERROR) continue;
        buf_printf(text, "%s%.*s", text->n ? "; " : "",
                   SLICE_ARG(f->file.n ? f->file : SLICE("(folder)")));
        if (f->line) buf_printf(text, ":%u:%u", f->line, f->column);
        buf_printf(text, ": %s: %.*s", f->code, SLICE_ARG(f->message));
        eng_finding_write(f, &w);
    }
    json_end_array(&w);
}

enum err eng_definition_problem(const struct eng_definition *d, struct arena *a,
                                struct problem *p)
{
    struct buf text = BUF_INIT(1u << 20), extra = BUF_INIT(2u << 20);
    buf_puts(&extra, "\"problems\":");
    write_errors(d, &text, &extra);
    struct slice why = arena_copy(a, buf_slice(&text));
    struct slice members =
        extra.err ? (struct slice){0} : arena_copy(a, buf_slice(&extra));
    buf_done(&text);
    buf_done(&extra);
    enum err e = problem_setf(
        p, a, ERR_WORKFLOW_INVALID, why,
        SLICE("Correct the files named here, then call again; "
              "validate_workflow shows what is left."),
        "the workflow \"%.*s\" has %zu error%s", SLICE_ARG(d->workflow_type),
        d->errors_count, d->errors_count == 1 ? "" : "s");
    p->extra = members;
    return e;
}
