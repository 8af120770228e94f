/* Proofs that have to stay true: what a change of a proven file opens again,
 * who finds it, and what is told and recorded. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "engine/approval.h"
#include "tests/unit/proof_kit.h"

#define FRESH_FILE                                                             \
    "  doc:\n    type: string\n    required: true\n    description: \"it\"\n"  \
    "    proof: file\n    fresh: true\n"
#define DOC "{\"doc\":\"doc.md\"}"

/* A session whose phase 0 was proven by doc.md, which says "one". */
static struct slice begun(struct fixture *f)
{
    struct outcome o;
    struct slice id = proof_begin(f, FRESH_FILE);
    kit_put(test_tmpdir(), "doc.md", "one\n");
    CHECK_OK(kit_complete(f, &o, id, 0, DOC));
    outcome_done(&o);
    return id;
}

static const struct json *session(struct fixture *f, struct outcome *o,
                                  struct slice id)
{
    CHECK_OK(kit_session(f, o, id));
    return json_get(o->out, SLICE("session"));
}

static void current_is(struct fixture *f, struct slice id, int64_t phase)
{
    struct outcome o;
    CHECK_INT_EQ(kit_int(json_get(session(f, &o, id), SLICE("current_phase"))),
                 phase);
    outcome_done(&o);
}

static int64_t events_of(struct fixture *f, struct slice id, const char *type)
{
    struct outcome o;
    int64_t n = 0;
    (void)session(f, &o, id);
    const struct json *list = json_get(o.out, SLICE("history"));
    for (uint32_t i = 0; i < list->count; i++)
        n += slice_eq(json_text(json_get(&list->items[i], SLICE("type"))),
                      slice_of(type));
    outcome_done(&o);
    return n;
}

static void intact(struct fixture *f)
{
    struct outcome o;
    struct eng_verify_args all = {{0}};
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    if (!json_is(json_get(o.out, SLICE("intact")), JSON_TRUE))
        FAIL("%.*s", SLICE_ARG(o.out->raw));
    outcome_done(&o);
}

TEST(fresh, a_changed_file_opens_its_phase_and_all_after_it)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begun(&f);
    kit_pass(&f, id, 1);
    current_is(&f, id, 2);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    const struct json *s = session(&f, &o, id);
    CHECK_INT_EQ(kit_int(json_get(s, SLICE("current_phase"))), 0);
    CHECK_INT_EQ(json_get(s, SLICE("completed_phases"))->count, 0);
    const struct json *why = json_get(s, SLICE("reopened"));
    CHECK_INT_EQ(kit_int(json_get(why, SLICE("phase"))), 0);
    const struct json *file = &json_get(why, SLICE("changed"))->items[0];
    CHECK_STR_EQ(kit_text(file, "field"), "doc");
    CHECK_STR_EQ(kit_text(file, "path"), "doc.md");
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256_of(SLICE("one\n"), digest);
    CHECK_SLICE_EQ(slice_of(kit_text(file, "was_sha256")),
                   sha256_hex(digest, hex));
    sha256_of(SLICE("two\n"), digest);
    CHECK_SLICE_EQ(slice_of(kit_text(file, "is_sha256")),
                   sha256_hex(digest, hex));
    outcome_done(&o);
    CHECK_INT_EQ(events_of(&f, id, "phase_reopened"), 1);
    intact(&f);
    fixture_done(&f);
}

TEST(fresh, the_agent_proves_it_anew_and_goes_on)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begun(&f);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    current_is(&f, id, 0);
    CHECK_OK(kit_complete(&f, &o, id, 0, DOC));
    outcome_done(&o);
    const struct json *s = session(&f, &o, id);
    CHECK(!json_get(s, SLICE("reopened")));
    outcome_done(&o);
    kit_pass(&f, id, 1);
    kit_pass(&f, id, 2);
    kit_put(test_tmpdir(), "doc.md", "three\n"); /* it has ended */
    s = session(&f, &o, id);
    CHECK_STR_EQ(kit_text(s, "status"), "completed");
    outcome_done(&o);
    CHECK_INT_EQ(events_of(&f, id, "phase_reopened"), 1);
    intact(&f);
    fixture_done(&f);
}

/* --- who finds it --------------------------------------------------------- */

static enum err ask_phase(struct fixture *f, struct outcome *o, struct slice id)
{
    struct eng_get_phase_args args = {.session_id = id, .phase = 1};
    return CALL(o, eng_get_phase(f->engine, &o->call, &args));
}
static enum err ask_task(struct fixture *f, struct outcome *o, struct slice id)
{
    struct eng_get_task_args args = {
        .session_id = id, .phase = 1, .task_number = 1};
    return CALL(o, eng_get_task(f->engine, &o->call, &args));
}
static enum err ask_complete(struct fixture *f, struct outcome *o,
                             struct slice id)
{
    return kit_complete(f, o, id, 1, KIT_GOOD);
}
static enum err ask_claim(struct fixture *f, struct outcome *o, struct slice id)
{
    return kit_claim(f, o, id, 1, 1, "agent");
}
static enum err ask_rollback(struct fixture *f, struct outcome *o,
                             struct slice id)
{
    return kit_manage(f, o, id, "rollback", 1, false, NULL);
}

static const struct {
    const char *name;
    enum err (*ask)(struct fixture *f, struct outcome *o, struct slice id);
} askers[] = {{"get_phase", ask_phase},
              {"get_task", ask_task},
              {"complete_phase", ask_complete},
              {"claim_task", ask_claim},
              {"rollback", ask_rollback}};

TEST(fresh, every_call_of_a_later_phase_is_told_what_changed)
{
    for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
        struct fixture f;
        struct outcome o;
        struct slice id = begun(&f);
        kit_put(test_tmpdir(), "doc.md", "two\n");
        CHECK_ERR(askers[i].ask(&f, &o, id), ERR_PHASE_LOCKED);
        CHECK_CONTAINS(o.call.problem.why, "doc.md");
        CHECK_CONTAINS(o.call.problem.why, "opened again");
        outcome_done(&o);
        CHECK_INT_EQ(events_of(&f, id, "phase_reopened"), 1);
        fixture_done(&f);
        CHECK_INT_EQ(unlink(proof_path(".phasegate/state.db")), 0);
    }
}

TEST(fresh, a_resumed_session_and_one_that_is_paused_see_it_too)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begun(&f);
    CHECK_OK(kit_manage(&f, &o, id, "pause", ENG_ABSENT, false, NULL));
    outcome_done(&o);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    struct eng_start_workflow_args again = {.workflow_type = SLICE("three_v1"),
                                            .target = SLICE("src/a.c"),
                                            .resume = true};
    CHECK_OK(CALL(&o, eng_start_workflow(f.engine, &o.call, &again)));
    CHECK_SLICE_EQ(json_text(json_get(o.out, SLICE("session_id"))), id);
    CHECK_CONTAINS(o.out->raw, "\"current_phase\":0");
    outcome_done(&o);
    const struct json *s = session(&f, &o, id);
    CHECK_STR_EQ(kit_text(s, "status"), "paused");
    outcome_done(&o);
    intact(&f);
    fixture_done(&f);
}

/* --- what counts as changed ----------------------------------------------- */

static void is_gone(const char *path)
{
    CHECK_INT_EQ(unlink(path), 0);
}
static void is_link(const char *path)
{
    kit_put(test_tmpdir(), "other", "one\n");
    CHECK_INT_EQ(unlink(path), 0);
    CHECK_INT_EQ(symlink("other", path), 0);
}
static void is_folder(const char *path)
{
    CHECK_INT_EQ(unlink(path), 0);
    CHECK_INT_EQ(mkdir(path, 0700), 0);
}
static void is_fifo(const char *path)
{
    CHECK_INT_EQ(unlink(path), 0);
    CHECK_INT_EQ(mkfifo(path, 0600), 0);
}
static void keeps_its_times(const char *path)
{
    struct stat st;
    CHECK_INT_EQ(stat(path, &st), 0);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    kit_put(test_tmpdir(), "doc.md", "two\n");
    CHECK_INT_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
}
static void is_touched(const char *path)
{
    CHECK_INT_EQ(utimensat(AT_FDCWD, path, NULL, 0), 0);
}
static void is_written_again(const char *path)
{
    CHECK_INT_EQ(unlink(path), 0);
    kit_put(test_tmpdir(), "doc.md", "one\n");
}

static const struct {
    void (*happens)(const char *path);
    int64_t current;
    const char *words;
} changes[] = {
    {is_gone, 0, "there is no doc.md"}, {is_link, 0, "a symbolic link"},
    {is_folder, 0, "a folder"},         {is_fifo, 0, "a FIFO"},
    {keeps_its_times, 0, "is_sha256"},  {is_touched, 1, ""},
    {is_written_again, 1, ""},
};

TEST(fresh, the_bytes_decide_and_not_the_times)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct fixture f;
        struct outcome o;
        struct slice id = begun(&f);
        changes[i].happens(proof_path("doc.md"));
        const struct json *s = session(&f, &o, id);
        CHECK_INT_EQ(kit_int(json_get(s, SLICE("current_phase"))),
                     changes[i].current);
        const struct json *why = json_get(s, SLICE("reopened"));
        CHECK_INT_EQ(why != NULL, changes[i].current == 0);
        if (why) CHECK_CONTAINS(why->raw, changes[i].words);
        outcome_done(&o);
        intact(&f);
        fixture_done(&f);
        (void)rmdir(proof_path("doc.md"));
        (void)unlink(proof_path("doc.md"));
        CHECK_INT_EQ(unlink(proof_path(".phasegate/state.db")), 0);
    }
}

/* A file that changed before anybody saw it need not be written once more. */
TEST(fresh, the_phase_began_when_it_first_did)
{
    struct fixture f;
    struct outcome o;
    struct slice id =
        proof_begin(&f, FRESH_FILE "    file: {newer_than_phase: true}\n");
    kit_put(test_tmpdir(), "doc.md", "one\n");
    CHECK_OK(kit_complete(&f, &o, id, 0, DOC));
    outcome_done(&o);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    /* Seen longer after than clocks of file systems tick. */
    for (int64_t then = clock_wall_ms(); clock_wall_ms() < then + 100;)
        usleep(1000);
    current_is(&f, id, 0);
    CHECK_OK(kit_complete(&f, &o, id, 0, DOC));
    outcome_done(&o);
    fixture_done(&f);
}

/* --- by several at once --------------------------------------------------- */

enum { ASKERS = 8 };

TEST(fresh, of_many_who_see_it_one_opens_the_phase)
{
    struct fixture f;
    struct outcome o[ASKERS];
    struct slice id = begun(&f);
    struct eng_get_session_args args = {.session_id = id};
    enum err e[ASKERS];
    kit_put(test_tmpdir(), "doc.md", "two\n");
    for (int i = 0; i < ASKERS; i++) {
        outcome_begin(&o[i]);
        e[i] = eng_get_session(f.engine, &o[i].call, &args);
    }
    for (int i = 0; i < ASKERS; i++) {
        CHECK_OK(outcome_end(&o[i], e[i]));
        CHECK_CONTAINS(o[i].out->raw, "\"reopened\":");
        outcome_done(&o[i]);
    }
    CHECK_INT_EQ(events_of(&f, id, "phase_reopened"), 1);
    intact(&f);
    fixture_done(&f);
}

/* --- the other rungs ------------------------------------------------------ */

#define READS_INPUT                                                            \
    COMMAND_FIELD("boolean",                                                   \
                  "{argv: [grep, -q, one, doc.md], inputs: [doc.md]}")         \
    "    fresh: true\n"

TEST(fresh, what_a_command_read_has_to_stay)
{
    struct fixture f;
    struct outcome o;
    kit_put(test_tmpdir(), "doc.md", "one\n");
    struct slice id = proof_begin_trusted(&f, READS_INPUT);
    CHECK_OK(kit_complete(&f, &o, id, 0, "{}"));
    const struct json *proof = &json_get(o.out, SLICE("proofs"))->items[0];
    const struct json *input = &json_get(proof, SLICE("inputs"))->items[0];
    CHECK_STR_EQ(kit_text(input, "path"), "doc.md");
    outcome_done(&o);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    current_is(&f, id, 0);
    proof_refused(&f, id, "{}", "exit code 1");
    fixture_done(&f);
}

TEST(fresh, an_input_that_changes_while_the_command_runs_proves_nothing)
{
    struct fixture f;
    kit_put(test_tmpdir(), "doc.md", "one\n");
    struct slice id = proof_begin_trusted(
        &f, COMMAND_FIELD("boolean", "{argv: [sh, -c, \"echo x >> doc.md\"], "
                                     "inputs: [doc.md]}"));
    proof_refused(&f, id, "{}", "doc.md changed while the command ran");
    fixture_done(&f);
}

TEST(fresh, an_input_that_is_not_there_is_told_and_nothing_runs)
{
    struct fixture f;
    struct slice id = proof_begin_trusted(
        &f,
        COMMAND_FIELD("boolean", "{argv: [touch, ran], inputs: [src/none.c]}"));
    proof_refused(&f, id, "{}", "there is no src in the project");
    CHECK_INT_EQ(access(proof_path("ran"), F_OK), -1);
    fixture_done(&f);
}

TEST(fresh, the_agent_is_told_beforehand)
{
    struct fixture f;
    struct outcome o;
    struct slice id = proof_begin(&f, FRESH_FILE);
    struct eng_get_phase_args args = {.session_id = id, .phase = 0};
    CHECK_OK(CALL(&o, eng_get_phase(f.engine, &o.call, &args)));
    CHECK_CONTAINS(o.out->raw, "\"fresh\":true");
    CHECK_CONTAINS(o.out->raw, "until the workflow ends");
    outcome_done(&o);
    fixture_done(&f);
}

/* --- the record ----------------------------------------------------------- */

static void forged(struct fixture *f, const char *sql)
{
    struct outcome o;
    struct eng_verify_args all = {{0}};
    sqlite3 *db;
    const char *path = proof_path(".phasegate/state.db");
    CHECK_INT_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    CHECK_INT_EQ(sqlite3_changes(db), 1);
    sqlite3_close(db);
    CHECK_OK(CALL(&o, eng_verify(f->engine, &o.call, &all)));
    if (!json_is(json_get(o.out, SLICE("intact")), JSON_FALSE))
        FAIL("not found: %s", sql);
    CHECK_CONTAINS(o.out->raw, "STATE_CHANGED");
    outcome_done(&o);
}

static const struct {
    bool reopened;
    const char *sql;
} forgeries[] = {
    {false, "json_remove(detail, '$.kept')"},
    {false, "json_set(detail, '$.kept[0].path', 'other.md')"},
    {false, "json_set(detail, '$.kept[0].sha256', printf('%064d', 0))"},
    {false, "json_set(detail, '$.kept[0].phase', 1)"},
    {false, "json_set(detail, '$.kept[0].bytes', 5)"},
    {true, "json_remove(detail, '$.reopened')"},
    {true, "json_set(detail, '$.reopened.began', 0)"},
    {true, "json_set(detail, '$.reopened.changed[0].path', 'other.md')"},
};

TEST(fresh, what_a_phase_keeps_cannot_be_changed_unseen)
{
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        struct fixture f;
        struct slice id = begun(&f);
        if (forgeries[i].reopened) {
            kit_put(test_tmpdir(), "doc.md", "two\n");
            current_is(&f, id, 0);
        }
        intact(&f);
        forged(&f, arena_printf(test_arena(), "UPDATE sessions SET detail=%s",
                                forgeries[i].sql)
                       .p);
        fixture_done(&f);
        CHECK_INT_EQ(unlink(proof_path(".phasegate/state.db")), 0);
    }
}

/* --- what can be seen, and what cannot ------------------------------------ */

/* The session says that the file has this stamp. */
static void stamp_forge(const char *path)
{
    sqlite3 *db;
    struct stat st;
    CHECK_INT_EQ(stat(proof_path(path), &st), 0);
    struct slice sql = arena_printf(
        test_arena(),
        "UPDATE sessions SET detail=json_set(detail,'$.kept[0].dev',%jd,"
        "'$.kept[0].ino',%jd,'$.kept[0].mtime_ns',%jd,'$.kept[0].ctime_ns',"
        "%jd)",
        (intmax_t)st.st_dev, (intmax_t)st.st_ino,
        (intmax_t)(st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec),
        (intmax_t)(st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec));
    CHECK_INT_EQ(sqlite3_open(proof_path(".phasegate/state.db"), &db),
                 SQLITE_OK);
    CHECK_INT_EQ(sqlite3_exec(db, sql.p, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(fresh, nothing_is_completed_on_a_stamp)
{
    struct fixture f;
    struct outcome o;
    struct slice id = begun(&f);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    stamp_forge("doc.md");
    fixture_restart(&f);
    current_is(&f, id, 1); /* a read believes it */
    CHECK_ERR(kit_complete(&f, &o, id, 1, KIT_GOOD), ERR_PHASE_LOCKED);
    outcome_done(&o);
    current_is(&f, id, 0);
    fixture_done(&f);
}

/* What the server lacks is no fault of the file. */
TEST(fresh, a_file_that_cannot_be_looked_at_now_has_not_changed)
{
    struct fixture f;
    struct outcome o;
    struct rlimit was, none;
    struct slice id = begun(&f);
    current_is(&f, id, 1);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    CHECK_INT_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = (rlim_t)next;
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum err e = kit_session(&f, &o, id);
    CHECK_INT_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    CHECK_ERR(e, ERR_UNAVAILABLE);
    CHECK_INT_GT(o.call.problem.retry_after_ms, 0);
    outcome_done(&o);
    current_is(&f, id, 1);
    CHECK_INT_EQ(events_of(&f, id, "phase_reopened"), 0);
    fixture_done(&f);
}

/* --- people --------------------------------------------------------------- */

TEST(fresh, an_approval_comes_too_late_when_a_proven_file_has_changed)
{
    struct fixture f;
    struct outcome o;
    (void)proof_begin(&f, FRESH_FILE);
    kit_put(proof_path("wf"), "three_v1/phases/1/gate-definition.yaml",
            "checkpoint: {strict: true, approval_required: true}\n"
            "evidence_schema:\n  notes: {type: string, required: true, "
            "description: d}\n");
    struct slice id = kit_begin(&f, "src/b.c");
    kit_put(test_tmpdir(), "doc.md", "one\n");
    CHECK_OK(kit_complete(&f, &o, id, 0, DOC));
    outcome_done(&o);
    CHECK_ERR(kit_complete(&f, &o, id, 1, "{\"notes\":\"n\"}"),
              ERR_APPROVAL_PENDING);
    outcome_done(&o);
    kit_put(test_tmpdir(), "doc.md", "two\n");
    struct eng_approval_decide_args yes = {.session_id = id,
                                           .phase = 1,
                                           .event_id = ENG_ABSENT,
                                           .approve = true,
                                           .person = SLICE("Ada"),
                                           .channel = SLICE("terminal")};
    CHECK(CALL(&o, eng_approval_decide(f.engine, &o.call, &yes)) != OK);
    CHECK_INT_GT(o.call.problem.how_to_fix.n, 0);
    outcome_done(&o);
    current_is(&f, id, 0);
    CHECK_INT_EQ(events_of(&f, id, "approval_granted"), 0);
    intact(&f);
    fixture_done(&f);
}
