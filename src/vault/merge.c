/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Merging index objects.  Invariants:
 *  1. Only the last of the new objects says what they supersede: until it is
 *     there the old ones count, whatever the crash leaves.
 *  2. An old object is deleted from a store only if every new one is in it.
 *  3. Memory is bounded by one index object, not by the index.
 */

#include <stdio.h>
#include <string.h>

#include "vault/merge.h"

#define BATCH          ((size_t)1 << 20) /* Entries of a new object. */
#define INDEX_NAME_LEN (6 + 2 * ID_LEN + 1 + DIGEST_HEX + 1)

/* --- reading together --- */

static int
head_cmp(const struct merge *m, uint32_t a, uint32_t b)
{
	return memcmp(m->head[a].prefix, m->head[b].prefix, INDEX_PREFIX);
}

static void
sift_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1, right = left + 1;
		uint32_t t;

		if (left < m->nheap &&
		    head_cmp(m, m->heap[left], m->heap[least]) < 0)
			least = left;
		if (right < m->nheap &&
		    head_cmp(m, m->heap[right], m->heap[least]) < 0)
			least = right;
		if (least == i)
			return;
		t = m->heap[i];
		m->heap[i] = m->heap[least];
		m->heap[least] = t;
		i = least;
	}
}

err
merge_init(struct merge *m, struct index_file *const *files, size_t n)
{
	bool more;
	err e;

	*m = (struct merge){ .n = n };
	if ((e = mem_alloc(n, sizeof(*m->walk), &m->walk)).code ||
	    (e = mem_alloc(n, sizeof(*m->head), &m->head)).code ||
	    (e = mem_alloc(n, sizeof(*m->heap), &m->heap)).code)
		return e;
	for (size_t i = 0; i < n; i++) {
		index_walk_init(&m->walk[i], files[i]);
		e = index_walk_next(&m->walk[i], &m->head[i], &more);
		if (e.code)
			return e;
		if (more)
			m->heap[m->nheap++] = (uint32_t)i;
	}
	for (size_t i = m->nheap / 2; i-- > 0;)
		sift_down(m, i);
	return OK;
}

void
merge_release(struct merge *m)
{
	free(m->walk);
	free(m->head);
	free(m->heap);
	*m = (struct merge){ 0 };
}

err
merge_next(struct merge *m, struct index_entry *ret, bool *ret_more)
{
	uint32_t first;
	bool more;
	err e;

	if (!(*ret_more = m->nheap > 0))
		return OK;
	first = m->heap[0];
	*ret = m->head[first];
	e = index_walk_next(&m->walk[first], &m->head[first], &more);
	if (e.code)
		return e;
	if (!more)
		m->heap[0] = m->heap[--m->nheap];
	sift_down(m, 0);
	return OK;
}

/* --- writing --- */

struct merging {
	struct vault *v;
	struct merge_plan *plan;
	struct index_file **old; /* Owned array of borrowed files. */
	struct packset old_names;
	struct packset super; /* What the last new object supersedes. */
	struct packset fresh; /* Names of the new objects, as put. */
	struct index_entry *batch;
	size_t n, cap;
};

static void
merging_release(struct merging *g)
{
	free(g->old);
	free(g->batch);
	packset_release(&g->old_names);
	packset_release(&g->super);
	packset_release(&g->fresh);
}

static void
object_name(const struct vault *v, const struct digest *id,
            char name[INDEX_NAME_LEN])
{
	char hex[2 * ID_LEN + 1];

	hex_encode(v->keys.domain.id, ID_LEN, hex);
	(void)snprintf(name, INDEX_NAME_LEN, "index/%s-%s", hex,
	               digest_str(id));
}

/* Put the batch as one object; it supersedes the old ones if it is the last. */
static err
put_batch(struct merging *g, bool last)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	char name[INDEX_NAME_LEN];
	struct digest id;
	err e;

	e = index_build(&g->v->keys, g->batch, g->n, &g->v->packs,
	                last ? &g->super : NULL, &b);
	g->n = 0;
	if (e.code)
		return err_in(e, "index");
	sha256(b.p, b.len, &id);
	object_name(g->v, &id, name);
	if ((e = vault_put_all(g->v, name, b.p, b.len, NULL)).code)
		return e;
	return packset_add(&g->fresh, &id);
}

static err
put_all(struct merging *g)
{
	AUTO(merge_release) struct merge m = { 0 };
	struct index_entry en;
	bool more;
	err e;

	if ((e = merge_init(&m, g->old, g->old_names.n)).code)
		return e;
	while (!(e = merge_next(&m, &en, &more)).code && more) {
		if (g->plan->dead(en.at.pack, g->plan->arg))
			continue;
		if (g->n == BATCH && (e = put_batch(g, false)).code)
			return e;
		e = mem_grow(&g->batch, g->n + 1, &g->cap, sizeof(*g->batch));
		if (e.code)
			return e;
		g->batch[g->n++] = en;
	}
	if (e.code || g->n == 0)
		return e;
	return put_batch(g, true);
}

/* Does store ${s} hold all of the new objects? */
static bool
holds_fresh(const struct merging *g, struct store *s)
{
	char name[INDEX_NAME_LEN];
	uint64_t size;
	err e = OK;

	for (size_t i = 0; i < g->fresh.n && !e.code; i++) {
		object_name(g->v, &g->fresh.v[i], name);
		e = store_size(s, name, &size);
	}
	err_drop(e);
	return !e.code;
}

static void
delete_old(struct merging *g)
{
	for (size_t i = 0; i < g->v->ncopies; i++) {
		struct store *s = g->v->copies[i].store;

		if (s == NULL || !holds_fresh(g, s))
			continue;
		for (size_t k = 0; k < g->old_names.n; k++) {
			char name[INDEX_NAME_LEN];
			err e;

			object_name(g->v, &g->old_names.v[k], name);
			if ((e = store_delete(s, name)).code)
				vault_add_problem(g->plan->problems, name,
				                  strlen(name), e);
		}
	}
}

/* --- choosing --- */

static bool
names_dead(const struct index_file *f, const struct merge_plan *plan)
{
	size_t n;
	const uint32_t *packs = index_packs(f, &n);

	for (size_t i = 0; i < n; i++)
		if (plan->dead(packs[i], plan->arg))
			return true;
	return false;
}

static bool
is_small(const struct index_file *f)
{
	return index_count(f) < BATCH / 2;
}

static bool
all_open(const struct vault *v)
{
	for (size_t i = 0; i < v->ncopies; i++)
		if (v->copies[i].store == NULL)
			return false;
	return true;
}

/* A store that is not open may still hold what was superseded before: what
 * takes an object's place goes on saying so. */
static err
add_old(struct merging *g, struct index_file *f)
{
	const struct packset *before = index_supersedes(f);
	err e;

	g->old[g->old_names.n] = f;
	if ((e = packset_add(&g->old_names, index_id(f))).code ||
	    (e = packset_add(&g->super, index_id(f))).code)
		return e;
	for (size_t i = 0; i < before->n && !all_open(g->v); i++)
		if ((e = packset_add(&g->super, &before->v[i])).code)
			return e;
	return OK;
}

static err
choose(struct merging *g)
{
	const struct index_set *s = &g->v->index;
	size_t small = 0, dead = 0;
	err e;

	if ((e = mem_alloc(s->n + 1, sizeof(struct index_file *), &g->old))
	        .code)
		return e;
	for (size_t i = 0; i < s->n; i++) {
		small += is_small(s->v[i]);
		dead += names_dead(s->v[i], g->plan);
	}
	if (dead == 0 && small <= MERGE_ABOVE)
		return OK;
	for (size_t i = 0; i < s->n; i++)
		if ((is_small(s->v[i]) || names_dead(s->v[i], g->plan)) &&
		    (e = add_old(g, s->v[i])).code)
			return e;
	packset_sort(&g->super);
	return OK;
}

err
merge_indexes(struct vault *v, struct merge_plan *plan)
{
	AUTO(merging_release) struct merging g = { .v = v, .plan = plan };
	err e;

	plan->merged = 0;
	if ((e = choose(&g)).code)
		return e;
	plan->merged = g.old_names.n;
	if (g.old_names.n == 0 || plan->dry_run)
		return OK;
	if ((e = put_all(&g)).code)
		return e;
	delete_old(&g);
	return index_load(v);
}
