/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MERGE_H
#define VAULT_MERGE_H

/*
 * Many index objects made into few, without the entries of packs that are gone.
 * Readers never see less than before: what is superseded is deleted only where
 * all that takes its place is durable.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vault/room.h"

/* More small index objects than this are merged. */
#define MERGE_ABOVE 8

/* One entry after the other out of all index files at once. */
struct merge {
	struct index_walk *walk;  /* Owned. */
	struct index_entry *head; /* Owned; next entry of each walk. */
	uint32_t *heap;           /* Owned; walks that have one, by it. */
	size_t n, nheap;
};

/**
 * merge_init(m, files, n), merge_release(m):
 * Begin to read the ${n} index ${files} together; free.
 */
err merge_init(struct merge *m, struct index_file *const *files, size_t n);
void merge_release(struct merge *m);

/**
 * merge_next(m, ret, ret_more):
 * Set ${*ret} to the next entry by prefix, and ${*ret_more} to whether there
 * was one.  Entries that stand in several files come as often.
 */
err merge_next(struct merge *m, struct index_entry *ret, bool *ret_more);

/* What merge_indexes() is told, and tells. */
struct merge_plan {
	/* Is pack number ${pack} of the vault gone for good? */
	bool (*dead)(uint32_t pack, void *arg);
	void *arg;
	bool dry_run;
	struct vault_problems *problems;
	uint64_t merged; /* Set: index objects that were replaced. */
};

/**
 * merge_indexes(v, plan):
 * Where index objects name dead packs, or more than MERGE_ABOVE of them are
 * small, put new ones in their place; then load the index again.  May run
 * beside anything.  A crash leaves the old ones, the new ones, or both.
 */
err merge_indexes(struct vault *v, struct merge_plan *plan);

#endif /* VAULT_MERGE_H */
