/* SPDX-License-Identifier: Apache-2.0 */

/* X25519 (RFC 7748 section 6.1) and sealed boxes. */

#include "vector.h"

#define ALICE "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define BOB   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define ALICE_PUBLIC                                                           \
	"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_PUBLIC                                                             \
	"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define BOTH "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

/* Points whose product with any private key is zero. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

/* A key pair, and a box that is sealed to it. */
struct sealed {
	struct secret priv, content, got;
	struct pubkey pub;
	uint8_t box[BOX_LEN];
};

static int
seal_box(void **state)
{
	static struct sealed s;

	s.priv = secret_of(BOB);
	memset(s.content.b, 0x42, KEY_LEN);
	memset(s.got.b, 0xa5, KEY_LEN);
	assert_ok(x25519_public(&s.priv, &s.pub));
	assert_ok(box_seal(&s.pub, "epoch key", &s.content, s.box));
	*state = &s;
	return 0;
}

/* Refused, and the caller's secret is what it was. */
static void
assert_refused(struct sealed *s, const char *label)
{
	uint8_t before[KEY_LEN];

	memset(before, 0xa5, KEY_LEN);
	assert_err(E_DENIED, box_open(&s->priv, label, s->box, &s->got));
	assert_memory_equal(before, s->got.b, KEY_LEN);
}

static void
makes_the_published_public_keys(void **state)
{
	struct secret alice = secret_of(ALICE), bob = secret_of(BOB);
	struct pubkey pub;

	(void)state;
	assert_ok(x25519_public(&alice, &pub));
	assert_bytes(ALICE_PUBLIC, pub.b);
	assert_ok(x25519_public(&bob, &pub));
	assert_bytes(BOB_PUBLIC, pub.b);
}

/* A box made by hand from the published shared secret, as the contract says. */
static void
opens_a_box_made_by_the_contract(void **state)
{
	struct secret bob = secret_of(BOB), both = secret_of(BOTH), key, got;
	struct secret content = { { 9, 8, 7 } };
	AUTO(aead_freep) struct aead *a = NULL;
	struct bytes salt = unhex(ALICE_PUBLIC BOB_PUBLIC);
	uint8_t box[BOX_LEN], nonce[NONCE_LEN] = { 0 };

	(void)state;
	hkdf(&both, salt.b, salt.n, "by hand", &key);
	assert_ok(aead_new(&key, &a));
	memcpy(box, salt.b, KEY_LEN);
	assert_ok(aead_seal(a, nonce,
	                    (struct aead_ad){ .p = "by hand", .n = 7 },
	                    content.b, KEY_LEN, box + KEY_LEN));
	assert_ok(box_open(&bob, "by hand", box, &got));
	assert_memory_equal(content.b, got.b, KEY_LEN);
}

static void
opens_what_was_sealed(void **state)
{
	struct sealed *s = *state;

	assert_ok(box_open(&s->priv, "epoch key", s->box, &s->got));
	assert_memory_equal(s->content.b, s->got.b, KEY_LEN);
}

static void
may_open_over_the_key_that_opens(void **state)
{
	struct sealed *s = *state;

	assert_ok(box_open(&s->priv, "epoch key", s->box, &s->priv));
	assert_memory_equal(s->content.b, s->priv.b, KEY_LEN);
}

static void
two_boxes_of_one_secret_have_nothing_in_common(void **state)
{
	struct sealed *s = *state;
	uint8_t other[BOX_LEN];

	assert_ok(box_seal(&s->pub, "epoch key", &s->content, other));
	for (size_t i = 0; i < BOX_LEN; i += 16)
		assert_memory_not_equal(s->box + i, other + i, 16);
}

static void
refuses_every_changed_bit(void **state)
{
	struct sealed *s = *state;

	for (size_t i = 0; i < 8 * BOX_LEN; i++) {
		flip(s->box, i);
		assert_refused(s, "epoch key");
		flip(s->box, i);
	}
	assert_ok(box_open(&s->priv, "epoch key", s->box, &s->got));
}

static void
refuses_another_label(void **state)
{
	struct sealed *s = *state;

	assert_refused(s, "");
	assert_refused(s, "epoch ke");
	assert_refused(s, "epoch key ");
	assert_refused(s, "Epoch key");
}

static void
refuses_the_key_of_somebody_else(void **state)
{
	struct sealed *s = *state;

	s->priv = secret_of(ALICE);
	assert_refused(s, "epoch key");
}

static void
refuses_a_box_to_a_point_of_low_order(void **state)
{
	struct secret content = { { 1 } };
	uint8_t box[BOX_LEN] = { 0xa5 };
	struct pubkey to;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		to = pubkey_of(low_order[i]);
		assert_err(E_DENIED, box_seal(&to, "l", &content, box));
		assert_int_equal(0xa5, box[0]);
	}
}

/* The shared secret would be zero, so that anybody could have made the box. */
static void
refuses_a_box_from_a_point_of_low_order(void **state)
{
	struct sealed *s = *state;
	struct secret zero = { 0 }, key;
	uint8_t salt[2 * KEY_LEN], nonce[NONCE_LEN] = { 0 };
	struct pubkey from;

	for (size_t i = 0; i < ARRAY_LEN(low_order); i++) {
		AUTO(aead_freep) struct aead *a = NULL;

		from = pubkey_of(low_order[i]);
		memcpy(salt, from.b, KEY_LEN);
		memcpy(salt + KEY_LEN, s->pub.b, KEY_LEN);
		hkdf(&zero, salt, sizeof(salt), "forged", &key);
		assert_ok(aead_new(&key, &a));
		memcpy(s->box, from.b, KEY_LEN);
		assert_ok(aead_seal(a, nonce,
		                    (struct aead_ad){ .p = "forged", .n = 6 },
		                    s->content.b, KEY_LEN, s->box + KEY_LEN));
		assert_refused(s, "forged");
	}
}

/* Sealed to a second spelling of a key, a box could never be opened. */
static void
refuses_to_seal_to_a_second_spelling_of_a_key(void **state)
{
	struct sealed *s = *state;
	struct pubkey nine = pubkey_of(
	    "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");

	assert_err(E_DENIED, box_seal(&nine, "l", &s->content, s->box));
	nine = pubkey_of(
	    "0900000000000000000000000000000000000000000000000000000000000000");
	assert_ok(box_seal(&nine, "l", &s->content, s->box));
	flip(s->pub.b, 255);
	assert_err(E_DENIED, box_seal(&s->pub, "l", &s->content, s->box));
}

#define box_test(f) cmocka_unit_test_setup(f, seal_box)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_the_published_public_keys),
		cmocka_unit_test(opens_a_box_made_by_the_contract),
		box_test(opens_what_was_sealed),
		box_test(may_open_over_the_key_that_opens),
		box_test(two_boxes_of_one_secret_have_nothing_in_common),
		box_test(refuses_every_changed_bit),
		box_test(refuses_another_label),
		box_test(refuses_the_key_of_somebody_else),
		cmocka_unit_test(refuses_a_box_to_a_point_of_low_order),
		box_test(refuses_a_box_from_a_point_of_low_order),
		box_test(refuses_to_seal_to_a_second_spelling_of_a_key),
	};

	return cmocka_run_group_tests_name("crypto/box", tests, start_crypto,
	                                   NULL);
}
