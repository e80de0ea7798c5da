/* SPDX-License-Identifier: Apache-2.0 */

/* Wiping, comparison, randomness, and what crypto_init() forbids. */

#include "vector.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
may_start_as_often_as_it_likes(void **state)
{
	(void)state;
	assert_ok(crypto_init());
	assert_ok(crypto_init());
}

static void
forbids_core_files_and_piped_cores(void **state)
{
	struct rlimit rl;

	(void)state;
	assert_ok(crypto_init());
	assert_int_equal(0, getrlimit(RLIMIT_CORE, &rl));
	assert_int_equal(MIN(rl.rlim_max, (rlim_t)1), rl.rlim_cur);
}

/* Die of a signal that dumps core, in a child; return its wait status. */
static int
die(bool init, rlim_t limit)
{
	struct rlimit rl = { limit, limit };
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (setrlimit(RLIMIT_CORE, &rl) != 0)
			_exit(1);
		if (init && crypto_init().code != E_OK)
			_exit(1);
		(void)raise(SIGQUIT);
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFSIGNALED(status));
	return status;
}

static void
does_not_dump_core(void **state)
{
	struct rlimit rl;

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_CORE, &rl));
	assert_false(WCOREDUMP(die(true, rl.rlim_max)));
}

static void
leaves_memory_out_of_cores_where_no_limit_can_be_set(void **state)
{
	AUTO(close_fd) int fd = -1;
	struct rlimit none = { 0, 0 };
	char mask[16] = { 0 };
	int status;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0) {
		if (setrlimit(RLIMIT_CORE, &none) != 0 ||
		    crypto_init().code != E_OK)
			_exit(1);
		fd = open("/proc/self/coredump_filter", O_RDONLY);
		if (fd < 0)
			_exit(77);
		if (read(fd, mask, sizeof(mask) - 1) <= 0)
			_exit(1);
		_exit(strtoul(mask, NULL, 16) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* No /proc. */
	assert_int_equal(0, WEXITSTATUS(status));
}

static void
wipes_all_of_a_secret_and_no_more(void **state)
{
	static const uint8_t zero[KEY_LEN];
	struct {
		uint8_t before;
		struct secret s;
		uint8_t after;
	} x;

	(void)state;
	memset(&x, 0xa5, sizeof(x));
	secret_release(&x.s);
	assert_memory_equal(zero, x.s.b, KEY_LEN);
	assert_int_equal(0xa5, x.before);
	assert_int_equal(0xa5, x.after);
}

static void
tells_every_single_bit_apart(void **state)
{
	uint8_t a[40] = { 0 }, b[40] = { 0 };

	(void)state;
	assert_true(crypto_eq(a, b, sizeof(a)));
	assert_true(crypto_eq(a, b, 0));
	for (size_t i = 0; i < 8 * sizeof(a); i++) {
		flip(a, i);
		assert_false(crypto_eq(a, b, sizeof(a)));
		assert_true(crypto_eq(a, b, i / 8));
		flip(a, i);
	}
}

static void
fills_all_bytes_at_random_and_no_more(void **state)
{
	uint8_t a[1001], b[1001], seen[1000] = { 0 };

	(void)state;
	memset(a, 0, sizeof(a));
	for (int i = 0; i < 16; i++) {
		memset(b, 0, sizeof(b));
		assert_ok(crypto_random(b, 1000));
		assert_int_equal(0, b[1000]);
		assert_memory_not_equal(a, b, 16);
		memcpy(a, b, sizeof(a));
		for (size_t j = 0; j < 1000; j++)
			seen[j] |= b[j];
	}
	/* Sixteen zeroes in a row at one place: one in 2^128. */
	for (size_t j = 0; j < 1000; j++)
		assert_int_not_equal(0, seen[j]);
	assert_ok(crypto_random(b, 0));
}

static void
fills_a_large_buffer_to_its_end(void **state)
{
	AUTO(free_ptr) uint8_t *p = NULL;
	size_t n = 40 * MiB;
	static const uint8_t zero[16];

	(void)state;
	assert_ok(mem_alloc(n, 1, &p));
	assert_ok(crypto_random(p, n));
	assert_memory_not_equal(zero, p + n - 16, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_not_dump_core),
		cmocka_unit_test(
		    leaves_memory_out_of_cores_where_no_limit_can_be_set),
		cmocka_unit_test(may_start_as_often_as_it_likes),
		cmocka_unit_test(forbids_core_files_and_piped_cores),
		cmocka_unit_test(wipes_all_of_a_secret_and_no_more),
		cmocka_unit_test(tells_every_single_bit_apart),
		cmocka_unit_test(fills_all_bytes_at_random_and_no_more),
		cmocka_unit_test(fills_a_large_buffer_to_its_end),
	};

	return cmocka_run_group_tests_name("crypto/secret", tests, NULL, NULL);
}
