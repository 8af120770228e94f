/* manual_tables: what stands in rows, as tables in markdown: the settings, and
 * commands, tools and errors. docs/CONFIGURATION.md and docs/REFERENCE.md are
 * printed by these. */
#include <string.h>

#include "base/err.h"
#include "cli/command.h"
#include "cli/manual.h"
#include "cli/options_private.h"
#include "mcp/tools/tools.h"

const struct setting_group cli__setting_groups[] = {
    {CLI_PROJECT, "Of every command that works on a project"},
    {CLI_SERVER, "Of serve"},
    {CLI_LOGGING, "Of serve: the log"},
    {CLI_OUTPUT, "Of every command that prints data"},
    {CLI_ARGUMENTS, "Of call"},
    {CLI_EDITORS, "Of init"},
    {CLI_DECISION, "Of sessions verify, approve and reject"},
    {CLI_CHECKS, "Of lint"},
    {CLI_SCAFFOLD, "Of new"},
    {CLI_SEARCH, "Of search"},
    {0},
};

/* As much of a text as one sentence says. */
static size_t sentence(const char *text)
{
    const char *end = strstr(text, ". ");
    return end ? (size_t)(end - text) + 1 : strlen(text);
}

static void cell(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') buf_putc(b, '\\');
        buf_putc(b, *text);
    }
}

static void settings_row(struct buf *b, const struct option_row *row)
{
    char name[NAME_ROOM];
    struct buf part = BUF_INIT(4096);
    buf_printf(b, "| %s%s%s | `--%s` | ", row->flags & NOT_IN_FILE ? "" : "`",
               row->flags & NOT_IN_FILE ? "-" : row->key,
               row->flags & NOT_IN_FILE ? "" : "`", cli__flag_name(row, name));
    if (row->flags & NOT_IN_ENV)
        buf_puts(b, "- | ");
    else
        buf_printf(b, "`%s` | ", cli__env_name(row, name));
    if (row->type == TEXT || row->type == LIST)
        buf_puts(&part, row->arg ? row->arg : "text");
    else
        cli__option_accepts(row, &part);
    buf_puts(&part, " | ");
    cli__option_default(row, &part);
    buf_put(b, buf_slice(&part));
    buf_puts(b, " | ");
    cell(b, row->help);
    buf_puts(b, " |\n");
    buf_done(&part);
}

void cli__manual_settings(struct buf *b)
{
    const struct option_row *row;
    buf_puts(
        b,
        "# Settings\n\n"
        "Printed by `phasegate manual settings`, from the rows that read "
        "them.\n\n"
        "A setting has three spellings: a key of `.phasegate/config.yaml` "
        "(`http: {port: 4300}` or\n`http.port: 4300`), an environment "
        "variable, and a flag. The flag wins over the variable, that over\n"
        "the file, that over the default. A list is replaced as a whole; in "
        "the environment its items\nstand between colons. A value that does "
        "not fit refuses the start and names option, value, range\nand "
        "source. `phasegate init` writes a `config.yaml` with every key as a "
        "comment, and\n`phasegate doctor` tells which settings are set and "
        "whether they fit together.\n");
    for (const struct setting_group *g = cli__setting_groups; g->title; g++) {
        buf_printf(b,
                   "\n## %s\n\n| key | flag | environment | takes | default | "
                   "what it is |\n|---|---|---|---|---|---|\n",
                   g->title);
        for (size_t i = 0; (row = cli__option(i)) != NULL; i++)
            if (row->group & g->group) settings_row(b, row);
    }
}

/* --- the reference -------------------------------------------------------- */

static void commands_table(struct buf *b)
{
    buf_puts(b, "\n## Commands\n\n| command | |\n|---|---|\n");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        buf_printf(b, "| `phasegate %s%s%s` | ", c->name, *c->words ? " " : "",
                   c->words);
        cell(b, c->summary);
        buf_puts(b, " |\n");
        for (const struct cli_verb *v = c->verbs; v && v->name; v++) {
            buf_printf(b, "| `phasegate %s %s%s%s` | ", c->name, v->name,
                       *v->words ? " " : "", v->words);
            cell(b, v->summary);
            buf_puts(b, " |\n");
        }
    }
    buf_puts(b, "\nA command ends with 0: done; 1: what was asked for is not "
                "so; 2: wrong words or options; 3: it cannot start.\n");
}

static void tools_table(struct buf *b)
{
    buf_puts(b, "\n## Tools\n\n`phasegate call TOOL --help` lists a tool's "
                "arguments.\n\n| tool | |\n|---|---|\n");
    for (const struct mcp_tool *t = tools_rows; t->name; t++) {
        buf_printf(b, "| `%s` | ", t->name);
        buf_put(b, (struct slice){t->description, sentence(t->description)});
        buf_puts(b, " |\n");
    }
}

static void resources_table(struct buf *b)
{
    buf_puts(b, "\n## Resources\n\n| uri | |\n|---|---|\n");
    for (const struct mcp_resource *r = tools_resources; r->uri; r++)
        buf_printf(b, "| `%s` | %s |\n", r->uri, r->description);
}

/* Who may ask: anybody (tools with the token where one is asked for), the
 * server's own page, the operator. */
static const struct {
    const char *path, *what;
} paths[] = {
    {"/mcp", "the MCP endpoint"},
    {"/health", "the status with its reasons; 503 when it is failing, never "
                "because it is busy"},
    {"/health/live", "200 while the loop turns; 503 when the server is failing"},
    {"/health/{}", "one part of it: permits, caches, connections, ..."},
    {"/ready", "200 when calls are taken, else 503 and why; also /health/ready"},
    {"/metrics", "Prometheus text"},
    {"/", "the operator's page"},
    {"/api/status", "health, caches, permits and the charts"},
    {"/api/sessions", "sessions; /api/sessions/ID one of them, "
                      "/api/sessions/ID/report as markdown"},
    {"/api/approvals", "what waits for a decision; POST decides (operator)"},
    {"/api/events", "what happens, as server-sent events"},
    {"/api/operator", "POST: is this the operator's token?"},
    {"/api/admin/clear-cache", "POST (operator): as `phasegate admin`"},
    {"/api/admin/reset-breaker", "POST (operator): as `phasegate admin`"},
};

static void paths_table(struct buf *b)
{
    buf_puts(b, "\n## HTTP\n\nHost and Origin are checked on every path "
                "([ACCESS.md](ACCESS.md)).\n\n| path | |\n|---|---|\n");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        buf_printf(b, "| `%s` | %s |\n", paths[i].path, paths[i].what);
}

/* The words an agent can learn, and what it does at each. */
static const struct {
    const char *code, *means;
} meanings[] = {
    {"invalid_argument", "an argument is missing or wrong: send what "
                         "how_to_fix says"},
    {"not_found", "there is no such session, workflow, phase, task or file"},
    {"workflow_invalid", "the workflow's files have an error: a person mends "
                         "them, `phasegate lint` says where"},
    {"phase_locked", "a phase before it is not passed yet: do that first"},
    {"phase_completed", "it is passed already: go on with the current one"},
    {"gate_refused", "the evidence did not pass: mend each of errors, send it "
                     "again"},
    {"approval_required", "a person has to decide: tell them, ask again later"},
    {"already_claimed", "another agent has the task: take another, or wait "
                        "retry_after_ms"},
    {"claim_lost", "somebody else has claimed it since: claim it again"},
    {"session_paused", "resume it with manage_session"},
    {"session_closed", "it is completed or given up: start a new one"},
    {"conflict", "it was changed meanwhile, or the same key was used for "
                 "something else: read it, then decide"},
    {"over_capacity", "too many calls at once: wait retry_after_ms"},
    {"rate_limited", "too many calls in a short time: wait retry_after_ms"},
    {"timeout", "it takes longer than a call may: what was begun goes on, ask "
                "again"},
    {"cancelled", "the client, or the end of the server, has ended it"},
    {"unavailable", "what it needs is not there now; why says what"},
    {"internal", "a defect; the log has the same reference"},
};

static void errors_table(struct buf *b)
{
    buf_puts(b, "\n## Errors\n\nA tool that cannot do what was asked answers "
                "`{\"error\": {\"code\", \"detail\", \"what\", \"why\", "
                "\"how_to_fix\"}}`.\n\n| code | what it means to an agent | "
                "details |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        bool first = true;
        buf_printf(b, "| `%s` | %s | ", meanings[i].code, meanings[i].means);
        for (int e = 1; e < ERR_COUNT; e++) {
            if (!slice_eq(err_code((enum err)e), slice_of(meanings[i].code)))
                continue;
            buf_printf(b, "%s%.*s", first ? "" : ", ",
                       SLICE_ARG(err_detail((enum err)e)));
            first = false;
        }
        buf_puts(b, " |\n");
    }
}

void cli__manual_reference(struct buf *b)
{
    buf_puts(b, "# Reference\n\nPrinted by `phasegate manual reference`, from "
                "the rows the program is made of. Settings: "
                "[CONFIGURATION.md](CONFIGURATION.md);\nmetrics: "
                "[METRICS.md](METRICS.md); what `phasegate lint` finds: "
                "[LINT.md](LINT.md).\n");
    commands_table(b);
    tools_table(b);
    errors_table(b);
    resources_table(b);
    paths_table(b);
}
