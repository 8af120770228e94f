/* backup: a copy of the state file that may be in use, checked before it gets
 * its name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/project.h"
#include "cli/tell.h"
#include "state/inspect.h"

struct backup {
    struct arena arena;
    struct cli_options o;
    struct slice root;
};

static void print_json(struct slice from, struct slice to,
                       const struct st_inspection *in)
{
    struct buf b = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_int(&w, "bytes", in->bytes);
    json_put_string(&w, "file", to);
    json_put_string(&w, "from", from);
    json_put_int(&w, "sessions", in->sessions);
    json_put_int(&w, "version", in->version);
    json_end_object(&w);
    buf_putc(&b, '\n');
    if (!b.err) (void)fwrite(b.p, 1, b.n, stdout);
    buf_done(&b);
}

/* Before anything is read: a path that was mistyped is the usual mistake. */
static bool has_place(struct backup *k, struct slice file)
{
    size_t n = file.n;
    while (n > 0 && file.p[n - 1] != '/') n--;
    struct slice folder = n ? slice_sub(file, 0, n) : SLICE(".");
    char *name = arena_cstr(&k->arena, folder);
    if (name && access(name, W_OK | X_OK) == 0) return true;
    cli_putf(stderr, "phasegate: no backup was made: %.*s %s\n",
             SLICE_ARG(folder),
             errno == ENOENT ? "is not there; make it with mkdir -p"
                             : "cannot be written by you");
    return false;
}

static int run(struct backup *k, const char *file)
{
    struct st_inspection in;
    struct problem p;
    struct slice to = slice_of(file), from = cli_state_file(&k->o, k->root);
    problem_init(&p);
    if (!from.n) {
        (void)fputs("phasegate: this folder is not taken for a project; name "
                    "one with --project DIR\n",
                    stderr);
        return CLI_USAGE;
    }
    if (!has_place(k, to)) return CLI_NOT_SO;
    struct cli_progress bar;
    cli_progress_begin(&bar, "Copying pages");
    enum err e =
        st_backup_file(from, to, cli_progress(&bar), &k->arena, &p, &in);
    cli_progress_end(&bar);
    if (e == ERR_NOT_FOUND) {
        cli_putf(stderr,
                 "phasegate: there is nothing to copy: %.*s is not there or "
                 "empty; it is made when a workflow is started\n",
                 SLICE_ARG(from));
        return CLI_NOT_SO;
    }
    if (e) {
        cli_complain(&p);
        return CLI_NOT_SO;
    }
    if (k->o.set.json)
        print_json(from, to, &in);
    else
        cli_say(CLI_GOOD, "copied",
                "%s: %" PRId64 " sessions, %" PRId64 " KiB, every page checked",
                file, in.sessions, (in.bytes + 1023) / 1024);
    return CLI_DONE;
}

int cli_backup(const struct cli_command *c, int argc, char **argv)
{
    struct backup k = {0};
    int code;
    arena_init(&k.arena, (size_t)64 << 20);
    if (cli_begin(c, argc, argv, &k.arena, &k.o, &k.root, &code)) {
        code = CLI_USAGE;
        if (argc - k.o.rest == 1)
            code = run(&k, argv[k.o.rest]);
        else
            (void)fputs("phasegate backup FILE: one file is needed\n", stderr);
    }
    arena_done(&k.arena);
    return code;
}
