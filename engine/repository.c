#include "engine/repository.h"

#include <string.h>

#include "base/file.h"

enum { CONFIG_MAX = 1 << 20, NAME_MAX_BYTES = 200 };

static struct slice after_last(struct slice s, const char *any)
{
    size_t i = s.n;
    while (i > 0 && !strchr(any, s.p[i - 1])) i--;
    return slice_sub(s, i, s.n - i);
}

/* .git is a folder, or in a work tree a file that names one, whose commondir
 * names the folder with the configuration. */
static struct slice config_folder(struct slice root, struct arena *a)
{
    static const struct slice word = SLICE_INIT("gitdir:");
    struct slice git = path_join(a, root, SLICE(".git"));
    struct slice text, common;
    if (!git.p || file_read(git, CONFIG_MAX, a, &text) != OK) return git;
    if (!slice_starts(text, word)) return git;
    git = slice_trim(slice_sub(text, word.n, text.n - word.n));
    if (!slice_starts(git, SLICE("/"))) git = path_join(a, root, git);
    if (file_read(path_join(a, git, SLICE("commondir")), CONFIG_MAX, a,
                  &common) != OK)
        return git;
    common = slice_trim(common);
    return slice_starts(common, SLICE("/")) ? common
                                            : path_join(a, git, common);
}

/* `url = ...` below [remote "origin"]; empty: there is none. */
static struct slice origin_url(struct slice config)
{
    struct slice line, key;
    bool inside = false;
    while (slice_split(&config, '\n', &line)) {
        line = slice_trim(line);
        if (slice_starts(line, SLICE("[")))
            inside = slice_eq(line, SLICE("[remote \"origin\"]"));
        if (!inside || !slice_split(&line, '=', &key)) continue;
        if (slice_eq_nocase(slice_trim(key), SLICE("url")))
            return slice_trim(line);
    }
    return (struct slice){0};
}

static struct slice name_in(struct slice url)
{
    static const struct slice end = SLICE_INIT(".git");
    while (url.n && url.p[url.n - 1] == '/') url.n--;
    if (url.n > end.n && slice_ends(url, end)) url.n -= end.n;
    return after_last(url, "/:\\");
}

struct slice eng_project_name(struct slice root, struct arena *a)
{
    struct slice config;
    struct slice folder = config_folder(root, a);
    if (folder.p && file_read(path_join(a, folder, SLICE("config")),
                              CONFIG_MAX, a, &config) == OK) {
        struct slice name = name_in(origin_url(config));
        if (name.n && name.n <= NAME_MAX_BYTES &&
            slice_utf8_valid(name) == name.n)
            return name;
    }
    return after_last(root, "/");
}
