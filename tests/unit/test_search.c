/*
 * search: questions find the text that answers them, and never what is no
 * longer there. The corpus is tests/data/standards, copied where it changes.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/unit/engine_fixture.h"

struct searching {
    struct fixture f;
    struct slice standards;
};

static void open_on(struct searching *s, struct slice standards)
{
    struct problem p;
    problem_init(&p);
    *s = (struct searching){.standards = standards};
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &s->f.root));
    CHECK_OK(pool_new("worker", 4, 4096, &s->f.pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = s->f.root,
                                            .standards = &s->standards,
                                            .standards_count = 1,
                                            .pool = s->f.pool},
                      test_arena(), &p, &s->f.engine));
}

static struct slice in_tmp(const char *path)
{
    return arena_printf(test_arena(), "%s/standards/%s", test_tmpdir(), path);
}

static void save(const char *path, const char *text)
{
    struct slice full = in_tmp(path);
    size_t slash = full.n;
    while (full.p[slash - 1] != '/') slash--;
    CHECK_OK(path_make(slice_sub(full, 0, slash - 1), 0755));
    CHECK_OK(file_write_atomic(full, slice_of(text), 0644));
}

/* As an editor that writes over the file it opened. */
static void overwrite(const char *path, const char *text)
{
    FILE *f = fopen(arena_cstr(test_arena(), in_tmp(path)), "w");
    CHECK(f);
    fputs(text, f);
    CHECK_INT_EQ(fclose(f), 0);
}

static void open_tmp(struct searching *s)
{
    open_on(s, in_tmp(""));
}

static void open_own(struct searching *s)
{
    open_on(s, arena_printf(test_arena(), "%s/tests/data/standards",
                            test_source_dir()));
}

static void done(struct searching *s)
{
    fixture_done(&s->f);
}

static enum err ask(struct searching *s, struct outcome *o,
                    const struct eng_search_args *args)
{
    return CALL(o, eng_search_standards(s->f.engine, &o->call, args));
}

static struct eng_search_args query(const char *text, int64_t n)
{
    return (struct eng_search_args){
        .query = slice_of(text), .n_results = n, .filter_phase = ENG_ABSENT};
}

static const struct json *results(const struct outcome *o)
{
    return json_get(o->out, SLICE("results"));
}

static struct slice field(const struct json *results, uint32_t i,
                          const char *name)
{
    return json_get(&results->items[i], slice_of(name))->text;
}

/* The file of the first result, or "". */
static struct slice first(struct searching *s, const char *text)
{
    struct outcome o;
    struct eng_search_args args = query(text, 5);
    CHECK_OK(ask(s, &o, &args));
    const struct json *r = results(&o);
    struct slice file =
        arena_copy(test_arena(), r->count ? field(r, 0, "file") : SLICE(""));
    outcome_done(&o);
    return file;
}

static size_t count(struct searching *s, const char *text)
{
    struct outcome o;
    struct eng_search_args args = query(text, 50);
    CHECK_OK(ask(s, &o, &args));
    size_t n = results(&o)->count;
    outcome_done(&o);
    return n;
}

/* --- what is found
 * ------------------------------------------------------------- */

struct question_row {
    const char *query, *file;
};
/* clang-format off */
TEST_EACH(search, finds_the_text_that_answers, struct question_row, row,
    {"How long should I wait for another machine?", "network/timeouts.md"},
    {"retry with backoff and jitter", "network/retries.md"},
    {"what must go into a changelog", "process/releases.md"},
    {"test that fails now and then", "testing/unstable-tests.md"},
    {"in-memory fake of a message broker", "testing/fakes.md"},
    {"restoring snapshots", "storage/backups.md"},
    {"drop a column", "storage/migrations.md"},
    {"comments", "style/comments.md"},
    {"how to name things", "style/naming.md"},
    {"code review", "process/reviews.md"},
    {"migrashions", "storage/migrations.md"},
    {"idempotecny", "network/retries.md"},
    {"abbrev*", "style/naming.md"},
    {"\"connect timeout\"", "network/timeouts.md"},
    {"roll back", "process/releases.md"})
/* clang-format on */
{
    struct searching s;
    open_own(&s);
    CHECK_TEXT_EQ(first(&s, row->query), row->file);
    done(&s);
}

TEST(search, an_answer_has_all_that_is_promised)
{
    struct searching s;
    struct outcome o;
    open_own(&s);
    struct eng_search_args args = query("backoff after a failure", 5);
    CHECK_OK(ask(&s, &o, &args));
    const struct json *r = results(&o);
    int64_t tokens = 0, total;
    double last = 1, score;
    CHECK_INT_GT(r->count, 0);
    for (uint32_t i = 0; i < r->count; i++) {
        int64_t n;
        CHECK(json_int64(json_get(&r->items[i], SLICE("tokens")), &n));
        CHECK_INT_EQ(n, (field(r, i, "content").n + 3) / 4);
        CHECK(json_double(json_get(&r->items[i], SLICE("score")), &score));
        CHECK(score >= 0 && score <= last);
        last = score;
        tokens += n;
    }
    CHECK_TEXT_EQ(field(r, 0, "file"), "network/retries.md");
    CHECK_TEXT_EQ(field(r, 0, "section"), "Backoff");
    CHECK_TEXT_EQ(field(r, 0, "headings"), "Retries > Backoff");
    CHECK_CONTAINS(field(r, 0, "content"), "jitter");
    CHECK(json_int64(json_get(o.out, SLICE("total_tokens")), &total));
    CHECK_INT_EQ(total, tokens);
    CHECK_TEXT_EQ(json_get(o.out, SLICE("retrieval_method"))->text, "bm25");
    CHECK(json_get(o.out, SLICE("query_time_ms")));
    outcome_done(&o);
    done(&s);
}

TEST(search, text_before_the_first_heading_is_found_and_fences_are_no_headings)
{
    struct searching s;
    struct outcome o;
    save("a.md", "Preamble of platypus.\n\n# A\n\n```\n## wombat\n```\n");
    open_tmp(&s);
    CHECK_TEXT_EQ(first(&s, "platypus"), "a.md");
    struct eng_search_args args = query("wombat", 1);
    CHECK_OK(ask(&s, &o, &args));
    CHECK_TEXT_EQ(field(results(&o), 0, "section"), "A");
    outcome_done(&o);
    done(&s);
}

/* format E4 */
TEST(search, as_many_results_as_asked_for)
{
    struct searching s;
    struct outcome o;
    int64_t total;
    open_own(&s);
    struct eng_search_args args = query("test comment name release", 0);
    CHECK_OK(ask(&s, &o, &args));
    CHECK_INT_EQ(results(&o)->count, 0);
    CHECK(json_int64(json_get(o.out, SLICE("total_tokens")), &total));
    CHECK_INT_EQ(total, 0);
    outcome_done(&o);
    args.n_results = 3;
    CHECK_OK(ask(&s, &o, &args));
    CHECK_INT_EQ(results(&o)->count, 3);
    outcome_done(&o);
    args.n_results = 51;
    CHECK_ERR(ask(&s, &o, &args), ERR_INVALID_PARAMETER);
    outcome_done(&o);
    done(&s);
}

TEST(search, one_file_does_not_take_all_places)
{
    struct searching s;
    struct outcome o;
    struct buf b = BUF_INIT(1 << 16);
    for (int i = 0; i < 20; i++)
        buf_printf(&b, "## Penguin %d\npenguins and more penguins\n", i);
    buf_putc(&b, '\0');
    save("penguins.md", b.p);
    save("zoo.md", "# Zoo\nHere are lions, and one penguin.\n");
    save("pole.md", "# Pole\nA penguin lives here.\n");
    open_tmp(&s);
    struct eng_search_args args = query("penguin", 5);
    CHECK_OK(ask(&s, &o, &args));
    const struct json *r = results(&o);
    size_t others = 0;
    CHECK_INT_EQ(r->count, 5);
    for (uint32_t i = 0; i < r->count; i++)
        others += !slice_eq(field(r, i, "file"), SLICE("penguins.md"));
    CHECK_INT_EQ(others, 2);
    outcome_done(&o);
    buf_done(&b);
    done(&s);
}

TEST(search, filters_limit_what_is_found)
{
    struct searching s;
    struct outcome o;
    open_own(&s);
    struct eng_search_args args = query("the tests", 50);
    args.path_prefix = SLICE("process/");
    CHECK_OK(ask(&s, &o, &args));
    CHECK_INT_GT(results(&o)->count, 0);
    for (uint32_t i = 0; i < results(&o)->count; i++)
        CHECK(slice_starts(field(results(&o), i, "file"), SLICE("process/")));
    outcome_done(&o);
    args = query("the tests", 50);
    args.filter_phase = 1;
    CHECK_OK(ask(&s, &o, &args));
    CHECK_INT_EQ(results(&o)->count, 1);
    CHECK_TEXT_EQ(field(results(&o), 0, "section"), "Phase 1: Read the Tests");
    outcome_done(&o);
    struct slice tags[] = {SLICE("Resilience"), SLICE("nothing")};
    args = query("the machine a request", 50);
    args.filter_tags = tags;
    args.filter_tags_count = 2;
    CHECK_OK(ask(&s, &o, &args));
    CHECK_INT_GT(results(&o)->count, 0);
    for (uint32_t i = 0; i < results(&o)->count; i++)
        CHECK_TEXT_EQ(field(results(&o), i, "file"), "network/retries.md");
    outcome_done(&o);
    done(&s);
}

struct highlight_row {
    const char *query, *word;
};

/* Also where a beginning or another spelling stands for what was asked. */
TEST_EACH(search, highlights_and_snippets_show_what_was_found,
          struct highlight_row, row, {"jitter", "jitter"}, {"JITTERS", "jitter"},
          {"jitt*", "jitter"}, {"jiter", "jitter"})
{
    struct searching s;
    struct outcome o;
    int64_t start, end;
    open_own(&s);
    struct eng_search_args args = query(row->query, 1);
    args.highlights = args.snippets = true;
    CHECK_OK(ask(&s, &o, &args));
    const struct json *r = results(&o);
    CHECK_INT_EQ(r->count, 1);
    const struct json *h = json_get(&r->items[0], SLICE("highlights"));
    CHECK_INT_EQ(h->count, 1);
    CHECK(json_int64(json_get(&h->items[0], SLICE("start")), &start));
    CHECK(json_int64(json_get(&h->items[0], SLICE("end")), &end));
    CHECK_TEXT_EQ(
        slice_sub(field(r, 0, "content"), (size_t)start, (size_t)(end - start)),
        row->word);
    CHECK_CONTAINS(field(r, 0, "snippet"), row->word);
    CHECK_INT_EQ(slice_find_byte(field(r, 0, "snippet"), '\n'),
                 field(r, 0, "snippet").n);
    outcome_done(&o);
    done(&s);
}

/* A tree without end is walked so far; what lies below is no standard. */
TEST(search, folders_are_looked_into_32_deep)
{
    struct searching s;
    char path[80] = "";
    for (int deep = 0; deep <= 33; deep++) {
        size_t n = strlen(path);
        snprintf(path + n, sizeof(path) - n, "a.md");
        if (deep >= 31) save(path, "# A\nplatypus\n");
        snprintf(path + n, sizeof(path) - n, "d/");
    }
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 2);
    done(&s);
}

TEST(search, a_snippet_is_the_part_of_a_passage_that_meets_most)
{
    struct searching s;
    struct outcome o;
    struct buf b = BUF_INIT(64 << 10);
    buf_puts(&b, "# A\nplatypus first\n");
    for (int i = 0; i < 120; i++) buf_printf(&b, "filler%d ", i);
    buf_puts(&b, "\nthe platypus,\n  an   echidna\tand more\n");
    for (int i = 0; i < 60; i++) buf_printf(&b, "other%d ", i);
    buf_putc(&b, '\0');
    save("a.md", b.p);
    buf_done(&b);
    open_tmp(&s);
    struct eng_search_args args = query("platypus echidna", 1);
    CHECK_OK(ask(&s, &o, &args));
    CHECK(!json_get(&results(&o)->items[0], SLICE("snippet")));
    outcome_done(&o);
    args.snippets = true;
    CHECK_OK(ask(&s, &o, &args));
    struct slice snippet = field(results(&o), 0, "snippet");
    CHECK_CONTAINS(snippet, " the platypus, an echidna and more other0 ");
    CHECK(slice_starts(snippet, SLICE("... filler")));
    CHECK(slice_ends(snippet, SLICE(" ...")));
    size_t words = 1;
    for (size_t i = 0; i < snippet.n; i++) words += snippet.p[i] == ' ';
    CHECK_INT_LE(words, 42);
    outcome_done(&o);
    done(&s);
}

struct hostile_row {
    const char *query;
};
/* clang-format off */
TEST_EACH(search, no_query_is_an_error, struct hostile_row, row,
    {"-rf"}, {"\""}, {"\"\""}, {"\"a"}, {"*"}, {"**"}, {"NEAR("}, {"C++"},
    {"C#"}, {"a AND"}, {"NOT"}, {"path:x"}, {"{a}"}, {"^"}, {"("}, {"' OR 1=1"},
    {""}, {" \t\n"}, {"the"}, {"how do I"}, {"\xf0\x9f\x94\xa5"}, {"%s%n"},
    {"\"test that\" \"fails\" *"}, {"a*b*c*"}, {"\xe4\xbd\xa0\xe5\xa5\xbd"})
/* clang-format on */
{
    struct searching s;
    struct outcome o;
    open_own(&s);
    struct eng_search_args args = query(row->query, 5);
    CHECK_OK(ask(&s, &o, &args));
    outcome_done(&o);
    done(&s);
}

TEST(search, nul_bytes_and_long_queries_are_answered)
{
    struct searching s;
    struct outcome o;
    open_own(&s);
    struct eng_search_args args = query("", 5);
    args.query = SLICE("backoff\0jitter\0\"");
    CHECK_OK(ask(&s, &o, &args));
    CHECK_TEXT_EQ(field(results(&o), 0, "file"), "network/retries.md");
    outcome_done(&o);
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; b.n < 10240; i++) buf_printf(&b, "word%d \"", i);
    args.query = buf_slice(&b);
    CHECK_OK(ask(&s, &o, &args));
    outcome_done(&o);
    buf_done(&b);
    done(&s);
}

TEST(search, the_same_question_is_answered_from_the_cache_until_a_file_changes)
{
    struct searching s;
    struct outcome o;
    bool cached[4];
    save("a.md", "# A\nwords\n");
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "settle"), 0);
    for (int i = 0; i < 4; i++) {
        struct eng_search_args args = query(i == 1 ? " words  " : "words", 5);
        if (i == 3) save("b.md", "# B\nwords\n");
        CHECK_OK(ask(&s, &o, &args));
        cached[i] = json_get(o.out, SLICE("cached"))->type == JSON_TRUE;
        CHECK_INT_EQ(results(&o)->count, i == 3 ? 2 : 1);
        outcome_done(&o);
    }
    CHECK(!cached[0] && cached[1] && cached[2] && !cached[3]);
    done(&s);
}

/* --- what changes
 * ----------------------------------------------------------------- */

/* format E5 */
TEST(search, a_saved_change_is_found_by_the_next_search)
{
    struct searching s;
    int rounds = test_sanitized() ? 30 : 200;
    save("a.md", "# A\nnothing yet\n");
    open_tmp(&s);
    for (int i = 0; i < rounds; i++) {
        char text[64], now[32], before[32];
        snprintf(now, sizeof(now), "xword%dx", i);
        snprintf(before, sizeof(before), "xword%dx", i - 1);
        snprintf(text, sizeof(text), "# A\n%s\n", now);
        if (i % 2)
            save("a.md", text);
        else
            overwrite("a.md", text);
        CHECK_INT_EQ(count(&s, now), 1);
        struct outcome o;
        struct eng_search_args args = query(before, 1);
        CHECK_OK(ask(&s, &o, &args));
        if (results(&o)->count) /* a near word is */
            CHECK_CONTAINS(field(results(&o), 0, "content"), now);
        outcome_done(&o);
    }
    done(&s);
}

TEST(search, deleted_renamed_and_moved_files_are_where_they_are)
{
    struct searching s;
    save("a.md", "# A\nplatypus\n");
    save("b.md", "# B\nwombat\n");
    open_tmp(&s);
    CHECK_TEXT_EQ(first(&s, "platypus"), "a.md");
    char *a = arena_cstr(test_arena(), in_tmp("a.md"));
    char *b = arena_cstr(test_arena(), in_tmp("b.md"));
    char *c = arena_cstr(test_arena(), in_tmp("deep/down/c.md"));
    CHECK_OK(path_make(in_tmp("deep/down"), 0755));
    CHECK_INT_EQ(rename(a, c), 0);
    CHECK_TEXT_EQ(first(&s, "platypus"), "deep/down/c.md");
    CHECK_INT_EQ(rename(c, b), 0); /* over another */
    CHECK_TEXT_EQ(first(&s, "platypus"), "b.md");
    CHECK_INT_EQ(count(&s, "wombat"), 0);
    CHECK_INT_EQ(unlink(b), 0);
    CHECK_INT_EQ(count(&s, "platypus"), 0);
    done(&s);
}

TEST(search, new_folders_count_and_hidden_names_do_not)
{
    struct searching s;
    save("a.md", "# A\n");
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 0);
    save("one/two/three/b.md", "# B\nplatypus\n");
    save(".git/c.md", "# C\nplatypus\n");
    save("one/.d.md", "# D\nplatypus\n");
    save("one/e.md~", "# E\nplatypus\n");
    save("one/f.txt", "platypus\n");
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    CHECK_INT_EQ(symlink("/etc", arena_cstr(test_arena(), in_tmp("etc"))), 0);
    CHECK_INT_EQ(symlink("a.md", arena_cstr(test_arena(), in_tmp("l.md"))), 0);
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    done(&s);
}

TEST(search, a_burst_of_changes_is_all_there_at_once, .timeout_s = 120)
{
    struct searching s;
    int files = test_sanitized() ? 500 : 10000;
    char path[64], text[64];
    save("a.md", "# A\n");
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 0);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof(path), "d%d/f%d.md", i % 50, i);
        snprintf(text, sizeof(text), "# File %d\nplatypus q%dq\n", i, i);
        if (i < 50) save(path, text); /* makes the folder */
        overwrite(path, text);
    }
    snprintf(text, sizeof(text), "q%dq", files - 1);
    snprintf(path, sizeof(path), "d%d/f%d.md", (files - 1) % 50, files - 1);
    CHECK_TEXT_EQ(first(&s, text), path);
    CHECK_INT_EQ(count(&s, "platypus"), 50);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof(path), "d%d/f%d.md", i % 50, i);
        if (i != 7)
            CHECK_INT_EQ(unlink(arena_cstr(test_arena(), in_tmp(path))), 0);
    }
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    CHECK_TEXT_EQ(first(&s, "platypus"), "d7/f7.md");
    done(&s);
}

/* Each answer until then says how far it is. */
TEST(search, a_large_corpus_is_read_in_the_background, .timeout_s = 120)
{
    struct searching s;
    struct buf b = BUF_INIT(2 << 20);
    char path[32];
    while (b.n < 1 << 20) buf_puts(&b, "# Part\nplatypus and more words\n\n");
    buf_putc(&b, '\0');
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "f%d.md", i);
        save(path, b.p);
    }
    buf_done(&b);
    open_tmp(&s);
    for (bool building = true; building;) {
        struct outcome o;
        struct eng_search_args args = query("platypus", 50);
        CHECK_OK(ask(&s, &o, &args));
        const struct json *indexing = json_get(o.out, SLICE("indexing"));
        int64_t total = 0;
        building = indexing != NULL;
        if (building) {
            CHECK(json_int64(json_get(indexing, SLICE("files_total")), &total));
            CHECK_INT_EQ(total, 10);
        } else {
            CHECK_INT_EQ(results(&o)->count, 50);
        }
        outcome_done(&o);
    }
    done(&s);
}

TEST(search, roots_that_are_not_there_have_nothing_and_may_come)
{
    struct searching s;
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 0);
    save("a.md", "# A\nplatypus\n");
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    done(&s);
}

TEST(search, bytes_that_are_no_text_do_no_harm)
{
    struct searching s;
    save("a.md", "# A\nplatypus \xff\xfe wombat\n");
    save("b.md", "\xef\xbb\xbf# Byte order\nplatypus\n");
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 2);
    CHECK_INT_EQ(count(&s, "wombat"), 1);
    CHECK_TEXT_EQ(first(&s, "byte order"), "b.md");
    done(&s);
}

TEST(search, the_index_may_be_lost_at_any_time)
{
    struct searching s;
    save("a.md", "# A\nplatypus\n");
    open_tmp(&s);
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    struct slice index =
        arena_printf(test_arena(), "%s/.phasegate/index.db", test_tmpdir());
    CHECK_INT_EQ(unlink(arena_cstr(test_arena(), index)), 0);
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    CHECK_OK(file_write_atomic(index, SLICE("rubbish"), 0600));
    CHECK_INT_EQ(count(&s, "platypus"), 1);
    CHECK_INT_EQ(count(&s, "wombat"), 0);
    done(&s);
}

TEST(search, two_servers_on_one_project_agree)
{
    struct searching s, t;
    save("a.md", "# A\nplatypus\n");
    open_tmp(&s);
    open_tmp(&t);
    for (int i = 0; i < 20; i++) {
        char text[64], word[32];
        snprintf(word, sizeof(word), "xw%dx", i);
        snprintf(text, sizeof(text), "# A\n%s\n", word);
        save("a.md", text);
        CHECK_INT_EQ(count(i % 2 ? &s : &t, word), 1);
        CHECK_INT_EQ(count(i % 2 ? &t : &s, word), 1);
    }
    done(&t);
    done(&s);
}

struct crowd {
    struct searching *s;
    _Atomic int next;
};

static void change_or_search(void *ctx, int i)
{
    struct crowd *c = ctx;
    int rounds = test_sanitized() ? 20 : 60;
    for (int round = 0; round < rounds; round++) {
        char text[64], word[32];
        if (i == 0) {
            int n = atomic_load(&c->next) + 1;
            snprintf(text, sizeof(text), "# A\nplatypus version%d\n", n);
            save("a.md", text);
            atomic_store(&c->next, n);
        } else {
            int n = atomic_load(&c->next);
            struct outcome o;
            struct eng_search_args args = query("platypus", 1);
            CHECK_OK(ask(c->s, &o, &args));
            CHECK_INT_EQ(results(&o)->count, 1);
            struct slice content = field(results(&o), 0, "content");
            size_t at = slice_find(content, SLICE("version"));
            snprintf(word, sizeof(word), "%.*s",
                     SLICE_ARG(slice_sub(content, at + 7, 8)));
            CHECK_INT_GE(strtol(word, NULL, 10), n);
            outcome_done(&o);
        }
    }
}

TEST(search, nobody_sees_an_older_text_than_was_saved_before, .timeout_s = 60)
{
    struct searching s;
    struct crowd c = {.s = &s};
    save("a.md", "# A\nplatypus version0\n");
    open_tmp(&s);
    test_threads(5, change_or_search, &c);
    done(&s);
}

TEST(search, a_cancelled_search_says_so)
{
    struct searching s;
    struct outcome o;
    struct cancel cancel;
    open_own(&s);
    cancel_init(&cancel, INT64_MAX);
    cancel_set(&cancel, CANCEL_CLIENT);
    struct eng_search_args args = query("backoff", 5);
    outcome_begin(&o);
    o.call.cancel = &cancel;
    CHECK_ERR(outcome_end(&o, eng_search_standards(s.f.engine, &o.call, &args)),
              ERR_CANCELLED);
    outcome_done(&o);
    done(&s);
}

/* --- real texts and real questions
 * --------------------------------------------------- */

struct tally {
    int primary, primary_good, all, all_good;
};

static struct slice renamed(struct slice file)
{
    static const struct slice old = SLICE_INIT("meta-framework/");
    if (!slice_starts(file, old)) return file;
    return arena_printf(test_arena(), "meta-workflow/%.*s",
                        SLICE_ARG(slice_sub(file, old.n, file.n)));
}

/* Among distinct files; 0: not there. */
static int rank_of(const struct json *r, struct slice file)
{
    struct slice seen[64];
    int n = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        struct slice f = field(r, i, "file");
        bool known = false;
        for (int k = 0; k < n; k++) known = known || slice_eq(seen[k], f);
        if (!known) seen[n++] = f;
        if (slice_eq(f, file)) return n;
    }
    return 0;
}

static void judge(const struct json *r, struct slice expected,
                  struct slice root, struct tally *t)
{
    struct slice one;
    while (slice_split(&expected, ',', &one)) {
        bool secondary = slice_starts(one, SLICE("~"));
        if (secondary) one = slice_sub(one, 1, one.n);
        size_t colon = slice_find_byte(one, ':');
        int64_t worst = 1;
        CHECK(slice_int64(slice_sub(one, colon + 1, one.n), &worst));
        struct slice file = renamed(slice_sub(one, 0, colon));
        struct slice path = path_join(test_arena(), root, file);
        if (access(arena_cstr(test_arena(), path), F_OK)) continue;
        int rank = rank_of(r, file);
        bool good = rank > 0 && rank <= worst;
        t->all++;
        t->all_good += good;
        t->primary += !secondary;
        t->primary_good += !secondary && good;
        if (!good)
            printf("%.*s: rank %d, not %" PRId64 "\n", SLICE_ARG(file), rank,
                   worst);
    }
}

static struct tally judge_all(struct slice root, struct slice lines)
{
    struct searching s;
    struct slice line;
    struct tally t = {0};
    open_on(&s, root);
    while (slice_split(&lines, '\n', &line)) {
        struct slice id, text, expected;
        struct outcome o;
        CHECK(slice_split(&line, '\t', &id) && slice_split(&line, '\t', &text));
        expected = line;
        struct eng_search_args args = {
            .query = text, .n_results = 20, .filter_phase = ENG_ABSENT};
        CHECK_OK(ask(&s, &o, &args));
        judge(results(&o), expected, root, &t);
        outcome_done(&o);
    }
    done(&s);
    return t;
}

/* format E1 */
TEST(search, real_questions_find_their_texts, .needs = "shared")
{
    struct slice root, lines;
    CHECK_OK(path_canonical(
        arena_printf(test_arena(), "%s/real/standards", test_shared_dir()),
        test_arena(), &root));
    CHECK_OK(file_read(arena_printf(test_arena(), "%s/real/search-queries.tsv",
                                    test_shared_dir()),
                       1 << 20, test_arena(), &lines));
    struct tally t = judge_all(root, lines);
    printf("primary %d of %d, all %d of %d\n", t.primary_good, t.primary,
           t.all_good, t.all);
    CHECK_INT_EQ(t.primary, 25);
    CHECK_INT_EQ(t.all, 33);
    CHECK_INT_GE(t.primary_good, 24);
    CHECK_INT_GE(t.all_good, 28);
}

/* Questions of our own on the same texts, nearly all by other words than those
 * of their names. Five weights were chosen with this set among others in view.
 */
static struct tally judge_file(const char *name)
{
    struct slice root, lines;
    CHECK_OK(path_canonical(
        arena_printf(test_arena(), "%s/real/standards", test_shared_dir()),
        test_arena(), &root));
    CHECK_OK(file_read(
        arena_printf(test_arena(), "%s/tests/data/%s", test_source_dir(), name),
        1 << 20, test_arena(), &lines));
    struct tally t = judge_all(root, lines);
    printf("%d of %d\n", t.all_good, t.all);
    return t;
}

TEST(search, questions_of_our_own_find_their_texts, .needs = "shared")
{
    struct tally t = judge_file("search-questions.tsv");
    CHECK_INT_GE(t.all, 60);
    CHECK_INT_GE(t.all_good * 100, t.all * 90);
}

/* Written before their answers were looked at; no weight was chosen with them
 * in view. Among the first three. */
TEST(search, questions_held_apart_find_their_texts, .needs = "shared")
{
    struct tally t = judge_file("search-questions-held.tsv");
    CHECK_INT_EQ(t.all, 30);
    CHECK_INT_GE(t.all_good, 27);
}
