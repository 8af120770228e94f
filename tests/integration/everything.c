#include "tests/integration/everything.h"

#include <unistd.h>

#include "tests/integration/node.h"
#include "tests/runner/client.h"

const char *everything_binary(void)
{
    const char *binary = arena_printf(test_arena(),
                                      "%s/examples/everything_server",
                                      test_binary_dir())
                             .p;
    if (access(binary, X_OK) != 0)
        test_skip("examples/everything_server is not built");
    return binary;
}

struct server *everything_start(int *ret_port)
{
    const char *binary = everything_binary();
    *ret_port = node_unused_port();
    const char *args[] = {"--http-port",
                          arena_printf(test_arena(), "%d", *ret_port).p, NULL};
    struct server *s = server_start(
        &(struct server_options){.binary = binary, .all_args = args});
    struct http *h;
    double deadline = now_s() + patience(0);
    while (!http_try_open(*ret_port, &h)) {
        if (now_s() > deadline) FAIL("%s does not listen", binary);
        usleep(2000);
    }
    http_close(h);
    return s;
}
