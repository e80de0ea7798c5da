/* SPDX-License-Identifier: Apache-2.0 */

/* Nodes that share a vault: those of one domain heed each other, those
 * of two can neither harm nor hinder each other. */

#include "small_vault.h"

static struct small_vault s;
static struct vault *other; /* A node of a domain of its own. */
static struct vault_prune_report report;

/* Enroll a node of another domain, as the holder of the kit would. */
static void
enroll(struct node_keys *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	AUTO(secret_release) struct secret seed = { 0 };
	AUTO(sign_key_release) struct sign_key root = { 0 };
	struct key_statement st = { .kind = STATEMENT_NODE,
		                    .number = 2,
		                    .since_ns = time_now() };
	uint8_t node[ID_LEN] = { 0x77 };

	assert_ok(kit_decode(buf_cstr(&s.kit), s.kit.len, NULL, &seed));
	assert_ok(root_sign_key(&seed, &root));
	assert_ok(node_keys_new(&seed, node, "other", ret));
	st.pub = ret->sign.pub;
	st.read = ret->read_pub;
	memcpy(st.name, ret->name, sizeof(st.name));
	memcpy(st.node, ret->node, ID_LEN);
	memcpy(st.domain, ret->domain.id, ID_LEN);
	assert_ok(statement_encode(&root, &st, &b));
	assert_ok(store_put(s.v->copies[0].store, "keys/2", b.p, b.len));
}

static int
setup(void **state)
{
	AUTO(node_keys_release) struct node_keys keys = { 0 };
	char path[96];

	(void)state;
	small_make(&s, 1);
	small_write(&s, "one", "the content of one");
	enroll(&keys);
	(void)snprintf(path, sizeof(path), "%s/other", s.dir.path);
	assert_int_equal(mkdirat(s.dir.fd, "other", 0700), 0);
	int fd = openat(s.dir.fd, "other", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_ok(node_keys_save(&keys, fd));
	(void)close(fd);
	assert_ok(vault_open(path, &s.config, &other));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	small_clock(0);
	vault_prune_report_release(&report);
	vault_close(other);
	small_drop(&s);
	return 0;
}

static void
prune(struct vault *v)
{
	struct vault_prune_opts o = { 0 };

	vault_prune_report_release(&report);
	assert_ok(vault_prune(v, &o, &report));
}

static struct digest
backup(struct vault *v)
{
	struct digest id;

	assert_ok(small_put(&s, v, &id));
	return id;
}

static void
expect_clean(struct vault *v)
{
	struct vault_check_report r;

	small_check(v, &r);
	if (r.bad > 0)
		small_tell(&r);
	assert_int_equal(r.bad, 0);
	vault_check_report_release(&r);
}

static void
each_collects_its_own(void **state)
{
	struct digest mine, its;
	size_t packs, of_other;

	(void)state;
	mine = backup(s.v);
	packs = small_count(&s, "packs");
	its = backup(other);
	of_other = small_count(&s, "packs") - packs;
	assert_true(of_other > 0);
	expect_clean(s.v);
	expect_clean(other);
	assert_err(E_DENIED, vault_forget(s.v, &its, 1));
	assert_ok(vault_forget(other, &its, 1));
	prune(s.v);
	assert_int_equal(report.packs_deleted, 0);
	assert_int_equal(report.packs, packs + of_other);
	assert_int_equal(report.packs_used, packs);
	assert_int_equal(report.problems.total, 0);
	prune(other);
	assert_int_equal(report.packs_deleted, of_other);
	assert_ok(vault_forget(s.v, &mine, 1));
	prune(s.v);
	assert_int_equal(report.packs_deleted, packs);
	assert_int_equal(small_count(&s, "packs"), 0);
}

static void
damage_of_another_domain_hinders_nobody(void **state)
{
	struct digest mine, its;
	char name[80];

	(void)state;
	mine = backup(s.v);
	its = backup(other);
	assert_ok(vault_forget(s.v, &mine, 1));
	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(&its));
	small_remove(&s, 0, name);
	prune(s.v);
	assert_true(report.packs_deleted > 0);
	assert_int_equal(report.problems.total, 1);
	assert_string_equal(report.problems.v[0].path + 10, digest_str(&its));
	vault_prune_report_release(&report);
	assert_err(
	    E_CORRUPT,
	    vault_prune(other, &(struct vault_prune_opts){ 0 }, &report));
}

static void
all_packs(struct packset *ret)
{
	struct small_names names;
	struct digest id;

	small_list(&s, 0, "packs", &names);
	for (size_t i = 0; i < names.n; i++) {
		assert_true(digest_parse(names.v[i] + 6, &id));
		assert_ok(packset_add(ret, &id));
	}
	packset_sort(ret);
}

/* Put a condemned marker that ${v} signs. */
static void
condemn_all(struct vault *v)
{
	static const uint8_t session[ID_LEN] = { 5 };
	AUTO(packset_release) struct packset packs = { 0 };
	struct small_vault by = s;
	char name[80];

	by.v = v;
	all_packs(&packs);
	small_marker(&by, RECORD_CONDEMNED, session, &packs, time_now(), name);
}

static void
nobody_condemns_for_another_domain(void **state)
{
	size_t packs;

	(void)state;
	backup(s.v);
	packs = small_count(&s, "packs");
	condemn_all(other);
	backup(s.v);
	assert_int_equal(small_count(&s, "packs"), packs);
}

/* The same machine, recovered elsewhere: its key came after we had opened. */
static void
a_marker_of_a_node_enrolled_since_is_heeded(void **state)
{
	struct vault *twin;
	char path[96];
	size_t packs;

	(void)state;
	backup(s.v);
	packs = small_count(&s, "packs");
	(void)snprintf(path, sizeof(path), "%s/twin", s.dir.path);
	assert_ok(vault_recover(buf_cstr(&s.kit), s.kit.len, NULL,
	                        s.paths[STORE_A], path, "node"));
	assert_ok(vault_open(path, &s.config, &twin));
	assert_memory_equal(twin->keys.domain.id, s.v->keys.domain.id, ID_LEN);
	condemn_all(twin);
	vault_close(twin);
	backup(s.v);
	assert_int_equal(small_count(&s, "packs"), 2 * packs);
	expect_clean(s.v);
}

/* A list of no packs, signed by another domain, in the place of ours. */
static void
an_envelope_of_another_domain_is_none(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	AUTO(record_release) struct record r = { 0 };
	struct vault_check_report c;
	struct digest id;
	char name[80];
	size_t packs;

	(void)state;
	id = backup(s.v);
	packs = small_count(&s, "packs");
	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(&id));
	assert_ok(collect_record(s.v, RECORD_ENVELOPE, name, &r));
	memcpy(r.domain, other->keys.domain.id, ID_LEN);
	r.packs.n = 0;
	assert_ok(record_encode(&r, &other->keys.sign, &b));
	assert_ok(store_replace(s.v->copies[0].store, name, b.p, b.len));
	assert_err(E_CORRUPT,
	           vault_prune(s.v, &(struct vault_prune_opts){ 0 }, &report));
	assert_int_equal(small_count(&s, "packs"), packs);
	small_check(s.v, &c);
	assert_int_equal(c.bad, 1);
	assert_string_equal(c.v[0].object, name);
	vault_check_report_release(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_collects_its_own),
		T(damage_of_another_domain_hinders_nobody),
		T(nobody_condemns_for_another_domain),
		T(a_marker_of_a_node_enrolled_since_is_heeded),
		T(an_envelope_of_another_domain_is_none),
	};

	small_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
