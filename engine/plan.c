#include "engine/plan.h"

#include <inttypes.h>

#include "base/map.h"
#include "engine/plan_check.h"
#include "engine/plan_label.h"
#include "engine/plan_needs.h"

enum { TEXT_MOST = 2 << 20, LOOK_AHEAD = 2000 };

/* --- lists that grow in the arena -------------------------------------- */
struct list {
    void *items;
    size_t count, capacity;
};

static void *list_add(struct list *l, size_t size, struct eng_report *r)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 8;
        void *items = arena_array(r->arena, capacity, size);
        if (!items) {
            r->failed = true;
            return NULL;
        }
        if (l->count) memcpy(items, l->items, l->count * size);
        l->items = items;
        l->capacity = capacity;
    }
    return (char *)l->items + l->count++ * size;
}

/* --- reading ----------------------------------------------------------- */
struct phase {
    struct eng_plan_phase p;
    uint8_t level;
    size_t from, to; /* lines: the heading, the end of the section */
    size_t first_task;
    struct slice needs; /* as written */
};
struct task {
    struct eng_plan_task t;
    size_t phase;
    struct slice needs; /* as written */
};
struct reader {
    const struct eng_source *src;
    struct eng_report *r;
    struct arena *a;
    struct plan_lines lines;
    struct list phases, tasks; /* struct phase, struct task */
    struct map ids;            /* id -> struct task index + 1 */
    bool too_many;
    /* where we are */
    size_t phase;
    bool in_task;
    uint8_t level;           /* of a heading task; 0: list item, paragraph */
    uint32_t indent, nested; /* of a list task; of what stands in it */
    size_t body;             /* the task's first line */
};

static struct phase *phase_at(const struct reader *r, size_t i)
{
    return (struct phase *)r->phases.items + i;
}

static struct task *task_at(const struct reader *r, size_t i)
{
    return (struct task *)r->tasks.items + i;
}

static struct task *last_task(const struct reader *r)
{
    return task_at(r, r->tasks.count - 1);
}

static const struct plan_line *line_at(const struct reader *r, size_t i)
{
    return &r->lines.lines[i];
}

static const char *place(const struct reader *r, size_t i)
{
    return r->lines.lines[i].raw.p;
}

static bool nothing(const struct plan_line *l)
{
    return l->masked || l->blank;
}

/* --- phases ------------------------------------------------------------ */
/* The line behind the section that begins at `from`. */
static size_t section_end(const struct reader *r, size_t from, uint8_t level)
{
    size_t i = from + 1;
    for (; i < r->lines.count; i++) {
        const struct plan_line *l = line_at(r, i);
        if (!l->masked && l->level && l->level <= level) break;
    }
    return i;
}

static bool task_follows(const struct reader *r, size_t from, uint8_t level,
                         bool numbered)
{
    size_t to = section_end(r, from, level);
    struct plan_task_line t;
    struct plan_heading h;
    for (size_t i = from + 1; i < to; i++) {
        if (plan_phase_heading(line_at(r, i), numbered, r->a, &h)) return false;
        if (plan_task_line(line_at(r, i), r->a, &t)) return true;
    }
    return false;
}

static bool is_phase(const struct reader *r, size_t i, bool numbered,
                     const struct plan_heading *h)
{
    if (r->phases.count == 0) return true;
    const struct phase *before = phase_at(r, r->phases.count - 1);
    if (line_at(r, i)->level == phase_at(r, 0)->level)
        return h->number > before->p.number;
    return h->number == before->p.number + 1 &&
           task_follows(r, i, line_at(r, i)->level, numbered);
}

static void phase_found(struct reader *r, size_t i,
                        const struct plan_heading *h)
{
    struct phase *p = list_add(&r->phases, sizeof(*p), r->r);
    if (!p) return;
    *p = (struct phase){.p = {.number = h->number,
                              .name = h->name,
                              .duration = h->duration,
                              .line = (uint32_t)i + 1},
                        .level = line_at(r, i)->level,
                        .from = i};
    if (r->phases.count > PLAN_PHASES_MOST) r->too_many = true;
    if (line_at(r, i)->glued)
        eng_report_add(r->r, LINT_HEADING_SPELLING, r->src, place(r, i),
                       "phase %" PRId64 ": no space behind the #", h->number);
}

static void find_phases(struct reader *r, bool numbered)
{
    struct plan_heading h;
    int64_t gate;
    for (size_t i = 0; i < r->lines.count && !r->too_many; i++) {
        const struct plan_line *l = line_at(r, i);
        if (!l->level || !plan_phase_heading(l, numbered, r->a, &h)) continue;
        if (is_phase(r, i, numbered, &h))
            phase_found(r, i, &h);
        else if (!plan_gate_heading(l, r->a, &gate))
            eng_report_add(r->r, LINT_PHASE_HEADING_IGNORED, r->src,
                           place(r, i),
                           "\"%.*s\" is read as no phase: its number or level "
                           "does not follow on phase %" PRId64,
                           SLICE_ARG(eng_clip(r->a, l->text, 80)),
                           phase_at(r, r->phases.count - 1)->p.number);
    }
    for (size_t i = 0; i < r->phases.count; i++) {
        struct phase *p = phase_at(r, i);
        p->to = section_end(r, p->from, p->level);
        if (i + 1 < r->phases.count && phase_at(r, i + 1)->from < p->to)
            p->to = phase_at(r, i + 1)->from;
    }
}

/* --- tasks ------------------------------------------------------------- */
static void close_task(struct reader *r, size_t end)
{
    if (!r->in_task) return;
    r->in_task = false;
    while (end > r->body + 1 &&
           (line_at(r, end - 1)->blank || line_at(r, end - 1)->rule) &&
           !line_at(r, end - 1)->masked)
        end--;
    const char *from = place(r, r->body);
    const struct plan_line *last = line_at(r, end - 1);
    last_task(r)->t.body =
        (struct slice){from, (size_t)(last->raw.p + last->raw.n - from)};
}

static size_t known(const struct reader *r, struct slice id)
{
    return (size_t)(uintptr_t)map_get(&r->ids, id);
}

static void open_task(struct reader *r, size_t i,
                      const struct plan_task_line *line)
{
    const struct plan_line *l = line_at(r, i);
    struct phase *p = phase_at(r, r->phase);
    close_task(r, i);
    size_t first = known(r, line->id);
    if (first) {
        eng_report_add(r->r, LINT_TASK_ID_DUPLICATE, r->src, place(r, i),
                       "task %.*s stands on line %u too; that one counts",
                       SLICE_ARG(line->id), task_at(r, first - 1)->t.line);
        return;
    }
    if (r->tasks.count == PLAN_TASKS_MOST) {
        r->too_many = true;
        return;
    }
    struct task *t = list_add(&r->tasks, sizeof(*t), r->r);
    if (!t) return;
    *t = (struct task){.t = {.id = line->id,
                             .name = line->name,
                             .line = (uint32_t)i + 1,
                             .boxed = l->box != BOX_NONE,
                             .checked = l->box == BOX_TICKED},
                       .phase = r->phase};
    if (map_put(&r->ids, line->id, (void *)(uintptr_t)r->tasks.count, NULL))
        r->r->failed = true;
    p->p.tasks_count++;
    (void)plan_needs_inline(line->name, &t->needs);
    if (line->phase != p->p.number)
        eng_report_add(r->r, LINT_TASK_PHASE_MISMATCH, r->src, place(r, i),
                       "task %.*s stands in phase %" PRId64,
                       SLICE_ARG(line->id), p->p.number);
    r->in_task = true;
    r->level = l->level;
    r->indent = l->indent;
    r->nested = l->item ? UINT32_MAX : 0;
    r->body = i;
}

/* --- values of labels -------------------------------------------------- */
/* Does a text go on here? */
static bool goes_on(const struct reader *r, size_t i, size_t to)
{
    struct plan_task_line t;
    if (i >= to) return false;
    const struct plan_line *l = line_at(r, i);
    return !nothing(l) && !l->level && !l->rule && !l->box &&
           !plan_label_line(l, IN_PHASE | IN_TASK).label &&
           !plan_task_line(l, r->a, &t);
}

static void append(struct reader *r, struct slice *value, const char *glue,
                   struct slice more)
{
    if (value->n)
        more = arena_printf(r->a, "%.*s%s%.*s", SLICE_ARG(*value), glue,
                            SLICE_ARG(more));
    if (!more.p) r->r->failed = true;
    *value = more;
}

/* A needs label may be followed by a list of tasks, which defines none. */
static size_t read_needs(struct reader *r, size_t i, size_t to,
                         struct slice *value)
{
    size_t at = i;
    while (at < to && nothing(line_at(r, at))) at++;
    if (at > i && at < to && !line_at(r, at)->item) at = i;
    for (; at < to; at++) {
        const struct plan_line *l = line_at(r, at);
        if (nothing(l) || l->level || l->rule || l->box ||
            plan_label_line(l, IN_PHASE | IN_TASK).label)
            break;
        append(r, value, ", ", l->text);
        i = at + 1;
    }
    return i;
}

/* Reads the value of the label on line i; the line behind it. A value lies on
 * its line or, if nothing does, on the following ones up to a blank one; a
 * sentence that is wrapped goes on. */
static size_t read_value(struct reader *r, size_t i, size_t to,
                         struct plan_label_line l, struct slice *ret)
{
    struct slice value = l.value;
    bool wrapped = value.n == 0 || l.label == LABEL_TEXT;
    size_t at = i + 1;
    if (l.label == LABEL_NEEDS &&
        (value.n == 0 || slice_ends(value, SLICE(","))))
        at = read_needs(r, at, to, &value);
    else if (l.label == LABEL_TEXT && value.n == 0)
        at += at < to && nothing(line_at(r, at)) && goes_on(r, at + 1, to) &&
              !line_at(r, at + 1)->item;
    for (; wrapped && l.label != LABEL_NEEDS && goes_on(r, at, to); at++) {
        if (l.value.n && line_at(r, at)->item) break;
        append(r, &value, l.label == LABEL_TEXT ? "\n" : " ",
               line_at(r, at)->text);
        if (l.label == LABEL_TIME) wrapped = false;
    }
    if (ret->n == 0) *ret = value;
    return at;
}

/* --- lists of criteria and gate items ---------------------------------- */
struct items {
    size_t from;     /* the label or heading */
    uint32_t indent; /* of the list */
    bool gate, open, gap;
    struct list boxed, plain; /* struct eng_plan_item */
    struct eng_plan_item *last;
};

static bool same_level(const struct items *s, const struct plan_line *l)
{
    return l->indent <= s->indent + 1 && l->indent + 1 >= s->indent;
}

/* "- [ ] Task 1.1: done" in a list says something about a task that is
 * described elsewhere. */
static bool mentions(const struct reader *r, size_t i, size_t to,
                     const struct items *s, struct slice id)
{
    struct plan_task_line t;
    if (known(r, id)) return true;
    for (size_t k = i + 1; s->gate && k < to && k < i + LOOK_AHEAD; k++)
        if (plan_task_line(line_at(r, k), r->a, &t) && slice_eq(t.id, id))
            return true;
    return false;
}

static bool next_task(const struct reader *r, size_t i, size_t to,
                      const struct items *s)
{
    const struct plan_line *l = line_at(r, i);
    struct plan_task_line t;
    if (!plan_task_line(l, r->a, &t)) return false;
    if (!l->item) return !s->open || l->indent <= s->indent;
    if (!s->open) return !s->gate || !mentions(r, i, to, s, t.id);
    if (l->indent > s->indent + 1) return false;
    return !same_level(s, l) || !mentions(r, i, to, s, t.id);
}

static void item_found(struct reader *r, size_t i, struct items *s)
{
    const struct plan_line *l = line_at(r, i);
    struct slice text = plan_undecorated(l->text);
    s->last = NULL;
    if (text.n == 0) return;
    s->last = list_add(l->box ? &s->boxed : &s->plain, sizeof(*s->last), r->r);
    if (s->last)
        *s->last = (struct eng_plan_item){.text = text,
                                          .line = (uint32_t)i + 1,
                                          .checked = l->box == BOX_TICKED};
}

/* An item's sentence that is wrapped onto this line. */
static void item_goes_on(struct reader *r, const struct plan_line *l,
                         struct items *s)
{
    if (!s->last) return;
    append(r, &s->last->text, " ", l->text);
    s->last->text = plan_undecorated(s->last->text);
}

/* Does a line of the open list end it? */
static bool ends_list(const struct plan_line *l, const struct items *s,
                      bool after_gap)
{
    struct plan_label_line label = plan_label_line(l, IN_PHASE | IN_TASK);
    if (l->item && !same_level(s, l)) return l->indent < s->indent;
    if (l->item)
        return !l->box && label.label > LABEL_OTHER &&
               (label.bold || s->boxed.count > 0);
    if (l->indent > s->indent) return false;
    return after_gap || label.label || slice_starts(l->text, SLICE("**"));
}

/* Looks for the list; true when line i opens it, *stop when there is none. */
static bool opens_list(const struct reader *r, size_t i, const struct items *s,
                       bool *stop)
{
    const struct plan_line *l = line_at(r, i), *from = line_at(r, s->from);
    struct plan_label_line label = plan_label_line(l, IN_PHASE | IN_TASK);
    *stop = label.label > LABEL_OTHER && (l->item ? label.bold || !s->gate : 1);
    if (label.label == LABEL_OTHER && plan_other_label(l)) *stop = true;
    if (!l->item || *stop) return false;
    if (from->item && l->indent <= from->indent && !l->box) *stop = true;
    if (l->indent < from->indent) *stop = true;
    return !*stop;
}

/* Reads the list behind line s->from; the first line that is not part of it. */
static size_t read_items(struct reader *r, size_t to, struct items *s)
{
    size_t i = s->from + 1;
    for (; i < to; i++) {
        const struct plan_line *l = line_at(r, i);
        bool after_gap = s->gap, stop = false;
        if (nothing(l)) {
            s->gap |= l->blank && !l->masked;
            if (l->masked) s->last = NULL;
            continue;
        }
        s->gap = false;
        if (l->level || l->rule || next_task(r, i, to, s)) break;
        if (!s->open) {
            if (opens_list(r, i, s, &stop)) {
                s->open = true;
                s->indent = l->indent;
                item_found(r, i, s);
            }
            if (stop) break;
        } else if (ends_list(l, s, after_gap)) {
            break;
        } else if (l->item && same_level(s, l)) {
            item_found(r, i, s);
        } else if (l->item || after_gap) {
            s->last = NULL;
        } else {
            item_goes_on(r, l, s);
        }
    }
    return i;
}

static struct eng_plan_items items_of(struct reader *r, const struct items *s,
                                      struct slice inline_text)
{
    const struct list *l = s->boxed.count ? &s->boxed : &s->plain;
    struct list one = {0};
    if (l->count == 0 && inline_text.n) {
        struct eng_plan_item *item = list_add(&one, sizeof(*item), r->r);
        if (item)
            *item =
                (struct eng_plan_item){.text = plan_undecorated(inline_text),
                                       .line = (uint32_t)s->from + 1};
        l = &one;
    }
    return (struct eng_plan_items){l->items, l->count};
}

/* The gate of a phase: the first one that demands something. */
static size_t read_gate(struct reader *r, size_t i, size_t to, int64_t number,
                        struct slice inline_text)
{
    struct items s = {.from = i, .gate = true};
    size_t end = read_items(r, to, &s);
    struct eng_plan_items items = items_of(r, &s, inline_text);
    for (size_t k = 0; k < r->phases.count; k++) {
        struct phase *p = phase_at(r, k);
        if (p->p.number != number) continue;
        if (p->p.gate.count == 0)
            p->p.gate = items;
        else
            eng_report_add(r->r, LINT_GATE_REPEATED, r->src, place(r, i),
                           "phase %" PRId64
                           " has a gate on line %u already; that one counts",
                           number, p->p.gate.items[0].line);
        return end;
    }
    eng_report_add(r->r, LINT_GATE_REPEATED, r->src, place(r, i),
                   "there is no phase %" PRId64 " for this gate", number);
    return end;
}

/* --- the section of a phase -------------------------------------------- */
static size_t task_label(struct reader *r, size_t i, size_t to,
                         struct plan_label_line l)
{
    struct task *t = last_task(r);
    struct items s = {.from = i};
    struct slice ignored = {0};
    size_t end;
    switch (l.label) {
    case LABEL_TEXT:
        return read_value(r, i, to, l,
                          t->t.description.n ? &ignored : &t->t.description);
    case LABEL_TIME:
        return read_value(r, i, to, l, &t->t.time);
    case LABEL_NEEDS:
        return read_value(r, i, to, l, &t->needs);
    case LABEL_CRITERIA:
        end = read_items(r, to, &s);
        if (t->t.criteria.count == 0) t->t.criteria = items_of(r, &s, l.value);
        return end;
    default:
        return i + 1;
    }
}

static size_t phase_label(struct reader *r, size_t i, size_t to,
                          struct plan_label_line l)
{
    struct phase *p = phase_at(r, r->phase);
    switch (l.label) {
    case LABEL_TEXT:
        return read_value(r, i, to, l, &p->p.description);
    case LABEL_TIME:
        return read_value(r, i, to, l, &p->p.duration);
    case LABEL_NEEDS:
        return read_value(r, i, to, l, &p->needs);
    case LABEL_GATE:
        return read_gate(r, i, to, l.phase < 0 ? p->p.number : l.phase,
                         l.value);
    default:
        return i + 1;
    }
}

static size_t read_label(struct reader *r, size_t i, size_t to)
{
    const struct plan_line *l = line_at(r, i);
    struct plan_label_line label =
        plan_label_line(l, r->in_task ? IN_TASK : IN_PHASE);
    uint32_t own = r->in_task && r->level == 0 ? r->indent : 0;
    if (r->in_task && label.label == LABEL_GATE && l->indent <= own) {
        close_task(r, i);
        return phase_label(r, i, to, label);
    }
    if (r->in_task)
        return l->indent <= r->nested && label.label > LABEL_OTHER
                   ? task_label(r, i, to, label)
                   : i + 1;
    return l->indent == 0 ? phase_label(r, i, to, label) : i + 1;
}

/* Criteria are often given a heading of their own within a task. */
static size_t read_label_heading(struct reader *r, size_t i, size_t to)
{
    struct plan_label_line label =
        plan_label_heading(line_at(r, i), r->a, IN_TASK);
    return r->in_task && label.label > LABEL_OTHER ? task_label(r, i, to, label)
                                                   : i + 1;
}

static void read_section(struct reader *r)
{
    const struct phase *p = phase_at(r, r->phase);
    size_t i = p->from + 1, to = p->to;
    struct plan_task_line t;
    int64_t gate;
    while (i < to && !r->too_many && !r->r->failed) {
        const struct plan_line *l = line_at(r, i);
        if (nothing(l)) {
            i++;
        } else if (plan_gate_heading(l, r->a, &gate)) {
            close_task(r, i);
            i = read_gate(r, i, to, gate < 0 ? p->p.number : gate,
                          (struct slice){0});
        } else if (plan_task_line(l, r->a, &t)) {
            open_task(r, i++, &t);
        } else if (l->level) {
            if (r->in_task && (r->level == 0 || l->level <= r->level))
                close_task(r, i);
            i = read_label_heading(r, i, to);
        } else {
            if (r->nested == UINT32_MAX && l->indent > r->indent)
                r->nested = l->indent;
            i = read_label(r, i, to);
        }
    }
    close_task(r, to);
}

/* --- outside the phases ------------------------------------------------ */
static size_t phase_end(const struct reader *r, size_t i)
{
    for (size_t k = 0; k < r->phases.count; k++)
        if (i >= phase_at(r, k)->from && i < phase_at(r, k)->to)
            return phase_at(r, k)->to;
    return i;
}

static size_t next_phase(const struct reader *r, size_t i)
{
    for (size_t k = 0; k < r->phases.count; k++)
        if (phase_at(r, k)->from > i) return phase_at(r, k)->from;
    return r->lines.count;
}

static struct plan_place place_of(const struct reader *r,
                                  const struct slice *ids, size_t task)
{
    return (struct plan_place){
        .ids = ids,
        .before = task,
        .phase = phase_at(r, task_at(r, task)->phase)->p.number,
        .first_phase = phase_at(r, 0)->p.number};
}

/* "Tasks 1.1, 1.2 depend on ...": for those without a label of their own. */
static void read_statement(struct reader *r, const struct slice *ids,
                           const struct plan_line *l)
{
    struct slice subjects, needs;
    struct eng_plan_needs who = {0};
    struct plan_place here = {.ids = ids};
    if (!plan_needs_sentence(l->text, &subjects, &needs)) return;
    if (plan_needs_add(subjects, &here, ENG_FROM_SECTION, r->a, &who))
        r->r->failed = true;
    for (size_t i = 0; i < who.tasks_count && !r->r->failed; i++) {
        size_t at = known(r, who.tasks[i]);
        if (at == 0) continue;
        struct task *t = task_at(r, at - 1);
        if (t->t.needs.origin == ENG_FROM_LABEL) continue;
        here = place_of(r, ids, at - 1);
        if (plan_needs_add(needs, &here, ENG_FROM_SECTION, r->a, &t->t.needs))
            r->r->failed = true;
    }
}

static bool says_dependencies(struct slice heading)
{
    for (size_t i = 0; i + 9 <= heading.n; i++)
        if (slice_eq_nocase(slice_sub(heading, i, 9), SLICE("dependenc")))
            return true;
    return false;
}

static void read_outside(struct reader *r, const struct slice *ids)
{
    uint8_t about_needs = 0; /* the level of the heading that says so */
    int64_t gate;
    for (size_t i = 0; i < r->lines.count && !r->r->failed;) {
        const struct plan_line *l = line_at(r, i);
        size_t end = phase_end(r, i);
        if (end > i) {
            about_needs = 0;
            i = end;
            continue;
        }
        if (l->level && !l->masked && about_needs && l->level <= about_needs)
            about_needs = 0;
        if (l->level && !l->masked && !about_needs &&
            says_dependencies(l->text))
            about_needs = l->level;
        if (plan_gate_heading(l, r->a, &gate) && gate >= 0) {
            i = read_gate(r, i, next_phase(r, i), gate, (struct slice){0});
            continue;
        }
        if (about_needs && l->item && !l->masked) read_statement(r, ids, l);
        i++;
    }
}

/* --- dependencies ------------------------------------------------------ */
static struct slice *resolve_labels(struct reader *r)
{
    struct slice *ids = ARENA_ARRAY(r->a, struct slice, r->tasks.count + 1);
    struct plan_place here;
    if (!ids) {
        r->r->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < r->tasks.count; i++) ids[i] = task_at(r, i)->t.id;
    for (size_t i = 0; i < r->tasks.count && !r->r->failed; i++) {
        struct task *t = task_at(r, i);
        if (t->needs.n == 0) continue;
        here = place_of(r, ids, i);
        if (plan_needs_add(t->needs, &here, ENG_FROM_LABEL, r->a, &t->t.needs))
            r->r->failed = true;
    }
    for (size_t i = 0; i < r->phases.count && !r->r->failed; i++) {
        struct phase *p = phase_at(r, i);
        here = (struct plan_place){.ids = ids,
                                   .before = p->first_task,
                                   .phase = p->p.number,
                                   .first_phase = phase_at(r, 0)->p.number};
        if (p->needs.n &&
            plan_needs_add(p->needs, &here, ENG_FROM_LABEL, r->a, &p->p.needs))
            r->r->failed = true;
    }
    return ids;
}

/* --- the whole --------------------------------------------------------- */
static void finish(struct reader *r, struct eng_plan *ret)
{
    struct eng_plan_phase *phases =
        ARENA_ARRAY(r->a, struct eng_plan_phase, r->phases.count + 1);
    struct eng_plan_task *tasks =
        ARENA_ARRAY(r->a, struct eng_plan_task, r->tasks.count + 1);
    if (!phases || !tasks) {
        r->r->failed = true;
        return;
    }
    for (size_t i = 0; i < r->tasks.count; i++) tasks[i] = task_at(r, i)->t;
    for (size_t i = 0; i < r->phases.count; i++) {
        phases[i] = phase_at(r, i)->p;
        phases[i].tasks = tasks + phase_at(r, i)->first_task;
    }
    *ret = (struct eng_plan){phases, r->phases.count};
}

static void read_all(struct reader *r, struct eng_plan *ret)
{
    if (r->lines.unclosed)
        eng_report_add(
            r->r, LINT_FENCE_UNCLOSED, r->src, place(r, r->lines.unclosed - 1),
            "the code block of line %zu has no end", r->lines.unclosed);
    find_phases(r, false);
    if (r->phases.count == 0) find_phases(r, true);
    for (r->phase = 0; r->phase < r->phases.count; r->phase++) {
        phase_at(r, r->phase)->first_task = r->tasks.count;
        read_section(r);
    }
    if (r->r->failed || r->too_many) return;
    const struct slice *ids = resolve_labels(r);
    if (ids && r->phases.count) read_outside(r, ids);
    if (!r->r->failed) finish(r, ret);
    if (!r->r->failed) plan_check(ret, r->src, &r->lines, r->r);
}

static enum err empty(const struct eng_source *src, struct arena *a,
                      struct problem *p)
{
    return problem_setf(p, a, ERR_SOURCE_EMPTY,
                        SLICE("The phases of this workflow come from that "
                              "file, and nothing stands in it."),
                        SLICE("Write phases like \"## Phase 1: Name\" with "
                              "tasks like \"#### Task 1.1: Name\"."),
                        "%.*s is empty", SLICE_ARG(src->file));
}

static enum err too_large(const struct eng_source *src, struct arena *a,
                          struct problem *p)
{
    return problem_setf(p, a, ERR_TOO_LARGE,
                        SLICE("A plan has at most 2 MiB, 500 phases and 2,000 "
                              "tasks."),
                        SLICE("Split the plan."), "%.*s is too large",
                        SLICE_ARG(src->file));
}

enum err eng_plan_parse(const struct eng_source *src, struct eng_report *r,
                        struct problem *p, struct eng_plan *ret)
{
    struct reader reader = {.src = src, .r = r, .a = r->arena, .ids = MAP_INIT};
    struct eng_plan plan = {0};
    if (slice_trim(src->text).n == 0 ||
        slice_eq(src->text, SLICE("\xef\xbb\xbf")))
        return empty(src, r->arena, p);
    if (src->text.n > TEXT_MOST) return too_large(src, r->arena, p);
    enum err e = plan_lines_read(src->text, r->arena, &reader.lines);
    if (!e) read_all(&reader, &plan);
    map_done(&reader.ids);
    if (!e && reader.too_many) return too_large(src, r->arena, p);
    if (e || r->failed)
        return problem_set(p, ERR_NOMEM, src->file, SLICE("Out of memory."),
                           SLICE("Try again."));
    e = eng_plan_numbers(&plan, src, r->arena, p);
    if (!e) *ret = plan;
    return e;
}
