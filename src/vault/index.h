/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_INDEX_H
#define VAULT_INDEX_H

/*
 * Where each chunk is: index objects of sorted 24-byte entries in sealed pages.
 * An index object is also its own local cache: look-ups read one page from a
 * byte-identical local copy, so resident memory does not grow with the vault.
 * FORMAT.md, "Index".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "vault/keys.h"
#include "vault/packtab.h"
#include "vault/record.h"

#define INDEX_PAGE     4096
#define INDEX_PREFIX   16
#define INDEX_ENTRY    24
#define INDEX_PER_PAGE ((INDEX_PAGE - TAG_LEN) / INDEX_ENTRY)

/* The largest index object has this many entries; more go into several. */
#define INDEX_ENTRIES_MAX ((size_t)2 << 20)

/* Where a chunk is. */
struct chunk_place {
	uint32_t pack;    /* Number in the packtab. */
	uint16_t segment; /* In that pack. */
	uint16_t pos;     /* Which chunk of that segment. */
};

struct index_entry {
	uint8_t prefix[INDEX_PREFIX]; /* First bytes of the chunk's name. */
	struct chunk_place at;
};

/* A position in an index file. */
struct index_walk {
	struct index_file *f; /* Borrowed. */
	uint64_t next;        /* Which entry comes next. */
	uint8_t plain[INDEX_PAGE];
};

/* Opaque; one index file, open. */
struct index_file;

/* All index files of one domain. */
struct index_set {
	struct index_file **v; /* Owned. */
	size_t n, cap;
	struct index_cache *cache; /* Opened pages, bounded. */
};

/**
 * index_build(keys, entries, n, packs, supersedes, b):
 * Append a whole index object to ${b}: ${n} entries (sorted here, doubles
 * dropped; a chunk in two packs is none) that refer to ${packs}; it takes the
 * place of ${supersedes} (or NULL).
 */
err index_build(const struct node_keys *keys, struct index_entry *entries,
                size_t n, const struct packtab *packs,
                const struct packset *supersedes, struct buf *b);

/**
 * index_open(fd, domain, packs, ret):
 * Open the index file behind ${fd} (taken over in any case) of ${domain}, and
 * add its packs to ${packs}.
 */
err index_open(int fd, const struct domain_keys *domain, struct packtab *packs,
               struct index_file **ret);

/**
 * index_close(f), index_closep(f):
 * Close an index file; NULL is fine.
 */
void index_close(struct index_file *f);
void index_closep(struct index_file **f);

/**
 * index_count(f), index_supersedes(f):
 * The number of entries, and which index objects it replaces (borrowed).
 */
size_t index_count(const struct index_file *f);
const struct packset *index_supersedes(const struct index_file *f);

/**
 * index_set_id(f, id), index_id(f):
 * Note the SHA-256 by which the object is named; tell it (borrowed).
 */
void index_set_id(struct index_file *f, const struct digest *id);
const struct digest *index_id(const struct index_file *f);

/**
 * index_packs(f, ret_n):
 * The numbers of the ${*ret_n} packs that it names (borrowed).
 */
const uint32_t *index_packs(const struct index_file *f, size_t *ret_n);

/**
 * index_walk_init(w, f), index_walk_next(w, ret, ret_more):
 * Begin in front of the first entry; set ${*ret} to the next one, ascending,
 * and
 * ${*ret_more} to whether there was one.
 */
void index_walk_init(struct index_walk *w, struct index_file *f);
err index_walk_next(struct index_walk *w, struct index_entry *ret,
                    bool *ret_more);

/**
 * index_each(f, fn, arg):
 * Call ${fn} for every entry, ascending.
 */
err index_each(struct index_file *f,
               err (*fn)(const struct index_entry *e, void *arg), void *arg);

/**
 * index_check(f):
 * Open every page and see that entries do not descend and refer to known packs.
 * E_CORRUPT otherwise.
 */
err index_check(struct index_file *f);

/**
 * index_set_init(s), index_set_release(s):
 * Make an empty set; close all of it.
 */
err index_set_init(struct index_set *s);
void index_set_release(struct index_set *s);

/**
 * index_set_add(s, f):
 * Add an open file, which the set takes over.
 */
err index_set_add(struct index_set *s, struct index_file *f);

/**
 * index_set_places(s, packs, name, ret, n):
 * Set ${ret} to up to ${*n} places of a chunk in packs that are not PACK_DEAD,
 * and
 * ${*n} to how many these are.  From any thread.
 */
err index_set_places(struct index_set *s, const struct packtab *packs,
                     const struct digest *name, struct chunk_place *ret,
                     size_t *n);

/**
 * index_set_find(s, packs, name, ret, ret_found):
 * Look up a chunk that lies in a pack that is not PACK_DEAD.  From any thread.
 * An error means that a page is damaged.
 */
err index_set_find(struct index_set *s, const struct packtab *packs,
                   const struct digest *name, struct chunk_place *ret,
                   bool *ret_found);

#endif /* VAULT_INDEX_H */
