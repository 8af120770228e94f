/* Option rows: three spellings of one key, who wins, and what is refused. */
#include "tests/runner/test.h"

#include "base/buf.h"
#include "base/log.h"
#include "cli/options.h"
#include "engine/engine.h"

enum { ALL = CLI_PROJECT | CLI_SERVER | CLI_LOGGING };

static struct cli_options fresh(void)
{
    struct cli_options o;
    CHECK_OK(cli_options_init(&o, ALL, test_arena()));
    return o;
}

static enum err flags(struct cli_options *o, const char *const *words)
{
    char *argv[16];
    int argc = 1;
    argv[0] = arena_cstr(test_arena(), SLICE("serve"));
    for (; *words; words++)
        argv[argc++] = arena_cstr(test_arena(), slice_of(*words));
    argv[argc] = NULL;
    return cli_options_flags(o, argc, argv, false);
}

static enum err environment(struct cli_options *o, const char *const *words)
{
    char *env[16];
    int n = 0;
    for (; *words; words++)
        env[n++] = arena_cstr(test_arena(), slice_of(*words));
    env[n] = NULL;
    return cli_options_environment(o, env);
}

#define FLAGS(o, ...) flags((o), (const char *const[]){__VA_ARGS__, NULL})
#define ENVIRONMENT(o, ...)                                                    \
    environment((o), (const char *const[]){__VA_ARGS__, NULL})
#define FILE_TEXT(o, text)                                                     \
    cli_options_file((o), SLICE("config.yaml"), slice_of(text))

static struct slice told(const struct cli_options *o)
{
    return arena_printf(test_arena(), "%.*s | %.*s | %.*s",
                        SLICE_ARG(o->problem.what), SLICE_ARG(o->problem.why),
                        SLICE_ARG(o->problem.how_to_fix));
}

TEST(options, defaults_are_those_of_the_rows)
{
    struct cli_options o = fresh();
    CHECK_INT_EQ(o.set.transport, CLI_DUAL);
    CHECK_INT_EQ(o.set.http_port, CLI_PORT_SEARCH);
    CHECK_TEXT_EQ(o.set.http_host, "127.0.0.1");
    CHECK_INT_EQ(o.set.conn_idle_ms, 300000);
    CHECK_INT_EQ(o.set.line_max, 16 << 20);
    CHECK_INT_EQ(o.set.durability, ST_FULL);
    CHECK_INT_EQ(o.set.log_level, LOG_INFO);
    CHECK(!o.set.require_token);
    CHECK_INT_EQ(o.set.workflows.count, 0);
}

TEST(options, every_type_reads_its_flag)
{
    struct cli_options o = fresh();
    CHECK_OK(FLAGS(&o, "--http-port=0", "--transport", "http",
                   "--require-token", "--workflows", "a", "--workflows=b",
                   "--project", "/tmp", "--gate-mode", "as-written"));
    CHECK_INT_EQ(o.set.http_port, 0);
    CHECK_INT_EQ(o.set.transport, CLI_HTTP);
    CHECK(o.set.require_token);
    CHECK_INT_EQ(o.set.workflows.count, 2);
    CHECK_TEXT_EQ(o.set.workflows.items[0], "a");
    CHECK_TEXT_EQ(o.set.workflows.items[1], "b");
    CHECK_TEXT_EQ(o.set.project, "/tmp");
    CHECK_INT_EQ(o.set.gate_mode, ENG_AS_WRITTEN);
}

TEST(options, a_flag_wins_over_the_environment_and_that_over_the_file)
{
    struct cli_options o = fresh();
    CHECK_OK(FLAGS(&o, "--http-port", "1", "--standards", "flag"));
    CHECK_OK(ENVIRONMENT(&o, "PHASEGATE_HTTP_PORT=2",
                         "PHASEGATE_CONN_IDLE_MS=2000",
                         "PHASEGATE_STANDARDS=e1:e2", "PHASEGATE_STATE="));
    CHECK_OK(FILE_TEXT(&o, "http: {port: 3}\n"
                           "conn:\n  idle_ms: 3000\n  max: 33\n"
                           "standards: [f1, f2, f3]\nlog.level: debug\n"));
    CHECK_INT_EQ(o.set.http_port, 1);
    CHECK_INT_EQ(o.set.conn_idle_ms, 2000);
    CHECK_INT_EQ(o.set.conn_max, 33);
    CHECK_INT_EQ(o.set.standards.count, 1);
    CHECK_TEXT_EQ(o.set.standards.items[0], "flag");
    CHECK_INT_EQ(o.set.log_level, LOG_DEBUG);
    CHECK_INT_EQ(cli_options_source(&o, SLICE("http.port")), CLI_FROM_FLAG);
    CHECK_INT_EQ(cli_options_source(&o, SLICE("conn.idle_ms")), CLI_FROM_ENV);
    CHECK_INT_EQ(cli_options_source(&o, SLICE("conn.max")), CLI_FROM_FILE);
    CHECK_INT_EQ(cli_options_source(&o, SLICE("state")), CLI_FROM_DEFAULT);
}

TEST(options, the_order_of_reading_does_not_matter)
{
    struct cli_options o = fresh();
    CHECK_OK(FILE_TEXT(&o, "workflows: [f]\nhttp: {port: 3}\n"));
    CHECK_OK(ENVIRONMENT(&o, "PHASEGATE_WORKFLOWS=e1:e2"));
    CHECK_OK(FLAGS(&o, "--http-port", "1"));
    CHECK_INT_EQ(o.set.workflows.count, 2);
    CHECK_TEXT_EQ(o.set.workflows.items[0], "e1");
    CHECK_INT_EQ(o.set.http_port, 1);
}

struct refused {
    const char *word, *a, *b, *c; /* what the message must contain */
};

TEST_EACH(options, a_bad_flag_names_option_value_range_and_source,
          struct refused, row,
          {"--http-port=70000", "http.port", "70000", "0..65535"},
          {"--http-port=-1", "http.port", "-1", "--http-port"},
          {"--http-port=", "http.port", "\"\"", "0..65535"},
          {"--http-port=80x", "http.port", "80x", "command line"},
          {"--conn-idle-ms=999", "conn.idle_ms", "999", "1000..86400000"},
          {"--transport=tcp", "transport", "tcp", "dual/stdio/http"},
          {"--require-token=maybe", "require_token", "maybe", "true/false"},
          {"--project=", "project", "not accepted", "not empty"},
          {"--log-level=loud", "log.level", "loud", "debug2/debug/info"})
{
    struct cli_options o = fresh();
    CHECK_ERR(FLAGS(&o, row->word), ERR_INVALID);
    CHECK_CONTAINS(told(&o), row->a);
    CHECK_CONTAINS(told(&o), row->b);
    CHECK_CONTAINS(told(&o), row->c);
}

TEST(options, a_mistyped_flag_gets_a_suggestion)
{
    struct cli_options o = fresh();
    CHECK_ERR(FLAGS(&o, "--htpp-port=1"), ERR_INVALID);
    CHECK_CONTAINS(told(&o), "--htpp-port");
    CHECK_CONTAINS(told(&o), "--http-port?");
    o = fresh();
    CHECK_ERR(FLAGS(&o, "--state"), ERR_INVALID);
    CHECK_CONTAINS(told(&o), "needs a value");
}

TEST(options, the_environment_is_checked_like_a_flag)
{
    struct cli_options o = fresh();
    CHECK_ERR(ENVIRONMENT(&o, "PHASEGATE_WORKERS=0"), ERR_INVALID);
    CHECK_CONTAINS(told(&o), "PHASEGATE_WORKERS");
    CHECK_CONTAINS(told(&o), "1..1024");
}

TEST(options, a_value_that_loses_is_checked_all_the_same)
{
    struct cli_options o = fresh();
    CHECK_OK(FLAGS(&o, "--workers", "4"));
    CHECK_ERR(ENVIRONMENT(&o, "PHASEGATE_WORKERS=lots"), ERR_INVALID);
    CHECK_INT_EQ(o.set.workers, 4);
}

TEST_EACH(options, a_bad_file_names_line_and_key, struct refused, row,
          {"http:\n  prot: 1\n", "http.prot", "config.yaml:2:3", "http.port"},
          {"http: {port: x}\n", "http.port", "x", "config.yaml:1:8"},
          {"http: 4242\n", "http", "no such option", "config.yaml:1:1"},
          {"workers: [1]\n", "workers", "1..1024", "config.yaml:1:1"},
          {"workers: null\n", "workers", "null", "1..1024"},
          {"project: /x\n", "project", "no such option", "1:1"},
          {"- a\n", "no mapping", "config.yaml", "config"},
          {"a: [\n", "not readable", "config.yaml", "Mend"})
{
    struct cli_options o = fresh();
    CHECK_ERR(FILE_TEXT(&o, row->word), ERR_INVALID);
    CHECK_CONTAINS(told(&o), row->a);
    CHECK_CONTAINS(told(&o), row->b);
    CHECK_CONTAINS(told(&o), row->c);
}

TEST(options, an_empty_file_is_fine)
{
    struct cli_options o = fresh();
    CHECK_OK(FILE_TEXT(&o, ""));
    CHECK_OK(FILE_TEXT(&o, "# nothing yet\n"));
}

TEST(options, a_command_knows_only_its_groups)
{
    struct cli_options o;
    CHECK_OK(cli_options_init(&o, CLI_PROJECT, test_arena()));
    CHECK_ERR(FLAGS(&o, "--http-port", "1"), ERR_INVALID);
    CHECK_OK(FLAGS(&o, "--state", "x", "word"));
    CHECK_INT_EQ(o.rest, 3);
}

TEST(options, help_shows_each_row_once_with_range_default_and_variable)
{
    struct buf b = BUF_INIT(1 << 20);
    cli_options_help(&b, ALL);
    CHECK_CONTAINS(buf_slice(&b), "--conn-idle-ms MS");
    CHECK_CONTAINS(buf_slice(&b), "(1000..86400000; default: 300000;");
    CHECK_CONTAINS(buf_slice(&b), "PHASEGATE_CONN_IDLE_MS)");
    CHECK_CONTAINS(buf_slice(&b), "--transport dual/stdio/http");
    buf_clear(&b);
    cli_options_help(&b, CLI_LOGGING);
    CHECK_INT_EQ(slice_find(buf_slice(&b), SLICE("--http-port")), b.n);
    buf_done(&b);
}

TEST(options, the_nearest_word_is_near)
{
    static const char *const names[] = {"serve", "sessions", "search", NULL};
    CHECK_STR_EQ(cli_nearest(SLICE("srv"), names), "serve");
    CHECK_STR_EQ(cli_nearest(SLICE("sesions"), names), "sessions");
    CHECK_STR_EQ(cli_nearest(SLICE("sess"), names), "sessions");
    CHECK(cli_nearest(SLICE("frobnicate"), names) == NULL);
    const char *shells[] = {"bash", "zsh", "fish", NULL};
    CHECK(cli_nearest(SLICE("tcsh"), shells) == NULL);
    CHECK_STR_EQ(cli_nearest(SLICE("bsh"), shells), "bash");
    const char *flags[] = {"as", "json", NULL};
    CHECK(cli_nearest(SLICE("yes"), flags) == NULL);
    CHECK_STR_EQ(cli_nearest(SLICE("jsno"), flags), "json");
}
