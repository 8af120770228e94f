/* The report: what a person must find in it, and what must not break it. */
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
