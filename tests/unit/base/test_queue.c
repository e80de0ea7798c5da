/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/queue.h"

static void
keeps_the_order(void **state)
{
	struct queue q;
	int items[3];

	(void)state;
	assert_ok(queue_init(&q, 3));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(queue_push(&q, &items[i]));
		for (int i = 0; i < 3; i++)
			assert_ptr_equal(queue_pop(&q), &items[i]);
		assert_true(queue_push(&q, &items[1]));
		assert_ptr_equal(queue_pop(&q), &items[1]);
	}
	queue_release(&q);
	queue_release(&q);
}

static void
lets_nothing_in_once_closed_and_the_rest_out(void **state)
{
	struct queue q;
	int a, b;

	(void)state;
	assert_ok(queue_init(&q, 3));
	assert_true(queue_push(&q, &a));
	queue_close(&q);
	queue_close(&q);
	assert_false(queue_push(&q, &b));
	assert_ptr_equal(queue_pop(&q), &a);
	assert_null(queue_pop(&q));
	queue_release(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(lets_nothing_in_once_closed_and_the_rest_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
