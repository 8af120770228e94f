#include "base/file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/runner/test.h"

static struct slice under(const char *name)
{
    return path_join(test_arena(), slice_of(test_tmpdir()), slice_of(name));
}

static const char *cunder(const char *name)
{
    return arena_cstr(test_arena(), under(name));
}

static void write_file(const char *name, const char *content)
{
    CHECK_OK(file_write_atomic(under(name), slice_of(content), 0644));
}

static enum err read_file(const char *name, size_t ceiling, struct slice *ret)
{
    return file_read(under(name), ceiling, test_arena(), ret);
}

TEST(file, reads_what_was_written)
{
    struct slice s;
    CHECK_OK(file_write_atomic(under("f"), SLICE("a\0b\n"), 0600));
    CHECK_OK(read_file("f", 100, &s));
    CHECK_SLICE_EQ(s, SLICE("a\0b\n"));
    write_file("f", "");
    CHECK_OK(read_file("f", 100, &s));
    CHECK_INT_EQ(s.n, 0);
}

TEST(file, a_file_of_the_ceilings_size_is_read_and_a_larger_one_refused)
{
    struct slice s;
    write_file("f", "12345");
    CHECK_OK(read_file("f", 5, &s));
    CHECK_TEXT_EQ(s, "12345");
    CHECK_ERR(read_file("f", 4, &s), ERR_TOO_LARGE);
    CHECK_ERR(read_file("f", 0, &s), ERR_TOO_LARGE);
}

TEST(file, files_that_do_not_know_their_size_are_read_up_to_the_ceiling)
{
    struct slice s;
    CHECK_OK(file_read(SLICE("/proc/self/status"), 1 << 20, test_arena(), &s));
    CHECK_INT_GT(s.n, 100);
    size_t size = s.n;
    CHECK_ERR(file_read(SLICE("/proc/self/status"), 100, test_arena(), &s),
              ERR_TOO_LARGE);
    CHECK_INT_GT(size, 100);
    CHECK_ERR(file_read(SLICE("/proc/self/smaps"), 5000, test_arena(), &s),
              ERR_TOO_LARGE);
}

TEST(file, only_regular_files_are_read_and_none_hangs)
{
    struct slice s;
    CHECK_INT_EQ(mkfifo(cunder("fifo"), 0600), 0);
    CHECK_ERR(read_file("fifo", 100, &s), ERR_INVALID);
    CHECK_ERR(file_read(SLICE("/dev/null"), 100, test_arena(), &s),
              ERR_INVALID);
    CHECK_ERR(file_read(SLICE("/dev/zero"), 100, test_arena(), &s),
              ERR_INVALID);
    CHECK_ERR(file_read(slice_of(test_tmpdir()), 100, test_arena(), &s),
              ERR_INVALID);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *path = cunder("socket");
    if (strlen(path) < sizeof(at.sun_path)) {
        memcpy(at.sun_path, path, strlen(path));
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK_INT_EQ(bind(fd, (void *)&at, sizeof(at)), 0);
        CHECK_ERR(read_file("socket", 100, &s), ERR_INVALID);
        close(fd);
    }
}

TEST(file, a_path_that_is_no_path_is_refused)
{
    struct slice s;
    char long_path[5000];
    memset(long_path, 'a', sizeof(long_path));
    CHECK_ERR(file_read(SLICE(""), 9, test_arena(), &s), ERR_INVALID);
    CHECK_ERR(file_read(SLICE("/etc/passwd\0x"), 9, test_arena(), &s),
              ERR_INVALID);
    CHECK_ERR(file_read((struct slice){long_path, sizeof(long_path)}, 9,
                        test_arena(), &s),
              ERR_INVALID);
    CHECK_ERR(file_read((struct slice){long_path, 300}, 9, test_arena(), &s),
              ERR_INVALID);
    CHECK_ERR(read_file("absent", 9, &s), ERR_NOT_FOUND);
    write_file("f", "x");
    CHECK_ERR(read_file("f/g", 9, &s), ERR_NOT_FOUND);
}

TEST(file, an_atomic_write_replaces_and_leaves_nothing_behind)
{
    struct slice s;
    struct stat st;
    size_t count;
    struct file_name *names;
    write_file("f", "old");
    CHECK_OK(file_write_atomic(under("f"), SLICE("new"), 0600));
    CHECK_OK(read_file("f", 9, &s));
    CHECK_TEXT_EQ(s, "new");
    CHECK_INT_EQ(stat(cunder("f"), &st), 0);
    CHECK_INT_EQ(st.st_mode & 0777, 0600);
    CHECK_ERR(file_write_atomic(under("no/f"), SLICE("x"), 0600),
              ERR_NOT_FOUND);
    CHECK_OK(path_make(under("d/e"), 0700));
    CHECK_INT_NE(file_write_atomic(under("d"), SLICE("x"), 0600), OK);
    CHECK_OK(
        folder_list(slice_of(test_tmpdir()), 10, test_arena(), &names, &count));
    CHECK_INT_EQ(count, 2); /* f and d: no temporary file */
}

TEST(file, a_write_replaces_a_link_and_not_what_it_points_to)
{
    struct slice s;
    write_file("target", "kept");
    CHECK_INT_EQ(symlink("target", cunder("link")), 0);
    write_file("link", "mine");
    CHECK_OK(read_file("target", 9, &s));
    CHECK_TEXT_EQ(s, "kept");
    CHECK_OK(read_file("link", 9, &s));
    CHECK_TEXT_EQ(s, "mine");
}

struct joining {
    const char *folder, *name, *want;
};

TEST_EACH(file, joins_paths, struct joining, row, {"a", "b", "a/b"},
          {"a/", "b", "a/b"}, {"a//", "/b", "a/b"}, {"/", "b", "/b"},
          {"", "b", "b"}, {"a", "", "a"}, {"/", "", "/"})
{
    CHECK_TEXT_EQ(
        path_join(test_arena(), slice_of(row->folder), slice_of(row->name)),
        row->want);
}

/* tmp/app (the root), tmp/app-old, and links that lead everywhere. */
static struct slice make_tree(void)
{
    CHECK_OK(path_make(under("app/docs/deep"), 0755));
    CHECK_OK(path_make(under("app-old"), 0755));
    write_file("app/docs/a.md", "a");
    write_file("app-old/secret", "s");
    CHECK_INT_EQ(symlink("docs", cunder("app/inside")), 0);
    CHECK_INT_EQ(symlink("../app-old", cunder("app/outside")), 0);
    CHECK_INT_EQ(symlink(cunder("app-old/secret"), cunder("app/leak")), 0);
    CHECK_INT_EQ(symlink("loop", cunder("app/loop")), 0);
    CHECK_INT_EQ(symlink("nothing", cunder("app/dangling")), 0);
    struct slice root;
    CHECK_OK(path_canonical(under("app"), test_arena(), &root));
    return root;
}

struct inside {
    const char *path;
    enum err want;
    const char *resolved; /* below the root */
};

TEST_EACH(file, a_path_from_outside_stays_inside, struct inside, row,
          {"docs/a.md", OK, "/docs/a.md"}, {"inside/a.md", OK, "/docs/a.md"},
          {"./docs/../docs//a.md", OK, "/docs/a.md"}, {"docs", OK, "/docs"},
          {"docs/..", OK, ""}, {".", OK, ""}, {"", OK, ""},
          {"outside/../app/docs/a.md", OK, "/docs/a.md"},
          {"absent", ERR_NOT_FOUND, ""}, {"dangling", ERR_NOT_FOUND, ""},
          {"docs/a.md/x", ERR_NOT_FOUND, ""}, {"loop", ERR_INVALID, ""},
          {"..", ERR_INVALID, ""}, {"../app-old", ERR_INVALID, ""},
          {"../app-old/secret", ERR_INVALID, ""},
          {"../app-old/absent", ERR_INVALID, ""},
          {"docs/../../absent", ERR_INVALID, ""}, {"outside", ERR_INVALID, ""},
          {"outside/secret", ERR_INVALID, ""}, {"leak", ERR_INVALID, ""},
          {"/etc/passwd", ERR_INVALID, ""}, {"/absent/passwd", ERR_INVALID, ""},
          {"/", ERR_INVALID, ""})
{
    struct slice root = make_tree(), got;
    enum err e = path_inside(root, slice_of(row->path), test_arena(), &got);
    CHECK_ERR(e, row->want);
    if (e) return;
    CHECK(slice_starts(got, root));
    CHECK_TEXT_EQ(slice_sub(got, root.n, got.n), row->resolved);
}

TEST(file, absolute_paths_are_compared_by_components)
{
    struct slice root = make_tree(), got;
    CHECK_OK(path_inside(root, under("app/docs/a.md"), test_arena(), &got));
    CHECK_ERR(path_inside(root, under("app-old/secret"), test_arena(), &got),
              ERR_INVALID);
    CHECK_ERR(path_inside(root, under("app-old/absent"), test_arena(), &got),
              ERR_INVALID);
    CHECK_ERR(path_inside(root, SLICE("docs\0/x"), test_arena(), &got),
              ERR_INVALID);
    CHECK_OK(path_inside(SLICE("/"), under("app"), test_arena(), &got));
    CHECK_ERR(
        path_inside(SLICE("/"), SLICE("../absent-file"), test_arena(), &got),
        ERR_INVALID);
}

TEST_EACH(file, reads_inside_and_nowhere_else, struct inside, row,
          {"docs/a.md", OK, "a"}, {"inside/a.md", OK, "a"},
          {"leak", ERR_INVALID, ""}, {"outside/secret", ERR_INVALID, ""},
          {"../app-old/secret", ERR_INVALID, ""}, {"docs", ERR_INVALID, ""},
          {".", ERR_INVALID, ""}, {"absent", ERR_NOT_FOUND, ""})
{
    struct slice root = make_tree(), got;
    enum err e =
        file_read_inside(root, slice_of(row->path), 100, test_arena(), &got);
    CHECK_ERR(e, row->want);
    if (!e) CHECK_TEXT_EQ(got, row->resolved);
}

TEST(file, makes_folders_and_their_parents)
{
    struct stat st;
    CHECK_OK(path_make(under("a/b/c"), 0700));
    CHECK_OK(path_make(under("a/b/c/"), 0700));
    CHECK_INT_EQ(stat(cunder("a/b/c"), &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    write_file("f", "x");
    CHECK_ERR(path_make(under("f"), 0700), ERR_INVALID);
    CHECK_ERR(path_make(under("f/g"), 0700), ERR_INVALID);
}

TEST(file, lists_a_folder_in_order)
{
    struct file_name *names;
    size_t count;
    CHECK_OK(path_make(under("l/zoo"), 0755));
    write_file("l/b", "");
    write_file("l/a", "");
    write_file("l/.hidden", "");
    CHECK_INT_EQ(symlink("zoo", cunder("l/link")), 0);
    CHECK_INT_EQ(symlink("nothing", cunder("l/dangling")), 0);
    CHECK_OK(folder_list(under("l"), 6, test_arena(), &names, &count));
    static const struct file_name want[] = {
        {SLICE_INIT(".hidden"), false}, {SLICE_INIT("a"), false},
        {SLICE_INIT("b"), false},       {SLICE_INIT("dangling"), false},
        {SLICE_INIT("link"), true},     {SLICE_INIT("zoo"), true},
    };
    CHECK_INT_EQ(count, 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK_SLICE_EQ(names[i].name, want[i].name);
        CHECK_INT_EQ(names[i].folder, want[i].folder);
    }
    CHECK_ERR(folder_list(under("l"), 5, test_arena(), &names, &count),
              ERR_TOO_LARGE);
    CHECK_ERR(folder_list(under("no"), 5, test_arena(), &names, &count),
              ERR_NOT_FOUND);
    CHECK_OK(folder_list(under("l/zoo"), 5, test_arena(), &names, &count));
    CHECK_INT_EQ(count, 0);
}

TEST(file, lists_hundreds_of_names)
{
    struct file_name *names;
    size_t count;
    CHECK_OK(path_make(under("many"), 0755));
    for (int i = 0; i < 300; i++) {
        struct slice name = arena_printf(test_arena(), "many/%03d", i);
        int fd = open(cunder(name.p), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        CHECK_INT_GE(fd, 0);
        close(fd);
    }
    CHECK_OK(folder_list(under("many"), 300, test_arena(), &names, &count));
    CHECK_INT_EQ(count, 300);
    for (int i = 0; i < 300; i++)
        CHECK_SLICE_EQ(names[i].name,
                       slice_sub(arena_printf(test_arena(), "%03d", i), 0, 3));
}
