#include "engine/limiter.h"

void limiter_init(struct limiter *l)
{
    lock_init(&l->lock, "limiter", RANK_PROVIDER);
}

void limiter_done(struct limiter *l)
{
    lock_done(&l->lock);
}

void bucket_init(struct bucket *b, const char *name,
                 const struct bucket_options *o)
{
    int64_t period = o->period_ns ? o->period_ns : 60 * NS_PER_S;
    uint32_t burst = o->burst ? o->burst : o->rate;
    *b = (struct bucket){.name = name, .arrival = INT64_MIN / 2};
    if (!o->rate) return;
    b->interval_ns = (period + o->rate - 1) / o->rate; /* never too often */
    b->slack_ns = (int64_t)(burst - 1) * b->interval_ns;
}

/* Until it has a token; 0: it has one. */
static int64_t do_wait(const struct bucket *b, int64_t now)
{
    int64_t at = b->arrival - b->slack_ns;
    return b->interval_ns && at > now ? at - now : 0;
}

static void do_charge(struct bucket *b, int64_t now)
{
    b->granted++;
    if (!b->interval_ns) return;
    b->arrival = (b->arrival > now ? b->arrival : now) + b->interval_ns;
}

enum err limiter_take(struct limiter *l, struct bucket *const *chain,
                      size_t count, int64_t now, int64_t patience_ns,
                      int64_t *ret_wait_ns, struct limiter_refusal *reterr)
{
    struct bucket *slowest = NULL;
    int64_t most = 0;
    lock_take(&l->lock);
    for (size_t i = 0; i < count; i++) {
        int64_t wait = do_wait(chain[i], now);
        if (wait > most) slowest = chain[i], most = wait;
    }
    bool refused = slowest && most > patience_ns;
    if (refused) slowest->refused++;
    for (size_t i = 0; i < count && !refused; i++) do_charge(chain[i], now);
    lock_drop(&l->lock);
    if (!refused) {
        *ret_wait_ns = most;
        return OK;
    }
    *reterr = (struct limiter_refusal){slowest, most};
    return ERR_RATE_LIMITED;
}

void limiter_stats(struct limiter *l, const struct bucket *b, int64_t now,
                   struct bucket_stats *ret)
{
    lock_take(&l->lock);
    *ret = (struct bucket_stats){.name = b->name,
                                 .on = b->interval_ns != 0,
                                 .granted = b->granted,
                                 .refused = b->refused};
    if (b->interval_ns) {
        int64_t used = b->arrival > now ? b->arrival - now : 0;
        int64_t room = b->slack_ns + b->interval_ns - used;
        ret->tokens = room > 0 ? room / b->interval_ns : 0;
    }
    lock_drop(&l->lock);
}

enum err limiter_problem(const struct limiter_refusal *r, struct arena *a,
                         struct problem *ret)
{
    int64_t ms = (r->wait_ns + NS_PER_MS - 1) / NS_PER_MS;
    int64_t tenths = (ms + 99) / 100;
    ret->retry_after_ms = ms;
    return problem_setf(ret, a, ERR_RATE_LIMITED,
                        SLICE("It is asked as often as its limit allows."),
                        SLICE("Wait retry_after_ms, then ask again."),
                        "Rate limit for %s exceeded. Retry in %lld.%llds",
                        r->by->name, (long long)(tenths / 10),
                        (long long)(tenths % 10));
}
