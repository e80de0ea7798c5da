/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_FDCACHE_H
#define STORE_FDCACHE_H

/*
 * A few open descriptors by object name, least recently used first out.  A
 * restore reads many ranges of one pack: this saves it an open and a close.
 * Any thread may call; a descriptor in use is never closed.
 */

#include <stdbool.h>

#include "base/err.h"

/* Opaque; one per store. */
struct fdcache;

/* A descriptor on loan. */
struct fdcache_loan {
	int fd;
	int slot; /* Where it lives; -1 if it is closed on return. */
};

/**
 * fdcache_new(ret), fdcache_free(c):
 * Make an empty cache; close all of it.  NULL is fine.  Nothing may be on loan.
 */
err fdcache_new(struct fdcache **ret);
void fdcache_free(struct fdcache *c);

/**
 * fdcache_take(c, name, ret):
 * Borrow the descriptor of ${name} into ${*ret}.  Return false if there is
 * none, or if its file has lost its name since.
 */
bool fdcache_take(struct fdcache *c, const char *name,
                  struct fdcache_loan *ret);

/**
 * fdcache_add(c, name, fd):
 * Hand ${fd}, just opened for ${name}, over to the cache and borrow it at once.
 */
struct fdcache_loan fdcache_add(struct fdcache *c, const char *name, int fd);

/**
 * fdcache_return(c, loan):
 * Give a descriptor back.
 */
void fdcache_return(struct fdcache *c, struct fdcache_loan loan);

/**
 * fdcache_forget(c, name):
 * No later fdcache_take() sees the descriptor that ${name} has now.
 */
void fdcache_forget(struct fdcache *c, const char *name);

#endif /* STORE_FDCACHE_H */
