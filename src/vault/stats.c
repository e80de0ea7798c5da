/* SPDX-License-Identifier: Apache-2.0 */

/* Counting what each store holds, and what it stands for. */

#include <string.h>

#include "vault/collect.h"

void
vault_stats_release(struct vault_stats *s)
{
	free(s->stores);
	*s = (struct vault_stats){ 0 };
}

struct count {
	uint64_t n, bytes;
};

static err
count_one(const struct store_item *item, void *arg)
{
	struct count *c = arg;

	c->n++;
	c->bytes += item->size;
	return OK;
}

static err
count_store(struct store *s, struct vault_store_stats *ret)
{
	static const char *const others[] = { "keys", "envelopes", "pending",
		                              "condemned" };
	struct count packs = { 0 }, index = { 0 }, snapshots = { 0 };
	struct count rest = { 0 };
	uint64_t size;
	err e;

	if ((e = store_list(s, "packs", count_one, &packs)).code ||
	    (e = store_list(s, "index", count_one, &index)).code ||
	    (e = store_list(s, "snapshots", count_one, &snapshots)).code ||
	    (e = store_size(s, "vault", &size)).code)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if ((e = store_list(s, others[i], count_one, &rest)).code)
			return e;
	ret->packs = packs.n;
	ret->pack_bytes = packs.bytes;
	ret->indexes = index.n;
	ret->index_bytes = index.bytes;
	ret->snapshots = snapshots.n;
	ret->other_bytes = snapshots.bytes + rest.bytes + size;
	return store_space(s, &ret->free_bytes, &ret->total_bytes);
}

/* The chunks of one pack, from the first store that can tell. */
static err
count_pack(struct vault *v, const struct pack_row *row, struct vault_stats *ret)
{
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;

	for (size_t i = 0; i < v->ncopies && d == NULL; i++) {
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = pack_dir_load(v->copies[i].store, &row->id, row->size,
		                  &v->keys.domain, &d, NULL);
		if (e.code == E_NOMEM)
			return e;
		/* Another domain's, damaged, or deleted meanwhile. */
		err_drop(e);
	}
	if (d == NULL)
		return OK;
	ret->chunks += d->nchunks;
	for (size_t i = 0; i < d->nsegments; i++)
		ret->plain_bytes += d->segments[i].plain_len;
	return OK;
}

static err
count_chunks(struct vault *v, struct vault_stats *ret)
{
	AUTO(collect_release) struct collect c = { 0 };
	struct vault_problems none = { 0 };
	err e;

	collect_init(&c, v, &none);
	if ((e = collect_packs(&c)).code)
		return e;
	for (size_t i = 0; i < c.packs.n; i++)
		if ((e = count_pack(v, &c.packs.v[i], ret)).code)
			return e;
	return OK;
}

err
vault_stats(struct vault *v, struct vault_stats *ret)
{
	AUTO(vault_stats_release) struct vault_stats s = { 0 };
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	err e;

	if ((e = mem_alloc(v->ncopies, sizeof(*s.stores), &s.stores)).code)
		return e;
	s.nstores = v->ncopies;
	for (size_t i = 0; i < v->ncopies; i++) {
		s.stores[i].name = v->copies[i].config->name;
		s.stores[i].open = v->copies[i].store != NULL;
		if (s.stores[i].open &&
		    (e = count_store(v->copies[i].store, &s.stores[i])).code)
			return e;
	}
	if ((e = vault_snapshots(v, NULL, &l)).code ||
	    (e = count_chunks(v, &s)).code)
		return e;
	for (size_t i = 0; i < l.n; i++)
		s.source_bytes += l.v[i].bytes;
	*ret = take_struct(s);
	return OK;
}
