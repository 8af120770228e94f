/*
 * measure: a typed value out of what a run printed or wrote: a pattern's
 * group, a place in a JSON document, a test runner's closing line, a JUnit
 * report. Tests that failed, or a run without any, measure nothing: the value
 * is refused, whatever the exit code was.
 *
 * Thread: any.
 */
#ifndef ENGINE_MEASURE_H
#define ENGINE_MEASURE_H

#include "engine/gate.h"

/* *ret NULL: there is no value, and *ret_why says why. `type` is the field's.
 * ERR_NOMEM. arena */
MUST_USE enum err eng__measure(const struct eng_value_demand *d,
                               enum eng_type type, struct slice text,
                               struct arena *a, const struct json **ret,
                               struct slice *ret_why);

#endif
