/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Layout: magic, salt; blocks of u32 length (high bit: last block) and a sealed
 * block of whole records.  Block n has nonce n under a key of this file alone;
 * the length is bound in, so blocks cannot be cut off, swapped or joined
 * unseen.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "vault/cache.h"

#define MAGIC     "casetree"
#define SALT      16
#define BLOCK     (128 * KiB)
#define BLOCK_MAX (256 * MiB)
#define LAST      0x80000000u
#define NAME_LEN  (5 + DIGEST_HEX + 1)

struct cache_reader {
	int fd;
	off_t off;
	struct aead *aead;
	uint64_t block;
	struct buf sealed;
	struct cur c;    /* Over the open block. */
	struct cur next; /* Behind the record that was peeked. */
	struct cache_record rec;
	bool peeked, last;
};

struct cache_writer {
	int dirfd, fd;
	char name[NAME_LEN];
	char tmp[NAME_LEN + 32];
	struct aead *aead;
	uint64_t block;
	struct buf b;
	struct buf sealed;
	bool committed;
};

static void
file_name(const struct digest *asset, char name[NAME_LEN])
{
	memcpy(name, "tree-", 5);
	hex_encode(asset->b, DIGEST_LEN, name + 5);
}

static err
file_cipher(const struct domain_keys *domain, const uint8_t salt[SALT],
            struct aead **ret)
{
	AUTO(secret_release) struct secret k = { 0 };

	hkdf(&domain->cache, salt, SALT, "casemate tree cache v1", &k);
	return aead_new(&k, ret);
}

static void
block_nonce(uint64_t block, uint8_t nonce[NONCE_LEN])
{
	memset(nonce, 0, NONCE_LEN);
	put_le64(nonce, block);
}

/* --- reading -------------------------------------------------------------- */

err
cache_open(int cache_fd, const struct domain_keys *domain,
           const struct digest *asset, struct cache_reader **ret)
{
	AUTO(cache_closep) struct cache_reader *r = NULL;
	uint8_t head[8 + SALT];
	char name[NAME_LEN];
	size_t n;
	err e;

	if ((e = mem_alloc(1, sizeof(*r), &r)).code)
		return e;
	r->fd = -1;
	r->sealed = BUF_MAX(BLOCK_MAX + TAG_LEN);
	file_name(asset, name);
	r->fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return err_sys("cache '%s'", name);
	if ((e = fs_pread_full(r->fd, head, sizeof(head), 0, &n)).code)
		return e;
	if (n != sizeof(head) || memcmp(head, MAGIC, 8) != 0)
		return err_new(E_CORRUPT, "cache '%s' is damaged", name);
	r->off = sizeof(head);
	if ((e = file_cipher(domain, head + 8, &r->aead)).code)
		return e;
	*ret = take(r);
	return OK;
}

static err
read_block(struct cache_reader *r)
{
	uint8_t head[4], nonce[NONCE_LEN];
	struct aead_ad ad = { .p = head, .n = sizeof(head) };
	size_t n, got;
	uint8_t *p;
	err e;

	if ((e = fs_pread_full(r->fd, head, 4, r->off, &got)).code)
		return e;
	n = le32(head) & ~LAST;
	if (got != 4 || n > BLOCK_MAX)
		return err_new(E_CORRUPT, "the cache is cut off");
	buf_clear(&r->sealed);
	if ((p = buf_room(&r->sealed, n + TAG_LEN)) == NULL)
		return buf_done(&r->sealed);
	if ((e = fs_pread_full(r->fd, p, n + TAG_LEN, r->off + 4, &got)).code)
		return e;
	if (got != n + TAG_LEN)
		return err_new(E_CORRUPT, "the cache is cut off");
	block_nonce(r->block++, nonce);
	if ((e = aead_open(r->aead, nonce, ad, p, n + TAG_LEN, p)).code)
		return err_in(e, "cache");
	r->off += (off_t)(4 + n + TAG_LEN);
	r->last = le32(head) & LAST;
	r->c = CUR(p, n);
	return OK;
}

static void
entry_read(struct cur *c, struct cache_record *rec)
{
	struct cur name;

	rec->stamp.size = cur_u64(c);
	rec->stamp.mtime_ns = (int64_t)cur_u64(c);
	rec->stamp.ctime_ns = (int64_t)cur_u64(c);
	rec->stamp.ino = cur_u64(c);
	rec->stamp.read_ns = (int64_t)cur_u64(c);
	rec->enc_len = (size_t)cur_varint(c);
	rec->enc = cur_bytes(c, rec->enc_len);
	rec->nextra = (size_t)cur_varint(c);
	if (rec->nextra > c->left / DIGEST_LEN)
		c->bad = true;
	rec->extra = cur_bytes(c, rec->nextra * DIGEST_LEN);
	if (c->bad)
		return;
	/* An encoded entry begins with its name. */
	name = CUR(rec->enc, rec->enc_len);
	rec->name_len = (size_t)cur_varint(&name);
	rec->name = (const char *)cur_bytes(&name, rec->name_len);
	c->bad |= name.bad;
}

err
cache_peek(struct cache_reader *r, struct cache_record *ret)
{
	struct cur c;
	err e;

	if (!r->peeked) {
		while (r->c.left == 0 && !r->last)
			if ((e = read_block(r)).code)
				return e;
		c = r->c;
		r->rec = (struct cache_record){ .kind = CACHE_END };
		if (c.left > 0)
			r->rec.kind = (enum cache_kind)cur_u8(&c);
		if (r->rec.kind == CACHE_ENTRY) {
			entry_read(&c, &r->rec);
		} else if (r->rec.kind == CACHE_DIR) {
			r->rec.name_len = (size_t)cur_varint(&c);
			r->rec.name = (const char *)cur_bytes(&c,
			                                      r->rec.name_len);
		}
		if (c.bad || r->rec.kind > CACHE_UP)
			return err_new(E_CORRUPT, "the cache is damaged");
		r->next = c;
		r->peeked = true;
	}
	*ret = r->rec;
	return OK;
}

void
cache_step(struct cache_reader *r)
{
	r->c = r->next;
	r->peeked = false;
}

err
cache_skip_dir(struct cache_reader *r)
{
	struct cache_record rec;
	size_t depth = 0;
	err e;

	do {
		if ((e = cache_peek(r, &rec)).code)
			return e;
		if (rec.kind == CACHE_END)
			return err_new(E_CORRUPT, "the cache is damaged");
		depth += rec.kind == CACHE_DIR;
		depth -= rec.kind == CACHE_UP;
		cache_step(r);
	} while (depth > 0);
	return OK;
}

void
cache_close(struct cache_reader *r)
{
	if (r == NULL)
		return;
	close_fd(&r->fd);
	aead_free(r->aead);
	buf_release(&r->sealed);
	free(r);
}

void
cache_closep(struct cache_reader **r)
{
	cache_close(*r);
}

/* --- writing -------------------------------------------------------------- */

err
cache_create(int cache_fd, const struct domain_keys *domain,
             const struct digest *asset, struct cache_writer **ret)
{
	AUTO(cache_abandonp) struct cache_writer *w = NULL;
	uint8_t head[8 + SALT];
	err e;

	if ((e = mem_alloc(1, sizeof(*w), &w)).code)
		return e;
	w->dirfd = cache_fd;
	w->fd = -1;
	w->b = BUF_MAX(BLOCK_MAX);
	w->sealed = BUF_MAX(BLOCK_MAX + 64);
	memcpy(head, MAGIC, 8);
	if ((e = crypto_random(head + 8, SALT)).code ||
	    (e = file_cipher(domain, head + 8, &w->aead)).code)
		return e;
	file_name(asset, w->name);
	(void)snprintf(w->tmp, sizeof(w->tmp), "%s.%d", w->name, (int)getpid());
	w->fd = openat(cache_fd, w->tmp,
	               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return err_sys("cache '%s'", w->tmp);
	if ((e = fs_write_full(w->fd, head, sizeof(head))).code)
		return e;
	*ret = take(w);
	return OK;
}

static err
write_block(struct cache_writer *w, bool last)
{
	uint8_t nonce[NONCE_LEN];
	struct aead_ad ad = { .n = 4 };
	uint8_t *p;
	err e;

	if ((e = buf_done(&w->b)).code)
		return e;
	buf_clear(&w->sealed);
	if ((p = buf_room(&w->sealed, 4 + w->b.len + TAG_LEN)) == NULL)
		return buf_done(&w->sealed);
	put_le32(p, (uint32_t)w->b.len | (last ? LAST : 0));
	ad.p = p;
	block_nonce(w->block++, nonce);
	if ((e = aead_seal(w->aead, nonce, ad, w->b.p, w->b.len, p + 4)).code)
		return e;
	e = fs_write_full(w->fd, p, 4 + w->b.len + TAG_LEN);
	buf_clear(&w->b);
	return err_in(e, "cache");
}

err
cache_add(struct cache_writer *w, const struct cache_record *rec)
{
	buf_u8(&w->b, (uint8_t)rec->kind);
	if (rec->kind == CACHE_ENTRY) {
		buf_u64(&w->b, rec->stamp.size);
		buf_u64(&w->b, (uint64_t)rec->stamp.mtime_ns);
		buf_u64(&w->b, (uint64_t)rec->stamp.ctime_ns);
		buf_u64(&w->b, rec->stamp.ino);
		buf_u64(&w->b, (uint64_t)rec->stamp.read_ns);
		buf_varint(&w->b, rec->enc_len);
		buf_add(&w->b, rec->enc, rec->enc_len);
		buf_varint(&w->b, rec->nextra);
		buf_add(&w->b, rec->extra, rec->nextra * DIGEST_LEN);
	} else if (rec->kind == CACHE_DIR) {
		buf_varint(&w->b, rec->name_len);
		buf_add(&w->b, rec->name, rec->name_len);
	}
	return w->b.len >= BLOCK ? write_block(w, false) : OK;
}

err
cache_commit(struct cache_writer *w)
{
	err e = write_block(w, true);

	if (e.code)
		return e;
	if (renameat(w->dirfd, w->tmp, w->dirfd, w->name) != 0)
		return err_sys("cache '%s'", w->name);
	w->committed = true;
	return OK;
}

void
cache_abandon(struct cache_writer *w)
{
	if (w == NULL)
		return;
	if (!w->committed && w->fd >= 0)
		(void)unlinkat(w->dirfd, w->tmp, 0);
	close_fd(&w->fd);
	aead_free(w->aead);
	buf_release(&w->b);
	buf_release(&w->sealed);
	free(w);
}

void
cache_abandonp(struct cache_writer **w)
{
	cache_abandon(*w);
}
