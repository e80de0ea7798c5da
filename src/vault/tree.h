/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_TREE_H
#define VAULT_TREE_H

/*
 * Directories as chunks: entries sorted by the bytes of their names, cut into
 * nodes of about 64 KiB where the hash of a name says so, so that one change
 * rewrites one path.  Long chunk lists of files are nodes of the same kind.
 * FORMAT.md, "Trees".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "crypto/crypto.h"

#define TREE_NODE_TARGET   (64 * KiB)
#define TREE_NODE_MAX      (256 * KiB)
#define TREE_DEPTH_MAX     16 /* Levels of nodes under one directory. */
#define TREE_NAME_MAX      255
#define TREE_TARGET_MAX    4095 /* Of a symbolic link. */
#define TREE_INLINE_CHUNKS 16   /* More go into a list of their own. */
#define TREE_ENTRY_MAX     (1 * MiB)

enum node_kind {
	NODE_ENTRIES = 1,     /* Entries of a directory. */
	NODE_DIRS = 2,        /* Names and nodes below. */
	NODE_CHUNKS = 3,      /* Chunk names and lengths of a file. */
	NODE_CHUNK_LISTS = 4, /* Lists of them. */
};

enum entry_type {
	ENTRY_FILE = 1,
	ENTRY_DIR = 2,
	ENTRY_SYMLINK = 3,
	ENTRY_FIFO = 4,
	ENTRY_CHAR = 5,
	ENTRY_BLOCK = 6,
	ENTRY_SOCKET = 7,
};

#define ENTRY_UNSTEADY   1  /* Changed while it was read. */
#define ENTRY_UNREADABLE 2  /* Its content could not be read. */
#define ENTRY_LINKED     4  /* One of several hard links: see link_*. */
#define ENTRY_HAS_SHA    8  /* sha256 is known. */
#define ENTRY_LISTED     16 /* Chunks stand in the list node `list`. */

/* A chunk of a file. */
struct chunk_ref {
	struct digest name;
	uint64_t len;
};

/* One name in a directory.  Pointers are borrowed. */
struct tree_entry {
	const char *name;
	size_t name_len;
	enum entry_type type;
	uint32_t flags;
	uint32_t mode; /* Permission bits, 07777. */
	uint32_t uid, gid;
	const char *user, *group; /* May be NULL. */
	size_t user_len, group_len;
	int64_t mtime_ns;

	/* Files. */
	uint64_t size;
	struct digest sha256;  /* ENTRY_HAS_SHA */
	const uint8_t *chunks; /* Encoded refs: name, varint len. */
	size_t chunks_len, nchunks;
	struct digest list;   /* ENTRY_LISTED */
	const uint8_t *holes; /* Encoded varint pairs: skip, hole. */
	size_t holes_len;
	uint64_t link_dev, link_ino; /* ENTRY_LINKED */

	/* Others. */
	struct digest dir;  /* Root node of a directory. */
	const char *target; /* Of a symbolic link. */
	size_t target_len;
	uint32_t rdev_major, rdev_minor;

	const uint8_t *xattrs; /* Encoded: varint len, name, varint len, value.
	                        */
	size_t xattrs_len;
};

/**
 * entry_encode(e, b):
 * Append the encoding of ${e} to ${b}.
 */
void entry_encode(const struct tree_entry *e, struct buf *b);

/**
 * entry_decode(c, ret):
 * Read one entry; pointers in ${ret} are into the cursor's bytes.  E_CORRUPT
 * for damage, for fields that the entry's type and flags do not call for, and
 * for names that are empty, ".", "..", or contain '/' or NUL; E_UNSUPPORTED for
 * critical fields of a newer version.
 */
err entry_decode(struct cur *c, struct tree_entry *ret);

/**
 * entry_chunk(c, ret):
 * Read one encoded chunk ref; false at the end or on damage (c->bad).
 */
bool entry_chunk(struct cur *c, struct chunk_ref *ret);

/**
 * name_cmp(a, an, b, bn):
 * Compare two names bytewise, as directories are sorted.
 */
int name_cmp(const char *a, size_t an, const char *b, size_t bn);

/* Where finished nodes go: store ${n} bytes as a tree chunk, tell its name. */
struct tree_sink {
	err (*put)(void *arg, const void *p, size_t n, struct digest *ret_name);
	void *arg;
	uint64_t cut_key; /* Keys the hash that decides about cuts. */
};

/* A directory (or a chunk list) being written, one level of nodes a step. */
struct tree_builder {
	const struct tree_sink *sink;
	enum node_kind leaf, inner;
	struct tree_level *level; /* Owned. */
	size_t nlevels;
};

/**
 * tree_cut_key(chunker_key):
 * Derive the cut key from a domain's chunker key.
 */
uint64_t tree_cut_key(const struct secret *chunker_key);

/**
 * tree_dir_init(t, sink), tree_list_init(t, sink), tree_builder_release(t):
 * Begin a directory, or a chunk list; free what an unfinished one owns.
 */
void tree_dir_init(struct tree_builder *t, const struct tree_sink *sink);
void tree_list_init(struct tree_builder *t, const struct tree_sink *sink);
void tree_builder_release(struct tree_builder *t);

/**
 * tree_dir_add(t, name, name_len, enc, n):
 * Add the encoded entry of ${name}; names come in ascending order.
 */
err tree_dir_add(struct tree_builder *t, const char *name, size_t name_len,
                 const void *enc, size_t n);

/**
 * tree_list_add(t, ref):
 * Add the next chunk of a file.
 */
err tree_list_add(struct tree_builder *t, const struct chunk_ref *ref);

/**
 * tree_finish(t, ret):
 * Write what is left and set ${*ret} to the name of the root node.
 */
err tree_finish(struct tree_builder *t, struct digest *ret);

/* A child of an inner node. */
struct tree_child {
	struct digest node;
	const char *last; /* Last name below it (directories). */
	size_t last_len;
};

/**
 * node_open(p, n, ret_kind, ret):
 * See what node ${n} bytes are and set ${*ret} to a cursor over its rows.
 */
err node_open(const void *p, size_t n, enum node_kind *ret_kind,
              struct cur *ret);

/**
 * node_child(c, kind, ret):
 * Read the next row of an inner node of ${kind}; false at the end or on damage
 * (c->bad).
 */
bool node_child(struct cur *c, enum node_kind kind, struct tree_child *ret);

#endif /* VAULT_TREE_H */
