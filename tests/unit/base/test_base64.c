/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/base64.h"

static const struct {
	const char *plain, *coded;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb", "//77" },
	{ "\xfb\xef\xbe", "++++" },
};

static void
agrees_with_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO(buf_release) struct buf coded = BUF_MAX(100);
		AUTO(buf_release) struct buf plain = BUF_MAX(100);

		base64_encode(vectors[i].plain, strlen(vectors[i].plain),
		              &coded);
		assert_string_equal(buf_cstr(&coded), vectors[i].coded);
		assert_ok(base64_decode(vectors[i].coded,
		                        strlen(vectors[i].coded), &plain));
		assert_string_equal(buf_cstr(&plain), vectors[i].plain);
	}
}

static void
gives_back_every_byte_at_every_length(void **state)
{
	uint8_t in[259];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(in); n++) {
		AUTO(buf_release) struct buf coded = BUF_MAX(1000);
		AUTO(buf_release) struct buf plain = BUF_MAX(1000);

		base64_encode(in, n, &coded);
		assert_int_equal(coded.len, (n + 2) / 3 * 4);
		assert_ok(
		    base64_decode((const char *)coded.p, coded.len, &plain));
		assert_int_equal(plain.len, n);
		if (n > 0)
			assert_memory_equal(plain.p, in, n);
	}
}

static void
refuses_every_other_spelling_and_adds_nothing(void **state)
{
	static const char *const bad[] = {
		"Z",        "Zg",         "Zg=",      "Zm9",     "Zh==",
		"Zm9=",     "Zm9v=",      "====",     "Z===",    "=Zg=",
		"Zg==Zg==", "Zm8=Zm8=",   "Zm9v\n",   " Zm9",    "Zm-_",
		"Zm9vZh==", "Zg==\n\n\n", "Zm9vYg=a", "Zm9\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(buf_release) struct buf b = BUF_MAX(100);

		buf_str(&b, "kept");
		assert_err(E_INVALID,
		           base64_decode(bad[i], strlen(bad[i]), &b));
		assert_string_equal(buf_cstr(&b), "kept");
	}
}

static void
refuses_a_zero_byte(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(100);

	(void)state;
	assert_err(E_INVALID, base64_decode("Zm\0v", 4, &b));
}

static void
says_when_the_buffer_is_too_small(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(2);

	(void)state;
	assert_err(E_LIMIT, base64_decode("Zm9v", 4, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_vectors_of_rfc_4648),
		cmocka_unit_test(gives_back_every_byte_at_every_length),
		cmocka_unit_test(refuses_every_other_spelling_and_adds_nothing),
		cmocka_unit_test(refuses_a_zero_byte),
		cmocka_unit_test(says_when_the_buffer_is_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
