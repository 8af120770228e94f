#include "engine/trust.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/catalog.h"
#include "engine/gate.h"
#include "engine/problems.h"
#include "engine/trust_shipped.h"

enum { FILE_MOST = 4 << 20 };

struct slice eng_trust_path(struct arena *a)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/')
        return arena_printf(a, "%s/phasegate/trusted", state);
    if (home && home[0] == '/')
        return arena_printf(a, "%s/.local/state/phasegate/trusted", home);
    return SLICE("");
}

struct slice eng_trust_hash(const struct eng_definition *d, struct arena *a)
{
    struct eng_files own = d->files;
    own.source = (struct eng_file){0};
    return eng_files_hash(&own, a);
}

bool eng_definition_runs(const struct eng_definition *d)
{
    for (size_t i = 0; i < d->phases_count; i++)
        if (d->phases[i].gate && d->phases[i].gate->runs_commands) return true;
    return false;
}

static bool shipped(struct slice hash)
{
    for (size_t i = 0; i < sizeof(trust_shipped) / sizeof(trust_shipped[0]);
         i++)
        if (slice_eq(hash, slice_of(trust_shipped[i]))) return true;
    return false;
}

static bool listed(struct slice text, struct slice hash)
{
    struct slice line;
    while (slice_split(&text, '\n', &line))
        if (slice_starts(line, hash) && line.n > hash.n &&
            line.p[hash.n] == ' ')
            return true;
    return false;
}

enum err eng_trusted(struct slice path, const struct eng_definition *d,
                     struct arena *a, bool *ret)
{
    struct slice text, hash = eng_trust_hash(d, a);
    if (!hash.p) return ERR_NOMEM;
    *ret = shipped(hash);
    if (*ret || !path.n) return OK;
    enum err e = file_read_own(path, FILE_MOST, a, &text);
    if (e == ERR_NOMEM) return e;
    if (e == ERR_INVALID)
        log_warn("trust", "not read: others may write it, or it is no file",
                 LOG_S("path", path));
    *ret = !e && listed(text, hash);
    return OK;
}

enum err eng_trust_add(struct slice path, const struct eng_definition *d,
                       struct arena *a)
{
    char at[CLOCK_TEXT_SIZE];
    struct slice was = SLICE("");
    size_t slash = path.n;
    while (slash && path.p[slash - 1] != '/') slash--;
    if (slash < 2) return ERR_NOT_FOUND;
    enum err e = path_make(slice_sub(path, 0, slash - 1), 0700);
    if (!e) e = file_read_own(path, FILE_MOST, a, &was);
    if (e == ERR_NOT_FOUND) e = OK;
    if (e) return e;
    clock_text(clock_wall_ms(), at);
    bool whole = !was.n || was.p[was.n - 1] == '\n';
    struct slice hash = eng_trust_hash(d, a);
    struct slice text = arena_printf(a, "%.*s%s%.*s %.*s %s\n", SLICE_ARG(was),
                                     whole ? "" : "\n", SLICE_ARG(hash),
                                     SLICE_ARG(d->workflow_type), at);
    if (!hash.p || !text.p) return ERR_NOMEM;
    return file_write_atomic(path, text, 0600);
}

enum err eng__trust_check(struct engine *e, struct eng_call *c,
                          const struct eng_definition *d)
{
    bool trusted = false;
    enum err r = eng_trusted(e->options.trust_path, d, c->arena, &trusted);
    if (r) return eng__problem_store(c, r);
    if (trusted) return OK;
    return problem_setf(
        &c->problem, c->arena, ERR_WORKFLOW_UNTRUSTED,
        SLICE("A gate of this phase runs commands on this machine, and nobody "
              "has trusted these files; a file that changed has to be trusted "
              "again."),
        arena_printf(c->arena,
                     "Ask your user to run `phasegate trust %.*s` on a "
                     "terminal: it shows the commands and asks. Then send "
                     "complete_phase again with the same evidence.",
                     SLICE_ARG(d->workflow_type)),
        "The workflow %.*s is not trusted to run commands",
        SLICE_ARG(d->workflow_type));
}

/* --- for a person -----------------------------------------------------------
 */

static void words_write(struct json_writer *w, const char *key,
                        const char *const *words)
{
    json_key(w, slice_of(key));
    json_begin_array(w);
    for (; words && *words; words++) json_string(w, slice_of(*words));
    json_end_array(w);
}

static void command_write(struct json_writer *w, const struct eng_phase *p,
                          const struct eng_field *f)
{
    const struct eng_command *c = f->command;
    json_begin_object(w);
    json_put_int(w, "phase", p->number);
    json_put_string(w, "field", f->name);
    words_write(w, "argv", c->argv);
    words_write(w, "env", c->env);
    if (c->folder.n) json_put_string(w, "folder", c->folder);
    json_put_int(w, "timeout_s", c->timeout_ms / 1000);
    json_end_object(w);
}

static enum err workflow_write(struct engine *e, struct eng_call *c,
                               struct json_writer *w,
                               const struct eng_definition *d)
{
    bool trusted = false;
    struct slice hash = eng_trust_hash(d, c->arena);
    enum err r = eng_trusted(e->options.trust_path, d, c->arena, &trusted);
    if (!hash.p) r = ERR_NOMEM;
    if (r) return eng__problem_store(c, r);
    json_begin_object(w);
    json_put_string(w, "workflow_type", d->workflow_type);
    json_put_string(w, "hash", hash);
    json_put_bool(w, "trusted", trusted);
    json_put_bool(w, "runs_commands", eng_definition_runs(d));
    json_key(w, SLICE("commands"));
    json_begin_array(w);
    for (size_t i = 0; i < d->phases_count; i++) {
        const struct eng_gate *g = d->phases[i].gate;
        for (size_t k = 0; g && k < g->fields_count; k++)
            if (g->fields[k].command)
                command_write(w, &d->phases[i], &g->fields[k]);
    }
    json_end_array(w);
    json_end_object(w);
    return OK;
}

enum err eng_trust_list(struct engine *e, struct eng_call *c,
                        const struct eng_trust_list_args *args)
{
    struct slice *names = NULL, one = args->type;
    size_t n = 1;
    if (c->on_loop) return ERR_AGAIN;
    enum err r = one.n ? OK : eng__catalog_names(e, c, &names, &n);
    if (r) return eng__problem_store(c, r);
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_key(&w, SLICE("workflows"));
    json_begin_array(&w);
    for (size_t i = 0; !r && i < n; i++) {
        const struct eng_definition *d;
        r = eng__catalog_get(e, c, one.n ? one : names[i], &d);
        if (!r && one.n && d->errors_count)
            r = eng_definition_problem(d, c->arena, &c->problem);
        if (!r && !d->errors_count) r = workflow_write(e, c, &w, d);
        if (r && r != ERR_NOMEM && !one.n) {
            problem_init(&c->problem); /* lint tells what is wrong with it */
            r = OK;
        }
    }
    json_end_array(&w);
    json_end_object(&w);
    return eng__settled(c, r);
}

enum err eng_trust_give(struct engine *e, struct eng_call *c,
                        const struct eng_trust_give_args *args)
{
    const struct eng_definition *d;
    if (c->on_loop) return ERR_AGAIN;
    enum err r = eng__catalog_get(e, c, args->type, &d);
    if (r) return r;
    struct slice hash = eng_trust_hash(d, c->arena);
    if (!hash.p) return eng__problem_nomem(c);
    if (!slice_eq(hash, args->hash))
        return problem_set(&c->problem, ERR_CONFLICT,
                           SLICE("The workflow has changed"),
                           SLICE("Its files are no longer those that were "
                                 "shown."),
                           SLICE("Run `phasegate trust` again."));
    r = eng_trust_add(e->options.trust_path, d, c->arena);
    if (r)
        return problem_setf(
            &c->problem, c->arena, r, SLICE("What is trusted is kept there."),
            SLICE("Set HOME or XDG_STATE_HOME to a folder that "
                  "can be written."),
            "%.*s cannot be written", SLICE_ARG(e->options.trust_path));
    struct json_writer w = json_writer(&c->out->plain);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", d->workflow_type);
    json_put_string(&w, "hash", args->hash);
    json_put_bool(&w, "trusted", true);
    json_end_object(&w);
    return OK;
}
