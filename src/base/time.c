/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clocks, and the calendar of RFC 3339 (proleptic Gregorian) without the C
 * library's time zones.  Days are counted in eras of 400 years that begin on
 * 1 March, so that the leap day is the last of its year.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

#define S_PER_DAY    86400
#define DAYS_PER_ERA 146097
#define DAYS_TO_1970 719468 /* From 0000-03-01. */

static int64_t
clock_read(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
time_now(void)
{
	const char *fixed = secure_getenv("CASEMATE_CLOCK");
	int64_t ns;

	if (fixed != NULL && time_parse(fixed, &ns))
		return ns;
	return clock_read(CLOCK_REALTIME);
}

int64_t
time_mono(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t
time_boot(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

int64_t
time_cpu(void)
{
	return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

/* Days since 1970-01-01 of a date whose month is 1 to 12. */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = year - (month <= 2), era, in_era, in_year;

	era = (y >= 0 ? y : y - 399) / 400;
	in_era = y - era * 400;
	in_year = (153 * (int64_t)((month + 9) % 12) + 2) / 5 + day - 1;
	return era * DAYS_PER_ERA + in_era * 365 + in_era / 4 - in_era / 100 +
	    in_year - DAYS_TO_1970;
}

static void
date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t era, d, y, in_year, m;

	days += DAYS_TO_1970;
	era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	d = days - era * DAYS_PER_ERA;
	y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	in_year = d - (365 * y + y / 4 - y / 100);
	m = (5 * in_year + 2) / 153;
	*day = (unsigned)(in_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

struct time_text
time_text(int64_t ns)
{
	int64_t s = ns / NS_PER_S, days, year;
	unsigned month, day;
	struct time_text t;

	/* Round towards the past on both sides of 1970. */
	s -= ns % NS_PER_S < 0;
	days = s / S_PER_DAY;
	s %= S_PER_DAY;
	if (s < 0) {
		s += S_PER_DAY;
		days--;
	}
	date_of(days, &year, &month, &day);
	(void)snprintf(t.s, sizeof(t.s),
	               "%04" PRId64 "-%02u-%02uT%02u:%02u:%02uZ", year, month,
	               day, (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
	               (unsigned)(s % 60));
	return t;
}

/* Read exactly ${n} digits and the character ${then} (0: none) behind them. */
static bool
digits(const char **s, int n, char then, unsigned *ret)
{
	const char *p = *s;
	unsigned v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (unsigned)(*p - '0');
	}
	if (then != '\0' && toupper((unsigned char)*p++) != then)
		return false;
	*s = p;
	*ret = v;
	return true;
}

static unsigned
days_in(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
		                        31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* A point and digits, or nothing; what is finer than nanoseconds is cut. */
static bool
fraction(const char **s, int64_t *ret_ns)
{
	int64_t unit = NS_PER_S / 10, ns = 0;
	const char *p = *s;

	*ret_ns = 0;
	if (*p != '.')
		return true;
	if (*++p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++, unit /= 10)
		ns += unit * (*p - '0');
	*s = p;
	*ret_ns = ns;
	return true;
}

/* Z or +hh:mm or -hh:mm, in seconds east of Greenwich. */
static bool
offset(const char **s, int64_t *ret)
{
	int sign = **s == '-' ? -1 : 1;
	unsigned h, m;

	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		*ret = 0;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	(*s)++;
	if (!digits(s, 2, ':', &h) || !digits(s, 2, '\0', &m))
		return false;
	*ret = sign * (int64_t)(h * 3600 + m * 60);
	return h < 24 && m < 60;
}

/* Date and time up to the second, which may be a leap second: 60. */
static bool
date_and_time(const char **s, int64_t *ret, bool *ret_leap)
{
	unsigned year, month, day, h, m, sec;

	if (!digits(s, 4, '-', &year) || !digits(s, 2, '-', &month) ||
	    !digits(s, 2, 'T', &day) || !digits(s, 2, ':', &h) ||
	    !digits(s, 2, ':', &m) || !digits(s, 2, '\0', &sec))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    h > 23 || m > 59 || sec > 60)
		return false;
	*ret = days_of(year, month, day) * S_PER_DAY + h * 3600 + m * 60 + sec;
	*ret_leap = sec == 60;
	return true;
}

bool
time_parse(const char *s, int64_t *ret)
{
	int64_t total, ns, east;
	bool leap;

	if (!date_and_time(&s, &total, &leap) || !fraction(&s, &ns) ||
	    !offset(&s, &east) || *s != '\0')
		return false;
	total -= east;

	/* A leap second ends a day, and is the first of the next. */
	if (leap && total % S_PER_DAY != 0)
		return false;
	if (__builtin_mul_overflow(total, NS_PER_S, &total) ||
	    __builtin_add_overflow(total, ns, &total))
		return false;
	*ret = total;
	return true;
}

bool
time_span_parse(const char *s, int64_t *ret)
{
	static const struct {
		char name;
		int64_t s;
	} units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', S_PER_DAY },
		{ 'w', 7 * S_PER_DAY },
		{ '\0', 0 },
	};
	size_t n = strspn(s, "0123456789"), u = 0;
	int64_t v = 0;

	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s[i] - '0', &v))
			return false;
	while (units[u].name != '\0' && units[u].name != s[n])
		u++;
	if (n == 0 || units[u].name == '\0' || s[n + 1] != '\0')
		return false;
	if (__builtin_mul_overflow(v, units[u].s * NS_PER_S, &v))
		return false;
	*ret = v;
	return true;
}

struct time_text
time_span_text(int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t abs = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t s = abs / (uint64_t)NS_PER_S;
	const char *unit = "s";
	struct time_text t;

	/* Two of a unit before it is used: "90 s" says more than "1 min". */
	if (s == 0 && abs >= (uint64_t)NS_PER_MS) {
		s = abs / (uint64_t)NS_PER_MS;
		unit = "ms";
	} else if (s >= 2 * S_PER_DAY) {
		s /= S_PER_DAY;
		unit = "d";
	} else if (s >= 2 * 3600) {
		s /= 3600;
		unit = "h";
	} else if (s >= 2 * 60) {
		s /= 60;
		unit = "min";
	}
	(void)snprintf(t.s, sizeof(t.s), "%s%" PRIu64 " %s", sign, s, unit);
	return t;
}
