/* SPDX-License-Identifier: Apache-2.0 */

/* DSSE: the encoding of protocol.md, and every envelope that is refused. */

#include "helper.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "sign/sign.h"

#define TYPE "application/vnd.in-toto+json"
#define BODY "{\"a\":1}"

/* A key, and the envelope that it signed. */
struct signed_doc {
	struct sign_key key;
	struct buf env;
	struct buf body;
};

static int
sign_doc(void **state)
{
	static struct signed_doc d;
	struct secret seed = { { 1, 2, 3 } };

	assert_ok(crypto_init());
	d.env = BUF_MAX(64 * KiB);
	d.body = BUF_MAX(64 * KiB);
	assert_ok(sign_key_make(&seed, &d.key));
	assert_ok(dsse_encode(&d.key, TYPE, BODY, strlen(BODY), &d.env));
	buf_str(&d.body, "before:");
	*state = &d;
	return 0;
}

static int
drop_doc(void **state)
{
	struct signed_doc *d = *state;

	sign_key_release(&d->key);
	buf_release(&d->env);
	buf_release(&d->body);
	return 0;
}

/* Refused with ${code}, and nothing was appended. */
static void
assert_refused(enum err_code code, struct signed_doc *d, const void *p,
               size_t n)
{
	assert_err(code, dsse_decode(&d->key.pub, TYPE, p, n, &d->body));
	assert_string_equal("before:", buf_cstr(&d->body));
}

/* The envelope with ${from}, which is in it, replaced by ${to}. */
static void
refuse_edited(enum err_code code, struct signed_doc *d, const char *from,
              const char *to)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	const char *s = buf_cstr(&d->env), *at = strstr(s, from);

	assert_non_null(at);
	buf_add(&b, s, (size_t)(at - s));
	buf_str(&b, to);
	buf_str(&b, at + strlen(from));
	assert_ok(buf_done(&b));
	assert_refused(code, d, b.p, b.len);
}

static void
encodes_the_example_of_the_protocol(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(KiB);

	(void)state;
	dsse_pae("http://example.com/HelloWorld", "hello world", 11, &b);
	assert_string_equal(
	    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
	    buf_cstr(&b));
}

static void
encodes_empty_parts_and_zero_bytes(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(KiB);

	(void)state;
	dsse_pae("", NULL, 0, &b);
	assert_string_equal("DSSEv1 0  0 ", buf_cstr(&b));
	buf_clear(&b);
	dsse_pae("t", "\0 1\n", 4, &b);
	assert_int_equal(17, b.len);
	assert_memory_equal("DSSEv1 1 t 4 \0 1\n", b.p, 17);
}

static void
no_two_documents_share_an_encoding(void **state)
{
	AUTO(buf_release) struct buf a = BUF_MAX(KiB);
	AUTO(buf_release) struct buf b = BUF_MAX(KiB);

	(void)state;
	dsse_pae("t", "1 x 2 yz", 8, &a);
	dsse_pae("t 8 1 x", "yz", 2, &b);
	assert_false(a.len == b.len && memcmp(a.p, b.p, a.len) == 0);
}

static void
spells_an_envelope_in_one_way(void **state)
{
	struct signed_doc *d = *state;
	AUTO(buf_release) struct buf want = BUF_MAX(KiB);
	uint8_t sig[SIG_LEN];

	assert_ok(dsse_sign(&d->key, TYPE, BODY, strlen(BODY), sig));
	buf_str(&want,
	        "{\"payload\":\"eyJhIjoxfQ==\",\"payloadType\":\"" TYPE
	        "\",\"signatures\":[{\"keyid\":\"");
	buf_str(&want, digest_str(&d->key.id));
	buf_str(&want, "\",\"sig\":\"");
	base64_encode(sig, sizeof(sig), &want);
	buf_str(&want, "\"}]}");
	assert_string_equal(buf_cstr(&want), buf_cstr(&d->env));
}

/* What is signed is the encoding, so that any DSSE tool verifies it. */
static void
signs_the_encoding_and_nothing_else(void **state)
{
	struct signed_doc *d = *state;
	AUTO(buf_release) struct buf pae = BUF_MAX(KiB);
	uint8_t sig[SIG_LEN];

	assert_ok(dsse_sign(&d->key, TYPE, BODY, strlen(BODY), sig));
	dsse_pae(TYPE, BODY, strlen(BODY), &pae);
	assert_true(ed25519_verify(&d->key.pub, pae.p, pae.len, sig));
	assert_false(ed25519_verify(&d->key.pub, BODY, strlen(BODY), sig));
	assert_true(dsse_verify(&d->key.pub, TYPE, BODY, strlen(BODY), sig));
}

static void
a_signature_holds_for_its_type_and_body_alone(void **state)
{
	struct signed_doc *d = *state;
	struct sign_key *k = &d->key;
	uint8_t sig[SIG_LEN];

	assert_ok(dsse_sign(k, TYPE, BODY, strlen(BODY), sig));
	assert_false(dsse_verify(&k->pub, TYPE "x", BODY, strlen(BODY), sig));
	assert_false(dsse_verify(&k->pub, "", BODY, strlen(BODY), sig));
	assert_false(dsse_verify(&k->pub, TYPE, BODY, strlen(BODY) - 1, sig));
	assert_false(dsse_verify(&k->pub, TYPE, NULL, 0, sig));
	assert_false(dsse_verify(&k->pub, TYPE, "{\"a\":2}", 7, sig));
}

static void
appends_the_payload_of_a_good_envelope(void **state)
{
	struct signed_doc *d = *state;

	assert_ok(
	    dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len, &d->body));
	assert_string_equal("before:" BODY, buf_cstr(&d->body));
}

static void
carries_bodies_of_every_length(void **state)
{
	struct signed_doc *d = *state;
	uint8_t body[67];

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(0xff - i);
	for (size_t n = 0; n <= sizeof(body); n++) {
		buf_clear(&d->env);
		buf_clear(&d->body);
		assert_ok(dsse_encode(&d->key, TYPE, body, n, &d->env));
		assert_ok(dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len,
		                      &d->body));
		assert_int_equal(n, d->body.len);
		if (n > 0)
			assert_memory_equal(body, d->body.p, n);
	}
}

static void
refuses_every_changed_bit(void **state)
{
	struct signed_doc *d = *state;
	err e;

	for (size_t i = 0; i < 8 * d->env.len; i++) {
		d->env.p[i / 8] ^= (uint8_t)(1u << i % 8);
		e = dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len,
		                &d->body);
		assert_true(e.code == E_CORRUPT || e.code == E_DENIED);
		err_drop(e);
		d->env.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_string_equal("before:", buf_cstr(&d->body));
	assert_ok(
	    dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len, &d->body));
}

static void
refuses_every_truncation(void **state)
{
	struct signed_doc *d = *state;

	for (size_t n = 0; n < d->env.len; n++) {
		/* On the heap, where a read too far does not go unseen. */
		AUTO(free_ptr) uint8_t *p = malloc(n > 0 ? n : 1);

		assert_non_null(p);
		memcpy(p, d->env.p, n);
		assert_refused(E_CORRUPT, d, p, n);
	}
	assert_refused(E_CORRUPT, d, NULL, 0);
}

static void
refuses_every_byte_taken_out_or_put_in(void **state)
{
	struct signed_doc *d = *state;
	static const char extra[] = " \n\0=A\"\\{}[],:";
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	err e;

	for (size_t i = 0; i < d->env.len; i++) {
		buf_clear(&b);
		buf_add(&b, d->env.p, i);
		buf_add(&b, d->env.p + i + 1, d->env.len - i - 1);
		e = dsse_decode(&d->key.pub, TYPE, b.p, b.len, &d->body);
		assert_true(e.code == E_CORRUPT || e.code == E_DENIED);
		err_drop(e);
	}
	for (size_t i = 0; i <= d->env.len; i++)
		for (size_t j = 0; j < sizeof(extra) - 1; j++) {
			buf_clear(&b);
			buf_add(&b, d->env.p, i);
			buf_add(&b, &extra[j], 1);
			buf_add(&b, d->env.p + i, d->env.len - i);
			e = dsse_decode(&d->key.pub, TYPE, b.p, b.len,
			                &d->body);
			assert_true(e.code == E_CORRUPT || e.code == E_DENIED);
			err_drop(e);
		}
	assert_string_equal("before:", buf_cstr(&d->body));
}

static void
refuses_json_that_says_the_same_in_other_words(void **state)
{
	struct signed_doc *d = *state;

	refuse_edited(E_CORRUPT, d, "{\"payload\"", "{ \"payload\"");
	refuse_edited(E_CORRUPT, d, "}]}", "}]}\n");
	refuse_edited(E_CORRUPT, d, "}]}", "}],\"more\":1}");
	refuse_edited(E_CORRUPT, d, "\"keyid\"", "\"\\u006beyid\"");
	refuse_edited(E_CORRUPT, d, "application/", "application\\/");
	refuse_edited(E_CORRUPT, d, "fQ==", "fQ");
	refuse_edited(E_CORRUPT, d, "fQ==", "fR=="); /* Unused bits. */
	refuse_edited(E_CORRUPT, d, "eyJh", "eyJh\\n");
	refuse_edited(E_CORRUPT, d, "{\"payload\"",
	              "{\"payload\":\"\",\"payload\"");
}

/* As many characters as the right one has, but no padding among them. */
static void
refuses_a_signature_of_sixty_six_bytes(void **state)
{
	struct signed_doc *d = *state;

	refuse_edited(E_CORRUPT, d, "==\"}]}", "AA\"}]}");
}

static void
refuses_two_signatures_and_none(void **state)
{
	static const char none[] = "{\"payload\":\"\",\"payloadType\":\"" TYPE
				   "\",\"signatures\":[]}";
	struct signed_doc *d = *state;

	refuse_edited(E_CORRUPT, d, "}]}", "},{\"keyid\":\"\",\"sig\":\"\"}]}");
	refuse_edited(E_CORRUPT, d, "[{\"keyid", "[],\"x\":[{\"keyid");
	assert_refused(E_CORRUPT, d, none, sizeof(none) - 1);
}

static void
refuses_another_type_though_it_is_signed(void **state)
{
	struct signed_doc *d = *state;

	buf_clear(&d->env);
	assert_ok(
	    dsse_encode(&d->key, "text/plain", BODY, strlen(BODY), &d->env));
	assert_err_says(
	    E_CORRUPT, TYPE,
	    dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len, &d->body));
	assert_string_equal("before:", buf_cstr(&d->body));
}

static void
refuses_a_type_changed_after_signing(void **state)
{
	struct signed_doc *d = *state;

	buf_clear(&d->env);
	assert_ok(
	    dsse_encode(&d->key, "text/plain", BODY, strlen(BODY), &d->env));
	refuse_edited(E_DENIED, d, "text/plain", TYPE);
}

static void
refuses_a_signature_of_somebody_else(void **state)
{
	struct signed_doc *d = *state;
	struct secret seed = { { 4 } };
	struct sign_key other;

	assert_ok(sign_key_make(&seed, &other));
	buf_clear(&d->env);
	assert_ok(dsse_encode(&other, TYPE, BODY, strlen(BODY), &d->env));
	assert_refused(E_DENIED, d, d->env.p, d->env.len);

	/* Nor under our key id. */
	other.id = d->key.id;
	buf_clear(&d->env);
	assert_ok(dsse_encode(&other, TYPE, BODY, strlen(BODY), &d->env));
	assert_refused(E_DENIED, d, d->env.p, d->env.len);
	sign_key_release(&other);
}

static void
refuses_our_signature_under_another_key_id(void **state)
{
	struct signed_doc *d = *state;

	d->key.id.b[0] ^= 1;
	buf_clear(&d->env);
	assert_ok(dsse_encode(&d->key, TYPE, BODY, strlen(BODY), &d->env));
	assert_refused(E_DENIED, d, d->env.p, d->env.len);
}

static void
refuses_the_signature_of_another_document(void **state)
{
	struct signed_doc *d = *state;

	refuse_edited(E_DENIED, d, "eyJhIjoxfQ==", "eyJhIjoyfQ==");
}

static void
refuses_a_type_that_json_would_escape(void **state)
{
	static const char *const bad[] = { "a\"b", "a\\b",  "a b",
		                           "a\nb", "a\x7f", "\xc3\xa4" };
	struct signed_doc *d = *state;
	char longest[300];
	uint8_t sig[SIG_LEN];
	size_t before = d->env.len;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_err(E_INVALID, dsse_sign(&d->key, bad[i], "", 0, sig));
		assert_err(E_INVALID,
		           dsse_encode(&d->key, bad[i], "", 0, &d->env));
		assert_err(E_INVALID,
		           dsse_decode(&d->key.pub, bad[i], d->env.p,
		                       d->env.len, &d->body));
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_err(E_LIMIT, dsse_encode(&d->key, longest, "", 0, &d->env));
	assert_int_equal(before, d->env.len);
}

static void
refuses_what_is_larger_than_any_document(void **state)
{
	struct signed_doc *d = *state;
	AUTO(free_ptr) uint8_t *p = NULL;
	uint8_t sig[SIG_LEN];
	size_t n = 100 * MiB;

	assert_ok(mem_alloc(n, 1, &p));
	assert_err(E_LIMIT, dsse_sign(&d->key, TYPE, p, 64 * MiB + 1, sig));
	assert_err(E_LIMIT, dsse_decode(&d->key.pub, TYPE, p, n, &d->body));
}

static void
says_when_the_caller_has_no_room(void **state)
{
	struct signed_doc *d = *state;
	AUTO(buf_release) struct buf small = BUF_MAX(4);

	assert_err(
	    E_LIMIT,
	    dsse_decode(&d->key.pub, TYPE, d->env.p, d->env.len, &small));
	assert_err(E_LIMIT, dsse_encode(&d->key, TYPE, BODY, 7, &small));
}

#define doc_test(f) cmocka_unit_test_setup_teardown(f, sign_doc, drop_doc)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_example_of_the_protocol),
		cmocka_unit_test(encodes_empty_parts_and_zero_bytes),
		cmocka_unit_test(no_two_documents_share_an_encoding),
		doc_test(spells_an_envelope_in_one_way),
		doc_test(signs_the_encoding_and_nothing_else),
		doc_test(a_signature_holds_for_its_type_and_body_alone),
		doc_test(appends_the_payload_of_a_good_envelope),
		doc_test(carries_bodies_of_every_length),
		doc_test(refuses_every_changed_bit),
		doc_test(refuses_every_truncation),
		doc_test(refuses_every_byte_taken_out_or_put_in),
		doc_test(refuses_json_that_says_the_same_in_other_words),
		doc_test(refuses_a_signature_of_sixty_six_bytes),
		doc_test(refuses_two_signatures_and_none),
		doc_test(refuses_another_type_though_it_is_signed),
		doc_test(refuses_a_type_changed_after_signing),
		doc_test(refuses_a_signature_of_somebody_else),
		doc_test(refuses_our_signature_under_another_key_id),
		doc_test(refuses_the_signature_of_another_document),
		doc_test(refuses_a_type_that_json_would_escape),
		doc_test(refuses_what_is_larger_than_any_document),
		doc_test(says_when_the_caller_has_no_room),
	};

	return cmocka_run_group_tests_name("sign/dsse", tests, NULL, NULL);
}
