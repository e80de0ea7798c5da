/* SPDX-License-Identifier: Apache-2.0 */

/* What a collector deletes, and what it must not. */

#include "small_vault.h"

/* What the linker puts before store_put(); see meson.build. */
err __real_store_put(struct store *s, const char *name, const void *p,
                     size_t n);
err __wrap_store_put(struct store *s, const char *name, const void *p,
                     size_t n);

/* Called once, behind the first put of a condemned marker. */
static void (*after_condemning)(void);

err
__wrap_store_put(struct store *s, const char *name, const void *p, size_t n)
{
	err e = __real_store_put(s, name, p, n);
	void (*hook)(void) = after_condemning;

	if (hook != NULL && strncmp(name, "condemned/", 10) == 0) {
		after_condemning = NULL;
		hook();
	}
	return e;
}

static struct small_vault s;
static struct vault_prune_report report;

static int
setup(void **state)
{
	(void)state;
	small_make(&s, 1);
	small_write(&s, "one", "the content of one");
	return 0;
}

static int
setup_two_stores(void **state)
{
	(void)state;
	small_make(&s, 2);
	small_write(&s, "one", "the content of one");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	small_clock(0);
	after_condemning = NULL;
	vault_prune_report_release(&report);
	small_drop(&s);
	return 0;
}

static void
prune(void)
{
	vault_prune_report_release(&report);
	assert_ok(small_prune(&s, &report));
}

/* --- what is needed --- */

static void
deletes_nothing_that_a_snapshot_needs(void **state)
{
	size_t packs;

	(void)state;
	small_backup(&s);
	packs = small_count(&s, "packs");
	prune();
	assert_int_equal(report.packs, packs);
	assert_int_equal(report.packs_used, packs);
	assert_int_equal(report.packs_deleted, 0);
	assert_int_equal(small_count(&s, "packs"), packs);
	assert_int_equal(small_count(&s, "condemned"), 0);
	small_clean(&s);
}

static void
deletes_what_was_forgotten_and_keeps_the_rest(void **state)
{
	struct digest first;
	size_t before, of_first;

	(void)state;
	first = small_backup(&s);
	of_first = small_count(&s, "packs");
	small_write(&s, "two", "something else");
	small_backup(&s);
	before = small_count(&s, "packs");
	small_forget(&s, first);
	prune();
	assert_true(report.packs_deleted > 0);
	assert_true(report.packs_deleted < of_first);
	assert_int_equal(small_count(&s, "packs"),
	                 before - report.packs_deleted);
	assert_int_equal(small_count(&s, "condemned"), 1);
	small_clean(&s);
}

static void
a_dry_run_tells_the_same_and_does_nothing(void **state)
{
	struct vault_prune_opts o = { .dry_run = true };
	struct vault_prune_report dry;
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	assert_ok(vault_prune(s.v, &o, &dry));
	assert_int_equal(small_count(&s, "packs"), packs);
	assert_int_equal(small_count(&s, "condemned"), 0);
	prune();
	assert_int_equal(dry.packs_deleted, packs);
	assert_int_equal(dry.packs_deleted, report.packs_deleted);
	assert_int_equal(dry.bytes_deleted, report.bytes_deleted);
	assert_int_equal(small_count(&s, "packs"), 0);
	vault_prune_report_release(&dry);
}

static void
deletes_from_every_store(void **state)
{
	struct small_names names;

	(void)state;
	small_forget(&s, small_backup(&s));
	prune();
	small_list(&s, 1, "packs", &names);
	assert_int_equal(names.n, 0);
	small_list(&s, 1, "condemned", &names);
	assert_int_equal(names.n, 1);
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
leaves_a_store_alone_that_is_not_open(void **state)
{
	struct store *b;
	struct small_names names;

	(void)state;
	small_forget(&s, small_backup(&s));
	b = s.v->copies[1].store;
	s.v->copies[1].store = NULL;
	prune();
	s.v->copies[1].store = b;
	assert_int_equal(report.problems.total, 1);
	assert_int_equal(small_count(&s, "packs"), 0);
	small_list(&s, 1, "packs", &names);
	assert_true(names.n > 0);

	/* Open again, it is collected, too. */
	prune();
	assert_int_equal(report.problems.total, 0);
	small_list(&s, 1, "packs", &names);
	assert_int_equal(names.n, 0);
}

static void
does_not_repack_yet(void **state)
{
	struct vault_prune_opts o = { .repack_below = 50 };

	(void)state;
	assert_err(E_UNSUPPORTED, vault_prune(s.v, &o, &report));
}

/* --- what is not known --- */

static void
envelope_name(struct digest id, char name[80])
{
	(void)snprintf(name, 80, "envelopes/%s", digest_str(&id));
}

static void
deletes_nothing_when_an_envelope_is_missing(void **state)
{
	struct digest first, second;
	char name[80];
	size_t packs;

	(void)state;
	first = small_backup(&s);
	small_write(&s, "two", "something else");
	second = small_backup(&s);
	small_forget(&s, first);
	packs = small_count(&s, "packs");
	envelope_name(second, name);
	small_remove(&s, 0, name);
	assert_err_says(E_CORRUPT, "casemate vault forget",
	                small_prune(&s, &report));
	assert_int_equal(small_count(&s, "packs"), packs);

	/* Giving the snapshot up is the way out. */
	small_forget(&s, second);
	prune();
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
deletes_nothing_when_an_envelope_is_damaged(void **state)
{
	struct digest id;
	char name[80];
	size_t packs;

	(void)state;
	id = small_backup(&s);
	packs = small_count(&s, "packs");
	envelope_name(id, name);
	small_flip(&s, 0, name, 100, 1);
	assert_err(E_CORRUPT, small_prune(&s, &report));
	small_flip(&s, 0, name, 100, 1);
	prune();
	assert_int_equal(small_count(&s, "packs"), packs);
}

static void
deletes_nothing_when_a_snapshot_is_damaged(void **state)
{
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&id));
	small_flip(&s, 0, name, 200, 0x80);
	assert_err(E_CORRUPT, small_prune(&s, &report));
}

static void
takes_an_envelope_from_the_other_store(void **state)
{
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	envelope_name(id, name);
	small_flip(&s, 0, name, 60, 4);
	prune();
	assert_int_equal(report.packs_used, report.packs);
}

/* An envelope of another snapshot, under the name of this one. */
static void
deletes_nothing_when_an_envelope_is_of_another_snapshot(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct digest one, two;
	char name[80];

	(void)state;
	one = small_backup(&s);
	small_write(&s, "two", "something else");
	two = small_backup(&s);
	envelope_name(two, name);
	assert_ok(store_get(s.v->copies[0].store, name, &b));
	envelope_name(one, name);
	assert_ok(store_replace(s.v->copies[0].store, name, b.p, b.len));
	assert_err(E_CORRUPT, small_prune(&s, &report));
}

/* --- markers of writers --- */

static const uint8_t session[ID_LEN] = { 0xab, 1, 2, 3 };

static void
all_packs(struct packset *ret)
{
	struct small_names names;
	struct digest id;

	*ret = (struct packset){ 0 };
	small_list(&s, 0, "packs", &names);
	for (size_t i = 0; i < names.n; i++) {
		assert_true(digest_parse(names.v[i] + 6, &id));
		assert_ok(packset_add(ret, &id));
	}
	packset_sort(ret);
}

static void
keeps_what_a_pending_marker_names(void **state)
{
	AUTO(packset_release) struct packset packs = { 0 };
	char name[80];

	(void)state;
	small_forget(&s, small_backup(&s));
	all_packs(&packs);
	small_marker(&s, RECORD_PENDING, session, &packs, time_now(), name);
	prune();
	assert_int_equal(report.pending_live, 1);
	assert_int_equal(report.packs_used, packs.n);
	assert_int_equal(small_count(&s, "packs"), packs.n);
}

/* The session of the packs of a vault with one backup. */
static void
session_of_packs(uint8_t id[ID_LEN])
{
	AUTO(packset_release) struct packset packs = { 0 };
	struct pack_row row = { 0 };
	struct preamble pre;
	char name[80];

	all_packs(&packs);
	pack_name(&packs.v[0], name);
	row.id = packs.v[0];
	row.size = (uint32_t)small_size(&s, 0, name);
	assert_ok(collect_preamble(s.v, &row, &pre));
	memcpy(id, pre.session, ID_LEN);
}

static void
keeps_the_packs_of_a_session_that_is_announced(void **state)
{
	uint8_t id[ID_LEN];
	size_t packs;
	char name[80];

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	session_of_packs(id);
	small_marker(&s, RECORD_PENDING, id, NULL, time_now(), name);
	prune();
	assert_int_equal(small_count(&s, "packs"), packs);
	assert_int_equal(report.packs_used, packs);
}

static void
lets_a_pending_marker_expire_after_a_week(void **state)
{
	AUTO(packset_release) struct packset packs = { 0 };
	char name[80];

	(void)state;
	small_forget(&s, small_backup(&s));
	all_packs(&packs);
	small_marker(&s, RECORD_PENDING, session, &packs, time_now(), name);
	small_clock(6);
	prune();
	assert_int_equal(small_count(&s, "packs"), packs.n);
	small_clock(8);
	prune();
	assert_int_equal(report.pending_expired, 1);
	assert_int_equal(report.pending_live, 0);
	assert_int_equal(small_count(&s, "pending"), 0);
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
counts_a_marker_of_the_future_from_when_it_came(void **state)
{
	char name[80];

	(void)state;
	small_backup(&s);
	small_marker(&s, RECORD_PENDING, session, NULL,
	             time_now() + 3650 * COLLECT_DAY, name);
	prune();
	assert_int_equal(report.pending_live, 1);
	small_clock(8);
	prune();
	assert_int_equal(small_count(&s, "pending"), 0);
}

static void
deletes_nothing_while_a_young_marker_cannot_be_read(void **state)
{
	char name[80];
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	small_marker(&s, RECORD_PENDING, session, NULL, time_now(), name);
	small_flip(&s, 0, name, 40, 1);
	assert_err_says(E_CORRUPT, name, small_prune(&s, &report));
	assert_int_equal(small_count(&s, "packs"), packs);
	small_clock(8);
	prune();
	assert_int_equal(small_count(&s, "pending"), 0);
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
removes_envelopes_without_a_snapshot(void **state)
{
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&id));
	small_remove(&s, 0, name);
	prune();
	assert_int_equal(small_count(&s, "envelopes"), 0);
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
keeps_the_envelope_of_a_commit_under_way(void **state)
{
	uint8_t of_it[ID_LEN];
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	session_of_packs(of_it);
	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&id));
	small_remove(&s, 0, name);
	small_marker(&s, RECORD_PENDING, of_it, NULL, time_now(), name);
	prune();
	assert_int_equal(small_count(&s, "envelopes"), 1);
}

/* --- what comes between condemning and deleting --- */

static void
announce_all(void)
{
	AUTO(packset_release) struct packset packs = { 0 };
	char name[80];

	all_packs(&packs);
	small_marker(&s, RECORD_PENDING, session, &packs, time_now(), name);
}

static void
releases_what_is_announced_after_condemning(void **state)
{
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	after_condemning = announce_all;
	prune();
	assert_int_equal(report.packs_deleted, 0);
	assert_int_equal(report.packs_used, packs);
	assert_int_equal(small_count(&s, "packs"), packs);

	/* Nothing was deleted, so nobody needs to be warned. */
	assert_int_equal(small_count(&s, "condemned"), 0);
}

static void
announce_one(void)
{
	AUTO(packset_release) struct packset packs = { 0 };
	struct packset one;
	char name[80];

	all_packs(&packs);
	one = (struct packset){ packs.v, 1, 1 };
	small_marker(&s, RECORD_PENDING, session, &one, time_now(), name);
}

static void
warns_only_of_what_it_deletes(void **state)
{
	AUTO(record_release) struct record r = { 0 };
	struct small_names names;
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	assert_true(packs > 1);
	after_condemning = announce_one;
	prune();
	assert_int_equal(report.packs_deleted, packs - 1);
	assert_int_equal(small_count(&s, "packs"), 1);
	small_list(&s, 0, "condemned", &names);
	assert_int_equal(names.n, 1);
	assert_ok(collect_record(s.v, RECORD_CONDEMNED, names.v[0], &r));
	assert_int_equal(r.packs.n, packs - 1);
}

static void
damage_the_envelope(void)
{
	struct small_names names;

	small_list(&s, 0, "envelopes", &names);
	small_flip(&s, 0, names.v[0], 77, 2);
}

/* A snapshot that comes meanwhile, and does not tell what it needs. */
static void
backup_and_damage(void)
{
	small_backup(&s);
	damage_the_envelope();
}

static void
takes_its_marker_back_when_the_second_look_fails(void **state)
{
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	after_condemning = backup_and_damage;
	assert_err(E_CORRUPT, small_prune(&s, &report));
	assert_int_equal(small_count(&s, "condemned"), 0);
	assert_true(small_count(&s, "packs") >= packs);
}

static void
a_day_passes(void)
{
	small_clock(2);
}

static void
deletes_nothing_when_a_day_passed_since_condemning(void **state)
{
	size_t packs;

	(void)state;
	small_forget(&s, small_backup(&s));
	packs = small_count(&s, "packs");
	after_condemning = a_day_passes;
	assert_err(E_BUSY, small_prune(&s, &report));
	assert_int_equal(small_count(&s, "packs"), packs);
}

/* --- condemned markers --- */

static void
a_condemned_marker_lives_for_a_month(void **state)
{
	(void)state;
	small_forget(&s, small_backup(&s));
	prune();
	assert_int_equal(small_count(&s, "condemned"), 1);
	small_clock(29);
	prune();
	assert_int_equal(small_count(&s, "condemned"), 1);
	small_clock(31);
	prune();
	assert_int_equal(small_count(&s, "condemned"), 0);
}

/* A store that was away brings back an index of packs that are gone. */
static void
cleans_an_old_index_before_its_warning_goes(void **state)
{
	AUTO(packset_release) struct packset packs = { 0 };
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct small_names index;
	uint8_t id[ID_LEN] = { 9 };
	char name[80];

	(void)state;
	small_forget(&s, small_backup(&s));
	all_packs(&packs);
	small_list(&s, 0, "index", &index);
	assert_ok(store_get(s.v->copies[0].store, index.v[0], &b));
	prune();
	assert_int_equal(small_count(&s, "packs"), 0);

	assert_ok(store_put(s.v->copies[0].store, index.v[0], b.p, b.len));
	small_marker(&s, RECORD_CONDEMNED, id, &packs, time_now(), name);
	small_clock(31);
	prune();
	assert_int_equal(small_count(&s, "index"), 0);
	prune();
	assert_int_equal(small_count(&s, "condemned"), 0);
}

/* --- other domains --- */

static void
leaves_packs_of_another_domain_alone(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(node_keys_release) struct node_keys other = s.v->keys;
	struct pack_dir d = { 0 };
	struct preamble pre;
	struct digest id;
	char name[PACK_NAME_LEN];

	(void)state;
	small_backup(&s);
	memset(other.domain.id, 7, ID_LEN);
	assert_ok(
	    preamble_write(MAGIC_PACK, &other, NULL, LOCK_KEPT, &b, &pre));
	d.hash = pre.hash;
	assert_ok(pack_close(&other.domain, &d, &b));
	sha256(b.p, b.len, &id);
	pack_name(&id, name);
	assert_ok(store_put(s.v->copies[0].store, name, b.p, b.len));
	prune();
	assert_int_equal(report.packs, report.packs_used + 1);
	assert_int_equal(report.packs_deleted, 0);
	assert_int_equal(report.problems.total, 0);
	assert_int_equal(small_size(&s, 0, name), b.len);
}

static void
leaves_alone_what_is_no_pack_inside(void **state)
{
	struct digest id;
	char name[PACK_NAME_LEN];
	char junk[300] = "junk";

	(void)state;
	small_backup(&s);
	sha256(junk, sizeof(junk), &id);
	pack_name(&id, name);
	assert_ok(store_put(s.v->copies[0].store, name, junk, sizeof(junk)));
	prune();
	assert_int_equal(report.packs_deleted, 0);
	assert_int_equal(report.problems.total, 1);
	assert_int_equal(small_size(&s, 0, name), sizeof(junk));
}

/* --- the index --- */

static void
merges_many_indexes_into_one(void **state)
{
	struct digest last;
	char text[32];

	(void)state;
	for (int i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof(text), "content %d", i);
		small_write(&s, "two", text);
		last = small_backup(&s);
	}
	assert_int_equal(small_count(&s, "index"), 10);
	prune();
	assert_int_equal(report.indexes_merged, 10);
	assert_int_equal(small_count(&s, "index"), 1);
	assert_false(digest_is_zero(&last));
	small_clean(&s);
	prune();
	assert_int_equal(report.indexes_merged, 0);
}

static void
an_index_forgets_what_was_deleted(void **state)
{
	struct digest first;
	size_t n;

	(void)state;
	first = small_backup(&s);
	small_write(&s, "one", "another content of one");
	small_backup(&s);
	small_forget(&s, first);
	prune();
	assert_true(report.indexes_merged > 0);
	assert_int_equal(s.v->index.n, 1);
	(void)index_packs(s.v->index.v[0], &n);
	assert_int_equal(n, small_count(&s, "packs"));
	small_clean(&s);
}

/* Lost, not deleted: check tells from the index whom it hurts. */
static void
an_index_does_not_forget_what_is_lost(void **state)
{
	struct small_names packs;
	size_t n;

	(void)state;
	small_backup(&s);
	small_list(&s, 0, "packs", &packs);
	small_remove(&s, 0, packs.v[0]);
	prune();
	assert_int_equal(report.indexes_merged, 0);
	(void)index_packs(s.v->index.v[0], &n);
	assert_int_equal(n, packs.n);
}

static err
append(const void *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return buf_done(arg);
}

/* What a new process reads as file "one" of snapshot ${id}. */
static void
expect_one(struct digest id, const char *want)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(snapshot_release) struct snapshot snap = { 0 };
	struct vault *v = small_open(&s);

	assert_ok(vault_find(v, NULL, digest_str(&id), &snap));
	assert_ok(vault_cat(v, &snap, "one", append, &b));
	assert_string_equal(buf_cstr(&b), want);
	vault_close(v);
}

/* A chunk that is in two packs: a merged index must not forget either. */
static void
a_merged_index_knows_a_chunk_in_two_packs(void **state)
{
	AUTO(packset_release) struct packset packs = { 0 };
	struct digest first, second;
	struct small_names names;
	char text[32], name[80];

	(void)state;
	first = small_backup(&s);
	all_packs(&packs);
	small_marker(&s, RECORD_CONDEMNED, session, &packs, time_now(), name);
	second = small_backup(&s);
	assert_int_equal(small_count(&s, "packs"), 2 * packs.n);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text), "content %d", i);
		small_write(&s, "two", text);
		small_backup(&s);
	}
	prune();
	assert_int_equal(small_count(&s, "index"), 1);

	/* Lost by damage, found in the other pack. */
	small_list(&s, 0, "packs", &names);
	for (size_t i = 0; i < packs.n; i++) {
		pack_name(&packs.v[i], name);
		small_remove(&s, 0, name);
	}
	expect_one(first, "the content of one");
	expect_one(second, "the content of one");

	/* Collected: the snapshot that needs the other pack stays whole. */
	small_forget(&s, first);
	prune();
	expect_one(second, "the content of one");
	small_clean(&s);
}

/* --- forgetting --- */

static void
forgets_from_every_store(void **state)
{
	struct digest id;
	struct small_names names;

	(void)state;
	id = small_backup(&s);
	small_forget(&s, id);
	for (size_t i = 0; i < 2; i++) {
		small_list(&s, i, "snapshots", &names);
		assert_int_equal(names.n, 0);
		small_list(&s, i, "envelopes", &names);
		assert_int_equal(names.n, 0);
	}
	assert_err(E_NOTFOUND, vault_forget(s.v, &id, 1));
}

static void
forgets_all_or_none_of_what_is_named(void **state)
{
	struct digest ids[2] = { 0 };

	(void)state;
	ids[0] = small_backup(&s);
	ids[1].b[5] = 1;
	assert_err(E_NOTFOUND, vault_forget(s.v, ids, 2));
	assert_int_equal(small_count(&s, "snapshots"), 1);
}

static void
does_not_forget_for_another_domain(void **state)
{
	struct digest id;

	(void)state;
	id = small_backup(&s);
	s.v->keys.domain.id[0] ^= 1;
	assert_err(E_DENIED, vault_forget(s.v, &id, 1));
	s.v->keys.domain.id[0] ^= 1;
	small_forget(&s, id);
}

static void
forgets_a_damaged_snapshot(void **state)
{
	struct digest id;
	char name[80];

	(void)state;
	id = small_backup(&s);
	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&id));
	small_flip(&s, 0, name, 0, 1);
	small_forget(&s, id);
	assert_int_equal(small_count(&s, "snapshots"), 0);
}

/* --- counting --- */

static void
stats_count_what_is_there(void **state)
{
	struct vault_stats st;
	uint64_t chunks;

	(void)state;
	small_backup(&s);
	assert_ok(vault_stats(s.v, &st));
	assert_int_equal(st.nstores, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(st.stores[i].open);
		assert_int_equal(st.stores[i].packs, small_count(&s, "packs"));
		assert_int_equal(st.stores[i].snapshots, 1);
		assert_int_equal(st.stores[i].indexes, 1);
		assert_true(st.stores[i].total_bytes > 0);
	}
	chunks = st.chunks;
	assert_int_equal(st.source_bytes, strlen("the content of one"));
	assert_true(st.plain_bytes >= st.source_bytes);
	vault_stats_release(&st);

	/* The same bytes again are no new chunk, but twice the source. */
	small_backup(&s);
	assert_ok(vault_stats(s.v, &st));
	assert_int_equal(st.source_bytes, 2 * strlen("the content of one"));
	assert_true(st.chunks <= chunks + 1);
	vault_stats_release(&st);
}

#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, setup_two_stores, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(deletes_nothing_that_a_snapshot_needs),
		T(deletes_what_was_forgotten_and_keeps_the_rest),
		T(a_dry_run_tells_the_same_and_does_nothing),
		T2(deletes_from_every_store),
		T2(leaves_a_store_alone_that_is_not_open),
		T(does_not_repack_yet),
		T(deletes_nothing_when_an_envelope_is_missing),
		T(deletes_nothing_when_an_envelope_is_damaged),
		T(deletes_nothing_when_a_snapshot_is_damaged),
		T2(takes_an_envelope_from_the_other_store),
		T(deletes_nothing_when_an_envelope_is_of_another_snapshot),
		T(keeps_what_a_pending_marker_names),
		T(keeps_the_packs_of_a_session_that_is_announced),
		T(lets_a_pending_marker_expire_after_a_week),
		T(counts_a_marker_of_the_future_from_when_it_came),
		T(deletes_nothing_while_a_young_marker_cannot_be_read),
		T(removes_envelopes_without_a_snapshot),
		T(keeps_the_envelope_of_a_commit_under_way),
		T(releases_what_is_announced_after_condemning),
		T(warns_only_of_what_it_deletes),
		T(takes_its_marker_back_when_the_second_look_fails),
		T(deletes_nothing_when_a_day_passed_since_condemning),
		T(a_condemned_marker_lives_for_a_month),
		T(cleans_an_old_index_before_its_warning_goes),
		T(leaves_packs_of_another_domain_alone),
		T(leaves_alone_what_is_no_pack_inside),
		T(merges_many_indexes_into_one),
		T(an_index_forgets_what_was_deleted),
		T(an_index_does_not_forget_what_is_lost),
		T(a_merged_index_knows_a_chunk_in_two_packs),
		T2(forgets_from_every_store),
		T(forgets_all_or_none_of_what_is_named),
		T(does_not_forget_for_another_domain),
		T(forgets_a_damaged_snapshot),
		T2(stats_count_what_is_there),
	};

	small_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
