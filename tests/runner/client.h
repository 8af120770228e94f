/* client: what the fixtures of server.h share with each other. */
#ifndef TESTS_RUNNER_CLIENT_H
#define TESTS_RUNNER_CLIENT_H

#include "base/json.h"
#include "tests/runner/test.h"

/* Received bytes not yet taken. */
struct inbox {
    char *p;
    size_t n, at, capacity; /* p[at..n) is unread */
};
void inbox_free(struct inbox *b);
void inbox_clear(struct inbox *b);
static inline struct slice inbox_rest(const struct inbox *b)
{
    return (struct slice){b->p ? b->p + b->at : NULL, b->n - b->at};
}
enum inbox_state { INBOX_GREW, INBOX_END, INBOX_LATE };
/* Waits until `deadline` (now_s) for bytes of fd and appends what is there. */
enum inbox_state inbox_fill(struct inbox *b, int fd, double deadline);

/* Seconds that one wait may last. */
double patience(int asked_s);
double now_s(void);

/* A request in the envelope of `revision`; id < 0: a notification. */
struct slice message_new(struct arena *a, const char *revision, int64_t id,
                         const char *method, const char *members);
/* Members of params of tools/call. */
const char *tool_members(struct arena *a, const char *tool,
                         const char *arguments);
/* NULL when it is no JSON. */
const struct json *parse_or_null(struct arena *a, struct slice text);
/* `result` of an answer; fails the test when there is none. */
const struct json *result_of(const struct json *answer, const char *what);

#define REVISION_MODERN "2026-07-28"
enum { CLIENT_ARENA_MAX = 1 << 30 };

#endif
