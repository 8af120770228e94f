#include "cli/embedder.h"

#ifdef PHASEGATE_EMBEDDINGS

#include "base/clock.h"
#include "base/file.h"
#include "outbound/embed_http.h"

enum { KEY_MOST = 4096 };

/* The embedder is the HTTP one: one word for one thing. */
static struct embed_http *http_of(const struct cli_embedder *e)
{
    return (struct embed_http *)e;
}

static enum err key_read(struct cli_options *o, struct slice *ret)
{
    struct slice path = o->set.embed_key_file, text;
    if (!path.n) return OK;
    enum err e = file_read(path, KEY_MOST, o->arena, &text);
    if (e)
        return problem_setf(&o->problem, o->arena, e,
                            SLICE("The key of the embedding endpoint is "
                                  "read from it at the start."),
                            SLICE("Name a file that this user can read, with "
                                  "the key alone in it."),
                            "embed.key_file: cannot read %.*s",
                            SLICE_ARG(path));
    *ret = slice_trim(text);
    return OK;
}

enum err cli_embedder_new(struct cli_options *o, struct cli_embedder **ret)
{
    struct slice key = {0};
    struct embed_http *h = NULL;
    *ret = NULL;
    if (!o->set.embed_url.n) return OK;
    enum err e = key_read(o, &key);
    if (!e)
        e = embed_http_new(
            &(struct embed_http_options){.url = o->set.embed_url,
                                         .model = o->set.embed_model,
                                         .key = key,
                                         .wait_ns =
                                             o->set.embed_wait_ms * NS_PER_MS},
            o->arena, &o->problem, &h);
    if (!e) *ret = (struct cli_embedder *)h;
    return e;
}

const struct eng_embedder *cli_embedder_use(const struct cli_embedder *e)
{
    return e ? embed_http_embedder(http_of(e)) : NULL;
}

void cli_embedder_free(struct cli_embedder *e)
{
    embed_http_free(http_of(e));
}

#else

enum err cli_embedder_new(struct cli_options *o, struct cli_embedder **ret)
{
    (void)o;
    *ret = NULL;
    return OK;
}

const struct eng_embedder *cli_embedder_use(const struct cli_embedder *e)
{
    (void)e;
    return NULL;
}

void cli_embedder_free(struct cli_embedder *e)
{
    (void)e;
}

#endif
