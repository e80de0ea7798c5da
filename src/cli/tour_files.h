/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TOUR_FILES_H
#define CLI_TOUR_FILES_H

/* What the tour does to files: copy them, name their bytes, destroy them. */

#include <stddef.h>
#include <stdint.h>

#include "asset/workspace.h"
#include "base/digest.h"
#include "base/err.h"

/* One file as it was. */
struct tour_file {
	char *path;        /* Below the workspace. */
	const char *asset; /* Borrowed from the workspace. */
	uint64_t size;
	struct digest sha256;
};

struct tour_files {
	struct tour_file *v;
	size_t n, cap;
};

/* What came of comparing. */
struct tour_match {
	size_t equal, differ, missing;
	const char *first_bad; /* Borrowed; NULL if all are equal. */
};

/**
 * tour_files_copy(from, to):
 * Copy the directory ${from} to the new directory ${to}, without what git would
 * not keep: models/ and .casemate/ at its top.
 */
err tour_files_copy(const char *from, const char *to);

/**
 * tour_files_take(ws, ret):
 * Read every file of every asset of ${ws} and name its bytes.
 */
err tour_files_take(const struct workspace *ws, struct tour_files *ret);

/**
 * tour_files_wreck(dir, f, ret_locked, ret_deleted):
 * Do to the files ${f} below ${dir} what ransomware does: overwrite every
 * second one with its own ciphertext under a key that nobody keeps and rename
 * it to .locked, delete the others.  Nothing outside of ${dir} is touched.
 */
err tour_files_wreck(const char *dir, const struct tour_files *f,
                     size_t *ret_locked, size_t *ret_deleted);

/**
 * tour_files_sweep(dir, f):
 * Remove the .locked files that tour_files_wreck() left.
 */
err tour_files_sweep(const char *dir, const struct tour_files *f);

/**
 * tour_files_compare(dir, f, asset, ret):
 * Read the files ${f} (of ${asset}; NULL = of all) below ${dir} again.
 */
err tour_files_compare(const char *dir, const struct tour_files *f,
                       const char *asset, struct tour_match *ret);

/**
 * tour_files_remove(dir, f, asset):
 * Delete the files of ${asset}.
 */
err tour_files_remove(const char *dir, const struct tour_files *f,
                      const char *asset);

/**
 * tour_files_release(f):
 * Free the list.
 */
void tour_files_release(struct tour_files *f);

#endif /* CLI_TOUR_FILES_H */
