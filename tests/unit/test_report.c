/* The report: what a person must find in it, and what must not break it. */
#include <sqlite3.h>

#include "base/buf.h"
#include "engine/report.h"

#include "tests/unit/session_kit.h"

static struct slice report(struct fixture *f, struct outcome *o,
                           struct slice id)
{
    struct eng_report_args args = {id};
    CHECK_OK(CALL(o, eng_report(f->engine, &o->call, &args)));
    return json_text(json_get(o->out, SLICE("text")));
}

TEST(report, tells_phases_refusals_evidence_and_the_head)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x.md");
    CHECK_ERR(kit_complete(&f, &o, id, 0, "{\"done\":true}"), ERR_GATE_REFUSED);
    outcome_done(&o);
    kit_pass(&f, id, 0);
    CHECK_OK(kit_claim(&f, &o, id, 1, 2, "ann"));
    outcome_done(&o);
    CHECK_OK(kit_manage(&f, &o, id, "rollback", 0, false, NULL));
    char *hash = arena_cstr(test_arena(),
                            json_text(json_at(o.out, "receipt", "hash", NULL)));
    outcome_done(&o);
    struct slice text = report(&f, &o, id);
    CHECK_CONTAINS(text, "# Three: x.md");
    CHECK_CONTAINS(text, hash);
    CHECK_CONTAINS(text, "#### Event 2: refused");
    CHECK_CONTAINS(text, "* count: ");
    CHECK_CONTAINS(text, "#### Event 3: passed (later rolled back)");
    CHECK_CONTAINS(text, KIT_GOOD);
    CHECK_CONTAINS(text, "### Phase 2: Third\n\nLocked.");
    CHECK_CONTAINS(text, "session\\_rolled\\_back");
    CHECK_CONTAINS(text, "reason: because");
    CHECK_CONTAINS(text, "| 2 b | claimed | ann |");
    outcome_done(&o);
    fixture_done(&f);
}

TEST(report, what_agents_send_cannot_change_the_page)
{
    struct fixture f;
    struct outcome o;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "a # b");
    CHECK_OK(kit_claim(&f, &o, id, 0, 1, "x |\n| <b>y"));
    outcome_done(&o);
    CHECK_OK(kit_complete(
        &f, &o, id, 0,
        "{\"done\":true,\"count\":1,\"note\":\"````\\n# Passed\"}"));
    outcome_done(&o);
    struct slice text = report(&f, &o, id);
    CHECK_CONTAINS(text, "# Three: a \\# b");
    CHECK_CONTAINS(text, "x \\| \\| \\<b\\>y");
    CHECK_CONTAINS(text, "`````json\n");
    outcome_done(&o);
    fixture_done(&f);
}

struct span {
    int64_t ms;
    const char *text;
};
TEST_EACH(report, a_time_span_is_told_in_words, struct span, row, {0, "0 s"},
          {-5, "0 s"}, {59999, "59 s"}, {3723000, "1 h 2 min 3 s"},
          {90061000, "1 d 1 h 1 min 1 s"})
{
    struct buf b = BUF_INIT(100);
    eng__report_span(&b, row->ms);
    CHECK_TEXT_EQ(buf_slice(&b), row->text);
    buf_done(&b);
}

TEST(report, what_is_long_or_damaged_is_shown_as_far_as_it_can_be)
{
    struct fixture f;
    struct outcome o;
    struct buf b = BUF_INIT(1 << 16);
    sqlite3 *db;
    fixture_init(&f, kit_workflows());
    struct eng_start_workflow_args args = {
        .workflow_type = SLICE("three_v1"),
        .target = SLICE("long"),
        .options = parse("{\"note\":\"\\u007f|\"}")};
    CHECK_OK(CALL(&o, eng_start_workflow(f.engine, &o.call, &args)));
    struct slice id = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    buf_puts(&b, "{\"done\":true,\"count\":1,\"note\":\"");
    for (int i = 0; i < 5000; i++) buf_putc(&b, 'n');
    buf_puts(&b, "\"}");
    buf_putc(&b, '\0');
    CHECK_OK(kit_complete(&f, &o, id, 0, b.p));
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, id, 1, "{}"), ERR_GATE_REFUSED);
    outcome_done(&o);
    struct slice path = arena_printf(test_arena(), "%.*s/.phasegate/state.db",
                                     SLICE_ARG(f.root));
    CHECK_INT_EQ(sqlite3_open(path.p, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db,
                              "UPDATE evidence SET verdict='{' WHERE "
                              "passed=0",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    struct slice text = report(&f, &o, id);
    CHECK_CONTAINS(text, "Options:");
    CHECK_CONTAINS(text, "(the first 4096 of 5");
    CHECK_CONTAINS(text, "refused");
    CHECK(slice_find(text, SLICE("Not met")) == text.n);
    outcome_done(&o);
    fixture_done(&f);
    struct buf cell = BUF_INIT(1 << 12);
    for (int i = 0; i < 200; i++) buf_puts(&cell, "\xc3\xa9");
    struct slice wide = arena_copy(test_arena(), buf_slice(&cell));
    buf_clear(&cell);
    eng__report_cell(&cell, wide);
    CHECK_INT_EQ(cell.n, 303);
    buf_clear(&cell);
    eng__report_cell(&cell, SLICE("a\x7f\nb&"));
    CHECK_TEXT_EQ(buf_slice(&cell), "a\\\\u007f b\\&");
    buf_done(&cell);
    buf_done(&b);
}
