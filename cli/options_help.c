/* options_help: the option rows as text: --help, config.yaml, and the table of
 * docs/CONFIGURATION.md. */
#include "cli/options_private.h"

enum { HELP_WIDTH = 80, HELP_INDENT = 6 };

void cli__option_accepts(const struct option_row *row, struct buf *out)
{
    if (row->type == NUMBER) {
        buf_printf(out, "%s%lld..%lld", row->flags & OR_ZERO ? "0, " : "",
                   (long long)row->min, (long long)row->max);
    } else if (row->type == CHOICE) {
        for (const char *const *c = row->choices; *c; c++)
            buf_printf(out, "%s%s", c == row->choices ? "" : "/", *c);
    } else if (row->type == BOOLEAN) {
        buf_puts(out, "true/false");
    } else {
        buf_puts(out, "a text that is not empty");
    }
}

void cli__option_default(const struct option_row *row, struct buf *out)
{
    if (row->absent)
        buf_puts(out, row->absent);
    else if (row->type == TEXT)
        buf_puts(out, row->text);
    else if (row->type == NUMBER)
        buf_put_int(out, row->def);
    else if (row->type == CHOICE)
        buf_puts(out, row->choices[row->def]);
    else
        buf_puts(out, row->def ? "true" : "false");
}

/* --- help ----------------------------------------------------------------- */

void cli__put_wrapped(struct buf *out, struct slice text)
{
    size_t column = 0;
    struct slice word;
    while (slice_split(&text, ' ', &word)) {
        size_t n = slice_utf8_length(word);
        bool breaks = column && column + 1 + n > HELP_WIDTH;
        if (breaks) buf_putc(out, '\n');
        if (breaks || !column)
            buf_printf(out, "%*s", HELP_INDENT, "");
        else
            buf_putc(out, ' ');
        column = breaks || !column ? HELP_INDENT : column + 1;
        buf_put(out, word);
        column += n;
    }
    buf_putc(out, '\n');
}

/* What it does, what it takes, what it is without. */
static void help_text(struct buf *out, const struct option_row *row)
{
    char env[NAME_ROOM];
    buf_printf(out, "%s (", row->help);
    if (row->type == NUMBER) {
        cli__option_accepts(row, out);
        buf_puts(out, "; ");
    }
    buf_puts(out, "default: ");
    cli__option_default(row, out);
    if (!(row->flags & NOT_IN_ENV))
        buf_printf(out, "; %s", cli__env_name(row, env));
    buf_putc(out, ')');
}

static void help_row(struct buf *out, const struct option_row *row)
{
    char flag[NAME_ROOM];
    struct buf text = BUF_INIT(64 << 10);
    buf_printf(out, "  --%s", cli__flag_name(row, flag));
    if (row->type == CHOICE) {
        buf_putc(out, ' ');
        cli__option_accepts(row, out);
    } else if (row->arg) {
        buf_printf(out, " %s", row->arg);
    }
    buf_putc(out, '\n');
    help_text(&text, row);
    cli__put_wrapped(out, buf_slice(&text));
    buf_done(&text);
}

void cli_options_help(struct buf *out, unsigned groups)
{
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
        if ((row->group & groups) && !(row->flags & NOT_IN_HELP))
            help_row(out, row);
    buf_puts(out, "  --help, --version\n");
    if (groups & CLI_SERVER)
        buf_puts(out, "\nEvery option is also a key of "
                      ".phasegate/config.yaml: http: {port: 4300}\n"
                      "There are more, for each cache: phasegate manual "
                      "settings\n");
}

/* --- config.yaml ---------------------------------------------------------- */

static void yaml_row(struct buf *out, const struct option_row *row)
{
    buf_printf(out, "\n# %s", row->help);
    if (row->type == NUMBER || row->type == CHOICE) {
        buf_puts(out, " (");
        cli__option_accepts(row, out);
        buf_putc(out, ')');
    }
    if (row->absent) buf_printf(out, "\n# Default: %s.", row->absent);
    buf_printf(out, "\n#%s: ", row->key);
    if (row->type == LIST)
        buf_printf(out, "[%s]", row->arg);
    else if (row->type == CHOICE)
        buf_puts(out, row->choices[row->def]);
    else if (row->type == BOOLEAN)
        buf_puts(out, row->def ? "true" : "false");
    else if (row->absent)
        buf_puts(out, row->arg);
    else if (row->type == NUMBER)
        buf_put_int(out, row->def);
    else
        buf_puts(out, row->text);
    buf_putc(out, '\n');
}

void cli_options_yaml(struct buf *out, unsigned groups)
{
    buf_puts(out, "# Settings of phasegate for this project. Every line is a "
                  "comment; take the #\n# away from a key to set it. The "
                  "environment and the command line win over it.\n");
    const struct option_row *row;
    for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
        if ((row->group & groups) && !(row->flags & NOT_IN_FILE))
            yaml_row(out, row);
}
