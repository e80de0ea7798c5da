/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_VIEW_H
#define VAULT_VIEW_H

/*
 * What those who look into snapshots share: where a path leads, and entries as
 * callbacks get them.
 */

#include "vault/dirwalk.h"
#include "vault/room.h"
#include "vault/tree.h"

/* Looking goes no further down: backups do not either. */
#define VIEW_DEPTH_MAX 1024

/* Directories of one look take no more memory together. */
#define VIEW_MEMORY_MAX (256 * MiB)

/* An entry that a path led to. */
struct view_place {
	struct dirwalk *walk; /* Owned; `entry` points into it.  NULL: root. */
	struct tree_entry entry;
	struct buf path; /* The path in its one spelling: "a/b". */
};

/**
 * view_find(r, s, path, ret):
 * Follow ${path} from the root of snapshot ${s}, whose root entry is borrowed.
 * "" and "." mean the root, whose name is ""; empty parts and "." count for
 * nothing; symbolic links are not followed.  E_NOTFOUND, naming the path, if
 * there is no such entry; E_INVALID for "..".
 */
err view_find(struct reader *r, const struct snapshot *s, const char *path,
              struct view_place *ret);

/**
 * view_place_release(p):
 * Free what ${p} owns; a zeroed one is fine.
 */
void view_place_release(struct view_place *p);

/**
 * view_root(s, ret):
 * Set ${*ret} to the entry of the root directory; pointers are into ${s}.
 * Snapshots that have none of its metadata get zeroes.  E_CORRUPT.
 */
err view_root(const struct snapshot *s, struct tree_entry *ret);

/* An entry in the form that callbacks get, and the text that it points to. */
struct view_text {
	struct buf path, target, user, group;
	struct vault_entry entry;
};

/**
 * view_text(x, path, n, t):
 * Fill x->entry for tree entry ${t} at ${path} of ${n} bytes; it is valid until
 * the next call on ${x}, as long as ${t} is.
 */
err view_text(struct view_text *x, const char *path, size_t n,
              const struct tree_entry *t);

/**
 * view_text_init(x), view_text_release(x):
 * Make ${x} empty; free what it owns.
 */
void view_text_init(struct view_text *x);
void view_text_release(struct view_text *x);

/**
 * view_path_add(path, name, n):
 * Append ${name} to ${path}, behind a slash unless it is the first.
 */
void view_path_add(struct buf *path, const char *name, size_t n);

/**
 * view_zeroes(n, fn, arg):
 * Hand ${n} zero bytes to ${fn}.
 */
err view_zeroes(uint64_t n, err (*fn)(const void *p, size_t n, void *arg),
                void *arg);

#endif /* VAULT_VIEW_H */
