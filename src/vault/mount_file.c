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

/* --- chunks --------------------------------------------------------------- */

void
mount_cache_init(struct mount_cache *c, struct mount_readers *readers)
{
	*c = (struct mount_cache){ .readers = readers,
		                   .b = BUF_MAX(SEGMENT_PLAIN_MAX) };
}

static void
slot_clear(struct mount_cache *c, struct mount_slot *s)
{
	c->bytes -= s->n;
	free(s->p);
	*s = (struct mount_slot){ 0 };
}

void
mount_cache_release(struct mount_cache *c)
{
	for (size_t i = 0; i < MOUNT_CACHE_CHUNKS; i++)
		slot_clear(c, &c->slots[i]);
	buf_release(&c->b);
}

/* A free slot, and room for ${n} bytes: the chunks used longest ago go. */
static struct mount_slot *
slot_take(struct mount_cache *c, size_t n)
{
	struct mount_slot *oldest, *unused;

	for (;;) {
		oldest = unused = NULL;
		for (size_t i = 0; i < MOUNT_CACHE_CHUNKS; i++) {
			struct mount_slot *s = &c->slots[i];

			if (s->p == NULL)
				unused = s;
			else if (oldest == NULL || s->used < oldest->used)
				oldest = s;
		}
		if (oldest == NULL ||
		    (unused != NULL && c->bytes + n <= MOUNT_CACHE_BYTES))
			return unused;
		slot_clear(c, oldest);
	}
}

err
mount_cache_get(struct mount_cache *c, const struct chunk_ref *ref,
                const uint8_t **ret)
{
	struct mount_slot *s = NULL;
	err e;

	for (size_t i = 0; i < MOUNT_CACHE_CHUNKS && s == NULL; i++)
		if (c->slots[i].p != NULL &&
		    digest_eq(&c->slots[i].name, &ref->name))
			s = &c->slots[i];
	if (s == NULL) {
		struct reader *r;
		char *copy;

		buf_clear(&c->b);
		if ((e = mount_readers_for(c->readers, &ref->name, &r)).code ||
		    (e = reader_chunk(r, &ref->name, &c->b)).code ||
		    (e = mem_dup(c->b.p, c->b.len, &copy)).code)
			return e;
		s = slot_take(c, c->b.len);
		*s = (struct mount_slot){ .name = ref->name,
			                  .p = (uint8_t *)copy,
			                  .n = c->b.len };
		c->bytes += s->n;
	}
	s->used = ++c->ticks;
	if (s->n != ref->len)
		return err_new(E_CORRUPT, "chunk %.12s has another length",
		               digest_str(&ref->name));
	*ret = s->p;
	return OK;
}

/* --- files ---------------------------------------------------------------- */

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
	err e;

	n = off < f->size ? (size_t)MIN(n, f->size - off) : 0;
	memset(p, 0, n);
	for (size_t i = piece_at(f, off); i < f->npieces; i++) {
		const struct piece *x = &f->pieces[i];
		uint64_t from = MAX(x->at, off), to;

		if (x->at >= off + n)
			break;
		to = MIN(x->at + x->len, off + n);
		if ((e = mount_cache_get(c, &f->chunks[x->chunk], &bytes)).code)
			return e;
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
