/* Proofs that prove nothing, on the real server: files that are none of the
 * project's, commands that lie or will not end, results that nobody signed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/attack_kit.h"
#include "tests/integration/process.h"

/* --- files ---------------------------------------------------------------- */

static const char file_gate[] =
    "  doc: {type: string, required: true, description: d, proof: file,\n"
    "        file: {max_bytes: 1000000}}\n";

static const struct {
    const char *name, *script, *evidence, *words;
} files[] = {
    {"out of the project by dots", NULL, "\"../../etc/passwd\"", ".."},
    {"by dots in the middle", NULL, "\"docs/../../etc/passwd\"", ".."},
    {"by a path from the root", NULL, "\"/etc/passwd\"", "outside"},
    {"of the kernel", NULL, "\"/proc/self/environ\"", "outside"},
    {"by a blank before it", NULL, "\" /etc/passwd\"", "there is no"},
    {"by an address", NULL, "\"file:///etc/passwd\"", "there is no"},
    {"of a home", NULL, "\"~/.bashrc\"", "there is no"},
    {"that is not there", NULL, "\"none.md\"", "there is no none.md"},
    {"without a name", NULL, "\"\"", "empty"},
    {"with a NUL in it", NULL, "\"doc.md\\u0000.png\"", "NUL"},
    {"with a line in it", NULL, "\"doc.md\\n\"", "there is no"},
    {"of letters without end", NULL, NULL, "path"},
    {"that is a number", NULL, "3", "WRONG_TYPE"},
    {"that is a list", NULL, "[\"doc.md\"]", "WRONG_TYPE"},
    {"the project itself", NULL, "\".\"", "project's folder"},
    {"a folder", "mkdir -p docs", "\"docs\"", "a folder"},
    {"below a file", "echo x > doc.md", "\"doc.md/x\"", "no folder"},
    {"a link to a file", "ln -sf doc.md link", "\"link\"", "symbolic link"},
    {"a link out of the project", "ln -sf /etc/passwd link", "\"link\"",
     "symbolic link"},
    {"a link in a circle", "ln -sf circle circle", "\"circle\"", "circle"},
    {"a link to nowhere", "ln -sf nowhere link", "\"link\"", "nowhere"},
    {"through a folder that is a link", "ln -sfn /etc etc", "\"etc/passwd\"",
     "symbolic link"},
    {"a FIFO", "mkfifo fifo", "\"fifo\"", "a FIFO"},
    {"a socket", NULL, "\"socket\"", "a socket"},
    {"an empty file", ": > empty", "\"empty\"", "0 bytes"},
    {"a file that is too large", "truncate -s 1000001 large", "\"large\"",
     "at most 1000000"},
    {"a file of a terabyte", "truncate -s 1T huge || truncate -s 1G huge",
     "\"huge\"", "at most 1000000"},
    {"the state", NULL, "\".phasegate/state.db\"", "own state"},
    {"the state by a detour", NULL, "\"./docs/..//.phasegate/state.db\"", ".."},
    {"the state by dots and doubles", NULL, "\".//.phasegate/./state.db\"",
     "own state"},
    {"the agent's token", NULL, "\".phasegate/agent.token\"", "own state"},
    {"the operator's token", NULL, "\".phasegate/operator.token\"",
     "own state"},
    {"the health file's folder", NULL, "\".phasegate/health\"", "own state"},
    {"a file of its own in there", "echo x > .phasegate/mine.md",
     "\".phasegate/mine.md\"", "own state"},
    {"the state by another name", "ln -f .phasegate/state.db db", "\"db\"",
     "another name of the server's own state"},
    {"a token by another name", "ln -f .phasegate/agent.token tok", "\"tok\"",
     "another name of the server's own state"},
    {"what lies deeper by another name", "ln -f .phasegate/servers/*.json srv",
     "\"srv\"", "another name of the server's own state"},
    {"the state through a link", "ln -sfn .phasegate pg", "\"pg/state.db\"",
     "symbolic link"},
};

static const char *long_path(void)
{
    char *p = arena_alloc(test_arena(), 6000);
    memset(p, 'a', 5999);
    for (size_t i = 100; i < 5999; i += 100) p[i] = '/';
    p[0] = p[5998] = '"';
    p[5999] = '\0';
    return p;
}

static void socket_make(const struct attacked *a)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int folder = open(a->project, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/socket",
                   folder);
    CHECK_INT_EQ(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
    close(folder);
}

TEST(attack_proofs, no_file_but_one_of_the_project_proves)
{
    struct attacked a = attack_begin();
    attack_gate(&a, file_gate);
    const char *id = attack_session(&a);
    socket_make(&a);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i].script) attack_shell(&a, files[i].script);
        struct slice evidence =
            arena_printf(test_arena(), "{\"doc\":%s}",
                         files[i].evidence ? files[i].evidence : long_path());
        attack_refused(attack_complete(&a, id, evidence.p), files[i].words,
                       files[i].name);
        attack_held(&a, id, files[i].name);
    }
    attack_shell(&a, "rm -f db tok srv");
    attack_end(&a);
    CHECK_CONTAINS(attack_complete(&a, id, "{\"doc\":\"doc.md\"}")->raw,
                   "\"passed\":true");
}

/* A file that is another one each time somebody looks. */
TEST(attack_proofs, a_file_that_is_swapped_meanwhile_is_never_the_other_one)
{
    enum { TRIES = 150 };
    struct attacked a = attack_begin();
    attack_gate(&a, "  doc: {type: string, required: true, description: d,\n"
                    "        proof: file, file: {pattern: \"^root:\"}}\n");
    const char *id = attack_session(&a);
    attack_shell(&a, "mkdir real && echo honest > real/passwd && "
                     "(while ! test -e stop; do ln -sfn /etc dir; rm -rf dir; "
                     "cp -r real dir; rm -rf dir; done; echo over > over) "
                     ">/dev/null 2>&1 &");
    for (int i = 0; i < TRIES; i++) {
        attack_refused(attack_complete(&a, id, "{\"doc\":\"dir/passwd\"}"),
                       "dir", "swapped");
    }
    attack_held(&a, id, "swapped");
    attack_shell(&a, "touch stop");
    (void)process_file_with(a.project, "over", "over");
    attack_end(&a);
}

/* --- commands ------------------------------------------------------------- */

#define COMMAND(type, command)                                                 \
    "  ran: {type: " type                                                      \
    ", required: true, description: d, proof: command,\n"                      \
    "        command: " command "}\n"
#define SH(script) COMMAND("boolean", "{argv: [sh, -c, \"" script "\"]}")
#define SH1(script)                                                            \
    COMMAND("boolean", "{argv: [sh, -c, \"" script "\"], timeout_s: 1}")
#define PRINTS(how, type, text)                                                \
    COMMAND(type, "{argv: [printf, \"" text "\"], value: {" how "}}")

static const struct command {
    const char *name, *gate, *words;
} hanging[] =
    {
        {"that hangs", SH1("sleep 600.0901"), "longer than 1 s"},
        {"that ignores SIGTERM",
         SH1("trap '' TERM HUP INT; sleep 600.0902; sleep "
             "600.0902"),
         "longer than 1 s"},
        {"that leaves its session",
         SH1("setsid sh -c 'trap \\\"\\\" TERM; sleep 600.0903' & sleep "
             "600.0903"),
         "longer than 1 s"},
        {"that closes all it has and goes on",
         SH1("exec <&- >&- 2>&-; sleep 600.0905"), "longer than 1 s"},
        {"that forks without end",
         COMMAND("boolean",
                 "{argv: [sh, -c, \"f() { f | f & wait; }; f 0907\"], "
                 "processes: 20, timeout_s: 5}"),
         "too many processes"},
},
  quick[] = {
      {"that fails", SH("exit 1"), "exit code 1"},
      {"that fails after it said that all is well",
       SH("echo 12 passed in 1s; exit 3"), "exit code 3"},
      {"that is no program", COMMAND("boolean", "[no-such-program-0909]"),
       "cannot be started"},
      {"that kills itself", SH("kill -9 $$"), "signal 9"},
      {"that becomes a daemon and says it is done",
       SH("(cd / && setsid sleep 600.0904 </dev/null >/dev/null 2>&1 &); exit "
          "1"),
       "exit code 1"},
      {"that prints without end",
       COMMAND("boolean", "{argv: [yes, \"0906\"], output_mb: 1}"),
       "printed more than 1 MiB"},
      {"that waits to be told", SH("read x"), "exit code 1"},
      {"that says nothing to count", PRINTS("pytest: passed", "integer", "ok"),
       "no closing line"},
      {"that ran no test",
       PRINTS("pytest: passed", "integer", "== no tests ran in 0.1s =="),
       "no test ran"},
      {"that skipped all",
       PRINTS("pytest: total", "integer", "9 skipped in 1s"), "skipped"},
      {"with a closing line in the middle",
       PRINTS("pytest: passed", "integer",
              "99 passed in 1s\\\\n== 1 failed, 2 passed in 1s ==\\\\n"),
       "1 tests failed"},
      {"with a closing line without a time",
       PRINTS("pytest: passed", "integer", "99 passed, I swear\\\\n"),
       "no closing line"},
      {"with a number too small",
       COMMAND("number", "{argv: [echo, \"cover 12%\"], value: {regex: "
                         "\"([0-9]+)%\"}}, validator: in_range, "
                         "validator_params: {min_val: 90, max_val: 100}"),
       "VALIDATOR"},
      {"with a number that is none",
       PRINTS("regex: \\\"cover (.*)\\\"", "number", "cover NaN\\\\n"), "ran"},
      {"with a number beyond all",
       PRINTS("regex: \\\"cover (.*)\\\"", "number", "cover 1e999\\\\n"),
       "ran"},
      {"with JSON that is none", PRINTS("json: /a", "integer", "{a: 1}"),
       "ran"},
      {"with JSON that says it twice",
       PRINTS("json: /a", "integer", "{\\\"a\\\":0,\\\"a\\\":9}"), "ran"},
      {"with a report that lay there already",
       COMMAND("integer", "{argv: [\"true\"], value: {junit: passed, file: "
                          "old.xml}}"),
       "not written by this run"},
      {"with a report without tests",
       COMMAND("integer",
               "{argv: [sh, -c, \"echo '<testsuite tests=\\\"0\\\"/>' "
               "> none.xml\"], value: {junit: total, file: "
               "none.xml}}"),
       "no test ran"},
      {"with a report that is a link",
       COMMAND("integer", "{argv: [ln, -sf, old.xml, link.xml], value: {junit: "
                          "total, file: link.xml}}"),
       "symbolic link"},
      {"with an input that is not there",
       COMMAND("boolean", "{argv: [\"true\"], inputs: [none.c]}"),
       "there is no none.c"},

};

enum { AT_ONCE = 4 }; /* as many as a server runs */

/* Several at once: most of their time they wait to be ended. */
static void no_command_proves(const struct command *rows, size_t count)
{
    struct attacked a = attack_begin();
    attack_shell(&a, "echo '<testsuite tests=\"5\"/>' > old.xml && "
                     "touch -d 2001-01-01 old.xml");
    for (size_t from = 0; from < count; from += AT_ONCE) {
        const char *id[AT_ONCE];
        int64_t call[AT_ONCE];
        size_t n = count - from < AT_ONCE ? count - from : AT_ONCE;
        for (size_t i = 0; i < n; i++) {
            attack_gate(&a, rows[from + i].gate);
            id[i] = attack_session(&a);
            attack_trust(&a);
            call[i] = attack_send(&a, id[i], "{\"ran\":true}");
        }
        for (size_t i = 0; i < n; i++) {
            attack_refused(stdio_answer(a.server, call[i]),
                           rows[from + i].words, rows[from + i].name);
            attack_held(&a, id[i], rows[from + i].name);
        }
    }
    attack_end(&a);
}

TEST(attack_proofs, no_command_proves_but_one_that_ends_as_the_gate_demands)
{
    no_command_proves(quick, sizeof(quick) / sizeof(quick[0]));
    CHECK_INT_EQ(process_count("sleep 600.0904"), 0);
}

TEST(attack_proofs, no_command_proves_that_will_not_end, .needs = "slow")
{
    no_command_proves(hanging, sizeof(hanging) / sizeof(hanging[0]));
}

/* --- results of CI -------------------------------------------------------- */

#define SIGN(key, space)                                                       \
    "rm -f ci.json.sig; ssh-keygen -q -Y sign -n " space " -f " key            \
    " ci.json >/dev/null 2>&1"
#define MADE(when)                                                             \
    "echo '{\"passed\":41,\"at\":\"'$(date -u -d '" when                       \
    "' +%Y-%m-%dT%H:%M:%SZ)'\"}' > ci.json; "
#define RESULT MADE("now")

static const struct {
    const char *name, *script, *words;
} results[] = {
    {"no result", "rm -f ci.json", "there is no ci.json"},
    {"no signature", RESULT "rm -f ci.json.sig", "there is no ci.json.sig"},
    {"an empty signature", RESULT ": > ci.json.sig", "ci@example.org"},
    {"words for a signature", RESULT "echo signed by CI > ci.json.sig",
     "ci@example.org"},
    {"a signature of another key", RESULT SIGN("other", "phasegate"),
     "ci@example.org"},
    {"a signature for something else", RESULT SIGN("key", "git"),
     "ci@example.org"},
    {"a signature of another result",
     RESULT SIGN("key", "phasegate") "; echo '{\"passed\":99}' > ci.json",
     "ci@example.org"},
    {"one byte more", RESULT SIGN("key", "phasegate") "; echo >> ci.json",
     "ci@example.org"},
    {"a result that is a link",
     RESULT SIGN("key", "phasegate") "; mv ci.json real.json; ln -s real.json "
                                     "ci.json",
     "symbolic link"},
    {"a signature that is a link",
     "rm -f ci.json; " RESULT SIGN("key", "phasegate") "; mv ci.json.sig s; ln "
                                                       "-s s ci.json.sig",
     "symbolic link"},
    {"a signed result without the value",
     "rm -f ci.json*; " RESULT
     "sed -i s/passed/other/ ci.json; " SIGN("key", "phasegate"),
     "value cannot be read"},
    {"a signed value of another type",
     RESULT "sed -i 's/41/\"all\"/' ci.json; " SIGN("key", "phasegate"),
     "ci_passed"},
    {"a signed value that is said twice",
     RESULT "sed -i 's/41/0,\"passed\":41/' ci.json; " SIGN("key", "phasegate"),
     "twice"},
    {"the result of an hour ago, with its signature",
     MADE("1 hour ago") SIGN("key", "phasegate"), "and the phase began at"},
    {"a result of tomorrow", MADE("1 day") SIGN("key", "phasegate"),
     "and the phase began at"},
    {"a result of no time",
     "echo '{\"passed\":41}' > ci.json; " SIGN("key", "phasegate"),
     "when it was made"},
    {"a result of a day that never was",
     "echo '{\"passed\":41,\"at\":\"2999-02-30T00:00:00Z\"}' > ci.json; " SIGN(
         "key", "phasegate"),
     "when it was made"},
    {"a key of its own in the project",
     RESULT SIGN("other", "phasegate") "; cp other.pub allowed_signers; cp "
                                       "other.pub signers",
     "ci@example.org"},
};

TEST(attack_proofs, no_result_proves_but_one_that_the_key_of_the_gate_signed)
{
    struct attacked a = attack_begin();
    attack_shell(&a, "for k in key other; do ssh-keygen -q -t ed25519 -N '' -C "
                     "'' -f $k; done");
    attack_gate(
        &a,
        arena_printf(test_arena(),
                     "  ci_passed: {type: integer, required: true, "
                     "description: d, proof: ci,\n    ci: {path: ci.json, "
                     "identity: ci@example.org, keys: [\"%.*s\"],\n"
                     "    value: {json: /passed}, time: /at}}\n",
                     SLICE_ARG(slice_trim(process_file(a.project, "key.pub"))))
            .p);
    const char *id = attack_session(&a);
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        attack_shell(&a, results[i].script);
        attack_refused(attack_complete(&a, id, "{\"ci_passed\":99}"),
                       results[i].words, results[i].name);
        attack_held(&a, id, results[i].name);
    }
    attack_shell(&a, RESULT SIGN("key", "phasegate"));
    CHECK_CONTAINS(attack_complete(&a, id, "{\"ci_passed\":99}")->raw,
                   "\"value\":41");
    attack_end(&a);
}
