#include "tests/integration/install.h"

#include "tests/runner/server.h"

struct slice shell(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice command = arena_vprintf(test_arena(), fmt, ap);
    va_end(ap);
    const char *args[] = {"-c", command.p, NULL};
    struct ended end =
        program_run(&(struct program){.binary = "/bin/sh", .args = args});
    if (end.status != 0)
        FAIL("%s\nended with %d: %.*s%.*s", command.p, end.status,
             SLICE_ARG(end.out), SLICE_ARG(end.err));
    return slice_trim(end.out);
}

const char *install_to_prefix(const char *component)
{
    const char *prefix =
        arena_printf(test_arena(), "%s/prefix", test_tmpdir()).p;
    shell("cmake --install %s --prefix %s %s %s", test_binary_dir(), prefix,
          component ? "--component" : "", component ? component : "");
    return prefix;
}

/* Where pkg-config has to look: lib/pkgconfig, or a folder of the machine's
 * architecture below lib. */
static struct slice pkgconfig_folder(const char *prefix)
{
    return shell("dirname $(find %s -name phasegate-mcp.pc)", prefix);
}

const char *install_compile(const char *prefix, const char *sources,
                            const char *name)
{
    struct slice pc = pkgconfig_folder(prefix);
    shell("cc -Wall -Wextra -Werror -Wno-missing-field-initializers -o %s %s "
          "$(PKG_CONFIG_PATH=%.*s pkg-config --cflags --libs phasegate-mcp)",
          name, sources, SLICE_ARG(pc));
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name).p;
}

const char *install_library_path(const char *prefix)
{
    struct slice pc = pkgconfig_folder(prefix);
    return arena_printf(test_arena(), "LD_LIBRARY_PATH=%.*s/..", SLICE_ARG(pc))
        .p;
}
