/* SPDX-License-Identifier: Apache-2.0 */

/* Ed25519: RFC 8032 section 7.1, and keys and signatures that are refused. */

#include "vector.h"

static const struct {
	const char *seed, *pub, *message, *sig;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	  "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	  "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	  "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	  "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	  "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

/* Public keys that verify nothing, whoever shows them. */
static const char *const unsound[] = {
	/* Of order 1, 2, 4 and 8, with either sign. */
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	/* In a second spelling: y from 2^255 - 19, or x = 0 with a sign. */
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
signs_and_verifies_the_published_examples(void **state)
{
	struct pubkey want, pub;
	struct secret seed;
	struct bytes m;
	uint8_t sig[SIG_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		seed = secret_of(vectors[i].seed);
		want = pubkey_of(vectors[i].pub);
		m = unhex(vectors[i].message);
		assert_ok(ed25519_public(&seed, &pub));
		assert_memory_equal(want.b, pub.b, KEY_LEN);
		assert_ok(ed25519_sign(&seed, m.b, m.n, sig));
		assert_bytes(vectors[i].sig, sig);
		assert_true(ed25519_verify(&pub, m.b, m.n, sig));
	}
}

static void
signs_nothing_at_no_address(void **state)
{
	struct secret seed = secret_of(vectors[0].seed);
	struct pubkey pub = pubkey_of(vectors[0].pub);
	uint8_t sig[SIG_LEN];

	(void)state;
	assert_ok(ed25519_sign(&seed, NULL, 0, sig));
	assert_bytes(vectors[0].sig, sig);
	assert_true(ed25519_verify(&pub, NULL, 0, sig));
}

static void
refuses_every_changed_bit(void **state)
{
	struct secret seed = secret_of(vectors[1].seed);
	struct pubkey pub = pubkey_of(vectors[1].pub);
	uint8_t m[16] = "what was signed", sig[SIG_LEN];

	(void)state;
	assert_ok(ed25519_sign(&seed, m, sizeof(m), sig));
	for (size_t i = 0; i < 8 * sizeof(sig); i++) {
		flip(sig, i);
		assert_false(ed25519_verify(&pub, m, sizeof(m), sig));
		flip(sig, i);
	}
	for (size_t i = 0; i < 8 * sizeof(m); i++) {
		flip(m, i);
		assert_false(ed25519_verify(&pub, m, sizeof(m), sig));
		flip(m, i);
	}
	for (size_t i = 0; i < 8 * sizeof(pub.b); i++) {
		flip(pub.b, i);
		assert_false(ed25519_verify(&pub, m, sizeof(m), sig));
		flip(pub.b, i);
	}
	assert_true(ed25519_verify(&pub, m, sizeof(m), sig));
}

static void
refuses_a_message_of_another_length(void **state)
{
	struct secret seed = secret_of(vectors[1].seed);
	struct pubkey pub = pubkey_of(vectors[1].pub);
	uint8_t m[16] = { 0 }, sig[SIG_LEN];

	(void)state;
	assert_ok(ed25519_sign(&seed, m, 8, sig));
	for (size_t n = 0; n <= sizeof(m); n++)
		assert_int_equal(n == 8, ed25519_verify(&pub, m, n, sig));
}

static void
refuses_the_key_of_somebody_else(void **state)
{
	struct bytes sig = unhex(vectors[0].sig);
	struct pubkey pub = pubkey_of(vectors[1].pub);

	(void)state;
	assert_false(ed25519_verify(&pub, NULL, 0, sig.b));
}

/* The first example with the group order added to S: the same equation. */
static void
refuses_a_signature_in_a_second_spelling(void **state)
{
	struct pubkey pub = pubkey_of(vectors[0].pub);
	struct bytes sig = unhex(
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "4c8c7872aa064e049dbb3013fbf29380d25bf5f0595bbe24655141438e7a101b");

	(void)state;
	assert_false(ed25519_verify(&pub, NULL, 0, sig.b));
}

/* R the neutral point and S zero hold for any message under a neutral key. */
static void
refuses_keys_under_which_anything_holds(void **state)
{
	uint8_t sig[SIG_LEN] = { 1 };
	struct pubkey pub;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unsound); i++) {
		pub = pubkey_of(unsound[i]);
		for (uint8_t m = 0; m < 16; m++)
			assert_false(ed25519_verify(&pub, &m, 1, sig));
	}
}

static void
refuses_a_key_that_is_no_point(void **state)
{
	struct bytes sig = unhex(vectors[0].sig);
	struct pubkey pub = pubkey_of(
	    "0200000000000000000000000000000000000000000000000000000000000000");

	(void)state;
	assert_false(ed25519_verify(&pub, NULL, 0, sig.b));
}

static void
verifies_what_any_seed_signs(void **state)
{
	struct secret seed = { { 0 } };
	struct pubkey pub;
	uint8_t sig[SIG_LEN];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		seed.b[0] = (uint8_t)i;
		assert_ok(ed25519_public(&seed, &pub));
		assert_ok(ed25519_sign(&seed, &i, sizeof(i), sig));
		assert_true(ed25519_verify(&pub, &i, sizeof(i), sig));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_and_verifies_the_published_examples),
		cmocka_unit_test(signs_nothing_at_no_address),
		cmocka_unit_test(refuses_every_changed_bit),
		cmocka_unit_test(refuses_a_message_of_another_length),
		cmocka_unit_test(refuses_the_key_of_somebody_else),
		cmocka_unit_test(refuses_a_signature_in_a_second_spelling),
		cmocka_unit_test(refuses_keys_under_which_anything_holds),
		cmocka_unit_test(refuses_a_key_that_is_no_point),
		cmocka_unit_test(verifies_what_any_seed_signs),
	};

	return cmocka_run_group_tests_name("crypto/ed25519", tests,
	                                   start_crypto, NULL);
}
