#include "base/random.h"

#include "tests/runner/test.h"

TEST(random, uuids_are_version_4_and_differ)
{
    char a[UUID_SIZE], b[UUID_SIZE];
    for (int i = 0; i < 1000; i++) {
        struct slice s = random_uuid(a), t = random_uuid(b);
        CHECK(uuid_valid(s));
        CHECK_INT_EQ(s.p[14], '4');
        CHECK(strchr("89ab", s.p[19]) != NULL);
        CHECK(!slice_eq(s, t));
    }
}

struct uuid {
    const char *text;
    bool valid;
};

TEST_EACH(random, knows_a_uuid, struct uuid, row,
          {"01234567-89ab-cdef-0123-456789abcdef", true},
          {"01234567-89AB-cdef-0123-456789abcdef", false},
          {"0123456789ab-cdef-0123-456789abcdef-", false},
          {"01234567-89ab-cdef-0123-456789abcde", false},
          {"01234567-89ab-cdef-0123-456789abcdef0", false},
          {"01234567-89ab-cdeg-0123-456789abcdef", false}, {"", false})
{
    CHECK_INT_EQ(uuid_valid(slice_of(row->text)), row->valid);
}

TEST(random, fills_every_byte)
{
    unsigned char seen[600] = {0}, p[600];
    for (int i = 0; i < 20; i++) {
        random_bytes(p, sizeof(p));
        for (size_t k = 0; k < sizeof(p); k++) seen[k] |= p[k];
    }
    for (size_t k = 0; k < sizeof(p); k++) CHECK(seen[k]);
    CHECK(random_u64() != random_u64());
}
