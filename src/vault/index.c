/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Index files.  Layout: preamble in the first 4096 bytes, then sealed pages of
 * 4096 bytes, numbered from 0; page n is sealed with nonce n under a key that
 * only this file has.  Page 0 is the header; then the sections, each starting
 * on a page of its own: superseded files, packs, fence, filter, entries; then
 * padding.
 */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault/index.h"

#define PLAIN            (INDEX_PAGE - TAG_LEN)
#define HEADER_LEN       48
#define PACK_BYTES       40
#define FILTER_BLOCK     64 /* One cache line a name. */
#define FILTER_PER_BLOCK 48 /* Names a block: 10.7 bits a name. */
#define PAGES_MAX        (1u << 24)

struct index_file {
	int fd;
	struct aead *aead;
	pthread_mutex_t lock; /* Of aead. */
	uint64_t entries;
	uint32_t npacks, nsuper, npages;
	uint32_t fence_pages, filter_pages;
	uint32_t first_entry_page, entry_pages;
	uint32_t *packs; /* Local pack number to global number. */
	uint64_t *fence; /* First eight bytes of each entry page. */
	uint8_t *filter; /* Bloom filter in blocks. */
	uint32_t blocks;
	struct packset super;
	struct digest id;
	uint32_t serial; /* Tells files apart in the page cache. */
};

/* Opened pages, direct-mapped: the newest wins. */
#define CACHE_SLOTS 4096
struct index_cache {
	pthread_mutex_t lock;
	struct {
		uint64_t tag; /* serial << 32 | page, plus one; 0 = empty. */
		uint8_t *plain;
	} slot[CACHE_SLOTS];
	uint32_t serials;
};

static uint64_t
be_prefix(const uint8_t *p)
{
	return __builtin_bswap64(le64(p));
}

/* --- the filter ----------------------------------------------------------- */

static uint8_t *
filter_block(uint8_t *filter, uint32_t blocks, const uint8_t *prefix,
             uint64_t *ret_bits)
{
	uint64_t x = le64(prefix + 8);

	*ret_bits = (x * 0x9e3779b97f4a7c15u) ^ le64(prefix);
	return filter +
	    (size_t)(((unsigned __int128)x * blocks) >> 64) * FILTER_BLOCK;
}

static void
filter_set(uint8_t *filter, uint32_t blocks, const uint8_t *prefix)
{
	uint64_t bits;
	uint8_t *b = filter_block(filter, blocks, prefix, &bits);

	for (int k = 0; k < 7; k++, bits >>= 9)
		b[(bits & 511) >> 3] |= (uint8_t)(1u << (bits & 7));
}

static bool
filter_has(const struct index_file *f, const uint8_t *prefix)
{
	uint64_t bits;
	const uint8_t *b;

	if (f->blocks == 0)
		return false;
	b = filter_block(f->filter, f->blocks, prefix, &bits);
	for (int k = 0; k < 7; k++, bits >>= 9)
		if (!(b[(bits & 511) >> 3] & (1u << (bits & 7))))
			return false;
	return true;
}

/* --- building ------------------------------------------------------------- */

static err
file_cipher(const struct domain_keys *domain, const struct digest *hash,
            struct aead **ret)
{
	AUTO(secret_release) struct secret k = { 0 };

	hkdf(&domain->index, hash->b, DIGEST_LEN, "casemate index page v1", &k);
	return aead_new(&k, ret);
}

static void
page_nonce(uint32_t page, uint8_t nonce[NONCE_LEN])
{
	memset(nonce, 0, NONCE_LEN);
	put_le32(nonce, page);
}

/* Seal ${n} bytes as pages; the last is filled with zeroes. */
static err
pages_seal(struct aead *a, const uint8_t *p, size_t n, uint32_t *page,
           struct buf *b)
{
	struct aead_ad ad = { 0 };
	uint8_t plain[PLAIN], nonce[NONCE_LEN];
	err e;

	for (size_t off = 0; off < n; off += PLAIN) {
		size_t k = MIN(n - off, (size_t)PLAIN);
		uint8_t *out = buf_room(b, INDEX_PAGE);

		if (out == NULL)
			return buf_done(b);
		memcpy(plain, p + off, k);
		memset(plain + k, 0, PLAIN - k);
		page_nonce((*page)++, nonce);
		if ((e = aead_seal(a, nonce, ad, plain, PLAIN, out)).code)
			return e;
		b->len += INDEX_PAGE;
	}
	return OK;
}

static uint32_t
pages_of(size_t bytes)
{
	return (uint32_t)((bytes + PLAIN - 1) / PLAIN);
}

static int
prefix_cmp(const struct index_entry *a, const struct index_entry *b)
{
	return memcmp(a->prefix, b->prefix, INDEX_PREFIX);
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct index_entry *x = a, *y = b;
	int c = prefix_cmp(x, y);

	if (c == 0)
		c = (x->at.pack > y->at.pack) - (x->at.pack < y->at.pack);
	if (c == 0)
		c = x->at.segment - y->at.segment;
	return c != 0 ? c : x->at.pos - y->at.pos;
}

/* The same chunk in two packs is two entries: either pack may go first. */
static bool
entry_same(const struct index_entry *a, const struct index_entry *b)
{
	return prefix_cmp(a, b) == 0 && a->at.pack == b->at.pack;
}

/* Everything of an index file that is not a page yet. */
struct draft {
	struct buf super, packs, fence, filter, entries;
	uint32_t *local; /* Global to local pack number. */
	uint32_t npacks;
	uint32_t blocks;
	size_t n;
};

static void
draft_release(struct draft *d)
{
	buf_release(&d->super);
	buf_release(&d->packs);
	buf_release(&d->fence);
	buf_release(&d->filter);
	buf_release(&d->entries);
	free(d->local);
}

static void
draft_pack(struct draft *d, const struct packtab *packs, uint32_t global)
{
	const struct pack_row *r = &packs->v[global];

	if (d->local[global] != PACK_NONE)
		return;
	d->local[global] = d->npacks++;
	buf_add(&d->packs, r->id.b, DIGEST_LEN);
	buf_u32(&d->packs, r->size);
	buf_u32(&d->packs, r->trailer_off);
}

static void
draft_entry(struct draft *d, const struct index_entry *en)
{
	if (d->n % INDEX_PER_PAGE == 0)
		buf_add(&d->fence, en->prefix, 8);
	filter_set(d->filter.p, d->blocks, en->prefix);
	buf_add(&d->entries, en->prefix, INDEX_PREFIX);
	buf_u32(&d->entries, d->local[en->at.pack]);
	buf_u16(&d->entries, en->at.segment);
	buf_u16(&d->entries, en->at.pos);
	d->n++;
}

static err
draft_fill(struct draft *d, struct index_entry *entries, size_t n,
           const struct packtab *packs, const struct packset *supersedes)
{
	uint8_t *p;
	err e;

	if ((e = mem_alloc(packs->n, sizeof(*d->local), &d->local)).code)
		return e;
	memset(d->local, 0xff, packs->n * sizeof(*d->local));
	qsort(entries, n, sizeof(*entries), entry_cmp);
	d->blocks = (uint32_t)(n / FILTER_PER_BLOCK + 1);
	if ((p = buf_room(&d->filter, (size_t)d->blocks * FILTER_BLOCK)) ==
	    NULL)
		return buf_done(&d->filter);
	memset(p, 0, (size_t)d->blocks * FILTER_BLOCK);
	d->filter.len = (size_t)d->blocks * FILTER_BLOCK;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && entry_same(&entries[i - 1], &entries[i]))
			continue;
		draft_pack(d, packs, entries[i].at.pack);
		draft_entry(d, &entries[i]);
	}
	for (size_t i = 0; supersedes != NULL && i < supersedes->n; i++)
		buf_add(&d->super, supersedes->v[i].b, DIGEST_LEN);

	e = OK;
	err_keep(&e, buf_done(&d->super));
	err_keep(&e, buf_done(&d->packs));
	err_keep(&e, buf_done(&d->fence));
	err_keep(&e, buf_done(&d->entries));
	return e;
}

static void
draft_header(const struct draft *d, uint32_t npages, uint8_t h[HEADER_LEN])
{
	memset(h, 0, HEADER_LEN);
	put_le32(h, 1); /* layout */
	put_le32(h + 4, npages);
	put_le64(h + 8, d->n);
	put_le32(h + 16, d->npacks);
	put_le32(h + 20, (uint32_t)(d->super.len / DIGEST_LEN));
	put_le32(h + 24, d->blocks);
}

err
index_build(const struct node_keys *keys, struct index_entry *entries, size_t n,
            const struct packtab *packs, const struct packset *supersedes,
            struct buf *b)
{
	AUTO(draft_release)
	struct draft d = {
		BUF_MAX(GiB),
		BUF_MAX(GiB),
		BUF_MAX(GiB),
		BUF_MAX(GiB),
		BUF_MAX(GiB),
		NULL,
		0,
		0,
		0,
	};
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t head[HEADER_LEN], *p;
	struct preamble pre;
	uint32_t page = 0, npages;
	size_t used;
	err e;

	if ((e = draft_fill(&d, entries, n, packs, supersedes)).code ||
	    (e = preamble_write(MAGIC_INDEX, keys, NULL, LOCK_NONE, b, &pre))
	        .code ||
	    (e = file_cipher(&keys->domain, &pre.hash, &a)).code)
		return e;
	if ((p = buf_room(b, INDEX_PAGE - b->len)) == NULL)
		return buf_done(b);
	memset(p, 0, INDEX_PAGE - b->len);
	b->len = INDEX_PAGE;

	used = 1 + pages_of(d.super.len) + pages_of(d.packs.len) +
	    pages_of(d.fence.len) + pages_of(d.filter.len) +
	    pages_of(d.entries.len);
	npages = (uint32_t)padme(used);
	draft_header(&d, npages, head);
	if ((e = pages_seal(a, head, HEADER_LEN, &page, b)).code ||
	    (e = pages_seal(a, d.super.p, d.super.len, &page, b)).code ||
	    (e = pages_seal(a, d.packs.p, d.packs.len, &page, b)).code ||
	    (e = pages_seal(a, d.fence.p, d.fence.len, &page, b)).code ||
	    (e = pages_seal(a, d.filter.p, d.filter.len, &page, b)).code ||
	    (e = pages_seal(a, d.entries.p, d.entries.len, &page, b)).code)
		return e;
	while (page < npages)
		if ((e = pages_seal(a, (const uint8_t *)"", 1, &page, b)).code)
			return e;
	return buf_done(b);
}

/* --- opening -------------------------------------------------------------- */

static err
page_read(struct index_file *f, uint32_t page, uint8_t plain[PLAIN])
{
	uint8_t sealed[INDEX_PAGE], nonce[NONCE_LEN];
	struct aead_ad ad = { 0 };
	size_t n;
	err e;

	e = fs_pread_full(f->fd, sealed, INDEX_PAGE,
	                  (off_t)(page + 1) * INDEX_PAGE, &n);
	if (e.code)
		return err_in(e, "index page %u", page);
	if (n != INDEX_PAGE)
		return err_new(E_CORRUPT, "index page %u is missing", page);
	page_nonce(page, nonce);
	pthread_mutex_lock(&f->lock);
	e = aead_open(f->aead, nonce, ad, sealed, INDEX_PAGE, plain);
	pthread_mutex_unlock(&f->lock);
	return err_in(e, "index page %u", page);
}

/* Read a section of ${n} bytes from page ${*page} on into new memory. */
static err
section_read(struct index_file *f, size_t n, uint32_t *page, uint8_t **ret)
{
	AUTO(free_ptr) uint8_t *p = NULL;
	uint8_t plain[PLAIN];
	err e;

	if (pages_of(n) > f->npages - *page)
		return err_new(E_CORRUPT, "damaged index header");
	if ((e = mem_alloc(n, 1, &p)).code)
		return e;
	for (size_t off = 0; off < n; off += PLAIN) {
		if ((e = page_read(f, (*page)++, plain)).code)
			return e;
		memcpy(p + off, plain, MIN(n - off, (size_t)PLAIN));
	}
	*ret = take(p);
	return OK;
}

static err
packs_read(struct index_file *f, const uint8_t *raw, struct packtab *packs)
{
	struct cur c = CUR(raw, (size_t)f->npacks * PACK_BYTES);
	err e;

	if ((e = mem_alloc(f->npacks, sizeof(*f->packs), &f->packs)).code)
		return e;
	for (uint32_t i = 0; i < f->npacks; i++) {
		struct digest id;
		uint32_t size, off;

		cur_copy(&c, id.b, DIGEST_LEN);
		size = cur_u32(&c);
		off = cur_u32(&c);
		if ((e = packtab_add(packs, &id, size, off, &f->packs[i])).code)
			return e;
	}
	return OK;
}

static err
header_read(struct index_file *f)
{
	uint8_t h[PLAIN];
	off_t size = lseek(f->fd, 0, SEEK_END);
	err e;

	f->npages = 1;
	if ((e = page_read(f, 0, h)).code)
		return e;
	if (le32(h) != 1)
		return err_new(E_UNSUPPORTED,
		               "an index of a newer format: update casemate");
	f->npages = le32(h + 4);
	f->entries = le64(h + 8);
	f->npacks = le32(h + 16);
	f->nsuper = le32(h + 20);
	f->blocks = le32(h + 24);
	if (f->npages > PAGES_MAX ||
	    size != ((off_t)f->npages + 1) * INDEX_PAGE ||
	    f->entries > (uint64_t)f->npages * INDEX_PER_PAGE ||
	    f->npacks > (uint64_t)f->npages * PLAIN / PACK_BYTES ||
	    f->nsuper > (uint64_t)f->npages * PLAIN / DIGEST_LEN ||
	    f->blocks > (uint64_t)f->npages * PLAIN / FILTER_BLOCK)
		return err_new(E_CORRUPT, "damaged index header");
	f->entry_pages = (uint32_t)((f->entries + INDEX_PER_PAGE - 1) /
	                            INDEX_PER_PAGE);
	return OK;
}

static err
sections_read(struct index_file *f, struct packtab *packs)
{
	AUTO(free_ptr) uint8_t *super = NULL;
	AUTO(free_ptr) uint8_t *rows = NULL;
	AUTO(free_ptr) uint8_t *fence = NULL;
	uint32_t page = 1;
	err e;

	if ((e = section_read(f, (size_t)f->nsuper * DIGEST_LEN, &page, &super))
	        .code ||
	    (e = section_read(f, (size_t)f->npacks * PACK_BYTES, &page, &rows))
	        .code ||
	    (e = section_read(f, (size_t)f->entry_pages * 8, &page, &fence))
	        .code ||
	    (e = section_read(f, (size_t)f->blocks * FILTER_BLOCK, &page,
	                      &f->filter))
	        .code)
		return e;
	f->first_entry_page = page;
	if (f->entry_pages > f->npages - page)
		return err_new(E_CORRUPT, "damaged index header");

	if ((e = mem_alloc(f->entry_pages, sizeof(*f->fence), &f->fence)).code)
		return e;
	for (uint32_t i = 0; i < f->entry_pages; i++)
		f->fence[i] = be_prefix(fence + (size_t)i * 8);
	for (uint32_t i = 0; i < f->nsuper; i++) {
		struct digest d;

		memcpy(d.b, super + (size_t)i * DIGEST_LEN, DIGEST_LEN);
		if ((e = packset_add(&f->super, &d)).code)
			return e;
	}
	return packs_read(f, rows, packs);
}

err
index_open(int fd, const struct domain_keys *domain, struct packtab *packs,
           struct index_file **ret)
{
	AUTO(index_closep) struct index_file *f = NULL;
	AUTO(close_fd) int mine = fd;
	uint8_t head[PREAMBLE_FIXED];
	struct preamble pre;
	size_t n;
	err e;

	if ((e = mem_alloc(1, sizeof(*f), &f)).code)
		return e;
	f->fd = mine;
	mine = -1;
	pthread_mutex_init(&f->lock, NULL);
	if ((e = fs_pread_full(f->fd, head, sizeof(head), 0, &n)).code ||
	    (e = preamble_read(MAGIC_INDEX, head, n, &pre)).code)
		return err_in(e, "index");
	if (memcmp(pre.domain, domain->id, ID_LEN) != 0)
		return err_new(E_DENIED, "index of another domain");
	if ((e = file_cipher(domain, &pre.hash, &f->aead)).code ||
	    (e = header_read(f)).code || (e = sections_read(f, packs)).code)
		return e;
	*ret = take(f);
	return OK;
}

void
index_close(struct index_file *f)
{
	if (f == NULL)
		return;
	close_fd(&f->fd);
	aead_free(f->aead);
	pthread_mutex_destroy(&f->lock);
	free(f->packs);
	free(f->fence);
	free(f->filter);
	packset_release(&f->super);
	free(f);
}

void
index_closep(struct index_file **f)
{
	index_close(*f);
}

size_t
index_count(const struct index_file *f)
{
	return (size_t)f->entries;
}

const struct packset *
index_supersedes(const struct index_file *f)
{
	return &f->super;
}

void
index_set_id(struct index_file *f, const struct digest *id)
{
	f->id = *id;
}

const struct digest *
index_id(const struct index_file *f)
{
	return &f->id;
}

const uint32_t *
index_packs(const struct index_file *f, size_t *ret_n)
{
	*ret_n = f->npacks;
	return f->packs;
}

/* --- reading -------------------------------------------------------------- */

static err
entry_decode(const struct index_file *f, const uint8_t *p,
             struct index_entry *ret)
{
	uint32_t local = le32(p + INDEX_PREFIX);

	memcpy(ret->prefix, p, INDEX_PREFIX);
	ret->at.segment = le16(p + INDEX_PREFIX + 4);
	ret->at.pos = le16(p + INDEX_PREFIX + 6);
	if (local >= f->npacks)
		return err_new(E_CORRUPT, "index entry without a pack");
	ret->at.pack = f->packs[local];
	return OK;
}

static size_t
page_entries(const struct index_file *f, uint32_t i)
{
	return MIN((size_t)f->entries - (size_t)i * INDEX_PER_PAGE,
	           (size_t)INDEX_PER_PAGE);
}

void
index_walk_init(struct index_walk *w, struct index_file *f)
{
	w->f = f;
	w->next = 0;
}

err
index_walk_next(struct index_walk *w, struct index_entry *ret, bool *ret_more)
{
	uint32_t page = (uint32_t)(w->next / INDEX_PER_PAGE);
	size_t pos = (size_t)(w->next % INDEX_PER_PAGE);
	err e;

	*ret_more = w->next < w->f->entries;
	if (!*ret_more)
		return OK;
	if (pos == 0 &&
	    (e = page_read(w->f, w->f->first_entry_page + page, w->plain)).code)
		return e;
	w->next++;
	return entry_decode(w->f, w->plain + pos * INDEX_ENTRY, ret);
}

err
index_each(struct index_file *f,
           err (*fn)(const struct index_entry *e, void *arg), void *arg)
{
	struct index_walk w;
	struct index_entry en;
	bool more;
	err e;

	index_walk_init(&w, f);
	while (!(e = index_walk_next(&w, &en, &more)).code && more)
		if ((e = fn(&en, arg)).code)
			return e;
	return e;
}

struct order {
	struct index_entry last;
	size_t n;
};

static err
check_order(const struct index_entry *e, void *arg)
{
	struct order *o = arg;

	if (o->n++ > 0 && prefix_cmp(&o->last, e) > 0)
		return err_new(E_CORRUPT, "index entries out of order");
	o->last = *e;
	return OK;
}

err
index_check(struct index_file *f)
{
	struct order o = { .n = 0 };
	uint8_t plain[PLAIN];
	err e;

	for (uint32_t p = 0; p < f->npages; p++)
		if ((e = page_read(f, p, plain)).code)
			return e;
	return index_each(f, check_order, &o);
}

/* --- the set -------------------------------------------------------------- */

err
index_set_init(struct index_set *s)
{
	err e;

	*s = (struct index_set){ 0 };
	if ((e = mem_alloc(1, sizeof(*s->cache), &s->cache)).code)
		return e;
	pthread_mutex_init(&s->cache->lock, NULL);
	return OK;
}

void
index_set_release(struct index_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		index_close(s->v[i]);
	free(s->v);
	if (s->cache != NULL) {
		for (size_t i = 0; i < CACHE_SLOTS; i++)
			free(s->cache->slot[i].plain);
		pthread_mutex_destroy(&s->cache->lock);
		free(s->cache);
	}
	*s = (struct index_set){ 0 };
}

err
index_set_add(struct index_set *s, struct index_file *f)
{
	err e;

	if ((e = mem_grow(&s->v, s->n + 1, &s->cap, sizeof(*s->v))).code) {
		index_close(f);
		return e;
	}
	f->serial = s->cache->serials++;
	s->v[s->n++] = f;
	return OK;
}

/* The first entry page that may hold names of first bytes ${key}. */
static size_t
fence_find(const struct index_file *f, uint64_t key)
{
	size_t lo = 0, hi = f->entry_pages;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (f->fence[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 ? lo - 1 : 0;
}

/* The first of ${n} entries that is not below ${prefix}. */
static size_t
page_search(const uint8_t *plain, size_t n, const uint8_t *prefix)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (memcmp(plain + mid * INDEX_ENTRY, prefix, INDEX_PREFIX) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Get entry page ${i} of ${f} by way of the cache. */
static err
page_cached(struct index_cache *c, struct index_file *f, uint32_t i,
            uint8_t plain[PLAIN])
{
	uint64_t tag = ((uint64_t)f->serial << 32 | i) + 1;
	size_t slot = (size_t)((tag * 0x9e3779b97f4a7c15u) >> 52) % CACHE_SLOTS;
	bool hit;
	err e;

	pthread_mutex_lock(&c->lock);
	if ((hit = c->slot[slot].tag == tag))
		memcpy(plain, c->slot[slot].plain, PLAIN);
	pthread_mutex_unlock(&c->lock);
	if (hit)
		return OK;
	if ((e = page_read(f, f->first_entry_page + i, plain)).code)
		return e;
	pthread_mutex_lock(&c->lock);
	if (c->slot[slot].plain == NULL)
		c->slot[slot].plain = malloc(PLAIN);
	if (c->slot[slot].plain != NULL) {
		memcpy(c->slot[slot].plain, plain, PLAIN);
		c->slot[slot].tag = tag;
	}
	pthread_mutex_unlock(&c->lock);
	return OK;
}

/* Where a look-up leaves what it finds. */
struct places {
	const struct packtab *packs;
	struct chunk_place *v;
	size_t n, max;
};

/* Add what file ${f} knows of ${name}.  Equal entries may span pages. */
static err
file_places(struct index_cache *c, struct index_file *f,
            const struct digest *name, struct places *found)
{
	uint64_t key = be_prefix(name->b);
	uint8_t plain[PLAIN];
	struct index_entry en;
	err e;

	if (!filter_has(f, name->b))
		return OK;
	for (size_t i = fence_find(f, key);
	     i < f->entry_pages && f->fence[i] <= key; i++) {
		size_t n = page_entries(f, (uint32_t)i), pos;

		if ((e = page_cached(c, f, (uint32_t)i, plain)).code)
			return e;
		for (pos = page_search(plain, n, name->b); pos < n &&
		     memcmp(plain + pos * INDEX_ENTRY, name->b, INDEX_PREFIX) ==
		         0;
		     pos++) {
			e = entry_decode(f, plain + pos * INDEX_ENTRY, &en);
			if (e.code)
				return e;
			if (packtab_is(found->packs, en.at.pack, PACK_DEAD))
				continue;
			found->v[found->n++] = en.at;
			if (found->n == found->max)
				return OK;
		}
		if (pos < n)
			break;
	}
	return OK;
}

err
index_set_places(struct index_set *s, const struct packtab *packs,
                 const struct digest *name, struct chunk_place *ret, size_t *n)
{
	struct places found = { packs, ret, 0, *n };
	err e;

	for (size_t k = s->n; k-- > 0 && found.n < found.max;)
		if ((e = file_places(s->cache, s->v[k], name, &found)).code)
			return e;
	*n = found.n;
	return OK;
}

err
index_set_find(struct index_set *s, const struct packtab *packs,
               const struct digest *name, struct chunk_place *ret,
               bool *ret_found)
{
	struct chunk_place at;
	size_t n = 1;
	err e;

	if ((e = index_set_places(s, packs, name, &at, &n)).code)
		return e;
	if ((*ret_found = n > 0))
		*ret = at;
	return OK;
}
