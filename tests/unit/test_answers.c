/* Idempotency keys: how long an answer is kept, how many are, and that one
 * stands or falls with what it answered. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/session_kit.h"
#include "tests/unit/store_fixture.h"

/* --- how long ------------------------------------------------------------- */

static struct fixture ten_minutes(void)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    f.answers.ttl_s = 600;
    f.answers.per_session = 1000;
    f.answers.bytes = 64 << 20;
    fixture_restart(&f);
    return f;
}

/* The phase is completed already: only a kept answer says otherwise. */
static enum err again(struct fixture *f, struct slice id, bool *ret_replayed)
{
    struct outcome o;
    enum err e = kit_complete_once(f, &o, id, 0, KIT_GOOD, "k1");
    *ret_replayed = o.call.replayed;
    outcome_done(&o);
    return e;
}

/* D07 */
TEST(answers, a_key_is_remembered_for_its_time_and_no_second_longer)
{
    bool replayed;
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct fixture f = ten_minutes();
    struct slice id = kit_begin(&f, "x.md");
    CHECK_OK(again(&f, id, &replayed));
    CHECK(!replayed);
    clock_fake_advance(599 * NS_PER_S);
    CHECK_OK(again(&f, id, &replayed));
    CHECK(replayed);
    clock_fake_advance(2 * NS_PER_S);
    CHECK_ERR(again(&f, id, &replayed), ERR_PHASE_ALREADY_COMPLETE);
    CHECK(!replayed);
    fixture_done(&f);
}

TEST(answers, what_has_expired_is_removed_by_the_keeper)
{
    bool replayed;
    struct eng_facts *facts = arena_alloc(test_arena(), sizeof(*facts));
    clock_fake(1000 * NS_PER_S, INT64_C(1800000000000));
    struct fixture f = ten_minutes();
    struct slice id = kit_begin(&f, "x.md");
    CHECK_OK(again(&f, id, &replayed));
    eng_tick(f.engine, clock_now());
    eng_facts_take(f.engine, clock_now(), facts);
    CHECK_INT_EQ(facts->answers_kept.rows, 1);
    CHECK_INT_GT(facts->answers_kept.bytes, 100);
    CHECK_INT_EQ(facts->answers[ENG_ANSWER_STORED], 1);
    clock_fake_advance(601 * NS_PER_S);
    do { /* a round each second; every thirtieth looks */
        eng_tick(f.engine, clock_now());
        eng_facts_take(f.engine, clock_now(), facts);
    } while (facts->answers_kept.rows);
    CHECK_INT_EQ(facts->answers[ENG_ANSWER_EXPIRED], 1);
    CHECK_INT_EQ(facts->answers_kept.bytes, 0);
    CHECK_INT_EQ(facts->sessions.count, 1);
    CHECK_TEXT_EQ(slice_of(facts->sessions.rows[0].status), "active");
    CHECK_INT_EQ(facts->sessions.rows[0].sessions, 1);
    fixture_done(&f);
}

/* --- how many ------------------------------------------------------------- */

enum { SCOPES = 4, BATCH = 1000 };

struct crowd {
    struct st_idempotency_room room;
    int from, count;
    int64_t dropped;
};

static int64_t bytes_in(struct st_tx *tx)
{
    struct st_idempotency_use use;
    CHECK_OK(st_idempotency_use(tx, (struct slice){0}, &use));
    return use.bytes;
}

static enum err crowd_in(void *ctx, struct st_tx *tx)
{
    struct crowd *c = ctx;
    struct st_idempotency_use use;
    for (int i = c->from; i < c->from + c->count; i++) {
        char key[32], scope[8], answer[64];
        snprintf(scope, sizeof(scope), "s%d", i % SCOPES);
        snprintf(key, sizeof(key), "k%d", i);
        snprintf(answer, sizeof(answer), "{\"n\":\"%0*d\"}", 1 + i % 40, i);
        struct st_idempotency row = {.scope = slice_of(scope),
                                     .key = slice_of(key),
                                     .answer = slice_of(answer),
                                     .expires_ms = 1000 + i};
        int64_t dropped;
        CHECK_OK(st_idempotency_put(tx, &row, &c->room, &dropped));
        c->dropped += dropped;
        CHECK_OK(st_idempotency_use(tx, row.scope, &use));
        CHECK_INT_LE(use.rows, c->room.rows);
        CHECK_INT_LE(bytes_in(tx), c->room.bytes);
    }
    return OK;
}

struct counted {
    int64_t rows, bytes;
};

/* The sums again, of the rows themselves. */
static struct counted recount(struct st_store *s)
{
    struct counted c = {0};
    struct st_tx *tx;
    char scope[8], key[32];
    struct st_idempotency row;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    for (int i = 0; i < 100000; i++) {
        snprintf(scope, sizeof(scope), "s%d", i % SCOPES);
        snprintf(key, sizeof(key), "k%d", i);
        struct arena a;
        arena_init(&a, 1 << 16);
        if (!st_idempotency_get(tx, slice_of(scope), slice_of(key), 0, &a,
                                &row)) {
            c.rows++;
            c.bytes += (int64_t)(row.scope.n + row.key.n + row.answer.n);
        }
        arena_done(&a);
    }
    st_read_end(tx);
    return c;
}

static struct st_idempotency_use all_of(struct st_store *s)
{
    struct st_idempotency_use use;
    struct st_tx *tx;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    CHECK_OK(st_idempotency_use(tx, (struct slice){0}, &use));
    st_read_end(tx);
    return use;
}

/* Many keys, and half way through less room for them. */
static void fill_over(int keys)
{
    struct st_store *s = open_store();
    struct crowd c = {.room = {1000, 1 << 17}, .count = BATCH};
    for (c.from = 0; c.from < keys; c.from += BATCH) {
        if (c.from == keys / 2) c.room.bytes = 1 << 16;
        CHECK_OK(st_write(s, crowd_in, &c));
    }
    struct counted left = recount(s);
    struct st_idempotency_use use = all_of(s);
    CHECK_INT_EQ(left.rows, use.rows);
    CHECK_INT_EQ(left.bytes, use.bytes);
    CHECK_INT_GT(left.rows, 100);
    CHECK_INT_EQ(c.dropped, keys - left.rows);
    st_store_close(s);
}

TEST(answers, keys_stay_below_both_ceilings)
{
    fill_over(4000);
}

/* D11 */
TEST(answers, a_hundred_thousand_keys_stay_below_both_ceilings,
     .needs = "slow plain", .timeout_s = 120)
{
    fill_over(100000);
}

static enum err one_too_large(void *ctx, struct st_tx *tx)
{
    static char text[70000];
    struct st_idempotency row = {.scope = SLICE("s"),
                                 .key = SLICE("k"),
                                 .answer = {text, sizeof(text)},
                                 .expires_ms = 1};
    struct st_idempotency_use use;
    int64_t dropped;
    (void)ctx;
    memset(text, 'x', sizeof(text));
    CHECK_OK(st_idempotency_put(
        tx, &row, &(struct st_idempotency_room){1, 65536}, &dropped));
    CHECK_INT_EQ(dropped, 1);
    CHECK_OK(st_idempotency_use(tx, row.scope, &use));
    CHECK_INT_EQ(use.rows, 0);
    return OK;
}

TEST(answers, one_that_is_larger_than_all_may_be_is_not_kept)
{
    struct st_store *s = open_store();
    CHECK_OK(st_write(s, one_too_large, NULL));
    st_store_close(s);
}

TEST(answers, over_its_sessions_ceiling_the_oldest_key_may_be_used_anew)
{
    struct fixture f = ten_minutes();
    struct outcome o;
    struct eng_facts *facts = arena_alloc(test_arena(), sizeof(*facts));
    f.answers.per_session = 2;
    fixture_restart(&f);
    struct slice id = kit_begin(&f, "x.md");
    static const char *const keys[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kit_manage(&f, &o, id, i % 2 ? "resume" : "pause", ENG_ABSENT,
                            false, keys[i]));
        outcome_done(&o);
    }
    eng_facts_take(f.engine, clock_now(), facts);
    CHECK_INT_EQ(facts->answers[ENG_ANSWER_STORED], 3);
    CHECK_INT_EQ(facts->answers[ENG_ANSWER_DROPPED], 1);
    CHECK_OK(kit_manage(&f, &o, id, "resume", ENG_ABSENT, false, "a"));
    CHECK(!o.call.replayed); /* else: a conflict, it was a pause */
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "pause", ENG_ABSENT, false, "c"));
    CHECK(o.call.replayed);
    outcome_done(&o);
    fixture_done(&f);
}

/* --- all or nothing ------------------------------------------------------- */

/* Thread: writer, after the commit and before the answer. */
static void die(void *ctx, const struct eng_news *news)
{
    (void)ctx;
    if (slice_eq(news->type, SLICE("phase_completed"))) raise(SIGKILL);
}

static void work_and_die(int out)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x.md");
    CHECK_INT_EQ(write(out, id.p, id.n), id.n);
    eng_on_change(f.engine, ENG_FOR_DASHBOARD, die, NULL);
    (void)kit_complete_once(&f, &o, id, 0, KIT_GOOD, "k1");
    _exit(1); /* it was answered: the test is no good */
}

/* D13 */
TEST(answers, killed_between_commit_and_answer_the_key_still_gives_it)
{
    int ends[2], status;
    char id[64];
    bool replayed;
    struct outcome o;
    CHECK_INT_EQ(pipe(ends), 0);
    pid_t child = fork();
    CHECK_INT_GE(child, 0);
    if (child == 0) work_and_die(ends[1]);
    CHECK_INT_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ssize_t n = read(ends[0], id, sizeof(id));
    CHECK_INT_GT(n, 0);
    struct fixture f;
    struct slice session = {id, (size_t)n};
    fixture_init(&f, kit_workflows());
    CHECK_OK(again(&f, session, &replayed));
    CHECK(replayed);
    CHECK_OK(kit_session(&f, &o, session));
    CHECK_INT_EQ(kit_int(json_at(o.out, "session", "current_phase", NULL)), 1);
    CHECK_INT_EQ(json_get(o.out, SLICE("history"))->count, 2);
    outcome_done(&o);
    fixture_done(&f);
    close(ends[0]);
    close(ends[1]);
}
