/*
 * Why base/json exists: parse and write the four kinds of documents this
 * server meets, ours and jansson's; the minimum of several rounds.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_json.c
 */
#include "base/json.h"
#include "base/json_write.h"
#include "tests/bench/duel.h"
#include "tests/unit/second_opinion.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 7
#define ROUND_NS 15000000

/* --- the documents -------------------------------------------------------- */

static void make_call(struct json_writer *w)
{
    json_begin_object(w);
    json_put_string(w, "jsonrpc", SLICE("2.0"));
    json_put_int(w, "id", 4711);
    json_put_string(w, "method", SLICE("tools/call"));
    json_key(w, SLICE("params"));
    json_begin_object(w);
    json_put_string(w, "name", SLICE("complete_phase"));
    json_key(w, SLICE("arguments"));
    json_begin_object(w);
    json_put_string(w, "session_id",
                    SLICE("7d2c1f0e-93ab-4c58-9d3f-0a5be2c47c11"));
    json_put_int(w, "phase", 3);
    json_key(w, SLICE("evidence"));
    json_begin_object(w);
    json_put_string(w, "summary",
                    SLICE("All unit tests pass after the change to the "
                          "retry loop; the flaky case ran 200 times."));
    json_put_int(w, "tests_passing", 148);
    json_put_bool(w, "reviewed", true);
    json_end_object(w);
    json_end_object(w);
    json_key(w, SLICE("_meta"));
    json_begin_object(w);
    json_put_int(w, "progressToken", 9);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static void make_evidence(struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, SLICE("checks"));
    json_begin_array(w);
    for (int i = 0; i < 28; i++) {
        json_begin_object(w);
        json_key(w, SLICE("file"));
        json_stringf(w, "transport/loop_%d.c", i * 7);
        json_put_int(w, "line", 100 + i * 31);
        json_key(w, SLICE("coverage"));
        json_number(w, 71.25 + i / 8.0);
        json_key(w, SLICE("tags"));
        json_begin_array(w);
        json_string(w, SLICE("unit"));
        json_string(w, SLICE("thread"));
        json_int(w, i);
        json_end_array(w);
        json_put_bool(w, "passed", i % 5 != 0);
        json_put_string(w, "note",
                        SLICE("returns the \"old\" value\n"
                              "until the next flight lands"));
        json_key(w, SLICE("owner"));
        json_null(w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void make_tool(struct json_writer *w, int tool)
{
    static const char *const fields[] = {"session_id", "phase",  "target",
                                         "evidence",   "reason", "limit"};
    json_begin_object(w);
    json_key(w, SLICE("name"));
    json_stringf(w, "workflow_tool_%d", tool);
    json_put_string(w, "description",
                    SLICE("Shows what the current phase asks for and which "
                          "evidence its gate still misses. Call it before "
                          "you start and again when a gate refused."));
    json_key(w, SLICE("inputSchema"));
    json_begin_object(w);
    json_put_string(w, "type", SLICE("object"));
    json_key(w, SLICE("properties"));
    json_begin_object(w);
    for (int i = 0; i < 6; i++) {
        json_key(w, slice_of(fields[i]));
        json_begin_object(w);
        json_put_string(w, "type", i % 2 ? SLICE("integer") : SLICE("string"));
        json_put_string(w, "description",
                        SLICE("The value that the call before gave."));
        if (i % 2) json_put_int(w, "minimum", 0);
        json_end_object(w);
    }
    json_end_object(w);
    json_key(w, SLICE("required"));
    json_begin_array(w);
    json_string(w, SLICE("session_id"));
    json_end_array(w);
    json_put_bool(w, "additionalProperties", false);
    json_end_object(w);
    json_end_object(w);
}

static void make_list(struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, SLICE("tools"));
    json_begin_array(w);
    for (int i = 0; i < 32; i++) make_tool(w, i);
    json_end_array(w);
    json_end_object(w);
}

/* A tool result: an object as the text of a content block. */
static void make_text(struct json_writer *w)
{
    struct buf inner = BUF_INIT((size_t)1 << 20);
    struct json_writer iw = json_writer(&inner);
    json_begin_array(&iw);
    for (int i = 0; i < 160; i++) {
        json_begin_object(&iw);
        json_put_string(&iw, "path", SLICE("standards/testing/unit.md"));
        json_put_int(&iw, "line", i);
        json_put_string(&iw, "text",
                        SLICE("A test proves behaviour and never sleeps in "
                              "hope.\nIt waits for an event.\n"));
        json_end_object(&iw);
    }
    json_end_array(&iw);
    json_begin_object(w);
    json_key(w, SLICE("content"));
    json_begin_array(w);
    json_begin_object(w);
    json_put_string(w, "type", SLICE("text"));
    json_put_string(w, "text", buf_slice(&inner));
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
    buf_done(&inner);
}

/* --- what is measured ----------------------------------------------------- */

struct subject {
    struct slice text;
    struct arena arena;
    const struct json *tree;
    struct buf out;
    struct opinion *theirs;
};

static void parse_ours(struct subject *s)
{
    struct json_error error;
    const struct json *v;
    arena_reset(&s->arena);
    if (json_parse(s->text, NULL, &s->arena, &v, &error)) abort();
}

static void write_ours(struct subject *s)
{
    struct json_writer w = json_writer(&s->out);
    buf_clear(&s->out);
    json_value(&w, s->tree);
    if (s->out.err) abort();
}

static void parse_jansson(struct subject *s)
{
    const char *what;
    struct opinion *v = opinion_parse(s->text.p, s->text.n, &what);
    if (!v) abort();
    opinion_free(v);
}

static void write_jansson(struct subject *s)
{
    char *text = opinion_write(s->theirs);
    if (!text) abort();
    free(text);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Nanoseconds per call, the best of ROUNDS. */
static double measure(void (*run)(struct subject *), struct subject *s)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t from = now_ns(), took;
        int64_t calls = 0;
        do {
            for (int i = 0; i < 16; i++) run(s);
            calls += 16;
            took = now_ns() - from;
        } while (took < ROUND_NS);
        if ((double)took / (double)calls < best)
            best = (double)took / (double)calls;
    }
    return best;
}

struct bench_row {
    const char *name;
    void (*make)(struct json_writer *);
};

/* --- beside yyjson ---------------------------------------------------------
 * Not in Debian 12: what it took on such a machine for the same two sizes. */
static const struct stored_row {
    const char *name;
    size_t bytes;
    double us;
} yyjson_rows[] = {
    {"JSON: 417 bytes read, beside yyjson's (stored)", 417, 0.17},
    {"JSON: 4.3 KB read, beside yyjson's (stored)", 4300, 1.5}};

/* A call as clients send it, with evidence up to the size. */
static void make_sized(struct buf *b, size_t size)
{
    buf_puts(b, "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":\"tools/call\","
                "\"params\":{\"name\":\"complete_phase\",\"arguments\":{"
                "\"session_id\":\"7d2c1f0e-93ab-4c58-9d3f-0a5be2c47c11\","
                "\"phase\":3,\"evidence\":{\"tests_passing\":148");
    for (int i = 0; b->n + 60 < size; i++)
        buf_printf(b, ",\"field_%d\":\"the flaky case ran 200 times\"", i);
    buf_puts(b, "}}}}");
}

BENCH(json, reads_beside_yyjson)
{
    (void)bench;
    for (size_t i = 0; i < 2; i++) {
        const struct stored_row *row = &yyjson_rows[i];
        struct subject s = {0};
        struct buf text = BUF_INIT((size_t)1 << 20);
        make_sized(&text, row->bytes);
        s.text = buf_slice(&text);
        arena_init(&s.arena, (size_t)16 << 20);
        stored_tell(row->name, "us", measure(parse_ours, &s) / 1e3, row->us,
                    BAR_RATIO_MOST, 2);
        arena_done(&s.arena);
        buf_done(&text);
    }
}

static void report(const char *what, const struct bench_row *row, size_t n,
                   double ours, double theirs)
{
    char name[64];
    snprintf(name, sizeof name, "JSON: %s of %s, %zu bytes, beside jansson",
             what, row->name, n);
    if (theirs > 0)
        stored_tell(name, "ns", ours, theirs, BAR_RATIO_MOST, 1);
    else
        figure_tell(name, "ns", ours, BAR_NONE, 0);
}

TEST_EACH(bench_json, parses_and_writes, struct bench_row, row,
          {"call", make_call}, {"evidence", make_evidence},
          {"tools_list", make_list}, {"escaped_text", make_text})
{
    if (test_sanitized()) test_skip("an instrumented build is not measured");
    struct subject s = {.out = BUF_INIT((size_t)1 << 20)};
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct json_writer w = json_writer(&text);
    struct json_error error;
    row->make(&w);
    s.text = buf_slice(&text);
    CHECK_OK(json_parse(s.text, NULL, test_arena(), &s.tree, &error));
    arena_init(&s.arena, (size_t)16 << 20);

    double parse = measure(parse_ours, &s), write = measure(write_ours, &s);
    double parse_theirs = 0, write_theirs = 0;
    if (opinion_available()) {
        const char *what;
        s.theirs = opinion_parse(s.text.p, s.text.n, &what);
        CHECK(s.theirs);
        parse_theirs = measure(parse_jansson, &s);
        write_theirs = measure(write_jansson, &s);
        opinion_free(s.theirs);
    }
    report("parse", row, s.text.n, parse, parse_theirs);
    report("write", row, s.text.n, write, write_theirs);
    arena_done(&s.arena);
    buf_done(&s.out);
    buf_done(&text);
}
