#include "cli/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool coloured(void)
{
    static int known = -1;
    if (known < 0) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
        known = isatty(STDOUT_FILENO) && !(no && *no) &&
                !(term && strcmp(term, "dumb") == 0);
    }
    return known;
}

const char *cli_tone(enum cli_tone tone)
{
    static const char *const codes[] = {[CLI_PLAIN] = "\033[0m",
                                        [CLI_BOLD] = "\033[1m",
                                        [CLI_DIM] = "\033[2m",
                                        [CLI_GOOD] = "\033[1;32m",
                                        [CLI_BAD] = "\033[1;31m"};
    return coloured() ? codes[tone] : "";
}

void cli_say(enum cli_tone tone, const char *who, const char *fmt, ...)
{
    va_list ap;
    printf("  %s%-10s%s", cli_tone(tone), who, cli_tone(CLI_PLAIN));
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    (void)fflush(stdout);
}

void cli_put(FILE *to, struct slice text)
{
    struct buf b = BUF_INIT((size_t)1 << 30);
    buf_put_seen(&b, text, "\n\t");
    if (!b.err && b.n) (void)fwrite(b.p, 1, b.n, to);
    buf_done(&b);
}

void cli_putf(FILE *to, const char *fmt, ...)
{
    struct buf b = BUF_INIT((size_t)16 << 20);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (!b.err) cli_put(to, buf_slice(&b));
    buf_done(&b);
}

struct slice cli_one_line(struct arena *a, struct slice text, size_t most)
{
    bool cut = text.n > most;
    size_t n = cut && most > 3 ? most - 3 : text.n;
    while (cut && n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80) n--;
    struct buf b = BUF_INIT((size_t)256 << 20);
    buf_put_seen(&b, slice_sub(text, 0, n), "\n\r\t");
    for (size_t i = 0; i < b.n; i++)
        if ((unsigned char)b.p[i] < 0x20) b.p[i] = ' ';
    if (cut) buf_puts(&b, "...");
    struct slice s = b.err ? (struct slice){0} : arena_copy(a, buf_slice(&b));
    buf_done(&b);
    return s;
}

/* --- JSON ----------------------------------------------------------------- */

static void indent(struct buf *b, unsigned depth)
{
    buf_putc(b, '\n');
    for (unsigned i = 0; i < depth; i++) buf_puts(b, "  ");
}

static void quoted(struct buf *b, struct slice s)
{
    buf_putc(b, '"');
    json_escape(b, s);
    buf_putc(b, '"');
}

/* The tree's depth is capped by its reader. */
static void pretty(struct buf *b, const struct json *v, unsigned depth)
{
    bool object = v->type == JSON_OBJECT;
    if ((!object && v->type != JSON_ARRAY) || v->count == 0) {
        if (v->type == JSON_STRING)
            quoted(b, v->text);
        else
            buf_put(b, v->raw);
        return;
    }
    buf_putc(b, object ? '{' : '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i) buf_putc(b, ',');
        indent(b, depth + 1);
        if (object) {
            quoted(b, v->members[i].key);
            buf_puts(b, ": ");
        }
        pretty(b, object ? &v->members[i].value : &v->items[i], depth + 1);
    }
    indent(b, depth);
    buf_putc(b, object ? '}' : ']');
}

void cli_json_pretty(struct buf *b, const struct json *v)
{
    pretty(b, v, 0);
}

/* Programs get its bytes; inside a text, \u202e means the same to them. */
void cli_put_document(struct slice text)
{
    if (isatty(STDOUT_FILENO))
        cli_put(stdout, text);
    else
        (void)fwrite(text.p, 1, text.n, stdout);
}

void cli_print_json(const struct json *v)
{
    struct buf b = BUF_INIT((size_t)256 << 20);
    if (isatty(STDOUT_FILENO))
        pretty(&b, v, 0);
    else
        buf_put(&b, v->raw);
    buf_putc(&b, '\n');
    if (!b.err) cli_put_document(buf_slice(&b));
    buf_done(&b);
}
