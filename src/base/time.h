/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

/*
 * Clocks and the one spelling of time: nanoseconds since 1970 (UTC) in an
 * int64_t, RFC 3339 with a Z in text.  CASEMATE_CLOCK (an RFC 3339 time) fixes
 * the wall clock, for tests.
 */

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S  ((int64_t)1000000000)
#define NS_PER_MS ((int64_t)1000000)

struct time_text {
	char s[40];
};

/* time_str(ns): "2026-11-20T10:00:00Z"; lives as long as its block. */
#define time_str(ns) (time_text(ns).s)

/**
 * time_now():
 * Return the wall clock in nanoseconds since 1970.
 */
int64_t time_now(void);

/**
 * time_mono():
 * Return a clock that never steps back, in nanoseconds; for durations.
 */
int64_t time_mono(void);

/**
 * time_boot():
 * Return nanoseconds since boot, suspended time included.
 */
int64_t time_boot(void);

/**
 * time_cpu():
 * Return the CPU time of the calling thread in nanoseconds.
 */
int64_t time_cpu(void);

/**
 * time_text(ns):
 * Return ${ns} as RFC 3339 in UTC, to the second.
 */
struct time_text time_text(int64_t ns);

/**
 * time_parse(s, ret):
 * Read an RFC 3339 time (any offset, fractional seconds allowed) into ${*ret}.
 * Return false if ${s} is none.
 */
bool time_parse(const char *s, int64_t *ret);

/**
 * time_span_parse(s, ret):
 * Read a duration such as "90s", "30m", "1h", "2d", "3w" into ${*ret}
 * nanoseconds.  Return false if ${s} is none, or negative, or overflows.
 */
bool time_span_parse(const char *s, int64_t *ret);

/**
 * time_span_text(ns):
 * Return ${ns} for people: "42 s", "3 min", "5 h", "12 d".
 */
struct time_text time_span_text(int64_t ns);

#endif /* BASE_TIME_H */
