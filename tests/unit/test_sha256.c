#include "base/sha256.h"

#include "base/random.h"
#include "base/sha256_block.h"
#include "tests/runner/test.h"

struct vector {
    const char *text, *hex;
};

/* FIPS 180-4 examples and NIST's CAVP short messages as text. */
TEST_EACH(sha256, matches_the_published_vectors, struct vector, row,
          {"",
           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
          {"abc",
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
          {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
          {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
           "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
           "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
          {"\xBD",
           "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
          {"\xC9\x8C\x8E\x55",
           "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"})
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256_of(slice_of(row->text), hash);
    CHECK_TEXT_EQ(sha256_hex(hash, hex), row->hex);
}

TEST(sha256, matches_the_vector_of_a_million_letters)
{
    struct sha256 s;
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE], letters[1000];
    memset(letters, 'a', sizeof(letters));
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_add(&s, (struct slice){letters, sizeof(letters)});
    sha256_end(&s, hash);
    CHECK_TEXT_EQ(
        sha256_hex(hash, hex),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha256, pieces_of_any_size_give_the_same_hash)
{
    char text[300];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (char)(i * 31);
    for (size_t n = 0; n <= sizeof(text); n += 7) {
        uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];
        sha256_of((struct slice){text, n}, whole);
        for (size_t step = 1; step < 130; step += 9) {
            struct sha256 s;
            sha256_init(&s);
            for (size_t at = 0; at < n; at += step)
                sha256_add(&s, slice_sub((struct slice){text, n}, at, step));
            sha256_end(&s, pieces);
            CHECK(sha256_equal(whole, pieces));
        }
    }
}

TEST(sha256, equality_sees_every_byte)
{
    uint8_t a[SHA256_SIZE] = {0}, b[SHA256_SIZE] = {0};
    CHECK(sha256_equal(a, b));
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        b[i] = 1;
        CHECK(!sha256_equal(a, b));
        b[i] = 0;
    }
}

TEST(sha256, plain_c_and_the_processors_instructions_agree)
{
    if (!sha256_x86_usable()) test_skip("no SHA instructions here");
    uint8_t blocks[5 * 64];
    uint32_t plain[8], fast[8];
    for (int round = 0; round < 200; round++) {
        random_bytes(blocks, sizeof(blocks));
        random_bytes(plain, sizeof(plain));
        memcpy(fast, plain, sizeof(fast));
        sha256_blocks_plain(plain, blocks, (size_t)round % 6);
        sha256_blocks_x86(fast, blocks, (size_t)round % 6);
        CHECK(memcmp(plain, fast, sizeof(fast)) == 0);
    }
}

TEST(sha256, plain_c_matches_a_published_vector)
{
    struct sha256 s;
    uint8_t block[64] = "abc\x80";
    block[63] = 24;
    sha256_init(&s);
    sha256_blocks_plain(s.h, block, 1);
    CHECK_INT_EQ(s.h[0], 0xba7816bf);
    CHECK_INT_EQ(s.h[7], 0xf20015ad);
}

TEST(sha256, hex_is_read_back_and_nothing_else_is)
{
    static const char *const wrong[] = {
        "", "00",
        "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555"};
    uint8_t hash[SHA256_SIZE], again[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256_of(SLICE("abc"), hash);
    CHECK(sha256_parse(sha256_hex(hash, hex), again));
    CHECK(sha256_equal(hash, again));
    for (char *p = hex; *p; p++)
        if (*p >= 'a') *p = (char)(*p - 32);
    CHECK(sha256_parse(slice_of(hex), again));
    CHECK(sha256_equal(hash, again));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!sha256_parse(slice_of(wrong[i]), again));
}
