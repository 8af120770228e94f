#include "engine/target.h"

#include "tests/unit/engine_fixture.h"

struct target {
    struct slice text;
    bool ok;
};
TEST_EACH(target, is_a_harmless_relative_label, struct target, row,
          {SLICE_INIT("src/parser.c"), true}, {SLICE_INIT("a%20b"), true},
          {SLICE_INIT("user@x.md"), true}, {SLICE_INIT("a..b.md"), true},
          {SLICE_INIT("issue-42"), true}, {SLICE_INIT("...x"), true},
          {SLICE_INIT("\xc3\xbc/\xe4\xb8\x96.md"), true},
          {SLICE_INIT(""), false}, {SLICE_INIT("   "), false},
          {SLICE_INIT("../../../etc/passwd"), false},
          {SLICE_INIT("a/../b"), false}, {SLICE_INIT("a/.."), false},
          {SLICE_INIT("/etc/passwd"), false}, {SLICE_INIT("C:\\x"), false},
          {SLICE_INIT("c:x"), false}, {SLICE_INIT("%2e%2e%2fetc"), false},
          {SLICE_INIT("a%2Fb"), false}, {SLICE_INIT("a%5Cb"), false},
          {SLICE_INIT("a;b"), false}, {SLICE_INIT("a|b"), false},
          {SLICE_INIT("$HOME"), false}, {SLICE_INIT("a&b"), false},
          {SLICE_INIT("a>b"), false}, {SLICE_INIT("a<b"), false},
          {SLICE_INIT("`a`"), false}, {SLICE_INIT("a\0b"), false},
          {SLICE_INIT("a\nb"), false},
          {SLICE_INIT("a\xe2\x80\xae"
                      "c.exe"),
           false},
          {SLICE_INIT("a\xe2\x80\x8b.c"), false}, {SLICE_INIT("\ta.c"), false},
          {SLICE_INIT("a\xc2\x85"), false}, {SLICE_INIT("\\\\host\\x"), false})
{
    struct outcome o;
    outcome_begin(&o);
    struct slice taken;
    enum err e = eng__target_take(&o.call, row->text, &taken);
    CHECK_ERR(e, row->ok ? OK : ERR_INVALID_TARGET);
    if (e) CHECK(o.call.problem.why.n && o.call.problem.how_to_fix.n);
    outcome_done(&o);
}

struct spelling {
    struct slice text, taken;
};
TEST_EACH(target, one_thing_has_one_spelling, struct spelling, row,
          {SLICE_INIT("a.c"), SLICE_INIT("a.c")},
          {SLICE_INIT("./a.c"), SLICE_INIT("a.c")},
          {SLICE_INIT(" a.c "), SLICE_INIT("a.c")},
          {SLICE_INIT("././src//a.c"), SLICE_INIT("src/a.c")},
          {SLICE_INIT("src/./a.c"), SLICE_INIT("src/a.c")},
          {SLICE_INIT("docs/"), SLICE_INIT("docs")},
          {SLICE_INIT("."), SLICE_INIT(".")},
          {SLICE_INIT("./"), SLICE_INIT(".")},
          {SLICE_INIT("the login bug"), SLICE_INIT("the login bug")},
          {SLICE_INIT(".env"), SLICE_INIT(".env")})
{
    struct outcome o;
    struct slice taken = {0};
    outcome_begin(&o);
    CHECK_OK(eng__target_take(&o.call, row->text, &taken));
    CHECK_SLICE_EQ(taken, row->taken);
    outcome_done(&o);
}

TEST(target, has_at_most_so_many_bytes)
{
    struct slice taken = {0};
    char *long_one = arena_alloc(test_arena(), 1025);
    memset(long_one, 'a', 1025);
    for (size_t n = 1024; n <= 1025; n++) {
        struct outcome o;
        outcome_begin(&o);
        CHECK_ERR(
            eng__target_take(&o.call, (struct slice){long_one, n}, &taken),
            n == 1024 ? OK : ERR_INVALID_TARGET);
        if (n > 1024) CHECK_CONTAINS(o.call.problem.why, "over 1,024 bytes");
        outcome_done(&o);
    }
}
