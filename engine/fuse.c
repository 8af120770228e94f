#include "engine/fuse.h"

#include <stdlib.h>

/* How much less the next place is worth: the usual 60. */
static const double depth = 60;

static double place_worth(size_t place)
{
    return 1 / (depth + 1 + (double)place);
}

static struct ranked *find(struct ranked *items, size_t count, int64_t passage)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].passage == passage) return &items[i];
    return NULL;
}

static enum err fill(struct st_index_view *v, int64_t passage, struct arena *a,
                     struct ranked *ret)
{
    *ret = (struct ranked){.passage = passage};
    enum err e = st_index_passage_doc(v, passage, &ret->doc);
    if (!e) e = st_index_doc(v, ret->doc, a, &ret->text);
    return e ? e : st_index_passage(v, passage, a, &ret->content);
}

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    int by_path = slice_cmp(x->text.path, y->text.path);
    return by_path ? by_path
                   : (x->passage > y->passage) - (x->passage < y->passage);
}

/* The best first; a text's passages beyond its share go behind the others. */
static size_t share(const struct ranked *all, size_t count, size_t most,
                    struct ranked *ret)
{
    size_t each = rank_share(most), n = 0;
    bool *taken = (bool *)(ret + most);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < count && n < most; i++) {
            size_t of_text = 0;
            for (size_t k = 0; k < n; k++) of_text += ret[k].doc == all[i].doc;
            if (taken[i] || (!round && of_text >= each)) continue;
            taken[i] = true;
            ret[n++] = all[i];
        }
    return n;
}

enum err fuse(struct st_index_view *v, const struct ranked *words,
              size_t words_count, const struct st_near *near, size_t near_count,
              const struct rank_filter *filter, size_t most, struct arena *a,
              struct ranked **ret, size_t *ret_count)
{
    size_t room = words_count + near_count, count = 0;
    struct ranked *all = ARENA_ARRAY(a, struct ranked, room + 1);
    /* and a flag for each behind them */
    struct ranked *out =
        arena_zalloc(a, most * sizeof(*out) + room * sizeof(bool) + 1);
    if (!all || !out) return ERR_NOMEM;
    for (; count < words_count; count++) {
        all[count] = words[count];
        all[count].score = place_worth(count);
    }
    for (size_t i = 0; i < near_count; i++) {
        struct ranked *one = find(all, count, near[i].passage);
        if (!one) {
            one = &all[count];
            enum err e = fill(v, near[i].passage, a, one);
            if (e) return e;
            if (filter->phase != INT64_MIN &&
                one->content.phase != filter->phase)
                continue;
            count++;
        }
        one->score += place_worth(i);
    }
    if (count) qsort(all, count, sizeof(*all), by_score);
    *ret = out;
    *ret_count = share(all, count, most, out);
    for (size_t i = 0; i < *ret_count; i++) {
        out[i].score /= 2 * place_worth(0);
        if (i && out[i].score > out[i - 1].score)
            out[i].score = out[i - 1].score;
    }
    return OK;
}
