/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_HOLES_H
#define VAULT_HOLES_H

/*
 * Where the holes of a sparse file are.  A file's stream is its data without
 * the holes; its size counts both.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "vault/tree.h"

/* Places in the file for offsets in its stream; read `size` freely. */
struct holes {
	struct cur c;   /* Holes that were not reached yet. */
	uint64_t size;  /* Of the stream: the file's without its holes. */
	uint64_t shift; /* Bytes of the holes passed so far. */
	uint64_t next;  /* Where in the stream the next hole is. */
	uint64_t hole;  /* Its bytes; 0: there is none. */
};

/**
 * holes_init(h, t):
 * Begin at the start of file ${t}, whose holes are borrowed.  E_CORRUPT if its
 * holes are damaged or do not fit into its size.
 */
err holes_init(struct holes *h, const struct tree_entry *t);

/**
 * holes_map(h, off, ret_run):
 * Return where in the file the byte at ${off} of its stream lies, and set
 * ${*ret_run} to how many bytes from there on lie in one piece (at least 1, for
 * ${off} below h->size).  Offsets may not descend.
 */
uint64_t holes_map(struct holes *h, uint64_t off, uint64_t *ret_run);

#endif /* VAULT_HOLES_H */
