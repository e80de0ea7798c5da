/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MOUNT_FILE_H
#define VAULT_MOUNT_FILE_H

/* Reading files of a mounted vault, anywhere in them.  For one thread. */

#include "vault/chunklist.h"
#include "vault/mount_cache.h"

/* The most pieces that an open file may have: 8 TiB of chunks as usual. */
#define MOUNT_PIECES_MAX ((size_t)4 << 20)

/* Opaque; an open file. */
struct mount_file;

/**
 * mount_file_open(readers, naming, t, ret):
 * Read where the content of file ${t} lies; ${t} is not needed afterwards.
 * Errors as chunklist_open(); E_LIMIT for more than MOUNT_PIECES_MAX pieces.
 */
err mount_file_open(struct mount_readers *readers, const struct secret *naming,
                    const struct tree_entry *t, struct mount_file **ret);

/**
 * mount_file_read(f, c, off, p, n, ret_n):
 * Read up to ${n} bytes at ${off}, holes as zeroes; fewer at the end of the
 * file only.
 */
err mount_file_read(const struct mount_file *f, struct mount_cache *c,
                    uint64_t off, uint8_t *p, size_t n, size_t *ret_n);

/**
 * mount_file_close(f), mount_file_closep(f):
 * Free it; NULL is fine.
 */
void mount_file_close(struct mount_file *f);
void mount_file_closep(struct mount_file **f);

#endif /* VAULT_MOUNT_FILE_H */
