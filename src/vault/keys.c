/* SPDX-License-Identifier: Apache-2.0 */

/* Derivation of keys, and the node file.  See FORMAT.md, "Keys". */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "vault/keys.h"

#define NODE_FILE     "node.key"
#define NODE_FILE_MAX (64 * KiB)

void
domain_keys_make(const uint8_t id[ID_LEN], const struct secret *key,
                 struct domain_keys *ret)
{
	memcpy(ret->id, id, ID_LEN);
	ret->key = *key;
	hkdf(key, NULL, 0, "casemate chunk name v1", &ret->naming);
	hkdf(key, NULL, 0, "casemate chunker v1", &ret->chunker);
	hkdf(key, NULL, 0, "casemate pack trailer v1", &ret->trailer);
	hkdf(key, NULL, 0, "casemate index v1", &ret->index);
	hkdf(key, NULL, 0, "casemate cache v1", &ret->cache);
	hkdf(key, NULL, 0, "casemate asset pseudonym v1", &ret->pseudonym);
}

void
domain_keys_release(struct domain_keys *d)
{
	crypto_wipe(d, sizeof(*d));
}

void
node_keys_release(struct node_keys *k)
{
	crypto_wipe(k, sizeof(*k));
}

err
node_keys_new(const struct secret *seed, const uint8_t node[ID_LEN],
              const char *name, struct node_keys *ret)
{
	AUTO(node_keys_release) struct node_keys k = { .can_read = true };
	AUTO(secret_release) struct secret s = { 0 };
	AUTO(sign_key_release) struct sign_key root = { 0 };
	err e;

	/* Who we are, and whose. */
	if ((e = root_sign_key(seed, &root)).code)
		return e;
	k.root = root.pub;
	root_vault_id(&root.pub, k.vault);
	memcpy(k.node, node, ID_LEN);
	if (strlen(name) >= sizeof(k.name))
		return err_new(E_INVALID, "node name '%s' is too long", name);
	memcpy(k.name, name, strlen(name) + 1);

	/* The signing key is fresh; what must be found again is derived. */
	if ((e = crypto_random(s.b, sizeof(s.b))).code ||
	    (e = sign_key_make(&s, &k.sign)).code)
		return e;
	hkdf(seed, node, ID_LEN, "casemate node read v1", &k.read);
	if ((e = x25519_public(&k.read, &k.read_pub)).code)
		return e;
	hkdf(seed, node, ID_LEN, "casemate domain v1", &s);
	domain_keys_make(node, &s, &k.domain);
	root_epoch_key(seed, 0, &s);
	if ((e = x25519_public(&s, &k.epoch_pub)).code)
		return e;
	*ret = k;
	return OK;
}

static void
json_bytes(struct json_writer *w, const char *key, const void *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);

	base64_encode(p, n, &b);
	json_str(w, key, buf_cstr(&b));
	crypto_wipe(b.p, b.len);
}

static void
json_id(struct json_writer *w, const char *key, const uint8_t id[ID_LEN])
{
	char hex[2 * ID_LEN + 1];

	hex_encode(id, ID_LEN, hex);
	json_str(w, key, hex);
}

static bool
get_bytes(const struct json_t *v, const char *key, void *out, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);
	const char *s = json_get_str(v, key);
	err e;

	if (s == NULL)
		return false;
	e = base64_decode(s, strlen(s), &b);
	err_drop(e);
	if (e.code || b.len != n)
		return false;
	memcpy(out, b.p, n);
	crypto_wipe(b.p, b.len);
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
node_keys_save(const struct node_keys *k, int state_dirfd)
{
	AUTO(buf_release) struct buf b = BUF_MAX(NODE_FILE_MAX);
	struct json_writer w = JSON_WRITER(&b);
	err e;

	w.indent = 1;
	json_open(&w, NULL);
	json_int(&w, "format", 1);
	json_id(&w, "vault", k->vault);
	json_bytes(&w, "root", k->root.b, KEY_LEN);
	json_str(&w, "name", k->name);
	json_id(&w, "node", k->node);
	json_bytes(&w, "sign", k->sign.seed.b, KEY_LEN);
	if (k->can_read)
		json_bytes(&w, "read", k->read.b, KEY_LEN);
	json_bytes(&w, "read_public", k->read_pub.b, KEY_LEN);
	json_int(&w, "epoch", k->epoch);
	json_bytes(&w, "epoch_public", k->epoch_pub.b, KEY_LEN);
	json_id(&w, "domain", k->domain.id);
	json_bytes(&w, "domain_key", k->domain.key.b, KEY_LEN);
	json_close(&w);
	buf_u8(&b, '\n');
	e = buf_done(&b);
	if (!e.code)
		e = fs_create(state_dirfd, NODE_FILE, b.p, b.len, 0600);
	crypto_wipe(b.p, b.len);
	return err_in(e, "node key '%s'", NODE_FILE);
}

static bool
node_keys_parse(const struct json_t *v, struct node_keys *k)
{
	AUTO(secret_release) struct secret seed = { 0 };
	AUTO(secret_release) struct secret domain = { 0 };
	uint8_t domain_id[ID_LEN];
	const char *name = json_get_str(v, "name");
	err e;

	if (name == NULL || strlen(name) >= sizeof(k->name))
		return false;
	memcpy(k->name, name, strlen(name) + 1);
	k->can_read = json_get_str(v, "read") != NULL;
	k->epoch = (uint32_t)json_get_int(v, "epoch", 0);
	if (!get_id(v, "vault", k->vault) || !get_id(v, "node", k->node) ||
	    !get_id(v, "domain", domain_id) ||
	    !get_bytes(v, "root", k->root.b, KEY_LEN) ||
	    !get_bytes(v, "sign", seed.b, KEY_LEN) ||
	    !get_bytes(v, "read_public", k->read_pub.b, KEY_LEN) ||
	    !get_bytes(v, "epoch_public", k->epoch_pub.b, KEY_LEN) ||
	    !get_bytes(v, "domain_key", domain.b, KEY_LEN) ||
	    (k->can_read && !get_bytes(v, "read", k->read.b, KEY_LEN)))
		return false;
	domain_keys_make(domain_id, &domain, &k->domain);
	e = sign_key_make(&seed, &k->sign);
	err_drop(e);
	return !e.code;
}

err
node_keys_load(int state_dirfd, struct node_keys *ret)
{
	AUTO(node_keys_release) struct node_keys k = { 0 };
	AUTO(buf_release) struct buf b = BUF_MAX(NODE_FILE_MAX);
	AUTO(json_freep) struct json_t *v = NULL;
	struct stat st;
	err e;

	/* A key that others can read is no key any more. */
	if (fstatat(state_dirfd, NODE_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys("node key '%s'", NODE_FILE);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_new(
		    E_DENIED,
		    "node key '%s' can be read by others: chmod 600 it, and "
		    "consider it known",
		    NODE_FILE);

	if ((e = fs_read(state_dirfd, NODE_FILE, &b)).code ||
	    (e = json_parse(b.p, b.len, &v)).code)
		return err_in(e, "node key '%s'", NODE_FILE);
	crypto_wipe(b.p, b.len);
	if (json_get_int(v, "format", 0) != 1)
		return err_new(
		    E_UNSUPPORTED,
		    "node key '%s' is of a newer format: update casemate",
		    NODE_FILE);
	if (!node_keys_parse(v, &k))
		return err_new(
		    E_CORRUPT,
		    "node key '%s' is damaged: casemate key recover makes a new "
		    "one",
		    NODE_FILE);
	*ret = k;
	return OK;
}

err
root_sign_key(const struct secret *seed, struct sign_key *ret)
{
	AUTO(secret_release) struct secret s = { 0 };

	hkdf(seed, NULL, 0, "casemate root signing v1", &s);
	return sign_key_make(&s, ret);
}

void
root_vault_id(const struct pubkey *root, uint8_t ret[ID_LEN])
{
	struct digest id;

	sign_key_id(root, &id);
	memcpy(ret, id.b, ID_LEN);
}

void
root_epoch_key(const struct secret *seed, uint32_t epoch, struct secret *ret)
{
	uint8_t n[4];

	put_le32(n, epoch);
	hkdf(seed, n, sizeof(n), "casemate epoch x25519 v1", ret);
}
