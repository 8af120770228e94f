/*
 * exec: one command of a gate, from its guard to its proof. Blocks until the
 * command is over. Thread: a flight's (engine/runs.h).
 */
#ifndef ENGINE_EXEC_H
#define ENGINE_EXEC_H

#include "engine/core.h"
#include "engine/definition.h"
#include "engine/gate.h"

struct eng_exec {
    struct engine *engine;
    const struct eng_definition *definition;
    const struct eng_field *field; /* with a command */
    struct arena *arena;
    bool (*stop)(void *ctx);
    void *ctx;
};
/* Fills *ret: proven, or not and why. */
void eng__exec(const struct eng_exec *x, struct eng_proof *ret);

#endif
