#include "engine/plan_label.h"

#include <inttypes.h>

enum { NUMBER_DIGITS = 6, LABEL_MOST = 40, DRESSED_MOST = 200 };

/* --- pieces ------------------------------------------------------------ */
static const struct slice dashes[] = {
    SLICE_INIT("-"), SLICE_INIT("\xe2\x80\x93"), SLICE_INIT("\xe2\x80\x94"),
    SLICE_INIT("\xe2\x88\x92")};

static struct slice from(struct slice s, size_t n)
{
    return slice_sub(s, n, SIZE_MAX);
}

static size_t dash(struct slice s)
{
    for (size_t i = 0; i < sizeof(dashes) / sizeof(*dashes); i++)
        if (slice_starts(s, dashes[i])) return dashes[i].n;
    return 0;
}

/* ':', or the wide one of Chinese and Japanese; 0: neither. */
static size_t colon(struct slice s)
{
    static const struct slice wide = SLICE_INIT("\xef\xbc\x9a");
    return slice_starts(s, SLICE(":")) ? 1 : slice_starts(s, wide) ? wide.n : 0;
}

static size_t colon_at_end(struct slice s)
{
    size_t n = s.n && s.p[s.n - 1] == ':' ? 1 : 3;
    return s.n >= n && colon(from(s, s.n - n)) ? n : 0;
}

/* The mark that s begins with, "**" or "_". Of those that text begins with
 * by nature only one that ends again. */
static struct slice emphasis(struct slice s)
{
    size_t n = 0;
    if (s.n == 0 || !strchr("*_", s.p[0])) return (struct slice){0};
    while (n < s.n && n < 3 && s.p[n] == s.p[0]) n++;
    struct slice mark = slice_sub(s, 0, n), rest = from(s, n);
    size_t end = slice_find(rest, mark);
    bool closed = end > 0 && end < rest.n && rest.p[0] != ' ';
    return closed || slice_eq(mark, SLICE("**")) ? mark : (struct slice){0};
}

static bool is_digit(struct slice s)
{
    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

static bool take_word(struct slice *s, const char *word)
{
    struct slice w = slice_of(word);
    if (!slice_eq_nocase(slice_sub(*s, 0, w.n), w)) return false;
    *s = from(*s, w.n);
    return true;
}

static bool take_blanks(struct slice *s)
{
    size_t n = 0;
    while (n < s->n && (s->p[n] == ' ' || s->p[n] == '\t')) n++;
    *s = from(*s, n);
    return n > 0;
}

static bool take_number(struct slice *s, int64_t *ret, struct slice *ret_text)
{
    size_t n = 0;
    while (n < s->n && is_digit(from(*s, n))) n++;
    struct slice text = slice_sub(*s, 0, n);
    if (n == 0 || n > NUMBER_DIGITS || !slice_int64(text, ret)) return false;
    if (ret_text) *ret_text = text;
    *s = from(*s, n);
    return true;
}

/* Past pictures: what a reader does not read. Arrows to U+2BFF, the emoji
 * blocks, their joiners and selectors; never a dash. */
static struct slice past_pictures(struct slice s)
{
    for (;;) {
        take_blanks(&s);
        unsigned char a = s.n > 2 ? (unsigned char)s.p[0] : 0;
        unsigned char b = a ? (unsigned char)s.p[1] : 0;
        bool symbol = a == 0xe2 && b >= 0x86 && b <= 0xaf;
        bool joiner = slice_starts(s, SLICE("\xef\xb8\x8f")) ||
                      slice_starts(s, SLICE("\xe2\x80\x8d"));
        bool emoji = a == 0xf0 && b == 0x9f && s.n > 3;
        if (dash(s) || !(symbol || joiner || emoji)) return s;
        s = from(s, emoji ? 4 : 3);
    }
}

/* The text without emphasis, if it begins with some: **Phase 1**: Name. */
static struct slice plain(struct slice s, struct arena *a)
{
    struct slice mark = emphasis(s);
    if (mark.n == 0) return s;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!out) return s;
    for (size_t i = 0; i < s.n; i++) {
        if (slice_starts(from(s, i), mark))
            i += mark.n - 1;
        else
            out[n++] = s.p[i];
    }
    return slice_trim((struct slice){out, n});
}

struct slice plan_undecorated(struct slice s)
{
    static const struct slice marks[] = {
        SLICE_INIT("\xe2\x9c\x85"), SLICE_INIT("\xe2\x9d\x8c"),
        SLICE_INIT("\xe2\x9c\x85/"), SLICE_INIT("\xef\xb8\x8f")};
    bool again = true;
    while (again) {
        again = false;
        s = slice_trim(s);
        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
            if (!slice_ends(s, marks[i])) continue;
            s.n -= marks[i].n;
            again = true;
        }
    }
    return s;
}

/* --- a time in parentheses --------------------------------------------- */
static bool among(struct slice word, const char *const *words)
{
    for (; *words; words++)
        if (slice_eq_nocase(word, slice_of(*words))) return true;
    return false;
}

/* "Week 1, Days 1-3", "~2 hours": numbers and units, both, and no more. */
static bool is_time(struct slice s)
{
    static const char *const units[] = {
        "week",  "weeks",   "day",    "days",   "hour",    "hours",
        "hr",    "hrs",     "h",      "minute", "minutes", "min",
        "mins",  "month",   "months", "sprint", "sprints", "year",
        "years", "quarter", "w",      "d",      NULL};
    static const char *const fillers[] = {
        "about", "approx", "approximately", "est", "estimated",
        "to",    "and",    "total",         "of",  NULL};
    bool unit = false, number = false;
    while (s.n > 0) {
        size_t n = 0;
        while (n < s.n && ((s.p[n] | 32) >= 'a' && (s.p[n] | 32) <= 'z')) n++;
        struct slice word = slice_sub(s, 0, n);
        if (n > 0 && among(word, units))
            unit = true;
        else if (n > 0 && !among(word, fillers))
            return false;
        else if (n == 0 && is_digit(s))
            number = true;
        else if (n == 0 && !dash(s) && !strchr(" ,.~+&/:", s.p[0]))
            return false;
        s = from(s, n ? n : dash(s) ? dash(s) : 1);
    }
    return unit && number;
}

static void take_duration(struct slice *name, struct slice *ret)
{
    if (!slice_ends(*name, SLICE(")"))) return;
    size_t open = name->n;
    while (open > 0 && name->p[open - 1] != '(') open--;
    if (open < 2) return;
    struct slice inside = slice_sub(*name, open, name->n - open - 1);
    if (!is_time(inside)) return;
    *ret = slice_trim(inside);
    *name = slice_trim(slice_sub(*name, 0, open - 1));
}

/* --- headings ---------------------------------------------------------- */
/* ':' always; '.' and dashes not before a digit: 1.2 and 1-4 are numbers. */
static bool take_separator(struct slice *s)
{
    size_t n = colon(*s);
    if (n) {
        *s = from(*s, n);
        return true;
    }
    n = s->n && s->p[0] == '.' ? 1 : dash(*s);
    if (n == 0 || is_digit(from(*s, n))) return false;
    *s = from(*s, n);
    return true;
}

bool plan_phase_heading(const struct plan_line *l, bool numbered,
                        struct arena *a, struct plan_heading *ret)
{
    struct slice s = plain(past_pictures(l->text), a);
    *ret = (struct plan_heading){0};
    if (l->masked || l->level == 0) return false;
    if (!numbered && (!take_word(&s, "phase") || !take_blanks(&s)))
        return false;
    if (!take_number(&s, &ret->number, NULL)) return false;
    s = past_pictures(s);
    if (!take_separator(&s)) return false;
    if (numbered && (s.n == 0 || s.p[0] != ' ')) return false;
    ret->name = plan_undecorated(s);
    take_duration(&ret->name, &ret->duration);
    return ret->name.n > 0;
}

/* Nothing, or a remark: "Validation Gate (Final)". */
static bool closes(struct slice s)
{
    s = slice_trim(past_pictures(s));
    return s.n == 0 || s.p[0] == '(' || colon(s) || dash(s) == s.n;
}

bool plan_gate_heading(const struct plan_line *l, struct arena *a,
                       int64_t *ret_number)
{
    struct slice s = plain(past_pictures(l->text), a);
    bool stated, separated = false;
    if (l->masked || l->level == 0) return false;
    *ret_number = -1;
    stated = take_word(&s, "phase") && take_blanks(&s);
    if (stated && !take_number(&s, ret_number, NULL)) return false;
    if (stated) {
        bool blanks = take_blanks(&s);
        separated = take_separator(&s);
        if (!blanks && !separated) return false;
        take_blanks(&s);
    }
    if (!take_word(&s, "validation") || !take_blanks(&s)) return false;
    if (!take_word(&s, "gate")) return false;
    if (stated && !separated) return s.n == 0 || s.p[0] != 's';
    (void)take_word(&s, "s");
    return closes(s);
}

/* --- tasks ------------------------------------------------------------- */
/* "Task 1.2": the id with a dot, whatever was written. */
static bool take_id(struct slice *s, struct arena *a,
                    struct plan_task_line *ret)
{
    int64_t minor;
    struct slice one, two;
    if (!take_word(s, "task") || !take_blanks(s)) return false;
    if (!take_number(s, &ret->phase, &one)) return false;
    if (s->n == 0 || (s->p[0] != '.' && s->p[0] != '-')) return false;
    *s = from(*s, 1);
    if (!take_number(s, &minor, &two)) return false;
    ret->id = arena_printf(a, "%" PRId64 ".%" PRId64, ret->phase, minor);
    return ret->id.p != NULL;
}

/* What stands behind a colon and blanks before it. */
static bool colon_name(struct slice s, struct slice *ret)
{
    take_blanks(&s);
    if (!colon(s)) return false;
    *ret = from(s, colon(s));
    return true;
}

/* Behind "**Task 1.1": "**: Name", ":** Name" or ": Name**". */
static bool bold_name(struct slice s, struct slice mark, struct slice *ret)
{
    if (slice_starts(s, mark)) return colon_name(from(s, mark.n), ret);
    if (!colon_name(s, &s)) return false;
    size_t end = slice_find(s, mark);
    if (slice_trim(slice_sub(s, 0, end)).n == 0) {
        *ret = from(s, end < s.n ? end + mark.n : end);
        return true;
    }
    if (end < s.n && slice_trim(from(s, end + mark.n)).n == 0) s.n = end;
    *ret = s;
    return true;
}

static bool heading_name(struct slice s, struct slice *ret)
{
    take_blanks(&s);
    if (!take_separator(&s)) {
        size_t n = dash(s); /* a dash may stand before a digit here */
        if (n == 0) return false;
        s = from(s, n);
    }
    *ret = s;
    return true;
}

bool plan_task_line(const struct plan_line *l, struct arena *a,
                    struct plan_task_line *ret)
{
    struct slice s = l->level || l->item ? past_pictures(l->text) : l->text;
    struct slice mark = l->level ? (struct slice){0} : emphasis(s);
    bool bold = mark.n > 0;
    if (l->masked || l->blank || l->rule) return false;
    if (l->level) s = plain(s, a);
    if (!l->level && !l->item && (mark.n < 2 || l->indent > 3)) return false;
    s = from(s, mark.n);
    if (slice_sub(s, 0, 1).n && (s.p[0] | 32) != 't') return false;
    if (!take_id(&s, a, ret)) return false;
    bool ok = bold       ? bold_name(s, mark, &ret->name)
              : l->level ? heading_name(s, &ret->name)
                         : colon_name(s, &ret->name);
    if (ok) ret->name = plan_undecorated(ret->name);
    return ok;
}

/* --- labels ------------------------------------------------------------ */
static const struct {
    const char *name;
    unsigned scope;
    enum plan_label label;
} labels[] = {
    {"objective", IN_PHASE | IN_TASK, LABEL_TEXT},
    {"goal", IN_PHASE | IN_TASK, LABEL_TEXT},
    {"purpose", IN_PHASE | IN_TASK, LABEL_TEXT},
    {"description", IN_TASK, LABEL_TEXT},
    {"estimated duration", IN_PHASE | IN_TASK, LABEL_TIME},
    {"duration", IN_PHASE | IN_TASK, LABEL_TIME},
    {"estimated effort", IN_PHASE | IN_TASK, LABEL_TIME},
    {"estimated time", IN_PHASE | IN_TASK, LABEL_TIME},
    {"timeframe", IN_PHASE, LABEL_TIME},
    {"time estimate", IN_TASK, LABEL_TIME},
    {"time", IN_TASK, LABEL_TIME},
    {"dependencies", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"dependency", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"depends on", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"requires", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"after", IN_TASK, LABEL_NEEDS},
    {"acceptance criteria", IN_TASK, LABEL_CRITERIA},
    {"validation gate", IN_PHASE | IN_TASK, LABEL_GATE},
    {"validation gates", IN_PHASE | IN_TASK, LABEL_GATE},
};

/* "Validation Gate" of "✅ Validation Gate (Final) 🚀". */
static struct slice undressed(struct slice name)
{
    name = plan_undecorated(past_pictures(name));
    for (size_t i = name.n; i-- > 0;) {
        struct slice rest = slice_trim(past_pictures(from(name, i)));
        if (rest.n == 0) name = slice_trim(slice_sub(name, 0, i));
    }
    size_t open = slice_find_byte(name, '(');
    bool remark = open > 0 && slice_ends(name, SLICE(")"));
    return slice_trim(slice_sub(name, 0, remark ? open : name.n));
}

/* "Validation Gate" and 2 of "Phase 2 Validation Gate". */
static struct slice of_phase(struct slice name, int64_t *ret)
{
    struct slice s = name;
    int64_t number;
    if (!take_word(&s, "phase") || !take_blanks(&s) ||
        !take_number(&s, &number, NULL) || !take_blanks(&s))
        return name;
    *ret = number;
    return s;
}

static enum plan_label label_named(struct slice name, unsigned scope,
                                   int64_t *ret_phase)
{
    int64_t phase = *ret_phase = -1;
    /* A name is looked at from each of its bytes. */
    if (name.n > DRESSED_MOST) return LABEL_NONE;
    name = of_phase(undressed(name), &phase);
    *ret_phase = phase;
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
        if ((labels[i].scope & scope) &&
            (phase < 0 || labels[i].label == LABEL_GATE) &&
            slice_eq_nocase(name, slice_of(labels[i].name)))
            return labels[i].label;
    return LABEL_NONE;
}

/* The length of " - " or its like at the start of s, 0: none. */
static size_t spaced_dash(struct slice s)
{
    size_t n = s.n > 0 && s.p[0] == ' ' ? dash(from(s, 1)) : 0;
    return n && s.n > n + 1 && s.p[n + 1] == ' ' ? n + 2 : 0;
}

/* `alone`: a label may do without its colon where nothing else stands. */
static struct plan_label_line bold_label(struct slice s, struct slice mark,
                                         bool alone, unsigned scope)
{
    struct plan_label_line none = {0}, l = {.bold = true};
    size_t end = slice_find(from(s, mark.n), mark);
    struct slice name = slice_sub(s, mark.n, end);
    struct slice rest = past_pictures(from(s, end + 2 * mark.n));
    if (end + mark.n >= s.n) return none;
    size_t inside = colon_at_end(name), n = 0;
    name.n -= inside;
    l.label = label_named(name, scope, &l.phase);
    alone = alone && rest.n == 0 && l.label > LABEL_OTHER;
    if (!inside && !alone) {
        n = colon(rest);
        if (n == 0 && l.label == LABEL_TEXT)
            n = spaced_dash(from(s, end + 2 * mark.n));
        if (n == 0) return none;
        if (!colon(rest)) rest = from(s, end + 2 * mark.n);
    }
    if (l.label == LABEL_NONE && mark.n != 2) return none;
    if (l.label == LABEL_NONE) l.label = LABEL_OTHER;
    l.value = slice_trim(from(rest, n));
    return l;
}

struct plan_label_line plan_label_heading(const struct plan_line *line,
                                          struct arena *a, unsigned scope)
{
    struct plan_label_line l = {0};
    struct slice s = plan_undecorated(plain(past_pictures(line->text), a));
    if (line->masked || line->level == 0) return l;
    s.n -= colon_at_end(s);
    l.label = label_named(s, scope, &l.phase);
    return l;
}

struct plan_label_line plan_label_line(const struct plan_line *line,
                                       unsigned scope)
{
    struct plan_label_line none = {0}, l = {0};
    struct slice s = past_pictures(line->text), mark = emphasis(s);
    if (line->masked || line->blank || line->level || line->rule || line->box)
        return none;
    if (mark.n) return bold_label(s, mark, !line->item, scope);
    size_t at = 0, n = 0;
    while (at < s.n && at < LABEL_MOST && !n) n = colon(from(s, at++));
    at -= n > 0;
    l.label = n ? label_named(slice_sub(s, 0, at), scope, &l.phase) : 0;
    for (at = l.label ? at : 0; !l.label && at < s.n && at < LABEL_MOST; at++) {
        n = spaced_dash(from(s, at));
        if (n == 0) continue;
        l.label = label_named(slice_sub(s, 0, at), scope, &l.phase);
        if (l.label != LABEL_TEXT) return none;
        break;
    }
    if (l.label == LABEL_NONE) return none;
    l.value = slice_trim(from(s, at + n));
    return l;
}

bool plan_other_label(const struct plan_line *l)
{
    static const char *const others[] = {"Deliverables",
                                         "Priority",
                                         "Assignee",
                                         "Status",
                                         "Files Modified",
                                         "Files Created",
                                         "Implementation",
                                         "Testing",
                                         "Testing Validation",
                                         "Monitoring",
                                         "Rationale",
                                         "Evidence Required",
                                         "Human Baseline",
                                         "Awaiting",
                                         "Key Fixes Applied",
                                         "Notes",
                                         NULL};
    struct slice s = l->text;
    if (!slice_starts(s, SLICE("**"))) return false;
    s = from(s, 2);
    s.n = slice_find(s, SLICE("**"));
    s.n -= colon_at_end(s);
    return among(slice_trim(s), others);
}
