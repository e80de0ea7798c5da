/* SPDX-License-Identifier: Apache-2.0 */

/* Looking into snapshots: listing and reading. */

#include "tree_store.h"
#include "vault/view.h"

static struct vault vault;

/* What a listing said: a line for each entry. */
struct heard {
	struct buf text;
	size_t n, stop; /* Refuse the entry of that number. */
};

static err
hear(const struct vault_entry *e, void *arg)
{
	struct heard *h = arg;

	if (++h->n == h->stop)
		return err_new(E_CANCELLED, "enough");
	buf_fmt(&h->text, "%c %s %llu\n", e->type, e->path,
	        (unsigned long long)e->size);
	if (e->target != NULL)
		buf_fmt(&h->text, "-> %s\n", e->target);
	return OK;
}

static void
expect_ls(const struct snapshot *s, const char *path, bool all,
          const char *want)
{
	struct heard h = { .text = BUF_MAX(MiB) };

	assert_ok(vault_ls(&vault, s, path, all, hear, &h));
	assert_string_equal(buf_cstr(&h.text), want);
	buf_release(&h.text);
}

/* a, d/{e/{f}, g}, l -> a, and a name with a newline. */
static struct snapshot
small_tree(void)
{
	struct tree_builder t;
	struct tree_entry link = { .type = ENTRY_SYMLINK,
		                   .target = "\x1b[2J",
		                   .target_len = 4 };
	struct digest e, d;

	tree_dir_init(&t, &test_sink);
	dir_add(&t, "f", file_of("in f"));
	e = dir_end(&t);
	tree_dir_init(&t, &test_sink);
	dir_add(&t, "e", dir_of(e));
	dir_add(&t, "g", file_of(""));
	d = dir_end(&t);
	tree_dir_init(&t, &test_sink);
	dir_add(&t, "a", file_of("in a"));
	dir_add(&t, "d", dir_of(d));
	dir_add(&t, "l", link);
	dir_add(&t, "n\n\xff", file_of("x"));
	vault.keys.domain.naming = test_naming;
	return (struct snapshot){ .root = dir_end(&t) };
}

static void
lists_directories_and_single_files(void **state)
{
	struct snapshot s = small_tree();

	(void)state;
	expect_ls(&s, "", false,
	          "f a 4\nd d 0\nl l 0\n-> \\x1b[2J\nf n\\x0a\\xff 1\n");
	expect_ls(&s, "./", false,
	          "f a 4\nd d 0\nl l 0\n-> \\x1b[2J\nf n\\x0a\\xff 1\n");
	expect_ls(&s, "d", false, "d d/e 0\nf d/g 0\n");
	expect_ls(&s, "//d/.//e/", false, "f d/e/f 4\n");
	expect_ls(&s, "d/e/f", false, "f d/e/f 4\n");
	expect_ls(&s, "l", false, "l l 0\n-> \\x1b[2J\n");
}

static void
lists_all_the_way_down(void **state)
{
	struct snapshot s = small_tree();

	(void)state;
	expect_ls(&s, "", true,
	          "f a 4\nd d 0\nd d/e 0\nf d/e/f 4\nf d/g 0\nl l 0\n"
	          "-> \\x1b[2J\nf n\\x0a\\xff 1\n");
	expect_ls(&s, "d", true, "d d/e 0\nf d/e/f 4\nf d/g 0\n");
}

static void
says_what_is_not_there(void **state)
{
	static const char *const paths[] = { "b",     "a/b",  "l/b", "d/e/f/g",
		                             "d/e/g", "d\ne", "aa" };
	struct snapshot s = small_tree();
	struct heard h = { .text = BUF_MAX(MiB) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_err_says(
		    E_NOTFOUND, "is not in the snapshot",
		    vault_ls(&vault, &s, paths[i], false, hear, &h));
	assert_err(E_INVALID, vault_ls(&vault, &s, "d/..", false, hear, &h));
	assert_int_equal(h.n, 0);
	buf_release(&h.text);
}

static void
stops_when_told(void **state)
{
	struct snapshot s = small_tree();
	struct heard h = { .text = BUF_MAX(MiB), .stop = 3 };

	(void)state;
	assert_err(E_CANCELLED, vault_ls(&vault, &s, "", true, hear, &h));
	assert_int_equal(h.n, 3);
	buf_release(&h.text);
}

/* Directory in directory, ${n} deep. */
static struct snapshot
tower(size_t n)
{
	struct digest d = leaf_of("end");
	struct tree_builder t;

	for (size_t i = 0; i < n; i++) {
		tree_dir_init(&t, &test_sink);
		dir_add(&t, "d", dir_of(d));
		d = dir_end(&t);
	}
	return (struct snapshot){ .root = d };
}

static void
goes_as_deep_as_backups_and_no_deeper(void **state)
{
	struct snapshot high = tower(1000), higher = tower(3000);
	struct heard h = { .text = BUF_MAX(16 * MiB) };

	(void)state;
	assert_ok(vault_ls(&vault, &high, "", true, hear, &h));
	assert_int_equal(h.n, 1001);
	assert_err(E_LIMIT, vault_ls(&vault, &higher, "", true, hear, &h));
	buf_release(&h.text);
}

static void
names_the_directory_that_is_damaged(void **state)
{
	struct tree_builder t;
	struct snapshot s;
	struct heard h = { .text = BUF_MAX(MiB) };

	(void)state;
	tree_dir_init(&t, &test_sink);
	dir_add(&t, "bad", dir_of(leaf_of("b a")));
	dir_add(&t, "none", dir_of((struct digest){ .b = { 1 } }));
	s = (struct snapshot){ .root = dir_end(&t) };
	assert_err_says(E_CORRUPT, "'bad'",
	                vault_ls(&vault, &s, "", true, hear, &h));
	assert_err_says(E_CORRUPT, "'bad/c'",
	                vault_ls(&vault, &s, "bad/c", true, hear, &h));
	assert_err(E_NOTFOUND, vault_ls(&vault, &s, "none", true, hear, &h));
	buf_release(&h.text);
}

/* --- reading -------------------------------------------------------------- */

static err
collect(const void *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return OK;
}

static struct snapshot
of_file(struct tree_entry e)
{
	struct tree_builder t;

	tree_dir_init(&t, &test_sink);
	dir_add(&t, "x", e);
	vault.keys.domain.naming = test_naming;
	return (struct snapshot){ .root = dir_end(&t) };
}

static void
reads_files(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(MiB);
	struct tree_entry e = { .type = ENTRY_FILE, .size = 11 };
	struct snapshot s = small_tree();

	(void)state;
	assert_ok(vault_cat(&vault, &s, "d/e/f", collect, &b));
	assert_ok(vault_cat(&vault, &s, "d/g", collect, &b));
	assert_string_equal(buf_cstr(&b), "in f");
	buf_clear(&b);
	ref_add(&refs, "hello ");
	ref_add(&refs, "world");
	e.chunks = refs.p;
	e.chunks_len = refs.len;
	s = of_file(e);
	assert_ok(vault_cat(&vault, &s, "x", collect, &b));
	assert_string_equal(buf_cstr(&b), "hello world");
}

static void
reads_holes_as_zeroes(void **state)
{
	static const uint64_t holes[] = { 0, 100000, 3, 1, 4, 2 };
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(MiB);
	AUTO(buf_release) struct buf h = BUF_MAX(MiB);
	struct tree_entry e = { .type = ENTRY_FILE, .size = 100013 };
	struct snapshot s;

	(void)state;
	ref_add(&refs, "abcde");
	ref_add(&refs, "fghij");
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		buf_varint(&h, holes[i]);
	e.chunks = refs.p;
	e.chunks_len = refs.len;
	e.holes = h.p;
	e.holes_len = h.len;
	s = of_file(e);
	assert_ok(vault_cat(&vault, &s, "x", collect, &b));
	assert_int_equal(b.len, 100013);
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], 0);
	assert_memory_equal(b.p + 100000, "abc\0defg\0\0hij", 13);
	/* Nothing but a hole. */
	buf_clear(&h);
	buf_varint(&h, 0);
	buf_varint(&h, 7);
	e = (struct tree_entry){
		.type = ENTRY_FILE, .size = 7, .holes = h.p, .holes_len = h.len
	};
	s = of_file(e);
	buf_clear(&b);
	assert_ok(vault_cat(&vault, &s, "x", collect, &b));
	assert_int_equal(b.len, 7);
}

static void
hands_out_no_chunk_of_another_length(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(MiB);
	struct digest d = store_bytes("hello", 5);
	struct tree_entry e = { .type = ENTRY_FILE, .size = 4 };
	struct snapshot s;

	(void)state;
	buf_add(&refs, d.b, DIGEST_LEN);
	buf_varint(&refs, 4);
	e.chunks = refs.p;
	e.chunks_len = refs.len;
	s = of_file(e);
	assert_err(E_CORRUPT, vault_cat(&vault, &s, "x", collect, &b));
	assert_int_equal(b.len, 0);
}

static void
reads_nothing_but_files(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct snapshot s = small_tree();

	(void)state;
	assert_err(E_INVALID, vault_cat(&vault, &s, "", collect, &b));
	assert_err(E_INVALID, vault_cat(&vault, &s, "d", collect, &b));
	assert_err(E_INVALID, vault_cat(&vault, &s, "l", collect, &b));
	assert_err(E_NOTFOUND, vault_cat(&vault, &s, "q", collect, &b));
	s = of_file((struct tree_entry){ .type = ENTRY_FILE,
	                                 .flags = ENTRY_UNREADABLE });
	assert_err_says(E_NOTFOUND, "could not be read",
	                vault_cat(&vault, &s, "x", collect, &b));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, store_forget)
	const struct CMUnitTest tests[] = {
		TEST(lists_directories_and_single_files),
		TEST(lists_all_the_way_down),
		TEST(says_what_is_not_there),
		TEST(stops_when_told),
		TEST(goes_as_deep_as_backups_and_no_deeper),
		TEST(names_the_directory_that_is_damaged),
		TEST(reads_files),
		TEST(reads_holes_as_zeroes),
		TEST(hands_out_no_chunk_of_another_length),
		TEST(reads_nothing_but_files),
	};

	return cmocka_run_group_tests_name("vault/ls", tests, NULL, NULL);
}
