/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who needs what.  Invariants:
 *  1. Packs are listed before markers, markers before snapshots.  A writer is
 *     announced before its first pack, and takes its marker back only after its
 *     snapshot is durable: what it put is in one of the later two listings.
 *  2. What cannot be read is never taken for "needs nothing".
 *  3. A snapshot names packs of its own domain only, and we delete those of
 *     ours alone: another domain's damage is told, and hinders nobody.
 */

#include <stdio.h>
#include <string.h>

#include "vault/collect.h"

#define SNAPSHOT_MAX   (256 * KiB)
#define SNAPSHOT_NAME  (10 + DIGEST_HEX + 1)
#define SNAPSHOT_SHORT 12

void
collect_init(struct collect *c, struct vault *v,
             struct vault_problems *problems)
{
	*c = (struct collect){ .v = v, .problems = problems };
}

void
collect_release(struct collect *c)
{
	packtab_release(&c->packs);
	packset_release(&c->snapshots);
	collect_names_release(&c->expired);
	free(c->live);
	*c = (struct collect){ 0 };
}

err
collect_keys(struct vault *v)
{
	for (size_t i = 0; i < v->ncopies; i++) {
		AUTO(statements_release) struct key_statements st = { 0 };
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = statements_load(v->copies[i].store, &v->keys.root, &st);
		if (e.code)
			return err_in(e, "store '%s'",
			              v->copies[i].config->name);
		if (st.n > v->statements.n) {
			statements_release(&v->statements);
			v->statements = take_struct(st);
		}
	}
	return OK;
}

/* --- listing --- */

void
collect_names_release(struct collect_names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
	*s = (struct collect_names){ 0 };
}

static err
names_add(const struct store_item *item, void *arg)
{
	struct collect_names *s = arg;
	struct collect_name *row;
	err e;

	if ((e = mem_grow(&s->v, s->n + 1, &s->cap, sizeof(*s->v))).code)
		return e;
	row = &s->v[s->n];
	row->size = item->size;
	row->changed_ns = item->changed_ns;
	if ((e = mem_dup(item->name, strlen(item->name), &row->name)).code)
		return e;
	s->n++;
	return OK;
}

static int
by_name(const void *a, const void *b)
{
	const struct collect_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Sort, and let one row of each name stay, the newest time with it. */
static void
names_unite(struct collect_names *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_name);
	for (size_t i = 1; i < s->n; i++) {
		struct collect_name *last = &s->v[n];

		if (strcmp(last->name, s->v[i].name) != 0) {
			s->v[++n] = s->v[i];
			continue;
		}
		last->changed_ns = MAX(last->changed_ns, s->v[i].changed_ns);
		last->size = MAX(last->size, s->v[i].size);
		free(s->v[i].name);
	}
	s->n = n + 1;
}

err
collect_list(struct vault *v, const char *kind, struct collect_names *ret)
{
	AUTO(collect_names_release) struct collect_names s = { 0 };
	err e;

	for (size_t i = 0; i < v->ncopies; i++) {
		if (v->copies[i].store == NULL)
			continue;
		e = store_list(v->copies[i].store, kind, names_add, &s);
		if (e.code)
			return e;
	}
	names_unite(&s);
	*ret = take_struct(s);
	return OK;
}

static err
list_pack(const struct store_item *item, void *arg)
{
	struct collect *c = arg;
	struct digest id;
	uint32_t n;
	err e;

	/* What has no name of a pack is none; check tells of it. */
	if (!digest_parse(item->name + 6, &id))
		return OK;
	if ((e = packtab_add(&c->packs, &id, 0, 0, &n)).code)
		return e;
	c->packs.v[n].size = (uint32_t)MIN(item->size, (uint64_t)UINT32_MAX);
	packtab_flag(&c->packs, n, COLLECT_LISTED);
	return OK;
}

err
collect_packs(struct collect *c)
{
	err e;

	for (size_t i = 0; i < c->v->ncopies; i++) {
		if (c->v->copies[i].store == NULL)
			continue;
		e = store_list(c->v->copies[i].store, "packs", list_pack, c);
		if (e.code)
			return e;
	}
	return OK;
}

/* --- reading records --- */

bool
collect_is_damage(enum err_code code)
{
	return code == E_CORRUPT || code == E_DENIED || code == E_LIMIT ||
	    code == E_UNSUPPORTED;
}

/* Keep the worst of several copies' errors: "not there" says least. */
static void
keep_worst(err *first, err e)
{
	if (first->code == E_NOTFOUND && e.code != E_NOTFOUND) {
		err_drop(*first);
		*first = OK;
	}
	err_keep(first, e);
}

/* Read the record of one store, and see that it is the one that is meant. */
static err
record_from(struct vault *v, size_t copy, enum record_kind kind,
            const char *name, struct record *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(record_release) struct record r = { 0 };
	err e;

	if ((e = store_get(v->copies[copy].store, name, &b)).code)
		return e;
	e = record_decode(kind, &v->statements, b.p, b.len, &r);
	if (!e.code && memcmp(r.vault, v->keys.vault, ID_LEN) != 0)
		e = err_new(E_DENIED, "it belongs to another vault");
	if (e.code)
		return err_in(e, "store '%s': '%s'",
		              v->copies[copy].config->name, name);
	*ret = take_struct(r);
	return OK;
}

err
collect_record(struct vault *v, enum record_kind kind, const char *name,
               struct record *ret)
{
	err worst = OK, e;

	for (size_t i = 0; i < v->ncopies; i++) {
		if (v->copies[i].store == NULL)
			continue;
		if (!(e = record_from(v, i, kind, name, ret)).code) {
			err_drop(worst);
			return OK;
		}
		keep_worst(&worst, e);
	}
	if (!worst.code)
		return err_new(E_NOTFOUND, "'%s': no store is open", name);
	return worst;
}

err
collect_snapshot(struct vault *v, const struct digest *id, struct preamble *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(SNAPSHOT_MAX);
	char name[SNAPSHOT_NAME];
	err e;

	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(id));
	if ((e = vault_get_named(v, name, id, &b)).code)
		return e;
	return err_in(snapshot_verify(v, b.p, b.len, ret), "'%s'", name);
}

static err
envelope_fits(const struct record *r, const struct digest *id,
              const struct preamble *pre)
{
	if (!digest_eq(&r->snapshot, id))
		return err_new(E_CORRUPT, "it is of another snapshot");
	if (memcmp(r->domain, pre->domain, ID_LEN) != 0)
		return err_new(E_DENIED,
		               "its signer speaks for another domain "
		               "than its snapshot's");
	if (memcmp(r->session, pre->session, ID_LEN) != 0)
		return err_new(E_CORRUPT, "it is of another session");
	return OK;
}

err
collect_envelope(struct vault *v, const struct digest *id,
                 const struct preamble *pre, struct record *ret)
{
	char name[SNAPSHOT_NAME];
	err worst = OK, e;

	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(id));
	for (size_t i = 0; i < v->ncopies; i++) {
		AUTO(record_release) struct record r = { 0 };

		if (v->copies[i].store == NULL)
			continue;
		e = record_from(v, i, RECORD_ENVELOPE, name, &r);
		if (!e.code)
			e = err_in(envelope_fits(&r, id, pre), "'%s'", name);
		if (!e.code) {
			err_drop(worst);
			*ret = take_struct(r);
			return OK;
		}
		keep_worst(&worst, e);
	}
	if (!worst.code)
		return err_new(E_NOTFOUND, "'%s': no store is open", name);
	return worst;
}

err
collect_preamble(struct vault *v, const struct pack_row *row,
                 struct preamble *ret)
{
	uint8_t head[PREAMBLE_MAX];
	size_t n = MIN((size_t)row->size, sizeof(head));
	char name[PACK_NAME_LEN];
	err first = OK, e;

	pack_name(&row->id, name);
	for (size_t i = 0; i < v->ncopies; i++) {
		struct store *s = v->copies[i].store;

		if (s == NULL)
			continue;
		e = store_get_range(s, name, 0, n, head);
		if (!e.code)
			e = err_in(preamble_read(MAGIC_PACK, head, n, ret),
			           "store '%s'", v->copies[i].config->name);
		if (!e.code) {
			err_drop(first);
			return OK;
		}
		err_keep(&first, e);
	}
	return first.code ? first : err_new(E_NOTFOUND, "'%s'", name);
}

bool
collect_pending_session(const char *name, uint8_t id[ID_LEN])
{
	const char *leaf = name + strlen("pending/");

	return strlen(leaf) > 2 * ID_LEN + 1 && leaf[2 * ID_LEN] == '-' &&
	    hex_decode(leaf, ID_LEN, id);
}

int64_t
collect_since(int64_t record_ns, int64_t changed_ns, int64_t now)
{
	if (record_ns > now + COLLECT_DAY)
		return changed_ns;
	return MAX(record_ns, changed_ns);
}

/* --- needs --- */

static err
need(struct collect *c, const struct packset *packs)
{
	uint32_t n;
	err e;

	for (size_t i = 0; i < packs->n; i++) {
		if ((e = packtab_add(&c->packs, &packs->v[i], 0, 0, &n)).code)
			return e;
		packtab_flag(&c->packs, n, COLLECT_NEEDED);
	}
	return OK;
}

bool
collect_is_live(const struct collect *c, const uint8_t session[ID_LEN])
{
	for (size_t i = 0; i < c->nlive; i++)
		if (memcmp(c->live[i].id, session, ID_LEN) == 0)
			return true;
	return false;
}

static err
add_live(struct collect *c, const uint8_t session[ID_LEN])
{
	err e;

	if (collect_is_live(c, session))
		return OK;
	if ((e = mem_grow(&c->live, c->nlive + 1, &c->cap_live,
	                  sizeof(*c->live)))
	        .code)
		return e;
	memcpy(c->live[c->nlive++].id, session, ID_LEN);
	return OK;
}

static err
add_expired(struct collect *c, const struct collect_name *m)
{
	struct store_item item = { m->name, m->size, m->changed_ns };

	for (size_t i = 0; i < c->expired.n; i++)
		if (strcmp(c->expired.v[i].name, m->name) == 0)
			return OK;
	return names_add(&item, &c->expired);
}

static err
need_pending(struct collect *c, const struct collect_name *m)
{
	AUTO(record_release) struct record r = { 0 };
	int64_t now = time_now(), since = m->changed_ns;
	err e;

	e = collect_record(c->v, RECORD_PENDING, m->name, &r);
	if (e.code == E_NOTFOUND) {
		/* Taken back meanwhile: its snapshot is listed below. */
		err_drop(e);
		return OK;
	}
	if (e.code && !collect_is_damage(e.code))
		return e;
	if (!e.code)
		since = collect_since(r.time_ns, m->changed_ns, now);
	if (now - since > COLLECT_PENDING_LIFE) {
		/* Another domain's are for its own nodes to remove. */
		bool foreign = !e.code &&
		    memcmp(r.domain, c->v->keys.domain.id, ID_LEN) != 0;

		err_drop(e);
		return foreign ? OK : add_expired(c, m);
	}
	if (e.code)
		return err_in(
		    e,
		    "nothing is deleted before %s, because a running "
		    "backup may rely on a marker that cannot be read; "
		    "remove it if no backup runs",
		    time_str(since + COLLECT_PENDING_LIFE));
	if ((e = add_live(c, r.session)).code)
		return e;
	return need(c, &r.packs);
}

static err
need_pendings(struct collect *c)
{
	AUTO(collect_names_release) struct collect_names s = { 0 };
	err e;

	if ((e = collect_list(c->v, "pending", &s)).code)
		return e;
	for (size_t i = 0; i < s.n; i++)
		if ((e = need_pending(c, &s.v[i])).code)
			return e;
	return OK;
}

/* Has ${name} been deleted from every open store meanwhile? */
static err
is_gone(struct vault *v, const char *name, bool *ret)
{
	uint64_t size;

	*ret = true;
	for (size_t i = 0; i < v->ncopies && *ret; i++) {
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = store_size(v->copies[i].store, name, &size);
		*ret = e.code == E_NOTFOUND;
		if (e.code != E_NOTFOUND && e.code != E_CORRUPT && e.code)
			return e;
		err_drop(e);
	}
	return OK;
}

/* The needs of snapshot ${name} are unknown: what follows from that? */
static err
unknown_needs(struct collect *c, const char *name, const struct digest *id,
              const struct preamble *pre, err why)
{
	struct vault *v = c->v;
	bool gone;
	err e;

	if (why.code != E_NOTFOUND && !collect_is_damage(why.code))
		return why;

	/* Forgotten since it was listed? */
	if ((e = is_gone(v, name, &gone)).code || gone) {
		err_drop(why);
		return e;
	}
	if (pre != NULL &&
	    memcmp(pre->domain, v->keys.domain.id, ID_LEN) != 0) {
		vault_add_problem(c->problems, name, strlen(name), why);
		return OK;
	}
	e = err_new(
	    why.code == E_UNSUPPORTED ? E_UNSUPPORTED : E_CORRUPT,
	    "nothing is deleted, because it is unknown what snapshot "
	    "%.*s needs: %s; try 'casemate vault repair', or give it up "
	    "with 'casemate vault forget %s'",
	    SNAPSHOT_SHORT, digest_str(id), err_text(why), digest_str(id));
	err_drop(why);
	return e;
}

static err
need_snapshot(struct collect *c, const char *name, const struct digest *id)
{
	AUTO(record_release) struct record r = { 0 };
	struct preamble pre;
	bool verified;
	err e;

	e = collect_snapshot(c->v, id, &pre);
	verified = !e.code;
	if (verified)
		e = collect_envelope(c->v, id, &pre, &r);
	if (e.code)
		return unknown_needs(c, name, id, verified ? &pre : NULL, e);
	return need(c, &r.packs);
}

static err
need_snapshots(struct collect *c)
{
	AUTO(collect_names_release) struct collect_names s = { 0 };
	size_t known = c->snapshots.n;
	struct packset seen;
	err e;

	if ((e = collect_list(c->v, "snapshots", &s)).code)
		return e;
	for (size_t i = 0; i < s.n; i++) {
		struct digest id;

		/* No snapshot has such a name; check tells of it. */
		if (!digest_parse(s.v[i].name + 10, &id))
			continue;
		seen = (struct packset){ c->snapshots.v, known, known };
		if (packset_has(&seen, &id))
			continue;
		if ((e = need_snapshot(c, s.v[i].name, &id)).code ||
		    (e = packset_add(&c->snapshots, &id)).code)
			return e;
	}
	packset_sort(&c->snapshots);
	return OK;
}

err
collect_needs(struct collect *c)
{
	err e;

	/* Invariant 1 lives in this order. */
	if ((e = collect_keys(c->v)).code || (e = need_pendings(c)).code)
		return e;
	return need_snapshots(c);
}
