/*
 * What is shipped, on a clean Debian 12: the packages installed by apt-get,
 * and the Containerfile done step by step and run as it says. Where no such
 * system can be made (no root, no debootstrap, no network) both are skipped.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/install.h"
#include "tests/integration/node.h"
#include "tests/integration/process.h"
#include "tests/runner/server.h"

static const char *tool(void)
{
    return arena_printf(test_arena(), "%s/tests/integration/debian.sh",
                        test_source_dir())
        .p;
}

/* The clean system, made once for a build folder. */
static const char *clean(void)
{
    const char *base =
        arena_printf(test_arena(), "%s/debian", test_binary_dir()).p;
    struct slice said =
        shell("flock %s %s base %s || echo \" $?\"", test_binary_dir(), tool(),
              base);
    if (slice_ends(said, SLICE("77")))
        test_skip("no clean Debian here: it wants root, debootstrap and the "
                  "archive");
    CHECK_TEXT_EQ(said, "");
    said = shell("flock %s %s enter %s/root apt-get update -q -o "
                 "APT::Update::Error-Mode=any >update 2>&1 || echo offline",
                 test_binary_dir(), tool(), base);
    if (said.n) test_skip("the archive of Debian cannot be reached");
    return base;
}

static struct slice inside(const char *root, const char *command)
{
    return shell("%s enter %s sh -ec '%s'", tool(), root, command);
}

/* As somebody who has just installed it. */
#define AS_ADA(command) "su - ada -c \"cd project && " command "\""

TEST(debian, the_package_installs_runs_and_goes_on_a_clean_system,
     .needs = "plain slow", .timeout_s = 1200)
{
    const char *base = clean();
    if (shell("command -v dpkg-shlibdeps || true").n == 0)
        test_skip("dpkg-dev is not installed");
    shell("%s/packaging/deb/build $PWD/deb", test_source_dir());
    shell("%s copy %s root && mkdir root/deb && cp deb/*.deb root/deb", tool(),
          base);
    (void)inside("root", "apt-get install -y -q "
                         "--no-install-recommends /deb/phasegate_*.deb "
                         "/deb/libphasegate-mcp0_*.deb");
    CHECK_TEXT_EQ(inside("root", "dpkg -V phasegate; phasegate --version"),
                  "phasegate 0.1.0");
    (void)inside("root", "useradd -m ada && mkdir -p ~ada/project/.git && "
                         "chown -R ada: ~ada/project");
    (void)inside("root", AS_ADA("phasegate init"));
    CHECK_CONTAINS(inside("root", AS_ADA("phasegate doctor")),
                   "Nothing is wrong");
    CHECK_CONTAINS(inside("root", AS_ADA("phasegate demo")),
                   "the workflow is complete");
    CHECK_CONTAINS(inside("root", AS_ADA("phasegate call start_workflow "
                                         "workflow_type=bugfix_v1 target=a.c")),
                   "session_id");
    (void)inside("root", "apt-get purge -y -q phasegate libphasegate-mcp0");
    CHECK_TEXT_EQ(inside("root",
                         "find / -xdev -name \"*phasegate*\" -not -path "
                         "\"/deb/*\" -not -path \"/home/*\" -not -path "
                         "\"/proc/*\" -not -path \"/var/lib/apt/*\""),
                  "");
}

static pid_t run_image(const char *volume, int port)
{
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", port);
        if (chdir(test_tmpdir()) == 0 && freopen("stderr", "w", stderr))
            execl(tool(), tool(), "run", "image", volume, number, NULL);
        _exit(127);
    }
    return pid;
}

/* The file's text, once there is one. */
static struct slice wait_for_file(const char *path)
{
    struct slice text = {0};
    for (int i = 0; i < 600 && !text.n; i++) {
        usleep(100000);
        text = get_file(test_tmpdir(), path);
    }
    return text;
}

static void check_served(struct slice token, int port)
{
    struct http *h = http_open(port);
    const char *type = "Content-Type: application/json\r\n";
    const char *both =
        arena_printf(test_arena(), "%sAuthorization: Bearer %.*s\r\n", type,
                     SLICE_ARG(token))
            .p;
    struct slice list = SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
                              "\"tools/call\",\"params\":{\"name\":"
                              "\"list_workflows\",\"arguments\":{}}}");
    CHECK_INT_EQ(http_request(h, "POST", "/mcp", type, list).status, 401);
    struct http_reply r = http_request(h, "POST", "/mcp", both, list);
    CHECK_INT_EQ(r.status, 200);
    CHECK_CONTAINS(r.body, "bugfix_v1");
    http_close(h);
}

TEST(debian, the_containerfile_makes_an_image_that_serves_its_volume,
     .needs = "plain slow", .timeout_s = 1200)
{
    const char *base = clean();
    int status, port = node_unused_port();
    shell("%s image %s %s/Containerfile %s image", tool(), base,
          test_source_dir(), test_source_dir());
    CHECK_TEXT_EQ(shell("cat image/user image/volume image/signal"),
                  "10001\n/project\nSIGTERM");
    CHECK_TEXT_EQ(
        shell("ls image/root/usr/include/phasegate-mcp.h image/root/source "
              "image/root/usr/bin/gcc 2>/dev/null || true"),
        "");
    shell("mkdir -p volume/.git && chown -R 10001 volume");
    pid_t pid = run_image("volume", port);
    struct slice file = wait_for_file("volume/.phasegate/server.json");
    CHECK_CONTAINS(file, "/mcp");
    CHECK_TEXT_EQ(shell("stat -c %%u volume/.phasegate/state.db"), "10001");
    check_served(shell("cat volume/.phasegate/agent.token"), port);
    shell("pkill -TERM -P %d", (int)pid); /* process 1 of the image */
    CHECK_INT_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_TEXT_EQ(shell("cat volume/.phasegate/server.json 2>/dev/null || "
                        "true"),
                  "");
}
