/* The same call again. An agent that waits asks the same question over and
 * over, and each time only the id is another. What such a message means is
 * known then: its tree and its arguments need not be read anew, and on stdio
 * neither its ruling. What the answer is, is not known here: all that decides
 * on it (leave to call, limits, headers, the tool itself) is asked as ever.
 *
 * A message is known from its second coming on; the first leaves a hash. Each
 * lane knows a few, of a peer of stdio or of all connections of a loop: they
 * do not belong to a client, since what is kept is of the bytes alone, and of
 * what `initialize` chose where the ruling depends on it.
 *
 * A known message never changes; the lane has one reference, each call that
 * was recognised another, which its arena drops: it may outlive the lane's, on
 * a worker or on the server's own loop. Thread: the lane's, but for the end of
 * a reference. */
#include "base/alloc.h"
#include "mcp/call_state.h"
#include "mcp/rules.h"

enum {
    MESSAGE_MOST = 4096,
    ID_MOST = 64,
    KNOWN_BYTES = 128 * 1024,
    WORTH_HIT = 8, /* attempts to take its place that a hit wards off */
    WORTH_MOST = 64
};

struct mcp_known {
    _Atomic uint32_t users;
    uint32_t worth; /* Thread: the lane's */
    struct arena arena;
    struct slice before, after; /* all of the message but the id's text */
    struct mcp_message m;       /* without id and body: they are another's */
    const struct mcp_tool *tool;
    const struct json *raw_args;
    void *args;                        /* NULL: the tool has its own schema */
    const struct mcp_revision *legacy; /* stdio: the stream's, when ruled */
    struct mcp_ruling ruling;          /* stdio */
};

static void known_drop(void *object)
{
    struct mcp_known *k = object;
    if (!k) return;
    /* Whoever frees it sees all that others have done with it. */
    if (atomic_fetch_sub_explicit(&k->users, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&k->arena);
    mem_free(k);
}

void mcp_again_done(struct mcp_lane *lane)
{
    for (int i = 0; i < MCP_KNOWN; i++) {
        known_drop(lane->known[i]);
        lane->known[i] = NULL;
    }
}

/* --- recognising ---------------------------------------------------------- */

/* An id whose text ends where it seems to: digits as JSON has them, or a
 * string of ASCII without an escape. Any other is read in full. */
static bool plain_id(struct slice id)
{
    bool text = id.n >= 2 && id.p[0] == '"' && id.p[id.n - 1] == '"';
    if (!text && (!id.n || (id.p[0] == '0' && id.n > 1))) return false;
    for (size_t i = text; i < id.n - text; i++) {
        char ch = id.p[i];
        if (text ? ch < ' ' || ch > '~' || ch == '"' || ch == '\\'
                 : ch < '0' || ch > '9')
            return false;
    }
    return true;
}

static bool same(const struct mcp_known *k, struct slice message,
                 struct slice *ret_id)
{
    size_t rest = k->before.n + k->after.n;
    if (message.n <= rest || message.n - rest > ID_MOST) return false;
    *ret_id = slice_sub(message, k->before.n, message.n - rest);
    return memcmp(message.p, k->before.p, k->before.n) == 0 &&
           memcmp(message.p + k->before.n + ret_id->n, k->after.p,
                  k->after.n) == 0 &&
           plain_id(*ret_id);
}

/* False: out of memory; the message is read as any other. */
static bool take(struct mcp_call_state *c, struct mcp_known *k, struct slice id)
{
    struct json *v = ARENA_NEW(&c->pub.arena, struct json);
    struct slice raw = arena_copy(&c->pub.arena, id);
    if (!v || !raw.p) return false;
    *v = (struct json){.type = JSON_NUMBER, .raw = raw};
    if (raw.p[0] == '"') {
        v->type = JSON_STRING;
        v->text = slice_sub(raw, 1, raw.n - 2);
    }
    /* Relaxed: the lane's own reference keeps it meanwhile. */
    atomic_fetch_add_explicit(&k->users, 1, memory_order_relaxed);
    if (arena_hold(&c->pub.arena, known_drop, k)) return false;
    if (k->worth < WORTH_MOST) k->worth += WORTH_HIT;
    c->known = k;
    c->m = k->m;
    c->m.id = v;
    return true;
}

bool mcp_again_recall(struct mcp_call_state *c, struct slice message)
{
    struct slice id;
    for (int i = 0; i < MCP_KNOWN; i++) {
        struct mcp_known *k = c->peer->lane->known[i];
        if (k && same(k, message, &id)) return take(c, k, id);
    }
    return false;
}

bool mcp_again_rule(const struct mcp_call_state *c, struct mcp_ruling *ret)
{
    const struct mcp_known *k = c->known;
    if (!k || c->peer->kind != MCP_STDIO || k->legacy != c->peer->legacy)
        return false;
    *ret = k->ruling;
    return true;
}

void mcp_again_tool(struct mcp_call_state *c, const struct json **ret_args)
{
    c->tool = c->known->tool;
    c->args = c->known->args;
    *ret_args = c->known->raw_args;
    if (!c->args) c->raw_args = c->known->raw_args;
}

/* --- keeping -------------------------------------------------------------- */

/* What the call has found in its own tree is found again in the copy. */
static bool known_read(struct mcp_known *k, struct slice text)
{
    const struct json *root;
    struct json_error je;
    struct problem unused;
    const struct mcp_tool *t = k->tool;
    if (!text.p || json_parse(text, NULL, &k->arena, &root, &je)) return false;
    mcp_message_read(root, &k->m);
    k->m.id = k->m.body = NULL;
    k->raw_args = json_get(k->m.params, SLICE("arguments"));
    if (json_is(k->raw_args, JSON_NULL)) k->raw_args = NULL;
    if (t->input_schema) return true;
    size_t size = t->args_size ? t->args_size : 1;
    problem_init(&unused);
    k->args = arena_zalloc(&k->arena, size);
    return k->args &&
           !mcp_tools_parse(t, k->raw_args, &k->arena, k->args, &unused);
}

static struct mcp_known *known_new(const struct mcp_call_state *c, size_t at,
                                   size_t id_n)
{
    struct mcp_known *k = MEM_NEW(struct mcp_known);
    if (!k) return NULL;
    arena_init(&k->arena, KNOWN_BYTES);
    atomic_init(&k->users, 1);
    struct slice text = arena_copy(&k->arena, c->bytes);
    k->before = slice_sub(text, 0, at);
    k->after = slice_sub(text, at + id_n, SIZE_MAX);
    k->tool = c->tool;
    k->legacy = c->peer->legacy;
    k->ruling = (struct mcp_ruling){
        .rule = MCP_RULE_SERVE, .revision = c->revision, .method = c->method};
    if (known_read(k, text)) return k;
    known_drop(k);
    return NULL;
}

/* The place of the next in turn, unless that has earned to stay: with more
 * messages than places some are known all the time. */
static struct mcp_known **place_of(struct mcp_lane *lane)
{
    struct mcp_known **place = &lane->known[lane->known_next++ % MCP_KNOWN];
    if (!*place) return place;
    if ((*place)->worth) {
        (*place)->worth--;
        return NULL;
    }
    known_drop(*place);
    *place = NULL;
    return place;
}

void mcp_again_keep(struct mcp_call_state *c)
{
    struct mcp_lane *lane = c->peer->lane;
    struct slice id = mcp_id_raw(c->m.id), all = c->bytes;
    if (c->deaf || !id.n || !all.n || all.n > MESSAGE_MOST) return;
    size_t at = (size_t)(id.p - all.p);
    uint64_t hash = 31 * map_hash(slice_sub(all, 0, at)) +
                    map_hash(slice_sub(all, at + id.n, SIZE_MAX));
    uint64_t *seen = &lane->seen[hash % MCP_SEEN];
    if (*seen != hash) {
        *seen = hash;
        return;
    }
    struct mcp_known **place = place_of(lane);
    if (place) *place = known_new(c, at, id.n);
}
