/* Options: logging, and those of single commands. */
#include "cli/options_private.h"

#include "base/log.h"

static const char *const lint_formats[] = {"text", "json", "sarif", NULL};
static const char *const levels[] = {"debug2", "debug", "info", "warn",
                                     "error",  "off",   NULL};
static const char *const editors[] = {"claude", "cursor", "vscode",
                                      "codex",  "all",    NULL};
static const char *const formats[] = {"text", "json", NULL};
_Static_assert(LOG_DEBUG2 == 0 && LOG_OFF == 5, "levels[] order");
_Static_assert(CLI_FORMAT_TEXT == 0 && CLI_FORMAT_SARIF == 2,
               "lint_formats[] order");
_Static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "formats[] order");

/* clang-format off */
static const struct option_row rows[] = {
    {"log.level", CHOICE, CLI_LOGGING, AT(log_level), .choices = levels,
     .def = LOG_INFO, .help = "Least level that is logged to stderr."},
    {"log.format", CHOICE, CLI_LOGGING, AT(log_format), .choices = formats,
     .def = LOG_TEXT, .help = "Lines of text or of JSON."},

    {"json", BOOLEAN, CLI_OUTPUT, AT(json), .flags = FLAG_ALONE,
     .help = "Print one JSON document and nothing else."},
    {"json", TEXT, CLI_ARGUMENTS, AT(arguments), .arg = "OBJ",
     .absent = "none", .flags = FLAG_ALONE,
     .help = "The arguments as one JSON object; - reads it from stdin."},
    {"format", CHOICE, CLI_CHECKS, AT(lint_format), .choices = lint_formats,
     .def = CLI_FORMAT_TEXT, .flags = FLAG_ALONE,
     .help = "Lines for people, or a document for programs."},
    {"limit", NUMBER, CLI_SEARCH, AT(search_results), .min = 1, .max = 50,
     .def = 5, .arg = "N", .flags = FLAG_ALONE, .help = "Most results."},
    {"phase", NUMBER, CLI_SEARCH, AT(search_phase), .min = 0, .max = 1000000,
     .def = -1, .arg = "N", .absent = "any", .flags = FLAG_ALONE,
     .help = "Only passages below a heading \"Phase N\"."},
    {"path", TEXT, CLI_SEARCH, AT(search_path), .arg = "PREFIX",
     .absent = "any", .flags = FLAG_ALONE,
     .help = "Only files whose path begins so."},
    {"tag", LIST, CLI_SEARCH, AT(search_tags), .arg = "TAG", .absent = "any",
     .flags = FLAG_ALONE, .help = "Only files filed under it; repeatable."},
    {"codes", BOOLEAN, CLI_CHECKS, AT(lint_codes), .flags = FLAG_ALONE,
     .help = "Print every code, what it means and how it is mended."},
    {"phases", LIST, CLI_SCAFFOLD, AT(phases), .arg = "A,B,C",
     .absent = "none", .flags = FLAG_ALONE,
     .help = "The names of its phases, in order; at least one."},
    {"description", TEXT, CLI_SCAFFOLD, AT(description), .arg = "TEXT",
     .absent = "made from the phases", .flags = FLAG_ALONE,
     .help = "When to use the workflow, in a sentence."},
    {"output_dir", TEXT, CLI_SCAFFOLD, AT(output_dir), .arg = "DIR",
     .absent = ".phasegate/workflows", .flags = FLAG_ALONE,
     .help = "The folder it goes to, inside the project."},
    {"editor", LIST, CLI_EDITORS, AT(editors), .arg = "NAME",
     .choices = editors,
     .absent = "those found", .flags = FLAG_ALONE,
     .help = "claude, cursor, vscode, codex or all; repeatable."},
    {"archived", BOOLEAN, CLI_DECISION, AT(archived), .flags = FLAG_ALONE,
     .help = "list: also those put away (sessions.archive_after_s)."},
    {"kept", TEXT, CLI_DECISION, AT(kept), .arg = "FILE",
     .absent = "none", .flags = FLAG_ALONE,
     .help = "verify: what it printed earlier with --json, kept elsewhere."},
    {"as", TEXT, CLI_DECISION, AT(person), .arg = "NAME",
     .absent = "the name of your login", .flags = FLAG_ALONE,
     .help = "approve, reject: who decides."},
    {"comment", TEXT, CLI_DECISION, AT(comment), .arg = "TEXT",
     .absent = "none; a rejection asks for one", .flags = FLAG_ALONE,
     .help = "approve, reject: why. The agent reads it."},
};
/* clang-format on */

const struct option_table cli__options_command = OPTION_TABLE(rows);
