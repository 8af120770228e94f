#include "engine/replies.h"

#include "base/alloc.h"

enum { KEY_SIZE = 96 }; /* a session id of 36, two numbers of 20 */

/* One block: the struct, then both spellings. */
struct reply {
    int64_t serial; /* of the snapshot */
    struct twin_fragment text;
};

static void reply_free(void *ctx, void *value)
{
    (void)ctx;
    mem_free(value);
}

/* Replies come by eng__reply_keep alone. */
static enum err reply_load(void *ctx, struct slice key, const struct cancel *c,
                           struct st_loaded *ret)
{
    (void)ctx, (void)key, (void)c, (void)ret;
    return ERR_NOT_FOUND;
}

enum err eng__replies_cache(struct engine *e, struct st_cache **ret)
{
    return eng__cache_new(e, ENG_CACHE_REPLIES,
                          &(struct st_cache_row){.key_label = "reply",
                                                 .rank = 4,
                                                 .load = reply_load,
                                                 .free_value = reply_free,
                                                 .ctx = e},
                          ret);
}

/* "<session>/<phase>.<task + 1>", the numbers with their lowest digit first;
 * no task is numbered below 0. */
static struct slice reply_key(char text[KEY_SIZE], struct slice session,
                              int64_t phase, int64_t task)
{
    const uint64_t numbers[] = {(uint64_t)phase, (uint64_t)task + 1};
    size_t n = session.n;
    memcpy(text, session.p, n);
    for (int i = 0; i < 2; i++) {
        uint64_t left = numbers[i];
        text[n++] = i ? '.' : '/';
        do text[n++] = (char)('0' + left % 10);
        while (left /= 10);
    }
    return (struct slice){text, n};
}

bool eng__reply_again(struct engine *e, struct eng_call *c,
                      const struct eng_snapshot *s, int64_t phase, int64_t task)
{
    char text[KEY_SIZE];
    if (s->claims_count) return false;
    const struct reply *a = eng__cache_peek(
        e, ENG_CACHE_REPLIES, reply_key(text, s->row.id, phase, task), c->now);
    if (!a || a->serial != s->serial) return false;
    struct json_writer w = json_writer(&c->out->plain);
    twin_splice(c->out, &w, a->text);
    return true;
}

static struct slice put(char **at, struct slice text)
{
    struct slice copy = {*at, text.n};
    memcpy(*at, text.p, text.n);
    *at += text.n;
    return copy;
}

void eng__reply_keep(struct engine *e, struct eng_call *c,
                     const struct eng_snapshot *s, int64_t phase, int64_t task)
{
    char text[KEY_SIZE];
    if (s->claims_count || twin_finish(c->out)) return;
    size_t bytes = sizeof(struct reply) + c->out->plain.n + c->out->escaped.n;
    struct reply *a = mem_alloc(bytes);
    if (!a) return; /* it is made again */
    char *at = (char *)(a + 1);
    a->serial = s->serial;
    a->text.plain = put(&at, buf_slice(&c->out->plain));
    a->text.escaped = put(&at, buf_slice(&c->out->escaped));
    st_cache_put(
        e->cache[ENG_CACHE_REPLIES], reply_key(text, s->row.id, phase, task),
        &(struct st_loaded){.value = a, .bytes = bytes, .version = s->serial});
}
