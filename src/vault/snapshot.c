/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshot objects: preamble, one sealed body of TLVs, the signer's key id and
 * a signature over all before it.  The name of the object is the SHA-256 of its
 * bytes, which is also the id of the snapshot.  FORMAT.md, "Snapshots".
 */

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "vault/room.h"
#include "vault/tree.h"

#define TYPE_SNAPSHOT "application/vnd.casemate.snapshot"
#define BODY_MAX      (64 * KiB)
#define SNAPSHOT_MAX  (256 * KiB)

enum {
	S_ASSET = 1,
	S_KIND = 2,
	S_NODE = 3,
	S_BASE = 4,
	S_STARTED = 5,
	S_FINISHED = 6,
	S_SEQUENCE = 7,
	S_PREV = 8,
	S_ROOT = 9,
	S_FILES = 10,
	S_DIRS = 11,
	S_OTHERS = 12,
	S_BYTES = 13,
	S_BYTES_NEW = 14,
	S_BYTES_STORED = 15,
	S_PROBLEMS = 16,
	S_UNSTEADY = 17,
	S_CHECKPOINT = 18, /* Newest ledger checkpoint; empty without one. */
	S_ROOT_ENTRY = 19, /* The root's own metadata. */
	S_PARTIAL = 20,    /* Only some names of the base were saved. */
	S_PAD = 0x7fff,
	S_CRITICAL = 0x8000,
};

void
snapshot_release(struct snapshot *s)
{
	free(s->asset);
	free(s->kind);
	free(s->node);
	free(s->base);
	free(s->root_entry);
	*s = (struct snapshot){ 0 };
}

void
snapshot_list_release(struct snapshot_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		snapshot_release(&l->v[i]);
	free(l->v);
	vault_problems_release(&l->bad);
	*l = (struct snapshot_list){ 0 };
}

err
snapshot_copy(const struct snapshot *s, struct snapshot *ret)
{
	*ret = *s;
	ret->asset = strdup(s->asset);
	ret->kind = strdup(s->kind);
	ret->node = strdup(s->node);
	ret->base = strdup(s->base);
	ret->root_entry = NULL;
	err_drop(mem_dup(s->root_entry, s->root_entry_len,
	                 (char **)&ret->root_entry));
	if (ret->root_entry != NULL && ret->asset != NULL &&
	    ret->kind != NULL && ret->node != NULL && ret->base != NULL)
		return OK;
	snapshot_release(ret);
	return err_nomem();
}

static void
put(struct buf *b, uint16_t type, const void *p, size_t n)
{
	buf_u16(b, type);
	buf_u32(b, (uint32_t)n);
	buf_add(b, p, n);
}

static void
put_u64(struct buf *b, uint16_t type, uint64_t v)
{
	uint8_t t[8];

	put_le64(t, v);
	put(b, type, t, sizeof(t));
}

static void
body_encode(const struct snapshot *s, struct buf *b)
{
	size_t pad;
	uint8_t *p;

	put(b, S_ASSET, s->asset, strlen(s->asset));
	put(b, S_KIND, s->kind, strlen(s->kind));
	put(b, S_NODE, s->node, strlen(s->node));
	put(b, S_BASE, s->base, strlen(s->base));
	put_u64(b, S_STARTED, (uint64_t)s->started_ns);
	put_u64(b, S_FINISHED, (uint64_t)s->finished_ns);
	put_u64(b, S_SEQUENCE, s->sequence);
	put(b, S_PREV, s->prev.b, DIGEST_LEN);
	put(b, S_ROOT, s->root.b, DIGEST_LEN);
	put_u64(b, S_FILES, s->files);
	put_u64(b, S_DIRS, s->dirs);
	put_u64(b, S_OTHERS, s->others);
	put_u64(b, S_BYTES, s->bytes);
	put_u64(b, S_BYTES_NEW, s->bytes_new);
	put_u64(b, S_BYTES_STORED, s->bytes_stored);
	put_u64(b, S_PROBLEMS, s->problems);
	put_u64(b, S_UNSTEADY, s->unsteady);
	put(b, S_CHECKPOINT, "", 0);
	put(b, S_ROOT_ENTRY, s->root_entry, s->root_entry_len);
	put_u64(b, S_PARTIAL, s->partial);

	/* Names vary in length; the object should not. */
	pad = padme(b->len + 6 + 512) - b->len - 6;
	buf_u16(b, S_PAD);
	buf_u32(b, (uint32_t)pad);
	if ((p = buf_room(b, pad)) != NULL) {
		memset(p, 0, pad);
		b->len += pad;
	}
}

err
snapshot_encode(struct vault *v, const struct snapshot *s,
                const struct session *session, struct buf *b,
                struct digest *ret_id)
{
	AUTO(buf_release) struct buf body = BUF_MAX(BODY_MAX);
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t nonce[NONCE_LEN], sig[SIG_LEN];
	struct preamble pre;
	struct aead_ad ad = { .p = pre.hash.b, .n = DIGEST_LEN };
	uint8_t *p;
	err e;

	/* Nonces of snapshots: a worker number that no worker has. */
	memset(nonce, 0xff, sizeof(nonce));
	body_encode(s, &body);
	if ((e = buf_done(&body)).code ||
	    (e = preamble_write(MAGIC_SNAPSHOT, &v->keys, session, LOCK_KEPT, b,
	                        &pre))
	        .code ||
	    (e = crypto_random(nonce + 4, 8)).code ||
	    (e = aead_new(&session->key, &a)).code)
		return e;
	buf_add(b, nonce, NONCE_LEN);
	buf_u32(b, (uint32_t)(body.len + TAG_LEN));
	if ((p = buf_room(b, body.len + TAG_LEN)) == NULL)
		return buf_done(b);
	if ((e = aead_seal(a, nonce, ad, body.p, body.len, p)).code)
		return e;
	b->len += body.len + TAG_LEN;

	buf_add(b, v->keys.sign.id.b, DIGEST_LEN);
	if ((e = buf_done(b)).code ||
	    (e = dsse_sign(&v->keys.sign, TYPE_SNAPSHOT, b->p, b->len, sig))
	        .code)
		return e;
	buf_add(b, sig, SIG_LEN);
	sha256(b->p, b->len, ret_id);
	return buf_done(b);
}

static err
text(struct cur *v, char **ret)
{
	size_t n = v->left;
	const uint8_t *p = cur_bytes(v, n);

	if (p != NULL && memchr(p, '\0', n) != NULL)
		return err_new(E_CORRUPT, "damaged snapshot");
	return mem_dup(p, n, ret);
}

/* The root's metadata: an entry of a directory, and nothing behind it. */
static err
root_entry(struct cur *v, struct snapshot *s)
{
	struct tree_entry t;
	struct cur c = *v;
	err e;

	if ((e = entry_decode(&c, &t)).code)
		return e;
	if (t.type != ENTRY_DIR || !cur_end(&c) || !digest_eq(&t.dir, &s->root))
		return err_new(E_CORRUPT, "a snapshot whose roots disagree");
	s->root_entry_len = v->left;
	return mem_dup(cur_bytes(v, v->left), s->root_entry_len,
	               (char **)&s->root_entry);
}

static err
item_decode(uint16_t type, struct cur *v, struct snapshot *s)
{
	uint64_t *numbers[] = {
		[S_SEQUENCE] = &s->sequence,
		[S_FILES] = &s->files,
		[S_DIRS] = &s->dirs,
		[S_OTHERS] = &s->others,
		[S_BYTES] = &s->bytes,
		[S_BYTES_NEW] = &s->bytes_new,
		[S_BYTES_STORED] = &s->bytes_stored,
		[S_PROBLEMS] = &s->problems,
		[S_UNSTEADY] = &s->unsteady,
	};

	switch (type) {
	case S_ASSET:
		return text(v, &s->asset);
	case S_KIND:
		return text(v, &s->kind);
	case S_NODE:
		return text(v, &s->node);
	case S_BASE:
		return text(v, &s->base);
	case S_ROOT_ENTRY:
		return root_entry(v, s);
	case S_PARTIAL:
		s->partial = cur_u64(v) != 0;
		return OK;
	case S_STARTED:
		s->started_ns = (int64_t)cur_u64(v);
		return OK;
	case S_FINISHED:
		s->finished_ns = (int64_t)cur_u64(v);
		return OK;
	case S_PREV:
		cur_copy(v, s->prev.b, DIGEST_LEN);
		return OK;
	case S_ROOT:
		cur_copy(v, s->root.b, DIGEST_LEN);
		return OK;
	default:
		break;
	}
	if (type < ARRAY_LEN(numbers) && numbers[type] != NULL)
		*numbers[type] = cur_u64(v);
	else if (type & S_CRITICAL)
		return err_new(
		    E_UNSUPPORTED,
		    "a snapshot of a newer version: update casemate");
	else
		(void)cur_bytes(v, v->left);
	return OK;
}

static err
body_decode(const uint8_t *p, size_t n, struct snapshot *s)
{
	struct cur c = CUR(p, n);
	uint16_t last = 0;
	err e;

	/* Items come once each, in ascending order. */
	while (c.left > 0) {
		uint16_t type = cur_u16(&c);
		struct cur v = cur_sub(&c, cur_u32(&c));

		if (c.bad || (type & ~S_CRITICAL) <= (last & ~S_CRITICAL))
			return err_new(E_CORRUPT, "damaged snapshot");
		if ((e = item_decode(type, &v, s)).code)
			return e;
		if (!cur_end(&v))
			return err_new(E_CORRUPT, "damaged snapshot");
		last = type;
	}
	if (s->asset == NULL || s->kind == NULL || s->node == NULL ||
	    s->base == NULL || s->root_entry == NULL)
		return err_new(E_CORRUPT, "incomplete snapshot");
	return OK;
}

/* Check the signature; leave in ${c} what lies before it. */
static err
signature_check(struct vault *v, const void *p, size_t n, struct preamble *pre,
                struct cur *c)
{
	const struct key_statement *node;
	struct digest signer;
	err e;

	if (n < DIGEST_LEN + SIG_LEN || n > SNAPSHOT_MAX)
		return err_new(E_CORRUPT, "impossible size");
	if ((e = preamble_read(MAGIC_SNAPSHOT, p, n, pre)).code)
		return e;
	*c = CUR(p, n - DIGEST_LEN - SIG_LEN);
	memcpy(signer.b, (const uint8_t *)p + c->left, DIGEST_LEN);
	if ((node = statements_node(&v->statements, &signer)) == NULL)
		return err_new(E_DENIED,
		               "signed by a key that is not enrolled");
	if (memcmp(pre->vault, v->keys.vault, ID_LEN) != 0)
		return err_new(E_DENIED, "it belongs to another vault");
	if (memcmp(node->domain, pre->domain, ID_LEN) != 0)
		return err_new(E_DENIED,
		               "its signer speaks for another domain");
	if (!dsse_verify(&node->pub, TYPE_SNAPSHOT, p, n - SIG_LEN,
	                 (const uint8_t *)p + n - SIG_LEN))
		return err_new(E_CORRUPT, "its signature does not hold");
	return OK;
}

err
snapshot_verify(struct vault *v, const void *p, size_t n, struct preamble *ret)
{
	struct cur c;

	return signature_check(v, p, n, ret, &c);
}

err
snapshot_decode(struct vault *v, const void *p, size_t n, struct snapshot *ret)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	AUTO(secret_release) struct secret key = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t plain[BODY_MAX];
	uint8_t nonce[NONCE_LEN];
	struct preamble pre;
	struct aead_ad ad = { .p = pre.hash.b, .n = DIGEST_LEN };
	const uint8_t *sealed;
	struct cur c;
	uint32_t len;
	err e;

	if ((e = signature_check(v, p, n, &pre, &c)).code)
		return e;
	(void)cur_bytes(&c, pre.len);
	cur_copy(&c, nonce, NONCE_LEN);
	len = cur_u32(&c);
	sealed = cur_bytes(&c, len);
	if (!cur_end(&c) || len < TAG_LEN || len - TAG_LEN > sizeof(plain))
		return err_new(E_CORRUPT, "damaged snapshot");
	if ((e = preamble_open(&v->keys, &pre, &key)).code ||
	    (e = aead_new(&key, &a)).code ||
	    (e = aead_open(a, nonce, ad, sealed, len, plain)).code ||
	    (e = body_decode(plain, len - TAG_LEN, &s)).code)
		return e;
	sha256(p, n, &s.id);
	*ret = take_struct(s);
	return OK;
}

/* --- finding -------------------------------------------------------------- */

struct listing {
	struct vault *v;
	const char *asset;
	struct snapshot_list *list;
};

static err
list_one(const struct store_item *item, void *arg)
{
	struct listing *l = arg;
	AUTO(buf_release) struct buf b = BUF_MAX(SNAPSHOT_MAX);
	AUTO(snapshot_release) struct snapshot s = { 0 };
	struct digest id;
	err e;

	if (strncmp(item->name, "snapshots/", 10) != 0 ||
	    !digest_parse(item->name + 10, &id))
		e = err_new(E_CORRUPT, "no snapshot has such a name");
	else if (!(e = vault_get_named(l->v, item->name, &id, &b)).code)
		e = snapshot_decode(l->v, b.p, b.len, &s);
	if (e.code == E_NOMEM)
		return e;
	if (e.code) {
		/* Another node's snapshot is sealed for others: not bad. */
		if (e.code == E_DENIED && s.asset == NULL && b.len > 0) {
			struct preamble pre;
			err p = preamble_read(MAGIC_SNAPSHOT, b.p, b.len, &pre);

			err_drop(p);
			if (!p.code &&
			    memcmp(pre.domain, l->v->keys.domain.id, ID_LEN) !=
			        0) {
				err_drop(e);
				return OK;
			}
		}
		vault_add_problem(&l->list->bad, item->name, strlen(item->name),
		                  e);
		return OK;
	}
	if (l->asset != NULL && strcmp(l->asset, s.asset) != 0)
		return OK;
	if ((e = mem_grow(&l->list->v, l->list->n + 1, &l->list->cap,
	                  sizeof(*l->list->v)))
	        .code)
		return e;
	l->list->v[l->list->n++] = take_struct(s);
	return OK;
}

static int
by_time(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;

	if (x->finished_ns != y->finished_ns)
		return x->finished_ns < y->finished_ns ? -1 : 1;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return digest_cmp(&x->id, &y->id);
}

err
vault_snapshots(struct vault *v, const char *asset, struct snapshot_list *ret)
{
	AUTO(snapshot_list_release) struct snapshot_list list = { 0 };
	struct listing l = { v, asset, &list };
	err e;

	if ((e = vault_each_name(v, "snapshots", list_one, &l)).code)
		return e;
	if (list.n > 0)
		qsort(list.v, list.n, sizeof(*list.v), by_time);
	*ret = take_struct(list);
	return OK;
}

static bool
is_prefix(const char *spec)
{
	size_t n = strlen(spec);

	return n >= 6 && n <= DIGEST_HEX &&
	    strspn(spec, "0123456789abcdef") == n;
}

static err
find_prefix(const struct snapshot_list *l, const char *spec, size_t *ret)
{
	size_t found = l->n;

	for (size_t i = 0; i < l->n; i++) {
		if (strncmp(digest_str(&l->v[i].id), spec, strlen(spec)) != 0)
			continue;
		if (found < l->n)
			return err_new(
			    E_INVALID,
			    "'%s' means several snapshots: give more digits",
			    spec);
		found = i;
	}
	*ret = found;
	return OK;
}

err
vault_find(struct vault *v, const char *asset, const char *spec,
           struct snapshot *ret)
{
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	int64_t when;
	size_t i;
	err e;

	if (strcmp(spec, "clean") == 0)
		return err_new(
		    E_UNSUPPORTED,
		    "'clean' asks the ledger which snapshots all evidence "
		    "supports, and there is no ledger yet: name one, or latest");
	if ((e = vault_snapshots(v, asset, &l)).code)
		return e;
	i = l.n;
	if (strcmp(spec, "latest") == 0) {
		i = l.n - 1;
	} else if (is_prefix(spec)) {
		if ((e = find_prefix(&l, spec, &i)).code)
			return e;
	} else if (time_parse(spec, &when)) {
		while (i > 0 && l.v[i - 1].finished_ns > when)
			i--;
		i = i > 0 ? i - 1 : l.n;
	} else {
		return err_new(
		    E_INVALID,
		    "'%s' is no snapshot: give an id of at least 6 hex digits, "
		    "latest, or a time like 2026-11-20T10:00:00Z",
		    spec);
	}
	if (i >= l.n)
		return err_new(E_NOTFOUND, "no snapshot '%s'%s%s", spec,
		               asset != NULL ? " of asset " : "",
		               asset != NULL ? asset : "");
	return snapshot_copy(&l.v[i], ret);
}
