/* SPDX-License-Identifier: Apache-2.0 */

/* The chunker's promises: bounds, determinism, resynchronisation, average. */

#include "helper.h"

#include "vault/chunker.h"

static struct chunker chunker;

/* Bytes that look random and are the same everywhere. */
static uint8_t *
noise(size_t n, uint64_t seed)
{
	uint8_t *p = malloc(n);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p[i] = (uint8_t)(seed >> 32);
	}
	return p;
}

/* All cuts of ${n} bytes; the last is ${n}. */
struct cut_list {
	size_t at[256];
	size_t n;
};

static struct cut_list
cut_all(const struct chunker *c, const uint8_t *p, size_t n)
{
	struct cut_list l = { 0 };
	size_t at = 0;

	while (at < n) {
		at += chunker_next(c, p + at, n - at);
		assert_true(l.n < ARRAY_LEN(l.at));
		l.at[l.n++] = at;
	}
	assert_int_equal(at, n);
	return l;
}

/* The definition, one byte at a time. */
static size_t
slow_next(const struct chunker *c, const uint8_t *p, size_t n)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n && i < CHUNK_MAX; i++) {
		h = (h << 1) + c->gear[p[i]];
		if (i < CHUNK_MIN)
			continue;
		if (h >> (i < 1684 * KiB ? 41 : 45) == 0)
			return i + 1;
	}
	return n < CHUNK_MAX ? n : CHUNK_MAX;
}

static int
setup(void **state)
{
	struct secret key;

	(void)state;
	assert_ok(crypto_init());
	for (size_t i = 0; i < KEY_LEN; i++)
		key.b[i] = (uint8_t)i;
	chunker_init(&chunker, &key);
	return 0;
}

static void
keeps_every_chunk_within_bounds(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(40 * MiB, 1);
	struct cut_list l = cut_all(&chunker, p, 40 * MiB);
	size_t from = 0;

	(void)state;
	for (size_t i = 0; i < l.n; i++) {
		assert_true(l.at[i] - from <= CHUNK_MAX);
		if (i + 1 < l.n)
			assert_true(l.at[i] - from >= CHUNK_MIN);
		from = l.at[i];
	}
}

static void
averages_two_mebibytes_on_random_bytes(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(128 * MiB, 2);
	size_t n = cut_all(&chunker, p, 128 * MiB).n;

	(void)state;
	assert_in_range(n, 64 * 85 / 100, 64 * 115 / 100);
}

static void
cuts_as_the_definition_says(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(12 * MiB, 3);

	(void)state;
	for (size_t at = 0; at < 3 * MiB; at += 400 * KiB + 1)
		assert_int_equal(chunker_next(&chunker, p + at, 9 * MiB),
		                 slow_next(&chunker, p + at, 9 * MiB));
	for (size_t n = CHUNK_MIN; n < CHUNK_MIN + 9; n++)
		assert_int_equal(chunker_next(&chunker, p, n),
		                 slow_next(&chunker, p, n));
}

/* Fails where a compiler, or a change, cuts otherwise than vaults were cut. */
static void
cuts_where_it_always_did(void **state)
{
	static const size_t want[] = { 2205761,  4008852,  5595813,  7966216,
		                       10942158, 12811547, 14840467, 16777216 };
	AUTO(free_ptr) uint8_t *p = noise(16 * MiB, 4);
	struct cut_list l = cut_all(&chunker, p, 16 * MiB);

	(void)state;
	assert_int_equal(l.n, ARRAY_LEN(want));
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(l.at[i], want[i]);
}

static void
does_not_look_behind_the_longest_chunk(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(CHUNK_MAX + 4 * KiB, 5);
	size_t first;

	(void)state;
	memset(p, 0, CHUNK_MAX);
	first = chunker_next(&chunker, p, CHUNK_MAX);
	assert_int_equal(chunker_next(&chunker, p, CHUNK_MAX + 4 * KiB), first);
}

static void
resynchronises_after_an_insertion(void **state)
{
	const size_t n = 32 * MiB, where = 9 * MiB + 77, more = 1001;
	AUTO(free_ptr) uint8_t *p = noise(n, 6);
	AUTO(free_ptr) uint8_t *q = noise(n + more, 7);
	struct cut_list a, b;
	size_t i, j, same = 0, before = 0;

	(void)state;
	memcpy(q, p, where);
	memcpy(q + where + more, p + where, n - where);
	a = cut_all(&chunker, p, n);
	b = cut_all(&chunker, q, n + more);

	/* Nothing moves before the place, */
	while (a.at[before] < where) {
		assert_int_equal(a.at[before], b.at[before]);
		before++;
	}

	/* and behind it the ends agree but for a few chunks. */
	for (i = a.n, j = b.n; i > 0 && j > 0; i--, j--, same++)
		if (a.at[i - 1] + more != b.at[j - 1])
			break;
	assert_true(before + same + 3 >= a.n);
	assert_true(same >= 5);
}

static void
cuts_the_same_bytes_the_same(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(10 * MiB, 8);
	AUTO(free_ptr) uint8_t *q = malloc(10 * MiB + 1);
	struct cut_list a, b;

	(void)state;
	assert_non_null(q);
	memcpy(q + 1, p, 10 * MiB);
	a = cut_all(&chunker, p, 10 * MiB);
	b = cut_all(&chunker, q + 1, 10 * MiB);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.at, b.at, a.n * sizeof(a.at[0]));
}

static void
cuts_otherwise_under_another_key(void **state)
{
	AUTO(free_ptr) uint8_t *p = noise(16 * MiB, 4);
	struct secret key = { .b = { 1 } };
	struct chunker other;
	struct cut_list a, b;

	(void)state;
	chunker_init(&other, &key);
	a = cut_all(&chunker, p, 16 * MiB);
	b = cut_all(&other, p, 16 * MiB);
	assert_int_not_equal(a.at[0], b.at[0]);
}

/* Bytes that repeat must neither run away nor fall to dust. */
static void
cuts_constant_bytes_evenly(void **state)
{
	static const uint8_t fill[] = { 0x00, 0xff, 0x20, 0x80 };
	AUTO(free_ptr) uint8_t *p = malloc(20 * MiB);
	size_t first, at;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
		memset(p, fill[i], 20 * MiB);
		first = chunker_next(&chunker, p, 20 * MiB);
		assert_in_range(first, CHUNK_MIN, CHUNK_MAX);
		for (at = 0; at + CHUNK_MAX < 20 * MiB; at += first)
			assert_int_equal(
			    chunker_next(&chunker, p + at, 20 * MiB - at),
			    first);
	}
}

static void
returns_what_is_too_short_to_cut(void **state)
{
	static const uint8_t p[CHUNK_MIN];

	(void)state;
	assert_int_equal(chunker_next(&chunker, p, 0), 0);
	assert_int_equal(chunker_next(&chunker, p, 1), 1);
	assert_int_equal(chunker_next(&chunker, p, CHUNK_MIN - 1),
	                 CHUNK_MIN - 1);
	assert_int_equal(chunker_next(&chunker, p, CHUNK_MIN), CHUNK_MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_every_chunk_within_bounds),
		cmocka_unit_test(averages_two_mebibytes_on_random_bytes),
		cmocka_unit_test(cuts_as_the_definition_says),
		cmocka_unit_test(cuts_where_it_always_did),
		cmocka_unit_test(does_not_look_behind_the_longest_chunk),
		cmocka_unit_test(resynchronises_after_an_insertion),
		cmocka_unit_test(cuts_the_same_bytes_the_same),
		cmocka_unit_test(cuts_otherwise_under_another_key),
		cmocka_unit_test(cuts_constant_bytes_evenly),
		cmocka_unit_test(returns_what_is_too_short_to_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
