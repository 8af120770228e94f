/* The report that continuous integration reads, in pytest's form. */
#include "tests/runner/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at `at` when XML 1.0 can hold it, else 0. */
static size_t xml_char(const unsigned char *at)
{
    if (*at < 0x80)
        return *at >= 0x20 || *at == '\t' || *at == '\n' || *at == '\r';
    size_t n = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (*at < 0xc2 || *at > 0xf4) return 0;
    unsigned c = *at & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (at[i] & 0x3f);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool bad = c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
               c == 0xfffe || c == 0xffff;
    return bad ? 0 : n;
}

/* XML 1.0 has no way to write most control characters, and the report is
 * declared as UTF-8: all else is shown as `\xNN`. */
static void escaped(FILE *f, const char *text)
{
    static const struct {
        char c;
        const char *as;
    } named[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t wide = xml_char(at);
        const char *as = NULL;
        for (size_t i = 0; i < sizeof named / sizeof *named; i++)
            if (named[i].c == (char)*at) as = named[i].as;
        if (!wide)
            fprintf(f, "\\x%02x", *at);
        else if (as)
            fputs(as, f);
        else
            fwrite(at, 1, wide, f);
        at += wide ? wide : 1;
    }
}

static void first_line(FILE *f, const char *text)
{
    char *line = text_new("%.*s", (int)strcspn(text, "\n"), text);
    escaped(f, line);
    free(line);
}

static void result(FILE *f, const char *tag, const char *reason)
{
    fprintf(f, "    <%s message=\"", tag);
    first_line(f, reason);
    fputs("\">", f);
    escaped(f, reason);
    fprintf(f, "</%s>\n", tag);
}

static void captured(FILE *f, const char *tag, const char *text)
{
    if (!text || !*text) return;
    fprintf(f, "    <%s>", tag);
    escaped(f, text);
    fprintf(f, "</%s>\n", tag);
}

static void test_case(FILE *f, const struct item *it)
{
    const char *name = strstr(it->id, "::");
    fputs("  <testcase classname=\"", f);
    escaped(f, def_path(it->def));
    fputs("\" name=\"", f);
    escaped(f, name ? name + 2 : it->id);
    fprintf(f, "\" time=\"%.3f\">\n", it->seconds);
    if (it->outcome == OUTCOME_FAILED) result(f, "failure", it->reason);
    if (it->outcome == OUTCOME_SKIPPED) result(f, "skipped", it->reason);
    captured(f, "system-out", it->out);
    captured(f, "system-err", it->err);
    fputs("  </testcase>\n", f);
}

bool junit_write(const char *path, const struct plan *p, const struct tally *t)
{
    FILE *f = fopen(path, "we");
    if (f) {
        fprintf(f,
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites>\n"
                "<testsuite name=\"phasegate\" tests=\"%zu\" "
                "failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
                "time=\"%.3f\">\n",
                t->done, t->count[OUTCOME_FAILED], t->count[OUTCOME_SKIPPED],
                t->seconds);
        for (size_t i = 0; i < p->count; i++)
            if (p->items[i].outcome != OUTCOME_NONE) test_case(f, &p->items[i]);
        fputs("</testsuite>\n</testsuites>\n", f);
    }
    bool ok = f && !ferror(f);
    if (f && fclose(f)) ok = false;
    if (!ok)
        fprintf(stderr, "ERROR: cannot write %s: %s\n", path, strerror(errno));
    return ok;
}
