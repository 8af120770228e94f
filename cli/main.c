/* phasegate: the program's entry. Finds the subcommand and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "cli/command.h"
#include "cli/tell.h"

/* A file opened as descriptor 0, 1 or 2 would take what is meant for a
 * standard stream. */
static void standard_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

/* Large buffers go back to the system when they are freed: one message of
 * 16 MiB must not stay with the process for ever. Few heaps for many threads:
 * a call's memory travels between them anyway. */
static void memory_setup(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 512 * 1024);
    (void)mallopt(M_ARENA_MAX, 4);
}

static void usage(FILE *to)
{
    (void)fputs("phasegate leads coding agents through phase-gated "
                "workflows.\n\nphasegate COMMAND [OPTIONS]\n\n",
                to);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        (void)fprintf(to, "  %-11s %s\n", c->name, c->summary);
    (void)fputs("\nphasegate COMMAND --help lists a command's options.\n"
                "Without arguments it serves when stdin is no terminal.\n",
                to);
}

static int unknown(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (const struct cli_command *c = cli_commands; c->name && n < 63; c++)
        names[n++] = c->name;
    names[n] = NULL;
    const char *near = cli_nearest(slice_of(name), names);
    cli_putf(stderr, "phasegate: no command \"%s\"", name);
    if (near) (void)fprintf(stderr, "; did you mean %s?", near);
    (void)fputs("\n", stderr);
    if (!near) usage(stderr);
    return CLI_USAGE;
}

/* `phasegate help`, `phasegate help COMMAND`. */
static int help(int argc, char **argv)
{
    char ask[] = "--help", *words[] = {argc > 2 ? argv[2] : NULL, ask, NULL};
    if (argc <= 2) {
        usage(stdout);
        return CLI_DONE;
    }
    const struct cli_command *c = cli_command_find(slice_of(argv[2]));
    return c ? c->run(c, 2, words) : unknown(argv[2]);
}

static int version(void)
{
    char name[] = "version", ask[] = "--version", *words[] = {name, ask, NULL};
    const struct cli_command *any = cli_commands;
    return any->run(any, 2, words);
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word && isatty(STDIN_FILENO)) {
        usage(stdout);
        return CLI_DONE;
    }
    if (!word || word[0] == '-') {
        struct slice s = slice_of(word);
        if (slice_eq(s, SLICE("--help")) || slice_eq(s, SLICE("-h"))) {
            usage(stdout);
            return CLI_DONE;
        }
        const struct cli_command *serve = cli_command_find(SLICE("serve"));
        return serve->run(serve, argc, argv); /* options alone are serve's */
    }
    if (slice_eq(slice_of(word), SLICE("help"))) return help(argc, argv);
    if (slice_eq(slice_of(word), SLICE("version"))) return version();
    const struct cli_command *c = cli_command_find(slice_of(word));
    return c ? c->run(c, argc - 1, argv + 1) : unknown(word);
}

/* Nobody reads any more (`phasegate manual | head`): no fault to tell. */
static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};
    return poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

/* What was printed is whole, or the exit status says that it is not: a full
 * disk must not pass for an export. */
static int finish(int code)
{
    errno = 0;
    bool flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout)) return code;
    if (!reader_is_gone())
        (void)fprintf(stderr,
                      "phasegate: what was printed is not whole: stdout cannot "
                      "be written%s%s%s. Free some room, or send it to another "
                      "place\n",
                      flushed ? "" : " (", flushed ? "" : strerror(errno),
                      flushed ? "" : ")");
    return code ? code : CLI_NOT_SO;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], RUN_WARDEN) == 0)
        return run_warden(argc, argv);
    standard_streams();
    memory_setup();
    /* EPIPE and EFBIG tell the same, where it arose. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    log_thread_name("main");
    return finish(run(argc, argv));
}
