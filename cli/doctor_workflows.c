/* doctor: the workflows that can be started here. */
#include "base/file.h"
#include "cli/doctor.h"
#include "cli/project.h"
#include "engine/definition.h"

enum { FOLDERS_MOST = 4096, SHOWN = 3 };

static void tell_findings(struct cli_doctor *d, struct slice folder,
                          const struct eng_definition *def)
{
    size_t shown = 0;
    for (size_t i = 0; i < def->findings_count && shown < SHOWN; i++) {
        const struct eng_finding *f = &def->findings[i];
        if (f->level != ENG_ERROR) continue;
        struct slice at = f->line ? arena_printf(&d->arena, ":%u", f->line)
                                  : (struct slice){0};
        cli_find(d, CLI_BROKEN, f->how_to_fix,
                 "%.*s%s%.*s%.*s: %.*s (%s), so it cannot be started",
                 SLICE_ARG(folder), f->file.n ? "/" : "", SLICE_ARG(f->file),
                 SLICE_ARG(at), SLICE_ARG(f->message), f->code);
        shown++;
    }
    if (def->errors_count > shown && d->count)
        cli_find(d, CLI_ADVICE, SLICE("Mend those first."),
                 "%.*s has %zu further problems", SLICE_ARG(folder),
                 def->errors_count - shown);
}

static void workflow(struct cli_doctor *d, struct slice folder)
{
    struct eng_files files;
    struct eng_definition *def = NULL;
    struct problem p;
    struct arena a;
    problem_init(&p);
    arena_init(&a, (size_t)128 << 20);
    enum err e = eng_files_read(folder, &a, &p, &files);
    if (!e) e = eng_definition_build(&files, &def);
    if (!e && def->errors_count) tell_findings(d, folder, def);
    if (e && e != ERR_NOT_FOUND)
        cli_find(d, CLI_BROKEN, arena_copy(&d->arena, p.how_to_fix),
                 "%.*s cannot be read: %.*s", SLICE_ARG(folder),
                 SLICE_ARG(p.why));
    eng_definition_unref(def);
    arena_done(&a);
}

static void workflows(struct cli_doctor *d)
{
    struct cli_list roots = cli_workflows(&d->o, d->root, &d->arena);
    size_t found = 0;
    for (size_t r = 0; r < roots.count; r++) {
        struct file_name *names;
        size_t n;
        if (folder_list(roots.items[r], FOLDERS_MOST, &d->arena, &names, &n))
            continue;
        for (size_t i = 0; i < n; i++) {
            struct stat st;
            struct slice folder =
                path_join(&d->arena, roots.items[r], names[i].name);
            if (!names[i].folder || names[i].name.p[0] == '.' ||
                !cli_look(d,
                          path_join(&d->arena, folder, SLICE("metadata.json")),
                          &st))
                continue;
            found++;
            workflow(d, folder);
        }
    }
    if (found) return;
    if (d->o.set.workflows.count) {
        cli_find(d, CLI_BROKEN, SLICE("Name other folders, or none:"),
                 "there is no workflow in the folders of the setting "
                 "workflows");
        cli_mend_setting(d, cli_options_where(&d->o, SLICE("workflows")));
        return;
    }
    cli_find(d, CLI_BROKEN, SLICE("Copy an example into the project:"),
             "there is no workflow to start");
    cli_mend(d, "%.*s init --project %.*s",
             SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)));
}

const struct cli_check cli_checks_workflows[] = {
    {"workflows", "each can be started", true, workflows},
    {0},
};
