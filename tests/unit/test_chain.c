#include "engine/chain.h"

#include "tests/runner/test.h"

static struct st_event event(int64_t phase, const char *data)
{
    return (struct st_event){.at_ms = 1700000000123,
                             .type = SLICE("phase_completed"),
                             .actor = SLICE("stdio"),
                             .phase = phase,
                             .data = slice_of(data)};
}

TEST(chain, each_event_covers_the_one_before)
{
    struct st_session row = {.id = SLICE("s")};
    struct st_event a = event(0, "{}"), b = event(1, "{}");
    eng__chain_append(&row, &a);
    eng__chain_append(&row, &b);
    CHECK_INT_EQ(a.seq, 1);
    CHECK_INT_EQ(b.seq, 2);
    CHECK(sha256_equal(b.prev_hash, a.hash));
    CHECK(sha256_equal(row.event_hash, b.hash));
    CHECK(!sha256_equal(a.hash, b.hash));
}

TEST(chain, every_field_changes_the_hash)
{
    struct st_session row = {.id = SLICE("s")};
    struct st_event e = event(0, "{}");
    eng__chain_append(&row, &e);
    struct st_event changed[] = {e, e, e, e, e, e, e};
    changed[0].session_id = SLICE("t");
    changed[1].seq++;
    changed[2].at_ms++;
    changed[3].type = SLICE("phase_complete");
    changed[4].phase = -1;
    changed[5].actor = SLICE("http");
    changed[6].data = SLICE("{ }");
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        eng__chain_seal(&changed[i]);
        CHECK(!sha256_equal(changed[i].hash, e.hash));
    }
}

/* "ab" + "c" and "a" + "bc" are different records: fields carry a length. */
TEST(chain, fields_cannot_flow_into_each_other)
{
    struct st_event a = event(0, "{}"), b = event(0, "{}");
    a.type = SLICE("ab");
    a.actor = SLICE("c");
    b.type = SLICE("a");
    b.actor = SLICE("bc");
    eng__chain_seal(&a);
    eng__chain_seal(&b);
    CHECK(!sha256_equal(a.hash, b.hash));
}
