/* SPDX-License-Identifier: Apache-2.0 */

/* A bounded cursor over a foreign file.  base + i <= end <= size, always. */

#include "vault/cut_in.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

void
cut_in_init(struct cut_in *in, int fd, uint64_t size)
{
	in->fd = fd;
	in->size = in->end = size;
	in->base = 0;
	in->i = in->n = 0;
	in->bad = false;
}

void
cut_in_fail(struct cut_in *in)
{
	in->bad = true;
	in->base = in->end = in->size;
	in->i = in->n = 0;
}

void
cut_in_span(struct cut_in *in, uint64_t off, uint64_t len)
{
	if (in->bad)
		return;
	if (off > in->size || len > in->size - off) {
		cut_in_fail(in);
		return;
	}
	in->base = off;
	in->end = off + len;
	in->i = in->n = 0;
}

uint8_t
cut_in_fill(struct cut_in *in)
{
	uint64_t at = cut_in_at(in);
	size_t want = (size_t)MIN(in->end - at, (uint64_t)CUT_IN_WINDOW);
	ssize_t r;

	if (in->bad || want == 0) {
		cut_in_fail(in);
		return 0;
	}
	do
		r = pread(in->fd, in->window, want, (off_t)at);
	while (r == -1 && errno == EINTR);

	/* An error, or a file that shrank. */
	if (r <= 0) {
		cut_in_fail(in);
		return 0;
	}
	in->base = at;
	in->n = (size_t)r;
	in->i = 1;
	return in->window[0];
}

void
cut_in_copy(struct cut_in *in, void *p, size_t n)
{
	uint8_t *q = p;
	size_t k;

	if (in->bad || n > cut_in_left(in)) {
		cut_in_fail(in);
		memset(q, 0, n);
		return;
	}
	while (n > 0) {
		if (in->i == in->n) {
			*q++ = cut_in_fill(in);
			n--;
			continue;
		}
		k = MIN(n, in->n - in->i);
		memcpy(q, in->window + in->i, k);
		in->i += k;
		q += k;
		n -= k;
	}
}

void
cut_in_skip(struct cut_in *in, uint64_t n)
{
	if (in->bad || n > cut_in_left(in)) {
		cut_in_fail(in);
	} else if (n <= in->n - in->i) {
		in->i += (size_t)n;
	} else {
		in->base = cut_in_at(in) + n;
		in->i = in->n = 0;
	}
}

uint16_t
cut_in_u16(struct cut_in *in)
{
	uint8_t b[2];

	cut_in_copy(in, b, sizeof(b));
	return le16(b);
}

uint32_t
cut_in_u32(struct cut_in *in)
{
	uint8_t b[4];

	cut_in_copy(in, b, sizeof(b));
	return le32(b);
}

uint64_t
cut_in_u64(struct cut_in *in)
{
	uint8_t b[8];

	cut_in_copy(in, b, sizeof(b));
	return le64(b);
}
