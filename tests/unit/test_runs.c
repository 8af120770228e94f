/* The commands of gates while they run: for whom, and for how long. */
#include <unistd.h>

#include "engine/core.h"
#include "engine/runs.h"
#include "tests/unit/proof_kit.h"

static const char *const hangs =
    COMMAND_FIELD("boolean", "{argv: [sleep, \"600\"], timeout_s: 3600}");

static void nothing_runs(struct fixture *f)
{
    for (int64_t until = clock_now() + 60 * NS_PER_S;
         eng__runs_count(f->engine->runs) && clock_now() < until;)
        usleep(1000);
    CHECK_INT_EQ(eng__runs_count(f->engine->runs), 0);
}

/* A call that may use so much memory, and leaves when its command runs. */
static enum err try_with(struct fixture *f, struct slice id, size_t ceiling,
                         size_t *ret_used)
{
    struct outcome o;
    struct cancel cancel;
    struct eng_complete_phase_args args = {
        .session_id = id, .phase = 0, .evidence = parse("{}")};
    outcome_begin(&o);
    cancel_init(&cancel, INT64_MAX);
    o.arena.ceiling = ceiling;
    o.call.cancel = &cancel;
    enum err e = eng_complete_phase(f->engine, &o.call, &args);
    *ret_used = o.arena.used;
    (void)cancel_set(&cancel, CANCEL_CLIENT);
    e = outcome_end(&o, e);
    outcome_done(&o);
    return e;
}

/* A flight that was counted on somebody to come aboard, who never came, ran
 * its command to the end for nobody. */
TEST(runs, a_call_that_runs_out_of_memory_leaves_no_command_behind)
{
    struct fixture f;
    size_t all, used;
    struct slice id = proof_begin_trusted(&f, hangs);
    CHECK_ERR(try_with(&f, id, 1 << 20, &all), ERR_CANCELLED);
    nothing_runs(&f);
    for (size_t most = 0; most < all; most += 8) {
        enum err e = try_with(&f, id, most, &used);
        CHECK(e == ERR_NOMEM || e == ERR_CANCELLED);
        nothing_runs(&f);
    }
    fixture_done(&f);
}

/* --- kept while the client's user is asked --------------------------------- */

static const char *const asks =
    "  ran: {type: boolean, required: true, description: d, proof: command,\n"
    "        command: {argv: [sh, -c, \"echo x >> runs\"]}}\n"
    "  seen: {type: boolean, required: true, description: The user has read "
    "the notes, proof: client}\n";

static size_t runs_so_far(struct fixture *f, struct slice id)
{
    struct outcome o;
    struct slice text;
    struct eng_complete_phase_args args = {
        .session_id = id, .phase = 0, .evidence = parse("{}")};
    outcome_begin(&o);
    o.call.asking = ENG_CAN_ASK;
    enum err e =
        outcome_end(&o, eng_complete_phase(f->engine, &o.call, &args));
    CHECK_ERR(e, ERR_APPROVAL_PENDING);
    outcome_done(&o);
    CHECK_OK(file_read(
        arena_printf(test_arena(), "%s/runs", test_tmpdir()), 1000,
        test_arena(), &text));
    return text.n / 2;
}

/* Who asks often enough would keep what the command said as long as it likes,
 * whatever becomes of the work meanwhile. */
TEST(runs, what_a_command_said_grows_old_however_often_the_user_is_asked)
{
    struct fixture f;
    struct slice id = proof_begin_trusted(&f, asks);
    CHECK_INT_EQ(runs_so_far(&f, id), 1);
    clock_fake(clock_now(), clock_wall_ms());
    for (int i = 0; i < 5; i++) {
        clock_fake_advance(100 * NS_PER_S);
        CHECK_INT_EQ(runs_so_far(&f, id), 1);
    }
    clock_fake_advance(110 * NS_PER_S);
    CHECK_INT_EQ(runs_so_far(&f, id), 2);
    clock_real();
    fixture_done(&f);
}
