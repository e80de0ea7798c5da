/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_WALK_H
#define VAULT_WALK_H

/*
 * Walking a source in the order of its tree, merged with what was saved last:
 * whoever walks learns of every name whether it is new, changed or the same.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "vault/cache.h"
#include "vault/intake.h"
#include "vault/vault.h"

/* Directories nested deeper are reported and left out. */
#define WALK_DEPTH_MAX 1000

enum walk_news {
	WALK_SAME,    /* As in the record. */
	WALK_CHANGED, /* A record of that name differs. */
	WALK_NEW,     /* No record of that name. */
};

/* What a walker tells.  Names and records live during the call only. */
struct walk_ops {
	/* Into directory ${name} (NULL for the root), which is open as ${dir}.
	 */
	err (*enter)(void *arg, const char *name, const struct stat *st,
	             struct dirref *dir);
	/* Anything else; ${rec} is the record unless news is WALK_NEW. */
	err (*entry)(void *arg, struct dirref *dir, const char *name,
	             const struct stat *st, enum walk_news news,
	             const struct cache_record *rec);
	/* Out of the directory that was entered last. */
	err (*leave)(void *arg);
	/* A record has no name any more; a directory counts once. */
	void (*gone)(void *arg, const char *path);
	/* ${path} cannot be saved; ${why} is the callee's. */
	void (*problem)(void *arg, const char *path, err why);
};

struct walk {
	const struct walk_ops *ops;
	void *arg;
	const struct vault_source *source;
	const struct vault_put_opts *opts;
	struct cache_reader *cache; /* NULL: everything is new. */
	int state_fd;               /* A directory that is never walked into. */
	uint64_t excluded;          /* Out: entries left out by rules. */
	const struct buf *path;     /* Out: of the directory at hand, below the
	                               base. */
};

/**
 * walk_run(w):
 * Walk the source of ${w}.  E_NOTFOUND if its base does not exist or is no
 * directory; otherwise the first error of a callback, or E_CANCELLED.
 */
err walk_run(struct walk *w);

#endif /* VAULT_WALK_H */
