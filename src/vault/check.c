/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checking a vault: every store by itself, and nothing is taken from another to
 * hide what one lacks.  Writers and collectors may be at work.  Snapshots are
 * listed before the index, the index before the packs: each is durable before
 * what refers to it, so what is missing then is missing.  What vanished because
 * somebody forgot or collected it is no damage.
 */

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "vault/check.h"

void
vault_check_report_release(struct vault_check_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct vault_finding *f = &r->v[i];

		free(f->store);
		free(f->object);
		free(f->what);
		for (char **h = f->hurts; h != NULL && *h != NULL; h++)
			free(*h);
		free(f->hurts);
	}
	free(r->v);
	*r = (struct vault_check_report){ 0 };
}

/* --- ending it --- */

void
check_fail(struct check *c, err e)
{
	if (!e.code)
		return;
	pthread_mutex_lock(&c->lock);
	err_keep(&c->fatal, e);
	pthread_mutex_unlock(&c->lock);
}

void
check_ignore(struct check *c, err e)
{
	if (e.code == E_NOMEM)
		check_fail(c, e);
	else
		err_drop(e);
}

bool
check_stopped(struct check *c)
{
	bool stopped;

	if (c->o->progress != NULL && atomic_load(&c->o->progress->cancel))
		check_fail(c,
		           err_new(E_CANCELLED,
		                   "stopped; what was proven "
		                   "is noted"));
	pthread_mutex_lock(&c->lock);
	stopped = c->fatal.code != E_OK;
	pthread_mutex_unlock(&c->lock);
	return stopped;
}

void
check_phase(struct check *c, const char *what, uint64_t items)
{
	if (c->o->progress == NULL)
		return;
	atomic_store(&c->o->progress->items, 0);
	atomic_store(&c->o->progress->items_all, items);
	atomic_store(&c->o->progress->phase, what);
}

/* --- findings --- */

/* Add a finding; the lock is held. */
static err
add(struct check *c, size_t copy, const char *object, const char *what,
    uint32_t *ret)
{
	const char *store = c->v->copies[copy].config->name;
	struct vault_check_report *r = c->r;
	struct vault_finding f = { 0 };
	err e;

	*ret = CHECK_NONE;
	if (r->n == CHECK_FINDINGS_MAX)
		return OK;
	if ((e = mem_grow(&r->v, r->n + 1, &r->cap, sizeof(*r->v))).code)
		return e;
	if ((e = mem_dup(store, strlen(store), &f.store)).code ||
	    (e = mem_dup(object, strlen(object), &f.object)).code ||
	    (e = mem_dup(what, strlen(what), &f.what)).code) {
		free(f.store);
		free(f.object);
		return e;
	}
	*ret = (uint32_t)r->n;
	r->v[r->n++] = f;
	return OK;
}

uint32_t
check_find(struct check *c, size_t copy, const char *object, err why)
{
	uint32_t n = CHECK_NONE;
	err e;

	if (why.code == E_NOMEM || why.code == E_CANCELLED) {
		check_fail(c, why);
		return n;
	}
	pthread_mutex_lock(&c->lock);
	e = add(c, copy, object, err_text(why), &n);
	c->r->bad++;
	pthread_mutex_unlock(&c->lock);
	err_drop(why);
	check_fail(c, e);
	return n;
}

uint32_t
check_find_pack(struct check *c, size_t copy, uint32_t pack, err why)
{
	char name[PACK_NAME_LEN];
	uint32_t n;

	pthread_mutex_lock(&c->lock);
	n = c->found[copy][pack];
	pthread_mutex_unlock(&c->lock);
	if (n != CHECK_NONE) {
		err_drop(why);
		return n;
	}
	pack_name(&c->all.packs.v[pack].id, name);
	n = check_find(c, copy, name, why);
	pthread_mutex_lock(&c->lock);
	c->found[copy][pack] = n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void
check_left(struct check *c, size_t copy, const char *object, const char *what)
{
	uint32_t n;
	err e;

	pthread_mutex_lock(&c->lock);
	e = add(c, copy, object, what, &n);
	if (n != CHECK_NONE)
		c->r->v[n].benign = true;
	pthread_mutex_unlock(&c->lock);
	check_fail(c, e);
}

/* Add a line to the hurts of a finding; the lock is held. */
static err
add_hurt(struct vault_finding *f, const char *text)
{
	size_t cap = CHECK_HURTS_MAX + 1;
	err e;

	if (f->nhurts++ >= CHECK_HURTS_MAX)
		return OK;
	if (f->hurts == NULL &&
	    (e = mem_alloc(cap, sizeof(*f->hurts), &f->hurts)).code)
		return e;
	return mem_dup(text, strlen(text), &f->hurts[f->nhurts - 1]);
}

static void
hurt(struct check *c, uint32_t finding, const char *text)
{
	err e;

	if (finding == CHECK_NONE)
		return;
	pthread_mutex_lock(&c->lock);
	e = add_hurt(&c->r->v[finding], text);
	pthread_mutex_unlock(&c->lock);
	check_fail(c, e);
}

static void
snap_title(const struct check_snap *s, struct buf *b)
{
	if (s->readable)
		buf_fmt(b, "%s@", s->s.asset);
	buf_fmt(b, "%.12s", digest_str(&s->id));
}

void
check_hurt_path(struct check *c, uint32_t finding, const struct check_snap *s,
                const void *path, size_t n, const char *more)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * MiB);

	snap_title(s, &b);
	buf_str(&b, ": ");
	if (n == 0)
		buf_str(&b, ".");
	fs_quote(path, n, &b);
	buf_str(&b, more);
	hurt(c, finding, buf_cstr(&b));
}

void
check_hurt_all(struct check *c, uint32_t finding, const struct check_snap *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);

	snap_title(s, &b);
	hurt(c, finding, buf_cstr(&b));
}

void
check_hurt_chunk(struct check *c, uint32_t finding, const struct digest *name)
{
	err e;

	if (finding == CHECK_NONE)
		return;
	pthread_mutex_lock(&c->lock);
	e = mem_grow(&c->hurts, c->nhurts + 1, &c->cap_hurts,
	             sizeof(*c->hurts));
	if (!e.code) {
		memcpy(c->hurts[c->nhurts].prefix, name->b, INDEX_PREFIX);
		c->hurts[c->nhurts++].finding = finding;
	}
	pthread_mutex_unlock(&c->lock);
	check_fail(c, e);
}

void
check_hurt_pack(struct check *c, uint32_t finding, uint32_t pack)
{
	err e;

	if (finding == CHECK_NONE)
		return;
	pthread_mutex_lock(&c->lock);
	e = mem_grow(&c->lost, c->nlost + 1, &c->cap_lost, sizeof(*c->lost));
	if (!e.code)
		c->lost[c->nlost++] = (struct check_lost){ pack, finding,
			                                   false };
	pthread_mutex_unlock(&c->lock);
	check_fail(c, e);
}

/* --- what is where --- */

void
check_view(const struct check *c, size_t copy, struct vault *ret)
{
	*ret = c->all;
	ret->copies = &c->v->copies[copy];
	ret->ncopies = 1;
	ret->reader = NULL;
}

void
check_view_release(struct vault *v)
{
	reader_cache_free(v->reader);
	crypto_wipe(v, sizeof(*v));
}

bool
check_has(struct check *c, size_t copy, const char *name)
{
	struct store *s = c->v->copies[copy].store;
	uint64_t size;
	err e;

	if (s == NULL)
		return false;
	e = store_size(s, name, &size);
	err_drop(e);
	return e.code != E_NOTFOUND;
}

void
check_absent_later(struct check *c, size_t copy, const char *name)
{
	struct check_absent *a;
	err e;

	e = mem_grow(&c->absent, c->nabsent + 1, &c->cap_absent,
	             sizeof(*c->absent));
	if (e.code) {
		check_fail(c, e);
		return;
	}
	a = &c->absent[c->nabsent++];
	a->copy = copy;
	(void)snprintf(a->name, sizeof(a->name), "%s", name);
}

/* Is it still missing where it was, and still there in another store? */
static void
see_absent(struct check *c, const struct check_absent *a)
{
	struct check_snap *s = NULL;
	bool elsewhere = false;
	struct digest id;
	uint32_t n;

	for (size_t i = 0; i < c->v->ncopies && !elsewhere; i++)
		elsewhere = i != a->copy && check_has(c, i, a->name);
	if (!elsewhere || check_has(c, a->copy, a->name))
		return;
	if (strncmp(a->name, "snapshots/", 10) == 0 &&
	    digest_parse(a->name + 10, &id))
		s = check_snap_find(c, &id);
	for (size_t i = 0; s != NULL && i < c->nlive; i++)
		if (memcmp(c->live[i].id, s->session, ID_LEN) == 0)
			return;
	n = check_find(c, a->copy, a->name,
	               err_new(E_NOTFOUND,
	                       "it is missing here, another store "
	                       "has it"));
	if (s != NULL)
		check_hurt_all(c, n, s);
}

static int
by_id(const void *a, const void *b)
{
	const struct check_snap *x = a, *y = b;

	return digest_cmp(&x->id, &y->id);
}

struct check_snap *
check_snap_find(const struct check *c, const struct digest *id)
{
	struct check_snap key = { .id = *id };

	if (c->nsnaps == 0)
		return NULL;
	return bsearch(&key, c->snaps, c->nsnaps, sizeof(key), by_id);
}

/* --- snapshots --- */

static err
add_snap(struct check *c, size_t copy, const struct digest *id)
{
	size_t i;
	err e;

	for (i = 0; i < c->nsnaps; i++)
		if (digest_eq(&c->snaps[i].id, id))
			break;
	if (i == c->nsnaps) {
		if ((e = mem_grow(&c->snaps, c->nsnaps + 1, &c->cap_snaps,
		                  sizeof(*c->snaps)))
		        .code)
			return e;
		c->snaps[c->nsnaps++] = (struct check_snap){ .id = *id };
	}
	c->snaps[i].in |= (uint32_t)1 << copy;
	return OK;
}

static void
list_snaps(struct check *c, size_t copy)
{
	AUTO(collect_names_release) struct collect_names names = { 0 };
	AUTO(check_view_release) struct vault view = { 0 };
	struct digest id;
	err e;

	check_view(c, copy, &view);
	if ((e = collect_list(&view, "snapshots", &names)).code) {
		(void)check_find(c, copy, "snapshots", e);
		return;
	}
	for (size_t i = 0; i < names.n; i++)
		if (!digest_parse(names.v[i].name + 10, &id))
			(void)check_find(c, copy, names.v[i].name,
			                 err_new(E_CORRUPT,
			                         "no snapshot has such a name: "
			                         "remove it"));
		else
			check_fail(c, add_snap(c, copy, &id));
}

/* Read what is known of a snapshot, from whichever store knows it.  What each
 * store is wrong about is told where that store is checked. */
static void
read_snap(struct check *c, struct check_snap *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(record_release) struct record r = { 0 };
	struct preamble pre;
	char name[80];
	err e;

	(void)snprintf(name, sizeof(name), "snapshots/%s", digest_str(&s->id));
	e = vault_get_named(&c->all, name, &s->id, &b);
	if (!e.code)
		e = snapshot_verify(&c->all, b.p, b.len, &pre);
	if (!e.code) {
		memcpy(s->session, pre.session, ID_LEN);
		e = collect_envelope(&c->all, &s->id, &pre, &r);
		s->enveloped = !e.code;
		s->packs = take_struct(r.packs);
		check_ignore(c, e);
		e = snapshot_decode(&c->all, b.p, b.len, &s->s);
	}
	s->readable = !e.code;
	check_ignore(c, e);
}

void
check_snaps(struct check *c)
{
	check_phase(c, "reading snapshots", 0);
	for (size_t i = 0; i < c->v->ncopies; i++)
		if (c->v->copies[i].store != NULL)
			list_snaps(c, i);
	if (c->nsnaps > 0)
		qsort(c->snaps, c->nsnaps, sizeof(*c->snaps), by_id);
	for (size_t i = 0; i < c->nsnaps && !check_stopped(c); i++)
		read_snap(c, &c->snaps[i]);
	c->r->snapshots = c->nsnaps;
}

/* --- the whole --- */

static void
run(struct check *c)
{
	check_snaps(c);
	check_index_load(c);
	for (size_t i = 0; i < c->v->ncopies && !check_stopped(c); i++)
		if (c->v->copies[i].store != NULL)
			check_store_objects(c, i);
	if (!check_stopped(c))
		check_packs_list(c);
	for (size_t i = 0; i < c->v->ncopies && !check_stopped(c); i++)
		if (c->v->copies[i].store != NULL)
			check_store_markers(c, i);
	if (!check_stopped(c))
		check_packs_left(c);
	if (!check_stopped(c))
		check_data_run(c);
	for (size_t i = 0; i < c->v->ncopies && !check_stopped(c); i++)
		if (c->v->copies[i].store != NULL)
			check_trees_run(c, i);
	for (size_t i = 0; i < c->nabsent && !check_stopped(c); i++)
		see_absent(c, &c->absent[i]);
	if (!check_stopped(c))
		check_hurts_run(c);
}

static void
check_release(struct check *c)
{
	for (size_t i = 0; i < c->nsnaps; i++) {
		snapshot_release(&c->snaps[i].s);
		packset_release(&c->snaps[i].packs);
	}
	for (size_t i = 0; c->found != NULL && i < c->v->ncopies; i++)
		free(c->found[i]);
	free(c->found);
	free(c->snaps);
	free(c->absent);
	free(c->live);
	free(c->counts);
	free(c->needed);
	free(c->hurts);
	free(c->lost);
	index_set_release(&c->all.index);
	packtab_release(&c->all.packs);
	packset_release(&c->all.index_names);
	statements_release(&c->all.statements);
	check_view_release(&c->all);
	pthread_mutex_destroy(&c->lock);
}

/* A vault of the same stores whose tables are its own. */
static err
begin(struct check *c)
{
	const struct key_statements *st = &c->v->statements;
	struct key_statements *own = &c->all.statements;
	err e;

	c->all = *c->v;
	c->all.packs = (struct packtab){ 0 };
	c->all.index = (struct index_set){ 0 };
	c->all.index_names = (struct packset){ 0 };
	c->all.reader = NULL;
	c->all.adopts = false; /* To look changes nothing. */
	*own = (struct key_statements){ 0 };
	if ((e = mem_grow(&own->v, st->n, &own->cap, sizeof(*own->v))).code)
		return e;
	for (size_t i = 0; i < st->n; i++)
		own->v[own->n++] = st->v[i];

	/* Who was enrolled meanwhile; damage is found store by store. */
	check_ignore(c, collect_keys(&c->all));
	return OK;
}

/* Bad before benign, then by store, object and what. */
static int
by_weight(const void *a, const void *b)
{
	const struct vault_finding *x = a, *y = b;
	int d = x->benign - y->benign;

	if (d == 0)
		d = strcmp(x->store, y->store);
	if (d == 0)
		d = strcmp(x->object, y->object);
	return d != 0 ? d : strcmp(x->what, y->what);
}

err
vault_check(struct vault *v, const struct vault_check_opts *opts,
            struct vault_check_report *ret)
{
	AUTO(check_release) struct check c = { .v = v, .o = opts, .r = ret };
	int64_t t0 = time_mono();
	err e;

	*ret = (struct vault_check_report){ 0 };
	pthread_mutex_init(&c.lock, NULL);
	if (v->ncopies > PACK_STORES)
		return err_new(E_LIMIT, "more than %d stores", PACK_STORES);

	if (!(e = begin(&c)).code)
		run(&c);
	check_fail(&c, e);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_weight);
	ret->wall_ns = time_mono() - t0;
	return c.fatal;
}
