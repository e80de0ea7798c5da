/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_MOUNT_TREE_H
#define VAULT_MOUNT_TREE_H

/*
 * The directories of a mounted vault, without any file system: above are assets
 * and the times of their snapshots, below is what the snapshots hold.  For one
 * thread.
 */

#include "vault/mount_cache.h"
#include "vault/view.h"

/* The number of the topmost directory, as FUSE wants it. */
#define MOUNT_TOP 1

enum mount_kind {
	MOUNT_ASSETS = 1, /* The topmost directory. */
	MOUNT_ASSET,      /* Snapshots of one asset. */
	MOUNT_LATEST,     /* The link to the newest of them. */
	MOUNT_ENTRY,      /* Of a snapshot; its root too. */
};

/* What a directory holds; pointers are lent. */
struct mount_child {
	enum mount_kind kind;
	size_t asset;            /* Which one; not of MOUNT_ENTRY. */
	struct tree_entry entry; /* Made up above snapshots. */
};

/* What the kernel knows by number. */
struct mount_node {
	uint64_t ino;
	uint64_t lookups; /* How often the kernel was told of it. */
	enum mount_kind kind;
	size_t asset;
	uint8_t *enc; /* Its entry, encoded; owned. */
	size_t enc_len;
	struct mount_node *next; /* In its bucket. */
};

struct mount_asset {
	char name[TREE_NAME_MAX + 1];
	size_t first, n; /* Its snapshots. */
};

/* A walk through a directory in which names were looked up. */
struct mount_walk {
	uint64_t dir;                 /* Number of the directory. */
	struct dirwalk *w;            /* Owned; NULL: none. */
	char last[TREE_NAME_MAX + 1]; /* The name looked up last. */
	uint64_t used;
};

#define MOUNT_WALKS 8

struct mount_tree {
	struct mount_cache *nodes;  /* Borrowed. */
	struct snapshot_list list;  /* Sorted by asset, then by time. */
	char (*times)[64];          /* Names of the snapshots; owned. */
	struct mount_asset *assets; /* Owned; sorted by name. */
	size_t nassets, cap_assets;
	uint8_t key[16];             /* Makes numbers unpredictable. */
	struct mount_node **buckets; /* Owned. */
	size_t nbuckets, nnodes;
	struct mount_walk walks[MOUNT_WALKS];
	uint64_t ticks;
};

/**
 * mount_tree_init(t, nodes, list):
 * Make the tree of the snapshots in ${list}, which is taken over; its
 * nodes are read through ${nodes}, which is borrowed.  An asset whose name no
 * file could have gets another.
 */
err mount_tree_init(struct mount_tree *t, struct mount_cache *nodes,
                    struct snapshot_list *list);

/**
 * mount_tree_release(t):
 * Free what ${t} owns; a zeroed one is fine.
 */
void mount_tree_release(struct mount_tree *t);

/**
 * mount_tree_node(t, ino):
 * Return the node of that number, borrowed, or NULL.
 */
struct mount_node *mount_tree_node(const struct mount_tree *t, uint64_t ino);

/**
 * mount_tree_entry(n, ret):
 * Read the entry of node ${n}; pointers are into the node.
 */
err mount_tree_entry(const struct mount_node *n, struct tree_entry *ret);

/**
 * mount_tree_find(t, dir, name, ret, ret_found):
 * Look up ${name} in directory ${dir}; ${*ret} is lent until the next call.
 */
err mount_tree_find(struct mount_tree *t, const struct mount_node *dir,
                    const char *name, struct mount_child *ret, bool *ret_found);

/**
 * mount_tree_hold(t, dir, child, ret):
 * Give ${child} of the directory numbered ${dir} a number, the same as ever,
 * and count one more lookup of it.
 */
err mount_tree_hold(struct mount_tree *t, uint64_t dir,
                    const struct mount_child *child, struct mount_node **ret);

/**
 * mount_tree_number(t, dir, name, n):
 * Return the number that ${name} has in the directory numbered ${dir}.
 */
uint64_t mount_tree_number(const struct mount_tree *t, uint64_t dir,
                           const char *name, size_t n);

/**
 * mount_tree_forget(t, ino, n):
 * Take back ${n} lookups; a node without any is freed.
 */
void mount_tree_forget(struct mount_tree *t, uint64_t ino, uint64_t n);

/* A directory being listed.  Independent of its node. */
struct mount_list {
	struct mount_tree *t;
	enum mount_kind kind;
	size_t asset;
	uint64_t dir;         /* Number of the directory. */
	struct digest root;   /* MOUNT_ENTRY */
	struct dirwalk *walk; /* Owned. */
	size_t pos;           /* Children passed. */
	bool held;            /* `child` is at hand, not passed. */
	struct mount_child child;
};

/**
 * mount_list_open(t, dir, ret):
 * Begin to list directory ${dir}.
 */
err mount_list_open(struct mount_tree *t, const struct mount_node *dir,
                    struct mount_list **ret);

/**
 * mount_list_seek(l, pos):
 * Go to child number ${pos}, from 0; takes time where that is not the next one.
 */
err mount_list_seek(struct mount_list *l, size_t pos);

/**
 * mount_list_peek(l, ret), mount_list_pass(l):
 * Set ${*ret} to the next child, lent until it is passed, or to NULL at the
 * end; go on behind it.
 */
err mount_list_peek(struct mount_list *l, const struct mount_child **ret);
void mount_list_pass(struct mount_list *l);

/**
 * mount_list_close(l), mount_list_closep(l):
 * Free it; NULL is fine.
 */
void mount_list_close(struct mount_list *l);
void mount_list_closep(struct mount_list **l);

#endif /* VAULT_MOUNT_TREE_H */
