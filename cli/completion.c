/*
 * completion: what teaches a shell to complete phasegate, made of the rows of
 * commands, verbs, options and tools. A shell is one row: how it says a few
 * things; what is said is the same walk for all.
 */
#include <string.h>

#include "cli/command.h"
#include "cli/manual.h"
#include "cli/options_private.h"
#include "mcp/tools/tools.h"

/* What may stand at a place, by the word that names it in the rows. */
enum kind { WORDS, FILES, FOLDERS, SESSIONS, ANYTHING };

static enum kind kind_of(const char *words)
{
    static const struct {
        const char *name;
        enum kind kind;
    } rows[] = {{"FILE", FILES},
                {"PATH", FILES},
                {"DIR", FOLDERS},
                {"SESSION", SESSIONS}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (words && strstr(words, rows[i].name)) return rows[i].kind;
    return ANYTHING;
}

static bool takes_tools(const struct cli_command *c)
{
    return strncmp(c->words, "TOOL", 4) == 0;
}

static bool takes_value(const struct option_row *row)
{
    return row->type != BOOLEAN;
}

/* The options of a command, one after the other; NULL behind the last. */
static const struct option_row *option_of(const struct cli_command *c,
                                          size_t *at)
{
    const struct option_row *row;
    while ((row = cli__option((*at)++)) != NULL)
        if (row->group & c->options) return row;
    return NULL;
}

static void join(struct buf *b, const char *const *words)
{
    for (size_t i = 0; words && words[i]; i++)
        buf_printf(b, "%s%s", i ? " " : "", words[i]);
}

static void join_tools(struct buf *b)
{
    for (size_t i = 0; tools_rows[i].name; i++)
        buf_printf(b, "%s%s", i ? " " : "", tools_rows[i].name);
}

/* `text` where a quote of the shell ('...') surrounds it. */
static void quoted(struct buf *b, const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'') {
            buf_puts(b, "'\\''");
            continue;
        }
        if (strchr(escaped, *text)) buf_putc(b, '\\');
        buf_putc(b, *text);
    }
}

/* --- bash ----------------------------------------------------------------- */

#define ASK_SESSIONS                                                           \
    "phasegate sessions list --json 2>/dev/null |\n"                           \
    "        grep -o '\"session_id\":\"[^\"]*\"' | cut -d'\"' -f4"

static void bash_values(struct buf *b)
{
    static const char *const how[] = {
        [FILES] = "compgen -f", [FOLDERS] = "compgen -d"};
    const struct option_row *row;
    char flag[NAME_ROOM];
    buf_puts(b, "    case $prev in\n");
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++) {
        enum kind kind = kind_of(row->arg);
        if (!takes_value(row)) continue;
        buf_printf(b, "    --%s)\n        COMPREPLY=(",
                   cli__flag_name(row, flag));
        if (row->choices) {
            buf_puts(b, "$(compgen -W '");
            join(b, row->choices);
            buf_puts(b, "' -- \"$cur\")");
        } else if (kind == FILES || kind == FOLDERS) {
            buf_printf(b, "$(%s -- \"$cur\")", how[kind]);
        }
        buf_puts(b, ")\n        return ;;\n");
    }
    buf_puts(b, "    esac\n");
}

static void bash_words(struct buf *b, const struct cli_command *c)
{
    const struct option_row *row;
    char flag[NAME_ROOM];
    buf_printf(b, "    %s)\n        words='", c->name);
    for (size_t at = 0; (row = option_of(c, &at)) != NULL;)
        buf_printf(b, "--%s ", cli__flag_name(row, flag));
    buf_puts(b, "--help'\n");
    if (c->verbs || takes_tools(c)) {
        buf_puts(b, "        [[ -n $verb ]] || words+=' ");
        for (const struct cli_verb *v = c->verbs; v && v->name; v++)
            buf_printf(b, "%s%s", v == c->verbs ? "" : " ", v->name);
        if (takes_tools(c)) join_tools(b);
        buf_puts(b, "'\n");
    }
    if (!c->verbs && kind_of(c->words) == FILES)
        buf_puts(b, "        files=1\n");
    for (const struct cli_verb *v = c->verbs; v && v->name; v++) {
        enum kind kind = kind_of(v->words);
        if (kind == FILES)
            buf_printf(b, "        [[ $verb == %s ]] && files=1\n", v->name);
        else if (kind == SESSIONS)
            buf_printf(b,
                       "        [[ $verb == %s ]] && words+=\" "
                       "$(_phasegate_sessions)\"\n",
                       v->name);
    }
    buf_puts(b, "        ;;\n");
}

void cli__completion_bash(struct buf *b)
{
    buf_puts(b, "# bash completion for phasegate, printed by\n"
                "# `phasegate completion bash`.\n"
                "_phasegate_sessions() {\n    " ASK_SESSIONS "\n}\n\n"
                "_phasegate() {\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
                "    local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                "    local command= verb= words= files= i\n"
                "    COMPREPLY=()\n"
                "    [[ $cur == = ]] && cur=\n"
                "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n");
    bash_values(b);
    buf_puts(b, "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
                "        if [[ -z $command ]]; then\n"
                "            command=${COMP_WORDS[i]}\n"
                "        elif [[ -z $verb ]]; then\n"
                "            verb=${COMP_WORDS[i]}\n"
                "        fi\n"
                "    done\n"
                "    case $command in\n    '')\n        words='");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        buf_printf(b, "%s ", c->name);
    buf_puts(b, "help --help --version' ;;\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        bash_words(b, c);
    buf_puts(b,
             "    esac\n"
             "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
             "    [[ -n $files ]] && COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
             "}\n\n"
             "complete -o filenames -F _phasegate phasegate\n");
}

/* --- zsh ------------------------------------------------------------------ */

static const char *zsh_action(const char *words)
{
    static const char *const actions[] = {[WORDS] = "",
                                          [FILES] = "_files",
                                          [FOLDERS] = "_files -/",
                                          [SESSIONS] = "_phasegate_sessions",
                                          [ANYTHING] = ""};
    return actions[kind_of(words)];
}

static void zsh_option(struct buf *b, const struct option_row *row)
{
    char flag[NAME_ROOM];
    buf_printf(b, "            '%s--%s%s[", row->type == LIST ? "*" : "",
               cli__flag_name(row, flag), takes_value(row) ? "=" : "");
    quoted(b, row->help, "[]:\\");
    buf_putc(b, ']');
    if (takes_value(row)) {
        buf_printf(b, ":%s:", row->arg ? row->arg : "value");
        if (row->choices) {
            buf_putc(b, '(');
            join(b, row->choices);
            buf_putc(b, ')');
        } else {
            buf_puts(b, zsh_action(row->arg));
        }
    }
    buf_puts(b, "' \\\n");
}

static void zsh_described(struct buf *b, const char *name, const char *summary)
{
    buf_puts(b, "            '");
    quoted(b, name, ":");
    buf_putc(b, ':');
    quoted(b, summary, "");
    buf_puts(b, "'\n");
}

static void zsh_command(struct buf *b, const struct cli_command *c)
{
    const struct option_row *row;
    buf_printf(b, "    %s)\n", c->name);
    if (c->verbs) {
        buf_puts(b, "        verbs=(\n");
        for (const struct cli_verb *v = c->verbs; v->name; v++)
            zsh_described(b, v->name, v->summary);
        buf_puts(b, "        )\n");
    }
    buf_puts(b, "        _arguments \\\n");
    for (size_t at = 0; (row = option_of(c, &at)) != NULL;) zsh_option(b, row);
    buf_puts(b, "            '--help[Tells about this command.]'");
    if (c->verbs) {
        buf_puts(b, " \\\n            '1:what:{_describe what verbs}'");
        buf_puts(b, " \\\n            '*:word:_phasegate_words'");
    } else if (takes_tools(c)) {
        buf_puts(b, " \\\n            '1:tool:(");
        join_tools(b);
        buf_puts(b, ")'");
    } else if (*c->words && *zsh_action(c->words)) {
        buf_printf(b, " \\\n            '*:word:%s'", zsh_action(c->words));
    }
    buf_puts(b, " ;;\n");
}

void cli__completion_zsh(struct buf *b)
{
    buf_puts(b, "#compdef phasegate\n"
                "# zsh completion for phasegate, printed by\n"
                "# `phasegate completion zsh`.\n"
                "_phasegate_sessions() {\n"
                "    local -a ids\n    ids=(${(f)\"$(" ASK_SESSIONS ")\"})\n"
                "    compadd -a ids\n}\n\n"
                "_phasegate_words() {\n    case \"$command $line[1]\" in\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        for (const struct cli_verb *v = c->verbs; v && v->name; v++)
            if (*zsh_action(v->words))
                buf_printf(b, "    '%s %s') %s ;;\n", c->name, v->name,
                           zsh_action(v->words));
    buf_puts(b, "    esac\n}\n\n_phasegate() {\n"
                "    local -a commands verbs line\n    local command\n"
                "    if (( CURRENT == 2 )); then\n        commands=(\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        zsh_described(b, c->name, c->summary);
    buf_puts(b, "        )\n        _describe command commands\n"
                "        return\n    fi\n"
                "    command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
                "    case $command in\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        zsh_command(b, c);
    buf_puts(b, "    esac\n}\n\n"
                "if [[ $funcstack[1] == _phasegate ]]; then\n"
                "    _phasegate \"$@\"\nelse\n"
                "    compdef _phasegate phasegate\nfi\n");
}

/* --- fish ----------------------------------------------------------------- */

static void fish_option(struct buf *b, const struct cli_command *c,
                        const struct option_row *row)
{
    char flag[NAME_ROOM];
    enum kind kind = kind_of(row->arg);
    buf_printf(b,
               "complete -c phasegate -n '__fish_seen_subcommand_from %s'"
               " -l %s",
               c->name, cli__flag_name(row, flag));
    if (row->choices) {
        buf_puts(b, " -xa '");
        join(b, row->choices);
        buf_putc(b, '\'');
    } else if (takes_value(row)) {
        buf_puts(b, kind == FOLDERS ? " -xa '(__fish_complete_directories)'"
                    : kind == FILES ? " -rF"
                                    : " -x");
    }
    buf_puts(b, " -d '");
    quoted(b, row->help, "\\");
    buf_puts(b, "'\n");
}

static void fish_word(struct buf *b, const struct cli_command *c,
                      const char *word, const char *summary)
{
    buf_printf(b,
               "complete -c phasegate -n 'test (count (commandline -opc)) "
               "-eq 2; and __fish_seen_subcommand_from %s' -a %s",
               c->name, word);
    if (summary) {
        buf_puts(b, " -d '");
        quoted(b, summary, "\\");
        buf_putc(b, '\'');
    }
    buf_putc(b, '\n');
}

static void fish_command(struct buf *b, const struct cli_command *c)
{
    const struct option_row *row;
    buf_printf(b, "complete -c phasegate -n __fish_use_subcommand -a %s -d '",
               c->name);
    quoted(b, c->summary, "\\");
    buf_puts(b, "'\n");
    for (const struct cli_verb *v = c->verbs; v && v->name; v++) {
        enum kind kind = kind_of(v->words);
        fish_word(b, c, v->name, v->summary);
        if (kind != SESSIONS && kind != FILES) continue;
        buf_printf(b,
                   "complete -c phasegate -n '__fish_seen_subcommand_from "
                   "%s; and __fish_seen_subcommand_from %s' %s\n",
                   c->name, v->name,
                   kind == FILES ? "-F" : "-a '(__phasegate_sessions)'");
    }
    for (size_t i = 0; takes_tools(c) && tools_rows[i].name; i++)
        fish_word(b, c, tools_rows[i].name, NULL);
    if (!c->verbs && kind_of(c->words) == FILES)
        buf_printf(b,
                   "complete -c phasegate -n '__fish_seen_subcommand_from "
                   "%s' -F\n",
                   c->name);
    for (size_t at = 0; (row = option_of(c, &at)) != NULL;)
        fish_option(b, c, row);
}

void cli__completion_fish(struct buf *b)
{
    buf_puts(b, "# fish completion for phasegate, printed by\n"
                "# `phasegate completion fish`.\n"
                "function __phasegate_sessions\n    " ASK_SESSIONS "\nend\n\n"
                "complete -c phasegate -f\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fish_command(b, c);
    buf_puts(b, "complete -c phasegate -l help -d 'Tells about a command.'\n");
}
