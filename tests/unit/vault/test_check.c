/* SPDX-License-Identifier: Apache-2.0 */

/* What a check finds, and whom it says that hurts. */

#include "small_vault.h"

/* What the linker puts before store_get(); see meson.build. */
err __real_store_get(struct store *s, const char *name, struct buf *b);
err __wrap_store_get(struct store *s, const char *name, struct buf *b);

/* Cancel this check when so many packs have been read. */
static struct vault_progress progress;
static int packs_until_cancel = -1;

err
__wrap_store_get(struct store *s, const char *name, struct buf *b)
{
	if (strncmp(name, "packs/", 6) == 0 && packs_until_cancel-- == 0)
		progress.cancel = true;
	return __real_store_get(s, name, b);
}

static struct small_vault s;
static struct vault_check_report report;

/* Three files and a directory; "deep/three" is cut into several chunks. */
static int
make(size_t nstores)
{
	static char text[200000];

	small_make(&s, nstores);
	assert_int_equal(mkdirat(s.dir.fd, "data/deep", 0700), 0);
	small_write(&s, "one", "the content of one");
	small_write(&s, "two", "something else");
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + (i * i / 7) % 26);
	small_write(&s, "deep/three", text);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return make(1);
}

static int
setup_two_stores(void **state)
{
	(void)state;
	return make(2);
}

static int
teardown(void **state)
{
	(void)state;
	small_clock(0);
	packs_until_cancel = -1;
	progress.cancel = false;
	vault_check_report_release(&report);
	small_drop(&s);
	return 0;
}

static void
check(bool read_data)
{
	struct vault_check_opts o = { .read_data = read_data,
		                      .fresh = true,
		                      .threads = 2 };

	vault_check_report_release(&report);
	assert_ok(vault_check(s.v, &o, &report));
}

/* The finding about an object of a store; NULL if there is none. */
static const struct vault_finding *
finding(const char *store, const char *object)
{
	for (size_t i = 0; i < report.n; i++)
		if (strcmp(report.v[i].store, store) == 0 &&
		    strcmp(report.v[i].object, object) == 0)
			return &report.v[i];
	return NULL;
}

/* Does ${f} name "files@<id>${rest}"? */
static bool
hurts(const struct vault_finding *f, const struct digest *id, const char *rest)
{
	char want[128];

	(void)snprintf(want, sizeof(want), "files@%.12s%s", digest_str(id),
	               rest);
	for (char **h = f->hurts; h != NULL && *h != NULL; h++)
		if (strcmp(*h, want) == 0)
			return true;
	return false;
}

static void
finds_nothing_in_a_whole_vault(void **state)
{
	(void)state;
	check(true);
	assert_int_equal(report.n, 0);
	small_backup(&s);
	small_write(&s, "two", "something new");
	small_backup(&s);
	check(false);
	assert_int_equal(report.n, 0);
	assert_int_equal(report.snapshots, 2);
	assert_int_equal(report.bytes_read, 0);
	check(true);
	small_tell(&report);
	assert_int_equal(report.n, 0);
	assert_int_equal(report.bad, 0);
	assert_int_equal(report.packs, 2 * small_count(&s, "packs") / 2);
	assert_true(report.bytes_read > 0);
	assert_true(report.files >= 3);
	assert_true(report.trees >= 3);
	assert_true(report.chunks >= 5);
}

/* --- every bit --- */

/* Positions to flip in ${n} bytes: all of the ends, some inside. */
static size_t
next_position(size_t i, size_t n)
{
	if (i < 160 || i + 80 >= n)
		return i + 1;
	return i + MAX(n / 60, (size_t)1);
}

/* A flip in descriptor or keys may keep the store from being opened at all. */
static bool
is_found(const char *name)
{
	struct vault *v;
	err e = vault_open(s.paths[STATE], &s.config, &v);
	bool found;

	err_drop(e);
	if (e.code)
		return true;
	vault_check_report_release(&report);
	small_check(v, &report);
	found = report.bad > 0 && finding("a", name) != NULL;
	vault_close(v);
	return found;
}

static void
flip_all_of(const char *name, const struct digest *id)
{
	size_t n = small_size(&s, 0, name);
	bool open = strchr(name, '/') == NULL || strncmp(name, "keys/", 5) == 0;

	for (size_t i = 0; i < n; i = next_position(i, n)) {
		uint8_t mask = (uint8_t)(1u << (i % 8));
		const struct vault_finding *f;

		small_flip(&s, 0, name, i, mask);
		if (open) {
			if (!is_found(name))
				fail_msg("%s: bit %zu.%zu", name, i, i % 8);
			small_flip(&s, 0, name, i, mask);
			continue;
		}
		check(true);
		f = finding("a", name);
		if (report.bad == 0 || f == NULL || f->benign)
			fail_msg("%s: bit %zu.%zu", name, i, i % 8);
		if (strncmp(name, "packs/", 6) == 0 && f->nhurts == 0)
			fail_msg("%s: bit %zu.%zu hurts nobody", name, i,
			         i % 8);
		if (strncmp(name, "snapshots/", 10) == 0)
			assert_memory_equal(f->hurts[0], digest_str(id), 12);
		small_flip(&s, 0, name, i, mask);
	}
}

static void
finds_a_flipped_bit_anywhere(void **state)
{
	static const char *const kinds[] = { "packs", "snapshots", "envelopes",
		                             "index", "pending",   "condemned",
		                             "keys" };
	static const uint8_t session[ID_LEN] = { 0xab, 1, 2, 3 };
	struct small_names names;
	struct digest id;
	size_t objects = 0;
	char name[80];

	(void)state;
	id = small_backup(&s);
	small_marker(&s, RECORD_PENDING, session, NULL, time_now(), name);
	small_marker(&s, RECORD_CONDEMNED, session, NULL, time_now(), name);
	check(true);
	assert_int_equal(report.n, 0);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		small_list(&s, 0, kinds[k], &names);
		for (size_t i = 0; i < names.n; i++, objects++)
			flip_all_of(names.v[i], &id);
	}
	flip_all_of("vault", &id);
	assert_true(objects >= 9);
	check(true);
	assert_int_equal(report.n, 0);
}

/* Cut off after any byte: found as well. */
static void
finds_a_truncated_pack(void **state)
{
	struct small_names names;
	char path[256];
	size_t n;

	(void)state;
	small_backup(&s);
	small_list(&s, 0, "packs", &names);
	n = small_size(&s, 0, names.v[0]);
	small_path(&s, 0, names.v[0], path);
	for (size_t len = n; len > 0; len -= MAX(len / 3, (size_t)1)) {
		int fd = openat(s.dir.fd, path, O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, (off_t)len - 1), 0);
		(void)close(fd);
		check(false);
		assert_non_null(finding("a", names.v[0]));
		assert_true(finding("a", names.v[0])->nhurts > 0);
	}
}

/* --- whom it hurts --- */

/* The pack, segment and store offset of the chunk of a small file. */
static void
place_of_text(const char *text, char name[PACK_NAME_LEN], size_t *ret_off)
{
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	struct chunk_place at;
	struct digest sha, chunk;
	bool found;

	sha256(text, strlen(text), &sha);
	chunk_name(&s.v->keys.domain.naming, &sha, &chunk);
	assert_ok(index_load(s.v));
	assert_ok(
	    index_set_find(&s.v->index, &s.v->packs, &chunk, &at, &found));
	assert_true(found);
	pack_name(&s.v->packs.v[at.pack].id, name);
	assert_ok(pack_dir_load(s.v->copies[0].store, &s.v->packs.v[at.pack].id,
	                        0, &s.v->keys.domain, &d, NULL));
	*ret_off = d->segments[at.segment].off + 3;
}

static void
names_the_files_of_a_damaged_segment_in_all_snapshots(void **state)
{
	const struct vault_finding *f;
	struct digest first, second;
	char name[PACK_NAME_LEN];
	size_t off;

	(void)state;
	first = small_backup(&s);
	small_write(&s, "two", "something new");
	second = small_backup(&s);
	place_of_text("something new", name, &off);
	small_flip(&s, 0, name, off, 1);
	check(true);
	f = finding("a", name);
	assert_non_null(f);
	assert_int_equal(f->nhurts, 1);
	assert_true(hurts(f, &second, ": two"));
	small_flip(&s, 0, name, off, 1);

	/* A file that both have. */
	place_of_text("the content of one", name, &off);
	small_flip(&s, 0, name, off, 1);
	check(true);
	f = finding("a", name);
	assert_non_null(f);
	assert_true(hurts(f, &first, ": one"));
	assert_true(hurts(f, &second, ": one"));
	assert_false(hurts(f, &second, ": two"));
}

static void
names_all_files_of_a_missing_pack(void **state)
{
	const struct vault_finding *f;
	struct digest id;
	char name[PACK_NAME_LEN];
	size_t off;

	(void)state;
	id = small_backup(&s);
	place_of_text("something else", name, &off);
	small_remove(&s, 0, name);
	check(false);
	f = finding("a", name);
	assert_non_null(f);
	assert_false(f->benign);
	assert_true(hurts(f, &id, ": two"));
}

/* Trees lie in packs of their own: without them files have no names. */
static void
names_directories_that_cannot_be_read(void **state)
{
	AUTO(snapshot_release) struct snapshot snap = { 0 };
	struct chunk_place at;
	struct digest id;
	const struct vault_finding *f;
	char name[PACK_NAME_LEN];
	bool found;

	(void)state;
	id = small_backup(&s);
	assert_ok(vault_find(s.v, NULL, digest_str(&id), &snap));
	assert_ok(index_load(s.v));
	assert_ok(
	    index_set_find(&s.v->index, &s.v->packs, &snap.root, &at, &found));
	assert_true(found);
	pack_name(&s.v->packs.v[at.pack].id, name);
	small_remove(&s, 0, name);
	check(false);
	f = finding("a", name);
	assert_non_null(f);
	assert_true(hurts(f, &id, ": ./ and what is in it"));
}

static void
names_what_another_store_can_still_give(void **state)
{
	AUTO(snapshot_release) struct snapshot snap = { 0 };
	const struct vault_finding *f;
	struct chunk_place at;
	struct digest id;
	char name[PACK_NAME_LEN];
	bool found;

	(void)state;
	id = small_backup(&s);
	assert_ok(vault_find(s.v, NULL, digest_str(&id), &snap));
	assert_ok(index_load(s.v));
	assert_ok(
	    index_set_find(&s.v->index, &s.v->packs, &snap.root, &at, &found));
	pack_name(&s.v->packs.v[at.pack].id, name);
	small_remove(&s, 1, name);
	check(true);
	assert_null(finding("a", name));
	f = finding("b", name);
	assert_non_null(f);
	assert_true(hurts(f, &id, ": one"));
	assert_true(hurts(f, &id, ": deep/three"));
}

/* --- objects that are missing, or where they should not be --- */

static void
remove_one(const char *kind, size_t store, char name[128])
{
	struct small_names names;

	small_list(&s, store, kind, &names);
	assert_true(names.n > 0);
	(void)snprintf(name, 128, "%s", names.v[0]);
	small_remove(&s, store, name);
}

static void
misses_in_one_store_what_the_other_has(void **state)
{
	static const char *const kinds[] = { "packs", "snapshots", "index",
		                             "envelopes", "keys" };
	char name[128];

	(void)state;
	small_backup(&s);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char from[256], to[256];

		remove_one(kinds[i], 1, name);
		check(false);
		if (finding("b", name) == NULL || finding("b", name)->benign)
			fail_msg("%s is not missed", name);
		assert_null(finding("a", name));

		/* Heal it by hand for the next round. */
		small_path(&s, 0, name, from);
		small_path(&s, 1, name, to);
		assert_int_equal(linkat(s.dir.fd, from, s.dir.fd, to, 0), 0);
	}
	check(true);
	assert_int_equal(report.n, 0);
}

static void
misses_an_index_that_no_store_has(void **state)
{
	char name[128];

	(void)state;
	small_backup(&s);
	remove_one("index", 0, name);
	check(true);
	small_tell(&report);
	assert_int_equal(report.bad, 1);
	assert_non_null(finding("a", "index"));
}

static void
tells_names_that_are_none(void **state)
{
	static const char *const names[] = { "packs/abc",   "snapshots/x",
		                             "envelopes/1", "index/nothing",
		                             "keys/01",     "pending/mine" };

	(void)state;
	small_backup(&s);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_ok(store_put(s.v->copies[0].store, names[i], "junk", 4));
	check(false);
	assert_int_equal(report.bad, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (finding("a", names[i]) == NULL)
			fail_msg("%s", names[i]);
}

/* Rewrite the envelope of ${id} without its last pack, properly signed. */
static void
shorten_envelope(const struct digest *id)
{
	AUTO(record_release) struct record r = { 0 };
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	char name[80];

	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(id));
	assert_ok(collect_record(s.v, RECORD_ENVELOPE, name, &r));
	assert_true(r.packs.n > 1);
	r.packs.n--;
	assert_ok(record_encode(&r, &s.v->keys.sign, &b));
	assert_ok(store_replace(s.v->copies[0].store, name, b.p, b.len));
}

static void
finds_a_pack_list_that_is_not_complete(void **state)
{
	struct digest first, second;
	char object[80];

	(void)state;
	first = small_backup(&s);
	second = small_backup(&s);
	shorten_envelope(&second);
	check(false);
	(void)snprintf(object, sizeof(object), "snapshots/%s",
	               digest_str(&second));
	assert_non_null(finding("a", object));
	assert_true(finding("a", object)->nhurts > 0);
	(void)snprintf(object, sizeof(object), "snapshots/%s",
	               digest_str(&first));
	assert_null(finding("a", object));
}

/* The index points beside the chunks: as if it were of another pack. */
static void
finds_an_index_that_lies(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct index_entry en = { .prefix = { 1, 2, 3 } };
	char name[160], hex[2 * ID_LEN + 1];
	struct digest id;

	(void)state;
	small_backup(&s);
	assert_ok(index_load(s.v));
	en.at = (struct chunk_place){ 0, 5000, 3 };
	assert_ok(index_build(&s.v->keys, &en, 1, &s.v->packs, NULL, &b));
	sha256(b.p, b.len, &id);
	hex_encode(s.v->keys.domain.id, ID_LEN, hex);
	(void)snprintf(name, sizeof(name), "index/%s-%s", hex, digest_str(&id));
	assert_ok(store_put(s.v->copies[0].store, name, b.p, b.len));
	check(false);
	assert_int_equal(report.bad, 1);
	pack_name(&s.v->packs.v[0].id, name);
	assert_non_null(finding("a", name));
}

static void
left_overs_are_no_damage(void **state)
{
	static const uint8_t session[ID_LEN] = { 0xab, 1, 2, 3 };
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	small_write(&s, "two", "something new");
	small_backup(&s);
	small_marker(&s, RECORD_PENDING, session, NULL,
	             time_now() - 9 * COLLECT_DAY, name);
	small_forget(&s, id);
	small_clock(8);
	check(true);
	assert_int_equal(report.bad, 0);
	assert_non_null(finding("a", name));
	for (size_t i = 0; i < report.n; i++)
		assert_true(report.v[i].benign);
}

static void
packs_of_a_running_backup_are_no_left_overs(void **state)
{
	struct digest id;
	uint8_t session[ID_LEN];
	struct pack_row row = { 0 };
	struct small_names names;
	struct preamble pre;
	char name[80];

	(void)state;
	id = small_backup(&s);
	small_list(&s, 0, "packs", &names);
	assert_true(digest_parse(names.v[0] + 6, &row.id));
	row.size = (uint32_t)small_size(&s, 0, names.v[0]);
	assert_ok(collect_preamble(s.v, &row, &pre));
	memcpy(session, pre.session, ID_LEN);
	small_forget(&s, id);
	check(false);
	assert_int_equal(report.n, names.n);
	small_marker(&s, RECORD_PENDING, session, NULL, time_now(), name);
	check(false);
	assert_int_equal(report.n, 0);
}

/* --- going on --- */

static err
check_until(int packs)
{
	struct vault_check_opts o = { .read_data = true,
		                      .threads = 1,
		                      .progress = &progress };

	vault_check_report_release(&report);
	packs_until_cancel = packs;
	progress.cancel = false;
	return vault_check(s.v, &o, &report);
}

static void
goes_on_where_it_was_interrupted(void **state)
{
	size_t packs;

	(void)state;
	for (int i = 0; i < 4; i++) {
		small_write(&s, "two", i % 2 ? "odd" : "even");
		small_write(&s, "one", i / 2 ? "first" : "then");
		small_backup(&s);
	}
	packs = small_count(&s, "packs");
	assert_true(packs > 6);
	assert_err(E_CANCELLED, check_until(3));
	assert_ok(check_until(-1));
	assert_int_equal(report.packs_proven_before, 4);
	assert_int_equal(report.bad, 0);

	/* That one was completed: nothing is taken for granted. */
	assert_ok(check_until(-1));
	assert_int_equal(report.packs_proven_before, 0);
}

static void
forgets_what_was_proven_when_asked_or_old(void **state)
{
	(void)state;
	small_backup(&s);
	assert_err(E_CANCELLED, check_until(0));
	small_clock(31);
	assert_ok(check_until(-1));
	assert_int_equal(report.packs_proven_before, 0);
	small_clock(0);
	assert_err(E_CANCELLED, check_until(0));
	check(true);
	assert_int_equal(report.packs_proven_before, 0);
}

static void
does_not_note_what_is_damaged(void **state)
{
	struct small_names names;
	size_t bad;

	(void)state;
	small_backup(&s);
	small_list(&s, 0, "packs", &names);
	for (size_t i = 0; i < names.n; i++)
		small_flip(&s, 0, names.v[i], 150, 1);
	assert_err(E_CANCELLED, check_until((int)names.n - 1));
	assert_ok(check_until(-1));
	assert_int_equal(report.packs_proven_before, 0);
	bad = 0;
	for (size_t i = 0; i < names.n; i++)
		bad += finding("a", names.v[i]) != NULL;
	assert_int_equal(bad, names.n);
}

static void
reads_only_a_sample_when_asked(void **state)
{
	struct vault_check_opts o = { .read_data = true, .sample = 1e-9 };

	(void)state;
	small_backup(&s);
	assert_ok(vault_check(s.v, &o, &report));
	assert_int_equal(report.bytes_read, 0);
	assert_int_equal(report.bad, 0);
	assert_true(report.packs > 0);
}

static void
a_store_that_is_not_open_is_left_out(void **state)
{
	struct store *b;

	(void)state;
	small_backup(&s);
	b = s.v->copies[1].store;
	s.v->copies[1].store = NULL;
	check(true);
	assert_int_equal(report.n, 0);
	s.v->copies[1].store = b;
}

#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, setup_two_stores, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(finds_nothing_in_a_whole_vault),
		T(finds_a_flipped_bit_anywhere),
		T(finds_a_truncated_pack),
		T(names_the_files_of_a_damaged_segment_in_all_snapshots),
		T(names_all_files_of_a_missing_pack),
		T(names_directories_that_cannot_be_read),
		T2(names_what_another_store_can_still_give),
		T2(misses_in_one_store_what_the_other_has),
		T(misses_an_index_that_no_store_has),
		T(tells_names_that_are_none),
		T(finds_a_pack_list_that_is_not_complete),
		T(finds_an_index_that_lies),
		T(left_overs_are_no_damage),
		T(packs_of_a_running_backup_are_no_left_overs),
		T(goes_on_where_it_was_interrupted),
		T(forgets_what_was_proven_when_asked_or_old),
		T(does_not_note_what_is_damaged),
		T(reads_only_a_sample_when_asked),
		T2(a_store_that_is_not_open_is_left_out),
	};

	small_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
