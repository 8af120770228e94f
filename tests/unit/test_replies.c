/* What a loop answers a second time from what it has answered before. */
#include "engine/core.h"
#include "tests/unit/session_kit.h"

static struct slice text_of(struct outcome *o)
{
    return arena_copy(test_arena(), buf_slice(&o->twin.plain));
}

/* Where the loop may be waiting for somebody, a worker is asked first. */
static struct slice ask(struct fixture *f, struct slice id, int64_t task)
{
    struct outcome o;
    struct eng_get_phase_args phase = {.session_id = id, .phase = ENG_ABSENT};
    struct eng_get_task_args one = {
        .session_id = id, .phase = 0, .task_number = task};
    for (bool loop = true;; loop = !loop) {
        outcome_begin(&o);
        o.call.on_loop = loop;
        enum err e = task ? eng_get_task(f->engine, &o.call, &one)
                          : eng_get_phase(f->engine, &o.call, &phase);
        if (e != ERR_AGAIN) {
            CHECK_OK(outcome_end(&o, e));
            CHECK_OK(twin_finish(&o.twin));
            struct buf again = BUF_INIT(1 << 20);
            json_escape(&again, buf_slice(&o.twin.plain));
            CHECK_SLICE_EQ(buf_slice(&o.twin.escaped), buf_slice(&again));
            buf_done(&again);
            struct slice text = text_of(&o);
            outcome_done(&o);
            if (loop) return text;
        } else {
            outcome_done(&o);
        }
    }
}

static uint64_t hits(struct fixture *f)
{
    struct st_cache_stats s;
    st_cache_stats(f->engine->cache[ENG_CACHE_REPLIES], &s);
    return s.count[ST_METRIC_hits];
}

TEST(replies, the_same_question_gets_the_same_answer_without_making_it)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    for (int64_t task = 0; task < 3; task++) {
        struct slice first = ask(&f, id, task);
        uint64_t before = hits(&f);
        CHECK_SLICE_EQ(ask(&f, id, task), first);
        CHECK_INT_EQ(hits(&f), before + 1);
    }
    CHECK(!slice_eq(ask(&f, id, 1), ask(&f, id, 2)));
    CHECK(!slice_eq(ask(&f, id, 0), ask(&f, id, 1)));
    fixture_done(&f);
}

TEST(replies, a_session_that_moved_on_is_answered_anew)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    struct outcome o;
    CHECK_CONTAINS(ask(&f, id, 0), "\"tool\":\"get_task\"");
    CHECK_OK(kit_manage(&f, &o, id, "pause", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    CHECK_CONTAINS(ask(&f, id, 0), "\"tool\":\"manage_session\"");
    CHECK_OK(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    kit_pass(&f, id, 0);
    CHECK_CONTAINS(ask(&f, id, 0), "\"number\":1,");
    fixture_done(&f);
}

/* A claim ends by time, with no write: such an answer is made each time. */
TEST(replies, what_depends_on_the_clock_is_not_kept)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "me"));
    outcome_done(&o);
    CHECK_CONTAINS(ask(&f, id, 0), "\"status\":\"claimed\"");
    uint64_t before = hits(&f);
    CHECK_CONTAINS(ask(&f, id, 0), "\"status\":\"claimed\"");
    CHECK_INT_EQ(hits(&f), before);
    fixture_done(&f);
}

/* Another process may write the session: what is read again is another
 * snapshot, and has answers of its own. */
TEST(replies, a_snapshot_read_again_begins_without_answers)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a");
    struct slice first = ask(&f, id, 0);
    st_cache_clear(f.engine->cache[ENG_CACHE_SESSIONS]);
    uint64_t before = hits(&f);
    CHECK_SLICE_EQ(ask(&f, id, 0), first);
    CHECK_SLICE_EQ(ask(&f, id, 0), first);
    CHECK_INT_GE(hits(&f), before + 1);
    fixture_done(&f);
}
