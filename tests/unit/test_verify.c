/* The record: what was written behind phasegate's back shows. The tests write
 * to the state file as anybody with sqlite3 could. */
#include <sqlite3.h>

#include "engine/verify.h"

#include "tests/unit/session_kit.h"

static void sql(struct fixture *f, const char *text)
{
    sqlite3 *db;
    char *why = NULL;
    struct slice path = arena_printf(test_arena(), "%.*s/.phasegate/state.db",
                                     SLICE_ARG(f->root));
    CHECK_INT_EQ(sqlite3_open(path.p, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why)) FAIL("%s: %s", text, why);
    sqlite3_close(db);
}

/* Two sessions with every kind of event. */
static void record_make(struct fixture *f)
{
    struct outcome o;
    struct slice id = kit_begin(f, "a");
    kit_pass(f, id, 0);
    CHECK_OK(kit_claim(f, &o, id, 1, 1, "ann"));
    outcome_done(&o);
    CHECK_ERR(kit_complete(f, &o, id, 1, "{\"done\":false}"), ERR_GATE_REFUSED);
    outcome_done(&o);
    kit_pass(f, id, 1);
    CHECK_OK(kit_manage(f, &o, id, "rollback", 1, true, NULL));
    outcome_done(&o);
    kit_pass(f, id, 1);
    CHECK_OK(kit_manage(f, &o, id, "pause", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    CHECK_OK(kit_manage(f, &o, id, "resume", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    kit_pass(f, id, 2);
    id = kit_begin(f, "b");
    kit_pass(f, id, 0);
    CHECK_OK(kit_manage(f, &o, id, "delete", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    kit_begin(f, "c");
}

static const struct json *verify(struct fixture *f, struct outcome *o)
{
    struct eng_verify_args all = {0};
    CHECK_OK(CALL(o, eng_verify(f->engine, &o->call, &all)));
    return o->out;
}

TEST(verify, an_untouched_record_is_intact)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    record_make(&f);
    const struct json *v = verify(&f, &o);
    if (!json_is(json_get(v, SLICE("intact")), JSON_TRUE))
        FAIL("%.*s", SLICE_ARG(buf_slice(&o.twin.plain)));
    CHECK_INT_EQ(kit_int(json_get(v, SLICE("sessions"))), 3);
    CHECK_INT_EQ(kit_int(json_get(v, SLICE("events"))), 10 + 3 + 1);
    CHECK_INT_EQ(json_get(v, SLICE("heads"))->count, 3);
    CHECK_INT_EQ(kit_int(json_at(v, "store_head", "event_id", NULL)), 4);
    outcome_done(&o);
    fixture_done(&f);
}

#define A "(SELECT id FROM sessions WHERE target='a')"
#define FREE "DROP TRIGGER events_append_only;"
struct forgery {
    const char *sql, *code;
};
TEST_EACH(
    verify, a_change_behind_its_back_is_found, struct forgery, row,
    {FREE "UPDATE events SET data='{}' WHERE seq=2", "EVENT_CHANGED"},
    {FREE "UPDATE events SET at_ms=at_ms+1 WHERE seq=2", "EVENT_CHANGED"},
    {FREE "UPDATE events SET actor='me' WHERE seq=1", "EVENT_CHANGED"},
    {FREE "UPDATE events SET phase=2 WHERE seq=2 AND session_id=" A,
     "EVENT_CHANGED"},
    {FREE "UPDATE events SET type='phase_completed' WHERE seq=4",
     "EVENT_CHANGED"},
    {FREE "UPDATE events SET hash=zeroblob(32) WHERE seq=3", "EVENT_MOVED"},
    {"DELETE FROM events WHERE seq=3 AND session_id=" A, "EVENT_MISSING"},
    {"DELETE FROM events WHERE seq=10 AND session_id=" A, "HEAD_DIFFERS"},
    {"DELETE FROM events WHERE seq=1 AND session_id=" A, "EVENT_MISSING"},
    {"DELETE FROM events WHERE session_id=" A, "HEAD_DIFFERS"},
    {FREE "UPDATE events SET seq=100 WHERE seq=2 AND session_id=" A
          ";UPDATE events SET seq=2 WHERE seq=3 AND session_id=" A
          ";UPDATE events SET seq=3 WHERE seq=100 AND session_id=" A,
     "EVENT_MOVED"},
    {"UPDATE evidence SET body='{\"done\":true,\"count\":4}' WHERE "
     "event_seq=2",
     "EVIDENCE_CHANGED"},
    {"UPDATE evidence SET verdict='{}' WHERE event_seq=2", "VERDICT_CHANGED"},
    {"UPDATE evidence SET passed=1 WHERE passed=0", "EVIDENCE_CHANGED"},
    {"DELETE FROM evidence WHERE event_seq=4", "EVIDENCE_MISSING"},
    {"INSERT INTO evidence SELECT session_id,phase,99,at_ms,passed,body,"
     "verdict FROM evidence WHERE event_seq=4",
     "EVIDENCE_CHANGED"},
    {"UPDATE sessions SET current_phase=0 WHERE target='a'", "STATE_CHANGED"},
    {"UPDATE sessions SET status='completed' WHERE target='c'",
     "STATE_CHANGED"},
    {"UPDATE sessions SET hidden=0", "STATE_CHANGED"},
    {"UPDATE sessions SET hidden=1 WHERE target='c'", "STATE_CHANGED"},
    {"UPDATE sessions SET target='z' WHERE target='c'", "STATE_CHANGED"},
    {"UPDATE sessions SET workflow_type='z' WHERE target='c'", "STATE_CHANGED"},
    {"UPDATE sessions SET created_ms=1 WHERE target='c'", "STATE_CHANGED"},
    {"UPDATE sessions SET updated_ms=updated_ms+1", "STATE_CHANGED"},
    {"UPDATE sessions SET detail='{}' WHERE target='a'", "STATE_CHANGED"},
    {"UPDATE sessions SET detail='{\"options\":{\"a\":1},\"completed\":[]}' "
     "WHERE target='c'",
     "STATE_CHANGED"},
    {"UPDATE sessions SET event_hash=zeroblob(32)", "HEAD_DIFFERS"},
    {"UPDATE claims SET agent='bob'", "CLAIM_CHANGED"},
    {"UPDATE claims SET fence=1000", "CLAIM_CHANGED"},
    {"DELETE FROM claims", "CLAIM_CHANGED"},
    {"UPDATE definitions SET body=replace(body,'integer','number')",
     "DEFINITION_CHANGED"},
    {"DELETE FROM definitions", "DEFINITION_MISSING"},
    {"DELETE FROM sessions WHERE target='c'", "SESSION_MISSING"},
    {"DELETE FROM events WHERE session_id=" A
     ";DELETE FROM evidence WHERE session_id=" A
     ";DELETE FROM claims WHERE session_id=" A
     ";DELETE FROM sessions WHERE target='a'",
     "SESSION_MISSING"},
    {"DELETE FROM events WHERE session_id='' AND seq=2", "EVENT_MISSING"},
    {"DELETE FROM events WHERE session_id='' AND seq=4", "SESSION_UNKNOWN"},
    {"DELETE FROM events WHERE session_id=''", "SESSION_UNKNOWN"})
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    record_make(&f);
    sql(&f, row->sql);
    const struct json *v = verify(&f, &o);
    const struct json *flaws = json_get(v, SLICE("flaws"));
    bool found = false;
    for (size_t i = 0; i < flaws->count; i++)
        found |= slice_eq(json_text(json_get(&flaws->items[i], SLICE("code"))),
                          slice_of(row->code));
    if (!found || json_is(json_get(v, SLICE("intact")), JSON_TRUE))
        FAIL("%s: %.*s", row->sql, SLICE_ARG(buf_slice(&o.twin.plain)));
    outcome_done(&o);
    fixture_done(&f);
}

TEST(verify, a_chain_rewritten_whole_is_told_by_the_stores_chain)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice old = kit_begin(&f, "a");
    kit_begin(&f, "b");
    /* The events of b in the place of those of a, sealed for a, would be a
     * chain in itself; here only the first hash and the head are moved. */
    struct slice text = arena_printf(
        test_arena(),
        FREE "UPDATE events SET hash=zeroblob(32) WHERE session_id='%.*s';"
             "UPDATE sessions SET event_hash=zeroblob(32) WHERE target='a'",
        SLICE_ARG(old));
    sql(&f, text.p);
    const struct json *v = verify(&f, &o);
    CHECK_CONTAINS(buf_slice(&o.twin.plain), "the store's chain knows");
    CHECK_INT_EQ(json_get(v, SLICE("intact"))->type, JSON_FALSE);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(verify, one_session_can_be_asked_for)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct eng_verify_args args = {kit_begin(&f, "a")};
    kit_begin(&f, "b");
    CHECK_OK(CALL(&o, eng_verify(f.engine, &o.call, &args)));
    CHECK_INT_EQ(kit_int(json_get(o.out, SLICE("sessions"))), 1);
    outcome_done(&o);
    args.session_id = SLICE("00000000-0000-4000-8000-000000000000");
    CHECK_ERR(CALL(&o, eng_verify(f.engine, &o.call, &args)),
              ERR_SESSION_NOT_FOUND);
    outcome_done(&o);
    fixture_done(&f);
}
