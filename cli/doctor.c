#include "cli/doctor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/tell.h"

enum { LIMIT_S = 30 };

static const struct cli_check *const tables[] = {
    cli_checks_files,   cli_checks_settings, cli_checks_state,
    cli_checks_servers, cli_checks_editors,  cli_checks_workflows};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* --- what checks need ----------------------------------------------------- */

void cli_find(struct cli_doctor *d, enum cli_weight weight,
              struct slice how_to_fix, const char *fmt, ...)
{
    va_list ap;
    if (d->count == CLI_FINDINGS_MAX) return;
    va_start(ap, fmt);
    d->findings[d->count++] =
        (struct cli_finding){.check = d->check,
                             .weight = weight,
                             .how_to_fix = how_to_fix,
                             .what = arena_vprintf(&d->arena, fmt, ap)};
    va_end(ap);
}

void cli_mend(struct cli_doctor *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (d->count)
        d->findings[d->count - 1].command = arena_vprintf(&d->arena, fmt, ap);
    va_end(ap);
}

void cli_mend_aside(struct cli_doctor *d, struct slice path)
{
    struct slice aside =
        arena_printf(&d->arena, "%.*s.aside", SLICE_ARG(path));
    cli_mend(d, "mv %.*s %.*s", SLICE_ARG(cli_quoted(d, path)),
             SLICE_ARG(cli_quoted(d, aside)));
}

struct slice cli_at(struct cli_doctor *d, const char *name)
{
    return path_join(&d->arena, d->root, slice_of(name));
}

struct slice cli_quoted(struct cli_doctor *d, struct slice path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+";
    struct buf b = BUF_INIT(1 << 20);
    bool safe = path.n > 0;
    for (size_t i = 0; i < path.n; i++)
        safe &= path.p[i] && strchr(plain, path.p[i]) != NULL;
    if (safe) return path;
    buf_putc(&b, '\'');
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '\'')
            buf_puts(&b, "'\\''");
        else
            buf_putc(&b, path.p[i]);
    }
    buf_putc(&b, '\'');
    struct slice s = arena_copy(&d->arena, buf_slice(&b));
    buf_done(&b);
    return s;
}

bool cli_look(struct cli_doctor *d, struct slice path, struct stat *ret)
{
    char *name = arena_cstr(&d->arena, path);
    return name && lstat(name, ret) == 0;
}

unsigned cli_line_of(struct slice where)
{
    int64_t line;
    size_t at = slice_find(where, SLICE(".yaml:"));
    if (at == where.n) return 0;
    struct slice rest = slice_sub(where, at + 6, where.n);
    rest = slice_sub(rest, 0, slice_find_byte(rest, ':'));
    return slice_int64(rest, &line) && line > 0 && line < 1 << 30
               ? (unsigned)line
               : 0;
}

void cli_mend_setting(struct cli_doctor *d, struct slice where)
{
    static const struct slice env = SLICE_INIT("environment, ");
    if (slice_starts(where, env))
        cli_mend(d, "unset %.*s", SLICE_ARG(slice_sub(where, env.n, where.n)));
    else if (cli_line_of(where))
        cli_mend(d, "sed -i '%us/^/#/' %.*s", cli_line_of(where),
                 SLICE_ARG(cli_quoted(d, cli_at(d, ".phasegate/config.yaml"))));
}

/* --- telling -------------------------------------------------------------- */

static size_t count_of(const struct cli_doctor *d, enum cli_weight weight)
{
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++) n += d->findings[i].weight == weight;
    return n;
}

/* What a command was to follow, and there is none for it. */
static struct slice mend_of(struct cli_doctor *d, const struct cli_finding *f)
{
    struct slice how = f->how_to_fix;
    if (f->command.n || !how.n || how.p[how.n - 1] != ':') return how;
    return arena_printf(&d->arena, "%.*s.", (int)how.n - 1, how.p);
}

static void print_json(struct cli_doctor *d, size_t checks)
{
    struct buf b = BUF_INIT(4 << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_int(&w, "advice", (int64_t)count_of(d, CLI_ADVICE));
    json_put_int(&w, "broken", (int64_t)count_of(d, CLI_BROKEN));
    json_put_int(&w, "checks", (int64_t)checks);
    json_key(&w, SLICE("findings"));
    json_begin_array(&w);
    for (size_t i = 0; i < d->count; i++) {
        const struct cli_finding *f = &d->findings[i];
        json_begin_object(&w);
        json_put_string(&w, "check", slice_of(f->check));
        if (f->command.n) json_put_string(&w, "command", f->command);
        json_put_string(&w, "how_to_fix", mend_of(d, f));
        json_put_string(&w, "weight",
                        f->weight == CLI_BROKEN ? SLICE("broken")
                                                : SLICE("advice"));
        json_put_string(&w, "what", f->what);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_put_string(&w, "project", d->root);
    json_put_string(&w, "version", SLICE(PHASEGATE_VERSION));
    json_end_object(&w);
    buf_putc(&b, '\n');
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

static void print_text(struct cli_doctor *d, size_t checks)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct cli_finding *f = &d->findings[i];
        bool broken = f->weight == CLI_BROKEN;
        cli_say(broken ? CLI_BAD : CLI_BOLD, broken ? "broken" : "advice",
                "%.*s", SLICE_ARG(cli_one_line(&d->arena, f->what, f->what.n)));
        struct slice how = mend_of(d, f);
        if (how.n)
            cli_say(CLI_PLAIN, "", "%.*s",
                    SLICE_ARG(cli_one_line(&d->arena, how, 1 << 12)));
        if (f->command.n)
            cli_say(CLI_BOLD, "", "  %.*s",
                    SLICE_ARG(cli_one_line(&d->arena, f->command, 1 << 14)));
    }
    if (!d->count)
        printf("Nothing is wrong with %.*s: %zu checks.\n", SLICE_ARG(d->root),
               checks);
    else
        printf("%zu broken, %zu to consider, by %zu checks.\n",
               count_of(d, CLI_BROKEN), count_of(d, CLI_ADVICE), checks);
}

/* --- the round ------------------------------------------------------------ */

static const char *volatile looking_at = "the command line";

/* A file system that does not answer holds any program that asks it. */
static void on_limit(int sig)
{
    static const char a[] = "phasegate: doctor gave up after 30 s in check ",
                      b[] = "; a disk or file system there does not answer\n";
    (void)sig;
    ssize_t n = write(STDERR_FILENO, a, sizeof(a) - 1);
    n += write(STDERR_FILENO, looking_at, strlen(looking_at));
    n += write(STDERR_FILENO, b, sizeof(b) - 1);
    _exit(n > 0 ? CLI_NOT_SO : CLI_CANNOT_START);
}

static void limit_all(void)
{
    struct sigaction action = {.sa_handler = on_limit};
    struct itimerval t = {.it_value = {.tv_sec = LIMIT_S}};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &t, NULL);
}

static size_t run_all(struct cli_doctor *d)
{
    size_t n = 0;
    for (size_t t = 0; t < TABLES; t++)
        for (const struct cli_check *c = tables[t]; c->name; c++) {
            d->check = looking_at = c->name;
            if (!c->in_project || d->folder.n) c->run(d);
            n++;
        }
    return n;
}

int cli_doctor(const struct cli_command *c, int argc, char **argv)
{
    static struct cli_doctor d; /* large */
    int code;
    limit_all();
    arena_init(&d.arena, (size_t)512 << 20);
    if (cli_begin_flags(c, argc, argv, &d.arena, &d.o, &code)) {
        log_setup(LOG_OFF, LOG_TEXT);
        size_t checks = run_all(&d);
        if (d.o.set.json)
            print_json(&d, checks);
        else
            print_text(&d, checks);
        code = count_of(&d, CLI_BROKEN) ? CLI_NOT_SO : CLI_DONE;
    }
    arena_done(&d.arena);
    return code;
}
