/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files of a mounted vault.  When a file is opened its chunks and holes are
 * laid out once as pieces sorted by where they lie, so that any byte is found
 * by bisection; what no piece covers is a hole.
 */

#include <string.h>

#include "vault/mount_file.h"

/* Bytes of a chunk that lie together in the file. */
struct piece {
	uint64_t at;   /* In the file. */
	uint32_t skip; /* In the chunk. */
	uint32_t len;
	uint32_t chunk; /* Which one. */
};

struct mount_file {
	uint64_t size;
	struct chunk_ref *chunks; /* Owned. */
	size_t nchunks, cap_chunks;
	struct piece *pieces; /* Owned. */
	size_t npieces, cap_pieces;
};

/* Lay chunk ${ref}, whose bytes begin at ${off} of the stream, out. */
static err
pieces_add(struct mount_file *f, struct holes *h, const struct chunk_ref *ref,
           uint64_t off)
{
	uint64_t done = 0, run;
	err e;

	if ((e = mem_grow(&f->chunks, f->nchunks + 1, &f->cap_chunks,
	                  sizeof(*f->chunks)))
	        .code)
		return e;
	f->chunks[f->nchunks++] = *ref;
	while (done < ref->len) {
		struct piece p = { .skip = (uint32_t)done };

		if (f->npieces == MOUNT_PIECES_MAX)
			return err_new(E_LIMIT,
			               "a file of more than %zu pieces",
			               MOUNT_PIECES_MAX);
		if ((e = mem_grow(&f->pieces, f->npieces + 1, &f->cap_pieces,
		                  sizeof(*f->pieces)))
		        .code)
			return e;
		p.at = holes_map(h, off + done, &run);
		p.len = (uint32_t)MIN(run, ref->len - done);
		p.chunk = (uint32_t)(f->nchunks - 1);
		f->pieces[f->npieces++] = p;
		done += p.len;
	}
	return OK;
}

err
mount_file_open(struct mount_readers *readers, const struct secret *naming,
                const struct tree_entry *t, struct mount_file **ret)
{
	AUTO(chunklist_closep) struct chunklist *l = NULL;
	AUTO(mount_file_closep) struct mount_file *f = NULL;
	struct chunk_ref ref;
	struct holes h;
	struct reader *r = NULL; /* Needed for lists only. */
	uint64_t off = 0;
	bool more = false;
	err e = OK;

	if (t->flags & ENTRY_LISTED)
		e = mount_readers_for(readers, &t->list, &r);
	if (e.code || (e = chunklist_open(r, naming, t, &l)).code ||
	    (e = holes_init(&h, t)).code ||
	    (e = mem_alloc(1, sizeof(*f), &f)).code)
		return e;
	f->size = t->size;
	while (!(e = chunklist_next(l, &ref, &more)).code && more) {
		if ((e = pieces_add(f, &h, &ref, off)).code)
			return e;
		off += ref.len;
	}
	if (e.code)
		return e;
	*ret = take(f);
	return OK;
}

/* The first piece that ends behind ${off}. */
static size_t
piece_at(const struct mount_file *f, uint64_t off)
{
	size_t low = 0, high = f->npieces;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->pieces[mid].at + f->pieces[mid].len <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

err
mount_file_read(const struct mount_file *f, struct mount_cache *c, uint64_t off,
                uint8_t *p, size_t n, size_t *ret_n)
{
	const uint8_t *bytes;
	size_t len;
	err e;

	n = off < f->size ? (size_t)MIN(n, f->size - off) : 0;
	memset(p, 0, n);
	for (size_t i = piece_at(f, off); i < f->npieces; i++) {
		const struct piece *x = &f->pieces[i];
		const struct chunk_ref *chunk = &f->chunks[x->chunk];
		uint64_t from = MAX(x->at, off), to;

		if (x->at >= off + n)
			break;
		to = MIN(x->at + x->len, off + n);
		if ((e = mount_cache_get(c, &chunk->name, &bytes, &len)).code)
			return e;
		if (len != chunk->len)
			return err_new(E_CORRUPT,
			               "chunk %.12s has another length",
			               digest_str(&chunk->name));
		memcpy(p + (from - off), bytes + x->skip + (from - x->at),
		       (size_t)(to - from));
	}
	*ret_n = n;
	return OK;
}

void
mount_file_close(struct mount_file *f)
{
	if (f == NULL)
		return;
	free(f->chunks);
	free(f->pieces);
	free(f);
}

void
mount_file_closep(struct mount_file **f)
{
	mount_file_close(*f);
}
