/* What is shipped: an installed tree, Debian packages, the release tarball,
 * systemd's units, the Containerfile. */
#include <unistd.h>

#include "base/file.h"
#include "tests/integration/install.h"

static struct slice text_of(const char *name)
{
    struct slice text;
    CHECK_OK(file_read(
        path_join(test_arena(), slice_of(test_source_dir()), slice_of(name)),
        1 << 20, test_arena(), &text));
    return text;
}

TEST(packages, an_installed_program_runs_from_any_prefix)
{
    const char *prefix = install_to_prefix("phasegate");
    static const char *const files[] = {
        "bin/phasegate",
        "lib/systemd/system/phasegate@.service",
        "lib/systemd/system/phasegate@.socket",
        "lib/sysusers.d/phasegate.conf",
        "share/man/man1/phasegate.1",
        "share/doc/phasegate/copyright",
        "share/bash-completion/completions/phasegate"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        shell("test -s %s/%s", prefix, files[i]);
    shell("ls %s/share/phasegate/workflows | grep -q .", prefix);
    CHECK_CONTAINS(shell("%s/bin/phasegate --version", prefix), "0.1.0");
}

/* Two runs, two folders, other umasks: the same bytes; and the tree in it is
 * the one of HEAD. */
TEST(packages, the_release_tarball_is_the_same_every_time)
{
    if (access(arena_printf(test_arena(), "%s/.git", test_source_dir()).p,
               F_OK) != 0)
        test_skip("this tree is no git checkout");
    shell("(umask 077; %s/packaging/tarball a) > one", test_source_dir());
    shell("(umask 022; TZ=Asia/Tokyo %s/packaging/tarball b) > two",
          test_source_dir());
    shell("cmp a/phasegate-0.1.0.tar.gz b/phasegate-0.1.0.tar.gz");
    CHECK_SLICE_EQ(get_file(test_tmpdir(), "one"),
                   get_file(test_tmpdir(), "two"));
    struct slice owners =
        shell("tar --numeric-owner -tvzf a/phasegate-0.1.0.tar.gz |"
              " awk '{print $2}' | sort -u");
    CHECK_TEXT_EQ(owners, "0/0");
    shell("tar -tzf a/phasegate-0.1.0.tar.gz |"
          " grep -qx phasegate-0.1.0/CMakeLists.txt");
    shell("! tar -tzf a/phasegate-0.1.0.tar.gz |"
          " grep -qv '^phasegate-0.1.0/'");
}

/* systemd's own judgement, where it is installed. */
TEST(packages, the_units_are_good_and_hardened)
{
    struct slice unit = text_of("packaging/systemd/phasegate@.service");
    CHECK_CONTAINS(unit, "NoNewPrivileges=yes");
    CHECK_CONTAINS(unit, "ProtectSystem=strict");
    CHECK_CONTAINS(unit, "User=phasegate");
    CHECK_CONTAINS(text_of("packaging/systemd/phasegate@.socket"),
                   "ListenStream=127.0.0.1:4242");
    if (shell("command -v systemd-analyze || true").n == 0)
        test_skip("systemd-analyze is not installed");
    /* Its user and its program need not be on this machine. */
    shell("mkdir units; for f in service socket; do"
          " sed 's|^ExecStart=/usr/bin/phasegate|ExecStart=%s|;/^User=/d' "
          "%s/packaging/systemd/phasegate@.$f > units/phasegate@.$f; done",
          test_binary(), test_source_dir());
    shell("SYSTEMD_UNIT_PATH=$PWD/units: systemd-analyze verify --man=no "
          "$PWD/units/phasegate@tmp.service 2> said ||"
          " ! grep phasegate said");
    shell("! grep phasegate said");
    /* of 10.0, which is no protection at all; in tenths */
    shell("systemd-analyze security --offline=true --threshold=20 "
          "$PWD/units/phasegate@.service");
}

/* The same file builds with podman and docker; what it says of packages must
 * be what the program really needs. */
TEST(packages, the_containerfile_names_what_the_program_needs, .needs = "plain")
{
    struct slice file = text_of("Containerfile");
    CHECK_CONTAINS(file, "FROM docker.io/library/debian:12-slim AS build");
    CHECK_CONTAINS(file, "\nUSER 10001\n");
    CHECK_CONTAINS(file, "\nVOLUME /project\n");
    CHECK_CONTAINS(file, "\"--transport\", \"http\"");
    struct slice libraries =
        shell("readelf -d %s | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p' |"
              " grep -vE '^(libc|libm|ld-linux.*|libpthread)\\.so'",
              test_binary());
    static const struct {
        const char *soname, *package;
    } rows[] = {{"libevent_core-2.1.so.7", "libevent-core-2.1-7"},
                {"libevent_extra-2.1.so.7", "libevent-extra-2.1-7"},
                {"libsqlite3.so.0", "libsqlite3-0"},
                {"libyaml-0.so.2", "libyaml-0-2"},
                {"libpcre2-8.so.0", "libpcre2-8-0"},
                {"libmd4c.so.0", "libmd4c0"}};
    struct slice line;
    while (slice_split(&libraries, '\n', &line)) {
        const char *package = NULL;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (slice_eq(line, slice_of(rows[i].soname)))
                package = rows[i].package;
        if (slice_starts(line, SLICE("libcrypto")) ||
            slice_starts(line, SLICE("libcurl")))
            continue; /* of options the image is built without */
        if (!package) FAIL("%.*s is in no package", SLICE_ARG(line));
        CHECK_CONTAINS(file, package);
    }
}

TEST(packages, debian_packages_are_built_and_depend_on_what_they_use,
     .needs = "plain slow", .timeout_s = 900)
{
    if (shell("command -v dpkg-shlibdeps || true").n == 0)
        test_skip("dpkg-dev is not installed");
    shell("%s/packaging/deb/build $PWD/deb", test_source_dir());
    struct slice depends =
        shell("dpkg-deb -f deb/phasegate_0.1.0_*.deb Depends");
    CHECK_CONTAINS(depends, "libevent-core-2.1-7");
    CHECK_CONTAINS(depends, "libsqlite3-0");
    CHECK_CONTAINS(depends, "libc6");
    shell("dpkg-deb -c deb/libphasegate-mcp0_*.deb | grep -q "
          "'libphasegate-mcp.so.0 -> libphasegate-mcp.so.0.1.0'");
    shell("dpkg-deb -c deb/libphasegate-mcp-dev_*.deb | grep -q "
          "phasegate-mcp.h");
    shell("dpkg-deb -x deb/phasegate_0.1.0_*.deb root");
    CHECK_CONTAINS(shell("root/usr/bin/phasegate --version"), "0.1.0");
}
