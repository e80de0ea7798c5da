/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_RESTORE_H
#define VAULT_RESTORE_H

/*
 * What the parts of restore share: the files of a batch, the pieces they want,
 * and how both reach the disk.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "vault/intake.h"
#include "vault/room.h"
#include "vault/tree.h"

/* A file of the batch at hand. */
struct rfile {
	struct dirref *dir; /* Where it goes; held. */
	char *path;         /* Below the target; owned, for messages. */
	const char *name;   /* Last part of path. */
	char *temp;         /* In place: the name it is written under; owned. */
	struct tree_entry meta; /* Without content; points into `enc`. */
	uint8_t *enc;           /* Owned. */
	size_t enc_len;
	atomic_uint left; /* Pieces that are not written yet. */
	unsigned pieces;
	bool exists; /* Something has its name now. */
	bool skip;   /* Nothing to do (any more). */
	atomic_bool failed;
	pthread_mutex_t *lock; /* Of `error`; borrowed. */
	err error;             /* First failure; owned. */
};

/* A piece of a file: a chunk, or what lies of it before a hole. */
struct want {
	struct chunk_place at;
	uint32_t file; /* In the batch. */
	uint32_t skip; /* Bytes of the chunk before the piece. */
	uint32_t len;
	uint64_t off; /* In the file. */
};

struct batch {
	struct rfile *files; /* Owned. */
	size_t nfiles, cap_files;
	struct want *wants; /* Owned. */
	size_t nwants, cap_wants;
};

struct restore {
	struct vault *v;
	const struct snapshot *snap;
	const struct vault_restore_opts *opts;
	struct vault_restore_report *report;
	pthread_mutex_t lock; /* Of errors of files. */
	int target;           /* Directory that is written into. */
	bool owners;          /* Set owners. */
	bool fresh;           /* Nothing else is in the target. */
	unsigned threads;
	struct batch batch;
	struct reader *reader; /* Of the walking thread. */
	struct buf path;       /* Of the directory at hand, below the target. */
	struct rdir *dirs; /* Owned; directories made, for their metadata. */
	size_t ndirs, cap_dirs;
	struct rlink *links; /* Owned; hard links seen. */
	size_t nlinks, cap_links;
	size_t open_dirs;       /* Opened since the batch was empty. */
	struct ignore *ignore;  /* In place: what was never saved is not extra.
	                         */
	bool adopted;           /* Packs without an index were looked for. */
	atomic_bool unwritable; /* The target refused bytes: full, or broken. */
	atomic_int_fast64_t cpu_fetch, cpu_open, cpu_hash, cpu_write;
	atomic_uint_fast64_t fetched;
};

/**
 * restore_problem(r, path, why), restore_plan(r, path, what):
 * Report that ${path} could not be restored (${why} is taken over); or, with
 * plan_only, what would be done with it.
 */
void restore_problem(struct restore *r, const char *path, err why);
void restore_plan(struct restore *r, const char *path, const char *what);

/**
 * restore_parent(root, path, make, ret):
 * Open the directory above ${path} below ${root}, making what is missing if
 * ${make}.
 */
err restore_parent(int root, const char *path, bool make, int *ret);

/**
 * restore_displace(r, dir, name, path, keep):
 * Keep ${name} of ${dir}, which lies at ${path} below the target, aside: move
 * it, or with ${keep} link it, so that it can be replaced by a rename.
 */
err restore_displace(struct restore *r, int dir, const char *name,
                     const char *path, bool keep);

/**
 * restore_flush(r):
 * Restore the files of the batch and empty it.
 */
err restore_flush(struct restore *r);

/**
 * restore_meta(fd, name_fd, name, e, owners):
 * Set owner, attributes, mode and times of ${fd} (or, if negative, of ${name}
 * below
 * ${name_fd}, not following it) as entry ${e} says.
 */
err restore_meta(int fd, int name_fd, const char *name,
                 const struct tree_entry *e, bool owners);

/**
 * restore_other(r, dir, e, name):
 * Make the symbolic link, FIFO, device or socket ${e} as ${name} in ${dir}.
 */
err restore_other(const struct restore *r, int dir, const struct tree_entry *e,
                  const char *name);

/**
 * restore_fetch(r):
 * Write all wants of the batch of ${r}, in parallel, sorted by where they lie.
 * Files that fail carry their error; others are complete, with their metadata.
 */
err restore_fetch(struct restore *r);

/**
 * restore_compare(r):
 * In parallel, see which files of the batch exist with the wanted content:
 * those are marked skip and their wants dropped; with ${fix_meta} their
 * metadata is set.
 */
err restore_compare(struct restore *r, bool fix_meta);

/**
 * rfile_refused(r, f, e):
 * As rfile_fail(), where it was the target that refused: doing it again may
 * help.
 */
void rfile_refused(struct restore *r, struct rfile *f, err e);

/**
 * rfile_fail(f, e):
 * Note that ${f} failed; ${e} is taken over.
 */
void rfile_fail(struct rfile *f, err e);

/**
 * rfile_finish(r, f):
 * All pieces of ${f} are written: size and metadata.
 */
void rfile_finish(struct restore *r, struct rfile *f);

/**
 * batch_clear(b):
 * Forget all files and wants of ${b}.
 */
void batch_clear(struct batch *b);

#endif /* VAULT_RESTORE_H */
