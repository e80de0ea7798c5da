/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CACHE_H
#define VAULT_CACHE_H

/*
 * What this node saved last of an asset: a sealed local file of entries in the
 * order of the walk, so that the next backup merges along it and reads only
 * what changed.  Losing it costs one full read, never data.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vault/keys.h"
#include "vault/tree.h"

enum cache_kind {
	CACHE_END = 0,
	CACHE_ENTRY = 1, /* Anything but a directory. */
	CACHE_DIR = 2,   /* Down into a directory. */
	CACHE_UP = 3,    /* Back up. */
};

/* How a file looked when it was read. */
struct file_stamp {
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
	uint64_t ino;
	int64_t read_ns; /* When it was read. */
};

struct cache_record {
	enum cache_kind kind;
	struct file_stamp stamp; /* CACHE_ENTRY */
	const char *name;        /* CACHE_DIR and CACHE_ENTRY */
	size_t name_len;
	const uint8_t *enc; /* CACHE_ENTRY: its encoded tree entry. */
	size_t enc_len;
	const uint8_t *extra; /* CACHE_ENTRY: names of listed chunks. */
	size_t nextra;
};

/* Opaque; a cache file being read, or written. */
struct cache_reader;
struct cache_writer;

/**
 * cache_open(cache_fd, domain, asset, ret):
 * Open the cache of asset pseudonym ${asset}.  E_NOTFOUND if there is none.
 */
err cache_open(int cache_fd, const struct domain_keys *domain,
               const struct digest *asset, struct cache_reader **ret);

/**
 * cache_peek(r, ret):
 * Show the next record, which stays the next one; CACHE_END behind the last.
 * Pointers live until cache_step().  E_CORRUPT if the file is damaged.
 */
err cache_peek(struct cache_reader *r, struct cache_record *ret);

/**
 * cache_step(r):
 * Go on to the record after the one that cache_peek() showed.
 */
void cache_step(struct cache_reader *r);

/**
 * cache_skip_dir(r):
 * The next record is a CACHE_DIR: step over everything below it, up to and with
 * its CACHE_UP.
 */
err cache_skip_dir(struct cache_reader *r);

/**
 * cache_close(r), cache_closep(r):
 * Close; NULL is fine.
 */
void cache_close(struct cache_reader *r);
void cache_closep(struct cache_reader **r);

/**
 * cache_create(cache_fd, domain, asset, ret):
 * Begin a new cache file, invisible until cache_commit().
 */
err cache_create(int cache_fd, const struct domain_keys *domain,
                 const struct digest *asset, struct cache_writer **ret);

/**
 * cache_add(w, rec):
 * Append a record.
 */
err cache_add(struct cache_writer *w, const struct cache_record *rec);

/**
 * cache_commit(w):
 * Put the new file in the place of the old one.
 */
err cache_commit(struct cache_writer *w);

/**
 * cache_abandon(w), cache_abandonp(w):
 * Free; a file that was not committed is removed.  NULL is fine.
 */
void cache_abandon(struct cache_writer *w);
void cache_abandonp(struct cache_writer **w);

#endif /* VAULT_CACHE_H */
