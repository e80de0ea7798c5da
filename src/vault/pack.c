/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The format of packs.  Invariants:
 * 1. Segments lie back to back between preamble and trailer: no byte is free.
 * 2. The trailer, the padding inside it and the footer are sealed under a key
 * that only this pack has, because its preamble carries a fresh salt.
 * 3. trailer_off + sealed trailer + footer = size of the pack.
 */

#include <string.h>

#include "vault/pack.h"

#define SEGMENT_FIXED 32 /* Bytes of a segment record without its TLVs. */
#define CHUNK_FIXED   38 /* Bytes of a chunk record without its TLVs. */
#define TLV_CRITICAL  0x80
#define TRAILER_MAX   PACK_MAX
#define FIRST_READ    4096

void
pack_name(const struct digest *id, char name[PACK_NAME_LEN])
{
	memcpy(name, "packs/", 6);
	hex_encode(id->b, DIGEST_LEN, name + 6);
}

void
pack_dir_free(struct pack_dir *d)
{
	if (d == NULL)
		return;
	free(d->segments);
	free(d->chunks);
	free(d);
}

void
pack_dir_freep(struct pack_dir **d)
{
	pack_dir_free(*d);
}

void
chunk_name(const struct secret *naming, const struct digest *sha,
           struct digest *ret)
{
	hmac_sha256(naming, sha->b, DIGEST_LEN, ret);
}

void
pack_dir_encode(const struct pack_dir *d, struct buf *b)
{
	buf_u32(b, (uint32_t)d->nsegments);
	buf_u32(b, (uint32_t)d->nchunks);
	for (size_t i = 0; i < d->nsegments; i++) {
		const struct segment_row *s = &d->segments[i];

		buf_u32(b, s->off);
		buf_u32(b, s->sealed_len);
		buf_u32(b, s->plain_len);
		buf_add(b, s->nonce, NONCE_LEN);
		buf_u8(b, s->codec);
		buf_u8(b, s->kind);
		buf_u32(b, s->n);
		buf_u16(b, 0); /* no TLVs */
		for (uint32_t k = 0; k < s->n; k++) {
			const struct chunk_row *c = &d->chunks[s->first + k];

			buf_add(b, c->name.b, DIGEST_LEN);
			buf_u32(b, c->len);
			buf_u16(b, 0); /* no TLVs */
		}
	}
}

/* TLVs are type u8, length u16, value; none is known to this version. */
static err
skip_tlvs(struct cur *c)
{
	struct cur t = cur_sub(c, cur_u16(c));

	while (t.left > 0 && !t.bad) {
		uint8_t type = cur_u8(&t);

		(void)cur_bytes(&t, cur_u16(&t));
		if (type & TLV_CRITICAL)
			return err_new(
			    E_UNSUPPORTED,
			    "a chunk coded by a newer version: update casemate");
	}
	c->bad |= t.bad;
	return OK;
}

static err
segment_decode(struct cur *c, struct pack_dir *d, struct segment_row *s)
{
	uint32_t off = 0;
	err e;

	s->off = cur_u32(c);
	s->sealed_len = cur_u32(c);
	s->plain_len = cur_u32(c);
	cur_copy(c, s->nonce, NONCE_LEN);
	s->codec = cur_u8(c);
	s->kind = cur_u8(c);
	s->n = cur_u32(c);
	if ((e = skip_tlvs(c)).code)
		return e;
	if (c->bad || s->sealed_len < TAG_LEN || s->n == 0 ||
	    s->plain_len > SEGMENT_PLAIN_MAX || s->n > SEGMENT_CHUNKS_MAX ||
	    s->n > c->left / CHUNK_FIXED || s->off > d->trailer_off ||
	    s->sealed_len > d->trailer_off - s->off)
		return err_new(E_CORRUPT, "a segment outside its pack");
	if (s->codec > CODEC_ZSTD)
		return err_new(E_UNSUPPORTED,
		               "a codec of a newer version: update casemate");
	if (s->kind > CHUNK_TREE)
		return err_new(E_CORRUPT, "a segment of no known kind");

	s->first = (uint32_t)d->nchunks;
	if ((e = mem_grow(&d->chunks, d->nchunks + s->n, &d->cap_chunks,
	                  sizeof(*d->chunks)))
	        .code)
		return e;
	for (uint32_t i = 0; i < s->n; i++) {
		struct chunk_row *r = &d->chunks[d->nchunks];

		cur_copy(c, r->name.b, DIGEST_LEN);
		r->len = cur_u32(c);
		r->off = off;
		if ((e = skip_tlvs(c)).code)
			return e;
		if (c->bad || r->len == 0 || r->len > s->plain_len - off)
			return err_new(E_CORRUPT,
			               "a chunk outside its segment");
		off += r->len;
		d->nchunks++;
	}
	if (off != s->plain_len)
		return err_new(E_CORRUPT, "chunks do not fill their segment");
	return OK;
}

err
pack_dir_decode(const void *p, size_t n, struct pack_dir *d)
{
	struct cur c = CUR(p, n);
	uint32_t nsegments = cur_u32(&c);
	uint32_t nchunks = cur_u32(&c);
	uint32_t off = d->data_off;
	err e;

	if (c.bad || nsegments > PACK_SEGMENTS_MAX ||
	    nsegments > c.left / SEGMENT_FIXED ||
	    nchunks > c.left / CHUNK_FIXED)
		return err_new(E_CORRUPT, "damaged pack directory");
	if ((e = mem_grow(&d->segments, nsegments, &d->cap_segments,
	                  sizeof(*d->segments)))
	        .code ||
	    (e = mem_grow(&d->chunks, nchunks, &d->cap_chunks,
	                  sizeof(*d->chunks)))
	        .code)
		return e;
	for (uint32_t i = 0; i < nsegments; i++) {
		struct segment_row *s = &d->segments[i];

		if ((e = segment_decode(&c, d, s)).code)
			return e;
		if (s->off != off)
			return err_new(E_CORRUPT,
			               "segments that do not lie back to back");
		off += s->sealed_len;
		d->nsegments++;
	}
	if (d->nchunks != nchunks || off != d->trailer_off)
		return err_new(E_CORRUPT, "damaged pack directory");

	/* What is left is padding, which is zero. */
	while (c.left > 0)
		if (cur_u8(&c) != 0)
			return err_new(E_CORRUPT, "damaged padding");
	return OK;
}

static err
trailer_cipher(const struct domain_keys *domain, const struct digest *hash,
               struct aead **ret)
{
	AUTO(secret_release) struct secret k = { 0 };

	hkdf(&domain->trailer, hash->b, DIGEST_LEN, "casemate trailer v1", &k);
	return aead_new(&k, ret);
}

err
pack_close(const struct domain_keys *domain, struct pack_dir *d, struct buf *b)
{
	AUTO(buf_release) struct buf t = BUF_MAX(TRAILER_MAX);
	AUTO(aead_freep) struct aead *a = NULL;
	struct aead_ad ad = { .p = d->hash.b, .n = DIGEST_LEN };
	uint8_t nonce[NONCE_LEN] = { 0 };
	uint8_t footer[16] = { 0 };
	size_t size, plain;
	uint8_t *p;
	err e;

	/* The trailer, filled up with zeroes to a size that tells little. */
	d->trailer_off = (uint32_t)b->len;
	pack_dir_encode(d, &t);
	size = padme(b->len + t.len + TAG_LEN + PACK_FOOTER);
	plain = size - b->len - TAG_LEN - PACK_FOOTER;
	if ((p = buf_room(&t, plain - t.len)) != NULL) {
		memset(p, 0, plain - t.len);
		t.len = plain;
	}
	if ((e = buf_done(&t)).code ||
	    (e = trailer_cipher(domain, &d->hash, &a)).code)
		return err_in(e, "pack directory");
	if ((p = buf_room(b, size - b->len)) == NULL)
		return buf_done(b);
	if ((e = aead_seal(a, nonce, ad, t.p, t.len, p)).code)
		return e;

	/* The footer says where the trailer is. */
	put_le32(footer, d->trailer_off);
	put_le32(footer + 4, (uint32_t)(plain + TAG_LEN));
	nonce[NONCE_LEN - 1] = 1;
	if ((e = aead_seal(a, nonce, ad, footer, sizeof(footer),
	                   p + plain + TAG_LEN))
	        .code)
		return e;
	b->len = size;
	return OK;
}

/* Open the footer: where the trailer begins. */
static err
footer_open(struct aead *a, const struct pack_dir *d, const uint8_t *sealed,
            uint32_t size, uint32_t *ret_off)
{
	struct aead_ad ad = { .p = d->hash.b, .n = DIGEST_LEN };
	uint8_t nonce[NONCE_LEN] = { [NONCE_LEN - 1] = 1 };
	uint8_t footer[16];
	uint64_t off, len;
	err e;

	if ((e = aead_open(a, nonce, ad, sealed, PACK_FOOTER, footer)).code)
		return err_in(e, "footer");
	off = le32(footer);
	len = le32(footer + 4);
	if (le64(footer + 8) != 0 || len < TAG_LEN + 8 ||
	    off + len + PACK_FOOTER != size)
		return err_new(E_CORRUPT, "damaged footer");
	*ret_off = (uint32_t)off;
	return OK;
}

static err
trailer_open(struct aead *a, uint8_t *sealed, size_t n, struct pack_dir *d)
{
	struct aead_ad ad = { .p = d->hash.b, .n = DIGEST_LEN };
	static const uint8_t nonce[NONCE_LEN];
	err e;

	if ((e = aead_open(a, nonce, ad, sealed, n, sealed)).code)
		return err_in(e, "pack directory");
	return pack_dir_decode(sealed, n - TAG_LEN, d);
}

static err
dir_start(const void *head, size_t n, const struct domain_keys *domain,
          struct preamble *pre, struct pack_dir **ret)
{
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	err e;

	if ((e = preamble_read(MAGIC_PACK, head, n, pre)).code)
		return e;
	if (memcmp(pre->domain, domain->id, ID_LEN) != 0)
		return err_new(E_DENIED, "it belongs to another domain");
	if ((e = mem_alloc(1, sizeof(*d), &d)).code)
		return e;
	d->hash = pre->hash;
	d->lock = pre->lock;
	d->data_off = (uint32_t)pre->len;
	memcpy(d->session, pre->session, ID_LEN);
	memcpy(d->domain, pre->domain, ID_LEN);
	*ret = take(d);
	return OK;
}

err
pack_dir_load(struct store *s, const struct digest *id, uint32_t size,
              const struct domain_keys *domain, struct pack_dir **ret,
              struct preamble *ret_pre)
{
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	AUTO(aead_freep) struct aead *a = NULL;
	AUTO(free_ptr) uint8_t *tail = NULL;
	uint8_t head[FIRST_READ], footer[PACK_FOOTER];
	char name[PACK_NAME_LEN];
	struct preamble pre;
	uint64_t asked;
	size_t n;
	err e;

	pack_name(id, name);
	if (size == 0) {
		if ((e = store_size(s, name, &asked)).code)
			return err_in(e, "%s", name);
		size = asked <= PACK_MAX ? (uint32_t)asked : 0;
	}
	if (size < PREAMBLE_FIXED + PACK_FOOTER || size > PACK_MAX)
		return err_new(E_CORRUPT, "%s: impossible size", name);

	/* Head, footer, trailer. */
	n = MIN((size_t)size, sizeof(head));
	if ((e = store_get_range(s, name, 0, n, head)).code ||
	    (e = store_get_range(s, name, size - PACK_FOOTER, PACK_FOOTER,
	                         footer))
	        .code ||
	    (e = dir_start(head, n, domain, &pre, &d)).code ||
	    (e = trailer_cipher(domain, &d->hash, &a)).code ||
	    (e = footer_open(a, d, footer, size, &d->trailer_off)).code)
		return err_in(e, "%s", name);
	n = size - PACK_FOOTER - d->trailer_off;
	if ((e = mem_alloc(n, 1, &tail)).code ||
	    (e = store_get_range(s, name, d->trailer_off, n, tail)).code ||
	    (e = trailer_open(a, tail, n, d)).code)
		return err_in(e, "%s", name);
	if (ret_pre != NULL)
		*ret_pre = pre;
	*ret = take(d);
	return OK;
}

err
pack_dir_of(const void *p, size_t n, const struct domain_keys *domain,
            struct pack_dir **ret, struct preamble *ret_pre)
{
	AUTO(pack_dir_freep) struct pack_dir *d = NULL;
	AUTO(aead_freep) struct aead *a = NULL;
	AUTO(free_ptr) char *tail = NULL;
	const uint8_t *b = p;
	struct preamble pre;
	size_t len;
	err e;

	if (n < PREAMBLE_FIXED + PACK_FOOTER || n > PACK_MAX)
		return err_new(E_CORRUPT, "impossible size");
	if ((e = dir_start(p, n, domain, &pre, &d)).code ||
	    (e = trailer_cipher(domain, &d->hash, &a)).code ||
	    (e = footer_open(a, d, b + n - PACK_FOOTER, (uint32_t)n,
	                     &d->trailer_off))
	        .code)
		return e;
	len = n - PACK_FOOTER - d->trailer_off;
	if ((e = mem_dup(b + d->trailer_off, len, &tail)).code ||
	    (e = trailer_open(a, (uint8_t *)tail, len, d)).code)
		return e;
	if (ret_pre != NULL)
		*ret_pre = pre;
	*ret = take(d);
	return OK;
}

void
segment_ad(const struct segment_row *seg, uint32_t ordinal,
           uint8_t out[SEGMENT_AD_LEN])
{
	put_le32(out, ordinal);
	put_le32(out + 4, seg->plain_len);
	out[8] = seg->codec;
	out[9] = seg->kind;
}
