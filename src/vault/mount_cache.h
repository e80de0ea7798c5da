/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MOUNT_CACHE_H
#define VAULT_MOUNT_CACHE_H

/*
 * Chunks that were read last, checked and decoded, within a bound.  For one
 * thread.
 */

#include "vault/mount_readers.h"
#include "vault/tree.h"

/* The most chunks that a cache keeps. */
#define MOUNT_CACHE_CHUNKS 512

struct mount_slot {
	struct digest name;
	uint8_t *p; /* Owned; NULL: free. */
	size_t n;
	uint64_t used;
};

struct mount_cache {
	struct mount_readers *readers; /* Borrowed. */
	struct buf b;                  /* Where chunks are read to. */
	struct mount_slot slots[MOUNT_CACHE_CHUNKS];
	size_t bytes, bytes_max;
	uint64_t ticks;
};

/**
 * mount_cache_init(c, readers, max), mount_cache_release(c):
 * Begin without chunks; keep up to ${max} bytes of them (one chunk at least),
 * read by ${readers}, which are borrowed.  Free all.  A zeroed one is fine.
 */
void mount_cache_init(struct mount_cache *c, struct mount_readers *readers,
                      size_t max);
void mount_cache_release(struct mount_cache *c);

/**
 * mount_cache_get(c, name, ret, ret_n):
 * Set ${*ret} to the ${*ret_n} checked bytes of chunk ${name}, lent until the
 * next call.
 */
err mount_cache_get(struct mount_cache *c, const struct digest *name,
                    const uint8_t **ret, size_t *ret_n);

#endif /* VAULT_MOUNT_CACHE_H */
