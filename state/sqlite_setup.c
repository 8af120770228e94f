/*
 * What SQLite is told once per process: memory through base/alloc, threads
 * without its mutexes (every connection of ours has one owner), and its
 * diagnostics into our log.
 */
#include "state/sqlite_setup.h"

#include <pthread.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/log.h"

/* SQLite asks an allocation for its size: it stands before the bytes. Eight
 * keep the alignment SQLite asks for. */
struct sized {
    uint64_t n;
    char bytes[];
};
static struct sized *sized_of(void *p)
{
    return (struct sized *)((char *)p - sizeof(struct sized));
}

static void *sql_alloc(int n)
{
    struct sized *m = mem_alloc(sizeof(*m) + (size_t)n);
    if (!m) return NULL;
    m->n = (uint64_t)n;
    return m->bytes;
}

static void sql_free(void *p)
{
    if (p) mem_free(sized_of(p));
}

static void *sql_realloc(void *p, int n)
{
    struct sized *m = mem_realloc(sized_of(p), sizeof(*m) + (size_t)n);
    if (!m) return NULL;
    m->n = (uint64_t)n;
    return m->bytes;
}

static int sql_size(void *p)
{
    return p ? (int)sized_of(p)->n : 0; /* was an int when it came */
}

static int sql_roundup(int n)
{
    return (n + 7) & ~7;
}

static int sql_init(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void sql_shutdown(void *ctx)
{
    (void)ctx;
}

/* What callers meet as an answer (a duplicate key, a busy file, a cancelled
 * read, a schema that moved) is not news; the rest is. */
static enum log_level level_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT:
    case SQLITE_SCHEMA:
    case SQLITE_NOTICE:
        return LOG_DEBUG;
    default:
        return LOG_WARN;
    }
}

static void sql_log(void *ctx, int code, const char *text)
{
    (void)ctx;
    LOG_AT(level_of(code), "sqlite", "sqlite says", LOG_C("text", text),
           LOG_I("code", code));
}

static void setup(void)
{
    static const sqlite3_mem_methods methods = {
        .xMalloc = sql_alloc,
        .xFree = sql_free,
        .xRealloc = sql_realloc,
        .xSize = sql_size,
        .xRoundup = sql_roundup,
        .xInit = sql_init,
        .xShutdown = sql_shutdown,
    };
    /* A program around us that used SQLite first has decided these already;
     * then they are refused and nothing here depends on them. */
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* a lock per allocation */
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    /* What undoes a job of a group is thrown away with the group. It would go
     * into a file from 64 KB on: one made, written and deleted per commit. */
    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    /* Pages as they are needed: else each connection begins with room for
     * twenty, 87 KB, and most of ours read three. */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    sqlite3_config(SQLITE_CONFIG_LOG, sql_log, NULL);
}

enum err st__sqlite_setup(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup);
    return sqlite3_initialize() == SQLITE_OK ? OK : ERR_NOMEM;
}
