/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clear, root-signed documents of a vault: its descriptor and its key
 * statements, DSSE envelopes around small JSON bodies.  The DSSE reader accepts
 * one spelling only, so no byte of them is free.
 */

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/time.h"
#include "vault/keys.h"

#define TYPE_DESCRIPTOR "application/vnd.casemate.vault+json"
#define TYPE_STATEMENT  "application/vnd.casemate.key+json"
#define DOC_MAX         (16 * KiB)

/* No vault has more keys than this. */
#define STATEMENTS_MAX 100000

static void
json_key(struct json_writer *w, const char *key, const struct pubkey *k)
{
	AUTO(buf_release) struct buf b = BUF_MAX(256);

	base64_encode(k->b, KEY_LEN, &b);
	json_str(w, key, buf_cstr(&b));
}

static bool
get_key(const struct json_t *v, const char *key, struct pubkey *ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(256);
	const char *s = json_get_str(v, key);
	err e;

	if (s == NULL)
		return false;
	e = base64_decode(s, strlen(s), &b);
	err_drop(e);
	if (e.code || b.len != KEY_LEN)
		return false;
	memcpy(ret->b, b.p, KEY_LEN);
	return true;
}

static bool
get_id(const struct json_t *v, const char *key, uint8_t id[ID_LEN])
{
	const char *s = json_get_str(v, key);

	return s != NULL && strlen(s) == 2 * ID_LEN &&
	    hex_decode(s, ID_LEN, id);
}

err
descriptor_encode(const struct sign_key *root, int64_t created_ns,
                  struct buf *b)
{
	AUTO(buf_release) struct buf doc = BUF_MAX(DOC_MAX);
	struct json_writer w = JSON_WRITER(&doc);
	uint8_t id[ID_LEN];
	char hex[2 * ID_LEN + 1];
	err e;

	root_vault_id(&root->pub, id);
	hex_encode(id, ID_LEN, hex);
	json_open(&w, NULL);
	json_int(&w, "format", 1);
	json_int(&w, "compat", 0);
	json_int(&w, "ro_compat", 0);
	json_int(&w, "incompat", 0);
	json_str(&w, "vault", hex);
	json_key(&w, "root", &root->pub);
	json_time(&w, "created", created_ns);
	json_close(&w);
	if ((e = buf_done(&doc)).code)
		return e;
	return dsse_encode(root, TYPE_DESCRIPTOR, doc.p, doc.len, b);
}

/* The root key that a descriptor claims, without believing it. */
static bool
descriptor_claims(const void *p, size_t n, struct pubkey *ret)
{
	AUTO(json_freep) struct json_t *outer = NULL;
	AUTO(json_freep) struct json_t *inner = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(DOC_MAX);
	const char *payload;
	err e;

	e = json_parse(p, n, &outer);
	err_drop(e);
	if (e.code || (payload = json_get_str(outer, "payload")) == NULL)
		return false;
	e = base64_decode(payload, strlen(payload), &b);
	if (!e.code)
		e = json_parse(b.p, b.len, &inner);
	err_drop(e);
	return !e.code && get_key(inner, "root", ret);
}

err
descriptor_check(const struct pubkey *root, const void *p, size_t n, bool *ret)
{
	AUTO(buf_release) struct buf doc = BUF_MAX(DOC_MAX);
	AUTO(json_freep) struct json_t *v = NULL;
	struct pubkey claimed;
	uint8_t id[ID_LEN], want[ID_LEN];
	err e;

	e = dsse_decode(root, TYPE_DESCRIPTOR, p, n, &doc);
	if (e.code) {
		if (descriptor_claims(p, n, &claimed) &&
		    memcmp(claimed.b, root->b, KEY_LEN) != 0) {
			err_drop(e);
			return err_new(E_INVALID,
			               "it belongs to another vault");
		}
		return e;
	}
	if ((e = json_parse(doc.p, doc.len, &v)).code)
		return e;
	if (json_get_int(v, "format", 0) != 1 ||
	    json_get_int(v, "incompat", -1) != 0)
		return err_new(
		    E_UNSUPPORTED,
		    "the vault is of a newer format: update casemate");
	root_vault_id(root, want);
	if (!get_id(v, "vault", id) || memcmp(id, want, ID_LEN) != 0)
		return err_new(E_INVALID, "it belongs to another vault");
	*ret = json_get_int(v, "ro_compat", -1) != 0;
	return OK;
}

err
statement_encode(const struct sign_key *root, const struct key_statement *st,
                 struct buf *b)
{
	AUTO(buf_release) struct buf doc = BUF_MAX(DOC_MAX);
	struct json_writer w = JSON_WRITER(&doc);
	char hex[2 * ID_LEN + 1];
	err e;

	json_open(&w, NULL);
	json_uint(&w, "number", st->number);
	if (st->kind == STATEMENT_EPOCH) {
		json_str(&w, "kind", "epoch");
		json_uint(&w, "epoch", st->epoch);
		json_key(&w, "x25519", &st->pub);
	} else {
		json_str(&w, "kind", "node");
		json_str(&w, "name", st->name);
		hex_encode(st->node, ID_LEN, hex);
		json_str(&w, "node", hex);
		hex_encode(st->domain, ID_LEN, hex);
		json_str(&w, "domain", hex);
		json_key(&w, "ed25519", &st->pub);
		json_key(&w, "x25519", &st->read);
		json_bool(&w, "write_only", st->write_only);
	}
	json_time(&w, "since", st->since_ns);
	json_close(&w);
	if ((e = buf_done(&doc)).code)
		return e;
	return dsse_encode(root, TYPE_STATEMENT, doc.p, doc.len, b);
}

/* An integer from 0 to 2^32 - 1. */
static bool
get_u32(const struct json_t *v, const char *key, uint32_t *ret)
{
	int64_t n = json_get_int(v, key, -1);

	*ret = (uint32_t)n;
	return n >= 0 && n <= UINT32_MAX;
}

static bool
statement_parse(const struct json_t *v, struct key_statement *st)
{
	const char *kind = json_get_str(v, "kind");
	const char *since = json_get_str(v, "since");
	const char *name;

	if (kind == NULL || since == NULL ||
	    !time_parse(since, &st->since_ns) ||
	    !get_u32(v, "number", &st->number))
		return false;
	if (strcmp(kind, "epoch") == 0) {
		st->kind = STATEMENT_EPOCH;
		return get_u32(v, "epoch", &st->epoch) &&
		    get_key(v, "x25519", &st->pub);
	}
	if (strcmp(kind, "node") != 0) {
		st->kind = STATEMENT_OTHER;
		return json_get(v, "critical") == NULL ||
		    !json_get_bool(v, "critical", true);
	}
	st->kind = STATEMENT_NODE;
	name = json_get_str(v, "name");
	if (name == NULL || strlen(name) >= sizeof(st->name))
		return false;
	memcpy(st->name, name, strlen(name) + 1);
	st->write_only = json_get_bool(v, "write_only", false);
	if (!get_id(v, "node", st->node) || !get_id(v, "domain", st->domain) ||
	    !get_key(v, "ed25519", &st->pub) ||
	    !get_key(v, "x25519", &st->read))
		return false;
	sign_key_id(&st->pub, &st->id);
	return true;
}

err
statement_decode(const struct pubkey *root, const void *p, size_t n,
                 struct key_statement *ret)
{
	AUTO(buf_release) struct buf doc = BUF_MAX(DOC_MAX);
	AUTO(json_freep) struct json_t *v = NULL;
	struct key_statement st = { 0 };
	err e;

	if ((e = dsse_decode(root, TYPE_STATEMENT, p, n, &doc)).code ||
	    (e = json_parse(doc.p, doc.len, &v)).code)
		return e;
	if (!statement_parse(v, &st))
		return err_new(
		    E_UNSUPPORTED,
		    "a key statement that this version does not understand");
	*ret = st;
	return OK;
}

err
statements_load(struct store *s, const struct pubkey *root,
                struct key_statements *ret)
{
	AUTO(buf_release) struct buf raw = BUF_MAX(DOC_MAX);
	AUTO(statements_release) struct key_statements st = { 0 };
	char name[32];
	err e;

	/* They are numbered without gaps: a missing one ends the row. */
	for (unsigned i = 0; i < STATEMENTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "keys/%u", i);
		buf_clear(&raw);
		e = store_get(s, name, &raw);
		if (e.code == E_NOTFOUND && i > 0) {
			err_drop(e);
			break;
		}
		if (e.code ||
		    (e = mem_grow(&st.v, st.n + 1, &st.cap, sizeof(*st.v)))
		        .code ||
		    (e = statement_decode(root, raw.p, raw.len, &st.v[st.n]))
		        .code)
			return err_in(e, "key statement '%s'", name);
		if (st.v[st.n].number != i)
			return err_new(
			    E_CORRUPT,
			    "key statement '%s' is not the one of this place",
			    name);
		st.n++;
	}
	*ret = take_struct(st);
	return OK;
}

void
statements_release(struct key_statements *st)
{
	free(st->v);
	*st = (struct key_statements){ 0 };
}

const struct key_statement *
statements_node(const struct key_statements *st, const struct digest *key_id)
{
	for (size_t i = st->n; i-- > 0;)
		if (st->v[i].kind == STATEMENT_NODE &&
		    digest_eq(&st->v[i].id, key_id))
			return &st->v[i];
	return NULL;
}
