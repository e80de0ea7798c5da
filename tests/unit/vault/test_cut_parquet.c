/* SPDX-License-Identifier: Apache-2.0 */

/* Plans for Parquet, and the Thrift that they are found through. */

#include "cut_file.h"

/* Thrift: a field ${delta} behind the last one, of ${type}. */
static void
field(struct buf *b, unsigned delta, unsigned type)
{
	buf_u8(b, (uint8_t)(delta << 4 | type));
}

static void
i64(struct buf *b, unsigned delta, int64_t v)
{
	field(b, delta, 6);
	buf_varint(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

/* A column chunk with everything that a writer may say of it. */
static void
column(struct buf *b, int64_t dict, int64_t data, int64_t len)
{
	i64(b, 2, data);
	field(b, 1, 12);
	field(b, 1, 5), buf_u8(b, 2);              /* type */
	field(b, 1, 9), buf_add(b, "\x25\0\6", 3); /* encodings */
	field(b, 1, 9), buf_add(b, "\x18\1x", 3);  /* path */
	field(b, 1, 5), buf_u8(b, 0);              /* codec */
	i64(b, 1, 1000);
	i64(b, 1, len);
	i64(b, 1, len);
	i64(b, 2, data);
	if (dict)
		i64(b, 2, dict);
	field(b, dict ? 1 : 3, 12); /* statistics */
	field(b, 1, 8), buf_add(b, "\2hi", 3);
	field(b, 6, 1);
	buf_u8(b, 0);
	buf_u8(b, 0);
	buf_u8(b, 0);
}

static void
schema(struct buf *b)
{
	i64(b, 1, 1);
	field(b, 1, 9);
	buf_u8(b, 0x1c);
	field(b, 4, 8), buf_add(b, "\4root", 5);
	buf_u8(b, 0);
	i64(b, 1, 1000);
}

static void
footer(struct file *f, struct buf *b)
{
	uint32_t n = (uint32_t)b->len;

	buf_u32(b, n);
	buf_str(b, "PAR1");
	put_buf(f, b);
}

/* Two row groups: one column of 3 MiB with a dictionary in front, one of 300
 * KiB, two small ones. */
static struct file
sample_parquet(void)
{
	struct buf b = BUF_MAX(64 * KiB);
	struct file f = file_new();
	const int64_t second = 4 + 3 * (int64_t)MiB;
	const int64_t third = second + 300 * (int64_t)KiB;

	put(&f, "PAR1", 4);
	hole(&f, 3 * MiB + 300 * KiB + 1000 + 500 + 77);
	schema(&b);
	field(&b, 1, 9);
	buf_u8(&b, 0x2c);

	field(&b, 1, 9), buf_u8(&b, 0x2c);
	column(&b, 4, 5000, 3 * (int64_t)MiB);
	column(&b, 0, second, 300 * (int64_t)KiB);
	i64(&b, 1, 12345);
	buf_u8(&b, 0);

	field(&b, 1, 9), buf_u8(&b, 0x2c);
	column(&b, 0, third, 1000);
	column(&b, 0, third + 1000, 500);
	buf_u8(&b, 0);

	field(&b, 2, 8), buf_add(&b, "\7Casemate", 8);
	buf_u8(&b, 0);
	footer(&f, &b);
	return f;
}

static void
cuts_a_table_by_its_column_chunks(void **state)
{
	AUTO(file_close) struct file f = sample_parquet();
	uint64_t at = 4 + 3 * MiB + 300 * KiB + 1577;

	(void)state;
	EXPECT(&f, { 4, CUT_WHOLE }, { 3 * MiB, CUT_STREAM },
	       { 300 * KiB, CUT_WHOLE }, { 1577, CUT_WHOLE },
	       { f.size - at, CUT_WHOLE });
}

static struct file
parquet_of(int64_t dict, int64_t data, int64_t len)
{
	struct buf b = BUF_MAX(64 * KiB);
	struct file f = file_new();

	put(&f, "PAR1", 4);
	hole(&f, 1 * MiB);
	schema(&b);
	field(&b, 1, 9), buf_u8(&b, 0x1c);
	field(&b, 1, 9), buf_u8(&b, 0x1c);
	column(&b, dict, data, len);
	buf_u8(&b, 0);
	buf_u8(&b, 0);
	footer(&f, &b);
	return f;
}

static void
refuses_column_chunks_outside_the_file(void **state)
{
	static const int64_t bad[][3] = {
		{ 0, 4, 2 * (int64_t)MiB },
		{ 0, -4, 1000 },
		{ 0, 4, -1 },
		{ -1, 4, 1000 },
		{ 0, INT64_MAX, 1000 },
		{ 0, 4, INT64_MAX },
		{ 0, 0, 1000 },
		{ 0, 1 * (int64_t)MiB, 200000 },
	};
	AUTO(file_close) struct file good = parquet_of(0, 4, 200000);

	(void)state;
	EXPECT(&good, { 4, CUT_WHOLE }, { 200000, CUT_WHOLE },
	       { 1 * MiB - 200000, CUT_WHOLE },
	       { good.size - 1 * MiB - 4, CUT_WHOLE });
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(file_close)
		struct file f = parquet_of(bad[i][0], bad[i][1], bad[i][2]);

		refuse(&f);
	}
}

/* A footer that begins with ${lead} and repeats ${unit} ${n} times. */
static struct file
thrift_bomb(const char *lead, const char *unit, size_t n)
{
	struct buf b = BUF_MAX(8 * MiB);
	struct file f = file_new();

	put(&f, "PAR1", 4);
	hole(&f, 1 * MiB);
	buf_str(&b, lead);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, unit);
	footer(&f, &b);
	return f;
}

static void
refuses_thrift_that_explodes(void **state)
{
	/* Structures, lists and maps in each other; counts of billions. */
	AUTO(file_close) struct file a = thrift_bomb("\x1c", "\x1c", 1 * MiB);
	AUTO(file_close) struct file b = thrift_bomb("\x19", "\x19", 1 * MiB);
	AUTO(file_close) struct file c = thrift_bomb("\x1b", "\1\xbb", 1 * MiB);
	AUTO(file_close)
	struct file d = thrift_bomb("\x49\xfc\xff\xff\xff\xff\x0f", "", 0);
	AUTO(file_close)
	struct file e = thrift_bomb("\x49\xfc\xff\xff\xff\xff\x0f",
	                            "\x19\xfc\xff\xff\x7f", 500000);
	AUTO(file_close)
	struct file g = thrift_bomb(
	    "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "", 0);

	(void)state;
	refuse(&a);
	refuse(&b);
	refuse(&c);
	refuse(&d);
	refuse(&e);
	refuse(&g);
}

/* The samples that the fuzzer starts from are real files, too: Parquet by
 * other writers. */
static void
reads_the_footers_of_other_writers(void **state)
{
	static const char *const names[] = {
		"alltypes_plain.parquet",
		"nested_maps.snappy.parquet",
		"nullable.impala.parquet",
		"datapage_v2.snappy.parquet",
		"data_index_bloom_encoding_stats.parquet",
	};
	char path[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(cuts_release) struct cuts c = { 0 };
		AUTO(close_fd) int fd = -1;
		struct stat st;
		uint8_t n[4];
		uint64_t at;

		(void)snprintf(path, sizeof(path),
		               "%.*s/../../fuzz/corpus/cuts/%s",
		               (int)(strrchr(__FILE__, '/') - __FILE__),
		               __FILE__, names[i]);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			skip();
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(pread(fd, n, 4, st.st_size - 8), 4);
		at = (uint64_t)st.st_size - 8 - le32(n);

		/* Its columns, small as they are, are one group. */
		assert_ok(cuts_find(fd, (uint64_t)st.st_size, &c));
		assert_int_equal(c.n, 2);
		assert_int_equal(c.v[0].len, at);
	}
}

static void
survives_every_broken_sample(void **state)
{
	AUTO(file_close) struct file f0 = sample_parquet();

	(void)state;
	walk(&f0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_a_table_by_its_column_chunks),
		cmocka_unit_test(refuses_column_chunks_outside_the_file),
		cmocka_unit_test(refuses_thrift_that_explodes),
		cmocka_unit_test(reads_the_footers_of_other_writers),
		cmocka_unit_test(survives_every_broken_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
