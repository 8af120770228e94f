/*
 * A line is built in one array on the stack. Its size is PIPE_BUF, up to which
 * the kernel writes a pipe in one piece, so lines of several threads and
 * processes never mix. What does not fit is cut, value by value, and the line
 * says so: `cut=true`.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"

enum {
    LINE_SIZE = 4096,
    VALUE_MOST = 1024, /* bytes of one value, escapes included */
    TAIL = 32,         /* kept for the closing quote, cut=true and newline */
    NAME_SIZE = 16,    /* the kernel's limit, with NUL */
};

static const char *const level_names[LOG_LEVEL_COUNT] = {
    [LOG_DEBUG2] = "debug2", [LOG_DEBUG] = "debug", [LOG_INFO] = "info",
    [LOG_WARN] = "warn",     [LOG_ERROR] = "error", [LOG_OFF] = "off",
};

/* Relaxed: a level or format that arrives a line late harms nothing. */
static _Atomic int least_level = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;

typedef void (*log_sink)(void *ctx, struct slice line);
static _Atomic(log_sink) sink; /* release after sink_ctx, acquire before it */
static _Atomic(void *) sink_ctx;

static _Thread_local char thread_name[NAME_SIZE] = "main";

void log_setup(enum log_level least, enum log_format format)
{
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >=
           atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_divert(void (*to)(void *ctx, struct slice line), void *ctx)
{
    atomic_store_explicit(&sink_ctx, ctx, memory_order_relaxed);
    atomic_store_explicit(&sink, to, memory_order_release);
}

void log_thread_name(const char *name)
{
    snprintf(thread_name, sizeof(thread_name), "%s", name);
    pthread_setname_np(pthread_self(), thread_name);
}

const char *log_thread(void)
{
    return thread_name;
}

struct line {
    char p[LINE_SIZE];
    size_t n;
    bool json, cut;
};

static bool room(const struct line *l, size_t n)
{
    return l->n + n <= LINE_SIZE - TAIL;
}

static void put(struct line *l, struct slice s)
{
    if (s.n > LINE_SIZE - l->n) return;
    memcpy(l->p + l->n, s.p, s.n);
    l->n += s.n;
}

static void puts_(struct line *l, const char *cstr)
{
    put(l, slice_of(cstr));
}

/* Bytes of the character at s.p[0] when it is well formed, else 0. */
static size_t character(struct slice s)
{
    size_t most = s.n < 4 ? s.n : 4;
    for (size_t n = 1; n <= most; n++)
        if (slice_utf8_valid(slice_sub(s, 0, n)) == n) return n;
    return 0;
}

/* The spelling of one character inside quotes, in both formats. Everything a
 * terminal or a line reader could act on is escaped: controls (with DEL and
 * U+0080-U+009F), the line separators U+2028 and U+2029, broken UTF-8. */
static struct slice spelling(struct slice at, size_t n, char out[8])
{
    static const char from[] = "\n\t\r\"\\", to[] = "ntr\"\\";
    unsigned char c = (unsigned char)at.p[0];
    const char *simple = c && n == 1 ? strchr(from, c) : NULL;
    if (simple) {
        out[0] = '\\';
        out[1] = to[simple - from];
        return (struct slice){out, 2};
    }
    unsigned code = 0;
    if (n == 0)
        code = 0xFFFD;
    else if (n == 1 && (c < 0x20 || c == 0x7F))
        code = c;
    else if (n == 2 && c == 0xC2 && (unsigned char)at.p[1] < 0xA0)
        code = (unsigned char)at.p[1];
    else if (n == 3 && (memcmp(at.p, "\xE2\x80\xA8", 3) == 0 ||
                        memcmp(at.p, "\xE2\x80\xA9", 3) == 0))
        code = 0x2000 | ((unsigned char)at.p[2] & 0x3F);
    else if (c != 0)
        return slice_sub(at, 0, n);
    snprintf(out, 8, "\\u%04x", code);
    return (struct slice){out, 6};
}

static void put_quoted(struct line *l, struct slice s)
{
    size_t start = l->n;
    puts_(l, "\"");
    while (s.n) {
        char out[8];
        size_t n = character(s);
        struct slice as = spelling(s, n, out);
        if (!room(l, as.n) || l->n + as.n - start > VALUE_MOST) {
            l->cut = true;
            break;
        }
        put(l, as);
        s = slice_sub(s, n ? n : 1, s.n);
    }
    puts_(l, "\"");
}

/* May it stand without quotes in `k=v`? */
static bool is_plain(struct slice s)
{
    if (s.n == 0 || s.n > 64) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                    (c >= 'A' && c <= 'Z');
        if (!word && (c == '\0' || !strchr("._-:/@+,", c))) return false;
    }
    return true;
}

static void put_text(struct line *l, struct slice s)
{
    if (!l->json && is_plain(s) && room(l, s.n))
        put(l, s);
    else
        put_quoted(l, s);
}

static void put_number(struct line *l, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%lld", (long long)v);
    put(l, (struct slice){digits, (size_t)n});
}

static bool begin_field(struct line *l, const char *key)
{
    if (!room(l, strlen(key) + 32)) {
        l->cut = true;
        return false;
    }
    if (l->json) {
        puts_(l, l->n ? ",\"" : "{\"");
        puts_(l, key);
        puts_(l, "\":");
    } else {
        puts_(l, l->n ? " " : "");
        puts_(l, key);
        puts_(l, "=");
    }
    return true;
}

static void field_text(struct line *l, const char *key, const char *v)
{
    if (begin_field(l, key)) put_text(l, slice_of(v));
}

static void field(struct line *l, const struct log_field *f)
{
    if (!begin_field(l, f->key)) return;
    switch (f->kind) {
    case LOG_KIND_TEXT:
        put_text(l, f->text);
        break;
    case LOG_KIND_INT:
        put_number(l, f->number);
        break;
    case LOG_KIND_BOOL:
        puts_(l, f->number ? "true" : "false");
        break;
    }
}

static void end_line(struct line *l)
{
    if (l->cut) puts_(l, l->json ? ",\"cut\":true" : " cut=true");
    puts_(l, l->json ? "}\n" : "\n");
}

/* stderr may be gone, full or slow: the line is then lost, never the call. */
static void emit(struct slice line)
{
    log_sink to = atomic_load_explicit(&sink, memory_order_acquire);
    if (to) {
        to(atomic_load_explicit(&sink_ctx, memory_order_relaxed), line);
        return;
    }
    ssize_t n;
    do n = write(STDERR_FILENO, line.p, line.n);
    while (n < 0 && errno == EINTR);
}

void log_line(enum log_level level, const char *at, const char *msg,
              const struct log_field *fields, size_t count)
{
    if (!log_enabled(level) || (unsigned)level >= LOG_OFF) return;
    lock_assert_none();
    int saved = errno;
    struct line l;
    l.n = 0;
    l.cut = false;
    l.json =
        atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JSON;

    char time[CLOCK_TEXT_SIZE];
    struct slice now = clock_text(clock_wall_ms(), time);
    if (l.json)
        field_text(&l, "time", now.p);
    else
        put(&l, now);
    field_text(&l, "level", level_names[level]);
    field_text(&l, "thread", thread_name);
    field_text(&l, "at", at);
    if (begin_field(&l, "msg")) put_quoted(&l, slice_of(msg));
    for (size_t i = 0; i < count; i++) field(&l, &fields[i]);
    end_line(&l);
    emit((struct slice){l.p, l.n});
    errno = saved;
}
