/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The writer's half of collection.  Invariants:
 * 1. A pack is put only while a pending marker names its session.
 * 2. The pack list of a snapshot is durable in a pending marker before the
 *    condemned markers are read, and those are read before the commit.
 * 3. A snapshot is announced only if less than a day of boot time passed
 * between its promise and its commit. A collector writes before it reads, too;
 * so one of the two sees the other.
 */

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "vault/collect.h"
#include "vault/commit.h"

#define PROMISE_MAX (24 * 3600 * NS_PER_S)
#define MARKER_MAX  STORE_OBJECT_MAX

static void
marker_name(const struct commit *c, unsigned n, char name[64])
{
	char hex[2 * ID_LEN + 1];

	hex_encode(c->session->id, ID_LEN, hex);
	(void)snprintf(name, 64, "pending/%s-%u", hex, n);
}

static void
record_start(const struct commit *c, enum record_kind kind, struct record *r)
{
	*r = (struct record){ .kind = kind, .time_ns = time_now() };
	memcpy(r->vault, c->v->keys.vault, ID_LEN);
	memcpy(r->domain, c->v->keys.domain.id, ID_LEN);
	memcpy(r->session, c->session->id, ID_LEN);
	r->lock = LOCK_KEPT;
}

static err
put_record(struct commit *c, const char *name, const struct record *r)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MARKER_MAX);
	err e;

	if ((e = record_encode(r, &c->v->keys.sign, &b)).code)
		return e;
	return vault_put_all(c->v, name, b.p, b.len, c->outcome);
}

static err
put_pending(struct commit *c, const struct packset *packs)
{
	struct record r;
	char name[64];
	err e;

	record_start(c, RECORD_PENDING, &r);
	if (packs != NULL)
		r.packs = *packs;
	marker_name(c, c->pendings, name);
	c->promised_at = time_boot();
	if ((e = put_record(c, name, &r)).code)
		return e;
	c->pendings++;
	return OK;
}

err
commit_keep(struct commit *c)
{
	if (c->pendings > 0 && time_boot() - c->promised_at < PROMISE_MAX)
		return OK;
	return put_pending(c, NULL);
}

static err
used_packs(const struct vault *v, struct packset *ret)
{
	AUTO(packset_release) struct packset s = { 0 };
	err e;

	for (size_t i = 0; i < v->packs.n; i++)
		if (packtab_is(&v->packs, (uint32_t)i, PACK_USED) &&
		    (e = packset_add(&s, &v->packs.v[i].id)).code)
			return e;
	packset_sort(&s);
	*ret = take_struct(s);
	return OK;
}

struct condemned {
	struct vault *v;
	bool hit;
};

/* A condemned marker: which of our packs does it name? */
static err
read_condemned(const struct store_item *item, void *arg)
{
	struct condemned *k = arg;
	AUTO(record_release) struct record r = { 0 };
	err e = collect_record(k->v, RECORD_CONDEMNED, item->name, &r);

	if (e.code == E_NOTFOUND || e.code == E_CORRUPT || e.code == E_DENIED ||
	    e.code == E_LIMIT) {
		/* A marker that nobody could have written condemns nothing;
		 * one that has just been removed is 30 days old. */
		err_drop(e);
		return OK;
	}
	/* What a newer version condemns, or what could not be had, may be
	 * ours. */
	if (e.code)
		return e;
	/* A node condemns what is of its own domain alone. */
	if (memcmp(r.domain, k->v->keys.domain.id, ID_LEN) != 0)
		return OK;
	for (size_t i = 0; i < r.packs.n; i++) {
		uint32_t n = packtab_find(&k->v->packs, &r.packs.v[i]);

		if (n == PACK_NONE)
			continue;
		k->hit |= packtab_is(&k->v->packs, n, PACK_USED);
		packtab_flag(&k->v->packs, n, PACK_DEAD);
	}
	return OK;
}

struct survey {
	struct vault *v;
	uint32_t bit;
};

static err
see_pack(const struct store_item *item, void *arg)
{
	struct survey *k = arg;
	struct digest id;
	uint32_t n;

	if (strncmp(item->name, "packs/", 6) != 0 ||
	    !digest_parse(item->name + 6, &id) ||
	    (n = packtab_find(&k->v->packs, &id)) == PACK_NONE)
		return OK;
	/* A pack of another size is not what the index knows. */
	if (k->v->packs.v[n].size == item->size)
		k->v->packs.v[n].present |= k->bit;
	return OK;
}

/* Read statement ${name}, number ${n}, from the first store where it is one. */
static err
get_statement(const struct vault *v, const char *name, size_t n, struct buf *b)
{
	struct key_statement st;
	err first = OK, e;

	for (size_t i = 0; i < v->ncopies; i++) {
		if (v->copies[i].store == NULL)
			continue;
		buf_clear(b);
		e = store_get(v->copies[i].store, name, b);
		if (!e.code)
			e = statement_decode(&v->keys.root, b->p, b->len, &st);
		if (!e.code && st.number == n) {
			err_drop(first);
			return OK;
		}
		err_keep(&first, e);
	}
	return first.code ? first
			  : err_new(E_CORRUPT, "key statement '%s'", name);
}

/* Put into store ${i} the statements that it lacks: who has nothing but this
 * store must be able to tell who signed what it holds. */
static err
spread_keys(const struct vault *v, size_t i)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	char name[32];
	uint64_t size;
	err e;

	for (size_t n = 0; n < v->statements.n; n++) {
		(void)snprintf(name, sizeof(name), "keys/%zu", n);
		e = store_size(v->copies[i].store, name, &size);
		if (e.code == E_NOTFOUND) {
			err_drop(e);
			if ((e = get_statement(v, name, n, &b)).code)
				return e;
			e = store_put(v->copies[i].store, name, b.p, b.len);
		}
		if (e.code && e.code != E_EXISTS)
			return e;
		err_drop(e);
	}
	return OK;
}

err
commit_survey(struct commit *c)
{
	struct condemned k = { .v = c->v };
	struct survey s = { .v = c->v };
	err e;

	/* Nobody would believe what we sign. */
	if (statements_node(&c->v->statements, &c->v->keys.sign.id) == NULL)
		return err_new(E_DENIED,
		               "this node's key is enrolled in no store that "
		               "is open: its statement is in the store that it "
		               "was recovered from");
	for (size_t i = 0; i < c->v->ncopies; i++) {
		if (c->v->copies[i].store == NULL)
			continue;
		if (i >= PACK_STORES)
			return err_new(E_LIMIT, "more than %d stores",
			               PACK_STORES);
		s.bit = (uint32_t)1 << i;
		e = store_list(c->v->copies[i].store, "packs", see_pack, &s);
		if (!e.code && c->outcome[i].why == NULL)
			e = spread_keys(c->v, i);
		if (e.code == E_NOMEM)
			return e;
		if (e.code && c->outcome[i].why == NULL)
			c->outcome[i].why = strdup(err_text(e));
		err_drop(e);
	}
	for (size_t i = 0; i < c->v->packs.n; i++)
		if (c->v->packs.v[i].present == 0)
			packtab_flag(&c->v->packs, (uint32_t)i, PACK_DEAD);
	return vault_each_name(c->v, "condemned", read_condemned, &k);
}

/* Copy one pack into store ${i}; its bytes must match its name. */
static err
fill_one(struct commit *c, size_t i, struct pack_row *row, struct buf *b)
{
	char name[PACK_NAME_LEN];
	err e;

	pack_name(&row->id, name);
	buf_clear(b);
	if ((e = vault_get_named(c->v, name, &row->id, b)).code ||
	    (e = store_put(c->v->copies[i].store, name, b->p, b->len)).code) {
		if (e.code != E_EXISTS)
			return e;
		err_drop(e);
	}
	row->present |= (uint32_t)1 << i;
	return OK;
}

err
commit_fill(struct commit *c)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	err e;

	for (size_t i = 0; i < c->v->ncopies; i++) {
		if (c->v->copies[i].store == NULL || c->outcome[i].why != NULL)
			continue;
		for (size_t n = 0; n < c->v->packs.n; n++) {
			struct pack_row *row = &c->v->packs.v[n];

			if (!packtab_is(&c->v->packs, (uint32_t)n, PACK_USED) ||
			    row->present & (uint32_t)1 << i)
				continue;
			if (!(e = fill_one(c, i, row, &b)).code)
				continue;
			if (e.code == E_NOMEM)
				return e;
			/* This store lags; the others go on. */
			c->outcome[i].why = strdup(err_text(e));
			err_drop(e);
			break;
		}
	}
	return OK;
}

err
commit_promise(struct commit *c, bool *ret_clear)
{
	AUTO(packset_release) struct packset packs = { 0 };
	struct condemned k = { .v = c->v };
	err e;

	/* A collector may have been enrolled since the vault was opened. */
	if ((e = used_packs(c->v, &packs)).code ||
	    (e = put_pending(c, &packs)).code ||
	    (e = collect_keys(c->v)).code ||
	    (e = vault_each_name(c->v, "condemned", read_condemned, &k)).code)
		return e;
	*ret_clear = !k.hit;
	return OK;
}

static err
put_envelope(struct commit *c, const struct snapshot *s)
{
	AUTO(packset_release) struct packset packs = { 0 };
	struct record r;
	char name[96];
	err e;

	if ((e = used_packs(c->v, &packs)).code)
		return e;
	record_start(c, RECORD_ENVELOPE, &r);
	r.packs = packs;
	r.snapshot = s->id;
	hmac_sha256(&c->v->keys.domain.pseudonym, s->asset, strlen(s->asset),
	            &r.asset);
	r.prev = s->prev;
	r.sequence = s->sequence;
	r.started_ns = s->started_ns;
	r.finished_ns = s->finished_ns;
	(void)snprintf(name, sizeof(name), "envelopes/%s", digest_str(&s->id));
	return put_record(c, name, &r);
}

static bool
too_old(const struct commit *c)
{
	return time_boot() - c->promised_at > PROMISE_MAX;
}

/* Is the promise still where it was put?  A collector whose clock is wrong may
 * have taken it for one of last week. */
static bool
still_promised(const struct commit *c)
{
	bool still = !too_old(c);
	char name[64];
	uint64_t size;

	marker_name(c, c->pendings - 1, name);
	for (size_t i = 0; i < c->v->ncopies && still; i++) {
		err e;

		if (c->v->copies[i].store == NULL || c->outcome[i].why != NULL)
			continue;
		e = store_size(c->v->copies[i].store, name, &size);
		still = e.code != E_NOTFOUND;
		err_drop(e);
	}
	return still;
}

err
commit_snapshot(struct commit *c, struct snapshot *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	char name[96];
	err e;

	if (too_old(c))
		return err_new(E_BUSY, "the promise is a day old");
	if ((e = snapshot_encode(c->v, s, c->session, &b, &s->id)).code ||
	    (e = put_envelope(c, s)).code)
		return e;
	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&s->id));
	if ((e = vault_put_all(c->v, name, b.p, b.len, c->outcome)).code)
		return e;

	/* Stopped for a day between promise and here?  Then it may be hollow:
	 * take it back and start the commit over. */
	if (still_promised(c))
		return OK;
	if ((e = vault_forget(c->v, &s->id, 1)).code)
		return err_in(e, "a commit that came too late");
	s->id = (struct digest){ 0 };
	return err_new(E_BUSY, "the promise is a day old, or gone");
}

void
commit_end(struct commit *c)
{
	char name[64];

	for (unsigned n = 0; n < c->pendings; n++) {
		marker_name(c, n, name);
		for (size_t i = 0; i < c->v->ncopies; i++)
			if (c->v->copies[i].store != NULL)
				err_drop(
				    store_delete(c->v->copies[i].store, name));
	}
	c->pendings = 0;
}
