/*
 * search: `phasegate search QUERY`. The passages that answer, with the words
 * that were found in bold on a terminal; --json prints the tool's own answer.
 * While the index is made for the first time it waits, and a terminal sees how
 * far it is.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/reach.h"
#include "cli/tell.h"

enum { LINES_SHOWN = 8, LOOK_US = 200000, QUERY_CEILING = 64 << 10 };

struct search {
    struct arena arena;
    struct cli_options o;
    struct slice root, arguments;
    struct cli_progress bar;
    struct progress *shown; /* of the bar; NULL: nobody sees it */
};

/* --- asking --------------------------------------------------------------- */

/* All words are one query, as a shell took them apart. */
static struct slice query_of(struct search *s, int argc, char **argv)
{
    struct buf b = BUF_INIT(QUERY_CEILING);
    for (int i = s->o.rest; i < argc; i++) {
        if (b.n) buf_putc(&b, ' ');
        buf_puts(&b, argv[i]);
    }
    struct slice query = slice_trim(buf_slice(&b));
    query = b.err ? (struct slice){0} : arena_copy(&s->arena, query);
    buf_done(&b);
    return query;
}

static enum err arguments_write(struct search *s, struct slice query)
{
    const struct cli_settings *set = &s->o.set;
    struct buf b = BUF_INIT(4 * QUERY_CEILING);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "query", query);
    json_put_int(&w, "n_results", set->search_results);
    json_put_bool(&w, "highlights", true);
    if (set->search_phase >= 0)
        json_put_int(&w, "filter_phase", set->search_phase);
    if (set->search_path.n)
        json_put_string(&w, "path_prefix", set->search_path);
    if (set->search_tags.count) {
        json_key(&w, SLICE("filter_tags"));
        json_begin_array(&w);
        for (size_t i = 0; i < set->search_tags.count; i++)
            json_string(&w, set->search_tags.items[i]);
        json_end_array(&w);
    }
    json_end_object(&w);
    s->arguments = arena_copy(&s->arena, buf_slice(&b));
    enum err e = b.err ? b.err : s->arguments.p ? OK : ERR_NOMEM;
    buf_done(&b);
    return e;
}

/* --- while the index is made ---------------------------------------------- */

static int64_t int_of(const struct json *v, const char *key)
{
    int64_t n = 0;
    return json_int64(json_get(v, slice_of(key)), &n) ? n : 0;
}

/* A part of the answer is worth waiting for the rest. */
static bool is_building(void *ctx, const struct cli_reply *r)
{
    struct search *s = ctx;
    const struct json *indexing =
        r->is_error ? NULL : json_get(r->object, SLICE("indexing"));
    if (!indexing) return false;
    if (s->shown) {
        s->shown->done = (uint64_t)int_of(indexing, "files_done");
        s->shown->total = (uint64_t)int_of(indexing, "files_total");
        cli_progress_draw(&s->bar);
    }
    (void)usleep(LOOK_US);
    return true;
}

static bool ask(struct search *s, struct cli_reply *ret, int *ret_exit)
{
    cli_progress_begin(&s->bar, "Reading the standards");
    s->shown = s->o.set.json ? NULL : cli_progress(&s->bar);
    bool answered =
        cli_reach_until(&s->o, s->root, "search_standards", s->arguments,
                        is_building, s, &s->arena, ret, ret_exit);
    cli_progress_end(&s->bar);
    return answered;
}

/* --- showing -------------------------------------------------------------- */

/* A piece of the content, its found words in bold. */
static void put_piece(const struct json *highlights, struct slice content,
                      size_t from, size_t to)
{
    for (uint32_t i = 0; highlights && i < highlights->count; i++) {
        size_t start = (size_t)int_of(&highlights->items[i], "start");
        size_t end = (size_t)int_of(&highlights->items[i], "end");
        if (start < from || end > to || start > end) continue;
        cli_put(stdout, slice_sub(content, from, start - from));
        (void)fputs(cli_tone(CLI_BOLD), stdout);
        cli_put(stdout, slice_sub(content, start, end - start));
        (void)fputs(cli_tone(CLI_PLAIN), stdout);
        from = end;
    }
    cli_put(stdout, slice_sub(content, from, to - from));
}

/* The line before the first word that was found, and those after it. */
static void put_content(const struct json *result)
{
    struct slice content = json_text(json_get(result, SLICE("content")));
    const struct json *h = json_get(result, SLICE("highlights"));
    size_t first = h && h->count ? (size_t)int_of(&h->items[0], "start") : 0;
    size_t from = first < content.n ? first : 0;
    for (int line = 0; from > 0; from--)
        if (content.p[from - 1] == '\n' && ++line == 2) break;
    for (int i = 0; i < LINES_SHOWN && from < content.n; i++) {
        size_t n = slice_find_byte(slice_sub(content, from, content.n), '\n');
        if (n || i) {
            (void)fputs("    ", stdout);
            put_piece(h, content, from, from + n);
            (void)putchar('\n');
        }
        from += n + 1;
    }
}

static void put_result(struct search *s, const struct json *r)
{
    struct slice file =
        cli_one_line(&s->arena, json_text(json_get(r, SLICE("file"))), 400);
    struct slice headings =
        cli_one_line(&s->arena, json_text(json_get(r, SLICE("headings"))), 200);
    (void)printf("%s%.*s:%lld%s  %s%.*s%s\n", cli_tone(CLI_GOOD),
                 SLICE_ARG(file), (long long)int_of(r, "line"),
                 cli_tone(CLI_PLAIN), cli_tone(CLI_DIM), SLICE_ARG(headings),
                 cli_tone(CLI_PLAIN));
    put_content(r);
    (void)putchar('\n');
}

static int show(struct search *s, const struct cli_reply *r)
{
    const struct json *results = json_get(r->object, SLICE("results"));
    bool none = !results || !results->count;
    if (s->o.set.json || r->is_error) {
        cli_print_json(r->object);
        return none && !r->is_error ? CLI_NOT_SO : cli_reach_exit(r);
    }
    if (none) {
        (void)fputs("phasegate: no passage of the standards has any of these "
                    "words; standards are the .md files in "
                    ".phasegate/standards, or where --standards says\n",
                    stderr);
        return CLI_NOT_SO;
    }
    for (uint32_t i = 0; i < results->count; i++)
        put_result(s, &results->items[i]);
    return CLI_DONE;
}

static int run(struct search *s, int argc, char **argv)
{
    struct cli_reply r;
    int code = CLI_USAGE;
    struct slice query = query_of(s, argc, argv);
    if (!query.n || arguments_write(s, query)) {
        (void)fputs("phasegate: search takes a few words: phasegate search "
                    "error handling\n",
                    stderr);
        return CLI_USAGE;
    }
    return ask(s, &r, &code) ? show(s, &r) : code;
}

int cli_search(const struct cli_command *command, int argc, char **argv)
{
    struct search s = {0};
    int code;
    arena_init(&s.arena, (size_t)512 << 20);
    if (cli_begin(command, argc, argv, &s.arena, &s.o, &s.root, &code))
        code = run(&s, argc, argv);
    arena_done(&s.arena);
    return code;
}
