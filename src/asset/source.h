/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSET_SOURCE_H
#define ASSET_SOURCE_H

/* From the source of an asset to the files that the vault saves. */

#include <stdbool.h>

#include "asset/workspace.h"
#include "vault/vault.h"

/* More matches of one glob, or more bytes of names, are E_LIMIT. */
#define SOURCE_MATCHES_MAX 1000000

/* A source, resolved.  `v` borrows from the rest. */
struct source {
	struct vault_source v;
	char *base;
	char **picks; /* NULL-terminated, sorted; NULL = all of base. */
	char **own;   /* Patterns that keep the vault's own files out. */
};

/**
 * asset_source(ws, a, ret):
 * Resolve the source of ${a}: a directory is saved whole; of a file's directory
 * that file; of the directory in front of a glob's first special character what
 * matches (a leading dot only where the pattern has one).  E_NOTFOUND if the
 * file or directory is absent, or nothing matches; E_UNSUPPORTED for sources
 * that this version cannot read.
 */
err asset_source(const struct workspace *ws, const struct asset *a,
                 struct source *ret);

/**
 * asset_home(ws, a, saved_base, ret, ret_whole):
 * Set ${*ret} to the directory into which a snapshot of ${a} is restored,
 * whether or not its source exists now, and ${*ret_whole} to whether that
 * directory belongs to the asset alone.  ${saved_base} is the snapshot's base
 * as the vault quotes it (NULL if not known): it tells a directory from a file.
 */
err asset_home(const struct workspace *ws, const struct asset *a,
               const char *saved_base, char **ret, bool *ret_whole);

/**
 * source_excludes(s, more, ret):
 * Set ${*ret} to a new NULL-terminated array of s->own and ${more} (NULL is
 * empty).  The caller frees the array, not the strings.
 */
err source_excludes(const struct source *s, char *const *more, char ***ret);

/**
 * source_release(s):
 * Free what ${s} holds.
 */
void source_release(struct source *s);

/**
 * source_is_live(source):
 * Return true if ${source} is no path but a URL or a command: a kind of source
 * that casemate.yaml knows and this version does not read yet.
 */
bool source_is_live(const char *source);

#endif /* ASSET_SOURCE_H */
