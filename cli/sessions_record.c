#include "cli/sessions_record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/project.h"
#include "cli/tell.h"
#include "engine/trust.h"

#define OUT_CEILING (1u << 30)
#define FILE_CEILING ((size_t)512 << 20)
#define FILES_MOST 100000
#define ID_SIZE 36
#define PREFIX_LEAST 4

/* --- calls of the engine ---------------------------------------------------
 */

static void ended(struct eng_call *c, enum err e)
{
    struct cli_record *r =
        (struct cli_record *)((char *)c - offsetof(struct cli_record, call));
    lock_take(&r->lock);
    r->err = e;
    r->is_ended = true;
    cond_signal(&r->ended);
    lock_drop(&r->lock);
}

struct eng_call *cli_record_call(struct cli_record *r)
{
    twin_clear(&r->twin);
    r->is_ended = false;
    r->call = (struct eng_call){.arena = r->arena,
                                .out = &r->twin,
                                .now = clock_now(),
                                .actor = SLICE("cli"),
                                .progress = cli_progress(&r->bar),
                                .done = ended};
    problem_init(&r->call.problem);
    return &r->call;
}

enum err cli_record_wait(struct cli_record *r, enum err e)
{
    if (e != ERR_PENDING) return e;
    lock_take(&r->lock);
    while (!r->is_ended) cond_wait(&r->ended, &r->lock);
    e = r->err;
    lock_drop(&r->lock);
    return e;
}

int cli_record_complain(struct cli_record *r, enum err e)
{
    cli_complain(&r->call.problem);
    return e == ERR_INVALID_SESSION_ID ? CLI_USAGE : CLI_NOT_SO;
}

const struct json *cli_record_answer(struct cli_record *r)
{
    const struct json *v = NULL;
    struct json_error je;
    struct slice text = arena_copy(r->arena, buf_slice(&r->twin.plain));
    return json_parse(text, NULL, r->arena, &v, &je) ? NULL : v;
}

static int64_t number(const struct json *v, const char *key)
{
    int64_t n = 0;
    (void)json_int64(json_get(v, slice_of(key)), &n);
    return n;
}

static struct slice text(struct cli_record *r, const struct json *v,
                         const char *key)
{
    return cli_one_line(r->arena, json_text(json_get(v, slice_of(key))), 200);
}

/* --- which session -------------------------------------------------------- */

static int no_session(const char *word, const char *why)
{
    cli_putf(stderr,
             "phasegate: %s \"%.80s\"; `phasegate sessions` lists "
             "them\n",
             why, word);
    return CLI_NOT_SO;
}

int cli_record_resolve(struct cli_record *r, const char *word,
                       struct slice *ret)
{
    struct slice prefix = slice_of(word), found = {0};
    struct eng_list_sessions_args args = {.limit = 200, .archived = true};
    *ret = prefix;
    if (prefix.n == ID_SIZE) return CLI_DONE; /* a hidden one too */
    if (prefix.n < PREFIX_LEAST)
        return no_session(word, "give at least 4 characters of the id, not");
    do {
        enum err e = eng_list_sessions(r->engine, cli_record_call(r), &args);
        if (e) return cli_record_complain(r, e);
        const struct json *page = cli_record_answer(r);
        const struct json *list = json_get(page, SLICE("sessions"));
        for (uint32_t i = 0; list && i < list->count; i++) {
            struct slice id =
                json_text(json_get(&list->items[i], SLICE("session_id")));
            if (!slice_starts(id, prefix)) continue;
            if (found.n) return no_session(word, "several sessions begin with");
            found = id;
        }
        args.cursor = json_text(json_get(page, SLICE("next_cursor")));
    } while (args.cursor.n);
    *ret = found;
    return found.n ? CLI_DONE : no_session(word, "no session begins with");
}

/* --- the verbs ------------------------------------------------------------ */

/* Heads from a file, to hold the chains against. */
static int kept_read(struct cli_record *r, const struct json **ret)
{
    struct slice path = r->o->set.kept, content;
    struct json_error je;
    if (!path.n) return CLI_DONE;
    enum err e = file_read(path, OUT_CEILING, r->arena, &content);
    if (!e && json_parse(content, NULL, r->arena, ret, &je) == OK &&
        json_get(*ret, SLICE("store_head")))
        return CLI_DONE;
    (void)fprintf(stderr,
                  "phasegate: %.*s %s `phasegate sessions verify --json` "
                  "printed\n",
                  SLICE_ARG(path),
                  e ? "cannot be read; give --kept the file that holds what"
                    : "is not what");
    return CLI_USAGE;
}

static int verify(struct cli_record *r, int argc, char **argv)
{
    struct eng_verify_args args = {0};
    int kept = kept_read(r, &args.kept);
    if (kept) return kept;
    int code =
        argc > 1 ? cli_record_resolve(r, argv[1], &args.session_id) : CLI_DONE;
    if (code) return code;
    cli_progress_begin(&r->bar, "Checking sessions");
    enum err e = eng_verify(r->engine, cli_record_call(r), &args);
    cli_progress_end(&r->bar);
    if (e) return cli_record_complain(r, e);
    const struct json *v = cli_record_answer(r);
    bool intact = json_is(json_get(v, SLICE("intact")), JSON_TRUE);
    const struct json *flaws = json_get(v, SLICE("flaws"));
    if (r->o->set.json) {
        cli_print_json(v);
        return intact ? CLI_DONE : CLI_NOT_SO;
    }
    for (uint32_t i = 0; flaws && i < flaws->count; i++) {
        struct slice id = text(r, &flaws->items[i], "session_id");
        printf("%.*s: %.*s: %.*s\n", SLICE_ARG(id.n ? id : SLICE("store")),
               SLICE_ARG(text(r, &flaws->items[i], "code")),
               SLICE_ARG(text(r, &flaws->items[i], "what")));
    }
    printf("%s%s%s: %" PRId64 " sessions, %" PRId64 " events, %u flaws\n",
           cli_tone(intact ? CLI_GOOD : CLI_BAD),
           intact ? "intact" : "NOT INTACT", cli_tone(CLI_PLAIN),
           number(v, "sessions"), number(v, "events"),
           flaws ? flaws->count : 0);
    const struct json *head = json_get(v, SLICE("store_head"));
    printf("head: event %" PRId64 " %.*s\n", number(head, "event_id"),
           SLICE_ARG(text(r, head, "hash")));
    return intact ? CLI_DONE : CLI_NOT_SO;
}

static int report(struct cli_record *r, int argc, char **argv)
{
    struct eng_report_args args;
    (void)argc;
    int code = cli_record_resolve(r, argv[1], &args.session_id);
    if (code) return code;
    enum err e = eng_report(r->engine, cli_record_call(r), &args);
    if (e) return cli_record_complain(r, e);
    const struct json *v = cli_record_answer(r);
    struct slice page = json_text(json_get(v, SLICE("text")));
    if (r->o->set.json)
        cli_print_json(v);
    else
        (void)fwrite(page.p, 1, page.n, stdout);
    return CLI_DONE;
}

static int export(struct cli_record *r, int argc, char **argv)
{
    size_t n = (size_t)argc - 1;
    struct slice *ids = ARENA_ARRAY(r->arena, struct slice, n + 1);
    if (!ids) return CLI_NOT_SO;
    for (size_t i = 0; i < n; i++) {
        int code = cli_record_resolve(r, argv[i + 1], &ids[i]);
        if (code) return code;
    }
    struct eng_export_args args = {ids, n};
    cli_progress_begin(&r->bar, "Writing sessions");
    enum err e = eng_export(r->engine, cli_record_call(r), &args);
    cli_progress_end(&r->bar);
    if (e) return cli_record_complain(r, e);
    cli_put_document(buf_slice(&r->twin.plain));
    (void)putchar('\n');
    return CLI_DONE;
}

/* Asks when a person can be asked. */
static bool sure(struct slice id)
{
    char line[16] = "";
    if (!isatty(STDIN_FILENO)) return true;
    (void)fprintf(stderr, "Remove session %.*s with its whole record? [y/N] ",
                  SLICE_ARG(id));
    return fgets(line, sizeof(line), stdin) && (line[0] | 0x20) == 'y';
}

static int delete (struct cli_record *r, int argc, char **argv)
{
    struct eng_remove_session_args args;
    (void)argc;
    int code = cli_record_resolve(r, argv[1], &args.session_id);
    if (code) return code;
    if (!sure(args.session_id)) {
        (void)fputs("phasegate: nothing was removed\n", stderr);
        return CLI_NOT_SO;
    }
    enum err e = eng_remove_session(r->engine, cli_record_call(r), &args);
    if (e) return cli_record_complain(r, e);
    if (r->o->set.json)
        cli_print_json(cli_record_answer(r));
    else
        printf("removed %.*s\n", SLICE_ARG(args.session_id));
    return CLI_DONE;
}

/* --- import --------------------------------------------------------------- */

struct tally {
    struct json_writer w;
    int64_t imported, skipped, refused, unreadable;
};

static void tell(struct cli_record *r, const struct json *list, const char *did)
{
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct slice more = text(r, v, "why");
        if (!more.n) more = text(r, v, "trouble");
        if (!more.n) more = text(r, v, "status");
        printf("%-8s %.*s  %.*s\n", did, SLICE_ARG(text(r, v, "session_id")),
               SLICE_ARG(more));
        const struct json *notes = json_get(v, SLICE("notes"));
        for (uint32_t n = 0; notes && n < notes->count; n++)
            cli_say(CLI_DIM, "note", "%.*s",
                    SLICE_ARG(cli_one_line(r->arena,
                                           json_text(&notes->items[n]), 200)));
    }
}

static void unread(struct cli_record *r, struct tally *t, struct slice path,
                   const struct problem *p)
{
    t->unreadable++;
    if (!r->o->set.json) {
        cli_complain(p);
        return;
    }
    json_begin_object(&t->w);
    json_put_string(&t->w, "file", path);
    json_put_string(&t->w, "what", p->what);
    json_put_string(&t->w, "why", p->why);
    json_end_object(&t->w);
}

static void import_text(struct cli_record *r, struct tally *t,
                        struct slice path, struct slice content)
{
    struct eng_import_args args = {.name = path, .text = content};
    if (eng_import(r->engine, cli_record_call(r), &args)) {
        unread(r, t, path, &r->call.problem);
        return;
    }
    const struct json *v = cli_record_answer(r);
    assert(v); /* an import that did not fail has answered */
    const struct json *in = json_get(v, SLICE("imported"));
    const struct json *skip = json_get(v, SLICE("skipped"));
    const struct json *no = json_get(v, SLICE("refused"));
    t->imported += in ? in->count : 0;
    t->skipped += skip ? skip->count : 0;
    t->refused += no ? no->count : 0;
    if (r->o->set.json) {
        json_begin_object(&t->w);
        json_put_string(&t->w, "file", path);
        json_raw_members(&t->w, slice_sub(v->raw, 1, v->raw.n - 2));
        json_end_object(&t->w);
        return;
    }
    tell(r, in, "imported");
    tell(r, skip, "skipped");
    tell(r, no, "REFUSED");
}

static void import_file(struct cli_record *r, struct tally *t,
                        struct slice path)
{
    struct slice content;
    struct problem p;
    enum err e = file_read(path, FILE_CEILING, r->arena, &content);
    if (!e) {
        import_text(r, t, path, content);
        return;
    }
    problem_init(&p);
    problem_setf(&p, r->arena, e,
                 e == ERR_NOT_FOUND   ? SLICE("There is no such file.")
                 : e == ERR_TOO_LARGE ? SLICE("It is larger than 512 MiB.")
                                      : SLICE("It is no readable file."),
                 SLICE("Name files that exist and can be read."),
                 "%.*s cannot be read", SLICE_ARG(path));
    unread(r, t, path, &p);
}

/* A folder stands for the *.json in it. */
static void import_path(struct cli_record *r, struct tally *t,
                        struct slice path)
{
    struct file_name *list;
    size_t n;
    struct stat st;
    bool folder = stat(arena_cstr(r->arena, path), &st) == 0 &&
                  S_ISDIR(st.st_mode) &&
                  folder_list(path, FILES_MOST, r->arena, &list, &n) == OK;
    if (!folder) {
        import_file(r, t, path);
        return;
    }
    progress_expect(cli_progress(&r->bar), n);
    for (size_t i = 0; i < n; i++) {
        progress_step(cli_progress(&r->bar), 1);
        if (slice_ends(list[i].name, SLICE(".json")))
            import_file(r, t, path_join(r->arena, path, list[i].name));
    }
}

static int import(struct cli_record *r, int argc, char **argv)
{
    struct buf files = BUF_INIT(OUT_CEILING);
    struct tally t = {.w = json_writer(&files)};
    json_begin_array(&t.w);
    /* where people read the sessions as they come, these say how far it is */
    if (r->o->set.json || !isatty(STDOUT_FILENO))
        cli_progress_begin(&r->bar, "Reading sessions");
    for (int i = 1; i < argc; i++) import_path(r, &t, slice_of(argv[i]));
    cli_progress_end(&r->bar);
    json_end_array(&t.w);
    if (r->o->set.json)
        printf("{\"imported\":%" PRId64 ",\"skipped\":%" PRId64
               ",\"refused\":%" PRId64 ",\"unreadable\":%" PRId64
               ",\"files\":%.*s}\n",
               t.imported, t.skipped, t.refused, t.unreadable,
               SLICE_ARG(buf_slice(&files)));
    else
        printf("%" PRId64 " imported, %" PRId64 " skipped, %" PRId64
               " refused, %" PRId64 " unreadable\n",
               t.imported, t.skipped, t.refused, t.unreadable);
    buf_done(&files);
    return t.refused || t.unreadable ? CLI_NOT_SO : CLI_DONE;
}

/* --- opening -------------------------------------------------------------- */

static const struct verb {
    const char *name, *words;
    int least, most; /* words behind the verb */
    int (*run)(struct cli_record *r, int argc, char **argv);
    bool makes_file; /* where there is no state file yet */
} verbs[] = {
    {"verify", "[SESSION]", 0, 1, verify, false},
    {"report", "SESSION", 1, 1, report, false},
    {"export", "[SESSION ...]", 0, 1 << 20, export, false},
    {"import", "[FILE ...]", 0, 1 << 20, import, true},
    {"delete", "SESSION", 1, 1, delete, false},
    {"approvals", "[SESSION]", 0, 1, cli_approvals, false},
    {"approve", "SESSION", 1, 1, cli_approve, false},
    {"reject", "SESSION", 1, 1, cli_reject, false},
};

static const struct verb *verb_of(struct slice word)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (slice_eq(word, slice_of(verbs[i].name))) return &verbs[i];
    return NULL;
}

bool cli_record_has(struct slice verb)
{
    return verb_of(verb) != NULL;
}

static bool state_is_there(const struct cli_options *o, struct slice root,
                           struct arena *a)
{
    struct stat st;
    struct slice path = cli_state_file(o, root);
    if (stat(arena_cstr(a, path), &st) == 0) return true;
    (void)fprintf(stderr,
                  "phasegate: there is no state file %.*s; start a "
                  "workflow, or import sessions\n",
                  SLICE_ARG(path));
    return false;
}

int cli_record_open(const struct cli_options *o, struct slice root,
                    struct arena *a,
                    int (*run)(struct cli_record *r, int argc, char **argv),
                    int argc, char **argv)
{
    struct cli_record record = {.o = o, .root = root, .arena = a};
    struct cli_record *r = &record;
    const struct cli_settings *set = &r->o->set;
    struct cli_list workflows = cli_workflows(r->o, r->root, r->arena);
    struct problem p;
    struct eng_options options = {.root = r->root,
                                  .state_path = set->state,
                                  .workflows = workflows.items,
                                  .workflows_count = workflows.count,
                                  .trust_path = eng_trust_path(r->arena),
                                  .watch = {.mode = ENG_WATCH_OFF}};
    int code = CLI_CANNOT_START;
    problem_init(&p);
    /* A write that another process got ahead of is tried again there. */
    if (pool_new("worker", 1, 16, &options.pool)) return code;
    if (eng_open(&options, r->arena, &p, &r->engine)) {
        cli_complain(&p);
        goto out;
    }
    twin_init(&r->twin, OUT_CEILING);
    lock_init(&r->lock, "command", RANK_LEAF);
    cond_init(&r->ended);
    code = run(r, argc, argv);
    cond_done(&r->ended);
    lock_done(&r->lock);
    twin_done(&r->twin);
out:
    pool_stop(options.pool);
    eng_close(r->engine);
    pool_free(options.pool);
    return code;
}

/* Where praxis-os has its sessions, behind the verb. */
static int upstream_folders(struct slice root, struct arena *a, char **argv)
{
    static const char *const places[] = {".praxis-os/.cache/state",
                                         ".agent-os/.cache/state"};
    int argc = 1;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct stat st;
        char *path = arena_cstr(a, path_join(a, root, slice_of(places[i])));
        if (path && stat(path, &st) == 0) argv[argc++] = path;
    }
    if (argc == 1)
        (void)fputs("phasegate: name a FILE to import: this project has no "
                    ".praxis-os/.cache/state\n",
                    stderr);
    return argc;
}

int cli_record_run(const struct cli_options *o, struct slice root,
                   struct arena *a, int argc, char **argv)
{
    const struct cli_command *c = cli_command_find(SLICE("sessions"));
    const struct verb *v = verb_of(slice_of(argv[0]));
    assert(v); /* as the caller has asked */
    if (argc - 1 < v->least || argc - 1 > v->most)
        return cli_verb_misused(c, cli_verb_find(c, slice_of(argv[0])),
                                argc - 1 > v->most);
    if (!v->makes_file && !state_is_there(o, root, a)) return CLI_NOT_SO;
    char *found[4] = {argv[0]};
    if (v->run == import && argc == 1) {
        argc = upstream_folders(root, a, found);
        argv = found;
        if (argc == 1) return CLI_USAGE;
    }
    return cli_record_open(o, root, a, v->run, argc, argv);
}
