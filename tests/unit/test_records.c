#include "state/records.h"

#include "tests/unit/store_fixture.h"

/* Runs fn(ctx, tx) as a job, then as a read, on a fresh store. */
static struct st_store *store_with(enum err (*fill)(void *, struct st_tx *),
                                   void *ctx)
{
    struct st_store *s = open_store();
    CHECK_OK(st_write(s, fill, ctx));
    return s;
}

static struct st_tx *begin(struct st_store *s)
{
    struct st_tx *tx = NULL;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    return tx;
}

#define STRANGE SLICE("a\0b'\"\xff;--%")

/* --- sessions ----------------------------------------------------------------
 */

static void check_session(const struct st_session *a,
                          const struct st_session *b)
{
    CHECK_SLICE_EQ(a->id, b->id);
    CHECK_SLICE_EQ(a->workflow_type, b->workflow_type);
    CHECK_SLICE_EQ(a->target, b->target);
    CHECK_SLICE_EQ(a->status, b->status);
    CHECK_SLICE_EQ(a->definition_hash, b->definition_hash);
    CHECK_INT_EQ(a->current_phase, b->current_phase);
    CHECK_INT_EQ(a->total_phases, b->total_phases);
    CHECK_INT_EQ(a->version, b->version);
    CHECK_INT_EQ(a->created_ms, b->created_ms);
    CHECK_INT_EQ(a->updated_ms, b->updated_ms);
    CHECK_INT_EQ(a->hidden, b->hidden);
    CHECK_INT_EQ(a->event_seq, b->event_seq);
    CHECK_INT_EQ(memcmp(a->event_hash, b->event_hash, SHA256_SIZE), 0);
    CHECK_SLICE_EQ(a->detail, b->detail);
}

static struct st_session strange_session(void)
{
    struct st_session s = {.id = STRANGE,
                           .workflow_type = SLICE("w\0"),
                           .target = {NULL, 0},
                           .status = SLICE(""),
                           .definition_hash = SLICE("\0\0"),
                           .current_phase = INT64_MIN,
                           .total_phases = INT64_MAX,
                           .version = 1,
                           .created_ms = -1,
                           .hidden = true,
                           .event_seq = 3,
                           .detail = SLICE("\0")};
    for (int i = 0; i < SHA256_SIZE; i++) s.event_hash[i] = (uint8_t)i;
    return s;
}

TEST(records, a_session_comes_back_as_it_went_nuls_and_emptiness_included)
{
    struct st_session rows[2] = {strange_session(), some_session("plain")};
    for (int i = 0; i < 2; i++) {
        struct st_session got = {0};
        struct st_store *s = store_with(insert_session, &rows[i]);
        struct st_tx *tx = begin(s);
        CHECK_OK(st_session_get(tx, rows[i].id, test_arena(), &got));
        st_read_end(tx);
        check_session(&got, &rows[i]);
        st_store_close(s);
    }
}

TEST(records, an_id_that_only_begins_alike_is_another)
{
    struct st_session row = some_session("x"), got;
    row.id = SLICE("a\0b");
    struct st_store *s = store_with(insert_session, &row);
    struct st_tx *tx = begin(s);
    CHECK_ERR(st_session_get(tx, SLICE("a"), test_arena(), &got),
              ERR_NOT_FOUND);
    CHECK_ERR(st_session_get(tx, SLICE("a\0c"), test_arena(), &got),
              ERR_NOT_FOUND);
    CHECK_ERR(st_session_get(tx, SLICE(""), test_arena(), &got), ERR_NOT_FOUND);
    CHECK_OK(st_session_get(tx, SLICE("a\0b"), test_arena(), &got));
    st_read_end(tx);
    st_store_close(s);
}

static enum err update_twice(void *ctx, struct st_tx *tx)
{
    struct st_session *row = ctx;
    row->version = 2;
    row->status = SLICE("paused");
    row->detail = SLICE("{\"n\":2}");
    CHECK_OK(st_session_update(tx, row, 1));
    CHECK_ERR(st_session_update(tx, row, 1), ERR_CONFLICT);
    struct st_session nobody = some_session("nobody");
    CHECK_ERR(st_session_update(tx, &nobody, 1), ERR_CONFLICT);
    return OK;
}

TEST(records, an_update_from_an_older_version_is_a_conflict)
{
    struct st_session row = some_session("a"), got;
    struct st_store *s = store_with(insert_session, &row);
    CHECK_ERR(st_write(s, insert_session, &row), ERR_EXISTS);
    CHECK_OK(st_write(s, update_twice, &row));
    struct st_tx *tx = begin(s);
    CHECK_OK(st_session_get(tx, row.id, test_arena(), &got));
    st_read_end(tx);
    check_session(&got, &row);
    st_store_close(s);
}

static enum err fill_list(void *ctx, struct st_tx *tx)
{
    (void)ctx;
    for (int i = 0; i < 40; i++) {
        char id[24];
        snprintf(id, sizeof(id), "s%02d", i);
        struct st_session s = some_session(id);
        s.updated_ms = 5000 + i / 4; /* four share a millisecond */
        s.hidden = i % 10 == 9;
        s.status = i % 2 ? SLICE("paused") : SLICE("active");
        s.workflow_type = i % 3 ? SLICE("w1") : SLICE("w2");
        enum err e = st_session_insert(tx, &s);
        if (e) return e;
    }
    return OK;
}

TEST(records, pages_of_a_list_are_the_list_whatever_their_size)
{
    struct st_store *s = store_with(fill_list, NULL);
    struct st_tx *tx = begin(s);
    for (int limit = 1; limit < 40; limit += 3) {
        struct st_session_filter f = {.limit = limit};
        struct st_session last = {.updated_ms = INT64_MAX}, *page = NULL;
        size_t n = 1, total = 0;
        while (n > 0) {
            CHECK_OK(st_session_list(tx, &f, test_arena(), &page, &n));
            for (size_t i = 0; i < n; i++, total++) {
                CHECK(!page[i].hidden);
                CHECK(page[i].updated_ms < last.updated_ms ||
                      (page[i].updated_ms == last.updated_ms &&
                       slice_cmp(page[i].id, last.id) > 0));
                last = page[i];
            }
            f.before_updated_ms = last.updated_ms;
            f.before_id = last.id;
        }
        CHECK_INT_EQ(total, 36);
    }
    st_read_end(tx);
    st_store_close(s);
}

TEST(records, a_filter_means_the_same_in_list_and_count)
{
    struct st_session_filter f[] = {
        {.limit = 0},
        {.status = SLICE("active")},
        {.workflow_type = SLICE("w2")},
        {.status = SLICE("paused"), .workflow_type = SLICE("w1")},
        {.status = SLICE("nothing")}};
    struct st_store *s = store_with(fill_list, NULL);
    struct st_tx *tx = begin(s);
    int64_t all = 0;
    for (size_t k = 0; k < sizeof(f) / sizeof(f[0]); k++) {
        struct st_session *list = NULL;
        size_t n = 0;
        int64_t count = -1;
        CHECK_OK(st_session_list(tx, &f[k], test_arena(), &list, &n));
        CHECK_OK(st_session_count(tx, &f[k], &count));
        CHECK_INT_EQ(n, count);
        for (size_t i = 0; i < n; i++) {
            if (f[k].status.n) CHECK_SLICE_EQ(list[i].status, f[k].status);
            if (f[k].workflow_type.n)
                CHECK_SLICE_EQ(list[i].workflow_type, f[k].workflow_type);
        }
        if (k == 0) all = count;
        if (k > 0) CHECK_INT_LT(count, all);
    }
    st_read_end(tx);
    st_store_close(s);
}

static enum err fill_targets(void *ctx, struct st_tx *tx)
{
    static const struct {
        const char *id, *status;
        int created;
        bool hidden;
    } rows[] = {{"old", "active", 10, false},
                {"best", "paused", 30, false},
                {"done", "completed", 50, false},
                {"gone", "active", 60, true},
                {"left", "abandoned", 70, false}};
    (void)ctx;
    for (int i = 0; i < 5; i++) {
        struct st_session s = some_session(rows[i].id);
        s.status = slice_of(rows[i].status);
        s.created_ms = rows[i].created;
        s.hidden = rows[i].hidden;
        CHECK_OK(st_session_insert(tx, &s));
    }
    return OK;
}

TEST(records, the_newest_unfinished_session_of_a_target_is_found)
{
    struct st_session got;
    struct st_store *s = store_with(fill_targets, NULL);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_session_find(tx, SLICE("spec_v1"), SLICE("src/a.c"),
                             test_arena(), &got));
    CHECK_TEXT_EQ(got.id, "best");
    CHECK_ERR(st_session_find(tx, SLICE("spec_v1"), SLICE("src/b.c"),
                              test_arena(), &got),
              ERR_NOT_FOUND);
    CHECK_ERR(st_session_find(tx, SLICE("other"), SLICE("src/a.c"),
                              test_arena(), &got),
              ERR_NOT_FOUND);
    st_read_end(tx);
    st_store_close(s);
}

/* --- the chain ---------------------------------------------------------- */

static struct st_event some_event(const char *id, int64_t seq)
{
    struct st_event e = {.session_id = slice_of(id),
                         .seq = seq,
                         .at_ms = 100 + seq,
                         .type = SLICE("phase_completed"),
                         .actor = STRANGE,
                         .phase = seq - 2,
                         .data = SLICE("{}")};
    memset(e.prev_hash, (int)seq, SHA256_SIZE);
    memset(e.hash, (int)seq + 1, SHA256_SIZE);
    return e;
}

static enum err fill_chain(void *ctx, struct st_tx *tx)
{
    (void)ctx;
    for (int64_t seq = 1; seq <= 50; seq++) {
        struct st_event a = some_event("a", seq), own = some_event("", seq);
        CHECK_OK(st_event_append(tx, &a));
        CHECK_OK(st_event_append(tx, &own));
    }
    struct st_event again = some_event("a", 50);
    CHECK_ERR(st_event_append(tx, &again), ERR_EXISTS);
    return OK;
}

TEST(records, events_come_back_in_order_from_any_point)
{
    struct st_event *list = NULL;
    size_t n = 0;
    int64_t seq = 0;
    uint8_t hash[SHA256_SIZE];
    struct st_store *s = store_with(fill_chain, NULL);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_event_list(tx, SLICE("a"), 10, 15, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 15);
    for (size_t i = 0; i < n; i++) {
        struct st_event want = some_event("a", 11 + (int64_t)i);
        CHECK_SLICE_EQ(list[i].session_id, want.session_id);
        CHECK_INT_EQ(list[i].seq, want.seq);
        CHECK_INT_EQ(list[i].at_ms, want.at_ms);
        CHECK_INT_EQ(list[i].phase, want.phase);
        CHECK_SLICE_EQ(list[i].type, want.type);
        CHECK_SLICE_EQ(list[i].actor, want.actor);
        CHECK_SLICE_EQ(list[i].data, want.data);
        CHECK_INT_EQ(memcmp(list[i].prev_hash, want.prev_hash, 32), 0);
        CHECK_INT_EQ(memcmp(list[i].hash, want.hash, 32), 0);
    }
    CHECK_OK(st_event_list(tx, SLICE("a"), 50, 0, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_OK(st_event_head(tx, SLICE(""), &seq, hash));
    CHECK_INT_EQ(seq, 50);
    CHECK_INT_EQ(hash[0], 51);
    CHECK_ERR(st_event_head(tx, SLICE("b"), &seq, hash), ERR_NOT_FOUND);
    st_read_end(tx);
    st_store_close(s);
}

static enum err fill_evidence(void *ctx, struct st_tx *tx)
{
    static const struct {
        int phase, seq;
        bool passed;
    } rows[] = {{0, 2, false}, {0, 3, true},  {1, 4, true},
                {0, 6, true},  {1, 7, false}, {2, 8, false}};
    (void)ctx;
    for (int i = 0; i < 6; i++) {
        struct st_evidence e = {.session_id = SLICE("a"),
                                .phase = rows[i].phase,
                                .event_seq = rows[i].seq,
                                .at_ms = 9,
                                .passed = rows[i].passed,
                                .body = SLICE("{\"n\":\0}"),
                                .verdict = SLICE("")};
        CHECK_OK(st_evidence_insert(tx, &e));
    }
    return OK;
}

TEST(records, the_newest_passed_evidence_of_each_phase_counts)
{
    struct st_evidence *list = NULL;
    size_t n = 0;
    struct st_store *s = store_with(fill_evidence, NULL);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_evidence_list(tx, SLICE("a"), true, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 2);
    CHECK_INT_EQ(list[0].phase, 0);
    CHECK_INT_EQ(list[0].event_seq, 6);
    CHECK_INT_EQ(list[1].phase, 1);
    CHECK_INT_EQ(list[1].event_seq, 4);
    CHECK_SLICE_EQ(list[1].body, SLICE("{\"n\":\0}"));
    CHECK_INT_EQ(list[1].verdict.n, 0);
    CHECK_OK(st_evidence_list(tx, SLICE("a"), false, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 6);
    for (size_t i = 1; i < n; i++)
        CHECK_INT_GT(list[i].event_seq, list[i - 1].event_seq);
    CHECK_OK(st_evidence_list(tx, SLICE("b"), false, test_arena(), &list, &n));
    CHECK_INT_EQ(n, 0);
    st_read_end(tx);
    st_store_close(s);
}

/* --- definitions, answers, claims --------------------------------------- */

static enum err put_definitions(void *ctx, struct st_tx *tx)
{
    (void)ctx;
    CHECK_OK(st_definition_put(tx, SLICE("h1"), SLICE("w"), STRANGE));
    CHECK_OK(st_definition_put(tx, SLICE("h1"), SLICE("w"), SLICE("other")));
    return OK;
}

TEST(records, a_definition_is_kept_as_it_was_first_put)
{
    struct slice body = {0};
    struct st_store *s = store_with(put_definitions, NULL);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_definition_get(tx, SLICE("h1"), test_arena(), &body));
    CHECK_SLICE_EQ(body, STRANGE);
    CHECK_ERR(st_definition_get(tx, SLICE("h2"), test_arena(), &body),
              ERR_NOT_FOUND);
    st_read_end(tx);
    st_store_close(s);
}

static enum err use_answers(void *ctx, struct st_tx *tx)
{
    struct st_idempotency i = {.scope = SLICE("s"),
                               .key = STRANGE,
                               .digest = {1, 2, 3},
                               .answer = SLICE("{\"a\":1}"),
                               .expires_ms = 1000},
                          got;
    const struct st_idempotency_room plenty = {1000, 64 << 20};
    int64_t n;
    (void)ctx;
    CHECK_OK(st_idempotency_put(tx, &i, &plenty, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_OK(
        st_idempotency_get(tx, SLICE("s"), STRANGE, 999, test_arena(), &got));
    CHECK_SLICE_EQ(got.answer, i.answer);
    CHECK_SLICE_EQ(got.key, STRANGE);
    CHECK_INT_EQ(memcmp(got.digest, i.digest, SHA256_SIZE), 0);
    CHECK_INT_EQ(got.expires_ms, 1000);
    CHECK_ERR(
        st_idempotency_get(tx, SLICE("s"), STRANGE, 1000, test_arena(), &got),
        ERR_NOT_FOUND);
    CHECK_ERR(
        st_idempotency_get(tx, SLICE("t"), STRANGE, 999, test_arena(), &got),
        ERR_NOT_FOUND);
    i.answer = SLICE("{}");
    i.expires_ms = 3000;
    CHECK_OK(st_idempotency_put(tx, &i, &plenty, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_OK(st_idempotency_sweep(tx, 2999, 100, &n));
    CHECK_OK(
        st_idempotency_get(tx, SLICE("s"), STRANGE, 1000, test_arena(), &got));
    CHECK_TEXT_EQ(got.answer, "{}");
    CHECK_OK(st_idempotency_sweep(tx, 3000, 100, &n));
    CHECK_ERR(
        st_idempotency_get(tx, SLICE("s"), STRANGE, 0, test_arena(), &got),
        ERR_NOT_FOUND);
    return OK;
}

TEST(records, an_answer_is_given_again_until_it_expires)
{
    st_store_close(store_with(use_answers, NULL));
}

static enum err use_claims(void *ctx, struct st_tx *tx)
{
    struct st_claim c = {.session_id = SLICE("a"),
                         .phase = 1,
                         .task = 2,
                         .status = SLICE("claimed"),
                         .agent = SLICE("one"),
                         .fence = 5,
                         .expires_ms = 700},
                    got;
    (void)ctx;
    CHECK_ERR(st_claim_get(tx, c.session_id, 1, 2, test_arena(), &got),
              ERR_NOT_FOUND);
    CHECK_OK(st_claim_put(tx, &c));
    c.agent = SLICE("late");
    c.fence = 4;
    CHECK_ERR(st_claim_put(tx, &c), ERR_CONFLICT);
    CHECK_OK(st_claim_get(tx, c.session_id, 1, 2, test_arena(), &got));
    CHECK_TEXT_EQ(got.agent, "one");
    CHECK_INT_EQ(got.fence, 5);
    c.agent = SLICE("two");
    c.fence = 6;
    CHECK_OK(st_claim_put(tx, &c));
    c.status = SLICE("open"); /* given back: the fence stays */
    CHECK_OK(st_claim_put(tx, &c));
    c.phase = 0;
    c.fence = 1;
    CHECK_OK(st_claim_put(tx, &c));
    return OK;
}

TEST(records, a_fence_never_goes_back)
{
    struct st_claim *list = NULL;
    size_t n = 0;
    struct st_store *s = store_with(use_claims, NULL);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_claim_list(tx, SLICE("a"), test_arena(), &list, &n));
    CHECK_INT_EQ(n, 2);
    CHECK_INT_EQ(list[0].phase, 0);
    CHECK_INT_EQ(list[1].fence, 6);
    CHECK_TEXT_EQ(list[1].status, "open");
    CHECK_TEXT_EQ(list[1].agent, "two");
    CHECK_INT_EQ(list[1].expires_ms, 700);
    st_read_end(tx);
    st_store_close(s);
}

/* --- deleting ----------------------------------------------------------- */

static enum err fill_everything(void *ctx, struct st_tx *tx)
{
    struct st_session a = some_session("a"), b = some_session("b");
    struct st_event event = some_event("b", 1);
    struct st_idempotency i = {
        .scope = SLICE("a"), .key = SLICE("k"), .expires_ms = INT64_MAX};
    CHECK_OK(st_session_insert(tx, &a));
    CHECK_OK(st_session_insert(tx, &b));
    CHECK_OK(st_event_append(tx, &event));
    CHECK_OK(st_idempotency_put(
        tx, &i, &(struct st_idempotency_room){1, 1 << 20}, &(int64_t){0}));
    CHECK_OK(fill_chain(ctx, tx));
    CHECK_OK(fill_evidence(ctx, tx));
    return use_claims(ctx, tx);
}

static enum err delete_session(void *ctx, struct st_tx *tx)
{
    return st_session_delete(tx, slice_of(ctx));
}

TEST(records, a_deleted_session_is_gone_with_all_that_was_its_own)
{
    struct st_store *s = store_with(fill_everything, NULL);
    struct st_event *events = NULL;
    struct st_evidence *evidence = NULL;
    struct st_claim *claims = NULL;
    struct st_idempotency answer;
    size_t n = 1;
    char a[] = "a", none[] = "";
    CHECK_OK(st_write(s, delete_session, a));
    CHECK_ERR(st_write(s, delete_session, a), ERR_NOT_FOUND);
    CHECK_ERR(st_write(s, delete_session, none), ERR_INVALID);
    CHECK_INT_EQ(version_of(s, "a"), 0);
    CHECK_INT_EQ(version_of(s, "b"), 1);
    struct st_tx *tx = begin(s);
    CHECK_OK(st_event_list(tx, SLICE("a"), 0, 0, test_arena(), &events, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_OK(
        st_evidence_list(tx, SLICE("a"), false, test_arena(), &evidence, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_OK(st_claim_list(tx, SLICE("a"), test_arena(), &claims, &n));
    CHECK_INT_EQ(n, 0);
    CHECK_ERR(st_idempotency_get(tx, SLICE("a"), SLICE("k"), 0, test_arena(),
                                 &answer),
              ERR_NOT_FOUND);
    CHECK_OK(st_event_list(tx, SLICE("b"), 0, 0, test_arena(), &events, &n));
    CHECK_INT_EQ(n, 1);
    CHECK_OK(st_event_list(tx, SLICE(""), 0, 0, test_arena(), &events, &n));
    CHECK_INT_EQ(n, 50); /* the store's own chain */
    st_read_end(tx);
    st_store_close(s);
}
