/* SPDX-License-Identifier: Apache-2.0 */

/* Trees that were written by who holds the keys, and make no sense. */

#include "small_vault.h"
#include "vault/commit.h"
#include "vault/packer.h"
#include "vault/tree.h"

static struct small_vault s;
static struct vault_check_report report;

/* A snapshot being written by hand. */
static struct {
	struct session session;
	struct vault_store_outcome outcome;
	struct commit commit;
	struct packer *packer;
	struct packer_worker *trees;
} made;

static int
setup(void **state)
{
	struct packer_opts o = { .session = &made.session,
		                 .outcome = &made.outcome };

	(void)state;
	small_make(&s, 1);
	made.outcome = (struct vault_store_outcome){ .name = "a" };
	assert_ok(session_init(&s.v->keys, &made.session));
	made.commit = (struct commit){ .v = s.v,
		                       .session = &made.session,
		                       .outcome = &made.outcome };
	assert_ok(index_load(s.v));
	assert_ok(commit_keep(&made.commit));
	assert_ok(packer_new(s.v, &o, &made.packer));
	assert_ok(packer_worker_new(made.packer, CHUNK_TREE, &made.trees));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	packer_worker_free(made.trees);
	packer_free(made.packer);
	vault_check_report_release(&report);
	small_drop(&s);
	return 0;
}

static struct digest
chunk(const void *p, size_t n)
{
	struct digest d;

	assert_ok(packer_chunk(made.trees, p, n, &d, NULL));
	return d;
}

/* Commit a snapshot whose root node is ${root}, and check the vault. */
static void
check_tree(struct digest root)
{
	struct snapshot snap = { .asset = (char *)"files",
		                 .kind = (char *)"dataset",
		                 .node = (char *)"node",
		                 .base = (char *)"/",
		                 .sequence = 1,
		                 .root = root };
	struct tree_entry top = {
		.name = "root", .name_len = 4, .type = ENTRY_DIR, .dir = root
	};
	AUTO(buf_release) struct buf b = BUF_MAX(KiB);
	bool clear;

	entry_encode(&top, &b);
	snap.root_entry = b.p;
	snap.root_entry_len = b.len;
	assert_ok(packer_worker_flush(made.trees));
	assert_ok(packer_finish(made.packer));
	assert_ok(commit_promise(&made.commit, &clear));
	assert_true(clear);
	snap.started_ns = snap.finished_ns = time_now();
	assert_ok(commit_snapshot(&made.commit, &snap));
	commit_end(&made.commit);
	small_check(s.v, &report);
}

static void
expect_hurt(const char *what, const char *path)
{
	for (size_t i = 0; i < report.n; i++) {
		const struct vault_finding *f = &report.v[i];

		if (strstr(f->what, what) == NULL || f->nhurts == 0)
			continue;
		for (char **h = f->hurts; *h != NULL; h++)
			if (strcmp(strchr(*h, ':') + 2, path) == 0)
				return;
	}
	small_tell(&report);
	fail_msg("nothing says \"%s\" of \"%s\"", what, path);
}

/* Append a file or directory to a leaf, which is begun if need be. */
static void
add(struct buf *b, const char *name, struct tree_entry t)
{
	if (b->len == 0)
		buf_u8(b, NODE_ENTRIES);
	t.name = name;
	t.name_len = strlen(name);
	entry_encode(&t, b);
}

static struct digest
leaf(struct buf *b)
{
	assert_ok(buf_done(b));
	return chunk(b->p, b->len);
}

static void
a_root_that_is_no_node(void **state)
{
	(void)state;
	check_tree(chunk("junk", 4));
	assert_int_equal(report.bad, 1);
	assert_true(report.v[0].nhurts > 0);
}

static void
names_that_do_not_ascend(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	(void)state;
	add(&b, "b", (struct tree_entry){ .type = ENTRY_FILE });
	add(&b, "a", (struct tree_entry){ .type = ENTRY_FILE });
	check_tree(leaf(&b));
	assert_int_equal(report.bad, 1);
	expect_hurt("ascend", ".");
}

static void
a_file_whose_chunks_are_nowhere(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(KiB);
	struct digest none = { .b = { 1, 2, 3 } };

	(void)state;
	buf_add(&refs, none.b, DIGEST_LEN);
	buf_varint(&refs, 10);
	add(&b, "lost",
	    (struct tree_entry){ .type = ENTRY_FILE,
	                         .size = 10,
	                         .chunks = refs.p,
	                         .chunks_len = refs.len });
	add(&b, "sound", (struct tree_entry){ .type = ENTRY_FILE });
	check_tree(leaf(&b));
	assert_int_equal(report.bad, 1);
	assert_int_equal(report.v[0].nhurts, 1);
	expect_hurt("in no pack", "lost");
}

static void
chunks_that_do_not_add_up(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(KiB);
	struct digest data = chunk("0123456789", 10);

	(void)state;
	buf_add(&refs, data.b, DIGEST_LEN);
	buf_varint(&refs, 10);
	add(&b, "short",
	    (struct tree_entry){ .type = ENTRY_FILE,
	                         .size = 11,
	                         .chunks = refs.p,
	                         .chunks_len = refs.len });
	check_tree(leaf(&b));
	assert_int_equal(report.bad, 1);
	expect_hurt("add up", "short");
}

static void
a_list_node_where_a_directory_should_be(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	uint8_t list[1] = { NODE_CHUNKS };

	(void)state;
	add(&b, "dir",
	    (struct tree_entry){ .type = ENTRY_DIR,
	                         .dir = chunk(list, sizeof(list)) });
	check_tree(leaf(&b));
	assert_int_equal(report.bad, 1);
	expect_hurt("another kind", "dir/ and what is in it");
}

/* Two names for one directory, in two names for one directory, and so on: 2^40
 * places of one damaged file. */
static void
a_tree_that_never_ends_ends(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(buf_release) struct buf refs = BUF_MAX(KiB);
	struct digest none = { .b = { 1, 2, 3 } }, below;

	(void)state;
	buf_add(&refs, none.b, DIGEST_LEN);
	buf_varint(&refs, 10);
	add(&b, "lost",
	    (struct tree_entry){ .type = ENTRY_FILE,
	                         .size = 10,
	                         .chunks = refs.p,
	                         .chunks_len = refs.len });
	below = leaf(&b);
	for (int i = 0; i < 40; i++) {
		struct tree_entry t = { .type = ENTRY_DIR, .dir = below };

		buf_clear(&b);
		add(&b, "x", t);
		add(&b, "y", t);
		below = leaf(&b);
	}
	check_tree(below);
	assert_int_equal(report.bad, 1);
	assert_true(report.v[0].nhurts > 1);
}

/* The same when nothing is wrong with it: every node is read once. */
static void
a_sound_tree_of_many_places_is_read_once(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct digest below;

	(void)state;
	add(&b, "empty", (struct tree_entry){ .type = ENTRY_FILE });
	below = leaf(&b);
	for (int i = 0; i < 40; i++) {
		struct tree_entry t = { .type = ENTRY_DIR, .dir = below };

		buf_clear(&b);
		add(&b, "x", t);
		add(&b, "y", t);
		below = leaf(&b);
	}
	check_tree(below);
	assert_int_equal(report.bad, 0);
	assert_int_equal(report.trees, 41);
	assert_int_equal(report.files, 1);
}

static void
a_tree_that_is_too_deep(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct digest below;

	(void)state;
	add(&b, "empty", (struct tree_entry){ .type = ENTRY_FILE });
	below = leaf(&b);
	for (int i = 0; i < 3000; i++) {
		buf_clear(&b);
		add(&b, "d",
		    (struct tree_entry){ .type = ENTRY_DIR, .dir = below });
		below = leaf(&b);
	}
	check_tree(below);
	assert_int_equal(report.bad, 1);
	assert_non_null(strstr(report.v[0].what, "too deep"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_root_that_is_no_node),
		T(names_that_do_not_ascend),
		T(a_file_whose_chunks_are_nowhere),
		T(chunks_that_do_not_add_up),
		T(a_list_node_where_a_directory_should_be),
		T(a_tree_that_never_ends_ends),
		T(a_sound_tree_of_many_places_is_read_once),
		T(a_tree_that_is_too_deep),
	};

	small_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
