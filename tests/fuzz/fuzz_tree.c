/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trees.  The input is nodes, each behind its length (u16); node i has the name
 * of a byte i and zeroes, so that nodes can refer to each other, and to
 * themselves.  Entries that are accepted have one spelling.
 */

#include "known_keys.h"
#include "target.h"
#include "vault/chunklist.h"

#define NODES_MAX 16

/* No walk here has more steps; nothing bounds the chunks of a file but its
 * size, which may be any. */
#define STEPS_MAX 5000

static struct cur nodes[NODES_MAX];
static size_t nnodes;

/* What the room's reader.c has, over those nodes. */
struct reader {
	int unused;
};

err
reader_chunk(struct reader *r, const struct digest *name, struct buf *b)
{
	static const struct digest zero;

	(void)r;
	if (name->b[0] >= nnodes ||
	    memcmp(name->b + 1, zero.b, DIGEST_LEN - 1) != 0)
		return err_new(E_NOTFOUND, "no such chunk");
	buf_add(b, nodes[name->b[0]].p, nodes[name->b[0]].left);
	return buf_done(b);
}

static void
drop(err e)
{
	assert(e.code == E_OK || e.code == E_NOTFOUND || e.code == E_CORRUPT ||
	       e.code == E_UNSUPPORTED || e.code == E_INVALID);
	err_drop(e);
}

/* An entry of ${n} bytes at ${p} was accepted as ${t}: write it again. */
static void
entry_again(const struct tree_entry *t, const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * MiB);

	assert(t->name_len > 0 && t->name_len <= TREE_NAME_MAX);
	assert(memchr(t->name, '/', t->name_len) == NULL);
	entry_encode(t, &b);
	must(buf_done(&b));

	/* Shorter where it had fields of later versions, or empty ones. */
	assert(b.len <= n);
	if (b.len == n)
		assert(memcmp(b.p, p, n) == 0);
}

static void
file_walk(struct reader *r, const struct tree_entry *t)
{
	static const struct secret naming;
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	struct holes holes;
	struct chunk_ref ref;
	uint64_t at = 0, off, run, end = 0;
	bool more = true;
	err e;

	if ((e = chunklist_open(r, &naming, t, &l)).code) {
		drop(e);
		return;
	}
	must(holes_init(&holes, t));
	assert(holes.size <= t->size);
	for (size_t i = 0; i < STEPS_MAX && more; i++) {
		if ((e = chunklist_next(l, &ref, &more)).code || !more)
			break;
		assert(ref.len > 0 && ref.len <= holes.size - at);
		off = holes_map(&holes, at, &run);
		assert(run > 0 && off >= end && off < t->size);
		end = off + MIN(run, ref.len);
		assert(end <= t->size);
		at += ref.len;
	}
	drop(e);
}

/* What a whole walk meets is found by its name, too. */
static void
dir_find(struct reader *r, const struct digest *root)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	AUTO(dirwalk_closep) struct dirwalk *f = NULL;
	struct tree_entry t, same;
	bool more, found;

	must(dirwalk_open(r, root, &w));
	must(dirwalk_open(r, root, &f));
	for (;;) {
		must(dirwalk_next(w, &t, &more));
		if (!more)
			return;
		must(dirwalk_find(f, t.name, t.name_len, &same, &found));
		assert(found && same.size == t.size && same.type == t.type);
	}
}

static void
dir_walk(struct reader *r, const struct digest *root)
{
	AUTO(dirwalk_closep) struct dirwalk *w = NULL;
	char last[TREE_NAME_MAX];
	struct tree_entry t;
	size_t n = 0, len = 0;
	bool more = true;
	err e;

	if ((e = dirwalk_open(r, root, &w)).code) {
		drop(e);
		return;
	}
	while (!(e = dirwalk_next(w, &t, &more)).code && more) {
		assert(len == 0 || name_cmp(last, len, t.name, t.name_len) < 0);
		memcpy(last, t.name, len = t.name_len);
		if (t.type == ENTRY_FILE)
			file_walk(r, &t);
		assert(++n < 1000000);
	}
	if (!e.code)
		dir_find(r, root);
	drop(e);
}

/* Read the rows of node ${c} as what it says they are. */
static void
rows(struct cur c)
{
	enum node_kind kind;
	struct tree_child child;
	struct chunk_ref ref;
	struct tree_entry t;
	err e = node_open(c.p, c.left, &kind, &c);

	while (!e.code && c.left > 0) {
		const uint8_t *p = c.p;

		if (kind == NODE_ENTRIES) {
			if (!(e = entry_decode(&c, &t)).code)
				entry_again(&t, p, (size_t)(c.p - p));
		} else if (kind == NODE_CHUNKS
		               ? !entry_chunk(&c, &ref)
		               : !node_child(&c, kind, &child)) {
			assert(c.bad);
			break;
		}
	}
	drop(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur c = CUR(p, n);
	struct reader r = { 0 };
	struct digest root = { 0 };

	for (nnodes = 0; nnodes < NODES_MAX && c.left > 0; nnodes++) {
		nodes[nnodes] = cur_sub(&c, MIN((size_t)cur_u16(&c), c.left));
		rows(nodes[nnodes]);
	}
	(void)fuzz_root();
	if (nnodes > 0)
		dir_walk(&r, &root);
	return 0;
}
