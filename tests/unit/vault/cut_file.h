/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CUT_FILE_H
#define CUT_FILE_H

/*
 * Files to be cut, mostly holes: what finders read is their headers.  And what
 * is asked of each: the plan that is expected, a refusal, and to survive every
 * flipped bit and every truncation of what was written.
 */

#include "helper.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "vault/cuts.h"

/* A file being built, and where in it somebody wrote. */
struct file {
	int fd;
	uint64_t size;
	struct {
		uint64_t off;
		uint64_t len;
	} written[64];
	size_t n;
};

static inline struct file
file_new(void)
{
	struct file f = { .fd = memfd_create("sample", MFD_CLOEXEC) };

	assert_true(f.fd >= 0);
	return f;
}

static inline void
file_close(struct file *f)
{
	(void)close(f->fd);
}

static inline void
put_at(struct file *f, uint64_t off, const void *p, size_t n)
{
	assert_int_equal(pwrite(f->fd, p, n, (off_t)off), n);
}

static inline void
put(struct file *f, const void *p, size_t n)
{
	put_at(f, f->size, p, n);
	assert_true(f->n < ARRAY_LEN(f->written));
	f->written[f->n].off = f->size;
	f->written[f->n++].len = n;
	f->size += n;
}

static inline void
put_buf(struct file *f, struct buf *b)
{
	assert_ok(buf_done(b));
	put(f, b->p, b->len);
	buf_release(b);
}

static inline void
hole(struct file *f, uint64_t n)
{
	f->size += n;
	assert_int_equal(ftruncate(f->fd, (off_t)f->size), 0);
}

static inline bool
sniffs(const struct file *f)
{
	uint8_t head[16], tail[8];

	if (f->size < sizeof(head))
		return false;
	assert_int_equal(pread(f->fd, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(pread(f->fd, tail, 8, (off_t)f->size - 8), 8);
	return cuts_sniff(head, sizeof(head), tail, f->size);
}

struct want {
	uint64_t len;
	enum cut_how how;
};

static inline void
expect(const struct file *f, const struct want *want, size_t n)
{
	AUTO(cuts_release) struct cuts c = { 0 };

	assert_true(sniffs(f));
	assert_ok(cuts_find(f->fd, f->size, &c));
	assert_true(cuts_valid(&c, f->size));
	for (size_t i = 0; i < MIN(c.n, n); i++) {
		if (c.v[i].len != want[i].len || c.v[i].how != want[i].how)
			print_error("cut %zu\n", i);
		assert_int_equal(c.v[i].len, want[i].len);
		assert_int_equal(c.v[i].how, want[i].how);
	}
	assert_int_equal(c.n, n);
}

#define EXPECT(f, ...)                                                         \
	expect((f), (const struct want[]){ __VA_ARGS__ },                      \
	       ARRAY_LEN(((const struct want[]){ __VA_ARGS__ })))

static inline void
refuse(const struct file *f)
{
	struct cuts c = { 0 };

	assert_err(E_UNSUPPORTED, cuts_find(f->fd, f->size, &c));
	assert_null(c.v);
}

/* Whatever a broken file gets: a valid plan, or none. */
static inline void
survive(int fd, uint64_t size)
{
	AUTO(cuts_release) struct cuts c = { 0 };
	err e = cuts_find(fd, size, &c);

	if (e.code == E_OK)
		assert_true(cuts_valid(&c, size));
	else
		assert_int_equal(e.code, E_UNSUPPORTED);
	err_drop(e);
}

static inline void
flip_each_bit(struct file *f, uint64_t off)
{
	uint8_t byte, flipped;

	assert_int_equal(pread(f->fd, &byte, 1, (off_t)off), 1);
	for (unsigned bit = 0; bit < 8; bit++) {
		flipped = byte ^ (uint8_t)(1 << bit);
		put_at(f, off, &flipped, 1);
		survive(f->fd, f->size);
	}
	put_at(f, off, &byte, 1);
}

/* Flip each bit that was written, then claim each shorter size, then really cut
 * the file there.  Long runs are only sampled. */
static inline void
walk(struct file *f)
{
	for (int shrink = 0; shrink < 3; shrink++)
		for (size_t i = f->n; i-- > 0;)
			for (uint64_t j = f->written[i].len; j-- > 0;) {
				uint64_t off = f->written[i].off + j;

				if (f->written[i].len > 4096 && j % 97 != 0)
					continue;
				if (shrink == 0)
					flip_each_bit(f, off);
				else if (shrink == 2)
					assert_int_equal(
					    ftruncate(f->fd, (off_t)off), 0);
				if (shrink != 0)
					survive(f->fd, off);
				if (shrink == 2)
					survive(f->fd, f->size);
			}
}

static inline void
npy_begin(struct buf *b, unsigned version, unsigned n)
{
	buf_add(b, "\x93NUMPY", 6);
	buf_u8(b, (uint8_t)version);
	buf_u8(b, 0);
	if (version == 1)
		buf_u16(b, (uint16_t)n);
	else
		buf_u32(b, n);
	buf_str(b, "{'descr': '<f8', }");
	while (n-- > 18)
		buf_u8(b, n == 18 ? '\n' : ' ');
}

#endif /* CUT_FILE_H */
