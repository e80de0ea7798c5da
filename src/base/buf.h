/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * Owned byte buffers with a maximum stated at birth, and bounded cursors over
 * foreign bytes.  Both are sticky: after the first failure further calls do
 * nothing, and one check at the end tells.  Integers are little-endian.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* A growing buffer.  Always made by BUF_MAX(); read p and len freely. */
struct buf {
	uint8_t *p;         /* Owned; NULL while empty. */
	size_t len;         /* Bytes in use. */
	size_t cap;         /* Bytes allocated. */
	size_t max;         /* No more than this, ever. */
	enum err_code fail; /* First failure: E_NOMEM or E_LIMIT. */
};

#define BUF_MAX(n) ((struct buf){ .max = (n) })

/* A read position in bytes that are not ours. */
struct cur {
	const uint8_t *p; /* Next byte. */
	size_t left;      /* Bytes left. */
	bool bad;         /* A read went past the end, or a value was absurd. */
};

#define CUR(ptr, n) ((struct cur){ .p = (ptr), .left = (n) })

/**
 * buf_room(b, n):
 * Return a pointer to at least ${n} writable bytes behind the end of ${b}, or
 * NULL (and the buffer is failed).  The caller adds to b->len what it wrote.
 */
uint8_t *buf_room(struct buf *b, size_t n);

/**
 * buf_add(b, p, n):
 * Append ${n} bytes at ${p} (which may not lie in ${b}).
 */
void buf_add(struct buf *b, const void *p, size_t n);

/**
 * buf_u8(b, v), buf_u16(b, v), buf_u32(b, v), buf_u64(b, v):
 * Append an integer, little-endian.
 */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);

/**
 * buf_varint(b, v):
 * Append ${v} in groups of seven bits, lowest first, high bit = more follows
 * (LEB128, 1 to 10 bytes).
 */
void buf_varint(struct buf *b, uint64_t v);

/**
 * buf_str(b, s):
 * Append the characters of ${s} without its terminator.
 */
void buf_str(struct buf *b, const char *s);

/**
 * buf_fmt(b, fmt, ...), buf_vfmt(b, fmt, ap):
 * Append formatted text without a terminator.
 */
void buf_fmt(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/**
 * buf_cstr(b):
 * Return the content as a C string: a zero byte is kept behind the end (not
 * counted in len).  Returns "" where the buffer is empty or failed.
 */
const char *buf_cstr(struct buf *b);

/**
 * buf_done(b):
 * OK if everything was appended; E_NOMEM, or E_LIMIT if the maximum was hit.
 */
err buf_done(const struct buf *b);

/**
 * buf_clear(b):
 * Forget the content and the failure, keep the memory and the maximum.
 */
void buf_clear(struct buf *b);

/**
 * buf_release(b):
 * Free the memory.  ${b} is empty afterwards and may be used again.
 */
void buf_release(struct buf *b);

/**
 * cur_bytes(c, n):
 * Step over ${n} bytes and return where they begin; NULL (and ${c} is bad) if
 * fewer are left.  The pointer is into the bytes that the cursor was made over.
 */
const uint8_t *cur_bytes(struct cur *c, size_t n);

/**
 * cur_copy(c, dst, n):
 * Copy the next ${n} bytes to ${dst}; zeroes if fewer are left.
 */
void cur_copy(struct cur *c, void *dst, size_t n);

/**
 * cur_u8(c), cur_u16(c), cur_u32(c), cur_u64(c):
 * Read an integer, little-endian; 0 (and ${c} is bad) at the end.
 */
uint8_t cur_u8(struct cur *c);
uint16_t cur_u16(struct cur *c);
uint32_t cur_u32(struct cur *c);
uint64_t cur_u64(struct cur *c);

/**
 * cur_varint(c):
 * Read what buf_varint() wrote.  Longer than needed, or beyond 64 bits, is bad:
 * every value has one spelling.
 */
uint64_t cur_varint(struct cur *c);

/**
 * cur_sub(c, n):
 * Step over ${n} bytes and return a cursor over them alone.
 */
struct cur cur_sub(struct cur *c, size_t n);

/**
 * cur_end(c):
 * Return true if nothing went wrong and nothing is left.
 */
bool cur_end(const struct cur *c);

/**
 * le16(p), le32(p), le64(p):
 * Return the little-endian integer at ${p}.
 */
static inline uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static inline uint64_t
le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

/**
 * put_le16(p, v), put_le32(p, v), put_le64(p, v):
 * Write ${v} to ${p}, little-endian.
 */
static inline void
put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void
put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void
put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

#endif /* BASE_BUF_H */
