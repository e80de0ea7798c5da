/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Nodes of a mounted vault.  A node's number is a keyed hash of its directory's
 * number and its name, so the kernel gets the same one as long as the mount
 * lasts and a hostile tree cannot make two names share one.  Nodes live as long
 * as the kernel remembers them.
 */

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "vault/mount_tree.h"

#define LATEST        "latest"
#define BUCKETS_FIRST 1024

/* --- assets and times ----------------------------------------------------- */

static int
by_asset_and_time(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;
	int c = strcmp(x->asset, y->asset);

	if (c != 0)
		return c;
	if (x->finished_ns != y->finished_ns)
		return x->finished_ns < y->finished_ns ? -1 : 1;
	return digest_cmp(&x->id, &y->id);
}

static bool
is_file_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= TREE_NAME_MAX && strchr(s, '/') == NULL &&
	    strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static void
asset_name(const char *asset, char out[TREE_NAME_MAX + 1])
{
	struct digest d;

	if (is_file_name(asset)) {
		memcpy(out, asset, strlen(asset) + 1);
		return;
	}
	sha256(asset, strlen(asset), &d);
	(void)snprintf(out, TREE_NAME_MAX + 1, "asset:%.16s", digest_str(&d));
}

static int
by_name(const void *a, const void *b)
{
	const struct mount_asset *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Name snapshot ${i}: by its time, and by its id too if that is taken. */
static void
time_name(struct mount_tree *t, size_t i, const struct mount_asset *a)
{
	const struct snapshot *s = &t->list.v[i];
	size_t size = sizeof(t->times[i]);

	(void)snprintf(t->times[i], size, "%s", time_str(s->finished_ns));
	if (i > a->first &&
	    strncmp(t->times[i], t->times[i - 1], strlen(t->times[i])) == 0)
		(void)snprintf(t->times[i], size, "%s-%.8s",
		               time_str(s->finished_ns), digest_str(&s->id));
}

static err
assets_init(struct mount_tree *t)
{
	struct mount_asset *a = NULL;
	err e;

	if (t->list.n > 0)
		qsort(t->list.v, t->list.n, sizeof(*t->list.v),
		      by_asset_and_time);
	if ((e = mem_alloc(t->list.n + 1, sizeof(*t->times), &t->times)).code)
		return e;
	for (size_t i = 0; i < t->list.n; i++) {
		const char *asset = t->list.v[i].asset;

		if (i == 0 || strcmp(asset, t->list.v[i - 1].asset) != 0) {
			if ((e = mem_grow(&t->assets, t->nassets + 1,
			                  &t->cap_assets, sizeof(*t->assets)))
			        .code)
				return e;
			a = &t->assets[t->nassets++];
			*a = (struct mount_asset){ .first = i };
			asset_name(asset, a->name);
		}
		a->n++;
		time_name(t, i, a);
	}
	if (t->nassets > 0)
		qsort(t->assets, t->nassets, sizeof(*t->assets), by_name);
	return OK;
}

/* --- children above snapshots --------------------------------------------- */

static struct mount_child
made_up(enum mount_kind kind, size_t asset, const char *name, int64_t mtime_ns)
{
	bool link = kind == MOUNT_LATEST;

	return (struct mount_child){
		.kind = kind,
		.asset = asset,
		.entry = {
			.name = name, .name_len = strlen(name),
			.type = link ? ENTRY_SYMLINK : ENTRY_DIR,
			.mode = link ? 0777 : 0555,
			.mtime_ns = mtime_ns,
		},
	};
}

static struct mount_child
asset_child(const struct mount_tree *t, size_t i)
{
	const struct mount_asset *a = &t->assets[i];

	return made_up(MOUNT_ASSET, i, a->name,
	               t->list.v[a->first + a->n - 1].finished_ns);
}

/* Child ${i} of an asset: its snapshots, and the link behind them. */
static err
snapshot_child(const struct mount_tree *t, size_t asset, size_t i,
               struct mount_child *ret)
{
	const struct mount_asset *a = &t->assets[asset];
	size_t newest = a->first + a->n - 1;
	err e;

	if (i == a->n) {
		*ret = made_up(MOUNT_LATEST, asset, LATEST,
		               t->list.v[newest].finished_ns);
		ret->entry.target = t->times[newest];
		ret->entry.target_len = strlen(t->times[newest]);
		return OK;
	}
	*ret = (struct mount_child){ .kind = MOUNT_ENTRY };
	if ((e = view_root(&t->list.v[a->first + i], &ret->entry)).code)
		return e;
	ret->entry.name = t->times[a->first + i];
	ret->entry.name_len = strlen(ret->entry.name);
	return OK;
}

static err
find_above(const struct mount_tree *t, const struct mount_node *dir,
           const char *name, struct mount_child *ret, bool *ret_found)
{
	const struct mount_asset *a;

	*ret_found = true;
	if (dir->kind == MOUNT_ASSETS) {
		for (size_t i = 0; i < t->nassets; i++)
			if (strcmp(t->assets[i].name, name) == 0) {
				*ret = asset_child(t, i);
				return OK;
			}
	} else if (dir->kind == MOUNT_ASSET) {
		a = &t->assets[dir->asset];
		if (strcmp(name, LATEST) == 0)
			return snapshot_child(t, dir->asset, a->n, ret);
		for (size_t i = 0; i < a->n; i++)
			if (strcmp(t->times[a->first + i], name) == 0)
				return snapshot_child(t, dir->asset, i, ret);
	}
	*ret_found = false;
	return OK;
}

/* --- nodes ---------------------------------------------------------------- */

uint64_t
mount_tree_number(const struct mount_tree *t, uint64_t dir, const char *name,
                  size_t n)
{
	uint8_t b[sizeof(t->key) + 8 + TREE_NAME_MAX];
	struct digest d;
	uint64_t ino;

	memcpy(b, t->key, sizeof(t->key));
	put_le64(b + sizeof(t->key), dir);
	memcpy(b + sizeof(t->key) + 8, name, n);
	sha256(b, sizeof(t->key) + 8 + n, &d);
	ino = le64(d.b);
	return ino > MOUNT_TOP ? ino : ino + 2;
}

static struct mount_node **
bucket_of(const struct mount_tree *t, uint64_t ino)
{
	return &t->buckets[ino & (t->nbuckets - 1)];
}

struct mount_node *
mount_tree_node(const struct mount_tree *t, uint64_t ino)
{
	struct mount_node *n = *bucket_of(t, ino);

	while (n != NULL && n->ino != ino)
		n = n->next;
	return n;
}

/* Twice the buckets; without memory for them it goes on as it is. */
static void
buckets_grow(struct mount_tree *t)
{
	struct mount_node **old = t->buckets, *n, *next;
	size_t nold = t->nbuckets;
	err e = mem_alloc(2 * nold, sizeof(*old), &t->buckets);

	err_drop(e);
	if (e.code) {
		t->buckets = old;
		return;
	}
	t->nbuckets = 2 * nold;
	for (size_t i = 0; i < nold; i++)
		for (n = old[i]; n != NULL; n = next) {
			next = n->next;
			n->next = *bucket_of(t, n->ino);
			*bucket_of(t, n->ino) = n;
		}
	free(old);
}

static void
node_free(struct mount_node *n)
{
	free(n->enc);
	free(n);
}

static err
node_new(struct mount_tree *t, uint64_t ino, const struct mount_child *c,
         struct mount_node **ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(2 * TREE_ENTRY_MAX);
	struct mount_node *n;
	err e;

	entry_encode(&c->entry, &b);
	if ((e = buf_done(&b)).code || (e = mem_alloc(1, sizeof(*n), &n)).code)
		return e;
	n->ino = ino;
	n->kind = c->kind;
	n->asset = c->asset;
	n->enc_len = b.len;
	if ((e = mem_dup(b.p, b.len, (char **)&n->enc)).code) {
		node_free(n);
		return e;
	}
	if (t->nnodes++ >= t->nbuckets)
		buckets_grow(t);
	n->next = *bucket_of(t, ino);
	*bucket_of(t, ino) = n;
	*ret = n;
	return OK;
}

err
mount_tree_hold(struct mount_tree *t, uint64_t dir,
                const struct mount_child *child, struct mount_node **ret)
{
	uint64_t ino = mount_tree_number(t, dir, child->entry.name,
	                                 child->entry.name_len);
	struct mount_node *n = mount_tree_node(t, ino);
	err e;

	if (n == NULL && (e = node_new(t, ino, child, &n)).code)
		return e;
	n->lookups++;
	*ret = n;
	return OK;
}

void
mount_tree_forget(struct mount_tree *t, uint64_t ino, uint64_t n)
{
	struct mount_node **p = bucket_of(t, ino), *node;

	while (*p != NULL && (*p)->ino != ino)
		p = &(*p)->next;
	if ((node = *p) == NULL || ino == MOUNT_TOP)
		return;
	node->lookups -= MIN(node->lookups, n);
	if (node->lookups > 0)
		return;
	*p = node->next;
	node_free(node);
	t->nnodes--;
}

err
mount_tree_entry(const struct mount_node *n, struct tree_entry *ret)
{
	struct cur c = CUR(n->enc, n->enc_len);

	return entry_decode(&c, ret);
}

/* Read a node for a walk. */
static err
node_read(void *arg, const struct digest *name, struct buf *b)
{
	const uint8_t *p;
	size_t n;
	err e;

	if ((e = mount_cache_get(arg, name, &p, &n)).code)
		return e;
	buf_add(b, p, n);
	return buf_done(b);
}

static err
dir_open(const struct mount_tree *t, const struct digest *root,
         struct dirwalk **ret)
{
	return dirwalk_open_from(node_read, t->nodes, root, ret);
}

/*
 * Find a walk through directory ${dir} that stands before ${name}, or begin one
 * in the place of the one used longest ago.  Who lists a directory asks for its
 * names in their order, so that one walk answers all.
 */
static err
walk_for(struct mount_tree *t, uint64_t dir, const struct digest *root,
         const char *name, struct mount_walk **ret)
{
	struct mount_walk *x = &t->walks[0];
	err e;

	for (size_t i = 0; i < MOUNT_WALKS; i++) {
		struct mount_walk *y = &t->walks[i];

		if (y->w != NULL && y->dir == dir &&
		    strcmp(y->last, name) < 0) {
			*ret = y;
			return OK;
		}
		if (y->used < x->used)
			x = y;
	}
	dirwalk_close(x->w);
	*x = (struct mount_walk){ .dir = dir };
	if ((e = dir_open(t, root, &x->w)).code)
		return e;
	*ret = x;
	return OK;
}

err
mount_tree_find(struct mount_tree *t, const struct mount_node *dir,
                const char *name, struct mount_child *ret, bool *ret_found)
{
	struct mount_walk *x;
	struct tree_entry d;
	size_t n = strlen(name);
	err e;

	if (dir->kind != MOUNT_ENTRY)
		return find_above(t, dir, name, ret, ret_found);
	*ret_found = false;
	if ((e = mount_tree_entry(dir, &d)).code)
		return e;
	if (d.type != ENTRY_DIR || n > TREE_NAME_MAX)
		return OK;
	if ((e = walk_for(t, dir->ino, &d.dir, name, &x)).code)
		return e;
	*ret = (struct mount_child){ .kind = MOUNT_ENTRY };
	memcpy(x->last, name, n + 1);
	x->used = ++t->ticks;
	e = dirwalk_find(x->w, name, n, &ret->entry, ret_found);
	if (e.code) {
		dirwalk_close(x->w);
		*x = (struct mount_walk){ 0 };
	}
	return e;
}

err
mount_tree_init(struct mount_tree *t, struct mount_cache *nodes,
                struct snapshot_list *list)
{
	struct mount_child top = made_up(MOUNT_ASSETS, 0, "top", 0);
	struct mount_node *n;
	err e;

	*t = (struct mount_tree){ .nodes = nodes, .nbuckets = BUCKETS_FIRST };
	t->list = take_struct(*list);
	for (size_t i = 0; i < t->list.n; i++)
		top.entry.mtime_ns = MAX(top.entry.mtime_ns,
		                         t->list.v[i].finished_ns);
	e = mem_alloc(t->nbuckets, sizeof(struct mount_node *), &t->buckets);
	if (!e.code)
		e = crypto_random(t->key, sizeof(t->key));
	if (!e.code)
		e = assets_init(t);
	if (!e.code)
		e = node_new(t, MOUNT_TOP, &top, &n);
	if (e.code)
		mount_tree_release(t);
	return e;
}

void
mount_tree_release(struct mount_tree *t)
{
	struct mount_node *n, *next;

	for (size_t i = 0; t->buckets != NULL && i < t->nbuckets; i++)
		for (n = t->buckets[i]; n != NULL; n = next) {
			next = n->next;
			node_free(n);
		}
	free(t->buckets);
	free(t->assets);
	free(t->times);
	for (size_t i = 0; i < MOUNT_WALKS; i++)
		dirwalk_close(t->walks[i].w);
	snapshot_list_release(&t->list);
	*t = (struct mount_tree){ 0 };
}

/* --- listing -------------------------------------------------------------- */

err
mount_list_open(struct mount_tree *t, const struct mount_node *dir,
                struct mount_list **ret)
{
	AUTO(mount_list_closep) struct mount_list *l = NULL;
	struct tree_entry d;
	err e;

	if ((e = mount_tree_entry(dir, &d)).code ||
	    (e = mem_alloc(1, sizeof(*l), &l)).code)
		return e;
	l->t = t;
	l->kind = dir->kind;
	l->asset = dir->asset;
	l->dir = dir->ino;
	l->root = d.dir;
	if (l->kind == MOUNT_ENTRY &&
	    (e = dir_open(t, &l->root, &l->walk)).code)
		return e;
	*ret = take(l);
	return OK;
}

/* Read child number l->pos, if there is one. */
static err
list_fill(struct mount_list *l)
{
	const struct mount_tree *t = l->t;

	switch (l->kind) {
	case MOUNT_ASSETS:
		if ((l->held = l->pos < t->nassets))
			l->child = asset_child(t, l->pos);
		return OK;
	case MOUNT_ASSET:
		if (!(l->held = l->pos <= t->assets[l->asset].n))
			return OK;
		return snapshot_child(t, l->asset, l->pos, &l->child);
	case MOUNT_ENTRY:
		l->child = (struct mount_child){ .kind = MOUNT_ENTRY };
		return dirwalk_next(l->walk, &l->child.entry, &l->held);
	default:
		return OK;
	}
}

err
mount_list_peek(struct mount_list *l, const struct mount_child **ret)
{
	err e;

	if (!l->held && (e = list_fill(l)).code) {
		l->held = false;
		return e;
	}
	*ret = l->held ? &l->child : NULL;
	return OK;
}

void
mount_list_pass(struct mount_list *l)
{
	l->held = false;
	l->pos++;
}

err
mount_list_seek(struct mount_list *l, size_t pos)
{
	const struct mount_child *c;
	err e;

	if (pos == l->pos)
		return OK;
	if (pos < l->pos && l->kind == MOUNT_ENTRY) {
		struct dirwalk *w;

		if ((e = dir_open(l->t, &l->root, &w)).code)
			return e;
		dirwalk_close(l->walk);
		l->walk = w;
	}
	if (pos < l->pos) {
		l->pos = 0;
		l->held = false;
	}
	while (l->pos < pos) {
		if ((e = mount_list_peek(l, &c)).code)
			return e;
		if (c == NULL)
			break;
		mount_list_pass(l);
	}
	return OK;
}

void
mount_list_close(struct mount_list *l)
{
	if (l == NULL)
		return;
	dirwalk_close(l->walk);
	free(l);
}

void
mount_list_closep(struct mount_list **l)
{
	mount_list_close(*l);
}
