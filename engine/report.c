/* The run of a session as a page for people: markdown. What agents sent is
 * quoted so that it cannot change the page's own structure. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/op.h"
#include "engine/problems.h"
#include "engine/report.h"
#include "engine/view.h"

#define REPORT_CEILING (64u << 20)
#define EVENTS_PAGE 1000
#define BODY_CEILING (64u << 20)
#define QUOTE_MOST 4096 /* bytes of evidence shown per attempt */
#define CELL_MOST 300

struct page {
    struct buf out;
    const struct eng_snapshot *s;
    struct st_tx *tx;
    struct eng_call *call;
    struct st_event *events;
    size_t count;
};

/* --- quoting
 * --------------------------------------------------------------------- */

/* One line, no markup that could end a cell or begin an element. */
void eng__report_cell(struct buf *b, struct slice text)
{
    size_t n = text.n < CELL_MOST ? text.n : CELL_MOST;
    n = slice_utf8_valid(slice_sub(text, 0, n));
    struct buf seen = BUF_INIT(8 * CELL_MOST);
    buf_put_seen(&seen, slice_sub(text, 0, n), "\n\r\t");
    for (size_t i = 0; i < seen.n; i++) {
        unsigned char c = (unsigned char)seen.p[i];
        if (c < 0x20)
            buf_putc(b, ' ');
        else {
            if (strchr("|\\`*_<>[]#&", c)) buf_putc(b, '\\');
            buf_putc(b, (char)c);
        }
    }
    if (seen.err) b->err = seen.err;
    buf_done(&seen);
    if (n < text.n) buf_puts(b, "...");
}

/* A code block whose fence is longer than any in the text. */
void eng__report_block(struct buf *b, struct slice text)
{
    size_t run = 0, longest = 2;
    size_t n = text.n < QUOTE_MOST ? text.n : QUOTE_MOST;
    n = slice_utf8_valid(slice_sub(text, 0, n));
    for (size_t i = 0; i < n; i++) {
        run = text.p[i] == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    for (size_t i = 0; i <= longest; i++) buf_putc(b, '`');
    buf_puts(b, "json\n");
    buf_put_seen(b, slice_sub(text, 0, n), "\n\t");
    buf_putc(b, '\n');
    for (size_t i = 0; i <= longest; i++) buf_putc(b, '`');
    buf_putc(b, '\n');
    if (n < text.n)
        buf_printf(b,
                   "\n(the first %zu of %zu bytes; `phasegate sessions export` "
                   "has all)\n",
                   n, text.n);
}

static void put_time(struct buf *b, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    buf_put(b, clock_text(ms, text));
}

void eng__report_span(struct buf *b, int64_t ms)
{
    int64_t s = ms > 0 ? ms / 1000 : 0;
    if (s >= 86400) buf_printf(b, "%" PRId64 " d ", s / 86400);
    if (s >= 3600) buf_printf(b, "%" PRId64 " h ", s / 3600 % 24);
    if (s >= 60) buf_printf(b, "%" PRId64 " min ", s / 60 % 60);
    buf_printf(b, "%" PRId64 " s", s % 60);
}

/* --- the head
 * -------------------------------------------------------------------- */

static void row_text(struct buf *b, const char *name, struct slice value)
{
    buf_printf(b, "| %s | ", name);
    eng__report_cell(b, value);
    buf_puts(b, " |\n");
}

static void row_time(struct buf *b, const char *name, int64_t ms)
{
    buf_printf(b, "| %s | ", name);
    put_time(b, ms);
    buf_puts(b, " |\n");
}

static void head_write(struct page *p)
{
    struct buf *b = &p->out;
    const struct st_session *row = &p->s->row;
    const struct eng_definition *d = p->s->definition;
    char hex[SHA256_HEX_SIZE];
    buf_puts(b, "# ");
    eng__report_cell(b, d->name.n ? d->name : row->workflow_type);
    buf_puts(b, ": ");
    eng__report_cell(b, row->target);
    buf_puts(b, "\n\n| | |\n|---|---|\n");
    row_text(b, "Session", row->id);
    row_text(b, "Workflow", row->workflow_type);
    if (d->version.n) row_text(b, "Version", d->version);
    row_text(b, "Definition", row->definition_hash);
    row_text(b, "Status", row->status);
    if (p->s->trouble.n) row_text(b, "Missing", p->s->trouble_why);
    buf_printf(b, "| Phases passed | %zu of %" PRId64 " |\n",
               p->s->completed_count, row->total_phases);
    row_time(b, "Started", row->created_ms);
    row_time(b, "Last change", row->updated_ms);
    buf_puts(b, "| Took | ");
    eng__report_span(b, row->updated_ms - row->created_ms);
    buf_printf(b, " |\n| Head of the record | event %" PRId64 ", %.*s |\n",
               row->event_seq, SLICE_ARG(sha256_hex(row->event_hash, hex)));
    if (p->s->options) {
        buf_puts(b, "\nOptions:\n\n");
        eng__report_block(b, p->s->options->raw);
    }
}

/* --- a phase
 * --------------------------------------------------------------------- */

static void findings_write(struct buf *b, const struct json *verdict,
                           const char *key, const char *title)
{
    const struct json *list = json_get(verdict, slice_of(key));
    if (!json_is(list, JSON_ARRAY) || !list->count) return;
    buf_printf(b, "\n%s:\n\n", title);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *f = &list->items[i];
        struct slice field = json_text(json_get(f, SLICE("field")));
        struct slice said = json_text(json_get(f, SLICE("message")));
        if (!said.n) said = json_text(json_get(f, SLICE("detail")));
        struct slice kind = json_text(json_get(f, SLICE("kind")));
        buf_puts(b, "* ");
        if (field.n) {
            eng__report_cell(b, field);
            buf_puts(b, ": ");
        }
        if (kind.n) {
            eng__report_cell(b, kind);
            buf_puts(b, ", ");
        }
        eng__report_cell(b, said);
        buf_putc(b, '\n');
    }
}

static void attempt_title(struct page *p, const struct st_event *ev,
                          bool passed, bool stands)
{
    struct buf *b = &p->out;
    buf_printf(b, "\n#### Event %" PRId64 ": %s%s\n\n", ev->seq,
               passed ? "passed"
               : slice_eq(ev->type, SLICE("approval_requested"))
                   ? "waits for a person"
                   : "refused",
               passed && !stands ? " (later rolled back)" : "");
    put_time(b, ev->at_ms);
    buf_puts(b, ", by ");
    eng__report_cell(b, ev->actor);
    buf_puts(b, ".\n");
}

static enum err attempt_write(struct page *p, const struct st_event *ev)
{
    struct st_evidence row;
    const struct json *verdict = NULL;
    struct json_error je;
    struct arena a;
    const struct eng_completed *done = eng__completed(p->s, ev->phase);
    arena_init(&a, BODY_CEILING);
    enum err e =
        st_evidence_get(p->tx, p->s->row.id, ev->phase, ev->seq, &a, &row);
    if (!e) {
        attempt_title(p, ev, row.passed, done && done->event == ev->seq);
        e = json_parse(row.verdict, NULL, &a, &verdict, &je);
        if (e == ERR_PARSE) e = OK; /* shown as far as it can be */
        findings_write(&p->out, verdict, "errors", "Not met");
        findings_write(&p->out, verdict, "warnings", "Warnings");
        findings_write(&p->out, verdict, "proofs", "Proofs");
        buf_puts(&p->out, "\nEvidence:\n\n");
        eng__report_block(&p->out, row.body);
    }
    arena_done(&a);
    return e == ERR_NOT_FOUND ? OK : e;
}

static void tasks_write(struct page *p, const struct eng_phase *ph)
{
    struct buf *b = &p->out;
    bool any = false;
    for (size_t i = 0; i < ph->tasks_count; i++) {
        const struct eng_task *t = &ph->tasks[i];
        const struct st_claim *c = eng__claim(p->s, ph->number, t->number);
        if (!c) continue;
        if (!any) buf_puts(b, "\n| task | status | agent |\n|---|---|---|\n");
        any = true;
        buf_printf(b, "| %" PRId64 " ", t->number);
        eng__report_cell(b, t->name);
        buf_printf(b, " | %s | ", eng__task_status(c, clock_wall_ms()));
        eng__report_cell(b, c->agent);
        buf_puts(b, " |\n");
    }
}

static enum err phase_write(struct page *p, int64_t number, struct slice name)
{
    struct buf *b = &p->out;
    const struct eng_completed *done = eng__completed(p->s, number);
    enum err e = OK;
    buf_printf(b, "\n### Phase %" PRId64 ": ", number);
    eng__report_cell(b, name);
    buf_puts(b, "\n\n");
    if (done) {
        buf_puts(b, "Passed its gate at ");
        put_time(b, done->at_ms);
        buf_printf(b, " (event %" PRId64 ").\n", done->event);
    } else {
        buf_printf(b, "%s%.*s\n",
                   eng__phase_status(p->s, number)[0] == 'c' ? "Open."
                                                             : "Locked.",
                   SLICE_ARG(number == p->s->reopened.phase
                                 ? eng__reopened_words(p->call->arena, p->s)
                                 : SLICE("")));
    }
    for (size_t i = 0; !e && i < p->count; i++)
        if (p->events[i].phase == number) e = attempt_write(p, &p->events[i]);
    return e;
}

/* Phases the definition does not have, and the record tells of. */
static enum err strangers_write(struct page *p)
{
    enum err e = OK;
    for (size_t i = 0; !e && i < p->s->completed_count; i++) {
        int64_t number = p->s->completed[i].phase;
        if (!eng_definition_phase(p->s->definition, number))
            e = phase_write(p, number, SLICE("(not in the definition)"));
    }
    return e;
}

static enum err phases_write(struct page *p)
{
    const struct eng_definition *d = p->s->definition;
    enum err e = OK;
    buf_puts(&p->out, "\n## Phases\n");
    for (size_t i = 0; !e && i < d->phases_count; i++) {
        e = phase_write(p, d->phases[i].number, d->phases[i].name);
        if (!e) tasks_write(p, &d->phases[i]);
    }
    return e ? e : strangers_write(p);
}

/* --- what happened
 * --------------------------------------------------------------- */

static void words_write(struct page *p, const struct st_event *ev)
{
    static const char *const keys[] = {"reason",      "note",   "agent",
                                       "task_status", "source", "by",
                                       "channel",     "comment"};
    const struct json *data;
    struct json_error je;
    int64_t task;
    enum err e = json_parse(ev->data, NULL, p->call->arena, &data, &je);
    if (e == ERR_NOMEM) p->out.err = e;
    if (e) return;
    if (json_int64(json_get(data, SLICE("task")), &task))
        buf_printf(&p->out, "task %" PRId64 " ", task);
    const struct json *changed = json_get(data, SLICE("changed"));
    for (uint32_t i = 0; json_is(changed, JSON_ARRAY) && i < changed->count;
         i++) {
        buf_puts(&p->out, "changed: ");
        eng__report_cell(
            &p->out, json_text(json_get(&changed->items[i], SLICE("path"))));
        buf_putc(&p->out, ' ');
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct slice text = json_text(json_get(data, slice_of(keys[i])));
        if (!text.n) continue;
        buf_printf(&p->out, "%s: ", keys[i]);
        eng__report_cell(&p->out, text);
        buf_putc(&p->out, ' ');
    }
}

static void history_write(struct page *p)
{
    struct buf *b = &p->out;
    buf_puts(b, "\n## History\n\n| event | at | what | phase | by | |\n"
                "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < p->count; i++) {
        const struct st_event *ev = &p->events[i];
        buf_printf(b, "| %" PRId64 " | ", ev->seq);
        put_time(b, ev->at_ms);
        buf_puts(b, " | ");
        eng__report_cell(b, ev->type);
        buf_puts(b, " | ");
        if (ev->phase >= 0) buf_printf(b, "%" PRId64, ev->phase);
        buf_puts(b, " | ");
        eng__report_cell(b, ev->actor);
        buf_puts(b, " | ");
        words_write(p, ev);
        buf_puts(b, "|\n");
    }
    buf_puts(b, "\nEach event carries the hash of the one before it; the head "
                "above stands for all of them. `phasegate sessions verify` "
                "recomputes the chain; a head that was kept elsewhere shows "
                "even a record that was rewritten whole.\n");
}

static enum err page_write(struct page *p)
{
    enum err e = st_event_list(p->tx, p->s->row.id, 0, 0, p->call->arena,
                               &p->events, &p->count);
    if (e) return e;
    head_write(p);
    e = phases_write(p);
    history_write(p);
    return e ? e : p->out.err;
}

enum err eng__report_markdown(struct engine *e, struct eng_call *c,
                              struct slice session_id, struct buf *out)
{
    struct page p = {.out = BUF_INIT(REPORT_CEILING), .call = c};
    enum err r = eng__session_get(e, c, session_id, &p.s);
    if (r) return r;
    r = st_read_begin(e->store, c->cancel, &p.tx);
    if (r) return eng__problem_store(c, r);
    r = page_write(&p);
    st_read_end(p.tx);
    if (!r) buf_put(out, buf_slice(&p.out));
    if (!r) r = out->err;
    buf_done(&p.out);
    return r ? eng__problem_store(c, r) : OK;
}

static enum err decide(struct eng_op *op)
{
    const struct eng_report_args *args = op->args;
    struct eng_call *c = op->call;
    struct buf text = BUF_INIT(REPORT_CEILING);
    enum err e = eng__report_markdown(op->engine, c, args->session_id, &text);
    if (!e) {
        struct json_writer w = json_writer(&c->out->plain);
        json_begin_object(&w);
        json_put_string(&w, "session_id", args->session_id);
        json_put_string(&w, "mime_type", SLICE("text/markdown"));
        json_put_string(&w, "text", buf_slice(&text));
        json_end_object(&w);
    }
    buf_done(&text);
    return e;
}

enum err eng_report(struct engine *e, struct eng_call *c,
                    const struct eng_report_args *args)
{
    if (c->on_loop) return ERR_AGAIN;
    if (!e->store) return eng__problem_no_project(c);
    if (!uuid_valid(args->session_id))
        return eng__problem_session_id(c, args->session_id);
    return eng__op_read(e, c, args->session_id, decide, args);
}
