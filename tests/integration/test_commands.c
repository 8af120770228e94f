/* What every command has because it is a row: help with an example, --json,
 * completion in three shells, a place in the manual page. */
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options_private.h"
#include "tests/integration/program.h"

/* --- help ----------------------------------------------------------------- */

TEST(commands, each_help_has_summary_words_options_and_an_example)
{
    const char *folder = new_project("help");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        struct ended e = RUN_IN(folder, c->name, "--help");
        CHECK_INT_EQ(e.status, 0);
        CHECK_CONTAINS(e.out, c->summary);
        CHECK_CONTAINS(e.out, "Ends with 0: done; 1: ");
        if (!c->example) FAIL("%s has no example", c->name);
        struct slice rest = slice_of(c->example), line;
        struct slice begin =
            arena_printf(test_arena(), "phasegate %s", c->name);
        while (slice_split(&rest, '\n', &line)) {
            if (!line.n) continue;
            CHECK(slice_starts(line, begin));
            CHECK(slice_find(e.out, line) < e.out.n);
        }
        rest = e.out;
        while (slice_split(&rest, '\n', &line))
            if (slice_utf8_length(line) > 80 && !says(line, "  phasegate "))
                FAIL("too wide for a terminal: %.*s", SLICE_ARG(line));
        for (const struct cli_verb *v = c->verbs; v && v->name; v++)
            CHECK_CONTAINS(e.out, v->summary);
        struct ended same = RUN_IN(folder, "help", c->name);
        CHECK_SLICE_EQ(same.out, e.out);
    }
}

/* `words` as a row has them: does something have to be said there? */
static bool asks_for_words(const char *words)
{
    return *words && *words != '[';
}

static void check_asks(const char *folder, const char *name, const char *verb)
{
    struct ended e = RUN_IN(folder, name, verb);
    CHECK_INT_EQ(e.status, CLI_USAGE);
    CHECK_INT_EQ(e.out.n, 0);
    CHECK_CONTAINS(e.err, arena_printf(test_arena(), "phasegate %s", name).p);
}

TEST(commands, a_missing_word_is_asked_for_on_stderr)
{
    const char *folder = new_project("words");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (asks_for_words(c->words)) check_asks(folder, c->name, NULL);
        for (const struct cli_verb *v = c->verbs; v && v->name; v++)
            if (asks_for_words(v->words)) check_asks(folder, c->name, v->name);
    }
}

TEST(commands, a_mistyped_verb_is_told_what_it_could_have_been)
{
    const char *folder = new_project("verbs");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!c->verbs) continue;
        struct slice typo = arena_printf(test_arena(), "%sx", c->verbs[0].name);
        struct ended e = RUN_IN(folder, c->name, typo.p);
        CHECK_INT_EQ(e.status, CLI_USAGE);
        CHECK_CONTAINS(
            e.err,
            arena_printf(test_arena(), "did you mean %s?", c->verbs[0].name).p);
    }
}

TEST(commands, a_mistyped_option_is_told_what_it_could_have_been)
{
    const char *folder = new_project("options");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        struct ended e = RUN_IN(folder, c->name, "--hlep");
        CHECK_INT_EQ(e.status, CLI_USAGE);
        CHECK_CONTAINS(e.err, "Did you mean --help?");
    }
}

/* --- what goes wrong ------------------------------------------------------- */

struct mistake {
    const char *label, *command; /* a shell's, phasegate as $P */
    int status;
    const char *told;
};

/* What happened, why, how to mend: in one line for whoever mistyped. */
TEST_EACH(commands, a_mistake_is_told_with_its_mend, struct mistake, row,
          {"a version asked for in a word", "$P version", 0, ""},
          {"no shell of ours", "$P completion tcsh", 2, "bash, zsh, fish"},
          {"no session", "$P sessions show", 2,
           "sessions show needs SESSION: phasegate sessions show SESSION"},
          {"a record of none", "$P sessions report", 2,
           "sessions report needs SESSION"},
          {"a word too many", "$P sessions list extra", 2,
           "sessions list takes no words and no more"},
          {"no cache", "$P admin clear-cache", 2,
           "admin clear-cache needs NAME"},
          {"no tool", "$P call nothing", 2, "`phasegate call` lists them"},
          {"no editor", "$P init --editor emacs", 2, "claude, cursor, vscode"},
          {"no phases", "$P new mine_v1", 2, "--phases Plan,Build,Ship"},
          {"nothing to lint", "$P lint nothing", 2, "nothing of that name"},
          {"no heads", "$P sessions import x.json; $P sessions verify --kept y",
           2, "cannot be read"},
          {"no standards", "$P search word", 1, ".phasegate/standards"},
          {"no standards, for a program", "$P search word --json", 1, ""},
          {"no folder of workflows", "$P serve --workflows nowhere", 0,
           "setting=workflows"},
          {"no command mends it", "mkdir .phasegate; $P doctor --workflows nowhere", 1,
           "Name other folders, or none.\n"},
          {"no address of ours", "$P serve --transport http --http-host 192.0.2.1",
           3, "no address of this machine"},
          {"a full disk", "$P manual > /dev/full", 1,
           "stdout cannot be written"},
          {"a full disk, for a program", "$P sessions --json > /dev/full", 1,
           "stdout cannot be written (No space left on device)"},
          {"a file that may not grow", "ulimit -f 1; $P manual > m.txt", 1,
           "stdout cannot be written"},
          {"a state file that may not", "ulimit -f 8; $P demo", 1, "state"},
          {"a reader that leaves", "$P manual | head -n 1", 0, ""})
{
    const char *folder = new_project("mistaken");
    struct slice script =
        arena_printf(test_arena(), "P=%s; %s", test_binary(), row->command);
    struct ended e = program_run(&(struct program){
        .binary = "/bin/sh",
        .folder = folder,
        .args = (const char *const[]){"-c", arena_cstr(test_arena(), script),
                                      NULL}});
    CHECK_INT_EQ(e.status, row->status);
    if (!says(e.out, row->told)) CHECK_CONTAINS(e.err, row->told);
    CHECK(!says(e.err, ".)"));
    CHECK(!says(e.err, "did you mean"));
}

/* --- colours -------------------------------------------------------------- */

/* What a command writes on a terminal of its own, stdout and stderr. */
static struct slice on_terminal(const char *folder, const char *no_color,
                                const char *term, const char *words)
{
    int fd;
    char part[4096];
    struct buf out = BUF_INIT(1 << 20);
    const char *line = arena_printf(test_arena(), "PATH=%s:$PATH; %s",
                                    test_binary_dir(), words)
                           .p;
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);
    CHECK_INT_GE(pid, 0);
    if (pid == 0) {
        if (chdir(folder) != 0 || setenv("NO_COLOR", no_color, 1) != 0 ||
            setenv("TERM", term, 1) != 0)
            _exit(99);
        execl("/bin/sh", "sh", "-c", line, NULL);
        _exit(99);
    }
    for (ssize_t n; (n = read(fd, part, sizeof(part))) > 0;)
        buf_put(&out, (struct slice){part, (size_t)n});
    close(fd);
    int status = -1;
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    CHECK_INT_EQ(status, 0);
    struct slice text = arena_copy(test_arena(), buf_slice(&out));
    buf_done(&out);
    return text;
}

#define INIT "phasegate init --editor claude"

TEST(commands, colours_are_for_terminals_that_want_them)
{
    const char *folder = new_project("colours");
    CHECK_CONTAINS(on_terminal(folder, "", "xterm", INIT), "\033[");
    CHECK(!says(on_terminal(folder, "1", "xterm", INIT), "\033["));
    CHECK(!says(on_terminal(folder, "", "dumb", INIT), "\033["));
    CHECK(!says(RUN_IN(folder, "init", "--editor", "claude").out, "\033["));
}

/* --- progress ------------------------------------------------------------- */

/* A hundred workflows, made as links to one. */
static void many_workflows(const char *folder)
{
    struct ended e = RUN_IN(folder, "new", "many_v1", "--phases", "a,b");
    CHECK_INT_EQ(e.status, 0);
    for (int i = 0; i < 120; i++) {
        struct slice link = arena_printf(
            test_arena(), "%s/.phasegate/workflows/copy%d_v1", folder, i);
        CHECK_INT_EQ(symlink("many_v1", link.p), 0);
    }
}

/* A project with an index, and an export of as many sessions as make a line
 * worth while. */
static void many_sessions(const char *folder)
{
    struct slice path =
        arena_printf(test_arena(), "PATH=%s:/usr/bin:/bin", test_binary_dir());
    static const char script[] =
        "i=0; { while [ $i -lt 320 ]; do i=$((i+1)); echo "
        "'{\"jsonrpc\":\"2.0\",\"id\":'$i',\"method\":\"tools/call\","
        "\"params\":{\"name\":\"start_workflow\",\"arguments\":"
        "{\"workflow_type\":\"bugfix_v1\",\"target\":\"t'$i'\"}}}'; done; } >"
        " calls; phasegate serve --transport stdio --durability normal "
        "--log-level error < calls > answers && "
        "phasegate sessions export > all.json";
    struct ended e = program_run(
        &(struct program){.binary = "/bin/sh",
                          .folder = folder,
                          .env = (const char *const[]){path.p, NULL},
                          .args = (const char *const[]){"-c", script, NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK(!says(e.err, "of 320"));
}

struct long_work {
    const char *words, *says;
};

/* Drawn on a terminal's stderr, and wiped; silent where nobody looks, and on
 * a terminal that cannot wipe. */
TEST_EACH_IF(commands, long_work_says_how_far_it_is_on_a_terminal_alone,
             (.timeout_s = 60), struct long_work, row,
             {"phasegate lint .phasegate/workflows > out || true",
              "Checking workflows  ["},
             {"phasegate sessions verify > out", "Checking sessions  ["},
             {"phasegate sessions export > out", "Writing sessions  ["},
             {"phasegate sessions import --state new.db all.json > out",
              "Reading sessions  ["},
             {"phasegate sessions import --state new.db --json all.json > out",
              "Reading sessions  ["},
             {"phasegate backup copy.db > out", "Copying pages  ["})
{
    const char *folder = new_project("long");
    many_workflows(folder);
    many_sessions(folder);
    struct slice seen = on_terminal(folder, "", "xterm", row->words);
    CHECK_CONTAINS(seen, row->says);
    CHECK(slice_ends(seen, SLICE("\r\033[K")));
    struct slice copy = arena_printf(test_arena(), "%s/copy.db", folder);
    (void)unlink(copy.p);
    CHECK_INT_EQ(on_terminal(folder, "", "dumb", row->words).n, 0);
    (void)unlink(copy.p);
    struct slice piped =
        arena_printf(test_arena(), "{ %s; } 2> err", row->words);
    CHECK_INT_EQ(on_terminal(folder, "", "xterm", piped.p).n, 0);
    CHECK_INT_EQ(get_file(folder, "err").n, 0);
}

/* --- data ----------------------------------------------------------------- */

/* These talk JSON of their own, or text that is for another program. */
static bool prints_no_data(const char *name)
{
    static const char *const names[] = {"serve", "demo", "call", "completion",
                                        "manual"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* Whatever it finds in a project that is new, it says as one document; where
 * words are missing it says nothing there. */
TEST(commands, each_that_prints_data_prints_one_json_document_when_asked)
{
    const char *folder = new_project("json");
    int documents = 0;
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (prints_no_data(c->name)) continue;
        if (!(c->options & CLI_OUTPUT)) FAIL("%s takes no --json", c->name);
        struct ended e = RUN_IN(folder, c->name, "--json");
        if (e.out.n == 0) {
            CHECK_INT_NE(e.status, 0);
            continue;
        }
        CHECK(json_of(e.out) != NULL);
        CHECK_INT_EQ(slice_find_byte(e.out, '\n'), e.out.n - 1);
        documents++;
    }
    CHECK_INT_GE(documents, 2);
}

/* --- completion ----------------------------------------------------------- */

static struct ended run_shell(const char *folder, const char *shell,
                              const char *flag, const char *script)
{
    return program_run(&(struct program){
        .binary = "/usr/bin/env",
        .folder = folder,
        .args = (const char *const[]){shell, flag, script, NULL}});
}

static const char *completion_of(const char *folder, const char *shell)
{
    struct ended e = RUN_IN(folder, "completion", shell);
    CHECK_INT_EQ(e.status, 0);
    put_file(folder, "completion", arena_cstr(test_arena(), e.out));
    return folder;
}

static bool has_line(struct slice text, const char *want)
{
    struct slice line, rest = text;
    while (slice_split(&rest, '\n', &line))
        if (slice_eq(slice_sub(line, 0, slice_find_byte(line, '\t')),
                     slice_of(want)))
            return true;
    return false;
}

/* `line` as somebody has typed it when the tabulator is struck. */
static struct slice ask_bash(const char *folder, const char *line)
{
    struct slice script = arena_printf(
        test_arena(),
        "source ./completion; line='%s'; read -ra COMP_WORDS <<<\"$line\"; "
        "[[ $line == *' ' ]] && COMP_WORDS+=(''); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _phasegate; "
        "printf '%%s\\n' \"${COMPREPLY[@]}\"",
        line);
    struct ended e = run_shell(folder, "bash", "-c", script.p);
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(e.err.n, 0);
    return e.out;
}

static struct slice ask_fish(const char *folder, const char *line)
{
    struct slice script = arena_printf(
        test_arena(), "source ./completion; complete -C '%s'", line);
    struct ended e = run_shell(folder, "fish", "-Nc", script.p);
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(e.err.n, 0);
    return e.out;
}

static void check_all_offered(const char *folder,
                              struct slice (*ask)(const char *, const char *))
{
    char flag[NAME_ROOM];
    struct slice commands = ask(folder, "phasegate ");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        CHECK(has_line(commands, c->name));
        struct slice line =
            arena_printf(test_arena(), "phasegate %s --", c->name);
        struct slice flags = ask(folder, line.p);
        const struct option_row *row;
        for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
            if (!(row->group & c->options)) continue;
            struct slice want =
                arena_printf(test_arena(), "--%s", cli__flag_name(row, flag));
            if (!has_line(flags, want.p))
                FAIL("%s does not offer %s", line.p, want.p);
        }
        if (!c->verbs) continue;
        line = arena_printf(test_arena(), "phasegate %s ", c->name);
        struct slice verbs = ask(folder, line.p);
        for (const struct cli_verb *v = c->verbs; v->name; v++)
            if (!has_line(verbs, v->name))
                FAIL("%s does not offer %s", line.p, v->name);
    }
    CHECK(has_line(ask(folder, "phasegate call get_"), "get_phase"));
    CHECK(has_line(ask(folder, "phasegate serve --transport d"), "dual"));
    CHECK(!has_line(ask(folder, "phasegate serve --transport d"), "http"));
    CHECK(has_line(ask(folder, "phasegate init --editor "), "cursor"));
    CHECK(has_line(ask(folder, "phasegate backup compl"), "completion"));
}

TEST(commands, bash_completes_commands_verbs_options_and_values,
     .timeout_s = 60)
{
    check_all_offered(completion_of(new_project("bash"), "bash"), ask_bash);
}

TEST(commands, fish_completes_commands_verbs_options_and_values,
     .needs = "fish", .timeout_s = 60)
{
    check_all_offered(completion_of(new_project("fish"), "fish"), ask_fish);
}

/* A zsh on a terminal of its own, where the tabulator is struck for real;
 * ^T prints what then stands on the line. */
static const char zsh_script[] =
    "zmodload zsh/zpty\n"
    "zpty child 'TERM=dumb zsh -fi'\n"
    "zpty -w child 'autoload -U compinit; compinit -u -D; "
    "source ./completion; show() { print -r -- \"<got:$BUFFER>\"; "
    "zle kill-whole-line }; zle -N show; bindkey \"^T\" show; "
    "print rea\"\"dy'\n"
    "zpty -m -r child out '*ready*'\n"
    "for line in 'phasegate ser' 'phasegate sessions hist' "
    "'phasegate serve --transp' 'phasegate serve --transport=du' "
    "'phasegate call get_ph' 'phasegate init --editor=cu'; do\n"
    "  zpty -w -n child \"$line\"$'\\t'$'\\C-t'\n"
    "  zpty -m -r child out '*<got:*>*'; print -r -- \"$out\"\n"
    "done\n";

TEST(commands, zsh_completes_commands_verbs_and_values, .needs = "zsh",
     .timeout_s = 60)
{
    const char *folder = completion_of(new_project("zsh"), "zsh");
    struct ended e = run_shell(folder, "zsh", "-fc", zsh_script);
    CHECK_CONTAINS(e.out, "<got:phasegate serve >");
    CHECK_CONTAINS(e.out, "<got:phasegate sessions history >");
    CHECK_CONTAINS(e.out, "<got:phasegate serve --transport=>");
    CHECK_CONTAINS(e.out, "<got:phasegate serve --transport=dual");
    CHECK_CONTAINS(e.out, "<got:phasegate call get_phase");
    CHECK_CONTAINS(e.out, "<got:phasegate init --editor=cursor");
}

/* --- the manual page ------------------------------------------------------ */

TEST(commands, the_manual_page_is_clean_and_names_all, .needs = "man")
{
    const char *folder = new_project("manual");
    struct ended page = RUN_IN(folder, "manual");
    put_file(folder, "phasegate.1", arena_cstr(test_arena(), page.out));
    struct ended e = program_run(&(struct program){
        .binary = "/usr/bin/env",
        .folder = folder,
        .env = (const char *const[]){"MANWIDTH=200", "LC_ALL=C.UTF-8", NULL},
        .args = (const char *const[]){"man", "--warnings", "-E", "UTF-8", "-l",
                                      "./phasegate.1", NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK_INT_EQ(e.err.n, 0);
    struct ended narrow = program_run(&(struct program){
        .binary = "/usr/bin/env",
        .folder = folder,
        .env = (const char *const[]){"MANWIDTH=72", "LC_ALL=C.UTF-8", NULL},
        .args = (const char *const[]){"man", "--warnings", "-E", "UTF-8", "-l",
                                      "./phasegate.1", NULL}});
    CHECK_INT_EQ(narrow.err.n, 0);
    char flag[NAME_ROOM];
    for (const struct cli_command *c = cli_commands; c->name; c++)
        CHECK_CONTAINS(e.out, c->summary);
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
        CHECK_CONTAINS(
            e.out,
            arena_printf(test_arena(), "--%s", cli__flag_name(row, flag)).p);
}

/* The only thing made of rows that stands in the tree. */
TEST(commands, the_table_of_settings_is_what_the_rows_say, .needs = "slow")
{
#ifdef PHASEGATE_EMBEDDINGS
    test_skip("this build has more of them than the page, which is of the "
              "default build");
#endif
    struct ended e = RUN_IN(new_project("settings"), "manual", "settings");
    struct slice page = get_file(test_source_dir(), "docs/CONFIGURATION.md");
    CHECK_INT_EQ(e.status, 0);
    if (!slice_eq(page, e.out))
        FAIL("docs/CONFIGURATION.md is old: build/phasegate manual settings > "
             "docs/CONFIGURATION.md");
}
