/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/time.h"
#include "cli/progress.h"
#include "cli/text.h"

static void
writes_sizes_for_people(void **state)
{
	(void)state;
	assert_string_equal(size_str(0), "0 B");
	assert_string_equal(size_str(1023), "1023 B");
	assert_string_equal(size_str(1024), "1.0 KiB");
	assert_string_equal(size_str(1536), "1.5 KiB");
	assert_string_equal(size_str(102400), "100 KiB");
	assert_string_equal(size_str(1048575), "1.0 MiB");
	assert_string_equal(size_str(UINT64_MAX), "16.0 EiB");
}

static void
writes_durations_for_people(void **state)
{
	(void)state;
	assert_string_equal(took_str(420 * NS_PER_MS), "0.42 s");
	assert_string_equal(took_str(185 * NS_PER_S), "3 min 5 s");
	assert_string_equal(took_str(7800 * NS_PER_S), "2 h 10 min");
}

static void
says_how_far_how_fast_and_how_long_still(void **state)
{
	struct progress p = { .what = "backup of a" };
	char line[256];

	(void)state;
	atomic_store(&p.vp.phase, "reading");
	atomic_store(&p.vp.items, 3);
	progress_text(&p, 2 * NS_PER_S, line, sizeof(line));
	assert_string_equal(line, "backup of a: reading 3, 0 B");
	atomic_store(&p.vp.items_all, 6);
	atomic_store(&p.vp.bytes, 1 * MiB);
	atomic_store(&p.vp.bytes_all, 4 * MiB);
	progress_text(&p, 2 * NS_PER_S, line, sizeof(line));
	assert_string_equal(line,
	                    "backup of a: reading 25%, 3 of 6, 1.0 MiB "
	                    "of 4.0 MiB, 512 KiB/s, 6 s left");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_sizes_for_people),
		cmocka_unit_test(writes_durations_for_people),
		cmocka_unit_test(says_how_far_how_fast_and_how_long_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
