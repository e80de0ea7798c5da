/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whom damage hurts: the trees of all snapshots are walked once more, through
 * whichever stores can give them, for files whose chunks, or directories whose
 * nodes, are among the damaged ones.  Subtrees that are sound are left out when
 * another snapshot has them, too.
 */

#include <stdio.h>
#include <string.h>

#include "vault/check.h"
#include "vault/check_walk.h"
#include "vault/nameset.h"

/* Nodes of one snapshot; a hostile tree may have one node anywhere. */
#define VISITS_MAX ((uint64_t)1 << 24)

/* A set of findings. */
struct findings {
	uint32_t *v; /* Owned. */
	size_t n, cap;
};

struct hurting {
	struct check *c;
	const struct check_snap *s;
	struct nameset sound;      /* Nodes without damage below. */
	struct findings inherited; /* Of the nodes above. */
	struct findings file;      /* Of the file at hand. */
	bool in_file;
	uint64_t hits;       /* Of all kinds, so far. */
	struct level *level; /* Owned. */
	size_t depth, cap;
};

/* A node on the way from the root. */
struct level {
	size_t inherited; /* How many findings there were above it. */
	uint64_t hits;
};

static void
hurting_release(struct hurting *h)
{
	nameset_release(&h->sound);
	free(h->inherited.v);
	free(h->file.v);
	free(h->level);
}

static err
findings_add(struct findings *f, uint32_t finding)
{
	err e;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i] == finding)
			return OK;
	if ((e = mem_grow(&f->v, f->n + 1, &f->cap, sizeof(*f->v))).code)
		return e;
	f->v[f->n++] = finding;
	return OK;
}

/* --- the damaged chunks --- */

static int
by_prefix(const void *a, const void *b)
{
	const struct check_hurt *x = a, *y = b;
	int d = memcmp(x->prefix, y->prefix, INDEX_PREFIX);

	return d != 0 ? d
		      : (x->finding > y->finding) - (x->finding < y->finding);
}

static int
by_pack(const void *a, const void *b)
{
	const struct check_lost *x = a, *y = b;

	if (x->pack != y->pack)
		return x->pack < y->pack ? -1 : 1;
	return (x->finding > y->finding) - (x->finding < y->finding);
}

/* The first row of a lost pack; there may be one a store. */
static size_t
lost_of(const struct check *c, uint32_t pack)
{
	size_t lo = 0, hi = c->nlost;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (c->lost[mid].pack < pack)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static err
lost_entry(const struct index_entry *en, void *arg)
{
	struct check *c = arg;
	struct digest name = { 0 };

	memcpy(name.b, en->prefix, INDEX_PREFIX);
	for (size_t i = lost_of(c, en->at.pack);
	     i < c->nlost && c->lost[i].pack == en->at.pack; i++) {
		c->lost[i].named = true;
		check_hurt_chunk(c, c->lost[i].finding, &name);
	}
	return OK;
}

/* All snapshots whose envelope names a pack of unknown content. */
static void
hurt_snapshots(struct check *c, const struct check_lost *l)
{
	const struct digest *id = &c->all.packs.v[l->pack].id;

	for (size_t i = 0; i < c->nsnaps; i++)
		if (packset_has(&c->snaps[i].packs, id))
			check_hurt_all(c, l->finding, &c->snaps[i]);
}

/* Turn lost packs into the chunks that the index knows of them; then sort. */
static void
spread(struct check *c)
{
	size_t n = 0;
	err e;

	if (c->nlost > 0)
		qsort(c->lost, c->nlost, sizeof(*c->lost), by_pack);
	for (size_t i = 1; i < c->nlost; i++)
		if (by_pack(&c->lost[n], &c->lost[i]) != 0)
			c->lost[++n] = c->lost[i];
	c->nlost = c->nlost > 0 ? n + 1 : 0;
	for (size_t i = 0; c->nlost > 0 && i < c->all.index.n; i++) {
		e = index_each(c->all.index.v[i], lost_entry, c);
		check_ignore(c, e);
	}
	for (size_t i = 0; i < c->nlost; i++)
		if (!c->lost[i].named)
			hurt_snapshots(c, &c->lost[i]);
	if (c->nhurts > 0)
		qsort(c->hurts, c->nhurts, sizeof(*c->hurts), by_prefix);
}

/* Add the findings about chunk ${name} to ${f}. */
static err
look_up(struct hurting *h, const struct digest *name, struct findings *f)
{
	const struct check *c = h->c;
	size_t lo = 0, hi = c->nhurts;
	err e;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (memcmp(c->hurts[mid].prefix, name->b, INDEX_PREFIX) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < c->nhurts &&
	     memcmp(c->hurts[lo].prefix, name->b, INDEX_PREFIX) == 0;
	     lo++) {
		h->hits++;
		if ((e = findings_add(f, c->hurts[lo].finding)).code)
			return e;
	}
	return OK;
}

/* --- what the walk tells --- */

/* Everything below where the walk stands, which is not walked, is hurt. */
static err
hurt_below(struct hurting *h, const struct check_walk *w)
{
	for (size_t i = 0; !h->in_file && i < h->inherited.n; i++)
		check_hurt_path(h->c, h->inherited.v[i], h->s, w->path.p,
		                w->path.len, "/ and what is in it");
	return OK;
}

static err
on_node(struct check_walk *w, const struct digest *name, bool *ret_skip,
        uint64_t *ret_sum)
{
	struct hurting *h = w->arg;
	err e;

	*ret_sum = UINT64_MAX; /* Sums are none of our business. */
	*ret_skip = check_stopped(h->c) ||
	    (h->inherited.n == 0 && nameset_has(&h->sound, name));
	if (*ret_skip)
		return OK;
	if ((*ret_skip = w->visits > VISITS_MAX)) {
		h->hits++;
		return hurt_below(h, w);
	}
	if ((e = mem_grow(&h->level, h->depth + 1, &h->cap, sizeof(*h->level)))
	        .code)
		return e;
	h->level[h->depth++] = (struct level){ h->inherited.n, h->hits };

	/* Nodes of a file's list hurt that file, others all below. */
	return look_up(h, name, h->in_file ? &h->file : &h->inherited);
}

static err
on_node_done(struct check_walk *w, const struct digest *name, uint64_t sum)
{
	struct hurting *h = w->arg;
	const struct level *l = &h->level[--h->depth];
	bool fresh;

	(void)sum;
	h->inherited.n = l->inherited;
	if (h->hits != l->hits || h->inherited.n > 0)
		return OK;
	return nameset_add(&h->sound, name, &fresh);
}

static err
on_unread(struct check_walk *w, const struct digest *name, err why)
{
	struct hurting *h = w->arg;

	(void)name;
	err_drop(why);
	h->hits++;
	return hurt_below(h, w);
}

static err
on_file(struct check_walk *w)
{
	struct hurting *h = w->arg;
	err e = OK;

	h->in_file = true;
	h->file.n = 0;
	for (size_t i = 0; i < h->inherited.n && !e.code; i++)
		e = findings_add(&h->file, h->inherited.v[i]);
	return e;
}

static err
on_chunk(struct check_walk *w, const struct digest *name)
{
	struct hurting *h = w->arg;

	return look_up(h, name, &h->file);
}

static err
on_file_done(struct check_walk *w)
{
	struct hurting *h = w->arg;

	h->in_file = false;
	for (size_t i = 0; i < h->file.n; i++)
		check_hurt_path(h->c, h->file.v[i], h->s, w->path.p,
		                w->path.len, "");
	return OK;
}

static err
on_bad(struct check_walk *w, err why)
{
	/* Told when the trees were checked. */
	(void)w;
	err_drop(why);
	return OK;
}

static const struct check_walk_ops ops = {
	.node = on_node,
	.node_done = on_node_done,
	.unread = on_unread,
	.file = on_file,
	.chunk = on_chunk,
	.file_done = on_file_done,
	.bad = on_bad,
};

void
check_hurts_run(struct check *c)
{
	AUTO(hurting_release) struct hurting h = { .c = c };
	AUTO(check_walk_release) struct check_walk w = { 0 };
	AUTO(reader_freep) struct reader *r = NULL;
	err e;

	spread(c);
	if (c->nhurts == 0)
		return;
	check_phase(c, "finding what is hurt", 0);
	if ((e = nameset_init(&h.sound)).code ||
	    (e = reader_new(&c->all, &r)).code) {
		check_fail(c, e);
		return;
	}
	check_walk_init(&w, &c->all, r, &ops, &h);
	for (size_t i = 0; i < c->nsnaps && !e.code && !check_stopped(c); i++) {
		h.s = &c->snaps[i];
		h.depth = h.inherited.n = h.file.n = 0;
		if (h.s->readable)
			e = check_walk_run(&w, &h.s->s.root);
	}
	check_fail(c, e);
}
