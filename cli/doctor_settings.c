/* doctor: settings from the environment and the file, alone and together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "cli/doctor.h"
#include "cli/options_private.h"
#include "cli/project.h"
#include "cli/timeouts.h"
#include "engine/permit.h"

extern char **environ;

static void tell_problem(struct cli_doctor *d, struct slice where)
{
    const struct problem *p = &d->o.problem;
    cli_find(d, CLI_BROKEN, p->how_to_fix, "%.*s (%.*s)", SLICE_ARG(p->what),
             SLICE_ARG(p->why));
    cli_mend_setting(d, where);
}

/* One at a time: each bad value is told of, and then taken for absent. */
static void environment(struct cli_doctor *d)
{
    static const struct slice begin = SLICE_INIT("PHASEGATE_");
    const struct option_row *row;
    char name[NAME_ROOM];
    for (char **at = environ; *at; at++) {
        struct slice entry = slice_of(*at);
        struct slice key = slice_sub(entry, 0, slice_find_byte(entry, '='));
        const char *names[CLI_OPTIONS_MAX + 1], *known = NULL;
        size_t n = 0;
        if (!slice_starts(key, begin)) continue;
        for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
            if (row->flags & NOT_IN_ENV) continue;
            names[n] =
                arena_cstr(&d->arena, slice_of(cli__env_name(row, name)));
            if (names[n] && slice_eq(key, slice_of(names[n]))) known = names[n];
            n += names[n] != NULL;
        }
        names[n] = NULL;
        char *one[] = {*at, NULL};
        if (known) {
            if (cli_options_environment(&d->o, one) != OK)
                tell_problem(d,
                             arena_printf(&d->arena, "environment, %s", known));
            continue;
        }
        const char *near = cli_nearest(key, names);
        cli_find(d, CLI_ADVICE,
                 near ? arena_printf(&d->arena, "Did you mean %s?", near)
                      : SLICE("`phasegate manual settings` lists them."),
                 "the environment sets %.*s, and no setting is called so",
                 SLICE_ARG(key));
        cli_mend(d, "unset %.*s", SLICE_ARG(key));
    }
}

static void file(struct cli_doctor *d)
{
    const struct problem *p = &d->o.problem;
    struct slice path = cli_at(d, ".phasegate/config.yaml");
    struct slice q = cli_quoted(d, path);
    d->settings_read = cli_project_config(&d->o, d->root) == OK;
    if (d->settings_read) return;
    if (cli_line_of(p->why)) { /* one value or key; what is wrong has a line */
        tell_problem(d, p->why);
        return;
    }
    tell_problem(d, (struct slice){0});
    cli_mend(d, "mv %.*s %.*s && %.*s init --project %.*s", SLICE_ARG(q),
             SLICE_ARG(cli_quoted(
                 d, arena_printf(&d->arena, "%.*s.aside", SLICE_ARG(path)))),
             SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)));
}

/* --- together ------------------------------------------------------------- */

static void timeouts(struct cli_doctor *d)
{
    struct cli_timeouts t;
    if (cli_timeouts_make(&d->o, &t) == OK) return;
    /* the first of the two it names that was set is the one to look at */
    const struct problem *p = &d->o.problem;
    struct slice where = {0};
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL && !where.n; i++)
        if (slice_find(p->what, slice_of(row->key)) < p->what.n ||
            slice_find(p->why, slice_of(row->key)) < p->why.n)
            where = cli_options_where(&d->o, slice_of(row->key));
    tell_problem(d, where);
}

static void permits(struct cli_doctor *d)
{
    const int64_t *p = d->o.set.permits;
    struct slice where = cli_options_where(&d->o, SLICE("permits.per_session"));
    if (p[PERMIT_SESSION] < p[PERMIT_GLOBAL]) return;
    if (!where.n) where = cli_options_where(&d->o, SLICE("permits.global"));
    cli_find(d, CLI_BROKEN,
             SLICE("The server refuses to start: one session could keep all "
                   "others out. Raise permits.global, lower "
                   "permits.per_session, or take one of them away:"),
             "permits.global (%" PRId64 ") must be greater than "
             "permits.per_session (%" PRId64 ")",
             p[PERMIT_GLOBAL], p[PERMIT_SESSION]);
    cli_mend_setting(d, where);
}

static void descriptors(struct cli_doctor *d)
{
    enum { OWN = 128, LEAST = 256 };
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0) return;
    rlim_t want = (rlim_t)d->o.set.conn_max + OWN;
    struct slice where = cli_options_where(&d->o, SLICE("conn.max"));
    if (where.n && r.rlim_max < want) {
        cli_find(d, CLI_BROKEN,
                 SLICE("The server refuses to start. Raise the limit (ulimit "
                       "-Hn, or LimitNOFILE= of the unit), or take the "
                       "setting away:"),
                 "conn.max is %" PRId64 ", and a process may have %llu files",
                 d->o.set.conn_max, (unsigned long long)r.rlim_max);
        cli_mend_setting(d, where);
    } else if (r.rlim_max < LEAST) {
        cli_find(d, CLI_ADVICE, SLICE("Raise it: ulimit -Hn, as root."),
                 "a process may have %llu files: few connections can be "
                 "served",
                 (unsigned long long)r.rlim_max);
    }
}

/* --- what settings name --------------------------------------------------- */

/* An empty folder would do for standards, not for workflows. */
static void folders_of(struct cli_doctor *d, const char *key,
                       const struct cli_list *l, bool make)
{
    struct slice where = cli_options_where(&d->o, slice_of(key));
    for (size_t i = 0; i < l->count; i++) {
        struct stat st;
        char *name = arena_cstr(&d->arena, l->items[i]);
        if (!name || (stat(name, &st) == 0 && S_ISDIR(st.st_mode))) continue;
        cli_find(d, CLI_BROKEN,
                 make ? SLICE("Make it, or name another one:")
                      : SLICE("Name another one, or take the setting away:"),
                 "%s names %.*s, which is no folder (%.*s)", key,
                 SLICE_ARG(l->items[i]), SLICE_ARG(where));
        if (make)
            cli_mend(d, "mkdir -p %.*s", SLICE_ARG(cli_quoted(d, l->items[i])));
        else
            cli_mend_setting(d, where);
    }
}

static void folders(struct cli_doctor *d)
{
    struct stat st;
    struct slice state = d->o.set.state;
    size_t n = state.n;
    folders_of(d, "workflows", &d->o.set.workflows, false);
    folders_of(d, "standards", &d->o.set.standards, true);
    while (n > 0 && state.p[n - 1] != '/') n--;
    struct slice in = slice_sub(state, 0, n);
    char *name = arena_cstr(&d->arena, in);
    if (!n || !name || stat(name, &st) == 0) return;
    cli_find(d, CLI_BROKEN, SLICE("Make it:"),
             "the folder of the state file %.*s does not exist",
             SLICE_ARG(state));
    cli_mend(d, "mkdir -p %.*s", SLICE_ARG(cli_quoted(d, in)));
}

const struct cli_check cli_checks_settings[] = {
    {"environment", "each PHASEGATE_ variable is a setting", false,
     environment},
    {"config", "config.yaml can be read", true, file},
    {"timeouts", "inner limits end before outer ones", true, timeouts},
    {"permits", "no session can keep others out", true, permits},
    {"descriptors", "as many connections as may be open", true, descriptors},
    {"folders", "what settings name is there", true, folders},
    {0},
};
