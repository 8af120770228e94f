/* The word of the client's user (proof: client), asked for in both languages
 * of the protocol, and what is none. */
#include <stdio.h>
#include <string.h>

#include "tests/integration/attack_kit.h"
#include "tests/integration/process.h"
#include "tests/integration/program.h"

static const char schema[] =
    "  notes: {type: string, required: true, description: d}\n"
    "  seen: {type: boolean, required: true, description: The user has read "
    "the notes,\n         proof: client}\n";

#define SENT "{\"notes\":\"dates are checked\"}"
#define META(can)                                                              \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","   \
    "\"io.modelcontextprotocol/clientCapabilities\":{" can "},"                \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"t\",\"version\":"      \
    "\"1\"}}"
#define FORMS "\"elicitation\":{}"

static struct attacked begin(void)
{
    struct attacked a = attack_begin();
    attack_gate(&a, schema);
    return a;
}

/* A client of the handshake era that declares what it can. */
static void hello(struct server *s, const char *can)
{
    stdio_speak(s, "2025-11-25");
    const struct json *r = stdio_call(
        s, "initialize",
        arena_printf(test_arena(),
                     "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{%s},"
                     "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}",
                     can)
            .p);
    CHECK(json_get(r, SLICE("result")) != NULL);
    stdio_send(s, "{\"jsonrpc\":\"2.0\",\"method\":"
                  "\"notifications/initialized\"}");
}

static void check_question(const struct json *params)
{
    CHECK_CONTAINS(json_text(json_get(params, SLICE("message"))),
                   "The user has read the notes");
    CHECK_CONTAINS(json_text(json_get(params, SLICE("message"))),
                   "dates are checked");
    CHECK_STR_EQ(
        kit_text(params, "requestedSchema", "properties", "approve", "type"),
        "boolean");
}

static bool passed(const struct json *answer)
{
    return json_is(
        json_at(answer, "result", "structuredContent", "passed", NULL),
        JSON_TRUE);
}

static void counts_as_client(const struct attacked *a, const char *id,
                             const struct json *answer)
{
    if (!passed(answer)) FAIL("%.*s", SLICE_ARG(answer->raw));
    const struct json *proofs =
        json_at(answer, "result", "structuredContent", "proofs", NULL);
    CHECK_STR_EQ(kit_text(&proofs->items[1], "kind"), "client");
    CHECK_CONTAINS(json_text(json_get(&proofs->items[1], SLICE("detail"))),
                   "nobody can tell whether a person did");
    struct ended e = RUN_IN(a->project, "sessions", "report", id);
    CHECK_CONTAINS(e.out, "client, the agent's client says");
}

/* --- a request to the client -----------------------------------------------
 */

struct saying {
    const char *name, *reply; /* after the id of the answer */
    const char *words;        /* of the refusal; NULL: it passes */
};

static const struct saying sayings[] = {
    {"declined", "\"result\":{\"action\":\"decline\"}", "did not approve"},
    {"cancelled", "\"result\":{\"action\":\"cancel\"}", "gave no answer"},
    {"an error", "\"error\":{\"code\":-32603,\"message\":\"no\"}",
     "gave no answer"},
    {"accepted, and said no",
     "\"result\":{\"action\":\"accept\",\"content\":{\"approve\":false,"
     "\"comment\":\"say which dates\"}}",
     "say which dates"},
    {"accepted without a word", "\"result\":{\"action\":\"accept\"}",
     "gave no answer"},
    {"accepted an empty form",
     "\"result\":{\"action\":\"accept\",\"content\":{}}", "gave no answer"},
    {"accepted in words",
     "\"result\":{\"action\":\"accept\",\"content\":{\"approve\":\"true\"}}",
     "gave no answer"},
    {"accepted by another name",
     "\"result\":{\"action\":\"approve\",\"content\":{\"approve\":true}}",
     "gave no answer"},
    {"no object", "\"result\":\"yes\"", "gave no answer"},
    {"approved",
     "\"result\":{\"action\":\"accept\",\"content\":{\"approve\":true,"
     "\"comment\":\"fine\"}}",
     NULL},
};

TEST(client_word, of_a_client_that_is_asked_by_a_request)
{
    struct attacked a = begin();
    hello(a.server, FORMS);
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        const struct saying *s = &sayings[i];
        const char *id = attack_session(&a);
        int64_t call = attack_send(&a, id, SENT), asked = 0;
        const struct json *ask = stdio_receive(a.server);
        CHECK_STR_EQ(kit_text(ask, "method"), "elicitation/create");
        check_question(json_get(ask, SLICE("params")));
        CHECK(json_int64(json_get(ask, SLICE("id")), &asked));
        attack_held(&a, id, s->name); /* others are served meanwhile */
        stdio_send(a.server, "{\"jsonrpc\":\"2.0\",\"id\":%jd,%s}",
                   (intmax_t)asked, s->reply);
        const struct json *answer = stdio_answer(a.server, call);
        if (!s->words) {
            counts_as_client(&a, id, answer);
            continue;
        }
        attack_refused(answer, s->words, s->name);
        attack_held(&a, id, s->name);
    }
    attack_end(&a);
}

TEST(client_word, of_a_client_that_cannot_be_asked_is_none)
{
    struct attacked a = begin();
    const char *id = attack_session(&a);
    attack_refused(attack_complete(&a, id, SENT), "does not declare",
                   "a client without forms");
    attack_refused(attack_complete(&a, id, "{\"notes\":\"n\",\"seen\":true}"),
                   "does not declare", "an agent that says it was asked");
    hello(a.server, "\"roots\":{}");
    attack_refused(attack_complete(&a, id, SENT), "does not declare",
                   "a client of the handshake without forms");
    attack_held(&a, id, "cannot be asked");
    attack_end(&a);
}

/* The client could; it is the other tool that does not ask. */
TEST(client_word, is_not_given_by_a_tool_that_does_not_ask)
{
    static const char *const praxis[] = {"--tools", "praxis", NULL};
    struct attacked a = begin();
    const char *id = attack_session(&a);
    struct server_options options = {.project = a.project, .args = praxis};
    struct server *s = server_start(&options);
    hello(s, FORMS);
    const struct json *told = stdio_call(
        s, "tools/call",
        arena_printf(test_arena(),
                     "\"name\":\"pos_workflow\",\"arguments\":{\"action\":"
                     "\"complete_phase\",\"session_id\":\"%s\",\"phase\":0,"
                     "\"evidence\":" SENT "}",
                     id)
            .p);
    CHECK_CONTAINS(told->raw, "by the tool complete_phase alone");
    CHECK(slice_find(told->raw, SLICE("does not declare")) == told->raw.n);
    attack_held(&a, id, "pos_workflow");
}

TEST(client_word, is_not_asked_for_before_the_rest_is_met)
{
    struct attacked a = begin();
    hello(a.server, FORMS);
    const char *id = attack_session(&a);
    attack_refused(attack_complete(&a, id, "{}"), "MISSING", "nothing");
    attack_refused(attack_complete(&a, id, "{\"notes\":\"n\",\"seen\":false}"),
                   "must be true", "a no");
    attack_held(&a, id, "asked for nothing");
    attack_end(&a);
}

/* --- an input_required result ----------------------------------------------
 */

static const struct json *modern(const struct attacked *a, const char *id,
                                 const char *evidence, const char *more)
{
    return stdio_call(
        a->server, "tools/call",
        arena_printf(
            test_arena(),
            "\"name\":\"complete_phase\",\"arguments\":{"
            "\"session_id\":\"%s\",\"phase\":0,\"evidence\":%s},%s" META(FORMS),
            id, evidence, more)
            .p);
}

/* inputResponses for the one question, and the state it came with. */
static const char *respond(const struct json *answer, const char *reply)
{
    const struct json *asks = json_at(answer, "result", "inputRequests", NULL);
    const struct json *state = json_at(answer, "result", "requestState", NULL);
    if (!json_is(asks, JSON_OBJECT) || !state)
        FAIL("nothing asked: %.*s", SLICE_ARG(answer->raw));
    CHECK_INT_EQ(asks->count, 1);
    check_question(json_get(&asks->members[0].value, SLICE("params")));
    return arena_printf(test_arena(),
                        "\"requestState\":%.*s,\"inputResponses\":{\"%.*s\":"
                        "%s},",
                        SLICE_ARG(state->raw), SLICE_ARG(asks->members[0].key),
                        reply)
        .p;
}

#define YES "{\"action\":\"accept\",\"content\":{\"approve\":true}}"

TEST(client_word, of_a_client_that_comes_again_with_the_answer)
{
    struct attacked a = begin();
    const char *id = attack_session(&a);
    const struct json *ask = modern(&a, id, SENT, "");
    attack_held(&a, id, "asked");
    attack_refused(
        modern(&a, id, SENT, respond(ask, "{\"action\":\"decline\"}")),
        "did not approve", "declined");
    attack_refused(
        modern(&a, id, SENT, respond(ask, "{\"action\":\"cancel\"}")),
        "gave no answer", "cancelled");
    attack_refused(
        modern(&a, id, SENT, respond(ask, "{\"action\":\"accept\"}")),
        "no answer", "accepted without a word");
    attack_refused(modern(&a, id, SENT, respond(ask, "true")), "no answer",
                   "no object");
    attack_held(&a, id, "refused");
    const struct json *again =
        modern(&a, id, SENT, respond(modern(&a, id, SENT, ""), YES));
    counts_as_client(&a, id, again);
    attack_end(&a);
}

TEST(client_word, is_about_the_evidence_that_was_shown)
{
    struct attacked a = begin();
    const char *id = attack_session(&a), *other = attack_session(&a);
    const char *said = respond(modern(&a, id, SENT, ""), YES);
    attack_refused(modern(&a, id, "{\"notes\":\"something else\"}", said), "",
                   "another evidence with the state of the first");
    attack_refused(modern(&a, other, SENT, said), "",
                   "another session with the state of the first");
    /* Without the state it is a question that was never asked. */
    const char *bare = strstr(said, "\"inputResponses\"");
    const struct json *v =
        modern(&a, id, "{\"notes\":\"something else\"}", bare);
    CHECK(json_at(v, "result", "inputRequests", NULL) != NULL);
    attack_held(&a, id, "other evidence");
    attack_held(&a, other, "another session");
    attack_end(&a);
}

/* What a person saw is the file as it was when it was asked. */
TEST(client_word, is_about_the_files_that_were_proven)
{
    static const char sent[] = "{\"doc\":\"dates are checked.md\"}";
    struct attacked a = attack_begin();
    attack_gate(&a, "  doc: {type: string, required: true, description: d, "
                    "proof: file}\n"
                    "  seen: {type: boolean, required: true, description: The "
                    "user has read the notes, proof: client}\n");
    put_file(a.project, "dates are checked.md", "all of them\n");
    const char *id = attack_session(&a);
    const char *said = respond(modern(&a, id, sent, ""), YES);
    put_file(a.project, "dates are checked.md", "none of them\n");
    const struct json *again = modern(&a, id, sent, said);
    attack_held(&a, id, "another file than the one that was asked about");
    said = respond(again, YES);
    counts_as_client(&a, id, modern(&a, id, sent, said));
    attack_end(&a);
}

/* --- with commands, and where it stands ------------------------------------
 */

TEST(client_word, comes_after_the_commands_which_run_once)
{
    struct attacked a = attack_begin();
    attack_gate(&a,
                "  ran: {type: boolean, required: true, description: d, proof: "
                "command,\n        command: {argv: [sh, -c, \"echo x >> "
                "runs\"]}}\n"
                "  seen: {type: boolean, required: true, description: The user "
                "has read the notes dates are checked, proof: client}\n");
    attack_trust(&a);
    const char *id = attack_session(&a);
    const struct json *ask = modern(&a, id, "{}", "");
    CHECK_SLICE_EQ(process_file(a.project, "runs"), SLICE("x\n"));
    const struct json *v = modern(&a, id, "{}", respond(ask, YES));
    if (!passed(v)) FAIL("%.*s", SLICE_ARG(v->raw));
    CHECK_SLICE_EQ(process_file(a.project, "runs"), SLICE("x\n"));
    attack_end(&a);
}
