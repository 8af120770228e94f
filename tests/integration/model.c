#include "tests/integration/model.h"

#include "tests/unit/session_kit.h"

const int model_weights[MODEL_KINDS] = {
    [MODEL_PASS] = 33,     [MODEL_FAIL] = 8,   [MODEL_DECIDE] = 12,
    [MODEL_PAUSE] = 6,     [MODEL_RESUME] = 9, [MODEL_RETRY] = 4,
    [MODEL_ROLLBACK] = 8,  [MODEL_ABANDON] = 1, [MODEL_DELETE] = 2,
    [MODEL_CLAIM] = 10,    [MODEL_RELEASE] = 7};
const char *const model_words[] = {"",          "active",    "paused",
                                   "completed", "abandoned", ""};

static const char *closed(const struct model_state *s)
{
    static const char *const why[] = {"SESSION_NOT_FOUND", "",
                                      "SESSION_PAUSED",    "SESSION_COMPLETE",
                                      "SESSION_CLOSED",    "SESSION_NOT_FOUND"};
    return why[s->status];
}

/* Good evidence where a person has to say so. */
static const char *hear(struct model_state *s)
{
    switch (s->word) {
    case MODEL_APPROVED:
        return "";
    case MODEL_REJECTED:
        s->word = MODEL_UNASKED;
        return "GATE_REFUSED";
    default:
        s->word = MODEL_PENDING;
        return "APPROVAL_PENDING";
    }
}

static const char *complete(struct model_state *s, const struct model_op *op)
{
    if (closed(s)[0]) return closed(s);
    if (op->arg < s->phase) return "PHASE_ALREADY_COMPLETE";
    if (op->arg > s->phase) return "PHASE_LOCKED";
    if (op->kind == MODEL_FAIL) return "GATE_REFUSED";
    const char *heard = s->phase == MODEL_HUMAN ? hear(s) : "";
    if (heard[0]) return heard;
    if (s->phase == MODEL_PHASES - 1)
        s->status = MODEL_COMPLETED;
    else
        s->phase++;
    return "";
}

static const char *end_or_pause(struct model_state *s,
                                const struct model_op *op)
{
    if (op->kind == MODEL_DELETE) {
        if (s->status == MODEL_DELETED) return closed(s);
        s->status = MODEL_DELETED;
        return "";
    }
    if (s->status != MODEL_ACTIVE && s->status != MODEL_PAUSED)
        return closed(s);
    s->status = op->kind == MODEL_ABANDON ? MODEL_ABANDONED
                : op->kind == MODEL_PAUSE ? MODEL_PAUSED
                                          : MODEL_ACTIVE;
    return "";
}

/* Back to `phase`: what a person said of it, or of later ones, is withdrawn. */
static const char *back(struct model_state *s, int phase)
{
    if (closed(s)[0]) return closed(s);
    if (phase > s->phase) return "PHASE_LOCKED";
    s->phase = phase;
    if (phase <= MODEL_HUMAN) s->word = MODEL_UNASKED;
    return "";
}

const char *model_step(struct model_state *s, const struct model_op *op)
{
    switch (op->kind) {
    case MODEL_START:
        *s = (struct model_state){.status = MODEL_ACTIVE};
        return "";
    case MODEL_PASS:
    case MODEL_FAIL:
        return complete(s, op);
    case MODEL_DECIDE:
        s->word = op->arg ? MODEL_APPROVED : MODEL_REJECTED;
        return "";
    case MODEL_ROLLBACK:
        return back(s, op->arg);
    case MODEL_RETRY:
        return back(s, s->phase);
    case MODEL_CLAIM:
    case MODEL_RELEASE:
        return closed(s);
    default:
        return end_or_pause(s, op);
    }
}

/* --- its workflow --------------------------------------------------------- */

#define GATE                                                                   \
    "checkpoint:\n  strict: true\nevidence_schema:\n"                          \
    "  done: {type: boolean, required: true, description: d}\n"
static const char *const gates[MODEL_PHASES] = {
    GATE,
    GATE "  report: {type: string, required: true, description: d, "
         "proof: file, file: {min_bytes: 3}}\n",
    "checkpoint:\n  strict: true\n  approval_required: true\n"
    "evidence_schema:\n"
    "  done: {type: boolean, required: true, description: d}\n",
    GATE "  holds: {type: boolean, required: true, description: d, "
         "proof: command, command: {argv: [\"true\"]}}\n"};

#define PHASE(n)                                                               \
    "{\"phase_number\":" n ",\"phase_name\":\"P" n "\",\"skippable\":true,"    \
    "\"tasks\":[{\"task_number\":1,\"name\":\"a\",\"file\":\"task-1-a.md\"}]}"

const char *model_workflow(void)
{
    struct slice folder = arena_printf(test_arena(), "%s/wf", test_tmpdir());
    kit_put(folder.p, "model_v1/metadata.json",
            "{\"workflow_type\":\"model_v1\",\"version\":\"1.0.0\",\"name\":"
            "\"Model\",\"description\":\"A gate of each kind\","
            "\"total_phases\":4,\"phases\":[" PHASE("0") "," PHASE(
                "1") "," PHASE("2") "," PHASE("3") "]}");
    for (int i = 0; i < MODEL_PHASES; i++) {
        struct slice at =
            arena_printf(test_arena(), "%s/model_v1/phases/%d", folder.p, i);
        kit_put(at.p, "phase.md", "# Text\n");
        kit_put(at.p, "task-1-a.md", "# Text\n");
        kit_put(at.p, "gate-definition.yaml", gates[i]);
    }
    return folder.p;
}

const char *model_evidence(int phase, bool good)
{
    if (phase == MODEL_FILE)
        return good ? "{\"done\":true,\"report\":\"there.txt\"}"
                    : "{\"done\":true,\"report\":\"gone.txt\"}";
    return good ? "{\"done\":true}" : "{}";
}
