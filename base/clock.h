/*
 * clock: time, injectable. Ages, deadlines, windows and leases in memory use
 * the monotonic clock in integer nanoseconds; the wall clock is for stored
 * timestamps and durable expiries only. A call reads the clock once per step
 * and hands `now` down.
 *
 * Thread: any. clock_fake: tests, before other threads start; advancing it
 * is safe from any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_now(void); /* ns, CLOCK_MONOTONIC, 24 ns a call */
/* ns, CLOCK_MONOTONIC_COARSE, 5 ns, up to 4 ms late */
int64_t clock_coarse(void);
int64_t clock_wall_ms(void); /* Unix time in ms */

/* Tests: from now on time stands still until advanced. */
void clock_fake(int64_t now_ns, int64_t wall_ms);
void clock_fake_advance(int64_t ns); /* both clocks */
/* The wall clock alone is set to another time, also without clock_fake. */
void clock_fake_jump(int64_t ms);
void clock_real(void);
/* Waits on a stopped clock must look at it themselves (base/lock does). */
bool clock_is_fake(void);

/* RFC 3339 UTC with milliseconds, "2026-11-21T13:04:54.123Z": 24 bytes and
 * a NUL into out[25]. */
#define CLOCK_TEXT_SIZE 25
struct slice clock_text(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
/* The other way: RFC 3339 with any zone and fraction. False: it is none, or a
 * day that never was. */
bool clock_parse(struct slice text, int64_t *ret_wall_ms);

#endif
