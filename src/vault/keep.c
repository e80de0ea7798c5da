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

/* One rule of a policy: a word, how it spells slots, how many it keeps. */
struct rule {
	const char *word;
	const char *format; /* For strftime(); NULL: each is a slot. */
	unsigned left;
	char slot[32]; /* The one filled last. */
};

#define RULES 6

static void
slot_of(const struct rule *r, int64_t when_ns, char slot[32])
{
	time_t t = (time_t)(when_ns / NS_PER_S);
	struct tm tm;

	slot[0] = '\0';
	if (r->format != NULL && gmtime_r(&t, &tm) != NULL)
		(void)strftime(slot, 32, r->format, &tm);
}

/* Does ${r} keep a snapshot of ${when_ns}?  Asked from the newest on. */
static bool
rule_keeps(struct rule *r, int64_t when_ns)
{
	char slot[32];

	if (r->left == 0)
		return false;
	slot_of(r, when_ns, slot);
	if (r->format != NULL && strcmp(slot, r->slot) == 0)
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
	for (size_t i = 0; i < RULES; i++)
		if (rule_keeps(&rules[i], when_ns))
			add_why(l, rules[i].word, rules[i].slot);
}

void
vault_keep_plan(const struct snapshot_list *list, const struct vault_keep *keep,
                struct vault_keep_line *ret)
{
	struct rule rules[RULES] = {
		{ "last", NULL, keep->last, "" },
		{ "hourly", "%Y-%m-%dT%H", keep->hourly, "" },
		{ "daily", "%Y-%m-%d", keep->daily, "" },
		{ "weekly", "%G-W%V", keep->weekly, "" },
		{ "monthly", "%Y-%m", keep->monthly, "" },
		{ "yearly", "%Y", keep->yearly, "" },
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
