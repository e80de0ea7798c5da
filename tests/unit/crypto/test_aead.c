/* SPDX-License-Identifier: Apache-2.0 */

/* AES-256-GCM: cases 13 to 16 of McGrew and Viega, and all that is refused. */

#include "vector.h"

static const struct {
	const char *key, *nonce, *ad, *plain, *sealed;
} vectors[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "",
	  "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18"
	  "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
};

#define PLAIN     "forty characters of a message, one two.."
#define PLAIN_LEN (sizeof(PLAIN) - 1)

/* A cipher and one message sealed by it. */
struct message {
	struct aead *a;
	uint8_t nonce[NONCE_LEN];
	uint8_t head[8];
	uint8_t tail[5];
	uint8_t sealed[PLAIN_LEN + TAG_LEN];
	uint8_t out[PLAIN_LEN];
};

static struct aead_ad
ad_of(const struct message *m)
{
	return (struct aead_ad){ m->head, sizeof(m->head), m->tail,
		                 sizeof(m->tail) };
}

static int
seal_message(void **state)
{
	static struct message m;
	struct secret key = { { 1, 2, 3 } };

	assert_ok(crypto_init());
	memset(&m, 0x5a, sizeof(m));
	assert_ok(aead_new(&key, &m.a));
	assert_ok(
	    aead_seal(m.a, m.nonce, ad_of(&m), PLAIN, PLAIN_LEN, m.sealed));
	*state = &m;
	return 0;
}

static int
drop_message(void **state)
{
	struct message *m = *state;

	aead_free(m->a);
	return 0;
}

static void
assert_opens(struct message *m)
{
	memset(m->out, 0, sizeof(m->out));
	assert_ok(aead_open(m->a, m->nonce, ad_of(m), m->sealed,
	                    sizeof(m->sealed), m->out));
	assert_memory_equal(PLAIN, m->out, PLAIN_LEN);
}

/* Refused, and nothing of the plain text left behind. */
static void
assert_refused(struct message *m)
{
	static const uint8_t wiped[PLAIN_LEN];

	memset(m->out, 0x77, sizeof(m->out));
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad_of(m), m->sealed,
	                     sizeof(m->sealed), m->out));
	assert_memory_equal(wiped, m->out, PLAIN_LEN);
}

/* Each of the ${n} bytes at ${p} is part of what the tag covers. */
static void
refuse_every_flip(struct message *m, void *p, size_t n)
{
	for (size_t i = 0; i < 8 * n; i++) {
		flip(p, i);
		assert_refused(m);
		flip(p, i);
	}
	assert_opens(m);
}

static void
seals_and_opens_the_published_examples(void **state)
{
	struct bytes nonce, ad, plain, sealed;
	uint8_t out[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO(aead_freep) struct aead *a = NULL;
		struct secret key = secret_of(vectors[i].key);

		nonce = unhex(vectors[i].nonce);
		ad = unhex(vectors[i].ad);
		plain = unhex(vectors[i].plain);
		sealed = unhex(vectors[i].sealed);
		assert_int_equal(plain.n + TAG_LEN, sealed.n);
		assert_ok(aead_new(&key, &a));
		assert_ok(aead_seal(a, nonce.b,
		                    (struct aead_ad){ .p = ad.b, .n = ad.n },
		                    plain.b, plain.n, out));
		assert_memory_equal(sealed.b, out, sealed.n);
		assert_ok(aead_open(a, nonce.b,
		                    (struct aead_ad){ .p = ad.b, .n = ad.n },
		                    sealed.b, sealed.n, out));
		assert_memory_equal(plain.b, out, plain.n);
	}
}

static void
two_pieces_of_associated_data_are_one(void **state)
{
	struct bytes nonce = unhex(vectors[3].nonce), ad = unhex(vectors[3].ad);
	struct bytes plain = unhex(vectors[3].plain);
	struct secret key = secret_of(vectors[3].key);
	AUTO(aead_freep) struct aead *a = NULL;
	uint8_t out[96];

	(void)state;
	assert_ok(aead_new(&key, &a));
	for (size_t cut = 0; cut <= ad.n; cut++) {
		struct aead_ad two = { ad.b, cut, ad.b + cut, ad.n - cut };

		assert_ok(aead_seal(a, nonce.b, two, plain.b, plain.n, out));
		assert_bytes(vectors[3].sealed, out);
	}
}

static void
seals_and_opens_in_place(void **state)
{
	struct message *m = *state;
	uint8_t b[PLAIN_LEN + TAG_LEN];

	memcpy(b, PLAIN, PLAIN_LEN);
	assert_ok(aead_seal(m->a, m->nonce, ad_of(m), b, PLAIN_LEN, b));
	assert_memory_equal(m->sealed, b, sizeof(b));
	assert_ok(aead_open(m->a, m->nonce, ad_of(m), b, sizeof(b), b));
	assert_memory_equal(PLAIN, b, PLAIN_LEN);
}

static void
opening_in_place_wipes_what_is_refused(void **state)
{
	static const uint8_t wiped[PLAIN_LEN];
	struct message *m = *state;
	uint8_t b[PLAIN_LEN + TAG_LEN];

	memcpy(b, m->sealed, sizeof(b));
	flip(b, 0);
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad_of(m), b, sizeof(b), b));
	assert_memory_equal(wiped, b, sizeof(wiped));
}

static void
refuses_a_changed_message_or_tag(void **state)
{
	struct message *m = *state;

	refuse_every_flip(m, m->sealed, sizeof(m->sealed));
}

static void
refuses_a_changed_nonce(void **state)
{
	struct message *m = *state;

	refuse_every_flip(m, m->nonce, sizeof(m->nonce));
}

static void
refuses_changed_associated_data(void **state)
{
	struct message *m = *state;

	refuse_every_flip(m, m->head, sizeof(m->head));
	refuse_every_flip(m, m->tail, sizeof(m->tail));
}

static void
refuses_associated_data_cut_short_or_left_out(void **state)
{
	struct message *m = *state;
	struct aead_ad ad = ad_of(m);

	ad.n2--;
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad, m->sealed, sizeof(m->sealed),
	                     m->out));
	ad.n2 = 0;
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad, m->sealed, sizeof(m->sealed),
	                     m->out));
	ad = (struct aead_ad){ 0 };
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad, m->sealed, sizeof(m->sealed),
	                     m->out));
}

static void
refuses_every_truncation(void **state)
{
	struct message *m = *state;

	for (size_t n = 0; n < sizeof(m->sealed); n++)
		assert_err(
		    E_CORRUPT,
		    aead_open(m->a, m->nonce, ad_of(m), m->sealed, n, m->out));
	assert_opens(m);
}

static void
refuses_every_other_key_of_one_bit(void **state)
{
	struct message *m = *state;
	struct secret key = { { 1, 2, 3 } };

	for (size_t i = 0; i < 8 * KEY_LEN; i++) {
		AUTO(aead_freep) struct aead *other = NULL;

		flip(key.b, i);
		assert_ok(aead_new(&key, &other));
		assert_err(E_CORRUPT,
		           aead_open(other, m->nonce, ad_of(m), m->sealed,
		                     sizeof(m->sealed), m->out));
		flip(key.b, i);
	}
}

static void
a_refused_message_does_not_spoil_the_next_seal(void **state)
{
	struct message *m = *state;
	uint8_t again[sizeof(m->sealed)];

	flip(m->sealed, 3);
	assert_refused(m);
	flip(m->sealed, 3);
	assert_ok(aead_seal(m->a, m->nonce, ad_of(m), PLAIN, PLAIN_LEN, again));
	assert_memory_equal(m->sealed, again, sizeof(again));
}

static void
two_messages_share_no_key_stream(void **state)
{
	static const uint8_t zero[64];
	struct message *m = *state;
	uint8_t one[80], two[80], nonce[NONCE_LEN] = { 0 };
	struct aead_ad none = { 0 };

	assert_ok(aead_seal(m->a, nonce, none, zero, 64, one));
	nonce[NONCE_LEN - 1] = 1;
	assert_ok(aead_seal(m->a, nonce, none, zero, 64, two));
	for (size_t i = 0; i < 64; i += 16)
		for (size_t j = 0; j < 64; j += 16)
			assert_memory_not_equal(one + i, two + j, 16);
}

static void
seals_a_large_message_of_odd_length(void **state)
{
	struct message *m = *state;
	AUTO(free_ptr) uint8_t *p = NULL, *q = NULL;
	size_t n = 3 * MiB + 13;

	assert_ok(mem_alloc(n, 1, &p));
	assert_ok(mem_alloc(n + TAG_LEN, 1, &q));
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 >> 3);
	assert_ok(aead_seal(m->a, m->nonce, ad_of(m), p, n, q));
	assert_ok(aead_open(m->a, m->nonce, ad_of(m), q, n + TAG_LEN, q));
	assert_memory_equal(p, q, n);
	flip(q, 8 * n - 1);
	assert_err(E_CORRUPT,
	           aead_open(m->a, m->nonce, ad_of(m), q, n + TAG_LEN, q));
}

#define message_test(f)                                                        \
	cmocka_unit_test_setup_teardown(f, seal_message, drop_message)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_and_opens_the_published_examples),
		cmocka_unit_test(two_pieces_of_associated_data_are_one),
		message_test(seals_and_opens_in_place),
		message_test(opening_in_place_wipes_what_is_refused),
		message_test(refuses_a_changed_message_or_tag),
		message_test(refuses_a_changed_nonce),
		message_test(refuses_changed_associated_data),
		message_test(refuses_associated_data_cut_short_or_left_out),
		message_test(refuses_every_truncation),
		message_test(refuses_every_other_key_of_one_bit),
		message_test(a_refused_message_does_not_spoil_the_next_seal),
		message_test(two_messages_share_no_key_stream),
		message_test(seals_a_large_message_of_odd_length),
	};

	return cmocka_run_group_tests_name("crypto/aead", tests, start_crypto,
	                                   NULL);
}
