/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CUT_IN_H
#define VAULT_CUT_IN_H

/*
 * A bounded cursor over a foreign file, read by pread() through one small
 * window.  Sticky: the first read past the end, or an absurd value, makes it
 * bad; from then on it yields zeroes and does not move.  Little-endian.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define CUT_IN_WINDOW (64 * KiB)

struct cut_in {
	int fd;        /* Borrowed. */
	uint64_t size; /* Of the file. */
	uint64_t base; /* Where the window begins in the file. */
	uint64_t end;  /* No byte at or behind this is read. */
	size_t i;      /* Next byte in the window. */
	size_t n;      /* Bytes in the window. */
	bool bad;
	uint8_t window[CUT_IN_WINDOW];
};

/**
 * cut_in_init(in, fd, size):
 * Begin at the start of the file ${fd} of ${size} bytes.
 */
void cut_in_init(struct cut_in *in, int fd, uint64_t size);

/**
 * cut_in_fail(in):
 * Make ${in} bad: something that was read cannot be.
 */
void cut_in_fail(struct cut_in *in);

/**
 * cut_in_span(in, off, len):
 * Go on with the ${len} bytes at ${off}, and nothing behind them.  Bad if they
 * are not all in the file.
 */
void cut_in_span(struct cut_in *in, uint64_t off, uint64_t len);

/**
 * cut_in_fill(in):
 * Read the next window and return its first byte, stepping over it; for
 * cut_in_u8().
 */
uint8_t cut_in_fill(struct cut_in *in);

/**
 * cut_in_at(in), cut_in_left(in):
 * The offset of the next byte in the file; how many are left in the span.
 */
static inline uint64_t
cut_in_at(const struct cut_in *in)
{
	return in->base + in->i;
}

static inline uint64_t
cut_in_left(const struct cut_in *in)
{
	return in->end - cut_in_at(in);
}

/**
 * cut_in_u8(in):
 * Read one byte.
 */
static inline uint8_t
cut_in_u8(struct cut_in *in)
{
	if (in->i < in->n)
		return in->window[in->i++];
	return cut_in_fill(in);
}

/**
 * cut_in_back(in):
 * Take back the byte that cut_in_u8() has just read.
 */
static inline void
cut_in_back(struct cut_in *in)
{
	if (!in->bad)
		in->i--;
}

/**
 * cut_in_copy(in, p, n):
 * Read ${n} bytes to ${p}; zeroes where there are not so many.
 */
void cut_in_copy(struct cut_in *in, void *p, size_t n);

/**
 * cut_in_skip(in, n):
 * Step over ${n} bytes without reading them.
 */
void cut_in_skip(struct cut_in *in, uint64_t n);

/**
 * cut_in_u16(in), cut_in_u32(in), cut_in_u64(in):
 * Read an integer.
 */
uint16_t cut_in_u16(struct cut_in *in);
uint32_t cut_in_u32(struct cut_in *in);
uint64_t cut_in_u64(struct cut_in *in);

#endif /* VAULT_CUT_IN_H */
