/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MOUNT_READERS_H
#define VAULT_MOUNT_READERS_H

/*
 * Several readers for one thread.  A reader keeps the segment that it opened
 * last; who jumps between a few segments wants a few of them.
 */

#include "vault/room.h"

#define MOUNT_READERS_MAX 8

struct mount_readers {
	struct vault *v; /* Borrowed. */
	struct {
		struct reader *r; /* Owned. */
		uint32_t pack, segment;
		uint64_t used;
	} slot[MOUNT_READERS_MAX];
	size_t n;
	uint64_t ticks;
};

/**
 * mount_readers_init(m, v, n), mount_readers_release(m):
 * Make ${n} readers of ${v}; free them.  A zeroed one is fine.
 */
err mount_readers_init(struct mount_readers *m, struct vault *v, size_t n);
void mount_readers_release(struct mount_readers *m);

/**
 * mount_readers_for(m, chunk, ret):
 * Get the reader that has opened the segment of ${chunk}, or else the one that
 * was not asked for the longest; borrowed.  E_NOTFOUND if no index knows the
 * chunk.
 */
err mount_readers_for(struct mount_readers *m, const struct digest *chunk,
                      struct reader **ret);

#endif /* VAULT_MOUNT_READERS_H */
