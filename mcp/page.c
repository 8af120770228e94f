/* resources/list, resources/templates/list, prompts/list: rows and what their
 * families add, cut into pages. A cursor is a token that only this process
 * can have written, for this one list. */
#include "mcp/call_state.h"
#include "mcp/reply.h"

enum { CURSOR_TTL_MS = 24 * 3600 * 1000 };

enum err mcp_page_begin(struct mcp_call_state *c, size_t *ret)
{
    const struct json *cursor = json_get(c->m.params, SLICE("cursor"));
    struct slice payload;
    int64_t from = 0;
    *ret = 0;
    if (!cursor || json_is(cursor, JSON_NULL)) return OK;
    if (!json_is(cursor, JSON_STRING) ||
        mcp_token_read(c->pub.server, &c->pub.arena, c->m.method, cursor->text,
                       &payload) != OK ||
        !slice_int64(payload, &from) || from < 1)
        return mcp_call_fault(
            c, mcp_fault(MCP_FAULT_PARAMS,
                         SLICE("Invalid cursor: send nextCursor of the page "
                               "before, or none")));
    *ret = (size_t)from;
    return OK;
}

struct slice mcp_page_cursor(struct mcp_call_state *c, size_t next)
{
    return mcp_token_write(c->pub.server, &c->pub.arena, c->m.method,
                           arena_printf(&c->pub.arena, "%zu", next),
                           CURSOR_TTL_MS);
}

enum err mcp_list_begin(struct mcp_call_state *c)
{
    size_t from;
    c->where = MCP_RUN_WORKER; /* families may look into files */
    return mcp_page_begin(c, &from);
}

void mcp_list_add(struct mcp_list *list, const struct mcp_item *item)
{
    size_t at = list->count++;
    if (at < list->from || at >= list->to) return;
    mcp_reply_item(&list->w, list->c->revision, list->kind, item, list->args);
}

static struct mcp_list list_open(struct mcp_call_state *c,
                                 const struct mcp_list_kind *kind)
{
    struct mcp_list l = {.c = c, .kind = kind, .w = json_writer(&c->blocks)};
    if (mcp_page_begin(c, &l.from)) l.from = 0;
    l.to = l.from + c->pub.server->config.page_max;
    json_begin_array(&l.w);
    return l;
}

static void list_close(struct mcp_list *l)
{
    json_end_array(&l->w);
    if (l->count > l->to) l->c->next_cursor = mcp_page_cursor(l->c, l->to);
}

static bool is_template(const struct mcp_resource *r)
{
    return strchr(r->uri, '{') != NULL;
}

static struct mcp_item resource_item(const struct mcp_resource *r)
{
    return (struct mcp_item){.uri = slice_of(r->uri),
                             .name = slice_of(r->name),
                             .title = slice_of(r->title),
                             .description = slice_of(r->description),
                             .mime_type = slice_of(r->mime_type),
                             .size = -1};
}

enum err mcp_resources_list_run(struct mcp_call_state *c)
{
    struct mcp_list l = list_open(c, &mcp_list_resources);
    const struct mcp_resource *r = c->pub.server->config.resources;
    enum err e = OK;
    for (; r && r->uri && !e; r++) {
        struct mcp_item item = resource_item(r);
        if (!is_template(r)) mcp_list_add(&l, &item);
        if (r->list) e = r->list(&c->pub, &l);
    }
    list_close(&l);
    return e;
}

enum err mcp_templates_list_run(struct mcp_call_state *c)
{
    struct mcp_list l = list_open(c, &mcp_list_templates);
    const struct mcp_resource *r = c->pub.server->config.resources;
    for (; r && r->uri; r++) {
        struct mcp_item item = resource_item(r);
        if (is_template(r)) mcp_list_add(&l, &item);
    }
    list_close(&l);
    return OK;
}

enum err mcp_prompts_list_run(struct mcp_call_state *c)
{
    struct mcp_list l = list_open(c, &mcp_list_prompts);
    const struct mcp_prompt *p = c->pub.server->config.prompts;
    enum err e = OK;
    for (; p && p->get && !e; p++) {
        l.args = p->args;
        if (p->name)
            mcp_list_add(&l, &(struct mcp_item){
                                 .name = slice_of(p->name),
                                 .title = slice_of(p->title),
                                 .description = slice_of(p->description)});
        if (p->list) e = p->list(&c->pub, &l);
    }
    list_close(&l);
    return e;
}

void mcp_list_render(struct mcp_call_state *c, enum err e)
{
    const struct mcp_list_kind *kind =
        slice_eq(c->m.method, SLICE("prompts/list")) ? &mcp_list_prompts
        : slice_eq(c->m.method, SLICE("resources/list"))
            ? &mcp_list_resources
            : &mcp_list_templates;
    if (e || c->blocks.err)
        mcp_handler_fault(c, e ? e : c->blocks.err);
    else
        mcp_reply_list(&c->reply, c->pub.server, c->revision, c->m.id, kind,
                       buf_slice(&c->blocks), c->next_cursor);
}
