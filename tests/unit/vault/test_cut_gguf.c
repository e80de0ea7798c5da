/* SPDX-License-Identifier: Apache-2.0 */

/* Plans for GGUF. */

#include "cut_file.h"

static void
gguf_str(struct buf *b, const char *s)
{
	buf_u64(b, strlen(s));
	buf_str(b, s);
}

static void
gguf_begin(struct buf *b, uint32_t version, uint64_t tensors, uint64_t pairs)
{
	buf_str(b, "GGUF");
	buf_u32(b, version);
	buf_u64(b, tensors);
	buf_u64(b, pairs);
}

static void
gguf_tensor(struct buf *b, const char *name, uint64_t off)
{
	gguf_str(b, name);
	buf_u32(b, 2);
	buf_u64(b, 4096);
	buf_u64(b, 32);
	buf_u32(b, 12);
	buf_u64(b, off);
}

/* Values of each kind, an alignment of 64, tensors out of order: 3 MiB, 1,024
 * bytes, 200 KiB. */
static struct file
sample_gguf(void)
{
	static const uint8_t width[] = {
		1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8
	};
	struct buf b = BUF_MAX(64 * KiB);
	struct file f = file_new();

	gguf_begin(&b, 3, 3, 14);
	for (uint32_t kind = 0; kind < ARRAY_LEN(width); kind++) {
		gguf_str(&b, "general.some");
		buf_u32(&b, kind);
		if (kind == 8) {
			gguf_str(&b, "a value");
		} else if (kind == 9) {
			buf_u32(&b, 8);
			buf_u64(&b, 2);
			gguf_str(&b, "token");
			gguf_str(&b, "");
		} else {
			buf_add(&b, "\1\2\3\4\5\6\7\10", width[kind]);
		}
	}
	gguf_str(&b, "general.alignment");
	buf_u32(&b, 4);
	buf_u32(&b, 64);
	gguf_tensor(&b, "c", 3 * MiB + 1024);
	gguf_tensor(&b, "a", 0);
	gguf_tensor(&b, "b", 3 * MiB);
	while (b.len % 64 != 0)
		buf_u8(&b, 0);
	put_buf(&f, &b);
	hole(&f, 3 * MiB + 1024 + 200 * KiB);
	return f;
}

static void
cuts_gguf_by_its_tensors(void **state)
{
	AUTO(file_close) struct file f = sample_gguf();
	uint64_t data = 3 * MiB + 1024 + 200 * KiB;

	(void)state;
	EXPECT(&f, { f.size - data, CUT_WHOLE }, { 3 * MiB, CUT_FIXED },
	       { 1024, CUT_WHOLE }, { 200 * KiB, CUT_FIXED });
}

static struct file
gguf_of(uint32_t version, uint64_t tensors, uint64_t pairs, struct buf *rest)
{
	struct buf b = BUF_MAX(8 * MiB);
	struct file f = file_new();

	gguf_begin(&b, version, tensors, pairs);
	buf_add(&b, rest->p, rest->len);
	buf_release(rest);
	put_buf(&f, &b);
	hole(&f, 1 * MiB);
	return f;
}

static void
refuses_gguf_tensors_outside_the_file(void **state)
{
	static const uint64_t bad[] = { 2 * MiB, 1, UINT64_MAX - 31, 33 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_MAX(1 * KiB);
		struct file f;

		gguf_tensor(&b, "a", bad[i]);
		f = gguf_of(3, 1, 0, &b);
		refuse(&f);
		file_close(&f);
	}
}

static void
refuses_gguf_of_other_versions_and_counts(void **state)
{
	static const struct {
		uint32_t version;
		uint64_t tensors, pairs;
	} bad[] = {
		{ 1, 0, 0 },          { 4, 0, 0 },        { 0x03000000, 0, 0 },
		{ 3, UINT64_MAX, 0 }, { 3, 1u << 20, 0 }, { 3, 0, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_MAX(1 * KiB);
		struct file f = gguf_of(bad[i].version, bad[i].tensors,
		                        bad[i].pairs, &b);

		refuse(&f);
		file_close(&f);
	}
}

static void
refuses_gguf_values_that_explode(void **state)
{
	static const uint64_t counts[] = { 1, 1000, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		for (uint32_t kind = 8; kind <= 13; kind++) {
			struct buf b = BUF_MAX(8 * MiB);
			struct file f;

			gguf_str(&b, "k");
			buf_u32(&b, 9);
			for (unsigned j = 0; j < 1000; j++) {
				buf_u32(&b, kind);
				buf_u64(&b, kind == 9 ? counts[i] : UINT64_MAX);
			}
			f = gguf_of(3, 0, 1, &b);
			refuse(&f);
			file_close(&f);
		}
}

static void
refuses_absurd_alignments(void **state)
{
	static const uint32_t bad[] = { 0, 3, 48, 1u << 17, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_MAX(1 * KiB);
		struct file f;

		gguf_str(&b, "general.alignment");
		buf_u32(&b, 4);
		buf_u32(&b, bad[i]);
		f = gguf_of(3, 0, 1, &b);
		refuse(&f);
		file_close(&f);
	}
}

static void
survives_every_broken_sample(void **state)
{
	AUTO(file_close) struct file f0 = sample_gguf();

	(void)state;
	walk(&f0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_gguf_by_its_tensors),
		cmocka_unit_test(refuses_gguf_tensors_outside_the_file),
		cmocka_unit_test(refuses_gguf_of_other_versions_and_counts),
		cmocka_unit_test(refuses_gguf_values_that_explode),
		cmocka_unit_test(refuses_absurd_alignments),
		cmocka_unit_test(survives_every_broken_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
