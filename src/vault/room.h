/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_ROOM_H
#define VAULT_ROOM_H

/*
 * What the files of this room share: the open vault, its stores, its index, and
 * how chunks are read.  Nobody outside of the room includes this.
 */

#include <pthread.h>

#include "store/store.h"
#include "vault/cutter.h"
#include "vault/cuts.h"
#include "vault/index.h"
#include "vault/keys.h"
#include "vault/pack.h"
#include "vault/packtab.h"
#include "vault/vault.h"

struct vault_copy {
	const struct vault_store_config *config; /* Borrowed. */
	struct store *store;                     /* NULL: not open. */
	char *why;                               /* Why not; owned. */
};

struct vault {
	const struct vault_config *config; /* Borrowed. */
	char *state_dir;
	int state_fd;
	int cache_fd; /* state_dir/cache */
	struct vault_copy *copies;
	size_t ncopies;
	struct node_keys keys;
	struct key_statements statements;
	bool read_only; /* A newer version asks this one to keep its hands off.
	                 */
	struct cutter *cutter; /* NULL: every file is cut as a stream. */

	/* The index of our domain; loaded by index_load(). */
	bool indexed;
	struct packtab packs;
	struct index_set index;
	struct packset index_names; /* Of the files in use. */
	bool index_gap;             /* An index object could not be read. */
	bool adopts;                /* See reader_chunk(). */

	struct reader_cache *reader; /* Pack directories, session keys. */
};

/**
 * vault_add_problem(p, path, n, why):
 * Note a problem with ${path} of ${n} bytes; ${why} is dropped.
 */
void vault_add_problem(struct vault_problems *p, const char *path, size_t n,
                       err why);

/**
 * vault_writable(v):
 * E_UNSUPPORTED if the vault is of a version that this one may only read.
 */
err vault_writable(const struct vault *v);

/**
 * vault_first(v):
 * Return the first open store.  There is one.
 */
struct store *vault_first(const struct vault *v);

/**
 * vault_put_all(v, name, p, n, outcome):
 * Put an object into every open store; an object of that name that is there
 * already is fine.  OK if at least one store has it; stores that fail are noted
 * in ${outcome} (an array over the copies, or NULL) and the error of the last
 * one is returned if none took it.
 */
err vault_put_all(struct vault *v, const char *name, const void *p, size_t n,
                  struct vault_store_outcome *outcome);

/**
 * vault_get_any(v, name, b):
 * Get an object from the first store that has it.
 */
err vault_get_any(struct vault *v, const char *name, struct buf *b);

/**
 * vault_get_named(v, name, id, b):
 * Get the object ${name} whose bytes have the SHA-256 ${id}, from the first
 * store whose copy matches; E_CORRUPT if copies exist and none does.
 */
err vault_get_named(struct vault *v, const char *name, const struct digest *id,
                    struct buf *b);

/**
 * vault_each_name(v, kind, fn, arg):
 * Call ${fn} once for every object of ${kind} that any open store lists,
 * sorted.  A store that cannot be listed is left out from now on, unless it is
 * the last.
 */
err vault_each_name(struct vault *v, const char *kind,
                    err (*fn)(const struct store_item *item, void *arg),
                    void *arg);

/* --- index ---------------------------------------------------------------- */

/**
 * index_load(v):
 * Bring the index of our domain up to what the stores list: fetch what is new
 * into the local cache, drop what is superseded.  Damaged index objects are
 * left out (their packs are read instead).
 */
err index_load(struct vault *v);

/**
 * index_add(v, entries, n, supersedes):
 * Build, put and load an index object for ${n} entries.
 */
err index_add(struct vault *v, struct index_entry *entries, size_t n,
              const struct packset *supersedes);

/**
 * index_adopt(v, ret_n):
 * Find packs of our domain that no index names (of an interrupted run), read
 * their directories and index them; ${ret_n} (or NULL) counts them.
 */
err index_adopt(struct vault *v, uint64_t *ret_n);

/* --- reading chunks ------------------------------------------------------- */

/* Opaque; one reading thread's view of a vault. */
struct reader;

/* Opaque; what the readers of a vault share. */
struct reader_cache;

/**
 * reader_cache_free(c):
 * Free it and wipe the session keys; NULL is fine.
 */
void reader_cache_free(struct reader_cache *c);

/**
 * reader_new(v, ret), reader_free(r), reader_freep(r):
 * Make a reader; one a thread.  They share pack directories and session keys.
 */
err reader_new(struct vault *v, struct reader **ret);
void reader_free(struct reader *r);
void reader_freep(struct reader **r);

/**
 * reader_dir(r, pack, ret, ret_key):
 * Get the directory of pack number ${pack} and its session key (or NULL).  The
 * directory stays valid until reader_dir_done().
 */
err reader_dir(struct reader *r, uint32_t pack, const struct pack_dir **ret,
               struct secret *ret_key);
void reader_dir_done(struct reader *r, uint32_t pack);

/**
 * reader_place(v, name, ret):
 * Find where a chunk is.  E_NOTFOUND if no index knows it.  From any thread.
 */
err reader_place(struct vault *v, const struct digest *name,
                 struct chunk_place *ret);

/**
 * reader_prefetch(r, pack, dir, first, last):
 * Fetch the sealed bytes of segments ${first} to ${last} of a pack in one read,
 * so that reader_segment() finds them.  Failing is fine: they are fetched one
 * by one then, from any store.
 */
void reader_prefetch(struct reader *r, uint32_t pack,
                     const struct pack_dir *dir, uint32_t first, uint32_t last);

/**
 * reader_segment(r, pack, dir, key, segment, ret):
 * Open a segment; ${*ret} points to its plain bytes until the next call. Chunks
 * in it are not checked yet: see chunk_check().
 */
err reader_segment(struct reader *r, uint32_t pack, const struct pack_dir *dir,
                   const struct secret *key, uint32_t segment,
                   const uint8_t **ret);

/**
 * reader_fetched(r):
 * Return how many sealed bytes of segments this reader has fetched so far.
 */
uint64_t reader_fetched(const struct reader *r);

/**
 * reader_chunk(r, name, b):
 * Append the checked plain bytes of a chunk to ${b}.  Keeps the last segment
 * opened, because neighbours are often wanted next.  E_NOTFOUND if the index
 * does not know it, E_CORRUPT if its bytes are wrong in every store.  The only
 * reader of a vault whose ${adopts} is set looks, once, for packs that no index
 * names before it gives a chunk up.
 */
err reader_chunk(struct reader *r, const struct digest *name, struct buf *b);

/**
 * chunk_check(naming, row, plain):
 * See that the bytes of chunk ${row} of the opened segment ${plain} have its
 * name. E_CORRUPT otherwise.  ${ret_sha} (or NULL) gets their SHA-256.
 */
err chunk_check(const struct secret *naming, const struct chunk_row *row,
                const uint8_t *plain, struct digest *ret_sha);

/* --- snapshots ------------------------------------------------------------ */

/**
 * snapshot_encode(v, s, session, b, ret_id):
 * Seal and sign snapshot ${s} into ${b} and set its id.
 */
err snapshot_encode(struct vault *v, const struct snapshot *s,
                    const struct session *session, struct buf *b,
                    struct digest *ret_id);

/**
 * snapshot_decode(v, p, n, ret):
 * Verify, open and parse a snapshot object.  E_DENIED if it is sealed for
 * others.
 */
err snapshot_decode(struct vault *v, const void *p, size_t n,
                    struct snapshot *ret);

/**
 * snapshot_verify(v, p, n, ret):
 * Verify that an enrolled node of the domain that it names signed this snapshot
 * object, and describe its preamble.  Needs no key.
 */
err snapshot_verify(struct vault *v, const void *p, size_t n,
                    struct preamble *ret);

/**
 * snapshot_copy(s, ret):
 * Make a deep copy.
 */
err snapshot_copy(const struct snapshot *s, struct snapshot *ret);

#endif /* VAULT_ROOM_H */
