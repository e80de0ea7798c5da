/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking what one store holds besides packs: descriptor, key statements,
 * snapshots and their envelopes, index objects, markers.  All of them are small
 * and read whole, every time.
 */

#include <stdio.h>
#include <string.h>

#include "vault/check.h"

#define DOC_MAX      (64 * KiB)
#define SNAPSHOT_MAX (256 * KiB)
#define NAME_LEN     128

/* An object that was listed and cannot be read: damaged, or gone since. */
static bool
vanished(struct check *c, size_t copy, const char *name, err e)
{
	return e.code == E_NOTFOUND && !check_has(c, copy, name);
}

/* --- descriptor and keys --- */

static void
check_descriptor(struct check *c, size_t copy)
{
	AUTO(buf_release) struct buf b = BUF_MAX(DOC_MAX);
	bool read_only;
	err e = store_get(c->v->copies[copy].store, "vault", &b);

	if (!e.code)
		e = descriptor_check(&c->v->keys.root, b.p, b.len, &read_only);
	if (e.code)
		(void)check_find(c, copy, "vault", e);
}

static void
check_statement(struct check *c, size_t copy, const char *name)
{
	AUTO(buf_release) struct buf b = BUF_MAX(DOC_MAX);
	struct key_statement st;
	char canonical[32];
	unsigned long n;
	err e;

	n = strtoul(name + 5, NULL, 10);
	(void)snprintf(canonical, sizeof(canonical), "keys/%lu", n);
	if (strcmp(name, canonical) != 0) {
		(void)check_find(c, copy, name,
		                 err_new(E_CORRUPT,
		                         "no key statement has such "
		                         "a name: remove it"));
		return;
	}
	e = store_get(c->v->copies[copy].store, name, &b);
	if (!e.code)
		e = statement_decode(&c->v->keys.root, b.p, b.len, &st);
	if (!e.code && st.number != n)
		e = err_new(E_CORRUPT, "it is another one than its name says");
	if (e.code)
		(void)check_find(c, copy, name, e);
}

static void
check_keys(struct check *c, size_t copy)
{
	AUTO(collect_names_release) struct collect_names names = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	char name[32];
	err e;

	check_view(c, copy, &view);
	if ((e = collect_list(&view, "keys", &names)).code) {
		(void)check_find(c, copy, "keys", e);
		return;
	}
	for (size_t i = 0; i < names.n; i++)
		check_statement(c, copy, names.v[i].name);
	for (size_t i = 0; i < c->all.statements.n; i++) {
		(void)snprintf(name, sizeof(name), "keys/%zu", i);
		if (!check_has(c, copy, name))
			(void)check_find(c, copy, name,
			                 err_new(E_NOTFOUND,
			                         "it is missing: copy it from "
			                         "another store"));
	}
}

/* --- snapshots --- */

static err
verify_snapshot(struct check *c, const struct digest *id, const struct buf *b,
                struct preamble *pre)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	struct digest d;
	err e;

	sha256(b->p, b->len, &d);
	if (!digest_eq(&d, id))
		return err_new(E_CORRUPT, "its bytes do not match its name");
	if ((e = snapshot_verify(&c->all, b->p, b->len, pre)).code)
		return e;
	e = snapshot_decode(&c->all, b->p, b->len, &s);
	if (e.code == E_DENIED) {
		/* Sealed for others, and whole. */
		err_drop(e);
		return OK;
	}
	return e;
}

static void
check_envelope(struct check *c, size_t copy, const struct check_snap *s,
               const struct preamble *pre)
{
	AUTO(record_release) struct record r = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	char name[NAME_LEN], snapshot[NAME_LEN];
	uint32_t n;
	err e;

	check_view(c, copy, &view);
	e = collect_envelope(&view, &s->id, pre, &r);
	if (!e.code)
		return;
	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(&s->id));
	(void)snprintf(snapshot, sizeof(snapshot), "snapshots/%s",
	               digest_str(&s->id));
	if (e.code == E_NOTFOUND && !check_has(c, copy, snapshot)) {
		err_drop(e);
		return;
	}
	n = check_find(c, copy, name, e);
	check_hurt_all(c, n, s);
}

static void
check_snapshot(struct check *c, size_t copy, const struct check_snap *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(SNAPSHOT_MAX);
	char name[NAME_LEN];
	struct preamble pre = { 0 };
	uint32_t n;
	err e;

	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&s->id));
	e = store_get(c->v->copies[copy].store, name, &b);
	if (vanished(c, copy, name, e)) {
		err_drop(e);
		return;
	}
	if (!e.code)
		e = verify_snapshot(c, &s->id, &b, &pre);
	if (!e.code) {
		check_envelope(c, copy, s, &pre);
		return;
	}
	n = check_find(c, copy, name, e);
	check_hurt_all(c, n, s);
}

static void
check_snapshots(struct check *c, size_t copy)
{
	char name[NAME_LEN];

	for (size_t i = 0; i < c->nsnaps && !check_stopped(c); i++) {
		const struct check_snap *s = &c->snaps[i];

		if (s->in & (uint32_t)1 << copy) {
			check_snapshot(c, copy, s);
			continue;
		}
		(void)snprintf(name, sizeof(name), "snapshots/%s",
		               digest_str(&s->id));
		check_absent_later(c, copy, name);
	}
}

/* --- index objects --- */

/* Index ${id}, whose bytes are right: is it in use, or none of ours? */
static bool
opens(const struct check *c, const struct digest *id)
{
	if (!packset_has(&c->all.index_names, id))
		return true;
	for (size_t n = 0; n < c->all.index.n; n++)
		if (digest_eq(index_id(c->all.index.v[n]), id))
			return true;
	return false;
}

static void
check_index(struct check *c, size_t copy, const char *name)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	const char *leaf = name + strlen("index/");
	uint8_t domain[ID_LEN];
	struct digest want, d;
	err e;

	if (strlen(leaf) != 2 * ID_LEN + 1 + DIGEST_HEX ||
	    !hex_decode(leaf, ID_LEN, domain) || leaf[2 * ID_LEN] != '-' ||
	    !digest_parse(leaf + 2 * ID_LEN + 1, &want)) {
		(void)check_find(c, copy, name,
		                 err_new(E_CORRUPT,
		                         "no index has such a name: "
		                         "remove it"));
		return;
	}
	e = store_get(c->v->copies[copy].store, name, &b);
	if (vanished(c, copy, name, e)) {
		err_drop(e);
		return;
	}
	if (!e.code) {
		sha256(b.p, b.len, &d);
		if (!digest_eq(&d, &want))
			e = err_new(E_CORRUPT,
			            "its bytes do not match its name");
		else if (!opens(c, &want))
			e = err_new(E_CORRUPT,
			            "its bytes are as written and no index");
	}
	if (e.code)
		(void)check_find(c, copy, name, e);
}

static void
check_indexes(struct check *c, size_t copy)
{
	AUTO(collect_names_release) struct collect_names names = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	char name[NAME_LEN], hex[2 * ID_LEN + 1];
	err e;

	check_view(c, copy, &view);
	if ((e = collect_list(&view, "index", &names)).code) {
		(void)check_find(c, copy, "index", e);
		return;
	}
	for (size_t i = 0; i < names.n && !check_stopped(c); i++)
		check_index(c, copy, names.v[i].name);

	/* What the index is made of should be in every store. */
	hex_encode(c->v->keys.domain.id, ID_LEN, hex);
	for (size_t i = 0; i < c->all.index_names.n; i++) {
		(void)snprintf(name, sizeof(name), "index/%s-%s", hex,
		               digest_str(&c->all.index_names.v[i]));
		if (!check_has(c, copy, name))
			check_absent_later(c, copy, name);
	}
}

void
check_store_objects(struct check *c, size_t copy)
{
	check_phase(c, "checking signatures", 0);
	check_descriptor(c, copy);
	check_keys(c, copy);
	check_snapshots(c, copy);
	check_phase(c, "checking the index", 0);
	check_indexes(c, copy);
}

/* --- markers --- */

static bool
is_live(const struct check *c, const uint8_t session[ID_LEN])
{
	for (size_t i = 0; i < c->nlive; i++)
		if (memcmp(c->live[i].id, session, ID_LEN) == 0)
			return true;
	return false;
}

static void
add_live(struct check *c, const uint8_t session[ID_LEN])
{
	err e;

	if (is_live(c, session))
		return;
	e = mem_grow(&c->live, c->nlive + 1, &c->cap_live, sizeof(*c->live));
	if (!e.code)
		memcpy(c->live[c->nlive++].id, session, ID_LEN);
	check_fail(c, e);
}

static err
pending_fits(const char *name, const struct record *r)
{
	uint8_t id[ID_LEN];

	if (!collect_pending_session(name, id))
		return err_new(E_CORRUPT,
		               "no marker has such a name: remove "
		               "it");
	if (memcmp(id, r->session, ID_LEN) != 0)
		return err_new(E_CORRUPT, "it is of another session");
	return OK;
}

static void
check_marker(struct check *c, size_t copy, enum record_kind kind,
             const struct collect_name *m)
{
	AUTO(record_release) struct record r = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	int64_t now = time_now(), life;
	err e;

	check_view(c, copy, &view);
	e = collect_record(&view, kind, m->name, &r);
	if (!e.code && kind == RECORD_PENDING)
		e = pending_fits(m->name, &r);
	if (vanished(c, copy, m->name, e)) {
		err_drop(e);
		return;
	}
	if (e.code) {
		(void)check_find(c, copy, m->name, e);
		return;
	}
	life = kind == RECORD_PENDING ? COLLECT_PENDING_LIFE
				      : COLLECT_CONDEMNED_LIFE;
	if (now - collect_since(r.time_ns, m->changed_ns, now) > life)
		check_left(c, copy, m->name, "it has expired");
	else if (kind == RECORD_PENDING)
		add_live(c, r.session);
}

/* An envelope whose snapshot is not there: of a commit, or left over. */
static void
check_orphan(struct check *c, size_t copy, const struct collect_name *m)
{
	AUTO(record_release) struct record r = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	char snapshot[NAME_LEN];
	struct digest id;
	err e;

	if (!digest_parse(m->name + 10, &id)) {
		(void)check_find(c, copy, m->name,
		                 err_new(E_CORRUPT,
		                         "no envelope has such a "
		                         "name: remove it"));
		return;
	}
	(void)snprintf(snapshot, sizeof(snapshot), "snapshots/%s",
	               digest_str(&id));
	if (check_has(c, copy, snapshot))
		return;
	check_view(c, copy, &view);
	e = collect_record(&view, RECORD_ENVELOPE, m->name, &r);
	if (!e.code && !digest_eq(&r.snapshot, &id))
		e = err_new(E_CORRUPT, "it is of another snapshot");
	if (vanished(c, copy, m->name, e)) {
		err_drop(e);
		return;
	}
	if (e.code)
		(void)check_find(c, copy, m->name, e);
	else if (check_snap_find(c, &id) == NULL && !is_live(c, r.session))
		check_left(c, copy, m->name, "its snapshot is gone");
}

static void
check_kind(struct check *c, size_t copy, const char *kind,
           enum record_kind record)
{
	AUTO(collect_names_release) struct collect_names names = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	err e;

	check_view(c, copy, &view);
	if ((e = collect_list(&view, kind, &names)).code) {
		(void)check_find(c, copy, kind, e);
		return;
	}
	for (size_t i = 0; i < names.n && !check_stopped(c); i++)
		if (record == RECORD_ENVELOPE)
			check_orphan(c, copy, &names.v[i]);
		else
			check_marker(c, copy, record, &names.v[i]);
}

void
check_store_markers(struct check *c, size_t copy)
{
	check_phase(c, "checking markers", 0);
	check_kind(c, copy, "pending", RECORD_PENDING);
	check_kind(c, copy, "condemned", RECORD_CONDEMNED);
	check_kind(c, copy, "envelopes", RECORD_ENVELOPE);
}
