/*
 * session_kit: workflows made for tests of sessions, and the engine's
 * operations with the arguments that such tests vary.
 */
#ifndef TESTS_UNIT_SESSION_KIT_H
#define TESTS_UNIT_SESSION_KIT_H

#include "tests/unit/engine_fixture.h"

/* A gate that wants `done` and `count`, and what passes it. */
#define KIT_GOOD "{\"done\":true,\"count\":3}"

/* Writes text to folder/name. */
void kit_put(const char *folder, const char *name, const char *text);
/* A folder of workflows with `three_v1`: phases 0, 1, 2 with the tasks 1 and 2
 * each, every gate wanting KIT_GOOD. In test_tmpdir(). */
const char *kit_workflows(void);

/* A new session, or the unfinished one; its id lies in test_arena(). */
struct slice kit_begin(struct fixture *f, const char *target);
/* Completes the phase with KIT_GOOD, which must pass. */
void kit_pass(struct fixture *f, struct slice id, int64_t phase);
enum err kit_complete(struct fixture *f, struct outcome *o, struct slice id,
                      int64_t phase, const char *evidence);
/* The same under an idempotency key. */
enum err kit_complete_once(struct fixture *f, struct outcome *o,
                           struct slice id, int64_t phase, const char *evidence,
                           const char *key);
/* manage_session; to_phase may be ENG_ABSENT, key NULL. */
enum err kit_manage(struct fixture *f, struct outcome *o, struct slice id,
                    const char *action, int64_t to_phase, bool reset,
                    const char *key);
enum err kit_claim(struct fixture *f, struct outcome *o, struct slice id,
                   int64_t phase, int64_t task, const char *agent);
enum err kit_release(struct fixture *f, struct outcome *o, struct slice id,
                     int64_t phase, int64_t task, int64_t fence,
                     const char *outcome);
/* get_session with evidence and history. */
enum err kit_session(struct fixture *f, struct outcome *o, struct slice id);
int64_t kit_int(const struct json *v);
/* The text at a path, in a buffer of test_arena(). */
#define kit_text(v, ...)                                                       \
    arena_cstr(test_arena(), json_text(json_at((v), __VA_ARGS__, NULL)))

#endif
