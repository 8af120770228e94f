/* Where a body ends: what can be read in two ways is read in none, and what
 * stands behind it is no request. */
#include <unistd.h>

#include "tests/unit/transport_host.h"

enum { SLOW_S = 20, MOST = 1 << 16 };

#define HOST "Host: localhost\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
/* Would be answered, were it taken for a request. */
#define HIDDEN "OPTIONS /mcp HTTP/1.1\r\n" HOST "\r\n"
/* Would be answered, were it taken for a body. */
#define CHUNKS                                                                 \
    "28\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n0\r\n\r\n"

struct framing {
    const char *label, *request;
};

TEST_EACH(
    transport_framing, of_two_readings_is_none, struct framing, row,
    {"a length and chunks",
     "POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS HIDDEN},
    {"chunks and a length",
     "POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
     "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" CHUNKS HIDDEN},
    {"another coding", "POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
                       "Transfer-Encoding: gzip\r\n\r\n" HIDDEN},
    {"one coding in another",
     "POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
     "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS HIDDEN},
    {"two codings",
     "POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" CHUNKS
         HIDDEN},
    {"a body with HEAD",
     "HEAD /mcp HTTP/1.1\r\n" HOST "Content-Length: 44\r\n\r\n" HIDDEN},
    {"chunks with HEAD", "HEAD /mcp HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN})
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, slice_of(row->request));
    struct slice all = host_read(fd, MOST, SLOW_S);
    CHECK(slice_starts(all, SLICE("HTTP/1.1 400 ")));
    CHECK_CONTAINS(all, "Connection: close");
    if (slice_find(all, SLICE("HTTP/1.1 204")) < all.n)
        FAIL("%s: what is hidden is answered: %.*s", row->label,
             SLICE_ARG(all));
    close(fd);
    host_wait_open(h, 0);
    host_free(h);
}

/* The body of these requests is one that is answered when nothing is amiss. */
TEST(transport_framing, of_one_reading_is_answered)
{
    struct host *h = host_new();
    int fd = host_connect(host_http(h, NULL));
    host_write(fd, SLICE("POST /mcp HTTP/1.1\r\n" HOST JSON_TYPE
                         "Transfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n" CHUNKS));
    CHECK_CONTAINS(host_read(fd, MOST, SLOW_S), "\"result\":{}");
    close(fd);
    host_free(h);
}
