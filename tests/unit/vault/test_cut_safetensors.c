/* SPDX-License-Identifier: Apache-2.0 */

/* Plans for safetensors. */

#include "cut_file.h"

static struct file
safetensors(const char *json, uint64_t data)
{
	struct buf b = BUF_MAX(32 * MiB);
	struct file f = file_new();

	buf_u64(&b, strlen(json));
	buf_str(&b, json);
	put_buf(&f, &b);
	hole(&f, data);
	return f;
}

/* 5 MiB + 8, 1,000, 200 KiB; listed in another order. */
static const char three_tensors[] =
    "{\"__metadata__\": {\"format\":\"pt\", \"x\":\"\\\"{}\"},\n"
    "\"c\":{\"dtype\":\"F16\",\"shape\":[102400],"
    "\"data_offsets\":[5243888,5448688]},"
    "\"a\":{\"dtype\":\"F64\",\"shape\":[655361],\"data_offsets\":[0,5242888]},"
    "\"empty\":{\"dtype\":\"F64\",\"shape\":[0],"
    "\"data_offsets\":[5242888,5242888]},"
    "\"b\" : { \"data_offsets\" : [ 5242888 , 5243888 ] , \"new\" : "
    "[1.5e3, null, {\"k\":[true]}], \"shape\" : [ 250 ], \"dtype\" : \"F32\" }"
    "}   ";

static struct file
sample_safetensors(void)
{
	return safetensors(three_tensors, 5448688);
}

static void
blocks_start_with_each_large_tensor(void **state)
{
	AUTO(file_close) struct file f = sample_safetensors();

	(void)state;
	EXPECT(&f, { 8 + sizeof(three_tensors) - 1, CUT_WHOLE },
	       { 5242888, CUT_FIXED }, { 1000, CUT_WHOLE },
	       { 204800, CUT_FIXED });
}

/* ${n} tensors of 40,000 bytes, named by number from ${first}, listed from the
 * middle outwards. */
static struct file
small_tensors(unsigned first, unsigned n)
{
	struct buf b = BUF_MAX(1 * MiB);
	struct file f;

	buf_str(&b, "{");
	for (unsigned i = 0; i < n; i++) {
		unsigned k = i % 2 ? n / 2 - 1 - i / 2 : n / 2 + i / 2;

		buf_fmt(&b,
		        "%s\"block.%u.weight\":{\"dtype\":\"U8\",\"shape\":"
		        "[40000],\"data_offsets\":[%u,%u]}",
		        i ? "," : "", first + k, k * 40000, (k + 1) * 40000);
	}
	buf_str(&b, "}");
	f = safetensors(buf_cstr(&b), n * 40000);
	buf_release(&b);
	return f;
}

static void
small_tensors_join_up_to_a_mebibyte(void **state)
{
	AUTO(file_close) struct file f = small_tensors(2, 400);
	AUTO(cuts_release) struct cuts c = { 0 };

	(void)state;
	assert_ok(cuts_find(f.fd, f.size, &c));
	assert_true(cuts_valid(&c, f.size));
	assert_in_range(c.n, 18, 62);
	for (size_t i = 1; i < c.n; i++) {
		assert_int_equal(c.v[i].how, CUT_WHOLE);
		assert_true(c.v[i].len <= 1 * MiB);
		if (i + 1 < c.n)
			assert_true(c.v[i].len >= 256 * KiB);
	}
}

static void
a_small_tensor_more_moves_few_groups(void **state)
{
	AUTO(file_close) struct file f = small_tensors(2, 400);
	AUTO(file_close) struct file g = small_tensors(0, 402);
	AUTO(cuts_release) struct cuts a = { 0 };
	AUTO(cuts_release) struct cuts b = { 0 };
	size_t same = 0;

	(void)state;
	assert_ok(cuts_find(f.fd, f.size, &a));
	assert_ok(cuts_find(g.fd, g.size, &b));
	while (same < a.n - 1 && same < b.n - 1 &&
	       f.size - a.v[a.n - 1 - same].off ==
	           g.size - b.v[b.n - 1 - same].off)
		same++;
	assert_true(same + 6 >= a.n);
}

static void
refuses_tensors_that_do_not_cover_the_file(void **state)
{
	static const char *const bad[] = {
		/* A gap, an overlap, too short, too long, backwards. */
		"{\"a\":{\"data_offsets\":[0,9]},\"b\":{\"data_offsets\":[10,"
		"1000000]}}",
		"{\"a\":{\"data_offsets\":[0,9]},\"b\":{\"data_offsets\":[8,"
		"1000000]}}",
		"{\"a\":{\"data_offsets\":[0,999999]}}",
		"{\"a\":{\"data_offsets\":[0,1000001]}}",
		"{\"a\":{\"data_offsets\":[1000000,0]}}",
		"{\"a\":{\"data_offsets\":[1,1000000]}}",
		"{\"a\":{\"data_offsets\":[0,1000000]},"
		"\"b\":{\"data_offsets\":[0,1000000]}}",
		"{\"a\":{\"data_offsets\":[0,18446744073709551615]}}",
		"{}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(file_close) struct file f = safetensors(bad[i], 1000000);

		assert_true(sniffs(&f));
		refuse(&f);
	}
}

static void
refuses_a_malformed_json_header(void **state)
{
	static const char *const bad[] = {
		"{\"a\":{\"data_offsets\":[0,1000000]}",
		"{\"a\":{\"data_offsets\":[0,1000000]}}}",
		"{\"a\":{\"data_offsets\":[0,1000000]}} x",
		"{\"a\":{\"data_offsets\":[0,1000000,3]}}",
		"{\"a\":{\"data_offsets\":[0]}}",
		"{\"a\":{\"data_offsets\":[0,1e6]}}",
		"{\"a\":{\"data_offsets\":[-0,1000000]}}",
		"{\"a\":{\"data_offsets\":[0,18446744073710551616]}}",
		"{\"a\":{\"data_offsets\":[0,1],\"data_offsets\":[0,1000000]}}",
		"{\"a\":{\"shape\":[1000000]}}",
		"{\"a\":{}}",
		"{\"a\":7}",
		"{\"a\"",
		"{\"a",
		"{\"a\\",
		"{,}",
		"{\"a\":{\"data_offsets\":[0,1000000]},}",
		"{\"a\":{\"x\":@,\"data_offsets\":[0,1000000]}}",
		"{\"a\":{\"x\":[1,],\"data_offsets\":[0,1000000]}}",
		"{\"a\n\":{\"data_offsets\":[0,1000000]}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(file_close) struct file f = safetensors(bad[i], 1000000);

		assert_true(sniffs(&f));
		refuse(&f);
	}
}

static void
refuses_a_header_nested_without_end(void **state)
{
	struct buf b = BUF_MAX(8 * MiB);
	struct file f;

	(void)state;
	buf_str(&b, "{\"__metadata__\":");
	for (size_t i = 0; i < 1 * MiB; i++)
		buf_str(&b, i % 2 ? "{\"a\":" : "[");
	f = safetensors(buf_cstr(&b), 0);
	buf_release(&b);
	refuse(&f);
	file_close(&f);
}

static void
refuses_a_header_beyond_the_bounds(void **state)
{
	struct file f = safetensors("{\"a\":{\"data_offsets\":[0,9]}}", 9);
	uint8_t n[8];

	(void)state;

	/* Longer than the file, then longer than anybody parses. */
	put_le64(n, f.size - 7);
	put_at(&f, 0, n, 8);
	assert_false(sniffs(&f));
	refuse(&f);
	hole(&f, 90000000);
	put_le64(n, 80000000);
	put_at(&f, 0, n, 8);
	assert_true(sniffs(&f));
	refuse(&f);
	put_le64(n, UINT64_MAX);
	put_at(&f, 0, n, 8);
	assert_false(sniffs(&f));
	refuse(&f);
	file_close(&f);
}

static void
a_long_header_becomes_a_stream(void **state)
{
	struct buf b = BUF_MAX(4 * MiB);
	struct file f;

	(void)state;
	buf_str(&b, "{\"a\":{\"data_offsets\":[0,1000000]}");
	for (size_t i = 0; i < 2 * MiB; i++)
		buf_str(&b, " ");
	buf_str(&b, "}");
	f = safetensors(buf_cstr(&b), 1000000);
	EXPECT(&f, { 8 + b.len, CUT_STREAM }, { 1000000, CUT_FIXED });
	buf_release(&b);
	file_close(&f);
}

static void
survives_every_broken_sample(void **state)
{
	AUTO(file_close) struct file f0 = sample_safetensors();

	(void)state;
	walk(&f0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_start_with_each_large_tensor),
		cmocka_unit_test(small_tensors_join_up_to_a_mebibyte),
		cmocka_unit_test(a_small_tensor_more_moves_few_groups),
		cmocka_unit_test(refuses_tensors_that_do_not_cover_the_file),
		cmocka_unit_test(refuses_a_malformed_json_header),
		cmocka_unit_test(refuses_a_header_nested_without_end),
		cmocka_unit_test(refuses_a_header_beyond_the_bounds),
		cmocka_unit_test(a_long_header_becomes_a_stream),
		cmocka_unit_test(survives_every_broken_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
