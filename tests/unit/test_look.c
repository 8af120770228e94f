/* look: what a file of the project proves, and each way in which it proves
 * nothing: told as what it is, and told apart from a bad moment. */
#include "engine/look.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/runner/test.h"

static struct slice root(void)
{
    return slice_of(test_tmpdir());
}

static struct slice below(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name);
}

static void save(const char *name, const char *text)
{
    int fd = open(below(name).p, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK_INT_GE(fd, 0);
    CHECK_INT_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_INT_EQ(close(fd), 0);
}

static void socket_at(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int here = open(".", O_PATH | O_DIRECTORY), fd;
    CHECK_INT_EQ(chdir(test_tmpdir()), 0); /* the name has to be short */
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_INT_EQ(fchdir(here), 0);
    close(fd);
    close(here);
}

static void project(void)
{
    CHECK_OK(path_make(below("docs/deep"), 0755));
    CHECK_OK(path_make(below(".phasegate/a/b/c"), 0755));
    save("docs/a.md", "hello\n");
    save("docs/deep/empty", "");
    save(".phasegate/state.db", "state");
    save(".phasegate/a/b/part", "part");
    save(".phasegate/a/b/c/far", "too deep to be ours");
    CHECK_INT_EQ(link(below(".phasegate/state.db").p, below("db").p), 0);
    CHECK_INT_EQ(link(below(".phasegate/a/b/part").p, below("part").p), 0);
    CHECK_INT_EQ(link(below(".phasegate/a/b/c/far").p, below("far").p), 0);
    CHECK_INT_EQ(link(below("docs/a.md").p, below("docs/twin").p), 0);
    CHECK_INT_EQ(symlink("a.md", below("docs/link").p), 0);
    CHECK_INT_EQ(symlink("docs", below("to-docs").p), 0);
    CHECK_INT_EQ(symlink("nowhere", below("dangling").p), 0);
    CHECK_INT_EQ(symlink("circle", below("circle").p), 0);
    CHECK_INT_EQ(mkfifo(below("fifo").p, 0600), 0);
    socket_at("socket");
}

static struct eng_look look(struct slice at, struct slice path, bool keep)
{
    struct eng_look l;
    CHECK_OK(eng__look(at, path, 100, keep, NULL, test_arena(), &l));
    CHECK((l.why.n == 0) == (l.how_to_fix.n == 0));
    return l;
}

struct seen {
    const char *path;
    const char *as; /* what it is called; NULL: refused */
    const char *why;
};
/* clang-format off */
TEST_EACH(look, a_path_is_a_file_or_told_as_what_it_is, struct seen, row,
    {"docs/a.md", "docs/a.md"},
    {"./docs//./a.md", "docs/a.md"},
    {"docs/twin", "docs/twin"},
    {"docs/deep/empty", "docs/deep/empty"},
    {"far", "far"},
    {"", NULL, "the path is empty"},
    {".", NULL, "the project's folder itself"},
    {"..", NULL, "goes upwards"},
    {"docs/../docs/a.md", NULL, "goes upwards"},
    {"/etc/hostname", NULL, "outside the project"},
    {"docs", NULL, "docs is a folder"},
    {"fifo", NULL, "fifo is a FIFO"},
    {"socket", NULL, "socket is a socket"},
    {"docs/none", NULL, "there is no docs/none"},
    {"none/a.md", NULL, "there is no none in"},
    {"docs/a.md/x", NULL, "no folder"},
    {"docs/link", NULL, "docs/link is a symbolic link"},
    {"to-docs/a.md", NULL, "to-docs is a symbolic link"},
    {"dangling", NULL, "leads nowhere"},
    {"circle", NULL, "leads in a circle"},
    {".phasegate", NULL, "the server's own state"},
    {".phasegate/state.db", NULL, "the server's own state"},
    {"db", NULL, "another name of the server's own state"},
    {"part", NULL, "another name of the server's own state"})
/* clang-format on */
{
    project();
    struct eng_look l = look(root(), slice_of(row->path), true);
    CHECK(!l.unsure);
    if (row->as) {
        CHECK_INT_EQ(l.why.n, 0);
        CHECK_TEXT_EQ(l.path, row->as);
        CHECK_INT_EQ(l.bytes, l.content.n);
        return;
    }
    CHECK_CONTAINS(l.why, row->why);
    CHECK(l.content.p == NULL && l.stamp.ino == 0);
}

TEST(look, the_whole_path_of_a_file_is_one_of_the_project)
{
    project();
    CHECK_TEXT_EQ(look(root(), below("docs/a.md"), true).content, "hello\n");
    CHECK_CONTAINS(look(root(), root(), true).why, "outside the project");
    CHECK_CONTAINS(look(root(), below(""), true).why, "folder itself");
    struct slice beside = arena_printf(test_arena(), "%s-2/x", test_tmpdir());
    CHECK_CONTAINS(look(root(), beside, true).why, "outside the project");
}

static struct slice letters(size_t n)
{
    char *p = arena_alloc(test_arena(), n + 1);
    memset(p, 'x', n);
    return (struct slice){p, n};
}

TEST(look, a_path_no_file_system_takes_is_refused_by_its_letters)
{
    CHECK_CONTAINS(look(root(), letters(4096), true).why, "4096 bytes");
    CHECK_CONTAINS(look(root(), letters(256), true).why, "a name in the path");
    CHECK_CONTAINS(look(root(), SLICE("a\0b"), true).why, "a NUL byte");
    CHECK_CONTAINS(look(SLICE("/dev"), SLICE("null"), true).why, "a device");
    CHECK_CONTAINS(look(below("none"), SLICE("a"), true).why,
                   "there is no the project's folder");
}

TEST(look, more_than_is_read_is_refused_and_less_is_not_kept_unasked)
{
    project();
    save("big", letters(101).p ? arena_cstr(test_arena(), letters(101)) : "");
    CHECK_CONTAINS(look(root(), SLICE("big"), true).why,
                   "big has 101 bytes; at most 100 are read");
    struct eng_look l = look(root(), SLICE("docs/a.md"), false);
    CHECK(l.content.p == NULL && l.bytes == 6);
    struct eng_look kept = look(root(), SLICE("docs/a.md"), true);
    CHECK(memcmp(l.sha256, kept.sha256, sizeof(l.sha256)) == 0);
}

/* Files of the kernel say 0 bytes and give more, or none at all. */
TEST(look, what_grows_or_fails_while_it_is_read_is_a_bad_moment)
{
    struct eng_look l = look(SLICE("/proc/self"), SLICE("status"), false);
    CHECK_CONTAINS(l.why, "status changed while it was read");
    CHECK(l.unsure);
    l = look(SLICE("/proc/self"), SLICE("mem"), false);
    CHECK_CONTAINS(l.why, "mem cannot be read");
    CHECK(l.unsure);
}

TEST(look, who_has_gone_is_not_read_for)
{
    struct eng_look l;
    struct cancel c;
    project();
    cancel_init(&c, clock_now() - 1);
    CHECK_ERR(
        eng__look(root(), SLICE("docs/a.md"), 100, true, &c, test_arena(), &l),
        ERR_DEADLINE);
    cancel_init(&c, INT64_MAX);
    CHECK_OK(
        eng__look(root(), SLICE("docs/a.md"), 100, true, &c, test_arena(), &l));
    CHECK(cancel_set(&c, CANCEL_CLIENT));
    CHECK_ERR(
        eng__look(root(), SLICE("docs/a.md"), 100, true, &c, test_arena(), &l),
        ERR_CANCELLED);
}

/* Without a descriptor to be had nothing is known of the file; least of all
 * that it is not the server's own. */
struct few {
    const char *path;
    rlim_t more;
    bool unsure;
};
TEST_EACH(look, too_few_descriptors_are_a_bad_moment, struct few, row,
          {"docs/a.md", 0, true}, {"docs/a.md", 1, true}, {"fifo", 2, false},
          {"docs/deep/empty", 2, false}, {"db", 2, true}, {"part", 3, true},
          {"part", 4, true}, {"part", 5, false})
{
    struct rlimit was, few;
    struct eng_look l;
    project();
    int lowest = dup(0);
    CHECK_INT_GE(lowest, 0);
    close(lowest);
    CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = (rlim_t)lowest + row->more;
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    enum err e = eng__look(root(), slice_of(row->path), 100, true, NULL,
                           test_arena(), &l);
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    CHECK_OK(e);
    CHECK(l.unsure == row->unsure);
    if (row->unsure) CHECK_CONTAINS(l.why, "cannot be read (error");
}

TEST(look, a_stamp_says_that_a_file_is_as_it_was)
{
    struct eng_stamp none = {0};
    project();
    /* Now another write may leave the same time behind: no stamp says what. */
    clock_fake_jump(-600000);
    struct eng_look l = look(root(), SLICE("docs/a.md"), false);
    CHECK_INT_EQ(l.stamp.ino, 0);
    clock_fake_jump(1200000);
    l = look(root(), SLICE("docs/a.md"), false);
    CHECK(l.stamp.ino != 0);
    struct slice path = SLICE("docs/a.md");
    CHECK(eng__look_same(root(), path, &l.stamp, test_arena()));
    CHECK(!eng__look_same(root(), path, &none, test_arena()));
    CHECK(!eng__look_same(root(), SLICE(".."), &l.stamp, test_arena()));
    CHECK(!eng__look_same(root(), SLICE("docs/x"), &l.stamp, test_arena()));
    CHECK(!eng__look_same(root(), SLICE("far"), &l.stamp, test_arena()));
    save("docs/a.md", "Hello\n");
    CHECK(!eng__look_same(root(), path, &l.stamp, test_arena()));
    clock_fake_jump(-600000);
}

/* However little memory there is: told, or the same answer as with plenty. */
struct short_row {
    const char *path;
};
TEST_EACH(look, memory_that_ends_anywhere_is_told, struct short_row, row,
          {"docs/a.md"}, {"db"}, {"circle"}, {"fifo"}, {"docs/none"}, {".."})
{
    project();
    struct eng_look want = look(root(), slice_of(row->path), true);
    enum err e = ERR_NOMEM;
    for (size_t ceiling = 0; e; ceiling += 8) {
        struct arena a;
        struct eng_look l;
        arena_init(&a, ceiling);
        e = eng__look(root(), slice_of(row->path), 100, true, NULL, &a, &l);
        if (e) CHECK_ERR(e, ERR_NOMEM);
        if (!e) CHECK_SLICE_EQ(l.why, want.why);
        if (!e) CHECK_SLICE_EQ(l.content, want.content);
        arena_done(&a);
    }
}
