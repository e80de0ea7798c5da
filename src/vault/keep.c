/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which snapshots a policy keeps: the newest of each of the newest slots of
 * time, in UTC.  A snapshot that claims to come from the future takes nobody's
 * slot, or one with a false time could push out the others.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "vault/vault.h"

/* Clocks of nodes may differ by this much. */
#define AHEAD (24 * 3600 * NS_PER_S)

/* The rules, in the order in which reasons are given. */
enum unit { LAST, HOUR, DAY, WEEK, MONTH, YEAR, RULES };

struct rule {
	const char *word;
	unsigned left; /* How many it may still keep. */
	char slot[32]; /* The one filled last. */
};

static void
slot_of(enum unit unit, int64_t when_ns, char slot[32])
{
	time_t t = (time_t)(when_ns / NS_PER_S);
	struct tm tm;

	slot[0] = '\0';
	if (unit == LAST || gmtime_r(&t, &tm) == NULL)
		return;
	switch (unit) {
	case HOUR:
		(void)strftime(slot, 32, "%Y-%m-%dT%H", &tm);
		break;
	case DAY:
		(void)strftime(slot, 32, "%Y-%m-%d", &tm);
		break;
	case WEEK:
		(void)strftime(slot, 32, "%G-W%V", &tm);
		break;
	case MONTH:
		(void)strftime(slot, 32, "%Y-%m", &tm);
		break;
	default:
		(void)strftime(slot, 32, "%Y", &tm);
	}
}

/* Does rule ${r} of ${unit} keep this snapshot?  Asked from the newest on. */
static bool
rule_keeps(struct rule *r, enum unit unit, int64_t when_ns)
{
	char slot[32];

	if (r->left == 0)
		return false;
	slot_of(unit, when_ns, slot);
	if (unit != LAST && strcmp(slot, r->slot) == 0)
		return false;
	memcpy(r->slot, slot, sizeof(slot));
	r->left--;
	return true;
}

/* Add a reason, if there is room for it. */
static void
add_why(struct vault_keep_line *l, const char *word, const char *slot)
{
	char more[64];
	size_t n = strlen(l->why);

	l->keep = true;
	(void)snprintf(more, sizeof(more), "%s%s%s%s", n > 0 ? ", " : "", word,
	               slot[0] != '\0' ? " " : "", slot);
	if (n + strlen(more) < sizeof(l->why))
		memcpy(l->why + n, more, strlen(more) + 1);
}

static void
judge(struct rule rules[RULES], int64_t when_ns, struct vault_keep_line *l)
{
	for (enum unit i = LAST; i < RULES; i++)
		if (rule_keeps(&rules[i], i, when_ns))
			add_why(l, rules[i].word, rules[i].slot);
}

void
vault_keep_plan(const struct snapshot_list *list, const struct vault_keep *keep,
                struct vault_keep_line *ret)
{
	struct rule rules[RULES] = {
		[LAST] = { "last", keep->last, "" },
		[HOUR] = { "hourly", keep->hourly, "" },
		[DAY] = { "daily", keep->daily, "" },
		[WEEK] = { "weekly", keep->weekly, "" },
		[MONTH] = { "monthly", keep->monthly, "" },
		[YEAR] = { "yearly", keep->yearly, "" },
	};
	int64_t ahead = time_now() + AHEAD;
	bool any = false, newest = true;

	for (size_t i = 0; i < RULES; i++)
		any |= rules[i].left > 0;
	for (size_t i = list->n; i-- > 0;) {
		const struct snapshot *s = &list->v[i];
		struct vault_keep_line *l = &ret[i];

		*l = (struct vault_keep_line){ .id = s->id };
		if (!any)
			add_why(l, "no policy", "");
		else if (s->finished_ns > ahead)
			add_why(l, "dated in the future", "");
		else
			judge(rules, s->finished_ns, l);
		if (newest && !l->keep)
			add_why(l, "newest", "");
		newest &= s->finished_ns > ahead;
	}
}
