/* SPDX-License-Identifier: Apache-2.0 */

/* The chunks and holes of files, and lists that were never written. */

#include "tree_store.h"
#include "vault/holes.h"

/* Read the whole list; the sum of the lengths into ${*ret}. */
static err
sum_of(const struct tree_entry *t, uint64_t *ret)
{
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct chunk_ref ref;
	bool more = true;
	err e;

	*ret = 0;
	if ((e = chunklist_open(&test_reader, &test_naming, t, &l)).code)
		return e;
	while (!(e = chunklist_next(l, &ref, &more)).code && more)
		*ret += ref.len;
	if (e.code)
		assert_err(E_CORRUPT, chunklist_next(l, &ref, &more));
	return e;
}

static struct tree_entry
inline_of(const struct buf *refs, uint64_t size)
{
	return (struct tree_entry){ .type = ENTRY_FILE,
		                    .size = size,
		                    .chunks = refs->p,
		                    .chunks_len = refs->len };
}

static struct tree_entry
listed_of(struct digest list, uint64_t size)
{
	return (struct tree_entry){ .type = ENTRY_FILE,
		                    .size = size,
		                    .flags = ENTRY_LISTED,
		                    .list = list };
}

static void
lists_chunks_in_the_entry(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct tree_entry t;
	uint64_t sum;

	(void)state;
	ref_add(&b, "hello ");
	ref_add(&b, "world");
	t = inline_of(&b, 11);
	assert_ok(sum_of(&t, &sum));
	assert_int_equal(sum, 11);
	t = inline_of(&b, 0);
	t.chunks_len = 0;
	assert_ok(sum_of(&t, &sum));
	assert_int_equal(sum, 0);
}

static void
names_the_only_chunk_by_the_digest_of_the_file(void **state)
{
	struct tree_entry t = file_of("one chunk");
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct chunk_ref ref;
	bool more;

	(void)state;
	assert_ok(chunklist_open(&test_reader, &test_naming, &t, &l));
	assert_ok(chunklist_next(l, &ref, &more));
	assert_true(more);
	assert_int_equal(ref.len, 9);
	assert_ok(reader_chunk(&test_reader, &ref.name, &b));
	assert_memory_equal(b.p, "one chunk", 9);
	assert_ok(chunklist_next(l, &ref, &more));
	assert_false(more);
}

static void
lists_many_chunks_from_nodes(void **state)
{
	AUTO(tree_builder_release) struct tree_builder t = { 0 };
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct chunk_ref ref = { .len = 0 };
	struct tree_entry file;
	struct digest list;
	uint64_t size = 0;
	bool more;

	(void)state;
	tree_list_init(&t, &test_sink);
	for (uint32_t i = 0; i < 20000; i++) {
		sha256(&i, sizeof(i), &ref.name);
		ref.len = i + 1;
		size += ref.len;
		assert_ok(tree_list_add(&t, &ref));
	}
	assert_ok(tree_finish(&t, &list));
	assert_true(nstored > 5);
	file = listed_of(list, size);
	assert_ok(chunklist_open(&test_reader, &test_naming, &file, &l));
	for (uint32_t i = 0; i < 20000; i++) {
		struct digest d;

		sha256(&i, sizeof(i), &d);
		assert_ok(chunklist_next(l, &ref, &more));
		assert_true(more);
		assert_true(digest_eq(&d, &ref.name));
		assert_int_equal(ref.len, i + 1);
	}
	assert_ok(chunklist_next(l, &ref, &more));
	assert_false(more);
}

static void
refuses_chunks_that_do_not_add_up(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf empty = BUF_MAX(MiB);
	AUTO(buf_release) struct buf huge = BUF_MAX(MiB);
	struct digest d = { 0 };
	struct tree_entry t;
	uint64_t sum;

	(void)state;
	ref_add(&b, "hello");
	t = inline_of(&b, 4);
	assert_err_says(E_CORRUPT, "longer", sum_of(&t, &sum));
	t = inline_of(&b, 6);
	assert_err_says(E_CORRUPT, "shorter", sum_of(&t, &sum));
	t.chunks_len = 0;
	assert_err_says(E_CORRUPT, "shorter", sum_of(&t, &sum));
	t = inline_of(&b, 5);
	t.chunks_len--;
	assert_err(E_CORRUPT, sum_of(&t, &sum));
	ref_add(&empty, "");
	t = inline_of(&empty, 0);
	assert_err_says(E_CORRUPT, "impossible", sum_of(&t, &sum));
	buf_add(&huge, d.b, DIGEST_LEN);
	buf_varint(&huge, SEGMENT_PLAIN_MAX + 1);
	t = inline_of(&huge, UINT64_MAX);
	assert_err_says(E_CORRUPT, "impossible", sum_of(&t, &sum));
	/* One chunk that no chunk can be. */
	t = file_of("x");
	t.size = SEGMENT_PLAIN_MAX + 1;
	assert_err_says(E_CORRUPT, "impossible", sum_of(&t, &sum));
}

static void
ends_lists_that_refer_to_one_node_without_end(void **state)
{
	AUTO(buf_release) struct buf leaf = BUF_MAX(MiB);
	struct digest d;
	struct tree_entry t;
	uint64_t sum;

	(void)state;
	buf_u8(&leaf, NODE_CHUNKS);
	ref_add(&leaf, "12345678");
	d = store_bytes(leaf.p, leaf.len);
	for (int level = 1; level < TREE_DEPTH_MAX; level++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);

		for (int i = 0; i < 4000; i++)
			inner_add(&b, NODE_CHUNK_LISTS, &d, "");
		d = store_bytes(b.p, b.len);
	}
	t = listed_of(d, 8000);
	assert_err_says(E_CORRUPT, "longer", sum_of(&t, &sum));
	assert_int_equal(sum, 8000);
}

static void
refuses_list_nodes_that_are_empty_deep_or_of_another_kind(void **state)
{
	struct digest d = store_bytes((uint8_t[]){ NODE_CHUNKS }, 1);
	AUTO(buf_release) struct buf leaf = BUF_MAX(MiB);
	struct tree_entry t = listed_of(d, 0);
	uint64_t sum;

	(void)state;
	assert_err_says(E_CORRUPT, "empty", sum_of(&t, &sum));
	t.list = store_bytes((uint8_t[]){ NODE_CHUNK_LISTS }, 1);
	assert_err_says(E_CORRUPT, "empty", sum_of(&t, &sum));
	t.list = leaf_of("a b");
	assert_err(E_CORRUPT, sum_of(&t, &sum));
	buf_u8(&leaf, NODE_CHUNKS);
	ref_add(&leaf, "x");
	t = listed_of(store_bytes(leaf.p, leaf.len), 1);
	for (int level = 1; level < 20; level++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);

		if (level <= TREE_DEPTH_MAX)
			assert_ok(sum_of(&t, &sum));
		else
			assert_err(E_CORRUPT, sum_of(&t, &sum));
		inner_add(&b, NODE_CHUNK_LISTS, &t.list, "");
		t.list = store_bytes(b.p, b.len);
	}
}

static void
says_what_could_not_be_read_and_what_is_no_file(void **state)
{
	struct tree_entry t = { .type = ENTRY_DIR };
	uint64_t sum;

	(void)state;
	assert_err(E_INVALID, sum_of(&t, &sum));
	t.type = ENTRY_FILE;
	t.flags = ENTRY_UNREADABLE;
	assert_err(E_NOTFOUND, sum_of(&t, &sum));
}

/* --- holes ---------------------------------------------------------------- */

static void
holes_add(struct buf *b, uint64_t skip, uint64_t hole)
{
	buf_varint(b, skip);
	buf_varint(b, hole);
}

static void
maps_the_stream_around_holes(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct tree_entry t = { .type = ENTRY_FILE, .size = 100 };
	struct holes h;
	uint64_t run;

	(void)state;
	/* 10 hole, 20 data, 30 hole, 5 hole, 15 data, 10 hole, 10 data. */
	holes_add(&b, 0, 10);
	holes_add(&b, 20, 30);
	holes_add(&b, 0, 5);
	holes_add(&b, 15, 10);
	t.holes = b.p;
	t.holes_len = b.len;
	assert_ok(holes_init(&h, &t));
	assert_int_equal(h.size, 45);
	assert_int_equal(holes_map(&h, 0, &run), 10);
	assert_int_equal(run, 20);
	assert_int_equal(holes_map(&h, 19, &run), 29);
	assert_int_equal(run, 1);
	assert_int_equal(holes_map(&h, 20, &run), 65);
	assert_int_equal(run, 15);
	assert_int_equal(holes_map(&h, 40, &run), 95);
	assert_int_equal(run, 5);
	/* Skipping ahead gives the same. */
	assert_ok(holes_init(&h, &t));
	assert_int_equal(holes_map(&h, 44, &run), 99);
	assert_int_equal(run, 1);
}

static void
refuses_holes_that_do_not_fit(void **state)
{
	static const uint64_t wrong[][4] = {
		{ 0, 0 },
		{ 5, 0 },
		{ 101, 1 },
		{ 0, 101 },
		{ 60, 41 },
		{ UINT64_MAX, 2 },
		{ 2, UINT64_MAX },
		{ 10, 50, 30, 11 },
		{ 10, 50, UINT64_MAX, UINT64_MAX },
	};
	struct tree_entry t = { .type = ENTRY_FILE, .size = 100 };
	struct holes h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);

		holes_add(&b, wrong[i][0], wrong[i][1]);
		if (wrong[i][2] != 0)
			holes_add(&b, wrong[i][2], wrong[i][3]);
		t.holes = b.p;
		t.holes_len = b.len;
		assert_err(E_CORRUPT, holes_init(&h, &t));
	}
	t.holes = (const uint8_t[]){ 10 };
	t.holes_len = 1;
	assert_err(E_CORRUPT, holes_init(&h, &t));
	t.holes = (const uint8_t[]){ 10, 0x80 };
	t.holes_len = 2;
	assert_err(E_CORRUPT, holes_init(&h, &t));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, store_forget)
	const struct CMUnitTest tests[] = {
		TEST(lists_chunks_in_the_entry),
		TEST(names_the_only_chunk_by_the_digest_of_the_file),
		TEST(lists_many_chunks_from_nodes),
		TEST(refuses_chunks_that_do_not_add_up),
		TEST(ends_lists_that_refer_to_one_node_without_end),
		TEST(refuses_list_nodes_that_are_empty_deep_or_of_another_kind),
		TEST(says_what_could_not_be_read_and_what_is_no_file),
		TEST(maps_the_stream_around_holes),
		TEST(refuses_holes_that_do_not_fit),
	};

	return cmocka_run_group_tests_name("vault/chunklist", tests, NULL,
	                                   NULL);
}
