/* floor_http: plain evhttp on one loop, with libevent's defaults. */
#ifndef TESTS_FLOOR_HTTP_H
#define TESTS_FLOOR_HTTP_H

#include <event2/event.h>
#include <event2/http.h>

#include "tests/bench/floors/floor.h"

static inline void floor_on_stdin(evutil_socket_t fd, short what, void *base)
{
    char byte;
    (void)what;
    if (read(fd, &byte, 1) <= 0) event_base_loopbreak(base);
}

/* Serves until stdin ends. */
static inline void
floor_serve(struct event_base *base,
            void (*on_request)(struct evhttp_request *, void *), void *ctx)
{
    struct evhttp *http = evhttp_new(base);
    evhttp_set_gencb(http, on_request, ctx);
    struct evhttp_bound_socket *at =
        evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    if (!at) floor_die("bind");
    struct sockaddr_in name;
    socklen_t n = sizeof name;
    if (getsockname(evhttp_bound_socket_get_fd(at), (struct sockaddr *)&name,
                    &n))
        floor_die("getsockname");
    struct event *end = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST,
                                  floor_on_stdin, base);
    event_add(end, NULL);
    printf("%d\n", ntohs(name.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    event_free(end);
    evhttp_free(http);
}

static inline void floor_answer(struct evhttp_request *req, const char *text,
                                size_t n)
{
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type",
                      "application/json");
    evbuffer_add(evhttp_request_get_output_buffer(req), text, n);
    evhttp_send_reply(req, 200, "OK", NULL);
}

#endif
