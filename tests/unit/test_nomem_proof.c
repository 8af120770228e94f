/* Proofs, people's words and trust, with the n-th allocation failing, and the
 * n-th call to a file. */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/unit/fault_kit.h"
#include "tests/unit/proof_kit.h"

FAULT_CALL(complete, complete_phase, .session_id = t->id, .phase = 0,
           .evidence = t->json)
FAULT_CALL(list_all, approvals_list, .limit = 5)
FAULT_CALL(list_one, approvals_list, .session_id = t->id)
FAULT_CALL(decide, approval_decide, .session_id = t->id, .phase = ENG_ABSENT,
           .event_id = ENG_ABSENT, .approve = t->number == 0,
           .person = SLICE("Ada"), .channel = SLICE("dashboard"),
           .comment = SLICE("as it should be"))

/* --- proofs that a server takes itself ------------------------------------ */

#define RULES                                                                  \
    "cross_field_validation:\n"                                                \
    "  - rule: \"lambda fields: fields['n'] > 0 and len(fields['doc']) > "     \
    "0\"\n"                                                                    \
    "    error_message: \"n is positive\"\n"
static const char file_schema[] =
    "  doc:\n    type: string\n    required: true\n    description: \"it\"\n"
    "    proof: file\n    file: {under: docs, pattern: \"(?m)^# .*\", "
    "min_bytes: 3, newer_than_phase: false}\n"
    "  n:\n    type: integer\n    required: true\n    description: \"n\"\n"
    "    validator: in_range\n    validator_params: {min_val: 1, max_val: 9}\n"
    "  names:\n    type: list\n    required: false\n    description: \"l\"\n"
    "  note:\n    type: string\n    required: false\n    description: \"s\"\n"
    "    validator: min_length\n    validator_params: {min_len: 4}\n"
    "validators:\n  own: \"lambda x: x > 0\"\n" RULES;

static void file_begin(struct fault *t)
{
    kit_put(test_tmpdir(), "docs/design.md", "# Design\nof it\n");
    t->id = proof_begin(&t->f, file_schema);
}

static void with_file(struct fault *t)
{
    fault_session(t);
    t->json = parse("{\"doc\":\"docs/design.md\",\"n\":3,\"names\":[\"a\"],"
                    "\"note\":\"long enough\"}");
}

static void without_file(struct fault *t)
{
    fault_session(t);
    t->json = parse("{\"doc\":\"docs/none.md\",\"n\":0,\"names\":{},"
                    "\"note\":\"x\",\"strange\":[1,{\"a\":null}]}");
}

/* A command takes its time; each tenth says enough of memory. */
static void command_begin(struct fault *t)
{
    t->id = proof_begin_trusted(&t->f,
                                COMMAND_FIELD("boolean", "{argv: [\"true\"]}"));
}

static void nothing_said(struct fault *t)
{
    fault_session(t);
    t->json = parse("{}");
}

#define PROOFS                                                                 \
    {"file", file_begin, with_file, complete},                                 \
        {"command", command_begin, nothing_said, complete, .step = 10},        \
    {                                                                          \
        "file, not there", file_begin, without_file, complete,                 \
            ERR_GATE_REFUSED                                                   \
    }

TEST_EACH(nomem, a_proof_is_taken_or_said_to_be_wanting, struct fault_op, op,
          PROOFS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_proof_is_taken_or_said_to_be_wanting,
          struct fault_op, op, PROOFS)
{
    fault_disk_run(op);
}

/* --- a person's word ---------------------------------------------------------
 */

#define HUMAN                                                                  \
    "  summary:\n    type: string\n    required: true\n"                       \
    "    description: \"what was done\"\n"                                     \
    "  looked_at:\n    type: boolean\n    required: true\n"                    \
    "    description: \"a person has seen it\"\n    proof: human\n"

#define CLIENT                                                                 \
    "  seen:\n    type: boolean\n    required: true\n"                         \
    "    description: \"the user has seen it\"\n    proof: client\n"

static void client_begin(struct fault *t)
{
    t->id = proof_begin(&t->f, CLIENT);
}

static enum err complete_asked(struct fault *t, struct eng_call *c)
{
    c->asking = ENG_CAN_ASK;
    c->client = (struct eng_client_word){
        .key = t->text, .said = t->text.n ? ENG_SAID_YES : ENG_SAID_NOTHING};
    return complete(t, c);
}

static void to_ask(struct fault *t)
{
    fault_session(t);
    t->text = SLICE("");
    t->json = parse("{}");
}

static void said_yes(struct fault *t)
{
    struct outcome o;
    to_ask(t);
    outcome_begin(&o);
    CHECK_ERR(outcome_end(&o, complete_asked(t, &o.call)),
              ERR_APPROVAL_PENDING);
    t->text = arena_copy(test_arena(), o.call.ask.key);
    outcome_done(&o);
}

static void human_begin(struct fault *t)
{
    t->id = proof_begin(&t->f, HUMAN);
}

static void asking(struct fault *t)
{
    fault_session(t);
    t->json = parse("{\"summary\":\"it is done\"}");
}

static void asked(struct fault *t)
{
    struct outcome o;
    asking(t);
    CHECK_ERR(kit_complete(&t->f, &o, t->id, 0, "{\"summary\":\"it is done\"}"),
              ERR_APPROVAL_PENDING);
    outcome_done(&o);
}

static void asked_begin(struct fault *t)
{
    human_begin(t);
    asked(t);
}

static void decided(struct fault *t, bool approve)
{
    struct outcome o;
    asked(t);
    t->args.approval_decide =
        (struct eng_approval_decide_args){.session_id = t->id,
                                          .phase = ENG_ABSENT,
                                          .event_id = ENG_ABSENT,
                                          .approve = approve,
                                          .person = SLICE("Ada"),
                                          .channel = SLICE("terminal"),
                                          .comment = SLICE("because")};
    CHECK_OK(CALL(&o, eng_approval_decide(t->f.engine, &o.call,
                                          &t->args.approval_decide)));
    outcome_done(&o);
}

static void approved(struct fault *t)
{
    decided(t, true);
}

static void rejected(struct fault *t)
{
    decided(t, false);
}

static void to_reject(struct fault *t)
{
    asked(t);
    t->number = 1;
}

#define WORDS                                                                  \
    {"ask", human_begin, asking, complete, ERR_APPROVAL_PENDING},              \
        {"ask the client", client_begin,         to_ask,                       \
         complete_asked,   ERR_APPROVAL_PENDING, .keeps = true},               \
        {"the client's user said yes", client_begin, said_yes,                 \
         complete_asked},                                                      \
        {"approve", human_begin, asked, decide},                               \
        {"reject", human_begin, to_reject, decide},                            \
        {"approved", human_begin, approved, complete},                         \
        {"rejected", human_begin, rejected, complete, ERR_GATE_REFUSED},       \
        {"list", asked_begin, NULL, list_all},                                 \
    {                                                                          \
        "list one", asked_begin, NULL, list_one                                \
    }

TEST_EACH(nomem, a_person_s_word_is_kept_or_asked_for_again, struct fault_op,
          op, WORDS)
{
    fault_run(op);
}

TEST_EACH(nodisk, without_a_disk_a_person_s_word_is_kept_or_asked_for_again,
          struct fault_op, op, WORDS)
{
    fault_disk_run(op);
}

/* --- opening
 * ------------------------------------------------------------------ */

TEST(nomem, an_engine_is_opened_or_not)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    eng_close(f.engine);
    struct eng_options o = {.root = f.root,
                            .workflows = &f.workflows,
                            .workflows_count = 1,
                            .standards = &f.workflows,
                            .standards_count = 1,
                            .durability = ST_NORMAL,
                            .pool = f.pool};
    bool failed = true;
    size_t refused = 0;
    for (uint64_t n = 1; failed; n += 1 + n / 16) {
        struct arena a;
        struct problem p;
        struct engine *e = NULL;
        arena_init(&a, 1 << 20);
        problem_init(&p);
        mem_fail_at(n);
        enum err r = eng_open(&o, &a, &p, &e);
        failed = mem_count() >= n;
        mem_fail_at(0);
        CHECK(r == OK || r == ERR_NOMEM);
        if (r) CHECK(p.what.n > 0);
        if (!failed) CHECK_OK(r);
        refused += r != OK;
        eng_close(r ? NULL : e);
        arena_done(&a);
    }
    CHECK_INT_GT(refused, 10);
    fixture_open(&f);
    fixture_done(&f);
}
