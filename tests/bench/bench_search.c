/*
 * What a search costs, uncached, on the real standards and on a hundred times
 * as many texts, and what making the index from nothing costs: each beside a
 * plain FTS5 table of the same sections, which is what cannot be avoided.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_search.c
 *
 * Figures are of the clock and of the processor; on a machine that others use
 * too, the processor's tell.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/engine_fixture.h"

#include "base/buf.h"
#include "engine/chunk.h"
#include "engine/corpus_walk.h"

/* --- the corpus -----------------------------------------------------------
 */

struct section {
    struct slice file, headings, text;
};
struct texts {
    struct slice root;
    struct section *sections;
    size_t count, capacity;
};

static struct slice real_standards(void)
{
    struct slice root;
    CHECK_OK(path_canonical(
        arena_printf(test_arena(), "%s/real/standards", test_shared_dir()),
        test_arena(), &root));
    return root;
}

static struct slice hundredfold(struct slice from)
{
    struct slice to = arena_printf(test_arena(), "%s/hundred", test_tmpdir());
    CHECK_OK(path_make(to, 0755));
    for (int i = 0; i < 100; i++) {
        struct slice command =
            arena_printf(test_arena(), "cp -r '%.*s' '%.*s/copy%d'",
                         SLICE_ARG(from), SLICE_ARG(to), i);
        CHECK_INT_EQ(system(command.p), 0);
    }
    return to;
}

static void add_sections(struct texts *t, const struct corpus_file *f)
{
    struct slice bytes;
    struct chunk_list list;
    CHECK_OK(corpus_read(f, 16 << 20, test_arena(), &bytes));
    CHECK_OK(chunk_markdown(bytes, test_arena(), &list));
    if (t->count + list.count > t->capacity) {
        t->capacity = 2 * (t->count + list.count);
        t->sections = realloc(t->sections, t->capacity * sizeof(*t->sections));
        CHECK(t->sections);
    }
    for (size_t i = 0; i < list.count; i++)
        t->sections[t->count++] = (struct section){
            f->path, list.items[i].headings, list.items[i].text};
}

static void read_texts(struct texts *t, struct slice root)
{
    struct corpus_walk walk;
    *t = (struct texts){.root = root};
    CHECK_OK(corpus_walk(&t->root, 1, true, test_arena(), &walk));
    for (size_t i = 0; i < walk.count; i++) add_sections(t, &walk.files[i]);
}

/* --- the floor -------------------------------------------------------------
 */

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    CHECK_INT_EQ(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    return st;
}

static void put_text(sqlite3_stmt *st, int at, struct slice s)
{
    CHECK_INT_EQ(sqlite3_bind_text64(st, at, s.p ? s.p : "", s.n, SQLITE_STATIC,
                                     SQLITE_UTF8),
                 SQLITE_OK);
}

static sqlite3 *plain_index(const struct texts *t)
{
    sqlite3 *db;
    CHECK_INT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
    CHECK_INT_EQ(
        sqlite3_exec(db,
                     "CREATE VIRTUAL TABLE f USING fts5(path, headings, body, "
                     "tokenize='porter unicode61'); BEGIN",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_stmt *st = prepared(db, "INSERT INTO f VALUES(?, ?, ?)");
    for (size_t i = 0; i < t->count; i++) {
        put_text(st, 1, t->sections[i].file);
        put_text(st, 2, t->sections[i].headings);
        put_text(st, 3, t->sections[i].text);
        CHECK_INT_EQ(sqlite3_step(st), SQLITE_DONE);
        sqlite3_reset(st);
    }
    sqlite3_finalize(st);
    CHECK_INT_EQ(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* Any of the words, best five. */
static struct slice plain_query(const char *words)
{
    struct slice rest = slice_of(words), word;
    struct buf b = BUF_INIT(4096);
    while (slice_split(&rest, ' ', &word))
        if (word.n)
            buf_printf(&b, "%s\"%.*s\"", b.n ? " OR " : "", SLICE_ARG(word));
    struct slice query = arena_copy(test_arena(), buf_slice(&b));
    buf_done(&b);
    return query;
}

static void plain_search(sqlite3_stmt *st, struct slice query)
{
    put_text(st, 1, query);
    while (sqlite3_step(st) == SQLITE_ROW) bench_use(sqlite3_column_int(st, 0));
    sqlite3_reset(st);
}

/* --- what is asked ----------------------------------------------------------
 */

/* Of the kind people ask, of words that stand everywhere, rare, several,
 * phrases, beginnings, misspelt and unknown ones. */
static const char *const subjects[] = {
    "how do I handle errors",
    "test doubles",
    "code review checklist",
    "retry with exponential backoff",
    "what are the naming rules",
    "database migrations and rollback",
    "workflow phases evidence",
    "prevent race conditions",
    "documentation for an API",
    "git commit message",
    "security of credentials",
    "when should I use a lock",
    "performance budget",
    "project standards",
    "code test standard example query",
    "the agent should use the workflow when the code is done",
    "standard production code testing documentation quality",
    "\"error handling\" retry",
    "concurr* deadlock*",
    "dokumentation of workfow fases",
    "xylophone",
    "what must I do before I write a function that others call",
    "code",
    "is",
};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static void open_on(struct fixture *f, struct slice *standards)
{
    struct problem p;
    problem_init(&p);
    *f = (struct fixture){0};
    CHECK_OK(path_canonical(slice_of(test_tmpdir()), test_arena(), &f->root));
    CHECK_OK(pool_new("worker", 4, 4096, &f->pool));
    CHECK_OK(eng_open(&(struct eng_options){.root = f->root,
                                            .standards = standards,
                                            .standards_count = 1,
                                            .pool = f->pool},
                      test_arena(), &p, &f->engine));
}

/* True: the index has not got everything yet. */
static bool search(struct fixture *f, const char *subject)
{
    struct outcome o;
    struct eng_search_args args = {.query = slice_of(subject),
                                   .n_results = 5,
                                   .filter_phase = ENG_ABSENT};
    outcome_begin(&o);
    CHECK_OK(outcome_end(&o, eng_search_standards(f->engine, &o.call, &args)));
    bool building = json_get(o.out, SLICE("indexing")) != NULL;
    outcome_done(&o);
    return building;
}

/* Punctuation is part of the cache's key and none of the index's words: each
 * query is another one for the one, and the same for the other. */
static const char *uncached(char text[256], unsigned i)
{
    size_t n = (size_t)snprintf(text, 128, "%s ", subjects[i % SUBJECTS]);
    for (unsigned k = i + 1; k; k >>= 1) text[n++] = k & 1 ? '.' : ',';
    text[n] = '\0';
    return text;
}

/* --- figures ----------------------------------------------------------------
 */

static double seconds(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct moment {
    double clock, processor;
};
static struct moment moment(clockid_t processor)
{
    return (struct moment){seconds(CLOCK_MONOTONIC), seconds(processor)};
}
static struct moment since(struct moment from, clockid_t processor)
{
    struct moment to = moment(processor);
    return (struct moment){(to.clock - from.clock) * 1e3,
                           (to.processor - from.processor) * 1e3};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SAMPLES = 3000 };
struct samples {
    double clock[SAMPLES], processor[SAMPLES], floor[SAMPLES];
    int n;
};

static double at(double *v, int n, double share)
{
    qsort(v, (size_t)n, sizeof(*v), ascending);
    return v[(int)((n - 1) * share)];
}

/* One figure: `v` beside the floor, at this share of the samples. */
static void tell(const char *corpus, const char *what, struct samples *s,
                 double *v, double share, double limit)
{
    struct bench_figure f = {.unit = "ms",
                             .value = at(v, s->n, share),
                             .floor = at(s->floor, s->n, share),
                             .rounds = s->n,
                             .bar = limit > 0 ? BAR_MOST : BAR_NONE,
                             .limit = limit};
    snprintf(f.name, sizeof(f.name), "search: %s, %s p%d", corpus, what,
             (int)(share * 100));
    f.ratio = f.least = f.most = f.floor > 0 ? f.value / f.floor : 0;
    bench_figure(&f);
}

static void measure(struct fixture *f, const struct texts *t, int count,
                    struct samples *s)
{
    char text[256];
    sqlite3 *db = plain_index(t);
    sqlite3_stmt *st = prepared(
        db, "SELECT rowid FROM f WHERE f MATCH ? ORDER BY bm25(f, 8, 4) "
            "LIMIT 5");
    struct slice plain[SUBJECTS];
    for (int i = 0; i < SUBJECTS; i++) plain[i] = plain_query(subjects[i]);
    for (s->n = 0; s->n < count; s->n++) {
        struct moment from = moment(CLOCK_THREAD_CPUTIME_ID);
        (void)search(f, uncached(text, (unsigned)s->n));
        struct moment took = since(from, CLOCK_THREAD_CPUTIME_ID);
        s->clock[s->n] = took.clock;
        s->processor[s->n] = took.processor;
        from = moment(CLOCK_THREAD_CPUTIME_ID);
        plain_search(st, plain[s->n % SUBJECTS]);
        s->floor[s->n] = since(from, CLOCK_THREAD_CPUTIME_ID).processor;
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void searches(const char *corpus, struct texts *t, int count,
                     double p50, double p99)
{
    static struct samples s;
    struct fixture f;
    open_on(&f, &t->root);
    for (char text[32] = "a"; search(&f, text);) {
        (void)usleep(200000);
        snprintf(text, sizeof(text), "%.3f", seconds(CLOCK_MONOTONIC));
    }
    measure(&f, t, count, &s);
    tell(corpus, "clock", &s, s.clock, 0.5, p50);
    tell(corpus, "clock", &s, s.clock, 0.99, p99);
    tell(corpus, "processor", &s, s.processor, 0.5, p50);
    tell(corpus, "processor", &s, s.processor, 0.99, p99);
    fixture_done(&f);
    free(t->sections);
}

BENCH(search, uncached_on_real_standards, .needs = "shared")
{
    struct texts t;
    (void)bench;
    read_texts(&t, real_standards());
    searches("real standards", &t, SAMPLES, 1, 5);
}

BENCH(search, uncached_on_a_hundred_times_the_standards, .needs = "shared",
      .timeout_s = 600)
{
    struct texts t;
    (void)bench;
    read_texts(&t, hundredfold(real_standards()));
    searches("a hundred times them", &t, 600, 0, 50);
}

BENCH(search, cached_on_real_standards, .needs = "shared")
{
    static struct fixture f;
    static struct slice root;
    if (!f.engine) {
        root = real_standards();
        open_on(&f, &root);
        (void)search(&f, subjects[0]);
    }
    while (bench_next(bench)) (void)search(&f, subjects[0]);
}

BENCH(search, index_from_nothing, .needs = "shared")
{
    enum { ROUNDS = 25 };
    static struct samples s;
    struct texts t;
    struct slice index =
        arena_printf(test_arena(), "%s/.phasegate/index.db", test_tmpdir());
    (void)bench;
    read_texts(&t, real_standards());
    for (s.n = 0; s.n < ROUNDS; s.n++) {
        struct fixture f;
        unlink(arena_cstr(test_arena(), index));
        open_on(&f, &t.root);
        struct moment from = moment(CLOCK_PROCESS_CPUTIME_ID);
        (void)search(&f, "anything");
        struct moment took = since(from, CLOCK_PROCESS_CPUTIME_ID);
        s.clock[s.n] = took.clock;
        s.processor[s.n] = took.processor;
        fixture_done(&f);
        from = moment(CLOCK_PROCESS_CPUTIME_ID);
        sqlite3_close(plain_index(&t));
        s.floor[s.n] = since(from, CLOCK_PROCESS_CPUTIME_ID).processor;
    }
    tell("index from nothing", "clock", &s, s.clock, 0.5, 200);
    tell("index from nothing", "processor", &s, s.processor, 0.5, 200);
    free(t.sections);
}
