/* What the public header adds for programs that do not see the rooms: a call
 * and JSON through functions instead of structs. */
#include "mcp/face.h"

#include <assert.h>

#include "base/clock.h"
#include "mcp/call_state.h"

/* --- the two spellings ------------------------------------------------------ */

#define SAME(symbol_, number_)                                                 \
    static_assert((int)(symbol_) == (number_),                                 \
                  #symbol_ " has another number in phasegate-mcp.h")
SAME(OK, 0);
SAME(ERR_NOMEM, 1);
SAME(ERR_INTERNAL, 2);
SAME(ERR_IO, 3);
SAME(ERR_INVALID, 5);
SAME(ERR_TOO_LARGE, 6);
SAME(ERR_NOT_FOUND, 7);
SAME(ERR_CONFLICT, 9);
SAME(ERR_CANCELLED, 10);
SAME(ERR_DEADLINE, 11);
SAME(ERR_OVER_CAPACITY, 12);
SAME(ERR_UNAVAILABLE, 14);
SAME(ERR_AGAIN, 18);
SAME(ERR_PENDING, 19);
SAME(ERR_WAITING, 20);
SAME(MCP_JSON_NULL, JSON_NULL);
SAME(MCP_JSON_FALSE, JSON_FALSE);
SAME(MCP_JSON_TRUE, JSON_TRUE);
SAME(MCP_JSON_NUMBER, JSON_NUMBER);
SAME(MCP_JSON_STRING, JSON_STRING);
SAME(MCP_JSON_ARRAY, JSON_ARRAY);
SAME(MCP_JSON_OBJECT, JSON_OBJECT);
static_assert(offsetof(struct slice, p) == 0 &&
                  offsetof(struct slice, n) == sizeof(char *) &&
                  sizeof(struct slice) == 2 * sizeof(char *),
              "struct slice is not struct mcp_text");
static_assert(sizeof(enum err) == sizeof(unsigned),
              "enum err is not enum mcp_err");

const char *mcp_err_name(enum err e)
{
    return err_detail(e).p;
}

/* --- JSON that was read ----------------------------------------------------- */

enum mcp_json_kind mcp_json_kind(const struct json *v)
{
    return v ? (enum mcp_json_kind)v->type : MCP_JSON_NULL;
}

const struct json *mcp_json_get(const struct json *v, const char *key)
{
    return json_get(v, slice_of(key));
}

size_t mcp_json_count(const struct json *v)
{
    return json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT) ? v->count : 0;
}

const struct json *mcp_json_item(const struct json *v, size_t i)
{
    if (i >= mcp_json_count(v)) return NULL;
    return v->type == JSON_ARRAY ? &v->items[i] : &v->members[i].value;
}

struct slice mcp_json_text(const struct json *v)
{
    return json_text(v);
}

struct slice mcp_json_raw(const struct json *v)
{
    return v ? v->raw : (struct slice){0};
}

bool mcp_json_int(const struct json *v, int64_t *ret)
{
    return json_integral(v, ret);
}

bool mcp_json_number(const struct json *v, double *ret)
{
    return json_double(v, ret);
}

/* --- a call: what it is ------------------------------------------------------ */

void *mcp_app(const struct mcp_call *call)
{
    return call->app;
}

struct mcp_server *mcp_server_of(const struct mcp_call *call)
{
    return call->server;
}

unsigned mcp_step(const struct mcp_call *call)
{
    return call->step;
}

bool mcp_cancelled(const struct mcp_call *call)
{
    return cancel_check(&call->cancel, clock_now()) != OK;
}

bool mcp_on_loop(const struct mcp_call *call)
{
    return call->on_loop;
}

void *mcp_alloc(struct mcp_call *call, size_t n)
{
    return arena_zalloc(&call->arena, n);
}

struct slice mcp_copy(struct mcp_call *call, struct slice text)
{
    return arena_copy(&call->arena, text);
}

struct slice mcp_printf(struct mcp_call *call, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct slice s = arena_vprintf(&call->arena, format, ap);
    va_end(ap);
    return s;
}

struct slice mcp_quote(struct mcp_call *call, struct slice text)
{
    struct buf b = BUF_INIT(call->arena.ceiling);
    struct json_writer w = json_writer(&b);
    json_string(&w, text);
    struct slice s = {0};
    if (!b.err) s = arena_copy(&call->arena, buf_slice(&b));
    buf_done(&b);
    return s;
}

/* --- a call: its structured result --------------------------------------------- */

static bool in_object(const struct json_writer *w)
{
    uint32_t i = w->depth - 1;
    return w->objects[i / 64] >> i % 64 & 1;
}

/* The writer where the next value goes, its key written. A result that was
 * forgotten (the handler runs again) begins anew. A key in an array is left
 * out, and one that is missing in an object is empty: always valid JSON. */
static struct json_writer *next_value(struct mcp_call *call, const char *key)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    struct json_writer *w = &c->writer;
    if (!call->out.plain.n) {
        *w = json_writer(&call->out.plain);
        json_begin_object(w);
    }
    if (in_object(w)) json_key(w, slice_of(key ? key : ""));
    return w;
}

void mcp_put_text(struct mcp_call *call, const char *key, struct slice v)
{
    json_string(next_value(call, key), v);
}

void mcp_put_int(struct mcp_call *call, const char *key, int64_t v)
{
    json_int(next_value(call, key), v);
}

void mcp_put_number(struct mcp_call *call, const char *key, double v)
{
    json_number(next_value(call, key), v);
}

void mcp_put_bool(struct mcp_call *call, const char *key, bool v)
{
    json_bool(next_value(call, key), v);
}

void mcp_put_json(struct mcp_call *call, const char *key, const struct json *v)
{
    struct json_writer *w = next_value(call, key);
    if (v)
        json_value(w, v);
    else
        json_null(w);
}

/* Room for one more level, or the whole result is refused. */
static bool deeper(struct mcp_call *call)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    if (!call->out.plain.n || c->writer.depth < JSON_DEPTH_MAX / 2) return true;
    call->out.plain.err = ERR_TOO_LARGE;
    return false;
}

void mcp_open_object(struct mcp_call *call, const char *key)
{
    if (deeper(call)) json_begin_object(next_value(call, key));
}

void mcp_open_array(struct mcp_call *call, const char *key)
{
    if (deeper(call)) json_begin_array(next_value(call, key));
}

static void close_level(struct json_writer *w)
{
    if (in_object(w))
        json_end_object(w);
    else
        json_end_array(w);
}

void mcp_close(struct mcp_call *call)
{
    struct mcp_call_state *c = (struct mcp_call_state *)call;
    if (call->out.plain.n && c->writer.depth > 1) close_level(&c->writer);
}

void mcp_face_end(struct mcp_call_state *c)
{
    while (c->pub.out.plain.n && c->writer.depth) close_level(&c->writer);
    c->writer.depth = 0;
}

/* --- a call: refusals -------------------------------------------------------- */

void mcp_failed(struct mcp_call *call)
{
    call->is_error = true;
}

enum err mcp_refuse(struct mcp_call *call, enum err e, struct slice what,
                    struct slice why, struct slice how_to_fix)
{
    return problem_set(&call->problem, e, what, why, how_to_fix);
}
