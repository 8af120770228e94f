#include "cli/command.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/project.h"

extern char **environ;

const struct cli_command cli_commands[] = {
    {"serve", "", "Serves the project over stdio and HTTP.",
     CLI_PROJECT | CLI_SERVER | CLI_LOGGING, cli_serve},
    {"demo", "", "Shows the whole of it in a minute, on an example workflow.",
     0, cli_demo},
    {"init", "", "Sets a project up, and tells its editors about phasegate.",
     CLI_PROJECT | CLI_EDITORS | CLI_OUTPUT, cli_init},
    {"call", "TOOL [key=value ...]",
     "Calls a tool of the project's running server, or of one of its own.",
     CLI_PROJECT | CLI_ARGUMENTS, cli_call},
    {"sessions",
     "[list | show SESSION | history SESSION | report SESSION |\n"
     "                              verify [SESSION] | export [SESSION ...] | "
     "import FILE ... | delete SESSION]",
     "Shows the sessions of the project, and keeps their record.", CLI_PROJECT | CLI_OUTPUT,
     cli_sessions},
    {0},
};

void cli_complain(const struct problem *p)
{
    (void)fprintf(stderr, "phasegate: %.*s", SLICE_ARG(p->what));
    if (p->why.n) (void)fprintf(stderr, " (%.*s)", SLICE_ARG(p->why));
    if (p->how_to_fix.n)
        (void)fprintf(stderr, ". %.*s", SLICE_ARG(p->how_to_fix));
    (void)fputc('\n', stderr);
}

static void print_help(const struct cli_command *c)
{
    struct buf b = BUF_INIT(1 << 20);
    buf_printf(&b, "phasegate %s [OPTIONS]%s%s\n%s\n\n", c->name,
               *c->words ? " " : "", c->words, c->summary);
    cli_options_help(&b, c->options);
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

bool cli_begin(const struct cli_command *c, int argc, char **argv,
               struct arena *a, struct cli_options *o, struct slice *ret_root,
               int *ret_exit)
{
    *ret_exit = CLI_USAGE;
    enum err e = cli_options_init(o, c->options, a);
    if (!e) e = cli_options_flags(o, argc, argv, false);
    if (!e && (o->help || o->version)) {
        if (o->help)
            print_help(c);
        else
            (void)printf("phasegate %s\n", PHASEGATE_VERSION);
        *ret_exit = CLI_DONE;
        return false;
    }
    if (!e && !*c->words && o->rest < argc)
        e = problem_setf(&o->problem, a, ERR_INVALID, SLICE("command line"),
                         SLICE("--help tells what it takes."),
                         "%s takes no words, and got \"%s\"", c->name,
                         argv[o->rest]);
    if (!e && !(c->options & CLI_PROJECT)) return true;
    if (!e) e = cli_options_environment(o, environ);
    if (!e) e = cli_project_root(o, ret_root);
    if (!e) e = cli_project_config(o, *ret_root);
    if (e) {
        cli_complain(&o->problem);
        return false;
    }
    log_setup((enum log_level)o->set.log_level,
              (enum log_format)o->set.log_format);
    return true;
}
