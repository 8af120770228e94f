#include "engine/excerpt.h"

enum { HIGHLIGHTS_MOST = 100, SNIPPET_WORDS = 40 };

struct excerpt {
    const struct query *q;
    struct slice text;
    const struct st_word *words;
    size_t count;
    const uint32_t *term; /* of each word: 1 + the query's word it is, or 0 */
};

static bool fits(const struct query_term *t, const struct st_word *w)
{
    struct slice asked = t->term.words;
    if (slice_eq(w->stem, t->stem)) return true;
    /* a beginning, or what stands for a word that is nowhere */
    if (t->term.prefix && asked.n < w->text.n)
        return slice_eq_nocase(slice_sub(w->text, 0, asked.n), asked);
    return slice_eq_nocase(w->text, asked);
}

static uint32_t term_of(const struct query *q, const struct st_word *w)
{
    for (size_t i = 0; i < q->count; i++)
        if (fits(&q->terms[i], w)) return 1 + q->terms[i].word;
    return 0;
}

static void highlights_write(const struct excerpt *x, struct json_writer *w)
{
    json_key(w, SLICE("highlights"));
    json_begin_array(w);
    for (size_t i = 0, n = 0; i < x->count && n < HIGHLIGHTS_MOST; i++) {
        if (!x->term[i]) continue;
        ptrdiff_t start = x->words[i].text.p - x->text.p;
        json_begin_object(w);
        json_put_int(w, "start", start);
        json_put_int(w, "end", start + (ptrdiff_t)x->words[i].text.n);
        json_end_object(w);
        n++;
    }
    json_end_array(w);
}

/* How much of the query stands in these words: each once, and a little for
 * each time more. */
static unsigned worth(const struct excerpt *x, size_t from, size_t to)
{
    bool met[QUERY_TERMS] = {false};
    unsigned sum = 0;
    for (size_t i = from; i < to; i++) {
        if (!x->term[i]) continue;
        sum += met[x->term[i] - 1] ? 1 : SNIPPET_WORDS;
        met[x->term[i] - 1] = true;
    }
    return sum;
}

/* The words that tell most, the first of equals, a little before the first
 * that was found. */
static size_t best_start(const struct excerpt *x)
{
    size_t best = 0;
    unsigned most = 0;
    for (size_t i = 0; i < x->count; i++) {
        if (!x->term[i]) continue;
        size_t from = i < SNIPPET_WORDS / 4 ? 0 : i - SNIPPET_WORDS / 4;
        size_t to = from + SNIPPET_WORDS;
        unsigned here = worth(x, from, to < x->count ? to : x->count);
        if (here <= most) continue;
        most = here;
        best = from;
    }
    return best;
}

static enum err snippet_write(const struct excerpt *x, struct arena *a,
                              struct json_writer *w)
{
    size_t from = best_start(x), to = from + SNIPPET_WORDS;
    if (to > x->count) to = x->count;
    bool cut = to < x->count;
    const char *begin = from ? x->words[from].text.p : x->text.p;
    const char *end = cut ? x->words[to - 1].text.p + x->words[to - 1].text.n
                          : x->text.p + x->text.n;
    struct slice piece =
        slice_trim((struct slice){begin, (size_t)(end - begin)});
    char *line = arena_alloc(a, piece.n + 1);
    size_t n = 0;
    if (!line) return ERR_NOMEM;
    for (size_t i = 0; i < piece.n; i++) {
        bool space = memchr(" \t\r\n\v\f", piece.p[i], 6) != NULL;
        if (!space)
            line[n++] = piece.p[i];
        else if (line[n - 1] != ' ') /* trimmed: not the first */
            line[n++] = ' ';
    }
    struct slice s = arena_printf(a, "%s%.*s%s", from ? "... " : "", (int)n,
                                  line, cut ? " ..." : "");
    json_put_string(w, "snippet", s);
    return s.p ? OK : ERR_NOMEM;
}

enum err excerpt_write(struct st_index_view *v, const struct query *q,
                       struct slice text, bool highlights, bool snippet,
                       struct arena *a, struct json_writer *w)
{
    struct excerpt x = {.q = q, .text = text};
    struct st_word *words;
    if (!highlights && !snippet) return OK;
    enum err e = st_index_words(v, text, a, &words, &x.count);
    uint32_t *term = e ? NULL : ARENA_ARRAY(a, uint32_t, x.count + 1);
    if (!term) return e ? e : ERR_NOMEM;
    for (size_t i = 0; i < x.count; i++) term[i] = term_of(q, &words[i]);
    x.words = words;
    x.term = term;
    if (highlights) highlights_write(&x, w);
    return snippet ? snippet_write(&x, a, w) : OK;
}
