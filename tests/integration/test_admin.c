/* `phasegate admin`: an operator acts on the server that runs. */
#include <stdio.h>

#include "base/json.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"

static struct server *serve(const char *folder)
{
    const char *args[] = {"--http-port", "0", NULL};
    struct server *s =
        server_start(&(struct server_options){.project = folder, .args = args});
    (void)server_file(s);
    return s;
}

TEST(admin, clears_a_cache_of_the_running_server)
{
    const char *folder = new_project("clear");
    struct server *s = serve(folder);
    stdio_tool(s, "start_workflow",
               "{\"workflow_type\":\"bugfix_v1\",\"target\":\"a.c\"}");
    struct ended e =
        RUN_IN(folder, "admin", "clear-cache", "sessions", "--json");
    int64_t n = 0;
    CHECK_INT_EQ(e.status, 0);
    CHECK(json_int64(json_at(json_of(e.out), "cleared", "sessions", NULL), &n));
    CHECK_INT_EQ(n, 1);
    /* and the session is read anew */
    e = RUN_IN(folder, "sessions", "--json");
    CHECK_INT_EQ(e.status, 0);
}

TEST(admin, names_that_are_none_are_told_with_those_there_are)
{
    const char *folder = new_project("names");
    struct server *s = serve(folder);
    struct ended e = RUN_IN(folder, "admin", "clear-cache", "sesions");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "sesions");
    e = RUN_IN(folder, "admin", "reset-breaker", "nothing");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "nothing");
    CHECK_INT_EQ(RUN_IN(folder, "admin", "clear-cache").status, 2);
    CHECK_INT_EQ(RUN_IN(folder, "admin").status, 2);
    e = RUN_IN(folder, "admin", "clear-cahce", "sessions");
    CHECK_INT_EQ(e.status, 2);
    CHECK_CONTAINS(e.err, "did you mean clear-cache?");
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    e = RUN_IN(folder, "admin", "clear-cache", "sessions");
    CHECK_INT_EQ(e.status, 1);
    CHECK_CONTAINS(e.err, "no server of this project runs");
}
