/* The head of a request, byte by byte and in pieces; its fields, found once. */
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "tests/runner/test.h"
#include "transport/http_fields.h"
#include "transport/http_head.h"

struct head_row {
    const char *text;
    uint64_t length;
    bool ended;
};

TEST_EACH(http_head, is_read_alike_in_whatever_pieces_it_comes, struct head_row,
          row,
          {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", 12,
           true},
          {"POST / HTTP/1.1\r\nContent-Length: 12\r\nX: 9\r\n\r\n99", 12, true},
          {"POST / HTTP/1.1\ncontent-length:7\n\n", 7, true},
          {"POST / HTTP/1.1\r\nContent-Lengthy: 12\r\n\r\n", 0, true},
          {"POST / HTTP/1.1\r\nContent-Length: 1\r\nCONTENT-LENGTH: 30\r\n\r\n",
           30, true},
          {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0, true},
          {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
           UINT64_MAX, true},
          {"GET / HTTP/1.1\r\nC\r\n\r\r\r\n\r\n", 0, true},
          {"GET / HTTP/1.1\r\nContent-Length: 12", 0, false})
{
    struct slice all = slice_of(row->text);
    for (size_t piece = 1; piece <= all.n; piece++) {
        struct tp_head h = {0};
        for (size_t at = 0; at < all.n; at += piece)
            tp_head_feed(&h, slice_sub(all, at, piece));
        CHECK_INT_EQ(h.ended, row->ended);
        CHECK_INT_EQ(h.length == row->length, 1);
        CHECK(!h.nul);
    }
}

TEST(http_head, a_nul_is_seen_wherever_it_stands_in_the_head)
{
    static const char text[] = "GET / HTTP/1.1\r\nX: abc\r\nHost: a\r\n\r\n";
    size_t n = sizeof(text) - 1;
    for (size_t i = 0; i < n; i++) {
        char copy[sizeof(text)];
        struct tp_head h = {0};
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        tp_head_feed(&h, (struct slice){copy, n});
        CHECK(h.nul);
        h = (struct tp_head){0};
        tp_head_feed(&h, (struct slice){text, n});
        tp_head_feed(&h, (struct slice){copy + i, 1});
        CHECK(!h.nul); /* behind the head it is the body's */
    }
}

/* A line that begins with a NUL ends evhttp's head: so it does ours. */
TEST(http_head, ends_where_evhttp_takes_a_line_for_empty)
{
    static const char text[] = "GET / HTTP/1.1\r\nX: abc\r\n\0abc\r\nY: z";
    struct tp_head h = {0};
    tp_head_feed(&h, (struct slice){text, sizeof(text) - 1});
    CHECK(h.ended && h.nul);
}

struct chunks_row {
    const char *text; /* behind the head */
    bool torn;
};

TEST_EACH(http_head, chunks_are_followed_from_line_to_line, struct chunks_row,
          row, {"5\r\nhello\r\n0\r\n\r\n", false}, {"5\nhello\n0\n\n", false},
          {"00a\r\n\n\n\n\n\n\n\n\n\n\n\r\nA  \r\n0123456789\r\n0", false},
          {"1;name=value\r\nx\r\n", false},
          {"fffffffffffffffffffffff\r\nhello\r\n", false},
          {"0\r\nany thing\r\n+5", false}, {"", false}, {"5", false},
          {" 5\r\nhello", true}, {"+5\r\nhello", true}, {"0x5\r\nhello", true},
          {"\r\n5\r\nhello", true}, {"-5\r\n", true}, {"zz\r\n", true},
          {"5\r\nhello5\r\n", true}, {"5\r\nhello\r5\r\n", true},
          {"5\r\nhello\r\n\r\n5\r\n", true}, {"5\r\nhello\r\r\n", true})
{
    struct slice all = arena_printf(
        test_arena(), "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%s",
        row->text);
    for (size_t piece = 1; piece <= all.n; piece++) {
        struct tp_head h = {0};
        for (size_t at = 0; at < all.n; at += piece)
            tp_head_feed(&h, slice_sub(all, at, piece));
        CHECK(h.ended && h.coded);
        CHECK_INT_EQ(h.torn, row->torn);
    }
}

TEST(http_head, the_line_of_a_chunk_has_its_ceiling)
{
    struct tp_head h = {0};
    tp_head_feed(&h, SLICE("GET / HTTP/1.1\ntransfer-encoding:x\n\n"));
    for (int i = 1; i < TP_CHUNK_LINE_MAX; i++) tp_head_feed(&h, SLICE("0"));
    struct tp_head one_more = h;
    tp_head_feed(&h, SLICE("\n"));
    CHECK(!h.torn);
    tp_head_feed(&one_more, SLICE("0\n"));
    CHECK(one_more.torn);
}

TEST(http_fields, are_found_whatever_their_case_and_told_when_twice)
{
    struct evkeyvalq q;
    struct tp_fields f;
    TAILQ_INIT(&q);
    evhttp_add_header(&q, "HOST", "a");
    evhttp_add_header(&q, "mcp-Method", "tools/call");
    evhttp_add_header(&q, "X-Other", "1");
    evhttp_add_header(&q, "Origin", "b");
    evhttp_add_header(&q, "origin", "c");
    tp_fields_read(&q, &f);
    CHECK_TEXT_EQ(tp_field_value(&f, TP_HOST), "a");
    CHECK_TEXT_EQ(tp_field_value(&f, TP_MCP_METHOD), "tools/call");
    CHECK_TEXT_EQ(tp_field_value(&f, TP_ORIGIN), "b");
    CHECK(tp_field_twice(&f, TP_ORIGIN));
    CHECK(!tp_field_twice(&f, TP_HOST));
    CHECK(!tp_field_value(&f, TP_CONTENT_TYPE).p);
    CHECK_INT_EQ(tp_field_of(SLICE("x-other")), TP_FIELD_COUNT);
    CHECK_INT_EQ(tp_field_of(SLICE("Hos")), TP_FIELD_COUNT);
    evhttp_clear_headers(&q);
}
