/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directories read back.  A stack of open nodes leads from the root to a leaf.
 * Invariants: (1) a name is only handed out if it is greater than all before
 * it; (2) the last name below a node is the one that its parent says, so
 * skipping by those names misses nothing; (3) at most TREE_DEPTH_MAX nodes are
 * open.
 */

#include <string.h>

#include "vault/dirwalk.h"

/* A node on the way from the root to where the walk stands. */
struct frame {
	struct buf b;
	struct cur rows; /* Into b. */
	enum node_kind kind;
	const char *last; /* As its parent says, in its b; NULL: the root. */
	size_t last_len;
};

struct dirwalk {
	err (*read)(void *arg, const struct digest *name, struct buf *b);
	void *arg;
	struct frame frame[TREE_DEPTH_MAX];
	size_t depth; /* Frames open; 0: at the end. */
	bool failed;
	bool held; /* `next` was read and not yet handed out. */
	struct tree_entry next;
	const char *want; /* Skip what is before; borrowed; NULL: nothing. */
	size_t want_len;
	char prev[TREE_NAME_MAX]; /* The name that was read last. */
	size_t prev_len;
};

/* Of which kinds a node may be. */
struct kinds {
	enum node_kind leaf, inner;
};

static err
node_read(err (*read)(void *arg, const struct digest *name, struct buf *b),
          void *arg, const struct digest *name, struct kinds want,
          struct frame *ret)
{
	struct buf *b = &ret->b;
	enum node_kind kind;
	struct cur rows;
	err e;

	buf_clear(b);
	b->max = TREE_LEAF_READ_MAX;
	e = read(arg, name, b);
	if (e.code && b->fail == E_LIMIT) {
		err_drop(e);
		e = err_new(E_CORRUPT, "too long");
	}
	if (!e.code)
		e = node_open(b->p, b->len, &kind, &rows);
	if (!e.code &&
	    ((kind != want.leaf && kind != want.inner) ||
	     (kind == want.inner && b->len > TREE_INNER_READ_MAX)))
		e = err_new(E_CORRUPT, "a node of another kind");
	if (e.code)
		return err_in(e, "tree node %.12s", digest_str(name));
	ret->kind = kind;
	ret->rows = rows;
	return OK;
}

static err
read_reader(void *arg, const struct digest *name, struct buf *b)
{
	return reader_chunk(arg, name, b);
}

err
dirwalk_node(struct reader *r, const struct digest *name, enum node_kind leaf,
             enum node_kind inner, struct buf *b, enum node_kind *ret_kind,
             struct cur *ret)
{
	struct frame f = { .b = *b };
	err e;

	e = node_read(read_reader, r, name, (struct kinds){ leaf, inner }, &f);
	*b = f.b;
	if (e.code)
		return e;
	*ret_kind = f.kind;
	*ret = f.rows;
	return OK;
}

/* Go down to node ${name}, below which ${last} is the last name. */
static err
frame_push(struct dirwalk *w, const struct digest *name, const char *last,
           size_t last_len)
{
	struct frame *f;
	err e;

	if (w->depth == TREE_DEPTH_MAX)
		return err_new(E_CORRUPT, "a directory of too many levels");
	f = &w->frame[w->depth];
	if ((e = node_read(w->read, w->arg, name,
	                   (struct kinds){ NODE_ENTRIES, NODE_DIRS }, f))
	        .code)
		return e;
	f->last = last;
	f->last_len = last_len;
	w->depth++;
	return OK;
}

/* A node was read to its end: its last name must be as its parent says. */
static err
frame_pop(struct dirwalk *w)
{
	struct frame *f = &w->frame[w->depth - 1];

	if (f->last != NULL &&
	    name_cmp(f->last, f->last_len, w->prev, w->prev_len) != 0)
		return err_new(E_CORRUPT, "a directory whose nodes disagree");
	if (f->last == NULL && f->kind == NODE_DIRS && w->prev_len == 0)
		return err_new(E_CORRUPT, "a directory without leaves");
	w->depth--;
	return OK;
}

/* Note that ${name} comes next; it must be greater than all before. */
static err
name_step(struct dirwalk *w, const char *name, size_t len)
{
	if (w->prev_len > 0 && name_cmp(w->prev, w->prev_len, name, len) >= 0)
		return err_new(E_CORRUPT, "a directory out of order");
	memcpy(w->prev, name, len);
	w->prev_len = len;
	return OK;
}

static bool
before_want(const struct dirwalk *w, const char *name, size_t len)
{
	return w->want != NULL && name_cmp(name, len, w->want, w->want_len) < 0;
}

/* Take the next row of the inner node on top: skip it or go down. */
static err
step_inner(struct dirwalk *w)
{
	struct frame *f = &w->frame[w->depth - 1];
	struct tree_child c;

	if (!node_child(&f->rows, f->kind, &c)) {
		if (f->rows.bad)
			return err_new(E_CORRUPT, "damaged directory node");
		return frame_pop(w);
	}
	if (c.last_len == 0 || c.last_len > TREE_NAME_MAX)
		return err_new(E_CORRUPT, "damaged directory node");
	if (before_want(w, c.last, c.last_len))
		return name_step(w, c.last, c.last_len);
	/* An empty node could be visited for ever. */
	if (w->prev_len > 0 &&
	    name_cmp(w->prev, w->prev_len, c.last, c.last_len) >= 0)
		return err_new(E_CORRUPT, "a directory out of order");
	return frame_push(w, &c.node, c.last, c.last_len);
}

/* Read the next entry of the leaf on top into w->next. */
static err
step_leaf(struct dirwalk *w)
{
	struct frame *f = &w->frame[w->depth - 1];
	err e;

	if (f->rows.left == 0)
		return frame_pop(w);
	if ((e = entry_decode(&f->rows, &w->next)).code ||
	    (e = name_step(w, w->next.name, w->next.name_len)).code)
		return e;
	w->held = true;
	return OK;
}

err
dirwalk_open_from(err (*read)(void *arg, const struct digest *name,
                              struct buf *b),
                  void *arg, const struct digest *root, struct dirwalk **ret)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*w), &w)).code)
		return e;
	w->read = read;
	w->arg = arg;
	if ((e = frame_push(w, root, NULL, 0)).code)
		return e;
	*ret = take(w);
	return OK;
}

err
dirwalk_open(struct reader *r, const struct digest *root, struct dirwalk **ret)
{
	return dirwalk_open_from(read_reader, r, root, ret);
}

/* Read on until an entry that is wanted is held, or to the end. */
static err
walk_on(struct dirwalk *w)
{
	err e = OK;

	for (;;) {
		if (w->held && before_want(w, w->next.name, w->next.name_len))
			w->held = false;
		if (e.code || w->held || w->depth == 0)
			break;
		if (w->frame[w->depth - 1].kind == NODE_DIRS)
			e = step_inner(w);
		else
			e = step_leaf(w);
	}
	w->want = NULL;
	if (e.code)
		w->failed = true;
	return e;
}

err
dirwalk_next(struct dirwalk *w, struct tree_entry *ret, bool *ret_more)
{
	err e;

	if (w->failed)
		return err_new(E_CORRUPT, "a directory that is damaged");
	if ((e = walk_on(w)).code)
		return e;
	*ret_more = w->held;
	if (w->held)
		*ret = w->next;
	w->held = false;
	return OK;
}

void
dirwalk_seek(struct dirwalk *w, const char *name, size_t len)
{
	/* Leave the nodes that end before the name. */
	while (w->depth > 1) {
		const struct frame *f = &w->frame[w->depth - 1];

		if (name_cmp(f->last, f->last_len, name, len) >= 0)
			break;
		memcpy(w->prev, f->last, f->last_len);
		w->prev_len = f->last_len;
		w->depth--;
	}
	w->want = name;
	w->want_len = len;
}

err
dirwalk_find(struct dirwalk *w, const char *name, size_t len,
             struct tree_entry *ret, bool *ret_found)
{
	struct tree_entry t;
	bool more;
	err e;

	dirwalk_seek(w, name, len);
	if ((e = dirwalk_next(w, &t, &more)).code)
		return e;
	*ret_found = more && name_cmp(t.name, t.name_len, name, len) == 0;
	/* What comes instead was not asked for yet. */
	w->held = more && !*ret_found;
	if (*ret_found)
		*ret = t;
	return OK;
}

size_t
dirwalk_memory(const struct dirwalk *w)
{
	size_t n = sizeof(*w);

	for (size_t i = 0; i < TREE_DEPTH_MAX; i++)
		n += w->frame[i].b.cap;
	return n;
}

void
dirwalk_close(struct dirwalk *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < TREE_DEPTH_MAX; i++)
		buf_release(&w->frame[i].b);
	free(w);
}

void
dirwalk_closep(struct dirwalk **w)
{
	dirwalk_close(*w);
}
