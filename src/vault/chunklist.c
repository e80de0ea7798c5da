/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The chunks of a file.  Invariants: (1) every chunk has at least one byte and
 * the sum never exceeds the stream's size, so that a list that refers to one
 * node many times ends; (2) at most TREE_DEPTH_MAX nodes are open.
 */

#include <string.h>

#include "vault/chunklist.h"

struct list_frame {
	struct buf b;
	struct cur rows;
	enum node_kind kind;
};

struct chunklist {
	struct reader *r;
	uint64_t size, sum; /* Of the stream; of the chunks so far. */
	bool failed;
	struct cur refs; /* Inline chunks. */
	bool single;     /* `only` is the one chunk, not yet told. */
	struct chunk_ref only;
	struct list_frame *frame; /* Owned; NULL: no list node. */
	size_t depth;
};

static err
list_push(struct chunklist *l, const struct digest *name)
{
	struct list_frame *f;
	err e;

	if (l->depth == TREE_DEPTH_MAX)
		return err_new(E_CORRUPT, "a chunk list of too many levels");
	f = &l->frame[l->depth];
	if ((e = dirwalk_node(l->r, name, NODE_CHUNKS, NODE_CHUNK_LISTS, &f->b,
	                      &f->kind, &f->rows))
	        .code)
		return e;
	if (f->rows.left == 0)
		return err_new(E_CORRUPT, "an empty chunk list");
	l->depth++;
	return OK;
}

err
chunklist_open(struct reader *r, const struct secret *naming,
               const struct tree_entry *t, struct chunklist **ret)
{
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct holes h;
	err e;

	if (t->type != ENTRY_FILE)
		return err_new(E_INVALID, "not a file");
	if (t->flags & ENTRY_UNREADABLE)
		return err_new(E_NOTFOUND,
		               "it could not be read when it was saved");
	if ((e = holes_init(&h, t)).code ||
	    (e = mem_alloc(1, sizeof(*l), &l)).code)
		return e;
	l->r = r;
	l->size = h.size;
	if (t->flags & ENTRY_LISTED) {
		if ((e = mem_alloc(TREE_DEPTH_MAX, sizeof(*l->frame),
		                   &l->frame))
		        .code ||
		    (e = list_push(l, &t->list)).code)
			return e;
	} else if (t->chunks_len > 0) {
		l->refs = CUR(t->chunks, t->chunks_len);
	} else if (l->size > 0 && t->holes_len == 0 &&
	           (t->flags & ENTRY_HAS_SHA)) {
		l->single = true;
		l->only.len = l->size;
		chunk_name(naming, &t->sha256, &l->only.name);
	}
	*ret = take(l);
	return OK;
}

/* Read the next chunk from the list nodes. */
static err
list_next(struct chunklist *l, struct chunk_ref *ret, bool *ret_more)
{
	struct list_frame *f;
	struct tree_child c;
	err e;

	while (l->depth > 0) {
		f = &l->frame[l->depth - 1];
		if (f->kind == NODE_CHUNKS && entry_chunk(&f->rows, ret)) {
			*ret_more = true;
			return OK;
		}
		if (f->kind == NODE_CHUNK_LISTS &&
		    node_child(&f->rows, f->kind, &c)) {
			if ((e = list_push(l, &c.node)).code)
				return e;
			continue;
		}
		if (f->rows.bad)
			return err_new(E_CORRUPT, "a damaged chunk list");
		l->depth--;
	}
	*ret_more = false;
	return OK;
}

/* Read the next chunk from where the entry keeps them. */
static err
any_next(struct chunklist *l, struct chunk_ref *ret, bool *ret_more)
{
	if (l->frame != NULL)
		return list_next(l, ret, ret_more);
	if (l->single) {
		l->single = false;
		*ret = l->only;
		*ret_more = true;
		return OK;
	}
	*ret_more = entry_chunk(&l->refs, ret);
	if (l->refs.bad)
		return err_new(E_CORRUPT, "damaged chunks of a file");
	return OK;
}

/* The chunks so far, and ${ref} (NULL: that is all), must fit the size. */
static err
sum_check(struct chunklist *l, const struct chunk_ref *ref)
{
	if (ref == NULL && l->sum != l->size)
		return err_new(E_CORRUPT,
		               "chunks that are shorter than the file");
	if (ref == NULL)
		return OK;
	if (ref->len == 0 || ref->len > SEGMENT_PLAIN_MAX)
		return err_new(E_CORRUPT, "a chunk of an impossible length");
	if (ref->len > l->size - l->sum)
		return err_new(E_CORRUPT,
		               "chunks that are longer than the file");
	l->sum += ref->len;
	return OK;
}

err
chunklist_next(struct chunklist *l, struct chunk_ref *ret, bool *ret_more)
{
	struct chunk_ref ref;
	bool more = false;
	err e;

	if (l->failed)
		return err_new(E_CORRUPT, "a chunk list that is damaged");
	e = any_next(l, &ref, &more);
	if (!e.code)
		e = sum_check(l, more ? &ref : NULL);
	if (e.code) {
		l->failed = true;
		return e;
	}
	*ret_more = more;
	if (more)
		*ret = ref;
	return OK;
}

void
chunklist_close(struct chunklist *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; l->frame != NULL && i < TREE_DEPTH_MAX; i++)
		buf_release(&l->frame[i].b);
	free(l->frame);
	free(l);
}

void
chunklist_closep(struct chunklist **l)
{
	chunklist_close(*l);
}
