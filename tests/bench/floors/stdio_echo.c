/* What a line costs that is understood: libevent says when, our reader of
 * JSON parses in place, the method and the tool's name are looked at, the id
 * is echoed before the rest of the answer; one write carries every answer that
 * is ready. */
#include <event2/event.h>

#include "base/json.h"
#include "tests/bench/floors/floor.h"

static char in[1 << 20];
static size_t have;
static char out[1 << 20];
static size_t ready;
static struct floor_text tail; /* of the answer, behind the id */

static void put(const char *p, size_t n)
{
    memcpy(out + ready, p, n);
    ready += n;
}

static void flush_out(void)
{
    for (size_t at = 0; at < ready;) {
        ssize_t n = write(STDOUT_FILENO, out + at, ready - at);
        if (n <= 0) exit(1);
        at += (size_t)n;
    }
    ready = 0;
}

static void answer(struct arena *a, char *line, size_t n)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":";
    const struct json *v;
    struct json_error error;
    if (json_parse((struct slice){line, n}, NULL, a, &v, &error)) return;
    const struct json *id = json_get(v, SLICE("id"));
    const struct json *name = json_at(v, "params", "name", NULL);
    if (!slice_eq(json_text(json_get(v, SLICE("method"))),
                  SLICE("tools/call")) ||
        !id || !name)
        return;
    put(head, sizeof head - 1);
    put(id->raw.p, id->raw.n);
    put(tail.p, tail.n);
    arena_reset(a);
}

static void on_input(evutil_socket_t fd, short what, void *base)
{
    static struct arena a = {.ceiling = 1 << 20};
    (void)what;
    ssize_t got = read(fd, in + have, sizeof in - have);
    if (got <= 0) {
        event_base_loopbreak(base);
        return;
    }
    have += (size_t)got;
    char *at = in, *end;
    while ((end = memchr(at, '\n', (size_t)(in + have - at)))) {
        answer(&a, at, (size_t)(end - at));
        at = end + 1;
        if (ready > sizeof out / 2) flush_out();
    }
    have -= (size_t)(at - in);
    memmove(in, at, have);
    flush_out();
}

int main(int argc, char **argv)
{
    (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 18);
    tail = floor_file(argc, argv);
    struct event_base *base = event_base_new();
    struct event *ev =
        event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, base);
    event_add(ev, NULL);
    event_base_dispatch(base);
    event_free(ev);
    event_base_free(base);
    free(tail.p);
    return 0;
}
