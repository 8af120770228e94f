/*
 * proof: client. The agent's client asks its user and tells what was
 * answered (MCP elicitation). The answer comes through the agent's own
 * channel, from a program that may answer by itself: it is one word more than
 * the agent's and less than anything the server has seen, so it stands right
 * above `claimed` and never counts as a person's approval.
 *
 * Nothing waits here: what has to be asked goes out with the call
 * (eng_call.ask), and comes back with it (eng_call.client) when it is made
 * again. The key of the question is the digest of what is asked about, so an
 * answer counts for this evidence and these proven files alone.
 */
#include <inttypes.h>

#include "engine/problems.h"
#include "engine/proof_private.h"
#include "engine/runs.h"

enum { KEY_BYTES = 16, SHOWN_MOST = 2000, FORM_MOST = 64 << 10 };

static const struct json yes = {.type = JSON_TRUE, .raw = SLICE_INIT("true")};

static struct slice key_of(const struct eng_proving *p)
{
    char hex[SHA256_HEX_SIZE];
    struct slice digest = sha256_hex(p->subject, hex);
    return arena_printf(p->call->arena, "word-%.*s",
                        SLICE_ARG(slice_sub(digest, 0, (size_t)2 * KEY_BYTES)));
}

static enum err said_yes(struct eng_proving *p, bool absent,
                         const struct eng_field *f, struct eng_proof *ret)
{
    const struct eng_client_word *word = &p->call->client;
    struct buf b = BUF_INIT(FORM_MOST);
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_put_string(&w, "comment", word->comment);
    json_end_object(&w);
    ret->members = !b.err ? arena_copy(p->call->arena,
                                       slice_sub(buf_slice(&b), 1, b.n - 2))
                          : (struct slice){0};
    buf_done(&b);
    ret->state = ENG_PROVEN;
    ret->detail = SLICE("the agent's client says that its user approved it; "
                        "nobody can tell whether a person did");
    if (absent && f->type == ENG_BOOLEAN) ret->value = &yes;
    return ret->members.p ? OK : ERR_NOMEM;
}

static enum err said_no(struct eng_proving *p, struct eng_proof *ret)
{
    const struct eng_client_word *word = &p->call->client;
    struct slice comment = slice_sub(word->comment, 0, SHOWN_MOST);
    comment = slice_sub(comment, 0, slice_utf8_valid(comment));
    return eng__not_proven(
        ret,
        arena_printf(p->call->arena,
                     "the client's user did not approve it%s%.*s",
                     comment.n ? ": " : "", SLICE_ARG(comment)),
        SLICE("Do what the user asks, then send complete_phase again: the "
              "client is asked anew."));
}

static enum err cannot_ask(const struct eng_proving *p, struct eng_proof *ret)
{
    if (p->call->asking == ENG_ASKS_NOBODY)
        return eng__not_proven(
            ret,
            SLICE("the client's user is asked by the tool complete_phase "
                  "alone, and the evidence came another way"),
            SLICE("Send the same evidence with the tool complete_phase."));
    return eng__not_proven(
        ret,
        SLICE("the client cannot ask its user: it does not declare "
              "elicitation of forms"),
        SLICE("Connect with a client that declares it."));
}

enum err eng__prove_client(struct eng_proving *p, const struct eng_field *f,
                           const struct json *v, struct eng_proof *ret)
{
    const struct eng_client_word *word = &p->call->client;
    bool absent = !v || v->type == JSON_NULL;
    struct slice key = key_of(p);
    if (!key.p) return ERR_NOMEM;
    bool told = slice_eq(word->key, key);
    if (told && word->said == ENG_SAID_YES) return said_yes(p, absent, f, ret);
    if (told && word->said == ENG_SAID_NO) return said_no(p, ret);
    if (told && word->said == ENG_SAID_NOTHING)
        return eng__not_proven(
            ret,
            SLICE("the client gave no answer of its user that could be read"),
            SLICE("Send complete_phase again when the user is there to "
                  "answer."));
    if (p->call->asking != ENG_CAN_ASK) return cannot_ask(p, ret);
    p->asks_client = true;
    ret->detail = SLICE("the client's user is asked when everything else is "
                        "met");
    if (absent && f->type == ENG_BOOLEAN) ret->state = ENG_TO_BE_PROVEN;
    return OK;
}

/* --- the question --------------------------------------------------------- */

static void message_write(const struct eng_proving *p, struct buf *b)
{
    const struct st_session *row = &p->s->row;
    struct slice evidence = slice_sub(p->evidence->raw, 0, SHOWN_MOST);
    evidence = slice_sub(evidence, 0, slice_utf8_valid(evidence));
    buf_printf(b,
               "phasegate: phase %" PRId64 " (%.*s) of %.*s on %.*s wants the "
               "user's word.\n",
               p->phase->number, SLICE_ARG(p->phase->name),
               SLICE_ARG(row->workflow_type), SLICE_ARG(row->target));
    for (size_t i = 0; i < p->gate->fields_count; i++) {
        const struct eng_field *f = &p->gate->fields[i];
        if (f->rung == ENG_CLIENT)
            buf_printf(b, "%.*s: %.*s\n", SLICE_ARG(f->name),
                       SLICE_ARG(f->description));
    }
    buf_printf(b, "The agent's evidence: %.*s%s", SLICE_ARG(evidence),
               evidence.n < p->evidence->raw.n ? "..." : "");
}

static struct slice form_of(const struct eng_proving *p)
{
    static const struct slice schema = SLICE_INIT(
        "{\"type\":\"object\",\"properties\":{"
        "\"approve\":{\"type\":\"boolean\",\"title\":\"I have looked at it, "
        "and approve\",\"default\":false},"
        "\"comment\":{\"type\":\"string\",\"title\":\"Comment\"}},"
        "\"required\":[\"approve\"]}");
    struct buf message = BUF_INIT(FORM_MOST), b = BUF_INIT(FORM_MOST * 8);
    struct json_writer w = json_writer(&b);
    message_write(p, &message);
    json_begin_object(&w);
    json_put_string(&w, "message", buf_slice(&message));
    json_put_raw(&w, "requestedSchema", schema);
    json_end_object(&w);
    struct slice form = !message.err && !b.err
                            ? arena_copy(p->call->arena, buf_slice(&b))
                            : (struct slice){0};
    buf_done(&message);
    buf_done(&b);
    return form;
}

enum err eng__client_ask(struct eng_proving *p)
{
    struct eng_call *c = p->call;
    c->ask = (struct eng_client_ask){.key = key_of(p), .form = form_of(p)};
    if (!c->ask.key.p || !c->ask.form.p) return eng__problem_nomem(c);
    eng__runs_keep(p->op);
    return problem_set(&c->problem, ERR_APPROVAL_PENDING,
                       SLICE("The client's user is asked"),
                       SLICE("Everything else is met; the gate wants the word "
                             "of the client's user."),
                       SLICE("Send the same call again when they have "
                             "answered."));
}
