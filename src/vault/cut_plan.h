/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUT_PLAN_H
#define VAULT_CUT_PLAN_H

/*
 * How a finder turns what it found into a plan.  It notes the parts of a file
 * in any order, sorts them, and lays them down; what lies between parts, and
 * parts that are small, join their neighbours.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "vault/cuts.h"

/* A part shorter than this joins its neighbours... */
#define CUT_PLAN_SMALL (128 * KiB)

/* ...in groups no longer than this. */
#define CUT_PLAN_GROUP (1 * MiB)

/* Something worth a region of its own. */
struct cut_part {
	uint64_t off;
	uint64_t len;
	uint32_t mark; /* Says what it is, wherever in the file it stands. */
	enum cut_how how;
};

struct cut_parts {
	struct cut_part *v; /* Owned. */
	size_t n;
	size_t cap;
	enum err_code fail; /* First failure: E_NOMEM or E_LIMIT. */
};

/* A plan in the making.  Made by CUT_PLAN(); sticky. */
struct cut_plan {
	struct cuts *cuts;  /* Borrowed; where the cuts go. */
	uint64_t size;      /* Of the file. */
	uint64_t at;        /* Everything before this is laid down... */
	uint64_t group;     /* ...but what is behind this, which still grows. */
	enum err_code fail; /* First failure. */
};

#define CUT_PLAN(c, n) ((struct cut_plan){ .cuts = (c), .size = (n) })

/**
 * cut_plan_mark(p, n):
 * Return a mark for what ${n} bytes at ${p} name.
 */
uint32_t cut_plan_mark(const void *p, size_t n);

/**
 * cut_plan_note(parts, part):
 * Append ${part}; nothing if it is empty.  At most CUTS_MAX.
 */
void cut_plan_note(struct cut_parts *parts, struct cut_part part);

/**
 * cut_plan_sort(parts):
 * Put ${parts} in the order of the file.
 */
void cut_plan_sort(struct cut_parts *parts);

/**
 * cut_plan_release(parts):
 * Free what ${parts} owns.
 */
void cut_plan_release(struct cut_parts *parts);

/**
 * cut_plan_region(p, off, len, how):
 * Lay down a region of its own.  What lies between the last region and ${off}
 * joins the group before it.  Fails where it overlaps, or ends behind the file.
 */
void cut_plan_region(struct cut_plan *p, uint64_t off, uint64_t len,
                     enum cut_how how);

/**
 * cut_plan_small(p, part):
 * Let ${part} join its neighbours.  Where a group ends is up to the marks of
 * its parts, so that a part more or less moves a few groups, not all behind.
 */
void cut_plan_small(struct cut_plan *p, struct cut_part part);

/**
 * cut_plan_part(p, part):
 * Lay down ${part}: cut_plan_small() or cut_plan_region(), as its length says.
 */
void cut_plan_part(struct cut_plan *p, struct cut_part part);

/**
 * cut_plan_parts(p, parts):
 * Sort ${parts} and lay down each.
 */
void cut_plan_parts(struct cut_plan *p, struct cut_parts *parts);

/**
 * cut_plan_end(p):
 * Lay down what remains of the file.  OK if everything fitted; E_UNSUPPORTED
 * if the parts contradict each other or the file; E_NOMEM.
 */
err cut_plan_end(struct cut_plan *p);

#endif /* VAULT_CUT_PLAN_H */
