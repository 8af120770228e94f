/*
 * Read connections: one per thread that reads, opened at its first read,
 * closed by the thread's own end (a key's destructor) or by the store's,
 * whichever comes first. A pool that stopped has no connection left.
 */
#include "state/store_private.h"

#include <assert.h>

#include "base/clock.h"

static void link_reader(struct st_store *s, struct st_conn *c)
{
    lock_take(&s->lock);
    c->next = s->readers;
    c->link = &s->readers;
    if (c->next) c->next->link = &c->next;
    s->readers = c;
    s->reader_count++;
    lock_drop(&s->lock);
}

static void do_unlink_reader(struct st_store *s, struct st_conn *c)
    REQUIRES(s->lock)
{
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    s->reader_count--;
}

/* Thread: the reader's, at its end */
static void reader_ends(void *value)
{
    struct st_conn *c = value;
    struct st_store *s = c->store;
    lock_take(&s->lock);
    do_unlink_reader(s, c);
    lock_drop(&s->lock);
    st__conn_close(c);
}

enum err st__readers_start(struct st_store *s)
{
    if (pthread_key_create(&s->reader_key, reader_ends) != 0)
        return ERR_OVER_CAPACITY;
    s->key_made = true;
    return OK;
}

/* Threads that live on (main) lose their connection here; without the key no
 * destructor runs for it. */
void st__readers_stop(struct st_store *s)
{
    if (!s->key_made) return;
    pthread_key_delete(s->reader_key);
    s->key_made = false;
    for (;;) {
        lock_take(&s->lock);
        struct st_conn *c = s->readers;
        if (c) do_unlink_reader(s, c);
        lock_drop(&s->lock);
        if (!c) return;
        st__conn_close(c);
    }
}

static enum err this_reader(struct st_store *s, struct st_conn **ret)
{
    struct st_conn *c = pthread_getspecific(s->reader_key);
    if (!c) {
        enum err e = st__connect(s, false, s->busy_timeout_ms, &c);
        if (e) return e;
        c->store = s;
        if (pthread_setspecific(s->reader_key, c) != 0) {
            st__conn_close(c);
            return ERR_NOMEM;
        }
        link_reader(s, c);
    }
    *ret = c;
    return OK;
}

enum err st_read_begin(struct st_store *s, const struct cancel *cancel,
                       struct st_tx **ret)
{
    struct st_conn *c = NULL;
    enum err e = cancel_check(cancel, clock_now());
    if (!e) e = this_reader(s, &c);
    if (e) return e;
    assert(!c->tx.open && "a read transaction is not nested");
    c->tx.cancel = cancel;
    c->tx.hard = OK;
    c->tx.stamp = st__commits_stamp(&s->commits); /* before the view begins */
    e = st__conn_begin(c, STMT_BEGIN);
    if (e) return e;
    c->tx.open = true;
    *ret = &c->tx;
    return OK;
}

void st_read_end(struct st_tx *tx)
{
    struct st_conn *c = tx->conn;
    assert(tx->open && !c->writes);
    tx->open = false;
    tx->cancel = NULL;                         /* ending is not interrupted */
    if (sqlite3_get_autocommit(c->db)) return; /* an error has ended it */
    if (st__conn_run(c, STMT_COMMIT) != OK) st__conn_rollback(c);
}

uint64_t st_tx_stamp(const struct st_tx *tx)
{
    return tx->stamp;
}
