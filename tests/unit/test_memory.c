/* Memory stays bounded however many sessions there are, and nothing durable is
 * lost by it. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/core.h"
#include "engine/op.h"
#include "engine/session.h"
#include "tests/unit/session_kit.h"

static struct st_cache_stats sessions(struct fixture *f)
{
    struct st_cache_stats s;
    st_cache_stats(f->engine->cache[ENG_CACHE_SESSIONS], &s);
    return s;
}

/* An engine that keeps so many sessions in memory. */
static void keeping(struct fixture *f, int64_t entries)
{
    fixture_init(f, kit_workflows());
    f->caches[ENG_CACHE_SESSIONS] = (struct eng_cache_options){
        .entries_max = entries, .bytes_max = 64 << 20};
    fixture_restart(f);
}

static struct slice begin_n(struct fixture *f, int n)
{
    char target[24];
    snprintf(target, sizeof(target), "t%d.md", n);
    return kit_begin(f, target);
}

static int64_t phase_of(struct fixture *f, struct slice id)
{
    struct outcome o;
    CHECK_OK(kit_session(f, &o, id));
    int64_t phase = kit_int(json_at(o.out, "session", "current_phase", NULL));
    outcome_done(&o);
    return phase;
}

static int64_t in_store(struct fixture *f)
{
    static struct eng_facts facts;
    eng_tick(f->engine, clock_now());
    eng_facts_take(f->engine, clock_now(), &facts);
    int64_t n = 0;
    for (size_t i = 0; i < facts.sessions.count; i++)
        n += facts.sessions.rows[i].sessions;
    return n;
}

static void bounded(int n)
{
    struct fixture f;
    keeping(&f, 100);
    struct slice *ids = ARENA_ARRAY(test_arena(), struct slice, (size_t)n);
    for (int i = 0; i < n; i++) {
        ids[i] = begin_n(&f, i);
        kit_pass(&f, ids[i], 0);
    }
    CHECK_INT_EQ(sessions(&f).entries, 100);
    CHECK_INT_EQ(in_store(&f), n);
    for (int i = 0; i < n; i++) CHECK_INT_EQ(phase_of(&f, ids[i]), 1);
    CHECK_INT_EQ(sessions(&f).entries, 100);
    fixture_done(&f);
}

TEST(memory, sessions_beyond_a_hundred_are_in_the_store_and_as_they_were,
     .timeout_s = 60)
{
    bounded(test_sanitized() ? 120 : 200);
}

/* K01 */
TEST(memory, of_a_thousand_sessions_a_hundred_are_in_memory, .needs = "slow",
     .timeout_s = 300)
{
    bounded(1000);
}

/* --- what is held -----------------------------------------------------------
 */

/* In the turn of a write, between what it has read and what it writes. */
struct held {
    struct fixture *f;
    struct slice id;
    const struct slice *others;
    int others_n;
};

static enum err pause_after_the_others(struct eng_op *op)
{
    const struct held *h = op->args;
    const struct eng_snapshot *s;
    enum err e = eng__session_get(op->engine, op->call, h->id, &s);
    if (e) return e;
    int64_t version = s->row.version;
    for (int i = 0; i < h->others_n; i++) (void)phase_of(h->f, h->others[i]);
    CHECK_INT_EQ(sessions(h->f).entries, 1);
    CHECK_SLICE_EQ(s->row.id, h->id); /* still there, and what it was */
    CHECK_INT_EQ(s->row.version, version);
    CHECK_TEXT_EQ(s->row.status, "active");
    CHECK_INT_EQ(s->status, ENG_ACTIVE);
    buf_puts(&op->call->out->plain, "{}");
    return OK;
}

/* K02 */
TEST(memory, a_session_in_use_outlives_its_eviction_by_two_hundred_others,
     .timeout_s = 60)
{
    struct fixture f;
    struct outcome o;
    enum { OTHERS = 200 };
    keeping(&f, 1);
    struct slice others[OTHERS], id = begin_n(&f, -1);
    for (int i = 0; i < OTHERS; i++) others[i] = begin_n(&f, i);
    struct held h = {&f, id, others, OTHERS};
    CHECK_OK(CALL(
        &o, eng__op_run(f.engine, &o.call, id, pause_after_the_others, &h)));
    outcome_done(&o);
    kit_pass(&f, id, 0); /* its write commits */
    CHECK_INT_EQ(phase_of(&f, id), 1);
    fixture_done(&f);
}

/* --- the same whatever is kept ----------------------------------------------
 */

enum { RANDOM_SESSIONS = 12 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* One of what agents do; many are refused, alike in both stores. */
static enum err act(struct fixture *f, struct slice id, uint32_t r)
{
    struct outcome o;
    enum err e = OK;
    switch (r % 6) {
    case 0:
        e = kit_complete(f, &o, id, (int64_t)(r / 6 % 3), KIT_GOOD);
        break;
    case 1:
        e = kit_complete(f, &o, id, (int64_t)(r / 6 % 3), "{\"done\":true}");
        break;
    case 2:
        e = kit_manage(f, &o, id, "pause", ENG_ABSENT, false, NULL);
        break;
    case 3:
        e = kit_manage(f, &o, id, "resume", ENG_ABSENT, false, NULL);
        break;
    case 4:
        e = kit_manage(f, &o, id, "rollback", 0, r & 64, NULL);
        break;
    default:
        e = kit_claim(f, &o, id, 0, 1 + (int64_t)(r / 6 % 2),
                      r & 64 ? "a" : "b");
    }
    outcome_done(&o);
    return e;
}

/* What was answered and what is in the store, as one text; ids and times are
 * another's each time. */
static struct slice played(int64_t entries, int operations)
{
    struct fixture f;
    struct slice id[RANDOM_SESSIONS];
    struct buf b = BUF_INIT(16 << 20);
    uint32_t seed = 4711;
    keeping(&f, entries);
    for (int i = 0; i < RANDOM_SESSIONS; i++) {
        char target[32];
        snprintf(target, sizeof(target), "e%d-%d.md", (int)entries, i);
        id[i] = kit_begin(&f, target);
    }
    for (int n = 0; n < operations; n++) {
        uint32_t which = next_random(&seed) % RANDOM_SESSIONS;
        enum err e = act(&f, id[which], next_random(&seed));
        buf_printf(&b, "%d ", (int)e);
    }
    for (int i = 0; i < RANDOM_SESSIONS; i++) {
        struct outcome o;
        CHECK_OK(kit_session(&f, &o, id[i]));
        const struct json *h = json_get(o.out, SLICE("history"));
        buf_printf(
            &b, "\n%s %s", kit_text(o.out, "session", "status"),
            json_at(o.out, "session", "current_phase", NULL)->raw.p ? "" : "?");
        buf_put(&b, json_at(o.out, "session", "current_phase", NULL)->raw);
        for (size_t k = 0; k < h->count; k++) {
            buf_puts(&b, " ");
            buf_put(&b, json_text(json_get(&h->items[k], SLICE("type"))));
        }
        buf_puts(&b, " ");
        buf_put(&b, json_get(o.out, SLICE("evidence"))->raw);
        outcome_done(&o);
    }
    struct slice all = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    fixture_done(&f);
    return all;
}

TEST(memory, what_is_kept_in_memory_decides_nothing, .timeout_s = 60)
{
    CHECK_SLICE_EQ(played(1, 300), played(10000, 300));
}

/* K03 */
TEST(memory, ten_thousand_operations_give_the_same_store, .needs = "slow",
     .timeout_s = 300)
{
    CHECK_SLICE_EQ(played(1, 10000), played(10000, 10000));
}

/* --- for long ----------------------------------------------------------------
 */

static int64_t resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    CHECK(f != NULL);
    CHECK_INT_EQ(fscanf(f, "%*d %ld", &pages), 1);
    CHECK_INT_EQ(fclose(f), 0);
    return pages * sysconf(_SC_PAGESIZE);
}

/* K05. A sanitizer keeps what was freed. */
TEST(memory, a_thousand_sessions_read_for_ten_rounds_take_no_more,
     .needs = "slow plain", .timeout_s = 300)
{
    struct fixture f;
    enum { SESSIONS = 1000, ROUNDS = 10 };
    keeping(&f, 100);
    struct slice *ids = ARENA_ARRAY(test_arena(), struct slice, SESSIONS);
    int64_t second = 0;
    for (int i = 0; i < SESSIONS; i++) ids[i] = begin_n(&f, i);
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < SESSIONS; i++)
            CHECK_INT_EQ(phase_of(&f, ids[i]), 0);
        if (round == 2) second = resident();
    }
    CHECK_INT_LE(resident(), second + second / 20);
    fixture_done(&f);
}

/* K06 */
TEST(memory, what_another_process_commits_the_next_call_sees)
{
    struct fixture f;
    int status;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x.md");
    fixture_done(&f);
    int ready[2], go[2];
    char c;
    CHECK_INT_EQ(pipe(ready), 0);
    CHECK_INT_EQ(pipe(go), 0);
    pid_t other = fork();
    CHECK_INT_GE(other, 0);
    if (other == 0) {
        struct fixture theirs;
        fixture_init(&theirs, kit_workflows());
        CHECK_INT_EQ(phase_of(&theirs, id), 0);
        CHECK_INT_EQ(write(ready[1], "r", 1), 1);
        CHECK_INT_EQ(read(go[0], &c, 1), 1);
        kit_pass(&theirs, id, 0);
        fixture_done(&theirs);
        _exit(0);
    }
    fixture_init(&f, kit_workflows());
    CHECK_INT_EQ(phase_of(&f, id), 0);
    CHECK_INT_EQ(read(ready[0], &c, 1), 1);
    uint64_t loads = sessions(&f).count[ST_METRIC_loads];
    CHECK_INT_EQ(write(go[1], "g", 1), 1);
    CHECK_INT_EQ(waitpid(other, &status, 0), other);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT_EQ(phase_of(&f, id), 1);
    CHECK_INT_EQ(sessions(&f).count[ST_METRIC_loads], loads + 1);
    fixture_done(&f);
}

struct beaten {
    struct fixture *other;
    struct slice id;
    int times; /* another commits first */
};

static enum err pause_too_late(struct eng_op *op)
{
    struct beaten *b = (struct beaten *)op->args;
    const struct eng_snapshot *s;
    struct buf data = BUF_INIT(64);
    enum err e = eng__session_get(op->engine, op->call, b->id, &s);
    if (e) return e;
    if (b->times-- > 0) kit_pass(b->other, b->id, s->row.current_phase);
    e = eng__snapshot_next(s, clock_wall_ms(), &op->change.next);
    if (!e) e = eng__snapshot_move(op->change.next, ENG_PAUSE);
    buf_puts(&data, "{\"status\":\"paused\"}");
    if (!e) e = eng__op_event(op, SLICE("session_paused"), -1, &data);
    if (!e) e = eng__snapshot_seal(op->change.next);
    op->change.expected_version = s->row.version;
    buf_puts(&op->call->out->plain, "{}");
    return e ? e : ERR_PENDING;
}

TEST(memory, a_write_that_another_was_before_is_counted_and_decided_anew)
{
    struct fixture f, g;
    struct outcome o;
    static struct eng_facts facts;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x.md");
    g = f;
    CHECK_OK(pool_new("worker", 2, 64, &g.pool));
    fixture_open(&g);
    struct beaten b = {&g, id, 2};
    CHECK_OK(
        CALL(&o, eng__op_run(f.engine, &o.call, id, pause_too_late, &b)));
    outcome_done(&o);
    eng_facts_take(f.engine, clock_now(), &facts);
    CHECK_INT_EQ(facts.conflicts, 2);
    CHECK_INT_EQ(facts.reloaded, 2);
    eng_facts_take(g.engine, clock_now(), &facts);
    CHECK_INT_EQ(facts.conflicts, 0);
    CHECK_INT_EQ(phase_of(&g, id), 2); /* and what it was before stands */
    fixture_done(&g);
    fixture_done(&f);
}
