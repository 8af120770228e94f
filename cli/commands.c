#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/manual.h"
#include "cli/project.h"
#include "cli/tell.h"

extern char **environ;

static const struct cli_verb session_verbs[] = {
    {"list", "", "What agents have begun here, the newest first."},
    {"show", "SESSION", "One session with its phases."},
    {"history", "SESSION", "Every event of a session, gates refused too."},
    {"report", "SESSION", "The whole run as markdown."},
    {"verify", "[SESSION]", "Recomputes the hash chains of the record."},
    {"export", "[SESSION ...]", "Sessions as one JSON document."},
    {"import", "[FILE ...]", "Exports; no FILE: sessions of praxis-os."},
    {"delete", "SESSION", "Really removes a session."},
    {"approvals", "[SESSION]", "What waits for a person's word."},
    {"approve", "SESSION", "Gives it, on a terminal."},
    {"reject", "SESSION", "Refuses it, with a comment for the agent."},
    {0},
};
static const struct cli_verb completion_verbs[] = {
    {"bash", "", "For bash.", cli__completion_bash},
    {"zsh", "", "For zsh.", cli__completion_zsh},
    {"fish", "", "For fish.", cli__completion_fish},
    {0},
};
static const struct cli_verb manual_verbs[] = {
    {"page", "", "The manual page, for man -l -.", cli__manual_page},
    {"settings", "", "Every setting as a table in markdown.",
     cli__manual_settings},
    {"reference", "", "Commands, tools and errors as tables in markdown.",
     cli__manual_reference},
    {0},
};

static const struct cli_verb admin_verbs[] = {
    {"clear-cache", "NAME", "Everything out of a cache; nothing stored goes."},
    {"reset-breaker", "NAME", "What was failing is called again at once."},
    {0},
};

const struct cli_command cli_commands[] = {
    {"serve", "", "Serves the project over stdio and HTTP.",
     CLI_PROJECT | CLI_SERVER | CLI_LOGGING, cli_serve,
     .example = "phasegate serve < requests.jsonl\n"
                "phasegate serve --transport http --http-port 4300\n",
     .more = "An editor starts it so and talks JSON lines to it; it ends with "
             "its stdin.\nSub-agents find its address in "
             ".phasegate/server.json.\n"},
    {"demo", "", "Shows the whole of it in a minute, on an example workflow.",
     0, cli_demo, .example = "phasegate demo\n"},
    {"init", "", "Sets a project up, and tells its editors about phasegate.",
     CLI_PROJECT | CLI_EDITORS | CLI_OUTPUT, cli_init,
     .example = "phasegate init\n"
                "phasegate init --editor cursor --editor vscode\n"},
    {"call", "TOOL [key=value ...]",
     "Calls a tool of the project's running server, or of one of its own.",
     CLI_PROJECT | CLI_ARGUMENTS, cli_call,
     .example = "phasegate call list_workflows\n"
                "phasegate call start_workflow workflow_type=bugfix_v1 "
                "target=src/dates.c\n"},
    {"sessions", "[WHAT]",
     "Shows the sessions of the project, and keeps their record.",
     CLI_PROJECT | CLI_OUTPUT | CLI_DECISION, cli_sessions,
     .example = "phasegate sessions\n"
                "phasegate sessions history 6d1f\n"
                "phasegate sessions report 6d1f > report.md\n"
                "phasegate sessions approve 6d1f --as Ada\n",
     .verbs = session_verbs,
     .more = "SESSION is an id, or its first characters.\n"},
    {"new", "NAME", "Makes a workflow to begin with; it passes lint.",
     CLI_PROJECT | CLI_OUTPUT | CLI_SCAFFOLD, cli_new,
     .example = "phasegate new release_v1 --phases 'Plan,Build,Ship'\n",
     .more =
         "It goes to .phasegate/workflows of the project. Nothing is ever "
         "overwritten.\ndocs/WORKFLOWS.md teaches what to write into it.\n"},
    {"lint", "[PATH ...]",
     "Checks workflows: file:line:column: code: message, and the mend.",
     CLI_PROJECT | CLI_OUTPUT | CLI_CHECKS, cli_lint,
     .example = "phasegate lint\n"
                "phasegate lint .phasegate/workflows/release_v1\n"
                "phasegate lint --format sarif > lint.sarif\n",
     .more = "PATH is a workflow's folder, a folder of workflows, one of their "
             "files, a plan\n(tasks.md), or a workflow's name; without it, the "
             "project's own workflows.\nEnds with 0 when there is neither an "
             "error nor a warning, with 1 when there is.\n"},
    {"doctor", "", "Finds what is wrong, and says how each thing is mended.",
     CLI_PROJECT | CLI_OUTPUT, cli_doctor,
     .example = "phasegate doctor\n"
                "phasegate doctor --json | jq -r '.findings[].command'\n",
     .more =
         "It looks at paths, permissions, settings, the state file, tokens, "
         "running\nservers, ports, editors, workflows, the search index "
         "and the machine; it\nchanges nothing. Exit status 1: something "
         "is broken.\n"},
    {"search", "QUERY", "Searches the project's standards.",
     CLI_PROJECT | CLI_OUTPUT | CLI_SEARCH, cli_search,
     .example = "phasegate search how do we handle errors\n"
                "phasegate search --tag testing --limit 3 '\"test double\"'\n"
                "phasegate search --json retry | jq .results[0].file\n",
     .more = "\"several words\" are a phrase, word* is a beginning. Ends with "
             "1 when nothing\nis found.\n"},
    {"trust", "[WORKFLOW]",
     "Shows the commands that gates would run, and trusts a workflow's files.",
     CLI_PROJECT | CLI_OUTPUT, cli_trust,
     .example = "phasegate trust\n"
                "phasegate trust release_v1\n",
     .more = "A workflow's files are trusted as they are: one that changes has "
             "to be trusted\nagain. Without a name it lists what there is.\n"},
    {"backup", "FILE", "Copies the state file while servers go on writing.",
     CLI_PROJECT | CLI_OUTPUT, cli_backup,
     .example = "phasegate backup ~/backups/state-$(date +%F).db\n",
     .more = "The copy is checked before FILE gets its name; FILE is never "
             "overwritten.\nTo restore: stop every server of the project, put "
             "the copy in the place of\n.phasegate/state.db, remove "
             "state.db-wal and state.db-shm beside it, start\nagain, and look "
             "with phasegate sessions verify.\n"},
    {"admin", "WHAT NAME", "Acts on the running server, as its operator.",
     CLI_PROJECT | CLI_OUTPUT, cli_admin,
     .example = "phasegate admin clear-cache sessions\n"
                "phasegate admin reset-breaker embed:http://127.0.0.1:8080\n",
     .verbs = admin_verbs,
     .more = "NAME is what /metrics tells: cache=\"...\", provider=\"...\". It "
             "shows the server\n.phasegate/operator.token.\n"},
    {"completion", "SHELL",
     "Prints what teaches a shell to complete phasegate.", 0, cli_print,
     .example = "phasegate completion bash > "
                "~/.local/share/bash-completion/completions/phasegate\n"
                "phasegate completion zsh > ~/.zfunc/_phasegate\n"
                "phasegate completion fish > "
                "~/.config/fish/completions/phasegate.fish\n",
     .verbs = completion_verbs},
    {"manual", "[WHAT]", "Prints the manual page, or tables of all there is.",
     0, cli_print,
     .example = "phasegate manual | man -l -\n"
                "phasegate manual settings\n",
     .verbs = manual_verbs},
    {0},
};

const struct cli_command *cli_command_find(struct slice name)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (slice_eq(name, slice_of(c->name))) return c;
    return NULL;
}

const struct cli_verb *cli_verb_find(const struct cli_command *c,
                                     struct slice word)
{
    const char *names[32];
    size_t n = 0;
    for (const struct cli_verb *v = c->verbs; v && v->name && n < 31; v++) {
        if (slice_eq(word, slice_of(v->name))) return v;
        names[n++] = v->name;
    }
    names[n] = NULL;
    const char *near = cli_nearest(word, names);
    cli_putf(stderr, "phasegate: %s has no \"%.*s\"; ", c->name,
             SLICE_ARG(slice_sub(word, 0, 80)));
    if (near) {
        (void)fprintf(stderr, "did you mean %s?\n", near);
        return NULL;
    }
    (void)fputs("it takes", stderr);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    (void)fputs("\n", stderr);
    return NULL;
}

int cli_verb_misused(const struct cli_command *c, const struct cli_verb *v,
                     bool too_many)
{
    if (too_many)
        (void)fprintf(stderr, "phasegate: %s %s takes %s and no more\n",
                      c->name, v->name, *v->words ? v->words : "no words");
    else
        (void)fprintf(stderr, "phasegate: %s %s needs %s: phasegate %s %s %s\n",
                      c->name, v->name, v->words, c->name, v->name, v->words);
    return CLI_USAGE;
}

void cli_complain(const struct problem *p)
{
    struct slice why = p->why; /* a sentence has its full stop elsewhere */
    if (why.n && why.p[why.n - 1] == '.') why.n--;
    cli_putf(stderr, "phasegate: %.*s%s%.*s%s%s%.*s\n", SLICE_ARG(p->what),
             why.n ? " (" : "", SLICE_ARG(why), why.n ? ")" : "",
             p->how_to_fix.n ? ". " : "", SLICE_ARG(p->how_to_fix));
}

static void help_heading(struct buf *b, const char *text)
{
    buf_printf(b, "\n%s%s%s\n", cli_tone(CLI_BOLD), text, cli_tone(CLI_PLAIN));
}

static void help_examples(struct buf *b, const char *lines)
{
    struct slice rest = slice_of(lines), line;
    help_heading(b, "For example:");
    while (slice_split(&rest, '\n', &line))
        if (line.n) buf_printf(b, "  %.*s\n", SLICE_ARG(line));
}

static void print_help(const struct cli_command *c)
{
    struct buf b = BUF_INIT(1 << 20);
    buf_printf(&b, "%sphasegate %s%s%s%s%s\n%s\n", cli_tone(CLI_BOLD), c->name,
               cli_tone(CLI_PLAIN), c->options ? " [OPTIONS]" : "",
               *c->words ? " " : "", c->words, c->summary);
    if (c->verbs) buf_putc(&b, '\n');
    for (const struct cli_verb *v = c->verbs; v && v->name; v++)
        buf_printf(&b, "  %s %-*s %s\n", v->name, (int)(24 - strlen(v->name)),
                   v->words, v->summary);
    if (c->more) buf_printf(&b, "\n%s", c->more);
    if (c->example) help_examples(&b, c->example);
    help_heading(&b, "Options:");
    cli_options_help(&b, c->options);
    buf_puts(&b, "\nEnds with 0: done; 1: what was asked for is not so; "
                 "2: wrong words or options;\n3: it cannot start.\n");
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

bool cli_begin_flags(const struct cli_command *c, int argc, char **argv,
                     struct arena *a, struct cli_options *o, int *ret_exit)
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
    if (e) cli_complain(&o->problem);
    return !e;
}

bool cli_begin(const struct cli_command *c, int argc, char **argv,
               struct arena *a, struct cli_options *o, struct slice *ret_root,
               int *ret_exit)
{
    if (!cli_begin_flags(c, argc, argv, a, o, ret_exit)) return false;
    if (!(c->options & CLI_PROJECT)) return true;
    enum err e = cli_options_environment(o, environ);
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

/* A word may be left out when the row says [WHAT]: then it is the first. */
static int print_verb(const struct cli_command *c, const struct cli_options *o,
                      int argc, char **argv)
{
    struct buf b = BUF_INIT(1 << 20);
    bool named = o->rest < argc;
    const struct cli_verb *v = c->verbs;
    if (argc - o->rest > 1 || (!named && *c->words != '[')) {
        (void)fprintf(stderr, "phasegate %s %s:", c->name, c->words);
        for (; v->name; v++)
            (void)fprintf(stderr, "%s %s", v == c->verbs ? "" : ",", v->name);
        (void)fputs("\n", stderr);
        return CLI_USAGE;
    }
    if (named) v = cli_verb_find(c, slice_of(argv[o->rest]));
    if (!v) return CLI_USAGE;
    v->print(&b);
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
    return CLI_DONE;
}

int cli_print(const struct cli_command *c, int argc, char **argv)
{
    struct arena a;
    struct cli_options o;
    struct slice root;
    int code;
    arena_init(&a, 4 << 20);
    if (cli_begin(c, argc, argv, &a, &o, &root, &code))
        code = print_verb(c, &o, argc, argv);
    arena_done(&a);
    return code;
}
