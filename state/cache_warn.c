/* The log lines of the cache. Nothing here runs under a lock of the cache. */
#include "state/cache_private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum { WARN_BURST = 10, KEY_SHOWN = 120 };
static const int64_t warn_every = 6 * NS_PER_S;

void st__warnings_init(struct st_warnings *w)
{
    lock_init(&w->lock, "cache_warnings", RANK_LEAF);
    w->left = WARN_BURST;
}

/* May a line pass now? *ret_suppressed: how many did not since the last. */
static bool warning_passes(struct st_warnings *w, int64_t now,
                           uint64_t *ret_suppressed)
{
    lock_take(&w->lock);
    int64_t due =
        now > w->refilled_at ? (now - w->refilled_at) / warn_every : 0;
    if (due >= WARN_BURST - w->left) {
        w->left = WARN_BURST;
        if (now > w->refilled_at) w->refilled_at = now;
    } else {
        w->left += (int)due;
        w->refilled_at += due * warn_every;
    }
    bool passes = w->left > 0;
    *ret_suppressed = w->suppressed;
    w->suppressed = passes ? 0 : w->suppressed + 1;
    w->left -= passes;
    lock_drop(&w->lock);
    return passes;
}

/* Keys may be any bytes: what is not plain ASCII shows as '?', the tail of a
 * long one as "...". */
static const char *key_text(struct slice key, char out[KEY_SHOWN + 4])
{
    size_t n = key.n < KEY_SHOWN ? key.n : KEY_SHOWN;
    for (size_t i = 0; i < n; i++)
        out[i] = key.p[i] >= ' ' && key.p[i] <= '~' ? key.p[i] : '?';
    memcpy(out + n, key.n > n ? "..." : "", key.n > n ? 4 : 1);
    return out;
}

void st__warn_double_load(struct st_cache *ca, struct slice key, int64_t now)
{
    uint64_t suppressed;
    if (!log_enabled(LOG_WARN) ||
        !warning_passes(&ca->warnings, now, &suppressed))
        return;
    char shown[KEY_SHOWN + 4], text[KEY_SHOWN + 160];
    const char *label = ca->row.key_label ? ca->row.key_label : "key";
    snprintf(text, sizeof(text),
             "Race condition detected (double load) - prevented by lock. "
             "%s=%s, thread=%s",
             label, key_text(key, shown), log_thread());
    struct log_field f[] = {LOG_C("cache", ca->row.name), LOG_S(label, key),
                            LOG_C("thread", log_thread()),
                            LOG_I("suppressed", suppressed)};
    log_line(LOG_WARN, "cache", text, f, suppressed ? 4 : 3);
}

void st__warn_stale(struct st_cache *ca, const struct st_entry *stale,
                    int64_t now, enum err e)
{
    log_warn("cache", "load failed, serving stale",
             LOG_C("cache", ca->row.name), LOG_S("key", st__entry_key(stale)),
             LOG_I("age_ms", (now - stale->published) / NS_PER_MS),
             LOG_S("err", err_detail(e)));
}

void st__warn_abandoned(struct st_cache *ca, struct slice key, int64_t waited)
{
    log_warn("cache", "load abandoned", LOG_C("cache", ca->row.name),
             LOG_S("key", key), LOG_I("waited_ms", waited / NS_PER_MS));
}
