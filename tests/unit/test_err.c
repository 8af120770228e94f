#include "base/err.h"

#include "tests/runner/test.h"

static const char *const codes[] = {
    "internal",         "unavailable",       "invalid_argument",
    "not_found",        "conflict",          "cancelled",
    "timeout",          "over_capacity",     "rate_limited",
    "workflow_invalid", "approval_required", "session_closed",
    "session_paused",   "phase_locked",      "phase_completed",
    "gate_refused",     "already_claimed",   "claim_lost",
};

TEST(err, every_error_has_a_code_of_the_closed_list)
{
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        bool known = false;
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
            known |= slice_eq(err_code((enum err)e), slice_of(codes[i]));
        if (!known)
            FAIL("%.*s has the code %.*s", SLICE_ARG(err_detail((enum err)e)),
                 SLICE_ARG(err_code((enum err)e)));
    }
}

TEST(err, no_two_errors_share_a_detail)
{
    for (int a = OK; a < ERR_COUNT; a++)
        for (int b = a + 1; b < ERR_COUNT; b++)
            CHECK(!slice_eq(err_detail((enum err)a), err_detail((enum err)b)));
}

TEST(err, names_itself)
{
    CHECK_TEXT_EQ(err_detail(OK), "OK");
    CHECK_TEXT_EQ(err_code(OK), "");
    CHECK_TEXT_EQ(err_detail(ERR_TASK_NOT_FOUND), "TASK_NOT_FOUND");
    CHECK_TEXT_EQ(err_code(ERR_TASK_NOT_FOUND), "not_found");
}
