/* What durable rows behind HTTP cost: plain evhttp, and one thread that
 * writes all that has come meanwhile in one transaction before it answers. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "state/store_private.h"
#include "tests/bench/floors/floor_http.h"
#include "tests/bench/rows.h"

enum { SLOTS = 1024 };

struct slot {
    struct rows_client client;
    struct evhttp_request *req;
    struct slot *next;
};

static struct slot slots[SLOTS];
static struct slot *unused, *queued, **queued_end = &queued, *done;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t come = PTHREAD_COND_INITIALIZER;
static int wake;
static struct floor_text answer;

static void must_be(enum err e)
{
    if (e) exit(1);
}

static void commit_all(struct st_conn *c, struct slot *all)
{
    must_be(st__conn_run(c, STMT_BEGIN_WRITE));
    for (struct slot *s = all; s; s = s->next)
        must_be(rows_complete(&s->client, &c->tx));
    must_be(st__conn_run(c, STMT_COMMIT));
    for (struct slot *s = all; s; s = s->next) s->client.row.version++;
}

static void *writer(void *conn)
{
    uint64_t one = 1;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!queued) pthread_cond_wait(&come, &lock);
        struct slot *all = queued, *last = all;
        queued = NULL;
        queued_end = &queued;
        pthread_mutex_unlock(&lock);
        commit_all(conn, all);
        while (last->next) last = last->next;
        pthread_mutex_lock(&lock);
        last->next = done;
        done = all;
        pthread_mutex_unlock(&lock);
        if (write(wake, &one, sizeof one) < 0) exit(1);
    }
    return NULL;
}

static void on_request(struct evhttp_request *req, void *ctx)
{
    (void)ctx;
    struct slot *s = unused;
    if (!s) exit(1);
    unused = s->next;
    s->req = req;
    s->next = NULL;
    pthread_mutex_lock(&lock);
    *queued_end = s;
    queued_end = &s->next;
    pthread_cond_signal(&come);
    pthread_mutex_unlock(&lock);
}

static void on_done(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t n;
    (void)what, (void)ctx;
    if (read(fd, &n, sizeof n) < 0) return;
    pthread_mutex_lock(&lock);
    struct slot *s = done, *next;
    done = NULL;
    pthread_mutex_unlock(&lock);
    for (; s; s = next) {
        next = s->next;
        floor_answer(s->req, answer.p, answer.n);
        s->next = unused;
        unused = s;
    }
}

static struct st_conn *open_rows(void)
{
    static struct arena a = {.ceiling = 1 << 20};
    struct problem p;
    struct st_store *store;
    struct st_conn *c = NULL;
    char path[4096];
    problem_init(&p);
    if (!getcwd(path, sizeof path - 20)) floor_die("getcwd");
    strncat(path, "/floor.db", 20);
    struct st_store_options o = {.path = slice_of(path)};
    must_be(st_store_open(&o, &a, &p, &store));
    for (int i = 0; i < SLOTS; i++) {
        rows_init(&slots[i].client, i);
        must_be(st_write(store, rows_begin, &slots[i].client));
        slots[i].next = unused;
        unused = &slots[i];
    }
    st_store_close(store);
    must_be(st__conn_open(path, true, ST_FULL, 1000, &c));
    sqlite3_wal_autocheckpoint(c->db, 1000);
    c->tx.open = true;
    return c;
}

int main(int argc, char **argv)
{
    pthread_t t;
    answer = floor_file(argc, argv);
    struct event_base *base = event_base_new();
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct event *ev =
        event_new(base, wake, EV_READ | EV_PERSIST, on_done, NULL);
    event_add(ev, NULL);
    if (pthread_create(&t, NULL, writer, open_rows())) return 1;
    floor_serve(base, on_request, NULL);
    _exit(0); /* the writer is where it is */
}
