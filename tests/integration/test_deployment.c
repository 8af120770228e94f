/* docs/DEPLOYMENT.md, every block of it, in its order, in one shell. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tests/integration/program.h"

/* The blocks between ```sh and ```, one after the other. */
static struct slice script_of(struct slice page, int *ret_blocks)
{
    struct buf b = BUF_INIT(1 << 20);
    struct slice line;
    bool inside = false;
    buf_puts(&b, "set -eux\n");
    *ret_blocks = 0;
    while (slice_split(&page, '\n', &line)) {
        if (slice_eq(line, SLICE("```sh"))) {
            inside = true;
            ++*ret_blocks;
        } else if (slice_starts(line, SLICE("```"))) {
            inside = false;
        } else if (inside) {
            buf_put(&b, line);
            buf_putc(&b, '\n');
        }
    }
    buf_puts(&b, "echo all of it was run\n");
    buf_putc(&b, '\0');
    struct slice s = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return s;
}

TEST(deployment, every_block_of_the_page_runs, .needs = "curl",
     .timeout_s = 120)
{
    int blocks;
    const char *folder = new_project("deployment");
    struct slice script =
        script_of(get_file(test_source_dir(), "docs/DEPLOYMENT.md"), &blocks);
    CHECK_INT_GE(blocks, 8);
    const char *end = strrchr(test_binary(), '/');
    struct slice path =
        arena_printf(test_arena(), "PATH=%.*s:%s", (int)(end - test_binary()),
                     test_binary(), getenv("PATH"));
    struct slice home = arena_printf(test_arena(), "HOME=%s", test_tmpdir());
    struct ended e = program_run(&(struct program){
        .binary = "/bin/bash",
        .folder = folder,
        .env = (const char *const[]){path.p, home.p, "PHASEGATE_BINARY",
                                     "PHASEGATE_PROJECT", NULL},
        .args = (const char *const[]){"-c", script.p, NULL}});
    CHECK_INT_EQ(e.status, 0);
    CHECK_CONTAINS(e.out, "all of it was run");
    CHECK_CONTAINS(e.out, "Nothing is wrong");
}

/* Tables name settings and families; each must be one. */
TEST(deployment, names_only_settings_that_exist)
{
    static const char *const keys[] = {
        "alerts.double_loads_per_hour", "alerts.lock_wait_percent",
        "alerts.hit_rate_min_percent",  "permits.leak_grace_ms",
        "health.loop_stall_ms",         "health.loop_lag_ms",
        "timeout.shutdown_ms",          "http.names"};
    struct slice page = get_file(test_source_dir(), "docs/DEPLOYMENT.md");
    struct ended e = RUN_IN(new_project("keys"), "manual", "settings");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        CHECK_CONTAINS(page, keys[i]);
        CHECK_CONTAINS(e.out, keys[i]);
    }
}
