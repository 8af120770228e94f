/* resources/read, prompts/get, completion/complete. */
#include <inttypes.h>

#include "base/log.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { VARIABLES_MAX = 16, URI_MAX = 8192 };

static enum err bad(struct mcp_call_state *c, const char *why)
{
    return mcp_call_fault(c, mcp_fault(MCP_FAULT_PARAMS, slice_of(why)));
}

/* --- errors of handlers ------------------------------------------------------ */

static void internal_fault(struct mcp_call_state *c, enum err e)
{
    uint32_t ref = (uint32_t)random_u64();
    struct slice text =
        arena_printf(&c->pub.arena, "%08" PRIx32, ref);
    log_error("mcp", "internal error", LOG_S("method", c->m.method),
              LOG_S("detail", err_detail(e)),
              LOG_S("what", c->pub.problem.what), LOG_S("ref", text));
    c->fault = mcp_faultf(MCP_FAULT_INTERNAL, &c->pub.arena,
                          "Internal error, reference %.*s in the server's log",
                          SLICE_ARG(text));
}

void mcp_handler_fault(struct mcp_call_state *c, enum err e)
{
    const struct problem *p = &c->pub.problem;
    if (c->fault.kind) return;
    if (slice_eq(err_code(e), SLICE("internal"))) {
        internal_fault(c, e);
        return;
    }
    enum mcp_fault_kind kind =
        mcp_fault_of(e) == MCP_FAULT_BUSY ? MCP_FAULT_BUSY : MCP_FAULT_PARAMS;
    if (!p->what.n)
        c->fault = mcp_fault(kind, err_detail(e));
    else
        c->fault = mcp_faultf(kind, &c->pub.arena, "%.*s: %.*s %.*s",
                              SLICE_ARG(slice_sub(p->what, 0, 128)),
                              SLICE_ARG(slice_sub(p->why, 0, 160)),
                              SLICE_ARG(slice_sub(p->how_to_fix, 0, 160)));
}

/* --- matching a uri ------------------------------------------------------------- */

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* What stood for a variable, percent-decoded; refused: NUL, bad UTF-8. */
static bool percent_decode(struct arena *a, struct slice in, struct slice *ret)
{
    char *out = arena_alloc(a, in.n + 1);
    size_t n = 0;
    if (!out) return false;
    for (size_t i = 0; i < in.n; i++) {
        char ch = in.p[i];
        if (ch == '%') {
            if (in.n - i < 3) return false;
            int hi = hex_digit(in.p[i + 1]), lo = hex_digit(in.p[i + 2]);
            if (hi < 0 || lo < 0) return false;
            ch = (char)(hi << 4 | lo);
            i += 2;
        }
        if (!ch) return false;
        out[n++] = ch;
    }
    *ret = (struct slice){out, n};
    return slice_utf8_valid(*ret) == n;
}

/* Bytes of a variable at the head of `uri` whose literal follows it; 0: none.
 * `last`: nothing varies behind the literal, so it must be the uri's end. */
static size_t variable(struct slice uri, struct slice literal, bool last,
                       bool any)
{
    size_t room = any ? uri.n : slice_find_byte(uri, '/');
    size_t n = room;
    if (literal.n && last)
        n = slice_ends(uri, literal) ? uri.n - literal.n : 0;
    else if (literal.n)
        n = slice_find(uri, literal);
    return n <= room && (n < uri.n || !literal.n) ? n : 0;
}

/* RFC 6570, levels 1 and 2: {name} is a segment without '/', {+name} any
 * text; a variable ends where the literal behind it begins. */
static bool match(struct arena *a, struct slice pattern, struct slice uri,
                  struct slice *values, size_t *count)
{
    *count = 0;
    for (;;) {
        struct slice head =
            slice_sub(pattern, 0, slice_find_byte(pattern, '{'));
        if (!slice_starts(uri, head)) return false;
        pattern = slice_sub(pattern, head.n, pattern.n);
        uri = slice_sub(uri, head.n, uri.n);
        if (!pattern.n) return !uri.n;
        struct slice rest = slice_sub(
            pattern, slice_find_byte(pattern, '}') + 1, pattern.n);
        struct slice literal = slice_sub(rest, 0, slice_find_byte(rest, '{'));
        size_t n = variable(uri, literal, literal.n == rest.n,
                            slice_starts(pattern, SLICE("{+")));
        if (!n || *count == VARIABLES_MAX ||
            !percent_decode(a, slice_sub(uri, 0, n), &values[*count]))
            return false;
        ++*count;
        uri = slice_sub(uri, n, uri.n);
        pattern = rest;
    }
}

/* scheme ":" something, no blanks, no controls. */
static bool is_uri(struct slice s)
{
    size_t colon = slice_find_byte(s, ':');
    if (!colon || colon == s.n || s.n > URI_MAX) return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch <= ' ' || ch == 0x7f) return false;
    }
    return true;
}

static enum err no_resource(struct mcp_call_state *c, struct slice uri)
{
    struct buf b = BUF_INIT(64 << 10);
    struct mcp_fault f =
        mcp_fault(MCP_FAULT_RESOURCE, SLICE("Resource not found"));
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "uri", slice_sub(uri, 0, URI_MAX));
    json_end_object(&w);
    if (!b.err) f.data = arena_copy(&c->pub.arena, buf_slice(&b));
    buf_done(&b);
    return mcp_call_fault(c, f);
}

enum err mcp_resources_read_begin(struct mcp_call_state *c)
{
    const struct json *uri = json_get(c->m.params, SLICE("uri"));
    const struct mcp_resource *r = c->pub.server->config.resources;
    struct slice *values = ARENA_ARRAY(&c->pub.arena, struct slice,
                                       VARIABLES_MAX);
    struct mcp_uri *found = ARENA_NEW(&c->pub.arena, struct mcp_uri);
    if (!values || !found) return ERR_NOMEM;
    if (!json_is(uri, JSON_STRING))
        return bad(c, "params.uri must be a string");
    if (!is_uri(uri->text)) return no_resource(c, uri->text);
    for (; r->uri; r++) {
        if (match(&c->pub.arena, slice_of(r->uri), uri->text, values,
                  &found->count))
            break;
    }
    if (!r->uri) return no_resource(c, uri->text);
    found->uri = uri->text;
    found->values = values;
    c->row = r;
    c->args = found;
    c->where = r->run;
    return mcp_asks_begin(c);
}

enum err mcp_resources_read_run(struct mcp_call_state *c)
{
    const struct mcp_resource *r = c->row;
    return r->read(&c->pub, c->args);
}

void mcp_resources_read_render(struct mcp_call_state *c, enum err e)
{
    const struct mcp_uri *uri = c->args;
    if (!e && !c->blocks.n) e = ERR_NOT_FOUND;
    if (e && uri && slice_eq(err_code(e), SLICE("not_found"))) {
        (void)no_resource(c, uri->uri);
        return;
    }
    if (e || c->blocks.err)
        mcp_handler_fault(c, e ? e : c->blocks.err);
    else
        mcp_reply_blocks(&c->reply, c->pub.server, c->revision, c->m.id,
                         MCP_BLOCKS_CONTENTS, (struct slice){0},
                         buf_slice(&c->blocks));
}

/* --- prompts ------------------------------------------------------------------------ */

static const struct mcp_prompt *find_prompt(const struct mcp_server *s,
                                            struct slice name)
{
    const struct mcp_prompt *p = s->config.prompts, *family = NULL;
    for (; p && p->get; p++) {
        if (p->name && slice_eq(name, slice_of(p->name))) return p;
        if (!p->name) family = p;
    }
    return family;
}

static enum err no_prompt(struct mcp_call_state *c)
{
    return mcp_call_fault(
        c, mcp_faultf(MCP_FAULT_PARAMS, &c->pub.arena,
                      "Unknown prompt: %.*s; prompts/list names them",
                      SLICE_ARG(slice_sub(json_text(json_get(c->m.params,
                                                             SLICE("name"))),
                                          0, 128))));
}

static enum err read_values(struct mcp_call_state *c,
                            const struct mcp_prompt *p,
                            const struct json *given, struct slice *values)
{
    for (size_t i = 0; p->args && p->args[i].name; i++) {
        const struct mcp_prompt_arg *arg = &p->args[i];
        const struct json *v = json_get(given, slice_of(arg->name));
        if (json_is(v, JSON_NULL)) v = NULL;
        if (!v && !arg->required) continue;
        if (!json_is(v, JSON_STRING))
            return mcp_call_fault(
                c, mcp_faultf(MCP_FAULT_PARAMS, &c->pub.arena,
                              "argument %s must be given, as a string",
                              arg->name));
        values[i] = v->text;
    }
    return OK;
}

enum err mcp_prompts_get_begin(struct mcp_call_state *c)
{
    const struct json *name = json_get(c->m.params, SLICE("name"));
    const struct json *given = json_get(c->m.params, SLICE("arguments"));
    struct mcp_prompt_call *call =
        ARENA_NEW(&c->pub.arena, struct mcp_prompt_call);
    size_t n = 0;
    if (!json_is(name, JSON_STRING)) return bad(c, "params.name is missing");
    if (json_is(given, JSON_NULL)) given = NULL;
    if (given && !json_is(given, JSON_OBJECT))
        return bad(c, "params.arguments must be an object of strings");
    const struct mcp_prompt *p = find_prompt(c->pub.server, name->text);
    if (!p) return no_prompt(c);
    while (p->args && p->args[n].name) n++;
    struct slice *values = ARENA_ARRAY(&c->pub.arena, struct slice, n + 1);
    if (!call || !values) return ERR_NOMEM;
    *call = (struct mcp_prompt_call){name->text, values};
    c->row = p;
    c->args = call;
    c->where = p->run;
    enum err e = read_values(c, p, given, values);
    return e ? e : mcp_asks_begin(c);
}

enum err mcp_prompts_get_run(struct mcp_call_state *c)
{
    const struct mcp_prompt *p = c->row;
    return p->get(&c->pub, c->args);
}

void mcp_prompts_get_render(struct mcp_call_state *c, enum err e)
{
    const struct mcp_prompt *p = c->row;
    if (e && p && !p->name && slice_eq(err_code(e), SLICE("not_found")))
        (void)no_prompt(c);
    else if (e || c->blocks.err)
        mcp_handler_fault(c, e ? e : c->blocks.err);
    else
        mcp_reply_blocks(&c->reply, c->pub.server, c->revision, c->m.id,
                         MCP_BLOCKS_MESSAGES, slice_of(p->description),
                         buf_slice(&c->blocks));
}

/* --- completion ------------------------------------------------------------------------ */

static bool known_template(const struct mcp_server *s, struct slice uri)
{
    const struct mcp_resource *r = s->config.resources;
    for (; r && r->uri; r++) {
        if (slice_eq(uri, slice_of(r->uri))) return true;
    }
    return false;
}

enum err mcp_complete_begin(struct mcp_call_state *c)
{
    const struct json *ref = json_get(c->m.params, SLICE("ref"));
    const struct json *arg = json_get(c->m.params, SLICE("argument"));
    const struct json *name = json_get(arg, SLICE("name"));
    const struct json *value = json_get(arg, SLICE("value"));
    struct slice type = json_text(json_get(ref, SLICE("type")));
    struct mcp_completion *what =
        ARENA_NEW(&c->pub.arena, struct mcp_completion);
    if (!what) return ERR_NOMEM;
    what->prompt = slice_eq(type, SLICE("ref/prompt"));
    if (!what->prompt && !slice_eq(type, SLICE("ref/resource")))
        return bad(c, "params.ref.type must be ref/prompt or ref/resource");
    if (!json_is(name, JSON_STRING) || !json_is(value, JSON_STRING))
        return bad(c, "params.argument must have name and value, strings");
    what->ref = json_text(
        json_get(ref, what->prompt ? SLICE("name") : SLICE("uri")));
    if (what->prompt ? !find_prompt(c->pub.server, what->ref)
                     : !known_template(c->pub.server, what->ref))
        return bad(c, "params.ref names no prompt or resource template");
    what->name = name->text;
    what->value = value->text;
    what->context =
        json_at(c->m.params, "context", "arguments", NULL);
    c->args = what;
    c->where = MCP_RUN_WORKER;
    return OK;
}

enum err mcp_complete_run(struct mcp_call_state *c)
{
    return c->pub.server->config.complete(&c->pub, c->args);
}

void mcp_complete_render(struct mcp_call_state *c, enum err e)
{
    if (e || c->blocks.err)
        mcp_handler_fault(c, e ? e : c->blocks.err);
    else
        mcp_reply_completion(&c->reply, c->pub.server, c->revision, c->m.id,
                             buf_slice(&c->blocks), c->values);
}
