#include "engine/moment.h"

#include "engine/core.h"
#include "engine/digest.h"

/* Own commits do not move the stamp, foreign ones not the count. */
static bool state_vouches(struct engine *e, struct sha256 *h)
{
    uint64_t stamp = st_stamp(e->store);
    eng__digest_int(h, (int64_t)stamp);
    eng__digest_int(h, (int64_t)st_transactions(e->store));
    return stamp != 0;
}

static bool files_vouch(struct engine *e, struct sha256 *h)
{
    for (int i = 0; i < ENG_WATCH_SETS; i++) {
        uint64_t stamp = eng_watch_stamp(e->watch, (enum eng_watch_set)i);
        if (!stamp || stamp == ENG_WATCH_UNREAD) return false;
        eng__digest_int(h, (int64_t)stamp);
    }
    return true;
}

bool eng_moment(struct engine *e, struct slice tool,
                const struct json *arguments, struct arena *a,
                uint8_t ret_name[SHA256_SIZE])
{
    struct sha256 h;
    sha256_init(&h);
    eng__digest_text(&h, tool);
    if (!e->store || !state_vouches(e, &h) || !files_vouch(e, &h)) return false;
    if (eng__digest_json(&h, arguments, a)) return false;
    sha256_end(&h, ret_name);
    return true;
}
