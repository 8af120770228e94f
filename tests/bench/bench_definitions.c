/*
 * What reading workflows costs: one metadata.json, a definition of twenty
 * files, and an edit, which the next call sees.
 *
 *   build/phasegate-tests --benchmark-only tests/bench/bench_definitions.c
 */
#include <stdio.h>

#include "engine/definition.h"
#include "tests/bench/duel.h"
#include "tests/unit/session_kit.h"

enum { LOADS = 2000 };

static const char metadata_form[] =
    "{\"workflow_type\":\"w%d\",\"version\":\"1.0.0\",\"name\":\"W\","
    "\"description\":\"%s\",\"total_phases\":%d,\"phases\":[";

/* A workflow with so many files: metadata, and phases of four files each. One
 * file: the metadata of five phases alone. */
static const char *workflow_of(const char *root, int files, const char *about)
{
    struct arena *a = test_arena();
    struct buf b = BUF_INIT(1 << 20);
    int phases = files == 1 ? 5 : (files - 1) / 4;
    const char *name = arena_printf(a, "%s/w%d", root, files).p;
    buf_printf(&b, metadata_form, files, about, phases);
    for (int i = 0; i < phases; i++) {
        buf_printf(&b,
                   "%s{\"phase_number\":%d,\"phase_name\":\"P%d\",\"tasks\":["
                   "{\"task_number\":1,\"name\":\"a\",\"file\":\"task-1.md\"},"
                   "{\"task_number\":2,\"name\":\"b\",\"file\":\"task-2.md\"}"
                   "]}",
                   i ? "," : "", i, i);
        if (files == 1) continue;
        const char *folder = arena_printf(a, "%s/phases/%d", name, i).p;
        kit_put(folder, "phase.md", "# A phase\n\nWhat it is for.\n");
        kit_put(folder, "task-1.md", "# One\n\nDo this.\n");
        kit_put(folder, "task-2.md", "# Two\n\nDo that.\n");
        kit_put(folder, "gate-definition.yaml",
                "checkpoint:\n  strict: true\nevidence_schema:\n  done:\n"
                "    type: boolean\n    required: true\n"
                "    description: \"all done\"\n");
    }
    buf_puts(&b, "]}");
    buf_putc(&b, '\0');
    kit_put(name, "metadata.json", b.p);
    buf_done(&b);
    return name;
}

static void loads(const char *folder, double *took)
{
    struct arena a;
    arena_init(&a, 64 << 20);
    for (int i = 0; i < LOADS; i++) {
        struct eng_files files;
        struct eng_definition *d;
        struct problem p;
        problem_init(&p);
        double from = seconds_now();
        CHECK_OK(eng_files_read(slice_of(folder), &a, &p, &files));
        CHECK_OK(eng_definition_build(&files, &d));
        took[i] = (seconds_now() - from) * 1e6;
        eng_definition_unref(d);
        arena_reset(&a);
    }
    sort_doubles(took, LOADS);
    arena_done(&a);
}

BENCH(definitions, are_loaded)
{
    double took[LOADS];
    (void)bench;
    loads(workflow_of(test_tmpdir(), 1, "x"), took);
    figure_tell("load of one metadata.json, median", "us",
                share_of(took, LOADS, 0.5), BAR_MOST, 30);
    loads(workflow_of(test_tmpdir(), 21, "x"), took);
    figure_tell("load of a definition of 20 files, p95", "us",
                share_of(took, LOADS, 0.95), BAR_MOST, 100);
}

/* An edit, then the call that must tell of it. */
BENCH(definitions, an_edit_is_seen_at_the_next_call)
{
    enum { EDITS = 200 };
    struct fixture f;
    struct outcome o;
    double took[EDITS], seen = 0;
    (void)bench;
    const char *root = arena_printf(test_arena(), "%s/wf", test_tmpdir()).p;
    (void)workflow_of(root, 5, "before");
    fixture_init(&f, root);
    for (int i = 0; i < EDITS; i++) {
        char about[32];
        snprintf(about, sizeof about, "edit-%d.", i);
        (void)workflow_of(root, 5, about);
        double from = seconds_now();
        CHECK_OK(
            CALL(&o, eng_list_workflows(f.engine, &o.call,
                                        &(struct eng_list_workflows_args){0})));
        took[i] = (seconds_now() - from) * 1e6;
        seen += slice_find(buf_slice(&o.twin.plain), slice_of(about)) <
                o.twin.plain.n;
        outcome_done(&o);
    }
    sort_doubles(took, EDITS);
    figure_tell("edits seen at the next call, of 200", "", seen, BAR_LEAST,
                EDITS);
    figure_tell("that call, median", "us", share_of(took, EDITS, 0.5), BAR_NONE,
                0);
    fixture_done(&f);
}
