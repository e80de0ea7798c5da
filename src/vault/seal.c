/* SPDX-License-Identifier: Apache-2.0 */

/* Preambles, sessions, padding.  See FORMAT.md, "Preamble". */

#include <string.h>

#include "vault/seal.h"

#define BOX_LABEL     "casemate session v1"
#define SLOT_KEY_ID   8
#define SLOT_LEN      (SLOT_KEY_ID + BOX_LEN)
#define SLOT_CRITICAL 0x8000

static void
slot_key_id(const struct pubkey *pub, uint8_t out[SLOT_KEY_ID])
{
	struct digest d;

	sha256(pub->b, KEY_LEN, &d);
	memcpy(out, d.b, SLOT_KEY_ID);
}

static err
slot_add(struct session *s, uint16_t type, const struct pubkey *to)
{
	uint8_t *p = s->slots + s->slots_len;

	put_le16(p, type);
	put_le16(p + 2, SLOT_LEN);
	slot_key_id(to, p + 4);
	s->slots_len += 4 + SLOT_LEN;
	return box_seal(to, BOX_LABEL, &s->key, p + 4 + SLOT_KEY_ID);
}

err
session_init(const struct node_keys *keys, struct session *ret)
{
	err e;

	*ret = (struct session){ 0 };
	if ((e = crypto_random(ret->id, ID_LEN)).code ||
	    (e = crypto_random(ret->key.b, KEY_LEN)).code ||
	    (e = slot_add(ret, SLOT_EPOCH_X25519, &keys->epoch_pub)).code)
		return e;
	if (keys->can_read)
		return slot_add(ret, SLOT_NODE_X25519, &keys->read_pub);
	return OK;
}

void
session_release(struct session *s)
{
	crypto_wipe(s, sizeof(*s));
}

void
nonces_init(struct session *s, struct nonces *ret)
{
	ret->worker = atomic_fetch_add(&s->workers, 1);
	ret->next = 0;
}

void
nonces_next(struct nonces *n, uint8_t out[NONCE_LEN])
{
	put_le32(out, n->worker);
	put_le64(out + 4, n->next++);
}

err
preamble_write(const char *magic, const struct node_keys *keys,
               const struct session *s, enum lock_class lock, struct buf *b,
               struct preamble *ret)
{
	static const uint8_t no_session[ID_LEN];
	size_t slots = s != NULL ? s->slots_len : 0;
	err e;

	*ret = (struct preamble){ .epoch = keys->epoch, .lock = lock };
	memcpy(ret->vault, keys->vault, ID_LEN);
	memcpy(ret->domain, keys->domain.id, ID_LEN);
	memcpy(ret->session, s != NULL ? s->id : no_session, ID_LEN);
	if ((e = crypto_random(ret->salt, sizeof(ret->salt))).code)
		return e;
	ret->slots_len = slots;
	if (slots > 0)
		memcpy(ret->slots, s->slots, slots);
	ret->len = PREAMBLE_FIXED + slots;

	buf_add(b, magic, MAGIC_LEN);
	buf_u32(b, 0); /* compat */
	buf_u32(b, 0); /* ro_compat */
	buf_u32(b, 0); /* incompat */
	buf_u32(b, (uint32_t)ret->len);
	buf_add(b, ret->vault, ID_LEN);
	buf_add(b, ret->domain, ID_LEN);
	buf_add(b, ret->session, ID_LEN);
	buf_add(b, ret->salt, sizeof(ret->salt));
	buf_u32(b, ret->epoch);
	buf_u32(b, (uint32_t)lock);
	buf_add(b, ret->slots, slots);
	if ((e = buf_done(b)).code)
		return e;
	sha256(b->p, ret->len, &ret->hash);
	return OK;
}

static err
slots_check(const struct preamble *pre)
{
	struct cur c = CUR(pre->slots, pre->slots_len);

	while (c.left > 0 && !c.bad) {
		uint16_t type = cur_u16(&c);
		uint16_t len = cur_u16(&c);

		(void)cur_bytes(&c, len);
		if (type & SLOT_CRITICAL)
			return err_new(
			    E_UNSUPPORTED,
			    "a key slot of a newer format: update casemate");
	}
	return c.bad ? err_new(E_CORRUPT, "damaged key slots") : OK;
}

err
preamble_read(const char *magic, const void *p, size_t n, struct preamble *ret)
{
	struct cur c = CUR(p, n);
	const uint8_t *m = cur_bytes(&c, MAGIC_LEN);
	const uint8_t *slots;
	uint32_t incompat, lock;

	*ret = (struct preamble){ 0 };
	if (m == NULL || memcmp(m, magic, MAGIC_LEN) != 0)
		return err_new(E_CORRUPT, "not what its place says it is");
	(void)cur_u32(&c);
	(void)cur_u32(&c);
	incompat = cur_u32(&c);
	if (incompat != 0)
		return err_new(E_UNSUPPORTED,
		               "written by a newer format: update casemate");
	ret->len = cur_u32(&c);
	cur_copy(&c, ret->vault, ID_LEN);
	cur_copy(&c, ret->domain, ID_LEN);
	cur_copy(&c, ret->session, ID_LEN);
	cur_copy(&c, ret->salt, sizeof(ret->salt));
	ret->epoch = cur_u32(&c);
	lock = cur_u32(&c);
	if (c.bad || ret->len < PREAMBLE_FIXED || ret->len > PREAMBLE_MAX ||
	    lock > LOCK_KEPT)
		return err_new(E_CORRUPT, "damaged preamble");
	ret->lock = (enum lock_class)lock;
	ret->slots_len = ret->len - PREAMBLE_FIXED;
	if ((slots = cur_bytes(&c, ret->slots_len)) == NULL)
		return err_new(E_CORRUPT, "damaged preamble");
	memcpy(ret->slots, slots, ret->slots_len);
	sha256(p, ret->len, &ret->hash);
	return slots_check(ret);
}

err
preamble_open(const struct node_keys *keys, const struct preamble *pre,
              struct secret *ret)
{
	struct cur c = CUR(pre->slots, pre->slots_len);
	uint8_t mine[SLOT_KEY_ID];

	if (!keys->can_read)
		return err_new(
		    E_DENIED,
		    "this node may write but not read: restore with the "
		    "recovery kit");
	slot_key_id(&keys->read_pub, mine);
	while (c.left > 0 && !c.bad) {
		uint16_t type = cur_u16(&c);
		struct cur v = cur_sub(&c, cur_u16(&c));
		const uint8_t *id = cur_bytes(&v, SLOT_KEY_ID);
		const uint8_t *box = cur_bytes(&v, BOX_LEN);

		if (type == SLOT_NODE_X25519 && box != NULL &&
		    memcmp(id, mine, SLOT_KEY_ID) == 0)
			return box_open(&keys->read, BOX_LABEL, box, ret);
	}
	return err_new(
	    E_DENIED,
	    "sealed for another node: restore there, or with the recovery kit");
}

uint64_t
padme(uint64_t n)
{
	unsigned e, s, z;
	uint64_t mask;

	if (n < 2)
		return n;
	e = 63 - (unsigned)__builtin_clzll(n);
	s = e ? 64 - (unsigned)__builtin_clzll(e) : 0;
	z = e > s ? e - s : 0;
	mask = ((uint64_t)1 << z) - 1;
	return (n + mask) & ~mask;
}
