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
