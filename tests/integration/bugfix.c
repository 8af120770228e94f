#include "tests/integration/bugfix.h"

#include "tests/integration/program.h"

static const char *const evidence[BUGFIX_PHASES] = {
    "{\"bug_summary\":\"report --since 2026-02-29 exits 0 and prints nothing; "
    "expected an error and exit code 2\",\"test_file\":\"tests/test_dates.c\","
    "\"test_name\":\"refuses_a_day\",\"failing_output\":\"refuses_a_day: "
    "expected -1, got 0. FAILED\",\"fails_for_the_reported_reason\":true}",
    "{\"root_cause\":\"parse_day() checks the day against 31 for every month; "
    "it trusts its caller with the month's length\",\"cause_file\":"
    "\"src/dates.c\",\"cause_line\":2,\"ruled_out\":[\"time zone shift: the "
    "same with TZ=UTC\"],\"explains_every_symptom\":true}",
    "{\"files_changed\":[\"src/dates.c\"],\"fix_summary\":\"parse_day() looks "
    "the month's length up, leap years too\",\"passing_output\":"
    "\"refuses_a_day: ok. 1 passed, 0 failed\",\"test_was_weakened\":false}",
    "{\"tests_before\":41,\"tests_after\":42,\"tests_failed\":0,"
    "\"suite_command\":\"make test\",\"change_summary\":\"parse_day() trusted "
    "its caller with the month's length. It looks it up now. refuses_a_day was "
    "red before and is green after; 42 of 42 pass.\"}",
};

const char *bugfix_start(const char *target)
{
    return arena_printf(test_arena(),
                        "{\"workflow_type\":\"bugfix_v1\",\"target\":\"%s\"}",
                        target)
        .p;
}

void bugfix_files(const char *folder)
{
    put_file(folder, "tests/test_dates.c", "TEST(refuses_a_day) {}\n");
    put_file(folder, "src/dates.c", "int parse_day(const char *s);\n");
}

const char *bugfix_session(const char *session, const char *more)
{
    return arena_printf(test_arena(), "{\"session_id\":\"%s\"%s}", session,
                        more)
        .p;
}

const char *bugfix_complete(const char *session, int phase, const char *key)
{
    struct slice idempotency = {0};
    if (key)
        idempotency =
            arena_printf(test_arena(), ",\"idempotency_key\":\"%s\"", key);
    return bugfix_session(
        session, arena_printf(test_arena(), ",\"phase\":%d,\"evidence\":%s%.*s",
                              phase, evidence[phase], SLICE_ARG(idempotency))
                     .p);
}
