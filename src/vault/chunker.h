/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CHUNKER_H
#define VAULT_CHUNKER_H

/*
 * Cuts a stream into chunks where its content says so, so that an insertion
 * moves a few cuts and not all that follow.  The cuts depend on the bytes and
 * on the domain's table alone: never on how the stream was read, on the machine
 * or on the compiler.  They are part of the format in so far as two versions
 * that cut differently share no chunks.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "crypto/crypto.h"

#define CHUNK_MIN (512 * KiB)
#define CHUNK_AVG (2 * MiB)
#define CHUNK_MAX (8 * MiB)

/* The domain's table; read-only once made, so threads may share it. */
struct chunker {
	uint64_t gear[256];
};

/**
 * chunker_init(c, key):
 * Derive the table of ${c} from ${key}.  The table is secret only in name: who
 * sees the sizes of known chunks can solve for it.
 */
void chunker_init(struct chunker *c, const struct secret *key);

/**
 * chunker_next(c, p, n):
 * Return the length of the first chunk of the ${n} bytes at ${p}: CHUNK_MIN to
 * CHUNK_MAX, about CHUNK_AVG for random bytes.  The caller gives at least
 * CHUNK_MAX bytes, or all that remain of the stream.  Returns ${n} if that is
 * CHUNK_MIN or less, or if no cut lies inside.
 */
size_t chunker_next(const struct chunker *c, const uint8_t *p, size_t n);

#endif /* VAULT_CHUNKER_H */
