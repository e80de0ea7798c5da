/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUTTER_H
#define VAULT_CUTTER_H

/*
 * Finds cuts in a process of its own: the finders parse hostile bytes, so they
 * run where they can do no more than read the descriptor they were sent and
 * answer with a plan.  A worker that hangs, crashes or answers nonsense is
 * killed and a spare takes its place; when the spares are used up, files are
 * cut as streams for the rest of the run.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "vault/cuts.h"

/* Opaque; a worker and its spares. */
struct cutter;

/* What a cutter has been through. */
struct cutter_stats {
	uint64_t plans;   /* Found. */
	uint64_t refused; /* Files of no known format, or malformed. */
	uint64_t lost;    /* Workers that died or had to be killed. */
	uint64_t unasked; /* Files that no worker was left for. */
};

/**
 * cutter_start(ret):
 * Start a worker and its spares.  They are copies of this process: call before
 * there are threads, and before keys are in memory.  E_UNSUPPORTED where the
 * system lacks what the sandbox needs: cut without.
 */
err cutter_start(struct cutter **ret);

/**
 * cutter_find(c, fd, size, ret):
 * As cuts_find(), in the worker.  ${fd} stays the caller's and may be read by
 * nothing but pread() meanwhile.  ${*ret} is a plan that cuts_valid() accepts.
 * E_UNSUPPORTED where there is none, for whatever reason.  Any thread may call
 * this; one at a time is served.  No file holds it up for more than 30 s a
 * worker.
 */
err cutter_find(struct cutter *c, int fd, uint64_t size, struct cuts *ret);

/**
 * cutter_stats(c):
 * Return what happened so far.
 */
struct cutter_stats cutter_stats(struct cutter *c);

/**
 * cutter_stop(c), cutter_stopp(c):
 * End the workers and free ${c}; NULL is fine.  No call is under way.
 * cutter_stopp() is for AUTO().
 */
void cutter_stop(struct cutter *c);
AUTO_FREE(cutter_stopp, struct cutter, cutter_stop)

#endif /* VAULT_CUTTER_H */
