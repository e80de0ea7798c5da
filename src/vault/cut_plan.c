/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plans in the making.  Invariants: the cuts so far cover [0, group) exactly;
 * group <= at <= size; at - group <= CUT_PLAN_GROUP.
 */

#include "vault/cut_plan.h"

#include <stdlib.h>

/* A group ends behind a part of len bytes with a chance of len in GROUP_MEAN,
 * which its mark decides, once the group is at least GROUP_MIN long. */
#define GROUP_MIN  (256 * KiB)
#define GROUP_MEAN (512 * KiB)

uint32_t
cut_plan_mark(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = 0xcbf29ce484222325;

	/* FNV-1a; the product brings every bit to the top. */
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3;
	return (uint32_t)((h * 0x9e3779b97f4a7c15) >> 32);
}

void
cut_plan_note(struct cut_parts *parts, struct cut_part part)
{
	err e;

	if (parts->fail || part.len == 0)
		return;
	if (parts->n == CUTS_MAX) {
		parts->fail = E_LIMIT;
		return;
	}
	e = mem_grow(&parts->v, parts->n + 1, &parts->cap, sizeof(*parts->v));
	if (e.code) {
		parts->fail = E_NOMEM;
		err_drop(e);
		return;
	}
	parts->v[parts->n++] = part;
}

/* Let v[i] sink to its place in the heap v[0..n), the last part on top. */
static void
sink(struct cut_part *v, size_t i, size_t n)
{
	struct cut_part part = v[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && v[child].off < v[child + 1].off)
			child++;
		if (part.off >= v[child].off)
			break;
		v[i] = v[child];
		i = child;
	}
	v[i] = part;
}

void
cut_plan_sort(struct cut_parts *parts)
{
	struct cut_part *v = parts->v, last;
	size_t n = parts->n, i = 1;

	/* Most files list their parts in order. */
	while (i < n && v[i - 1].off <= v[i].off)
		i++;
	if (i >= n)
		return;

	/* Heapsort: qsort() takes memory, and asks the system how much there
	 * is, which the sandbox does not allow. */
	for (i = n / 2; i-- > 0;)
		sink(v, i, n);
	for (i = n; i-- > 1;) {
		last = v[0];
		v[0] = v[i];
		v[i] = last;
		sink(v, 0, i);
	}
}

void
cut_plan_release(struct cut_parts *parts)
{
	free(parts->v);
	*parts = (struct cut_parts){ 0 };
}

static void
plan_fail(struct cut_plan *p, enum err_code code)
{
	if (!p->fail)
		p->fail = code;
}

static void
push(struct cut_plan *p, uint64_t off, uint64_t len, enum cut_how how)
{
	struct cuts *c = p->cuts;
	err e;

	if (p->fail || len == 0)
		return;
	if (c->n == CUTS_MAX) {
		plan_fail(p, E_LIMIT);
		return;
	}
	if ((e = mem_grow(&c->v, c->n + 1, &c->cap, sizeof(*c->v))).code) {
		plan_fail(p, E_NOMEM);
		err_drop(e);
		return;
	}
	if (how == CUT_WHOLE && len > CUTS_WHOLE_MAX)
		how = CUT_STREAM;
	c->v[c->n++] = (struct cut){ .off = off, .len = len, .how = how };
}

/* End the open group. */
static void
flush(struct cut_plan *p)
{
	push(p, p->group, p->at - p->group, CUT_WHOLE);
	p->group = p->at;
}

/* Let the next len bytes join the group, or begin a new one; more than a group
 * holds becomes a stream. */
static void
join(struct cut_plan *p, uint64_t len)
{
	if (len > CUT_PLAN_GROUP - (p->at - p->group))
		flush(p);
	if (len > CUT_PLAN_GROUP) {
		push(p, p->at, len, CUT_STREAM);
		p->group += len;
	}
	p->at += len;
}

/* Take in what lies before a part; false if the part cannot be there. */
static bool
reach(struct cut_plan *p, uint64_t off, uint64_t len)
{
	if (p->fail)
		return false;
	if (off < p->at || off > p->size || len > p->size - off) {
		plan_fail(p, E_UNSUPPORTED);
		return false;
	}
	join(p, off - p->at);
	return true;
}

void
cut_plan_region(struct cut_plan *p, uint64_t off, uint64_t len,
                enum cut_how how)
{
	if (!reach(p, off, len))
		return;
	flush(p);
	push(p, off, len, how);
	p->at = p->group = off + len;
}

void
cut_plan_small(struct cut_plan *p, struct cut_part part)
{
	if (!reach(p, part.off, part.len))
		return;
	join(p, part.len);
	if (p->at - p->group >= GROUP_MIN && part.mark % GROUP_MEAN < part.len)
		flush(p);
}

void
cut_plan_part(struct cut_plan *p, struct cut_part part)
{
	if (part.len < CUT_PLAN_SMALL)
		cut_plan_small(p, part);
	else
		cut_plan_region(p, part.off, part.len, part.how);
}

void
cut_plan_parts(struct cut_plan *p, struct cut_parts *parts)
{
	if (parts->fail)
		plan_fail(p, parts->fail);
	cut_plan_sort(parts);
	for (size_t i = 0; i < parts->n && !p->fail; i++)
		cut_plan_part(p, parts->v[i]);
}

err
cut_plan_end(struct cut_plan *p)
{
	if (!p->fail)
		join(p, p->size - p->at);
	flush(p);
	if (p->fail == E_NOMEM)
		return err_nomem();
	if (p->fail)
		return err_new(E_UNSUPPORTED,
		               "its parts contradict each other");
	return OK;
}
