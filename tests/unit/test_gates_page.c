/* The examples of docs/GATES.md, each in front of a phase. */
#include "engine/trust.h"
#include "tests/unit/session_kit.h"

/* The n-th block of YAML on the page. */
static const char *block(int n)
{
    struct slice page, path = arena_printf(test_arena(), "%s/docs/GATES.md",
                                           test_source_dir());
    CHECK_OK(file_read(path, 1u << 20, test_arena(), &page));
    for (; n >= 0; n--) {
        size_t at = slice_find(page, SLICE("```yaml\n"));
        if (at == page.n) return NULL;
        page = slice_sub(page, at + 8, page.n);
    }
    size_t end = slice_find(page, SLICE("```\n"));
    return arena_cstr(test_arena(), slice_sub(page, 0, end));
}

enum { BLOCKS = 7 };

static const struct {
    const char *evidence; /* that passes, or waits */
    enum err comes;
    const char *without; /* that is refused */
} rows[BLOCKS] = {
    {"{\"summary\":\"the parser refuses bad dates\"}", OK, "{}"},
    {"{\"notes\":\"dates\"}", ERR_GATE_REFUSED, "{}"}, /* nobody to ask */
    {"{\"design\":\"docs/design.md\"}", OK, "{\"design\":\"notes.md\"}"},
    {"{}", OK, NULL},
    {"{}", ERR_GATE_REFUSED, "{\"ci_passed\":100}"}, /* nobody has signed */
    {"{\"release_notes\":\"dates are checked\"}", ERR_APPROVAL_PENDING, "{}"},
    {"{\"design\":\"docs/design.md\"}", OK, "{}"},
};

static void trust(struct fixture *f)
{
    struct outcome o;
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
}

static void example_holds(int n)
{
    struct fixture f;
    struct outcome o;
    const char *folder = kit_workflows();
    const char *gate = block(n);
    CHECK(gate != NULL);
    kit_put(folder, "three_v1/phases/0/gate-definition.yaml", gate);
    fixture_init(&f, folder);
    fixture_helper(&f, test_binary(),
                   arena_printf(test_arena(), "%s/trusted", test_tmpdir()).p);
    trust(&f);
    struct slice id = kit_begin(&f, "src/a.c");
    kit_put(test_tmpdir(), "docs/design.md", "# Design\n\n## Risks\n\nnone\n");
    kit_put(test_tmpdir(), "src/main.c", "int main(void) {}\n");
    kit_put(test_tmpdir(), "Makefile", "main: src/main.c\n");
    if (rows[n].without) {
        CHECK_ERR(kit_complete(&f, &o, id, 0, rows[n].without),
                  ERR_GATE_REFUSED);
        outcome_done(&o);
    }
    CHECK_INT_EQ(kit_complete(&f, &o, id, 0, rows[n].evidence), rows[n].comes);
    outcome_done(&o);
    fixture_done(&f);
}

TEST(gates_page, the_plain_gate_holds)
{
    example_holds(0);
}
TEST(gates_page, the_example_of_a_client_s_word_holds)
{
    example_holds(1);
}
TEST(gates_page, the_example_of_a_file_holds)
{
    example_holds(2);
}
TEST(gates_page, the_example_of_a_command_holds)
{
    example_holds(3);
}
TEST(gates_page, the_example_of_ci_holds)
{
    example_holds(4);
}
TEST(gates_page, the_example_of_a_person_holds)
{
    example_holds(5);
}
TEST(gates_page, the_example_of_what_has_to_stay_holds)
{
    example_holds(6);
}
TEST(gates_page, has_no_example_without_a_test)
{
    CHECK(block(BLOCKS - 1) != NULL);
    CHECK(block(BLOCKS) == NULL);
}
