/* The answers' writer, second part: lists and content blocks. */
#include "base/base64.h"
#include "mcp/reply.h"

static bool has(const struct mcp_revision *r, enum mcp_feature f)
{
    return (r->features & f) != 0;
}

static void put_text(struct json_writer *w, const char *key, struct slice text)
{
    if (text.n) json_put_string(w, key, text);
}

/* --- lists ------------------------------------------------------------------ */

const struct mcp_list_kind mcp_list_resources = {"resources", "uri"};
const struct mcp_list_kind mcp_list_templates = {"resourceTemplates",
                                                 "uriTemplate"};
const struct mcp_list_kind mcp_list_prompts = {"prompts", NULL};

static void put_arguments(struct json_writer *w,
                          const struct mcp_prompt_arg *args)
{
    json_key(w, SLICE("arguments"));
    json_begin_array(w);
    for (; args->name; args++) {
        json_begin_object(w);
        json_put_string(w, "name", slice_of(args->name));
        put_text(w, "description", slice_of(args->description));
        if (args->required) json_put_bool(w, "required", true);
        json_end_object(w);
    }
    json_end_array(w);
}

void mcp_reply_item(struct json_writer *w, const struct mcp_revision *r,
                    const struct mcp_list_kind *kind,
                    const struct mcp_item *item,
                    const struct mcp_prompt_arg *args)
{
    json_begin_object(w);
    if (kind->uri) json_put_string(w, kind->uri, item->uri);
    json_put_string(w, "name", item->name);
    if (has(r, MCP_HAS_TITLE)) put_text(w, "title", item->title);
    put_text(w, "description", item->description);
    if (kind->uri) put_text(w, "mimeType", item->mime_type);
    if (kind == &mcp_list_resources && item->size >= 0)
        json_put_int(w, "size", item->size);
    if (kind == &mcp_list_prompts && args) put_arguments(w, args);
    json_end_object(w);
}

/* What a read or a list says may change with any call. */
static void put_fleeting(struct json_writer *w, const struct mcp_revision *r)
{
    if (!has(r, MCP_HAS_CACHE_HINTS)) return;
    json_put_int(w, "ttlMs", 0);
    json_put_string(w, "cacheScope", SLICE("private"));
}

void mcp_reply_list(struct buf *b, const struct mcp_server *s,
                    const struct mcp_revision *r, const struct json *id,
                    const struct mcp_list_kind *kind, struct slice array,
                    struct slice next_cursor)
{
    struct json_writer w = mcp_reply_open(b, r, id, "complete");
    json_put_raw(&w, kind->key, array);
    put_text(&w, "nextCursor", next_cursor);
    put_fleeting(&w, r);
    mcp_reply_close(b, s, r, id);
}

/* --- content ---------------------------------------------------------------- */

static const char *const kind_names[] = {[MCP_TEXT] = "text",
                                         [MCP_IMAGE] = "image",
                                         [MCP_AUDIO] = "audio",
                                         [MCP_LINK] = "resource_link",
                                         [MCP_EMBEDDED] = "resource"};

static void put_bytes(struct json_writer *w, const char *key,
                      struct slice bytes)
{
    json_put_raw(w, key, SLICE("\""));
    base64_put(w->out, bytes, BASE64_PLAIN);
    buf_putc(w->out, '"');
}

static void put_annotations(struct json_writer *w, const struct mcp_content *c)
{
    if (!c->audience && c->priority <= 0 && !c->last_modified.n) return;
    json_key(w, SLICE("annotations"));
    json_begin_object(w);
    if (c->audience) {
        json_key(w, SLICE("audience"));
        json_begin_array(w);
        if (c->audience & MCP_FOR_USER) json_string(w, SLICE("user"));
        if (c->audience & MCP_FOR_ASSISTANT)
            json_string(w, SLICE("assistant"));
        json_end_array(w);
    }
    if (c->priority > 0) {
        json_key(w, SLICE("priority"));
        json_number(w, c->priority);
    }
    put_text(w, "lastModified", c->last_modified);
    json_end_object(w);
}

static void put_whole(struct json_writer *w, const struct mcp_content *c)
{
    json_begin_object(w);
    json_put_string(w, "uri", c->uri);
    put_text(w, "mimeType", c->mime_type);
    if (c->bytes.p)
        put_bytes(w, "blob", c->bytes);
    else
        json_put_string(w, "text", c->text);
    json_end_object(w);
}

static void put_link(struct json_writer *w, const struct mcp_content *c)
{
    json_put_string(w, "uri", c->uri);
    json_put_string(w, "name", c->name.n ? c->name : c->uri);
    put_text(w, "title", c->title);
    put_text(w, "description", c->description);
    put_text(w, "mimeType", c->mime_type);
}

static bool known(const struct mcp_revision *r, enum mcp_content_kind kind)
{
    if (kind == MCP_AUDIO) return has(r, MCP_HAS_AUDIO);
    return kind != MCP_LINK || has(r, MCP_HAS_LINKS);
}

/* What a revision has no block for. */
static void put_described(struct json_writer *w, const struct mcp_content *c)
{
    json_put_string(w, "type", SLICE("text"));
    json_key(w, SLICE("text"));
    if (c->kind == MCP_LINK)
        json_stringf(w, "%.*s: %.*s", SLICE_ARG(c->name), SLICE_ARG(c->uri));
    else
        json_stringf(w, "(%.*s, %zu bytes)", SLICE_ARG(c->mime_type),
                     c->bytes.n);
}

void mcp_reply_content(struct buf *b, const struct mcp_revision *r,
                       const struct mcp_content *c)
{
    struct json_writer w = json_writer(b);
    json_begin_object(&w);
    if (!known(r, c->kind)) {
        put_described(&w, c);
        json_end_object(&w);
        return;
    }
    json_put_string(&w, "type", slice_of(kind_names[c->kind]));
    switch (c->kind) {
    case MCP_TEXT:
        json_put_string(&w, "text", c->text);
        break;
    case MCP_IMAGE:
    case MCP_AUDIO:
        put_bytes(&w, "data", c->bytes);
        json_put_string(&w, "mimeType", c->mime_type);
        break;
    case MCP_LINK:
        put_link(&w, c);
        break;
    case MCP_EMBEDDED:
        json_key(&w, SLICE("resource"));
        put_whole(&w, c);
        break;
    }
    put_annotations(&w, c);
    json_end_object(&w);
}

void mcp_reply_contents(struct buf *b, const struct mcp_content *c)
{
    struct json_writer w = json_writer(b);
    put_whole(&w, c);
}

void mcp_reply_blocks(struct buf *b, const struct mcp_server *s,
                      const struct mcp_revision *r, const struct json *id,
                      enum mcp_blocks what, struct slice description,
                      struct slice blocks)
{
    struct json_writer w = mcp_reply_open(b, r, id, "complete");
    put_text(&w, "description", description);
    json_key(&w, what == MCP_BLOCKS_MESSAGES ? SLICE("messages")
                                             : SLICE("contents"));
    json_begin_array(&w);
    if (blocks.n) json_raw(&w, blocks);
    json_end_array(&w);
    if (what == MCP_BLOCKS_CONTENTS) put_fleeting(&w, r);
    mcp_reply_close(b, s, r, id);
}

void mcp_reply_completion(struct buf *b, const struct mcp_server *s,
                          const struct mcp_revision *r, const struct json *id,
                          struct slice values, size_t total)
{
    struct json_writer w = mcp_reply_open(b, r, id, "complete");
    json_key(&w, SLICE("completion"));
    json_begin_object(&w);
    json_key(&w, SLICE("values"));
    json_begin_array(&w);
    if (values.n) json_raw(&w, values);
    json_end_array(&w);
    json_put_int(&w, "total", (int64_t)total);
    json_put_bool(&w, "hasMore", total > 100);
    json_end_object(&w);
    mcp_reply_close(b, s, r, id);
}
