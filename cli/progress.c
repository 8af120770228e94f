#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR = 30, WORTH_A_LINE = 100, EVERY_NS = 100000000 };

static void tell(struct progress *p)
{
    struct cli_progress *c = (struct cli_progress *)p;
    if (p->total < WORTH_A_LINE) return;
    int64_t now = clock_now();
    if (now < c->due) return;
    c->due = now + EVERY_NS;
    cli_progress_draw(c);
}

void cli_progress_begin(struct cli_progress *c, const char *doing)
{
    const char *term = getenv("TERM");
    *c =
        (struct cli_progress){.p.tell = tell,
                              .doing = doing,
                              .terminal = isatty(STDERR_FILENO) &&
                                          !(term && strcmp(term, "dumb") == 0)};
}

struct progress *cli_progress(struct cli_progress *c)
{
    return c->terminal ? &c->p : NULL;
}

void cli_progress_draw(struct cli_progress *c)
{
    const struct progress *p = &c->p;
    if (!c->terminal) return;
    int full = p->done >= p->total ? BAR : (int)(p->done * BAR / p->total);
    (void)fprintf(stderr, "\r%s  [%.*s%.*s] %" PRIu64 " of %" PRIu64 " ",
                  c->doing, full, "##############################", BAR - full,
                  "..............................", p->done, p->total);
    c->drawn = true;
}

void cli_progress_end(struct cli_progress *c)
{
    if (c->drawn) (void)fputs("\r\033[K", stderr);
    c->drawn = false;
}
