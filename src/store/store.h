/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * Objects by name: write-once files of bytes in a place that we do not trust.
 * A name is "vault" or "<kind>/<leaf>", lower-case letters, digits, '-', '.'
 * and at most 128 bytes.  A store keeps what it acknowledged across power loss.
 * A directory is the first kind of store; see store/FORMAT.md for its layout.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* No object is larger. */
#define STORE_OBJECT_MAX ((size_t)64 << 20)

/* Opaque; one open store.  Calls on one store may come from any thread. */
struct store;

/* What a listing tells of one object. */
struct store_item {
	const char *name; /* Full name; borrowed, valid during the call. */
	uint64_t size;    /* Bytes. */

	/* When the store received it, by the store's clock. */
	int64_t changed_ns;
};

/**
 * store_open(url, name, ret):
 * Open the store at ${url}: a path or file:// URL of a directory that
 * store_create() made.  ${name} is what messages call it.  E_NOTFOUND if
 * nothing is there, E_INVALID if it is no store (an empty mount point, say).
 */
err store_open(const char *url, const char *name, struct store **ret);

/**
 * store_create(url, name, ret):
 * Make an empty store at ${url} and open it.  E_EXISTS if it is one already, or
 * a directory that is not empty.
 */
err store_create(const char *url, const char *name, struct store **ret);

/**
 * store_close(s), store_closep(s):
 * Release ${s}; NULL is fine.
 */
void store_close(struct store *s);
void store_closep(struct store **s);

/**
 * store_name(s), store_url(s):
 * Return what the store was opened with, borrowed.
 */
const char *store_name(const struct store *s);
const char *store_url(const struct store *s);

/**
 * store_put(s, name, p, n):
 * Keep ${n} bytes at ${p} as ${name}.  OK means that they survive power loss.
 * After an error or a crash all of the object is there, or none of it.  An
 * existing object of that name is left as it is and E_EXISTS returned: objects
 * are write-once.  E_NOSPACE when full, E_DENIED when read-only.
 */
err store_put(struct store *s, const char *name, const void *p, size_t n);

/**
 * store_replace(s, name, p, n):
 * As store_put(), but puts the new bytes in the place of an object of that
 * name.  Only for healing an object whose bytes do not match its name.
 */
err store_replace(struct store *s, const char *name, const void *p, size_t n);

/**
 * store_get(s, name, b):
 * Append the whole object to ${b}.  E_NOTFOUND, or E_LIMIT if it is longer than
 * the buffer's maximum.
 */
err store_get(struct store *s, const char *name, struct buf *b);

/**
 * store_get_range(s, name, off, n, p):
 * Read exactly ${n} bytes from ${off} into ${p}.  E_CORRUPT if the object is
 * shorter.
 */
err store_get_range(struct store *s, const char *name, uint64_t off, size_t n,
                    void *p);

/**
 * store_size(s, name, ret):
 * Set ${*ret} to the size of the object in bytes.  E_NOTFOUND.
 */
err store_size(struct store *s, const char *name, uint64_t *ret);

/**
 * store_list(s, kind, fn, arg):
 * Call ${fn} for every object whose name begins with "${kind}/", in no
 * particular order, until it returns an error, which is then returned.  An
 * object that is put or deleted meanwhile may or may not be seen; all others
 * are.  OK means that what was seen survives power loss.
 */
err store_list(struct store *s, const char *kind,
               err (*fn)(const struct store_item *item, void *arg), void *arg);

/**
 * store_delete(s, name):
 * Remove the object; OK if it is not there.  Durable when it returns.
 */
err store_delete(struct store *s, const char *name);

/**
 * store_space(s, ret_free, ret_total):
 * Set free and total bytes of the medium; both 0 where it cannot be known.
 */
err store_space(struct store *s, uint64_t *ret_free, uint64_t *ret_total);

#endif /* STORE_STORE_H */
