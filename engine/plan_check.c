#include "engine/plan_check.h"

#include <inttypes.h>

#include "base/map.h"
#include "engine/plan_label.h"

/* Tasks 0..tasks-1 in the order of the file, then the phases: a phase waits
 * for its tasks, a task for what it names. */
struct graph {
    const struct eng_plan *plan;
    const struct eng_source *src;
    struct eng_report *r;
    struct map ids; /* id -> index + 1 */
    const struct eng_plan_task **tasks;
    size_t *phase; /* of each task */
    size_t tasks_count;
};

static const char *line_of(const struct plan_lines *lines, uint32_t line)
{
    return line ? lines->lines[line - 1].raw.p : NULL;
}

/* --- the graph --------------------------------------------------------- */
static bool graph_build(struct graph *g)
{
    struct arena *a = g->r->arena;
    size_t n = 0;
    for (size_t i = 0; i < g->plan->phases_count; i++)
        n += g->plan->phases[i].tasks_count;
    g->tasks = ARENA_ARRAY(a, const struct eng_plan_task *, n + 1);
    g->phase = ARENA_ARRAY(a, size_t, n + 1);
    if (!g->tasks || !g->phase) return false;
    for (size_t i = 0; i < g->plan->phases_count; i++) {
        const struct eng_plan_phase *p = &g->plan->phases[i];
        for (size_t k = 0; k < p->tasks_count; k++) {
            size_t at = g->tasks_count++;
            g->tasks[at] = &p->tasks[k];
            g->phase[at] = i;
            if (map_put(&g->ids, p->tasks[k].id, (void *)(uintptr_t)(at + 1),
                        NULL))
                return false;
        }
    }
    return true;
}

static size_t task_of(const struct graph *g, struct slice id)
{
    return (size_t)(uintptr_t)map_get(&g->ids, id) - 1;
}

static size_t phase_of(const struct graph *g, int64_t number)
{
    for (size_t i = 0; i < g->plan->phases_count; i++)
        if (g->plan->phases[i].number == number) return i;
    return SIZE_MAX;
}

/* The k-th node that `node` waits for; SIZE_MAX: unknown. */
static size_t edge(const struct graph *g, size_t node, size_t k)
{
    if (node >= g->tasks_count) {
        const struct eng_plan_phase *p =
            &g->plan->phases[node - g->tasks_count];
        return p->tasks_count ? task_of(g, p->tasks[k].id) : SIZE_MAX;
    }
    const struct eng_plan_needs *n = &g->tasks[node]->needs;
    if (k < n->tasks_count) return task_of(g, n->tasks[k]);
    size_t phase = phase_of(g, n->phases[k - n->tasks_count]);
    return phase == SIZE_MAX ? SIZE_MAX : g->tasks_count + phase;
}

static size_t edges(const struct graph *g, size_t node)
{
    if (node >= g->tasks_count)
        return g->plan->phases[node - g->tasks_count].tasks_count;
    const struct eng_plan_needs *n = &g->tasks[node]->needs;
    return n->tasks_count + n->phases_count;
}

/* --- what may be wrong with a dependency ------------------------------- */
static void check_needs(const struct graph *g, const char *at,
                        struct slice what, const struct eng_plan_needs *n,
                        size_t task, int64_t phase)
{
    for (size_t i = 0; i < n->tasks_count; i++) {
        size_t to = task_of(g, n->tasks[i]);
        if (to == SIZE_MAX)
            eng_report_add(g->r, LINT_DEPENDENCY_UNKNOWN, g->src, at,
                           "%.*s waits for task %.*s, which does not exist",
                           SLICE_ARG(what), SLICE_ARG(n->tasks[i]));
        else if (to > task)
            eng_report_add(g->r, LINT_DEPENDENCY_FORWARD, g->src, at,
                           "%.*s waits for the later task %.*s",
                           SLICE_ARG(what), SLICE_ARG(n->tasks[i]));
    }
    for (size_t i = 0; i < n->phases_count; i++) {
        if (phase_of(g, n->phases[i]) == SIZE_MAX)
            eng_report_add(g->r, LINT_DEPENDENCY_UNKNOWN, g->src, at,
                           "%.*s waits for phase %" PRId64
                           ", which does not exist",
                           SLICE_ARG(what), n->phases[i]);
        else if (n->phases[i] > phase)
            eng_report_add(g->r, LINT_DEPENDENCY_FORWARD, g->src, at,
                           "%.*s waits for the later phase %" PRId64,
                           SLICE_ARG(what), n->phases[i]);
    }
}

/* Depth first without recursion: a node met again on the way to itself waits
 * for itself. Each such edge is told once. */
static void find_cycles(const struct graph *g, const struct plan_lines *lines)
{
    enum { NEW, OPEN, DONE };
    size_t nodes = g->tasks_count + g->plan->phases_count, depth = 0;
    uint8_t *state = ARENA_ARRAY(g->r->arena, uint8_t, nodes + 1);
    size_t *stack = ARENA_ARRAY(g->r->arena, size_t, nodes + 1);
    size_t *next = ARENA_ARRAY(g->r->arena, size_t, nodes + 1);
    if (!state || !stack || !next) {
        g->r->failed = true;
        return;
    }
    for (size_t root = 0; root < g->tasks_count; root++) {
        if (state[root] == NEW) stack[depth++] = root;
        while (depth > 0) {
            size_t at = stack[depth - 1];
            state[at] = OPEN;
            if (next[at] == edges(g, at)) {
                state[at] = DONE;
                depth--;
                continue;
            }
            size_t to = edge(g, at, next[at]++);
            if (to == SIZE_MAX || state[to] == DONE) continue;
            if (state[to] == NEW) {
                stack[depth++] = to;
                continue;
            }
            size_t task = at < g->tasks_count ? at : to;
            eng_report_add(g->r, LINT_DEPENDENCY_CYCLE, g->src,
                           line_of(lines, g->tasks[task]->line),
                           "task %.*s waits, by way of others or at once, for "
                           "itself",
                           SLICE_ARG(g->tasks[task]->id));
        }
    }
}

static void check_dependencies(const struct graph *g,
                               const struct plan_lines *lines)
{
    struct slice what;
    for (size_t i = 0; i < g->plan->phases_count; i++) {
        const struct eng_plan_phase *p = &g->plan->phases[i];
        what = arena_printf(g->r->arena, "phase %" PRId64, p->number);
        check_needs(g, line_of(lines, p->line), what, &p->needs, SIZE_MAX - 1,
                    p->number - 1);
    }
    for (size_t i = 0; i < g->tasks_count; i++) {
        what =
            arena_printf(g->r->arena, "task %.*s", SLICE_ARG(g->tasks[i]->id));
        check_needs(g, line_of(lines, g->tasks[i]->line), what,
                    &g->tasks[i]->needs, i,
                    g->plan->phases[g->phase[i]].number);
    }
    find_cycles(g, lines);
}

/* --- what is not there ------------------------------------------------- */
static void check_phases(const struct graph *g, const struct plan_lines *lines)
{
    for (size_t i = 0; i < g->plan->phases_count; i++) {
        const struct eng_plan_phase *p = &g->plan->phases[i];
        const char *at = line_of(lines, p->line);
        if (p->tasks_count == 0)
            eng_report_add(g->r, LINT_PHASE_WITHOUT_TASKS, g->src, at,
                           "phase %" PRId64 " has no tasks", p->number);
        if (p->gate.count == 0)
            eng_report_mend(g->r, LINT_NO_GATE, g->src, at,
                            SLICE("Write \"**Validation Gate:**\" and a list "
                                  "of - [ ] items in the phase."),
                            "phase %" PRId64
                            " has no gate: any evidence completes it",
                            p->number);
    }
    for (size_t i = 0; i < g->tasks_count; i++)
        if (g->tasks[i]->criteria.count == 0)
            eng_report_add(g->r, LINT_TASK_WITHOUT_CRITERIA, g->src,
                           line_of(lines, g->tasks[i]->line),
                           "task %.*s has no acceptance criteria",
                           SLICE_ARG(g->tasks[i]->id));
}

/* "**Phase 1 Success:**" -> 1. */
static bool success_list(const struct plan_line *l, int64_t *ret)
{
    struct slice s = l->text, word;
    if (l->masked || !slice_starts(s, SLICE("**Phase "))) return false;
    s = slice_sub(s, 8, SIZE_MAX);
    if (!slice_split(&s, ' ', &word) || !slice_int64(word, ret)) return false;
    return slice_eq_nocase(slice_sub(s, 0, 7), SLICE("success"));
}

static void check_success_lists(const struct graph *g,
                                const struct plan_lines *lines)
{
    int64_t number;
    for (size_t i = 0; i < lines->count; i++) {
        if (!success_list(&lines->lines[i], &number)) continue;
        size_t phase = phase_of(g, number);
        if (phase == SIZE_MAX || g->plan->phases[phase].gate.count) continue;
        eng_report_add(
            g->r, LINT_SUCCESS_LIST_NOT_GATE, g->src, lines->lines[i].raw.p,
            "phase %" PRId64 " has no gate; this list is none", number);
    }
}

void plan_check(const struct eng_plan *plan, const struct eng_source *src,
                const struct plan_lines *lines, struct eng_report *r)
{
    struct graph g = {.plan = plan, .src = src, .r = r, .ids = MAP_INIT};
    if (graph_build(&g)) {
        check_dependencies(&g, lines);
        check_phases(&g, lines);
        check_success_lists(&g, lines);
    } else {
        r->failed = true;
    }
    map_done(&g.ids);
}

/* --- numbers ----------------------------------------------------------- */
enum err eng_plan_numbers(const struct eng_plan *plan,
                          const struct eng_source *src, struct arena *a,
                          struct problem *p)
{
    const struct eng_plan_phase *phases = plan->phases;
    if (plan->phases_count == 0)
        return problem_setf(p, a, ERR_SOURCE_NO_PHASES,
                            SLICE("A phase is a heading like \"## Phase 1: "
                                  "Name\": the word, a number, a colon or "
                                  "dash, a name."),
                            SLICE("Write the phases as such headings."),
                            "%.*s has no phases", SLICE_ARG(src->file));
    if (phases[0].number > 1)
        return problem_setf(p, a, ERR_SOURCE_PHASE_START,
                            SLICE("Phases are numbered from 0 or 1."),
                            SLICE("Number the first phase 1."),
                            "%.*s:%u: the first phase has the number %" PRId64,
                            SLICE_ARG(src->file), phases[0].line,
                            phases[0].number);
    for (size_t i = 1; i < plan->phases_count; i++) {
        if (phases[i].number == phases[i - 1].number + 1) continue;
        int64_t first = phases[i - 1].number + 1, end = phases[i].number - 1;
        struct slice missing = {0};
        if (first == end) missing = arena_printf(a, "; missing: %" PRId64, end);
        if (first < end)
            missing = arena_printf(a, "; missing: %" PRId64 " to %" PRId64,
                                   first, end);
        return problem_setf(
            p, a, ERR_SOURCE_PHASE_GAP,
            SLICE("Each phase's number is one more than that before it."),
            missing.n
                ? SLICE("Write the missing phase, or number the phases anew.")
                : SLICE("Number the phases anew, in their order."),
            "%.*s:%u: phase %" PRId64 " follows on phase %" PRId64 "%.*s",
            SLICE_ARG(src->file), phases[i].line, phases[i].number,
            phases[i - 1].number, SLICE_ARG(missing));
    }
    return OK;
}
