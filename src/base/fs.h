/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FS_H
#define BASE_FS_H

/*
 * Files and directories: durable replacement, access that cannot leave a root,
 * names of any bytes.  All functions may be called from any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/**
 * fs_read(dirfd, name, b):
 * Append the whole file ${name} below ${dirfd} (AT_FDCWD will do) to ${b}.
 * E_LIMIT if it is longer than the buffer's maximum; E_INVALID if it is no
 * regular file.
 */
err fs_read(int dirfd, const char *name, struct buf *b);

/**
 * fs_write(dirfd, name, p, n, mode):
 * Replace the file ${name} by ${n} bytes at ${p}: new file, fsync, rename,
 * fsync of the directory.  OK means that the new content survives power loss;
 * after an error or a crash the old content, or none, is there, whole (or the
 * new, if only the sync of the directory went wrong).
 */
err fs_write(int dirfd, const char *name, const void *p, size_t n, mode_t mode);

/**
 * fs_create(dirfd, name, p, n, mode):
 * As fs_write(), but E_EXISTS if ${name} exists; nothing is replaced.
 */
err fs_create(int dirfd, const char *name, const void *p, size_t n,
              mode_t mode);

/**
 * fs_pread_full(fd, p, n, off, ret_n):
 * Read up to ${n} bytes at ${off}, stopping early only at the end of the file;
 * set ${*ret_n} to how many there were.
 */
err fs_pread_full(int fd, void *p, size_t n, off_t off, size_t *ret_n);

/**
 * fs_pwrite_full(fd, p, n, off):
 * Write all ${n} bytes at ${off}.
 */
err fs_pwrite_full(int fd, const void *p, size_t n, off_t off);

/**
 * fs_write_full(fd, p, n):
 * Write all ${n} bytes at the file's position.
 */
err fs_write_full(int fd, const void *p, size_t n);

/**
 * fs_sync(fd), fs_sync_dir(dirfd, name):
 * Make the file behind ${fd}, or the directory ${name} below ${dirfd} ("." for
 * itself), durable.
 */
err fs_sync(int fd);
err fs_sync_dir(int dirfd, const char *name);

/**
 * fs_mkdirs(dirfd, path, mode):
 * Make the directory ${path} and what is missing above it, each made durable in
 * its parent.  An existing directory is fine.
 */
err fs_mkdirs(int dirfd, const char *path, mode_t mode);

/**
 * fs_open_beneath(dirfd, path, flags, mode, ret_fd):
 * Open ${path} (relative) so that no part of it, symbolic links included, leads
 * out of ${dirfd} (openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS).
 * E_DENIED where it would.
 */
err fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
                    int *ret_fd);

/**
 * fs_remove_tree(dirfd, name):
 * Delete ${name} and everything below it; symbolic links are removed, never
 * followed.  Depth is not limited by the stack or by descriptors.  OK if it
 * does not exist.
 */
err fs_remove_tree(int dirfd, const char *name);

/**
 * fs_path_join(ret, a, b):
 * Set ${*ret} to a new string "a/b" ("b" where ${a} is empty or ".").
 */
err fs_path_join(char **ret, const char *a, const char *b);

/**
 * fs_quote(name, n, b):
 * Append ${n} bytes of a file name to ${b} for people and JSON: valid UTF-8
 * stays, control characters and stray bytes become \xNN, a backslash doubles.
 */
void fs_quote(const char *name, size_t n, struct buf *b);

#endif /* BASE_FS_H */
