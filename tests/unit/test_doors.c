/* doors: which room may include what. The rooms and doors are those of
 * docs/ARCHITECTURE.md; here they are read off the sources themselves. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/runner/test.h"

/* A file belongs to the first row whose folder it lies in. */
static const struct room {
    const char *folder;
    const char *doors; /* folders, each with a '/' and a blank behind it */
} rooms[] = {
    {"base/", "base/ "},
    {"state/", "base/ state/ "},
    {"engine/", "base/ state/ engine/ "},
    {"include/", ""},
    {"mcp/tools/", "base/ engine/ mcp/ mcp/tools/ "},
    {"mcp/", "base/ include/ mcp/ "},
    {"transport/jwt/", "base/ transport/ transport/jwt/ "},
    {"transport/", "base/ mcp/ transport/ "},
    {"outbound/", "base/ engine/ outbound/ "},
    {"cli/", "base/ state/ engine/ mcp/ mcp/tools/ transport/ transport/jwt/ "
             "outbound/ cli/ "},
    {"examples/", "examples/ "},
};

/* Libraries, each behind the door of one room, some of one file alone. */
static const struct library {
    const char *header; /* prefix */
    const char *place;  /* prefix of the includer's path */
    size_t files_most;
} libraries[] = {
    {"event2/", "transport/", SIZE_MAX},
    {"event.h", "nowhere", 0},
    {"evhttp.h", "nowhere", 0},
    {"sqlite3", "state/", SIZE_MAX},
    {"yaml.h", "base/yaml.c", 1},
    {"pcre2", "engine/", 1},
    {"md4c", "engine/", 2},
    {"curl/", "outbound/", 1},
    {"openssl/", "transport/jwt/keys.c", SIZE_MAX},
    {"jansson.h", "nowhere", 0},
};
enum { LIBRARIES = sizeof(libraries) / sizeof(libraries[0]) };

struct survey {
    struct buf report;
    size_t includers[LIBRARIES];
    size_t files;
};

static const struct room *room_of(struct slice path)
{
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
        if (slice_starts(path, slice_of(rooms[i].folder))) return &rooms[i];
    return NULL;
}

static bool is_door(const struct room *from, const struct room *to)
{
    struct slice rest = slice_of(from->doors), door;
    while (slice_split(&rest, ' ', &door))
        if (slice_eq(door, slice_of(to->folder))) return true;
    return false;
}

static void complain(struct survey *s, struct slice path, struct slice target,
                     const char *why)
{
    buf_printf(&s->report, "%.*s includes %.*s: %s\n", SLICE_ARG(path),
               SLICE_ARG(target), why);
}

static void check_library(struct survey *s, struct slice path,
                          struct slice target)
{
    for (size_t i = 0; i < LIBRARIES; i++) {
        if (!slice_starts(target, slice_of(libraries[i].header))) continue;
        if (!slice_starts(path, slice_of(libraries[i].place)))
            complain(s, path, target, libraries[i].place);
        if (++s->includers[i] > libraries[i].files_most)
            complain(s, path, target, "one file more than may know it");
    }
}

static void check_include(struct survey *s, struct slice path,
                          struct slice line)
{
    struct slice target = slice_trim(slice_sub(line, 8, line.n));
    if (target.n < 2) return; /* a macro's business */
    struct slice name = slice_sub(target, 1, target.n);
    name = slice_sub(name, 0,
                     slice_find_byte(name, target.p[0] == '<' ? '>' : '"'));
    if (target.p[0] == '<') {
        check_library(s, path, name);
        return;
    }
    /* Examples are compiled where strangers put them: beside each other. */
    const struct room *from = room_of(path), *to = room_of(name);
    if (slice_starts(path, SLICE("examples/")) &&
        slice_find_byte(name, '/') == name.n)
        to = from;
    if (!to)
        complain(s, path, name, "not written from the root");
    else if (!is_door(from, to))
        complain(s, path, name, "no such door");
}

static void check_file(struct survey *s, struct slice root, struct slice path)
{
    struct slice text, line;
    CHECK_OK(file_read(path_join(test_arena(), root, path), 16 << 20,
                       test_arena(), &text));
    s->files++;
    while (slice_split(&text, '\n', &line)) {
        line = slice_trim(line);
        if (slice_starts(line, SLICE("#include"))) check_include(s, path, line);
    }
}

static void check_folder(struct survey *s, struct slice root,
                         struct slice folder)
{
    struct file_name *names;
    size_t count;
    enum err e = folder_list(path_join(test_arena(), root, folder), 10000,
                             test_arena(), &names, &count);
    if (e == ERR_NOT_FOUND) return; /* a room that is not built yet */
    CHECK_OK(e);
    for (size_t i = 0; i < count; i++) {
        struct slice path = path_join(test_arena(), folder, names[i].name);
        if (names[i].folder)
            check_folder(s, root, path);
        else if (slice_ends(path, SLICE(".c")) || slice_ends(path, SLICE(".h")))
            check_file(s, root, path);
    }
}

TEST(doors, every_include_goes_through_a_door)
{
    struct survey s = {.report = BUF_INIT(1 << 20)};
    struct slice root = slice_of(test_source_dir());
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
        if (!slice_eq(slice_of(rooms[i].folder), SLICE("mcp/tools/")) &&
            !slice_eq(slice_of(rooms[i].folder), SLICE("transport/jwt/")))
            check_folder(&s, root, slice_of(rooms[i].folder));
    CHECK_INT_GT(s.files, 30);
    if (s.report.n) FAIL("%.*s", SLICE_ARG(buf_slice(&s.report)));
}

struct crossing {
    const char *path, *line;
    bool allowed;
};

/* The check itself, on lines that nobody has written. */
TEST_EACH(doors, a_wrong_include_is_found, struct crossing, row,
          {"base/x.c", "#include \"base/y.h\"", true},
          {"base/x.c", "#include \"state/y.h\"", false},
          {"base/x.c", "#include \"y.h\"", false},
          {"base/x.c", "#include <stdio.h>", true},
          {"base/x.c", "#include <yaml.h>", false},
          {"base/yaml.c", "#include <yaml.h>", true},
          {"mcp/x.c", "#include \"engine/y.h\"", false},
          {"mcp/x.c", "#include \"mcp/tools/y.h\"", false},
          {"mcp/tools/x.c", "#include \"engine/y.h\"", true},
          {"engine/x.c", "#include \"mcp/y.h\"", false},
          {"engine/x.c", "#include <sqlite3.h>", false},
          {"engine/x.c", "#include <event2/event.h>", false},
          {"state/x.c", "#include <sqlite3.h>", true},
          {"transport/x.c", "#include <event2/event.h>", true},
          {"transport/x.c", "#include \"engine/y.h\"", false},
          {"cli/x.c", "#include \"mcp/tools/y.h\"", true},
          {"examples/x.c", "#include \"y.h\"", true},
          {"examples/x.c", "#include \"mcp/y.h\"", false},
          {"include/x.h", "#include \"base/y.h\"", false},
          {"cli/x.c", "#include <event2/event.h>", false})
{
    struct survey s = {.report = BUF_INIT(1 << 20)};
    check_include(&s, slice_of(row->path), slice_of(row->line));
    CHECK_INT_EQ(s.report.n == 0, row->allowed);
    buf_done(&s.report);
}

struct banned {
    const char *code;
    bool compiles;
};

/* Compiles one function as a room would be compiled. */
TEST_EACH(doors, banned_functions_do_not_compile, struct banned, row,
          {"strlen(a)", true}, {"snprintf(a, 1, \"x\")", true},
          {"strcpy(a, a)", false}, {"strcat(a, a)", false},
          {"sprintf(a, a)", false}, {"strtok(a, a)", false},
          {"strncpy(a, a, 1)", false}, {"atoi(a)", false},
          {"localtime(0)", false}, {"gmtime(0)", false}, {"rand()", false},
          {"setlocale(0, a)", false}, {"alloca(1)", false},
          {"printf(a)", false}, {"puts(a)", false})
{
    struct arena *a = test_arena();
    struct slice source = path_join(a, slice_of(test_tmpdir()), SLICE("x.c"));
    struct slice text = arena_printf(a,
                                     "#include <string.h>\nvoid f(char *a);\n"
                                     "void f(char *a) { (void)(%s); }\n",
                                     row->code);
    CHECK_OK(file_write_atomic(source, text, 0600));
    struct slice command = arena_printf(
        a,
        "cc -std=gnu17 -w -fsyntax-only -include %s/base/banned.h %s "
        "2>/dev/null",
        test_source_dir(), source.p);
    CHECK_INT_EQ(system(command.p) == 0, row->compiles);
}
