/* SPDX-License-Identifier: Apache-2.0 */

/* Plans as such, and those for plain arrays. */

#include "cut_file.h"

static struct file
npy(unsigned version, unsigned n, uint64_t data)
{
	struct buf b = BUF_MAX(8 * MiB);
	struct file f = file_new();

	npy_begin(&b, version, n);
	put_buf(&f, &b);
	hole(&f, data);
	return f;
}

static void
cuts_an_array_behind_its_header(void **state)
{
	AUTO(file_close) struct file f = npy(1, 118, 3 * MiB);
	AUTO(file_close) struct file g = npy(2, 116, 3 * MiB);
	AUTO(file_close) struct file h = npy(3, 70000, 3 * MiB);

	(void)state;
	EXPECT(&f, { 128, CUT_WHOLE }, { 3 * MiB, CUT_FIXED });
	EXPECT(&g, { 128, CUT_WHOLE }, { 3 * MiB, CUT_FIXED });
	EXPECT(&h, { 70012, CUT_WHOLE }, { 3 * MiB, CUT_FIXED });
}

static void
refuses_arrays_that_cannot_be(void **state)
{
	AUTO(file_close) struct file later = npy(4, 118, 1 * MiB);
	AUTO(file_close) struct file longer = npy(2, 118, 1000);
	uint8_t n[4];

	(void)state;
	refuse(&later);
	put_le32(n, (uint32_t)longer.size - 11);
	put_at(&longer, 8, n, 4);
	refuse(&longer);
}

static void
knows_a_plan_that_covers_the_file(void **state)
{
	struct cut v[] = { { 0, 5, CUT_WHOLE }, { 5, 7, CUT_STREAM } };
	struct cuts c = { .v = v, .n = 2 };

	(void)state;
	assert_true(cuts_valid(&c, 12));
	assert_false(cuts_valid(&c, 11));
	assert_false(cuts_valid(&c, 13));
	v[1].off = 6;
	assert_false(cuts_valid(&c, 13));
	v[1].off = 4;
	assert_false(cuts_valid(&c, 11));
	v[1] = (struct cut){ 5, 0, CUT_STREAM };
	assert_false(cuts_valid(&c, 5));
	v[1] = (struct cut){ 5, UINT64_MAX - 2, CUT_STREAM };
	assert_false(cuts_valid(&c, 2));
	v[1] = (struct cut){ 5, 7, (enum cut_how)3 };
	assert_false(cuts_valid(&c, 12));
	v[1] = (struct cut){ 5, 8 * MiB, CUT_WHOLE };
	assert_true(cuts_valid(&c, 8 * MiB + 5));
	v[1].len++;
	assert_false(cuts_valid(&c, 8 * MiB + 6));
	c.n = CUTS_MAX + 1;
	assert_false(cuts_valid(&c, 12));
	c.n = 0;
	assert_true(cuts_valid(&c, 0));
	assert_false(cuts_valid(&c, 1));
}

static void
walks_a_plan_piece_by_piece(void **state)
{
	struct cut v[] = { { 0, 10, CUT_WHOLE },
		           { 10, 4 * MiB + 3, CUT_FIXED },
		           { 4 * MiB + 13, 9 * MiB, CUT_STREAM },
		           { 13 * MiB + 13, 2 * MiB, CUT_FIXED } };
	struct cuts c = { .v = v, .n = 4 };
	const struct cut want[] = { { 0, 10, CUT_WHOLE },
		                    { 10, 2 * MiB, CUT_WHOLE },
		                    { 2 * MiB + 10, 2 * MiB, CUT_WHOLE },
		                    { 4 * MiB + 10, 3, CUT_WHOLE },
		                    { 4 * MiB + 13, 9 * MiB, CUT_STREAM },
		                    { 13 * MiB + 13, 2 * MiB, CUT_WHOLE } };
	struct cuts_iter it = { .plan = &c };
	struct cut got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(cuts_next(&it, &got));
		assert_int_equal(got.off, want[i].off);
		assert_int_equal(got.len, want[i].len);
		assert_int_equal(got.how, want[i].how);
	}
	assert_false(cuts_next(&it, &got));
	assert_false(cuts_next(&it, &got));
}

static void
does_not_ask_about_unknown_files(void **state)
{
	static const uint8_t tail[8] = "....PAR1";

	(void)state;
	assert_false(cuts_sniff((const uint8_t *)"#!/usr/bin/python3", 16, tail,
	                        1 * MiB));
	assert_false(cuts_sniff((const uint8_t *)"PAR1............", 16,
	                        (const uint8_t *)"....PAR2", 1 * MiB));
	assert_true(
	    cuts_sniff((const uint8_t *)"PAR1............", 16, tail, 1 * MiB));
	assert_false(cuts_sniff((const uint8_t *)"PK\3\4", 4, tail, 1 * MiB));
	assert_false(cuts_sniff((const uint8_t *)"\0\0\0\0\0\0\0\0{", 16, tail,
	                        1 * MiB));
}

static void
refuses_files_that_are_not_what_they_were(void **state)
{
	AUTO(file_close) struct file f = npy(1, 118, 1 * MiB);
	struct cuts c = { 0 };
	int fd[2];

	(void)state;
	assert_int_equal(ftruncate(f.fd, 20), 0);
	refuse(&f);
	f.size = 3;
	refuse(&f);
	f.size = 0;
	refuse(&f);
	f.size = UINT64_MAX;
	refuse(&f);
	assert_err(E_UNSUPPORTED, cuts_find(-1, 1000000, &c));
	assert_int_equal(pipe(fd), 0);
	assert_err(E_UNSUPPORTED, cuts_find(fd[0], 1000000, &c));
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void
survives_every_broken_sample(void **state)
{
	AUTO(file_close) struct file f0 = npy(1, 118, 1 * MiB);

	(void)state;
	walk(&f0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_an_array_behind_its_header),
		cmocka_unit_test(refuses_arrays_that_cannot_be),
		cmocka_unit_test(knows_a_plan_that_covers_the_file),
		cmocka_unit_test(walks_a_plan_piece_by_piece),
		cmocka_unit_test(does_not_ask_about_unknown_files),
		cmocka_unit_test(refuses_files_that_are_not_what_they_were),
		cmocka_unit_test(survives_every_broken_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
