/*
 * lint: `phasegate lint [PATH ...]`. What is found is told as compilers tell
 * it, as JSON, or as SARIF for a code host.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/lint_sarif.h"
#include "cli/progress.h"
#include "cli/project.h"
#include "cli/tell.h"

struct lint {
    struct arena arena;
    struct cli_options o;
    struct slice root, here;
    struct cli_checked_list found;
    size_t levels[3];
};

/* --- what is looked at ---------------------------------------------------- */

static bool add(struct lint *l, const struct eng_checked *list, size_t count)
{
    struct cli_checked_list *f = &l->found;
    struct eng_checked *items =
        ARENA_ARRAY(&l->arena, struct eng_checked, f->count + count);
    if (!items && count) return false;
    if (f->count) memcpy(items, f->items, f->count * sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[f->count + i] = list[i];
        for (size_t k = 0; k < 3; k++) l->levels[k] += list[i].levels[k];
    }
    *f = (struct cli_checked_list){items, f->count + count};
    return true;
}

static bool exists(struct lint *l, struct slice path)
{
    const char *text = arena_cstr(&l->arena, path);
    return text && access(text, F_OK) == 0;
}

/* A path; or the name of a workflow of the project. */
static struct slice meant(struct lint *l, struct slice word)
{
    if (exists(l, word) || slice_find_byte(word, '/') < word.n) return word;
    struct cli_list roots = cli_workflows(&l->o, l->root, &l->arena);
    for (size_t i = 0; i < roots.count; i++) {
        struct slice path = path_join(&l->arena, roots.items[i], word);
        if (exists(l, path)) return path;
    }
    return word;
}

static bool check(struct lint *l, struct slice path)
{
    struct problem p;
    struct eng_checked *list;
    size_t count;
    struct cli_progress bar;
    problem_init(&p);
    cli_progress_begin(&bar, "Checking workflows");
    enum err e =
        eng_check_path(path, &l->arena, cli_progress(&bar), &p, &list, &count);
    cli_progress_end(&bar);
    if (!e && add(l, list, count)) return true;
    if (!e)
        (void)problem_setf(&p, &l->arena, ERR_NOMEM, SLICE("Out of memory."),
                           SLICE("Name fewer paths."), "lint");
    cli_complain(&p);
    return false;
}

/* Without a PATH: the workflow one stands in, else the project's own folders
 * of workflows. */
static bool check_project(struct lint *l)
{
    if (exists(l, SLICE("metadata.json"))) return check(l, SLICE("."));
    struct slice examples = {0};
    struct cli_list roots = cli_workflows(&l->o, l->root, &l->arena);
    if (cli_examples(&l->arena, &examples)) examples = (struct slice){0};
    for (size_t i = 0; i < roots.count; i++) {
        struct file_name *names;
        size_t count;
        if (slice_eq(roots.items[i], examples) ||
            folder_list(roots.items[i], 4096, &l->arena, &names, &count) ||
            count == 0)
            continue;
        if (!check(l, roots.items[i])) return false;
    }
    if (l->found.count == 0)
        (void)fputs("phasegate: no workflows to check. Name a PATH, or make "
                    "one: phasegate new NAME --phases a,b,c\n",
                    stderr);
    return true;
}

/* --- telling -------------------------------------------------------------- */

static enum cli_tone tone_of(enum eng_level level)
{
    return level == ENG_ERROR     ? CLI_BAD
           : level == ENG_WARNING ? CLI_BOLD
                                  : CLI_DIM;
}

/* file:line:col: CODE: message, and the mend below it. */
static void tell_one(struct lint *l, const struct eng_checked *k,
                     const struct eng_finding *f)
{
    struct arena *a = &l->arena;
    struct slice file =
        cli_one_line(a, cli_checked_path(k, f, l->here, a), 8192);
    printf("%.*s:%u:%u: %s%s%s: %.*s\n    %.*s: %.*s\n", SLICE_ARG(file),
           f->line ? f->line : 1, f->line ? f->column : 1,
           cli_tone(tone_of(f->level)), f->code, cli_tone(CLI_PLAIN),
           SLICE_ARG(cli_one_line(a, f->message, 2000)),
           SLICE_ARG(eng_level_name(f->level)),
           SLICE_ARG(cli_one_line(a, f->how_to_fix, 1000)));
}

static void tell_text(struct lint *l)
{
    const size_t *n = l->levels;
    for (size_t i = 0; i < l->found.count; i++)
        for (size_t k = 0; k < l->found.items[i].count; k++)
            tell_one(l, &l->found.items[i], &l->found.items[i].findings[k]);
    if (n[0] + n[1] + n[2] == 0)
        printf("%s%zu checked, nothing found%s\n", cli_tone(CLI_GOOD),
               l->found.count, cli_tone(CLI_PLAIN));
    else
        printf("%zu checked: %zu error%s, %zu warning%s, %zu note%s\n",
               l->found.count, n[0], n[0] == 1 ? "" : "s", n[1],
               n[1] == 1 ? "" : "s", n[2], n[2] == 1 ? "" : "s");
}

static void write_json(struct lint *l, struct json_writer *w)
{
    json_begin_object(w);
    json_put_bool(w, "valid", l->levels[ENG_ERROR] == 0);
    json_put_bool(w, "clean",
                  l->levels[ENG_ERROR] + l->levels[ENG_WARNING] == 0);
    json_key(w, SLICE("checked"));
    json_begin_array(w);
    for (size_t i = 0; i < l->found.count; i++) {
        const struct eng_checked *k = &l->found.items[i];
        json_begin_object(w);
        json_put_string(w, k->workflow ? "workflow_type" : "name", k->name);
        json_put_string(w, "folder", k->folder);
        json_put_bool(w, "valid", k->levels[ENG_ERROR] == 0);
        eng_checked_write(k, w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static bool print_document(struct lint *l)
{
    struct buf b = BUF_INIT((size_t)64 << 20);
    struct json_writer w = json_writer(&b);
    if (l->o.set.lint_format == CLI_FORMAT_SARIF)
        cli_sarif_write(&l->found, l->here, &l->arena, &w);
    else
        write_json(l, &w);
    buf_putc(&b, '\n');
    bool fine = !b.err && fwrite(b.p, 1, b.n, stdout) == b.n;
    buf_done(&b);
    return fine;
}

/* docs/LINT.md is this page. */
static int print_codes(void)
{
    struct buf b = BUF_INIT(1u << 20);
    eng_lint_page(&b);
    bool fine = !b.err && fwrite(b.p, 1, b.n, stdout) == b.n;
    buf_done(&b);
    return fine ? CLI_DONE : CLI_NOT_SO;
}

static int run(struct lint *l, int argc, char **argv)
{
    char here[4096];
    if (l->o.set.lint_codes) return print_codes();
    if (getcwd(here, sizeof(here)))
        l->here = arena_copy(&l->arena, slice_of(here));
    if (l->o.rest == argc && !check_project(l)) return CLI_USAGE;
    for (int i = l->o.rest; i < argc; i++)
        if (!check(l, meant(l, slice_of(argv[i])))) return CLI_USAGE;
    if (l->o.set.json) l->o.set.lint_format = CLI_FORMAT_JSON;
    if (l->o.set.lint_format == CLI_FORMAT_TEXT)
        tell_text(l);
    else if (!print_document(l))
        return CLI_NOT_SO;
    bool clean = l->levels[ENG_ERROR] + l->levels[ENG_WARNING] == 0;
    return clean ? CLI_DONE : CLI_NOT_SO;
}

int cli_lint(const struct cli_command *c, int argc, char **argv)
{
    struct lint l = {0};
    int code;
    arena_init(&l.arena, (size_t)1 << 30);
    if (cli_begin(c, argc, argv, &l.arena, &l.o, &l.root, &code))
        code = run(&l, argc, argv);
    arena_done(&l.arena);
    return code;
}
