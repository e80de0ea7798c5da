/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include <stdatomic.h>

#include "base/pool.h"

#define ITEMS 20000

static struct {
	struct queue q;
	atomic_uint pushed, popped, gone;
	atomic_ullong sum;
} w;

/* Workers 0 and 1 push, the others pop; the last that pushed closes. */
static err
push_or_pop(void *arg, unsigned worker)
{
	const uintptr_t *p;

	(void)arg;
	if (worker >= 2) {
		while ((p = queue_pop(&w.q)) != NULL) {
			atomic_fetch_add(&w.sum, (uintptr_t)p);
			atomic_fetch_add(&w.popped, 1);
		}
		return OK;
	}
	for (;;) {
		uintptr_t i = atomic_fetch_add(&w.pushed, 1) + 1;

		if (i > ITEMS)
			break;
		if (!queue_push(&w.q, (void *)i))
			return err_new(E_IO, "closed too early");
	}
	if (atomic_fetch_add(&w.gone, 1) == 1)
		queue_close(&w.q);
	return OK;
}

static void
hands_every_item_to_exactly_one_worker(void **state)
{
	struct pool *p = NULL;

	(void)state;
	memset(&w, 0, sizeof(w));
	assert_ok(queue_init(&w.q, 3));
	assert_ok(pool_new(5, push_or_pop, NULL, &p));
	assert_ok(pool_join(p));
	assert_int_equal(atomic_load(&w.popped), ITEMS);
	assert_int_equal(atomic_load(&w.sum),
	                 (uint64_t)ITEMS * (ITEMS + 1) / 2);
	queue_release(&w.q);
}

static err
push_until_closed(void *arg, unsigned worker)
{
	(void)worker;
	while (queue_push(arg, arg))
		continue;
	return OK;
}

static err
pop_until_closed(void *arg, unsigned worker)
{
	(void)worker;
	while (queue_pop(arg) != NULL)
		continue;
	return OK;
}

static void
wakes_all_who_wait_when_closed(void **state)
{
	struct pool *full = NULL, *empty = NULL;
	struct queue a, b;

	(void)state;
	assert_ok(queue_init(&a, 1));
	assert_ok(queue_init(&b, 1));
	assert_ok(pool_new(4, push_until_closed, &a, &full));
	assert_ok(pool_new(4, pop_until_closed, &b, &empty));
	queue_close(&a);
	queue_close(&b);
	assert_ok(pool_join(full));
	assert_ok(pool_join(empty));
	queue_release(&a);
	queue_release(&b);
}

/* Worker 2 fails and lets the others go, of which one fails too. */
static err
fail_in_turn(void *arg, unsigned worker)
{
	if (worker == 2) {
		queue_close(arg);
		return err_new(E_CORRUPT, "worker 2");
	}
	(void)queue_pop(arg);
	return worker == 3 ? err_new(E_CORRUPT, "worker 3") : OK;
}

static void
returns_an_error_of_its_workers(void **state)
{
	struct pool *p = NULL;
	struct queue q;

	(void)state;
	assert_ok(queue_init(&q, 1));
	assert_ok(pool_new(4, fail_in_turn, &q, &p));
	assert_err_says(E_CORRUPT, "worker", pool_join(p));
	queue_release(&q);
	assert_ok(pool_join(NULL));
}

static err
count(void *arg, unsigned worker)
{
	atomic_fetch_or((atomic_uint *)arg, 1u << worker);
	return OK;
}

static void
runs_each_worker_once_under_its_number(void **state)
{
	struct pool *p = NULL;
	atomic_uint seen = 0;

	(void)state;
	assert_ok(pool_new(7, count, &seen, &p));
	assert_ok(pool_join(p));
	assert_int_equal(atomic_load(&seen), 0x7f);
	assert_true(pool_cpus() >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_every_item_to_exactly_one_worker),
		cmocka_unit_test(wakes_all_who_wait_when_closed),
		cmocka_unit_test(returns_an_error_of_its_workers),
		cmocka_unit_test(runs_each_worker_once_under_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
