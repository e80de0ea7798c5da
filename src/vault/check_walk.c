/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Walking trees to check them.  Recursion is bounded by CHECK_WALK_DEPTH, and a
 * frame of it is small: nodes lie on the heap.
 */

#include <string.h>

#include "vault/check_walk.h"
#include "vault/dirwalk.h"
#include "vault/holes.h"

/* What a node is read as. */
struct sort {
	enum node_kind leaf, inner;
};

static const struct sort dirs = { NODE_ENTRIES, NODE_DIRS };
static const struct sort lists = { NODE_CHUNKS, NODE_CHUNK_LISTS };

static err visit(struct check_walk *w, const struct sort *sort,
                 const struct digest *name, uint64_t *ret_sum);

void
check_walk_init(struct check_walk *w, const struct vault *v, struct reader *r,
                const struct check_walk_ops *ops, void *arg)
{
	*w = (struct check_walk){
		.ops = ops,
		.arg = arg,
		.r = r,
		.naming = &v->keys.domain.naming,
		.path = BUF_MAX(16 * MiB),
	};
}

void
check_walk_release(struct check_walk *w)
{
	buf_release(&w->path);
}

/* Go down to ${name}: put it behind the path; tell how long that was. */
static err
path_down(struct check_walk *w, const struct tree_entry *t, size_t *ret_len)
{
	*ret_len = w->path.len;
	if (w->path.len > 0)
		buf_u8(&w->path, '/');
	buf_add(&w->path, t->name, t->name_len);
	return buf_done(&w->path);
}

/* --- files --- */

static err
inline_chunks(struct check_walk *w, const struct tree_entry *t,
              uint64_t *ret_sum)
{
	struct cur c = CUR(t->chunks, t->chunks_len);
	struct chunk_ref ref;
	err e;

	while (entry_chunk(&c, &ref)) {
		if ((e = w->ops->chunk(w, &ref.name)).code)
			return e;
		*ret_sum += ref.len;
	}
	return OK;
}

static err
chunks_of(struct check_walk *w, const struct tree_entry *t, uint64_t size,
          uint64_t *ret_sum)
{
	struct digest only;

	if (t->flags & ENTRY_LISTED)
		return visit(w, &lists, &t->list, ret_sum);
	if (t->chunks_len > 0)
		return inline_chunks(w, t, ret_sum);
	if (size == 0 || t->holes_len > 0 || !(t->flags & ENTRY_HAS_SHA))
		return OK;
	/* One chunk: its name follows from the digest of the file. */
	*ret_sum = size;
	chunk_name(w->naming, &t->sha256, &only);
	return w->ops->chunk(w, &only);
}

static err
file(struct check_walk *w, const struct tree_entry *t)
{
	struct holes h;
	uint64_t sum = 0;
	err e;

	w->files++;
	if (t->flags & ENTRY_UNREADABLE)
		return OK;
	e = holes_init(&h, t);
	if (e.code)
		return w->ops->bad(w, e);
	if ((e = w->ops->file(w)).code ||
	    (e = chunks_of(w, t, h.size, &sum)).code)
		return e;
	/* UINT64_MAX: a list that could not be read to its end. */
	if (sum != h.size && sum != UINT64_MAX &&
	    (e = w->ops->bad(w,
	                     err_new(E_CORRUPT,
	                             "its chunks do not add up "
	                             "to its size")))
	        .code)
		return e;
	return w->ops->file_done(w);
}

static err
entry(struct check_walk *w, const struct tree_entry *t)
{
	uint64_t sum;
	size_t len;
	err e;

	if (t->type != ENTRY_FILE && t->type != ENTRY_DIR)
		return OK;
	if ((e = path_down(w, t, &len)).code)
		return e;
	if (t->type == ENTRY_FILE)
		e = file(w, t);
	else
		e = visit(w, &dirs, &t->dir, &sum);
	w->path.len = len;
	return e;
}

/* --- nodes --- */

static err
entries(struct check_walk *w, struct cur *rows)
{
	struct tree_entry t = { 0 }, last;
	bool first = true;
	err e;

	while (rows->left > 0) {
		last = t;
		e = entry_decode(rows, &t);
		if (!e.code && !first &&
		    name_cmp(last.name, last.name_len, t.name, t.name_len) >= 0)
			e = err_new(E_CORRUPT, "names that do not ascend");
		if (e.code)
			return w->ops->bad(w, e);
		first = false;
		if ((e = entry(w, &t)).code)
			return e;
	}
	return OK;
}

static err
children(struct check_walk *w, const struct sort *sort, struct cur *rows,
         uint64_t *ret_sum)
{
	struct tree_child c;
	err e;

	while (node_child(rows, sort->inner, &c)) {
		uint64_t sum = 0;

		if ((e = visit(w, sort, &c.node, &sum)).code)
			return e;
		*ret_sum = sum == UINT64_MAX || *ret_sum == UINT64_MAX
		    ? UINT64_MAX
		    : *ret_sum + sum;
	}
	return rows->bad ? w->ops->bad(w, err_new(E_CORRUPT, "a damaged node"))
			 : OK;
}

static err
refs(struct check_walk *w, struct cur *rows, uint64_t *ret_sum)
{
	struct chunk_ref ref;
	err e;

	while (entry_chunk(rows, &ref)) {
		if ((e = w->ops->chunk(w, &ref.name)).code)
			return e;
		*ret_sum += ref.len;
	}
	return rows->bad
	    ? w->ops->bad(w, err_new(E_CORRUPT, "a damaged chunk list"))
	    : OK;
}

static err
read_node(struct check_walk *w, const struct sort *sort,
          const struct digest *name, uint64_t *ret_sum)
{
	AUTO(buf_release) struct buf b = BUF_MAX(TREE_LEAF_READ_MAX);
	enum node_kind kind;
	struct cur rows;
	err e;

	e = dirwalk_node(w->r, name, sort->leaf, sort->inner, &b, &kind, &rows);
	if (e.code == E_NOMEM)
		return e;
	if (e.code) {
		*ret_sum = UINT64_MAX;
		return w->ops->unread(w, name, e);
	}
	w->nodes++;
	w->held += b.cap;
	if (kind == NODE_ENTRIES)
		e = entries(w, &rows);
	else if (kind == NODE_CHUNKS)
		e = refs(w, &rows, ret_sum);
	else
		e = children(w, sort, &rows, ret_sum);
	w->held -= b.cap;
	return e;
}

static err
visit(struct check_walk *w, const struct sort *sort, const struct digest *name,
      uint64_t *ret_sum)
{
	bool skip = false;
	err e;

	*ret_sum = 0;
	if (w->depth == CHECK_WALK_DEPTH || w->held > CHECK_WALK_BYTES ||
	    w->visits++ >= CHECK_WALK_NODES) {
		*ret_sum = UINT64_MAX;
		return w->ops->bad(w,
		                   err_new(E_LIMIT, "too large or too deep"));
	}
	if ((e = w->ops->node(w, name, &skip, ret_sum)).code || skip)
		return e;
	w->depth++;
	e = read_node(w, sort, name, ret_sum);
	w->depth--;
	return e.code ? e : w->ops->node_done(w, name, *ret_sum);
}

err
check_walk_run(struct check_walk *w, const struct digest *root)
{
	uint64_t sum;

	buf_clear(&w->path);
	w->visits = 0;
	return visit(w, &dirs, root, &sum);
}
