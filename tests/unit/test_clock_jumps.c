/* clock_jumps: the wall clock is set by a day and by a year, forward and back,
 * amid a session: what goes by it ends or stays as its owner may expect, and
 * nothing is done twice, lost or told wrongly. */
#include "engine/approval.h"
#include "tests/unit/proof_kit.h"

#define S(n) ((n)*INT64_C(1000))
#define DAY (S(86400) + S(60))
#define YEAR (INT64_C(365) * S(86400))
#define EACH_JUMP                                                              \
    {DAY}, {-DAY}, {YEAR},                                                     \
    {                                                                          \
        -YEAR                                                                  \
    }

struct jump {
    int64_t ms;
};

static const char schema[] =
    "  done:\n    type: boolean\n    required: true\n    description: \"it\"\n"
    "  seen:\n    type: boolean\n    required: true\n    description: \"it\"\n"
    "    proof: human\n";
#define GIVEN "{\"done\":true}"

static void real_time(void *ctx)
{
    (void)ctx;
    clock_real();
}

static struct slice begin(struct fixture *f)
{
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    test_at_end(real_time, NULL);
    return proof_begin(f, schema);
}

static void end(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args all = {0};
    fixture_restart(f);
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    CHECK(json_is(json_get(o.out, SLICE("intact")), JSON_TRUE));
    outcome_done(&o);
    fixture_done(f);
}

static void ask(struct fixture *f, struct slice id)
{
    struct outcome o;
    CHECK_ERR(kit_complete(f, &o, id, 0, GIVEN), ERR_APPROVAL_PENDING);
    outcome_done(&o);
}

static void approve(struct fixture *f, struct slice id)
{
    struct outcome o;
    struct eng_approval_decide_args args = {.session_id = id,
                                            .phase = ENG_ABSENT,
                                            .event_id = ENG_ABSENT,
                                            .approve = true,
                                            .person = SLICE("Ada"),
                                            .channel = SLICE("terminal"),
                                            .comment = SLICE("seen")};
    CHECK_OK(CALL(&o, eng_approval_decide(f->engine, &o.call, &args)));
    outcome_done(&o);
}

static int64_t events_of(struct fixture *f, struct slice id)
{
    struct outcome o;
    struct eng_verify_args one = {id};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &one)));
    int64_t n = kit_int(json_get(o.out, SLICE("events")));
    outcome_done(&o);
    return n;
}

TEST_EACH(clock_jumps, a_person_s_word_is_waited_for_and_counts, struct jump,
          row, EACH_JUMP)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    ask(&f, id);
    clock_fake_jump(row->ms);
    ask(&f, id);
    approve(&f, id);
    clock_fake_jump(-row->ms);
    CHECK_OK(kit_complete(&f, &o, id, 0, GIVEN));
    outcome_done(&o);
    end(&f);
}

/* An answer that is kept is given again; one that is not any more does not
 * let the call do its work twice. */
TEST_EACH(clock_jumps, a_call_that_is_sent_again_is_not_done_again, struct jump,
          row, EACH_JUMP)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    ask(&f, id);
    approve(&f, id);
    CHECK_OK(kit_complete_once(&f, &o, id, 0, GIVEN, "key"));
    outcome_done(&o);
    int64_t events = events_of(&f, id);
    clock_fake_jump(row->ms);
    enum err e = kit_complete_once(&f, &o, id, 0, GIVEN, "key");
    bool replayed = o.call.replayed;
    outcome_done(&o);
    CHECK_INT_EQ(e, row->ms > 0 ? ERR_PHASE_ALREADY_COMPLETE : OK);
    CHECK_INT_EQ(replayed, row->ms < 0);
    CHECK_INT_EQ(events_of(&f, id), events);
    end(&f);
}

/* Set back or forward, its end is not to be believed any more: the task is
 * anybody's, and one of the two has it. */
TEST_EACH(clock_jumps, a_lease_has_one_holder, struct jump, row, EACH_JUMP)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "ann"));
    int64_t fence = kit_int(json_get(o.out, SLICE("fence")));
    outcome_done(&o);
    clock_fake_jump(row->ms);
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "bob"));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("fence"))), fence + 1);
    outcome_done(&o);
    clock_fake_jump(-row->ms);
    CHECK_ERR(kit_release(&f, &o, id, 0, 1, fence, "done"), ERR_CLAIM_LOST);
    outcome_done(&o);
    CHECK_OK(kit_release(&f, &o, id, 0, 1, fence + 1, "done"));
    outcome_done(&o);
    end(&f);
}

/* What a gate passed stays passed, in whatever order its times stand. */
TEST_EACH(clock_jumps, phases_go_on_through_all_of_them, struct jump, row,
          EACH_JUMP)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begin(&f);
    ask(&f, id);
    approve(&f, id);
    CHECK_OK(kit_complete(&f, &o, id, 0, GIVEN));
    outcome_done(&o);
    clock_fake_jump(row->ms);
    kit_pass(&f, id, 1);
    clock_fake_jump(-2 * row->ms);
    fixture_restart(&f);
    kit_pass(&f, id, 2);
    CHECK_OK(kit_session(&f, &o, id));
    CHECK_STR_EQ(kit_text(o.out, "session", "status"), "completed");
    outcome_done(&o);
    end(&f);
}
