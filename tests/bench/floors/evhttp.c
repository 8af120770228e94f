/* What evhttp itself costs: a fixed answer to whatever is asked. */
#include <arpa/inet.h>
#include <event2/buffer.h>

#include "tests/bench/floors/floor_http.h"

static void on_request(struct evhttp_request *req, void *ctx)
{
    const struct floor_text *t = ctx;
    floor_answer(req, t->p, t->n);
}

int main(int argc, char **argv)
{
    struct floor_text t = floor_file(argc, argv);
    struct event_base *base = event_base_new();
    floor_serve(base, on_request, &t);
    event_base_free(base);
    free(t.p);
    return 0;
}
