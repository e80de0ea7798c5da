/* SPDX-License-Identifier: Apache-2.0 */

/* What differs between two trees. */

#include "tree_store.h"
#include "vault/view.h"

static struct vault vault;

static err
hear(char what, const struct vault_entry *before,
     const struct vault_entry *after, void *arg)
{
	const struct vault_entry *e = after != NULL ? after : before;

	assert_int_equal(what == '+', before == NULL);
	assert_int_equal(what == '-', after == NULL);
	buf_fmt(arg, "%c %s%s\n", what, e->path, e->type == 'd' ? "/" : "");
	return OK;
}

static void
expect_diff(struct digest a, struct digest b, const char *path,
            const char *want)
{
	AUTO(buf_release) struct buf text = BUF_MAX(MiB);
	struct snapshot sa = { .root = a }, sb = { .root = b };

	vault.keys.domain.naming = test_naming;
	assert_ok(vault_diff(&vault, &sa, &sb, path, hear, &text));
	assert_string_equal(buf_cstr(&text), want);
}

/* A directory of one entry. */
static struct digest
only(const char *name, struct tree_entry e)
{
	struct tree_builder t;

	tree_dir_init(&t, &test_sink);
	dir_add(&t, name, e);
	return dir_end(&t);
}

static struct digest
nothing(void)
{
	struct tree_builder t;

	tree_dir_init(&t, &test_sink);
	return dir_end(&t);
}

static void
finds_no_difference_in_equal_trees_and_reads_nothing(void **state)
{
	struct digest d = only("a", dir_of(only("b", file_of("c"))));

	(void)state;
	nread = 0;
	expect_diff(d, d, "", "");
	assert_int_equal(nread, 0);
}

static void
tells_every_kind_of_change(void **state)
{
	struct tree_entry chmod = file_of("same");
	struct tree_builder t;
	struct digest a, b;

	(void)state;
	chmod.mode = 0600;
	tree_dir_init(&t, &test_sink);
	dir_add(&t, "added-later", file_of("1"));
	dir_add(&t, "content", file_of("old"));
	dir_add(&t, "gone", dir_of(leaf_of("x y")));
	dir_add(&t, "meta", file_of("same"));
	dir_add(&t, "same", dir_of(leaf_of("q")));
	dir_add(&t, "type", file_of("t"));
	a = dir_end(&t);
	tree_dir_init(&t, &test_sink);
	dir_add(&t, "a-new", dir_of(only("n", file_of("n"))));
	dir_add(&t, "added-later", file_of("1"));
	dir_add(&t, "content", file_of("new"));
	dir_add(&t, "meta", chmod);
	dir_add(&t, "same", dir_of(leaf_of("q")));
	dir_add(&t, "type", dir_of(leaf_of("in")));
	dir_add(&t, "z", file_of("z"));
	b = dir_end(&t);
	expect_diff(a, b, "",
	            "+ a-new/\n+ a-new/n\nM content\n- gone/\n- gone/x\n"
	            "- gone/y\nm meta\nT type/\n+ type/in\n+ z\n");
	expect_diff(b, a, "",
	            "- a-new/\n- a-new/n\nM content\n+ gone/\n+ gone/x\n"
	            "+ gone/y\nm meta\nT type\n- type/in\n- z\n");
}

static void
compares_below_a_path(void **state)
{
	struct digest a = only("d", dir_of(only("x", file_of("1"))));
	struct digest b = only("d", dir_of(only("x", file_of("2"))));
	AUTO(buf_release) struct buf text = BUF_MAX(MiB);
	struct snapshot sa = { .root = a }, sb = { .root = b };

	(void)state;
	expect_diff(a, b, "d", "M d/x\n");
	expect_diff(a, b, "d/x", "M d/x\n");
	expect_diff(a, nothing(), "d", "- d/\n- d/x\n");
	expect_diff(nothing(), a, "d/x", "+ d/x\n");
	assert_err_says(E_NOTFOUND, "neither",
	                vault_diff(&vault, &sa, &sb, "q", hear, &text));
}

static void
reads_only_what_leads_to_the_change(void **state)
{
	struct tree_builder t[2];
	struct digest d[2], big;
	char name[16];

	(void)state;
	tree_dir_init(&t[0], &test_sink);
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(name, sizeof(name), "%06d", i);
		dir_add(&t[0], name, dir_of(leaf_of("a b")));
	}
	big = dir_end(&t[0]);
	for (int k = 0; k < 2; k++) {
		tree_dir_init(&t[k], &test_sink);
		dir_add(&t[k], "big", dir_of(big));
		dir_add(&t[k], "x", file_of(k == 0 ? "1" : "2"));
		d[k] = dir_end(&t[k]);
	}
	nread = 0;
	expect_diff(d[0], d[1], "", "M x\n");
	assert_int_equal(nread, 2);
}

static void
compares_files_without_digests_by_their_chunks(void **state)
{
	AUTO(buf_release) struct buf ab = BUF_MAX(MiB);
	AUTO(buf_release) struct buf ac = BUF_MAX(MiB);
	AUTO(buf_release) struct buf hole = BUF_MAX(MiB);
	AUTO(buf_release) struct buf one = BUF_MAX(MiB);
	AUTO(tree_builder_release) struct tree_builder l = { 0 };
	struct tree_entry e = { .type = ENTRY_FILE, .size = 4 }, f, g;
	struct cur c;
	struct chunk_ref ref;

	(void)state;
	ref_add(&ab, "aa");
	ref_add(&ab, "bb");
	ref_add(&ac, "aa");
	ref_add(&ac, "cc");
	e.chunks = ab.p;
	e.chunks_len = ab.len;
	f = e;
	f.chunks = ac.p;
	expect_diff(only("f", e), only("f", f), "", "M f\n");
	/* The same chunks in a list. */
	tree_list_init(&l, &test_sink);
	c = CUR(ab.p, ab.len);
	while (entry_chunk(&c, &ref))
		assert_ok(tree_list_add(&l, &ref));
	g = (struct tree_entry){ .type = ENTRY_FILE,
		                 .size = 4,
		                 .flags = ENTRY_LISTED };
	assert_ok(tree_finish(&l, &g.list));
	expect_diff(only("f", e), only("f", g), "", "");
	expect_diff(only("f", f), only("f", g), "", "M f\n");
	/* The same data around a hole elsewhere. */
	buf_varint(&hole, 1);
	buf_varint(&hole, 1);
	e.size = f.size = 5;
	f.chunks = ab.p;
	e.holes = hole.p;
	f.holes = (const uint8_t[]){ 2, 1 };
	e.holes_len = f.holes_len = hole.len;
	expect_diff(only("f", e), only("f", f), "", "M f\n");
	/* One chunk, whose name stands in one and follows in the other. */
	e = file_of("aaaa");
	f = (struct tree_entry){ .type = ENTRY_FILE, .size = 4, .mode = 0644 };
	ref_add(&one, "aaaa");
	f.chunks = one.p;
	f.chunks_len = one.len;
	expect_diff(only("f", e), only("f", f), "", "");
}

static void
compares_links_devices_and_metadata(void **state)
{
	struct tree_entry a = { .type = ENTRY_SYMLINK,
		                .target = "x",
		                .target_len = 1 },
			  b = a;

	(void)state;
	b.target = "y";
	expect_diff(only("l", a), only("l", b), "", "M l\n");
	a = b = (struct tree_entry){ .type = ENTRY_CHAR, .rdev_minor = 1 };
	b.rdev_minor = 2;
	expect_diff(only("c", a), only("c", b), "", "M c\n");
	a = b = (struct tree_entry){ .type = ENTRY_FIFO, .mtime_ns = 1 };
	b.mtime_ns = 2;
	expect_diff(only("p", a), only("p", b), "", "m p\n");
	b = a;
	b.user = "root";
	b.user_len = 4;
	expect_diff(only("p", a), only("p", b), "", "m p\n");
	b = a;
	b.xattrs = (const uint8_t *)"\1a\1b";
	b.xattrs_len = 4;
	expect_diff(only("p", a), only("p", b), "", "m p\n");
	/* Another inode is no difference. */
	a.flags = b.flags = ENTRY_LINKED;
	b.xattrs_len = 0;
	b.link_ino = 77;
	expect_diff(only("p", a), only("p", b), "", "");
	/* Content that could not be read differs from content that could. */
	a = b = file_of("");
	b.flags = ENTRY_UNREADABLE;
	expect_diff(only("f", a), only("f", b), "", "M f\n");
	expect_diff(only("f", b), only("f", b), "", "");
}

static void
tells_of_a_root_that_differs(void **state)
{
	AUTO(buf_release) struct buf a = BUF_MAX(MiB), b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf text = BUF_MAX(MiB);
	struct tree_entry e = {
		.name = "root", .name_len = 4, .type = ENTRY_DIR, .mode = 0700
	};
	struct snapshot sa = { .root = nothing() }, sb = sa;

	(void)state;
	entry_encode(&e, &a);
	e.mode = 0750;
	entry_encode(&e, &b);
	sa.root_entry = a.p;
	sa.root_entry_len = a.len;
	sb.root_entry = b.p;
	sb.root_entry_len = b.len;
	assert_ok(vault_diff(&vault, &sa, &sb, "", hear, &text));
	assert_string_equal(buf_cstr(&text), "m /\n");
	/* A root that is no directory was not written by us. */
	e.type = ENTRY_FIFO;
	buf_clear(&b);
	entry_encode(&e, &b);
	sb.root_entry_len = b.len;
	assert_err(E_CORRUPT, vault_diff(&vault, &sa, &sb, "", hear, &text));
	sb.root_entry_len = 3;
	assert_err(E_CORRUPT, vault_diff(&vault, &sa, &sb, "", hear, &text));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, store_forget)
	const struct CMUnitTest tests[] = {
		TEST(finds_no_difference_in_equal_trees_and_reads_nothing),
		TEST(tells_every_kind_of_change),
		TEST(compares_below_a_path),
		TEST(reads_only_what_leads_to_the_change),
		TEST(compares_files_without_digests_by_their_chunks),
		TEST(compares_links_devices_and_metadata),
		TEST(tells_of_a_root_that_differs),
	};

	return cmocka_run_group_tests_name("vault/diff", tests, NULL, NULL);
}
