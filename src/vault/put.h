/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_PUT_H
#define VAULT_PUT_H

/*
 * What the parts of a backup share: put_walk.c turns what the walk tells into
 * items of a ring, put_tree.c takes them out in order and writes the tree,
 * put.c runs both and commits.
 */

#include "vault/cache.h"
#include "vault/commit.h"
#include "vault/intake.h"
#include "vault/walk.h"

#define PUT_RING 2048

enum item_kind { ITEM_FILE, ITEM_SAME, ITEM_OTHER, ITEM_ENTER, ITEM_LEAVE };

struct item {
	enum item_kind kind;
	char name[TREE_NAME_MAX + 1];
	struct stat st;
	enum walk_news news;
	struct intake_file file; /* ITEM_FILE */
	struct buf bytes;        /* ITEM_SAME: entry and extra names;
	                            ITEM_OTHER: target; ITEM_ENTER: xattrs. */
	size_t enc_len;          /* ITEM_SAME */
	struct file_stamp stamp; /* ITEM_SAME */
};

/* An account's name, kept for the run. */
struct account {
	uint32_t id;
	char name[64]; /* "" if it has none. */
};

struct accounts {
	struct account *v;
	size_t n, cap;
};

/* A directory whose tree is being written. */
struct level {
	char name[TREE_NAME_MAX + 1];
	struct stat st;
	struct buf xattrs;
	struct tree_builder tree;
};

struct putting {
	struct vault *v;
	const struct vault_source *src;
	const struct vault_put_opts *opts;
	struct vault_put_report *report;
	struct session session;
	struct commit commit;
	struct packer *packer;
	struct packer_worker *trees;
	struct intake *intake;
	struct tree_sink sink;
	struct walk walk;
	struct digest pseudonym;
	struct cache_reader *cache_in;
	struct cache_writer *cache_out;
	struct item *ring;
	size_t head, tail, ring_max;
	struct level *levels;
	size_t nlevels, cap_levels;
	struct accounts users, groups;
	struct buf enc;
	struct digest root;
	struct buf root_entry;
	bool interrupted; /* A pending marker of an earlier run was found. */
};

/* What put_walk.c does with what the walk tells. */
extern const struct walk_ops put_walk_ops;

/**
 * put_consume(p):
 * Take the oldest item out of the ring, waiting until it is read, and write it
 * into tree and cache.
 */
err put_consume(struct putting *p);

/**
 * put_tree_chunk(arg, p, n, ret_name):
 * Store a tree node; the sink of a backup's trees; ${arg} is its struct
 * putting.
 */
err put_tree_chunk(void *arg, const void *p, size_t n, struct digest *ret_name);

/**
 * put_problem(p, name, why):
 * Report that ${name} in the directory at hand could not be saved; ${why} is
 * taken over.
 */
void put_problem(struct putting *p, const char *name, err why);

/**
 * put_drop(p):
 * Free all items and directories that were not written.
 */
void put_drop(struct putting *p);

#endif /* VAULT_PUT_H */
