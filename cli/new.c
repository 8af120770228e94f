/* new: a workflow's folder to begin with. */
#include <stdio.h>

#include "base/json_write.h"
#include "cli/command.h"
#include "cli/tell.h"
#include "engine/scaffold.h"

struct making {
    struct arena arena;
    struct cli_options o;
    struct slice root;
};

/* "--phases a,b --phases c" is three. */
static bool phases_of(struct making *m, struct eng_scaffold *s)
{
    const struct cli_list *given = &m->o.set.phases;
    size_t count = 0;
    for (size_t i = 0; i < given->count; i++) {
        struct slice rest = given->items[i], part;
        while (rest.n > 0 && slice_split(&rest, ',', &part)) count++;
    }
    struct slice *phases = ARENA_ARRAY(&m->arena, struct slice, count + 1);
    if (!phases) return false;
    for (size_t i = 0; i < given->count; i++) {
        struct slice rest = given->items[i], part;
        while (rest.n > 0 && slice_split(&rest, ',', &part))
            phases[s->phases_count++] = part;
    }
    s->phases = phases;
    return true;
}

static void print_json(const struct eng_scaffold *s,
                       const struct eng_scaffolded *made)
{
    struct buf b = BUF_INIT(1u << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "workflow_type", s->name);
    json_put_string(&w, "path", made->folder);
    json_key(&w, SLICE("files"));
    json_begin_array(&w);
    for (size_t i = 0; i < made->count; i++) json_string(&w, made->files[i]);
    json_end_array(&w);
    json_end_object(&w);
    buf_putc(&b, '\n');
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

static int run(struct making *m, const char *name)
{
    struct eng_scaffolded made;
    struct problem p;
    struct eng_scaffold s = {.root = m->root,
                             .name = slice_of(name),
                             .description = m->o.set.description,
                             .output = m->o.set.output_dir.n
                                           ? m->o.set.output_dir
                                           : SLICE(".phasegate/workflows")};
    problem_init(&p);
    if (!m->root.n) {
        (void)fputs("phasegate: this folder is not taken for a project; name "
                    "one with --project DIR\n",
                    stderr);
        return CLI_USAGE;
    }
    if (!m->o.set.phases.count) {
        (void)fputs("phasegate: new needs the names of the phases: --phases "
                    "Plan,Build,Ship\n",
                    stderr);
        return CLI_USAGE;
    }
    enum err e = phases_of(m, &s) ? OK : ERR_NOMEM;
    if (!e) e = eng_scaffold_write(&s, &m->arena, &p, &made);
    if (e) {
        cli_complain(&p);
        return e == ERR_INVALID_PARAMETER ? CLI_USAGE : CLI_NOT_SO;
    }
    if (m->o.set.json) {
        print_json(&s, &made);
        return CLI_DONE;
    }
    printf("%.*s\n", SLICE_ARG(made.folder));
    for (size_t i = 0; i < made.count; i++)
        cli_say(CLI_GOOD, "made", "%.*s", SLICE_ARG(made.files[i]));
    printf("Next: write the tasks and the gates, then: phasegate lint %s\n",
           name);
    return CLI_DONE;
}

int cli_new(const struct cli_command *c, int argc, char **argv)
{
    struct making m = {0};
    int code;
    arena_init(&m.arena, (size_t)64 << 20);
    if (cli_begin(c, argc, argv, &m.arena, &m.o, &m.root, &code)) {
        code = CLI_USAGE;
        if (argc - m.o.rest == 1)
            code = run(&m, argv[m.o.rest]);
        else
            (void)fputs("phasegate new NAME --phases a,b,c: one name is "
                        "needed\n",
                        stderr);
    }
    arena_done(&m.arena);
    return code;
}
