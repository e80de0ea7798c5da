/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every allocation of OpenSSL fails once: what was asked for is then refused as
 * out of memory, never as a wrong key, and nothing half done is handed out.
 */

#include "vector.h"

#include <openssl/crypto.h>

/* Allocations until one fails; none does while it is negative. */
static long countdown = -1;

static void *
fail_or_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	if (countdown == 0)
		return NULL;
	if (countdown > 0)
		countdown--;
	return realloc(p, n);
}

static void *
fail_or_malloc(size_t n, const char *file, int line)
{
	return fail_or_realloc(NULL, n, file, line);
}

static void
always_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static struct secret priv = { { 3 } };
static struct pubkey pub;
static uint8_t box[BOX_LEN], sig[SIG_LEN];

static err
make_cipher(void)
{
	AUTO(aead_freep) struct aead *a = NULL;

	return aead_new(&priv, &a);
}

static err
stretch_passphrase(void)
{
	struct secret key;

	return scrypt_key("p", 1, "s", 1, 10, &key);
}

static err
make_keys(void)
{
	struct pubkey p;
	err e;

	if ((e = ed25519_public(&priv, &p)).code)
		return e;
	return x25519_public(&priv, &p);
}

static err
sign(void)
{
	return ed25519_sign(&priv, "m", 1, sig);
}

static err
seal(void)
{
	return box_seal(&pub, "label", &priv, box);
}

static err
unseal(void)
{
	struct secret got;

	return box_open(&priv, "label", box, &got);
}

/* Run ${op} with the first, second, third... allocation failing from there on,
 * until it needs no more of them than it gets. */
static void
fail_each_allocation(err (*op)(void))
{
	err e;

	for (long n = 0;; n++) {
		assert_true(n < 1000);
		countdown = n;
		e = op();
		countdown = -1;
		if (e.code == E_OK)
			break;
		assert_int_equal(E_NOMEM, e.code);
		err_drop(e);
	}
	assert_ok(op());
}

static void
reports_every_failed_allocation(void **state)
{
	err (*const ops[])(void) = { make_cipher, stretch_passphrase,
		                     make_keys,   sign,
		                     seal,        unseal };

	(void)state;
	assert_ok(x25519_public(&priv, &pub));
	assert_ok(seal());
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		fail_each_allocation(ops[i]);
}

static void
verifies_nothing_without_memory(void **state)
{
	struct pubkey signer;

	(void)state;
	assert_ok(ed25519_public(&priv, &signer));
	assert_ok(sign());
	countdown = 0;
	assert_false(ed25519_verify(&signer, "m", 1, sig));
	countdown = -1;
	assert_true(ed25519_verify(&signer, "m", 1, sig));
}

/* Small-file chunks pass here a hundred thousand times a second. */
static void
sealing_and_hashing_allocate_nothing(void **state)
{
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t nonce[NONCE_LEN] = { 0 }, b[64 + TAG_LEN] = { 0 };
	struct aead_ad ad = { b, 8, b, 8 };
	struct secret key;
	struct digest d;

	(void)state;
	assert_ok(aead_new(&priv, &a));
	countdown = 0;
	sha256(b, sizeof(b), &d);
	hmac_sha256(&priv, b, sizeof(b), &d);
	hkdf(&priv, b, 8, "use", &key);
	assert_ok(aead_seal(a, nonce, (struct aead_ad){ 0 }, b, 64, b));
	assert_ok(aead_open(a, nonce, (struct aead_ad){ 0 }, b, 80, b));
	ad.p = ad.p2 = nonce;
	assert_ok(aead_seal(a, nonce, ad, b, 64, b));
	assert_ok(aead_open(a, nonce, ad, b, 80, b));
	countdown = -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_every_failed_allocation),
		cmocka_unit_test(verifies_nothing_without_memory),
		cmocka_unit_test(sealing_and_hashing_allocate_nothing),
	};

	/* Before OpenSSL's first allocation, or it refuses. */
	if (CRYPTO_set_mem_functions(fail_or_malloc, fail_or_realloc,
	                             always_free) != 1)
		return 1;
	return cmocka_run_group_tests_name("crypto/memory", tests, start_crypto,
	                                   NULL);
}
