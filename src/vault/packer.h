/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_PACKER_H
#define VAULT_PACKER_H

/*
 * The writing side: chunks go in, sealed packs go out to every store.  Workers
 * code and seal in parallel; one thread finishes packs and puts them.  Memory
 * is bounded by the few packs that are open or on their way.
 */

#include <stdatomic.h>

#include "vault/room.h"
#include "vault/seal.h"

/* Opaque; one per writing run. */
struct packer;

/* Opaque; one per writing thread. */
struct packer_worker;

struct packer_stats {
	atomic_uint_fast64_t bytes_new;    /* Plain bytes of new chunks. */
	atomic_uint_fast64_t bytes_stored; /* Bytes of packs. */
	atomic_uint_fast64_t packs;
	atomic_int_fast64_t cpu_hash, cpu_code, cpu_seal, cpu_put; /* ns */
};

struct packer_opts {
	struct session *session;
	struct vault_store_outcome *outcome; /* Notes stores that fail. */
	uint64_t limit_upload;               /* Bytes per second; 0 = none. */
	err (*before_put)(void *arg);        /* Called before every put. */
	void *arg;
};

/**
 * packer_new(v, opts, ret):
 * Begin writing packs of lock class kept into the open stores of ${v}.
 */
err packer_new(struct vault *v, const struct packer_opts *opts,
               struct packer **ret);

/**
 * packer_finish(p):
 * After all workers are flushed: close and put what is open, and index it.  OK
 * means that every chunk added is durable and indexed in at least one store.
 */
err packer_finish(struct packer *p);

/**
 * packer_free(p), packer_freep(p):
 * Stop and free; what was not finished is lost.
 */
void packer_free(struct packer *p);
void packer_freep(struct packer **p);

/**
 * packer_stats(p):
 * Return the running counts, borrowed.
 */
struct packer_stats *packer_stats(struct packer *p);

/**
 * packer_failed(p):
 * Return true if putting failed: writers should stop; packer_finish() tells
 * why.
 */
bool packer_failed(struct packer *p);

/**
 * packer_worker_new(p, kind, ret), packer_worker_free(w):
 * Make a writing thread's view for chunks of ${kind}; free it.
 */
err packer_worker_new(struct packer *p, enum chunk_kind kind,
                      struct packer_worker **ret);
void packer_worker_free(struct packer_worker *w);
void packer_worker_freep(struct packer_worker **w);

/**
 * packer_chunk(w, p, n, ret_name, ret_sha):
 * Add the chunk of ${n} bytes (at most SEGMENT_PLAIN_MAX) unless the vault has
 * it, and set its name and SHA-256 (${ret_sha} may be NULL).  The pack that
 * holds it is flagged PACK_USED.
 */
err packer_chunk(struct packer_worker *w, const void *p, size_t n,
                 struct digest *ret_name, struct digest *ret_sha);

/**
 * packer_known(p, name, ret):
 * Set ${*ret} to whether the vault or this run has chunk ${name}; if it has,
 * its pack is flagged PACK_USED.
 */
err packer_known(struct packer *p, const struct digest *name, bool *ret);

/**
 * packer_worker_flush(w):
 * Seal the segment that is still open.
 */
err packer_worker_flush(struct packer_worker *w);

#endif /* VAULT_PACKER_H */
