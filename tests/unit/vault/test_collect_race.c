/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A writer stopped at every operation on its store while a collector runs from
 * beginning to end, and the other way round.  Whatever is announced afterwards
 * must be whole.
 */

#include <sys/wait.h>

#include "small_vault.h"

/* What the linker puts before the store's functions; see meson.build. */
err __real_store_put(struct store *s, const char *name, const void *p,
                     size_t n);
err __wrap_store_put(struct store *s, const char *name, const void *p,
                     size_t n);
err __real_store_get(struct store *s, const char *name, struct buf *b);
err __wrap_store_get(struct store *s, const char *name, struct buf *b);
err __real_store_get_range(struct store *s, const char *name, uint64_t off,
                           size_t n, void *p);
err __wrap_store_get_range(struct store *s, const char *name, uint64_t off,
                           size_t n, void *p);
err __real_store_list(struct store *s, const char *kind,
                      err (*fn)(const struct store_item *item, void *arg),
                      void *arg);
err __wrap_store_list(struct store *s, const char *kind,
                      err (*fn)(const struct store_item *item, void *arg),
                      void *arg);
err __real_store_delete(struct store *s, const char *name);
err __wrap_store_delete(struct store *s, const char *name);

/* Stop at this operation, counted from 1; 0: never. */
static atomic_int stop_at;
static atomic_int ops;
static int stop_next;

/* Stop before an object of this kind is put, and count anew from there. */
static const char *stop_before;

static void
operation(void)
{
	if (atomic_fetch_add(&ops, 1) + 1 == stop_at)
		(void)raise(SIGSTOP);
}

err
__wrap_store_put(struct store *s, const char *name, const void *p, size_t n)
{
	if (stop_before != NULL &&
	    strncmp(name, stop_before, strlen(stop_before)) == 0) {
		stop_before = NULL;
		(void)raise(SIGSTOP);
		ops = 0;
		stop_at = stop_next;
	} else {
		operation();
	}
	return __real_store_put(s, name, p, n);
}

err
__wrap_store_get(struct store *s, const char *name, struct buf *b)
{
	operation();
	return __real_store_get(s, name, b);
}

err
__wrap_store_get_range(struct store *s, const char *name, uint64_t off,
                       size_t n, void *p)
{
	operation();
	return __real_store_get_range(s, name, off, n, p);
}

err
__wrap_store_list(struct store *s, const char *kind,
                  err (*fn)(const struct store_item *item, void *arg),
                  void *arg)
{
	operation();
	return __real_store_list(s, kind, fn, arg);
}

err
__wrap_store_delete(struct store *s, const char *name)
{
	operation();
	return __real_store_delete(s, name);
}

static struct small_vault s;

static int
setup(void **state)
{
	(void)state;
	small_make(&s, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	small_drop(&s);
	return 0;
}

/* Run ${work} in a process that stops before it puts an object of kind
 * ${before} (unless NULL), and at operation ${n} from there. */
static pid_t
start(int (*work)(struct vault *v), const char *before, int n)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct vault *v = small_open(&s);
	int code;

	ops = 0;
	stop_at = before == NULL ? n : 0;
	stop_next = n;
	stop_before = before;
	code = work(v);
	vault_close(v);
	_exit(code);
}

/* Wait until ${pid} stops (true) or ends with ${*ret_code}. */
static bool
stopped(pid_t pid, int *ret_code)
{
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status))
		return true;
	assert_true(WIFEXITED(status));
	*ret_code = WEXITSTATUS(status);
	return false;
}

static int
go_on(pid_t pid)
{
	int code = -1;

	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_false(stopped(pid, &code));
	return code;
}

static int
write_one(struct vault *v)
{
	struct digest id;
	err e = small_put(&s, v, &id);
	int code = e.code;

	err_drop(e);
	return code;
}

static int
collect(struct vault *v)
{
	struct vault_prune_opts o = { 0 };
	struct vault_prune_report r;
	err e = vault_prune(v, &o, &r);
	int code = e.code;

	err_drop(e);
	vault_prune_report_release(&r);
	return code;
}

static void
forget_all(void)
{
	struct snapshot_list l;

	assert_ok(vault_snapshots(s.v, NULL, &l));
	for (size_t i = 0; i < l.n; i++)
		assert_ok(vault_forget(s.v, &l.v[i].id, 1));
	snapshot_list_release(&l);
}

static err
append(const void *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return buf_done(arg);
}

/* Is the file "text" of the newest snapshot ${want}? */
static void
expect_newest(const char *want)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	struct snapshot newest;

	assert_ok(vault_find(s.v, "files", "latest", &newest));
	assert_ok(vault_cat(s.v, &newest, "text", append, &b));
	assert_string_equal(buf_cstr(&b), want);
	snapshot_release(&newest);
}

static void
next_text(char text[64], int n)
{
	(void)snprintf(text, 64, "what stands here at step %d", n);
	small_write(&s, "text", text);
}

static void
expect_clean(void)
{
	struct vault_check_report r;

	small_check(s.v, &r);
	if (r.bad > 0)
		small_tell(&r);
	assert_int_equal(r.bad, 0);
	vault_check_report_release(&r);
}

/* Nobody is at work: without old markers every round has as many operations. */
static void
sweep_markers(void)
{
	struct small_names names;

	small_list(&s, 0, "condemned", &names);
	for (size_t i = 0; i < names.n; i++)
		assert_ok(store_delete(s.v->copies[0].store, names.v[i]));
}

/* How many snapshots there are. */
static size_t
snapshots(void)
{
	return small_count(&s, "snapshots");
}

static void
a_writer_stopped_anywhere_announces_what_is_whole(void **state)
{
	char text[64];
	int code = 0, stops = 0, commits = 0;

	(void)state;
	small_write(&s, "same", "what never changes");
	for (int n = 1;; n++) {
		bool was_stopped;
		pid_t pid;

		sweep_markers();
		/* What the writer finds is what the collector then takes. */
		forget_all();
		next_text(text, 2 * n);
		small_backup(&s);
		next_text(text, 2 * n + 1);
		pid = start(write_one, NULL, n);
		if ((was_stopped = stopped(pid, &code))) {
			stops++;
			forget_all();
			assert_int_equal(collect(s.v), 0);
			code = go_on(pid);
		}
		expect_clean();
		if (code == 0 && snapshots() > 0) {
			expect_newest(text);
			commits++;
		}
		if (!was_stopped)
			break;
		assert_true(n < 200);
	}
	assert_int_equal(code, 0);
	assert_true(stops > 15);
	assert_true(commits > stops / 2);
}

static void
a_collector_stopped_anywhere_takes_nothing_that_is_needed(void **state)
{
	char text[64];
	int code = 0, stops = 0;

	(void)state;
	small_write(&s, "same", "what never changes");
	for (int n = 1;; n++) {
		bool was_stopped;
		pid_t pid;

		sweep_markers();
		next_text(text, 2 * n);
		small_backup(&s);
		forget_all();
		pid = start(collect, NULL, n);
		if ((was_stopped = stopped(pid, &code))) {
			stops++;
			next_text(text, 2 * n + 1);
			small_backup(&s);
			code = go_on(pid);
			assert_int_equal(code, 0);
			expect_newest(text);
		}
		expect_clean();
		if (!was_stopped)
			break;
		assert_true(n < 200);
	}
	assert_int_equal(code, 0);
	assert_true(stops > 15);
}

/*
 * The writer comes between the collector's first look and its marker, sees
 * none, and commits while the collector looks again, wherever that is.
 */
static void
a_commit_while_the_collector_looks_again_counts(void **state)
{
	char text[64];
	int code = 0, stops = 0;

	(void)state;
	small_write(&s, "same", "what never changes");
	for (int n = 1;; n++) {
		bool was_stopped;
		pid_t writer, collector;

		sweep_markers();
		next_text(text, 2 * n);
		small_backup(&s);
		forget_all();
		next_text(text, 2 * n + 1);
		collector = start(collect, "condemned/", n);
		assert_true(stopped(collector, &code));
		writer = start(write_one, "snapshots/", 0);
		assert_true(stopped(writer, &code));
		assert_int_equal(kill(collector, SIGCONT), 0);
		if ((was_stopped = stopped(collector, &code)))
			stops++;
		assert_int_equal(go_on(writer), 0);
		if (was_stopped)
			code = go_on(collector);
		expect_clean();
		expect_newest(text);
		if (!was_stopped)
			break;
		assert_true(n < 200);
	}
	assert_int_equal(code, 0);
	assert_true(stops > 5);
}

/* A clock that is a year ahead makes every promise look forgotten. */
static void
a_promise_taken_by_a_wrong_clock_is_not_kept(void **state)
{
	pid_t writer;
	int code;

	(void)state;
	small_write(&s, "text", "what it was");
	small_backup(&s);
	writer = start(write_one, "snapshots/", 0);
	assert_true(stopped(writer, &code));
	forget_all();
	small_clock(365);
	assert_int_equal(collect(s.v), 0);
	small_clock(0);
	assert_int_equal(small_count(&s, "pending"), 0);
	assert_int_equal(small_count(&s, "packs"), 0);
	assert_int_not_equal(go_on(writer), 0);
	assert_int_equal(snapshots(), 0);
	expect_clean();

	/* The next one starts from nothing. */
	small_backup(&s);
	expect_newest("what it was");
	expect_clean();
}

/* Stop ${work} at operation ${n} and kill it there; false if it had ended. */
static bool
killed(int (*work)(struct vault *v), int n)
{
	int status, code;
	pid_t pid = start(work, NULL, n);

	if (!stopped(pid, &code)) {
		assert_int_equal(code, 0);
		return false;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void
a_collector_killed_anywhere_leaves_a_whole_vault(void **state)
{
	char text[64];
	bool more = true;

	(void)state;
	small_write(&s, "same", "what never changes");
	for (int n = 1; more; n++) {
		sweep_markers();
		next_text(text, 2 * n);
		small_backup(&s);
		forget_all();
		next_text(text, 2 * n + 1);
		small_backup(&s);
		more = killed(collect, n);
		expect_clean();
		expect_newest(text);

		/* The next ones are not hindered by what it left. */
		next_text(text, 2 * n);
		small_backup(&s);
		assert_int_equal(collect(s.v), 0);
		expect_clean();
		expect_newest(text);
		assert_true(n < 200);
	}
}

static void
a_writer_killed_anywhere_leaves_a_whole_vault(void **state)
{
	char text[64];
	bool more = true;

	(void)state;
	small_write(&s, "same", "what never changes");
	for (int n = 1; more; n++) {
		sweep_markers();
		forget_all();
		next_text(text, 2 * n);
		more = killed(write_one, n);
		expect_clean();
		assert_int_equal(collect(s.v), 0);
		expect_clean();
		next_text(text, 2 * n + 1);
		small_backup(&s);
		expect_clean();
		expect_newest(text);

		/* A week later nothing of it is left. */
		small_clock(8);
		assert_int_equal(collect(s.v), 0);
		small_clock(0);
		assert_int_equal(small_count(&s, "pending"), 0);
		assert_int_equal(small_count(&s, "envelopes"), snapshots());
		expect_clean();
		assert_true(n < 200);
	}
}

static void
two_collectors_do_not_hinder_each_other(void **state)
{
	char text[64];
	int code = 0, stops = 0;

	(void)state;
	for (int n = 1;; n++) {
		bool was_stopped;
		pid_t pid;

		sweep_markers();
		next_text(text, 2 * n);
		small_backup(&s);
		forget_all();
		next_text(text, 2 * n + 1);
		small_backup(&s);
		pid = start(collect, NULL, n);
		if ((was_stopped = stopped(pid, &code))) {
			stops++;
			assert_int_equal(collect(s.v), 0);
			assert_int_equal(go_on(pid), 0);
		}
		expect_clean();
		expect_newest(text);
		if (!was_stopped)
			break;
		assert_true(n < 200);
	}
	assert_int_equal(code, 0);
	assert_true(stops > 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_writer_stopped_anywhere_announces_what_is_whole, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_collector_stopped_anywhere_takes_nothing_that_is_needed,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_commit_while_the_collector_looks_again_counts, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_promise_taken_by_a_wrong_clock_is_not_kept, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_collector_killed_anywhere_leaves_a_whole_vault, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    a_writer_killed_anywhere_leaves_a_whole_vault, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    two_collectors_do_not_hinder_each_other, setup, teardown),
	};

	small_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
