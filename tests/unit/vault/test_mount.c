/* SPDX-License-Identifier: Apache-2.0 */

/* What a mounted vault shows and reads, short of the kernel. */

#include "base/time.h"
#include "tree_store.h"
#include "vault/mount_file.h"
#include "vault/mount_tree.h"

static struct mount_tree tree;
static struct mount_readers readers;
static struct mount_cache nodes;

/* The room's own would want all of the vault. */
void
snapshot_list_release(struct snapshot_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].asset);
	free(l->v);
	*l = (struct snapshot_list){ 0 };
}

static void
list_add(struct snapshot_list *l, const char *asset, int64_t at,
         struct digest root)
{
	struct snapshot s = { .asset = strdup(asset),
		              .finished_ns = at,
		              .root = root };

	s.id.b[0] = (uint8_t)(l->n + 1);
	assert_ok(mem_grow(&l->v, l->n + 1, &l->cap, sizeof(*l->v)));
	l->v[l->n++] = s;
}

/* Snapshots of two assets, two of them within one second. */
static int
setup(void **state)
{
	struct snapshot_list l = { 0 };

	(void)state;
	list_add(&l, "b", 3 * NS_PER_S, leaf_of("x y z"));
	list_add(&l, "a", 1 * NS_PER_S, leaf_of("one"));
	list_add(&l, "b", 2 * NS_PER_S, leaf_of(""));
	list_add(&l, "b", 3 * NS_PER_S + 7, leaf_of("new"));
	list_add(&l, "../c", 3 * NS_PER_S, leaf_of("q"));
	assert_ok(mount_readers_init(&readers, NULL, 3));
	mount_cache_init(&nodes, &readers, MiB);
	assert_ok(mount_tree_init(&tree, &nodes, &l));
	return 0;
}

static int
teardown(void **state)
{
	mount_tree_release(&tree);
	mount_cache_release(&nodes);
	mount_readers_release(&readers);
	return store_forget(state);
}

/* The node at ${path}, looked up step by step; NULL if there is none. */
static struct mount_node *
node_at(const char *path)
{
	struct mount_node *n = mount_tree_node(&tree, MOUNT_TOP);
	struct mount_child child;
	char copy[256], *rest = copy, *name;
	bool found;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/")) != NULL) {
		assert_ok(mount_tree_find(&tree, n, name, &child, &found));
		if (!found)
			return NULL;
		assert_ok(mount_tree_hold(&tree, n->ino, &child, &n));
	}
	return n;
}

static void
expect_names(struct mount_node *dir, const char *want)
{
	AUTO(mount_list_closep) struct mount_list *l = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	const struct mount_child *c;

	assert_non_null(dir);
	assert_ok(mount_list_open(&tree, dir, &l));
	for (;;) {
		assert_ok(mount_list_peek(l, &c));
		if (c == NULL)
			break;
		buf_fmt(&b, "%.*s ", (int)c->entry.name_len, c->entry.name);
		mount_list_pass(l);
	}
	assert_string_equal(buf_cstr(&b), want);
}

static void
shows_every_asset_under_a_name_that_a_file_can_have(void **state)
{
	(void)state;
	expect_names(mount_tree_node(&tree, MOUNT_TOP),
	             "a asset:9604b906fd0ca6d6 b ");
	expect_names(node_at("a/1970-01-01T00:00:01Z"), "one ");
}

static void
shows_times_and_the_newest(void **state)
{
	struct tree_entry t;

	(void)state;
	expect_names(node_at("b"),
	             "1970-01-01T00:00:02Z 1970-01-01T00:00:03Z "
	             "1970-01-01T00:00:03Z-04000000 latest ");
	assert_ok(mount_tree_entry(node_at("b/latest"), &t));
	assert_int_equal(t.type, ENTRY_SYMLINK);
	assert_memory_equal(t.target, "1970-01-01T00:00:03Z-04000000",
	                    t.target_len);
	expect_names(node_at("b/1970-01-01T00:00:03Z-04000000"), "new ");
	expect_names(node_at("b/1970-01-01T00:00:03Z"), "x y z ");
	expect_names(node_at("b/1970-01-01T00:00:02Z"), "");
	assert_null(node_at("c"));
	assert_null(node_at("b/1970-01-01T00:00:04Z"));
	assert_null(node_at("b/1970-01-01T00:00:03Z/w"));
	assert_null(node_at("b/1970-01-01T00:00:03Z/x/y"));
	assert_null(node_at("b/latest/new"));
}

static void
gives_a_name_the_same_number_while_it_is_known(void **state)
{
	struct mount_node *n = node_at("b/1970-01-01T00:00:03Z/x");
	uint64_t ino = n->ino;

	(void)state;
	assert_ptr_equal(node_at("b/1970-01-01T00:00:03Z/x"), n);
	assert_int_equal(n->lookups, 2);
	assert_int_not_equal(node_at("b/1970-01-01T00:00:03Z/y")->ino, ino);
	mount_tree_forget(&tree, ino, 1);
	assert_non_null(mount_tree_node(&tree, ino));
	mount_tree_forget(&tree, ino, 1);
	assert_null(mount_tree_node(&tree, ino));
	mount_tree_forget(&tree, ino, 5);
	assert_int_equal(node_at("b/1970-01-01T00:00:03Z/x")->ino, ino);
	mount_tree_forget(&tree, MOUNT_TOP, 99);
	assert_non_null(mount_tree_node(&tree, MOUNT_TOP));
}

static void
knows_many_nodes_and_forgets_them(void **state)
{
	size_t before = tree.nnodes;
	struct mount_node *n;
	char name[16];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct mount_child c = { .kind = MOUNT_ENTRY,
			                 .entry = { .name = name,
			                            .type = ENTRY_FILE } };

		c.entry.name_len = (size_t)snprintf(name, sizeof(name), "%d",
		                                    i);
		assert_ok(mount_tree_hold(&tree, 77, &c, &n));
	}
	assert_int_equal(tree.nnodes, before + 10000);
	for (int i = 0; i < 10000; i++) {
		size_t len = (size_t)snprintf(name, sizeof(name), "%d", i);
		uint64_t ino = mount_tree_number(&tree, 77, name, len);

		assert_non_null(mount_tree_node(&tree, ino));
		mount_tree_forget(&tree, ino, 1);
	}
	assert_int_equal(tree.nnodes, before);
}

static void
goes_to_any_place_in_a_listing(void **state)
{
	static const size_t places[] = { 2, 0, 1, 2, 1, 9, 0 };
	static const char *const names[] = { "x", "y", "z" };
	AUTO(mount_list_closep) struct mount_list *l = NULL;
	const struct mount_child *c;

	(void)state;
	assert_ok(
	    mount_list_open(&tree, node_at("b/1970-01-01T00:00:03Z"), &l));
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		assert_ok(mount_list_seek(l, places[i]));
		assert_ok(mount_list_peek(l, &c));
		assert_int_equal(c != NULL, places[i] < 3);
		if (c != NULL)
			assert_memory_equal(c->entry.name, names[places[i]], 1);
	}
}

static void
keeps_a_reader_for_each_segment_in_use(void **state)
{
	struct reader *a, *b, *c, *d, *r;
	struct digest name = { 0 };

	(void)state;
	assert_ok(mount_readers_for(&readers, &name, &a));
	name.b[0] = 1;
	assert_ok(mount_readers_for(&readers, &name, &b));
	name.b[0] = 2;
	assert_ok(mount_readers_for(&readers, &name, &c));
	assert_true(a != b && b != c && a != c);
	name.b[0] = 0;
	name.b[1] = 9;
	assert_ok(mount_readers_for(&readers, &name, &r));
	assert_ptr_equal(r, a);
	name.b[0] = 3;
	assert_ok(mount_readers_for(&readers, &name, &d));
	assert_ptr_equal(d, b);
}

/* --- files ---------------------------------------------------------------- */

static void
reads_any_part_of_a_file_with_holes(void **state)
{
	static const char whole[] = "\0\0\0abc\0defg\0\0hij\0";
	AUTO(buf_release) struct buf refs = BUF_MAX(MiB);
	AUTO(mount_file_closep) struct mount_file *f = NULL;
	AUTO(mount_cache_release) struct mount_cache c;
	struct tree_entry t = { .type = ENTRY_FILE,
		                .size = 17,
		                .holes = (const uint8_t[]){ 0, 3, 3, 1, 4, 2, 3,
		                                            1 },
		                .holes_len = 8 };
	uint8_t p[32];
	size_t n;

	(void)state;
	ref_add(&refs, "abcde");
	ref_add(&refs, "fghij");
	t.chunks = refs.p;
	t.chunks_len = refs.len;
	mount_cache_init(&c, &readers, 32 * MiB);
	assert_ok(mount_file_open(&readers, &test_naming, &t, &f));
	for (size_t from = 0; from < 20; from++)
		for (size_t len = 0; len < 20; len++) {
			size_t want = from < 17 ? MIN(len, 17 - from) : 0;

			assert_ok(mount_file_read(f, &c, from, p, len, &n));
			assert_int_equal(n, want);
			assert_memory_equal(p, whole + from, n);
		}
	assert_ok(mount_file_read(f, &c, UINT64_MAX, p, 20, &n));
	assert_int_equal(n, 0);
}

static void
keeps_chunks_within_its_bounds(void **state)
{
	AUTO(mount_cache_release) struct mount_cache c;
	AUTO(free_ptr) char *p = NULL;
	struct digest small = { 0 }, big;
	size_t len = 8 * MiB, n;
	const uint8_t *got;

	(void)state;
	assert_ok(mem_alloc(len, 1, &p));
	mount_cache_init(&c, &readers, 32 * MiB);
	for (int i = 0; i < 1000; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%03d", i);
		small = store_bytes(text, 3);
		assert_ok(mount_cache_get(&c, &small, &got, &n));
		assert_int_equal(n, 3);
		assert_memory_equal(got, text, 3);
	}
	nread = 0;
	assert_ok(mount_cache_get(&c, &small, &got, &n));
	assert_int_equal(nread, 0);
	for (char i = 0; i < 6; i++) {
		p[0] = i;
		big = store_bytes(p, len);
		assert_ok(mount_cache_get(&c, &big, &got, &n));
		assert_int_equal(n, len);
		assert_int_equal(got[0], i);
		assert_in_range(c.bytes, len, 32 * MiB);
		/* What is used stays. */
		assert_ok(mount_cache_get(&c, &small, &got, &n));
	}
	assert_int_equal(nread, 6);
	small.b[0] ^= 1;
	assert_err(E_NOTFOUND, mount_cache_get(&c, &small, &got, &n));
}

static void
refuses_chunks_of_another_length(void **state)
{
	AUTO(mount_cache_release) struct mount_cache c;
	AUTO(mount_file_closep) struct mount_file *f = NULL;
	struct digest d = store_bytes("abc", 3);
	AUTO(buf_release) struct buf refs = BUF_MAX(MiB);
	struct tree_entry t = { .type = ENTRY_FILE, .size = 4 };
	uint8_t p[4];
	size_t n;

	(void)state;
	buf_add(&refs, d.b, DIGEST_LEN);
	buf_varint(&refs, 4);
	t.chunks = refs.p;
	t.chunks_len = refs.len;
	mount_cache_init(&c, &readers, MiB);
	assert_ok(mount_file_open(&readers, &test_naming, &t, &f));
	for (int i = 0; i < 2; i++)
		assert_err(E_CORRUPT, mount_file_read(f, &c, 0, p, 4, &n));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(shows_every_asset_under_a_name_that_a_file_can_have),
		TEST(shows_times_and_the_newest),
		TEST(gives_a_name_the_same_number_while_it_is_known),
		TEST(knows_many_nodes_and_forgets_them),
		TEST(goes_to_any_place_in_a_listing),
		TEST(keeps_a_reader_for_each_segment_in_use),
		TEST(reads_any_part_of_a_file_with_holes),
		TEST(keeps_chunks_within_its_bounds),
		TEST(refuses_chunks_of_another_length),
	};

	return cmocka_run_group_tests_name("vault/mount", tests, NULL, NULL);
}
