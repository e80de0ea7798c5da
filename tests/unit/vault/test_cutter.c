/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The cutter and its workers: the same plans as without, and none from a worker
 * that dies, hangs or lies.  The source is included, to put liars in the place
 * of workers.
 */

#include "cut_file.h"

#include <errno.h>
#include <sys/wait.h>

#include "vault/cutter.c"

/* A tensor of 1 MiB behind a header. */
static struct file
sample(void)
{
	static const char json[] = "{\"a\":{\"data_offsets\":[0,1048576]}}";
	struct buf b = BUF_MAX(1 * KiB);
	struct file f = file_new();

	buf_u64(&b, strlen(json));
	buf_str(&b, json);
	put_buf(&f, &b);
	hole(&f, 1 * MiB);
	return f;
}

static void
finds(struct cutter *c, const struct file *f)
{
	AUTO(cuts_release) struct cuts got = { 0 };
	AUTO(cuts_release) struct cuts want = { 0 };

	assert_ok(cuts_find(f->fd, f->size, &want));
	assert_ok(cutter_find(c, f->fd, f->size, &got));
	assert_int_equal(got.n, want.n);
	for (size_t i = 0; i < got.n; i++) {
		assert_int_equal(got.v[i].off, want.v[i].off);
		assert_int_equal(got.v[i].len, want.v[i].len);
		assert_int_equal(got.v[i].how, want.v[i].how);
	}
}

static void
finds_nothing(struct cutter *c, const struct file *f)
{
	struct cuts got = { 0 };

	assert_err(E_UNSUPPORTED, cutter_find(c, f->fd, f->size, &got));
	assert_null(got.v);
}

static void
plans_as_the_finders_do(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	AUTO(file_close) struct file f = sample();

	(void)state;
	assert_ok(cutter_start(&c));
	for (unsigned i = 0; i < 10; i++)
		finds(c, &f);
	assert_int_equal(cutter_stats(c).plans, 10);
	assert_int_equal(cutter_stats(c).lost, 0);
}

/* Listed in no order, so that the worker has to sort, too. */
static void
carries_a_plan_of_many_packets(void **state)
{
	const size_t n = 3 * CUT_WORKER_BATCH - 1, len = 128 * KiB;
	AUTO(cutter_stopp) struct cutter *c = NULL;
	struct buf b = BUF_MAX(16 * MiB);
	AUTO(file_close) struct file f = file_new();

	(void)state;
	buf_u64(&b, 0);
	for (size_t i = 0; i < n; i++) {
		size_t k = i * 7919 % n;

		buf_fmt(&b, "%c\"t%zu\":{\"data_offsets\":[%zu,%zu]}",
		        i ? ',' : '{', k, k * len, (k + 1) * len);
	}
	buf_str(&b, "}");
	put_le64(b.p, b.len - 8);
	put_buf(&f, &b);
	hole(&f, n * len);
	assert_ok(cutter_start(&c));
	finds(c, &f);
}

static void
a_file_without_a_plan_costs_no_worker(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	AUTO(file_close) struct file f = sample();
	AUTO(file_close) struct file none = file_new();
	int fd[2];

	(void)state;
	hole(&none, 1 * MiB);
	assert_ok(cutter_start(&c));
	finds_nothing(c, &none);

	/* Shorter than it was, no file at all, a descriptor that is none. */
	f.size += 1 * MiB;
	finds_nothing(c, &f);
	f.size -= 1 * MiB;
	assert_int_equal(pipe(fd), 0);
	finds_nothing(c, &(struct file){ .fd = fd[0], .size = 1 * MiB });
	(void)close(fd[0]);
	(void)close(fd[1]);
	finds(c, &f);
	assert_int_equal(cutter_stats(c).refused, 3);
	assert_int_equal(cutter_stats(c).lost, 0);
}

/* --- bad workers ---------------------------------------------------------- */

/* An answer: how many cuts it claims, and what it then sends. */
struct lie {
	uint32_t n;
	struct {
		uint64_t len;
		uint8_t how;
	} v[3];
	size_t bytes; /* Of v, as it goes over the wire. */
};

static int
lie_run(int sock, void *arg)
{
	const struct lie *l = arg;
	uint8_t b[64];
	size_t n;
	int fd;

	err_drop(sandbox_receive(sock, b, sizeof(b), &n, &fd));
	put_le32(b, l->n);
	err_drop(sandbox_reply(sock, b, 4));
	for (size_t i = 0; i < 3; i++) {
		put_le64(b + 9 * i, l->v[i].len);
		b[9 * i + 8] = l->v[i].how;
	}
	if (l->bytes > 0)
		err_drop(sandbox_reply(sock, b, l->bytes));
	return 0;
}

/* It takes a question and dies of it. */
static int
die_run(int sock, void *arg)
{
	uint8_t b[64];
	size_t n;
	int fd;

	(void)arg;
	err_drop(sandbox_receive(sock, b, sizeof(b), &n, &fd));
	abort();
}

/* It takes questions and never answers. */
static int
hang_run(int sock, void *arg)
{
	uint8_t b[64];
	size_t n;
	int fd;
	err e;

	(void)arg;
	do
		e = sandbox_receive(sock, b, sizeof(b), &n, &fd);
	while (e.code == E_OK);
	err_drop(e);
	return 0;
}

/* Put another in the place of the worker that is asked. */
static void
replace(struct cutter *c, int (*run)(int sock, void *arg), const struct lie *l)
{
	struct sandbox_opts o = opts;

	if (run == hang_run)
		o.wait_ns = 100 * NS_PER_MS;
	sandbox_child_stop(take(c->v[c->i]));
	assert_ok(
	    sandbox_child_start(run, (void *)(uintptr_t)l, &o, &c->v[c->i]));
}

static void
goes_on_with_a_spare(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	AUTO(file_close) struct file f = sample();

	(void)state;
	assert_ok(cutter_start(&c));
	replace(c, die_run, NULL);
	finds_nothing(c, &f);
	finds(c, &f);
	assert_int_equal(cutter_stats(c).lost, 1);
}

static void
waits_for_no_worker_that_hangs(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	AUTO(file_close) struct file f = sample();

	(void)state;
	assert_ok(cutter_start(&c));
	replace(c, hang_run, NULL);
	finds_nothing(c, &f);
	finds(c, &f);
	assert_int_equal(cutter_stats(c).lost, 1);
}

static void
streams_when_no_worker_is_left(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	AUTO(file_close) struct file f = sample();

	(void)state;
	assert_ok(cutter_start(&c));
	for (size_t i = 0; i < WORKERS; i++) {
		finds(c, &f);
		replace(c, die_run, NULL);
		finds_nothing(c, &f);
	}
	finds_nothing(c, &f);
	finds_nothing(c, &f);
	assert_int_equal(cutter_stats(c).lost, WORKERS);
	assert_int_equal(cutter_stats(c).unasked, 2);
}

static void
believes_no_worker_that_lies(void **state)
{
	const struct lie truth = { 2, { { 576, 2 }, { 1000, 0 } }, 18 };
	const struct lie lies[] = {
		{ 2, { { 576, 2 }, { 999, 0 } }, 18 },
		{ 2, { { 576, 2 }, { 1001, 0 } }, 18 },
		{ 2, { { 576, 2 }, { 1000, 3 } }, 18 },
		{ 2, { { 1576, 2 }, { 0, 0 } }, 18 },
		{ 2, { { 577, 2 }, { UINT64_MAX, 0 }, { 1000, 0 } }, 18 },
		{ 3, { { 577, 2 }, { UINT64_MAX, 0 }, { 1000, 0 } }, 27 },
		{ 2, { { 576, 2 }, { 1000, 0 } }, 17 },
		{ 2, { { 576, 2 }, { 1000, 0 } }, 19 },
		{ 2, { { 576, 2 }, { 1000, 0 } }, 0 },
		{ 3, { { 576, 2 }, { 1000, 0 } }, 18 },
		{ 1, { { 576, 2 }, { 1000, 0 } }, 18 },
		{ CUTS_MAX + 1, { { 1576, 0 } }, 9 },
		{ UINT32_MAX, { { 1576, 0 } }, 9 },
	};
	struct file f = { .fd = STDIN_FILENO, .size = 1576 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		AUTO(cutter_stopp) struct cutter *c = NULL;
		AUTO(cuts_release) struct cuts got = { 0 };

		assert_ok(cutter_start(&c));
		replace(c, lie_run, &truth);
		assert_ok(cutter_find(c, f.fd, f.size, &got));
		assert_int_equal(got.n, 2);
		replace(c, lie_run, &lies[i]);
		finds_nothing(c, &f);
		assert_int_equal(cutter_stats(c).lost, 1);
	}
}

/* --- together and afterwards --------------------------------------------- */

static void *
ask_often(void *arg)
{
	struct file f = sample();

	for (unsigned i = 0; i < 25; i++)
		finds(arg, &f);
	file_close(&f);
	return NULL;
}

static void
serves_many_threads(void **state)
{
	AUTO(cutter_stopp) struct cutter *c = NULL;
	pthread_t t[4];

	(void)state;
	assert_ok(cutter_start(&c));
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_often, c), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(cutter_stats(c).plans, 100);
}

static void
leaves_no_process_behind(void **state)
{
	struct cutter *c = NULL;

	(void)state;
	assert_ok(cutter_start(&c));
	cutter_stop(c);
	cutter_stop(NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_as_the_finders_do),
		cmocka_unit_test(carries_a_plan_of_many_packets),
		cmocka_unit_test(a_file_without_a_plan_costs_no_worker),
		cmocka_unit_test(goes_on_with_a_spare),
		cmocka_unit_test(streams_when_no_worker_is_left),
		cmocka_unit_test(waits_for_no_worker_that_hangs),
		cmocka_unit_test(believes_no_worker_that_lies),
		cmocka_unit_test(serves_many_threads),
		cmocka_unit_test(leaves_no_process_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
