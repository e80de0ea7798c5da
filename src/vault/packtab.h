/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_PACKTAB_H
#define VAULT_PACKTAB_H

/*
 * The table of all packs that a process knows: a pack's number is its place
 * here, for as long as the process lives.  Adding is not thread-safe; flags
 * are.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

#define PACK_NONE UINT32_MAX

#define PACK_USED 1 /* The snapshot being made needs it. */
#define PACK_DEAD 2 /* Condemned or gone: as if it did not exist. */

/* The most stores whose packs are told apart. */
#define PACK_STORES 32

struct pack_row {
	struct digest id;
	uint32_t size;        /* Bytes. */
	uint32_t trailer_off; /* Where its trailer begins. */
	uint32_t present;     /* Bit i: store i was seen to hold it. */
	_Atomic uint8_t flags;
};

struct packtab {
	struct pack_row *v; /* Owned. */
	size_t n, cap;
	uint32_t *slots; /* Owned; open addressing, PACK_NONE = free. */
	size_t nslots;   /* A power of two. */
};

/**
 * packtab_add(t, id, size, trailer_off, ret):
 * Find or add a pack; set ${*ret} to its number.
 */
err packtab_add(struct packtab *t, const struct digest *id, uint32_t size,
                uint32_t trailer_off, uint32_t *ret);

/**
 * packtab_find(t, id):
 * Return the number of a pack, or PACK_NONE.
 */
uint32_t packtab_find(const struct packtab *t, const struct digest *id);

/**
 * packtab_flag(t, n, flag), packtab_is(t, n, flag):
 * Set a flag of pack ${n}; ask for it.
 */
static inline void
packtab_flag(struct packtab *t, uint32_t n, uint8_t flag)
{
	if (!(atomic_load_explicit(&t->v[n].flags, memory_order_relaxed) &
	      flag))
		atomic_fetch_or_explicit(&t->v[n].flags, flag,
		                         memory_order_relaxed);
}

static inline bool
packtab_is(const struct packtab *t, uint32_t n, uint8_t flag)
{
	return atomic_load_explicit(&t->v[n].flags, memory_order_relaxed) &
	    flag;
}

/**
 * packtab_unflag(t, flag):
 * Clear a flag of all packs.
 */
void packtab_unflag(struct packtab *t, uint8_t flag);

/**
 * packtab_release(t):
 * Free the table.
 */
void packtab_release(struct packtab *t);

#endif /* VAULT_PACKTAB_H */
