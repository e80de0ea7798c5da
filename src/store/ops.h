/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OPS_H
#define STORE_OPS_H

/*
 * What each kind of store does; private to this room.  store.c checks names and
 * sizes before it calls, and puts the store's name in front of every error, so
 * a kind speaks only of the object and of what the user can do.  Contracts are
 * those of store.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

/* No name is longer, its terminator not counted. */
#define STORE_NAME_MAX 128

/* A kind of store; ${k} is what its open() made. */
struct store_ops {
	/* Open, or make if ${create}, the store at ${url}. */
	err (*open)(const char *url, bool create, void **ret);
	void (*close)(void *k);
	err (*put)(void *k, const char *name, const void *p, size_t n,
	           bool replace);
	err (*get)(void *k, const char *name, struct buf *b);
	err (*get_range)(void *k, const char *name, uint64_t off, size_t n,
	                 void *p);
	err (*size)(void *k, const char *name, uint64_t *ret);
	err (*list)(void *k, const char *kind,
	            err (*fn)(const struct store_item *item, void *arg),
	            void *arg);
	err (*delete)(void *k, const char *name);
	err (*space)(void *k, uint64_t *ret_free, uint64_t *ret_total);
};

/* A directory; the url is its path. */
extern const struct store_ops dir_ops;

/**
 * store_name_ok(name), store_kind_ok(kind):
 * Return true if ${name} can be an object's name, ${kind} the part before its
 * slash.
 */
bool store_name_ok(const char *name);
bool store_kind_ok(const char *kind);

#endif /* STORE_OPS_H */
