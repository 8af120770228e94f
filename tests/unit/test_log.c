#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "tests/runner/test.h"

static void keep(void *ctx, struct slice line)
{
    buf_put(ctx, line);
}

/* The lines written since; the clock stands at a known time. */
static struct buf *capture(enum log_level least, enum log_format format)
{
    static struct buf out;
    out = BUF_INIT(1 << 20);
    clock_fake(0, INT64_C(1795266294123));
    log_setup(least, format);
    log_divert(keep, &out);
    return &out;
}

TEST(log, a_text_line_has_every_part)
{
    struct buf *out = capture(LOG_DEBUG, LOG_TEXT);
    log_warn("cache", "load failed", LOG_C("key", "a/b-1.md"),
             LOG_S("why", SLICE("no such file")), LOG_I("age_ms", -7),
             LOG_B("again", true), LOG_C("none", ""));
    CHECK_TEXT_EQ(buf_slice(out),
                  "2026-11-21T13:04:54.123Z level=warn thread=main at=cache "
                  "msg=\"load failed\" key=a/b-1.md why=\"no such file\" "
                  "age_ms=-7 again=true none=\"\"\n");
}

TEST(log, a_json_line_has_the_same_parts)
{
    struct buf *out = capture(LOG_DEBUG, LOG_JSON);
    log_error("store", "say \"no\"", LOG_C("key", "x"), LOG_I("n", 3),
              LOG_B("again", false));
    CHECK_TEXT_EQ(buf_slice(out),
                  "{\"time\":\"2026-11-21T13:04:54.123Z\",\"level\":\"error\","
                  "\"thread\":\"main\",\"at\":\"store\","
                  "\"msg\":\"say \\\"no\\\"\",\"key\":\"x\",\"n\":3,"
                  "\"again\":false}\n");
}

struct hostile {
    const char *value, *spelled;
};

TEST_EACH(log, a_value_cannot_leave_its_quotes, struct hostile, row,
          {"a\nlevel=error msg=\"forged\"",
           "\"a\\nlevel=error msg=\\\"forged\\\"\""},
          {"a\r\tb", "\"a\\r\\tb\""}, {"a=b", "\"a=b\""}, {"a b", "\"a b\""},
          {"\\", "\"\\\\\""}, {"\x1b[31m", "\"\\u001b[31m\""},
          {"\x7f", "\"\\u007f\""}, {"\xC2\x9b", "\"\\u009b\""},
          {"\xE2\x80\xA8", "\"\\u2028\""}, {"\xE2\x80\xA9", "\"\\u2029\""},
          {"\xFF"
           "a",
           "\"\\ufffda\""},
          {"\xE2\x89", "\"\\ufffd\\ufffd\""},
          {"\xE2\x89\xA4 \xF0\x9F\x8E\xAF",
           "\"\xE2\x89\xA4 \xF0\x9F\x8E\xAF\""})
{
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        struct buf *out = capture(LOG_DEBUG, (enum log_format)format);
        log_info("a", "m", LOG_C("k", row->value), LOG_I("end", 1));
        struct slice line = buf_slice(out);
        CHECK_CONTAINS(line, row->spelled);
        CHECK_INT_EQ(slice_find_byte(line, '\n'), line.n - 1);
        buf_done(out);
    }
}

TEST(log, a_nul_byte_is_spelled)
{
    struct buf *out = capture(LOG_DEBUG, LOG_TEXT);
    log_info("a", "m", LOG_S("k", SLICE("x\0y")));
    CHECK_CONTAINS(buf_slice(out), "k=\"x\\u0000y\"");
}

TEST(log, every_line_fits_and_says_that_it_was_cut)
{
    char big[20000];
    for (size_t i = 0; i < sizeof(big); i++) big[i] = i % 3 ? 'x' : '\n';
    struct slice s = {big, sizeof(big)};
    for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
        struct buf *out = capture(LOG_DEBUG, (enum log_format)format);
        log_info("a", "m", LOG_S("k1", s), LOG_S("k2", s), LOG_S("k3", s),
                 LOG_S("k4", s), LOG_S("k5", s), LOG_I("n", INT64_MIN));
        struct slice line = buf_slice(out);
        CHECK_INT_LE(line.n, 4096);
        CHECK_INT_EQ(slice_find_byte(line, '\n'), line.n - 1);
        CHECK_CONTAINS(line, "k1");
        CHECK_CONTAINS(line, "k3");
        CHECK_CONTAINS(line, "cut");
        if (format == LOG_JSON) {
            const struct json *v;
            struct json_error err;
            CHECK_OK(json_parse(line, NULL, test_arena(), &v, &err));
            CHECK(json_is(json_get(v, SLICE("cut")), JSON_TRUE));
        }
        buf_done(out);
    }
}

TEST(log, levels_below_the_least_are_silent)
{
    struct buf *out = capture(LOG_WARN, LOG_TEXT);
    log_debug("a", "m");
    log_info("a", "m");
    CHECK(!log_enabled(LOG_INFO));
    CHECK(log_enabled(LOG_WARN));
    CHECK_INT_EQ(out->n, 0);
    log_setup(LOG_OFF, LOG_TEXT);
    log_error("a", "m");
    CHECK_INT_EQ(out->n, 0);
}

TEST(log, errno_survives)
{
    (void)capture(LOG_DEBUG, LOG_TEXT);
    log_divert(NULL, NULL);
    int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_error("a", "nobody hears this");
    int after = errno;
    dup2(saved, STDERR_FILENO);
    CHECK_INT_EQ(after, ENOSPC);
}

static void *name_itself(void *arg)
{
    char kernel[16];
    log_thread_name("worker-with-a-long-name");
    pthread_getname_np(pthread_self(), kernel, sizeof(kernel));
    CHECK_STR_EQ(kernel, "worker-with-a-l");
    CHECK_STR_EQ(log_thread(), "worker-with-a-l");
    log_info("a", "m");
    return arg;
}

TEST(log, a_thread_has_its_own_name)
{
    struct buf *out = capture(LOG_DEBUG, LOG_TEXT);
    pthread_t thread;
    CHECK_INT_EQ(pthread_create(&thread, NULL, name_itself, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_CONTAINS(buf_slice(out), "thread=worker-with-a-l ");
    CHECK_STR_EQ(log_thread(), "main");
}

static void write_lines(void *ctx, int i)
{
    (void)ctx;
    for (int k = 0; k < 200; k++)
        log_info("many", "one of many lines", LOG_I("i", i), LOG_I("k", k));
}

TEST(log, lines_of_many_threads_never_mix)
{
    int ends[2];
    CHECK_INT_EQ(pipe(ends), 0);
    log_setup(LOG_INFO, LOG_TEXT);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    /* 200 x 4 lines of about 100 bytes are more than a pipe holds. */
    pid_t reader = fork();
    if (reader == 0) {
        close(STDERR_FILENO);
        char chunk[4096];
        size_t column = 0, lines = 0;
        bool whole = true;
        for (ssize_t n; (n = read(ends[0], chunk, sizeof(chunk))) > 0;)
            for (ssize_t i = 0; i < n; i++) {
                if (column == 0) whole &= chunk[i] == '2';
                column = chunk[i] == '\n' ? 0 : column + 1;
                lines += chunk[i] == '\n';
            }
        _exit(whole && lines == 800 ? 0 : 1);
    }
    test_threads(4, write_lines, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    int status;
    CHECK_INT_EQ(waitpid(reader, &status, 0), reader);
    CHECK_INT_EQ(status, 0);
}
