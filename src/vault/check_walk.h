/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CHECK_WALK_H
#define VAULT_CHECK_WALK_H

/*
 * A walk through every node and chunk reference of a snapshot, for those who
 * check.  What is damaged is told, and the walk goes on behind it.
 */

#include <stdint.h>

#include "vault/room.h"
#include "vault/tree.h"

/* Nodes open at once: directories in directories, and their levels. */
#define CHECK_WALK_DEPTH 2048

/* Bytes of them, and nodes of one snapshot: a hostile tree may refer to one
 * node as often as it likes. */
#define CHECK_WALK_BYTES (256 * MiB)
#define CHECK_WALK_NODES ((uint64_t)1 << 26)

struct check_walk;

/*
 * What the walk tells; w->path is where it stands.  An error ends the walk and
 * is returned: damage is none.
 */
struct check_walk_ops {
	/* Node ${name} comes next.  Setting ${*ret_skip} leaves it out with all
	 * below; ${*ret_sum} is then the sum of lengths that it stands for, if
	 * it is of a chunk list. */
	err (*node)(struct check_walk *w, const struct digest *name,
	            bool *ret_skip, uint64_t *ret_sum);

	/* It was read, and all below it; ${sum} as above. */
	err (*node_done)(struct check_walk *w, const struct digest *name,
	                 uint64_t sum);

	/* It could not be read; node_done() follows.  ${why} is dropped by the
	 * callee. */
	err (*unread)(struct check_walk *w, const struct digest *name, err why);

	/* A file begins; its chunks follow; it ends. */
	err (*file)(struct check_walk *w);
	err (*chunk)(struct check_walk *w, const struct digest *name);
	err (*file_done)(struct check_walk *w);

	/* Bytes that are as written and make no sense.  ${why} as above. */
	err (*bad)(struct check_walk *w, err why);
};

struct check_walk {
	const struct check_walk_ops *ops;
	void *arg;
	struct reader *r;            /* Borrowed. */
	const struct secret *naming; /* Borrowed. */
	struct buf path;             /* Raw bytes below the root. */
	unsigned depth;
	size_t held;           /* Bytes of open nodes. */
	uint64_t visits;       /* Of this snapshot. */
	uint64_t nodes, files; /* That were read; skipped ones are not. */
};

/**
 * check_walk_init(w, v, r, ops, arg), check_walk_release(w):
 * Prepare to walk snapshots of ${v} through ${r}; free.
 */
void check_walk_init(struct check_walk *w, const struct vault *v,
                     struct reader *r, const struct check_walk_ops *ops,
                     void *arg);
void check_walk_release(struct check_walk *w);

/**
 * check_walk_run(w, root):
 * Walk the tree whose root node is ${root}.
 */
err check_walk_run(struct check_walk *w, const struct digest *root);

#endif /* VAULT_CHECK_WALK_H */
