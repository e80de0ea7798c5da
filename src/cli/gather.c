/* SPDX-License-Identifier: Apache-2.0 */

/* The facts that posture.c judges. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asset/source.h"
#include "cli/posture.h"
#include "store/store.h"

/* The stores, opened once to ask what they hold. */
struct copies {
	struct store **v;
	size_t n;
};

static void
copies_release(struct copies *c)
{
	for (size_t i = 0; i < c->n; i++)
		store_close(c->v[i]);
	free(c->v);
}

static err
keep_text(err e, char **ret)
{
	const char *s = err_text(e);
	err r = mem_dup(s, strlen(s), ret);

	err_drop(e);
	return r;
}

static err
open_stores(const struct workspace *ws, struct vault *v, struct copies *c,
            struct posture *p)
{
	size_t n = ws->vault.nstores;
	err e;

	if ((e = mem_alloc(n + 1, sizeof(struct store *), &c->v)).code ||
	    (e = mem_alloc(n + 1, sizeof(char *), &p->stores_why)).code)
		return e;
	c->n = n;
	p->nstores = n;
	for (size_t i = 0; i < n; i++) {
		const struct vault_store_config *s = &ws->vault.stores[i];
		const char *why = v != NULL ? vault_store_state(v, i) : NULL;
		if (why != NULL)
			e = mem_dup(why, strlen(why), &p->stores_why[i]);
		else if ((e = store_open(s->url, s->name, &c->v[i])).code)
			e = keep_text(e, &p->stores_why[i]);
		if (e.code)
			return e;
	}
	return OK;
}

/* How many different texts there are among ${n}; NULL counts nothing. */
static size_t
different(const char *const *list, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool seen = list[i] == NULL;
		for (size_t j = 0; j < i; j++)
			seen = seen ||
			    (list[j] != NULL && strcmp(list[j], list[i]) == 0);
		count += !seen;
	}
	return count;
}

/* Which stores hold the newest snapshot of ${a}? */
static err
count_copies(const struct vault_config *config, const struct copies *c,
             struct posture_asset *a)
{
	AUTO(free_ptr) const char **media = NULL;
	AUTO(free_ptr) const char **sites = NULL;
	char name[sizeof("snapshots/") + DIGEST_HEX];
	uint64_t size;
	err e;

	if ((e = mem_alloc(c->n + 1, sizeof(*media), &media)).code ||
	    (e = mem_alloc(c->n + 1, sizeof(*sites), &sites)).code)
		return e;
	(void)snprintf(name, sizeof(name), "snapshots/%s",
	               digest_str(&a->newest.id));
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i] == NULL)
			continue;
		e = store_size(c->v[i], name, &size);
		if (e.code == E_OK) {
			media[a->copies] = config->stores[i].medium;
			sites[a->copies++] = config->stores[i].site;
		}
		err_drop(e);
	}
	a->media = different(media, a->copies);
	a->sites = different(sites, a->copies);
	return OK;
}

/* Under which name this machine signs. */
static err
note_node(const struct vault_key_info *k, void *arg)
{
	char **name = arg;

	if (!k->mine || strcmp(k->kind, "node") != 0 || *name != NULL)
		return OK;
	return mem_dup(k->name, strlen(k->name), name);
}

/*
 * A directory that is gone counts once, whatever was in it.  If the newest
 * snapshot is what was compared with, it knows how many files there were.
 */
static void
count_missing(struct posture_asset *a, const char *node)
{
	struct vault_drift *d = &a->drift;
	uint64_t known = d->same + d->changed + d->missing;

	if (a->compared && node != NULL && a->newest.files > known &&
	    strcmp(a->newest.node, node) == 0)
		d->missing += a->newest.files - known;
}

static err
newest_snapshot(struct vault *v, struct posture *p, struct posture_asset *a)
{
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	err e;

	if ((e = vault_snapshots(v, a->name, &l)).code)
		return err_in(e, "snapshots of \"%s\"", a->name);
	a->snapshots = l.n;
	if (l.n > 0)
		a->newest = take_struct(l.v[l.n - 1]);

	/* The list of the distrusted is the same for every asset. */
	if (l.bad.total > p->bad.total) {
		vault_problems_release(&p->bad);
		p->bad = take_struct(l.bad);
	}
	return OK;
}

/* What stands at the source, and how it differs from what was saved. */
static err
look_at_source(const struct workspace *ws, const struct asset *asset,
               struct vault *v, struct posture_asset *a)
{
	AUTO(source_release) struct source src = { 0 };
	err e;

	a->live = source_is_live(asset->source);
	if (a->live)
		return OK;
	e = asset_source(ws, asset, &src);
	if (e.code == E_NOTFOUND) {
		a->source_missing = true;
		err_drop(e);
		return OK;
	}
	if (e.code != E_OK)
		return keep_text(e, &a->source_why);
	if (v == NULL || a->newest.finished_ns == 0)
		return OK;
	struct vault_put_opts o = { .exclude = src.own };
	if ((e = vault_compare(v, &src.v, &o, &a->drift)).code)
		return err_in(e, "comparing \"%s\"", a->name);
	a->compared = !a->drift.no_snapshot && !a->drift.no_base;
	a->source_missing = a->drift.no_base;
	return OK;
}

static err
gather_asset(const struct workspace *ws, struct vault *v,
             const struct copies *c, const char *node, struct posture *p,
             size_t i)
{
	const struct asset *asset = &ws->assets[i];
	struct posture_asset *a = &p->assets[i];
	err e;

	a->name = asset->name;
	a->kind = asset->kind;
	a->rpo_ns = asset->rpo_ns;
	a->rto_ns = asset->rto_ns;
	if (v != NULL && (e = newest_snapshot(v, p, a)).code)
		return e;
	if (a->newest.finished_ns != 0 &&
	    (e = count_copies(&ws->vault, c, a)).code)
		return e;
	if ((e = look_at_source(ws, asset, v, a)).code)
		return e;
	count_missing(a, node);
	return OK;
}

err
posture_gather(const struct workspace *ws, struct vault *v, int64_t now_ns,
               struct posture *ret)
{
	AUTO(copies_release) struct copies c = { 0 };
	AUTO(free_ptr) char *node = NULL;
	AUTO(posture_release)
	struct posture p = { .now_ns = now_ns, .config = &ws->vault };
	err e;

	if (v != NULL && (e = vault_key_list(v, note_node, &node)).code)
		return e;
	if ((e = open_stores(ws, v, &c, &p)).code ||
	    (e = mem_alloc(ws->nassets + 1, sizeof(*p.assets), &p.assets)).code)
		return e;
	p.nassets = ws->nassets;
	for (size_t i = 0; i < ws->nassets; i++)
		if ((e = gather_asset(ws, v, &c, node, &p, i)).code)
			return e;
	p.kit = machine_kit(ws);
	*ret = take_struct(p);
	return OK;
}

void
posture_release(struct posture *p)
{
	for (size_t i = 0; i < p->nassets; i++) {
		free(p->assets[i].source_why);
		snapshot_release(&p->assets[i].newest);
		vault_problems_release(&p->assets[i].drift.sample);
	}
	free(p->assets);
	for (size_t i = 0; p->stores_why != NULL && i < p->nstores; i++)
		free(p->stores_why[i]);
	free(p->stores_why);
	vault_problems_release(&p->bad);
	for (size_t i = 0; i < p->nreasons; i++) {
		free(p->reasons[i].asset);
		free(p->reasons[i].why);
		free(p->reasons[i].mend);
	}
	free(p->reasons);
	*p = (struct posture){ 0 };
}
