/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The recovery kit: one page of text with the root seed, wrapped by a
 * passphrase or (bearer kit) not.  Groups of four hex digits can be typed from
 * paper; the checksum covers every field, so a typing error is told from a
 * wrong passphrase.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "vault/keys.h"

#define KIT_BEGIN_MARK "-----BEGIN CASEMATE RECOVERY KIT-----"
#define KIT_END_MARK   "-----END CASEMATE RECOVERY KIT-----"
#define KIT_LOG_N      17
#define KIT_LOG_N_MAX  20 /* A gigabyte. */
#define KIT_SALT       16
#define KIT_LABEL      "casemate recovery kit v1"

static void
hex_groups(struct buf *b, const char *key, const uint8_t *p, size_t n)
{
	buf_fmt(b, "%s:", key);
	for (size_t i = 0; i < n; i += 2)
		buf_fmt(b, " %02x%02x", p[i], p[i + 1]);
	buf_u8(b, '\n');
}

static err
kit_wrap(const struct secret *seed, const char *passphrase,
         const uint8_t salt[KIT_SALT], uint8_t out[KEY_LEN + TAG_LEN])
{
	AUTO(secret_release) struct secret k = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	static const uint8_t nonce[NONCE_LEN];
	struct aead_ad ad = { KIT_LABEL, strlen(KIT_LABEL), salt, KIT_SALT };
	err e;

	if ((e = scrypt_key(passphrase, strlen(passphrase), salt, KIT_SALT,
	                    KIT_LOG_N, &k))
	        .code ||
	    (e = aead_new(&k, &a)).code)
		return e;
	return aead_seal(a, nonce, ad, seed->b, KEY_LEN, out);
}

/* The checksum: SHA-256 over the fields without any white space, in lower case:
 * whoever types them from paper may use either. */
static void
kit_check(const char *p, size_t n, char out[17])
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct digest d;

	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\n' && p[i] != '\r' && p[i] != '\t')
			buf_u8(&b,
			       (uint8_t)(p[i] >= 'A' && p[i] <= 'Z'
			                     ? p[i] - 'A' + 'a'
			                     : p[i]));
	sha256(b.p, b.len, &d);
	crypto_wipe(b.p, b.len);
	hex_encode(d.b, 8, out);
}

err
kit_encode(const struct secret *seed, const struct pubkey *root,
           const char *passphrase, const char *store_url, int64_t created_ns,
           struct buf *b)
{
	AUTO(buf_release) struct buf f = BUF_MAX(64 * KiB);
	uint8_t salt[KIT_SALT], wrapped[KEY_LEN + TAG_LEN], id[ID_LEN];
	char hex[2 * ID_LEN + 1], check[17];
	err e;

	root_vault_id(root, id);
	hex_encode(id, ID_LEN, hex);
	buf_fmt(&f, "kit: 1\nvault: %s\n", hex);
	if (passphrase != NULL) {
		if ((e = crypto_random(salt, sizeof(salt))).code ||
		    (e = kit_wrap(seed, passphrase, salt, wrapped)).code)
			return e;
		buf_fmt(&f, "wrap: scrypt %d\n", KIT_LOG_N);
		hex_groups(&f, "salt", salt, sizeof(salt));
		hex_groups(&f, "seed", wrapped, sizeof(wrapped));
	} else {
		buf_str(&f, "wrap: none\n");
		hex_groups(&f, "seed", seed->b, KEY_LEN);
	}
	kit_check((const char *)f.p, f.len, check);

	buf_fmt(b, "Casemate recovery kit, made %s\n\n", time_str(created_ns));
	buf_str(b,
	        "Keep this page away from the machine it protects: on paper, "
	        "in a safe.\n");
	buf_str(
	    b,
	    passphrase != NULL
		? "It opens the vault together with its passphrase.\n"
		: "Whoever holds it opens the vault: it has no passphrase.\n");
	buf_fmt(b,
	        "To use it on an empty machine:\n\n"
	        "    casemate key recover --kit FILE --store URL\n\n"
	        "The first store was: %s\n\n",
	        store_url);
	buf_str(b, KIT_BEGIN_MARK "\n");
	buf_add(b, f.p, f.len);
	buf_fmt(b, "check: %s\n", check);
	buf_str(b, KIT_END_MARK "\n");
	crypto_wipe(f.p, f.len);
	return buf_done(b);
}

/* The value of field ${key} in the fields ${p}; NULL if absent. */
static const char *
field(const char *p, const char *key)
{
	size_t n = strlen(key);

	for (; p != NULL; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, key, n) == 0 && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " \t");
	return NULL;
}

static bool
field_hex(const char *p, const char *key, uint8_t *out, size_t n)
{
	const char *s = field(p, key);
	char pair[2];

	for (size_t i = 0; s != NULL && i < n; i++) {
		for (int k = 0; k < 2; k++) {
			s += strspn(s, " \t\r");
			pair[k] = *s >= 'A' && *s <= 'F'
			    ? (char)(*s - 'A' + 'a')
			    : *s;
			if (*s++ == '\0')
				return false;
		}
		if (!hex_decode(pair, 1, out + i))
			return false;
	}
	return s != NULL;
}

static err
kit_unwrap(const char *fields, const char *passphrase, struct secret *ret)
{
	AUTO(secret_release) struct secret k = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t salt[KIT_SALT], wrapped[KEY_LEN + TAG_LEN];
	static const uint8_t nonce[NONCE_LEN];
	struct aead_ad ad = { KIT_LABEL, strlen(KIT_LABEL), salt, KIT_SALT };
	unsigned log_n;
	err e;

	if (sscanf(field(fields, "wrap"), "scrypt %2u", &log_n) != 1 ||
	    log_n > KIT_LOG_N_MAX ||
	    !field_hex(fields, "salt", salt, sizeof(salt)) ||
	    !field_hex(fields, "seed", wrapped, sizeof(wrapped)))
		return err_new(
		    E_UNSUPPORTED,
		    "the kit is wrapped in a way that this version does not "
		    "know: update casemate");
	if (passphrase == NULL)
		return err_new(E_DENIED,
		               "the kit needs its passphrase: set "
		               "CASEMATE_PASSPHRASE_FILE or use a terminal");
	if ((e = scrypt_key(passphrase, strlen(passphrase), salt, sizeof(salt),
	                    log_n, &k))
	        .code ||
	    (e = aead_new(&k, &a)).code)
		return e;
	e = aead_open(a, nonce, ad, wrapped, sizeof(wrapped), ret->b);
	if (e.code == E_CORRUPT) {
		err_drop(e);
		return err_new(E_DENIED, "wrong passphrase for this kit");
	}
	return e;
}

static bool
is_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return s != NULL && strncmp(s, word, n) == 0 &&
	    (s[n] == '\0' || strchr(" \t\r\n", s[n]) != NULL);
}

static err
fields_decode(const char *fields, const char *passphrase, struct secret *ret)
{
	AUTO(sign_key_release) struct sign_key root = { 0 };
	const char *wrap = field(fields, "wrap");
	uint8_t id[ID_LEN], vault[ID_LEN];
	err e = OK;

	if (!is_word(field(fields, "kit"), "1") || wrap == NULL)
		return err_new(E_UNSUPPORTED,
		               "the kit is of a newer format: update casemate");
	if (!is_word(wrap, "none"))
		e = kit_unwrap(fields, passphrase, ret);
	else if (!field_hex(fields, "seed", ret->b, KEY_LEN))
		e = err_new(E_CORRUPT, "the kit's seed is damaged");
	if (e.code || (e = root_sign_key(ret, &root)).code)
		return e;
	root_vault_id(&root.pub, id);
	if (!field_hex(fields, "vault", vault, ID_LEN) ||
	    memcmp(id, vault, ID_LEN) != 0)
		return err_new(
		    E_CORRUPT,
		    "the kit's seed is not of the vault that it names");
	return OK;
}

/* Cut the fields out of the page ${text}, whatever stands around them, and see
 * that their checksum holds. */
static err
fields_find(char *text, const char **ret)
{
	char *begin = strstr(text, KIT_BEGIN_MARK), *end, *sum;
	char check[17];

	end = begin ? strstr(begin, KIT_END_MARK) : NULL;
	if (end == NULL || (begin = strchr(begin, '\n')) == NULL || begin > end)
		return err_new(E_INVALID, "this is no recovery kit");
	begin++;
	*end = '\0';
	if ((sum = strstr(begin, "check:")) == NULL)
		return err_new(E_CORRUPT, "the kit has no checksum line");
	kit_check(begin, (size_t)(sum - begin), check);
	if (strncasecmp(field(sum, "check"), check, 16) != 0)
		return err_new(
		    E_CORRUPT,
		    "the kit's checksum does not hold: look for a typing error");
	*sum = '\0';
	*ret = begin;
	return OK;
}

err
kit_decode(const char *p, size_t n, const char *passphrase, struct secret *ret)
{
	AUTO(secret_release) struct secret seed = { 0 };
	AUTO(free_ptr) char *text = NULL;
	const char *fields = NULL;
	err e;

	if ((e = mem_dup(p, n, &text)).code)
		return e;
	if (!(e = fields_find(text, &fields)).code &&
	    !(e = fields_decode(fields, passphrase, &seed)).code)
		*ret = seed;
	crypto_wipe(text, n);
	return e;
}
