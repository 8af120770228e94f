/* doctor: the servers of the project, what they left behind, whether the one
 * that runs answers, and whether the next one could listen. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/client.h"
#include "cli/doctor.h"

enum { ANSWER_S = 2, FAILING = 503 };

/* --- what was left behind ------------------------------------------------- */

static void announced(struct cli_doctor *d)
{
    if (tp_discovery_list(d->root, &d->arena, &d->servers, &d->servers_count))
        return;
    for (size_t i = 0; i < d->servers_count; i++) {
        const struct tp_entry *e = &d->servers[i];
        d->served |= e->live;
        if (e->live) continue;
        cli_find(d, CLI_BROKEN,
                 SLICE("Who follows it finds nobody. The next server removes "
                       "it, or:"),
                 "%.*s %s", SLICE_ARG(e->path),
                 e->readable ? "was left by a server that is gone"
                             : "does not say where a server is");
        cli_mend(d, "rm -rf %.*s", SLICE_ARG(cli_quoted(d, e->path)));
    }
}

static bool has_server(const struct cli_doctor *d, struct slice name)
{
    for (size_t i = 0; i < d->servers_count; i++)
        if (d->servers[i].live && slice_ends(d->servers[i].path, name))
            return true;
    return false;
}

static void health_files(struct cli_doctor *d)
{
    struct file_name *names;
    size_t n;
    struct slice folder = cli_at(d, ".phasegate/health");
    if (folder_list(folder, 4096, &d->arena, &names, &n) != OK) return;
    for (size_t i = 0; i < n; i++) {
        struct slice name =
            arena_printf(&d->arena, "/%.*s", SLICE_ARG(names[i].name));
        struct slice path = path_join(&d->arena, folder, names[i].name);
        if (has_server(d, name)) continue;
        cli_find(d, CLI_ADVICE, SLICE("The next server removes it, or:"),
                 "%.*s was left by a server that is gone", SLICE_ARG(path));
        cli_mend(d, "rm -rf %.*s", SLICE_ARG(cli_quoted(d, path)));
    }
}

/* --- those that run ------------------------------------------------------- */

/* The letter behind the name in /proc/<pid>/stat: 'T' is stopped. */
static char state_of(struct cli_doctor *d, int64_t pid)
{
    struct slice text,
        path = arena_printf(&d->arena, "/proc/%" PRId64 "/stat", pid);
    if (file_read(path, 4096, &d->arena, &text) != OK) return 0;
    size_t n = text.n;
    while (n > 0 && text.p[n - 1] != ')') n--;
    return n && n + 1 < text.n ? text.p[n + 1] : 0;
}

static void silent(struct cli_doctor *d, const struct tp_entry *e)
{
    if (state_of(d, e->pid) == 'T') {
        cli_find(d, CLI_BROKEN, SLICE("Let it go on:"),
                 "server %" PRId64 " is stopped (SIGSTOP, a debugger, or "
                 "suspended by a shell) and answers nobody",
                 e->pid);
        cli_mend(d, "kill -CONT %" PRId64, e->pid);
        return;
    }
    cli_find(d, CLI_BROKEN,
             SLICE("Nothing that was answered is lost when it ends:"),
             "server %" PRId64 " does not answer at %.*s within %d s", e->pid,
             SLICE_ARG(e->url), ANSWER_S);
    cli_mend(d, "kill %" PRId64, e->pid);
}

/* What degrades or fails it; notices pass by themselves, and its log has them. */
static void sick(struct cli_doctor *d, const struct tp_entry *e,
                 struct slice body)
{
    const struct json *v;
    struct json_error je;
    if (json_parse(body, NULL, &d->arena, &v, &je) != OK) return;
    const struct json *all = json_get(v, SLICE("reasons"));
    for (uint32_t i = 0; json_is(all, JSON_ARRAY) && i < all->count; i++) {
        const struct json *r = &all->items[i];
        struct slice about = json_text(json_get(r, SLICE("about")));
        if (slice_eq(json_text(json_get(r, SLICE("weight"))), SLICE("notice")))
            continue;
        cli_find(d, CLI_BROKEN, json_text(json_get(r, SLICE("how_to_fix"))),
                 "server %" PRId64 " says %.*s%s%.*s: %.*s", e->pid,
                 SLICE_ARG(json_text(json_get(r, SLICE("reason")))),
                 about.n ? " of " : "", SLICE_ARG(about),
                 SLICE_ARG(json_text(json_get(r, SLICE("why")))));
    }
}

static void answering(struct cli_doctor *d)
{
    for (size_t i = 0; i < d->servers_count; i++) {
        const struct tp_entry *e = &d->servers[i];
        struct cli_http h;
        struct cli_answer answer;
        bool copy = slice_ends(e->path, SLICE("/server.json"));
        if (!e->live || copy || cli_http_parse(e->url, &h) != OK) continue;
        if (cli_http_ask(&h, "GET", "/health", (struct slice){0}, ANSWER_S,
                         &d->arena, &answer) != OK)
            silent(d, e);
        else if (answer.status == 200 || answer.status == FAILING)
            sick(d, e, answer.body);
    }
}

static void versions(struct cli_doctor *d)
{
    for (size_t i = 0; i < d->servers_count; i++) {
        const struct tp_entry *e = &d->servers[i];
        bool copy = slice_ends(e->path, SLICE("/server.json"));
        if (!e->live || copy || !e->readable ||
            slice_eq(e->version, SLICE(PHASEGATE_VERSION)))
            continue;
        cli_find(d, CLI_BROKEN,
                 SLICE("End it, and let the editor start it again with the "
                       "program of today:"),
                 "server %" PRId64
                 " is phasegate %.*s, and this is " PHASEGATE_VERSION,
                 e->pid, SLICE_ARG(e->version));
        cli_mend(d, "kill %" PRId64, e->pid);
    }
}

/* --- the port ------------------------------------------------------------- */

/* errno of listening there, 0: it can be done. */
static int try_port(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *list;
    char text[8];
    int yes = 1, why = 0;
    (void)snprintf(text, sizeof(text), "%d", port);
    if (getaddrinfo(host, text, &hints, &list)) return EINVAL;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) why = errno;
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (fd >= 0 && (bind(fd, list->ai_addr, list->ai_addrlen) || listen(fd, 1)))
        why = errno;
    if (fd >= 0) close(fd);
    freeaddrinfo(list);
    return why;
}

static void port(struct cli_doctor *d)
{
    const struct cli_settings *set = &d->o.set;
    char *host = arena_cstr(&d->arena, set->http_host);
    bool named = set->http_port != CLI_PORT_SEARCH;
    struct slice where = cli_options_where(&d->o, SLICE("http.port"));
    if (!host || d->served) return;
    int why = try_port(host, 0);
    if (why) {
        where = cli_options_where(&d->o, SLICE("http.host"));
        cli_find(d, CLI_BROKEN,
                 SLICE("Name an address of this machine in numbers, or take "
                       "the setting away:"),
                 "http.host %s: cannot listen there (%s)", host,
                 why == EINVAL ? "no address in numbers"
                               : strerrordesc_np(why));
        cli_mend_setting(d, where);
        return;
    }
    if (!named || !set->http_port) return;
    why = try_port(host, (int)set->http_port);
    if (!why) return;
    cli_find(d, CLI_BROKEN,
             SLICE("Choose another, or take the setting away (then the first "
                   "free one of 4242..5242 is used):"),
             "http.port %" PRId64 " cannot be had: %s", set->http_port,
             why == EADDRINUSE ? "another program listens there"
                               : strerrordesc_np(why));
    cli_mend_setting(d, where);
}

const struct cli_check cli_checks_servers[] = {
    {"servers", "what is announced is there", true, announced},
    {"health files", "each belongs to a server", true, health_files},
    {"answers", "each server answers, and is well", true, answering},
    {"versions", "each server is this program", true, versions},
    {"port", "the next server can listen", true, port},
    {0},
};
