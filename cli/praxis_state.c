#include "cli/praxis_state.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_write.h"
#include "engine/repository.h"

#define FOLDER ".praxis-os"
#define NAME ".mcp_server_state.json"
enum { STATE_MAX = 1 << 16 };

static void put_where(struct json_writer *w, const struct cli_praxis_state *s)
{
    json_key(w, SLICE("port"));
    if (s->url.n)
        json_int(w, s->port);
    else
        json_null(w);
    json_put_string(w, "host", s->host);
    json_put_string(w, "path", SLICE("/mcp"));
    json_key(w, SLICE("url"));
    if (s->url.n)
        json_string(w, s->url);
    else
        json_null(w);
}

static void put_state(struct buf *b, const struct cli_praxis_state *s,
                      struct arena *a)
{
    char text[CLOCK_TEXT_SIZE];
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    json_put_string(&w, "version", SLICE("1.0.0"));
    json_put_string(&w, "transport", s->transport);
    put_where(&w, s);
    json_put_int(&w, "pid", getpid());
    json_put_string(&w, "started_at", clock_text(s->started_wall_ms, text));
    json_key(&w, SLICE("project"));
    json_begin_object(&w);
    json_put_string(&w, "name", eng_project_name(s->root, a));
    json_put_string(&w, "root", s->root);
    json_end_object(&w);
    json_end_object(&w);
    buf_putc(b, '\n');
}

/* The file's path; a link that leads out of the project is not followed. */
static enum err path_of(struct slice root, struct arena *a, struct slice *ret)
{
    struct slice folder;
    enum err e = path_inside(root, SLICE(FOLDER), a, &folder);
    if (!e) *ret = path_join(a, folder, SLICE(NAME));
    return e;
}

enum err cli_praxis_state_write(const struct cli_praxis_state *s)
{
    struct arena a;
    struct slice path;
    struct buf b = BUF_INIT(STATE_MAX);
    arena_init(&a, 4u << 20);
    enum err e = path_of(s->root, &a, &path);
    if (!e) put_state(&b, s, &a);
    if (!e) e = b.err ? b.err : file_write_atomic(path, buf_slice(&b), 0600);
    buf_done(&b);
    arena_done(&a);
    return e == ERR_NOT_FOUND ? OK : e;
}

void cli_praxis_state_remove(struct slice root)
{
    struct arena a;
    struct slice path, text;
    const struct json *v;
    struct json_error je;
    int64_t pid = 0;
    arena_init(&a, 1u << 20);
    if (path_of(root, &a, &path) == OK &&
        file_read(path, STATE_MAX, &a, &text) == OK &&
        json_parse(text, NULL, &a, &v, &je) == OK &&
        json_int64(json_get(v, SLICE("pid")), &pid) && pid == getpid())
        (void)unlink(arena_cstr(&a, path));
    arena_done(&a);
}
