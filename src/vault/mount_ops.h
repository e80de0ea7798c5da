/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MOUNT_OPS_H
#define VAULT_MOUNT_OPS_H

/*
 * What a mounted vault answers to the kernel.  One thread at a time.
 */

#include <sys/types.h>

#include "vault/mount_file.h"
#include "vault/mount_tree.h"

/* The user data of the session. */
struct mount {
	struct vault *v;                  /* Borrowed. */
	struct mount_readers trees, data; /* Below the caches. */
	struct mount_tree tree;
	struct mount_cache nodes, chunks;
	uid_t uid; /* Owns what is above the snapshots. */
	gid_t gid;
};

/* For fuse_session_new(). */
struct fuse_lowlevel_ops;
extern const struct fuse_lowlevel_ops mount_ops;

#endif /* VAULT_MOUNT_OPS_H */
