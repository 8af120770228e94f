#include "engine/plan_needs.h"

#include <inttypes.h>

enum { IDS_MOST = 300, RANGE_MOST = 200 };

enum kind {
    BARE,    /* nothing said yet: 1.1 is a task if no other words stand there */
    TASKS,   /* behind "Task(s)" */
    PHASES,  /* behind "Phase(s)" */
    UNKNOWN, /* behind a word that says something else */
};
struct reading {
    struct slice text;
    size_t at;
    const struct plan_place *place;
    struct arena *a;
    enum kind kind;
    bool all, previous, strange;
    struct slice *tasks, *bare;
    size_t tasks_count, bare_count;
    int64_t *phases;
    size_t phases_count;
    const struct slice *shared; /* ids that need no copy */
    size_t shared_count;
    bool failed;
};

/* --- what was found ---------------------------------------------------- */
static void put_id(struct reading *r, struct slice id)
{
    bool bare = r->kind == BARE;
    struct slice *list = bare ? r->bare : r->tasks;
    size_t *n = bare ? &r->bare_count : &r->tasks_count;
    if (r->kind == UNKNOWN || *n == IDS_MOST) return;
    for (size_t i = 0; i < *n; i++)
        if (slice_eq(list[i], id)) return;
    r->failed |= !id.p;
    list[(*n)++] = id;
}

static void put_phases(struct reading *r, int64_t from, int64_t to)
{
    if (to - from >= RANGE_MOST) return;
    for (; from <= to && r->phases_count < IDS_MOST; from++) {
        bool known = false;
        for (size_t i = 0; i < r->phases_count; i++)
            known |= r->phases[i] == from;
        if (!known) r->phases[r->phases_count++] = from;
    }
}

/* --- numbers ----------------------------------------------------------- */
struct number {
    struct slice text;
    int64_t major, minor; /* minor < 0: there is none */
};

static bool digits(const struct reading *r, size_t *at, int64_t *ret)
{
    size_t n = *at;
    while (n < r->text.n && r->text.p[n] >= '0' && r->text.p[n] <= '9') n++;
    struct slice s = slice_sub(r->text, *at, n - *at);
    if (s.n == 0 || s.n > 9 || !slice_int64(s, ret)) return false;
    *at = n;
    return true;
}

static bool number(const struct reading *r, size_t *at, struct number *ret)
{
    size_t from = *at, n = *at;
    ret->minor = -1;
    if (!digits(r, &n, &ret->major)) return false;
    size_t dot = n + 1;
    if (n < r->text.n && r->text.p[n] == '.' && digits(r, &dot, &ret->minor))
        n = dot;
    ret->text = slice_sub(r->text, from, n - from);
    *at = n;
    return true;
}

static size_t dash(struct slice s, size_t at)
{
    static const struct slice dashes[] = {
        SLICE_INIT("-"), SLICE_INIT("\xe2\x80\x93"), SLICE_INIT("\xe2\x80\x94"),
        SLICE_INIT("\xe2\x88\x92")};
    for (size_t i = 0; i < sizeof(dashes) / sizeof(*dashes); i++)
        if (slice_starts(slice_sub(s, at, SIZE_MAX), dashes[i]))
            return dashes[i].n;
    return 0;
}

static bool among(struct slice word, const char *const *words)
{
    for (; *words; words++)
        if (slice_eq_nocase(word, slice_of(*words))) return true;
    return false;
}

static size_t past_blanks(const struct reading *r, size_t at)
{
    while (at < r->text.n && r->text.p[at] == ' ') at++;
    return at;
}

/* The length of the word at `at` and the blank behind it, if it is one of
 * them; 0. */
static size_t one_word(const struct reading *r, size_t at,
                       const char *const *words)
{
    struct slice rest = slice_sub(r->text, at, SIZE_MAX);
    struct slice word = slice_sub(rest, 0, slice_find_byte(rest, ' '));
    return among(word, words) && word.n < rest.n ? word.n + 1 : 0;
}

/* The number behind "- ", "to", "through Task", if it stands there: the end of
 * a range. */
static bool range_end(const struct reading *r, size_t *at, struct number *ret)
{
    static const char *const marks[] = {"to",    "through", "thru", "till",
                                        "until", "..",      "...",  NULL};
    static const char *const tasks[] = {"task", "tasks", NULL};
    static const char *const phases[] = {"phase", "phases", NULL};
    size_t n = past_blanks(r, *at), mark = dash(r->text, n);
    if (!mark && n > *at) mark = one_word(r, n, marks);
    n = past_blanks(r, n + mark);
    if (r->kind == TASKS || r->kind == PHASES)
        n = past_blanks(r,
                        n + one_word(r, n, r->kind == TASKS ? tasks : phases));
    if (!mark || !number(r, &n, ret)) return false;
    *at = n;
    return true;
}

static void put_range(struct reading *r, int64_t major, int64_t from,
                      int64_t to)
{
    if (to - from >= RANGE_MOST) return;
    for (; from <= to; from++)
        put_id(r, arena_printf(r->a, "%" PRId64 ".%" PRId64, major, from));
}

static void take_number(struct reading *r)
{
    struct number one, two;
    if (!number(r, &r->at, &one)) {
        r->at++; /* longer than any number of ours */
        r->strange = true;
        return;
    }
    bool range = range_end(r, &r->at, &two);
    if (r->kind == PHASES && one.minor < 0)
        put_phases(r, one.major,
                   range && two.minor < 0 ? two.major : one.major);
    else if (one.minor >= 0 && !range)
        put_id(r, one.text);
    else if (one.minor >= 0 && two.minor >= 0 && one.major == two.major)
        put_range(r, one.major, one.minor, two.minor);
    else if (one.minor >= 0 && two.minor < 0)
        put_range(r, one.major, one.minor, two.major);
    else if (one.minor < 0 && range && two.minor < 0 && r->kind == TASKS)
        put_range(r, one.major, two.major, two.major); /* Task 1-1 is 1.1 */
    else
        r->strange = true;
}

/* --- words ------------------------------------------------------------- */
static void previous_tasks(struct reading *r, bool many)
{
    const struct plan_place *p = r->place;
    if (many) {
        r->shared = p->ids;
        r->shared_count = p->before;
    } else if (p->before) {
        enum kind kind = r->kind;
        r->kind = TASKS;
        put_id(r, p->ids[p->before - 1]);
        r->kind = kind;
    }
}

static void take_kind(struct reading *r, enum kind kind, bool plural)
{
    const struct plan_place *p = r->place;
    bool many = r->all || plural;
    if (r->previous && kind == TASKS) previous_tasks(r, many);
    if (r->previous && kind == PHASES && p->phase > p->first_phase)
        put_phases(r, many ? p->first_phase : p->phase - 1, p->phase - 1);
    r->all = r->previous = false;
    r->kind = kind;
}

static void take_word(struct reading *r, struct slice word)
{
    static const char *const earlier[] = {"previous", "prior", "earlier",
                                          "preceding", NULL};
    static const char *const joining[] = {
        "and",  "or",   "the",  "of",       "both",     "complete", "completed",
        "done", "in",   "from", "finished", "are",      "is",       "be",
        "must", "plus", "as",   "well",     "complete", NULL};
    if (slice_eq_nocase(word, SLICE("task")))
        take_kind(r, TASKS, false);
    else if (slice_eq_nocase(word, SLICE("tasks")))
        take_kind(r, TASKS, true);
    else if (slice_eq_nocase(word, SLICE("phase")))
        take_kind(r, PHASES, false);
    else if (slice_eq_nocase(word, SLICE("phases")))
        take_kind(r, PHASES, true);
    else if (slice_eq_nocase(word, SLICE("all")))
        r->all = true;
    else if (among(word, earlier))
        r->previous = true;
    else if (!among(word, joining)) {
        r->strange = true;
        r->kind = UNKNOWN;
        r->all = r->previous = false;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static void read_words(struct reading *r)
{
    while (r->at < r->text.n) {
        char c = r->text.p[r->at];
        if (c >= '0' && c <= '9') {
            take_number(r);
            if (r->at == r->text.n || !is_letter(r->text.p[r->at])) continue;
            if (dash(r->text, r->at)) continue;
        } else if (!is_letter(c) || dash(r->text, r->at)) {
            size_t n = dash(r->text, r->at);
            r->at += n ? n : 1;
            continue;
        }
        size_t from = r->at;
        while (r->at < r->text.n && is_letter(r->text.p[r->at])) r->at++;
        take_word(r, slice_sub(r->text, from, r->at - from));
    }
}

/* --- the sentence ------------------------------------------------------ */
/* Without what stands in parentheses, and without emphasis. */
static struct slice bare_text(struct slice text, struct arena *a)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0, depth = 0;
    if (!out) return (struct slice){0};
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '(') depth++;
        if (depth == 0 && c != '*' && c != '`') out[n++] = c;
        if (c == ')' && depth > 0) depth--;
    }
    return slice_trim((struct slice){out, n});
}

static bool says_none(struct slice s)
{
    static const char *const none[] = {"none", "nothing", "n",
                                       "na",   "no",      NULL};
    size_t n = 0;
    while (n < s.n && is_letter(s.p[n])) n++;
    struct slice word = slice_sub(s, 0, n);
    if (s.n == 0 || dash(s, 0) == s.n) return true;
    if (slice_eq_nocase(word, SLICE("n")))
        return slice_eq_nocase(slice_sub(s, 0, 3), SLICE("n/a"));
    return among(word, none);
}

static enum err room(struct reading *r, const struct eng_plan_needs *io)
{
    r->tasks = ARENA_ARRAY(r->a, struct slice, IDS_MOST);
    r->bare = ARENA_ARRAY(r->a, struct slice, IDS_MOST);
    r->phases = ARENA_ARRAY(r->a, int64_t, IDS_MOST);
    if (!r->tasks || !r->bare || !r->phases) return ERR_NOMEM;
    for (; r->tasks_count < io->tasks_count && r->tasks_count < IDS_MOST;
         r->tasks_count++)
        r->tasks[r->tasks_count] = io->tasks[r->tasks_count];
    for (; r->phases_count < io->phases_count; r->phases_count++)
        r->phases[r->phases_count] = io->phases[r->phases_count];
    return OK;
}

/* Moves what was found from scratch to where it stays. */
static enum err keep(struct reading *r, struct arena *a,
                     struct eng_plan_needs *io)
{
    struct slice *tasks = ARENA_ARRAY(a, struct slice, r->tasks_count + 1);
    int64_t *phases = ARENA_ARRAY(a, int64_t, r->phases_count + 1);
    if (!tasks || !phases) return ERR_NOMEM;
    for (size_t i = 0; i < r->tasks_count; i++) {
        tasks[i] = arena_copy(a, r->tasks[i]);
        if (!tasks[i].p) return ERR_NOMEM;
    }
    memcpy(phases, r->phases, r->phases_count * sizeof(*phases));
    io->tasks = tasks;
    io->tasks_count = r->tasks_count;
    io->phases = phases;
    io->phases_count = r->phases_count;
    if (r->shared_count >= r->tasks_count && r->shared_count) {
        io->tasks = r->shared;
        io->tasks_count = r->shared_count;
    }
    return OK;
}

static enum err read_needs(struct slice text, struct reading *r,
                           struct arena *a, struct eng_plan_needs *io)
{
    size_t before = io->tasks_count + io->phases_count;
    r->text = bare_text(text, r->a);
    if (!r->text.p || room(r, io)) return ERR_NOMEM;
    if (says_none(r->text)) return OK;
    read_words(r);
    r->kind = TASKS;
    for (size_t i = 0; i < r->bare_count && !r->strange; i++)
        put_id(r, r->bare[i]);
    enum err e = r->failed ? ERR_NOMEM : keep(r, a, io);
    if (io->tasks_count + io->phases_count == before) io->note = text;
    return e;
}

enum err plan_needs_add(struct slice text, const struct plan_place *at,
                        enum eng_plan_origin origin, struct arena *a,
                        struct eng_plan_needs *io)
{
    struct arena scratch;
    arena_init(&scratch, 32u << 20);
    struct reading r = {.place = at, .a = &scratch};
    enum err e = read_needs(text, &r, a, io);
    io->origin = origin;
    arena_done(&scratch);
    return e;
}

static size_t find_nocase(struct slice s, struct slice what)
{
    for (size_t i = 0; i + what.n <= s.n; i++)
        if (slice_eq_nocase(slice_sub(s, i, what.n), what)) return i;
    return s.n;
}

bool plan_needs_sentence(struct slice text, struct slice *ret_subjects,
                         struct slice *ret_needs)
{
    static const struct slice words[] = {SLICE_INIT(" depend on "),
                                         SLICE_INIT(" depends on ")};
    struct slice start = text;
    while (start.n && start.p[0] == '*') start = slice_sub(start, 1, SIZE_MAX);
    if (!slice_eq_nocase(slice_sub(start, 0, 4), SLICE("task"))) return false;
    for (size_t i = 0; i < 2; i++) {
        size_t at = find_nocase(text, words[i]);
        if (at == text.n) continue;
        *ret_subjects = slice_sub(text, 0, at);
        *ret_needs = slice_sub(text, at + words[i].n, SIZE_MAX);
        return true;
    }
    return false;
}

bool plan_needs_inline(struct slice name, struct slice *ret_needs)
{
    size_t at = find_nocase(name, SLICE("(depends on "));
    if (at == name.n) return false;
    struct slice rest = slice_sub(name, at + 12, SIZE_MAX);
    *ret_needs = slice_sub(rest, 0, slice_find_byte(rest, ')'));
    return true;
}
