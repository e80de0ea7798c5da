/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CHUNKLIST_H
#define VAULT_CHUNKLIST_H

/*
 * Which chunks make up a file, and where its holes are, wherever its entry
 * keeps them.  A file's stream is its data without the holes; its size counts
 * both.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vault/dirwalk.h"
#include "vault/room.h"
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

/* Opaque; a position in the chunks of a file. */
struct chunklist;

/**
 * chunklist_open(r, naming, t, ret):
 * Begin to list the chunks of file ${t}, which is borrowed with what it points to,
 * as are ${r} and the domain's naming key ${naming}.  E_NOTFOUND if its content
 * could not be read when it was saved; E_CORRUPT if the entry contradicts
 * itself.
 */
err chunklist_open(struct reader *r, const struct secret *naming,
                   const struct tree_entry *t, struct chunklist **ret);

/**
 * chunklist_next(l, ret, ret_more):
 * Set ${*ret} to the next chunk of the file's stream and ${*ret_more} to true; to
 * false, and leave ${*ret}, at the end.  Every chunk has 1 to SEGMENT_PLAIN_MAX
 * bytes by the list, and they add up to the file's size without its holes:
 * E_CORRUPT as soon as they do not.
 */
err chunklist_next(struct chunklist *l, struct chunk_ref *ret, bool *ret_more);

/**
 * chunklist_close(l), chunklist_closep(l):
 * Free a list; NULL is fine.
 */
void chunklist_close(struct chunklist *l);
void chunklist_closep(struct chunklist **l);

#endif /* VAULT_CHUNKLIST_H */
