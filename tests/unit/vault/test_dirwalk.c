/* SPDX-License-Identifier: Apache-2.0 */

/* Directories read back, and directories that were never written. */

#include "tree_store.h"

/* A directory of ${n} files "f%07zu", numbers ${step} apart. */
static struct digest
directory_of(size_t n, size_t step)
{
	AUTO(tree_builder_release) struct tree_builder t;
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct digest root;
	char name[32];

	tree_dir_init(&t, &test_sink);
	for (size_t i = 0; i < n; i++) {
		struct tree_entry e = { .name = name, .type = ENTRY_FILE };

		e.name_len = (size_t)snprintf(name, sizeof(name), "f%07zu",
		                              i * step);
		e.size = i;
		buf_clear(&b);
		entry_encode(&e, &b);
		assert_ok(tree_dir_add(&t, name, e.name_len, b.p, b.len));
	}
	assert_ok(tree_finish(&t, &root));
	return root;
}

static err
walk_all(const struct digest *root, size_t *ret_n)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	struct tree_entry t;
	bool more = true;
	err e;

	*ret_n = 0;
	if ((e = dirwalk_open(&test_reader, root, &w)).code)
		return e;
	while (!(e = dirwalk_next(w, &t, &more)).code && more)
		++*ret_n;
	/* Damage is told again, the end stays the end. */
	if (e.code) {
		assert_err(E_CORRUPT, dirwalk_next(w, &t, &more));
	} else {
		assert_ok(dirwalk_next(w, &t, &more));
		assert_false(more);
	}
	return e;
}

static void
reads_every_entry_in_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 5000, 50000 };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct digest root = directory_of(sizes[k], 1);
		AUTO(dirwalk_closep) struct dirwalk *w = NULL;
		struct tree_entry t;
		char name[32];
		bool more;

		assert_ok(dirwalk_open(&test_reader, &root, &w));
		for (size_t i = 0; i < sizes[k]; i++) {
			assert_ok(dirwalk_next(w, &t, &more));
			assert_true(more);
			(void)snprintf(name, sizeof(name), "f%07zu", i);
			assert_int_equal(t.name_len, strlen(name));
			assert_memory_equal(t.name, name, t.name_len);
			assert_int_equal(t.size, i);
		}
		assert_ok(dirwalk_next(w, &t, &more));
		assert_false(more);
	}
}

static void
find(struct dirwalk *w, size_t i, bool want)
{
	struct tree_entry t;
	char name[32];
	bool found;
	size_t n;

	n = (size_t)snprintf(name, sizeof(name), "f%07zu", i);
	assert_ok(dirwalk_find(w, name, n, &t, &found));
	assert_int_equal(found, want);
	if (found)
		assert_memory_equal(t.name, name, n);
}

static void
finds_a_name_along_one_path_of_nodes(void **state)
{
	struct digest root = directory_of(50000, 2);

	(void)state;
	assert_true(nstored > 20);
	for (size_t i = 0; i < 100010; i += 7919) {
		AUTO(dirwalk_closep) struct dirwalk *w = NULL;

		nread = 0;
		assert_ok(dirwalk_open(&test_reader, &root, &w));
		find(w, i, i % 2 == 0 && i < 100000);
		assert_in_range(nread, 1, 5);
	}
}

static void
finds_names_one_after_the_other(void **state)
{
	struct digest root = directory_of(50000, 2);
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	struct tree_entry t;
	bool more;

	(void)state;
	assert_ok(dirwalk_open(&test_reader, &root, &w));
	for (size_t i = 0; i < 99000; i += i % 3 == 0 ? 1 : 311)
		find(w, i, i % 2 == 0);
	/* What a vain search stopped at is still there. */
	find(w, 99001, false);
	find(w, 99002, true);
	assert_ok(dirwalk_next(w, &t, &more));
	assert_true(more);
	assert_memory_equal(t.name, "f0099004", 8);
	find(w, 5000000, false);
	assert_ok(dirwalk_next(w, &t, &more));
	assert_false(more);
}

static void
refuses_names_that_do_not_ascend(void **state)
{
	struct digest twice = leaf_of("a b b"), back = leaf_of("a c b");
	struct digest ab = leaf_of("a b"), b = leaf_of("b"), a = leaf_of("a");
	AUTO(buf_release) struct buf over = BUF_MAX(MiB);
	AUTO(buf_release) struct buf under = BUF_MAX(MiB);
	struct digest d;
	size_t n;

	(void)state;
	assert_err(E_CORRUPT, walk_all(&twice, &n));
	assert_int_equal(n, 2);
	assert_err(E_CORRUPT, walk_all(&back, &n));
	inner_add(&over, NODE_DIRS, &ab, "b");
	inner_add(&over, NODE_DIRS, &b, "b");
	d = store_bytes(over.p, over.len);
	assert_err(E_CORRUPT, walk_all(&d, &n));
	inner_add(&under, NODE_DIRS, &b, "b");
	inner_add(&under, NODE_DIRS, &a, "a");
	d = store_bytes(under.p, under.len);
	assert_err(E_CORRUPT, walk_all(&d, &n));
}

static void
refuses_parents_that_tell_another_last_name(void **state)
{
	static const char *const wrong[] = { "", "a", "bb", "c", "\xff" };
	struct digest ab = leaf_of("a b"), d;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);

		inner_add(&b, NODE_DIRS, &ab, wrong[i]);
		d = store_bytes(b.p, b.len);
		assert_err(E_CORRUPT, walk_all(&d, &n));
	}
}

static void
refuses_nodes_of_another_kind(void **state)
{
	static const uint8_t kinds[] = { 0, NODE_CHUNKS, NODE_CHUNK_LISTS, 5,
		                         255 };
	struct digest d;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		d = store_bytes(&kinds[i], 1);
		assert_err(E_CORRUPT, walk_all(&d, &n));
	}
	d = store_bytes("", 0);
	assert_err(E_CORRUPT, walk_all(&d, &n));
	d = store_bytes((uint8_t[]){ NODE_DIRS }, 1);
	assert_err(E_CORRUPT, walk_all(&d, &n));
	d.b[0] ^= 1;
	assert_err(E_NOTFOUND, walk_all(&d, &n));
}

static void
refuses_towers_of_nodes(void **state)
{
	struct digest d = leaf_of("a b");
	size_t n;

	(void)state;
	for (int level = 1; level < 20; level++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);

		if (level <= TREE_DEPTH_MAX)
			assert_ok(walk_all(&d, &n));
		else
			assert_err(E_CORRUPT, walk_all(&d, &n));
		inner_add(&b, NODE_DIRS, &d, "b");
		d = store_bytes(b.p, b.len);
	}
}

/* 4,000 children a node, 15 levels: nobody could walk them all. */
static void
refuses_multitudes_of_empty_nodes(void **state)
{
	struct digest d = leaf_of("");
	size_t n;

	(void)state;
	for (int level = 1; level < TREE_DEPTH_MAX; level++) {
		AUTO(buf_release) struct buf b = BUF_MAX(MiB);
		char name[32];

		for (int i = 0; i < 4000; i++) {
			(void)snprintf(name, sizeof(name), "%04d", i);
			inner_add(&b, NODE_DIRS, &d, name);
		}
		d = store_bytes(b.p, b.len);
	}
	assert_err(E_CORRUPT, walk_all(&d, &n));
	assert_in_range(nread, 0, 100);
}

static void
refuses_nodes_longer_than_any(void **state)
{
	AUTO(buf_release) struct buf leaf = BUF_MAX(4 * MiB);
	AUTO(buf_release) struct buf inner = BUF_MAX(4 * MiB);
	struct digest d = leaf_of("a");
	char name[32];
	size_t n;

	(void)state;
	for (int i = 0; leaf.len < 2 * MiB; i++) {
		(void)snprintf(name, sizeof(name), "%07d", i);
		leaf_add(&leaf, name);
	}
	d = store_bytes(leaf.p, leaf.len);
	assert_err_says(E_CORRUPT, "too long", walk_all(&d, &n));
	for (int i = 0; inner.len < MiB / 2; i++) {
		(void)snprintf(name, sizeof(name), "%07d", i);
		inner_add(&inner, NODE_DIRS, &d, name);
	}
	d = store_bytes(inner.p, inner.len);
	assert_err(E_CORRUPT, walk_all(&d, &n));
}

/* Whatever bit turns: it is read to an end, and never out of order. */
static void
survives_every_bit_flip_and_truncation(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct digest left = leaf_of("a b"), right = leaf_of("c d"), d;
	size_t n, ok = 0;

	(void)state;
	leaf_add(&b, "name");
	leaf_add(&b, "name2");
	for (size_t i = 0; i <= b.len; i++) {
		d = store_bytes(b.p, i);
		err_drop(walk_all(&d, &n));
	}
	buf_clear(&b);
	inner_add(&b, NODE_DIRS, &left, "b");
	inner_add(&b, NODE_DIRS, &right, "d");
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		err e;

		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		d = store_bytes(b.p, b.len);
		e = walk_all(&d, &n);
		ok += !e.code;
		err_drop(e);
		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(ok, 0);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, store_forget)
	const struct CMUnitTest tests[] = {
		TEST(reads_every_entry_in_order),
		TEST(finds_a_name_along_one_path_of_nodes),
		TEST(finds_names_one_after_the_other),
		TEST(refuses_names_that_do_not_ascend),
		TEST(refuses_parents_that_tell_another_last_name),
		TEST(refuses_nodes_of_another_kind),
		TEST(refuses_towers_of_nodes),
		TEST(refuses_multitudes_of_empty_nodes),
		TEST(refuses_nodes_longer_than_any),
		TEST(survives_every_bit_flip_and_truncation),
	};

	return cmocka_run_group_tests_name("vault/dirwalk", tests, NULL, NULL);
}
