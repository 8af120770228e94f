#include "engine/rank.h"

#include <math.h>
#include <stdlib.h>

/* How much a word counts by where it stands. Names are chosen to say what a
 * text is about; a word in the body may be there by chance. */
static const double field_weight[ST_COLUMN_COUNT] = {
    [ST_PATH] = 2.6,     [ST_TITLE] = 2.4, [ST_HEADINGS] = 1.2,
    [ST_KEYWORDS] = 1.0, [ST_BODY] = 1.0,
};
/* BM25's: how soon more of the same stops to count, and how much a long text
 * must have more of it. */
static const double saturation = 1.2, by_length = 0.75;
static const double coverage_power = 1.4; /* of the share of the query met */
static const double name_fit = 1.2; /* a name that is the query, and no more */
static const double best_passage = 1.2; /* beside its text's own weight */
static const double heading_weight = 2.0, side_by_side = 1.0;
static const double usual_passage = 150; /* tokens */
static const double again = 0.8;         /* each further passage of one text */

enum { PASSAGES_EACH = 100 }; /* of one text */
#define HITS_CEILING ((size_t)256 << 20)

struct doc {
    int64_t id;
    double score;
    struct st_doc_text text;
    uint32_t taken;
};

struct term_weights {
    double idf[ST_COLUMN_COUNT];
};

struct ranker {
    struct st_index_view *view;
    const struct query *q;
    const struct rank_filter *filter;
    struct arena *a;
    struct st_index_state state;
    struct term_weights weights[QUERY_TERMS];
    double word_idf[QUERY_TERMS]; /* of each word of the query, its best */
    double ideal;                 /* what a perfect text would weigh */
    struct doc *docs;
    size_t count;
};

/* --- how much a word tells
 * ------------------------------------------------------ */

static double idf(double all, double with)
{
    return log(1 + (all - with + 0.5) / (with + 0.5));
}

static void weigh_terms(struct ranker *r)
{
    double all = (double)(r->state.docs ? r->state.docs : 1);
    for (size_t i = 0; i < r->q->count; i++) {
        const struct query_term *t = &r->q->terms[i];
        size_t with[ST_COLUMN_COUNT] = {0}, named = 0;
        for (size_t k = 0; k < t->count; k++) {
            const uint16_t *n = t->postings[k].count;
            for (int f = 0; f < ST_COLUMN_COUNT; f++) with[f] += n[f] > 0;
            named += n[ST_PATH] || n[ST_TITLE];
        }
        with[ST_PATH] = with[ST_TITLE] = named;
        for (int f = 0; f < ST_COLUMN_COUNT; f++)
            r->weights[i].idf[f] = t->weight * idf(all, (double)with[f]);
        double w = t->weight * (0.3 + idf(all, (double)with[ST_BODY]));
        if (w > r->word_idf[t->word]) r->word_idf[t->word] = w;
    }
}

/* --- texts
 * ------------------------------------------------------------------------ */

static double field_score(const struct ranker *r, size_t term, int field,
                          double n, double length)
{
    if (n <= 0) return 0;
    double norm = field == ST_BODY ? 1 - by_length + by_length * length : 1;
    return field_weight[field] * r->weights[term].idf[field] * n *
           (saturation + 1) / (n + saturation * norm);
}

static double term_score(const struct ranker *r, size_t term,
                         const struct st_posting *p, double length)
{
    double score = 0;
    for (int f = 0; f < ST_COLUMN_COUNT; f++)
        score += field_score(r, term, f, p->count[f], length);
    return score;
}

/* The share of the query that is met, by what its words tell. */
static double coverage(const struct ranker *r, const bool *met)
{
    double all = 0, some = 0;
    for (size_t w = 0; w < r->q->words; w++) {
        all += r->word_idf[w];
        if (met[w]) some += r->word_idf[w];
    }
    return all > 0 ? pow(some / all, coverage_power) : 0;
}

static bool wanted(const struct ranker *r, size_t *at, int64_t doc)
{
    const struct st_index_docs *d = &r->filter->docs;
    while (*at < d->count && d->ids[*at] < doc) (*at)++;
    return d->all || (*at < d->count && d->ids[*at] == doc);
}

/* All texts that have a word of the query, each looked at once: postings
 * stand in the order of the texts' ids. */
static enum err score_docs(struct ranker *r)
{
    const struct query *q = r->q;
    size_t at[QUERY_TERMS] = {0}, most = 0, allowed = 0;
    double average =
        (double)r->state.tokens / (double)(r->state.docs ? r->state.docs : 1);
    for (size_t i = 0; i < q->count; i++) most += q->terms[i].count;
    r->docs = ARENA_ARRAY(r->a, struct doc, most + 1);
    if (!r->docs) return ERR_NOMEM;
    for (;;) {
        int64_t doc = INT64_MAX;
        for (size_t i = 0; i < q->count; i++)
            if (at[i] < q->terms[i].count &&
                q->terms[i].postings[at[i]].doc < doc)
                doc = q->terms[i].postings[at[i]].doc;
        if (doc == INT64_MAX) return OK;
        bool met[QUERY_TERMS] = {false};
        double best[QUERY_TERMS] = {0}, score = 0;
        double length = st_index_doc_tokens(doc) / (average + 1);
        for (size_t i = 0; i < q->count; i++) {
            const struct query_term *t = &q->terms[i];
            if (at[i] == t->count || t->postings[at[i]].doc != doc) continue;
            double s = term_score(r, i, &t->postings[at[i]++], length);
            met[t->word] = true;
            if (s > best[t->word]) best[t->word] = s;
        }
        if (!wanted(r, &allowed, doc)) continue;
        for (size_t w = 0; w < q->words; w++) score += best[w];
        r->docs[r->count++] =
            (struct doc){.id = doc, .score = score * coverage(r, met)};
    }
}

static int by_score(const void *a, const void *b)
{
    const struct doc *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    int by_path = slice_cmp(x->text.path, y->text.path);
    return by_path ? by_path : (x->id > y->id) - (x->id < y->id);
}

/* The last part of a path without its ending. */
static struct slice stem_of(struct slice path)
{
    size_t from = path.n, to = path.n;
    while (from > 0 && path.p[from - 1] != '/') from--;
    for (size_t i = from; i < path.n; i++)
        if (path.p[i] == '.') to = i;
    return slice_sub(path, from, to - from);
}

/* How far a name and the query are the same words: 1 is all of both. */
static enum err fit(struct ranker *r, struct slice name, double *ret)
{
    struct st_word *words;
    size_t count, same = 0, matched = 0;
    bool met[QUERY_TERMS] = {false};
    enum err e = st_index_words(r->view, name, r->a, &words, &count);
    if (e) return e;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < r->q->count; k++)
            if (slice_eq(words[i].stem, r->q->terms[k].stem)) {
                met[r->q->terms[k].word] = true;
                same++;
                break;
            }
    for (size_t w = 0; w < r->q->words; w++) matched += met[w];
    *ret = matched ? 2 * (coverage(r, met) * (double)same / (double)count) /
                         (coverage(r, met) + (double)same / (double)count)
                   : 0;
    return OK;
}

/* Keeps the best, and looks at what they are called. */
static enum err name_docs(struct ranker *r, size_t most)
{
    qsort(r->docs, r->count, sizeof(*r->docs), by_score);
    if (r->count > most) r->count = most;
    enum err e = OK;
    for (size_t i = 0; i < r->count && !e; i++) {
        struct doc *d = &r->docs[i];
        double path = 0, title = 0;
        e = st_index_doc(r->view, d->id, r->a, &d->text);
        if (!e) e = fit(r, stem_of(d->text.path), &path);
        if (!e) e = fit(r, d->text.title, &title);
        d->score *= 1 + name_fit * (path > title ? path : title);
    }
    return e;
}

/* --- passages
 * ----------------------------------------------------------------------- */

struct candidate {
    struct doc *doc;
    int64_t passage;
    double score;
    bool taken;
};

/* Are two words anywhere as near each other as in the query? */
static bool near(const struct st_hit *h, size_t a, size_t b, uint32_t apart)
{
    for (size_t i = 0; i < h->body[a] && i < ST_HIT_PLACES; i++)
        for (size_t k = 0; k < h->body[b] && k < ST_HIT_PLACES; k++)
            if (h->place[b][k] > h->place[a][i] &&
                h->place[b][k] <= h->place[a][i] + apart)
                return true;
    return false;
}

static double passage_score(const struct ranker *r, const struct st_hit *h)
{
    const struct query *q = r->q;
    bool met[QUERY_TERMS] = {false};
    double score = 0, best[QUERY_TERMS] = {0};
    double norm =
        1 - by_length +
        by_length * st_index_passage_tokens(h->passage) / usual_passage;
    for (size_t i = 0; i < q->count; i++) {
        const struct query_term *t = &q->terms[i];
        if (!h->body[i] && !h->headings[i]) continue;
        double w = t->weight * (0.3 + r->weights[i].idf[ST_BODY]);
        double n = h->body[i];
        double s = w * n * (saturation + 1) / (n + saturation * norm);
        if (h->headings[i])
            s += heading_weight * r->weights[i].idf[ST_HEADINGS];
        met[t->word] = true;
        if (s > best[t->word]) best[t->word] = s;
        if (i && i < q->asked && !t->phrase &&
            near(h, i - 1, i, t->place - q->terms[i - 1].place))
            score += side_by_side * w;
    }
    for (size_t w = 0; w < q->words; w++) score += best[w];
    return score * coverage(r, met);
}

static int by_weight(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

/* The best passages of one text. What FTS5 tells of each is dropped again at
 * once: a long text may have thousands. */
static enum err weigh_passages(struct ranker *r, struct doc *d,
                               const struct st_term *terms, struct arena *room,
                               struct candidate *ret, size_t *ret_count)
{
    struct st_hit *hits;
    size_t n;
    enum err e =
        st_index_hits(r->view, d->id, terms, r->q->count, room, &hits, &n);
    struct candidate *all =
        e ? NULL : ARENA_ARRAY(room, struct candidate, n + 1);
    if (!all) return e ? e : ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        all[k] = (struct candidate){.doc = d,
                                    .passage = hits[k].passage,
                                    .score = passage_score(r, &hits[k])};
    qsort(all, n, sizeof(*all), by_weight);
    if (n > PASSAGES_EACH) n = PASSAGES_EACH;
    double best = n ? all[0].score : 0;
    d->score += best_passage * best;
    for (size_t k = 0; k < n; k++) {
        if (best > 0) all[k].score /= best;
        ret[k] = all[k];
    }
    *ret_count = n;
    return OK;
}

static enum err collect(struct ranker *r, struct candidate **ret,
                        size_t *ret_count)
{
    struct st_term terms[QUERY_TERMS];
    struct arena room;
    size_t count = 0;
    enum err e = OK;
    for (size_t i = 0; i < r->q->count; i++) terms[i] = r->q->terms[i].term;
    struct candidate *c =
        ARENA_ARRAY(r->a, struct candidate, r->count * PASSAGES_EACH + 1);
    if (!c) return ERR_NOMEM;
    arena_init(&room, HITS_CEILING);
    for (size_t i = 0; i < r->count && !e; i++) {
        size_t n = 0;
        arena_reset(&room);
        e = weigh_passages(r, &r->docs[i], terms, &room, &c[count], &n);
        count += n;
    }
    arena_done(&room);
    *ret = c;
    *ret_count = count;
    return e;
}

/* What a passage weighs now that others of its text were taken. */
static double worth(const struct candidate *c)
{
    double text = c->doc->score;
    return text * (0.5 + 0.5 * c->score) * pow(again, c->doc->taken);
}

static struct candidate *best_of(struct candidate *c, size_t count,
                                 size_t each)
{
    struct candidate *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (c[i].taken || c[i].doc->taken >= each) continue;
        if (!best) {
            best = &c[i];
            continue;
        }
        double x = worth(&c[i]), y = worth(best);
        if (x > y || (x == y && (slice_cmp(c[i].doc->text.path,
                                           best->doc->text.path) < 0)))
            best = &c[i];
    }
    return best;
}

size_t rank_share(size_t most)
{
    return most <= 3 ? 1 : (most + 4) / 5 + 1;
}

static enum err pick(struct ranker *r, struct candidate *c, size_t count,
                     size_t most, struct ranked **ret, size_t *ret_count)
{
    struct ranked *out = ARENA_ARRAY(r->a, struct ranked, most + 1);
    size_t n = 0;
    double last = 1;
    size_t each = rank_share(most);
    if (!out) return ERR_NOMEM;
    while (n < most) {
        struct candidate *best = best_of(c, count, each);
        if (!best && each < most) { /* nobody else has anything */
            each = most;
            continue;
        }
        if (!best) break;
        double score = 1 - exp(-worth(best) / r->ideal);
        best->taken = true;
        struct ranked *o = &out[n];
        enum err e =
            st_index_passage(r->view, best->passage, r->a, &o->content);
        if (e) return e;
        if (r->filter->phase != INT64_MIN &&
            o->content.phase != r->filter->phase)
            continue;
        best->doc->taken++;
        o->doc = best->doc->id;
        o->passage = best->passage;
        o->text = best->doc->text;
        o->score = last = score < last ? score : last;
        n++;
    }
    *ret = out;
    *ret_count = n;
    return OK;
}

enum err rank_query(struct st_index_view *v, const struct query *q,
                    const struct rank_filter *filter, size_t most,
                    struct arena *a, struct ranked **ret, size_t *ret_count)
{
    struct ranker r = {.view = v, .q = q, .filter = filter, .a = a};
    struct candidate *c;
    size_t count;
    *ret = NULL;
    *ret_count = 0;
    if (!most) return OK;
    st_index_state(v, &r.state);
    weigh_terms(&r);
    for (size_t w = 0; w < q->words; w++) r.ideal += 4 * r.word_idf[w];
    if (r.ideal <= 0) r.ideal = 1;
    enum err e = score_docs(&r);
    if (!e) e = name_docs(&r, most < 5 ? 10 : 2 * most);
    if (!e) e = collect(&r, &c, &count);
    return e ? e : pick(&r, c, count, most, ret, ret_count);
}
