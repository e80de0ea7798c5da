/* SPDX-License-Identifier: Apache-2.0 */

/* HKDF-SHA-256 (RFC 5869, appendix A) and scrypt (RFC 7914, section 12). */

#include "vector.h"

static const struct {
	const char *ikm, *salt, *info, *okm;
} vectors[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	  "34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	  "9d201395faa4b61a96c8" },
};

static void
derives_the_published_examples(void **state)
{
	struct bytes ikm, salt, info;
	uint8_t out[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		ikm = unhex(vectors[i].ikm);
		salt = unhex(vectors[i].salt);
		info = unhex(vectors[i].info);
		hkdf_raw(ikm.b, ikm.n, salt.b, salt.n, info.b, info.n, out,
		         strlen(vectors[i].okm) / 2);
		assert_bytes(vectors[i].okm, out);
	}
}

static void
derives_the_longest_output_and_not_a_byte_more(void **state)
{
	static uint8_t out[255 * DIGEST_LEN + 1];
	uint8_t begin[40];

	(void)state;
	out[sizeof(out) - 1] = 0xa5;
	hkdf_raw("key", 3, NULL, 0, "use", 3, out, sizeof(out) - 1);
	hkdf_raw("key", 3, NULL, 0, "use", 3, begin, sizeof(begin));
	assert_memory_equal(begin, out, sizeof(begin));
	assert_int_equal(0xa5, out[sizeof(out) - 1]);
}

static void
writes_nothing_where_nothing_is_asked(void **state)
{
	uint8_t out = 0xa5;

	(void)state;
	hkdf_raw("key", 3, NULL, 0, "use", 3, &out, 0);
	assert_int_equal(0xa5, out);
}

static void
is_hkdf_in_full_with_the_use_as_info(void **state)
{
	struct secret ikm = { { 7 } }, key;
	uint8_t raw[KEY_LEN];

	(void)state;
	hkdf(&ikm, "salt", 4, "use", &key);
	hkdf_raw(ikm.b, sizeof(ikm.b), "salt", 4, "use", 3, raw, sizeof(raw));
	assert_memory_equal(raw, key.b, sizeof(raw));
}

static void
keys_of_different_uses_and_salts_differ(void **state)
{
	struct secret ikm = { { 7 } }, key, other;

	(void)state;
	hkdf(&ikm, "salt", 4, "use", &key);
	hkdf(&ikm, "salt", 4, "us", &other);
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
	hkdf(&ikm, "salt", 3, "tuse", &other);
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
	flip(ikm.b, 255);
	hkdf(&ikm, "salt", 4, "use", &other);
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
}

static void
may_write_where_it_read(void **state)
{
	struct secret ikm = { { 7 } }, same = { { 7 } }, key;

	(void)state;
	hkdf(&ikm, NULL, 0, "use", &key);
	hkdf(&same, NULL, 0, "use", &same);
	assert_memory_equal(key.b, same.b, KEY_LEN);
}

static void
derives_the_published_key_from_a_passphrase(void **state)
{
	struct secret key;

	(void)state;
	assert_ok(
	    scrypt_key("pleaseletmein", 13, "SodiumChloride", 14, 14, &key));
	assert_bytes("7023bdcb3afd7348461c06cd81fd38eb"
	             "fda8fbba904f8e3ea9b543f6545da1f2",
	             key.b);
}

static void
every_part_of_a_passphrase_matters(void **state)
{
	struct secret key, other;

	(void)state;
	assert_ok(scrypt_key("open", 4, "salt", 4, 10, &key));
	assert_ok(scrypt_key("opem", 4, "salt", 4, 10, &other));
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
	assert_ok(scrypt_key("ope", 3, "salt", 4, 10, &other));
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
	assert_ok(scrypt_key("open", 4, "sal", 3, 10, &other));
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
	assert_ok(scrypt_key("open", 4, "salt", 4, 11, &other));
	assert_false(crypto_eq(key.b, other.b, KEY_LEN));
}

static void
takes_an_empty_passphrase_and_an_empty_salt(void **state)
{
	struct secret key, other;

	(void)state;
	assert_ok(scrypt_key(NULL, 0, NULL, 0, 10, &key));
	assert_ok(scrypt_key("", 0, "", 0, 10, &other));
	assert_true(crypto_eq(key.b, other.b, KEY_LEN));
}

static void
refuses_a_cost_out_of_bounds_and_leaves_the_key(void **state)
{
	struct secret key = { { 0xa5 } };

	(void)state;
	assert_err(E_INVALID, scrypt_key("p", 1, "s", 1, 9, &key));
	assert_err(E_INVALID, scrypt_key("p", 1, "s", 1, 23, &key));
	assert_err(E_INVALID, scrypt_key("p", 1, "s", 1, 0, &key));
	assert_err(E_INVALID, scrypt_key("p", 1, "s", 1, 64, &key));
	assert_err(E_INVALID, scrypt_key("p", 1, "s", 1, 1u << 31, &key));
	assert_int_equal(0xa5, key.b[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derives_the_published_examples),
		cmocka_unit_test(
		    derives_the_longest_output_and_not_a_byte_more),
		cmocka_unit_test(writes_nothing_where_nothing_is_asked),
		cmocka_unit_test(is_hkdf_in_full_with_the_use_as_info),
		cmocka_unit_test(keys_of_different_uses_and_salts_differ),
		cmocka_unit_test(may_write_where_it_read),
		cmocka_unit_test(derives_the_published_key_from_a_passphrase),
		cmocka_unit_test(every_part_of_a_passphrase_matters),
		cmocka_unit_test(takes_an_empty_passphrase_and_an_empty_salt),
		cmocka_unit_test(
		    refuses_a_cost_out_of_bounds_and_leaves_the_key),
	};

	return cmocka_run_group_tests_name("crypto/kdf", tests, start_crypto,
	                                   NULL);
}
