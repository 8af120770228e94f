/* What starting costs: a loop, a database in WAL mode with one table, and one
 * answer to one line. */
#include <event2/event.h>
#include <sqlite3.h>

#include "tests/bench/floors/floor.h"

static void on_input(evutil_socket_t fd, short what, void *base)
{
    char in[4096];
    (void)what;
    if (read(fd, in, sizeof in) <= 0) {
        event_base_loopbreak(base);
        return;
    }
    static const char answer[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";
    if (write(STDOUT_FILENO, answer, sizeof answer - 1) < 0) floor_die("write");
}

int main(int argc, char **argv)
{
    sqlite3 *db;
    if (sqlite3_open(argc > 1 ? argv[1] : "floor.db", &db) ||
        sqlite3_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE IF NOT EXISTS t (id TEXT PRIMARY KEY, v);",
                     NULL, NULL, NULL))
        return 1;
    struct event_base *base = event_base_new();
    struct event *ev =
        event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, base);
    event_add(ev, NULL);
    event_base_dispatch(base);
    event_free(ev);
    event_base_free(base);
    sqlite3_close(db);
    return 0;
}
