/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading chunks.  Order of checks: the pack's directory is opened under the
 * domain key; a segment's tag is checked before it is decoded; a chunk's name
 * is checked before a byte of it is handed out.  Where a copy is bad, the next
 * store is asked.
 */

#include <string.h>

#include "vault/room.h"

#define DIRS_MAX     128
#define PLACES       16 /* Of one chunk that are tried. */
#define SESSIONS_MAX 256

struct dir_slot {
	uint32_t pack;
	unsigned refs;
	uint64_t used; /* Ticks of the last use. */
	struct pack_dir *dir;
	struct secret key;
};

struct reader_cache {
	pthread_mutex_t lock;
	struct dir_slot dirs[DIRS_MAX];
	uint64_t ticks;
	struct {
		uint8_t id[ID_LEN];
		struct secret key;
	} sessions[SESSIONS_MAX];
	size_t nsessions;
	atomic_uint readers; /* That exist. */
	bool adopted;        /* Packs without an index were looked for. */
};

struct reader {
	struct vault *v;
	bool counted; /* Among the readers of the vault. */
	struct decoder *decoder;
	struct buf sealed;
	uint64_t fetched; /* Sealed bytes. */
	/* The segment opened last. */
	uint32_t pack, segment;
	const uint8_t *plain;
	/* Sealed bytes that reader_prefetch() has fetched. */
	struct buf ahead;
	uint32_t ahead_pack, ahead_off;
};

void
reader_cache_free(struct reader_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < DIRS_MAX; i++)
		pack_dir_free(c->dirs[i].dir);
	pthread_mutex_destroy(&c->lock);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

static err
cache_of(struct vault *v, struct reader_cache **ret)
{
	err e;

	if (v->reader == NULL) {
		if ((e = mem_alloc(1, sizeof(*v->reader), &v->reader)).code)
			return e;
		pthread_mutex_init(&v->reader->lock, NULL);
		for (size_t i = 0; i < DIRS_MAX; i++)
			v->reader->dirs[i].pack = PACK_NONE;
	}
	*ret = v->reader;
	return OK;
}

err
reader_new(struct vault *v, struct reader **ret)
{
	AUTO(reader_freep) struct reader *r = NULL;
	struct reader_cache *c;
	err e;

	if ((e = cache_of(v, &c)).code ||
	    (e = mem_alloc(1, sizeof(*r), &r)).code)
		return e;
	r->v = v;
	r->sealed = BUF_MAX(PACK_MAX);
	r->ahead = BUF_MAX(PACK_MAX);
	r->pack = r->ahead_pack = PACK_NONE;
	if ((e = decoder_new(&r->decoder)).code)
		return e;
	atomic_fetch_add(&c->readers, 1);
	r->counted = true;
	*ret = take(r);
	return OK;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	if (r->counted)
		atomic_fetch_sub(&r->v->reader->readers, 1);
	decoder_free(r->decoder);
	buf_release(&r->sealed);
	buf_release(&r->ahead);
	free(r);
}

void
reader_freep(struct reader **r)
{
	reader_free(*r);
}

/* The session key of a pack; the cache is locked. */
static err
session_key(struct vault *v, const struct preamble *pre, struct secret *ret)
{
	struct reader_cache *c = v->reader;
	err e;

	for (size_t i = 0; i < c->nsessions; i++)
		if (memcmp(c->sessions[i].id, pre->session, ID_LEN) == 0) {
			*ret = c->sessions[i].key;
			return OK;
		}
	if ((e = preamble_open(&v->keys, pre, ret)).code)
		return e;
	if (c->nsessions == SESSIONS_MAX)
		c->nsessions = 0;
	memcpy(c->sessions[c->nsessions].id, pre->session, ID_LEN);
	c->sessions[c->nsessions++].key = *ret;
	return OK;
}

/* Load a directory into slot ${s}; the cache is locked. */
static err
dir_fill(struct vault *v, uint32_t pack, struct dir_slot *s)
{
	const struct pack_row *row = &v->packs.v[pack];
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	AUTO(secret_release) struct secret key = { 0 };
	struct preamble pre;
	err first = OK, e = OK;

	for (size_t i = 0; i < v->ncopies && d == NULL; i++) {
		if (v->copies[i].store == NULL)
			continue;
		e = pack_dir_load(v->copies[i].store, &row->id, row->size,
		                  &v->keys.domain, &d, &pre);
		err_keep(&first, e);
	}
	if (d == NULL)
		return first;
	err_drop(first);
	if ((e = session_key(v, &pre, &key)).code)
		return e;
	pack_dir_free(s->dir);
	s->dir = take(d);
	s->key = key;
	s->pack = pack;
	return OK;
}

err
reader_dir(struct reader *r, uint32_t pack, const struct pack_dir **ret,
           struct secret *ret_key)
{
	struct reader_cache *c = r->v->reader;
	struct dir_slot *oldest = NULL, *s = NULL;
	err e = OK;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < DIRS_MAX && s == NULL; i++) {
		struct dir_slot *t = &c->dirs[i];

		if (t->pack == pack)
			s = t;
		else if (t->refs == 0 &&
		         (oldest == NULL || t->used < oldest->used))
			oldest = t;
	}
	if (s == NULL && oldest == NULL)
		e = err_new(E_LIMIT, "too many packs open at once");
	else if (s == NULL && !(e = dir_fill(r->v, pack, oldest)).code)
		s = oldest;
	if (s != NULL) {
		s->refs++;
		s->used = ++c->ticks;
		*ret = s->dir;
		if (ret_key != NULL)
			*ret_key = s->key;
	}
	pthread_mutex_unlock(&c->lock);
	return e;
}

void
reader_dir_done(struct reader *r, uint32_t pack)
{
	struct reader_cache *c = r->v->reader;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < DIRS_MAX; i++)
		if (c->dirs[i].pack == pack && c->dirs[i].refs > 0) {
			c->dirs[i].refs--;
			break;
		}
	pthread_mutex_unlock(&c->lock);
}

/* Fetch and open one segment from the first store whose copy is right. */
static err
segment_fetch(struct reader *r, uint32_t pack, uint32_t segment,
              const struct pack_dir *d, const struct secret *key)
{
	const struct segment_row *s = &d->segments[segment];
	char name[PACK_NAME_LEN];
	err first = OK, e;

	pack_name(&r->v->packs.v[pack].id, name);
	r->pack = PACK_NONE;
	for (size_t i = 0; i < r->v->ncopies; i++) {
		uint8_t *p;

		if (r->v->copies[i].store == NULL)
			continue;
		buf_clear(&r->sealed);
		if ((p = buf_room(&r->sealed, s->sealed_len)) == NULL)
			return buf_done(&r->sealed);
		e = store_get_range(r->v->copies[i].store, name, s->off,
		                    s->sealed_len, p);
		r->fetched += s->sealed_len;
		if (!e.code)
			e = segment_open(r->decoder, key, d, segment, p,
			                 &r->plain);
		if (!e.code) {
			err_drop(first);
			r->pack = pack;
			r->segment = segment;
			return OK;
		}
		err_keep(&first, err_in(e, "%s", name));
	}
	return first.code ? first : err_new(E_NOTFOUND, "%s", name);
}

void
reader_prefetch(struct reader *r, uint32_t pack, const struct pack_dir *dir,
                uint32_t first, uint32_t last)
{
	uint32_t off = dir->segments[first].off;
	size_t n = dir->segments[last].off + dir->segments[last].sealed_len -
	    off;
	char name[PACK_NAME_LEN];
	uint8_t *p;
	err e;

	r->ahead_pack = PACK_NONE;
	buf_clear(&r->ahead);
	if ((p = buf_room(&r->ahead, n)) == NULL)
		return;
	pack_name(&r->v->packs.v[pack].id, name);
	e = store_get_range(vault_first(r->v), name, off, n, p);
	r->fetched += n;
	if (!e.code) {
		r->ahead.len = n;
		r->ahead_pack = pack;
		r->ahead_off = off;
	}
	err_drop(e);
}

err
reader_segment(struct reader *r, uint32_t pack, const struct pack_dir *dir,
               const struct secret *key, uint32_t segment, const uint8_t **ret)
{
	const struct segment_row *s = &dir->segments[segment];
	err e;

	if (r->pack == pack && r->segment == segment) {
		*ret = r->plain;
		return OK;
	}
	r->pack = PACK_NONE;
	if (r->ahead_pack == pack && s->off >= r->ahead_off &&
	    s->off + s->sealed_len <= r->ahead_off + r->ahead.len) {
		e = segment_open(r->decoder, key, dir, segment,
		                 r->ahead.p + (s->off - r->ahead_off),
		                 &r->plain);
		if (!e.code) {
			r->pack = pack;
			r->segment = segment;
			*ret = r->plain;
			return OK;
		}
		/* Opened in place: these bytes are spent. */
		err_drop(e);
		r->ahead_pack = PACK_NONE;
	}
	if ((e = segment_fetch(r, pack, segment, dir, key)).code)
		return e;
	*ret = r->plain;
	return OK;
}

uint64_t
reader_fetched(const struct reader *r)
{
	return r->fetched;
}

err
chunk_check(const struct secret *naming, const struct chunk_row *row,
            const uint8_t *plain, struct digest *ret_sha)
{
	struct digest sha, name;

	sha256(plain + row->off, row->len, &sha);
	chunk_name(naming, &sha, &name);
	if (!digest_eq(&name, &row->name))
		return err_new(E_CORRUPT,
		               "chunk %.12s: its bytes do not match its name",
		               digest_str(&row->name));
	if (ret_sha != NULL)
		*ret_sha = sha;
	return OK;
}

err
reader_place(struct vault *v, const struct digest *name,
             struct chunk_place *ret)
{
	bool found;
	err e;

	if ((e = index_set_find(&v->index, &v->packs, name, ret, &found)).code)
		return e;
	if (!found)
		return err_new(E_NOTFOUND, "chunk %.12s is in no pack",
		               digest_str(name));
	return OK;
}

/* The chunk at ${at}, whose pack's directory is open. */
static err
chunk_at(struct reader *r, const struct chunk_place *at,
         const struct pack_dir *d, const struct secret *key,
         const struct digest *name, struct buf *b)
{
	const struct chunk_row *row;
	err e;

	if (at->segment >= d->nsegments ||
	    at->pos >= d->segments[at->segment].n)
		return err_new(E_CORRUPT, "the index points outside of pack %s",
		               digest_str(&r->v->packs.v[at->pack].id));
	row = &d->chunks[d->segments[at->segment].first + at->pos];
	if (!digest_eq(&row->name, name))
		return err_new(E_CORRUPT, "the index points to a wrong chunk");
	if ((r->pack != at->pack || r->segment != at->segment) &&
	    (e = segment_fetch(r, at->pack, at->segment, d, key)).code)
		return e;
	if ((e = chunk_check(&r->v->keys.domain.naming, row, r->plain, NULL))
	        .code)
		return e;
	buf_add(b, r->plain + row->off, row->len);
	return buf_done(b);
}

static err
chunk_from(struct reader *r, const struct chunk_place *at,
           const struct digest *name, struct buf *b)
{
	AUTO(secret_release) struct secret key = { 0 };
	const struct pack_dir *d;
	err e;

	if ((e = reader_dir(r, at->pack, &d, &key)).code)
		return e;
	e = chunk_at(r, at, d, &key, name, b);
	reader_dir_done(r, at->pack);
	return e;
}

/* Find a chunk; if an index was lost, the packs themselves know.  The tables
 * change under that, so nobody else may read. */
static err
find(struct reader *r, const struct digest *name, struct chunk_place *ret)
{
	struct reader_cache *c = r->v->reader;
	err e = reader_place(r->v, name, ret);

	if (e.code != E_NOTFOUND || !r->v->adopts || c->adopted ||
	    atomic_load(&c->readers) != 1)
		return e;
	err_drop(e);
	c->adopted = true;
	if ((e = index_adopt(r->v, NULL)).code)
		return e;
	return reader_place(r->v, name, ret);
}

err
reader_chunk(struct reader *r, const struct digest *name, struct buf *b)
{
	struct chunk_place at[PLACES];
	size_t n = PLACES;
	err first, e;

	if ((e = find(r, name, &at[0])).code)
		return e;
	first = chunk_from(r, &at[0], name, b);
	if (first.code != E_NOTFOUND && first.code != E_CORRUPT)
		return first;

	/* Writers who did not know of each other, or whom a collector warned,
	 * put a chunk into two packs: either will do. */
	e = index_set_places(&r->v->index, &r->v->packs, name, at, &n);
	err_drop(e);
	for (size_t i = 0; !e.code && i < n; i++) {
		err other = chunk_from(r, &at[i], name, b);

		if (!other.code) {
			err_drop(first);
			return OK;
		}
		err_drop(other);
	}
	return first;
}
