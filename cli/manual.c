/* manual: the manual page (roff, man macros), made of the rows of commands and
 * options. */
#include <string.h>

#include "cli/command.h"
#include "cli/manual.h"
#include "cli/options_private.h"

/* --- roff ----------------------------------------------------------------- */

/* A line that begins with . or ' would be a request; a bare - may be set as
 * a hyphen that nobody can copy. */
static void roff(struct buf *b, const char *text)
{
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\'')) buf_puts(b, "\\&");
        begins = *text == '\n';
        if (*text == '\\')
            buf_puts(b, "\\e");
        else if (*text == '-')
            buf_puts(b, "\\-");
        else if (*text == '~')
            buf_puts(b, "\\(ti");
        else if (*text == '^')
            buf_puts(b, "\\(ha");
        else
            buf_putc(b, *text);
    }
}

static void page_option(struct buf *b, const struct option_row *row)
{
    char name[NAME_ROOM];
    struct buf part = BUF_INIT(4096);
    buf_puts(b, ".TP\n\\fB\\-\\-");
    roff(b, cli__flag_name(row, name));
    buf_puts(b, "\\fR");
    if (row->type == CHOICE)
        cli__option_accepts(row, &part);
    else if (row->arg)
        buf_puts(&part, row->arg);
    if (part.n) buf_printf(b, " \\fI%.*s\\fR", SLICE_ARG(buf_slice(&part)));
    buf_putc(b, '\n');
    roff(b, row->help);
    buf_clear(&part);
    if (row->type == NUMBER) {
        buf_putc(&part, ' ');
        cli__option_accepts(row, &part);
        buf_putc(&part, '.');
    }
    buf_puts(&part, " Default: ");
    cli__option_default(row, &part);
    buf_putc(&part, '.');
    if (!(row->flags & NOT_IN_ENV))
        buf_printf(&part, " Environment: %s.", cli__env_name(row, name));
    buf_puts(&part, "\n");
    buf_putc(&part, '\0');
    if (!part.err) roff(b, part.p);
    buf_done(&part);
}

static void page_lines(struct buf *b, const char *lines)
{
    buf_puts(b, ".PP\n.nf\n.RS\n");
    roff(b, lines);
    buf_puts(b, ".RE\n.fi\n");
}

static void page_command(struct buf *b, const struct cli_command *c)
{
    buf_printf(b, ".SS phasegate %s %s\n", c->name, c->words);
    roff(b, c->summary);
    buf_putc(b, '\n');
    for (const struct cli_verb *v = c->verbs; v && v->name; v++) {
        buf_printf(b, ".TP\n\\fB%s\\fR %s\n", v->name, v->words);
        roff(b, v->summary);
        buf_putc(b, '\n');
    }
    if (c->more) {
        buf_puts(b, ".PP\n");
        roff(b, c->more);
    }
    if (c->example) page_lines(b, c->example);
}

void cli__manual_page(struct buf *b)
{
    const struct option_row *row;
    buf_puts(b, ".TH PHASEGATE 1 \"\" \"phasegate " PHASEGATE_VERSION "\" "
                "\"User Commands\"\n.nh\n.ad l\n.SH NAME\nphasegate \\- leads coding "
                "agents through phase\\-gated workflows\n.SH SYNOPSIS\n"
                ".B phasegate\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
                ".SH DESCRIPTION\nAn MCP server: an editor starts it as a "
                "subprocess and talks to it over\nstdin and stdout, its "
                "sub\\-agents over HTTP. A phase of a workflow opens only\n"
                "with evidence that passed the gate before it. Without "
                "arguments it serves\nwhen stdin is no terminal.\n"
                ".SH COMMANDS\n");
    for (const struct cli_command *c = cli_commands; c->name; c++)
        page_command(b, c);
    buf_puts(b, ".SH OPTIONS\nA flag wins over the environment, that over "
                ".phasegate/config.yaml, that over\nthe default.\n");
    for (const struct setting_group *g = cli__setting_groups; g->title; g++) {
        buf_printf(b, ".SS %s\n", g->title);
        for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
            if (row->group & g->group) page_option(b, row);
    }
    buf_puts(b,
             ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nThe thing asked for is "
             "not so.\n.TP\n2\nWrong flags, values or words.\n.TP\n3\nIt "
             "cannot start.\n"
             ".SH FILES\n.TP\n.I .phasegate/state.db\nSessions, evidence and "
             "their history.\n.TP\n.I .phasegate/config.yaml\nThe project's "
             "settings.\n.TP\n.I .phasegate/server.json\nWhere the running "
             "server is.\n.TP\n.I .phasegate/agent.token\n.TQ\n.I "
             ".phasegate/operator.token\nWhat HTTP callers show.\n");
}
