/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_IGNORE_H
#define VAULT_IGNORE_H

/*
 * What a backup leaves out: patterns of the command line, those of the file
 * .casemateignore in each directory, by the rules of gitignore, and what lies
 * in directories that a CACHEDIR.TAG marks as caches.  For one thread that
 * walks a tree.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define IGNORE_FILE        ".casemateignore"
#define IGNORE_FILE_MAX    (1 * MiB)
#define IGNORE_PATTERN_MAX 4096              /* Bytes of a pattern. */
#define IGNORE_RULES_MAX   ((size_t)1 << 20) /* In force at once. */

/* Opaque; the patterns in force where the walk is. */
struct ignore;

/**
 * ignore_new(exclude, ret):
 * Begin at no directory.  ${exclude} (ended by NULL, or NULL) holds patterns
 * that are anchored at the root, if at all, and go before those of files; it is
 * borrowed.  E_INVALID if one can never match.
 */
err ignore_new(char *const *exclude, struct ignore **ret);

/**
 * ignore_enter(ig, dirfd, relpath):
 * Go down into directory ${dirfd}, which lies at ${relpath} below the root (""
 * is the root itself), and read its .casemateignore and its CACHEDIR.TAG.  The
 * tag counts below the root only: the root is what somebody asked for.  After
 * an error (E_LIMIT and E_INVALID: of the file) the directory is entered all
 * the same, only the patterns that could not be read are missing: less is left
 * out.
 */
err ignore_enter(struct ignore *ig, int dirfd, const char *relpath);

/**
 * ignore_leave(ig):
 * Go up again: drop what the last ignore_enter() brought.
 */
void ignore_leave(struct ignore *ig);

/**
 * ignore_match(ig, relpath, name, name_len, is_dir):
 * Return whether the entry ${name} of the directory ${relpath}, which was
 * entered last, is left out.  Takes time linear in pattern times path, at
 * worst.
 */
bool ignore_match(const struct ignore *ig, const char *relpath,
                  const char *name, size_t name_len, bool is_dir);

/**
 * ignore_free(ig), ignore_freep(ig):
 * Free it; NULL is fine.
 */
void ignore_free(struct ignore *ig);
void ignore_freep(struct ignore **ig);

#endif /* VAULT_IGNORE_H */
