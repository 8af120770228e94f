#include "tests/unit/session_kit.h"

#include <inttypes.h>

static const char gate[] = "checkpoint:\n  strict: true\nevidence_schema:\n"
                           "  done:\n    type: boolean\n    required: true\n"
                           "    description: \"all done\"\n"
                           "  count:\n    type: integer\n    required: true\n"
                           "    description: \"how many\"\n";

void kit_put(const char *folder, const char *name, const char *text)
{
    struct slice path = arena_printf(test_arena(), "%s/%s", folder, name);
    size_t slash = path.n;
    while (path.p[slash - 1] != '/') slash--;
    CHECK_OK(path_make(slice_sub(path, 0, slash - 1), 0755));
    CHECK_OK(file_write_atomic(path, slice_of(text), 0644));
}

static void phase_put(const char *folder, int phase)
{
    static const char *const files[] = {"phase.md", "task-1-a.md",
                                        "task-2-b.md", "gate-definition.yaml"};
    for (size_t i = 0; i < 4; i++) {
        struct slice name = arena_printf(test_arena(), "three_v1/phases/%d/%s",
                                         phase, files[i]);
        kit_put(folder, name.p, i == 3 ? gate : "# Text\n");
    }
}

#define PHASE(n, name)                                                         \
    "{\"phase_number\":" n ",\"phase_name\":\"" name "\",\"tasks\":["          \
    "{\"task_number\":1,\"name\":\"a\",\"file\":\"task-1-a.md\"},"             \
    "{\"task_number\":2,\"name\":\"b\",\"file\":\"task-2-b.md\"}]}"

const char *kit_workflows(void)
{
    struct slice folder = arena_printf(test_arena(), "%s/wf", test_tmpdir());
    kit_put(folder.p, "three_v1/metadata.json",
            "{\"workflow_type\":\"three_v1\",\"version\":\"1.0.0\",\"name\":"
            "\"Three\",\"description\":\"Three phases for tests\","
            "\"total_phases\":3,\"phases\":[" PHASE("0", "First") "," PHASE(
                "1", "Second") "," PHASE("2", "Third") "]}");
    for (int i = 0; i < 3; i++) phase_put(folder.p, i);
    return folder.p;
}

struct slice kit_begin(struct fixture *f, const char *target)
{
    struct outcome o;
    struct eng_start_workflow_args args = {.workflow_type = SLICE("three_v1"),
                                           .target = slice_of(target),
                                           .resume = true};
    CHECK_OK(CALL(&o, eng_start_workflow(f->engine, &o.call, &args)));
    struct slice id = arena_copy(
        test_arena(), json_text(json_get(o.out, SLICE("session_id"))));
    outcome_done(&o);
    return id;
}

enum err kit_complete_once(struct fixture *f, struct outcome *o,
                           struct slice id, int64_t phase, const char *evidence,
                           const char *key)
{
    struct eng_complete_phase_args args = {.session_id = id,
                                           .phase = phase,
                                           .evidence = parse(evidence),
                                           .idempotency_key = slice_of(key)};
    return CALL(o, eng_complete_phase(f->engine, &o->call, &args));
}

enum err kit_complete(struct fixture *f, struct outcome *o, struct slice id,
                      int64_t phase, const char *evidence)
{
    return kit_complete_once(f, o, id, phase, evidence, NULL);
}

void kit_pass(struct fixture *f, struct slice id, int64_t phase)
{
    struct outcome o;
    CHECK_OK(kit_complete(f, &o, id, phase, KIT_GOOD));
    outcome_done(&o);
}

enum err kit_manage(struct fixture *f, struct outcome *o, struct slice id,
                    const char *action, int64_t to_phase, bool reset,
                    const char *key)
{
    struct eng_manage_session_args args = {.session_id = id,
                                           .action = slice_of(action),
                                           .reason = SLICE("because"),
                                           .to_phase = to_phase,
                                           .reset_evidence = reset,
                                           .idempotency_key = slice_of(key)};
    return CALL(o, eng_manage_session(f->engine, &o->call, &args));
}

enum err kit_claim(struct fixture *f, struct outcome *o, struct slice id,
                   int64_t phase, int64_t task, const char *agent)
{
    struct eng_claim_task_args args = {.session_id = id,
                                       .agent = slice_of(agent),
                                       .phase = phase,
                                       .task_number = task,
                                       .lease_seconds = 60};
    return CALL(o, eng_claim_task(f->engine, &o->call, &args));
}

enum err kit_release(struct fixture *f, struct outcome *o, struct slice id,
                     int64_t phase, int64_t task, int64_t fence,
                     const char *outcome)
{
    struct eng_release_task_args args = {.session_id = id,
                                         .outcome = slice_of(outcome),
                                         .phase = phase,
                                         .task_number = task,
                                         .fence = fence};
    return CALL(o, eng_release_task(f->engine, &o->call, &args));
}

enum err kit_session(struct fixture *f, struct outcome *o, struct slice id)
{
    struct eng_get_session_args args = {id, true, true};
    return CALL(o, eng_get_session(f->engine, &o->call, &args));
}

int64_t kit_int(const struct json *v)
{
    int64_t n;
    if (!json_int64(v, &n)) FAIL("not a number");
    return n;
}
