#include "engine/plan_label.h"

#include <inttypes.h>

enum { NUMBER_DIGITS = 6, LABEL_MOST = 40 };

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
    if (!slice_starts(s, SLICE("**"))) return s;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!out) return s;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '*' && i + 1 < s.n && s.p[i + 1] == '*')
            i++;
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
static bool take_separator(struct slice *s, bool dot)
{
    if (s->n && s->p[0] == ':') {
        *s = from(*s, 1);
        return true;
    }
    size_t n = dot && s->n && s->p[0] == '.' ? 1 : dash(*s);
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
    if (!take_separator(&s, true)) return false;
    if (numbered && (s.n == 0 || s.p[0] != ' ')) return false;
    ret->name = plan_undecorated(s);
    take_duration(&ret->name, &ret->duration);
    return ret->name.n > 0;
}

/* Nothing, or a remark: "Validation Gate (Final)". */
static bool closes(struct slice s)
{
    s = slice_trim(s);
    return s.n == 0 || s.p[0] == '(' || s.p[0] == ':' || dash(s) == s.n;
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
        separated = take_separator(&s, true);
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

/* Behind "**Task 1.1": "**: Name", ":** Name" or ": Name**". */
static bool bold_name(struct slice s, struct slice *ret)
{
    if (slice_starts(s, SLICE("**"))) {
        s = from(s, 2);
        take_blanks(&s);
        if (s.n == 0 || s.p[0] != ':') return false;
        *ret = from(s, 1);
        return true;
    }
    take_blanks(&s);
    if (s.n == 0 || s.p[0] != ':') return false;
    s = from(s, 1);
    size_t end = slice_find(s, SLICE("**"));
    if (slice_trim(slice_sub(s, 0, end)).n == 0) {
        *ret = from(s, end < s.n ? end + 2 : end);
        return true;
    }
    if (end < s.n && slice_trim(from(s, end + 2)).n == 0) s.n = end;
    *ret = s;
    return true;
}

static bool heading_name(struct slice s, struct slice *ret)
{
    take_blanks(&s);
    if (!take_separator(&s, false)) {
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
    bool bold = l->level == 0 && slice_starts(s, SLICE("**"));
    if (l->masked || l->blank || l->rule) return false;
    if (l->level) s = plain(s, a);
    if (!l->level && !l->item && (!bold || l->indent > 3)) return false;
    if (bold) s = from(s, 2);
    if (slice_sub(s, 0, 1).n && (s.p[0] | 32) != 't') return false;
    if (!take_id(&s, a, ret)) return false;
    bool ok = bold       ? bold_name(s, &ret->name)
              : l->level ? heading_name(s, &ret->name)
                         : (take_blanks(&s), s.n && s.p[0] == ':');
    if (ok && !bold && !l->level) ret->name = from(s, 1);
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
    {"depends on", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"requires", IN_PHASE | IN_TASK, LABEL_NEEDS},
    {"after", IN_TASK, LABEL_NEEDS},
    {"acceptance criteria", IN_TASK, LABEL_CRITERIA},
    {"validation gate", IN_PHASE | IN_TASK, LABEL_GATE},
};

static enum plan_label label_named(struct slice name, unsigned scope)
{
    name = slice_trim(name);
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
        if ((labels[i].scope & scope) &&
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

static struct plan_label_line bold_label(struct slice s, unsigned scope)
{
    struct plan_label_line none = {0}, l = {.bold = true};
    size_t end = slice_find(from(s, 2), SLICE("**"));
    struct slice name = slice_sub(s, 2, end), rest = from(s, end + 4);
    if (end + 2 >= s.n) return none;
    bool inside = slice_ends(name, SLICE(":"));
    if (inside) name.n--;
    l.label = label_named(name, scope);
    size_t n = inside ? 0 : spaced_dash(rest);
    if (!inside && n == 0) {
        take_blanks(&rest);
        n = rest.n && rest.p[0] == ':';
        if (n == 0) return none;
    } else if (!inside && l.label != LABEL_TEXT) {
        return none;
    }
    if (l.label == LABEL_NONE) l.label = LABEL_OTHER;
    l.value = slice_trim(from(rest, n));
    return l;
}

struct plan_label_line plan_label_line(const struct plan_line *line,
                                       unsigned scope)
{
    struct plan_label_line none = {0}, l = {0};
    struct slice s = line->text;
    if (line->masked || line->blank || line->level || line->rule || line->box)
        return none;
    if (slice_starts(s, SLICE("**"))) return bold_label(s, scope);
    size_t at = slice_find_byte(slice_sub(s, 0, LABEL_MOST), ':'), n = 1;
    l.label = label_named(slice_sub(s, 0, at), scope);
    if (at >= s.n || at == LABEL_MOST) l.label = LABEL_NONE;
    for (at = l.label ? at : 0; !l.label && at < s.n && at < LABEL_MOST; at++) {
        n = spaced_dash(from(s, at));
        if (n == 0) continue;
        l.label = label_named(slice_sub(s, 0, at), scope);
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
    if (slice_ends(s, SLICE(":"))) s.n--;
    return among(slice_trim(s), others);
}
