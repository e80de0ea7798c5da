/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUTS_H
#define VAULT_CUTS_H

/*
 * Plans of where to cut files whose format we know: tensors, columns and
 * archive members keep their chunks wherever in the file they move.  A plan is
 * advice about foreign bytes.  A wrong one costs deduplication, never bytes:
 * whoever follows a plan that cuts_valid() accepts reads every byte once, in
 * order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* No plan has more cuts. */
#define CUTS_MAX ((size_t)1 << 20)

/* Blocks of CUT_FIXED; a multiple of the size of every element. */
#define CUTS_BLOCK (2 * MiB)

/* The longest CUT_WHOLE. */
#define CUTS_WHOLE_MAX (8 * MiB)

enum cut_how {
	CUT_STREAM, /* The chunker finds the chunks. */
	CUT_FIXED,  /* Blocks of CUTS_BLOCK from its start. */
	CUT_WHOLE,  /* One chunk. */
};

struct cut {
	uint64_t off;
	uint64_t len;
	enum cut_how how;
};

/* A plan: the cuts of a whole file, in order, without gaps. */
struct cuts {
	struct cut *v; /* Owned. */
	size_t n;
	size_t cap;
};

/* A walk over a plan; begins as { .plan = p }. */
struct cuts_iter {
	const struct cuts *plan; /* Borrowed. */
	size_t i;                /* The cut we are in. */
	uint64_t done;           /* Bytes of it that were given out. */
};

/**
 * cuts_release(c):
 * Free what ${c} owns and leave it empty.
 */
void cuts_release(struct cuts *c);

/**
 * cuts_sniff(head, n, tail, size):
 * Look at the first ${n} (at least 16) and last 8 bytes of a file of ${size}
 * bytes, and return true if it is worth asking for a plan.  Parses nothing.
 */
bool cuts_sniff(const uint8_t *head, size_t n, const uint8_t tail[8],
                uint64_t size);

/**
 * cuts_find(fd, size, ret):
 * Parse the file ${fd} of ${size} bytes, here in this process, and set ${*ret}
 * (released by the caller) to a plan that cuts_valid() accepts.  Reads by
 * pread() alone; needs at most 64 MiB of memory.  E_UNSUPPORTED where no format
 * applies or the file is not what it says: cut it as a stream.  E_NOMEM.
 */
err cuts_find(int fd, uint64_t size, struct cuts *ret);

/**
 * cuts_valid(c, size):
 * Return true if ${c} covers a file of ${size} bytes exactly, in order, within
 * the bounds stated above.
 */
bool cuts_valid(const struct cuts *c, uint64_t size);

/**
 * cuts_next(it, ret):
 * Set ${*ret} to the next piece of the file: CUT_WHOLE is one chunk, whether it
 * stood so in the plan or is a block of a CUT_FIXED; CUT_STREAM is for the
 * chunker.  Return false behind the last.
 */
bool cuts_next(struct cuts_iter *it, struct cut *ret);

#endif /* VAULT_CUTS_H */
