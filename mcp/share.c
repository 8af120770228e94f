/* Identical reads that are under way at one time run once. The first leads: it
 * stands in the server's flights by the name of its work, is admitted and
 * runs; the others join before they take a permit, wait without a thread,
 * and get its result in an envelope of their own, or its error.
 *
 * Each who joined keeps its id, its deadline, its progress and its
 * cancellation; leaving disturbs nobody. When the leader's client leaves, the
 * work goes on for the others; when the leader ends before its work was
 * begun, the one that has waited longest leads. A flight leaves the table
 * with its leader, by identity: a newcomer after that begins afresh. There is
 * no result cache here. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mcp/call_state.h"
#include "mcp/reply.h"

/* What all get; moved out of the leader, never changed. */
struct mcp_shared {
    _Atomic uint32_t users;
    struct twin out;
    enum err err;
    bool is_error;
    int64_t retry_after_ms;
};

void mcp_share_init(struct mcp_server *s)
{
    for (int i = 0; i < MCP_FLIGHT_LISTS; i++) mcp_link_init(&s->flights[i]);
}

static void count(_Atomic uint64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static struct mcp_call_link *list_of(struct mcp_call_state *c)
{
    return &c->pub.server->flights[c->sharing.key[0] % MCP_FLIGHT_LISTS];
}

/* --- the table. Lock: server->lock is held -------------------------------- */

static struct mcp_call_state *find(struct mcp_call_state *c)
{
    struct mcp_call_link *head = list_of(c);
    for (struct mcp_call_link *l = head->next; l != head; l = l->next) {
        struct mcp_call_state *f = MCP_CALL_AT(l, at_flight);
        if (f->revision == c->revision &&
            memcmp(f->sharing.key, c->sharing.key, SHA256_SIZE) == 0)
            return f;
    }
    return NULL;
}

static void lead(struct mcp_call_state *c)
{
    c->leads = true;
    mcp_link_add(list_of(c), &c->at_flight);
    atomic_fetch_add_explicit(&c->pub.server->counts.flights, 1,
                              memory_order_relaxed);
}

static void lead_no_more(struct mcp_call_state *c)
{
    c->leads = false;
    mcp_link_del(&c->at_flight);
    atomic_fetch_sub_explicit(&c->pub.server->counts.flights, 1,
                              memory_order_relaxed);
}

static void follow(struct mcp_call_state *c, struct mcp_call_state *leader)
{
    c->joined = true;
    c->leader = leader;
    mcp_link_add(&leader->followers, &c->at_flight);
    leader->followers_n++;
}

static void follow_no_more(struct mcp_call_state *c)
{
    c->leader->followers_n--;
    c->joined = false;
    c->leader = NULL;
    mcp_link_del(&c->at_flight);
}

static struct mcp_call_state *first_follower(struct mcp_call_state *c)
{
    return c->followers.next == &c->followers
               ? NULL
               : MCP_CALL_AT(c->followers.next, at_flight);
}

/* The longest waiting leads the others from now on, at the same place in the
 * table. */
static void hand_over(struct mcp_call_state *c)
{
    struct mcp_call_state *next = first_follower(c), *other;
    lead_no_more(c);
    if (!next) return;
    follow_no_more(next);
    lead(next);
    while ((other = first_follower(c)) != NULL) {
        follow_no_more(other);
        follow(other, next);
    }
    mcp_call_back(next);
}

/* --- joining -------------------------------------------------------------- */

static bool may_share(struct mcp_call_state *c)
{
    const struct mcp_server_config *conf = &c->pub.server->config;
    const struct json *args = json_get(c->m.params, SLICE("arguments"));
    return conf->gate->share && !c->task && !c->asks && !c->pub.step &&
           conf->gate->share(conf->gate_ctx, &c->pub, c->tool, args,
                             &c->sharing);
}

/* Lock: server->lock is held: the id is the leader's. */
static void is_duplicate(struct mcp_call_state *c,
                         const struct mcp_call_state *leader)
{
    struct problem *p = &c->pub.problem;
    p->retry_after_ms = 250;
    if (leader->m.id)
        p->extra = arena_printf(&c->pub.arena, "\"original_request_id\":%.*s",
                                SLICE_ARG(leader->m.id->raw));
    c->result = problem_set(
        p, ERR_DUPLICATE, slice_of(c->tool->name),
        SLICE("The same call is under way."),
        SLICE("Wait for its answer, or send this one again afterwards."));
    count(&c->pub.server->counts.duplicates);
}

static void tell_joined(const struct mcp_call_state *c, int64_t leader_ns)
{
    char hex[SHA256_HEX_SIZE];
    count(&c->pub.server->counts.joined);
    log_debug("mcp", "joined call in flight", LOG_C("tool", c->tool->name),
              LOG_S("key_hash", sha256_hex(c->sharing.key, hex)),
              LOG_I("leader_age_ms", (clock_now() - leader_ns) / NS_PER_MS));
}

bool mcp_share_join(struct mcp_call_state *c,
                    void (*home)(struct mcp_call_state *c))
{
    struct mcp_server *s = c->pub.server;
    if (!may_share(c)) return false;
    c->home = home;
    lock_take(&s->lock);
    struct mcp_call_state *leader = find(c);
    bool refused = leader && c->sharing.refuses;
    bool room = leader && !refused && leader->followers_n < c->sharing.most;
    int64_t leader_ns = leader ? leader->arrived_ns : 0;
    if (refused) is_duplicate(c, leader);
    if (room) follow(c, leader);
    if (!leader) lead(c);
    lock_drop(&s->lock);
    if (room) { /* its mail may be there already; it is read later */
        mcp_call_leave(c);
        tell_joined(c, leader_ns);
        return true;
    }
    if (!refused) count(&s->counts.led);
    if (refused) mcp_call_finish(c);
    return refused;
}

static void shared_drop(struct mcp_shared *sh)
{
    if (atomic_fetch_sub_explicit(&sh->users, 1, memory_order_acq_rel) != 1)
        return;
    twin_done(&sh->out);
    mem_free(sh);
}

bool mcp_share_arrived(struct mcp_call_state *c)
{
    struct mcp_shared *sh = c->shared;
    if (c->leads) return false;
    if (!sh) return true; /* c->result says how it ended */
    c->shared = NULL;
    c->result = sh->err;
    c->pub.problem.retry_after_ms = sh->retry_after_ms;
    mcp_reply_tool(&c->reply, c->pub.server, c->revision, c->m.id, &sh->out,
                   sh->is_error ? MCP_TOOL_ERROR : 0);
    c->rendered = true;
    shared_drop(sh);
    return true;
}

/* --- leaving -------------------------------------------------------------- */

/* A leader whose client has left works for those who wait; when the last of
 * them leaves too, it may stop. */
bool mcp_share_leave(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    bool waited = c->joined;
    struct mcp_call_state *leader = c->leader;
    if (waited) follow_no_more(c);
    if (waited && leader->alone && !leader->followers_n)
        (void)cancel_set(&leader->pub.cancel, CANCEL_CLIENT);
    lock_drop(&s->lock);
    return waited;
}

bool mcp_share_wanted(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    bool wanted = c->leads && c->followers_n;
    c->alone |= wanted;
    lock_drop(&s->lock);
    return wanted;
}

/* --- the end -------------------------------------------------------------- */

/* Ended before its work had begun, by its own client or its own time: that
 * is nothing to the others. */
static bool ended_for_itself(const struct mcp_call_state *c)
{
    int cause =
        atomic_load_explicit(&c->pub.cancel.cause, memory_order_relaxed);
    if (cause == CANCEL_SHUTDOWN) return false;
    return c->result == ERR_CANCELLED ||
           (c->result == ERR_DEADLINE && !c->admitted);
}

/* NULL: it cannot be shared, or there is no memory. */
static struct mcp_shared *result_of(struct mcp_call_state *c)
{
    if (!c->rendered) mcp_call_render(c);
    if (c->fault.kind || c->blocks.n) return NULL;
    struct mcp_shared *sh = MEM_NEW(struct mcp_shared);
    if (!sh) return NULL;
    atomic_init(&sh->users, 1);
    sh->err = c->result;
    sh->is_error = c->result != OK || c->pub.is_error;
    sh->retry_after_ms = c->pub.problem.retry_after_ms;
    sh->out = c->pub.out;
    twin_init(&c->pub.out, sh->out.plain.ceiling);
    return sh;
}

/* Lock: server->lock is held */
static void resolve(struct mcp_call_state *c, struct mcp_shared *sh, enum err e)
{
    struct mcp_call_state *f;
    lead_no_more(c);
    while ((f = first_follower(c)) != NULL) {
        follow_no_more(f);
        f->shared = sh;
        f->result = e;
        if (sh) atomic_fetch_add_explicit(&sh->users, 1, memory_order_relaxed);
        mcp_call_back(f);
    }
}

void mcp_share_end(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    struct mcp_shared *sh = NULL;
    if (!c->leads) return;
    lock_take(&s->lock);
    bool others = c->followers_n > 0;
    if (!others) lead_no_more(c);
    lock_drop(&s->lock);
    if (!others) return;
    if (!ended_for_itself(c)) sh = result_of(c);
    lock_take(&s->lock);
    if (sh)
        resolve(c, sh, OK);
    else
        hand_over(c);
    lock_drop(&s->lock);
    if (sh) shared_drop(sh);
}

void mcp_share_late(struct mcp_call_state *c)
{
    struct mcp_server *s = c->pub.server;
    lock_take(&s->lock);
    if (c->leads) resolve(c, NULL, ERR_DEADLINE);
    lock_drop(&s->lock);
}
