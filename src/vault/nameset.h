/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_NAMESET_H
#define VAULT_NAMESET_H

/* A set of chunk names (their first 16 bytes), shared by threads. */

#include <pthread.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/err.h"
#include "vault/index.h"

struct nameset {
	pthread_mutex_t lock;
	uint8_t (*v)[INDEX_PREFIX]; /* Owned; all zero = free. */
	size_t n, nslots;
};

/**
 * nameset_init(s), nameset_release(s):
 * Make an empty set; free it.
 */
err nameset_init(struct nameset *s);
void nameset_release(struct nameset *s);

/**
 * nameset_add(s, name, ret_new):
 * Add ${name}; set ${*ret_new} to whether it was not there.
 */
err nameset_add(struct nameset *s, const struct digest *name, bool *ret_new);

/**
 * nameset_has(s, name):
 * Return whether ${name} is there.
 */
bool nameset_has(struct nameset *s, const struct digest *name);

#endif /* VAULT_NAMESET_H */
