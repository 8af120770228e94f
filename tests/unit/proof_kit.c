#include "tests/unit/proof_kit.h"

#include "engine/trust.h"

const char *proof_path(const char *name)
{
    return arena_printf(test_arena(), "%s/%s", test_tmpdir(), name).p;
}

struct slice proof_begin(struct fixture *f, const char *schema)
{
    const char *folder = kit_workflows();
    struct slice gate = arena_printf(
        test_arena(), "checkpoint:\n  strict: true\nevidence_schema:\n%s",
        schema);
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate.p);
    fixture_init(f, folder);
    return kit_begin(f, "src/a.c");
}

struct slice proof_begin_trusted(struct fixture *f, const char *schema)
{
    struct outcome o;
    const char *path = proof_path("trusted");
    struct slice id = proof_begin(f, schema);
    fixture_helper(f, test_binary(), path);
    struct eng_trust_list_args list = {SLICE("three_v1")};
    CHECK_OK(CALL(&o, eng_trust_list(f->engine, &o.call, &list)));
    struct slice hash = arena_copy(
        test_arena(),
        json_text(json_get(&json_get(o.out, SLICE("workflows"))->items[0],
                           SLICE("hash"))));
    outcome_done(&o);
    struct eng_trust_give_args give = {SLICE("three_v1"), hash};
    CHECK_OK(CALL(&o, eng_trust_give(f->engine, &o.call, &give)));
    outcome_done(&o);
    return id;
}

void proof_refused(struct fixture *f, struct slice id, const char *evidence,
                   const char *words)
{
    struct outcome o;
    CHECK_ERR(kit_complete(f, &o, id, 0, evidence), ERR_GATE_REFUSED);
    CHECK_CONTAINS(o.call.problem.siblings, words);
    outcome_done(&o);
}

void proof_passes(const char *schema, const char *evidence, const char *value)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin_trusted(&f, schema);
    enum err e = kit_complete(&f, &o, id, 0, evidence);
    if (e) FAIL("%.*s", SLICE_ARG(o.call.problem.siblings));
    const struct json *proof = &json_get(o.out, SLICE("proofs"))->items[0];
    CHECK_STR_EQ(kit_text(proof, "kind"), "command");
    CHECK_SLICE_EQ(json_get(proof, SLICE("value"))->raw, slice_of(value));
    outcome_done(&o);
    fixture_done(&f);
}

void proof_fails(const char *schema, const char *evidence, const char *words)
{
    struct fixture f;
    struct slice id = proof_begin_trusted(&f, schema);
    proof_refused(&f, id, evidence, words);
    fixture_done(&f);
}
