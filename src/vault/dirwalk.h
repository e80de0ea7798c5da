/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_DIRWALK_H
#define VAULT_DIRWALK_H

/*
 * Reading a directory back from its nodes, entry by entry, or one name of it
 * along one path of nodes.  Stored bytes are not trusted to be a tree: depth
 * and memory are bounded, and names must ascend.
 */

#include <stdbool.h>
#include <stddef.h>

#include "vault/room.h"
#include "vault/tree.h"

/* The longest node of each sort that is read. */
#define TREE_LEAF_READ_MAX  (TREE_NODE_MAX + TREE_ENTRY_MAX + 64)
#define TREE_INNER_READ_MAX (TREE_NODE_MAX + 1 * KiB)

/**
 * dirwalk_node(r, name, leaf, inner, b, ret_kind, ret):
 * Read node ${name} into ${b}, whose content and maximum are replaced, and set
 * ${*ret} to a cursor over its rows.  E_CORRUPT, naming the node, if it is
 * neither a ${leaf} nor an ${inner} node, or longer than a node can be.
 */
err dirwalk_node(struct reader *r, const struct digest *name,
                 enum node_kind leaf, enum node_kind inner, struct buf *b,
                 enum node_kind *ret_kind, struct cur *ret);

/* Opaque; a position in a directory. */
struct dirwalk;

/**
 * dirwalk_open(r, root, ret):
 * Begin to walk the directory whose root node is ${root}, in front of its first
 * entry.  ${r} is borrowed for the life of the walk; other walks may use it in
 * between.  E_CORRUPT if the root is no node of a directory.
 */
err dirwalk_open(struct reader *r, const struct digest *root,
                 struct dirwalk **ret);

/**
 * dirwalk_open_from(read, arg, root, ret):
 * The same, but nodes are read by ${read}: it appends the checked bytes of
 * chunk ${name} to ${b}.
 */
err dirwalk_open_from(err (*read)(void *arg, const struct digest *name,
                                  struct buf *b),
                      void *arg, const struct digest *root,
                      struct dirwalk **ret);

/**
 * dirwalk_next(w, ret, ret_more):
 * Set ${*ret} to the next entry, valid until the next call on ${w}, and
 * ${*ret_more} to true; to false, and leave ${*ret}, if there is none.
 * E_CORRUPT if the directory is not as it was written; nothing more can be read
 * then.
 */
err dirwalk_next(struct dirwalk *w, struct tree_entry *ret, bool *ret_more);

/**
 * dirwalk_seek(w, name, len):
 * Go on at the first entry that is not before ${name}; nodes that lie between
 * are not read.  Never goes back.  ${name} must stay until the next
 * dirwalk_next() has returned.
 */
void dirwalk_seek(struct dirwalk *w, const char *name, size_t len);

/**
 * dirwalk_find(w, name, len, ret, ret_found):
 * Look up ${name}, which may not lie before where the walk stands, and set
 * ${*ret_found} to whether it is there; ${*ret} as by dirwalk_next().
 */
err dirwalk_find(struct dirwalk *w, const char *name, size_t len,
                 struct tree_entry *ret, bool *ret_found);

/**
 * dirwalk_memory(w):
 * Return how many bytes ${w} holds, for those who keep many; it may grow.
 */
size_t dirwalk_memory(const struct dirwalk *w);

/**
 * dirwalk_close(w), dirwalk_closep(w):
 * Free a walk; NULL is fine.
 */
void dirwalk_close(struct dirwalk *w);
void dirwalk_closep(struct dirwalk **w);

#endif /* VAULT_DIRWALK_H */
