/* moment: one name for the same work, another as soon as it could find more. */
#include "engine/moment.h"
#include "tests/unit/session_kit.h"

struct name {
    uint8_t bytes[SHA256_SIZE];
};

/* Until the watcher has read what waits: each look reads. */
static struct name name_of(struct fixture *f, const char *tool,
                           const char *arguments)
{
    struct name n;
    struct json_error je;
    const struct json *v = NULL;
    CHECK_OK(json_parse(slice_of(arguments), NULL, test_arena(), &v, &je));
    for (int i = 0; i < 100; i++) {
        struct outcome o;
        if (eng_moment(f->engine, slice_of(tool), v, test_arena(), n.bytes))
            return n;
        CHECK_OK(CALL(&o, eng_list_workflows(
                              f->engine, &o.call,
                              &(struct eng_list_workflows_args){{0}, {0}})));
        outcome_done(&o);
    }
    FAIL("nothing vouches for the moment");
}

static bool same(struct name a, struct name b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

/* D08 */
TEST(moment, the_order_of_members_is_no_difference)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    CHECK(same(name_of(&f, "t", "{\"a\":1,\"b\":2}"),
               name_of(&f, "t", "{ \"b\": 2, \"a\": 1 }")));
    CHECK(!same(name_of(&f, "t", "{\"a\":1,\"b\":2}"),
                name_of(&f, "t", "{\"a\":2,\"b\":1}")));
    CHECK(!same(name_of(&f, "t", "{}"), name_of(&f, "u", "{}")));
    fixture_done(&f);
}

TEST(moment, what_begins_after_a_commit_is_other_work)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    struct slice id = kit_begin(&f, "x");
    struct name before = name_of(&f, "t", "{}");
    CHECK(same(before, name_of(&f, "t", "{}")));
    kit_pass(&f, id, 0);
    CHECK(!same(before, name_of(&f, "t", "{}")));
    fixture_done(&f);
}

TEST(moment, what_begins_after_a_save_is_other_work)
{
    struct fixture f;
    fixture_init(&f, kit_workflows());
    struct name before = name_of(&f, "t", "{}");
    kit_put(f.workflows.p, "three_v1/note.md", "saved\n");
    CHECK(!same(before, name_of(&f, "t", "{}")));
    fixture_done(&f);
}
