/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TREE_STORE_H
#define TREE_STORE_H

/*
 * Chunks in memory in place of a vault: trees are built into it, well or
 * maliciously, and what reads through a `struct reader` reads from it.  A test
 * program that includes this must not need the real reader.
 */

#include "helper.h"
#include "vault/chunklist.h"
#include "vault/room.h"
#include "vault/tree.h"

static struct {
	struct digest name;
	uint8_t *p;
	size_t n;
} * stored;
static size_t nstored, cap_stored, nread;

static struct secret test_naming = { .b = { 7 } };

/**
 * store_chunk(arg, p, n, ret):
 * Keep a chunk under the name that it has for test_naming.
 */
static inline err
store_chunk(void *arg, const void *p, size_t n, struct digest *ret)
{
	struct digest sha;

	(void)arg;
	sha256(p, n, &sha);
	chunk_name(&test_naming, &sha, ret);
	for (size_t i = 0; i < nstored; i++)
		if (digest_eq(&stored[i].name, ret))
			return OK;
	assert_ok(mem_grow(&stored, nstored + 1, &cap_stored, sizeof(*stored)));
	stored[nstored].name = *ret;
	assert_ok(mem_dup(p, n, (char **)&stored[nstored].p));
	stored[nstored++].n = n;
	return OK;
}

static const struct tree_sink test_sink = { .put = store_chunk, .cut_key = 5 };

/**
 * store_forget(state):
 * Drop all chunks: the teardown of every test.
 */
static inline int
store_forget(void **state)
{
	(void)state;
	for (size_t i = 0; i < nstored; i++)
		free(stored[i].p);
	free(stored);
	stored = NULL;
	nstored = cap_stored = nread = 0;
	return 0;
}

/* What the room's reader.c has, over the chunks in memory. */
struct reader {
	int unused;
};

err
reader_new(struct vault *v, struct reader **ret)
{
	(void)v;
	return mem_alloc(1, sizeof(**ret), ret);
}

void
reader_free(struct reader *r)
{
	free(r);
}

void
reader_freep(struct reader **r)
{
	free(*r);
}

err
reader_chunk(struct reader *r, const struct digest *name, struct buf *b)
{
	(void)r;
	nread++;
	for (size_t i = 0; i < nstored; i++)
		if (digest_eq(&stored[i].name, name)) {
			buf_add(b, stored[i].p, stored[i].n);
			return buf_done(b);
		}
	return err_new(E_NOTFOUND, "no such chunk");
}

err
reader_place(struct vault *v, const struct digest *name,
             struct chunk_place *ret)
{
	(void)v;
	*ret = (struct chunk_place){ .pack = 1, .segment = name->b[0] };
	return OK;
}

err
index_load(struct vault *v)
{
	(void)v;
	return OK;
}

[[maybe_unused]] static struct reader test_reader;

/* --- trees by hand -------------------------------------------------------- */

/**
 * store_bytes(p, n):
 * Keep ${n} bytes and return their name.
 */
static inline struct digest
store_bytes(const void *p, size_t n)
{
	struct digest d;

	assert_ok(store_chunk(NULL, p, n, &d));
	return d;
}

/**
 * leaf_add(b, name):
 * Append an empty file to the leaf in ${b}, which is begun if need be.
 */
static inline void
leaf_add(struct buf *b, const char *name)
{
	struct tree_entry t = {
		.name = name,
		.name_len = strlen(name),
		.type = ENTRY_FILE,
	};

	if (b->len == 0)
		buf_u8(b, NODE_ENTRIES);
	entry_encode(&t, b);
}

/**
 * leaf_of(names):
 * Keep a leaf of empty files, whose names stand apart by spaces.
 */
static inline struct digest
leaf_of(const char *names)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	char copy[512], *rest = copy, *name;

	(void)snprintf(copy, sizeof(copy), "%s", names);
	buf_u8(&b, NODE_ENTRIES);
	while ((name = strsep(&rest, " ")) != NULL)
		if (*name != '\0')
			leaf_add(&b, name);
	return store_bytes(b.p, b.len);
}

/**
 * inner_add(b, kind, node, last):
 * Append a child to the inner node in ${b}, which is begun if need be.
 */
static inline void
inner_add(struct buf *b, enum node_kind kind, const struct digest *node,
          const char *last)
{
	if (b->len == 0)
		buf_u8(b, (uint8_t)kind);
	buf_add(b, node->b, DIGEST_LEN);
	buf_varint(b, strlen(last));
	buf_str(b, last);
}

/* --- trees as they are written -------------------------------------------- */

/**
 * dir_add(t, name, e):
 * Add ${e} as ${name} to the directory that ${t} builds.
 */
static inline void
dir_add(struct tree_builder *t, const char *name, struct tree_entry e)
{
	AUTO(buf_release) struct buf b = BUF_MAX(2 * MiB);

	e.name = name;
	e.name_len = strlen(name);
	entry_encode(&e, &b);
	assert_ok(tree_dir_add(t, name, e.name_len, b.p, b.len));
}

/**
 * dir_end(t):
 * Finish the directory and return its root.
 */
static inline struct digest
dir_end(struct tree_builder *t)
{
	struct digest d;

	assert_ok(tree_finish(t, &d));
	tree_builder_release(t);
	return d;
}

/**
 * file_of(text):
 * Return the entry of a file of one chunk, which is kept.
 */
static inline struct tree_entry
file_of(const char *text)
{
	struct tree_entry e = { .type = ENTRY_FILE, .mode = 0644 };

	e.size = strlen(text);
	e.flags = ENTRY_HAS_SHA;
	sha256(text, e.size, &e.sha256);
	if (e.size > 0)
		(void)store_bytes(text, e.size);
	return e;
}

/**
 * dir_of(root):
 * Return the entry of a directory.
 */
static inline struct tree_entry
dir_of(struct digest root)
{
	return (
	    struct tree_entry){ .type = ENTRY_DIR, .mode = 0755, .dir = root };
}

/**
 * ref_add(b, text):
 * Keep a chunk and append its encoded ref to ${b}.
 */
static inline void
ref_add(struct buf *b, const char *text)
{
	struct digest d = store_bytes(text, strlen(text));

	buf_add(b, d.b, DIGEST_LEN);
	buf_varint(b, strlen(text));
}

#endif /* TREE_STORE_H */
