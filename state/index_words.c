/*
 * Words: FTS5's tokenizers asked directly, and what FTS5 knows about the row
 * it stands on, noted for the caller.
 */
#include "state/index_private.h"

static uint16_t add16(uint16_t n)
{
    return n < UINT16_MAX ? (uint16_t)(n + 1) : n;
}

static uint8_t add8(uint8_t n)
{
    return n < UINT8_MAX ? (uint8_t)(n + 1) : n;
}

/* --- note(doc_words), note(passage_words) ----------------------------------
 */

/* All places of one term in the row. A text has five columns, a passage two:
 * its headings and its body. */
static void note_term(struct index_note *note, const Fts5ExtensionApi *api,
                      Fts5Context *row, int term, bool text)
{
    Fts5PhraseIter at;
    int column, place;
    if (api->xPhraseFirst(row, term, &at, &column, &place)) return;
    for (; column >= 0; api->xPhraseNext(row, &at, &column, &place)) {
        if (text && column < ST_COLUMN_COUNT) {
            note->count[column] = add16(note->count[column]);
        } else if (column == 0) {
            note->hit.headings[term] = add8(note->hit.headings[term]);
        } else {
            uint8_t n = note->hit.body[term];
            if (n < ST_HIT_PLACES)
                note->hit.place[term][n] =
                    (uint16_t)(place < UINT16_MAX ? place : UINT16_MAX);
            note->hit.body[term] = add8(n);
        }
    }
}

static void note_row(const Fts5ExtensionApi *api, Fts5Context *row,
                     sqlite3_context *result, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    struct index_note *note = api->xUserData(row);
    bool text = api->xColumnCount(row) == ST_COLUMN_COUNT;
    int terms = api->xPhraseCount(row);
    memset(note, 0, sizeof(*note));
    for (int i = 0; i < terms && i < (text ? 1 : ST_HIT_TERMS); i++)
        note_term(note, api, row, i, text);
    sqlite3_result_null(result);
}

/* --- tokenizers -------------------------------------------------------------
 */

static int find_fts(struct index_conn *c, fts5_api **ret)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->db, "SELECT fts5(?1)", -1, &st, NULL);
    if (!rc) rc = sqlite3_bind_pointer(st, 1, ret, "fts5_api_ptr", NULL);
    if (!rc) rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) rc = SQLITE_OK;
    sqlite3_finalize(st);
    return *ret || rc ? rc : SQLITE_ERROR;
}

static int make(fts5_api *api, const char *const *words, int count,
                struct index_tokenizer *ret)
{
    void *ctx = NULL;
    int rc = api->xFindTokenizer(api, words[0], &ctx, &ret->calls);
    /* It takes its arguments as char **, and reads them. */
    if (!rc)
        rc = ret->calls.xCreate(ctx, (const char **)(uintptr_t)(words + 1),
                                count - 1, &ret->self);
    return rc;
}

enum err index__words_open(struct index_conn *c)
{
    static const char *const stems[] = {"porter", "unicode61",
                                        "remove_diacritics", "2"};
    static const char *const plain[] = {"unicode61", "remove_diacritics", "2"};
    fts5_api *api = NULL;
    int rc = find_fts(c, &api);
    if (!rc) rc = api->xCreateFunction(api, "note", &c->note, note_row, NULL);
    if (!rc) rc = make(api, stems, 4, &c->stems);
    if (!rc) rc = make(api, plain, 3, &c->plain);
    return index__fail(c, rc);
}

void index__words_close(struct index_conn *c)
{
    if (c->stems.self) c->stems.calls.xDelete(c->stems.self);
    if (c->plain.self) c->plain.calls.xDelete(c->plain.self);
}

struct words {
    struct index_conn *conn;
    struct arena *a;
    struct slice text;
    struct st_word *items;
    size_t count, capacity;
};

static int add_word(void *ctx, int flags, const char *p, int n, int from,
                    int to)
{
    struct words *w = ctx;
    (void)flags;
    w->items = index__grow(w->conn, w->a, w->items, sizeof(*w->items), w->count,
                           &w->capacity);
    if (!w->items) return SQLITE_NOMEM;
    struct slice stem = arena_copy(w->a, (struct slice){p, (size_t)n});
    if (!stem.p) return SQLITE_NOMEM;
    w->items[w->count++] = (struct st_word){
        slice_sub(w->text, (size_t)from, (size_t)(to - from)), stem};
    return SQLITE_OK;
}

enum err st_index_words(struct st_index_view *v, struct slice text,
                        struct arena *a, struct st_word **ret,
                        size_t *ret_count)
{
    struct words w = {.conn = &v->conn, .a = a, .text = text};
    struct index_tokenizer *t = &v->conn.stems;
    if (text.n > INT32_MAX) return ERR_TOO_LARGE;
    int rc = text.n ? t->calls.xTokenize(t->self, &w, FTS5_TOKENIZE_QUERY,
                                         text.p, (int)text.n, add_word)
                    : SQLITE_OK;
    if (rc) return rc == SQLITE_NOMEM ? ERR_NOMEM : ERR_INTERNAL;
    *ret = w.items;
    *ret_count = w.count;
    return OK;
}
