/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walking all trees of one store.  Every chunk that a snapshot refers to must
 * be in a pack that the snapshot's envelope names: collection goes by nothing
 * else.
 *
 * A node without findings is read once, and what packs it needs is remembered;
 * the next snapshot that has it only compares those with its own pack list.
 */

#include <stdio.h>
#include <string.h>

#include "vault/check.h"
#include "vault/check_walk.h"

/* A node with findings is walked this often in one snapshot, to name the files
 * of every place that it has there; a hostile tree may have it anywhere. */
#define DIRTY_MAX 16

/* Copies of one chunk that are told apart. */
#define PLACES 64

/* A node that was walked, with all below it. */
struct memo {
	uint8_t prefix[INDEX_PREFIX];
	uint32_t *packs; /* Owned; ascending. */
	uint32_t npacks;
	uint64_t sum;
	bool used;
	bool clean;      /* Without findings: packs and sum are known. */
	uint32_t serial; /* The snapshot in which it was not clean last, */
	uint32_t dirty;  /* and how often it was walked there. */
};

/* A node on the way from the root. */
struct level {
	uint32_t *packs; /* Owned. */
	size_t n, cap;
	bool clean;
};

enum trouble {
	TROUBLE_LOST,     /* A chunk is in no pack. */
	TROUBLE_UNLISTED, /* It is in none that the envelope names. */
	TROUBLE_BAD,      /* The tree makes no sense. */
	TROUBLES,
};

struct trees {
	struct check *c;
	size_t copy;
	struct vault view;
	struct check_walk w;
	struct memo *memo; /* Owned; open addressing. */
	size_t nmemo, slots;
	struct level *level; /* Owned. */
	size_t depth, cap;

	/* Of the snapshot at hand. */
	struct check_snap *s;
	uint32_t serial;
	uint8_t *named; /* Owned: by pack, whether the envelope names it. */
	uint32_t finding[TROUBLES];
	bool gone; /* It was forgotten meanwhile. */
};

static void
trees_release(struct trees *t)
{
	for (size_t i = 0; i < t->slots; i++)
		free(t->memo[i].packs);
	free(t->memo);
	for (size_t i = 0; i < t->cap; i++)
		free(t->level[i].packs);
	free(t->level);
	free(t->named);
	check_walk_release(&t->w);
	check_view_release(&t->view);
}

/* --- memory --- */

static struct memo *
memo_slot(const struct trees *t, const uint8_t *prefix)
{
	size_t i = (size_t)le64(prefix) & (t->slots - 1);

	while (t->memo[i].used &&
	       memcmp(t->memo[i].prefix, prefix, INDEX_PREFIX) != 0)
		i = (i + 1) & (t->slots - 1);
	return &t->memo[i];
}

static err
memo_grow(struct trees *t)
{
	struct memo *old = t->memo;
	size_t n = t->slots;
	err e;

	if ((t->nmemo + 1) * 3 <= n * 2)
		return OK;
	t->slots = n > 0 ? n * 2 : 1024;
	if ((e = mem_alloc(t->slots, sizeof(*t->memo), &t->memo)).code) {
		t->memo = old;
		t->slots = n;
		return e;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*memo_slot(t, old[i].prefix) = old[i];
	free(old);
	return OK;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
level_unite(struct level *l)
{
	size_t n = 0;

	if (l->n == 0)
		return;
	qsort(l->packs, l->n, sizeof(*l->packs), by_number);
	for (size_t i = 1; i < l->n; i++)
		if (l->packs[i] != l->packs[n])
			l->packs[++n] = l->packs[i];
	l->n = n + 1;
}

static err
level_add(struct level *l, const uint32_t *packs, size_t n)
{
	err e;

	if (n == 0)
		return OK;
	/* Files of one directory often lie in one pack. */
	if (n == 1 && l->n > 0 && l->packs[l->n - 1] == packs[0])
		return OK;
	if (l->n + n > l->cap)
		level_unite(l);
	if ((e = mem_grow(&l->packs, l->n + n, &l->cap, sizeof(*l->packs)))
	        .code)
		return e;
	memcpy(l->packs + l->n, packs, n * sizeof(*packs));
	l->n += n;
	return OK;
}

static err
level_push(struct trees *t)
{
	size_t old = t->cap;
	err e;

	if ((e = mem_grow(&t->level, t->depth + 1, &t->cap, sizeof(*t->level)))
	        .code)
		return e;
	if (t->cap > old)
		memset(t->level + old, 0, (t->cap - old) * sizeof(*t->level));
	t->level[t->depth].n = 0;
	t->level[t->depth++].clean = true;
	return OK;
}

/* --- findings --- */

static bool
snap_is_gone(struct trees *t)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "snapshots/%s",
	               digest_str(&t->s->id));
	t->gone |= !check_has(t->c, t->copy, name);
	return t->gone;
}

static void
dirty(struct trees *t)
{
	if (t->depth > 0)
		t->level[t->depth - 1].clean = false;
}

/* Note trouble of the snapshot at hand where the walk stands. */
static void
trouble(struct trees *t, enum trouble what, err why)
{
	char name[80];

	dirty(t);
	if (t->gone || snap_is_gone(t)) {
		err_drop(why);
		return;
	}
	if (t->finding[what] == CHECK_NONE) {
		(void)snprintf(name, sizeof(name), "snapshots/%s",
		               digest_str(&t->s->id));
		t->finding[what] = check_find(t->c, t->copy, name, why);
	} else {
		err_drop(why);
	}
	check_hurt_path(t->c, t->finding[what], t->s, t->w.path.p,
	                t->w.path.len, "");
}

/* See that ${name} is in a pack that the envelope names. */
static err
refer(struct trees *t, const struct digest *name)
{
	struct check *c = t->c;
	struct chunk_place at[PLACES];
	size_t n = PLACES;
	err e;

	e = index_set_places(&c->all.index, &c->all.packs, name, at, &n);
	if (e.code == E_NOMEM)
		return e;
	if (e.code || n == 0) {
		/* A damaged page of the index was told before. */
		err_drop(e);
		trouble(t, TROUBLE_LOST,
		        err_new(E_NOTFOUND,
		                "it refers to chunks that are in no pack"));
		return OK;
	}
	for (size_t i = 0; i < n; i++)
		if (t->named[at[i].pack])
			return level_add(&t->level[t->depth - 1], &at[i].pack,
			                 1);
	trouble(t, TROUBLE_UNLISTED,
	        err_new(E_CORRUPT,
	                "it refers to chunks in packs that its "
	                "envelope does not name: back up again, "
	                "and do not prune before"));
	return OK;
}

/* --- what the walk tells --- */

/* Was ${name} walked before, and do its needs suit this snapshot? */
static bool
is_known(struct trees *t, const struct digest *name, struct memo **ret)
{
	struct memo *m = memo_slot(t, name->b);

	if (!m->used || !m->clean)
		return false;
	for (uint32_t i = 0; i < m->npacks; i++)
		if (!t->named[m->packs[i]])
			return false;
	*ret = m;
	return true;
}

/* Was ${name} walked often enough, and never without findings? */
static bool
is_worn(struct trees *t, const struct digest *name)
{
	const struct memo *m = memo_slot(t, name->b);

	if (!m->used || m->serial != t->serial || m->dirty < DIRTY_MAX)
		return false;
	dirty(t);
	for (size_t i = 0; i < TROUBLES; i++)
		check_hurt_path(t->c, t->finding[i], t->s, t->w.path.p,
		                t->w.path.len, "/ and what is in it");
	return true;
}

static err
on_node(struct check_walk *w, const struct digest *name, bool *ret_skip,
        uint64_t *ret_sum)
{
	struct trees *t = w->arg;
	struct memo *m;
	err e;

	if ((*ret_skip = check_stopped(t->c)))
		return OK;
	if (is_known(t, name, &m)) {
		*ret_skip = true;
		*ret_sum = m->sum;
		if (t->depth == 0)
			return OK;
		return level_add(&t->level[t->depth - 1], m->packs, m->npacks);
	}
	if ((*ret_skip = is_worn(t, name))) {
		*ret_sum = UINT64_MAX;
		return OK;
	}
	if ((e = level_push(t)).code)
		return e;
	return refer(t, name);
}

/* The row of ${name}, which is made if need be. */
static err
memo_make(struct trees *t, const struct digest *name, struct memo **ret)
{
	struct memo *m;
	err e;

	if ((e = memo_grow(t)).code)
		return e;
	m = memo_slot(t, name->b);
	if (!m->used) {
		memcpy(m->prefix, name->b, INDEX_PREFIX);
		m->used = true;
		t->nmemo++;
	}
	*ret = m;
	return OK;
}

static err
on_node_done(struct check_walk *w, const struct digest *name, uint64_t sum)
{
	struct trees *t = w->arg;
	struct level *l = &t->level[--t->depth];
	struct level *up = t->depth > 0 ? &t->level[t->depth - 1] : NULL;
	struct memo *m;
	err e;

	if (t->c->o->progress != NULL)
		atomic_fetch_add(&t->c->o->progress->items, 1);
	if ((e = memo_make(t, name, &m)).code)
		return e;
	if (!l->clean) {
		if (up != NULL)
			up->clean = false;
		if (m->serial != t->serial)
			m->dirty = 0;
		m->serial = t->serial;
		m->dirty++;
		return OK;
	}
	level_unite(l);
	if (up != NULL && (e = level_add(up, l->packs, l->n)).code)
		return e;
	if (m->clean)
		return OK;
	if ((e = mem_alloc(l->n + 1, sizeof(*m->packs), &m->packs)).code)
		return e;
	if (l->n > 0)
		memcpy(m->packs, l->packs, l->n * sizeof(*m->packs));
	m->npacks = (uint32_t)l->n;
	m->sum = sum;
	m->clean = true;
	return OK;
}

/* The store cannot give a node: the pack that should hold it is damaged. */
static err
on_unread(struct check_walk *w, const struct digest *name, err why)
{
	struct trees *t = w->arg;
	struct check *c = t->c;
	struct chunk_place at;
	bool found;
	uint32_t n;
	err e;

	dirty(t);
	if (t->gone || snap_is_gone(t)) {
		err_drop(why);
		return OK;
	}
	e = index_set_find(&c->all.index, &c->all.packs, name, &at, &found);
	if (e.code || !found) {
		/* Told as a chunk that is in no pack. */
		err_drop(why);
		check_ignore(c, e);
		return OK;
	}
	n = check_find_pack(c, t->copy, at.pack, why);
	check_hurt_chunk(c, n, name);
	return OK;
}

static err
on_file(struct check_walk *w)
{
	(void)w;
	return OK;
}

static err
on_chunk(struct check_walk *w, const struct digest *name)
{
	return refer(w->arg, name);
}

static err
on_bad(struct check_walk *w, err why)
{
	trouble(w->arg, TROUBLE_BAD, why);
	return OK;
}

static const struct check_walk_ops ops = {
	.node = on_node,
	.node_done = on_node_done,
	.unread = on_unread,
	.file = on_file,
	.chunk = on_chunk,
	.file_done = on_file,
	.bad = on_bad,
};

/* --- all snapshots --- */

static err
walk_snap(struct trees *t, struct check_snap *s)
{
	struct check *c = t->c;

	t->s = s;
	t->serial++;
	t->depth = 0;
	t->gone = false;
	for (size_t i = 0; i < TROUBLES; i++)
		t->finding[i] = CHECK_NONE;
	/* No envelope anywhere was told before. */
	memset(t->named, !s->enveloped, c->npacks);
	for (size_t i = 0; i < s->packs.n; i++)
		t->named[packtab_find(&c->all.packs, &s->packs.v[i])] = 1;
	return check_walk_run(&t->w, &s->s.root);
}

void
check_trees_run(struct check *c, size_t copy)
{
	AUTO(trees_release) struct trees t = { .c = c, .copy = copy };
	AUTO(reader_freep) struct reader *r = NULL;
	err e = OK;

	/* Who may only write sees no trees. */
	if (!c->all.keys.can_read)
		return;
	check_phase(c, "walking trees", 0);
	check_view(c, copy, &t.view);
	if ((e = mem_alloc(c->npacks + 1, 1, &t.named)).code ||
	    (e = memo_grow(&t)).code || (e = reader_new(&t.view, &r)).code) {
		check_fail(c, e);
		return;
	}
	check_walk_init(&t.w, &t.view, r, &ops, &t);
	for (size_t i = 0; i < c->nsnaps && !e.code && !check_stopped(c); i++)
		if (c->snaps[i].readable &&
		    c->snaps[i].in & (uint32_t)1 << copy)
			e = walk_snap(&t, &c->snaps[i]);
	check_fail(c, e);
	c->r->trees = MAX(c->r->trees, t.w.nodes);
	c->r->files = MAX(c->r->files, t.w.files);
}
