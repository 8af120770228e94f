/* What somebody does to the state file behind phasegate's back, with sqlite3 or
 * with cp, is found by `phasegate sessions verify`: by itself, or where a
 * record is consistent in itself, by the heads that were kept elsewhere. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/integration/model.h"
#include "tests/integration/program.h"
#include "tests/runner/server.h"
#include "tests/unit/session_kit.h"

static const char *state_of(const char *project)
{
    return arena_printf(test_arena(), "%s/.phasegate/state.db", project).p;
}

static void sql_on(const char *file, const char *text)
{
    sqlite3 *db;
    char *why = NULL;
    CHECK_INT_EQ(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why)) FAIL("%s: %s", text, why);
    sqlite3_close(db);
}

static void copy(const char *from, const char *to)
{
    struct ended e = program_run(&(struct program){
        .binary = "/bin/cp",
        .args = (const char *const[]){from, to, NULL}});
    CHECK_INT_EQ(e.status, 0);
}

/* --- a record with everything in it ---------------------------------------- */

static const char *begin(struct server *s, const char *target)
{
    return kit_text(
        stdio_tool(s, "start_workflow",
                   arena_printf(test_arena(),
                                "{\"workflow_type\":\"model_v1\",\"target\":"
                                "\"%s\",\"options\":{\"n\":1}}",
                                target)
                       .p),
        "structuredContent", "session_id");
}

static void complete(struct server *s, const char *id, int phase, bool good)
{
    (void)stdio_tool(
        s, "complete_phase",
        arena_printf(test_arena(),
                     "{\"session_id\":\"%s\",\"phase\":%d,\"evidence\":%s}",
                     id, phase, model_evidence(phase, good))
            .p);
}

/* Sessions a and b of equal length, c with a claim and a request for a
 * person's word, and an older copy of it all: old.db. */
static const char *record_make(void)
{
    static const char *args[3] = {"--workflows"};
    const char *project = new_project("tampered");
    args[1] = model_workflow();
    put_file(project, "there.txt", "report\n");
    struct server *s = server_start(
        &(struct server_options){.project = project, .args = args});
    const char *a = begin(s, "a"), *b = begin(s, "b");
    complete(s, a, 0, true);
    complete(s, b, 0, true);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    copy(state_of(project),
         arena_printf(test_arena(), "%s/old.db", project).p);
    server_restart(s);
    complete(s, a, 1, false);
    complete(s, b, 1, true);
    const char *c = begin(s, "c");
    complete(s, c, 0, true);
    complete(s, c, 1, true);
    complete(s, c, 2, true);
    (void)stdio_tool(s, "claim_task",
                     arena_printf(test_arena(),
                                  "{\"session_id\":\"%s\",\"phase\":2,"
                                  "\"task_number\":1,\"agent\":\"ann\"}",
                                  c)
                         .p);
    CHECK_INT_EQ(server_stop_eof(s).status, 0);
    struct ended e = RUN_IN(project, "sessions", "verify", "--json");
    if (e.status) FAIL("%.*s", SLICE_ARG(e.out));
    put_file(project, "heads.json", arena_cstr(test_arena(), e.out));
    copy(state_of(project),
         arena_printf(test_arena(), "%s/good.db", project).p);
    return project;
}

/* --- by SQL ---------------------------------------------------------------- */

#define ID(t) "(SELECT id FROM sessions WHERE target='" t "')"
#define FREE "DROP TRIGGER events_append_only;"
#define OLD "ATTACH 'old.db' AS old;"
struct forgery {
    const char *name, *sql, *code;
    bool kept; /* consistent in itself: only the kept heads tell */
};
/* clang-format off */
static const struct forgery forgeries[] = {
    {"two chains in each other's place",
     FREE "CREATE TEMP TABLE x AS SELECT " ID("a") " AS a, " ID("b") " AS b;"
     "UPDATE events SET session_id='-' WHERE session_id=(SELECT a FROM x);"
     "UPDATE events SET session_id=(SELECT a FROM x) WHERE session_id="
     "(SELECT b FROM x);"
     "UPDATE events SET session_id=(SELECT b FROM x) WHERE session_id='-'",
     "EVENT_CHANGED", false},
    {"two rows in each other's place",
     "CREATE TEMP TABLE x AS SELECT " ID("a") " AS a, " ID("b") " AS b;"
     "UPDATE sessions SET id='-' WHERE target='a';"
     "UPDATE sessions SET id=(SELECT a FROM x) WHERE target='b';"
     "UPDATE sessions SET id=(SELECT b FROM x) WHERE target='a'",
     "STATE_CHANGED", false},
    {"a phase opened without an event",
     "UPDATE sessions SET current_phase=current_phase+1 WHERE target='a'",
     "STATE_CHANGED", false},
    {"a session ended without an event",
     "UPDATE sessions SET status='completed' WHERE target='b'",
     "STATE_CHANGED", false},
    {"an error out of nowhere",
     "UPDATE sessions SET status='error' WHERE target='b'", "STATE_CHANGED",
     false},
    {"fewer phases than there were",
     "UPDATE sessions SET total_phases=2 WHERE target='a'", "STATE_CHANGED",
     false},
    {"other options",
     "UPDATE sessions SET detail=replace(detail,'\"n\":1','\"n\":2') WHERE "
     "target='a'", "STATE_CHANGED", false},
    {"a completed phase more in the detail",
     "UPDATE sessions SET detail=replace(detail,'\"completed\":[','"
     "\"completed\":[{\"phase\":9,\"at\":1,\"event\":1},') WHERE target='a'",
     "STATE_CHANGED", false},
    {"an earlier opening of the phase",
     "UPDATE sessions SET detail=replace(detail,'\"opened\":1','\"opened\":0')"
     " WHERE target='b'", "STATE_CHANGED", false},
    {"a younger session", "UPDATE sessions SET created_ms=created_ms+1",
     "STATE_CHANGED", false},
    {"the tail dropped",
     "DELETE FROM events WHERE session_id=" ID("a") " AND seq=3",
     "HEAD_DIFFERS", false},
    {"the tail dropped, and the head moved to what is left",
     "UPDATE sessions SET event_seq=2, event_hash=(SELECT hash FROM events e "
     "WHERE e.session_id=sessions.id AND seq=2) WHERE target='a';"
     "DELETE FROM events WHERE session_id=" ID("a") " AND seq=3",
     "STATE_CHANGED", false},
    {"the whole session as it was", OLD
     "DELETE FROM events WHERE session_id=" ID("a") " AND seq>2;"
     "DELETE FROM evidence WHERE session_id=" ID("a") " AND event_seq>2;"
     "DELETE FROM sessions WHERE target='a';"
     "INSERT INTO sessions SELECT * FROM old.sessions WHERE target='a'",
     "HEAD_LOST", true},
    {"the newest session never was",
     "DELETE FROM events WHERE session_id=" ID("c") ";"
     "DELETE FROM evidence WHERE session_id=" ID("c") ";"
     "DELETE FROM claims; DELETE FROM approvals;"
     "DELETE FROM sessions WHERE target='c';"
     "DELETE FROM events WHERE session_id='' AND seq=3", "HEAD_LOST", true},
    {"an event again at the end",
     "INSERT INTO events SELECT session_id,seq+1,at_ms,type,actor,phase,hash,"
     "hash,data FROM events WHERE session_id=" ID("a") " AND seq=3",
     "EVENT_CHANGED", false},
    {"an event of another session at the end",
     "INSERT INTO events SELECT " ID("a") ",4,at_ms,type,actor,phase,prev_hash,"
     "hash,data FROM events WHERE session_id=" ID("b") " AND seq=3",
     "EVENT_MOVED", false},
    {"a blank more in an event",
     FREE "UPDATE events SET data=data||' ' WHERE seq=2", "EVENT_CHANGED",
     false},
    {"an event of another phase",
     FREE "UPDATE events SET phase=phase+1 WHERE seq=2 AND session_id="
     ID("b"), "EVENT_CHANGED", false},
    {"another actor", FREE "UPDATE events SET actor='http' WHERE seq=3",
     "EVENT_CHANGED", false},
    {"a refusal gone", "DELETE FROM evidence WHERE session_id=" ID("a")
     " AND event_seq=3", "EVIDENCE_MISSING", false},
    {"a refusal that passed", "UPDATE evidence SET passed=1 WHERE session_id="
     ID("a") " AND event_seq=3", "EVIDENCE_CHANGED", false},
    {"evidence of another phase",
     "UPDATE evidence SET body=(SELECT body FROM evidence e WHERE "
     "e.session_id=evidence.session_id AND e.phase=1 LIMIT 1) WHERE phase=0 "
     "AND session_id=" ID("b"), "EVIDENCE_CHANGED", false},
    {"a verdict without its errors",
     "UPDATE evidence SET verdict=replace(verdict,'false','true')",
     "VERDICT_CHANGED", false},
    {"a person's word nobody gave",
     "UPDATE approvals SET status='approved', decided_by='Ada', channel="
     "'terminal', decided_ms=1", "APPROVAL_CHANGED", false},
    {"nobody was asked", "DELETE FROM approvals", "APPROVAL_CHANGED", false},
    {"asked about something else",
     "UPDATE approvals SET subject=zeroblob(32)", "APPROVAL_CHANGED", false},
    {"somebody else's claim", "UPDATE claims SET agent='bob'",
     "CLAIM_CHANGED", false},
    {"a longer lease", "UPDATE claims SET expires_ms=expires_ms+1000",
     "CLAIM_CHANGED", false},
    {"a task that was done",
     "INSERT INTO claims VALUES(" ID("b") ",2,1,'done','ann',7,0)",
     "CLAIM_CHANGED", false},
    {"another workflow", "UPDATE sessions SET workflow_type='other_v1' WHERE "
     "target='a'", "STATE_CHANGED", false},
    {"a gate that asks for less",
     "UPDATE definitions SET body=replace(body,'required: true',"
     "'required: false')", "DEFINITION_CHANGED", false},
    {"no definition", "DELETE FROM definitions", "DEFINITION_MISSING", false},
    {"a hidden session", "UPDATE sessions SET hidden=1 WHERE target='b'",
     "STATE_CHANGED", false},
    {"a session gone", "DELETE FROM sessions WHERE target='b'",
     "SESSION_MISSING", false},
    {"a session the store never heard of",
     FREE "DELETE FROM events WHERE session_id='' AND seq=3",
     "SESSION_UNKNOWN", false},
    {"the store's chain in another order",
     FREE "UPDATE events SET seq=9 WHERE session_id='' AND seq=1;"
     "UPDATE events SET seq=1 WHERE session_id='' AND seq=2;"
     "UPDATE events SET seq=2 WHERE session_id='' AND seq=9", "EVENT_MOVED",
     false}};
/* clang-format on */
enum { FORGERIES = sizeof(forgeries) / sizeof(forgeries[0]) };

static bool has_flaw(const struct json *v, const char *code)
{
    const struct json *flaws = json_get(v, SLICE("flaws"));
    for (uint32_t i = 0; flaws && i < flaws->count; i++)
        if (slice_eq(json_text(json_get(&flaws->items[i], SLICE("code"))),
                     slice_of(code)))
            return true;
    return false;
}

static void restore(const char *project)
{
    const char *db = state_of(project);
    (void)unlink(arena_printf(test_arena(), "%s-wal", db).p);
    (void)unlink(arena_printf(test_arena(), "%s-shm", db).p);
    copy(arena_printf(test_arena(), "%s/good.db", project).p, db);
}

static void forge(const char *project, const struct forgery *row)
{
    restore(project);
    CHECK_INT_EQ(chdir(project), 0); /* for ATTACH */
    sql_on(state_of(project), row->sql);
    struct ended e = RUN_IN(project, "sessions", "verify", "--json");
    if (row->kept) {
        CHECK_INT_EQ(e.status, 0);
        e = RUN_IN(project, "sessions", "verify", "--json", "--kept",
                   "heads.json");
    }
    if (e.status != 1 || !has_flaw(json_of(e.out), row->code))
        FAIL("%s: exit %d, %.*s", row->name, e.status, SLICE_ARG(e.out));
}

TEST(tampering, is_found_whatever_was_done_with_sqlite3, .timeout_s = 60)
{
    const char *project = record_make();
    size_t step = test_sanitized() ? 4 : 1; /* they are slow there */
    for (size_t i = 0; i < FORGERIES; i += step) forge(project, &forgeries[i]);
    restore(project);
    struct ended e =
        RUN_IN(project, "sessions", "verify", "--kept", "heads.json");
    CHECK_INT_EQ(e.status, 0);
}

/* --- by cp ----------------------------------------------------------------- */

TEST(tampering, an_older_copy_of_the_file_is_found_by_the_kept_heads)
{
    const char *project = record_make();
    copy(arena_printf(test_arena(), "%s/old.db", project).p,
         state_of(project));
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify").status, 0);
    struct ended e = RUN_IN(project, "sessions", "verify", "--json", "--kept",
                            "heads.json");
    CHECK_INT_EQ(e.status, 1);
    CHECK(has_flaw(json_of(e.out), "HEAD_LOST"));
    put_file(project, "none.json", "{\"heads\":7}");
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify", "--kept", "none.json")
                     .status,
                 2);
    CHECK_INT_EQ(
        RUN_IN(project, "sessions", "verify", "--kept", "gone.json").status,
        2);
}

/* Kept heads say nothing against what went on, or what a person removed. */
TEST(tampering, kept_heads_stay_true_while_the_record_grows)
{
    const char *project = record_make();
    const struct json *v =
        json_of(RUN_IN(project, "sessions", "list", "--json").out);
    const char *id =
        kit_text(json_get(v, SLICE("sessions"))->items, "session_id");
    CHECK_INT_EQ(RUN_IN(project, "sessions", "delete", id).status, 0);
    CHECK_INT_EQ(RUN_IN(project, "sessions", "verify", "--kept", "heads.json")
                     .status,
                 0);
}

static void damage(const char *file, off_t at, size_t n, int value)
{
    char bytes[4096];
    memset(bytes, value, sizeof(bytes));
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    CHECK_INT_GE(fd, 0);
    CHECK_INT_EQ(pwrite(fd, bytes, n, at), (ssize_t)n);
    close(fd);
}

/* Half a file, a page of zeros, bytes changed in the middle of each page: it
 * is never called intact. */
TEST(tampering, a_damaged_file_is_never_intact)
{
    const char *project = record_make(), *db = state_of(project);
    struct stat st;
    CHECK_INT_EQ(stat(db, &st), 0);
    CHECK_INT_EQ(truncate(db, st.st_size / 2), 0);
    CHECK_INT_GT(RUN_IN(project, "sessions", "verify").status, 0);
    int pages = (int)(st.st_size / 4096);
    for (int page = 1; page < pages; page += 3) {
        restore(project);
        damage(db, page * 4096L, 4096, 0);
        struct ended e = RUN_IN(project, "sessions", "verify", "--kept",
                                "heads.json");
        CHECK_INT_GT(e.status, 0);
        CHECK_INT_LE(e.status, 3);
    }
}
