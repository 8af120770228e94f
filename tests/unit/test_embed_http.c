/* The HTTP embedder against a local endpoint that fails in every way. Only
 * built with PHASEGATE_EMBEDDINGS. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outbound/embed_http.h"
#include "tests/runner/test.h"

#define GOOD                                                                   \
    "{\"data\":[{\"index\":1,\"embedding\":[0.5,-2]},"                         \
    "{\"index\":0,\"embedding\":[1,0.25]}]}"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

/* What the endpoint does with a request. */
enum manner {
    ANSWERS, /* head, body */
    HANGS,   /* reads it and says nothing */
    DRIPS,   /* a byte now and then */
    LEAVES,  /* promises more than it sends, and closes */
    FLOODS,  /* a body without end */
    SLAMS,   /* closes without a word */
    MANNERS
};

struct endpoint {
    int listener, port;
    pthread_t thread;
    enum manner manner;
    const char *head, *body;
    _Atomic bool stop;
    atomic_int served;
    char request[4096]; /* of the last */
};

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static void flood(int fd)
{
    static char junk[65536];
    memset(junk, ' ', sizeof(junk));
    if (!send_all(fd, OK_HEAD "\r\n", sizeof(OK_HEAD "\r\n") - 1)) return;
    while (send_all(fd, junk, sizeof(junk))) continue;
}

static void drip(struct endpoint *e, int fd)
{
    static const char slow[] = OK_HEAD "\r\n";
    if (!send_all(fd, slow, sizeof(slow) - 1)) return;
    while (!e->stop && send_all(fd, " ", 1)) usleep(5000);
}

static void answer(struct endpoint *e, int fd)
{
    char text[1024];
    int n =
        snprintf(text, sizeof(text),
                 "%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 e->head ? e->head : OK_HEAD,
                 strlen(e->body) + (e->manner == LEAVES ? 100 : 0), e->body);
    (void)send_all(fd, text, (size_t)n);
}

/* Until the body's last byte, which is a brace after the last bracket. */
static void read_request(struct endpoint *e, int fd)
{
    size_t n = 0;
    while (n < sizeof(e->request) - 1) {
        ssize_t k = recv(fd, e->request + n, sizeof(e->request) - 1 - n, 0);
        if (k <= 0) break;
        n += (size_t)k;
        e->request[n] = '\0';
        if (strstr(e->request, "\"float\"}")) break;
    }
}

static void serve_one(struct endpoint *e, int fd)
{
    char byte;
    read_request(e, fd);
    atomic_fetch_add(&e->served, 1);
    switch (e->manner) {
    case HANGS: /* until the client goes */
        while (!e->stop && recv(fd, &byte, 1, 0) > 0) continue;
        break;
    case DRIPS:
        drip(e, fd);
        break;
    case FLOODS:
        flood(fd);
        break;
    case ANSWERS:
    case LEAVES:
        answer(e, fd);
        break;
    case SLAMS:
    case MANNERS:
        break;
    }
    close(fd);
}

static void *serve(void *ctx)
{
    struct endpoint *e = ctx;
    while (!e->stop) {
        int fd = accept(e->listener, NULL, NULL);
        if (fd >= 0 && e->stop)
            close(fd);
        else if (fd >= 0)
            serve_one(e, fd);
    }
    return NULL;
}

static void endpoint_start(struct endpoint *e, enum manner manner,
                           const char *head, const char *body)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    *e = (struct endpoint){.manner = manner, .head = head, .body = body};
    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT_EQ(bind(e->listener, (struct sockaddr *)&at, n), 0);
    CHECK_INT_EQ(listen(e->listener, 16), 0);
    CHECK_INT_EQ(getsockname(e->listener, (struct sockaddr *)&at, &n), 0);
    e->port = ntohs(at.sin_port);
    CHECK_INT_EQ(pthread_create(&e->thread, NULL, serve, e), 0);
}

static void endpoint_stop(struct endpoint *e)
{
    e->stop = true;
    shutdown(e->listener, SHUT_RDWR); /* wakes accept */
    pthread_join(e->thread, NULL);
    close(e->listener);
}

static struct embed_http *client(int port)
{
    struct embed_http *h;
    struct problem p;
    problem_init(&p);
    CHECK_OK(embed_http_new(
        &(struct embed_http_options){
            .url = arena_printf(test_arena(),
                                "http://127.0.0.1:%d/v1/embeddings", port),
            .model = SLICE("small-1"),
            .key = SLICE("k-123"),
            .body_max = 1 << 20},
        test_arena(), &p, &h));
    return h;
}

/* Two texts, one attempt of so many ms. */
static struct provider_ended ask(struct embed_http *h, int ms,
                                 const struct cancel *cancel,
                                 struct eng_vectors *ret)
{
    const struct slice texts[] = {SLICE_INIT("one \"quoted\""),
                                  SLICE_INIT("two\nlines")};
    const struct eng_embedder *m = embed_http_embedder(h);
    struct provider_attempt at = {1, clock_now() + ms * NS_PER_MS, cancel};
    return m->embed(m->ctx, texts, 2, &at, test_arena(), ret);
}

TEST(embed_http, vectors_come_back_in_the_order_of_their_texts)
{
    struct endpoint e;
    struct eng_vectors v;
    endpoint_start(&e, ANSWERS, NULL, GOOD);
    struct embed_http *h = client(e.port);
    for (int i = 0; i < 3; i++) {
        CHECK_INT_EQ(ask(h, 30000, NULL, &v).result, PROVIDER_ANSWERED);
        CHECK_INT_EQ(v.dimension, 2);
        CHECK(v.values[0] == 1 && v.values[1] == 0.25f);
        CHECK(v.values[2] == 0.5f && v.values[3] == -2);
    }
    embed_http_free(h);
    endpoint_stop(&e);
    struct slice request = slice_of(e.request);
    CHECK_CONTAINS(request, "POST /v1/embeddings HTTP/1.1\r\n");
    CHECK_CONTAINS(request, "Authorization: Bearer k-123\r\n");
    CHECK_CONTAINS(request, "{\"model\":\"small-1\",\"input\":[\"one "
                            "\\\"quoted\\\"\",\"two\\nlines\"],");
}

struct failing_row {
    const char *label;
    enum manner manner;
    const char *head, *body;
    int ms; /* of the attempt; 0: plenty */
    enum provider_result result;
    int64_t retry_after_s;
};
#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Type: text/plain\r\n"

TEST_EACH(embed_http, each_failure_is_told_for_what_it_is, struct failing_row,
          row, {"hangs", HANGS, NULL, "", 100, PROVIDER_TIMEOUT},
          {"slow drip", DRIPS, NULL, "", 100, PROVIDER_TIMEOUT},
          {"500", ANSWERS, STATUS("500 Oh"), "no", 0, PROVIDER_FAILED},
          {"503", ANSWERS, STATUS("503 Busy"), "no", 0, PROVIDER_FAILED},
          {"501", ANSWERS, STATUS("501 Never"), "no", 0, PROVIDER_BROKEN},
          {"401", ANSWERS, STATUS("401 Who"), "no", 0, PROVIDER_REFUSED},
          {"a redirection is not followed", ANSWERS,
           STATUS("302 There") "Location: file:///etc/passwd\r\n", "", 0,
           PROVIDER_REFUSED},
          {"429 with Retry-After", ANSWERS,
           STATUS("429 Slow") "Retry-After: 7\r\n", "", 0, PROVIDER_FAILED, 7},
          {"429 that never ends", ANSWERS,
           STATUS("429 Slow") "Retry-After: 99999999999\r\n", "", 0,
           PROVIDER_FAILED, 86400},
          {"no JSON", ANSWERS, NULL, "<html>", 0, PROVIDER_MALFORMED},
          {"other JSON", ANSWERS, NULL, "[1]", 0, PROVIDER_MALFORMED},
          {"too few", ANSWERS, NULL, "{\"data\":[]}", 0, PROVIDER_MALFORMED},
          {"of two lengths", ANSWERS, NULL,
           "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}", 0,
           PROVIDER_MALFORMED},
          {"of no length", ANSWERS, NULL,
           "{\"data\":[{\"embedding\":[]},{\"embedding\":[]}]}", 0,
           PROVIDER_MALFORMED},
          {"the same twice", ANSWERS, NULL,
           "{\"data\":[{\"index\":0,\"embedding\":[1]},"
           "{\"index\":0,\"embedding\":[1]}]}",
           0, PROVIDER_MALFORMED},
          {"an index beyond", ANSWERS, NULL,
           "{\"data\":[{\"index\":2,\"embedding\":[1]},"
           "{\"index\":-1,\"embedding\":[1]}]}",
           0, PROVIDER_MALFORMED},
          {"beyond a float", ANSWERS, NULL,
           "{\"data\":[{\"embedding\":[1e99]},{\"embedding\":[1]}]}", 0,
           PROVIDER_MALFORMED},
          {"a huge body", FLOODS, NULL, "", 0, PROVIDER_MALFORMED},
          {"closes in the middle", LEAVES, NULL, GOOD, 0, PROVIDER_FAILED},
          {"closes without a word", SLAMS, NULL, "", 0, PROVIDER_FAILED})
{
    struct endpoint e;
    struct eng_vectors v;
    endpoint_start(&e, row->manner, row->head, row->body);
    struct embed_http *h = client(e.port);
    struct provider_ended ended = ask(h, row->ms ? row->ms : 30000, NULL, &v);
    embed_http_free(h);
    endpoint_stop(&e);
    CHECK_STR_EQ(provider_result_name(ended.result),
                 provider_result_name(row->result));
    CHECK_INT_EQ(ended.retry_after_ns, row->retry_after_s * NS_PER_S);
    CHECK_INT_GE(e.served, 1);
}

TEST(embed_http, nobody_listening_is_a_failure_at_once)
{
    struct endpoint e;
    struct eng_vectors v;
    endpoint_start(&e, ANSWERS, NULL, GOOD);
    endpoint_stop(&e); /* its port is free again */
    struct embed_http *h = client(e.port);
    CHECK_INT_EQ(ask(h, 30000, NULL, &v).result, PROVIDER_FAILED);
    embed_http_free(h);
}

struct canceller {
    struct endpoint *endpoint;
    struct cancel *cancel;
};

static void *cancel_when_served(void *ctx)
{
    struct canceller *c = ctx;
    while (!c->endpoint->served) usleep(1000);
    cancel_set(c->cancel, CANCEL_CLIENT);
    return NULL;
}

TEST(embed_http, a_cancelled_attempt_ends_before_its_time)
{
    struct endpoint e;
    struct eng_vectors v;
    struct cancel cancel;
    pthread_t thread;
    cancel_init(&cancel, INT64_MAX);
    endpoint_start(&e, HANGS, NULL, "");
    struct embed_http *h = client(e.port);
    struct canceller c = {&e, &cancel};
    CHECK_INT_EQ(pthread_create(&thread, NULL, cancel_when_served, &c), 0);
    CHECK_INT_EQ(ask(h, 600000, &cancel, &v).result, PROVIDER_CANCELLED);
    pthread_join(thread, NULL);
    embed_http_free(h);
    endpoint_stop(&e);
}

struct address_row {
    const char *url;
};

TEST_EACH(embed_http, an_address_that_cannot_be_asked_is_refused,
          struct address_row, row, {"file:///etc/passwd"}, {"localhost:80"},
          {"http://a b/"}, {"http://a\r\nX: y/"}, {"gopher://a/"})
{
    struct embed_http *h = NULL;
    struct problem p;
    problem_init(&p);
    CHECK_ERR(
        embed_http_new(&(struct embed_http_options){.url = slice_of(row->url),
                                                    .model = SLICE("m")},
                       test_arena(), &p, &h),
        ERR_INVALID);
    CHECK_CONTAINS(p.what, "embed.url");
    CHECK(h == NULL);
}
