#include "engine/breaker.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"

#define PROBE_GRACE_NS NS_PER_S

static const char *const state_names[] = {
#define NAME(symbol, name) [BREAKER_##symbol] = (name),
    BREAKER_STATE_ROWS(NAME)};
static const char *const outcome_names[] = {BREAKER_OUTCOME_ROWS(NAME)};
#undef NAME

const char *breaker_state_name(enum breaker_state s)
{
    return state_names[s];
}

const char *breaker_outcome_name(enum breaker_outcome o)
{
    return outcome_names[o];
}

void breaker_options_init(struct breaker_options *o)
{
    *o = (struct breaker_options){.failures = 5,
                                  .successes = 2,
                                  .open_ns = 60 * NS_PER_S,
                                  .open_max_ns = 300 * NS_PER_S,
                                  .random = random_u64};
}

void breaker_init(struct breaker *b, const char *name,
                  const struct breaker_options *o)
{
    *b = (struct breaker){.name = name, .o = *o, .window_ns = o->open_ns};
    if (!b->o.random) b->o.random = random_u64;
    lock_init(&b->lock, "breaker", RANK_PROVIDER);
}

void breaker_done(struct breaker *b)
{
    lock_done(&b->lock);
}

/* --- edges ---------------------------------------------------------------- */

/* What to log once the lock is dropped. */
struct change {
    bool happened;
    enum breaker_state to;
    uint32_t failures;
    int64_t ns; /* OPEN: the window; CLOSED: since it was left */
};

static void do_move(struct breaker *b, enum breaker_state to) REQUIRES(b->lock)
{
    assert(b->state != to);
    b->state = to;
    b->epoch++;
    b->probing = false;
    b->counts.changes[to]++;
}

static void do_open(struct breaker *b, int64_t now, struct change *ret)
    REQUIRES(b->lock)
{
    if (b->state == BREAKER_CLOSED) b->since = now;
    *ret = (struct change){true, BREAKER_OPEN, b->failures, b->span_ns};
    b->until = now + b->span_ns;
    b->successes = 0;
    do_move(b, BREAKER_OPEN);
}

/* A new window: with a jitter of 0..10 %, never shorter than it is. */
static void do_window(struct breaker *b, int64_t window_ns) REQUIRES(b->lock)
{
    uint64_t tenth = (uint64_t)window_ns / 10;
    b->window_ns = window_ns;
    b->span_ns = window_ns + (int64_t)(b->o.random() % (tenth + 1));
}

static void do_close(struct breaker *b, int64_t now, struct change *ret)
    REQUIRES(b->lock)
{
    *ret = (struct change){true, BREAKER_CLOSED, 0, now - b->since};
    b->failures = b->successes = 0;
    b->window_ns = b->o.open_ns;
    do_move(b, BREAKER_CLOSED);
}

static void do_probe_failed(struct breaker *b, int64_t now, struct change *ret)
    REQUIRES(b->lock)
{
    int64_t twice = b->window_ns > b->o.open_max_ns / 2 ? b->o.open_max_ns
                                                        : b->window_ns * 2;
    do_window(b, twice < b->window_ns ? b->window_ns : twice);
    do_open(b, now, ret);
}

static void tell(const struct breaker *b, const struct change *c)
{
    if (!c->happened) return;
    if (c->to == BREAKER_OPEN)
        log_warn("provider", "breaker open", LOG_C("provider", b->name),
                 LOG_I("failures", c->failures),
                 LOG_I("window_ms", c->ns / NS_PER_MS));
    else
        log_info("provider", "breaker closed", LOG_C("provider", b->name),
                 LOG_I("after_ms", c->ns / NS_PER_MS));
}

/* --- a call --------------------------------------------------------------- */

static bool do_may_probe(const struct breaker *b, int64_t now)
{
    return b->state == BREAKER_OPEN
               ? now >= b->until
               : b->state == BREAKER_HALF_OPEN && !b->probing;
}

static int64_t do_retry(const struct breaker *b, int64_t now)
{
    if (b->state == BREAKER_CLOSED || do_may_probe(b, now)) return 0;
    int64_t at = b->state == BREAKER_OPEN ? b->until : b->probe_until;
    return at - now < NS_PER_MS ? NS_PER_MS : at - now;
}

/* A probe whose caller never came back. */
static void do_overdue(struct breaker *b, int64_t now, struct change *ret)
    REQUIRES(b->lock)
{
    if (!b->probing || now < b->probe_until) return;
    b->counts.probes[BREAKER_FAILURE]++;
    b->counts.failures_total++;
    do_probe_failed(b, now, ret);
}

enum err breaker_begin(struct breaker *b, int64_t now, int64_t limit_ns,
                       struct breaker_token *ret, int64_t *ret_retry_ns)
{
    struct change change = {0};
    enum err e = OK;
    lock_take(&b->lock);
    do_overdue(b, now, &change);
    if (do_may_probe(b, now)) {
        if (b->state == BREAKER_OPEN) do_move(b, BREAKER_HALF_OPEN);
        b->probing = true;
        b->probe_until = limit_ns > INT64_MAX - PROBE_GRACE_NS - now
                             ? INT64_MAX
                             : now + limit_ns + PROBE_GRACE_NS;
    } else if (b->state != BREAKER_CLOSED) {
        b->counts.refused++;
        *ret_retry_ns = do_retry(b, now);
        e = ERR_PROVIDER_UNAVAILABLE;
    }
    if (!e) *ret = (struct breaker_token){b->epoch, b->probing};
    lock_drop(&b->lock);
    tell(b, &change);
    return e;
}

static void do_end_call(struct breaker *b, int64_t now,
                        enum breaker_outcome outcome, struct change *ret)
    REQUIRES(b->lock)
{
    if (outcome == BREAKER_SUCCESS) b->failures = 0;
    if (outcome != BREAKER_FAILURE || ++b->failures < b->o.failures) return;
    do_window(b, b->o.open_ns);
    do_open(b, now, ret);
    b->failures = 0;
}

static void do_end_probe(struct breaker *b, int64_t now,
                         enum breaker_outcome outcome, struct change *ret)
    REQUIRES(b->lock)
{
    b->probing = false;
    b->counts.probes[outcome]++;
    switch (outcome) {
    case BREAKER_SUCCESS:
        if (++b->successes >= b->o.successes) do_close(b, now, ret);
        break;
    case BREAKER_FAILURE:
        do_probe_failed(b, now, ret);
        break;
    case BREAKER_CANCELLED:
        do_open(b, now, ret); /* the same window once more */
        break;
    case BREAKER_UNTRIED: /* the next caller probes */
    case BREAKER_OUTCOME_COUNT:
        break;
    }
}

void breaker_end(struct breaker *b, int64_t now, struct breaker_token t,
                 enum breaker_outcome outcome)
{
    struct change change = {0};
    lock_take(&b->lock);
    if (outcome == BREAKER_FAILURE) b->counts.failures_total++;
    if (t.epoch == b->epoch && t.probe)
        do_end_probe(b, now, outcome, &change);
    else if (t.epoch == b->epoch)
        do_end_call(b, now, outcome, &change);
    lock_drop(&b->lock);
    tell(b, &change);
}

void breaker_reset(struct breaker *b, int64_t now)
{
    struct change change = {0};
    lock_take(&b->lock);
    if (b->state != BREAKER_CLOSED) {
        do_close(b, now, &change);
    } else {
        b->failures = 0;
        b->epoch++; /* what is under way counts no more */
    }
    lock_drop(&b->lock);
    tell(b, &change);
}

void breaker_stats(struct breaker *b, int64_t now, struct breaker_stats *ret)
{
    lock_take(&b->lock);
    *ret = b->counts;
    ret->state = b->state;
    ret->failures = b->failures;
    ret->window_ns = b->window_ns;
    ret->retry_ns = do_retry(b, now);
    lock_drop(&b->lock);
}
