/* SPDX-License-Identifier: Apache-2.0 */

/* Key pairs and their ids. */

#include "helper.h"

#include <string.h>

#include "sign/sign.h"

/* RFC 8032 section 7.1, test 1. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC                                                                 \
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

#define KEY_ID                                                                 \
	"40302329e41f3cc765c446cc3902ec77056e35ec0b89ffff383ed45214d7c5b0"

static int
start_crypto(void **state)
{
	(void)state;
	assert_ok(crypto_init());
	return 0;
}

static struct sign_key
key_of(const char *hex)
{
	struct secret seed;
	struct sign_key k;

	assert_true(hex_decode(hex, KEY_LEN, seed.b));
	assert_ok(sign_key_make(&seed, &k));
	return k;
}

static void
makes_the_published_key(void **state)
{
	struct sign_key k = key_of(SEED);
	char hex[2 * KEY_LEN + 1];

	(void)state;
	hex_encode(k.pub.b, KEY_LEN, hex);
	assert_string_equal(PUBLIC, hex);
	hex_encode(k.seed.b, KEY_LEN, hex);
	assert_string_equal(SEED, hex);
	sign_key_release(&k);
}

/* The id was computed with another program. */
static void
names_a_key_by_kind_and_public_half(void **state)
{
	struct sign_key k = key_of(SEED);
	struct digest id;

	(void)state;
	assert_string_equal(KEY_ID, digest_str(&k.id));
	sign_key_id(&k.pub, &id);
	assert_true(digest_eq(&k.id, &id));
	sign_key_release(&k);
}

static void
every_bit_of_a_public_key_is_in_its_id(void **state)
{
	struct sign_key k = key_of(SEED);
	struct digest id;

	(void)state;
	for (size_t i = 0; i < 8 * KEY_LEN; i++) {
		k.pub.b[i / 8] ^= (uint8_t)(1u << i % 8);
		sign_key_id(&k.pub, &id);
		assert_false(digest_eq(&k.id, &id));
		k.pub.b[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	sign_key_release(&k);
}

static void
leaves_nothing_of_a_released_key(void **state)
{
	struct sign_key k = key_of(SEED), zero;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	sign_key_release(&k);
	assert_memory_equal(&zero, &k, sizeof(k));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_the_published_key),
		cmocka_unit_test(names_a_key_by_kind_and_public_half),
		cmocka_unit_test(every_bit_of_a_public_key_is_in_its_id),
		cmocka_unit_test(leaves_nothing_of_a_released_key),
	};

	return cmocka_run_group_tests_name("sign/key", tests, start_crypto,
	                                   NULL);
}
