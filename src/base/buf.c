/* SPDX-License-Identifier: Apache-2.0 */

/* Bounded buffers and cursors; both sticky on failure. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

uint8_t *
buf_room(struct buf *b, size_t n)
{
	size_t cap;
	uint8_t *q;

	assert(b->max > 0 && b->len <= b->max);
	if (b->fail != E_OK)
		return NULL;
	if (n > b->max - b->len) {
		b->fail = E_LIMIT;
		return NULL;
	}
	if (b->len + n <= b->cap && b->p != NULL)
		return b->p + b->len;

	/* At least double, never beyond the maximum. */
	cap = b->cap < 64 ? 64 : b->cap * 2;
	if (cap < b->len + n)
		cap = b->len + n;
	if (cap > b->max)
		cap = b->max ? b->max : 1;
	if ((q = realloc(b->p, cap)) == NULL) {
		b->fail = E_NOMEM;
		return NULL;
	}
	b->p = q;
	b->cap = cap;
	return b->p + b->len;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *q;

	if (n == 0 || (q = buf_room(b, n)) == NULL)
		return;
	memcpy(q, p, n);
	b->len += n;
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	uint8_t t[2];

	put_le16(t, v);
	buf_add(b, t, sizeof(t));
}

void
buf_u32(struct buf *b, uint32_t v)
{
	uint8_t t[4];

	put_le32(t, v);
	buf_add(b, t, sizeof(t));
}

void
buf_u64(struct buf *b, uint64_t v)
{
	uint8_t t[8];

	put_le64(t, v);
	buf_add(b, t, sizeof(t));
}

void
buf_varint(struct buf *b, uint64_t v)
{
	uint8_t t[10];
	size_t n = 0;

	while (v >= 0x80) {
		t[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	t[n++] = (uint8_t)v;
	buf_add(b, t, n);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	uint8_t *q;
	int r;

	va_copy(again, ap);
	r = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (r < 0) {
		b->fail = b->fail ? b->fail : E_LIMIT;
		return;
	}
	/* Room for the zero byte too, which is not counted. */
	if ((q = buf_room(b, (size_t)r + 1)) == NULL)
		return;
	(void)vsnprintf((char *)q, (size_t)r + 1, fmt, ap);
	b->len += (size_t)r;
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

const char *
buf_cstr(struct buf *b)
{
	uint8_t *q;

	if ((q = buf_room(b, 1)) == NULL)
		return "";
	*q = '\0';
	return (const char *)b->p;
}

err
buf_done(const struct buf *b)
{
	if (b->fail == E_NOMEM)
		return err_nomem();
	if (b->fail != E_OK)
		return err_new(b->fail, "more than %zu bytes", b->max);
	return OK;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->fail = E_OK;
}

void
buf_release(struct buf *b)
{
	size_t max = b->max;

	free(b->p);
	*b = BUF_MAX(max);
}

const uint8_t *
cur_bytes(struct cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->left -= n;
	return p;
}

void
cur_copy(struct cur *c, void *dst, size_t n)
{
	const uint8_t *p;

	if ((p = cur_bytes(c, n)) != NULL)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

uint8_t
cur_u8(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 1);

	return p != NULL ? p[0] : 0;
}

uint16_t
cur_u16(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 2);

	return p != NULL ? le16(p) : 0;
}

uint32_t
cur_u32(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 4);

	return p != NULL ? le32(p) : 0;
}

uint64_t
cur_u64(struct cur *c)
{
	const uint8_t *p = cur_bytes(c, 8);

	return p != NULL ? le64(p) : 0;
}

uint64_t
cur_varint(struct cur *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = cur_u8(c);

		if (c->bad)
			return 0;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			if (b == 0 && shift > 0)
				break; /* A longer spelling of a short value. */
			return v;
		}
	}
	c->bad = true;
	return 0;
}

struct cur
cur_sub(struct cur *c, size_t n)
{
	const uint8_t *p = cur_bytes(c, n);
	struct cur sub = CUR(p, p != NULL ? n : 0);

	sub.bad = p == NULL;
	return sub;
}

bool
cur_end(const struct cur *c)
{
	return !c->bad && c->left == 0;
}
