/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_INTAKE_H
#define VAULT_INTAKE_H

/*
 * Reading files into the vault: a pool of threads takes files, reads, cuts and
 * hands chunks to the packer; a large file of known format is read by all of
 * them at once.  Whoever walked to the file gets its chunk list back.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "vault/packer.h"
#include "vault/tree.h"

/* An open directory that several files wait for. */
struct dirref {
	int fd;
	atomic_uint refs;
};

/* A file to read, and what came of it. */
struct intake_file {
	struct dirref *dir; /* Held until it is done. */
	const char *name;   /* Borrowed; in that directory. */
	struct stat st;     /* As seen by the walk, then as read. */
	bool digest;        /* Wanted: SHA-256 of the whole. */
	/* Results, valid once `done`. */
	atomic_bool done;
	bool unsteady; /* It changed while it was read. */
	bool has_sha;
	struct digest sha;
	uint64_t bytes;         /* Read. */
	struct chunk_ref *refs; /* Owned; in order. */
	size_t nrefs, cap_refs;
	struct buf holes;  /* Encoded holes; see tree.h. */
	struct buf xattrs; /* Encoded extended attributes. */
	int64_t read_ns;   /* Wall clock before the first byte was read. */
	err error;         /* Why it could not be read; owned. */
};

struct intake_stats {
	atomic_uint_fast64_t bytes_read;
	atomic_int_fast64_t cpu_read, cpu_cut;
};

/* Opaque. */
struct intake;

/**
 * intake_new(v, packer, threads, limit_read, progress, ret):
 * Start ${threads} reading threads that read ${limit_read} bytes per second
 * together (0 = no limit), count them in ${progress} (or NULL) and stop when it
 * is cancelled.
 */
err intake_new(struct vault *v, struct packer *packer, unsigned threads,
               uint64_t limit_read, struct vault_progress *progress,
               struct intake **ret);

/**
 * intake_add(in, f):
 * Queue a file.  ${f} must stay where it is until it is done.
 */
void intake_add(struct intake *in, struct intake_file *f);

/**
 * intake_wait(in, f):
 * Wait until ${f} is done.
 */
void intake_wait(struct intake *in, struct intake_file *f);

/**
 * intake_finish(in):
 * Wait for all files, flush the threads' open segments, end them.
 */
err intake_finish(struct intake *in);

/**
 * intake_free(in), intake_freep(in):
 * Free; queued files that were not begun are dropped.
 */
void intake_free(struct intake *in);
void intake_freep(struct intake **in);

/**
 * intake_stats(in):
 * Return the running counts, borrowed.
 */
struct intake_stats *intake_stats(struct intake *in);

/**
 * intake_file_release(f):
 * Free the results of ${f} and let its directory go.
 */
void intake_file_release(struct intake_file *f);

/**
 * dirref_new(fd, ret), dirref_hold(d), dirref_drop(d):
 * Share an open directory (taken over); the last drop closes it.
 */
err dirref_new(int fd, struct dirref **ret);
struct dirref *dirref_hold(struct dirref *d);
void dirref_drop(struct dirref *d);

/**
 * xattrs_read(fd, b):
 * Append the encoded extended attributes (ACLs among them) of ${fd} to ${b},
 * sorted by name.  File systems without any are fine.
 */
err xattrs_read(int fd, struct buf *b);

#endif /* VAULT_INTAKE_H */
