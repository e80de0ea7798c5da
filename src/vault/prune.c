/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Collection: deleting what nothing needs, beside backups that run.
 * Invariants:
 *  1. A pack is deleted from a store only while a condemned marker that names
 *     it is durable there, and only if what was listed after that does not need
 *     it.  A writer announces what it needs before it reads the markers: one of
 *     the two sees the other.
 *  2. That marker stays for 30 days, and longer while an index names the pack.
 *     No pack is deleted more than a day after its marker, so that a collector
 *     that was stopped cannot outlive it.
 *  3. A node condemns packs of its own domain only.
 *  4. Nothing is deleted where it is not known what is needed.
 */

#include <stdio.h>
#include <string.h>

#include "vault/collect.h"
#include "vault/merge.h"

#define MARKER_NAME_LEN (10 + 2 * ID_LEN + 1)

/* A pack that nothing is known to need. */
struct candidate {
	uint32_t row; /* In the table of the collection. */
	uint8_t session[ID_LEN];
};

struct prune {
	struct vault *v;
	const struct vault_prune_opts *o;
	struct vault_prune_report *r;
	struct collect c;
	struct collect_names envelopes, condemned;
	struct candidate *cand; /* Owned. */
	size_t n, cap;
	char marker[MARKER_NAME_LEN]; /* Empty: none is written. */
	bool *ready;                  /* Owned; stores that have the marker. */
	int64_t boot_ns, wall_ns;     /* When the marker was begun. */
};

void
vault_prune_report_release(struct vault_prune_report *r)
{
	vault_problems_release(&r->problems);
	*r = (struct vault_prune_report){ 0 };
}

static void
prune_release(struct prune *p)
{
	collect_release(&p->c);
	collect_names_release(&p->envelopes);
	collect_names_release(&p->condemned);
	free(p->cand);
	free(p->ready);
}

static void
phase(const struct prune *p, const char *what)
{
	if (p->o->progress != NULL)
		atomic_store(&p->o->progress->phase, what);
}

static err
cancelled(const struct prune *p)
{
	if (p->o->progress != NULL && atomic_load(&p->o->progress->cancel))
		return err_new(E_CANCELLED, "stopped; what was done is sound");
	return OK;
}

static void
problem(struct prune *p, const char *name, err e)
{
	vault_add_problem(&p->r->problems, name, strlen(name), e);
}

/* --- looking --- */

/* The packs that markers of our domain condemned before. */
static err
read_condemned(struct prune *p)
{
	uint32_t n;
	err e;

	for (size_t i = 0; i < p->condemned.n; i++) {
		AUTO(record_release) struct record r = { 0 };

		e = collect_record(p->v, RECORD_CONDEMNED,
		                   p->condemned.v[i].name, &r);
		if (e.code == E_NOTFOUND || collect_is_damage(e.code)) {
			err_drop(e);
			continue;
		}
		if (e.code)
			return e;
		if (memcmp(r.domain, p->v->keys.domain.id, ID_LEN) != 0)
			continue;
		for (size_t k = 0; k < r.packs.n; k++) {
			e = packtab_add(&p->c.packs, &r.packs.v[k], 0, 0, &n);
			if (e.code)
				return e;
			packtab_flag(&p->c.packs, n, COLLECT_CONDEMNED);
		}
	}
	return OK;
}

/* Is pack ${row}, which nothing needs, ours to condemn? */
static err
consider(struct prune *p, uint32_t row)
{
	const struct pack_row *pack = &p->c.packs.v[row];
	char name[PACK_NAME_LEN];
	struct preamble pre;
	err e;

	pack_name(&pack->id, name);
	e = collect_preamble(p->v, pack, &pre);
	if (e.code == E_NOTFOUND) {
		/* Another collector was faster. */
		err_drop(e);
		return OK;
	}
	if (collect_is_damage(e.code)) {
		/* Whose it is cannot be known: it stays. */
		problem(p, name, err_in(e, "left alone"));
		return OK;
	}
	if (e.code)
		return e;
	if (memcmp(pre.vault, p->v->keys.vault, ID_LEN) != 0 ||
	    memcmp(pre.domain, p->v->keys.domain.id, ID_LEN) != 0)
		return OK;
	if (collect_is_live(&p->c, pre.session)) {
		p->r->packs_used++;
		return OK;
	}
	if ((e = mem_grow(&p->cand, p->n + 1, &p->cap, sizeof(*p->cand))).code)
		return e;
	p->cand[p->n].row = row;
	memcpy(p->cand[p->n++].session, pre.session, ID_LEN);
	return OK;
}

static err
find_candidates(struct prune *p)
{
	const struct packtab *t = &p->c.packs;
	err e;

	for (uint32_t i = 0; i < t->n; i++) {
		if (!packtab_is(t, i, COLLECT_LISTED))
			continue;
		p->r->packs++;
		p->r->packs_used += packtab_is(t, i, COLLECT_NEEDED);
		if (packtab_is(t, i, COLLECT_NEEDED) ||
		    p->n == RECORD_PACKS_MAX)
			continue;
		if ((e = consider(p, i)).code || (e = cancelled(p)).code)
			return e;
	}
	return OK;
}

static err
look(struct prune *p)
{
	err e;

	phase(p, "listing");
	for (size_t i = 0; i < p->v->ncopies; i++)
		if (p->v->copies[i].store == NULL)
			problem(p, p->v->copies[i].config->name,
			        err_new(E_UNREACHABLE,
			                "this store is not open: nothing was "
			                "deleted there"));

	/*
	 * The index before the packs: what it names was put before it.  The
	 * envelopes before the markers before the snapshots: see collect.c.
	 */
	if ((e = index_load(p->v)).code ||
	    (e = collect_list(p->v, "envelopes", &p->envelopes)).code ||
	    (e = collect_packs(&p->c)).code ||
	    (e = collect_list(p->v, "condemned", &p->condemned)).code)
		return e;
	phase(p, "reading what snapshots need");
	if ((e = collect_needs(&p->c)).code || (e = read_condemned(p)).code)
		return e;
	p->r->pending_live = p->c.nlive;
	return find_candidates(p);
}

/* --- condemning --- */

static void
delete_everywhere(struct prune *p, const char *name)
{
	for (size_t i = 0; i < p->v->ncopies; i++) {
		struct store *s = p->v->copies[i].store;
		err e;

		if (s != NULL && (e = store_delete(s, name)).code)
			problem(p, name, e);
	}
}

static err
marker_encode(struct prune *p, struct buf *b)
{
	struct record r = { .kind = RECORD_CONDEMNED, .time_ns = time_now() };
	AUTO(packset_release) struct packset packs = { 0 };
	err e;

	memcpy(r.vault, p->v->keys.vault, ID_LEN);
	memcpy(r.domain, p->v->keys.domain.id, ID_LEN);
	if ((e = crypto_random(r.session, ID_LEN)).code)
		return e;
	hex_encode(r.session, ID_LEN, p->marker + 10);
	memcpy(p->marker, "condemned/", 10);
	for (size_t i = 0; i < p->n; i++)
		if ((e = packset_add(&packs, &p->c.packs.v[p->cand[i].row].id))
		        .code)
			return e;
	packset_sort(&packs);
	r.packs = packs;
	return record_encode(&r, &p->v->keys.sign, b);
}

/* Write the marker to every store; only those that have it are collected. */
static err
condemn(struct prune *p)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	size_t ready = 0;
	err last = OK, e;

	phase(p, "condemning");
	p->boot_ns = time_boot();
	p->wall_ns = time_now();
	if ((e = marker_encode(p, &b)).code ||
	    (e = mem_alloc(p->v->ncopies, sizeof(*p->ready), &p->ready)).code)
		return e;
	for (size_t i = 0; i < p->v->ncopies; i++) {
		struct store *s = p->v->copies[i].store;

		if (s == NULL)
			continue;
		e = store_put(s, p->marker, b.p, b.len);
		if (!e.code) {
			p->ready[i] = true;
			ready++;
			continue;
		}
		problem(p, p->marker, err_new(e.code, "%s", err_text(e)));
		err_drop(last);
		last = e;
	}
	if (ready == 0)
		return last;
	err_drop(last);
	return OK;
}

/* What was condemned but is needed after all is released: a smaller marker
 * takes the place of the first, so that writers can use those packs again. */
static err
release(struct prune *p)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	char first[MARKER_NAME_LEN];
	size_t n = 0;
	err e;

	phase(p, "looking again");
	if ((e = collect_needs(&p->c)).code)
		return e;
	for (size_t i = 0; i < p->n; i++)
		if (!packtab_is(&p->c.packs, p->cand[i].row, COLLECT_NEEDED) &&
		    !collect_is_live(&p->c, p->cand[i].session))
			p->cand[n++] = p->cand[i];
	p->r->packs_used += p->n - n;
	p->r->pending_live = p->c.nlive;
	if (n == p->n)
		return OK;
	p->n = n;
	memcpy(first, p->marker, sizeof(first));
	if (n > 0 && (e = marker_encode(p, &b)).code)
		return e;
	for (size_t i = 0; i < p->v->ncopies; i++) {
		struct store *s = p->v->copies[i].store;

		if (s == NULL || !p->ready[i])
			continue;
		e = OK;
		if (n > 0)
			e = store_put(s, p->marker, b.p, b.len);
		/* The first one covers the rest, too, if it must stay. */
		if (!e.code)
			e = store_delete(s, first);
		if (e.code)
			problem(p, first, e);
	}
	return OK;
}

/* --- deleting --- */

/* Invariant 2: neither by the clock of this boot nor by the wall. */
static err
in_time(const struct prune *p)
{
	int64_t boot = time_boot() - p->boot_ns;
	int64_t wall = time_now() - p->wall_ns;

	if (boot > COLLECT_DAY || wall > COLLECT_DAY)
		return err_new(E_BUSY,
		               "stopped for more than a day: what is "
		               "needed may have changed; run it again");
	return OK;
}

/* Delete one pack from all stores; true if no open one has it any more. */
static bool
delete_pack(struct prune *p, const struct pack_row *row)
{
	char name[PACK_NAME_LEN];
	bool gone = true;

	pack_name(&row->id, name);
	for (size_t i = 0; i < p->v->ncopies; i++) {
		struct store *s = p->v->copies[i].store;
		err e = OK;

		if (s == NULL)
			continue;
		if (p->ready[i])
			e = store_delete(s, name);
		gone &= p->ready[i] && !e.code;
		if (e.code)
			problem(p, name, e);
	}
	return gone;
}

static err
delete_packs(struct prune *p)
{
	err e;

	phase(p, "deleting");
	if (p->o->progress != NULL)
		atomic_store(&p->o->progress->items_all, p->n);
	for (size_t i = 0; i < p->n; i++) {
		uint32_t row = p->cand[i].row;

		if ((e = cancelled(p)).code)
			return e;
		if (!p->o->dry_run) {
			if ((e = in_time(p)).code)
				return e;
			if (!delete_pack(p, &p->c.packs.v[row]))
				continue;
			packtab_flag(&p->c.packs, row, COLLECT_GONE);
		}
		p->r->packs_deleted++;
		p->r->bytes_deleted += p->c.packs.v[row].size;
		if (p->o->progress != NULL)
			atomic_fetch_add(&p->o->progress->items, 1);
	}
	return OK;
}

static bool
all_open(const struct vault *v)
{
	for (size_t i = 0; i < v->ncopies; i++)
		if (v->copies[i].store == NULL)
			return false;
	return true;
}

/* May the index forget pack ${number}?  Not if a snapshot names it: its absence
 * is damage then, and check tells from the index what that hurts. */
static bool
is_dead(uint32_t number, void *arg)
{
	struct prune *p = arg;
	const struct packtab *t = &p->c.packs;
	uint32_t row = packtab_find(t, &p->v->packs.v[number].id);

	if (row == PACK_NONE)
		return all_open(p->v);
	if (packtab_is(t, row, COLLECT_NEEDED))
		return false;
	if (packtab_is(t, row, COLLECT_GONE))
		return true;
	return !packtab_is(t, row, COLLECT_LISTED) &&
	    (packtab_is(t, row, COLLECT_CONDEMNED) || all_open(p->v));
}

static err
merge(struct prune *p)
{
	struct merge_plan plan = {
		.dead = is_dead,
		.arg = p,
		.dry_run = p->o->dry_run,
		.problems = &p->r->problems,
	};
	err e;

	phase(p, "merging indexes");
	e = merge_indexes(p->v, &plan);
	p->r->indexes_merged = plan.merged;
	return e;
}

/* --- markers and left-overs --- */

/* Flag what the index names now. */
static err
flag_indexed(struct prune *p)
{
	const struct index_set *s = &p->v->index;
	uint32_t row;
	err e;

	for (size_t i = 0; i < s->n; i++) {
		size_t n;
		const uint32_t *packs = index_packs(s->v[i], &n);

		for (size_t k = 0; k < n; k++) {
			e = packtab_add(&p->c.packs,
			                &p->v->packs.v[packs[k]].id, 0, 0,
			                &row);
			if (e.code)
				return e;
			packtab_flag(&p->c.packs, row, COLLECT_INDEXED);
		}
	}
	return OK;
}

/* Does an index name a pack of ${r} that is gone?  A writer may choose it. */
static bool
still_warns(const struct prune *p, const struct record *r)
{
	const struct packtab *t = &p->c.packs;

	for (size_t i = 0; i < r->packs.n; i++) {
		uint32_t row = packtab_find(t, &r->packs.v[i]);

		if (row != PACK_NONE && packtab_is(t, row, COLLECT_INDEXED) &&
		    (packtab_is(t, row, COLLECT_GONE) ||
		     !packtab_is(t, row, COLLECT_LISTED)))
			return true;
	}
	return false;
}

static err
expire_condemned(struct prune *p, const struct collect_name *m)
{
	AUTO(record_release) struct record r = { 0 };
	int64_t now = time_now(), since = m->changed_ns;
	err e;

	e = collect_record(p->v, RECORD_CONDEMNED, m->name, &r);
	if (e.code && e.code != E_NOTFOUND && !collect_is_damage(e.code))
		return e;
	if (!e.code) {
		since = collect_since(r.time_ns, m->changed_ns, now);
		if (memcmp(r.domain, p->v->keys.domain.id, ID_LEN) != 0 ||
		    still_warns(p, &r))
			return OK;
	}
	if (now - since > COLLECT_CONDEMNED_LIFE)
		delete_everywhere(p, m->name);
	err_drop(e);
	return OK;
}

/* An envelope without a snapshot: of a commit under way, or left over. */
static err
expire_envelope(struct prune *p, const struct collect_name *m)
{
	AUTO(record_release) struct record r = { 0 };
	struct digest id;
	bool stale;
	err e;

	if (digest_parse(m->name + 10, &id) &&
	    packset_has(&p->c.snapshots, &id))
		return OK;
	e = collect_record(p->v, RECORD_ENVELOPE, m->name, &r);
	if (e.code && !collect_is_damage(e.code)) {
		if (e.code != E_NOTFOUND)
			return e;
		err_drop(e);
		return OK;
	}
	if (e.code)
		stale = time_now() - m->changed_ns > COLLECT_PENDING_LIFE;
	else
		stale = !collect_is_live(&p->c, r.session) &&
		    memcmp(r.domain, p->v->keys.domain.id, ID_LEN) == 0;
	if (stale)
		delete_everywhere(p, m->name);
	err_drop(e);
	return OK;
}

static err
sweep(struct prune *p)
{
	err e;

	phase(p, "sweeping");
	p->r->pending_expired = p->c.expired.n;
	if (p->o->dry_run)
		return OK;
	if ((e = flag_indexed(p)).code)
		return e;
	for (size_t i = 0; i < p->c.expired.n; i++)
		delete_everywhere(p, p->c.expired.v[i].name);
	for (size_t i = 0; i < p->condemned.n; i++)
		if ((e = expire_condemned(p, &p->condemned.v[i])).code)
			return e;
	for (size_t i = 0; i < p->envelopes.n; i++)
		if ((e = expire_envelope(p, &p->envelopes.v[i])).code)
			return e;
	return OK;
}

err
vault_prune(struct vault *v, const struct vault_prune_opts *opts,
            struct vault_prune_report *ret)
{
	AUTO(prune_release) struct prune p = { .v = v, .o = opts, .r = ret };
	err e;

	*ret = (struct vault_prune_report){ 0 };
	if (opts->repack_below > 0)
		return err_new(E_UNSUPPORTED,
		               "this version does not repack: leave out the "
		               "threshold");
	collect_init(&p.c, v, &ret->problems);
	if ((e = vault_writable(v)).code || (e = look(&p)).code)
		return e;
	if (p.n > 0 && !opts->dry_run) {
		if ((e = condemn(&p)).code)
			return e;
		if ((e = release(&p)).code) {
			/* Nothing was deleted under it. */
			delete_everywhere(&p, p.marker);
			return e;
		}
	}
	if ((e = delete_packs(&p)).code || (e = merge(&p)).code)
		return e;
	return sweep(&p);
}
