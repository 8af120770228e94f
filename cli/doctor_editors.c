/* doctor: what editors were told about phasegate. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/doctor.h"
#include "cli/editors.h"
#include "cli/project.h"
#include "cli/timeouts.h"

enum { FILE_CEILING = 4 << 20 };

/* --- what an entry says --------------------------------------------------- */

struct entry {
    struct slice command, verb, project; /* empty: not said */
    int64_t timeout_s;                   /* 0: not said */
};

static void read_json(struct cli_doctor *d, const struct cli_editor *ed,
                      struct slice text, struct entry *ret)
{
    const struct json *v;
    struct json_error je;
    if (slice_starts(text, SLICE("\xEF\xBB\xBF")))
        text = slice_sub(text, 3, text.n);
    if (json_parse(text, NULL, &d->arena, &v, &je) != OK) return;
    v = json_get(json_get(v, slice_of(ed->servers)), SLICE("phasegate"));
    ret->command = json_text(json_get(v, SLICE("command")));
    const struct json *args = json_get(v, SLICE("args"));
    if (json_is(args, JSON_ARRAY) && args->count)
        ret->verb = json_text(&args->items[0]);
    for (uint32_t i = 0; json_is(args, JSON_ARRAY) && i + 1 < args->count; i++)
        if (slice_eq(json_text(&args->items[i]), SLICE("--project")))
            ret->project = json_text(&args->items[i + 1]);
}

/* `key = "text"` or `key = 12` of our section. */
static void read_toml(struct slice text, struct entry *ret)
{
    struct slice rest = text, line;
    bool ours = false;
    while (slice_split(&rest, '\n', &line)) {
        line = slice_trim(line);
        if (slice_starts(line, SLICE("[")))
            ours = slice_starts(line, SLICE("[mcp_servers.phasegate]"));
        size_t eq = slice_find_byte(line, '=');
        struct slice key = slice_trim(slice_sub(line, 0, eq));
        struct slice value = slice_trim(slice_sub(line, eq + 1, line.n));
        if (!ours || eq == line.n) continue;
        if (slice_eq(key, SLICE("command")) && value.n > 2)
            ret->command = slice_sub(value, 1, value.n - 2);
        if (slice_eq(key, SLICE("tool_timeout_sec")))
            (void)slice_int64(value, &ret->timeout_s);
    }
}

/* --- whether it works ----------------------------------------------------- */

static void replace(struct cli_doctor *d, struct slice path, struct slice old,
                    struct slice by)
{
    if (slice_find_byte(old, '|') == old.n && slice_find_byte(by, '|') == by.n)
        cli_mend(d, "sed -i %.*s %.*s",
                 SLICE_ARG(cli_quoted(
                     d, arena_printf(&d->arena, "s|\"%.*s\"|\"%.*s\"|",
                                     SLICE_ARG(old), SLICE_ARG(by)))),
                 SLICE_ARG(cli_quoted(d, path)));
}

static void check_command(struct cli_doctor *d, const struct cli_editor *ed,
                          struct slice path, struct slice command)
{
    struct stat st;
    struct slice found;
    char *name = arena_cstr(&d->arena, command);
    if (!name) return;
    if (slice_find_byte(command, '/') == command.n) {
        if (cli_on_path(&d->arena, name, &found)) return;
        cli_find(d, CLI_BROKEN, SLICE("Put it there, or say where it is:"),
                 "%s starts \"%s\" (%.*s), which is in no folder of PATH",
                 ed->name, name, SLICE_ARG(path));
        replace(d, path, command, d->command);
        return;
    }
    if (stat(name, &st) != 0) {
        cli_find(d, CLI_BROKEN, SLICE("Name the program of today:"),
                 "%s starts %s (%.*s), which is not there", ed->name, name,
                 SLICE_ARG(path));
        replace(d, path, command, d->command);
    } else if (!(st.st_mode & 0111)) {
        cli_find(d, CLI_BROKEN, SLICE("Make it a program:"),
                 "%s starts %s (%.*s), which cannot be run", ed->name, name,
                 SLICE_ARG(path));
        cli_mend(d, "chmod +x %.*s", SLICE_ARG(cli_quoted(d, command)));
    }
}

/* Of ourselves alone: another program (npx, a wrapper) has words of its own. */
static void check_verb(struct cli_doctor *d, const struct cli_editor *ed,
                       struct slice path, const struct entry *e)
{
    static const struct slice us = SLICE_INIT("phasegate");
    struct slice name = slice_sub(
        e->command, e->command.n < us.n ? 0 : e->command.n - us.n, e->command.n);
    if (!e->verb.n || e->verb.p[0] == '-' || !slice_eq(name, us) ||
        slice_eq(e->verb, SLICE("serve")))
        return;
    cli_find(d, CLI_BROKEN, SLICE("Let it serve:"),
             "%s starts phasegate with the word %.*s (%.*s), which serves "
             "nobody",
             ed->name, SLICE_ARG(slice_sub(e->verb, 0, 80)), SLICE_ARG(path));
    replace(d, path, e->verb, SLICE("serve"));
}

static void check_project(struct cli_doctor *d, const struct cli_editor *ed,
                          struct slice path, struct slice project)
{
    struct stat st;
    char *name = arena_cstr(&d->arena, project);
    if (!name || !project.n || slice_find(project, SLICE("${")) < project.n ||
        (stat(name, &st) == 0 && S_ISDIR(st.st_mode)))
        return;
    cli_find(d, CLI_BROKEN, SLICE("Name this project:"),
             "%s serves the project %s (%.*s), which is no folder", ed->name,
             name, SLICE_ARG(path));
    replace(d, path, project, d->root);
}

static void check_timeout(struct cli_doctor *d, const struct cli_editor *ed,
                          struct slice path, int64_t seconds)
{
    struct cli_timeouts t;
    if (!seconds || cli_timeouts_make(&d->o, &t) != OK) return;
    int64_t want = (t.of[CLI_CLASS_READ].client + 999) / 1000;
    if (seconds >= want) return;
    cli_find(d, CLI_ADVICE,
             SLICE("It would give up before the server has answered; allow "
                   "what the server needs (timeout.client_ms):"),
             "%s waits %" PRId64
             " s for a tool (%.*s), a call may take %" PRId64 " s",
             ed->name, seconds, SLICE_ARG(path), want);
    cli_mend(d,
             "sed -i 's/^tool_timeout_sec.*/tool_timeout_sec = %" PRId64
             "/' %.*s",
             want, SLICE_ARG(cli_quoted(d, path)));
}

static void cannot_read(struct cli_doctor *d, const struct cli_editor *ed,
                        struct slice path, struct slice why)
{
    struct slice q = cli_quoted(d, path);
    cli_find(d, CLI_BROKEN,
             SLICE("Mend it at this place; or start it afresh, and carry over "
                   "what the old one had:"),
             "%s cannot read %.*s: %.*s", ed->name, SLICE_ARG(path),
             SLICE_ARG(why));
    cli_mend(d, "mv %.*s %.*s.aside && %.*s init --project %.*s --editor %s",
             SLICE_ARG(q), SLICE_ARG(q), SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)), ed->word);
}

/* True: it knows of us, well or not. */
static bool editor(struct cli_doctor *d, const struct cli_editor *ed)
{
    struct slice path = cli_at(d, ed->file), text;
    struct stat st;
    struct cli_edit edit;
    struct entry entry = {0};
    if (!cli_look(d, path, &st)) return false;
    if (file_read(path, FILE_CEILING, &d->arena, &text) != OK) {
        cannot_read(d, ed, path, SLICE("it is no readable file"));
        return true;
    }
    if (cli_edit(ed, text, d->command, &d->arena, &edit) != OK) return true;
    if (edit.result == CLI_EDIT_REFUSED) {
        cannot_read(d, ed, path, edit.why);
        return true;
    }
    if (edit.result == CLI_EDIT_ADDED) {
        cli_find(d, CLI_BROKEN, SLICE("Add phasegate to it:"),
                 "%s has a list of servers in %.*s, and phasegate is not in "
                 "it",
                 ed->name, SLICE_ARG(path));
        cli_mend(d, "%.*s init --project %.*s --editor %s",
                 SLICE_ARG(cli_quoted(d, d->command)),
                 SLICE_ARG(cli_quoted(d, d->root)), ed->word);
        return true;
    }
    if (ed->shape == CLI_JSON)
        read_json(d, ed, text, &entry);
    else
        read_toml(text, &entry);
    if (entry.command.n) check_command(d, ed, path, entry.command);
    check_verb(d, ed, path, &entry);
    check_project(d, ed, path, entry.project);
    check_timeout(d, ed, path, entry.timeout_s);
    return true;
}

static void editors(struct cli_doctor *d)
{
    bool any = false;
    for (const struct cli_editor *ed = cli_editors; ed->name; ed++)
        any |= editor(d, ed);
    if (any) return;
    cli_find(d, CLI_ADVICE,
             SLICE("Unless it is in an editor's settings for all projects:"),
             "no editor of this project knows phasegate");
    cli_mend(d, "%.*s init --project %.*s",
             SLICE_ARG(cli_quoted(d, d->command)),
             SLICE_ARG(cli_quoted(d, d->root)));
}

/* --- the program ---------------------------------------------------------- */

static void program(struct cli_doctor *d)
{
    struct slice own, named, examples;
    if (cli_program(&d->arena, &own) != OK) return;
    if (cli_on_path(&d->arena, "phasegate", &named) && !slice_eq(own, named)) {
        size_t n = own.n;
        while (n > 1 && own.p[n - 1] != '/') n--;
        cli_find(d, CLI_ADVICE,
                 SLICE("Editors that start \"phasegate\" get the other one. "
                       "To have this one first:"),
                 "`phasegate` is %.*s, and this program is %.*s",
                 SLICE_ARG(named), SLICE_ARG(own));
        cli_mend(d, "PATH=%.*s:$PATH",
                 SLICE_ARG(cli_quoted(d, slice_sub(own, 0, n - 1))));
    }
    if (cli_examples(&d->arena, &examples) != OK)
        cli_find(d, CLI_ADVICE,
                 SLICE("Install it whole: cmake --install build."),
                 "the example workflows are not beside %.*s "
                 "(../share/phasegate/workflows)",
                 SLICE_ARG(own));
}

const struct cli_check cli_checks_editors[] = {
    {"editors", "each editor can start phasegate", true, editors},
    {"program", "the program is installed whole, and once", false, program},
    {0},
};
