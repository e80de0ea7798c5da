/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clear, signed records.  Layout: magic, kind, features, body length, body
 * (TLVs, then the pack list), key id, signature over all before it.  See
 * FORMAT.md, "Records".
 */

#include <string.h>

#include "vault/record.h"

#define MAGIC       "caserecd"
#define TYPE_RECORD "application/vnd.casemate.record"

/* Body items.  An unknown one with the high bit set refuses the record. */
enum {
	T_VAULT = 1,
	T_DOMAIN = 2,
	T_SESSION = 3,
	T_TIME = 4,
	T_SNAPSHOT = 5,
	T_ASSET = 6,
	T_PREV = 7,
	T_SEQUENCE = 8,
	T_STARTED = 9,
	T_FINISHED = 10,
	T_PROMISED = 11,
	T_LOCK = 12,
	T_PACKS = 13,
	T_CRITICAL = 0x8000,
};

err
packset_add(struct packset *s, const struct digest *d)
{
	err e;

	if ((e = mem_grow(&s->v, s->n + 1, &s->cap, sizeof(*s->v))).code)
		return e;
	s->v[s->n++] = *d;
	return OK;
}

static int
cmp(const void *a, const void *b)
{
	return digest_cmp(a, b);
}

void
packset_sort(struct packset *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), cmp);
	for (size_t i = 1; i < s->n; i++)
		if (!digest_eq(&s->v[n], &s->v[i]))
			s->v[++n] = s->v[i];
	s->n = n + 1;
}

bool
packset_has(const struct packset *s, const struct digest *d)
{
	return s->n > 0 && bsearch(d, s->v, s->n, sizeof(*s->v), cmp) != NULL;
}

void
packset_release(struct packset *s)
{
	free(s->v);
	*s = (struct packset){ 0 };
}

void
record_release(struct record *r)
{
	packset_release(&r->packs);
}

static void
item(struct buf *b, uint16_t type, const void *p, size_t n)
{
	buf_u16(b, type);
	buf_u32(b, (uint32_t)n);
	buf_add(b, p, n);
}

static void
item_u64(struct buf *b, uint16_t type, uint64_t v)
{
	uint8_t t[8];

	put_le64(t, v);
	item(b, type, t, sizeof(t));
}

static void
body_encode(const struct record *r, struct buf *b)
{
	item(b, T_VAULT, r->vault, ID_LEN);
	item(b, T_DOMAIN, r->domain, ID_LEN);
	item(b, T_SESSION, r->session, ID_LEN);
	item_u64(b, T_TIME, (uint64_t)r->time_ns);
	if (r->kind == RECORD_ENVELOPE) {
		item(b, T_SNAPSHOT, r->snapshot.b, DIGEST_LEN);
		item(b, T_ASSET, r->asset.b, DIGEST_LEN);
		item(b, T_PREV, r->prev.b, DIGEST_LEN);
		item_u64(b, T_SEQUENCE, r->sequence);
		item_u64(b, T_STARTED, (uint64_t)r->started_ns);
		item_u64(b, T_FINISHED, (uint64_t)r->finished_ns);
		item_u64(b, T_PROMISED, (uint64_t)r->promised_until_ns);
		item_u64(b, T_LOCK, (uint64_t)r->lock);
	}
	item(b, T_PACKS, r->packs.v, r->packs.n * DIGEST_LEN);
}

err
record_encode(const struct record *r, const struct sign_key *key, struct buf *b)
{
	AUTO(buf_release) struct buf out = BUF_MAX(STORE_OBJECT_MAX);
	uint8_t sig[SIG_LEN];
	err e;

	if (r->packs.n > RECORD_PACKS_MAX)
		return err_new(E_LIMIT, "a snapshot of more than %d packs",
		               RECORD_PACKS_MAX);
	buf_add(&out, MAGIC, MAGIC_LEN);
	buf_u32(&out, 0); /* compat */
	buf_u32(&out, 0); /* ro_compat */
	buf_u32(&out, 0); /* incompat */
	buf_u32(&out, (uint32_t)r->kind);
	buf_u32(&out, 0); /* length of the body, filled in below */
	body_encode(r, &out);
	if ((e = buf_done(&out)).code)
		return e;
	put_le32(out.p + MAGIC_LEN + 16, (uint32_t)(out.len - MAGIC_LEN - 20));
	buf_add(&out, key->id.b, DIGEST_LEN);
	if ((e = buf_done(&out)).code ||
	    (e = dsse_sign(key, TYPE_RECORD, out.p, out.len, sig)).code)
		return e;
	buf_add(b, out.p, out.len);
	buf_add(b, sig, SIG_LEN);
	return buf_done(b);
}

static uint64_t
value_u64(struct cur *v)
{
	uint64_t x = cur_u64(v);

	v->bad |= v->left != 0;
	return x;
}

static err
packs_decode(struct cur *v, struct packset *s)
{
	size_t n = v->left / DIGEST_LEN;
	err e;

	if (v->left % DIGEST_LEN != 0 || n > RECORD_PACKS_MAX)
		return err_new(E_CORRUPT, "damaged pack list");
	if ((e = mem_grow(&s->v, n, &s->cap, sizeof(*s->v))).code)
		return e;
	for (size_t i = 0; i < n; i++) {
		cur_copy(v, s->v[i].b, DIGEST_LEN);
		if (i > 0 && digest_cmp(&s->v[i - 1], &s->v[i]) >= 0)
			return err_new(E_CORRUPT, "unsorted pack list");
	}
	s->n = n;
	return OK;
}

static err
item_decode(uint16_t type, struct cur *v, struct record *r)
{
	uint64_t number;

	switch (type) {
	case T_VAULT:
		cur_copy(v, r->vault, ID_LEN);
		break;
	case T_DOMAIN:
		cur_copy(v, r->domain, ID_LEN);
		break;
	case T_SESSION:
		cur_copy(v, r->session, ID_LEN);
		break;
	case T_TIME:
		r->time_ns = (int64_t)value_u64(v);
		break;
	case T_SNAPSHOT:
		cur_copy(v, r->snapshot.b, DIGEST_LEN);
		break;
	case T_ASSET:
		cur_copy(v, r->asset.b, DIGEST_LEN);
		break;
	case T_PREV:
		cur_copy(v, r->prev.b, DIGEST_LEN);
		break;
	case T_SEQUENCE:
		r->sequence = value_u64(v);
		break;
	case T_STARTED:
		r->started_ns = (int64_t)value_u64(v);
		break;
	case T_FINISHED:
		r->finished_ns = (int64_t)value_u64(v);
		break;
	case T_PROMISED:
		r->promised_until_ns = (int64_t)value_u64(v);
		break;
	case T_LOCK:
		number = value_u64(v);
		v->bad |= number > LOCK_KEPT;
		r->lock = (enum lock_class)number;
		break;
	case T_PACKS:
		return packs_decode(v, &r->packs);
	default:
		if (type & T_CRITICAL)
			return err_new(
			    E_UNSUPPORTED,
			    "a record of a newer format: update casemate");
		(void)cur_bytes(v, v->left);
	}
	return OK;
}

/* The items that a record must have: needs left unsaid are not none. */
static uint32_t
items_needed(enum record_kind kind)
{
	uint32_t all = (2u << T_PACKS) - (1u << T_VAULT);

	if (kind == RECORD_ENVELOPE)
		return all;
	return all & ~((2u << T_LOCK) - (1u << T_SNAPSHOT));
}

static err
body_decode(struct cur body, struct record *r)
{
	uint32_t seen = 0;
	uint16_t last = 0;
	err e;

	/* Items come once each, in ascending order. */
	while (body.left > 0) {
		uint16_t type = cur_u16(&body);
		struct cur v = cur_sub(&body, cur_u32(&body));

		if (body.bad || (type & ~T_CRITICAL) <= (last & ~T_CRITICAL))
			return err_new(E_CORRUPT, "damaged record");
		last = type;
		seen |= type < 32 ? 1u << type : 0;
		if ((e = item_decode(type, &v, r)).code)
			return e;
		if (!cur_end(&v))
			return err_new(E_CORRUPT, "damaged record");
	}
	if ((seen & items_needed(r->kind)) != items_needed(r->kind))
		return err_new(E_CORRUPT, "incomplete record");
	return OK;
}

err
record_decode(enum record_kind kind, const struct key_statements *st,
              const void *p, size_t n, struct record *ret)
{
	AUTO(record_release) struct record r = { .kind = kind };
	struct cur c = CUR(p, n);
	const uint8_t *m = cur_bytes(&c, MAGIC_LEN);
	const struct key_statement *node;
	const uint8_t *sig;
	struct cur body;
	uint32_t incompat;
	err e;

	if (m == NULL || memcmp(m, MAGIC, MAGIC_LEN) != 0)
		return err_new(E_CORRUPT, "not a record");
	(void)cur_u32(&c);
	(void)cur_u32(&c);
	incompat = cur_u32(&c);
	if (cur_u32(&c) != (uint32_t)kind)
		return err_new(E_CORRUPT, "a record of another kind");
	body = cur_sub(&c, cur_u32(&c));
	cur_copy(&c, r.signer.b, DIGEST_LEN);
	sig = cur_bytes(&c, SIG_LEN);
	if (!cur_end(&c))
		return err_new(E_CORRUPT, "damaged record");

	/* Who signed it decides whether it is read at all. */
	if ((node = statements_node(st, &r.signer)) == NULL)
		return err_new(E_DENIED,
		               "signed by a key that is not enrolled");
	if (!dsse_verify(&node->pub, TYPE_RECORD, p, n - SIG_LEN, sig))
		return err_new(E_CORRUPT, "its signature does not hold");
	if (incompat != 0)
		return err_new(E_UNSUPPORTED,
		               "a record of a newer format: update casemate");
	if ((e = body_decode(body, &r)).code)
		return e;
	if (memcmp(r.domain, node->domain, ID_LEN) != 0)
		return err_new(E_DENIED,
		               "its signer speaks for another domain");
	*ret = take_struct(r);
	return OK;
}
