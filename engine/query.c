#include "engine/query.h"

#include <stdlib.h>

/* More than this many texts with a word: the word tells none from the other,
 * and reading on would only take time. */
enum { POSTINGS_MOST = 40000, NEAR_MOST = 3, PREFIX_SHORTEST = 3 };

static const double prefix_weight = 0.7, near_weight = 0.6;
static const double compound_weight = 0.9, spelling_weight = 0.9;

/* Words that carry grammar, not a subject. Sorted. */
static const char *const stop_words[] = {
    "a",      "about", "all",   "am",    "an",     "and",    "any",   "are",
    "as",     "at",    "be",    "been",  "being",  "but",    "by",    "can",
    "could",  "did",   "do",    "does",  "doing",  "for",    "from",  "get",
    "give",   "had",   "has",   "have",  "having", "he",     "her",   "here",
    "him",    "his",   "how",   "i",     "if",     "in",     "into",  "is",
    "it",     "its",   "just",  "kind",  "let",    "like",   "may",   "me",
    "might",  "must",  "my",    "need",  "no",     "nor",    "not",   "of",
    "off",    "on",    "or",    "our",   "ours",   "out",    "over",  "own",
    "please", "s",     "same",  "shall", "she",    "should", "so",    "some",
    "such",   "t",     "tell",  "than",  "that",   "the",    "their", "them",
    "then",   "there", "these", "they",  "thing",  "things", "this",  "those",
    "to",     "too",   "up",    "us",    "very",   "want",   "was",   "way",
    "we",     "were",  "what",  "when",  "where",  "which",  "while", "who",
    "whom",   "whose", "why",   "will",  "with",   "would",  "you",   "your",
};

static int by_text(const void *key, const void *item)
{
    const struct slice *word = key;
    return slice_cmp(*word, slice_of(*(const char *const *)item));
}

static bool is_stop_word(struct slice text)
{
    char low[8];
    if (text.n >= sizeof(low)) return false;
    for (size_t i = 0; i < text.n; i++)
        low[i] = text.p[i] >= 'A' && text.p[i] <= 'Z'
                     ? (char)(text.p[i] + ('a' - 'A'))
                     : text.p[i];
    struct slice word = {low, text.n};
    return bsearch(&word, stop_words,
                   sizeof(stop_words) / sizeof(stop_words[0]),
                   sizeof(stop_words[0]), by_text) != NULL;
}

static struct query_term *add(struct query *q, struct query_term term)
{
    if (q->count == QUERY_TERMS) return NULL;
    q->terms[q->count] = term;
    return &q->terms[q->count++];
}

static bool has_stem(const struct query *q, struct slice stem)
{
    for (size_t i = 0; i < q->count; i++)
        if (slice_eq(q->terms[i].stem, stem)) return true;
    return false;
}

static bool has_star(struct slice text, struct slice word)
{
    size_t end = (size_t)(word.p - text.p) + word.n;
    return end < text.n && text.p[end] == '*' && word.n >= 2;
}

static void add_words(struct query *q, struct slice text,
                      const struct st_word *words, size_t count, bool all)
{
    for (size_t i = 0; i < count && q->count < QUERY_TERMS; i++) {
        bool star = has_star(text, words[i].text);
        if (!all && !star && is_stop_word(words[i].text)) continue;
        if (has_stem(q, words[i].stem)) continue;
        add(q, (struct query_term){.term = {words[i].text, star},
                                   .stem = words[i].stem,
                                   .weight = 1,
                                   .word = (uint32_t)q->words++,
                                   .place = (uint32_t)i});
    }
}

/* What stands in quotation marks, if it is several words. */
static enum err add_phrases(struct query *q, struct st_index_view *v,
                            struct slice text, struct arena *a)
{
    struct slice rest = text, part;
    for (bool inside = false; slice_split(&rest, '"', &part);
         inside = !inside) {
        struct st_word *words;
        size_t count;
        if (!inside || !rest.p || part.n < 3) continue;
        enum err e = st_index_words(v, part, a, &words, &count);
        if (e) return e;
        if (count < 2) continue;
        add(q, (struct query_term){.term = {part, false},
                                   .weight = 2,
                                   .phrase = true,
                                   .word = (uint32_t)q->words++});
    }
    return OK;
}

static enum err look_up(struct st_index_view *v, struct arena *a,
                        struct query_term *t)
{
    struct st_posting *postings;
    enum err e =
        st_index_postings(v, t->term, POSTINGS_MOST, a, &postings, &t->count);
    t->postings = postings;
    return e;
}

/* The word itself is nowhere: others may stand for it. */
static enum err look_near(struct st_index_view *v, struct arena *a,
                          struct query *q, struct query_term *t)
{
    struct slice *near, word = t->term.words;
    size_t count;
    if (word.n >= PREFIX_SHORTEST) {
        t->term.prefix = true;
        t->weight = prefix_weight;
        enum err e = look_up(v, a, t);
        if (e || t->count) return e;
    }
    char *low = arena_cstr(a, word);
    if (!low) return ERR_NOMEM;
    for (size_t i = 0; i < word.n; i++)
        if (low[i] >= 'A' && low[i] <= 'Z') low[i] = (char)(low[i] + 32);
    enum err e = st_index_near(v, (struct slice){low, word.n}, NEAR_MOST, a,
                               &near, &count);
    t->term.prefix = false;
    t->weight = near_weight;
    for (size_t i = 0; i < count && !e; i++) {
        struct query_term *other =
            i == 0 ? t : add(q, *t); /* stands for the same word */
        if (!other) break;
        other->term.words = near[i];
        e = look_up(v, a, other);
    }
    return e;
}

/* --- one thing written in two ways ------------------------------------------
 */

static enum err add_found(struct st_index_view *v, struct arena *a,
                          struct query *q, struct query_term t)
{
    enum err e = q->count < QUERY_TERMS ? look_up(v, a, &t) : OK;
    if (!e && t.count) add(q, t);
    return e;
}

/* "git ignore" is also "gitignore", which stands for both words. */
static enum err add_compound(struct st_index_view *v, struct arena *a,
                             struct query *q, size_t i)
{
    const struct query_term *x = &q->terms[i], *y = &q->terms[i + 1];
    if (y->place != x->place + 1 || x->phrase || y->phrase) return OK;
    struct slice both = arena_printf(a, "%.*s%.*s", SLICE_ARG(x->term.words),
                                     SLICE_ARG(y->term.words));
    if (!both.p) return ERR_NOMEM;
    struct query_term t = {
        .term = {both, false}, .weight = compound_weight, .word = x->word};
    enum err e = add_found(v, a, q, t);
    t.word = y->word;
    return e ? e : add_found(v, a, q, t);
}

/* British and American endings. */
static const struct {
    struct slice one, other;
} spellings[] = {
    {SLICE_INIT("is"), SLICE_INIT("iz")},
    {SLICE_INIT("iz"), SLICE_INIT("is")},
    {SLICE_INIT("our"), SLICE_INIT("or")},
    {SLICE_INIT("or"), SLICE_INIT("our")},
};

/* `at`: where the ending begins, behind a stem of three letters. */
static size_t find_ending(struct slice word, struct slice ending)
{
    for (size_t at = word.n; at-- > 3;)
        if (slice_starts(slice_sub(word, at, word.n), ending)) return at;
    return word.n;
}

static enum err add_spellings(struct st_index_view *v, struct arena *a,
                              struct query *q, size_t i)
{
    enum err e = OK;
    for (size_t k = 0; k < sizeof(spellings) / sizeof(spellings[0]) && !e;
         k++) {
        const struct query_term *t = &q->terms[i];
        struct slice word = t->term.words, one = spellings[k].one;
        size_t at = find_ending(word, one);
        if (at == word.n || t->phrase) continue;
        struct slice other = arena_printf(
            a, "%.*s%.*s%.*s", (int)at, word.p, SLICE_ARG(spellings[k].other),
            SLICE_ARG(slice_sub(word, at + one.n, word.n)));
        if (!other.p) return ERR_NOMEM;
        e = add_found(v, a, q,
                      (struct query_term){.term = {other, false},
                                          .weight = spelling_weight,
                                          .word = t->word});
    }
    return e;
}

enum err query_read(struct st_index_view *v, struct slice text, struct arena *a,
                    struct query *ret)
{
    struct st_word *words;
    size_t count;
    *ret = (struct query){0};
    text = slice_sub(text, 0, QUERY_BYTES);
    text = slice_sub(text, 0, slice_utf8_valid(text));
    enum err e = st_index_words(v, text, a, &words, &count);
    if (e) return e;
    add_words(ret, text, words, count, false);
    if (!ret->count) add_words(ret, text, words, count, true);
    e = add_phrases(ret, v, text, a);
    size_t asked = ret->asked = ret->count;
    for (size_t i = 0; i < asked && !e; i++) e = add_spellings(v, a, ret, i);
    for (size_t i = 0; i + 1 < asked && !e; i++) e = add_compound(v, a, ret, i);
    for (size_t i = 0; i < asked && !e; i++) {
        struct query_term *t = &ret->terms[i];
        e = look_up(v, a, t);
        if (!e && !t->count && !t->phrase && !t->term.prefix)
            e = look_near(v, a, ret, t);
    }
    return e;
}
