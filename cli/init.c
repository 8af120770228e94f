/*
 * init: sets a project up and tells its editors about phasegate. What is there
 * is never changed or removed; a second run finds nothing to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/editors.h"
#include "cli/project.h"
#include "cli/tell.h"
#include "transport/discovery.h"

#define EXAMPLE "bugfix_v1"

enum {
    STEPS_MAX = 16,
    FILE_CEILING = 4 << 20,
    FILES_MAX = 1000,
    DEPTH_MAX = 8
};

enum action { MADE, ADDED, KEPT, REFUSED, ACTION_COUNT };

static const struct {
    const char *word;
    enum cli_tone tone;
} actions[ACTION_COUNT] = {[MADE] = {"made", CLI_GOOD},
                           [ADDED] = {"added to", CLI_GOOD},
                           [KEPT] = {"kept", CLI_DIM},
                           [REFUSED] = {"refused", CLI_BAD}};

struct step {
    enum action action;
    const char *path; /* in the project */
    const char *what;
    struct slice why, add; /* REFUSED: the reason; what to add by hand */
};

struct init {
    struct arena arena;
    struct cli_options o;
    struct slice root, command;
    struct step steps[STEPS_MAX];
    size_t count;
};

static void note(struct init *in, enum action action, const char *path,
                 const char *what, struct slice why, struct slice add)
{
    if (in->count < STEPS_MAX)
        in->steps[in->count++] = (struct step){action, path, what, why, add};
}

static struct slice in_root(struct init *in, const char *name)
{
    return path_join(&in->arena, in->root, slice_of(name));
}

static bool there(struct init *in, struct slice path)
{
    struct stat st;
    char *text = arena_cstr(&in->arena, path);
    return text && lstat(text, &st) == 0;
}

/* --- .phasegate ----------------------------------------------------------- */

static void make_folder(struct init *in)
{
    static const char path[] = ".phasegate";
    static const char what[] = "the project's state, tokens and settings";
    char agent[TP_TOKEN_ROOM], person[TP_TOKEN_ROOM];
    bool had = there(in, in_root(in, ".phasegate/.gitignore"));
    enum err e = tp_tokens(in->root, &in->arena, agent, person);
    note(in,
         e     ? REFUSED
         : had ? KEPT
               : MADE,
         path, what, e ? SLICE("it cannot be written") : SLICE(""), SLICE(""));
}

static void make_config(struct init *in)
{
    static const char path[] = ".phasegate/config.yaml";
    static const char what[] = "every setting, as a comment";
    struct slice at = in_root(in, path);
    struct buf b = BUF_INIT(FILE_CEILING);
    enum err e = OK;
    bool had = there(in, at);
    cli_options_yaml(&b, CLI_PROJECT | CLI_SERVER | CLI_LOGGING);
    if (!had) e = b.err ? b.err : file_write_atomic(at, buf_slice(&b), 0644);
    note(in,
         e     ? REFUSED
         : had ? KEPT
               : MADE,
         path, what, e ? SLICE("it cannot be written") : SLICE(""), SLICE(""));
    buf_done(&b);
}

/* --- the example ---------------------------------------------------------- */

static enum err copy_tree(struct init *in, struct slice from, struct slice to,
                          unsigned depth)
{
    struct file_name *names;
    size_t count = 0;
    if (depth > DEPTH_MAX) return ERR_TOO_LARGE;
    enum err e = path_make(to, 0755);
    if (!e) e = folder_list(from, FILES_MAX, &in->arena, &names, &count);
    for (size_t i = 0; i < count && !e; i++) {
        struct slice text;
        struct slice source = path_join(&in->arena, from, names[i].name);
        struct slice target = path_join(&in->arena, to, names[i].name);
        if (names[i].folder) {
            e = copy_tree(in, source, target, depth + 1);
            continue;
        }
        e = file_read(source, FILE_CEILING, &in->arena, &text);
        if (!e) e = file_write_atomic(target, text, 0644);
    }
    return e;
}

/* Under another name first: a workflow is there whole or not at all. */
static void copy_example(struct init *in)
{
    static const char path[] = ".phasegate/workflows/" EXAMPLE;
    static const char what[] = "a workflow to start with, yours to change";
    struct slice at = in_root(in, path), examples;
    if (there(in, at)) {
        note(in, KEPT, path, what, SLICE(""), SLICE(""));
        return;
    }
    struct slice fresh = arena_printf(&in->arena, "%.*s/.phasegate/init-%ld",
                                      SLICE_ARG(in->root), (long)getpid());
    enum err e = cli_examples(&in->arena, &examples);
    if (!e)
        e = copy_tree(in, path_join(&in->arena, examples, SLICE(EXAMPLE)),
                      fresh, 0);
    if (!e) e = path_make(in_root(in, ".phasegate/workflows"), 0755);
    char *old_name = arena_cstr(&in->arena, fresh);
    char *new_name = arena_cstr(&in->arena, at);
    if (!e && (!old_name || !new_name || rename(old_name, new_name) != 0))
        e = ERR_IO;
    note(in, e ? REFUSED : MADE, path, what,
         e == ERR_NOT_FOUND ? SLICE("the examples are not installed")
         : e                ? SLICE("it cannot be written")
                            : SLICE(""),
         SLICE(""));
}

/* --- editors -------------------------------------------------------------- */

/* The folder of PATH that has this program, as an absolute path. */
/* Is there a trace of this editor, here or in the home folder? */
static bool found(struct init *in, const struct cli_editor *ed)
{
    struct slice unused, file = slice_of(ed->file);
    size_t slash = slice_find_byte(file, '/');
    const char *home = getenv("HOME");
    if (ed->always || cli_on_path(&in->arena, ed->program, &unused))
        return true;
    if (home && *home &&
        there(in, path_join(&in->arena, slice_of(home), slice_of(ed->home))))
        return true;
    return slash < file.n && there(in, path_join(&in->arena, in->root,
                                                 slice_sub(file, 0, slash)));
}

static bool wanted(struct init *in, const struct cli_editor *ed)
{
    const struct cli_list *named = &in->o.set.editors;
    for (size_t i = 0; i < named->count; i++)
        if (slice_eq(named->items[i], slice_of(ed->word)) ||
            slice_eq(named->items[i], SLICE("all")))
            return true;
    return !named->count && found(in, ed);
}

/* Where the file really is; a link out of the project is nothing to follow. */
static enum err resolve(struct init *in, const struct cli_editor *ed,
                        struct slice *ret, bool *ret_there)
{
    struct slice at = in_root(in, ed->file), folder = at, real;
    *ret_there = there(in, at);
    if (*ret_there) return path_inside(in->root, at, &in->arena, ret);
    while (folder.n && folder.p[folder.n - 1] != '/') folder.n--;
    if (folder.n > 1) folder.n--;
    enum err e = path_make(folder, 0755);
    if (!e) e = path_inside(in->root, folder, &in->arena, &real);
    *ret = at;
    return e;
}

static enum err store(struct init *in, struct slice path, struct slice text,
                      bool had)
{
    struct stat st;
    char *name = arena_cstr(&in->arena, path);
    unsigned mode = 0644;
    if (had && name && stat(name, &st) == 0) {
        mode = st.st_mode & 07777;
        /* renaming over it would work, but somebody has said no */
        if (!(mode & 0222) || access(name, W_OK) != 0) return ERR_INVALID;
    }
    return file_write_atomic(path, text, mode);
}

static void tell_editor(struct init *in, const struct cli_editor *ed)
{
    struct slice path = {0}, text = {0};
    struct cli_edit edit = {0};
    bool had;
    struct slice add = cli_edit_by_hand(ed, in->command, &in->arena);
    enum err e = resolve(in, ed, &path, &had);
    if (e) {
        note(in, REFUSED, ed->file, ed->name,
             e == ERR_IO ? SLICE("its folder cannot be made")
                         : SLICE("it leads out of the project"),
             add);
        return;
    }
    if (had) e = file_read(path, FILE_CEILING, &in->arena, &text);
    if (!e) e = cli_edit(ed, text, in->command, &in->arena, &edit);
    if (e) {
        note(in, REFUSED, ed->file, ed->name, SLICE("it cannot be read"), add);
        return;
    }
    if (edit.result == CLI_EDIT_REFUSED) {
        note(in, REFUSED, ed->file, ed->name, edit.why, add);
        return;
    }
    if (edit.result == CLI_EDIT_KEPT) {
        note(in, KEPT, ed->file, ed->name, edit.why, SLICE(""));
        return;
    }
    e = store(in, path, edit.text, had);
    enum action done = had ? ADDED : MADE;
    struct slice why = e == ERR_INVALID ? SLICE("it is read-only")
                       : e              ? SLICE("it cannot be written")
                                        : SLICE("");
    note(in, e ? REFUSED : done, ed->file, ed->name, why, e ? add : SLICE(""));
}

/* --- saying so ------------------------------------------------------------ */

static void print_json(const struct init *in)
{
    struct buf b = BUF_INIT(FILE_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "project", in->root);
    json_key(&w, SLICE("steps"));
    json_begin_array(&w);
    for (size_t i = 0; i < in->count; i++) {
        const struct step *s = &in->steps[i];
        json_begin_object(&w);
        json_put_string(&w, "action", slice_of(actions[s->action].word));
        json_put_string(&w, "path", slice_of(s->path));
        json_put_string(&w, "what", slice_of(s->what));
        if (s->why.n) json_put_string(&w, "why", s->why);
        if (s->add.n) json_put_string(&w, "add", s->add);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_putc(&b, '\n');
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

/* A part of the project itself is not there; an editor's entry can be added
 * by hand. */
static bool unfinished(const struct init *in)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->steps[i].action == REFUSED && !in->steps[i].add.n) return true;
    return false;
}

/* What each editor that was just told will ask before it starts a server. */
static void print_questions(const struct init *in)
{
    for (const struct cli_editor *ed = cli_editors; ed->name; ed++)
        for (size_t i = 0; i < in->count; i++)
            if (in->steps[i].what == ed->name &&
                (in->steps[i].action == MADE || in->steps[i].action == ADDED))
                printf("%s %s.\n", ed->name, ed->asks);
}

static void print_steps(const struct init *in)
{
    printf("Project %.*s\n", SLICE_ARG(in->root));
    for (size_t i = 0; i < in->count; i++) {
        const struct step *s = &in->steps[i];
        cli_say(actions[s->action].tone, actions[s->action].word,
                "%-32s %s%s%.*s", s->path, s->what, s->why.n ? "; " : "",
                SLICE_ARG(s->why));
        if (!s->add.n) continue;
        cli_say(CLI_PLAIN, "", "add this by hand:");
        struct slice rest = s->add, part;
        while (slice_split(&rest, '\n', &part))
            cli_say(CLI_PLAIN, "", "  %.*s", SLICE_ARG(part));
    }
    if (unfinished(in)) {
        printf("Next: mend what was refused, then run %.*s init again.\n",
               SLICE_ARG(in->command));
        return;
    }
    printf("Next: restart the editor, and tell its agent:\n"
           "  \"start_workflow " EXAMPLE " on the file that has the bug\"\n");
    print_questions(in);
}

static bool refused(const struct init *in)
{
    for (size_t i = 0; i < in->count; i++)
        if (in->steps[i].action == REFUSED) return true;
    return false;
}

static bool editors_known(struct init *in)
{
    const char *words[8] = {"all"};
    size_t n = 1;
    for (const struct cli_editor *ed = cli_editors; ed->name; ed++)
        words[n++] = ed->word;
    const struct cli_list *named = &in->o.set.editors;
    for (size_t i = 0; i < named->count; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known |= slice_eq(named->items[i], slice_of(words[k]));
        if (known) continue;
        const char *near = cli_nearest(named->items[i], words);
        (void)fprintf(stderr, "phasegate: no editor \"%.*s\"; %s%s\n",
                      SLICE_ARG(named->items[i]), near ? "did you mean " : "",
                      near ? near
                           : "init knows claude, cursor, vscode and codex, "
                             "and all");
        return false;
    }
    return true;
}

static int run(struct init *in)
{
    if (!editors_known(in)) return CLI_USAGE;
    if (!in->root.n || cli_command_name(&in->arena, &in->command) != OK) {
        (void)fputs("phasegate: this folder is not taken for a project; name "
                    "one with --project DIR\n",
                    stderr);
        return CLI_USAGE;
    }
    make_folder(in);
    make_config(in);
    copy_example(in);
    for (const struct cli_editor *ed = cli_editors; ed->name; ed++)
        if (wanted(in, ed)) tell_editor(in, ed);
    if (in->o.set.json)
        print_json(in);
    else
        print_steps(in);
    return refused(in) ? CLI_NOT_SO : CLI_DONE;
}

int cli_init(const struct cli_command *c, int argc, char **argv)
{
    struct init in = {0};
    int code;
    arena_init(&in.arena, (size_t)256 << 20);
    if (cli_begin(c, argc, argv, &in.arena, &in.o, &in.root, &code))
        code = run(&in);
    arena_done(&in.arena);
    return code;
}
