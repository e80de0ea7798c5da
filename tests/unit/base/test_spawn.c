/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include <errno.h>

#include "base/spawn.h"
#include "base/time.h"

#define SH(script) ((const char *const[]){ "sh", "-c", script, NULL })

static void
gives_input_and_takes_output_and_status(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	AUTO(buf_release) struct buf errors = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = SH("cat; echo said >&2; exit 7"),
		.in = "hello",
		.in_len = 5,
		.out = &out,
		.errors = &errors,
	};
	struct spawn_end end;

	(void)state;
	assert_ok(spawn_run(&o, &end));
	assert_int_equal(end.status, 7);
	assert_int_equal(end.signal, 0);
	assert_string_equal(buf_cstr(&out), "hello");
	assert_string_equal(buf_cstr(&errors), "said\n");
}

static void
moves_more_than_a_pipe_holds_both_ways(void **state)
{
	AUTO(buf_release) struct buf in = BUF_MAX(8 * MiB);
	AUTO(buf_release) struct buf out = BUF_MAX(8 * MiB);
	AUTO(buf_release) struct buf errors = BUF_MAX(8 * MiB);
	struct spawn_opts o = {
		.argv = SH("tee /dev/stderr"),
		.out = &out,
		.errors = &errors,
	};
	struct spawn_end end;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++)
		buf_u32(&in, i * 2654435761u);
	o.in = in.p;
	o.in_len = in.len;
	assert_ok(spawn_run(&o, &end));
	assert_int_equal(end.status, 0);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.p, in.p, in.len);
	assert_int_equal(errors.len, in.len);
	assert_memory_equal(errors.p, in.p, in.len);
}

static void
survives_a_command_that_reads_nothing(void **state)
{
	AUTO(buf_release) struct buf in = BUF_MAX(8 * MiB);
	struct spawn_opts o = { .argv = SH("exit 0") };
	struct spawn_end end;

	(void)state;
	in.len = (buf_room(&in, 1 * MiB) != NULL) * MiB;
	memset(in.p, 'x', in.len);
	o.in = in.p;
	o.in_len = in.len;
	assert_ok(spawn_run(&o, &end));
	assert_int_equal(end.status, 0);
}

static void
passes_arguments_as_they_are(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = (const char *const[]){ "printf", "%s|", "$(id)", "a b",
		                               "; x", "", NULL },
		.out = &out,
	};
	struct spawn_end end;

	(void)state;
	assert_ok(spawn_run(&o, &end));
	assert_string_equal(buf_cstr(&out), "$(id)|a b|; x||");
}

static void
runs_where_and_with_what_it_is_told(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = SH("pwd; echo $A$HOME"),
		.envp = (const char *const[]){ "A=b", NULL },
		.dir = "/",
		.out = &out,
	};
	struct spawn_end end;

	(void)state;
	assert_ok(spawn_run(&o, &end));
	assert_string_equal(buf_cstr(&out), "/\nb\n");
}

static void
says_that_there_is_no_such_command(void **state)
{
	struct spawn_opts o = {
		.argv = (const char *const[]){ "no-such-command-here", NULL },
	};
	struct spawn_end end = { 42, 42 };

	(void)state;
	assert_err_says(E_NOTFOUND, "no-such-command-here",
	                spawn_run(&o, &end));
	o.argv = (const char *const[]){ "/etc/passwd", NULL };
	assert_err(E_DENIED, spawn_run(&o, &end));
	assert_int_equal(end.status, 42);
}

static void
tells_the_signal_that_ended_it(void **state)
{
	struct spawn_opts o = { .argv = SH("kill -SEGV $$") };
	struct spawn_end end;

	(void)state;
	assert_ok(spawn_run(&o, &end));
	assert_int_equal(end.signal, SIGSEGV);
	assert_int_equal(end.status, -1);
}

static void
kills_what_takes_too_long_and_its_children(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = SH("sleep 1000 & echo $!; wait"),
		.out = &out,
		.timeout_ns = 300 * NS_PER_MS,
	};
	struct spawn_end end;
	pid_t grandchild;

	(void)state;
	assert_err_says(E_CANCELLED, "longer than 300 ms", spawn_run(&o, &end));
	grandchild = atoi(buf_cstr(&out));
	assert_true(grandchild > 1);

	/* Its new parent reaps it when it likes: gone, or a zombie. */
	for (int i = 0; i < 1000; i++) {
		AUTO(buf_release) struct buf stat = BUF_MAX(4096);
		char path[64];
		err e;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat",
		               (int)grandchild);
		e = fs_read(AT_FDCWD, path, &stat);
		err_drop(e);
		if (e.code || strstr(buf_cstr(&stat), ") Z ") != NULL)
			return;
		(void)usleep(10000);
	}
	fail_msg("process %d lives on", (int)grandchild);
}

static void
kills_what_writes_too_much(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = SH("while :; do echo xxxxxxxxxxxxxxxx; done"),
		.out = &out,
	};
	struct spawn_end end;

	(void)state;
	assert_err(E_LIMIT, spawn_run(&o, &end));
	assert_int_equal(out.len, 1000);
}

static void
waits_for_no_process_that_was_left_behind(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	AUTO(buf_release) struct buf errors = BUF_MAX(1000);
	struct spawn_opts o = {
		.argv = SH("echo before; sleep 5 & exit 3"),
		.out = &out,
		.errors = &errors,
	};
	struct spawn_end end;
	int64_t begin = time_mono();

	(void)state;
	assert_ok(spawn_run(&o, &end));
	assert_int_equal(end.status, 3);
	assert_string_equal(buf_cstr(&out), "before\n");
	assert_true(time_mono() - begin < 5 * NS_PER_S);
}

static void
clears_descriptors_and_signals(void **state)
{
	AUTO(buf_release) struct buf out = BUF_MAX(1000);
	struct spawn_opts o = {
		/* The C library leaves 32 and 33, its own, ignored. */
		.argv = SH("[ -e /proc/$$/fd/77 ] && echo leak; "
		           "sed -En 's/Sig(Blk|Ign):\\t(.*)/\\1 \\2/p' "
		           "/proc/self/status"),
		.out = &out,
	};
	struct spawn_end end;
	sigset_t set, old;
	void (*handler)(int);
	int fd = fcntl(2, F_DUPFD, 77);

	(void)state;
	assert_int_equal(fd, 77);
	handler = signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	assert_ok(spawn_run(&o, &end));
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGPIPE, handler);
	(void)close(fd);
	assert_string_equal(buf_cstr(&out),
	                    "Blk 0000000000000000\nIgn 0000000180000000\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_input_and_takes_output_and_status),
		cmocka_unit_test(moves_more_than_a_pipe_holds_both_ways),
		cmocka_unit_test(survives_a_command_that_reads_nothing),
		cmocka_unit_test(passes_arguments_as_they_are),
		cmocka_unit_test(runs_where_and_with_what_it_is_told),
		cmocka_unit_test(says_that_there_is_no_such_command),
		cmocka_unit_test(tells_the_signal_that_ended_it),
		cmocka_unit_test(kills_what_takes_too_long_and_its_children),
		cmocka_unit_test(kills_what_writes_too_much),
		cmocka_unit_test(waits_for_no_process_that_was_left_behind),
		cmocka_unit_test(clears_descriptors_and_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
