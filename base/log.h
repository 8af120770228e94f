/*
 * log: one line per event on stderr, one write(2) per line, formatted on the
 * stack. Text: `time level=warn thread=worker-0 at=cache msg="..." k=v`; JSON:
 * the same fields. stdout is the protocol's and is never touched.
 *
 * Never called with a lock held. Thread: any.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/slice.h"

enum log_level {
    LOG_DEBUG2,
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
    LOG_OFF,
    LOG_LEVEL_COUNT
};
enum log_format { LOG_TEXT, LOG_JSON };

enum log_kind { LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_BOOL };
struct log_field {
    const char *key;
    enum log_kind kind;
    struct slice text;
    int64_t number;
};
#define LOG_S(k, slice_) ((struct log_field){(k), LOG_KIND_TEXT, (slice_), 0})
#define LOG_C(k, cstr)                                                         \
    ((struct log_field){(k), LOG_KIND_TEXT, slice_of(cstr), 0})
#define LOG_I(k, v)                                                            \
    ((struct log_field){(k), LOG_KIND_INT, {0}, (int64_t)(v)})
#define LOG_B(k, v) ((struct log_field){(k), LOG_KIND_BOOL, {0}, (v)})

void log_setup(enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
/* Tests: lines go to this function instead of stderr (NULL: back). */
void log_divert(void (*to)(void *ctx, struct slice line), void *ctx);

/* The thread's name, at most 15 bytes, kept thread-local and given to the
 * kernel; "main" until set. */
void log_thread_name(const char *name);
const char *log_thread(void);

void log_line(enum log_level level, const char *at, const char *msg,
              const struct log_field *fields, size_t count);
/* log_warn("cache", "load failed", LOG_S("key", k), LOG_I("age_ms", n)) */
#define LOG_AT(level, at, msg, ...)                                            \
    do {                                                                       \
        if (log_enabled(level)) {                                              \
            const struct log_field log_f_[] = {                                \
                {0}, ##__VA_ARGS__};                                           \
            log_line((level), (at), (msg), log_f_ + 1,                         \
                     sizeof(log_f_) / sizeof(log_f_[0]) - 1);                  \
        }                                                                      \
    } while (0)
#define log_debug(at, msg, ...) LOG_AT(LOG_DEBUG, at, msg, ##__VA_ARGS__)
#define log_info(at, msg, ...) LOG_AT(LOG_INFO, at, msg, ##__VA_ARGS__)
#define log_warn(at, msg, ...) LOG_AT(LOG_WARN, at, msg, ##__VA_ARGS__)
#define log_error(at, msg, ...) LOG_AT(LOG_ERROR, at, msg, ##__VA_ARGS__)

#endif
