#include "engine/transition.h"

#include <assert.h>

static const struct slice statuses[] = {
    [ENG_ACTIVE] = SLICE_INIT("active"),
    [ENG_PAUSED] = SLICE_INIT("paused"),
    [ENG_COMPLETED] = SLICE_INIT("completed"),
    [ENG_ERRED] = SLICE_INIT("error"),
    [ENG_ABANDONED] = SLICE_INIT("abandoned"),
    [ENG_EXPIRED] = SLICE_INIT("expired"),
};
static_assert(sizeof(statuses) / sizeof(statuses[0]) == ENG_STATUS_COUNT,
              "a word for each status");

static const struct slice actions[] = {
    [ENG_PAUSE] = SLICE_INIT("pause"),
    [ENG_RESUME] = SLICE_INIT("resume"),
    [ENG_RETRY_PHASE] = SLICE_INIT("retry_phase"),
    [ENG_ROLLBACK] = SLICE_INIT("rollback"),
    [ENG_ABANDON] = SLICE_INIT("abandon"),
    [ENG_DELETE] = SLICE_INIT("delete"),
    [ENG_COMPLETE] = SLICE_INIT("complete_phase"),
    [ENG_FINISH] = SLICE_INIT("last phase"),
    [ENG_CLAIM] = SLICE_INIT("claim, release"),
    [ENG_DECIDE] = SLICE_INIT("approve, reject"),
    [ENG_REOPEN] = SLICE_INIT("proven file changes"),
    [ENG_EXPIRE] = SLICE_INIT("idle too long"),
};
static_assert(sizeof(actions) / sizeof(actions[0]) == ENG_ACTION_COUNT,
              "a word for each action");

struct edge {
    enum err err;
    enum eng_status to;
};
#define TO(status)                                                             \
    {                                                                          \
        OK, ENG_##status                                                       \
    }
#define NO(detail)                                                             \
    {                                                                          \
        ERR_##detail, ENG_STATUS_COUNT                                         \
    }

/* clang-format off */
static const struct edge edges[ENG_STATUS_COUNT][ENG_ACTION_COUNT] = {
    [ENG_ACTIVE] = {
        [ENG_PAUSE]       = TO(PAUSED),
        [ENG_RESUME]      = TO(ACTIVE), /* nothing to do, and no error */
        [ENG_RETRY_PHASE] = TO(ACTIVE),
        [ENG_ROLLBACK]    = TO(ACTIVE),
        [ENG_ABANDON]     = TO(ABANDONED),
        [ENG_DELETE]      = TO(ACTIVE), /* a tombstone hides it as it is */
        [ENG_COMPLETE]    = TO(ACTIVE),
        [ENG_FINISH]      = TO(COMPLETED),
        [ENG_CLAIM]       = TO(ACTIVE),
        [ENG_DECIDE]      = TO(ACTIVE),
        [ENG_REOPEN]      = TO(ACTIVE),
        [ENG_EXPIRE]      = TO(EXPIRED)},
    [ENG_PAUSED] = {
        [ENG_PAUSE]       = TO(PAUSED),
        [ENG_RESUME]      = TO(ACTIVE),
        [ENG_RETRY_PHASE] = NO(SESSION_PAUSED),
        [ENG_ROLLBACK]    = NO(SESSION_PAUSED),
        [ENG_ABANDON]     = TO(ABANDONED),
        [ENG_DELETE]      = TO(PAUSED),
        [ENG_COMPLETE]    = NO(SESSION_PAUSED),
        [ENG_FINISH]      = NO(SESSION_PAUSED),
        [ENG_CLAIM]       = NO(SESSION_PAUSED),
        [ENG_DECIDE]      = TO(PAUSED),
        [ENG_REOPEN]      = TO(PAUSED),
        [ENG_EXPIRE]      = TO(EXPIRED)},
    [ENG_COMPLETED] = {
        [ENG_PAUSE]       = NO(SESSION_COMPLETE),
        [ENG_RESUME]      = NO(SESSION_COMPLETE),
        [ENG_RETRY_PHASE] = NO(SESSION_COMPLETE),
        [ENG_ROLLBACK]    = NO(SESSION_COMPLETE),
        [ENG_ABANDON]     = NO(SESSION_COMPLETE),
        [ENG_DELETE]      = TO(COMPLETED),
        [ENG_COMPLETE]    = NO(SESSION_COMPLETE),
        [ENG_FINISH]      = NO(SESSION_COMPLETE),
        [ENG_CLAIM]       = NO(SESSION_COMPLETE),
        [ENG_DECIDE]      = NO(SESSION_COMPLETE),
        [ENG_REOPEN]      = NO(SESSION_COMPLETE),
        [ENG_EXPIRE]      = NO(SESSION_COMPLETE)},
    [ENG_ERRED] = {
        [ENG_PAUSE]       = NO(UNAVAILABLE),
        [ENG_RESUME]      = TO(ACTIVE), /* when what was missing is there */
        [ENG_RETRY_PHASE] = TO(ACTIVE), /* the same */
        [ENG_ROLLBACK]    = NO(UNAVAILABLE),
        [ENG_ABANDON]     = TO(ABANDONED),
        [ENG_DELETE]      = TO(ERRED),
        [ENG_COMPLETE]    = NO(UNAVAILABLE),
        [ENG_FINISH]      = NO(UNAVAILABLE),
        [ENG_CLAIM]       = NO(UNAVAILABLE),
        [ENG_DECIDE]      = NO(UNAVAILABLE),
        [ENG_REOPEN]      = NO(UNAVAILABLE),
        [ENG_EXPIRE]      = NO(UNAVAILABLE)},
    [ENG_ABANDONED] = {
        [ENG_PAUSE]       = NO(SESSION_CLOSED),
        [ENG_RESUME]      = NO(SESSION_CLOSED),
        [ENG_RETRY_PHASE] = NO(SESSION_CLOSED),
        [ENG_ROLLBACK]    = NO(SESSION_CLOSED),
        [ENG_ABANDON]     = NO(SESSION_CLOSED),
        [ENG_DELETE]      = TO(ABANDONED),
        [ENG_COMPLETE]    = NO(SESSION_CLOSED),
        [ENG_FINISH]      = NO(SESSION_CLOSED),
        [ENG_CLAIM]       = NO(SESSION_CLOSED),
        [ENG_DECIDE]      = NO(SESSION_CLOSED),
        [ENG_REOPEN]      = NO(SESSION_CLOSED),
        [ENG_EXPIRE]      = NO(SESSION_CLOSED)},
    [ENG_EXPIRED] = {
        [ENG_PAUSE]       = NO(SESSION_EXPIRED),
        [ENG_RESUME]      = TO(ACTIVE), /* the one way back */
        [ENG_RETRY_PHASE] = NO(SESSION_EXPIRED),
        [ENG_ROLLBACK]    = NO(SESSION_EXPIRED),
        [ENG_ABANDON]     = TO(ABANDONED),
        [ENG_DELETE]      = TO(EXPIRED),
        [ENG_COMPLETE]    = NO(SESSION_EXPIRED),
        [ENG_FINISH]      = NO(SESSION_EXPIRED),
        [ENG_CLAIM]       = NO(SESSION_EXPIRED),
        [ENG_DECIDE]      = NO(SESSION_EXPIRED),
        [ENG_REOPEN]      = NO(SESSION_EXPIRED), /* seen when it is back */
        [ENG_EXPIRE]      = NO(SESSION_EXPIRED)},
};
/* clang-format on */

struct slice eng__status_text(enum eng_status s)
{
    assert(s < ENG_STATUS_COUNT);
    return statuses[s];
}

bool eng__status_parse(struct slice text, enum eng_status *ret)
{
    for (int i = 0; i < ENG_STATUS_COUNT; i++)
        if (slice_eq(text, statuses[i])) {
            *ret = (enum eng_status)i;
            return true;
        }
    return false;
}

struct slice eng__action_text(enum eng_action a)
{
    assert(a < ENG_ACTION_COUNT);
    return actions[a];
}

enum err eng__move(enum eng_status from, enum eng_action a,
                   enum eng_status *ret_to)
{
    assert(from < ENG_STATUS_COUNT && a < ENG_ACTION_COUNT);
    const struct edge *e = &edges[from][a];
    if (!e->err) *ret_to = e->to;
    return e->err;
}
