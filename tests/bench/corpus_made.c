#include "tests/bench/corpus_made.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/runner/test.h"

enum { WORDS = 4000, SECTIONS = 20, LENGTH = 80 };

static const char *const syllables[] = {"re", "tra", "lo",  "mi", "sen", "da",
                                        "co", "ver", "pul", "ne", "ti",  "gor"};
enum { SYLLABLES = sizeof syllables / sizeof *syllables };

/* A word has a number; each number another spelling. */
static int put_word(char *to, size_t room, unsigned word)
{
    unsigned a = word % SYLLABLES, b = word / SYLLABLES % SYLLABLES;
    unsigned c = word / SYLLABLES / SYLLABLES;
    return snprintf(to, room, "%s%s%s%s", syllables[a], syllables[b],
                    syllables[c % SYLLABLES],
                    c < SYLLABLES ? "" : syllables[c / SYLLABLES % SYLLABLES]);
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Low numbers come more often: about as 1/n. */
static unsigned pick(unsigned *seed)
{
    unsigned range = 1u << (next(seed) % 12 + 1);
    return next(seed) % (range < WORDS ? range : WORDS);
}

static void put_section(struct buf *b, unsigned *seed)
{
    char word[64];
    (void)put_word(word, sizeof word, pick(seed));
    buf_printf(b, "## About %s\n\n", word);
    for (int i = 0; i < LENGTH; i++) {
        (void)put_word(word, sizeof word, pick(seed));
        buf_printf(b, "%s%s", word, i % 12 == 11 ? ".\n" : " ");
    }
    buf_puts(b, "\n\n");
}

void corpus_make(struct slice folder, int chunks)
{
    unsigned seed = 7;
    CHECK_OK(path_make(folder, 0755));
    for (int i = 0; i < chunks; i += SECTIONS) {
        struct buf b = BUF_INIT(1 << 20);
        buf_printf(&b, "# Standard %d\n\n", i / SECTIONS);
        for (int k = i; k < i + SECTIONS && k < chunks; k++)
            put_section(&b, &seed);
        struct slice path = arena_printf(test_arena(), "%.*s/s%d.md",
                                         SLICE_ARG(folder), i / SECTIONS);
        FILE *f = fopen(path.p, "we");
        CHECK(f && fwrite(b.p, 1, b.n, f) == b.n && fclose(f) == 0);
        buf_done(&b);
    }
}

const char *corpus_subject(unsigned i, char text[128])
{
    char a[48], b[48];
    unsigned seed = i * 2654435761u + 1;
    (void)put_word(a, sizeof a, 40 + next(&seed) % 2000);
    (void)put_word(b, sizeof b, i % 5 ? 40 + next(&seed) % 2000 : i % 4);
    (void)snprintf(text, 128, "%s %s %u", a, b, i);
    return text;
}
