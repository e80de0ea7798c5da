/* SPDX-License-Identifier: Apache-2.0 */

/* SHA-256 (FIPS 180-4 and its examples) and HMAC-SHA-256 (RFC 4231). */

#include "vector.h"

#include "crypto/hmac.h"

static const struct {
	const char *text;
	const char *digest;
} sha_vectors[] = {
	{ "",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
};

/* Keys of up to 32 bytes; a shorter one is the same with zeroes behind it. */
static const struct {
	const char *key;
	const char *data;
	const char *mac;
} hmac_vectors[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddddddd",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
};

static void
hashes_the_published_examples(void **state)
{
	struct digest d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sha_vectors); i++) {
		sha256(sha_vectors[i].text, strlen(sha_vectors[i].text), &d);
		assert_string_equal(sha_vectors[i].digest, digest_str(&d));
	}
}

static void
hashes_nothing_at_no_address(void **state)
{
	struct digest d;

	(void)state;
	sha256(NULL, 0, &d);
	assert_string_equal(sha_vectors[0].digest, digest_str(&d));
}

static void
hashes_a_million_letters_in_uneven_pieces(void **state)
{
	AUTO(sha256_freep) struct sha256 *h = NULL;
	size_t left = 1000000, n = 1;
	char a[257];
	struct digest d;

	(void)state;
	memset(a, 'a', sizeof(a));
	assert_ok(sha256_new(&h));
	for (; left > 0; left -= n, n = n % sizeof(a) + 1) {
		n = MIN(n, left);
		sha256_add(h, a, n);
	}
	sha256_final(h, &d);
	assert_string_equal("cdc76e5c9914fb9281a1c7e284d73e67"
	                    "f1809a48a497200e046d39ccc7112cd0",
	                    digest_str(&d));
}

static void
is_ready_for_another_message_after_the_first(void **state)
{
	AUTO(sha256_freep) struct sha256 *h = NULL;
	struct digest d;

	(void)state;
	assert_ok(sha256_new(&h));
	sha256_add(h, "left over", 9);
	sha256_final(h, &d);
	sha256_add(h, "a", 1);
	sha256_add(h, NULL, 0);
	sha256_add(h, "bc", 2);
	sha256_final(h, &d);
	assert_string_equal(sha_vectors[1].digest, digest_str(&d));
	sha256_final(h, &d);
	assert_string_equal(sha_vectors[0].digest, digest_str(&d));
}

static void
cutting_a_message_anywhere_changes_nothing(void **state)
{
	AUTO(sha256_freep) struct sha256 *h = NULL;
	uint8_t m[200];
	struct digest whole, d;

	(void)state;
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)(i * 7);
	sha256(m, sizeof(m), &whole);
	assert_ok(sha256_new(&h));
	for (size_t cut = 0; cut <= sizeof(m); cut++) {
		sha256_add(h, m, cut);
		sha256_add(h, m + cut, sizeof(m) - cut);
		sha256_final(h, &d);
		assert_true(digest_eq(&whole, &d));
	}
}

static void
every_changed_bit_changes_the_digest(void **state)
{
	uint8_t m[130] = { 0 };
	struct digest whole, d;

	(void)state;
	sha256(m, sizeof(m), &whole);
	for (size_t i = 0; i < 8 * sizeof(m); i++) {
		flip(m, i);
		sha256(m, sizeof(m), &d);
		assert_false(digest_eq(&whole, &d));
		flip(m, i);
	}
}

static void
authenticates_the_published_examples(void **state)
{
	struct bytes data;
	struct secret key;
	struct digest d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hmac_vectors); i++) {
		key = secret_of(hmac_vectors[i].key);
		data = unhex(hmac_vectors[i].data);
		hmac_sha256(&key, data.b, data.n, &d);
		assert_string_equal(hmac_vectors[i].mac, digest_str(&d));
	}
}

static void
hashes_a_key_that_is_longer_than_a_block(void **state)
{
	static const char one[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char two[] =
	    "This is a test using a larger than block-size key and a larger "
	    "than block-size data. The key needs to be hashed before being "
	    "used by the HMAC algorithm.";
	uint8_t key[131];
	struct hmac h;
	struct digest d;

	(void)state;
	memset(key, 0xaa, sizeof(key));
	hmac_begin(&h, key, sizeof(key));
	hmac_add(&h, one, strlen(one));
	hmac_final(&h, &d);
	assert_string_equal("60e431591ee0b67f0d8a26aacbf5b77f"
	                    "8e0bc6213728c5140546040f0ee37f54",
	                    digest_str(&d));
	hmac_begin(&h, key, sizeof(key));
	hmac_add(&h, two, 10);
	hmac_add(&h, two + 10, strlen(two) - 10);
	hmac_final(&h, &d);
	assert_string_equal("9b09ffa71b942fcb27635fbcd5b0e944"
	                    "bfdc63644f0713938a7f51535c3a35e2",
	                    digest_str(&d));
}

static void
every_changed_bit_of_a_key_changes_the_code(void **state)
{
	struct secret key = { { 1, 2, 3 } };
	struct digest whole, d;

	(void)state;
	hmac_sha256(&key, "m", 1, &whole);
	for (size_t i = 0; i < 8 * sizeof(key.b); i++) {
		flip(key.b, i);
		hmac_sha256(&key, "m", 1, &d);
		assert_false(digest_eq(&whole, &d));
		flip(key.b, i);
	}
	hmac_sha256(&key, "m", 1, &d);
	assert_true(digest_eq(&whole, &d));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_the_published_examples),
		cmocka_unit_test(hashes_nothing_at_no_address),
		cmocka_unit_test(hashes_a_million_letters_in_uneven_pieces),
		cmocka_unit_test(is_ready_for_another_message_after_the_first),
		cmocka_unit_test(cutting_a_message_anywhere_changes_nothing),
		cmocka_unit_test(every_changed_bit_changes_the_digest),
		cmocka_unit_test(authenticates_the_published_examples),
		cmocka_unit_test(hashes_a_key_that_is_longer_than_a_block),
		cmocka_unit_test(every_changed_bit_of_a_key_changes_the_code),
	};

	return cmocka_run_group_tests_name("crypto/hash", tests, NULL, NULL);
}
