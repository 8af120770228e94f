/*
 * store_fixture: a store in the test's own folder, and rows to put into it.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "state/records.h"
#include "tests/runner/test.h"

static inline struct slice state_path(void)
{
    struct slice p = arena_printf(test_arena(), "%s/state.db", test_tmpdir());
    CHECK(p.p);
    return p;
}

static inline const char *beside(const char *suffix)
{
    struct slice p = arena_printf(test_arena(), "%s/state.db%s%c",
                                  test_tmpdir(), suffix, '\0');
    CHECK(p.p);
    return p.p;
}

static inline struct st_store *open_store(void)
{
    struct st_store *s = NULL;
    struct problem p;
    problem_init(&p);
    struct st_store_options o = {.path = state_path(),
                                 .busy_timeout_ms = 20000};
    CHECK_OK(st_store_open(&o, test_arena(), &p, &s));
    return s;
}

static inline struct st_session some_session(const char *id)
{
    struct st_session s = {.id = slice_of(id),
                           .workflow_type = SLICE("spec_v1"),
                           .target = SLICE("src/a.c"),
                           .status = SLICE("active"),
                           .definition_hash = SLICE("00ff"),
                           .total_phases = 4,
                           .version = 1,
                           .created_ms = 1000,
                           .updated_ms = 2000,
                           .detail = SLICE("{\"phases\":[]}")};
    memset(s.event_hash, 7, sizeof(s.event_hash));
    return s;
}

static inline enum err insert_session(void *ctx, struct st_tx *tx)
{
    return st_session_insert(tx, ctx);
}

static inline int64_t version_of(struct st_store *s, const char *id)
{
    struct st_tx *tx = NULL;
    int64_t version = 0;
    CHECK_OK(st_read_begin(s, NULL, &tx));
    enum err e = st_session_version(tx, slice_of(id), &version);
    st_read_end(tx);
    if (e == ERR_NOT_FOUND) return 0;
    CHECK_OK(e);
    return version;
}

#endif
