/* SPDX-License-Identifier: Apache-2.0 */

/* The judgement: rules from facts to colours. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/posture.h"
#include "cli/text.h"

/* What a reason may be long. */
#define REASON_MAX (16 * KiB)

const char *
posture_colour(enum posture_colour c)
{
	static const char *const names[] = { "green", "amber", "red" };

	return names[c];
}

uint64_t
posture_unprotected(const struct posture_asset *a)
{
	if (!a->compared)
		return 0;
	return a->drift.changed + a->drift.added + a->drift.missing;
}

/* Note a reason: ${fmt} is why, and behind a tab what mends it. */
__attribute__((format(printf, 4, 5))) static err
because(struct posture *p, enum posture_colour colour, struct posture_asset *a,
        const char *fmt, ...)
{
	AUTO(buf_release) struct buf b = BUF_MAX(REASON_MAX);
	struct posture_reason r = { .colour = colour };
	const char *why, *tab;
	va_list ap;
	err e;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if ((e = buf_done(&b)).code)
		return e;
	why = buf_cstr(&b);
	tab = strrchr(why, '\t');
	if ((e = mem_grow(&p->reasons, p->nreasons + 1, &p->cap,
	                  sizeof(*p->reasons)))
	        .code ||
	    (e = mem_dup(why, (size_t)(tab - why), &r.why)).code ||
	    (e = mem_dup(tab + 1, strlen(tab + 1), &r.mend)).code ||
	    (a != NULL &&
	     (e = mem_dup(a->name, strlen(a->name), &r.asset)).code)) {
		free(r.why);
		free(r.mend);
		return e;
	}

	/* Worst first, otherwise as they come. */
	size_t at = p->nreasons++;
	for (; at > 0 && p->reasons[at - 1].colour < colour; at--)
		p->reasons[at] = p->reasons[at - 1];
	p->reasons[at] = r;
	p->colour = MAX(p->colour, colour);
	if (a != NULL)
		a->colour = MAX(a->colour, colour);
	return OK;
}

static err
judge_stores(struct posture *p)
{
	err e;

	p->nopen = 0;
	for (size_t i = 0; i < p->nstores; i++)
		p->nopen += p->stores_why[i] == NULL;
	for (size_t i = 0; i < p->nstores; i++) {
		if (p->stores_why[i] == NULL)
			continue;
		if ((e = because(
			 p, p->nopen > 0 ? POSTURE_AMBER : POSTURE_RED, NULL,
			 "store \"%s\" is not open: %s\tcasemate doctor",
			 p->config->stores[i].name, p->stores_why[i]))
		        .code)
			return e;
	}
	if (p->nstores == 1 && p->nopen == 1)
		return because(
		    p, POSTURE_AMBER, NULL,
		    "there is one store only: what takes it takes "
		    "everything\tadd a store on another device to %s",
		    WORKSPACE_FILE);
	return OK;
}

static err
judge_machine(struct posture *p)
{
	err e;

	if (p->bad.total > 0)
		if ((e = because(
			 p, POSTURE_RED, NULL,
			 "%llu snapshot%s cannot be trusted\tcasemate check",
			 (unsigned long long)p->bad.total,
			 text_plural(p->bad.total)))
		        .code)
			return e;
	if (p->kit == MACHINE_KIT_BEARER)
		return because(
		    p, POSTURE_AMBER, NULL,
		    "the recovery kit lies in the workspace and has no "
		    "passphrase\tmove %s off this machine",
		    MACHINE_KIT);
	return OK;
}

/* Enough of what was known is gone or rewritten to think of an attack. */
static bool
mostly_lost(const struct vault_drift *d)
{
	uint64_t lost = d->changed + d->missing;

	if (d->missing > 0 && d->missing == lost + d->same)
		return true;
	return lost >= 2 && 2 * lost >= lost + d->same;
}

/* What stands at the asset's place. */
static err
judge_source(struct posture *p, struct posture_asset *a)
{
	bool saved = a->newest.finished_ns != 0;

	if (a->live)
		return because(
		    p, POSTURE_AMBER, a,
		    "its source cannot be saved by this version\t"
		    "export it to a file and name that as the source");
	if (a->source_missing)
		return because(p, POSTURE_RED, a, "its source is missing\t%s%s",
		               saved ? "casemate restore "
		                     : "make it, then casemate backup ",
		               a->name);
	if (a->source_why != NULL)
		return because(p, POSTURE_RED, a,
		               "its source cannot be read: %s\tcasemate doctor",
		               a->source_why);
	if (!a->compared)
		return OK;
	if (mostly_lost(&a->drift))
		return because(
		    p, POSTURE_RED, a,
		    "%llu of %llu files are missing or rewritten since the "
		    "newest snapshot\tcasemate restore %s --in-place (or, if "
		    "that was you: casemate backup %s)",
		    (unsigned long long)(a->drift.changed + a->drift.missing),
		    (unsigned long long)(a->drift.changed + a->drift.missing +
		                         a->drift.same),
		    a->name, a->name);
	if (posture_unprotected(a) > 0)
		return because(
		    p, POSTURE_AMBER, a,
		    "%llu changed, %llu new, %llu missing files since the "
		    "newest snapshot\tcasemate backup %s%s%s%s",
		    (unsigned long long)a->drift.changed,
		    (unsigned long long)a->drift.added,
		    (unsigned long long)a->drift.missing, a->name,
		    a->drift.missing > 0 ? " (or casemate restore " : "",
		    a->drift.missing > 0 ? a->name : "",
		    a->drift.missing > 0 ? ")" : "");
	return OK;
}

/* What the vault has of it. */
static err
judge_snapshot(struct posture *p, struct posture_asset *a)
{
	int64_t age = p->now_ns - a->newest.finished_ns;
	err e;

	/* Where no store answers nobody knows. */
	if (p->nopen == 0)
		return OK;
	if (a->newest.finished_ns == 0)
		return because(p, POSTURE_RED, a,
		               "it has no snapshot\tcasemate backup %s",
		               a->name);
	if (a->rpo_ns > 0 && age > a->rpo_ns) {
		if ((e = because(
			 p, POSTURE_RED, a,
			 "its newest snapshot is %s old, its objective (rpo) "
			 "is %s\tcasemate backup %s",
			 time_span_text(age).s, time_span_text(a->rpo_ns).s,
			 a->name))
		        .code)
			return e;
	}
	if (a->copies < p->nstores)
		if ((e = because(
			 p, a->copies > 0 ? POSTURE_AMBER : POSTURE_RED, a,
			 "%zu of %zu stores hold its newest snapshot\tcasemate "
			 "backup %s",
			 a->copies, p->nstores, a->name))
		        .code)
			return e;
	if (a->newest.problems > 0)
		return because(
		    p, POSTURE_AMBER, a,
		    "%llu file%s could not be read for its newest snapshot\t"
		    "casemate backup %s",
		    (unsigned long long)a->newest.problems,
		    text_plural(a->newest.problems), a->name);
	return OK;
}

err
posture_judge(struct posture *p)
{
	err e;

	if ((e = judge_stores(p)).code)
		return e;
	for (size_t i = 0; i < p->nassets; i++) {
		struct posture_asset *a = &p->assets[i];
		if ((e = judge_source(p, a)).code ||
		    (!a->live && (e = judge_snapshot(p, a)).code))
			return e;
	}
	if ((e = judge_machine(p)).code)
		return e;
	if (p->nassets == 0)
		return because(
		    p, POSTURE_AMBER, NULL,
		    "no asset is named, so nothing is protected\tname what is "
		    "worth keeping in %s",
		    WORKSPACE_FILE);
	return OK;
}
