/* SPDX-License-Identifier: Apache-2.0 */

/* Plans for zip archives: PyTorch checkpoints, .npz, compressed ones. */

#include "cut_file.h"

/* An archive in the making; the directory grows beside it. */
struct zip {
	struct file f;
	struct buf dir;
	unsigned n;
	bool big; /* Write zip64. */
};

static struct zip
zip_new(bool big)
{
	return (struct zip){ .f = file_new(),
		             .dir = BUF_MAX(64 * MiB),
		             .big = big };
}

/* An entry whose local header is followed by ${p} and a hole up to ${len}. */
static void
zip_add(struct zip *z, const char *name, unsigned method, uint64_t len,
        struct buf *p)
{
	struct buf b = BUF_MAX(64 * KiB);
	uint64_t off = z->f.size;
	size_t lead = p ? p->len : 0;
	uint32_t shown = z->big ? UINT32_MAX : (uint32_t)len;

	buf_u32(&b, 0x04034b50);
	buf_u16(&b, 45);
	buf_u16(&b, 0);
	buf_u16(&b, (uint16_t)method);
	buf_u64(&b, 0);
	buf_u32(&b, (uint32_t)len);
	buf_u32(&b, (uint32_t)len);
	buf_u16(&b, (uint16_t)strlen(name));
	buf_u16(&b, 6);
	buf_str(&b, name);
	buf_add(&b, "FB\2\0zz", 6);
	put_buf(&z->f, &b);
	if (p)
		put_buf(&z->f, p);
	hole(&z->f, len - lead);

	buf_u32(&z->dir, 0x02014b50);
	buf_u32(&z->dir, 0);
	buf_u16(&z->dir, 0);
	buf_u16(&z->dir, (uint16_t)method);
	buf_u64(&z->dir, 0);
	buf_u32(&z->dir, shown);
	buf_u32(&z->dir, shown);
	buf_u16(&z->dir, (uint16_t)strlen(name));
	buf_u16(&z->dir, z->big ? 34 : 0);
	buf_u16(&z->dir, 2);
	buf_u64(&z->dir, 0);
	buf_u32(&z->dir, z->big ? UINT32_MAX : (uint32_t)off);
	buf_str(&z->dir, name);
	if (z->big) {
		buf_add(&z->dir, "UT\2\0zz", 6);
		buf_u16(&z->dir, 1);
		buf_u16(&z->dir, 24);
		buf_u64(&z->dir, len);
		buf_u64(&z->dir, len);
		buf_u64(&z->dir, off);
	}
	buf_str(&z->dir, "hi");
	z->n++;
}

static struct file
zip_end(struct zip *z, const char *comment)
{
	struct buf b = BUF_MAX(1 * KiB);
	uint64_t off = z->f.size, len = z->dir.len, at = off + len;

	put_buf(&z->f, &z->dir);
	if (z->big) {
		buf_u32(&b, 0x06064b50);
		buf_u64(&b, 44);
		buf_u32(&b, 0);
		buf_u64(&b, 0);
		buf_u64(&b, z->n);
		buf_u64(&b, z->n);
		buf_u64(&b, len);
		buf_u64(&b, off);
		buf_u32(&b, 0x07064b50);
		buf_u32(&b, 0);
		buf_u64(&b, at);
		buf_u32(&b, 1);
	}
	buf_u32(&b, 0x06054b50);
	buf_u32(&b, 0);
	buf_u16(&b, z->big ? 0xffff : (uint16_t)z->n);
	buf_u16(&b, z->big ? 0xffff : (uint16_t)z->n);
	buf_u32(&b, z->big ? UINT32_MAX : (uint32_t)len);
	buf_u32(&b, z->big ? UINT32_MAX : (uint32_t)off);
	buf_u16(&b, (uint16_t)strlen(comment));
	buf_str(&b, comment);
	put_buf(&z->f, &b);
	return z->f;
}

/* As PyTorch writes: a small pickle, storages, a compressed entry, notes. */
static struct file
sample_zip(bool big)
{
	struct zip z = zip_new(big);

	zip_add(&z, "m/data.pkl", 0, 1000, NULL);
	zip_add(&z, "m/data/0", 0, 3 * MiB, NULL);
	zip_add(&z, "m/data/1", 0, 200 * KiB, NULL);
	zip_add(&z, "m/table", 8, 300 * KiB, NULL);
	zip_add(&z, "m/version", 0, 2, NULL);
	return zip_end(&z, big ? "" : "a comment");
}

static void
stored_entries_are_cut_from_their_data(void **state)
{
	AUTO(file_close) struct file f = sample_zip(false);

	(void)state;
	EXPECT(&f, { 1046 + 44, CUT_WHOLE }, { 3 * MiB, CUT_FIXED },
	       { 44, CUT_WHOLE }, { 200 * KiB, CUT_FIXED }, { 43, CUT_WHOLE },
	       { 300 * KiB, CUT_STREAM },
	       { 45 + 2 + 5 * 48 + 10 + 8 + 8 + 7 + 9 + 22 + 9, CUT_WHOLE });
}

static void
finds_entries_through_zip64(void **state)
{
	AUTO(file_close) struct file f = sample_zip(true);

	(void)state;
	EXPECT(&f, { 1046 + 44, CUT_WHOLE }, { 3 * MiB, CUT_FIXED },
	       { 44, CUT_WHOLE }, { 200 * KiB, CUT_FIXED }, { 43, CUT_WHOLE },
	       { 300 * KiB, CUT_STREAM },
	       { 45 + 2 + 5 * 82 + 10 + 8 + 8 + 7 + 9 + 76 + 22, CUT_WHOLE });
}

static void
finds_an_entry_behind_four_gibibytes(void **state)
{
	struct zip z = zip_new(true);
	AUTO(file_close) struct file f = { .fd = -1 };

	(void)state;
	zip_add(&z, "m/data/0", 0, 5 * GiB, NULL);
	zip_add(&z, "m/data/1", 0, 1 * MiB, NULL);
	f = zip_end(&z, "");
	EXPECT(&f, { 44, CUT_WHOLE }, { 5 * GiB, CUT_FIXED }, { 44, CUT_WHOLE },
	       { 1 * MiB, CUT_FIXED }, { 2 * 90 + 76 + 22, CUT_WHOLE });
}

static void
arrays_in_npz_are_cut_behind_their_header(void **state)
{
	struct zip z = zip_new(false);
	struct buf b = BUF_MAX(1 * KiB);
	AUTO(file_close) struct file f = { .fd = -1 };

	(void)state;
	npy_begin(&b, 1, 118);
	zip_add(&z, "x.npy", 0, 1 * MiB + 128, &b);
	f = zip_end(&z, "");
	EXPECT(&f, { 41 + 128, CUT_WHOLE }, { 1 * MiB, CUT_FIXED },
	       { 48 + 5 + 22, CUT_WHOLE });
	walk(&f);
}

static void
many_small_entries_join(void **state)
{
	struct zip z = zip_new(false);
	AUTO(cuts_release) struct cuts c = { 0 };
	AUTO(file_close) struct file f = { .fd = -1 };
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "image%u.png", i);
		zip_add(&z, name, 0, 100000, NULL);
	}
	f = zip_end(&z, "");
	assert_ok(cuts_find(f.fd, f.size, &c));
	assert_true(cuts_valid(&c, f.size));
	assert_in_range(c.n, 6, 24);
	for (size_t i = 0; i < c.n; i++)
		assert_true(c.v[i].how == CUT_WHOLE && c.v[i].len <= 1 * MiB);
}

/* Where in the file the directory begins, as the last record has it. */
static uint64_t
zip_dir(const struct file *f, size_t comment)
{
	uint8_t b[4];
	off_t at = (off_t)(f->size - comment - 6);

	assert_int_equal(pread(f->fd, b, sizeof(b), at), sizeof(b));
	return le32(b);
}

static void
refuses_a_local_header_beyond_the_file(void **state)
{
	AUTO(file_close) struct file f = sample_zip(false);
	uint64_t dir = zip_dir(&f, 9), second = dir + 48 + 10;
	uint8_t b[4];

	(void)state;
	put_le32(b, (uint32_t)f.size - 4);
	put_at(&f, second + 42, b, 4);
	refuse(&f);
	put_le32(b, 0xfffffff0);
	put_at(&f, second + 42, b, 4);
	refuse(&f);
}

static void
refuses_entries_that_overlap(void **state)
{
	AUTO(file_close) struct file f = sample_zip(false);
	uint64_t dir = zip_dir(&f, 9), second = dir + 48 + 10;
	uint64_t third = second + 48 + 8;
	uint8_t b[4];

	(void)state;

	/* The second claims the bytes of the third, too, */
	put_le32(b, 3 * MiB + 1 * KiB);
	put_at(&f, second + 20, b, 4);
	refuse(&f);

	/* or both are one. */
	put_le32(b, 3 * MiB);
	put_at(&f, second + 20, b, 4);
	put_le32(b, 1046);
	put_at(&f, third + 42, b, 4);
	refuse(&f);
}

static void
refuses_counts_that_cannot_be(void **state)
{
	AUTO(file_close) struct file f = sample_zip(true);
	uint64_t end = f.size - 22 - 20 - 56;
	uint8_t b[8];

	(void)state;
	put_le64(b, UINT64_MAX);
	for (unsigned i = 32; i <= 48; i += 8) {
		AUTO(file_close) struct file g = sample_zip(true);

		put_at(&g, end + i, b, 8);
		refuse(&g);
		put_at(&g, f.size - 22 - 20 + 8, b, 8);
		refuse(&g);
	}
	put_le64(b, 6);
	put_at(&f, end + 32, b, 8);
	refuse(&f);
}

static void
refuses_an_archive_without_an_end(void **state)
{
	AUTO(file_close) struct file f = sample_zip(false);

	(void)state;
	f.size -= 1;
	refuse(&f);
	f.size += 5;
	assert_int_equal(ftruncate(f.fd, (off_t)f.size), 0);
	refuse(&f);
}

static void
survives_every_broken_sample(void **state)
{
	AUTO(file_close) struct file f0 = sample_zip(false);
	AUTO(file_close) struct file f1 = sample_zip(true);

	(void)state;
	walk(&f0);
	walk(&f1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_entries_are_cut_from_their_data),
		cmocka_unit_test(finds_entries_through_zip64),
		cmocka_unit_test(finds_an_entry_behind_four_gibibytes),
		cmocka_unit_test(arrays_in_npz_are_cut_behind_their_header),
		cmocka_unit_test(many_small_entries_join),
		cmocka_unit_test(refuses_a_local_header_beyond_the_file),
		cmocka_unit_test(refuses_entries_that_overlap),
		cmocka_unit_test(refuses_counts_that_cannot_be),
		cmocka_unit_test(refuses_an_archive_without_an_end),
		cmocka_unit_test(survives_every_broken_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
